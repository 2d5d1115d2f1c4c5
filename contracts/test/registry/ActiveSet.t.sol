// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IProverRegistry } from "../../src/interfaces/IProverRegistry.sol";
import { Draw } from "../../src/registry/Draw.sol";
import { LeafProof, Sibling, StakeTree } from "../../src/registry/StakeTree.sol";
import { vm } from "../base/Vm.sol";
import { RegistryTest } from "./RegistryTest.sol";
import { TreeHarness } from "./TreeHarness.sol";

/// @notice The Merkle-sum tree of active provers, and draws from it.
contract ActiveSetTest is RegistryTest {
    TreeHarness private harness = new TreeHarness();
    address[] private operators;

    /// @dev A second, plain reading of what the root is.
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

    function checkRoot() private view {
        (bytes32 hash, uint256 sum) = naive(0, 1 << registry.depth());
        assertEq(registry.root(), hash, "root");
        assertEq(registry.totalWeight(), sum, "total");
    }

    function proofOf(address of_) private view returns (LeafProof memory proof) {
        proof.index = registry.leafIndex(of_);
        (proof.prover, proof.weight) = registry.leafAt(proof.index);
        proof.path = registry.pathOf(proof.index);
    }

    /// @dev The leaves of 1, 2, 3, … times the minimum.
    function populate(uint256 count) private {
        operators.push(prover);
        for (uint256 i = 1; i < count; ++i) {
            operators.push(vm.addr(keyOf(vm.toString(i))));
            registerActive(operators[i], uint96(MIN_SELF_STAKE * (i + 1)));
        }
    }

    // ----------------------------------------------------------------------------------------------------------- changes

    function test_an_empty_set() public {
        unstake(prover, prover, 1 << 16);
        assertEq(registry.root(), 0, "root");
        assertEq(registry.totalWeight(), 0, "total");
        vm.expectRevert(abi.encodeWithSelector(StakeTree.TicketOutOfRange.selector, 0, 0));
        registry.drawAt(0);
        vm.expectRevert(abi.encodeWithSelector(IProverRegistry.NotActive.selector, prover));
        registry.leafIndex(prover);
    }

    function test_activity_follows_the_operators_own_stake() public {
        vm.prank(other);
        registry.register(0);
        stake(alice, other, 10 * MIN_SELF_STAKE);
        stake(other, other, MIN_SELF_STAKE - 1);
        assertFalse(registry.isActive(other), "below the minimum");
        assertEq(registry.totalWeight(), MIN_SELF_STAKE, "the other prover alone");
        endow(other, 1);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IProverRegistry.WeightChanged(other, 1, 11 * MIN_SELF_STAKE);
        vm.prank(other);
        registry.delegate(other, 1);
        assertTrue(registry.isActive(other), "at the minimum");
        checkRoot();
        vm.expectEmit(true, true, true, true, address(registry));
        emit IProverRegistry.WeightChanged(other, 1, 0);
        unstake(other, other, 1 << 16);
        assertFalse(registry.isActive(other), "below again");
        checkRoot();
        reward(other, 1000);
        assertTrue(registry.isActive(other), "rewards count");
        checkRoot();
    }

    function test_freed_leaves_are_given_out_again() public {
        populate(5);
        assertEq(registry.depth(), 3, "depth");
        for (uint256 i = 1; i < 4; ++i) {
            unstake(operators[i], operators[i], 1 << 16);
            if (i == 1) unstake(operators[i], operators[i], sharesOf(operators[i], operators[i]));
            else unstake(operators[i], operators[i], uint128(MIN_SELF_STAKE * i) << 16);
            checkRoot();
        }
        (address nobody, uint96 weight) = registry.leafAt(2);
        assertEq(nobody, address(0), "nobody");
        assertEq(weight, 0, "weight");
        registerActive(alice, MIN_SELF_STAKE);
        assertEq(registry.leafIndex(alice), 3, "the last one freed");
        registerActive(bob, MIN_SELF_STAKE);
        assertEq(registry.leafIndex(bob), 2, "the one before");
        stake(operators[3], operators[3], MIN_SELF_STAKE);
        assertEq(registry.leafIndex(operators[3]), 1, "the first one");
        stake(operators[2], operators[2], MIN_SELF_STAKE);
        assertEq(registry.leafIndex(operators[2]), 5, "a new one");
        assertEq(registry.depth(), 3, "depth");
        checkRoot();
    }

    /// forge-config: ci.fuzz.runs = 2000
    function testFuzz_the_root_is_the_definition(uint256 seed) public {
        populate(6);
        for (uint256 i = 0; i < 16; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            address of_ = operators[seed % 6];
            uint128 shares = sharesOf(of_, of_);
            if (seed & 256 != 0) stake(of_, of_, uint96(seed >> 168));
            else if (shares != 0) unstake(of_, of_, uint128(bound(seed >> 9, 1 << 17, shares)));
            checkRoot();
        }
    }

    // ------------------------------------------------------------------------------------------------------------- draws

    /// forge-config: ci.fuzz.runs = 2000
    function testFuzz_every_ticket_has_one_owner(uint256 ticket, uint8 count) public {
        populate(bound(count, 1, 9));
        uint96 total = registry.totalWeight();
        ticket = bound(ticket, 0, total - 1);
        address drawn = registry.drawAt(ticket);
        // From the definition: leaves side by side.
        uint256 below = 0;
        bytes32 root = registry.root();
        for (uint256 i = 0; i < operators.length; ++i) {
            LeafProof memory proof = proofOf(operators[i]);
            bool wins = ticket >= below && ticket < below + proof.weight;
            assertTrue(wins == (drawn == operators[i]), "whom the walk finds");
            if (!wins) {
                bytes memory reason = abi.encodeWithSelector(StakeTree.NotDrawn.selector, ticket, below, proof.weight);
                vm.expectRevert(reason);
            }
            harness.verifyDraw(root, total, ticket, proof);
            below += proof.weight;
        }
        vm.expectRevert(abi.encodeWithSelector(StakeTree.TicketOutOfRange.selector, total, total));
        registry.drawAt(total);
        LeafProof memory last = proofOf(operators[0]);
        vm.expectRevert(abi.encodeWithSelector(StakeTree.TicketOutOfRange.selector, total, total));
        harness.verifyDraw(root, total, total, last);
    }

    /// forge-config: ci.fuzz.runs = 2000
    function testFuzz_a_tampered_proof_proves_nothing(uint256 ticket, uint256 what, uint96 value) public {
        populate(7);
        uint96 total = registry.totalWeight();
        bytes32 root = registry.root();
        ticket = bound(ticket, 0, total - 1);
        LeafProof memory proof = proofOf(registry.drawAt(ticket));
        harness.verifyDraw(root, total, ticket, proof);
        what = bound(what, 0, 7);
        uint256 level = value % 3;
        if (what == 0) proof.weight = value == proof.weight ? value ^ 1 : value;
        if (what == 1) proof.prover = address(uint160(proof.prover) ^ uint160(1 + value % 1000));
        if (what == 2) proof.index ^= 1 << (value % 256);
        if (what == 3) proof.path[level].sum = type(uint96).max;
        if (what == 4) proof.path[level].sum += 1 + value % 1000;
        if (what == 5) proof.path[level].hash ^= bytes32(uint256(1) << (value % 256));
        if (what == 6) root ^= bytes32(uint256(1) << (value % 256));
        if (what == 7) --total;
        if (ticket >= total) ticket = 0;
        vm.expectRevert(abi.encodeWithSelector(StakeTree.PathMismatch.selector));
        harness.verifyDraw(root, total, ticket, proof);
    }

    /// @dev Neither shorter nor longer, even where the weights would fit.
    function test_a_path_has_the_depth_of_the_tree() public {
        populate(3);
        LeafProof memory proof = proofOf(prover);
        Sibling[] memory path = proof.path;
        for (uint256 length = 0; length < 5; ++length) {
            if (length == path.length) continue;
            proof.path = new Sibling[](length);
            for (uint256 i = 0; i < length && i < path.length; ++i) {
                proof.path[i] = path[i];
            }
            mismatches(proof);
        }
        // A single leaf has no path, and its index is zero.
        harness.update(0, prover, MIN_SELF_STAKE);
        proof.path = new Sibling[](0);
        harness.verifyDraw(harness.root(), MIN_SELF_STAKE, 0, proof);
        proof.index = 1;
        bytes32 root = harness.root();
        vm.expectRevert(abi.encodeWithSelector(StakeTree.PathMismatch.selector));
        harness.verifyDraw(root, MIN_SELF_STAKE, 0, proof);
    }

    function mismatches(LeafProof memory proof) private {
        uint96 total = registry.totalWeight();
        bytes32 root = registry.root();
        vm.expectRevert(abi.encodeWithSelector(StakeTree.PathMismatch.selector));
        harness.verifyDraw(root, total, 0, proof);
    }

    /// forge-config: ci.fuzz.runs = 2000
    function testFuzz_draws_without_replacement(bytes32 seed, uint8 count) public {
        populate(6);
        uint256 draws = bound(count, 1, 6);
        LeafProof[] memory proofs = new LeafProof[](draws);
        uint96 total = registry.totalWeight();
        uint256 left = total;
        uint256 candidate = 0;
        bool[6] memory gone;
        // From the definition: a line of leaves, each taken out once drawn.
        for (uint256 i = 0; i < draws; ++i) {
            uint256 ticket;
            (ticket, candidate) = harness.next(seed, candidate, left);
            uint256 at_ = 0;
            for (; gone[at_] || ticket >= MIN_SELF_STAKE * (at_ + 1); ++at_) {
                if (!gone[at_]) ticket -= MIN_SELF_STAKE * (at_ + 1);
            }
            gone[at_] = true;
            left -= MIN_SELF_STAKE * (at_ + 1);
            proofs[i] = proofOf(operators[at_]);
        }
        bytes32 root = registry.root();
        harness.verifyDraws(root, total, seed, proofs);
        assertEq(registry.drawAt(harness.ticketOf(seed, total)), proofs[0].prover, "the first is the only one of one");

        if (draws == 6) {
            LeafProof[] memory more = new LeafProof[](7);
            for (uint256 i = 0; i < 7; ++i) {
                more[i] = proofs[i % 6];
            }
            vm.expectRevert(abi.encodeWithSelector(Draw.NothingToDraw.selector));
            harness.verifyDraws(root, total, seed, more);
        }
        if (draws > 1) {
            proofs[1] = proofs[0];
            vm.expectPartialRevert(StakeTree.NotDrawn.selector);
            harness.verifyDraws(root, total, seed, proofs);
        }
    }

    /// @dev Of ten tickets the third, and the sixth to eighth, are taken: the others in their order.
    function test_tickets_count_past_leaves_drawn_before() public view {
        uint256[] memory drawn = new uint256[](2);
        (drawn[0], drawn[1]) = ((uint256(2) << 96) | 1, (uint256(5) << 96) | 3);
        uint8[6] memory left = [0, 1, 3, 4, 8, 9];
        for (uint256 i = 0; i < left.length; ++i) {
            assertEq(harness.lift(i, drawn), left[i], "lifted");
        }
    }

    /// @dev Weights of 1, 2, 3, 4 and 5 in 15, drawn often enough to tell.
    function test_draws_follow_the_weights() public {
        populate(5);
        uint96 total = registry.totalWeight();
        uint256[5] memory won;
        for (uint256 i = 0; i < 3000; ++i) {
            address drawn = registry.drawAt(harness.ticketOf(keccak256(abi.encode(i)), total));
            for (uint256 j = 0; j < 5; ++j) {
                if (operators[j] == drawn) ++won[j];
            }
        }
        for (uint256 j = 0; j < 5; ++j) {
            vm.assertApproxEqAbs(won[j], 200 * (j + 1), 110); // over four standard deviations
        }
    }

    function testFuzz_tickets_are_below_the_total(bytes32 seed, uint256 total) public {
        total = bound(total, 1, type(uint256).max);
        assertTrue(harness.ticketOf(seed, total) < total, "ticket");
        vm.expectRevert(abi.encodeWithSelector(Draw.NothingToDraw.selector));
        harness.ticketOf(seed, 0);
    }

    function test_the_total_fits() public {
        harness.update(0, alice, type(uint96).max);
        vm.expectRevert(abi.encodeWithSelector(StakeTree.TotalTooLarge.selector, uint256(1) << 96));
        harness.update(0, bob, 1);
        assertEq(harness.update(0, bob, 0), 0, "nothing to place");
    }
}
