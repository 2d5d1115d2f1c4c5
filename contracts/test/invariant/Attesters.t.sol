// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Test } from "../base/Test.sol";
import { AttesterHandler } from "./AttesterHandler.sol";

/// @notice Whatever fewer than `threshold` of the present attesters propose or attest never takes effect, and nothing does before
///         its delay is over; at any time only the present set counts.
contract AttestersInvariantTest is Test {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    AttesterHandler private handler;

    function setUp() public {
        handler = new AttesterHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[] memory actions = new bytes4[](4);
        actions[0] = handler.wait.selector;
        actions[1] = handler.propose.selector;
        actions[2] = handler.activate.selector;
        actions[3] = handler.attest.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), actions);
    }

    function invariant_the_verifier_agrees_with_the_model() public view {
        handler.audit();
    }

    /// @dev The actions can rotate the set at all: two rotations, step by step.
    function test_the_actions_rotate() public {
        uint256 all = 3 << 8;
        handler.propose(all, 0xf0, 2, true);
        handler.wait(7 days);
        handler.activate();
        handler.propose(all, 0x0f, 1, true);
        handler.wait(7 days);
        handler.activate();
        handler.attest(all, 0);
        assertEq(handler.switches(), 2, "switches");
        handler.audit();
    }
}
