// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { FulfillmentBatch, ProofRequestBatch } from "../src/fulfillment/FulfillmentBatch.sol";
import { IMarket } from "../src/interfaces/IMarket.sol";
import { ProofRequest } from "../src/request/ProofRequest.sol";
import { DeliveryTest } from "./base/DeliveryTest.sol";
import { NoEther, Receiver } from "./base/Outsiders.sol";
import { vm } from "./base/Vm.sol";

/// @notice The entry points that do something before `fulfill`, or after it.
abstract contract VariantsTest is DeliveryTest {
    event RootTaken(bytes32 root, bytes seal, address caller);

    bytes32 internal constant ROOT = bytes32(uint256(7));

    /// @dev A set verifier of its own.
    function submitMerkleRoot(bytes32 root, bytes calldata seal) external {
        require(root != 0, "no root");
        emit RootTaken(root, seal, msg.sender);
    }

    function expectRoot() internal {
        vm.expectEmit(true, true, true, true, address(this));
        emit RootTaken(ROOT, "root seal", address(market));
    }

    function locked(uint32 index) internal returns (ProofRequest memory request) {
        request = newRequest(index);
        lock(request, prover);
    }
}

/// @notice Each variant once, with what sets it apart; the rules of settlement are those of `fulfill`.
contract FulfillVariantsTest is VariantsTest {
    function assertPaidAndSent(bytes[] memory errors) private view {
        assertEq(errors.length, 1, "errors");
        assertPaid(errors[0]);
        assertEq(prover.addr.balance, 2 ether, "sent, beside what it had");
        assertEther(9 ether, 0, 0);
    }

    function test_fulfillAndWithdraw() public {
        assertPaidAndSent(market.fulfillAndWithdraw(batchOf(locked(1), prover)));
    }

    function test_priceAndFulfillAndWithdraw() public {
        ProofRequest memory request = newRequest(1);
        ProofRequestBatch[] memory priced = pricing(request);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        commit(batches);
        assertPaidAndSent(market.priceAndFulfillAndWithdraw(priced, batches));
    }

    function test_submitRoot() public {
        expectRoot();
        market.submitRoot(address(this), ROOT, "root seal");
    }

    function test_submitRoot_passes_a_refusal_on() public {
        vm.expectRevert(bytes("no root"));
        market.submitRoot(address(this), 0, "");
        vm.expectRevert(bytes(""));
        market.submitRoot(address(0xbeef), ROOT, ""); // no code there
    }

    function test_submitRootAndFulfill() public {
        FulfillmentBatch[] memory batches = batchOf(locked(1), prover);
        expectRoot();
        assertPaid(market.submitRootAndFulfill(address(this), ROOT, "root seal", batches)[0]);
        assertEther(9 ether, 1 ether, 0);
        assertEq(prover.addr.balance, 1 ether, "not sent");
    }

    function test_submitRootAndFulfillAndWithdraw() public {
        FulfillmentBatch[] memory batches = batchOf(locked(1), prover);
        expectRoot();
        assertPaidAndSent(market.submitRootAndFulfillAndWithdraw(address(this), ROOT, "root seal", batches));
    }

    function test_submitRootAndPriceAndFulfill() public {
        ProofRequest memory request = newRequest(1);
        ProofRequestBatch[] memory priced = pricing(request);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        commit(batches);
        expectRoot();
        assertPaid(market.submitRootAndPriceAndFulfill(address(this), ROOT, "root seal", priced, batches)[0]);
        assertEther(9 ether, 1 ether, 0);
        assertEq(prover.addr.balance, 1 ether, "not sent");
    }

    function test_submitRootAndPriceAndFulfillAndWithdraw() public {
        ProofRequest memory request = newRequest(1);
        ProofRequestBatch[] memory priced = pricing(request);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        commit(batches);
        expectRoot();
        assertPaidAndSent(
            market.submitRootAndPriceAndFulfillAndWithdraw(address(this), ROOT, "root seal", priced, batches)
        );
    }

    /// @dev The root comes first, then the prices, then the deliveries.
    function test_order_of_reverts() public {
        ProofRequest memory request = newRequest(1);
        ProofRequestBatch[] memory priced = pricing(request);
        priced[0].signatures = new bytes[](0);
        FulfillmentBatch[] memory batches = batchOf(request, prover); // not committed
        vm.expectRevert(bytes("no root"));
        market.submitRootAndPriceAndFulfill(address(this), 0, "", priced, batches);
        vm.expectRevert(bytes("no root"));
        market.submitRootAndPriceAndFulfillAndWithdraw(address(this), 0, "", priced, batches);
        vm.expectRevert(bytes("no root"));
        market.submitRootAndFulfill(address(this), 0, "", batches);
        vm.expectRevert(bytes("no root"));
        market.submitRootAndFulfillAndWithdraw(address(this), 0, "", batches);

        bytes memory sizes = abi.encodeWithSelector(IMarket.BatchSizeExceedsLimit.selector, 0, 1);
        expectRevert(sizes);
        market.submitRootAndPriceAndFulfill(address(this), ROOT, "", priced, batches);
        expectRevert(sizes);
        market.submitRootAndPriceAndFulfillAndWithdraw(address(this), ROOT, "", priced, batches);
        expectRevert(sizes);
        market.priceAndFulfillAndWithdraw(priced, batches);

        priced = pricing(request);
        bytes memory missing = abi.encodeWithSelector(IMarket.MissingFulfillmentCommitment.selector);
        expectRevert(missing);
        market.submitRootAndPriceAndFulfill(address(this), ROOT, "", priced, batches);
        expectRevert(missing);
        market.submitRootAndPriceAndFulfillAndWithdraw(address(this), ROOT, "", priced, batches);
        expectRevert(missing);
        market.priceAndFulfillAndWithdraw(priced, batches);
        expectRevert(missing);
        market.submitRootAndFulfillAndWithdraw(address(this), ROOT, "", batches);
    }
}

