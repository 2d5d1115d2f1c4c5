// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Test } from "../base/Test.sol";
import { SettlementHandler } from "./SettlementHandler.sol";

/// @notice Whatever happens: ether and collateral are conserved, and everybody has what the settlement table gives them.
contract SettlementInvariantTest is Test {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    SettlementHandler private handler;

    function setUp() public {
        handler = new SettlementHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[] memory actions = new bytes4[](8);
        actions[0] = handler.wait.selector;
        actions[1] = handler.deposit.selector;
        actions[2] = handler.withdraw.selector;
        actions[3] = handler.depositCollateral.selector;
        actions[4] = handler.withdrawCollateral.selector;
        actions[5] = handler.lock.selector;
        actions[6] = handler.fulfill.selector;
        actions[7] = handler.slash.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), actions);
    }

    function invariant_ether_and_collateral_are_conserved() public view {
        (uint256 ether_, uint256 collateral) = handler.held();
        assertEq(ether_, handler.totalEther(), "ether");
        assertEq(collateral, handler.totalCollateral(), "collateral");
    }

    function invariant_the_market_agrees_with_the_model() public view {
        handler.audit();
    }
}
