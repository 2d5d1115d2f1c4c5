// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

/// @notice Stake that many hold in shares. One slot.
/// @dev `scale` counts how often 32 bits were cut off all shares, see `slash`.
struct SharePool {
    uint96 assets;
    uint32 scale;
    uint128 shares;
}

/// @notice Shares in a pool, in the units of the scale they were last counted at. One slot.
struct Position {
    uint128 shares;
    uint32 scale;
}

using SharePoolLib for SharePool global;

/// @notice Everything rounds down for the one who acts, so what the shares are worth together never exceeds the assets.
///
/// Beside the shares that somebody holds a pool has `VIRTUAL_SHARES` that nobody does, over one virtual unit of stake. A gift to a
/// pool is shared with them. So whoever makes the price of a share p units by a gift, to have a newcomer lose up to p by
/// rounding, gives `VIRTUAL_SHARES` times p away, and must give 2^32 times p, as smaller pools take no gifts.
///
/// At most 2^32 shares stand for one unit. When slashing would leave more, all shares lose their low 32 bits, as many times as
/// needed; a pool that is slashed to nothing loses all its shares so. Hence shares always fit, and a pool can always take more
/// stake, whatever happened to it. Where shares were cut, the virtual ones weigh more: at most 2^16 units of the stake that is
/// left are then nobody's.
library SharePoolLib {
    uint256 internal constant VIRTUAL_SHARES = 1 << 16;
    uint256 private constant VIRTUAL_ASSETS = 1;
    uint256 private constant GIFT_SHARES = VIRTUAL_SHARES << 16;
    uint256 private constant CUT_BITS = 32;
    /// @dev Cuts that leave nothing of 128 bits.
    uint32 private constant ALL_CUTS = 4;

    /// @notice What a position holds at the pool's present scale.
    function sharesOf(SharePool storage pool, Position memory position) internal view returns (uint128) {
        return position.shares >> (CUT_BITS * (pool.scale - position.scale));
    }

    /// @notice What `shares` are worth.
    function toAssetsDown(SharePool storage pool, uint256 shares) internal view returns (uint96) {
        // Below assets + 1 for any number of shares up to all.
        return uint96(shares * (pool.assets + VIRTUAL_ASSETS) / (pool.shares + VIRTUAL_SHARES));
    }

    /// @notice The fewest shares that are worth `assets`.
    function toSharesUp(SharePool storage pool, uint256 assets) internal view returns (uint128) {
        uint256 divisor = pool.assets + VIRTUAL_ASSETS;
        return uint128((assets * (pool.shares + VIRTUAL_SHARES) + divisor - 1) / divisor);
    }

    /// @notice Whether there are shares enough that a gift is not lost to the virtual ones: they get at most 1 part in 2^16.
    function takesGifts(SharePool storage pool) internal view returns (bool) {
        return pool.shares >= GIFT_SHARES;
    }

    /// @notice Adds stake and returns the shares it is worth. The caller sees to it that assets fit in 96 bits.
    function deposit(SharePool storage pool, uint96 assets) internal returns (uint128 shares) {
        // At most 2^32 - 1 shares a unit, before and after, see `slash`.
        shares = uint128(assets * (pool.shares + VIRTUAL_SHARES) / (pool.assets + VIRTUAL_ASSETS));
        pool.assets += assets;
        pool.shares += shares;
    }

    /// @notice Takes `shares` out with `assets`, at most what they are worth.
    function remove(SharePool storage pool, uint128 shares, uint96 assets) internal {
        pool.assets -= assets;
        pool.shares -= shares;
    }

    /// @notice Takes `assets` away from all shares alike.
    function slash(SharePool storage pool, uint96 assets) internal {
        uint96 left = pool.assets - assets;
        uint256 shares = pool.shares;
        uint32 scale = pool.scale;
        if (left == 0) {
            shares = 0;
            scale += ALL_CUTS;
        }
        while (shares >> CUT_BITS >= left && left != 0) {
            shares = (shares + (1 << CUT_BITS) - 1) >> CUT_BITS; // up: the positions are each cut down
            ++scale;
        }
        (pool.assets, pool.shares, pool.scale) = (left, uint128(shares), scale);
    }
}
