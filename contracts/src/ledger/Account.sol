// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

/// @notice Balances of one address and what became of its requests.
/// @dev Two bits per request index: bit 0 locked (ever), bit 1 fulfilled; bits are only ever set.
///      The first 32 indexes share the balances' slot; the others follow, 128 to a slot.
struct Account {
    uint96 balance;
    uint96 collateralBalance;
    uint64 requestFlagsInitial;
    uint256[2 ** 25] requestFlagsExtended;
}

/// @notice The first slot of an account in one word: what a settlement changes together is read and written together.
type AccountState is uint256;

using AccountLib for Account global;
using AccountStateLib for AccountState global;

library AccountLib {
    uint256 internal constant LOCKED = 1;
    uint256 internal constant FULFILLED = 2;

    function state(Account storage account) internal view returns (AccountState result) {
        assembly ("memory-safe") {
            result := sload(account.slot)
        }
    }

    function setState(Account storage account, AccountState value) internal {
        assembly ("memory-safe") {
            sstore(account.slot, value)
        }
    }

    /// @notice The two flags of the request `index`.
    function requestFlags(Account storage account, uint32 index) internal view returns (uint256 flags) {
        (uint256 slot, uint256 shift) = _flagsAt(account, index);
        assembly ("memory-safe") {
            flags := and(shr(shift, sload(slot)), 3)
        }
    }

    function setLocked(Account storage account, uint32 index) internal {
        (uint256 slot, uint256 shift) = _flagsAt(account, index);
        assembly ("memory-safe") {
            sstore(slot, or(sload(slot), shl(shift, 1)))
        }
    }

    /// @notice Marks the request `index` as fulfilled and returns what its flags were before.
    function setFulfilled(Account storage account, uint32 index) internal returns (uint256 flags) {
        (uint256 slot, uint256 shift) = _flagsAt(account, index);
        assembly ("memory-safe") {
            let word := sload(slot)
            flags := and(shr(shift, word), 3)
            if iszero(and(flags, 2)) { sstore(slot, or(word, shl(shift, 2))) }
        }
    }

    /// @notice Adds to both balances.
    function credit(Account storage account, uint96 value, uint96 collateral) internal {
        account.setState(account.state().credited(value, collateral));
    }

    /// @dev The slot that holds the flags of `index`, and the lower bit's place in it.
    function _flagsAt(Account storage account, uint32 index) private pure returns (uint256 slot, uint256 shift) {
        assembly ("memory-safe") {
            slot := account.slot
        }
        unchecked {
            if (index < 32) return (slot, 192 + 2 * index);
            uint256 offset = index - 32;
            return (slot + 1 + offset / 128, 2 * (offset % 128));
        }
    }
}

library AccountStateLib {
    uint256 private constant COLLATERAL_OFFSET = 96;
    uint256 private constant FLAGS_OFFSET = 192;

    function balance(AccountState state) internal pure returns (uint96) {
        return uint96(AccountState.unwrap(state));
    }

    function collateralBalance(AccountState state) internal pure returns (uint96) {
        return uint96(AccountState.unwrap(state) >> COLLATERAL_OFFSET);
    }

    /// @dev Reverts with Panic 0x11 when a balance leaves uint96.
    function credited(AccountState state, uint96 value, uint96 collateral) internal pure returns (AccountState) {
        uint96 newBalance = state.balance() + value;
        uint96 newCollateral = state.collateralBalance() + collateral;
        uint256 flags = AccountState.unwrap(state) >> FLAGS_OFFSET << FLAGS_OFFSET;
        return AccountState.wrap(flags | (uint256(newCollateral) << COLLATERAL_OFFSET) | newBalance);
    }

    /// @dev Expects both balances to cover the amounts: then nothing is borrowed from the field above.
    function debited(AccountState state, uint96 value, uint96 collateral) internal pure returns (AccountState) {
        unchecked {
            return AccountState.wrap(AccountState.unwrap(state) - ((uint256(collateral) << COLLATERAL_OFFSET) + value));
        }
    }
}
