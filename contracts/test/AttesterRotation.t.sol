// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IAttestedVerifier } from "../src/interfaces/IAttestedVerifier.sol";
import { AttesterSet } from "../src/verification/AttesterSet.sol";
import { AttesterTest } from "./base/AttesterTest.sol";
import { Vm, vm } from "./base/Vm.sol";

/// @notice How one set of attesters follows another.
contract AttesterRotationTest is AttesterTest {
    bytes32 private constant CLAIM = keccak256("a claim");
    uint256 private constant START = 1_800_000_000;

    IAttestedVerifier private verifier;
    /// @dev The present attesters, of whom two must sign, and the next, of whom three must.
    uint256[] private present;
    uint256[] private next;

    function setUp() public {
        vm.warp(START);
        present = keysFrom(0, 3);
        next = keysFrom(10, 4);
        verifier = deploy(present, 2, DELAY);
    }

    function nextSet() private view returns (AttesterSet memory) {
        return AttesterSet({ number: 2, revision: 1, threshold: 3, attesters: addressesOf(next) });
    }

    function withdrawal(uint256 number, uint256 revision) private pure returns (AttesterSet memory set) {
        (set.number, set.revision) = (number, revision);
    }

    function signed(AttesterSet memory set) private view returns (bytes memory) {
        return signAll(present, 2, proposal(address(verifier), set));
    }

    function propose(AttesterSet memory set) private {
        verifier.proposeSet(set, signed(set));
    }

    function refused(AttesterSet memory set, bytes memory signatures, bytes memory reason) private {
        vm.expectRevert(reason);
        verifier.proposeSet(set, signatures);
    }

    function refused(AttesterSet memory set, bytes memory reason) private {
        refused(set, signed(set), reason);
    }

    /// @dev Signatures over something else: whom they recover to is nobody.
    function unrecognised(AttesterSet memory set, bytes memory signatures) private {
        vm.expectPartialRevert(IAttestedVerifier.NotAnAttester.selector);
        verifier.proposeSet(set, signatures);
    }

    function rotate() private {
        propose(nextSet());
        vm.warp(vm.getBlockTimestamp() + DELAY);
        verifier.activateSet();
    }

    function attested(uint256[] memory keys, uint256 count) private view returns (bytes memory) {
        return sealOf(signAll(keys, count, attestation(address(verifier), leafOf(CLAIM))));
    }

    function rootSeal(uint256[] memory keys, uint256 count, bytes32 root) private view returns (bytes memory) {
        return abi.encodePacked(SELECTOR, signAll(keys, count, attestation(address(verifier), root)));
    }

    function stale(uint256 number, uint256 revision) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IAttestedVerifier.StaleProposal.selector, number, revision);
    }

    function assertSet(uint256 number, uint256 threshold, uint256[] memory keys) private view {
        assertEq(verifier.setNumber(), number, "number");
        assertEq(verifier.threshold(), threshold, "threshold");
        assertEq(abi.encode(verifier.attesters()), abi.encode(addressesOf(keys)), "attesters");
        for (uint256 i = 0; i < keys.length; ++i) {
            assertTrue(verifier.isAttester(vm.addr(keys[i])), "attester");
        }
        assertFalse(verifier.isAttester(address(0)), "zero");
    }

    function assertPending(AttesterSet memory expected, uint256 expectedAt) private view {
        (AttesterSet memory set, uint256 activatableAt) = verifier.pendingSet();
        assertEq(abi.encode(set), abi.encode(expected), "pending");
        assertEq(activatableAt, expectedAt, "activatable at");
    }

    function assertNothingPending() private view {
        AttesterSet memory none;
        assertPending(none, 0);
    }

    // ------------------------------------------------------------------------------------------------------ constructor

    function deployFails(uint256[] memory keys, uint256 threshold, uint256 delay, bytes4 reason) private {
        bytes memory code = abi.encodePacked(
            vm.getCode("AttestedVerifier.sol:AttestedVerifier"), abi.encode(addressesOf(keys), threshold, delay)
        );
        vm.expectRevert(abi.encodeWithSelector(reason));
        assembly {
            pop(create(0, add(code, 0x20), mload(code)))
        }
    }

    function test_constructor() public {
        bytes4 invalidDelay = IAttestedVerifier.InvalidDelay.selector;
        deployFails(present, 2, 0, invalidDelay);
        deployFails(present, 2, 365 days + 1, invalidDelay);
        deployFails(present, 4, 0, invalidDelay); // before the set
        deployFails(keysFrom(0, 65), 1, 1, IAttestedVerifier.InvalidAttesterSet.selector);
        assertEq(deploy(present, 2, 1).delay(), 1, "delay");
        assertEq(deploy(present, 2, 365 days).delay(), 365 days, "delay");
        vm.recordLogs();
        deploy(present, 2, DELAY);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 1, "events");
        assertEq(logs[0].topics[0], IAttestedVerifier.SetActivated.selector, "event");
        assertEq(uint256(logs[0].topics[1]), 1, "number");
        assertEq(logs[0].data, abi.encode(2, addressesOf(present)), "threshold and attesters");
    }

    function test_views() public view {
        assertSet(1, 2, present);
        assertNothingPending();
        (uint256 number, uint256 revision) = verifier.nextProposal();
        assertEq(number, 2, "number");
        assertEq(revision, 1, "revision");
        assertEq(verifier.delay(), DELAY, "delay");
        assertEq(verifier.MAX_ATTESTERS(), 64, "most attesters");
        assertEq(verifier.MAX_DELAY(), 365 days, "longest delay");
    }

    // ------------------------------------------------------------------------------------- proposing: reverts, in order

    function testFuzz_another_number_or_revision(uint256 number, uint256 revision) public {
        vm.assume(number != 2 || revision != 1);
        AttesterSet memory set = nextSet();
        (set.number, set.revision, set.threshold) = (number, revision, 0); // the set is not looked at
        refused(set, "", stale(2, 1));
    }

    function test_invalid_sets() public {
        bytes memory invalid = abi.encodeWithSelector(IAttestedVerifier.InvalidAttesterSet.selector);
        AttesterSet memory set = nextSet();
        set.threshold = 0;
        refused(set, "", invalid); // signatures are not looked at
        set.threshold = 5;
        refused(set, invalid);
        set.threshold = 2 ** 64 + 1;
        refused(set, invalid);
        set = nextSet();
        (set.attesters[1], set.attesters[2]) = (set.attesters[2], set.attesters[1]);
        refused(set, invalid);
        set.attesters[1] = set.attesters[2] = set.attesters[3];
        refused(set, invalid);
        set = nextSet();
        set.attesters[0] = address(0);
        refused(set, invalid);
        set = withdrawal(2, 1);
        set.threshold = 1; // no attesters, yet no withdrawal
        refused(set, invalid);
        set = nextSet();
        set.attesters = addressesOf(keysFrom(10, 65));
        refused(set, invalid);
        set.attesters = addressesOf(keysFrom(10, 64));
        propose(set);
    }

    function test_too_few_signatures() public {
        AttesterSet memory set = nextSet();
        bytes32 digest = proposal(address(verifier), set);
        for (uint256 count = 0; count < 2; ++count) {
            bytes memory reason = abi.encodeWithSelector(IAttestedVerifier.TooFewSignatures.selector, count, 2);
            refused(set, signAll(present, count, digest), reason);
        }
        bytes memory odd = bytes.concat(signAll(present, 2, digest), hex"00");
        refused(set, odd, abi.encodeWithSelector(IAttestedVerifier.MalformedSeal.selector));
        verifier.proposeSet(set, signAll(present, 3, digest)); // more than enough
    }

    function test_the_next_attesters_have_no_say() public {
        AttesterSet memory set = nextSet();
        bytes memory signatures = signAll(next, 4, proposal(address(verifier), set));
        bytes memory reason = abi.encodeWithSelector(IAttestedVerifier.NotAnAttester.selector, vm.addr(next[0]));
        refused(set, signatures, reason);
    }

    function test_duplicate_and_unordered_signers() public {
        AttesterSet memory set = nextSet();
        bytes32 digest = proposal(address(verifier), set);
        (bytes memory a, bytes memory b) = (sign(present[0], digest), sign(present[1], digest));
        bytes4 disorder = IAttestedVerifier.SignersOutOfOrder.selector;
        (address first, address second) = (vm.addr(present[0]), vm.addr(present[1]));
        refused(set, bytes.concat(b, a), abi.encodeWithSelector(disorder, second, first));
        refused(set, bytes.concat(a, a), abi.encodeWithSelector(disorder, first, first));
        bytes memory high = signHighS(present[1], digest);
        bytes memory reason = abi.encodeWithSelector(IAttestedVerifier.NotAnAttester.selector, address(0));
        refused(set, bytes.concat(a, high), reason);
    }

    function testFuzz_signatures_for_something_else(uint256 field, uint160 value) public {
        AttesterSet memory set = nextSet();
        bytes memory signatures = signed(set);
        field = bound(field, 0, 2);
        if (field == 0) set.threshold = bound(value, 1, 2);
        if (field == 1) set.attesters[0] = address(uint160(bound(value, 1, uint160(set.attesters[1]) - 1)));
        if (field == 2) set.attesters = addressesOf(keysFrom(10, 3));
        vm.assume(set.attesters[0] != vm.addr(next[0]) || field != 1);
        unrecognised(set, signatures);
    }

    function test_replay_on_another_contract_and_chain() public {
        AttesterSet memory set = nextSet();
        bytes memory signatures = signed(set);
        IAttestedVerifier first = verifier;
        verifier = deploy(present, 2, DELAY);
        unrecognised(set, signatures);
        verifier = first;
        vm.chainId(1);
        unrecognised(set, signatures);
    }

    function test_an_attestation_is_no_proposal() public {
        AttesterSet memory set = nextSet();
        unrecognised(set, signAll(present, 3, attestation(address(verifier), leafOf(CLAIM))));
    }

    // -------------------------------------------------------------------------------------------------------- proposing

    function test_a_proposal_is_announced_and_changes_nothing_yet() public {
        AttesterSet memory set = nextSet();
        bytes memory signatures = signed(set);
        vm.expectEmit(true, true, true, true, address(verifier));
        emit IAttestedVerifier.SetProposed(2, 1, 3, set.attesters, START + DELAY);
        verifier.proposeSet(set, signatures);
        assertPending(set, START + DELAY);
        assertSet(1, 2, present);
        verifier.verify(attested(present, 2), CLAIM);
        bytes memory byNext = attested(next, 4);
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.NotAnAttester.selector, vm.addr(next[0])));
        verifier.verify(byNext, CLAIM);
        refused(set, signatures, stale(2, 2)); // once only
    }

    function test_a_newer_proposal_replaces_the_pending_one_and_the_delay_begins_again() public {
        propose(nextSet());
        vm.warp(START + DELAY); // even now, while nobody has activated it
        AttesterSet memory other =
            AttesterSet({ number: 2, revision: 2, threshold: 1, attesters: addressesOf(keysFrom(20, 2)) });
        propose(other);
        assertPending(other, START + 2 * DELAY);
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.TooEarly.selector, START + 2 * DELAY));
        verifier.activateSet();
        vm.warp(START + 2 * DELAY);
        verifier.activateSet();
        assertSet(2, 1, keysFrom(20, 2));
    }

    /// @dev Both signed as the first revision: whichever comes second is refused, and for good.
    function test_of_two_proposals_for_one_revision_the_first_wins() public {
        AttesterSet memory mine = nextSet();
        AttesterSet memory theirs = nextSet();
        theirs.threshold = 1;
        bytes memory signatures = signed(theirs);
        propose(mine);
        refused(theirs, signatures, stale(2, 2));
        propose(withdrawal(2, 2));
        refused(theirs, signatures, stale(2, 3));
        theirs.revision = 3;
        unrecognised(theirs, signatures);
    }

    function test_a_withdrawal() public {
        propose(nextSet());
        AttesterSet memory set = withdrawal(2, 2);
        bytes memory signatures = signed(set);
        vm.expectEmit(true, true, true, true, address(verifier));
        emit IAttestedVerifier.SetWithdrawn(2, 2);
        verifier.proposeSet(set, signatures);
        assertNothingPending();
        vm.warp(START + 10 * DELAY);
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.NothingProposed.selector));
        verifier.activateSet();
        assertSet(1, 2, present);
        (uint256 number, uint256 revision) = verifier.nextProposal();
        assertEq(number, 2, "number");
        assertEq(revision, 3, "revision");
    }

    /// @dev Signatures over a proposal that is not brought become worthless: its revision is used up.
    function test_a_withdrawal_of_what_was_signed_but_not_brought() public {
        AttesterSet memory secret = nextSet();
        bytes memory signatures = signed(secret);
        propose(withdrawal(2, 1));
        refused(secret, signatures, stale(2, 2));
    }

    // -------------------------------------------------------------------------------------------------------- activating

    function test_nothing_to_activate() public {
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.NothingProposed.selector));
        verifier.activateSet();
    }

    function testFuzz_the_delay_is_exact(uint256 delay, uint256 waited) public {
        delay = bound(delay, 1, 365 days);
        verifier = deploy(present, 2, delay);
        propose(nextSet());
        waited = bound(waited, 0, delay - 1);
        vm.warp(START + waited);
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.TooEarly.selector, START + delay));
        verifier.activateSet();
        vm.warp(START + delay - 1);
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.TooEarly.selector, START + delay));
        verifier.activateSet();
        vm.warp(START + delay);
        verifier.activateSet();
        assertEq(verifier.setNumber(), 2, "number");
    }

    function test_anybody_activates() public {
        propose(nextSet());
        vm.warp(START + DELAY);
        vm.expectEmit(true, true, true, true, address(verifier));
        emit IAttestedVerifier.SetActivated(2, 3, addressesOf(next));
        vm.prank(address(0xbeef));
        verifier.activateSet();
        assertSet(2, 3, next);
        for (uint256 i = 0; i < 3; ++i) {
            assertFalse(verifier.isAttester(vm.addr(present[i])), "an old attester");
        }
        assertNothingPending();
        (uint256 number, uint256 revision) = verifier.nextProposal();
        assertEq(number, 3, "number");
        assertEq(revision, 1, "revision");
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.NothingProposed.selector));
        verifier.activateSet();
    }

    function test_signatures_of_the_old_set_stop_counting_at_the_switch() public {
        bytes memory old = attested(present, 3);
        bytes memory byNext = attested(next, 3);
        propose(nextSet());
        vm.warp(START + DELAY);
        verifier.verify(old, CLAIM); // until somebody activates
        verifier.activateSet();
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.NotAnAttester.selector, vm.addr(present[0])));
        verifier.verify(old, CLAIM);
        verifier.verify(byNext, CLAIM);
        byNext = attested(next, 2);
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.TooFewSignatures.selector, 2, 3));
        verifier.verify(byNext, CLAIM);
    }

    function test_stored_roots_lapse_and_can_be_stored_again() public {
        (bytes32 root, bytes memory stored) = (leafOf(CLAIM), sealOf(""));
        bytes memory old = rootSeal(present, 2, root);
        bytes memory renewed = rootSeal(next, 3, root);
        verifier.submitMerkleRoot(root, old);
        rotate();
        assertFalse(verifier.containsRoot(root), "stored");
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.RootUnknown.selector, root));
        verifier.verify(stored, CLAIM);
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.TooFewSignatures.selector, 2, 3));
        verifier.submitMerkleRoot(root, old);
        old = rootSeal(present, 3, root);
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.NotAnAttester.selector, vm.addr(present[0])));
        verifier.submitMerkleRoot(root, old);
        verifier.submitMerkleRoot(root, renewed);
        assertTrue(verifier.containsRoot(root), "stored");
        verifier.verify(stored, CLAIM);
        assertFalse(verifier.containsRoot(keccak256("another")), "another");
    }

    function test_the_old_set_cannot_propose_for_later() public {
        AttesterSet memory later = nextSet();
        (later.number, later.attesters) = (3, addressesOf(present));
        bytes memory signatures = signed(later);
        refused(later, signatures, stale(2, 1));
        rotate();
        bytes memory reason = abi.encodeWithSelector(IAttestedVerifier.TooFewSignatures.selector, 2, 3);
        refused(later, signatures, reason);
        signatures = signAll(present, 3, proposal(address(verifier), later));
        refused(
            later, signatures, abi.encodeWithSelector(IAttestedVerifier.NotAnAttester.selector, vm.addr(present[0]))
        );
    }

    /// @dev Who stays keeps its word; who leaves takes it along; one who returns brings it back.
    function test_sets_that_overlap() public {
        uint256[] memory staying = new uint256[](2);
        (staying[0], staying[1]) = (present[0], present[2]);
        bytes memory byAll = attested(present, 3);
        bytes memory byStaying = attested(staying, 2);
        propose(AttesterSet({ number: 2, revision: 1, threshold: 2, attesters: addressesOf(staying) }));
        vm.warp(START + DELAY);
        verifier.activateSet();
        verifier.verify(byStaying, CLAIM);
        vm.expectRevert(abi.encodeWithSelector(IAttestedVerifier.NotAnAttester.selector, vm.addr(present[1])));
        verifier.verify(byAll, CLAIM);

        AttesterSet memory back = AttesterSet({ number: 3, revision: 1, threshold: 3, attesters: addressesOf(present) });
        verifier.proposeSet(back, signAll(staying, 2, proposal(address(verifier), back)));
        vm.warp(START + 2 * DELAY);
        verifier.activateSet();
        assertSet(3, 3, present);
        verifier.verify(byAll, CLAIM);
        assertFalse(verifier.containsRoot(leafOf(CLAIM)), "stored");
    }

    /// @dev The largest set, all of whom must sign, still fits the router's gas for one claim.
    function test_the_largest_set_verifies_under_the_router_s_cap() public {
        uint256[] memory keys = keysFrom(100, 64);
        verifier = deploy(keys, 64, DELAY);
        bytes memory seal = attested(keys, 64);
        (bool success,) = address(verifier).staticcall{ gas: 500_000 }(abi.encodeWithSelector(0x6b406341, seal, CLAIM));
        assertTrue(success, "verified");
    }

    // ----------------------------------------------------------------------------------------------------- any two sets

    function testFuzz_any_sets(uint256 seed, uint256 count, uint256 threshold, uint256 nextCount, uint256 nextThreshold)
        public
    {
        (count, nextCount) = (bound(count, 1, 8), bound(nextCount, 1, 8));
        (threshold, nextThreshold) = (bound(threshold, 1, count), bound(nextThreshold, 1, nextCount));
        // Up to eight attesters from a well of twelve keys: the sets often overlap.
        present = keysFrom(0, count);
        next = keysFrom(seed % 5, nextCount);
        verifier = deploy(present, threshold, DELAY);
        AttesterSet memory set = AttesterSet(2, 1, nextThreshold, addressesOf(next));
        bytes32 digest = proposal(address(verifier), set);
        bytes memory reason =
            abi.encodeWithSelector(IAttestedVerifier.TooFewSignatures.selector, threshold - 1, threshold);
        refused(set, signAll(present, threshold - 1, digest), reason);
        verifier.proposeSet(set, signAll(present, threshold, digest));
        vm.warp(START + DELAY);
        verifier.activateSet();
        assertSet(2, nextThreshold, next);
        verifier.verify(attested(next, nextThreshold), CLAIM);
        bool stays = true;
        for (uint256 i = 0; i < count; ++i) {
            bool isNext;
            for (uint256 j = 0; j < nextCount; ++j) {
                isNext = isNext || present[i] == next[j];
            }
            assertTrue(verifier.isAttester(vm.addr(present[i])) == isNext, "attester");
            stays = stays && isNext;
        }
        bytes memory old = attested(present, count);
        if (!stays || count < nextThreshold) vm.expectRevert();
        verifier.verify(old, CLAIM);
    }
}
