// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { EfficientHashLib } from "solady/utils/EfficientHashLib.sol";

/// @notice Tickets drawn from a seed: uniform below a total, exactly.
/// @dev A seed is a stream of candidates: the n-th is keccak256(seed ‖ n as 32 bytes), cut to the fewest low bits that can hold
///      every ticket. Candidates at or above the total are passed over, which fewer than half are, so no remainder favours the
///      low tickets. Successive draws go on where the last one stopped, each with a total of its own.
library Draw {
    /// @dev There is nothing to draw from.
    error NothingToDraw();

    /// @notice The first ticket of a seed.
    function ticket(bytes32 seed, uint256 total) internal pure returns (uint256 result) {
        (result,) = next(seed, 0, total);
    }

    /// @notice The first ticket among the candidates from number `from` on, and the number of the candidate after it.
    function next(bytes32 seed, uint256 from, uint256 total) internal pure returns (uint256 result, uint256 after_) {
        if (total == 0) revert NothingToDraw();
        uint256 mask = total - 1;
        mask |= mask >> 1;
        mask |= mask >> 2;
        mask |= mask >> 4;
        mask |= mask >> 8;
        mask |= mask >> 16;
        mask |= mask >> 32;
        mask |= mask >> 64;
        mask |= mask >> 128;
        after_ = from;
        do {
            result = uint256(EfficientHashLib.hash(seed, bytes32(after_))) & mask;
            ++after_;
        } while (result >= total);
    }
}
