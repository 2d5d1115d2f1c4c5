// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Fulfillment, FulfillmentBatch, FulfillmentDataType } from "../src/fulfillment/FulfillmentBatch.sol";
import { FulfillmentData } from "../src/fulfillment/FulfillmentData.sol";
import { IMarket } from "../src/interfaces/IMarket.sol";
import { IMarketCallback } from "../src/interfaces/IMarketCallback.sol";
import { ProofRequest } from "../src/request/ProofRequest.sol";
import { Callback } from "../src/request/Requirements.sol";
import { DeliveryTest } from "./base/DeliveryTest.sol";
import { CallbackRecorder } from "./base/Outsiders.sol";
import { vm } from "./base/Vm.sol";

contract CallbackTest is DeliveryTest {
    uint96 private constant GAS_LIMIT = 200_000;

    CallbackRecorder private recorder;
    ProofRequest private request;

    function setUp() public override {
        super.setUp();
        recorder = new CallbackRecorder();
        ProofRequest memory fresh = newRequest(1);
        fresh.requirements.callback = Callback(address(recorder), GAS_LIMIT);
        request = fresh;
        lock(fresh, prover);
    }

    function expectFailure(bytes memory reason) private {
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.CallbackFailed(request.id, address(recorder), reason);
    }

    // ----------------------------------------------------------------------------------------------------------- reverts

    function test_without_image_id_and_journal() public {
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        batches[0].fills[0].fulfillmentDataType = FulfillmentDataType.None;
        batches[0].fills[0].fulfillmentData = "";
        expectRevert(abi.encodeWithSelector(IMarket.UnfulfillableCallback.selector));
        market.fulfill(batches);
    }

    function test_with_data_that_is_not_canonical() public {
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        batches[0].fills[0].fulfillmentData = abi.encodePacked(dataOf(IMAGE_ID, JOURNAL), bytes32(0));
        expectRevert(abi.encodeWithSelector(FulfillmentData.MalformedFulfillmentData.selector));
        market.fulfill(batches);
    }

    /// @dev From too little gas for anything to enough: in between, the market refuses to starve the callback.
    function test_with_too_little_gas_for_the_limit() public {
        bytes memory call_ = abi.encodeCall(IMarket.fulfill, (batchOf(request, prover)));
        uint256 refused = 0;
        for (uint256 gasLimit = 200_000; recorder.calls() == 0; gasLimit += 1000) {
            (bool success, bytes memory reason) = address(market).call{ gas: gasLimit }(call_);
            if (!success && bytes4(reason) == IMarket.InsufficientGas.selector) ++refused;
            assertTrue(success == (recorder.calls() == 1), "delivered without its callback");
        }
        assertTrue(refused != 0, "never refused");
    }

    // ------------------------------------------------------------------------------------------------------------- paths

    function test_the_client_receives_the_journal() public {
        assertPaid(market.fulfill(batchOf(request, prover))[0]);
        assertEq(recorder.calls(), 1, "calls");
        assertEq(recorder.imageId(), IMAGE_ID, "image id");
        assertEq(recorder.journal(), JOURNAL, "journal");
        assertEq(recorder.seal(), abi.encodePacked(VERIFIER), "seal");
    }

    function test_every_delivery_calls() public {
        market.fulfill(batchOf(request, rival));
        market.fulfill(batchOf(request, prover));
        market.fulfill(batchOf(request, prover));
        assertEq(recorder.calls(), 3, "calls");
    }

    function test_a_late_delivery_calls_and_an_expired_one_does_not() public {
        vm.warp(START + 150);
        deliver(request, rival);
        assertEq(recorder.calls(), 1, "late");
        vm.warp(START + 201);
        deliver(request, rival);
        assertEq(recorder.calls(), 1, "expired");
    }

    function test_a_revert_is_reported_and_the_prover_paid() public {
        recorder.setMode(CallbackRecorder.Mode.Revert);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        expectFailure(abi.encodeWithSelector(CallbackRecorder.CallbackRefuses.selector, 7));
        assertPaid(market.fulfill(batches)[0]);
        assertEther(9 ether, 1 ether, 0);
    }

    function test_running_out_of_gas_is_reported_and_the_prover_paid() public {
        recorder.setMode(CallbackRecorder.Mode.BurnGas);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        expectFailure("");
        assertPaid(market.fulfill(batches)[0]);
        assertEther(9 ether, 1 ether, 0);
    }

    function test_a_huge_answer_is_cut() public {
        recorder.setMode(CallbackRecorder.Mode.ReturnBomb);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        vm.recordLogs();
        assertPaid(market.fulfill(batches)[0]);
        bytes memory data = vm.getRecordedLogs()[2].data;
        (, bytes memory reason) = abi.decode(data, (address, bytes));
        assertEq(reason.length, 1024, "length");
    }

    function test_an_address_without_code_is_reported() public {
        ProofRequest memory other = newRequest(2);
        other.requirements.callback = Callback(address(0xdead), GAS_LIMIT);
        lock(other, prover);
        FulfillmentBatch[] memory batches = batchOf(other, prover);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.CallbackFailed(other.id, address(0xdead), "");
        assertPaid(market.fulfill(batches)[0]);
    }

    function testFuzz_any_journal_arrives_whole(bytes memory journal) public {
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        batches[0].fills[0] = fillWith(journal);
        vm.assume(journal.length < 128); // storing more needs more than the signed gas
        market.fulfill(batches);
        assertEq(recorder.journal(), journal, "journal");
    }

    /// @dev By the time of the callback its own request is settled, so what it does inside finds final balances.
    function test_a_callback_that_uses_the_market() public {
        Reenterer reenterer = new Reenterer(address(market));
        ProofRequest memory outer = newRequest(2);
        outer.requirements.callback = Callback(address(reenterer), 2_000_000);
        lock(outer, prover);
        lock(newRequest(3), prover);
        reenterer.prepare(abi.encodeCall(IMarket.fulfillAndWithdraw, (batchOf(newRequest(3), prover))));
        FulfillmentBatch[] memory batches = batchOf(outer, prover);
        uint256 before = prover.addr.balance;
        assertPaid(market.fulfill(batches)[0]);
        assertEq(prover.addr.balance - before, 2 ether, "both payments, sent from inside");
        assertEther(7 ether, 0, 0);
        assertCollateral(9 ether, 10 ether); // the lock of the first request still holds one
    }

    /// @dev A second delivery from inside would have to give the callback its gas again.
    function test_a_callback_that_delivers_itself_again() public {
        Reenterer reenterer = new Reenterer(address(market));
        ProofRequest memory outer = newRequest(2);
        outer.requirements.callback = Callback(address(reenterer), 2_000_000);
        lock(outer, prover);
        FulfillmentBatch[] memory batches = batchOf(outer, prover);
        reenterer.prepare(abi.encodeCall(IMarket.fulfill, (batches)));
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.CallbackFailed(
            outer.id, address(reenterer), abi.encodeWithSelector(IMarket.InsufficientGas.selector)
        );
        assertPaid(market.fulfill(batches)[0]);
        assertEther(8 ether, 1 ether, 0);
    }
}

/// @notice Does the call it was given from inside its callback.
contract Reenterer is IMarketCallback {
    address private immutable market;
    bytes private prepared;

    constructor(address market_) {
        market = market_;
    }

    function prepare(bytes calldata call_) external {
        prepared = call_;
    }

    function handleProof(bytes32, bytes calldata, bytes calldata) external {
        (bool success, bytes memory reason) = market.call(prepared);
        if (success) return;
        assembly {
            revert(add(reason, 0x20), mload(reason))
        }
    }
}
