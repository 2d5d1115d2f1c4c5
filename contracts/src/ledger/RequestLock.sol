// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

/// @notice State of one lock, three slots. Slot 1 is cleared once it is settled, so it is no record of what was paid.
/// @dev `prover` is the locker, replaced by the fulfiller when a delivery after the lock deadline is paid.
///      `price` (wei) is escrowed from the client, `collateral` (token base units) from the locker.
struct RequestLock {
    address prover;
    uint64 lockDeadline;
    uint24 deadlineDelta;
    uint8 requestLockFlags;
    uint96 price;
    uint96 collateral;
    bytes32 requestDigest;
}

/// @notice The first slot of a lock: all that decides about it, in one word. Zero if there never was a lock.
type LockState is uint256;

using RequestLockLib for RequestLock global;
using LockStateLib for LockState global;

/// @dev Whole slots are read and written: each field alone would be a read of the slot, a write another read.
library RequestLockLib {
    function state(RequestLock storage lock) internal view returns (LockState result) {
        assembly ("memory-safe") {
            result := sload(lock.slot)
        }
    }

    function setState(RequestLock storage lock, LockState value) internal {
        assembly ("memory-safe") {
            sstore(lock.slot, value)
        }
    }

    function escrow(RequestLock storage lock) internal view returns (uint96 price, uint96 collateral) {
        uint256 word;
        assembly ("memory-safe") {
            word := sload(add(lock.slot, 1))
        }
        return (uint96(word), uint96(word >> 96));
    }

    function clearEscrow(RequestLock storage lock) internal {
        assembly ("memory-safe") {
            sstore(add(lock.slot, 1), 0)
        }
    }
}

library LockStateLib {
    uint8 internal constant PAID_DURING_LOCK = 1;
    uint8 internal constant PAID_AFTER_LOCK = 2;
    uint8 internal constant SLASHED = 4;

    uint256 private constant FLAGS_OFFSET = 248;

    function prover(LockState state) internal pure returns (address) {
        return address(uint160(LockState.unwrap(state)));
    }

    function lockDeadline(LockState state) internal pure returns (uint64) {
        return uint64(LockState.unwrap(state) >> 160);
    }

    function deadline(LockState state) internal pure returns (uint64) {
        return state.lockDeadline() + uint24(LockState.unwrap(state) >> 224);
    }

    function has(LockState state, uint8 flags) internal pure returns (bool) {
        return LockState.unwrap(state) & (uint256(flags) << FLAGS_OFFSET) != 0;
    }

    function isPaid(LockState state) internal pure returns (bool) {
        return state.has(PAID_DURING_LOCK | PAID_AFTER_LOCK);
    }

    function with(LockState state, uint8 flag) internal pure returns (LockState) {
        return LockState.wrap(LockState.unwrap(state) | (uint256(flag) << FLAGS_OFFSET));
    }

    function withProver(LockState state, address account) internal pure returns (LockState) {
        return LockState.wrap((LockState.unwrap(state) >> 160 << 160) | uint160(account));
    }
}
