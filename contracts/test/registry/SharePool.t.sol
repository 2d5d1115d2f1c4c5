// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Position, SharePool } from "../../src/registry/SharePool.sol";
import { Test } from "../base/Test.sol";

/// @notice The arithmetic of share pools, to the last unit.
contract SharePoolTest is Test {
    uint256 private constant VIRTUAL = 1 << 16;

    SharePool private pool;

    function set(uint96 assets, uint128 shares, uint32 scale) private {
        (pool.assets, pool.shares, pool.scale) = (assets, shares, scale);
    }

    function check(uint256 assets, uint256 shares, uint256 scale) private view {
        assertEq(pool.assets, assets, "assets");
        assertEq(pool.shares, shares, "shares");
        assertEq(pool.scale, scale, "scale");
    }

    /// @dev A pool as slashing can leave it: fewer than 2^32 shares a unit.
    function setAny(uint96 assets, uint128 shares) private {
        assets = uint96(bound(assets, 1, type(uint96).max));
        set(assets, uint128(bound(shares, 0, (uint256(assets) << 32) - 1)), 0);
    }

    // -------------------------------------------------------------------------------------------------- in and out

    function test_the_price_counts_virtual_shares_over_one_virtual_unit() public {
        assertEq(pool.deposit(3), 3 * VIRTUAL, "at first");
        check(3, 3 * VIRTUAL, 0);
        pool.assets = 7; // twice the price
        assertEq(pool.deposit(1), VIRTUAL / 2, "later");
        check(8, 3 * VIRTUAL + VIRTUAL / 2, 0);
        assertEq(pool.toAssetsDown(VIRTUAL / 2), 1, "worth");
        assertEq(pool.toAssetsDown(VIRTUAL / 2 - 1), 0, "just less");
        pool.remove(5, 2);
        check(6, 3 * VIRTUAL + VIRTUAL / 2 - 5, 0);
    }

    function testFuzz_deposits_round_down(uint96 assets, uint128 shares, uint96 amount) public {
        setAny(assets, shares);
        amount = uint96(bound(amount, 0, type(uint96).max - pool.assets));
        (uint256 a, uint256 s) = (pool.assets, pool.shares);
        uint256 minted = pool.deposit(amount);
        assertTrue(minted * (a + 1) <= amount * (s + VIRTUAL), "too many");
        assertTrue((minted + 1) * (a + 1) > amount * (s + VIRTUAL), "too few");
        check(a + amount, s + minted, 0);
    }

    function testFuzz_worth_rounds_down(uint96 assets, uint128 shares, uint128 part) public {
        setAny(assets, shares);
        part = uint128(bound(part, 0, pool.shares));
        uint256 worth = pool.toAssetsDown(part);
        assertTrue(worth * (pool.shares + VIRTUAL) <= uint256(part) * (uint256(pool.assets) + 1), "too much");
        assertTrue((worth + 1) * (pool.shares + VIRTUAL) > uint256(part) * (uint256(pool.assets) + 1), "too little");
        assertTrue(worth <= pool.assets, "more than there is");
        uint256 fewest = pool.toSharesUp(worth);
        assertTrue(fewest <= part, "more shares than were worth as much");
        assertEq(pool.toAssetsDown(fewest), worth, "fewest");
        if (fewest != 0) assertTrue(pool.toAssetsDown(fewest - 1) < worth, "still fewer");
    }

    function test_the_fewest_shares() public {
        set(1, 1, 0); // 65,537 shares for two units, virtual ones included
        assertEq(pool.toSharesUp(1), 32_769, "rounded up");
        set(1, 2, 0);
        assertEq(pool.toSharesUp(1), 32_769, "exact");
        set(2, 2, 0);
        assertEq(pool.toSharesUp(2), 43_692, "exact too");
    }

    function test_gifts() public {
        pool.shares = (1 << 32) - 1;
        assertFalse(pool.takesGifts(), "too few shares");
        pool.shares = 1 << 32;
        assertTrue(pool.takesGifts(), "enough");
    }

    // ----------------------------------------------------------------------------------------------------------- slashing

    function test_shares_are_cut_from_two_to_the_32_a_unit_on() public {
        set(100, uint128(10) << 32, 0);
        pool.slash(89); // 10 × 2^32 shares for 11 units
        check(11, uint256(10) << 32, 0);
        pool.slash(1); // for 10
        check(10, 10, 1);
        // What is cut off is rounded up for all, and down for each.
        set(100, (uint128(10) << 32) + 1, 7);
        pool.slash(90);
        check(10, 11, 8);
        assertEq(pool.sharesOf(Position((uint128(10) << 32) + 1, 7)), 10, "one position");
        assertEq(pool.sharesOf(Position(3, 8)), 3, "a newer one");
    }

    function test_shares_are_cut_as_often_as_needed() public {
        set(type(uint96).max, type(uint128).max, 0);
        pool.slash(type(uint96).max - 1);
        check(1, 1, 4);
        set(1000, (uint128(1) << 80) + 5, 0);
        pool.slash(990);
        check(10, (1 << 16) + 1, 2);
        assertEq(pool.sharesOf(Position((uint128(1) << 80) + 5, 0)), 1 << 16, "twice");
        set(5, 0, 0);
        pool.slash(1);
        check(4, 0, 0);
    }

    function test_nothing_is_left_of_a_pool_slashed_to_nothing() public {
        set(1000, 1000 << 16, 2);
        pool.slash(1000);
        check(0, 0, 6);
        assertEq(pool.sharesOf(Position(type(uint128).max, 2)), 0, "a position");
        assertEq(pool.sharesOf(Position(type(uint128).max, 3)), type(uint128).max >> 96, "cut three times");
        assertEq(pool.deposit(9), 9 << 16, "at par again");
        // However often.
        pool.scale = type(uint32).max;
        assertEq(pool.sharesOf(Position(type(uint128).max, 0)), 0, "an old position");
    }

    /// @dev Whatever happens shares fit, as fewer than 2^32 stand for a unit; and positions are never more than all.
    function testFuzz_slashes(uint96 assets, uint128 shares, uint96 amount, uint128 part, uint96 more) public {
        setAny(assets, shares);
        amount = uint96(bound(amount, 0, pool.assets));
        part = uint128(bound(part, 0, pool.shares));
        Position memory one = Position(part, 0);
        Position memory other = Position(pool.shares - part, 0);
        uint96 left = pool.assets - amount;
        uint256 worth = pool.toAssetsDown(part);
        pool.slash(amount);
        assertEq(pool.assets, left, "left");
        assertTrue(left == 0 ? pool.shares == 0 : pool.shares >> 32 < left, "shares a unit");
        assertTrue(uint256(pool.sharesOf(one)) + pool.sharesOf(other) <= pool.shares, "positions");
        assertTrue(pool.toAssetsDown(pool.sharesOf(one)) <= worth, "gained by it");

        more = uint96(bound(more, 0, type(uint96).max - left));
        uint256 share = (uint256(left) + 1) / (pool.shares + VIRTUAL);
        uint256 got = pool.toAssetsDown(pool.deposit(more));
        assertTrue(got <= more && got + share + 2 >= more, "a newcomer loses a share and a unit at most");
    }
}
