// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IMarket } from "../src/interfaces/IMarket.sol";
import { ITreasury } from "../src/interfaces/ITreasury.sol";
import { ProofRequest } from "../src/request/ProofRequest.sol";
import { DeliveryTest } from "./base/DeliveryTest.sol";
import { NoEther } from "./base/Outsiders.sol";
import { vm } from "./base/Vm.sol";

contract TreasuryTest is DeliveryTest {
    address private constant STRANGER = address(0xbad);
    address private constant PAYEE = address(0xbeef);

    function setUp() public override {
        super.setUp();
        vm.deal(address(treasury), 10 ether);
        token.mint(address(treasury), 10 ether);
    }

    function proposed(address asset, address to, uint256 amount) private returns (uint256 id) {
        id = treasury.propose(asset, to, amount);
    }

    function fails(bytes4 reason) private {
        vm.expectRevert(abi.encodeWithSelector(reason));
    }

    function failsForStranger() private {
        vm.expectRevert(abi.encodeWithSelector(ITreasury.Unauthorized.selector, STRANGER));
        vm.prank(STRANGER);
    }

    // ------------------------------------------------------------------------------------------------------- deployment

    function test_the_delay_has_bounds() public {
        uint256[4] memory delays = [uint256(0), 7 days - 1, 90 days + 1, type(uint256).max];
        for (uint256 i = 0; i < delays.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ITreasury.InvalidDelay.selector, delays[i]));
            deploy("Treasury", abi.encode(address(this), delays[i]));
        }
        ITreasury longest = ITreasury(payable(deploy("Treasury", abi.encode(address(this), 90 days))));
        assertEq(longest.DELAY(), 90 days, "delay");
    }

    function test_an_owner_is_needed() public {
        fails(ITreasury.InvalidOwner.selector);
        deploy("Treasury", abi.encode(address(0), 7 days));
        assertEq(treasury.owner(), address(this), "owner");
    }

    // ---------------------------------------------------------------------------------------------------------- propose

    function test_propose_1_only_the_owner() public {
        failsForStranger();
        treasury.propose(address(0), STRANGER, 1);
    }

    function test_propose_2_a_recipient_is_needed() public {
        fails(ITreasury.InvalidRecipient.selector);
        treasury.propose(address(0), address(0), 11 ether);
        fails(ITreasury.InvalidRecipient.selector);
        treasury.propose(address(0), address(treasury), 11 ether);
    }

    function test_propose_3_what_is_not_here_cannot_ripen() public {
        address[2] memory assets = [address(0), address(token)];
        for (uint256 i = 0; i < assets.length; ++i) {
            proposed(assets[i], PAYEE, 7 ether);
            vm.expectRevert(abi.encodeWithSelector(ITreasury.NotCovered.selector, assets[i], 3 ether + 1, 3 ether));
            treasury.propose(assets[i], PAYEE, 3 ether + 1);
            proposed(assets[i], PAYEE, 3 ether);
            assertEq(treasury.reserved(assets[i]), 10 ether, "reserved");
        }
    }

    function test_propose_3_nothing_is_free_when_less_is_here_than_was_promised() public {
        proposed(address(0), PAYEE, 7 ether);
        vm.deal(address(treasury), 1 ether);
        vm.expectRevert(abi.encodeWithSelector(ITreasury.NotCovered.selector, address(0), 1, 0));
        treasury.propose(address(0), PAYEE, 1);
    }

    function test_propose_announces() public {
        vm.expectEmit(true, true, true, true, address(treasury));
        emit ITreasury.PaymentProposed(0, address(token), PAYEE, 4 ether, START + 7 days);
        uint256 id = proposed(address(token), PAYEE, 4 ether);
        (address asset, uint64 payableFrom, address to, uint256 amount) = treasury.payments(id);
        assertEq(asset, address(token), "token");
        assertEq(payableFrom, START + 7 days, "payable from");
        assertEq(to, PAYEE, "to");
        assertEq(amount, 4 ether, "amount");
        assertEq(proposed(address(0), PAYEE, 1), 1, "next id");
        assertEq(treasury.paymentCount(), 2, "count");
    }

    // ----------------------------------------------------------------------------------------------------------- cancel

    function test_cancel_1_only_the_owner() public {
        uint256 id = proposed(address(0), PAYEE, 1);
        failsForStranger();
        treasury.cancel(id);
    }

    function test_cancel_2_only_what_is_open() public {
        vm.expectRevert(abi.encodeWithSelector(ITreasury.UnknownPayment.selector, 0));
        treasury.cancel(0);
    }

    function test_cancel_frees_the_money() public {
        uint256 id = proposed(address(0), PAYEE, 10 ether);
        vm.expectEmit(true, true, true, true, address(treasury));
        emit ITreasury.PaymentCancelled(id);
        treasury.cancel(id);
        assertEq(treasury.reserved(address(0)), 0, "reserved");
        vm.warp(START + 8 days);
        vm.expectRevert(abi.encodeWithSelector(ITreasury.UnknownPayment.selector, id));
        treasury.execute(id);
        proposed(address(0), PAYEE, 10 ether);
    }

    // ---------------------------------------------------------------------------------------------------------- execute

    function test_execute_1_only_what_is_open_and_only_once() public {
        vm.expectRevert(abi.encodeWithSelector(ITreasury.UnknownPayment.selector, 0));
        treasury.execute(0);
        uint256 id = proposed(address(0), PAYEE, 1);
        vm.warp(START + 7 days);
        treasury.execute(id);
        vm.expectRevert(abi.encodeWithSelector(ITreasury.UnknownPayment.selector, id));
        treasury.execute(id);
    }

    function testFuzz_execute_2_not_before_its_time(uint256 time) public {
        uint256 id = proposed(address(0), PAYEE, 1 ether);
        vm.warp(bound(time, START, START + 7 days - 1));
        vm.expectRevert(abi.encodeWithSelector(ITreasury.TooEarly.selector, id, START + 7 days));
        treasury.execute(id);
    }

    function test_execute_3_a_receiver_that_refuses() public {
        uint256 id = proposed(address(0), address(new NoEther()), 1 ether);
        vm.warp(START + 7 days);
        fails(ITreasury.TransferFailed.selector);
        treasury.execute(id);
        assertEq(treasury.reserved(address(0)), 1 ether, "still open");
    }

    function test_execute_3_a_token_that_refuses() public {
        uint256 id = proposed(address(token), PAYEE, 1 ether);
        vm.warp(START + 7 days);
        vm.etch(address(token), hex"fe");
        fails(ITreasury.TransferFailed.selector);
        treasury.execute(id);
    }

    function testFuzz_execute_pays_by_anybody_and_at_any_later_time(uint96 amount, uint256 time, bool inToken) public {
        amount = uint96(bound(amount, 0, 10 ether));
        uint256 id = proposed(inToken ? address(token) : address(0), PAYEE, amount);
        vm.warp(bound(time, START + 7 days, type(uint64).max));
        vm.expectEmit(true, true, true, true, address(treasury));
        emit ITreasury.PaymentMade(id);
        vm.prank(STRANGER);
        treasury.execute(id);
        assertEq(token.balanceOf(PAYEE), inToken ? amount : 0, "tokens");
        assertEq(PAYEE.balance, inToken ? 0 : amount, "ether");
        assertEq(treasury.reserved(address(token)) + treasury.reserved(address(0)), 0, "reserved");
    }

    function test_execute_cannot_be_reentered() public {
        TwiceTaker taker = new TwiceTaker(treasury);
        uint256 id = proposed(address(0), address(taker), 1 ether);
        taker.aim(id);
        vm.warp(START + 7 days);
        fails(ITreasury.TransferFailed.selector);
        treasury.execute(id);
    }

    // -------------------------------------------------------------------------------------------------------- ownership

    function test_ownership_passes_in_two_steps() public {
        failsForStranger();
        treasury.offerOwnership(STRANGER);
        failsForStranger();
        treasury.takeOwnership();

        vm.expectEmit(true, true, true, true, address(treasury));
        emit ITreasury.OwnershipOffered(address(this), PAYEE);
        treasury.offerOwnership(PAYEE);
        assertEq(treasury.owner(), address(this), "not yet");
        failsForStranger();
        treasury.takeOwnership();
        vm.expectEmit(true, true, true, true, address(treasury));
        emit ITreasury.OwnershipTaken(address(this), PAYEE);
        vm.prank(PAYEE);
        treasury.takeOwnership();
        assertEq(treasury.owner(), PAYEE, "owner");
        assertEq(treasury.candidate(), address(0), "candidate");
        vm.expectRevert(abi.encodeWithSelector(ITreasury.Unauthorized.selector, address(this)));
        treasury.propose(address(0), PAYEE, 1);
    }

    function test_an_offer_can_be_taken_back() public {
        treasury.offerOwnership(STRANGER);
        treasury.offerOwnership(address(0));
        failsForStranger();
        treasury.takeOwnership();
    }
}

