// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Test } from "../base/Test.sol";
import { vm } from "../base/Vm.sol";
import { RegistryHandler } from "./RegistryHandler.sol";

/// @notice Whatever happens, hostile mechanisms included: tokens are conserved, shares are worth no more than their pool, stake
///         under obligation stays, and the active set is what it says.
contract RegistryInvariantTest is Test {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    RegistryHandler private handler;

    function setUp() public {
        handler = new RegistryHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[] memory actions = new bytes4[](12);
        actions[0] = handler.pass.selector;
        actions[1] = handler.delegate.selector;
        actions[2] = handler.undelegate.selector;
        actions[3] = handler.withdraw.selector;
        actions[4] = handler.reward.selector;
        actions[5] = handler.claim.selector;
        actions[6] = handler.allow.selector;
        actions[7] = handler.revoke.selector;
        actions[8] = handler.reserve.selector;
        actions[9] = handler.release.selector;
        actions[10] = handler.slash.selector;
        actions[11] = handler.stampede.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), actions);
    }

    /// @dev One campaign for all, as each would be as long.
    function invariant_the_registry_keeps_its_promises() public view {
        handler.checkConservation();
        handler.checkPools();
        handler.checkActiveSet();
    }

    /// @dev What the handler never reaches the invariants say nothing about.
    function test_the_handler_reaches_everything() public {
        FuzzSelector[] memory targets = targetSelectors();
        bytes4[] memory actions = targets[0].selectors;
        uint256 seed = 1;
        for (uint256 i = 0; i < 800; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            (bool success,) =
                address(handler).call(abi.encodePacked(actions[seed % 12], seed >> 8, seed >> 16, seed >> 24));
            assertTrue(success, "a handler never reverts");
        }
        for (uint256 i = 0; i < 11; ++i) {
            bytes4 action = bytes4(keccak256("delegate(address,uint96)"));
            if (i == 2) action = bytes4(keccak256("undelegate(address,uint128)"));
            if (i == 3) action = bytes4(keccak256("withdraw(uint256)"));
            if (i == 5) action = bytes4(keccak256("claim(address)"));
            if (i == 6) action = bytes4(keccak256("allow(address)"));
            if (i == 7) action = bytes4(keccak256("revoke(address)"));
            if (i == 8) action = bytes4(keccak256("reserve(address,uint96)"));
            if (i == 9) action = bytes4(keccak256("release(address,uint96)"));
            if (i == 10) action = bytes4(keccak256("slash(address,uint96,address,address)"));
            assertTrue(handler.accepted(action) > 1, vm.toString(i));
        }
        assertTrue(handler.slashes() > 10, "slashes");
        assertTrue(handler.partialPayments() > 0, "withdrawals in part");
        handler.checkConservation();
        handler.checkPools();
        handler.checkActiveSet();
    }
}
