// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IProverRegistry } from "../../src/interfaces/IProverRegistry.sol";
import { vm } from "../base/Vm.sol";
import { RegistryTest } from "./RegistryTest.sol";

/// @notice Delegating, leaving and being paid.
contract StakingTest is RegistryTest {
    uint96 private constant MAX_STAKE = type(uint96).max - MIN_SELF_STAKE;

    // ---------------------------------------------------------------------------------------------------------- delegate

    function test_delegate_refusals() public {
        refused(alice, IProverRegistry.UnknownProver.selector, alice);
        registry.delegate(alice, 0);
        refused(alice, abi.encodeWithSignature("TransferFromFailed()"));
        registry.delegate(prover, 1);
        endow(alice, type(uint96).max);
        refused(alice, IProverRegistry.StakeTooLarge.selector, prover);
        registry.delegate(prover, MAX_STAKE + 1);
        refused(alice, abi.encodeWithSelector(IProverRegistry.ZeroAmount.selector));
        registry.delegate(prover, 0);
        vm.prank(alice);
        registry.delegate(prover, MAX_STAKE);
    }

    function test_stake_that_is_leaving_counts_towards_the_largest() public {
        stake(alice, prover, MAX_STAKE);
        unstake(alice, prover, sharesOf(prover, alice));
        endow(bob, 1);
        refused(bob, IProverRegistry.StakeTooLarge.selector, prover);
        registry.delegate(prover, 1);
        endow(bob, 1);
        refused(bob, IProverRegistry.StakeTooLarge.selector, prover);
        registry.reward(prover, 1);
    }

    function testFuzz_what_goes_in_comes_out(uint96 amount, uint96 more) public {
        amount = uint96(bound(amount, 1, MAX_STAKE));
        more = uint96(bound(more, 0, MAX_STAKE - amount));
        uint128 shares = stake(alice, prover, amount);
        if (more != 0) stake(bob, prover, more);
        assertEq(shares, uint256(amount) << 16, "shares at par");
        assertEq(worth(prover, alice), amount, "worth");
        assertEq(activeOf(prover), MIN_SELF_STAKE + amount + more, "active");
        uint256 ticket = unstake(alice, prover, shares);
        assertEq(worth(prover, alice), 0, "worth after leaving");
        assertEq(activeOf(prover), MIN_SELF_STAKE + more, "active after leaving");
        assertEq(unbondingOf(prover), amount, "unbonding");
        wait(COOL_DOWN);
        withdraw(alice, ticket);
        assertEq(token.balanceOf(alice), amount, "paid");
        assertEq(unbondingOf(prover), 0, "unbonding after payment");
    }

    function test_delegate_says_so() public {
        endow(alice, 5);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IProverRegistry.WeightChanged(prover, 0, MIN_SELF_STAKE + 5);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IProverRegistry.Delegated(prover, alice, 5, 5 << 16);
        vm.prank(alice);
        registry.delegate(prover, 5);
    }

    function test_delegateWithPermit() public {
        token.mint(alice, 9);
        uint256 deadline = START + 1;
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                alice,
                registry,
                9,
                0,
                deadline
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), structHash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keyOf("alice"), digest);
        refused(alice, abi.encodeWithSignature("TransferFromFailed()"));
        registry.delegateWithPermit(prover, 9, deadline, v, s, r);
        // Who uses the permit first takes nothing away.
        token.permit(alice, address(registry), 9, deadline, v, r, s);
        vm.prank(alice);
        registry.delegateWithPermit(prover, 9, deadline, v, r, s);
        assertEq(worth(prover, alice), 9, "worth");
    }

    // --------------------------------------------------------------------------------------------------------- undelegate

    function test_undelegate_refusals() public {
        uint128 shares = stake(alice, prover, 5);
        refused(alice, abi.encodeWithSelector(IProverRegistry.InsufficientShares.selector, shares, shares + 1));
        registry.undelegate(prover, shares + 1);
        refused(bob, abi.encodeWithSelector(IProverRegistry.InsufficientShares.selector, 0, 1));
        registry.undelegate(prover, 1);
        refused(alice, abi.encodeWithSelector(IProverRegistry.ZeroAmount.selector));
        registry.undelegate(prover, 0);
        refused(alice, abi.encodeWithSelector(IProverRegistry.ZeroAmount.selector));
        registry.undelegate(prover, (1 << 16) - 1);
    }

    function test_undelegate_says_so() public {
        uint128 shares = stake(alice, prover, 5);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IProverRegistry.Undelegated(prover, alice, 0, 5, shares, START + COOL_DOWN);
        assertEq(unstake(alice, prover, shares), 0, "ticket");
        assertEq(registry.ticketCount(alice), 1, "tickets");
        (address of_, uint128 held, uint96 amount, uint256 readyAt) = registry.ticketOf(alice, 0);
        assertEq(of_, prover, "prover");
        assertEq(held, 5 << 16, "shares");
        assertEq(amount, 5, "amount");
        assertEq(readyAt, START + COOL_DOWN, "ready");
        (of_, held, amount, readyAt) = registry.ticketOf(alice, 1);
        assertEq(of_, address(0), "no ticket");
    }

    // ----------------------------------------------------------------------------------------------------------- withdraw

    function test_withdraw_refusals() public {
        stake(alice, prover, 5);
        refused(alice, abi.encodeWithSelector(IProverRegistry.UnknownTicket.selector, alice, 0));
        registry.withdraw(0);
        unstake(alice, prover, 5 << 16);
        refused(bob, abi.encodeWithSelector(IProverRegistry.UnknownTicket.selector, bob, 0));
        registry.withdraw(0);
        wait(COOL_DOWN - 1);
        refused(alice, abi.encodeWithSelector(IProverRegistry.CoolingDown.selector, START + COOL_DOWN));
        registry.withdraw(0);
        wait(1);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IProverRegistry.Withdrawn(prover, alice, 0, 5);
        assertEq(withdraw(alice, 0), 5, "paid");
        refused(alice, abi.encodeWithSelector(IProverRegistry.UnknownTicket.selector, alice, 0));
        registry.withdraw(0);
    }

    /// @dev What is reserved stays, whoever leaves first; the rest goes.
    function test_stake_under_obligation_stays() public {
        uint128 shares = stake(alice, prover, 50 ether);
        allowNow(prover, mechanism);
        reserve(prover, 120 ether);
        uint128 own = sharesOf(prover, prover);
        unstake(alice, prover, shares);
        unstake(prover, prover, own);
        assertFalse(registry.isActive(prover), "active");
        wait(COOL_DOWN);
        // 150 are there and 120 owed.
        assertEq(withdraw(alice, 0), 30 ether, "the free part");
        (,, uint96 rest,) = registry.ticketOf(alice, 0);
        assertEq(rest, 20 ether, "the rest of the ticket");
        bytes memory owed =
            abi.encodeWithSelector(IProverRegistry.StakeUnderObligation.selector, prover, uint256(120 ether));
        refused(alice, owed);
        registry.withdraw(0);
        refused(prover, owed);
        registry.withdraw(0);
        vm.prank(mechanism);
        registry.release(prover, 110 ether);
        assertEq(withdraw(alice, 0), 20 ether, "after the release");
        assertEq(withdraw(prover, 0), 90 ether, "the operator, in part");
        slash(prover, 10 ether);
        assertEq(withdraw(prover, 0), 0, "slashed away");
        assertEq(registry.creditOf(rescuer) + registry.creditOf(requester), 5 ether, "credits");
        assertEq(token.balanceOf(address(registry)), 5 ether, "left");
    }

    /// @dev An operator takes on as much as it can, again and again; who leaves is paid all the same.
    function test_an_operator_cannot_hold_back_who_leaves() public {
        uint128 shares = stake(alice, prover, 50 ether);
        allowNow(prover, mechanism);
        unstake(alice, prover, shares);
        reserve(prover, 100 ether);
        bytes memory all =
            abi.encodeWithSelector(IProverRegistry.InsufficientStake.selector, prover, 100 ether + 1, 100 ether);
        refused(mechanism, all);
        registry.reserve(prover, 1);
        wait(COOL_DOWN);
        assertEq(withdraw(alice, 0), 50 ether, "paid");
    }

    // ------------------------------------------------------------------------------------------------------------- reward

    function test_reward_refusals() public {
        refused(alice, IProverRegistry.UnknownProver.selector, alice);
        registry.reward(alice, 1);
        refused(alice, abi.encodeWithSignature("TransferFromFailed()"));
        registry.reward(prover, 1);
        endow(alice, type(uint96).max);
        refused(alice, IProverRegistry.StakeTooLarge.selector, prover);
        registry.reward(prover, MAX_STAKE + 1);
    }

    function testFuzz_reward(uint96 staked, uint96 amount) public {
        staked = uint96(bound(staked, 1, 1e27));
        amount = uint96(bound(amount, 0, 1e27));
        stake(alice, prover, staked);
        uint96 cut = amount / 10;
        endow(bob, amount);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IProverRegistry.Rewarded(prover, bob, cut, amount - cut);
        vm.prank(bob);
        registry.reward(prover, amount);
        assertEq(registry.creditOf(prover), cut, "operator's share");
        uint256 fair = uint256(staked) + uint256(amount - cut) * staked / (MIN_SELF_STAKE + staked);
        uint256 got = worth(prover, alice);
        assertTrue(got <= fair && got + 2 + uint256(amount) / 1e18 >= fair, "the delegator's part");
        assertEq(registry.totalWeight(), MIN_SELF_STAKE + staked + amount - cut, "weight");
    }

    /// @dev Who holds next to nothing is given next to nothing.
    function test_an_empty_pool_takes_no_rewards() public {
        uint128 all = sharesOf(prover, prover);
        unstake(prover, prover, all - (1 << 32) + 1);
        reward(prover, 1 ether);
        assertEq(registry.creditOf(prover), 1 ether, "all to the operator");
        assertEq(activeOf(prover), 65_536, "active");
        stake(alice, prover, 1);
        reward(prover, 1 ether);
        assertEq(registry.creditOf(prover), 1.1 ether, "a tenth to the operator");
    }

    /// @dev Whoever inflates the price of a share to make a newcomer's stake round away loses far more than the newcomer.
    function testFuzz_inflating_a_share_does_not_pay(uint96 first, uint96 gift, uint96 newcomer) public {
        first = uint96(bound(first, 1, 1e20));
        gift = uint96(bound(gift, 1, 1e27));
        newcomer = uint96(bound(newcomer, 1, 1e24));
        vm.prank(other);
        registry.register(0);
        uint128 shares = stake(other, other, first);
        reward(other, gift);
        endow(alice, newcomer);
        vm.prank(alice);
        try registry.delegate(other, newcomer) {
            uint256 loss = newcomer - worth(other, alice);
            // The gift alone made a share worth so much; one unit is plain rounding.
            assertTrue(loss <= 1 + uint256(gift) / (1 << 32), "the newcomer's loss");
            uint256 kept = worth(other, other) + registry.creditOf(other);
            uint256 lost = uint256(first) + gift - (kept < first + gift ? kept : first + gift);
            assertTrue(loss <= 2 + lost, "gained by it");
        } catch {
            assertTrue(uint256(newcomer) << 16 <= uint256(gift) + first, "refused for nothing");
        }
        shares;
    }

    // -------------------------------------------------------------------------------------------------------------- claim

    function test_claim() public {
        refused(bob, abi.encodeWithSelector(IProverRegistry.ZeroAmount.selector));
        registry.claim(prover);
        reward(prover, 10 ether);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IProverRegistry.CreditClaimed(prover, 1 ether);
        vm.prank(bob);
        registry.claim(prover);
        assertEq(token.balanceOf(prover), 1 ether, "paid");
        assertEq(registry.creditOf(prover), 0, "credit");
    }
}
