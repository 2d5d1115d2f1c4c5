// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IProverRegistry } from "../../src/interfaces/IProverRegistry.sol";
import { Signature } from "../../src/signing/Signature.sol";
import { Eip712Reference } from "../base/Eip712Reference.sol";
import { vm } from "../base/Vm.sol";
import { RegistryTest } from "./RegistryTest.sol";

/// @notice What only the operator does: registering, its share, its keys, its hardware; and what anybody records of it.
contract OperatorTest is RegistryTest {
    uint256 private signer = keyOf("signer");
    address private key = vm.addr(signer);

    // ------------------------------------------------------------------------------------------------------- constructor

    function deployFails(address token_, uint96 minSelfStake, uint48 coolDown) private {
        bytes memory code = abi.encodePacked(
            vm.getCode("ProverRegistry.sol:ProverRegistry"), abi.encode(token_, minSelfStake, coolDown)
        );
        address deployed;
        assembly {
            deployed := create(0, add(code, 0x20), mload(code))
        }
        assertEq(deployed, address(0), "deployed");
    }

    function test_constructor() public {
        deployFails(alice, MIN_SELF_STAKE, COOL_DOWN);
        deployFails(address(token), 0, COOL_DOWN);
        deployFails(address(token), MIN_SELF_STAKE, 0);
        deployFails(address(token), MIN_SELF_STAKE, 365 days + 1);
        IProverRegistry made = newRegistry(address(token), 1, 365 days);
        assertEq(made.TOKEN(), address(token), "token");
        assertEq(made.MIN_SELF_STAKE(), 1, "minimum");
        assertEq(made.COOL_DOWN(), 365 days, "cool-down");
        assertEq(made.ALLOW_NOTICE(), 730 days, "notice");
        assertEq(made.MAX_KEYS(), 16, "keys");
    }

    function test_domain() public view {
        bytes32 domain = Eip712Reference.domain("ProverRegistry", address(registry));
        assertEq(registry.eip712DomainSeparator(), domain, "separator");
    }

    // ---------------------------------------------------------------------------------------------------------- register

    function test_register_refusals() public {
        refused(prover, IProverRegistry.KeyTaken.selector, prover, prover);
        registry.register(10_001);
        refused(alice, abi.encodeWithSelector(IProverRegistry.InvalidBps.selector, 10_001));
        registry.register(10_001);
        addKey();
        refused(key, IProverRegistry.KeyTaken.selector, key, prover);
        registry.register(0);
    }

    function testFuzz_register(address operator, uint16 bps) public {
        vm.assume(registry.proverOf(operator) == address(0) && operator != address(0));
        bps = uint16(bound(bps, 0, 10_000));
        vm.expectEmit(true, true, true, true, address(registry));
        emit IProverRegistry.ProverRegistered(operator, bps);
        vm.prank(operator);
        registry.register(bps);
        assertEq(registry.proverOf(operator), operator, "signs for itself");
        assertFalse(registry.isActive(operator), "active without stake");
        (uint16 now_, uint16 announced, uint256 from) = registry.operatorShare(operator);
        assertEq(now_, bps, "share");
        assertEq(announced, bps, "announced");
        assertEq(from, 0, "from");
    }

    // ----------------------------------------------------------------------------------------------------------- share

    function test_setOperatorShare_refusals() public {
        refused(alice, IProverRegistry.UnknownProver.selector, alice);
        registry.setOperatorShare(10_001);
        refused(prover, abi.encodeWithSelector(IProverRegistry.InvalidBps.selector, 10_001));
        registry.setOperatorShare(10_001);
    }

    function checkShare(uint16 bps, uint16 announced, uint256 from) private {
        (uint16 now_, uint16 then_, uint256 at_) = registry.operatorShare(prover);
        assertEq(now_, bps, "share");
        assertEq(then_, announced, "announced");
        assertEq(at_, from, "from");
        uint256 before = registry.creditOf(prover);
        reward(prover, 1 ether);
        assertEq(registry.creditOf(prover) - before, 1 ether * uint256(bps) / 10_000, "what the operator gets");
    }

    function test_a_share_changes_one_cool_down_after_it_was_announced() public {
        vm.expectEmit(true, true, true, true, address(registry));
        emit IProverRegistry.OperatorShareAnnounced(prover, 10_000, START + COOL_DOWN);
        vm.startPrank(prover);
        registry.setOperatorShare(10_000);
        vm.stopPrank();
        vm.warp(START + COOL_DOWN - 1);
        checkShare(SHARE_BPS, 10_000, START + COOL_DOWN);
        vm.warp(START + COOL_DOWN);
        checkShare(10_000, 10_000, 0);

        // Another announcement starts from what holds now, and replaces one that waits.
        vm.startPrank(prover);
        registry.setOperatorShare(5);
        vm.stopPrank();
        checkShare(10_000, 5, START + 2 * COOL_DOWN);
        vm.warp(START + 2 * COOL_DOWN - 1);
        vm.startPrank(prover);
        registry.setOperatorShare(7);
        vm.stopPrank();
        vm.warp(START + 3 * COOL_DOWN - 2);
        checkShare(10_000, 7, START + 3 * COOL_DOWN - 1);
        vm.warp(START + 3 * COOL_DOWN - 1);
        checkShare(7, 7, 0);
    }

    // -------------------------------------------------------------------------------------------------------------- keys

    function addKey() private {
        bytes memory signature = signKey(signer, prover, registry.keyNonce(key));
        vm.prank(prover);
        registry.addKey(key, signature);
    }

    function test_addKey_refusals() public {
        bytes memory signature = signKey(signer, prover, 0);
        refused(alice, IProverRegistry.UnknownProver.selector, alice);
        registry.addKey(key, signature);
        registerActive(other, MIN_SELF_STAKE);
        refused(prover, IProverRegistry.KeyTaken.selector, other, other);
        registry.addKey(other, "");
        refused(prover, abi.encodeWithSelector(Signature.ECDSAInvalidSignatureLength.selector, 0));
        registry.addKey(key, "");
        bytes memory highS = signHighS(signer, keccak256("anything"));
        vm.prank(prover);
        vm.expectPartialRevert(Signature.ECDSAInvalidSignatureS.selector);
        registry.addKey(key, highS);
        refused(prover, abi.encodeWithSelector(Signature.ECDSAInvalidSignature.selector));
        registry.addKey(key, new bytes(65));

        // Another's signature; one for another prover, for another time, and for another chain.
        bytes memory wrong = signKey(keyOf("alice"), prover, 0);
        refused(prover, abi.encodeWithSelector(IProverRegistry.NotTheKey.selector, alice, key));
        registry.addKey(key, wrong);
        expectNotTheKey(signKey(signer, other, 0));
        expectNotTheKey(signKey(signer, prover, 1));
        vm.chainId(7);
        bytes memory elsewhere = signKey(signer, prover, 0);
        vm.chainId(31337);
        expectNotTheKey(elsewhere);
    }

    function expectNotTheKey(bytes memory signature) private {
        vm.prank(prover);
        vm.expectPartialRevert(IProverRegistry.NotTheKey.selector);
        registry.addKey(key, signature);
    }

    function test_a_prover_has_at_most_sixteen_keys() public {
        for (uint256 i = 0; i < 16; ++i) {
            uint256 secret = keyOf(vm.toString(i));
            bytes memory signature = signKey(secret, prover, 0);
            vm.prank(prover);
            registry.addKey(vm.addr(secret), signature);
        }
        assertEq(registry.keyCount(prover), 16, "keys");
        refused(prover, abi.encodeWithSelector(IProverRegistry.TooManyKeys.selector, 16));
        registry.addKey(key, "");
        vm.prank(prover);
        registry.removeKey(vm.addr(keyOf("3")));
        addKey();
    }

    function testFuzz_a_key_comes_and_goes(uint256 secret) public {
        secret = toKey(secret);
        address fresh = vm.addr(secret);
        vm.assume(registry.proverOf(fresh) == address(0));
        bytes memory signature = signKey(secret, prover, 0);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IProverRegistry.KeyAdded(prover, fresh);
        vm.prank(prover);
        registry.addKey(fresh, signature);
        assertEq(registry.proverOf(fresh), prover, "signs for");
        assertEq(registry.keyCount(prover), 1, "keys");

        vm.expectEmit(true, true, true, true, address(registry));
        emit IProverRegistry.KeyRemoved(prover, fresh);
        vm.prank(fresh);
        registry.removeKey(fresh);
        assertEq(registry.proverOf(fresh), address(0), "still signs");
        assertEq(registry.keyCount(prover), 0, "keys");

        // What the key signed once does not add it again.
        vm.expectPartialRevert(IProverRegistry.NotTheKey.selector);
        vm.prank(prover);
        registry.addKey(fresh, signature);
        bytes memory again = signKey(secret, prover, 1);
        vm.prank(prover);
        registry.addKey(fresh, again);
    }

    function test_removeKey_refusals() public {
        refused(prover, IProverRegistry.KeyUnknown.selector, key);
        registry.removeKey(key);
        refused(prover, IProverRegistry.KeyUnknown.selector, prover);
        registry.removeKey(prover);
        addKey();
        refused(other, IProverRegistry.KeyUnknown.selector, key);
        registry.removeKey(key);
        refused(prover, IProverRegistry.KeyTaken.selector, key, prover);
        registry.addKey(key, "");
    }

    // ---------------------------------------------------------------------------------------------------------- hardware

    function test_declareHardware_refusals() public {
        refused(alice, IProverRegistry.UnknownProver.selector, alice);
        registry.declareHardware(new bytes(4097));
        refused(prover, abi.encodeWithSelector(IProverRegistry.DocumentTooLong.selector, 4097, 4096));
        registry.declareHardware(new bytes(4097));
    }

    function test_declareHardware() public {
        bytes memory document = new bytes(4096);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IProverRegistry.HardwareDeclared(prover, keccak256(document), document);
        vm.prank(prover);
        registry.declareHardware(document);
        (bytes32 documentHash, uint64 blockNumber) = registry.hardware(prover);
        assertEq(documentHash, keccak256(document), "hash");
        assertEq(blockNumber, FIRST_BLOCK, "block");
    }

    // ----------------------------------------------------------------------------------------------------- qualification

    function testFuzz_qualification(address recorder, bytes32 workload, uint64 duration) public {
        refused(recorder, IProverRegistry.UnknownProver.selector, alice);
        registry.recordQualification(alice, workload, duration);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IProverRegistry.Qualified(recorder, prover, workload, duration);
        vm.prank(recorder);
        registry.recordQualification(prover, workload, duration);
        (uint64 at_, uint64 took) = registry.qualification(recorder, prover, workload);
        assertEq(at_, FIRST_BLOCK, "block");
        assertEq(took, duration, "duration");
        (at_,) = registry.qualification(address(uint160(recorder) ^ 1), prover, workload);
        assertEq(at_, 0, "another recorder's");
        (at_,) = registry.qualification(recorder, prover, ~workload);
        assertEq(at_, 0, "another workload");
    }
}
