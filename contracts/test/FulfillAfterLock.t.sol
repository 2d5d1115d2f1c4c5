// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { FulfillmentBatch, ProofRequestBatch } from "../src/fulfillment/FulfillmentBatch.sol";
import { IMarket } from "../src/interfaces/IMarket.sol";
import { ProofRequest } from "../src/request/ProofRequest.sol";
import { RequestId } from "../src/request/RequestId.sol";
import { DeliveryTest } from "./base/DeliveryTest.sol";
import { vm } from "./base/Vm.sol";

/// @notice The proof race: a lock lapsed, and the first delivery earns half of its collateral through `slash`.
contract FulfillAfterLockTest is DeliveryTest {
    ProofRequest private request;
    RequestId private id;

    function setUp() public override {
        super.setUp();
        request = newRequest(1);
        id = request.id;
        lock(request, prover);
        vm.warp(START + 101);
    }

    function slashAfterDeadline() private {
        vm.warp(START + 1000);
        market.slash(id);
    }

    /// @dev A second request under the locked id, open for longer, at another price.
    function longer(uint256 minPrice, uint256 maxPrice) private view returns (ProofRequest memory other) {
        other = newRequest(id);
        other.offer.minPrice = minPrice;
        other.offer.maxPrice = maxPrice;
    }

    function test_another_prover_wins_the_race() public {
        FulfillmentBatch[] memory batches = batchOf(request, rival);
        commit(batches);
        expectFulfilled(request, rival);
        expectDelivered(request, batches[0].fills[0], rival);
        assertPaid(market.fulfill(batches)[0]);
        assertEther(10 ether, 0, 0); // the client has its escrow back
        assertEq(flagsOf(id), PAID_AFTER_LOCK, "flags");
        (address winner,,,, uint96 escrow, uint96 collateral,) = market.requestLocks(id);
        assertEq(winner, rival.addr, "winner");
        assertEq(escrow, 1 ether, "the record of the price stays");
        assertEq(collateral, COLLATERAL, "collateral waits for slash");
        slashAfterDeadline();
        assertCollateral(9 ether, 10.5 ether);
        assertEther(10 ether, 0, 0);
    }

    function test_the_late_locker_saves_half() public {
        assertPaid(deliver(request, prover));
        assertEther(10 ether, 0, 0);
        slashAfterDeadline();
        assertCollateral(9.5 ether, 10 ether);
    }

    function test_the_second_in_the_race_gets_nothing() public {
        deliver(request, rival);
        assertEq(deliver(request, prover), isFulfilled(id), "error");
        slashAfterDeadline();
        assertCollateral(9 ether, 10.5 ether);
    }

    function test_delivered_by_another_during_the_lock_the_race_still_pays() public {
        vm.warp(START + 50);
        market.fulfill(batchOf(request, rival));
        vm.warp(START + 101);
        FulfillmentBatch[] memory batches = batchOf(request, rival);
        commit(batches);
        vm.recordLogs();
        assertPaid(market.fulfill(batches)[0]);
        assertEq(vm.getRecordedLogs().length, 1, "fulfilled was said before");
        assertEther(10 ether, 0, 0);
        slashAfterDeadline();
        assertCollateral(9 ether, 10.5 ether);
    }

    function test_paid_during_the_lock_nothing_is_left() public {
        vm.warp(START + 50);
        market.fulfill(batchOf(request, prover));
        vm.warp(START + 101);
        assertEq(deliver(request, rival), isFulfilled(id), "error");
        assertEther(9 ether, 1 ether, 0);
    }

    function test_priced_again_the_old_request_is_still_free() public {
        assertPaid(priceAndDeliver(request, rival));
        assertEther(10 ether, 0, 0);
    }

    function test_after_the_deadline_nothing_happens() public {
        vm.warp(START + 201);
        assertEq(priceAndDeliver(request, rival), isExpired(id), "priced");
        assertEq(deliver(request, rival), isExpired(id), "not priced");
        assertFalse(market.requestIsFulfilled(id), "fulfilled");
    }

    // --------------------------------------------------------------------------------- a second request under the same id

    function test_dearer_second_request_is_netted_against_the_escrow() public {
        assertPaid(priceAndDeliver(longer(3 ether, 3 ether), rival));
        assertEther(7 ether, 0, 3 ether);
        slashAfterDeadline();
        assertCollateral(9 ether, 10.5 ether);
        assertEther(7 ether, 0, 3 ether);
    }

    function test_cheaper_second_request_refunds_the_difference() public {
        assertPaid(priceAndDeliver(longer(0.25 ether, 0.25 ether), rival));
        assertEther(9.75 ether, 0, 0.25 ether);
    }

    function test_equal_second_request_moves_the_escrow() public {
        assertPaid(priceAndDeliver(longer(1 ether, 1 ether), rival));
        assertEther(9 ether, 0, 1 ether);
    }

    function test_second_request_outlives_the_first() public {
        vm.warp(START + 500);
        assertPaid(priceAndDeliver(longer(3 ether, 3 ether), rival));
        assertEther(7 ether, 0, 3 ether);
        market.slash(id); // by the deadline of the lock, which is that of the first request
        assertCollateral(9 ether, 10.5 ether);
    }

    function test_second_request_after_the_slash_costs_its_full_price() public {
        slashAfterDeadline();
        assertEther(10 ether, 0, 0);
        assertPaid(priceAndDeliver(longer(3 ether, 3 ether), rival));
        assertEther(7 ether, 0, 3 ether);
        assertCollateral(9 ether, 10 ether); // no reward: it went to the market's account
        assertEq(flagsOf(id), SLASHED | PAID_AFTER_LOCK, "flags");
        expectRevert(encoded(IMarket.RequestIsSlashed.selector, id));
        market.slash(id);
    }

    function test_client_short_of_the_difference_pays_what_it_has() public {
        vm.prank(client.addr);
        market.withdraw(8 ether); // leaves 1, owes 2
        bytes memory partly = abi.encodeWithSelector(IMarket.PartialPayment.selector, 3 ether, 2 ether);
        assertEq(priceAndDeliver(longer(3 ether, 3 ether), rival), partly, "error");
        assertEther(0, 0, 2 ether);
        slashAfterDeadline();
        assertEther(0, 0, 2 ether);
        assertCollateral(9 ether, 10.5 ether);
    }

    function test_client_that_withdrew_everything_still_gets_its_refund() public {
        vm.prank(client.addr);
        market.withdraw(9 ether);
        assertPaid(deliver(request, rival));
        assertEther(1 ether, 0, 0);
    }

    function test_unpriced_second_request_is_unknown() public {
        ProofRequest memory other = longer(3 ether, 3 ether);
        FulfillmentBatch[] memory batches = batchOf(other, rival);
        commit(batches);
        expectRevert(encoded(IMarket.RequestIsNotLockedOrPriced.selector, id));
        market.fulfill(batches);
    }

    function test_first_request_still_counts_while_the_second_is_priced() public {
        // Both in one transaction: the first wins the race at price zero, the second finds it paid.
        ProofRequest[] memory both = new ProofRequest[](2);
        both[0] = request;
        both[1] = longer(3 ether, 3 ether);
        ProofRequestBatch[] memory priced = pricing(both[1]);
        FulfillmentBatch[] memory batches = batchOf(both, rival);
        commit(batches);
        bytes[] memory failures = market.priceAndFulfill(priced, batches);
        assertPaid(failures[0]);
        assertEq(failures[1], isFulfilled(id), "second");
        assertEther(10 ether, 0, 0);
    }
}
