// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { EfficientHashLib } from "solady/utils/EfficientHashLib.sol";

import { Fulfillment, FulfillmentBatch } from "../fulfillment/FulfillmentBatch.sol";
import { SlimRequest } from "../request/ProofRequest.sol";
import { RequestId } from "../request/RequestId.sol";
import { Callback } from "../request/Requirements.sol";
import { ClaimTree } from "./ClaimTree.sol";

/// @notice The callback that the request answered by fill `index` asks for.
struct AssessorCallback {
    uint16 index;
    address addr;
    uint96 gasLimit;
}

/// @notice The selector that the request answered by fill `index` signed.
struct AssessorSelector {
    uint16 index;
    bytes4 value;
}

/// @notice What was delivered for which request.
/// @dev Only its EIP-712 struct hash is used, as a leaf; it has no domain because `requestDigest` is bound to one.
struct AssessorCommitment {
    uint256 index;
    uint256 id;
    bytes32 requestDigest;
    bytes32 claimDigest;
    bytes32 fulfillmentDataDigest;
}

/// @notice What the assessor's guest commits to.
/// @dev `callbacks` and `selectors` name only the fills that have one, in order; `root` is over one commitment per fill.
struct AssessorJournal {
    AssessorCallback[] callbacks;
    AssessorSelector[] selectors;
    bytes32 root;
    address prover;
}

library AssessorJournalLib {
    bytes32 internal constant COMMITMENT_TYPEHASH = keccak256(
        "AssessorCommitment(uint256 index,uint256 id,bytes32 requestDigest,bytes32 claimDigest,bytes32 fulfillmentDataDigest)"
    );

    /// @notice SHA-256 of the journal with which the guest leaves when it accepts `batch`. The three lists of the same length.
    function digest(FulfillmentBatch calldata batch, bytes32[] calldata requestDigests)
        internal
        pure
        returns (bytes32)
    {
        return sha256(abi.encode(rebuild(batch, requestDigests)));
    }

    function rebuild(FulfillmentBatch calldata batch, bytes32[] calldata requestDigests)
        internal
        pure
        returns (AssessorJournal memory journal)
    {
        bytes32[] memory leaves = new bytes32[](batch.fills.length);
        (uint256 callbacks, uint256 selectors) = count(batch.requests);
        journal.callbacks = new AssessorCallback[](callbacks);
        journal.selectors = new AssessorSelector[](selectors);
        journal.prover = batch.prover;
        (callbacks, selectors) = (0, 0);
        for (uint256 i = 0; i < leaves.length; ++i) {
            SlimRequest calldata request = batch.requests[i];
            leaves[i] = leaf(i, request.id, requestDigests[i], batch.fills[i]);
            Callback calldata callback = request.callback;
            if (callback.addr != address(0)) {
                journal.callbacks[callbacks++] = AssessorCallback(uint16(i), callback.addr, callback.gasLimit);
            }
            if (request.selector != bytes4(0)) {
                journal.selectors[selectors++] = AssessorSelector(uint16(i), request.selector);
            }
        }
        journal.root = ClaimTree.root(leaves);
    }

    /// @notice How many requests ask for a callback, and how many signed a selector.
    function count(SlimRequest[] calldata requests) internal pure returns (uint256 callbacks, uint256 selectors) {
        for (uint256 i = 0; i < requests.length; ++i) {
            if (requests[i].callback.addr != address(0)) ++callbacks;
            if (requests[i].selector != bytes4(0)) ++selectors;
        }
    }

    /// @notice EIP-712 struct hash of the fill's AssessorCommitment.
    function leaf(uint256 index, RequestId id, bytes32 requestDigest, Fulfillment calldata fill)
        internal
        pure
        returns (bytes32)
    {
        return EfficientHashLib.hash(
            COMMITMENT_TYPEHASH,
            bytes32(index),
            bytes32(RequestId.unwrap(id)),
            requestDigest,
            fill.claimDigest,
            keccak256(abi.encodePacked(uint8(fill.fulfillmentDataType), fill.fulfillmentData))
        );
    }
}
