// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

/// @notice When a prover last declined: four times of 64 bits, the newest in the low ones, zero where there is none.
type Declines is uint256;

using DeclinesLib for Declines global;

/// @notice The quota: any 7 days hold at most one decline, any 30 days at most four.
library DeclinesLib {
    uint256 internal constant SPACING = 7 days;
    uint256 internal constant WINDOW = 30 days;
    uint256 internal constant PER_WINDOW = 4;

    /// @notice The earliest time of another decline.
    function nextAt(Declines declines) internal pure returns (uint256 time) {
        uint256 newest = declines.nth(0);
        uint256 oldest = declines.nth(PER_WINDOW - 1);
        if (newest != 0) time = newest + SPACING;
        if (oldest != 0 && oldest + WINDOW > time) time = oldest + WINDOW;
    }

    /// @notice The `n`-th newest.
    function nth(Declines declines, uint256 n) internal pure returns (uint64) {
        return uint64(Declines.unwrap(declines) >> (64 * n));
    }

    function with(Declines declines, uint64 time) internal pure returns (Declines) {
        return Declines.wrap((Declines.unwrap(declines) << 64) | time);
    }
}
