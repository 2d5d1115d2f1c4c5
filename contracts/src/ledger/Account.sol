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

using AccountLib for Account global;

library AccountLib {
    uint256 internal constant LOCKED = 1;
    uint256 internal constant FULFILLED = 2;

    /// @notice The two flags of the request `index`.
    function requestFlags(Account storage account, uint32 index) internal view returns (uint256 flags) {
        if (index < 32) return (account.requestFlagsInitial >> (2 * index)) & 3;
        unchecked {
            uint256 offset = index - 32;
            return (account.requestFlagsExtended[offset / 128] >> (2 * (offset % 128))) & 3;
        }
    }

    function setRequestFlag(Account storage account, uint32 index, uint256 flag) internal {
        if (index < 32) {
            account.requestFlagsInitial |= uint64(flag << (2 * index));
            return;
        }
        unchecked {
            uint256 offset = index - 32;
            account.requestFlagsExtended[offset / 128] |= flag << (2 * (offset % 128));
        }
    }

    /// @notice Adds to both balances, in one write of the slot they share.
    function credit(Account storage account, uint96 value, uint96 collateral) internal {
        uint96 balance = account.balance + value;
        uint256 balances = (uint256(account.collateralBalance + collateral) << 96) | balance;
        assembly ("memory-safe") {
            sstore(account.slot, or(shl(192, shr(192, sload(account.slot))), balances))
        }
    }
}
