// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { FulfillmentBatch, ProofRequestBatch } from "../src/fulfillment/FulfillmentBatch.sol";
import { IERC1271 } from "../src/interfaces/IERC1271.sol";
import { IMarket } from "../src/interfaces/IMarket.sol";
import { IMarketCallback } from "../src/interfaces/IMarketCallback.sol";
import { ProofRequest } from "../src/request/ProofRequest.sol";
import { Callback } from "../src/request/Requirements.sol";
import { DeliveryTest } from "./base/DeliveryTest.sol";
import { Receiver } from "./base/Outsiders.sol";
import { vm } from "./base/Vm.sol";

/// @notice A requester's contract that does one call of its own from inside its callback, and remembers what came of it.
contract BusyCallback is IMarketCallback {
    address private target;
    bytes private prepared;
    uint256 private value;
    bool public called;
    bool public succeeded;
    bytes public reason;

    function prepare(address target_, bytes calldata call_, uint256 value_) external {
        (target, prepared, value) = (target_, call_, value_);
    }

    function handleProof(bytes32, bytes calldata, bytes calldata) external {
        if (called) return;
        called = true;
        (succeeded, reason) = target.call{ value: value }(prepared);
    }

    receive() external payable { }
}

/// @notice A client contract that tries to use the market while its signature is checked.
contract BusyWallet is IERC1271 {
    address private immutable market;
    bytes private prepared;

    constructor(address market_) {
        market = market_;
    }

    function prepare(bytes calldata call_) external {
        prepared = call_;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        (bool success,) = market.staticcall(prepared);
        require(success, "the market refused");
        return 0x1626ba7e;
    }
}

