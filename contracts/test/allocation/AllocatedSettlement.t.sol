// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Allocation } from "../../src/allocation/Allocation.sol";
import { Terms } from "../../src/allocation/Terms.sol";
import { IMarket } from "../../src/interfaces/IMarket.sol";
import { ProofRequest } from "../../src/request/ProofRequest.sol";
import { Eip712Reference } from "../base/Eip712Reference.sol";
import { Wallet } from "../base/Outsiders.sol";
import { vm } from "../base/Vm.sol";
import { AllocationReference } from "./AllocationReference.sol";
import { AllocationTest } from "./AllocationTest.sol";

/// @notice Requests from signature to payment, with an exchange that works, errs or is dead.
contract AllocatedSettlementTest is AllocationTest {
    function test_an_allocated_lock_is_delivered_and_paid() public {
        Deal memory deal = newDeal(1);
        send(deal);
        vm.warp(START + 100); // the last second of the lock
        assertPaid(deliver(derived(deal.request, PRICE), prover));
        assertAccount(10 ether - PRICE);
        assertEq(market.balanceOf(prover.addr), PRICE, "prover's ether");
        assertEq(market.balanceOfCollateral(prover.addr), 10 ether, "prover's collateral");
    }

    function test_a_rival_that_undercuts_is_paid_its_own_price() public {
        Deal memory deal = newDeal(1);
        pricedBy(deal, rival, 1 ether);
        send(deal);
        assertPaid(deliver(derived(deal.request, 1 ether), rival));
        assertAccount(9 ether);
        assertEq(market.balanceOf(rival.addr), 1 ether, "rival's ether");
        assertEq(market.balanceOf(prover.addr), 0, "prover's ether");
    }

    function test_what_was_signed_is_not_what_was_locked() public {
        Deal memory deal = newDeal(1);
        send(deal);
        assertEq(fulfillAt(deal, OPEN_AT, prover), isLocked(deal.request.id), "payment error");
        assertPaid(deliver(derived(deal.request, PRICE), prover));
        assertAccount(10 ether - PRICE);
    }

    function test_a_lock_that_lapses_is_slashed_and_refunded() public {
        Deal memory deal = newDeal(1);
        send(deal);
        assertAccount(10 ether - PRICE);
        vm.warp(START + 201);
        market.slash(deal.request.id);
        assertAccount(10 ether);
        assertCollateral(9 ether, 10 ether);
        vm.prank(client.addr);
        account.withdraw(10 ether);
        assertEq(client.addr.balance, 10 ether, "owner's ether");
    }

    function test_after_a_lock_that_lapsed_the_race_is_free_for_the_requester() public {
        Deal memory deal = newDeal(1);
        send(deal);
        assertPaid(fulfillAt(deal, START + 101, rival));
        assertAccount(10 ether);
        vm.warp(START + 201);
        market.slash(deal.request.id);
        assertCollateral(9 ether, 10.5 ether);
    }

    function test_with_a_dead_exchange_the_dutch_lock_applies_from_openAt() public {
        Deal memory deal = newDeal(1);
        deal.exchangeSignature = hex"";
        vm.warp(OPEN_AT);
        lockPlainly(deal, openingAlone(deal), rival);
        assertAccount(10 ether - MAX_PRICE); // the ramp has ended
        assertPaid(deliver(deal.request, rival));
        assertEq(market.balanceOf(rival.addr), MAX_PRICE, "rival's ether");
    }

    function test_with_a_dead_exchange_it_is_fulfilled_without_a_lock_from_openAt() public {
        Deal memory deal = newDeal(1);
        assertPaid(fulfillAt(deal, OPEN_AT, rival));
        assertAccount(10 ether - MAX_PRICE);
        assertEq(market.balanceOf(rival.addr), MAX_PRICE, "rival's ether");
    }

    /// @dev An exchange that is a contract is not called once the request is open.
    function test_an_exchange_that_burns_gas_or_reverts_holds_up_nothing() public {
        Wallet.Mode[3] memory modes = [Wallet.Mode.BurnGas, Wallet.Mode.Revert, Wallet.Mode.WrongMagic];
        vm.warp(OPEN_AT);
        for (uint32 i = 0; i < modes.length; ++i) {
            Deal memory deal = newDeal(i);
            deal.terms.exchange = address(new Wallet(hex"", modes[i]));
            signAll(deal);
            lockPlainly(deal, opening(deal), rival);
            assertTrue(market.requestIsLocked(deal.request.id), "locked");
        }
    }

    function test_a_prover_that_lets_its_window_lapse_leaves_the_request_to_all() public {
        Deal memory deal = newDeal(1);
        deal.request.offer.rampUpPeriod = 100;
        signAll(deal);
        vm.warp(START + 21);
        lockPlainly(deal, opening(deal), rival);
        assertAccount(10 ether - 1.21 ether); // the Dutch price of now
    }

    function test_signed_plainly_too_the_first_to_lock_takes_the_id() public {
        Deal memory deal = newDeal(1);
        lock(deal.request, rival); // the owner's plain signature holds nobody back
        vm.expectRevert(isLocked(deal.request.id));
        send(deal);
        assertAccount(10 ether - MIN_PRICE);
    }

    function test_a_price_of_zero_is_a_price() public {
        Deal memory deal = newDeal(1);
        deal.allocation.price = 0;
        signAllocation(deal);
        pricedBy(deal, prover, 0);
        send(deal);
        assertPaid(deliver(derived(deal.request, 0), prover));
        assertAccount(10 ether);
    }

    // -------------------------------------------------------------------------------------------- what off-chain code asks

    function testFuzz_hashes_are_those_of_eip712(Terms memory terms, Allocation memory allocation, uint96 price)
        public
        view
    {
        ProofRequest memory request = requestOf(1);
        assertEq(book.requestHash(request), Eip712Reference.hash(request), "request");
        assertEq(book.termsHash(terms), AllocationReference.hash(terms), "terms");
        assertEq(
            book.exchangeRequestDigest(request, terms),
            inBook(AllocationReference.exchangeRequestHash(request, terms)),
            "exchange request"
        );
        assertEq(book.allocationDigest(allocation), inBook(AllocationReference.hash(allocation)), "allocation");
        bytes32 expected = Eip712Reference.hash(derived(request, price));
        assertEq(Eip712Reference.hash(book.derive(request, price)), expected, "derived");
    }

    function testFuzz_the_highest_undercut_is_rounded_down(Allocation memory allocation) public {
        if (allocation.overrideBps > 10_000) {
            vm.expectRevert();
            book.highestUndercut(allocation);
            return;
        }
        uint256 highest = book.highestUndercut(allocation);
        uint256 share = uint256(allocation.price) * (10_000 - allocation.overrideBps);
        assertTrue(highest * 10_000 <= share && (highest + 1) * 10_000 > share, "not the floor");
    }

    function test_the_domain_can_be_read() public view {
        (, string memory name, string memory version,, address verifyingContract,,) = book.eip712Domain();
        assertEq(bytes(name), "AllocationBook", "name");
        assertEq(bytes(version), "1", "version");
        assertEq(verifyingContract, address(book), "contract");
    }

    // ------------------------------------------------------------------------------------------------------------ checks

    function fulfillAt(Deal memory deal, uint256 time, Party memory by) private returns (bytes memory) {
        vm.warp(time);
        return fulfillPlainly(deal, openingAlone(deal), by);
    }

    function assertAccount(uint256 balance) private view {
        assertEq(market.balanceOf(address(account)), balance, "account's ether");
    }
}