/// @notice The sends at the end of the variants named ...AndWithdraw.
contract AndWithdrawTest is VariantsTest {
    uint256 private constant SEND_GAS = 100_000;

    /// @dev A delivery by `prover`, and before it an empty batch that names another to be paid out.
    function behind(address other) private returns (FulfillmentBatch[] memory batches) {
        fund(other, 3 ether);
        batches = new FulfillmentBatch[](2);
        batches[0].prover = other;
        batches[1] = batchOf(locked(1), prover)[0];
    }

    function assertProverSent() private view {
        assertEq(prover.addr.balance, 2 ether, "the prover's, beside what it had");
        assertEq(market.balanceOf(prover.addr), 0, "its balance");
    }

    function test_the_whole_balance_is_sent() public {
        fund(prover.addr, 3 ether);
        FulfillmentBatch[] memory batches = batchOf(locked(1), prover);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.Withdrawal(prover.addr, 4 ether);
        assertPaid(market.fulfillAndWithdraw(batches)[0]);
        assertEq(prover.addr.balance, 5 ether, "sent");
        assertEther(9 ether, 0, 0);
    }

    function test_a_prover_without_balance_is_skipped() public {
        FulfillmentBatch[] memory batches = batchOf(locked(1), rival);
        vm.recordLogs();
        market.fulfillAndWithdraw(batches);
        assertEq(vm.getRecordedLogs().length, 3, "fulfilled, payment error, delivered");
    }

    function test_a_prover_named_twice_is_sent_to_once() public {
        Receiver receiver = new Receiver(Receiver.Mode.Take);
        FulfillmentBatch[] memory batches = behind(address(receiver));
        batches[1].prover = address(receiver);
        market.fulfillAndWithdraw(batches);
        assertEq(receiver.received(), 1, "sends");
        assertEq(address(receiver).balance, 3 ether, "sent");
    }

    function test_provers_that_do_not_take_it_keep_it_and_hold_up_nobody() public {
        address[2] memory takers = [address(new NoEther()), address(new Receiver(Receiver.Mode.BurnGas))];
        for (uint256 i = 0; i < 3; ++i) {
            address taker = i < 2 ? takers[i] : address(market); // as if the market had delivered
            FulfillmentBatch[] memory batches = behind(taker);
            vm.recordLogs();
            assertPaid(market.fulfillAndWithdraw(batches)[0]);
            assertEq(vm.getRecordedLogs().length, 3, "fulfilled, delivered, one withdrawal");
            assertEq(market.balanceOf(taker), 3 ether, "kept");
            assertEq(address(market).balance, 12 ether, "nothing sent to it");
            assertProverSent();
            setUp();
            vm.deal(prover.addr, 1 ether);
        }
    }

    /// @dev What it kept can be had with all gas.
    function test_what_was_kept_can_be_withdrawn() public {
        Receiver receiver = new Receiver(Receiver.Mode.Call);
        receiver.prepare(address(0xbeef), "", false);
        FulfillmentBatch[] memory batches = behind(address(receiver));
        receiver.prepare(address(new Receiver(Receiver.Mode.BurnGas)), "", false); // no gas to finish with
        market.fulfillAndWithdraw(batches);
        assertEq(market.balanceOf(address(receiver)), 3 ether, "kept");
        receiver.prepare(address(0xbeef), "", false);
        assertTrue(receiver.act(address(market), abi.encodeCall(IMarket.withdraw, (3 ether))), "withdrawn");
        assertEq(address(receiver).balance, 3 ether, "sent");
    }

    /// @dev Nobody is charged for memory that a receiver fills with zeros, nor for more gas than a send is worth.
    function test_a_receiver_costs_the_caller_little() public {
        Receiver.Mode[2] memory modes = [Receiver.Mode.BurnGas, Receiver.Mode.ReturnBomb];
        for (uint256 i = 0; i < modes.length; ++i) {
            FulfillmentBatch[] memory batches = behind(address(new Receiver(modes[i])));
            uint256 before = gasleft();
            market.fulfillAndWithdraw(batches);
            assertTrue(before - gasleft() < 300_000, "gas");
            assertProverSent();
            setUp();
            vm.deal(prover.addr, 1 ether);
        }
    }

    /// An estimate of gas finds the least with which the call succeeds; it must not be one that sends nothing.
    function testFuzz_no_amount_of_gas_skips_a_send(uint256 gas) public {
        Receiver receiver = new Receiver(Receiver.Mode.Take);
        bytes memory call_ = abi.encodeCall(IMarket.fulfillAndWithdraw, (behind(address(receiver))));
        gas = bound(gas, 60_000, 500_000);
        (bool done,) = address(market).call{ gas: gas }(call_);
        assertEq(address(receiver).balance, done ? 3 ether : 0, "the first prover's");
        assertEq(prover.addr.balance, done ? 2 ether : 1 ether, "the second prover's");
    }

    function test_too_little_gas_is_named() public {
        bytes memory call_ = abi.encodeCall(IMarket.fulfillAndWithdraw, (batchOf(locked(1), prover)));
        (bool done, bytes memory reason) = address(market).call{ gas: 200_000 }(call_);
        assertFalse(done, "done");
        assertEq(reason, abi.encodeWithSelector(IMarket.InsufficientGas.selector), "reason");
    }
}
