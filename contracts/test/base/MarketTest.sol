// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import {
    Fulfillment,
    FulfillmentBatch,
    FulfillmentDataType,
    ProofRequestBatch
} from "../../src/fulfillment/FulfillmentBatch.sol";
import { IMarket } from "../../src/interfaces/IMarket.sol";
import { ITreasury } from "../../src/interfaces/ITreasury.sol";
import { ClassMetadata, IVerifierRouter } from "../../src/interfaces/IVerifierRouter.sol";
import { Offer } from "../../src/request/Offer.sol";
import { Input, InputType, ProofRequest, SlimRequest } from "../../src/request/ProofRequest.sol";
import { RequestId } from "../../src/request/RequestId.sol";
import { Callback, Predicate, PredicateType, Requirements } from "../../src/request/Requirements.sol";
import { Eip712Reference } from "./Eip712Reference.sol";
import { ICollateralToken } from "./ICollateralToken.sol";
import { NullVerifier } from "./Outsiders.sol";
import { Test } from "./Test.sol";
import { vm } from "./Vm.sol";

/// @notice A market over a router that accepts every seal, a funded client and two provers with collateral.
abstract contract MarketTest is Test {
    using Eip712Reference for ProofRequest;

    struct Party {
        uint256 key;
        address addr;
    }

    bytes4 internal constant VERIFIER_CLASS = 0xAA000001;
    bytes4 internal constant ASSESSOR_CLASS = 0xAA000002;
    bytes4 internal constant VERIFIER = 0x242f9d5b;
    bytes4 internal constant ASSESSOR = 0x00000022;
    bytes32 internal constant IMAGE_ID = keccak256("a program");
    bytes internal constant JOURNAL = "GUEST JOURNAL";
    uint64 internal constant START = 1_800_000_000;
    uint256 internal constant FIRST_BLOCK = 1_000_000;
    uint96 internal constant MIN_PRICE = 1 ether;
    uint96 internal constant MAX_PRICE = 2 ether;
    uint96 internal constant COLLATERAL = 1 ether;

    IMarket internal market;
    IVerifierRouter internal router;
    ICollateralToken internal token;
    ITreasury internal treasury;
    Party internal client = Party(keyOf("client"), vm.addr(keyOf("client")));
    Party internal prover = Party(keyOf("prover"), vm.addr(keyOf("prover")));
    Party internal rival = Party(keyOf("rival"), vm.addr(keyOf("rival")));

    function setUp() public virtual {
        vm.warp(START);
        vm.roll(FIRST_BLOCK);
        token = ICollateralToken(deploy("CollateralToken", abi.encode(address(this))));
        router = IVerifierRouter(deploy("VerifierRouter", abi.encode(address(this))));
        register();
        treasury = ITreasury(payable(deploy("Treasury", abi.encode(address(this), 7 days))));
        market = IMarket(deploy("Market", abi.encode(router, token, treasury)));
        fund(client.addr, 10 ether);
        stake(prover.addr, 10 ether);
        stake(rival.addr, 10 ether);
        vm.deal(prover.addr, 1 ether);
    }

    function register() internal virtual {
        address impl = address(new NullVerifier());
        router.addClass(ASSESSOR_CLASS, classOf(0x08060888, bytes4(0), false));
        router.addClass(VERIFIER_CLASS, classOf(0x6b406341, ASSESSOR_CLASS, true));
        router.instantiate(ASSESSOR, impl, ASSESSOR_CLASS, 0);
        router.instantiate(VERIFIER, impl, VERIFIER_CLASS, 0);
    }

    // ------------------------------------------------------------------------------------------------------------ set-up

    function deploy(string memory name, bytes memory arguments) internal returns (address) {
        return vm.deployCode(string.concat(name, ".sol:", name), arguments);
    }

    function classOf(bytes4 tag, bytes4 assessorClass, bool isDefault) internal pure returns (ClassMetadata memory) {
        return ClassMetadata({
            interfaceTag: tag,
            permissionlessInstantiate: false,
            isDefault: isDefault,
            requiredAssessorClass: assessorClass,
            schemaArtifact: 0,
            schemaArtifactUrl: "",
            defaultGasLimit: 10_000_000,
            label: "test"
        });
    }

    function fund(address account, uint256 value) internal {
        vm.deal(address(this), value);
        market.depositTo{ value: value }(account);
    }

    function stake(address account, uint256 value) internal {
        token.mint(account, value);
        vm.startPrank(account);
        token.approve(address(market), value);
        market.depositCollateral(value);
        vm.stopPrank();
    }

    // ---------------------------------------------------------------------------------------------------------- requests

    function idOf(address account, uint32 index) internal pure returns (RequestId) {
        return RequestId.wrap((uint256(uint160(account)) << 32) | index);
    }

    function smartIdOf(address account, uint32 index) internal pure returns (RequestId) {
        return RequestId.wrap((1 << 192) | RequestId.unwrap(idOf(account, index)));
    }

    function newRequest(uint32 index) internal view returns (ProofRequest memory) {
        return newRequest(idOf(client.addr, index));
    }

    function newRequest(RequestId id) internal view returns (ProofRequest memory) {
        return ProofRequest({
            id: id,
            requirements: Requirements({
                callback: Callback(address(0), 0),
                predicate: Predicate(PredicateType.DigestMatch, abi.encodePacked(IMAGE_ID, sha256(JOURNAL))),
                selector: bytes4(0)
            }),
            imageUrl: "https://image.example/guest.elf",
            input: Input(InputType.Url, bytes("https://input.example/stdin.bin")),
            offer: Offer({
                minPrice: MIN_PRICE,
                maxPrice: MAX_PRICE,
                rampUpStart: uint64(vm.getBlockTimestamp()),
                rampUpPeriod: 10,
                lockTimeout: 100,
                timeout: 200,
                lockCollateral: COLLATERAL
            })
        });
    }

    function digestOf(ProofRequest memory request) internal view returns (bytes32) {
        return Eip712Reference.digest(Eip712Reference.domain("IBoundlessMarket", address(market)), request.hash());
    }

    function signRequest(ProofRequest memory request) internal view returns (bytes memory) {
        return sign(client.key, digestOf(request));
    }

    function signLock(uint256 key, ProofRequest memory request) internal view returns (bytes memory) {
        bytes32 domain = Eip712Reference.domain("IBoundlessMarket", address(market));
        return sign(key, Eip712Reference.digest(domain, request.lockRequestHash()));
    }

    function lock(ProofRequest memory request, Party memory by) internal {
        bytes memory signature = signRequest(request);
        vm.prank(by.addr);
        market.lockRequest(request, signature);
    }

    // -------------------------------------------------------------------------------------------------------- deliveries

    function slim(ProofRequest memory request) internal pure returns (SlimRequest memory) {
        return SlimRequest({
            id: request.id,
            predicate: request.requirements.predicate,
            callback: request.requirements.callback,
            selector: request.requirements.selector,
            imageUrlHash: keccak256(bytes(request.imageUrl)),
            inputDigest: Eip712Reference.hash(request.input),
            offerDigest: Eip712Reference.hash(request.offer)
        });
    }

    function dataOf(bytes32 imageId, bytes memory journal) internal pure returns (bytes memory) {
        return abi.encodePacked(uint256(0x20), abi.encode(imageId, journal));
    }

    function claimOf(bytes32 imageId, bytes memory journal) internal pure returns (bytes32) {
        bytes32 output = sha256(abi.encodePacked(sha256("risc0.Output"), sha256(journal), bytes32(0), bytes2(0x0200)));
        bytes32 halted = 0xa3acc27117418996340b84e5a90f3ef4c49d22c79e44aad822ec9c313e1eb8e2;
        return sha256(
            abi.encodePacked(
                sha256("risc0.ReceiptClaim"), bytes32(0), imageId, halted, output, bytes8(0), bytes2(0x0400)
            )
        );
    }

    function newFill() internal view virtual returns (Fulfillment memory) {
        return fillWith(JOURNAL);
    }

    function fillWith(bytes memory journal) internal pure returns (Fulfillment memory) {
        return Fulfillment({
            claimDigest: claimOf(IMAGE_ID, journal),
            fulfillmentDataType: FulfillmentDataType.ImageIdAndJournal,
            fulfillmentData: dataOf(IMAGE_ID, journal),
            seal: abi.encodePacked(VERIFIER)
        });
    }

    function batchOf(ProofRequest memory request, Party memory by) internal view returns (FulfillmentBatch[] memory) {
        ProofRequest[] memory requests = new ProofRequest[](1);
        requests[0] = request;
        return batchOf(requests, by);
    }

    function batchOf(ProofRequest[] memory requests, Party memory by)
        internal
        view
        returns (FulfillmentBatch[] memory batches)
    {
        batches = new FulfillmentBatch[](1);
        batches[0].requests = new SlimRequest[](requests.length);
        batches[0].fills = new Fulfillment[](requests.length);
        for (uint256 i = 0; i < requests.length; ++i) {
            batches[0].requests[i] = slim(requests[i]);
            batches[0].fills[i] = newFill();
        }
        batches[0].prover = by.addr;
        seal(batches[0], by);
    }

    /// @dev Called once the batch is complete.
    function seal(FulfillmentBatch memory batch, Party memory) internal view virtual {
        batch.assessorSeal = abi.encodePacked(ASSESSOR);
    }

    function pricing(ProofRequest memory request) internal view returns (ProofRequestBatch[] memory batches) {
        batches = new ProofRequestBatch[](1);
        batches[0].requests = new ProofRequest[](1);
        batches[0].requests[0] = request;
        batches[0].signatures = new bytes[](1);
        batches[0].signatures[0] = signRequest(request);
    }

    function commit(FulfillmentBatch[] memory batches) internal {
        market.commitFulfillment(keccak256(abi.encode(batches)));
        vm.roll(vm.getBlockNumber() + 1);
    }

    // ------------------------------------------------------------------------------------------------------------ checks

    function encoded(bytes4 selector, RequestId id) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(selector, id);
    }

    function flagsOf(RequestId id) internal view returns (uint8 flags) {
        (,,, flags,,,) = market.requestLocks(id);
    }

    function expectRevert(bytes memory reason) internal {
        vm.expectRevert(reason);
    }
}
