// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { EfficientHashLib } from "solady/utils/EfficientHashLib.sol";

import { Claim } from "./fulfillment/Claim.sol";
import { Fulfillment, FulfillmentBatch, FulfillmentDataType } from "./fulfillment/FulfillmentBatch.sol";
import { FulfillmentData } from "./fulfillment/FulfillmentData.sol";
import { IOnChainAssessor } from "./interfaces/IOnChainAssessor.sol";
import { IAssessor, IERC165 } from "./interfaces/IVerifier.sol";
import { SlimRequest } from "./request/ProofRequest.sol";
import { Predicate, PredicateType } from "./request/Requirements.sol";
import { Eip712Domain } from "./signing/Eip712Domain.sol";
import { Signature } from "./signing/Signature.sol";

/// @title Checks predicates on the chain, see IOnChainAssessor for what it promises
contract OnChainAssessor is IOnChainAssessor, Eip712Domain {
    bytes32 private constant FULFILLMENT_BATCH_AUTH_TYPEHASH =
        keccak256("FulfillmentBatchAuth(address prover,bytes32[] requestDigests,bytes32[] claimDigests)");
    uint256 private constant SELECTOR_LENGTH = 4;

    /// @inheritdoc IAssessor
    function verifyAssessor(FulfillmentBatch calldata batch, bytes32[] calldata requestDigests) external view {
        Fulfillment[] calldata fills = batch.fills;
        SlimRequest[] calldata requests = batch.requests;
        uint256 count = fills.length;
        if (requests.length != count || requestDigests.length != count) revert LengthMismatch();
        bytes32[] memory claimDigests = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            Fulfillment calldata fill = fills[i];
            _assess(requests[i].predicate, fill, i);
            claimDigests[i] = fill.claimDigest;
        }
        bytes32 digest = _digest(
            EfficientHashLib.hash(
                FULFILLMENT_BATCH_AUTH_TYPEHASH,
                bytes32(uint256(uint160(batch.prover))),
                _hashCalldata(requestDigests),
                EfficientHashLib.hash(claimDigests)
            )
        );
        _checkProverSignature(digest, batch.assessorSeal, batch.prover);
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC165).interfaceId || interfaceId == IAssessor.verifyAssessor.selector;
    }

    function _assess(Predicate calldata predicate, Fulfillment calldata fill, uint256 index) private view {
        PredicateType kind = predicate.predicateType;
        bytes calldata expected = predicate.data;
        bool holds;
        if (fill.fulfillmentDataType == FulfillmentDataType.ImageIdAndJournal) {
            (bytes32 imageId, bytes calldata journal) = FulfillmentData.decode(fill.fulfillmentData);
            bytes32 journalDigest = sha256(journal);
            if (Claim.digest(imageId, journalDigest) != fill.claimDigest) revert ClaimDigestMismatch(index);
            if (kind == PredicateType.DigestMatch) holds = _isDigest(expected, imageId, journalDigest);
            else if (kind == PredicateType.PrefixMatch) holds = _isPrefix(expected, imageId, journal);
        } else {
            if (kind != PredicateType.ClaimDigestMatch) revert MissingFulfillmentData(index);
            if (fill.fulfillmentData.length != 0) revert FulfillmentData.MalformedFulfillmentData();
        }
        if (kind == PredicateType.ClaimDigestMatch) {
            holds = expected.length == 32 && bytes32(expected) == fill.claimDigest;
        }
        if (!holds) revert PredicateFailed(index);
    }

    function _isDigest(bytes calldata expected, bytes32 imageId, bytes32 journalDigest) private pure returns (bool) {
        return expected.length == 64 && bytes32(expected[:32]) == imageId && bytes32(expected[32:]) == journalDigest;
    }

    function _isPrefix(bytes calldata expected, bytes32 imageId, bytes calldata journal) private pure returns (bool) {
        if (expected.length < 32 || bytes32(expected[:32]) != imageId) return false;
        bytes calldata prefix = expected[32:];
        return journal.length >= prefix.length && keccak256(journal[:prefix.length]) == keccak256(prefix);
    }

    function _checkProverSignature(bytes32 digest, bytes calldata assessorSeal, address prover) private pure {
        if (assessorSeal.length != SELECTOR_LENGTH + Signature.LENGTH) revert MalformedProverSignature();
        address recovered = Signature.tryRecover(digest, assessorSeal[SELECTOR_LENGTH:]);
        if (recovered == address(0)) revert MalformedProverSignature();
        if (recovered != prover) revert ProverSignatureMismatch(recovered, prover);
    }

    function _hashCalldata(bytes32[] calldata words) private pure returns (bytes32) {
        bytes calldata data;
        assembly ("memory-safe") {
            data.offset := words.offset
            data.length := shl(5, words.length)
        }
        return EfficientHashLib.hashCalldata(data);
    }

    function _domainName() internal pure override returns (string memory) {
        return "OnChainAssessor";
    }
}
