// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { FulfillmentBatch, ProofRequestBatch } from "../src/fulfillment/FulfillmentBatch.sol";
import { IMarket } from "../src/interfaces/IMarket.sol";
import { ProofRequest } from "../src/request/ProofRequest.sol";
import { RequestId } from "../src/request/RequestId.sol";
import { Callback } from "../src/request/Requirements.sol";
import { DeliveryTest } from "./base/DeliveryTest.sol";
import { CallbackCounter, Wallet } from "./base/Outsiders.sol";
import { vm, Vm } from "./base/Vm.sol";

/// @notice Behaviours of the market interface that belong to no single entry point: see docs/market-behaviours.md.
contract BehavioursTest is DeliveryTest {
    address private constant BURN = 0x000000000000000000000000000000000000dEaD;

    ProofRequest private request;
    RequestId private id;

    function setUp() public override {
        super.setUp();
        request = newRequest(1);
        id = request.id;
    }

    // -------------------------------------------------------------------------------------------------- constants, surface

    function test_constants() public view {
        assertEq(market.VERSION(), 1, "VERSION");
        assertEq(market.ERC1271_MAX_GAS_FOR_CHECK(), 100_000, "ERC1271_MAX_GAS_FOR_CHECK");
        assertEq(market.SLASHING_BURN_BPS(), 5_000, "SLASHING_BURN_BPS");
        assertEq(market.MARKET_FEE_BPS(), 0, "MARKET_FEE_BPS");
        assertEq(market.COMMIT_REVEAL_MIN_BLOCKS(), 1, "COMMIT_REVEAL_MIN_BLOCKS");
        assertEq(market.ROUTER(), address(router), "ROUTER");
        assertEq(market.COLLATERAL_TOKEN_CONTRACT(), address(token), "COLLATERAL_TOKEN_CONTRACT");
    }

    /// @dev The older ABI, upgrades and roles: nobody can call what is not there.
    function test_absent_functions_revert() public {
        bytes4[14] memory absent = [
            bytes4(0x41d3ab69), // fulfill(LegacyFulfillment[],AssessorReceipt)
            0x15d7a240, // fulfillAndWithdraw(LegacyFulfillment[],AssessorReceipt)
            0x7870d481, // priceAndFulfill(ProofRequest[],bytes[],LegacyFulfillment[],AssessorReceipt)
            0x2e107a90, // submitRootAndFulfill(address,bytes32,bytes,LegacyFulfillment[],AssessorReceipt)
            0xcdc97123, // imageInfo()
            0x2abff1f2, // setImageUrl(string)
            0x989fff14, // LEGACY_IMPL()
            0xf399e22e, // initialize(address,string)
            0xc4d66de8, // initialize(address)
            0x4f1ef286, // upgradeToAndCall(address,bytes)
            0x75b238fc, // ADMIN_ROLE()
            0x91d14854, // hasRole(bytes32,address)
            0x2f2ff15d, // grantRole(bytes32,address)
            0x08c84e70 // VERIFIER()
        ];
        for (uint256 i = 0; i < absent.length; ++i) {
            (bool success, bytes memory answer) = address(market).call(abi.encodePacked(absent[i], new bytes(256)));
            assertFalse(success, "answered");
            assertEq(answer, "", "answer");
        }
    }

    // --------------------------------------------------------------------------------------------------------------- views

    function test_views_of_an_id_never_locked() public {
        assertFalse(market.requestIsLocked(id), "locked");
        assertFalse(market.requestIsFulfilled(id), "fulfilled");
        assertFalse(market.requestIsSlashed(id), "slashed");
        expectRevert(encoded(IMarket.RequestIsNotLocked.selector, id));
        market.requestLockDeadline(id);
        expectRevert(encoded(IMarket.RequestIsNotLocked.selector, id));
        market.requestDeadline(id);
        (address by,,,,,, bytes32 digest) = market.requestLocks(id);
        assertEq(by, address(0), "prover");
        assertEq(digest, 0, "digest");
    }

    function test_views_refuse_ids_with_unknown_bits() public {
        RequestId unknown = RequestId.wrap(RequestId.unwrap(id) | 1 << 193);
        bytes memory reason = abi.encodeWithSelector(IMarket.InvalidRequest.selector);
        expectRevert(reason);
        market.requestIsLocked(unknown);
        expectRevert(reason);
        market.requestIsFulfilled(unknown);
        expectRevert(reason);
        market.requestLockDeadline(unknown);
        expectRevert(reason);
        market.requestDeadline(unknown);
        assertFalse(market.requestIsSlashed(unknown), "reads the lock alone");
    }

    function test_locked_stays_true() public {
        lock(request, prover);
        lock(newRequest(2), prover);
        market.fulfill(batchOf(request, prover));
        assertTrue(market.requestIsLocked(id), "paid");
        vm.warp(START + 201);
        assertTrue(market.requestIsLocked(newRequest(2).id), "expired");
        market.slash(idOf(client.addr, 2));
        assertTrue(market.requestIsLocked(idOf(client.addr, 2)), "slashed");
        assertFalse(market.requestIsFulfilled(idOf(client.addr, 2)), "not fulfilled");
        assertEq(market.requestDeadline(idOf(client.addr, 2)), START + 200, "the deadline stays");
        assertEq(market.requestLockDeadline(id), START + 100, "the lock deadline stays");
    }

    // -------------------------------------------------------------------------------------------------------------- events

    function topics() private returns (bytes32[] memory found) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        found = new bytes32[](logs.length);
        for (uint256 i = 0; i < logs.length; ++i) {
            found[i] = logs[i].topics[0];
        }
    }

    function test_events_of_deliveries_in_their_order() public {
        lock(request, prover);
        vm.recordLogs();
        market.fulfill(batchOf(request, rival));
        bytes32[] memory first = topics();
        assertEq(first.length, 3, "first delivery");
        assertEq(first[0], IMarket.RequestFulfilled.selector, "RequestFulfilled");
        assertEq(first[1], IMarket.PaymentRequirementsFailed.selector, "PaymentRequirementsFailed");
        assertEq(first[2], IMarket.ProofDelivered.selector, "ProofDelivered");
        market.fulfill(batchOf(request, prover));
        bytes32[] memory second = topics();
        assertEq(second.length, 1, "fulfilled is said once, paid is said by silence");
        assertEq(second[0], IMarket.ProofDelivered.selector, "delivered again");
    }

    function test_an_expired_fill_says_only_that() public {
        lock(request, prover);
        vm.warp(START + 201);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        commit(batches);
        vm.recordLogs();
        assertEq(market.fulfill(batches)[0], isExpired(id), "payment error");
        bytes32[] memory found = topics();
        assertEq(found.length, 1, "logs");
        assertEq(found[0], IMarket.PaymentRequirementsFailed.selector, "PaymentRequirementsFailed");
    }

    // ---------------------------------------------------------------------------------------------------- several requests

    function test_batches_of_two_provers_settle_in_one_call() public {
        ProofRequest memory other = newRequest(2);
        lock(request, prover);
        lock(other, rival);
        FulfillmentBatch[] memory batches = new FulfillmentBatch[](2);
        batches[0] = batchOf(request, prover)[0];
        batches[1] = batchOf(other, rival)[0];
        bytes[] memory failures = market.fulfill(batches);
        assertEq(failures.length, 2, "one entry per fill");
        assertPaid(failures[0]);
        assertPaid(failures[1]);
        assertEther(8 ether, 1 ether, 1 ether);
        assertCollateral(10 ether, 10 ether);
    }

    /// @dev The collateral of a lock that lapsed rewards whoever was paid under its id, whichever request it delivered.
    function test_slash_of_an_id_that_two_requests_shared() public {
        lock(request, prover);
        vm.warp(START + 150);
        ProofRequest memory second = newRequest(id); // its window begins now
        assertPaid(priceAndDeliver(second, rival));
        assertEther(9 ether, 0, 1 ether); // the escrow went back, the second request's price was paid
        vm.expectRevert(abi.encodeWithSelector(IMarket.RequestIsNotExpired.selector, id, START + 200));
        market.slash(id);
        vm.warp(START + 201);
        market.slash(id);
        assertCollateral(9 ether, 10.5 ether);
        assertEther(9 ether, 0, 1 ether);
    }

    /// @dev The odd unit is the recipient's, one unit is still burned, and nothing is not.
    function test_the_last_unit_of_collateral_counts() public {
        slashed(3, 1, 2);
        slashed(2, 1, 1);
        vm.expectCall(address(token), abi.encodeWithSelector(token.transfer.selector), 0);
        slashed(1, 0, 1);
        slashed(0, 0, 0);
    }

    function slashed(uint32 collateral, uint256 burned, uint256 rest) private {
        ProofRequest memory one = newRequest(100 + collateral);
        one.offer.lockCollateral = collateral;
        lock(one, prover);
        uint256 before = token.balanceOf(BURN);
        vm.warp(vm.getBlockTimestamp() + 201);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.ProverSlashed(one.id, burned, rest, address(market));
        market.slash(one.id);
        assertEq(token.balanceOf(BURN) - before, burned, "burned");
    }

    /// @dev A burn that failed is booked as collateral of the burn address, and as nothing else.
    function test_a_burn_that_failed_is_collateral_alone() public {
        lock(request, prover);
        vm.warp(START + 201);
        vm.etch(address(token), hex"5f5ffd"); // reverts
        market.slash(id);
        assertEq(market.balanceOfCollateral(BURN), 0.5 ether, "collateral");
        assertEq(market.balanceOf(BURN), 0, "ETH");
    }

    function test_callback_of_the_second_request_of_an_id() public {
        CallbackCounter counter = new CallbackCounter();
        lock(request, prover);
        vm.warp(START + 150);
        ProofRequest memory second = newRequest(id);
        second.requirements.callback = Callback(address(counter), 200_000);
        assertPaid(priceAndDeliver(second, rival));
        assertEq(counter.calls(), 1, "called");
    }

    /// @dev Exactly enough is enough: for a lock, for an open delivery, for a withdrawal.
    function test_the_last_wei_counts() public {
        vm.prank(client.addr);
        market.withdraw(9 ether);
        vm.prank(prover.addr);
        market.withdrawCollateral(9 ether);
        lock(request, prover); // one ETH, and one token
        assertEther(0, 0, 0);
        assertCollateral(0, 10 ether);
        fund(client.addr, 1 ether);
        assertPaid(priceAndDeliver(newRequest(2), prover));
        assertEther(0, 1 ether, 0);
        vm.prank(prover.addr);
        market.withdraw(1 ether);
        vm.prank(rival.addr);
        market.withdrawCollateral(10 ether);
        assertEther(0, 0, 0);
        assertCollateral(0, 0);
    }

    /// @dev Whatever happens to its requests, a client's collateral is its own, as is a prover's ETH.
    function test_every_road_leaves_the_others_balances_alone() public {
        stake(client.addr, 3 ether);
        fund(rival.addr, 5 ether);
        lock(request, prover);
        lock(newRequest(2), prover);
        lock(newRequest(3), prover);
        market.fulfill(batchOf(request, prover)); // in time
        vm.warp(START + 101);
        deliver(newRequestAt(2), prover); // late
        priceAndDeliver(newRequest(4), prover); // never locked
        vm.warp(START + 201);
        market.slash(idOf(client.addr, 2));
        market.slash(idOf(client.addr, 3)); // never delivered
        assertEq(market.balanceOfCollateral(client.addr), 3 ether, "the client's collateral");
        assertEther(8 ether, 2 ether, 5 ether);
        assertCollateral(8.5 ether, 10 ether);
        assertEq(market.balanceOfCollateral(address(market)), 0.5 ether, "the market's collateral");
        assertEq(market.balanceOf(address(market)), 0, "the market's ETH");
    }

    /// @dev The request as it was signed at the start.
    function newRequestAt(uint32 index) private view returns (ProofRequest memory one) {
        one = newRequest(index);
        one.offer.rampUpStart = START;
    }

    /// @dev A batch that lies in front of its array: the compiler reads it, the hash of the calldata as sent does not reach it.
    function callWithTheBatchInFront(FulfillmentBatch memory batch) private pure returns (bytes memory) {
        bytes memory encoding = abi.encode(batch);
        bytes memory body = new bytes(encoding.length - 32); // without the offset to the struct
        for (uint256 i = 0; i < body.length; ++i) {
            body[i] = encoding[i + 32];
        }
        uint256 back = body.length + 32;
        return abi.encodePacked(IMarket.fulfill.selector, back, body, uint256(1), type(uint256).max - back + 1);
    }

    function test_committing_to_zero_commits_to_nothing() public {
        lock(request, prover);
        vm.warp(START + 101);
        FulfillmentBatch[] memory batches = batchOf(request, rival);
        bytes memory call_ = callWithTheBatchInFront(batches[0]);
        market.commitFulfillment(0);
        vm.roll(FIRST_BLOCK + 1);
        (bool success, bytes memory reason) = address(market).call(call_);
        assertFalse(success, "accepted");
        assertEq(reason, abi.encodeWithSelector(IMarket.MissingFulfillmentCommitment.selector), "reason");
        commit(batches);
        (success,) = address(market).call(call_);
        assertTrue(success, "what it says was committed to");
        assertEq(flagsOf(id), PAID_AFTER_LOCK, "delivered");
    }

    function test_the_limit_of_a_batch_is_within_it() public {
        bytes memory call_ = abi.encodePacked(
            IMarket.fulfill.selector,
            abi.encode(0x20, 1, 0x20, 0x80, 0xa0, 0xa0, prover.addr),
            abi.encode(0, 65_535),
            new bytes(65_535 * 32)
        );
        (bool success, bytes memory reason) = address(market).call(call_);
        assertFalse(success, "accepted");
        bytes memory expected = abi.encodeWithSelector(IMarket.BatchSizeExceedsLimit.selector, 0, 65_535);
        assertEq(reason, expected, "the requests are too few, the fills not too many");
    }

    /// @dev From too little gas to enough: as soon as the call succeeds, the burn does.
    function test_no_gas_in_between_skips_the_burn() public {
        lock(request, prover);
        vm.warp(START + 201);
        bool done = false;
        for (uint256 gas = 60_000; !done; gas += 500) {
            (done,) = address(market).call{ gas: gas }(abi.encodeCall(IMarket.slash, (id)));
            assertTrue(gas < 1_000_000, "never");
        }
        assertEq(token.balanceOf(BURN), 0.5 ether, "burned");
        assertEq(market.balanceOfCollateral(BURN), 0, "not booked");
    }

    // ---------------------------------------------------------------------------------------------------- contract clients

    function walletRequest(Wallet.Mode mode) private returns (ProofRequest memory) {
        address wallet = address(new Wallet("yes", mode));
        fund(wallet, 3 ether);
        return newRequest(smartIdOf(wallet, 1));
    }

    function pricedWith(ProofRequest memory one, bytes memory signature)
        private
        view
        returns (ProofRequestBatch[] memory priced)
    {
        priced = pricing(one);
        priced[0].signatures[0] = signature;
    }

    function test_pricing_gives_a_contract_client_limited_gas() public {
        ProofRequest memory one = walletRequest(Wallet.Mode.BurnGas);
        uint256 before = gasleft();
        vm.expectRevert(bytes(""));
        market.priceRequest(one, "yes");
        assertTrue(before - gasleft() < 400_000, "gas");
    }

    function test_in_the_race_a_contract_client_must_have_signed() public {
        ProofRequest memory one = walletRequest(Wallet.Mode.Honest);
        vm.prank(prover.addr);
        market.lockRequest(one, "yes");
        vm.warp(START + 101);
        ProofRequest memory second = newRequest(one.id);
        FulfillmentBatch[] memory batches = batchOf(second, rival);
        commit(batches);
        expectRevert(abi.encodeWithSelector(IMarket.InvalidSignature.selector));
        market.priceAndFulfill(pricedWith(second, "no"), batches);
        assertPaid(market.priceAndFulfill(pricedWith(second, "yes"), batches)[0]);
    }
}
