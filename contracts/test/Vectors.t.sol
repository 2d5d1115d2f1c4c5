// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Fulfillment, FulfillmentBatch } from "../src/fulfillment/FulfillmentBatch.sol";
import { IAttestedVerifier } from "../src/interfaces/IAttestedVerifier.sol";
import { IOnChainAssessor } from "../src/interfaces/IOnChainAssessor.sol";
import { Offer } from "../src/request/Offer.sol";
import { ProofRequest, SlimRequest } from "../src/request/ProofRequest.sol";
import { Predicate, PredicateType } from "../src/request/Requirements.sol";
import { LibraryHarness } from "./base/LibraryHarness.sol";
import { Test } from "./base/Test.sol";
import { vm } from "./base/Vm.sol";

/// @notice Replays the golden files that the Rust tests write to vectors/.
contract VectorsTest is Test {
    LibraryHarness private harness = new LibraryHarness();
    uint256 private key = keyOf("signer");
    string private json;

    /// @dev Runs `replay` on every case of a file; a file without cases is a mistake.
    function each(string memory name, function(string memory) replay) private {
        json = vm.readFile(string.concat("../vectors/", name, ".json"));
        uint256 count = 0;
        for (; vm.keyExistsJson(json, caseAt(count)); ++count) {
            replay(caseAt(count));
        }
        assertTrue(count != 0, "no cases");
    }

    function caseAt(uint256 index) private pure returns (string memory) {
        return string.concat(".cases[", vm.toString(index), "]");
    }

    function uintOf(string memory path, string memory field) private view returns (uint256) {
        return vm.parseJsonUint(json, string.concat(path, ".", field));
    }

    function bytesOf(string memory path, string memory field) private view returns (bytes memory) {
        return vm.parseJsonBytes(json, string.concat(path, ".", field));
    }

    function wordOf(string memory path, string memory field) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, string.concat(path, ".", field));
    }

    function wordsOf(string memory path, string memory field) private view returns (bytes32[] memory) {
        return vm.parseJsonBytes32Array(json, string.concat(path, ".", field));
    }

    function addressOf(string memory path, string memory field) private view returns (address) {
        return vm.parseJsonAddress(json, string.concat(path, ".", field));
    }

    /// @dev Puts the libraries at the case's market, on its chain.
    function harnessOf(string memory path) private returns (LibraryHarness at_) {
        vm.chainId(uintOf(path, "chainId"));
        at_ = LibraryHarness(addressOf(path, "market"));
        deployAt(address(at_), type(LibraryHarness).creationCode);
    }

    // ------------------------------------------------------------------------------------------------------------ offers

    function test_offer() public {
        each("offer", replayOffer);
    }

    function replayOffer(string memory path) private view {
        Offer memory offer = Offer({
            minPrice: uintOf(path, "minPrice"),
            maxPrice: uintOf(path, "maxPrice"),
            rampUpStart: uint64(uintOf(path, "rampUpStart")),
            rampUpPeriod: uint32(uintOf(path, "rampUpPeriod")),
            lockTimeout: uint32(uintOf(path, "lockTimeout")),
            timeout: uint32(uintOf(path, "timeout")),
            lockCollateral: 0
        });
        (uint64 lockDeadline, uint64 deadline) = harness.validate(offer);
        assertEq(lockDeadline, uintOf(path, "lockDeadline"), path);
        assertEq(deadline, uintOf(path, "deadline"), path);
        assertEq(harness.priceAt(offer, uintOf(path, "at")), uintOf(path, "price"), path);
    }

    // ----------------------------------------------------------------------------------------------------------- digests

    function test_digests() public {
        each("digests", replayDigest);
    }

    function replayDigest(string memory path) private {
        LibraryHarness market = harnessOf(path);
        ProofRequest memory request = abi.decode(bytesOf(path, "encodedRequest"), (ProofRequest));
        SlimRequest memory slim = abi.decode(bytesOf(path, "encodedSlimRequest"), (SlimRequest));
        assertEq(market.eip712DomainSeparator(), wordOf(path, "separator"), path);
        assertEq(market.requestDigest(request), wordOf(path, "requestDigest"), path);
        assertEq(market.requestDigest(slim), wordOf(path, "requestDigest"), path);
        assertEq(market.lockDigest(request), wordOf(path, "lockDigest"), path);
    }

    // ------------------------------------------------------------------------------------------------------------ claims

    function test_claims() public {
        each("claims", replayClaim);
    }

    function replayClaim(string memory path) private view {
        bytes memory data = bytesOf(path, "fulfillmentData");
        (bytes32 imageId, bytes memory journal) = harness.decodeData(data);
        assertEq(imageId, wordOf(path, "imageId"), path);
        assertEq(journal, bytesOf(path, "journal"), path);
        assertEq(harness.claimDigest(imageId, sha256(journal)), wordOf(path, "claimDigest"), path);
        assertEq(keccak256(abi.encodePacked(uint8(1), data)), wordOf(path, "fulfillmentDataDigest"), path);
    }

    // ------------------------------------------------------------------------------------------------------------ merkle

    function test_merkle() public {
        each("merkle", replayMerkle);
    }

    /// @dev A verifier at the case's address, whose only attester signs the case's digest, must accept the case's claim.
    function replayMerkle(string memory path) private {
        bytes32 claim = wordsOf(path, "claims")[uintOf(path, "index")];
        bytes32[] memory siblings = wordsOf(path, "path");
        bytes32 root = wordOf(path, "root");
        assertEq(harness.foldClaim(claim, siblings), root, path);

        vm.chainId(uintOf(path, "chainId"));
        IAttestedVerifier verifier = IAttestedVerifier(addressOf(path, "verifier"));
        address[] memory attesters = new address[](1);
        attesters[0] = vm.addr(key);
        bytes memory code = vm.getCode("AttestedVerifier.sol:AttestedVerifier");
        deployAt(address(verifier), abi.encodePacked(code, abi.encode(attesters, 1)));
        bytes4 selector = verifier.SELECTOR();
        bytes memory signature = sign(key, wordOf(path, "attestationDigest"));
        verifier.verify(abi.encodePacked(selector, abi.encode(siblings, signature)), claim);
        verifier.submitMerkleRoot(root, abi.encodePacked(selector, signature));
        verifier.verify(bytesOf(path, "unsignedSeal"), claim);
    }

    // ------------------------------------------------------------------------------------------------------- fulfilments

    function test_fulfillment() public {
        each("fulfillment", replayFulfillment);
    }

    function replayFulfillment(string memory path) private {
        FulfillmentBatch[] memory batches = abi.decode(bytesOf(path, "encodedBatches"), (FulfillmentBatch[]));
        assertEq(keccak256(abi.encode(batches)), wordOf(path, "commitment"), path);
        assertEq(keccak256(bytesOf(path, "encodedBatches")), wordOf(path, "commitment"), path);

        LibraryHarness market = harnessOf(path);
        bytes32[] memory digests = wordsOf(path, "requestDigests");
        bytes32[] memory claims = wordsOf(path, "claimDigests");
        uint256 next = 0;
        for (uint256 i = 0; i < batches.length; ++i) {
            for (uint256 j = 0; j < batches[i].requests.length; ++j) {
                assertEq(market.requestDigest(batches[i].requests[j]), digests[next], path);
                assertEq(batches[i].fills[j].claimDigest, claims[next++], path);
            }
        }
        assertEq(next, digests.length, path);
        replayAuthorisation(path, digests, claims);
    }

    /// @dev Whoever signs the case's digest is whom the assessor at the case's address recovers.
    function replayAuthorisation(string memory path, bytes32[] memory digests, bytes32[] memory claims) private {
        FulfillmentBatch memory batch;
        batch.prover = addressOf(path, "prover");
        batch.requests = new SlimRequest[](digests.length);
        batch.fills = new Fulfillment[](digests.length);
        for (uint256 i = 0; i < digests.length; ++i) {
            batch.requests[i].predicate = Predicate(PredicateType.ClaimDigestMatch, abi.encodePacked(claims[i]));
            batch.fills[i].claimDigest = claims[i];
        }
        batch.assessorSeal = abi.encodePacked(bytes4(0x00000022), sign(key, wordOf(path, "batchAuthDigest")));
        IOnChainAssessor assessor = IOnChainAssessor(addressOf(path, "assessor"));
        deployAt(address(assessor), vm.getCode("OnChainAssessor.sol:OnChainAssessor"));
        vm.expectRevert(
            abi.encodeWithSelector(IOnChainAssessor.ProverSignatureMismatch.selector, vm.addr(key), batch.prover)
        );
        assessor.verifyAssessor(batch, digests);
    }
}
