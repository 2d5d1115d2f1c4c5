// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Fulfillment, FulfillmentBatch, FulfillmentDataType } from "../src/fulfillment/FulfillmentBatch.sol";
import { IMarket } from "../src/interfaces/IMarket.sol";
import { IVerifierRouter } from "../src/interfaces/IVerifierRouter.sol";
import { ProofRequest, SlimRequest } from "../src/request/ProofRequest.sol";
import { RequestId } from "../src/request/RequestId.sol";
import { PredicateType } from "../src/request/Requirements.sol";
import { DeliveryTest } from "./base/DeliveryTest.sol";
import { vm } from "./base/Vm.sol";

/// @notice `fulfill` up to the payment, and the path of a lock that has not lapsed.
contract FulfillTest is DeliveryTest {
    ProofRequest private request;

    function setUp() public override {
        super.setUp();
        lock(newRequest(1), prover);
        request = newRequest(1);
    }

    // ------------------------------------------------------------------------------------- reverts, in precedence order
    // MissingFulfillmentCommitment comes first: see CommitFulfillment.t.sol.

    function test_1_more_fills_than_the_limit() public {
        // One batch without requests and with 65,536 offsets to nothing: the elements must not be looked at.
        bytes memory call_ = abi.encodePacked(
            IMarket.fulfill.selector,
            abi.encode(0x20, 1, 0x20, 0x80, 0xa0, 0xa0, prover.addr),
            abi.encode(0, 65_536),
            new bytes(65_536 * 32)
        );
        (bool success, bytes memory reason) = address(market).call(call_);
        assertFalse(success, "accepted");
        bytes memory expected = abi.encodeWithSelector(IMarket.BatchSizeExceedsLimit.selector, 65_536, 65_535);
        assertEq(reason, expected, "reason");
    }

    function test_2_more_requests_than_fills() public {
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        batches[0].requests = new SlimRequest[](2);
        batches[0].requests[0] = batches[0].requests[1] = slim(request);
        expectRevert(abi.encodeWithSelector(IMarket.BatchSizeExceedsLimit.selector, 2, 1));
        market.fulfill(batches);
    }

    function test_2_fewer_requests_than_fills() public {
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        batches[0].requests = new SlimRequest[](0);
        expectRevert(abi.encodeWithSelector(IMarket.BatchSizeExceedsLimit.selector, 0, 1));
        market.fulfill(batches);
    }

    /// @dev Whatever is changed in a request, it is no longer the one that was locked.
    function testFuzz_3_any_altered_field(uint8 field, uint256 noise) public {
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        SlimRequest memory altered = batches[0].requests[0];
        noise = noise == 0 ? 1 : noise;
        field = uint8(bound(field, 0, 8));
        if (field == 0) altered.predicate.predicateType = PredicateType.PrefixMatch;
        if (field == 1) altered.predicate.data = abi.encodePacked(altered.predicate.data, noise);
        if (field == 2) altered.predicate.data[noise % 64] ^= 0x01;
        if (field == 3) altered.callback.addr = address(uint160(noise));
        if (field == 4) altered.callback.gasLimit = uint96(bound(noise, 1, type(uint96).max));
        if (field == 5) altered.selector = bytes4(uint32(bound(noise, 1, type(uint32).max)));
        if (field == 6) altered.imageUrlHash ^= bytes32(noise);
        if (field == 7) altered.inputDigest ^= bytes32(noise);
        if (field == 8) altered.offerDigest ^= bytes32(noise);
        if (field == 3 && altered.callback.addr == address(0)) altered.callback.addr = address(1);
        expectRevert(encoded(IMarket.RequestIsNotLockedOrPriced.selector, request.id));
        market.fulfill(batches);
    }

    function test_3_another_request_under_the_same_id() public {
        ProofRequest memory other = newRequest(1);
        other.offer.maxPrice += 1;
        FulfillmentBatch[] memory batches = batchOf(other, prover);
        expectRevert(encoded(IMarket.RequestIsNotLockedOrPriced.selector, request.id));
        market.fulfill(batches);
    }

    function test_3_precedes_verification() public {
        ProofRequest memory other = newRequest(1);
        other.offer.maxPrice += 1;
        FulfillmentBatch[] memory batches = batchOf(other, prover);
        delete batches[0].fills[0].seal;
        expectRevert(encoded(IMarket.RequestIsNotLockedOrPriced.selector, request.id));
        market.fulfill(batches);
    }

    function test_4_a_bad_seal_reverts_everything() public {
        lock(newRequest(2), prover);
        FulfillmentBatch[] memory batches = new FulfillmentBatch[](2);
        batches[0] = batchOf(request, prover)[0];
        batches[1] = batchOf(newRequest(2), prover)[0];
        batches[1].fills[0].seal = hex"deadbeef";
        expectRevert(abi.encodeWithSelector(IVerifierRouter.EntryUnknown.selector, bytes4(0xdeadbeef)));
        market.fulfill(batches);
        assertFalse(market.requestIsFulfilled(request.id), "the good one");
    }

    // Calldata that no encoder writes. The market passes batches to the router as they lie in calldata, so nothing of a batch
    // may lie in front of it, where the router would find other bytes.

    function wordAt(bytes memory call_, uint256 offset) private pure returns (uint256 word) {
        assembly {
            word := mload(add(add(call_, 0x20), offset))
        }
    }

    function setWord(bytes memory call_, uint256 offset, uint256 word) private pure {
        assembly {
            mstore(add(add(call_, 0x20), offset), word)
        }
    }

    /// @dev Where the offsets that lead from a batch to its parts lie in the calldata of a single fill.
    function offsetsOf(bytes memory call_) private pure returns (uint256[6] memory places) {
        uint256 batch = 4 + 0x60;
        uint256 requests = batch + wordAt(call_, batch) + 0x20;
        uint256 fills = batch + wordAt(call_, batch + 0x20) + 0x20;
        uint256 slim_ = requests + wordAt(call_, requests);
        uint256 fill = fills + wordAt(call_, fills);
        uint256 predicate = slim_ + wordAt(call_, slim_ + 0x20);
        places = [requests, fills, slim_ + 0x20, predicate + 0x20, fill + 0x40, fill + 0x60];
    }

    function test_offsets_that_lead_backwards() public {
        bytes memory call_ = abi.encodeCall(IMarket.fulfill, (batchOf(request, prover)));
        uint256[6] memory places = offsetsOf(call_);
        for (uint256 i = 0; i < places.length; ++i) {
            uint256 before = wordAt(call_, places[i]);
            uint256 back = i < 2 ? places[i] - 4 : 0x20; // to the start of the calldata, or one word
            setWord(call_, places[i], type(uint256).max - back + 1);
            (bool success, bytes memory reason) = address(market).call(call_);
            assertFalse(success, "accepted");
            // What then looks like the request has no lock, and the commitment of such batches cannot be encoded.
            bytes4 expected = i == 0 ? bytes4(0) : IMarket.MalformedCalldata.selector;
            assertEq(bytes32(bytes4(reason)), bytes32(expected), vm.toString(i));
            setWord(call_, places[i], before);
        }
        (bool restored,) = address(market).call(call_);
        assertTrue(restored, "the unaltered call");
    }

    function testFuzz_any_word_replaced_never_pays_wrongly(uint256 word, uint256 value) public {
        bytes memory call_ = abi.encodeCall(IMarket.fulfill, (batchOf(request, prover)));
        word = bound(word, 0, (call_.length - 4) / 32 - 1);
        setWord(call_, 4 + word * 32, value);
        (bool success,) = address(market).call(call_);
        if (!success) return;
        // Whatever was accepted, it was the signed request.
        assertEq(market.balanceOf(client.addr), 9 ether, "client");
        uint256 paid = market.balanceOf(prover.addr);
        assertTrue(paid == 0 || paid == 1 ether, "prover");
    }

    // ------------------------------------------------------------------------------------------------------------- paths

    function test_nothing_to_do() public {
        assertEq(market.fulfill(new FulfillmentBatch[](0)).length, 0, "no batches");
        assertEq(market.fulfill(new FulfillmentBatch[](3)).length, 0, "no fills");
    }

    function test_a_batch_without_fills_is_skipped_even_with_requests() public {
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        batches[0].fills = new Fulfillment[](0);
        assertEq(market.fulfill(batches).length, 0, "skipped");
    }

    function test_locker_is_paid_and_gets_its_collateral_back() public {
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        assertEther(9 ether, 0, 0);
        assertCollateral(9 ether, 10 ether);
        expectFulfilled(request, prover);
        expectDelivered(request, batches[0].fills[0], prover);
        vm.prank(address(0xcafe)); // anybody may send it
        assertPaid(market.fulfill(batches)[0]);
        assertEther(9 ether, 1 ether, 0);
        assertCollateral(10 ether, 10 ether);
        assertTrue(market.requestIsFulfilled(request.id), "fulfilled");
        assertEq(flagsOf(request.id), PAID_DURING_LOCK, "flags");
    }

    function test_at_the_lock_deadline_the_locker_is_paid() public {
        vm.warp(START + 100);
        assertPaid(market.fulfill(batchOf(request, prover))[0]);
        assertEther(9 ether, 1 ether, 0);
        assertCollateral(10 ether, 10 ether);
    }

    function test_a_second_delivery_is_not_paid() public {
        market.fulfill(batchOf(request, prover));
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        expectUnpaid(isFulfilled(request.id));
        expectDelivered(request, batches[0].fills[0], prover);
        assertEq(market.fulfill(batches)[0], isFulfilled(request.id), "error");
        assertEther(9 ether, 1 ether, 0);
        assertCollateral(10 ether, 10 ether);
    }

    function test_another_prover_delivers_and_nobody_is_paid_yet() public {
        FulfillmentBatch[] memory batches = batchOf(request, rival);
        expectFulfilled(request, rival);
        expectUnpaid(isLocked(request.id));
        expectDelivered(request, batches[0].fills[0], rival);
        assertEq(market.fulfill(batches)[0], isLocked(request.id), "error");
        assertTrue(market.requestIsFulfilled(request.id), "fulfilled");
        assertEther(9 ether, 0, 0);

        batches = batchOf(request, prover);
        vm.recordLogs();
        assertPaid(market.fulfill(batches)[0]);
        assertEq(vm.getRecordedLogs().length, 1, "delivered only; fulfilled was said before");
        assertEther(9 ether, 1 ether, 0);
        assertCollateral(10 ether, 10 ether);
    }

    function test_locker_is_paid_once_after_another_prover_delivered_too() public {
        market.fulfill(batchOf(request, prover));
        assertEq(market.fulfill(batchOf(request, rival))[0], isFulfilled(request.id), "error");
        assertEther(9 ether, 1 ether, 0);
    }

    function test_priced_request_under_a_locked_id_is_delivered_unpaid() public {
        ProofRequest memory other = newRequest(1);
        other.offer.maxPrice += 1;
        FulfillmentBatch[] memory batches = batchOf(other, prover);
        bytes32 digest = digestOf(other);
        expectFulfilled(other, prover);
        assertEq(market.priceAndFulfill(pricing(other), batches)[0], isLocked(request.id), "error");
        assertEther(9 ether, 0, 0);
        (,,,,,, bytes32 locked) = market.requestLocks(request.id);
        assertTrue(locked != digest, "another digest");
        assertPaid(market.fulfill(batchOf(request, prover))[0]);
        assertEther(9 ether, 1 ether, 0);
    }

    function test_expired_locked_request_is_dropped() public {
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        vm.warp(START + 201);
        commit(batches);
        vm.recordLogs();
        assertEq(market.fulfill(batches)[0], isExpired(request.id), "error");
        assertEq(vm.getRecordedLogs().length, 1, "only the payment error");
        assertFalse(market.requestIsFulfilled(request.id), "fulfilled");
        assertEther(9 ether, 0, 0);
    }

    function test_delivery_is_accepted_at_the_deadline() public {
        vm.warp(START + 200);
        assertPaid(deliver(request, prover));
        assertTrue(market.requestIsFulfilled(request.id), "fulfilled");
    }

    function test_errors_come_back_in_the_order_of_the_fills() public {
        ProofRequest[] memory requests = new ProofRequest[](3);
        (requests[0], requests[1], requests[2]) = (newRequest(5), newRequest(1), newRequest(6));
        lock(requests[0], prover);
        lock(requests[2], rival);
        FulfillmentBatch[] memory batches = new FulfillmentBatch[](3);
        batches[0] = batchOf(requests, prover)[0];
        batches[2] = batchOf(requests[2], rival)[0];
        bytes[] memory failures = market.fulfill(batches);
        assertEq(failures.length, 4, "count");
        assertPaid(failures[0]);
        assertPaid(failures[1]);
        assertEq(failures[2], isLocked(requests[2].id), "third");
        assertPaid(failures[3]);
    }

    function test_the_same_request_twice_in_one_batch_is_paid_once() public {
        ProofRequest[] memory requests = new ProofRequest[](2);
        requests[0] = requests[1] = request;
        bytes[] memory failures = market.fulfill(batchOf(requests, prover));
        assertPaid(failures[0]);
        assertEq(failures[1], isFulfilled(request.id), "second");
        assertEther(9 ether, 1 ether, 0);
        assertCollateral(10 ether, 10 ether);
    }

    function test_claim_without_journal_is_delivered() public {
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        batches[0].fills[0].fulfillmentDataType = FulfillmentDataType.None;
        batches[0].fills[0].fulfillmentData = "";
        expectDelivered(request, batches[0].fills[0], prover);
        assertPaid(market.fulfill(batches)[0]);
    }

    function testFuzz_delivery_of_any_index_and_journal(uint32 index, bytes memory journal) public {
        vm.assume(index != 1);
        request = newRequest(index);
        lock(request, prover);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        batches[0].fills[0] = fillWith(journal);
        batches[0].fills[0].seal = abi.encodePacked(VERIFIER, journal);
        expectFulfilled(request, prover);
        expectDelivered(request, batches[0].fills[0], prover);
        assertPaid(market.fulfill(batches)[0]);
        assertEther(8 ether, 1 ether, 0);
        assertCollateral(9 ether, 10 ether); // the lock of request 1 still holds one
    }
}
