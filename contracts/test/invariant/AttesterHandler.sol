// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IAttestedVerifier } from "../../src/interfaces/IAttestedVerifier.sol";
import { AttesterSet } from "../../src/verification/AttesterSet.sol";
import { AttesterTest } from "../base/AttesterTest.sol";
import { vm } from "../base/Vm.sol";

/// @notice Random groups of attesters and strangers propose sets, activate them and attest roots. A model says beforehand what
///         each of them achieves; the verifier must agree.
contract AttesterHandler is AttesterTest {
    uint256 private constant WELL = 8;
    uint256 private constant ROOTS = 4;

    IAttestedVerifier public immutable verifier;
    /// @dev All who ever sign, attesters or not, in ascending order. Sets and groups are bit masks over them.
    uint256[] private well;
    address[] private owners;

    // The model.
    uint256 private number = 1;
    uint256 private revision;
    uint256 private members;
    uint256 private threshold = 2;
    uint256 private pendingMembers;
    uint256 private pendingThreshold;
    uint256 private activatableAt;
    mapping(bytes32 => uint256) private storedUnder;

    /// @dev How often something took effect, so that a run in which nothing does is seen.
    uint256 public switches;

    constructor() {
        vm.warp(1_800_000_000);
        well = keysFrom(0, WELL);
        owners = addressesOf(well);
        members = 7;
        verifier = deploy(keysOf(members), 2, DELAY);
    }

    function keysOf(uint256 mask) private view returns (uint256[] memory keys) {
        keys = new uint256[](size(mask));
        uint256 length;
        for (uint256 i = 0; i < WELL; ++i) {
            if (mask >> i & 1 == 1) keys[length++] = well[i];
        }
    }

    function attestersOf(uint256 mask) private view returns (address[] memory list) {
        list = new address[](size(mask));
        uint256 length;
        for (uint256 i = 0; i < WELL; ++i) {
            if (mask >> i & 1 == 1) list[length++] = owners[i];
        }
    }

    function size(uint256 mask) private pure returns (uint256 count) {
        for (; mask != 0; mask >>= 1) {
            count += mask & 1;
        }
    }

    /// @dev Half of the groups have attesters only, as the others mostly fail.
    function groupOf(uint256 seed) private view returns (uint256 group) {
        group = seed % (1 << WELL);
        if (seed >> WELL & 1 == 1) group &= members;
        if (seed >> WELL & 3 == 3) group = members;
    }

    function convinces(uint256 group) private view returns (bool) {
        return group & ~members == 0 && size(group) >= threshold;
    }

    function signatures(uint256 group, bytes32 digest) private view returns (bytes memory) {
        return signAll(keysOf(group), size(group), digest);
    }

    // ---------------------------------------------------------------------------------------------------------- actions

    function wait(uint256 time) external {
        vm.warp(vm.getBlockTimestamp() + bound(time, 1, DELAY));
    }

    function propose(uint256 seed, uint256 mask, uint256 threshold_, bool fresh) external {
        mask = mask % (1 << WELL);
        threshold_ = bound(threshold_, 0, size(mask));
        uint256 revision_ = fresh ? revision + 1 : revision;
        AttesterSet memory set = AttesterSet(number + 1, revision_, threshold_, attestersOf(mask));
        uint256 group = groupOf(seed);
        bytes memory call_ =
            abi.encodeCall(verifier.proposeSet, (set, signatures(group, proposal(address(verifier), set))));
        (bool success,) = address(verifier).call(call_);
        bool withdrawn = mask == 0;
        bool valid = withdrawn || threshold_ != 0;
        assertTrue(success == (fresh && valid && convinces(group)), "proposed");
        if (!success) return;
        revision = revision_;
        (pendingMembers, pendingThreshold) = (mask, threshold_);
        activatableAt = withdrawn ? 0 : vm.getBlockTimestamp() + DELAY;
    }

    function activate() external {
        (bool success,) = address(verifier).call(abi.encodeCall(verifier.activateSet, ()));
        assertTrue(success == (activatableAt != 0 && vm.getBlockTimestamp() >= activatableAt), "activated");
        if (!success) return;
        (members, threshold) = (pendingMembers, pendingThreshold);
        (pendingMembers, pendingThreshold, activatableAt, revision) = (0, 0, 0, 0);
        ++number;
        ++switches;
    }

    function attest(uint256 seed, uint256 which) external {
        bytes32 root = keccak256(abi.encode(which % ROOTS));
        uint256 group = groupOf(seed);
        bytes memory seal = abi.encodePacked(SELECTOR, signatures(group, attestation(address(verifier), root)));
        (bool success,) = address(verifier).call(abi.encodeCall(verifier.submitMerkleRoot, (root, seal)));
        assertTrue(success == convinces(group), "attested");
        if (success) storedUnder[root] = number;
    }

    // ------------------------------------------------------------------------------------------------------------ audit

    function audit() external view {
        assertEq(verifier.setNumber(), number, "number");
        assertEq(verifier.threshold(), threshold, "threshold");
        assertEq(abi.encode(verifier.attesters()), abi.encode(attestersOf(members)), "attesters");
        for (uint256 i = 0; i < WELL; ++i) {
            assertTrue(verifier.isAttester(owners[i]) == (members >> i & 1 == 1), "attester");
        }
        for (uint256 i = 0; i < ROOTS; ++i) {
            bytes32 root = keccak256(abi.encode(i));
            assertTrue(verifier.containsRoot(root) == (storedUnder[root] == number), "root");
        }
        auditPending();
    }

    function auditPending() private view {
        (AttesterSet memory set, uint256 since) = verifier.pendingSet();
        (uint256 nextNumber, uint256 nextRevision) = verifier.nextProposal();
        assertEq(since, activatableAt, "activatable at");
        assertEq(nextNumber, number + 1, "next number");
        assertEq(nextRevision, revision + 1, "next revision");
        AttesterSet memory expected;
        if (since != 0) {
            expected = AttesterSet(number + 1, revision, pendingThreshold, attestersOf(pendingMembers));
        }
        assertEq(abi.encode(set), abi.encode(expected), "pending");
    }
}
