// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IProverRegistry } from "../../src/interfaces/IProverRegistry.sol";
import { vm } from "../base/Vm.sol";
import { RegistryTest } from "./RegistryTest.sol";

/// @notice A token that can refuse transfers, in every way a token may.
contract MoodyToken {
    enum Mood {
        Good,
        ReturnsNothing,
        ReturnsFalse,
        Reverts,
        ReturnsTwo
    }

    mapping(address => uint256) public balanceOf;
    Mood public mood;

    function setMood(Mood mood_) external {
        mood = mood_;
    }

    function transferFrom(address, address to, uint256 amount) external returns (bool) {
        balanceOf[to] += amount;
        return true;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        require(mood != Mood.Reverts, "not today");
        if (mood != Mood.ReturnsFalse && mood != Mood.ReturnsTwo) {
            balanceOf[msg.sender] -= amount;
            balanceOf[to] += amount;
        }
        Mood answer = mood;
        assembly {
            let word := eq(answer, 0)
            if eq(answer, 4) { word := 2 }
            mstore(0, word)
            return(0, mul(0x20, iszero(eq(answer, 1))))
        }
    }
}

/// @notice What a mechanism can do, and what it cannot.
contract MechanismTest is RegistryTest {
    /// @dev What a pool that was slashed to nearly nothing may keep from its stakers.
    uint256 private constant DUST = 1 << 16;

    // ------------------------------------------------------------------------------------------------------------- enrol

    function test_enrol_refusals() public {
        refused(mechanism, IProverRegistry.AlreadyEnrolled.selector, mechanism);
        registry.enrol(0, 0, 0);
        refused(alice, abi.encodeWithSelector(IProverRegistry.InvalidBps.selector, 9_999));
        registry.enrol(9_999, 0, 0);
        refused(alice, abi.encodeWithSelector(IProverRegistry.InvalidBps.selector, 3 * 65_535));
        registry.enrol(65_535, 65_535, 65_535);
    }

    function testFuzz_enrol(uint16 burnBps, uint16 rescuerBps) public {
        burnBps = uint16(bound(burnBps, 0, 10_000));
        rescuerBps = uint16(bound(rescuerBps, 0, 10_000 - burnBps));
        uint16 requesterBps = 10_000 - burnBps - rescuerBps;
        vm.expectEmit(true, true, true, true, address(registry));
        emit IProverRegistry.MechanismEnrolled(alice, burnBps, rescuerBps, requesterBps);
        vm.prank(alice);
        registry.enrol(burnBps, rescuerBps, requesterBps);
        (uint16 a, uint16 b, uint16 c) = registry.splitOf(alice);
        assertEq(a, burnBps, "burn");
        assertEq(b, rescuerBps, "rescuer");
        assertEq(c, requesterBps, "requester");
    }

    // -------------------------------------------------------------------------------------------------- allow and revoke

    function test_allow_refusals() public {
        refused(alice, IProverRegistry.UnknownProver.selector, alice);
        registry.allow(alice);
        refused(prover, IProverRegistry.NotEnrolled.selector, alice);
        registry.allow(alice);
        vm.startPrank(prover);
        registry.allow(mechanism);
        vm.stopPrank();
        refused(prover, IProverRegistry.AlreadyAllowed.selector, prover, mechanism);
        registry.allow(mechanism);
        wait(2 * COOL_DOWN);
        refused(prover, IProverRegistry.AlreadyAllowed.selector, prover, mechanism);
        registry.allow(mechanism);
    }

    function test_revoke_refusals() public {
        refused(prover, IProverRegistry.NotAllowed.selector, prover, mechanism);
        registry.revoke(mechanism);
    }

    function test_allowing_takes_notice_and_revoking_none() public {
        uint256 from = START + 2 * COOL_DOWN;
        vm.expectEmit(true, true, true, true, address(registry));
        emit IProverRegistry.MechanismAllowed(prover, mechanism, from);
        vm.prank(prover);
        registry.allow(mechanism);
        assertEq(registry.allowedFrom(prover, mechanism), from, "from");
        vm.warp(from - 1);
        assertFalse(registry.allows(prover, mechanism), "too early");
        refused(mechanism, IProverRegistry.NotAllowed.selector, prover, mechanism);
        registry.reserve(prover, 1);
        vm.warp(from);
        assertTrue(registry.allows(prover, mechanism), "in time");
        assertFalse(registry.allows(other, mechanism), "of another prover");
        reserve(prover, 2);

        vm.expectEmit(true, true, true, true, address(registry));
        emit IProverRegistry.MechanismRevoked(prover, mechanism);
        vm.prank(prover);
        registry.revoke(mechanism);
        assertFalse(registry.allows(prover, mechanism), "revoked");
        refused(mechanism, IProverRegistry.NotAllowed.selector, prover, mechanism);
        registry.reserve(prover, 1);
        assertEq(registry.reservedBy(prover, mechanism), 2, "what exists stays");
        slash(prover, 1);
        vm.prank(mechanism);
        registry.release(prover, 1);
        assertEq(reservedOf(prover), 0, "and can be ended");
        vm.prank(prover);
        registry.allow(mechanism);
        assertFalse(registry.allows(prover, mechanism), "again takes notice again");
    }

    // ------------------------------------------------------------------------------------------------ reserve and release

    function test_reserve_refusals() public {
        refused(mechanism, IProverRegistry.NotActive.selector, alice);
        registry.reserve(alice, type(uint96).max);
        refused(mechanism, IProverRegistry.NotAllowed.selector, prover, mechanism);
        registry.reserve(prover, type(uint96).max);
        allowNow(prover, mechanism);
        reserve(prover, 1);
        uint256 wanted = uint256(type(uint96).max) + 1;
        refused(
            mechanism,
            abi.encodeWithSelector(IProverRegistry.InsufficientStake.selector, prover, wanted, MIN_SELF_STAKE)
        );
        registry.reserve(prover, type(uint96).max);
        reserve(prover, MIN_SELF_STAKE - 1);
        refused(
            mechanism,
            abi.encodeWithSelector(
                IProverRegistry.InsufficientStake.selector, prover, MIN_SELF_STAKE + 1, MIN_SELF_STAKE
            )
        );
        registry.reserve(prover, 1);
    }

    function test_inactive_provers_take_on_nothing() public {
        stake(alice, prover, 5 ether);
        allowNow(prover, mechanism);
        unstake(prover, prover, 1 << 16);
        refused(mechanism, IProverRegistry.NotActive.selector, prover);
        registry.reserve(prover, 1);
        stake(prover, prover, 1);
        reserve(prover, 1);
    }

    function testFuzz_release(uint96 amount, uint96 part) public {
        amount = uint96(bound(amount, 1, MIN_SELF_STAKE));
        part = uint96(bound(part, 0, amount));
        allowNow(prover, mechanism);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IProverRegistry.StakeReserved(prover, mechanism, amount);
        reserve(prover, amount);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IProverRegistry.StakeReleased(prover, mechanism, part);
        vm.prank(mechanism);
        registry.release(prover, part);
        assertEq(registry.reservedBy(prover, mechanism), amount - part, "by the mechanism");
        assertEq(reservedOf(prover), amount - part, "in all");
        overdrawn(mechanism, amount - part, amount - part + 1);
    }

    /// @dev Neither released nor slashed: more than the caller itself has reserved.
    function overdrawn(address by, uint256 has, uint96 wanted) private {
        bytes memory reason =
            abi.encodeWithSelector(IProverRegistry.InsufficientReservation.selector, prover, by, has, wanted);
        refused(by, reason);
        registry.release(prover, wanted);
        refused(by, reason);
        registry.slash(prover, wanted, rescuer, requester);
    }

    function test_mechanisms_do_not_touch_each_others_reservations() public {
        vm.prank(bob);
        registry.enrol(0, 10_000, 0);
        allowNow(prover, mechanism);
        allowNow(prover, bob);
        reserve(prover, 60 ether);
        vm.prank(bob);
        registry.reserve(prover, 40 ether);
        overdrawn(bob, 40 ether, 40 ether + 1);
        overdrawn(mechanism, 60 ether, 60 ether + 1);
        overdrawn(alice, 0, 1);
    }

    // -------------------------------------------------------------------------------------------------------------- slash

    function testFuzz_slash_splits(uint96 amount, uint16 burnBps, uint16 rescuerBps, uint8 absent) public {
        amount = uint96(bound(amount, 0, MIN_SELF_STAKE));
        burnBps = uint16(bound(burnBps, 0, 10_000));
        rescuerBps = uint16(bound(rescuerBps, 0, 10_000 - burnBps));
        vm.prank(bob);
        registry.enrol(burnBps, rescuerBps, 10_000 - burnBps - rescuerBps);
        allowNow(prover, bob);
        vm.prank(bob);
        registry.reserve(prover, amount);
        if (absent & 1 != 0) rescuer = address(0);
        if (absent & 2 != 0) requester = address(0);

        uint96 toRescuer = uint96(uint256(amount) * rescuerBps / 10_000);
        uint96 toRequester = uint96(uint256(amount) * (10_000 - burnBps - rescuerBps) / 10_000);
        if (rescuer == address(0)) (toRequester, toRescuer) = (toRequester + toRescuer, 0);
        if (requester == address(0)) toRequester = 0;
        uint96 burned = amount - toRescuer - toRequester;
        vm.expectEmit(true, true, true, true, address(registry));
        emit IProverRegistry.StakeSlashed(prover, bob, burned, rescuer, toRescuer, requester, toRequester);
        vm.prank(bob);
        registry.slash(prover, amount, rescuer, requester);

        assertEq(registry.creditOf(rescuer), toRescuer, "rescuer");
        assertEq(registry.creditOf(requester), toRequester, "requester");
        assertEq(token.balanceOf(DEAD), burned, "burned");
        assertEq(activeOf(prover), MIN_SELF_STAKE - amount, "active");
        uint256 own = worth(prover, prover);
        assertTrue(own <= MIN_SELF_STAKE - amount && own + DUST >= MIN_SELF_STAKE - amount, "the operator's");
        assertEq(reservedOf(prover), 0, "reserved");
        assertEq(registry.isActive(prover) ? 1 : 0, amount == 0 ? 1 : 0, "active prover");
    }

    function test_one_account_can_be_both() public {
        allowNow(prover, mechanism);
        reserve(prover, 10 ether);
        vm.prank(mechanism);
        registry.slash(prover, 10 ether, alice, alice);
        assertEq(registry.creditOf(alice), 5 ether, "both parts");
    }

    /// @dev Who is leaving bears the same fraction as who stays. Where so much is taken that shares are cut, the 2^16 virtual ones, which
    /// are not, have their part of what is left, and a position loses part of a share, see `SharePool`.
    function testFuzz_slash_takes_from_both_pools_alike(uint96 leaving, uint96 amount) public {
        leaving = uint96(bound(leaving, 1, 1e27));
        stake(alice, prover, 1e27);
        allowNow(prover, mechanism);
        amount = uint96(bound(amount, 1, 1e27));
        reserve(prover, amount);
        unstake(alice, prover, uint128(leaving) << 16);
        slash(prover, amount);
        uint256 all = 1e27 + uint256(MIN_SELF_STAKE);
        uint256 expected = uint256(leaving) * (all - amount) / all;
        assertTrue(unbondingOf(prover) >= expected && unbondingOf(prover) <= expected + 1, "unbonding");
        assertEq(uint256(activeOf(prover)) + unbondingOf(prover), all - amount, "both");
        uint256 left = unbondingOf(prover);
        bool isCut = left <= leaving >> 16;
        uint256 dust = isCut ? (left << 16) / ((leaving >> 16) + (1 << 16)) + 2 : 1;
        wait(COOL_DOWN);
        uint256 paid = withdraw(alice, 0);
        assertTrue(paid <= expected + 1 && paid + dust >= expected, "paid");
    }

    function test_slash_leaves_dust_where_shares_are_cut() public {
        testFuzz_slash_takes_from_both_pools_alike(59891785660984425366041926812, 9999999999999999999999999999);
    }

    function test_slash_takes_everything() public {
        uint128 shares = stake(alice, prover, 50 ether);
        allowNow(prover, mechanism);
        reserve(prover, 150 ether);
        unstake(alice, prover, shares);
        slash(prover, 150 ether);
        assertEq(activeOf(prover), 0, "active");
        assertEq(unbondingOf(prover), 0, "unbonding");
        assertEq(sharesOf(prover, prover), 0, "shares");
        wait(COOL_DOWN);
        assertEq(withdraw(alice, 0), 0, "paid");
        // The pools start over at par.
        assertEq(stake(prover, prover, MIN_SELF_STAKE), uint128(MIN_SELF_STAKE) << 16, "shares at par");
        assertTrue(registry.isActive(prover), "active again");
        unstake(prover, prover, sharesOf(prover, prover));
        wait(COOL_DOWN);
        assertEq(withdraw(prover, 0), MIN_SELF_STAKE, "paid");
    }

    /// @dev Whatever hostile mechanisms do to the pools, who comes later loses nothing by rounding and can leave.
    /// forge-config: ci.fuzz.runs = 2000
    function testFuzz_pools_outlive_every_slash(uint256 seed) public {
        allowNow(prover, mechanism);
        for (uint256 i = 0; i < 12; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            stake(prover, prover, 1e28);
            uint96 active = activeOf(prover);
            uint96 both = active + unbondingOf(prover);
            reserve(prover, active);
            unstake(prover, prover, sharesOf(prover, prover) / 2);
            uint96 left = uint96(seed % 4 == 0 ? 0 : (seed >> 8) % (uint256(1) << ((seed >> 16) % 90)));
            slash(prover, active - left);
            uint96 owed = registry.reservedBy(prover, mechanism);
            vm.prank(mechanism);
            registry.release(prover, owed);
            assertEq(activeOf(prover) + unbondingOf(prover), both - (active - left), "what is left");
            assertTrue(worth(prover, prover) <= activeOf(prover), "worth more than there is");
        }
        uint128 shares = stake(alice, prover, 1 ether);
        assertTrue(worth(prover, alice) + 1 >= 1 ether, "a newcomer's loss");
        uint256 ticket = unstake(alice, prover, shares);
        wait(COOL_DOWN);
        assertTrue(withdraw(alice, ticket) + 3 >= 1 ether, "paid");
    }

    /// @dev Too little gas for the burn is too little for the slash.
    function testFuzz_no_amount_of_gas_skips_the_burn(uint256 gasLimit) public {
        gasLimit = bound(gasLimit, 100_000, 500_000);
        allowNow(prover, mechanism);
        reserve(prover, 10 ether);
        vm.prank(mechanism);
        (bool success,) = address(registry).call{ gas: gasLimit }(
            abi.encodeCall(IProverRegistry.slash, (prover, 10 ether, rescuer, requester))
        );
        assertEq(token.balanceOf(DEAD), success ? 5 ether : 0, "burned");
        assertEq(registry.creditOf(DEAD), 0, "booked");
    }

    function test_slash_demands_gas() public {
        allowNow(prover, mechanism);
        reserve(prover, 10 ether);
        vm.expectRevert(abi.encodeWithSelector(IProverRegistry.InsufficientGas.selector));
        vm.prank(mechanism);
        registry.slash{ gas: 180_000 }(prover, 10 ether, rescuer, requester);
    }

    function test_a_burn_that_the_token_refuses_is_booked() public {
        MoodyToken moody = new MoodyToken();
        registry = newRegistry(address(moody), MIN_SELF_STAKE, COOL_DOWN);
        vm.startPrank(prover);
        registry.register(0);
        registry.delegate(prover, MIN_SELF_STAKE);
        vm.stopPrank();
        vm.prank(mechanism);
        registry.enrol(10_000, 0, 0);
        allowNow(prover, mechanism);
        reserve(prover, 10);
        uint256 booked = 0;
        for (uint8 mood = 0; mood < 5; ++mood) {
            moody.setMood(MoodyToken.Mood(mood));
            slash(prover, 2);
            if (mood >= 2) booked += 2;
            assertEq(registry.creditOf(DEAD), booked, "booked");
            assertEq(moody.balanceOf(DEAD), 2 * uint256(mood + 1) - booked, "burned");
        }
        moody.setMood(MoodyToken.Mood.ReturnsFalse);
        refused(bob, abi.encodeWithSignature("TransferFailed()"));
        registry.claim(DEAD);
        moody.setMood(MoodyToken.Mood.Good);
        registry.claim(DEAD);
        assertEq(moody.balanceOf(DEAD), 10, "burned in the end");
    }

    // ------------------------------------------------------------------------------------------------------------ declines

    function decline() private {
        vm.prank(mechanism);
        registry.recordDecline(prover);
    }

    function declineRefused(uint256 nextAt) private {
        refused(
            mechanism, abi.encodeWithSelector(IProverRegistry.DeclineQuotaExceeded.selector, prover, mechanism, nextAt)
        );
        registry.recordDecline(prover);
    }

    function test_recordDecline_refusals() public {
        refused(alice, IProverRegistry.UnknownProver.selector, alice);
        registry.recordDecline(alice);
        refused(alice, IProverRegistry.NotEnrolled.selector, alice);
        registry.recordDecline(prover);
        decline();
        declineRefused(START + 7 days);
    }

    function test_one_decline_in_seven_days_and_four_in_thirty() public {
        vm.expectEmit(true, true, true, true, address(registry));
        emit IProverRegistry.Declined(prover, mechanism);
        decline();
        for (uint256 n = 1; n < 4; ++n) {
            vm.warp(START + n * 7 days - 1);
            declineRefused(START + n * 7 days);
            vm.warp(START + n * 7 days);
            decline();
        }
        vm.warp(START + 28 days);
        declineRefused(START + 30 days);
        vm.warp(START + 30 days - 1);
        declineRefused(START + 30 days);
        vm.warp(START + 30 days);
        decline();
        declineRefused(START + 37 days);
        uint64[4] memory times = registry.declinesOf(prover, mechanism);
        uint64[4] memory expected = [START + 30 days, START + 21 days, START + 14 days, START + 7 days];
        for (uint256 n = 0; n < 4; ++n) {
            assertEq(times[n], expected[n], "time");
        }
        // Another mechanism counts for itself, and the prover for itself.
        vm.prank(bob);
        registry.enrol(10_000, 0, 0);
        vm.prank(bob);
        registry.recordDecline(prover);
    }

    /// @dev The quota, from its definition: count those within each window.
    function testFuzz_decline_quota(uint256 seed) public {
        uint256[] memory accepted = new uint256[](24);
        uint256 count = 0;
        for (uint256 i = 0; i < 24; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            wait(seed % 8 days);
            uint256 now_ = vm.getBlockTimestamp();
            uint256 inWeek = 0;
            uint256 inMonth = 0;
            for (uint256 j = 0; j < count; ++j) {
                if (accepted[j] + 7 days > now_) ++inWeek;
                if (accepted[j] + 30 days > now_) ++inMonth;
            }
            vm.prank(mechanism);
            (bool success,) = address(registry).call(abi.encodeCall(IProverRegistry.recordDecline, (prover)));
            assertTrue(success == (inWeek < 1 && inMonth < 4), "quota");
            if (success) accepted[count++] = now_;
        }
    }
}
