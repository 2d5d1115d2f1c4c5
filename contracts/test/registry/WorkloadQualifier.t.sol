// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IERC165 } from "../../src/interfaces/IVerifier.sol";
import { IVerifierRouter, ClassMetadata } from "../../src/interfaces/IVerifierRouter.sol";
import { IWorkloadQualifier, Workload } from "../../src/interfaces/IWorkloadQualifier.sol";
import { vm } from "../base/Vm.sol";
import { RegistryTest } from "./RegistryTest.sol";

/// @notice Accepts a seal that ends in the claim it is for.
contract EchoVerifier is IERC165 {
    error NotProven();

    function verify(bytes calldata seal, bytes32 claimDigest) external pure {
        if (bytes32(seal[4:]) != claimDigest) revert NotProven();
    }

    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == type(IERC165).interfaceId || id == 0x6b406341;
    }
}

contract WorkloadQualifierTest is RegistryTest {
    bytes4 private constant ENTRY = 0x12345678;

    IWorkloadQualifier private qualifier;
    IVerifierRouter private router;
    Workload private workload = Workload(keccak256("a program"), ENTRY, 20);
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        router = IVerifierRouter(vm.deployCode("VerifierRouter.sol:VerifierRouter", abi.encode(address(this))));
        router.addClass(0xAA000002, ClassMetadata(0x08060888, false, false, bytes4(0), 0, "", 1, "assessors"));
        router.addClass(0xAA000001, ClassMetadata(0x6b406341, false, false, 0xAA000002, 0, "", 1_000_000, "verifiers"));
        router.instantiate(ENTRY, address(new EchoVerifier()), 0xAA000001, 0);
        bytes memory arguments = abi.encode(registry, router);
        qualifier = IWorkloadQualifier(vm.deployCode("WorkloadQualifier.sol:WorkloadQualifier", arguments));
        id = qualifier.idOf(workload);
    }

    function begin() private {
        vm.prank(prover);
        qualifier.begin(workload);
    }

    function claimOf(bytes memory journal) private view returns (bytes32) {
        bytes32 output = sha256(abi.encodePacked(sha256("risc0.Output"), sha256(journal), bytes32(0), bytes2(0x0200)));
        bytes32 halted = 0xa3acc27117418996340b84e5a90f3ef4c49d22c79e44aad822ec9c313e1eb8e2;
        return sha256(
            abi.encodePacked(
                sha256("risc0.ReceiptClaim"), bytes32(0), workload.imageId, halted, output, bytes8(0), bytes2(0x0400)
            )
        );
    }

    function passRefused(bytes memory journal, bytes memory seal, bytes memory reason) private {
        vm.expectRevert(reason);
        qualifier.pass(prover, workload, journal, seal);
    }

    function test_begin_refusals() public {
        workload.blockLimit = 0;
        refused(alice, IWorkloadQualifier.UnknownProver.selector, alice);
        qualifier.begin(workload);
        refused(prover, abi.encodeWithSelector(IWorkloadQualifier.InvalidBlockLimit.selector));
        qualifier.begin(workload);
    }

    function test_pass_refusals() public {
        passRefused("", "", abi.encodeWithSelector(IWorkloadQualifier.NoChallenge.selector, prover, id));
        begin();
        passRefused("", "", abi.encodeWithSelector(IWorkloadQualifier.SeedNotKnownYet.selector));
        vm.roll(FIRST_BLOCK + 21);
        bytes32 seed = qualifier.seedOf(prover, id);
        passRefused("", "", abi.encodeWithSelector(IWorkloadQualifier.TooLate.selector, FIRST_BLOCK + 20));
        vm.roll(FIRST_BLOCK + 20);
        bytes memory missing = abi.encodeWithSelector(IWorkloadQualifier.SeedMissing.selector, seed);
        passRefused(new bytes(32), "", missing);
        bytes memory short = new bytes(31);
        for (uint256 i = 0; i < 31; ++i) {
            short[i] = seed[i];
        }
        passRefused(short, "", missing);
        bytes memory journal = abi.encodePacked(seed, "more");
        passRefused(
            journal,
            hex"1234",
            abi.encodeWithSelector(IWorkloadQualifier.SelectorMismatch.selector, bytes4(0x12340000), ENTRY)
        );
        passRefused(
            journal, abi.encodePacked(ENTRY, bytes32(0)), abi.encodeWithSelector(EchoVerifier.NotProven.selector)
        );
        router.removeEntry(ENTRY);
        passRefused(
            journal, abi.encodePacked(ENTRY), abi.encodeWithSelector(IWorkloadQualifier.EntryUnknown.selector, ENTRY)
        );
    }

    function testFuzz_pass(uint64 took, bytes memory rest, bool byKey) public {
        took = uint64(bound(took, 1, 20));
        if (byKey) {
            bytes memory signature = signKey(keyOf("bob"), prover, 0);
            vm.prank(prover);
            registry.addKey(bob, signature);
        }
        vm.expectEmit(true, true, true, true, address(qualifier));
        emit IWorkloadQualifier.ChallengeBegun(prover, id, workload);
        vm.prank(byKey ? bob : prover);
        qualifier.begin(workload);
        vm.roll(FIRST_BLOCK + took);
        bytes memory journal = abi.encodePacked(qualifier.seedOf(prover, id), rest);
        bytes memory seal = abi.encodePacked(ENTRY, claimOf(journal));
        vm.prank(alice);
        qualifier.pass(prover, workload, journal, seal);
        (uint64 at_, uint64 duration) = registry.qualification(address(qualifier), prover, id);
        assertEq(at_, FIRST_BLOCK + took, "block");
        assertEq(duration, took, "duration");
        passRefused(journal, seal, abi.encodeWithSelector(IWorkloadQualifier.NoChallenge.selector, prover, id));
    }

    function test_seeds() public {
        begin();
        registerActive(other, MIN_SELF_STAKE);
        vm.prank(other);
        qualifier.begin(workload);
        vm.roll(FIRST_BLOCK + 1);
        bytes32 seed = qualifier.seedOf(prover, id);
        assertEq(seed, keccak256(abi.encode(blockhash(FIRST_BLOCK), prover, id)), "seed");
        assertFalse(seed == qualifier.seedOf(other, id), "one seed for two");

        vm.roll(FIRST_BLOCK + 256);
        vm.expectEmit(true, true, true, true, address(qualifier));
        emit IWorkloadQualifier.SeedFixed(prover, id, seed);
        qualifier.fixSeed(prover, id);
        vm.roll(FIRST_BLOCK + 257);
        assertEq(qualifier.seedOf(prover, id), seed, "kept");
        vm.expectRevert(abi.encodeWithSelector(IWorkloadQualifier.SeedLost.selector));
        qualifier.fixSeed(other, id);
        // Whoever begins again gets another one.
        begin();
        vm.roll(FIRST_BLOCK + 258);
        assertFalse(qualifier.seedOf(prover, id) == seed, "the same seed again");
    }
}
