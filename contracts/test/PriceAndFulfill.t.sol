// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { FulfillmentBatch, ProofRequestBatch } from "../src/fulfillment/FulfillmentBatch.sol";
import { IMarket } from "../src/interfaces/IMarket.sol";
import { ProofRequest } from "../src/request/ProofRequest.sol";
import { RequestId } from "../src/request/RequestId.sol";
import { Signature } from "../src/signing/Signature.sol";
import { DeliveryTest } from "./base/DeliveryTest.sol";
import { Wallet } from "./base/Outsiders.sol";
import { vm } from "./base/Vm.sol";

contract PriceRequestTest is DeliveryTest {
    function priceFails(ProofRequest memory request, bytes memory signature, bytes memory reason) private {
        expectRevert(reason);
        market.priceRequest(request, signature);
    }

    function test_1_id_with_unknown_bits() public {
        ProofRequest memory request = newRequest(RequestId.wrap(RequestId.unwrap(idOf(client.addr, 1)) | (1 << 255)));
        priceFails(request, "", abi.encodeWithSelector(IMarket.InvalidRequest.selector));
    }

    function test_2_signature() public {
        ProofRequest memory request = newRequest(1);
        request.offer.minPrice = request.offer.maxPrice + 1; // the next check would fail too
        bytes memory signature = sign(rival.key, digestOf(request));
        priceFails(request, signature, abi.encodeWithSelector(IMarket.InvalidSignature.selector));
        priceFails(request, "", abi.encodeWithSelector(Signature.ECDSAInvalidSignatureLength.selector, 0));
    }

    function test_3_offer() public {
        ProofRequest memory request = newRequest(1);
        request.offer.minPrice = request.offer.maxPrice + 1;
        priceFails(request, signRequest(request), abi.encodeWithSelector(IMarket.InvalidRequest.selector));
    }

    function test_4_price_beyond_uint96() public {
        ProofRequest memory request = newRequest(1);
        request.offer.minPrice = request.offer.maxPrice = 1 << 96;
        bytes memory reason = abi.encodeWithSelector(IMarket.SafeCastOverflowedUintDowncast.selector, 96, 1 << 96);
        priceFails(request, signRequest(request), reason);
    }

    function test_flags_and_expiry_are_not_looked_at() public {
        ProofRequest memory request = newRequest(1);
        bytes memory signature = signRequest(request);
        lock(request, prover);
        market.priceRequest(request, signature);
        vm.warp(START + 1000);
        market.priceRequest(request, signature);
    }

    function test_it_ends_with_the_transaction() public {
        ProofRequest memory request = newRequest(1);
        market.priceRequest(request, signRequest(request));
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        commit(batches);
        expectRevert(encoded(IMarket.RequestIsNotLockedOrPriced.selector, request.id));
        market.fulfill(batches);
    }
}

