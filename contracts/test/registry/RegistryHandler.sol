// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IProverRegistry } from "../../src/interfaces/IProverRegistry.sol";
import { vm } from "../base/Vm.sol";
import { RegistryTest } from "./RegistryTest.sol";

/// @notice Drives a registry at random, a hostile mechanism included, and keeps plain books beside it: of tokens in and out, of
///         reservations, of who holds how many shares of what. Every action says beforehand whether it will be accepted.
contract RegistryHandler is RegistryTest {
    uint256 private constant PROVERS = 3;
    uint256 private constant PEOPLE = 5; // the provers' operators come first
    uint256 private constant MECHANISMS = 2;

    address[] private people;
    address[] private slashers;
    uint256 private time = START;
    /// @dev Tokens put in by, and paid out to, each of the people; and gifts in all.
    mapping(address => uint256) public paidIn;
    mapping(address => uint256) public paidOut;
    uint256 public gifts;
    mapping(address => uint256) private balances;
    mapping(address prover => mapping(address mechanism => uint256)) private reserved;
    mapping(address prover => mapping(address mechanism => uint256)) private allowedFrom;
    /// @dev How often each action was accepted.
    mapping(bytes4 => uint256) public accepted;

    /// @dev Slashes of more than nothing, and withdrawals of less than everything.
    uint256 public slashes;
    uint256 public partialPayments;

    constructor() {
        setUp();
        string[5] memory names = ["operator", "second", "third", "alice", "bob"];
        for (uint256 i = 0; i < PEOPLE; ++i) {
            people.push(vm.addr(keyOf(names[i])));
            endow(people[i], 1_000_000 ether);
            balances[people[i]] = token.balanceOf(people[i]);
        }
        paidIn[people[0]] = MIN_SELF_STAKE;
        for (uint256 i = 1; i < PROVERS; ++i) {
            vm.prank(people[i]);
            registry.register(uint16(i * 3_000));
        }
        slashers.push(mechanism);
        slashers.push(address(0xbad));
        vm.prank(slashers[1]);
        registry.enrol(0, 10_000, 0);
        for (uint256 i = 0; i < 4; ++i) {
            (address of_, address slasher) = (people[i / 2], slashers[i % 2]);
            vm.prank(of_);
            registry.allow(slasher);
            allowedFrom[of_][slasher] = START + 2 * COOL_DOWN;
        }
        time = START + 2 * COOL_DOWN;
    }

    modifier atItsTime() {
        vm.warp(time);
        _;
    }

    // ----------------------------------------------------------------------------------------------------------- actions

    function pass(uint256 duration) external {
        time += bound(duration, 1, 5 days);
    }

    function delegate(uint256 who, uint256 what, uint256 amount) external atItsTime {
        (address person, address with) = (personOf(who), proverAt(what));
        amount = amount % 4 == 0 ? bound(amount, 0, 200 ether) : bound(amount, 0, 2_000 ether);
        (uint96 active,,) = registry.stakeOf(with);
        uint256 shares = heldIn(with);
        bool expected = amount * (shares + 65_536) / (uint256(active) + 1) != 0;
        Snapshot memory before = look(with, person);
        vm.prank(person);
        bool success = attempt(abi.encodeCall(IProverRegistry.delegate, (with, uint96(amount))));
        agree(success, expected, IProverRegistry.delegate.selector);
        if (!success) return;
        settle(person);
        Snapshot memory after_ = look(with, person);
        assertEq(after_.active, before.active + amount, "active stake");
        assertTrue(after_.worth <= before.worth + amount, "worth more than was put in");
        leftAlone(before, after_);
    }

    function undelegate(uint256 who, uint256 what, uint256 part) external atItsTime {
        (address person, address from) = (personOf(who), proverAt(what));
        Snapshot memory before = look(from, person);
        uint128 shares =
            uint128(part % 8 == 0 ? before.shares : bound(part, 0, uint256(before.shares) / (part % 4 + 1) + 1));
        bool expected =
            shares <= before.shares && uint256(shares) * (before.active + 1) / (uint256(heldIn(from)) + 65_536) != 0;
        vm.prank(person);
        bool success = attempt(abi.encodeCall(IProverRegistry.undelegate, (from, shares)));
        agree(success, expected, IProverRegistry.undelegate.selector);
        if (!success) return;
        Snapshot memory after_ = look(from, person);
        assertEq(after_.shares, before.shares - shares, "shares");
        assertEq(after_.active + after_.unbonding, before.active + before.unbonding, "stake");
        (,, uint96 ticketed,) = registry.ticketOf(person, registry.ticketCount(person) - 1);
        assertTrue(after_.worth + ticketed <= before.worth, "gained by leaving");
        leftAlone(before, after_);
    }

    function withdraw(uint256 who, uint256 which) external atItsTime {
        address person = personOf(who);
        uint256 ticket = ticketAt(person, which);
        (address from,, uint96 amount, uint256 readyAt) = registry.ticketOf(person, ticket);
        uint256 free = freeOf(from);
        vm.prank(person);
        bool success = attempt(abi.encodeCall(IProverRegistry.withdraw, (ticket)));
        bool expected = from != address(0) && time >= readyAt && (amount == 0 || free != 0);
        agree(success, expected, IProverRegistry.withdraw.selector);
        if (success) checkPayment(person, ticket, amount, free);
    }

    /// @dev The next ticket that is not paid yet, mostly.
    function ticketAt(address person, uint256 which) private view returns (uint256 ticket) {
        uint256 count = registry.ticketCount(person);
        ticket = which % (count + 1);
        for (; which % 8 != 0 && ticket < count; ++ticket) {
            (address from,,,) = registry.ticketOf(person, ticket);
            if (from != address(0)) break;
        }
    }

    /// @dev What is not reserved of both pools.
    function freeOf(address from) private view returns (uint256) {
        (uint96 active, uint96 unbonding, uint96 owed) = registry.stakeOf(from);
        return uint256(active) + unbonding - owed;
    }

    function checkPayment(address person, uint256 ticket, uint256 amount, uint256 free) private {
        uint256 paid = token.balanceOf(person) - balances[person];
        settle(person);
        assertEq(paid, amount < free ? amount : free, "paid");
        (, uint128 rest, uint96 left,) = registry.ticketOf(person, ticket);
        assertTrue(left + paid <= amount + 1, "the rest of the ticket");
        if (amount <= free) assertEq(rest, 0, "paid in full");
        else ++partialPayments;
    }

    /// @dev Books what the registry has just paid to or taken from a person.
    function settle(address person) private {
        uint256 balance = token.balanceOf(person);
        if (balance > balances[person]) paidOut[person] += balance - balances[person];
        else paidIn[person] += balances[person] - balance;
        balances[person] = balance;
    }

    function reward(uint256 what, uint256 amount) external atItsTime {
        address with = proverAt(what);
        amount = bound(amount, 0, 50 ether);
        Snapshot memory before = look(with, with);
        uint256 credit = registry.creditOf(with);
        reward(with, uint96(amount));
        gifts += amount;
        Snapshot memory after_ = look(with, with);
        assertEq(after_.active - before.active + registry.creditOf(with) - credit, amount, "all of it arrives");
        assertTrue(after_.worth >= before.worth && after_.shares == before.shares, "lost by a gift");
        leftAlone(before, after_);
    }

    function claim(uint256 who) external atItsTime {
        address person = personOf(who);
        uint256 credit = registry.creditOf(person);
        bool success = attempt(abi.encodeCall(IProverRegistry.claim, (person)));
        agree(success, credit != 0, IProverRegistry.claim.selector);
        if (!success) return;
        assertEq(token.balanceOf(person), balances[person] + credit, "claimed");
        settle(person);
    }

    function allow(uint256 what, uint256 by) external atItsTime {
        (address of_, address slasher) = (proverAt(what), slashers[by % MECHANISMS]);
        vm.prank(of_);
        bool success = attempt(abi.encodeCall(IProverRegistry.allow, (slasher)));
        agree(success, allowedFrom[of_][slasher] == 0, IProverRegistry.allow.selector);
        if (success) allowedFrom[of_][slasher] = time + 2 * COOL_DOWN;
    }

    function revoke(uint256 what, uint256 by) external atItsTime {
        (address of_, address slasher) = (proverAt(what), slashers[by % MECHANISMS]);
        if (by % 32 > 1) return; // seldom
        vm.prank(of_);
        bool success = attempt(abi.encodeCall(IProverRegistry.revoke, (slasher)));
        agree(success, allowedFrom[of_][slasher] != 0, IProverRegistry.revoke.selector);
        allowedFrom[of_][slasher] = 0;
    }

    function reserve(uint256 what, uint256 by, uint256 amount) external atItsTime {
        (address of_, address slasher) = (proverAt(what), slashers[by % MECHANISMS]);
        (uint96 active,, uint96 owed) = registry.stakeOf(of_);
        amount = amount % 2 == 0 && owed < active ? active - owed : bound(amount, 0, uint256(active) + 1);
        uint256 from = allowedFrom[of_][slasher];
        bool expected =
            worth(of_, of_) >= MIN_SELF_STAKE && from != 0 && from <= time && uint256(owed) + amount <= active;
        vm.prank(slasher);
        bool success = attempt(abi.encodeCall(IProverRegistry.reserve, (of_, uint96(amount))));
        agree(success, expected, IProverRegistry.reserve.selector);
        if (success) reserved[of_][slasher] += amount;
    }

    function release(uint256 what, uint256 by, uint256 amount) external atItsTime {
        (address of_, address slasher) = (proverAt(what), slashers[by % MECHANISMS]);
        amount = bound(amount, 0, reserved[of_][slasher] / (1 + amount % 4) + 1);
        vm.prank(slasher);
        bool success = attempt(abi.encodeCall(IProverRegistry.release, (of_, uint96(amount))));
        agree(success, amount <= reserved[of_][slasher], IProverRegistry.release.selector);
        if (success) reserved[of_][slasher] -= amount;
    }

    /// @dev Now and then of all that is reserved; sometimes to a stranger, sometimes to nobody.
    function slash(uint256 what, uint256 by, uint256 amount) external atItsTime {
        (address of_, address slasher) = (proverAt(what), slashers[by % MECHANISMS]);
        uint256 has = reserved[of_][slasher];
        amount = amount % 16 == 0 ? has : bound(amount, 0, has / (1 + amount % 32) + 1);
        address to = by % 5 == 0 ? address(0) : personOf(by / 5);
        Snapshot memory before = look(of_, of_);
        vm.prank(slasher);
        bool success =
            attempt(abi.encodeCall(IProverRegistry.slash, (of_, uint96(amount), to, by % 7 == 0 ? address(0) : to)));
        agree(success, amount <= has, IProverRegistry.slash.selector);
        if (!success || amount == 0) return;
        ++slashes;
        reserved[of_][slasher] -= amount;
        Snapshot memory after_ = look(of_, of_);
        assertEq(after_.active + after_.unbonding + amount, before.active + before.unbonding, "taken");
        // Both pools alike, up to rounding: a/b = a'/b'.
        uint256 all = before.active + before.unbonding;
        uint256 fromUnbonding = before.unbonding - after_.unbonding;
        assertTrue(all == 0 || fromUnbonding == amount * before.unbonding / all, "alike");
    }

    /// @dev All that can be is reserved, then everybody leaves as soon as they may.
    function stampede(uint256 what, uint256 by) external {
        if (what % 4 != 0) return; // seldom
        what = by; // any prover
        this.reserve(what, by, 0);
        for (uint256 i = 0; i < PEOPLE; ++i) {
            this.undelegate(i, what, 0);
        }
        time += COOL_DOWN;
        for (uint256 i = 0; i < 2 * PEOPLE; ++i) {
            this.withdraw(i, by | 1);
        }
        this.release(what, by, type(uint256).max);
    }

    // ------------------------------------------------------------------------------------------------------------- audit

    struct Snapshot {
        uint256 active;
        uint256 unbonding;
        uint128 shares;
        uint256 worth;
        uint256 othersShares;
        uint256 othersWorth;
    }

    /// @dev What others do without slashing neither takes shares nor makes them worth less.
    function leftAlone(Snapshot memory before, Snapshot memory after_) private pure {
        assertEq(after_.othersShares, before.othersShares, "others' shares");
        assertTrue(after_.othersWorth >= before.othersWorth, "others lost by it");
    }

    function look(address with, address person) private view returns (Snapshot memory seen) {
        (seen.active, seen.unbonding,) = registry.stakeOf(with);
        (seen.shares, seen.worth) = registry.positionOf(with, person);
        for (uint256 i = 0; i < PEOPLE; ++i) {
            if (people[i] == person) continue;
            seen.othersShares += sharesOf(with, people[i]);
            seen.othersWorth += worth(with, people[i]);
        }
    }

    /// @dev Shares of a pool in all, from the registry's third word of a prover: assets ‖ scale ‖ shares.
    function heldIn(address with) public view returns (uint128) {
        bytes32 slot = keccak256(abi.encode(with, 0));
        return uint128(uint256(vm.load(address(registry), bytes32(uint256(slot) + 1))) >> 128);
    }

    /// @notice Tokens held are those of the pools and the credits, to the last unit.
    function checkConservation() external view {
        uint256 sum = 0;
        for (uint256 i = 0; i < PROVERS; ++i) {
            (uint96 active, uint96 unbonding,) = registry.stakeOf(people[i]);
            sum += uint256(active) + unbonding;
        }
        for (uint256 i = 0; i < PEOPLE; ++i) {
            sum += registry.creditOf(people[i]);
        }
        sum += registry.creditOf(DEAD);
        assertEq(registry.creditOf(address(0)), 0, "credited to nobody");
        assertEq(token.balanceOf(address(registry)), sum, "held");

        uint256 in_ = gifts;
        uint256 out = token.balanceOf(DEAD);
        for (uint256 i = 0; i < PEOPLE; ++i) {
            in_ += paidIn[people[i]];
            out += paidOut[people[i]];
        }
        assertEq(in_, out + sum, "in and out");
        assertTrue(out <= in_, "paid more than was put in");
    }

    /// @notice What everybody's shares and tickets are worth is never more than the pools hold, and little less.
    function checkPools() external view {
        for (uint256 i = 0; i < PROVERS; ++i) {
            (uint96 active, uint96 unbonding, uint96 owed) = registry.stakeOf(people[i]);
            uint256 sum = 0;
            uint256 shares = 0;
            uint256 leaving = 0;
            for (uint256 j = 0; j < PEOPLE; ++j) {
                (uint128 held, uint96 amount) = registry.positionOf(people[i], people[j]);
                (shares, sum) = (shares + held, sum + amount);
                leaving += ticketsOf(people[j], people[i]);
            }
            assertTrue(sum <= active, "worth more than active stake");
            assertTrue(shares <= heldIn(people[i]), "more shares than there are");
            assertTrue(leaving <= unbonding, "tickets worth more than unbonding stake");
            assertTrue(owed <= uint256(active) + unbonding, "owes more than it has");
            uint256 byAll = 0;
            for (uint256 j = 0; j < MECHANISMS; ++j) {
                assertEq(registry.reservedBy(people[i], slashers[j]), reserved[people[i]][slashers[j]], "reserved");
                byAll += reserved[people[i]][slashers[j]];
            }
            assertEq(owed, byAll, "reserved in all");
        }
    }

    function ticketsOf(address person, address with) private view returns (uint256 sum) {
        uint256 count = registry.ticketCount(person);
        for (uint256 i = 0; i < count; ++i) {
            (address of_,, uint96 amount,) = registry.ticketOf(person, i);
            if (of_ == with) sum += amount;
        }
    }

    /// @notice The active set is made of exactly the provers with stake enough of their own, and its root is the definition's.
    function checkActiveSet() external view {
        uint256 sum = 0;
        for (uint256 i = 0; i < PROVERS; ++i) {
            bool active = worth(people[i], people[i]) >= MIN_SELF_STAKE;
            assertTrue(registry.isActive(people[i]) == active, "active");
            if (!active) continue;
            (address owner, uint96 weight) = registry.leafAt(registry.leafIndex(people[i]));
            assertEq(owner, people[i], "leaf");
            assertEq(weight, activeOf(people[i]), "weight");
            sum += weight;
        }
        assertEq(registry.totalWeight(), sum, "total");
        (bytes32 hash, uint256 total) = naive(0, 1 << registry.depth());
        assertEq(registry.root(), hash, "root");
        assertEq(total, sum, "sum of the leaves");
    }

    function naive(uint256 from, uint256 size) private view returns (bytes32 hash, uint256 sum) {
        if (size == 1) {
            (address owner, uint96 weight) = registry.leafAt(from);
            return (weight == 0 ? bytes32(0) : keccak256(abi.encodePacked(owner, weight)), weight);
        }
        (bytes32 left, uint256 leftSum) = naive(from, size / 2);
        (bytes32 right, uint256 rightSum) = naive(from + size / 2, size / 2);
        sum = leftSum + rightSum;
        if (sum != 0) hash = keccak256(abi.encodePacked(left, right, bytes8(0), uint96(leftSum), uint96(rightSum)));
    }

    // ---------------------------------------------------------------------------------------------------------- choosing

    function personOf(uint256 who) private view returns (address) {
        return people[who % PEOPLE];
    }

    function proverAt(uint256 what) private view returns (address) {
        return people[what % PROVERS];
    }

    function attempt(bytes memory call_) private returns (bool success) {
        (success,) = address(registry).call(call_);
    }

    function agree(bool actual, bool expected, bytes4 action) private {
        assertTrue(actual == expected, "the registry and the model disagree");
        if (actual) ++accepted[action];
    }
}
