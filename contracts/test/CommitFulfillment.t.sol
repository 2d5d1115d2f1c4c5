// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { FulfillmentBatch, ProofRequestBatch } from "../src/fulfillment/FulfillmentBatch.sol";
import { IMarket } from "../src/interfaces/IMarket.sol";
import { ProofRequest } from "../src/request/ProofRequest.sol";
import { DeliveryTest } from "./base/DeliveryTest.sol";
import { vm } from "./base/Vm.sol";

contract CommitFulfillmentTest is DeliveryTest {
    bytes private missing = abi.encodeWithSelector(IMarket.MissingFulfillmentCommitment.selector);

    function test_a_locked_fill_needs_none() public {
        ProofRequest memory request = newRequest(1);
        lock(request, prover);
        vm.warp(START + 100);
        assertPaid(market.fulfill(batchOf(request, prover))[0]);
    }

    function test_a_lapsed_fill_needs_one() public {
        ProofRequest memory request = newRequest(1);
        lock(request, prover);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        vm.warp(START + 101);
        expectRevert(missing);
        market.fulfill(batches);
    }

    function test_a_fill_never_locked_needs_one() public {
        FulfillmentBatch[] memory batches = batchOf(newRequest(1), prover);
        ProofRequestBatch[] memory priced = pricing(newRequest(1));
        expectRevert(missing);
        market.priceAndFulfill(priced, batches);
    }

    function test_one_open_fill_among_locked_ones_needs_one() public {
        ProofRequest[] memory requests = new ProofRequest[](2);
        requests[0] = newRequest(0);
        requests[1] = newRequest(1);
        lock(requests[0], prover);
        ProofRequestBatch[] memory priced = pricing(requests[1]);
        FulfillmentBatch[] memory batches = batchOf(requests, prover);
        expectRevert(missing);
        market.priceAndFulfill(priced, batches);
        commit(batches);
        market.priceAndFulfill(priced, batches);
    }

    function test_it_precedes_every_other_check() public {
        FulfillmentBatch[] memory batches = batchOf(newRequest(1), prover); // neither locked nor priced
        delete batches[0].fills[0].seal;
        expectRevert(missing);
        market.fulfill(batches);
    }

    function test_the_same_block_is_too_early() public {
        FulfillmentBatch[] memory batches = batchOf(newRequest(1), prover);
        ProofRequestBatch[] memory priced = pricing(newRequest(1));
        market.commitFulfillment(keccak256(abi.encode(batches)));
        expectRevert(missing);
        market.priceAndFulfill(priced, batches);
        vm.roll(FIRST_BLOCK + market.COMMIT_REVEAL_MIN_BLOCKS());
        market.priceAndFulfill(priced, batches);
    }

    function testFuzz_the_first_stamp_stays_and_is_used_once(uint64 later) public {
        FulfillmentBatch[] memory batches = batchOf(newRequest(1), prover);
        ProofRequestBatch[] memory priced = pricing(newRequest(1));
        bytes32 commitment = keccak256(abi.encode(batches));
        market.commitFulfillment(commitment);
        vm.roll(FIRST_BLOCK + bound(later, 1, type(uint64).max));
        market.commitFulfillment(commitment);
        assertEq(market.fulfillmentCommitBlock(commitment), FIRST_BLOCK, "stamp");
        market.priceAndFulfill(priced, batches);
        assertEq(market.fulfillmentCommitBlock(commitment), 0, "spent");
        expectRevert(missing);
        market.priceAndFulfill(priced, batches);
    }

    function test_a_copied_proof_needs_its_own() public {
        ProofRequest memory request = newRequest(1);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        ProofRequestBatch[] memory priced = pricing(request);
        commit(batches);
        batches[0].prover = rival.addr;
        expectRevert(missing);
        vm.prank(rival.addr);
        market.priceAndFulfill(priced, batches);
    }

    function test_a_failed_transaction_does_not_spend_it() public {
        ProofRequest memory request = newRequest(1);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        ProofRequestBatch[] memory priced = pricing(request);
        commit(batches);
        expectRevert(encoded(IMarket.RequestIsNotLockedOrPriced.selector, request.id));
        market.fulfill(batches);
        assertPaid(market.priceAndFulfill(priced, batches)[0]);
    }

    // ------------------------------------------------------------------------------------- calldata that is not canonical

    function cut(bytes memory whole, uint256 from, uint256 to) private pure returns (bytes memory part) {
        part = new bytes(to - from);
        for (uint256 i = 0; i < part.length; ++i) {
            part[i] = whole[from + i];
        }
    }

    /// @dev A delivery after the lock deadline: its arguments are the batches alone.
    function lapsed() private returns (FulfillmentBatch[] memory batches, bytes memory call_) {
        ProofRequest memory request = newRequest(1);
        lock(request, prover);
        vm.warp(START + 101);
        batches = batchOf(request, prover);
        call_ = abi.encodeCall(IMarket.fulfill, (batches));
    }

    function send(bytes memory call_) private returns (bool success, bytes memory reason) {
        return address(market).call(call_);
    }

    function test_bytes_behind_the_arguments() public {
        (FulfillmentBatch[] memory batches, bytes memory call_) = lapsed();
        commit(batches);
        (bool success,) = send(abi.encodePacked(call_, "an attribution"));
        assertTrue(success, "fulfilled");
        assertEq(market.fulfillmentCommitBlock(keccak256(abi.encode(batches))), 0, "spent");
    }

    function test_a_gap_before_the_array() public {
        (FulfillmentBatch[] memory batches, bytes memory call_) = lapsed();
        commit(batches);
        (bool success,) = send(
            abi.encodePacked(cut(call_, 0, 4), uint256(0x40), keccak256("a gap"), cut(call_, 0x24, call_.length))
        );
        assertTrue(success, "fulfilled");
    }

    /// The hash of what was sent holds no promise about what lies in front of the array, so it must not count there.
    function test_a_batch_in_front_of_the_array() public {
        (FulfillmentBatch[] memory batches, bytes memory call_) = lapsed();
        bytes memory batch = cut(call_, 0x64, call_.length); // behind selector, offset, length and the batch's offset
        bytes memory array = abi.encodePacked(uint256(1), ~(batch.length + 0x1f));
        bytes memory odd = abi.encodePacked(cut(call_, 0, 4), 0x20 + batch.length, batch, array);
        market.commitFulfillment(keccak256(abi.encodePacked(uint256(0x20), array)));
        vm.roll(vm.getBlockNumber() + 1);
        (bool success, bytes memory reason) = send(odd);
        assertFalse(success, "fulfilled");
        assertEq(reason, missing, "reason");
        commit(batches);
        (success, reason) = send(odd);
        assertTrue(success, "what it means was committed to");
    }

    /// @dev The commitment is the hash of fulfill's arguments as calldata.
    function test_commitment_is_the_hash_of_the_calldata() public pure {
        FulfillmentBatch[] memory batches = new FulfillmentBatch[](1);
        bytes memory call_ = abi.encodeCall(IMarket.fulfill, (batches));
        bytes memory arguments = new bytes(call_.length - 4);
        for (uint256 i = 0; i < arguments.length; ++i) {
            arguments[i] = call_[i + 4];
        }
        assertEq(keccak256(arguments), keccak256(abi.encode(batches)), "commitment");
    }
}
