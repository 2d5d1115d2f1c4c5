// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Fulfillment, FulfillmentBatch, FulfillmentDataType, ProofRequestBatch } from "../src/fulfillment/FulfillmentBatch.sol";
import { ProofRequest } from "../src/request/ProofRequest.sol";
import { PredicateType, Predicate } from "../src/request/Requirements.sol";
import { MarketTest } from "./base/MarketTest.sol";
import { vm } from "./base/Vm.sol";

contract GasTest is MarketTest {
    string private constant GROUP = "Market";

    function snap(string memory name) private {
        vm.snapshotGasLastCall(GROUP, name);
    }

    function many(uint32 count) private returns (ProofRequest[] memory requests) {
        requests = new ProofRequest[](count);
        fund(client.addr, 100 ether);
        stake(prover.addr, 100 ether);
        for (uint32 i = 0; i < count; ++i) {
            requests[i] = newRequest(i);
            lock(requests[i], prover);
        }
    }

    function test_gas_submitRequest() public {
        ProofRequest memory request = newRequest(1);
        bytes memory signature = signRequest(request);
        vm.prank(client.addr);
        market.submitRequest(request, signature);
        snap("submitRequest: without ether");
        vm.deal(client.addr, 10 ether);
        vm.prank(client.addr);
        market.submitRequest{ value: MAX_PRICE }(request, signature);
        snap("submitRequest: with maxPrice ether");
    }

    function test_gas_lockRequest() public {
        lock(newRequest(1), prover);
        snap("lockinRequest: base case");
        ProofRequest memory request = newRequest(2);
        bytes memory clientSignature = signRequest(request);
        bytes memory proverSignature = signLock(rival.key, request);
        vm.prank(prover.addr);
        market.lockRequestWithSignature(request, clientSignature, proverSignature);
        snap("lockinRequest: with prover signature");
    }

    function test_gas_fulfill() public {
        ProofRequest memory request = newRequest(1);
        lock(request, prover);
        market.fulfill(batchOf(request, prover));
        snap("fulfill: a locked request");

        request = newRequest(2);
        lock(request, prover);
        FulfillmentBatch[] memory batches = batchOf(request, rival);
        market.fulfill(batches);
        snap("fulfill: another prover fulfills without payment");
        batches = batchOf(request, prover);
        market.fulfill(batches);
        snap("fulfill: fulfilled by the locked prover for payment (request already fulfilled by another prover)");
    }

    function test_gas_fulfill_journal10k() public {
        bytes memory journal = new bytes(10_000);
        for (uint256 i = 0; i < journal.length; ++i) {
            journal[i] = bytes1(uint8(i % 255 + 1));
        }
        ProofRequest memory request = newRequest(1);
        request.requirements.predicate.data = abi.encodePacked(IMAGE_ID, sha256(journal));
        lock(request, prover);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        batches[0].fills[0] = fillWith(journal);
        market.fulfill(batches);
        snap("fulfill: a locked request with 10kB journal");
    }

    function test_gas_fulfill_batches() public {
        ProofRequest[] memory requests = many(8);
        market.fulfill(batchOf(requests, prover));
        snap("fulfill: a batch of 8");
    }

    function test_gas_fulfillAndWithdraw() public {
        ProofRequest memory request = newRequest(1);
        lock(request, prover);
        market.fulfillAndWithdraw(batchOf(request, prover));
        snap("fulfillAndWithdraw: a locked request");
    }

    function test_gas_priceAndFulfill() public {
        ProofRequest memory request = newRequest(1);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        ProofRequestBatch[] memory priced = pricing(request);
        commit(batches);
        market.priceAndFulfill(priced, batches);
        snap("priceAndFulfill: a single request that was not locked");
    }
}
