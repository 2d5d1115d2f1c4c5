// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Test } from "../base/Test.sol";
import { SettlementHandler } from "./SettlementHandler.sol";

/// @notice Whatever happens: ETH and collateral are conserved, and everybody has what the settlement table gives them.
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

    /// @dev What moves requests on comes more than once, so that a run gets somewhere.
    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[] memory actions = new bytes4[](15);
        actions[0] = handler.wait.selector;
        actions[1] = handler.deposit.selector;
        actions[2] = handler.withdraw.selector;
        actions[3] = handler.depositCollateral.selector;
        actions[4] = handler.withdrawCollateral.selector;
        actions[5] = handler.sendToTreasury.selector;
        actions[6] = handler.submit.selector;
        for (uint256 i = 7; i < 13; ++i) {
            actions[i] = i % 2 == 0 ? handler.lock.selector : handler.deliver.selector;
        }
        actions[13] = handler.deliver.selector;
        actions[14] = handler.slash.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), actions);
    }

    /// @dev One invariant, so that the runs are made once: the actions are what costs.
    function invariant_the_market_agrees_with_the_model() public view {
        handler.audit();
        (uint256 etherHeld, uint256 etherOwed, uint256 held, uint256 owed) = handler.sums();
        assertEq(etherHeld, etherOwed, "ether");
        assertEq(held, owed, "collateral");
        (uint256 inEscrow, uint256 locked) = handler.escrows();
        (
            uint256 escrowed,
            uint256 paid,
            uint256 refunded,
            uint256 lockedEver,
            uint256 returned,
            uint256 burned,
            uint256 rewarded,
            uint256 toMarket
        ) = handler.flows();
        assertEq(escrowed, paid + refunded + inEscrow, "escrowed = paid + refunded + in escrow");
        assertEq(lockedEver, returned + burned + rewarded + toMarket + locked, "locked = returned + forfeited + locked");
    }
}
