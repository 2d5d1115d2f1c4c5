// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Fulfillment, FulfillmentBatch, FulfillmentDataType } from "../src/fulfillment/FulfillmentBatch.sol";
import { IEip712Domain } from "../src/interfaces/IEip712Domain.sol";
import { IOnChainAssessor } from "../src/interfaces/IOnChainAssessor.sol";
import { Offer } from "../src/request/Offer.sol";
import { Input, InputType, ProofRequest, SlimRequest } from "../src/request/ProofRequest.sol";
import { RequestId } from "../src/request/RequestId.sol";
import { Callback, Predicate, PredicateType, Requirements } from "../src/request/Requirements.sol";
import { LibraryHarness } from "./base/LibraryHarness.sol";
import { MarketTest } from "./base/MarketTest.sol";
import { vm } from "./base/Vm.sol";

/// @notice Vectors computed by others from the published type strings: one request on one chain, and all that follows.
contract PublishedVectorsTest is MarketTest {
    address private constant MARKET = 0xFd152dADc5183870710FE54f939Eae3aB9F0fE82;
    address private constant PROVER = 0x5555555555555555555555555555555555555555;
    address private constant ADAPTER = 0x6666666666666666666666666666666666666666;
    bytes32 private constant TWOS = 0x2222222222222222222222222222222222222222222222222222222222222222;
    bytes32 private constant THREES = 0x3333333333333333333333333333333333333333333333333333333333333333;
    bytes32 private constant FOURS = 0x4444444444444444444444444444444444444444444444444444444444444444;
    bytes32 private constant REQUEST_DIGEST = 0x32e9170807f21b048ce1965b01e9442d42004e1854025efb2cae2c191425e755;

    LibraryHarness private harness = LibraryHarness(MARKET);

    function setUp() public override {
        super.setUp();
        vm.chainId(8453);
        deployAt(MARKET, type(LibraryHarness).creationCode);
    }

    function theRequest() private pure returns (ProofRequest memory) {
        return ProofRequest({
            id: RequestId.wrap(0x111111111111111111111111111111111111111100000007),
            requirements: Requirements({
                callback: Callback(address(0), 0),
                predicate: Predicate(PredicateType.DigestMatch, abi.encodePacked(TWOS, THREES)),
                selector: bytes4(0)
            }),
            imageUrl: "https://example.com/guest.bin",
            input: Input(InputType.Inline, hex"00010203"),
            offer: Offer({
                minPrice: 1e12,
                maxPrice: 2e12,
                rampUpStart: 1_800_000_000,
                rampUpPeriod: 60,
                lockTimeout: 600,
                timeout: 1200,
                lockCollateral: 5 ether
            })
        });
    }

    function test_domain() public {
        bytes32 separator = 0x9a12073b41e4f815ee99d0bd899eff082991a9634e637181204f852376d71a87;
        assertEq(harness.eip712DomainSeparator(), separator, "libraries");
        bytes memory code = vm.getCode("Market.sol:Market");
        deployAt(MARKET, abi.encodePacked(code, abi.encode(router, token, treasury)));
        assertEq(IEip712Domain(MARKET).eip712DomainSeparator(), separator, "market");
    }

    function test_struct_hashes() public view {
        ProofRequest memory request = theRequest();
        assertEq(
            harness.requirementsHash(request.requirements),
            0xdb552bb076352b8972130e3d8938a60a09db0c849214060d0ef385d4aae76d7f,
            "requirements"
        );
        assertEq(
            harness.offerHash(request.offer),
            0x76375d75758922dc621ee82920c22d8cb89aac9e64bc15dfa9f05ecc5447d6d0,
            "offer"
        );
        assertEq(
            harness.inputHash(request.input),
            0x3dbd38c4772ac671e5f83a069798913c105b238ae7617a43a8540f0b711b1762,
            "input"
        );
        assertEq(
            keccak256(bytes(request.imageUrl)),
            0x16e2686b31767019ffc910ca9564f7971a63a6a300bff05f4d00541b2436964b,
            "image url"
        );
        assertEq(
            harness.requestHash(request), 0xae93f39ce85f07241fa36cc80f367b4c6eb8f9c7f4920bfc7b0c5261aa238053, "request"
        );
    }

    function test_digests() public view {
        assertEq(harness.requestDigest(theRequest()), REQUEST_DIGEST, "request");
        assertEq(harness.requestDigest(slim(theRequest())), REQUEST_DIGEST, "slim request");
        bytes32 lockDigest = 0x5764044d23f4608aaaf6db11b2ccb86eb9320fc54b3c72067628000d04897852;
        assertEq(harness.lockDigest(theRequest()), lockDigest, "lock");
    }

    function test_fulfillment_data() public view {
        bytes memory data = dataOf(TWOS, "hello");
        assertEq(data, abi.encodePacked(uint256(0x20), TWOS, uint256(0x40), uint256(5), bytes32("hello")), "encoding");
        bytes32 digest = 0x6a9c0fad8d81b29872d6ad6f853bb48fa2b7c9675d146e062d453e0fc85655a5;
        assertEq(keccak256(abi.encodePacked(uint8(1), data)), digest, "digest");
        (bytes32 imageId, bytes memory journal) = harness.decodeData(data);
        assertEq(imageId, TWOS, "image id");
        assertEq(journal, "hello", "journal");
    }

    function test_commitment() public pure {
        FulfillmentBatch[] memory batches = new FulfillmentBatch[](1);
        batches[0].requests = new SlimRequest[](1);
        batches[0].requests[0] = slim(theRequest());
        batches[0].fills = new Fulfillment[](1);
        batches[0].fills[0] =
            Fulfillment(FOURS, FulfillmentDataType.ImageIdAndJournal, dataOf(TWOS, "hello"), hex"242f9d5b");
        batches[0].assessorSeal = hex"00000022";
        batches[0].prover = PROVER;
        bytes32 commitment = 0xc74a9835187fd0daaa96e22b554190a23520a6e52df04bf5e231983e36bfc31c;
        assertEq(keccak256(abi.encode(batches)), commitment, "commitment");
    }

    function test_batch_authorisation() public {
        deployAt(ADAPTER, vm.getCode("OnChainAssessor.sol:OnChainAssessor"));
        FulfillmentBatch memory batch;
        batch.requests = new SlimRequest[](1);
        batch.requests[0].predicate = Predicate(PredicateType.ClaimDigestMatch, abi.encodePacked(FOURS));
        batch.fills = new Fulfillment[](1);
        batch.fills[0].claimDigest = FOURS;
        batch.prover = PROVER;
        bytes32 digest = 0x58768fae5f87619232bf6543615f574c5f0aadd4efcd31aff657baf56464adb7;
        batch.assessorSeal = abi.encodePacked(ASSESSOR, sign(prover.key, digest));
        bytes32[] memory digests = new bytes32[](1);
        digests[0] = REQUEST_DIGEST;
        expectRevert(abi.encodeWithSelector(IOnChainAssessor.ProverSignatureMismatch.selector, prover.addr, PROVER));
        IOnChainAssessor(ADAPTER).verifyAssessor(batch, digests);
    }
}