/// @notice A payee that asks for its payment again while it is paid.
contract TwiceTaker {
    ITreasury private immutable treasury;
    uint256 private id;

    constructor(ITreasury treasury_) {
        treasury = treasury_;
    }

    function aim(uint256 id_) external {
        id = id_;
    }

    receive() external payable {
        treasury.execute(id);
    }
}

contract SendToTreasuryTest is DeliveryTest {
    function test_the_market_needs_a_treasury_with_code() public {
        vm.expectRevert(abi.encodeWithSelector(IMarket.InvalidRouter.selector));
        deploy("Market", abi.encode(address(1), address(1), address(1)));
        vm.expectRevert(abi.encodeWithSelector(IMarket.InvalidCollateralToken.selector));
        deploy("Market", abi.encode(router, address(1), address(1)));
        vm.expectRevert(abi.encodeWithSelector(IMarket.InvalidTreasury.selector));
        deploy("Market", abi.encode(router, token, address(1)));
        assertEq(market.TREASURY(), address(treasury), "treasury");
    }

    function test_nothing_to_send() public {
        vm.recordLogs();
        market.sendToTreasury();
        assertEq(vm.getRecordedLogs().length, 0, "events");
    }

    function test_what_slashing_left() public {
        ProofRequest memory request = newRequest(1);
        lock(request, prover);
        vm.warp(START + 201);
        market.slash(request.id);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.CollateralWithdrawal(address(market), 0.5 ether);
        vm.prank(address(0xcafe));
        market.sendToTreasury();
        assertEq(token.balanceOf(address(treasury)), 0.5 ether, "sent");
        assertEq(market.balanceOfCollateral(address(market)), 0, "rest");
        market.sendToTreasury();
        assertEq(token.balanceOf(address(treasury)), 0.5 ether, "sent once");
    }

    /// Every other account, and every escrow, is as it was.
    function testFuzz_users_funds_stay(uint96 ether_, uint96 collateral) public {
        ether_ = uint96(bound(ether_, 1, 100 ether));
        collateral = uint96(bound(collateral, 1, 100 ether));
        fund(address(market), ether_);
        token.mint(address(this), collateral);
        token.approve(address(market), collateral);
        market.depositCollateralTo(address(market), collateral);
        lock(newRequest(1), prover);

        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.Withdrawal(address(market), ether_);
        market.sendToTreasury();
        assertEq(address(treasury).balance, ether_, "ether sent");
        assertEq(token.balanceOf(address(treasury)), collateral, "collateral sent");
        assertEq(market.balanceOf(address(market)) + market.balanceOfCollateral(address(market)), 0, "rest");
        assertEther(9 ether, 0, 0);
        assertCollateral(9 ether, 10 ether);
        assertEq(address(market).balance, 10 ether, "ether held");
        assertEq(token.balanceOf(address(market)), 20 ether, "collateral held");
        assertPaid(market.fulfill(batchOf(newRequest(1), prover))[0]);
        assertEther(9 ether, 1 ether, 0);
    }

    function test_a_token_that_refuses() public {
        fund(address(market), 1 ether);
        token.mint(address(this), 1 ether);
        token.approve(address(market), 1 ether);
        market.depositCollateralTo(address(market), 1 ether);
        vm.etch(address(token), hex"fe");
        vm.expectRevert(abi.encodeWithSelector(IMarket.TransferFailed.selector));
        market.sendToTreasury();
        assertEq(market.balanceOfCollateral(address(market)), 1 ether, "kept");
    }
}
