// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { FulfillmentBatch } from "../src/fulfillment/FulfillmentBatch.sol";
import { IMarket } from "../src/interfaces/IMarket.sol";
import { ProofRequest } from "../src/request/ProofRequest.sol";
import { DeliveryTest } from "./base/DeliveryTest.sol";
import { NoEther } from "./base/Outsiders.sol";
import { vm } from "./base/Vm.sol";

contract FulfillAndWithdrawTest is DeliveryTest {
    function test_sends_the_provers_whole_balance() public {
        fund(prover.addr, 3 ether);
        ProofRequest memory request = newRequest(1);
        lock(request, prover);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        uint256 before = prover.addr.balance;
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.Withdrawal(prover.addr, 4 ether);
        assertPaid(market.fulfillAndWithdraw(batches)[0]);
        assertEq(prover.addr.balance - before, 4 ether, "sent");
        assertEther(9 ether, 0, 0);
    }

    function test_a_prover_without_balance_is_skipped() public {
        lock(newRequest(1), prover);
        FulfillmentBatch[] memory batches = batchOf(newRequest(1), rival);
        vm.recordLogs();
        market.fulfillAndWithdraw(batches);
        assertEq(vm.getRecordedLogs().length, 3, "fulfilled, payment error, delivered");
    }

    function test_a_prover_that_takes_no_ether_reverts_it_all() public {
        address taker = address(new NoEther());
        fund(taker, 1);
        ProofRequest memory request = newRequest(1);
        lock(request, prover);
        FulfillmentBatch[] memory batches = new FulfillmentBatch[](2);
        batches[0] = batchOf(request, prover)[0];
        batches[1].prover = taker; // it delivers nothing, and is paid out all the same
        expectRevert(abi.encodeWithSelector(IMarket.TransferFailed.selector));
        market.fulfillAndWithdraw(batches);
        assertFalse(market.requestIsFulfilled(request.id), "fulfilled");
    }
}

contract SubmitRootAndFulfillTest is DeliveryTest {
    event RootTaken(bytes32 root, bytes seal, address caller);

    function submitMerkleRoot(bytes32 root, bytes calldata seal) external {
        require(root != 0, "no root");
        emit RootTaken(root, seal, msg.sender);
    }

    function test_submits_then_fulfils() public {
        ProofRequest memory request = newRequest(1);
        lock(request, prover);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        vm.expectEmit(true, true, true, true, address(this));
        emit RootTaken(bytes32(uint256(7)), "root seal", address(market));
        assertPaid(market.submitRootAndFulfill(address(this), bytes32(uint256(7)), "root seal", batches)[0]);
        assertEther(9 ether, 1 ether, 0);
    }

    function test_a_refused_root_reverts_it_all() public {
        ProofRequest memory request = newRequest(1);
        lock(request, prover);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        vm.expectRevert(bytes("no root"));
        market.submitRootAndFulfill(address(this), 0, "", batches);
    }
}
