// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IMarket } from "../src/interfaces/IMarket.sol";
import { ProofRequest } from "../src/request/ProofRequest.sol";
import { DeliveryTest } from "./base/DeliveryTest.sol";
import { vm } from "./base/Vm.sol";

/// @notice A collateral token that turns bad, in a way of its own, once the market trusts it with money.
contract BadToken {
    enum Mode {
        Honest, // returns true
        Silent, // moves and returns nothing
        False, // does not move and returns false
        Revert,
        Garbage, // does not move and returns two
        Short, // does not move and returns a single byte
        Fee, // keeps a tenth
        BurnGas,
        ReturnBomb, // does not move and fails with a megabyte
        Reenter // moves, after it has called the market
    }

    mapping(address => uint256) public balanceOf;
    Mode public mode;
    bytes private prepared;
    address private market;
    bool public reentered;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function setMode(Mode mode_) external {
        mode = mode_;
    }

    function prepare(address market_, bytes calldata call_) external {
        (market, prepared) = (market_, call_);
    }

    function transfer(address to, uint256 amount) external {
        move(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) external {
        move(from, to, amount);
    }

    function move(address from, address to, uint256 amount) private {
        Mode now_ = mode;
        if (now_ == Mode.Revert) revert("no");
        while (now_ == Mode.BurnGas) { }
        if (now_ == Mode.ReturnBomb) {
            assembly {
                revert(0, 1000000)
            }
        }
        if (now_ == Mode.False) answer(0, 32);
        if (now_ == Mode.Garbage) answer(2, 32);
        if (now_ == Mode.Short) answer(1, 1);
        if (now_ == Mode.Reenter) (reentered,) = market.call(prepared);
        require(balanceOf[from] >= amount, "poor");
        balanceOf[from] -= amount;
        balanceOf[to] += now_ == Mode.Fee ? amount - amount / 10 : amount;
        if (now_ == Mode.Silent) answer(0, 0);
        answer(1, 32);
    }

    function answer(uint256 word, uint256 size) private pure {
        assembly {
            mstore(0, word)
            return(0, size)
        }
    }
}

/// @notice The market over a token that misbehaves: no account is credited with what is not here, and ETH never waits for it.
contract MaliciousTokenTest is DeliveryTest {
    address private constant BURN = 0x000000000000000000000000000000000000dEaD;

    BadToken private bad;
    ProofRequest private request;

    function setUp() public override {
        super.setUp();
        bad = new BadToken();
        market = IMarket(deploy("Market", abi.encode(router, bad, treasury)));
        fund(client.addr, 10 ether);
        bad.mint(prover.addr, 30 ether);
        bad.mint(rival.addr, 30 ether);
        vm.prank(prover.addr);
        market.depositCollateral(10 ether);
        vm.prank(rival.addr);
        market.depositCollateral(10 ether);
        request = newRequest(1);
    }

    /// @dev The modes in which nothing moves.
    function refusing() private pure returns (BadToken.Mode[6] memory) {
        return [
            BadToken.Mode.False,
            BadToken.Mode.Revert,
            BadToken.Mode.Garbage,
            BadToken.Mode.Short,
            BadToken.Mode.BurnGas,
            BadToken.Mode.ReturnBomb
        ];
    }

    function assertBacked() private view {
        uint256 owned = market.balanceOfCollateral(prover.addr) + market.balanceOfCollateral(rival.addr)
            + market.balanceOfCollateral(address(market)) + market.balanceOfCollateral(BURN);
        (,,,,, uint96 locked,) = market.requestLocks(request.id);
        assertEq(bad.balanceOf(address(market)), owned + locked, "held and owned");
    }

    function expired() private {
        lock(newRequest(1), prover);
        vm.warp(START + 201);
    }

    // ----------------------------------------------------------------------------------------------------------- deposit

    function test_deposit_of_a_silent_token() public {
        bad.setMode(BadToken.Mode.Silent);
        vm.prank(prover.addr);
        market.depositCollateral(1 ether);
        assertCollateral(11 ether, 10 ether);
        assertBacked();
    }

    function test_deposit_that_a_token_refuses() public {
        BadToken.Mode[6] memory modes = refusing();
        for (uint256 i = 0; i < modes.length; ++i) {
            bad.setMode(modes[i]);
            vm.expectRevert(abi.encodeWithSelector(IMarket.TransferFromFailed.selector));
            vm.prank(prover.addr);
            market.depositCollateral(1 ether);
        }
        assertCollateral(10 ether, 10 ether);
    }

    /// One account's shortfall would be everybody's.
    function test_deposit_of_a_token_that_keeps_a_fee() public {
        bad.setMode(BadToken.Mode.Fee);
        vm.expectRevert(abi.encodeWithSelector(IMarket.CollateralNotReceived.selector, 21 ether, 20.9 ether));
        vm.prank(prover.addr);
        market.depositCollateral(1 ether);
        assertBacked();
    }

    /// @dev The token itself may deposit and withdraw, from inside a transfer too; nobody else's account moves.
    function test_deposit_of_a_token_that_reenters() public {
        bad.mint(address(bad), 1 ether);
        bad.prepare(address(market), abi.encodeCall(IMarket.depositCollateral, (0)));
        bad.setMode(BadToken.Mode.Reenter);
        vm.prank(prover.addr);
        market.depositCollateral(1 ether);
        assertTrue(bad.reentered(), "reentered");
        assertCollateral(11 ether, 10 ether);
        assertBacked();
    }

    // ---------------------------------------------------------------------------------------------------------- withdraw

    function test_withdrawal_of_a_silent_token() public {
        bad.setMode(BadToken.Mode.Silent);
        vm.prank(prover.addr);
        market.withdrawCollateral(4 ether);
        assertCollateral(6 ether, 10 ether);
        assertEq(bad.balanceOf(prover.addr), 24 ether, "sent");
    }

    function test_withdrawal_that_a_token_refuses() public {
        BadToken.Mode[6] memory modes = refusing();
        for (uint256 i = 0; i < modes.length; ++i) {
            bad.setMode(modes[i]);
            vm.expectRevert(abi.encodeWithSelector(IMarket.TransferFailed.selector));
            vm.prank(prover.addr);
            market.withdrawCollateral(1 ether);
        }
        assertCollateral(10 ether, 10 ether);
        assertBacked();
    }

    /// The receiver bears the fee; what is left for the others is whole.
    function test_withdrawal_of_a_token_that_keeps_a_fee() public {
        bad.setMode(BadToken.Mode.Fee);
        vm.prank(prover.addr);
        market.withdrawCollateral(10 ether);
        assertEq(bad.balanceOf(prover.addr), 29 ether, "sent");
        assertBacked();
    }

    function test_withdrawal_of_a_token_that_reenters() public {
        bad.prepare(address(market), abi.encodeCall(IMarket.withdrawCollateral, (1)));
        bad.setMode(BadToken.Mode.Reenter);
        vm.prank(prover.addr);
        market.withdrawCollateral(10 ether);
        assertFalse(bad.reentered(), "the token has no balance of its own");
        assertCollateral(0, 10 ether);
        assertBacked();
    }

    // ------------------------------------------------------------------------------------------------------------- slash

    function test_slash_of_a_silent_token() public {
        expired();
        bad.setMode(BadToken.Mode.Silent);
        market.slash(request.id);
        assertEq(bad.balanceOf(BURN), 0.5 ether, "burned");
        assertEq(market.balanceOfCollateral(BURN), 0, "booked");
        assertBacked();
    }

    /// The client's ETH does not wait for the token, and the books say where the tokens are.
    function test_slash_that_a_token_refuses() public {
        BadToken.Mode[6] memory modes = refusing();
        for (uint256 i = 0; i < modes.length; ++i) {
            expired();
            bad.setMode(modes[i]);
            uint256 before = gasleft();
            market.slash(request.id);
            assertTrue(before - gasleft() < 300_000, "gas");
            assertEther(10 ether, 0, 0);
            assertEq(bad.balanceOf(BURN), 0, "burned");
            assertEq(market.balanceOfCollateral(BURN), 0.5 ether, "booked");
            assertEq(market.balanceOfCollateral(address(market)), 0.5 ether, "the market's account");
            assertBacked();
            setUp();
        }
    }

    function test_slash_when_the_token_has_lost_its_code() public {
        expired();
        vm.etch(address(bad), "");
        market.slash(request.id);
        assertEther(10 ether, 0, 0);
        assertEq(market.balanceOfCollateral(BURN), 0.5 ether, "booked");
    }

    /// A token that notes the gas it gets: all that is promised, and no more.
    function test_slash_gives_the_token_100_000_gas() public {
        expired();
        vm.etch(address(bad), hex"5a5f555f5ff3"); // sstore(0, gas()), after which two gas are gone
        market.slash(request.id);
        assertEq(uint256(vm.load(address(bad), 0)), 100_000 - 2, "gas");
    }

    function test_slash_of_a_token_that_keeps_a_fee() public {
        expired();
        bad.setMode(BadToken.Mode.Fee);
        market.slash(request.id);
        assertEq(bad.balanceOf(BURN), 0.45 ether, "burned");
        assertBacked();
    }

    function test_slash_of_a_token_that_reenters() public {
        expired();
        bytes[3] memory calls = [
            abi.encodeCall(IMarket.slash, (request.id)),
            abi.encodeCall(IMarket.withdraw, (1)),
            abi.encodeCall(IMarket.withdrawCollateral, (1))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            bad.prepare(address(market), calls[i]);
            bad.setMode(BadToken.Mode.Reenter);
            market.slash(request.id);
            assertFalse(bad.reentered(), "there is nothing for it");
            assertEq(bad.balanceOf(BURN), 0.5 ether, "burned once");
            assertBacked();
            setUp();
            expired();
        }
    }

    function test_slash_and_the_treasury_sweep_in_one() public {
        expired();
        bad.prepare(address(market), abi.encodeCall(IMarket.sendToTreasury, ()));
        bad.setMode(BadToken.Mode.Reenter);
        market.slash(request.id); // the burn lets the sweep run: the rest is booked by then
        assertBacked();
        assertEther(10 ether, 0, 0);
    }
}
