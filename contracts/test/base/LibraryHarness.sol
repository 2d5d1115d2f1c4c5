// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Claim } from "../../src/fulfillment/Claim.sol";
import { Fulfillment, FulfillmentBatch, FulfillmentBatchLib } from "../../src/fulfillment/FulfillmentBatch.sol";
import { FulfillmentContext, FulfillmentContextLib } from "../../src/fulfillment/FulfillmentContext.sol";
import { FulfillmentData } from "../../src/fulfillment/FulfillmentData.sol";
import { GuardedTransfer } from "../../src/ledger/GuardedTransfer.sol";
import { Offer } from "../../src/request/Offer.sol";
import { Input, ProofRequest, ProofRequestLib, SlimRequest } from "../../src/request/ProofRequest.sol";
import { RequestId } from "../../src/request/RequestId.sol";
import { Requirements, RequirementsLib } from "../../src/request/Requirements.sol";
import { Eip712Domain } from "../../src/signing/Eip712Domain.sol";
import { Signature } from "../../src/signing/Signature.sol";
import { AssessorJournalLib } from "../../src/verification/AssessorJournal.sol";
import { ClaimTree } from "../../src/verification/ClaimTree.sol";
import { InclusionSeal } from "../../src/verification/InclusionSeal.sol";

/// @notice The contracts' libraries, callable with calldata. Deployed at a market's address it has that market's domain.
///         What a library writes to memory it finds full of ones: nothing there may count as zero.
contract LibraryHarness is Eip712Domain {
    modifier onUsedMemory() {
        assembly ("memory-safe") {
            let free := mload(0x40)
            for { let i := 0 } lt(i, 0x1000) { i := add(i, 0x20) } { mstore(add(free, i), not(0)) }
        }
        _;
    }

    function requestDigest(ProofRequest calldata request) external view onUsedMemory returns (bytes32) {
        return _digest(request.hash());
    }

    function requestDigest(SlimRequest calldata slim) external view onUsedMemory returns (bytes32) {
        return _digest(slim.hash());
    }

    function lockDigest(ProofRequest calldata request) external view returns (bytes32) {
        return _digest(ProofRequestLib.lockRequestHash(request.hash()));
    }

    function requestHash(ProofRequest calldata request) external pure returns (bytes32) {
        return request.hash();
    }

    function requirementsHash(Requirements calldata requirements) external pure returns (bytes32) {
        return RequirementsLib.hash(requirements);
    }

    function inputHash(Input calldata input) external pure returns (bytes32) {
        return ProofRequestLib.hash(input);
    }

    function offerHash(Offer calldata offer) external pure returns (bytes32) {
        return offer.hash();
    }

    function canonicalLength(ProofRequest calldata request, bytes calldata signature) external pure returns (uint256) {
        return request.canonicalLength(signature);
    }

    function validate(Offer calldata offer) external pure returns (uint64 lockDeadline, uint64 deadline) {
        return offer.validate();
    }

    function priceAt(Offer calldata offer, uint256 timestamp) external pure returns (uint256) {
        return offer.priceAt(timestamp);
    }

    function claimDigest(bytes32 imageId, bytes32 journalDigest) external view onUsedMemory returns (bytes32) {
        return Claim.digest(imageId, journalDigest);
    }

    function decodeData(bytes calldata data) external pure returns (bytes32 imageId, bytes memory journal) {
        return FulfillmentData.decode(data);
    }

    function context(uint96 price, bool expired) external pure returns (FulfillmentContext) {
        return FulfillmentContextLib.priced(price, expired);
    }

    function readContext(FulfillmentContext packed) external pure returns (bool isValid, bool isExpired, uint96 price) {
        return (packed.isValid(), packed.isExpired(), packed.price());
    }

    function tryRecover(bytes32 digest, bytes calldata signature) external pure returns (address) {
        return Signature.tryRecover(digest, signature);
    }

    function recover(bytes32 digest, bytes calldata signature) external pure returns (address) {
        return Signature.recover(digest, signature);
    }

    /// @notice The gas at hand right before it is demanded.
    function demandGas() external view returns (uint256 before) {
        before = gasleft();
        GuardedTransfer.demandGas();
    }

    function hashAsSent(FulfillmentBatch[] calldata batches) external pure onUsedMemory returns (bytes32) {
        return FulfillmentBatchLib.hashAsSent(batches);
    }

    function verifyBy(FulfillmentBatch calldata batch, address router, bytes32[] memory digests)
        external
        view
        onUsedMemory
    {
        batch.verifyBy(router, digests);
    }

    function encloses(FulfillmentBatch calldata batch, uint256 index) external pure returns (bool) {
        return batch.encloses(batch.requests[index], batch.fills[index]);
    }

    function logDelivery(Fulfillment calldata fill, RequestId id, bytes32 digest, address prover)
        external
        onUsedMemory
    {
        fill.log(id, digest, prover);
    }

    function foldClaim(bytes32 claim, bytes32[] calldata path) external pure returns (bytes32) {
        return ClaimTree.fold(ClaimTree.leaf(claim), path);
    }

    function assessorLeaf(uint256 index, RequestId id, bytes32 digest, Fulfillment calldata fill)
        external
        pure
        returns (bytes32)
    {
        return AssessorJournalLib.leaf(index, id, digest, fill);
    }

    function assessorDigest(FulfillmentBatch calldata batch, bytes32[] calldata digests)
        external
        pure
        returns (bytes32)
    {
        return AssessorJournalLib.digest(batch, digests);
    }

    function treeRoot(bytes32[] memory nodes) external pure returns (bytes32) {
        return ClaimTree.root(nodes);
    }

    function decodeInclusion(bytes calldata data) external pure returns (bytes32[] memory path, bytes memory rootSeal) {
        return InclusionSeal.decode(data);
    }

    function _domainName() internal pure override returns (string memory) {
        return "IBoundlessMarket";
    }
}