/// @notice `priceAndFulfill`, and the path of a request that was never locked.
contract PriceAndFulfillTest is DeliveryTest {
    function test_one_signature_per_request() public {
        ProofRequest memory request = newRequest(1);
        ProofRequestBatch[] memory priced = pricing(request);
        priced[0].signatures = new bytes[](3);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        expectRevert(abi.encodeWithSelector(IMarket.BatchSizeExceedsLimit.selector, 3, 1));
        market.priceAndFulfill(priced, batches);
    }

    function test_pricing_precedes_the_commitment() public {
        ProofRequest memory request = newRequest(1);
        ProofRequestBatch[] memory priced = pricing(request);
        priced[0].signatures[0] = "";
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        expectRevert(abi.encodeWithSelector(Signature.ECDSAInvalidSignatureLength.selector, 0));
        market.priceAndFulfill(priced, batches);
    }

    function test_never_locked_pays_the_current_price() public {
        ProofRequest memory request = newRequest(1);
        vm.warp(START + 5);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        ProofRequestBatch[] memory priced = pricing(request);
        commit(batches);
        expectFulfilled(request, prover);
        expectDelivered(request, batches[0].fills[0], prover);
        assertPaid(market.priceAndFulfill(priced, batches)[0]);
        assertEther(8.5 ether, 1.5 ether, 0);
        assertCollateral(10 ether, 10 ether);
        assertFalse(market.requestIsLocked(request.id), "locked");
        assertTrue(market.requestIsFulfilled(request.id), "fulfilled");
    }

    function test_never_locked_needs_no_collateral() public {
        Party memory poor = Party(keyOf("poor"), vm.addr(keyOf("poor")));
        assertPaid(priceAndDeliver(newRequest(1), poor));
        assertEq(market.balanceOf(poor.addr), 1 ether, "paid");
    }

    function test_never_locked_at_the_lock_deadline_and_after() public {
        ProofRequest memory request = newRequest(1);
        vm.warp(START + 100);
        assertPaid(priceAndDeliver(request, prover));
        assertEther(8 ether, 2 ether, 0);
        vm.warp(START);
        request = newRequest(2);
        vm.warp(START + 101); // the price is zero now
        assertPaid(priceAndDeliver(request, prover));
        assertEther(8 ether, 2 ether, 0);
    }

    function test_never_locked_expired() public {
        ProofRequest memory request = newRequest(1);
        vm.warp(START + 201);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        ProofRequestBatch[] memory priced = pricing(request);
        commit(batches);
        vm.recordLogs();
        assertEq(market.priceAndFulfill(priced, batches)[0], isExpired(request.id), "error");
        assertEq(vm.getRecordedLogs().length, 1, "only the payment error");
        assertFalse(market.requestIsFulfilled(request.id), "fulfilled");
        assertEther(10 ether, 0, 0);
    }

    function test_never_locked_and_not_priced() public {
        FulfillmentBatch[] memory batches = batchOf(newRequest(1), prover);
        commit(batches);
        expectRevert(encoded(IMarket.RequestIsNotLockedOrPriced.selector, idOf(client.addr, 1)));
        market.fulfill(batches);
    }

    function test_never_locked_twice() public {
        ProofRequest memory request = newRequest(1);
        priceAndDeliver(request, prover);
        assertEq(priceAndDeliver(request, rival), isFulfilled(request.id), "error");
        assertEther(9 ether, 1 ether, 0);
    }

    function test_never_locked_second_request_under_a_fulfilled_id() public {
        priceAndDeliver(newRequest(1), prover);
        ProofRequest memory other = newRequest(1);
        other.offer.minPrice = 0.5 ether;
        assertEq(priceAndDeliver(other, prover), isFulfilled(other.id), "error");
        assertEther(9 ether, 1 ether, 0);
    }

    function test_never_locked_client_without_the_price_never_pays() public {
        vm.prank(client.addr);
        market.withdraw(9.5 ether);
        ProofRequest memory request = newRequest(1);
        bytes memory short = abi.encodeWithSelector(IMarket.InsufficientBalance.selector, client.addr);
        assertEq(priceAndDeliver(request, prover), short, "error");
        assertTrue(market.requestIsFulfilled(request.id), "delivered all the same");
        fund(client.addr, 5 ether);
        assertEq(priceAndDeliver(request, prover), isFulfilled(request.id), "too late");
        assertEther(5.5 ether, 0, 0);
    }

    function test_locked_request_can_be_priced_too() public {
        ProofRequest memory request = newRequest(1);
        lock(request, prover);
        vm.warp(START + 50);
        assertPaid(priceAndDeliver(request, prover));
        assertEther(9 ether, 1 ether, 0); // the price of the lock, not of now
        assertCollateral(10 ether, 10 ether);
    }

    function test_priced_and_fulfilled_sets_may_differ() public {
        ProofRequest memory locked = newRequest(1);
        lock(locked, prover);
        ProofRequestBatch[] memory priced = pricing(newRequest(2));
        assertPaid(market.priceAndFulfill(priced, batchOf(locked, prover))[0]);
        assertFalse(market.requestIsFulfilled(idOf(client.addr, 2)), "priced only");
    }

    function test_contract_client() public {
        address wallet = address(new Wallet("yes", Wallet.Mode.Honest));
        fund(wallet, 3 ether);
        ProofRequest memory request = newRequest(smartIdOf(wallet, 1));
        ProofRequestBatch[] memory priced = pricing(request);
        priced[0].signatures[0] = "yes";
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        commit(batches);
        assertPaid(market.priceAndFulfill(priced, batches)[0]);
        assertEq(market.balanceOf(wallet), 2 ether, "paid");
    }

    /// @dev Both ids of one client and index share its flags, but not the lock.
    function test_contract_id_of_a_locked_index() public {
        address wallet = address(new Wallet("yes", Wallet.Mode.Honest));
        fund(wallet, 3 ether);
        ProofRequest memory request = newRequest(smartIdOf(wallet, 1));
        vm.prank(prover.addr);
        market.lockRequest(request, "yes");
        RequestId plain = idOf(wallet, 1);
        assertTrue(market.requestIsLocked(plain), "flag");
        assertEq(market.requestLockDeadline(plain), 0, "no lock");
    }

    function testFuzz_never_locked_at_any_time(uint256 t) public {
        ProofRequest memory request = newRequest(1);
        t = bound(t, 0, 250);
        vm.warp(START + t);
        bytes memory failure = priceAndDeliver(request, prover);
        uint256 price = t > 100 ? 0 : t >= 10 ? 2 ether : 1 ether + t * 0.1 ether;
        if (t > 200) assertEq(failure, isExpired(request.id), "expired");
        else assertPaid(failure);
        assertEther(10 ether - price, price, 0);
    }
}
