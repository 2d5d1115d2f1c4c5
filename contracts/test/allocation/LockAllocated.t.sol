// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Allocation } from "../../src/allocation/Allocation.sol";
import { Terms } from "../../src/allocation/Terms.sol";
import { IAllocationBook } from "../../src/interfaces/IAllocationBook.sol";
import { IMarket } from "../../src/interfaces/IMarket.sol";
import { IRequesterAccount } from "../../src/interfaces/IRequesterAccount.sol";
import { Offer } from "../../src/request/Offer.sol";
import { ProofRequest } from "../../src/request/ProofRequest.sol";
import { RequestId } from "../../src/request/RequestId.sol";
import { Signature } from "../../src/signing/Signature.sol";
import { vm } from "../base/Vm.sol";
import { Batcher, KeyedWallet, LyingAccount } from "./AllocationOutsiders.sol";
import { AllocationReference } from "./AllocationReference.sol";
import { AllocationTest } from "./AllocationTest.sol";

contract LockAllocatedTest is AllocationTest {
    // ------------------------------------------------------------------------------------- reverts, in precedence order

    function testFuzz_1_id_with_unknown_bits(uint8 bit) public {
        Deal memory deal = newDeal(1);
        uint256 raw = RequestId.unwrap(idOf(client.addr, 1)) | (1 << bound(bit, 193, 255)); // nor is it an account
        deal.request.id = RequestId.wrap(raw);
        refuse(deal, abi.encodeWithSelector(IMarket.InvalidRequest.selector));
    }

    function test_2_client_that_signs_by_key() public {
        Deal memory deal = newDeal(1);
        deal.request.id = idOf(address(account), 1);
        deal.terms.openAt = START + 101; // the next check would fail too
        refuse(deal, abi.encodeWithSelector(IAllocationBook.ClientIsNoAccount.selector, account));
    }

    function testFuzz_3_terms_that_open_after_the_last_second_for_a_lock(uint64 openAt) public {
        Deal memory deal = newDeal(1);
        deal.terms.openAt = uint64(bound(openAt, START + 101, type(uint64).max));
        deal.terms.burnBps = 10_001;
        signAll(deal);
        refuse(deal, abi.encodeWithSelector(IAllocationBook.OpensTooLate.selector, deal.terms.openAt, START + 100));
    }

    function test_3_terms_that_open_at_the_last_second_for_a_lock_are_good() public {
        Deal memory deal = newDeal(1);
        deal.terms.openAt = START + 100;
        signAll(deal);
        send(deal);
    }

    function testFuzz_4_more_than_everything_burned(uint16 burnBps) public {
        Deal memory deal = newDeal(1);
        deal.terms = committeeTerms();
        deal.terms.burnBps = uint16(bound(burnBps, 10_001, type(uint16).max));
        deal.terms.tiers[0] = 6_999;
        refuse(deal, abi.encodeWithSelector(IAllocationBook.InvalidBurn.selector, deal.terms.burnBps));
    }

    function testFuzz_5_tiers_that_do_not_add_up(uint16 first, uint16 second) public {
        vm.assume(uint256(first) + second != 10_000);
        Deal memory deal = newDeal(1);
        deal.terms = committeeTerms();
        (deal.terms.tiers[0], deal.terms.tiers[1]) = (first, second);
        refuse(deal, abi.encodeWithSelector(IAllocationBook.InvalidTiers.selector, uint256(first) + second));
    }

    function test_6_terms_of_a_committee() public {
        Deal memory deal = newDeal(1);
        deal.terms = committeeTerms();
        refuse(deal, abi.encodeWithSelector(IAllocationBook.TermsOfCommittee.selector));
    }

    function test_7_signed_by_another_than_the_owner() public {
        Deal memory deal = newDeal(1);
        deal.ownerSignature = signTerms(exchange.key, deal.request, deal.terms);
        deal.allocation.request = 0; // the next checks would fail too
        refuseOwner(deal);
    }

    function test_7_a_plain_signature_grants_an_exchange_nothing() public {
        Deal memory deal = newDeal(1);
        deal.ownerSignature = signRequest(deal.request);
        refuseOwner(deal);
    }

    /// @dev Every part of what the owner signed counts.
    function testFuzz_7_request_or_terms_changed_after_signing(uint256 what, uint256 by) public {
        Deal memory deal = newDeal(1);
        change(deal, what % 15, by);
        refuseOwner(deal);
    }

    function test_7_signed_for_another_chain_or_book() public {
        Deal memory deal = newDeal(1);
        vm.chainId(1);
        deal.ownerSignature = signTerms(deal.request, deal.terms);
        vm.chainId(31_337);
        refuseOwner(deal);
        deal = newDeal(1);
        book = IAllocationBook(deploy("AllocationBook", abi.encode(market)));
        refuseOwner(deal);
    }

    function test_8_another_request_of_the_id_has_a_committee() public {
        Deal memory deal = newDeal(1);
        ProofRequest memory other = requestOf(1);
        other.imageUrl = "https://image.example/other.elf";
        Terms memory terms = committeeTerms();
        bytes memory signature = signTerms(other, terms);
        vm.prank(committees);
        account.release(AllocationReference.hashed(other), terms, signature, 1 ether);
        block_(deal.request.id, true);
        deal.allocation.request = 0;
        refuse(deal, abi.encodeWithSelector(IAllocationBook.CommitteeIsConvened.selector, deal.request.id));
        block_(deal.request.id, false);
        send(newDeal(1));
    }

    function testFuzz_9_allocation_of_another_request_or_other_terms(bytes32 request, bytes32 terms, bool which)
        public
    {
        Deal memory deal = newDeal(1);
        if (which) deal.allocation.request = request;
        else deal.allocation.terms = terms;
        deal.allocation.price = MOST + 1;
        refuse(
            deal,
            abi.encodeWithSelector(
                IAllocationBook.AllocationOfAnother.selector, deal.allocation.request, deal.allocation.terms
            )
        );
    }

    function testFuzz_10_price_above_the_terms(uint96 price) public {
        Deal memory deal = newDeal(1);
        deal.allocation.price = uint96(bound(price, MOST + 1, type(uint96).max));
        deal.allocation.until = START - 1;
        signAllocation(deal);
        pricedBy(deal, prover, deal.allocation.price);
        refuse(deal, abi.encodeWithSelector(IAllocationBook.PriceAboveTerms.selector, deal.allocation.price, MOST));
    }

    function testFuzz_11_window_reversed_or_too_long(uint64 from, uint64 until) public {
        vm.assume(until < from || until - from > WINDOW);
        Deal memory deal = newDeal(1);
        (deal.allocation.from, deal.allocation.until) = (from, until);
        signAllocation(deal);
        refuse(deal, abi.encodeWithSelector(IAllocationBook.InvalidWindow.selector, from, until));
    }

    function testFuzz_12_window_that_reaches_the_opening(uint64 until) public {
        Deal memory deal = newDeal(1);
        deal.allocation.until = uint64(bound(until, OPEN_AT, type(uint64).max));
        deal.allocation.from = deal.allocation.until - WINDOW;
        deal.allocation.overrideBps = 10_001;
        signAllocation(deal);
        refuse(deal, abi.encodeWithSelector(IAllocationBook.WindowPastOpening.selector, deal.allocation.until, OPEN_AT));
    }

    function testFuzz_13_override_above_the_whole(uint16 overrideBps) public {
        Deal memory deal = newDeal(1);
        deal.allocation.overrideBps = uint16(bound(overrideBps, 10_001, type(uint16).max));
        refuse(deal, abi.encodeWithSelector(IAllocationBook.InvalidOverride.selector, deal.allocation.overrideBps));
    }

    function test_14_signed_by_another_than_the_exchange() public {
        Deal memory deal = newDeal(1);
        deal.exchangeSignature = signAllocation(prover.key, deal.allocation);
        vm.warp(START + 21); // outside the window
        refuseExchange(deal);
    }

    function testFuzz_14_allocation_changed_after_signing(uint256 what) public {
        Deal memory deal = newDeal(1);
        Allocation memory allocation = deal.allocation;
        what = what % 5;
        if (what == 0) allocation.prover = rival.addr;
        else if (what == 1) allocation.price += 1;
        else if (what == 2) allocation.from -= 1;
        else if (what == 3) allocation.until += 1;
        else allocation.overrideBps -= 1;
        refuseExchange(deal);
    }

    function test_14_terms_without_exchange_are_nobodys_to_allocate() public {
        Deal memory deal = newDeal(1);
        deal.terms.exchange = address(0);
        signAll(deal);
        deal.exchangeSignature = new bytes(65); // recovers the zero address
        refuseExchange(deal);
    }

    function test_14_signed_for_another_chain() public {
        Deal memory deal = newDeal(1);
        vm.chainId(1);
        signAllocation(deal);
        vm.chainId(31_337);
        refuseExchange(deal);
    }

    function testFuzz_15_outside_the_window(uint64 now_) public {
        Deal memory deal = newDeal(1);
        (deal.allocation.from, deal.allocation.until) = (START + 10, START + 20);
        signAllocation(deal);
        deal.proverSignature = hex"";
        uint256 time = bound(now_, 1, type(uint64).max);
        if (time >= START + 10 && time <= START + 20) time += 11;
        vm.warp(time);
        refuse(deal, abi.encodeWithSelector(IAllocationBook.OutsideWindow.selector, START + 10, START + 20));
    }

    function test_16_prover_signature_of_the_wrong_length() public {
        Deal memory deal = newDeal(1);
        (deal.proverSignature, deal.price) = (new bytes(64), 0);
        refuse(deal, abi.encodeWithSelector(Signature.ECDSAInvalidSignatureLength.selector, 64));
    }

    function testFuzz_17_named_prover_at_another_price(uint96 price) public {
        vm.assume(price != PRICE);
        Deal memory deal = newDeal(1);
        pricedBy(deal, prover, price);
        refuse(deal, abi.encodeWithSelector(IAllocationBook.PriceNotAllocated.selector, prover.addr, price, PRICE));
    }

    function testFuzz_17_rival_above_the_undercut(uint96 price) public {
        Deal memory deal = newDeal(1);
        price = uint96(bound(price, UNDERCUT + 1, type(uint96).max));
        pricedBy(deal, rival, price);
        refuse(deal, abi.encodeWithSelector(IAllocationBook.PriceNotAllocated.selector, rival.addr, price, UNDERCUT));
    }

    function test_18_offer_that_contradicts_itself() public {
        Deal memory deal = newDeal(1);
        deal.request.offer.rampUpPeriod = 101;
        signAll(deal);
        pricedBy(deal, prover, PRICE);
        refuse(deal, abi.encodeWithSelector(IMarket.InvalidRequest.selector));
    }

    function test_18_request_that_is_locked() public {
        Deal memory deal = newDeal(1);
        send(deal);
        refuse(deal, isLocked(deal.request.id));
        pricedBy(deal, rival, UNDERCUT);
        refuse(deal, isLocked(deal.request.id));
    }

    function test_18_request_that_is_fulfilled() public {
        Deal memory deal = newDeal(1);
        deal.terms.mechanism = 0;
        deal.terms.openAt = START;
        Deal memory twin = newDeal(1); // the same request under other terms
        deal.ownerSignature = signTerms(deal.request, deal.terms);
        deliverPlainly(deal);
        refuse(twin, isFulfilled(twin.request.id));
    }

    function test_18_owner_that_has_withdrawn() public {
        Deal memory deal = newDeal(1);
        vm.prank(client.addr);
        account.withdraw(10 ether - PRICE + 1);
        refuse(deal, abi.encodeWithSelector(IMarket.InsufficientBalance.selector, account));
    }

    function test_18_prover_without_collateral() public {
        Deal memory deal = newDeal(1);
        vm.prank(prover.addr);
        market.withdrawCollateral(10 ether);
        refuse(deal, abi.encodeWithSelector(IMarket.InsufficientBalance.selector, prover.addr));
    }

    // ------------------------------------------------------------------------------------------------------------- locks

    function testFuzz_the_named_prover_locks_at_the_price(uint96 price, uint64 from, uint32 length, uint256 now_)
        public
    {
        Deal memory deal = newDeal(1);
        deal.allocation.price = uint96(bound(price, 0, MOST));
        deal.allocation.from = uint64(bound(from, START - 1_000, OPEN_AT - 1));
        uint256 longest = OPEN_AT - 1 - deal.allocation.from;
        deal.allocation.until = uint64(deal.allocation.from + bound(length, 0, longest < WINDOW ? longest : WINDOW));
        signAllocation(deal);
        pricedBy(deal, prover, deal.allocation.price);
        vm.warp(bound(now_, deal.allocation.from, deal.allocation.until));
        expectAllocated(deal, prover);
        send(deal);
        assertLocked(deal, prover);
    }

    function testFuzz_a_rival_locks_below_the_undercut(uint96 allocated, uint16 overrideBps, uint96 price) public {
        Deal memory deal = newDeal(1);
        deal.allocation.price = uint96(bound(allocated, 0, MOST));
        deal.allocation.overrideBps = uint16(bound(overrideBps, 0, 10_000));
        signAllocation(deal);
        uint256 highest = uint256(deal.allocation.price) * (10_000 - deal.allocation.overrideBps) / 10_000;
        assertEq(book.highestUndercut(deal.allocation), highest, "highest undercut");
        pricedBy(deal, rival, uint96(bound(price, 0, highest)));
        expectAllocated(deal, rival);
        send(deal);
        assertLocked(deal, rival);
    }

    function test_override_of_zero_lets_a_rival_lock_at_the_same_price() public {
        Deal memory deal = newDeal(1);
        deal.allocation.overrideBps = 0;
        signAllocation(deal);
        pricedBy(deal, rival, PRICE);
        send(deal);
        assertLocked(deal, rival);
    }

    function test_override_of_everything_leaves_a_rival_only_the_price_zero() public {
        Deal memory deal = newDeal(1);
        deal.allocation.overrideBps = 10_000;
        signAllocation(deal);
        pricedBy(deal, rival, 1);
        refuse(deal, abi.encodeWithSelector(IAllocationBook.PriceNotAllocated.selector, rival.addr, 1, 0));
        pricedBy(deal, rival, 0);
        send(deal);
        assertLocked(deal, rival);
    }

    function test_both_ends_of_the_window_are_in_it() public {
        Deal memory first = newDeal(1);
        Deal memory last = newDeal(2);
        send(first);
        vm.warp(START + 20);
        send(last);
        assertLocked(last, prover);
    }

    function test_before_the_ramp_starts_the_deadlines_stay_as_signed() public {
        Deal memory deal = newDeal(1);
        deal.request.offer.rampUpStart = START + 40;
        signAll(deal);
        pricedBy(deal, prover, PRICE);
        send(deal);
        assertLocked(deal, prover);
        assertEq(market.requestLockDeadline(deal.request.id), START + 140, "lock deadline");
        assertEq(market.requestDeadline(deal.request.id), START + 240, "deadline");
    }

    function test_of_two_allocations_the_first_to_lock_holds() public {
        Deal memory deal = newDeal(1);
        Deal memory other = newDeal(1);
        other.allocation.prover = rival.addr;
        other.allocation.price = MOST;
        signAllocation(other);
        pricedBy(other, rival, MOST);
        send(other);
        assertLocked(other, rival);
        refuse(deal, isLocked(deal.request.id));
    }

    function test_owner_and_exchange_may_be_contracts() public {
        address owner = address(new KeyedWallet(client.addr, true));
        address exchange_ = address(new KeyedWallet(exchange.addr, true));
        vm.deal(address(this), 5 ether);
        account = accountAt(accounts.create{ value: 5 ether }(owner));
        Deal memory deal = newDeal(1);
        deal.terms.exchange = exchange_;
        signAll(deal);
        send(deal);
        assertEq(market.balanceOf(address(account)), 5 ether - PRICE, "account's ether");
        deal = newDeal(2);
        deal.terms.exchange = exchange_;
        signAll(deal);
        deal.exchangeSignature = signAllocation(rival.key, deal.allocation);
        refuse(deal, abi.encodeWithSelector(IAllocationBook.NotSignedByExchange.selector, exchange_));
    }

    function test_an_account_that_lies_pays_for_itself_only() public {
        LyingAccount liar = new LyingAccount(rival.addr);
        fund(address(liar), 2 ether);
        Deal memory deal = newDeal(1);
        deal.request.id = smartIdOf(address(liar), 1);
        signAll(deal);
        deal.ownerSignature = signTerms(rival.key, deal.request, deal.terms);
        pricedBy(deal, prover, PRICE);
        send(deal);
        assertEq(market.balanceOf(address(liar)), 2 ether - PRICE, "liar's ether");
        assertEq(market.balanceOf(address(account)), 10 ether, "account's ether");
        assertEq(market.balanceOf(rival.addr), 0, "rival's ether");
    }

    // --------------------------------------------------------------------------------------------------------- approvals

    function test_an_approval_ends_with_the_lock() public {
        Deal memory deal = newDeal(1);
        ProofRequest memory locked = derived(deal.request, PRICE);
        bytes memory lockCall = abi.encodeCall(
            IAllocationBook.lock,
            (
                deal.request,
                deal.terms,
                deal.ownerSignature,
                deal.allocation,
                deal.exchangeSignature,
                deal.price,
                deal.proverSignature
            )
        );
        Batcher batcher = new Batcher();
        bytes memory priceCall = abi.encodeCall(IMarket.priceRequest, (locked, hex""));
        vm.expectRevert(abi.encodeWithSelector(IMarket.InvalidSignature.selector));
        batcher.both(address(book), lockCall, address(market), priceCall);
        vm.expectRevert(abi.encodeWithSelector(IMarket.InvalidSignature.selector));
        batcher.both(address(market), priceCall, address(book), lockCall);
    }

    function testFuzz_nothing_is_approved_outside_a_lock(bytes32 digest) public view {
        assertFalse(book.isApproved(digest), "approved");
        assertFalse(book.isApproved(0), "zero approved");
    }

    // ------------------------------------------------------------------------------------------------------------ checks

    function accountAt(address where) private pure returns (IRequesterAccount) {
        return IRequesterAccount(payable(where));
    }

    function refuseOwner(Deal memory deal) private {
        refuse(deal, abi.encodeWithSelector(IAllocationBook.NotSignedByOwner.selector, client.addr));
    }

    function refuseExchange(Deal memory deal) private {
        refuse(deal, abi.encodeWithSelector(IAllocationBook.NotSignedByExchange.selector, deal.terms.exchange));
    }

    function deliverPlainly(Deal memory deal) private {
        assertPaid(fulfillPlainly(deal, openingAlone(deal), rival));
    }

    function expectAllocated(Deal memory deal, Party memory by) private {
        bytes32 digest = inBook(AllocationReference.hash(deal.allocation));
        bytes32 requestDigest = digestOf(deal.request);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.RequestLocked(deal.request.id, by.addr, derived(deal.request, deal.price), hex"");
        vm.expectEmit(true, true, true, true, address(book));
        emit IAllocationBook.Allocated(deal.request.id, exchange.addr, by.addr, digest, requestDigest, deal.price);
    }

    function assertLocked(Deal memory deal, Party memory by) private view {
        (address locker,,,, uint96 price, uint96 collateral, bytes32 digest) = market.requestLocks(deal.request.id);
        assertEq(locker, by.addr, "locker");
        assertEq(price, deal.price, "price");
        assertEq(collateral, COLLATERAL, "collateral");
        assertEq(digest, digestOf(derived(deal.request, deal.price)), "digest");
    }

    function change(Deal memory deal, uint256 what, uint256 by) private pure {
        Offer memory offer = deal.request.offer;
        Terms memory terms = deal.terms;
        if (what == 0) terms.exchange = address(uint160(by) | 1);
        else if (what == 1) terms.mechanism = bytes32(by);
        else if (what == 2) terms.openAt -= uint64(bound(by, 1, 29));
        else if (what == 3) terms.exclusiveWindow = uint32(bound(by, WINDOW + 1, 1_000));
        else if (what == 4) terms.maxPrice = uint96(bound(by, MOST + 1, type(uint96).max));
        else if (what == 5) terms.burnBps = uint16(bound(by, 1, 10_000));
        else if (what == 6) offer.minPrice -= 1;
        else if (what == 7) offer.maxPrice += bound(by, 1, 1 ether);
        else if (what == 8) offer.rampUpStart += 1;
        else if (what == 9) offer.lockTimeout += 1;
        else if (what == 10) offer.timeout += 1;
        else if (what == 11) offer.lockCollateral = bound(by, 0, COLLATERAL - 1);
        else if (what == 12) deal.request.imageUrl = "";
        else if (what == 13) deal.request.requirements.selector = 0x12345678;
        else deal.request.input.data = abi.encode(by);
    }
}