/// @notice Outsiders that are called by the market and call it back: whatever they do, the books stay balanced and nobody is
///         paid twice.
contract ReentrancyTest is DeliveryTest {
    BusyCallback private callback;
    ProofRequest private request;

    function setUp() public override {
        super.setUp();
        callback = new BusyCallback();
        ProofRequest memory fresh = newRequest(1);
        fresh.requirements.callback = Callback(address(callback), 1_500_000);
        request = fresh;
        lock(fresh, prover);
    }

    /// @param extra ether and tokens of others than the three parties
    function assertBalanced(uint256 escrowed, uint256 staked, uint256 extra) private view {
        uint256 owned = market.balanceOf(client.addr) + market.balanceOf(prover.addr) + market.balanceOf(rival.addr);
        assertEq(address(market).balance, owned + escrowed + extra, "ether");
        owned = market.balanceOfCollateral(prover.addr) + market.balanceOfCollateral(rival.addr)
            + market.balanceOfCollateral(address(market));
        assertEq(token.balanceOf(address(market)), owned + staked, "collateral");
    }

    function deliverWith(bytes memory call_, uint256 value) private {
        vm.deal(address(callback), value);
        callback.prepare(address(market), call_, value);
        assertPaid(market.fulfill(batchOf(request, prover))[0]);
        assertTrue(callback.called(), "called");
    }

    // -------------------------------------------------------------------------------------------------------- a callback

    function test_callback_that_delivers_the_same_again() public {
        deliverWith(abi.encodeCall(IMarket.fulfill, (batchOf(request, prover))), 0);
        assertFalse(callback.succeeded(), "there is not the gas for two callbacks");
        assertEther(9 ether, 1 ether, 0);
        assertCollateral(10 ether, 10 ether);
        assertBalanced(0, 0, 0);
    }

    function test_callback_that_delivers_the_same_for_a_rival() public {
        deliverWith(abi.encodeCall(IMarket.fulfill, (batchOf(request, rival))), 0);
        assertEther(9 ether, 1 ether, 0);
        assertBalanced(0, 0, 0);
    }

    function test_callback_that_delivers_another() public {
        lock(newRequest(2), prover);
        deliverWith(abi.encodeCall(IMarket.fulfill, (batchOf(newRequest(2), prover))), 0);
        assertTrue(callback.succeeded(), "delivered");
        assertEther(8 ether, 2 ether, 0);
        assertCollateral(10 ether, 10 ether);
        assertBalanced(0, 0, 0);
    }

    /// @dev Its own request comes twice in the batch; the second delivery finds the first one paid.
    function test_callback_between_two_deliveries_of_one_request() public {
        ProofRequest[] memory twice = new ProofRequest[](2);
        (twice[0], twice[1]) = (request, request);
        callback.prepare(address(market), abi.encodeCall(IMarket.sendToTreasury, ()), 0);
        bytes[] memory errors = market.fulfill(batchOf(twice, prover));
        assertPaid(errors[0]);
        assertEq(errors[1], isFulfilled(request.id), "second");
        assertEther(9 ether, 1 ether, 0);
        assertBalanced(0, 0, 0);
    }

    function test_callback_that_slashes() public {
        deliverWith(abi.encodeCall(IMarket.slash, (request.id)), 0);
        assertEq(callback.reason(), isFulfilled(request.id), "reason");
        assertBalanced(0, 0, 0);
    }

    function test_callback_that_slashes_after_a_late_delivery() public {
        vm.warp(START + 150);
        callback.prepare(address(market), abi.encodeCall(IMarket.slash, (request.id)), 0);
        deliver(request, rival);
        bytes memory early = abi.encodeWithSelector(IMarket.RequestIsNotExpired.selector, request.id, START + 200);
        assertEq(callback.reason(), early, "reason");
        assertBalanced(0, 1 ether, 0);
    }

    function test_callback_that_withdraws_what_it_owns() public {
        fund(address(callback), 3 ether);
        deliverWith(abi.encodeCall(IMarket.withdraw, (3 ether)), 0);
        assertTrue(callback.succeeded(), "withdrawn");
        assertEq(address(callback).balance, 3 ether, "sent");
        assertBalanced(0, 0, 0);
    }

    function test_callback_that_withdraws_what_it_does_not_own() public {
        deliverWith(abi.encodeCall(IMarket.withdraw, (1)), 0);
        assertEq(
            callback.reason(), abi.encodeWithSelector(IMarket.InsufficientBalance.selector, address(callback)), "reason"
        );
    }

    function test_callback_that_deposits() public {
        deliverWith(abi.encodeCall(IMarket.depositTo, (rival.addr)), 2 ether);
        assertTrue(callback.succeeded(), "deposited");
        assertEther(9 ether, 1 ether, 2 ether);
        assertBalanced(0, 0, 0);
    }

    function test_callback_that_locks() public {
        ProofRequest memory next = newRequest(2);
        next.offer.lockCollateral = 0;
        deliverWith(abi.encodeCall(IMarket.lockRequest, (next, signRequest(next))), 0);
        assertTrue(callback.succeeded(), "locked");
        assertEther(8 ether, 1 ether, 0);
        assertBalanced(1 ether, 0, 0);
    }

    /// @dev A price lasts until the transaction ends, but an id is fulfilled once.
    function test_callback_that_delivers_a_priced_one_first() public {
        ProofRequest memory open = newRequest(2);
        ProofRequest[] memory both = new ProofRequest[](2);
        (both[0], both[1]) = (request, open);
        FulfillmentBatch[] memory outer = batchOf(both, prover);
        FulfillmentBatch[] memory inner = batchOf(open, rival);
        ProofRequestBatch[] memory priced = pricing(open);
        commit(outer);
        commit(inner);
        callback.prepare(address(market), abi.encodeCall(IMarket.fulfill, (inner)), 0);
        bytes[] memory errors = market.priceAndFulfill(priced, outer);
        assertTrue(callback.succeeded(), "delivered from inside");
        assertPaid(errors[0]);
        assertEq(errors[1], isFulfilled(open.id), "second");
        assertEther(8 ether, 1 ether, 1 ether);
        assertBalanced(0, 0, 0);
    }

    // ---------------------------------------------------------------------------------------------------------- a prover

    function receiver(bytes memory call_, bool insists) private returns (Receiver by) {
        by = new Receiver(Receiver.Mode.Call);
        by.prepare(address(market), call_, insists);
        fund(address(by), 3 ether);
    }

    function sendTo(Receiver by) private {
        FulfillmentBatch[] memory batches = new FulfillmentBatch[](1);
        batches[0].prover = address(by);
        market.fulfillAndWithdraw(batches);
    }

    function test_prover_that_withdraws_again_from_a_send() public {
        Receiver by = receiver(abi.encodeCall(IMarket.withdraw, (3 ether)), false);
        sendTo(by);
        assertEq(by.received(), 1, "sends");
        assertEq(by.succeeded(), 0, "nothing more to withdraw");
        assertEq(address(by).balance, 3 ether, "sent");
        assertBalanced(1 ether, 1 ether, 0);
    }

    /// @dev What it did inside is undone with its refusal, so its balance is there once.
    function test_prover_that_insists_on_withdrawing_again() public {
        Receiver by = receiver(abi.encodeCall(IMarket.withdraw, (1)), true);
        sendTo(by);
        assertEq(address(by).balance, 0, "sent");
        assertEq(market.balanceOf(address(by)), 3 ether, "kept");
        assertBalanced(1 ether, 1 ether, 3 ether);
    }

    function test_prover_that_has_itself_sent_to_again() public {
        FulfillmentBatch[] memory batches = new FulfillmentBatch[](1);
        Receiver by = receiver("", false);
        batches[0].prover = address(by);
        by.prepare(address(market), abi.encodeCall(IMarket.fulfillAndWithdraw, (batches)), false);
        sendTo(by);
        assertEq(by.received(), 1, "sends");
        assertEq(address(by).balance, 3 ether, "sent");
        assertBalanced(1 ether, 1 ether, 0);
    }

    function test_prover_that_deposits_what_it_was_sent() public {
        Receiver by = receiver(abi.encodeCall(IMarket.depositTo, (rival.addr)), false);
        sendTo(by);
        assertEq(by.succeeded(), 1, "an empty deposit");
        assertBalanced(1 ether, 1 ether, 0);
    }

    function test_prover_that_withdraws_twice_from_its_withdrawal() public {
        Receiver by = receiver(abi.encodeCall(IMarket.withdraw, (1 ether)), false);
        assertTrue(by.act(address(market), abi.encodeCall(IMarket.withdraw, (1 ether))), "withdrawn");
        assertEq(by.received(), 3, "each from its own balance");
        assertEq(address(by).balance, 3 ether, "sent");
        assertEq(market.balanceOf(address(by)), 0, "rest");
        assertBalanced(1 ether, 1 ether, 0);
    }

    // ---------------------------------------------------------------------------------------------------------- a wallet

    /// @dev A signature is checked by a static call: the wallet can look, and do nothing.
    function test_wallet_that_acts_while_its_signature_is_checked() public {
        BusyWallet wallet = new BusyWallet(address(market));
        fund(address(wallet), 3 ether);
        ProofRequest memory own = newRequest(smartIdOf(address(wallet), 1));
        bytes[4] memory calls = [
            abi.encodeCall(IMarket.withdraw, (1)),
            abi.encodeCall(IMarket.commitFulfillment, (bytes32(uint256(1)))),
            abi.encodeCall(IMarket.priceRequest, (own, "")),
            abi.encodeCall(IMarket.slash, (request.id))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            wallet.prepare(calls[i]);
            vm.expectRevert();
            vm.prank(prover.addr);
            market.lockRequest(own, "");
        }
        wallet.prepare(abi.encodeCall(IMarket.balanceOf, (address(wallet))));
        vm.prank(prover.addr);
        market.lockRequest(own, "");
        assertTrue(market.requestIsLocked(own.id), "it may look");
    }
}
