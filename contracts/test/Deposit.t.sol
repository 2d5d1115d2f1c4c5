// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IMarket } from "../src/interfaces/IMarket.sol";
import { MarketTest } from "./base/MarketTest.sol";
import { NoEther } from "./base/Outsiders.sol";
import { vm } from "./base/Vm.sol";

contract DepositTest is MarketTest {
    function test_deposit_reverts_above_uint96() public {
        uint256 tooMuch = uint256(type(uint96).max) + 1;
        vm.deal(address(this), tooMuch);
        expectRevert(abi.encodeWithSelector(IMarket.SafeCastOverflowedUintDowncast.selector, 96, tooMuch));
        market.deposit{ value: tooMuch }();
    }

    function test_plain_ether_is_refused() public {
        vm.deal(address(this), 1);
        (bool accepted,) = address(market).call{ value: 1 }("");
        assertFalse(accepted, "accepted");
    }

    function testFuzz_deposit_credits_the_sender(uint96 first, uint96 second) public {
        first = uint96(bound(first, 0, type(uint96).max / 2));
        second = uint96(bound(second, 0, type(uint96).max / 2));
        vm.deal(rival.addr, uint256(first) + second);
        vm.prank(rival.addr);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.Deposit(rival.addr, first);
        market.deposit{ value: first }();
        vm.prank(rival.addr);
        market.deposit{ value: second }();
        assertEq(market.balanceOf(rival.addr), uint256(first) + second, "balance");
        assertEq(market.balanceOfCollateral(rival.addr), 10 ether, "collateral untouched");
    }

    function testFuzz_depositTo_credits_the_recipient(address to, uint96 value) public {
        uint256 before = market.balanceOf(to);
        value = uint96(bound(value, 0, type(uint96).max - before));
        vm.deal(rival.addr, value);
        vm.prank(rival.addr);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.Deposit(to, value);
        market.depositTo{ value: value }(to);
        assertEq(market.balanceOf(to), before + value, "balance");
    }
}

contract WithdrawTest is MarketTest {
    function test_withdraw_reverts_beyond_the_balance() public {
        expectRevert(abi.encodeWithSelector(IMarket.InsufficientBalance.selector, client.addr));
        vm.prank(client.addr);
        market.withdraw(10 ether + 1);
    }

    function test_withdraw_reverts_for_amounts_that_would_truncate() public {
        expectRevert(abi.encodeWithSelector(IMarket.InsufficientBalance.selector, client.addr));
        vm.prank(client.addr);
        market.withdraw(1 << 96);
    }

    function test_withdraw_reverts_when_the_sender_takes_no_ether() public {
        address taker = address(new NoEther());
        fund(taker, 1 ether);
        expectRevert(abi.encodeWithSelector(IMarket.TransferFailed.selector));
        vm.prank(taker);
        market.withdraw(1 ether);
    }

    function testFuzz_withdraw_sends_what_was_deposited(uint96 value) public {
        value = uint96(bound(value, 0, 10 ether));
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.Withdrawal(client.addr, value);
        vm.prank(client.addr);
        market.withdraw(value);
        assertEq(client.addr.balance, value, "sent");
        assertEq(market.balanceOf(client.addr), 10 ether - value, "rest");
        assertEq(address(market).balance, 10 ether - value, "held");
    }

    function test_withdraw_cannot_be_reentered() public {
        Reenterer thief = new Reenterer(market);
        fund(address(thief), 1 ether);
        expectRevert(abi.encodeWithSelector(IMarket.TransferFailed.selector));
        thief.steal();
        assertEq(market.balanceOf(address(thief)), 1 ether, "nothing moved");
    }
}

contract Reenterer {
    IMarket private immutable market;

    constructor(IMarket market_) {
        market = market_;
    }

    function steal() external {
        market.withdraw(1 ether);
    }

    receive() external payable {
        market.withdraw(1 ether);
    }
}
