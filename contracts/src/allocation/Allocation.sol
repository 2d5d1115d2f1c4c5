// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { EfficientHashLib } from "solady/utils/EfficientHashLib.sol";
import { IAllocationBook } from "../interfaces/IAllocationBook.sol";
import { Terms } from "./Terms.sol";

/// @notice An exchange's decision: `prover` may lock the request at `price` (wei) in [from, until], both ends included.
/// @dev `request` and `terms` are EIP-712 struct hashes. Another prover may take the request in the same window, at a price
///      that is lower by at least `overrideBps` basis points: at 0 for the same price, at 10,000 only for nothing.
struct Allocation {
    bytes32 request;
    bytes32 terms;
    address prover;
    uint96 price;
    uint64 from;
    uint64 until;
    uint16 overrideBps;
}

using AllocationLib for Allocation global;

library AllocationLib {
    uint256 private constant BPS = 10_000;
    bytes32 internal constant TYPEHASH = keccak256(
        "Allocation(bytes32 request,bytes32 terms,address prover,uint96 price,uint64 from,uint64 until,uint16 overrideBps)"
    );

    function hash(Allocation calldata allocation) internal pure returns (bytes32) {
        return EfficientHashLib.hash(
            TYPEHASH,
            allocation.request,
            allocation.terms,
            bytes32(uint256(uint160(allocation.prover))),
            bytes32(uint256(allocation.price)),
            bytes32(uint256(allocation.from)),
            bytes32(uint256(allocation.until)),
            bytes32(uint256(allocation.overrideBps))
        );
    }

    /// @notice True if the allocation is about this request under these terms; all three are struct hashes.
    function isFor(Allocation calldata allocation, bytes32 requestHash, bytes32 termsHash)
        internal
        pure
        returns (bool)
    {
        return allocation.request == requestHash && allocation.terms == termsHash;
    }

    /// @notice Checks that the allocation keeps within the terms, which are the ones that it names.
    /// @dev Reverts with `PriceAboveTerms`, then `InvalidWindow`, then `WindowPastOpening`, then `InvalidOverride`.
    function validate(Allocation calldata allocation, Terms calldata terms) internal pure {
        (uint64 from, uint64 until) = (allocation.from, allocation.until);
        if (allocation.price > terms.maxPrice) {
            revert IAllocationBook.PriceAboveTerms(allocation.price, terms.maxPrice);
        }
        if (until < from || until - from > terms.exclusiveWindow) revert IAllocationBook.InvalidWindow(from, until);
        if (until >= terms.openAt) revert IAllocationBook.WindowPastOpening(until, terms.openAt);
        if (allocation.overrideBps > BPS) revert IAllocationBook.InvalidOverride(allocation.overrideBps);
    }

    /// @notice Highest price at which a prover who is not the named one may lock, rounded down: the requester never pays a wei
    ///         more than the share says. Expects a validated allocation.
    function highestUndercut(Allocation calldata allocation) internal pure returns (uint96) {
        return uint96(uint256(allocation.price) * (BPS - allocation.overrideBps) / BPS);
    }
}
