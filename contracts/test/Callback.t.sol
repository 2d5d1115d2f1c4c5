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

    function test_a_callback_that_delivers_again_is_paid_once() public {
        Reenterer reenterer = new Reenterer(address(market));
        ProofRequest memory other = newRequest(2);
        other.requirements.callback = Callback(address(reenterer), 2_000_000);
        lock(other, prover);
        FulfillmentBatch[] memory batches = batchOf(other, prover);
        reenterer.repeat(abi.encodeCall(IMarket.fulfillAndWithdraw, (batches)));
        uint256 before = prover.addr.balance;
        assertPaid(market.fulfill(batches)[0]);
        assertEq(reenterer.repeated(), 1, "reentered");
        assertEq(prover.addr.balance - before, 1 ether, "paid out inside");
        assertEther(8 ether, 0, 0);
        assertCollateral(9 ether, 10 ether); // the lock of the first request still holds one
    }
}

/// @notice Does the call it was given once more, from inside its callback.
contract Reenterer is IMarketCallback {
    address private immutable market;
    bytes private call_;
    uint256 public repeated;

    constructor(address market_) {
        market = market_;
    }

    function repeat(bytes calldata call__) external {
        call_ = call__;
    }

    function handleProof(bytes32, bytes calldata, bytes calldata) external {
        if (repeated != 0) return;
        ++repeated;
        (bool success,) = market.call(call_);
        require(success, "refused");
    }
}
