// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { vm } from "./base/Vm.sol";
import { RegistryTest } from "./registry/RegistryTest.sol";

/// @notice Gas of whole transactions of the registry, calldata included: what grows with the number of provers grows with its
///         logarithm.
contract ProverRegistryGasTest is RegistryTest {
    function snap(string memory name) private {
        vm.snapshotGasLastCall("ProverRegistry", name);
    }

    /// @dev Further active provers, until there are `count` with the one of the fixture.
    function populate(uint256 count) private {
        for (uint256 i = 1; i < count; ++i) {
            registerActive(address(uint160(0x10000 + i)), MIN_SELF_STAKE);
        }
        // None of the words that the measured calls write is new, nor untouched in the tree.
        vm.prank(prover);
        registry.allow(mechanism);
        stake(alice, prover, 5 ether);
        unstake(alice, prover, 1 ether << 16);
        token.mint(alice, 10 ether);
        token.mint(address(registry), 1);
        token.mint(DEAD, 1);
        wait(2 * COOL_DOWN);
    }

    function test_1_prover() public {
        measure(1, "1 prover");
    }

    function test_100_provers() public {
        measure(100, "100 provers");
    }

    function test_1000_provers() public {
        measure(1000, "1000 provers");
    }

    function measure(uint256 count, string memory size) private {
        populate(count);
        vm.prank(alice);
        registry.delegate(prover, 1 ether);
        snap(string.concat("delegate: ", size));
        unstake(alice, prover, 1 ether << 16);
        snap(string.concat("undelegate: ", size));
        withdraw(alice, 0);
        snap(string.concat("withdraw: ", size));
        reserve(prover, 10 ether);
        snap(string.concat("reserve: ", size));
        vm.prank(mechanism);
        registry.release(prover, 1 ether);
        snap(string.concat("release: ", size));
        stake(prover, prover, 100 ether);
        slash(prover, 5 ether);
        snap(string.concat("slash: ", size));
        reward(prover, 1 ether);
        snap(string.concat("reward: ", size));
        registerActive(bob, MIN_SELF_STAKE);
        snap(string.concat("delegate, which makes a prover active: ", size));
        unstake(bob, bob, 1 << 16);
        snap(string.concat("undelegate, which makes a prover inactive: ", size));
    }

    function test_others() public {
        vm.prank(alice);
        registry.register(0);
        snap("register");
        bytes memory signature = signKey(keyOf("bob"), prover, 0);
        vm.prank(prover);
        registry.addKey(bob, signature);
        snap("addKey");
        vm.prank(prover);
        registry.declareHardware(new bytes(1024));
        snap("declareHardware: 1 KiB");
        vm.prank(mechanism);
        registry.recordDecline(prover);
        snap("recordDecline");
        registry.recordQualification(prover, 0, 0);
        snap("recordQualification");
        reward(prover, 1 ether);
        registry.claim(prover);
        snap("claim");
        uint256 size = address(registry).code.length;
        assertTrue(size <= 24_576, "size");
        vm.snapshotValue("ProverRegistry", "size", size);
    }
}
