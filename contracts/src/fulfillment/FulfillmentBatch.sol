// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IMarket } from "../interfaces/IMarket.sol";
import { IVerifierRouter } from "../interfaces/IVerifierRouter.sol";
import { ProofRequest, SlimRequest } from "../request/ProofRequest.sol";
import { RequestId } from "../request/RequestId.sol";

using DeliveredFulfillmentLib for Fulfillment global;
using FulfillmentBatchLib for FulfillmentBatch global;

enum FulfillmentDataType {
    None,
    ImageIdAndJournal
}

/// @notice One delivery: the claim that was proven, optionally what it says, and the seal that convinces a verifier.
/// @dev `fulfillmentData` is empty for None, else the canonical ABI encoding of the struct `(bytes32 imageId, bytes journal)`.
struct Fulfillment {
    bytes32 claimDigest;
    FulfillmentDataType fulfillmentDataType;
    bytes fulfillmentData;
    bytes seal;
}

/// @notice Deliveries of one prover under one verifier class. `requests[i]` is answered by `fills[i]`.
struct FulfillmentBatch {
    SlimRequest[] requests;
    Fulfillment[] fills;
    bytes assessorSeal;
    address prover;
}

/// @notice Full requests with their clients' signatures, priced right before they are fulfilled.
struct ProofRequestBatch {
    ProofRequest[] requests;
    bytes[] signatures;
}

/// @notice What the `ProofDelivered` event carries.
struct DeliveredFulfillment {
    RequestId id;
    bytes32 requestDigest;
    bytes32 claimDigest;
    FulfillmentDataType fulfillmentDataType;
    bytes fulfillmentData;
    bytes seal;
}

library DeliveredFulfillmentLib {
    /// @notice Emits `ProofDelivered(id, prover, DeliveredFulfillment(id, digest, fill))`.
    /// @dev The data goes from calldata to the log in one copy. Journals are the bulk of a delivery, and the compiler's way
    ///      copies them three times into memory that is never freed.
    function log(Fulfillment calldata fill, RequestId id, bytes32 digest, address prover) internal {
        bytes32 topic = IMarket.ProofDelivered.selector;
        uint256 kind = uint256(fill.fulfillmentDataType);
        bytes calldata data = fill.fulfillmentData;
        bytes calldata seal = fill.seal;
        assembly ("memory-safe") {
            function append(to, source, length) -> end {
                mstore(to, length)
                to := add(to, 0x20)
                end := add(to, and(add(length, 0x1f), not(0x1f)))
                mstore(add(to, and(length, not(0x1f))), 0) // the padding, before the bytes
                calldatacopy(to, source, length)
            }
            let start := mload(0x40)
            let tuple := add(start, 0x20)
            mstore(start, 0x20)
            mstore(tuple, id)
            mstore(add(tuple, 0x20), digest)
            mstore(add(tuple, 0x40), calldataload(fill)) // claimDigest
            mstore(add(tuple, 0x60), kind)
            mstore(add(tuple, 0x80), 0xc0)
            let end := append(add(tuple, 0xc0), data.offset, data.length)
            mstore(add(tuple, 0xa0), sub(end, tuple))
            end := append(end, seal.offset, seal.length)
            log3(start, sub(end, start), topic, id, prover)
        }
    }
}

library FulfillmentBatchLib {
    /// @notice Hash of the batches as they lie in calldata, from the array's length to the end: their commitment if the calldata
    ///         is canonical and ends with them. Zero when a part may lie in front of the array, where the hash does not reach.
    /// @dev An offset below 2^64 leads forward. What `encloses` checks of every request and fill completes this.
    function hashAsSent(FulfillmentBatch[] calldata batches) internal pure returns (bytes32 result) {
        assembly ("memory-safe") {
            let backward := 0
            for { let i := 0 } lt(i, batches.length) { i := add(i, 1) } {
                let offset := calldataload(add(batches.offset, shl(5, i)))
                let batch := add(batches.offset, offset)
                let toRequests := calldataload(batch)
                let toFills := calldataload(add(batch, 0x20))
                let toSeal := calldataload(add(batch, 0x40))
                backward := or(backward, or(or(offset, toRequests), or(toFills, toSeal)))
            }
            if iszero(shr(64, backward)) {
                let free := mload(0x40)
                let size := sub(calldatasize(), sub(batches.offset, 0x20))
                mstore(free, 0x20)
                calldatacopy(add(free, 0x20), sub(batches.offset, 0x20), size)
                result := keccak256(free, add(size, 0x20))
            }
        }
    }

    /// @notice Calls `router.verifyBatch(batch, digests)`, and reverts as it does.
    /// @dev An ABI encoding is relative to its own start, so the calldata from the batch to the end is passed on as it is, which
    ///      costs a fraction of encoding it anew. The router then reads the very bytes that the caller does, if none of them
    ///      lies in front of the batch: see `encloses`.
    function verifyBy(FulfillmentBatch calldata batch, address router, bytes32[] memory digests) internal view {
        bytes4 selector = IVerifierRouter.verifyBatch.selector;
        assembly ("memory-safe") {
            let call_ := mload(0x40)
            let batchSize := and(add(sub(calldatasize(), batch), 0x1f), not(0x1f))
            let digestsSize := shl(5, add(mload(digests), 1))
            mstore(call_, selector)
            mstore(add(call_, 0x04), 0x40)
            mstore(add(call_, 0x24), add(0x40, batchSize))
            calldatacopy(add(call_, 0x44), batch, batchSize)
            mcopy(add(add(call_, 0x44), batchSize), digests, digestsSize)
            if iszero(staticcall(gas(), router, call_, add(0x44, add(batchSize, digestsSize)), 0, 0)) {
                returndatacopy(call_, 0, returndatasize())
                revert(call_, returndatasize())
            }
        }
    }

    /// @notice True if nothing of a request and its fill lies in front of their batch in calldata.
    /// @dev The compiler lets offsets be negative. What follows the batch's start is the same wherever the batch is copied to;
    ///      what lies in front of it is not. An offset below 2^64 leads forward; the compiler checks that it stays inside.
    function encloses(FulfillmentBatch calldata batch, SlimRequest calldata request, Fulfillment calldata fill)
        internal
        pure
        returns (bool enclosed)
    {
        assembly ("memory-safe") {
            let toPredicate := calldataload(add(request, 0x20))
            let toExpected := calldataload(add(add(request, toPredicate), 0x20))
            let toData := calldataload(add(fill, 0x40))
            let toSeal := calldataload(add(fill, 0x60))
            let offsets := or(or(toPredicate, toExpected), or(toData, toSeal))
            enclosed := and(iszero(shr(64, offsets)), and(lt(batch, request), lt(batch, fill)))
        }
    }
}
