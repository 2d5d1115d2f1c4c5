// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

/// @notice One lock, three slots. Slot 1 is the escrow: it is cleared once it is settled, so it is no record of what was paid.
/// @dev `prover` is the locker, replaced by the fulfiller when a delivery after the lock deadline is paid.
///      `price` (wei) is escrowed from the client, `collateral` (token base units) from the locker. `open` is 1 from the lock
///      until the escrow is settled, so that an escrow of nothing can be told from a settled one.
///      `flags` are those of LockStateLib without PAID_DURING_LOCK, which is never stored: see LockState.
struct RequestLock {
    address prover;
    uint64 lockDeadline;
    uint24 deadlineDelta;
    uint8 flags;
    uint96 price;
    uint96 collateral;
    uint64 open;
    bytes32 requestDigest;
}

/// @notice The first slot of a lock: all that decides about it, in one word. Zero if there never was a lock.
/// @dev A payment during the lock only clears the escrow, one write less on the road that most requests take. It follows from
///      what is left: a lock whose escrow is settled, though it was neither slashed nor paid late, was paid in time.
type LockState is uint256;

/// @notice The second slot of a lock: price, collateral, and a bit that is set while they are held. Zero once settled.
type Escrow is uint256;

using RequestLockLib for RequestLock global;
using LockStateLib for LockState global;
using EscrowLib for Escrow global;

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

    function escrow(RequestLock storage lock) internal view returns (Escrow result) {
        assembly ("memory-safe") {
            result := sload(add(lock.slot, 1))
        }
    }

    function setEscrow(RequestLock storage lock, Escrow value) internal {
        assembly ("memory-safe") {
            sstore(add(lock.slot, 1), value)
        }
    }

    function clearEscrow(RequestLock storage lock) internal {
        lock.setEscrow(Escrow.wrap(0));
    }

    /// @notice The flags as published, with PAID_DURING_LOCK.
    function publishedFlags(RequestLock storage lock) internal view returns (uint8 flags) {
        LockState current = lock.state();
        flags = current.flags();
        if (current.isPaidDuringLock(lock.escrow())) flags |= LockStateLib.PAID_DURING_LOCK;
    }
}

library LockStateLib {
    uint8 internal constant PAID_DURING_LOCK = 1;
    uint8 internal constant PAID_AFTER_LOCK = 2;
    uint8 internal constant SLASHED = 4;

    uint256 private constant FLAGS_OFFSET = 248;

    function locked(address locker, uint64 lockDeadline_, uint24 deadlineDelta) internal pure returns (LockState) {
        return LockState.wrap(uint160(locker) | (uint256(lockDeadline_) << 160) | (uint256(deadlineDelta) << 224));
    }

    function prover(LockState state) internal pure returns (address) {
        return address(uint160(LockState.unwrap(state)));
    }

    function lockDeadline(LockState state) internal pure returns (uint64) {
        return uint64(LockState.unwrap(state) >> 160);
    }

    /// @dev Fits: it was a uint64 when the offer was checked.
    function deadline(LockState state) internal pure returns (uint64) {
        unchecked {
            return state.lockDeadline() + uint24(LockState.unwrap(state) >> 224);
        }
    }

    function flags(LockState state) internal pure returns (uint8) {
        return uint8(LockState.unwrap(state) >> FLAGS_OFFSET);
    }

    function has(LockState state, uint8 flag) internal pure returns (bool) {
        return state.flags() & flag != 0;
    }

    /// @dev A state of zero is that of an id which was never locked itself, though its twin with the other kind of signature was.
    function isPaidDuringLock(LockState state, Escrow escrow) internal pure returns (bool) {
        return LockState.unwrap(state) != 0 && state.flags() == 0 && !escrow.isHeld();
    }

    function isPaid(LockState state, Escrow escrow) internal pure returns (bool) {
        return state.has(PAID_AFTER_LOCK) || state.isPaidDuringLock(escrow);
    }

    function with(LockState state, uint8 flag) internal pure returns (LockState) {
        return LockState.wrap(LockState.unwrap(state) | (uint256(flag) << FLAGS_OFFSET));
    }

    function withProver(LockState state, address account) internal pure returns (LockState) {
        return LockState.wrap((LockState.unwrap(state) >> 160 << 160) | uint160(account));
    }
}

library EscrowLib {
    uint256 private constant HELD = 1 << 192;

    function held(uint96 price_, uint96 collateral_) internal pure returns (Escrow) {
        return Escrow.wrap(HELD | (uint256(collateral_) << 96) | price_);
    }

    function isHeld(Escrow escrow) internal pure returns (bool) {
        return Escrow.unwrap(escrow) != 0;
    }

    function price(Escrow escrow) internal pure returns (uint96) {
        return uint96(Escrow.unwrap(escrow));
    }

    function collateral(Escrow escrow) internal pure returns (uint96) {
        return uint96(Escrow.unwrap(escrow) >> 96);
    }
}
