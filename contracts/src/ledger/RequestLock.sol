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

using RequestLockLib for RequestLock global;

library RequestLockLib {
    uint8 internal constant PAID_DURING_LOCK = 1;
    uint8 internal constant PAID_AFTER_LOCK = 2;
    uint8 internal constant SLASHED = 4;

    function deadline(RequestLock storage lock) internal view returns (uint64) {
        return lock.lockDeadline + lock.deadlineDelta;
    }

    function has(RequestLock storage lock, uint8 flag) internal view returns (bool) {
        return lock.requestLockFlags & flag != 0;
    }

    function isPaid(RequestLock storage lock) internal view returns (bool) {
        return lock.has(PAID_DURING_LOCK | PAID_AFTER_LOCK);
    }

    /// @notice Clears price and collateral, which share a slot that is refunded.
    function clearEscrow(RequestLock storage lock) internal {
        lock.price = 0;
        lock.collateral = 0;
    }
}
