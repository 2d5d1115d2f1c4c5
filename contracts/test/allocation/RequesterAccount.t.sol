// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Allocation } from "../../src/allocation/Allocation.sol";
import { HashedRequest } from "../../src/allocation/HashedRequest.sol";
import { Terms } from "../../src/allocation/Terms.sol";
import { FulfillmentBatch } from "../../src/fulfillment/FulfillmentBatch.sol";
import { IAllocationBook } from "../../src/interfaces/IAllocationBook.sol";
import { IMarket } from "../../src/interfaces/IMarket.sol";
import { IRequesterAccount } from "../../src/interfaces/IRequesterAccount.sol";
import { IRequesterAccounts } from "../../src/interfaces/IRequesterAccounts.sol";
import { ProofRequest } from "../../src/request/ProofRequest.sol";
import { RequestId } from "../../src/request/RequestId.sol";
import { Wallet } from "../base/Outsiders.sol";
import { vm } from "../base/Vm.sol";
import { KeyedWallet } from "./AllocationOutsiders.sol";
import { AllocationReference } from "./AllocationReference.sol";
import { AllocationTest } from "./AllocationTest.sol";

/// @notice How accounts come to be.
contract RequesterAccountsTest is AllocationTest {
    function test_an_implementation_has_code() public {
        bytes memory creation =
            abi.encodePacked(vm.getCode("RequesterAccounts.sol:RequesterAccounts"), abi.encode(rival.addr));
        vm.expectRevert(abi.encodeWithSelector(IRequesterAccounts.InvalidImplementation.selector));
        create(creation);
    }

    function test_a_book_needs_a_market() public {
        bytes memory creation =
            abi.encodePacked(vm.getCode("AllocationBook.sol:AllocationBook"), abi.encode(rival.addr));
        vm.expectRevert(abi.encodeWithSelector(IAllocationBook.InvalidMarket.selector));
        create(creation);
    }

    function test_nobody_owns_no_account() public {
        vm.expectRevert(abi.encodeWithSelector(IRequesterAccounts.InvalidOwner.selector));
        accounts.create(address(0));
    }

    function testFuzz_an_account_is_where_it_was_foretold(address owner, address by) public {
        vm.assume(owner != address(0) && owner != client.addr);
        address foretold = accounts.accountOf(owner);
        vm.expectEmit(true, true, true, true, address(accounts));
        emit IRequesterAccounts.AccountCreated(owner, foretold);
        vm.prank(by);
        address created = accounts.create(owner);
        assertEq(created, foretold, "address");
        assertEq(IRequesterAccount(payable(created)).owner(), owner, "owner");
        vm.prank(owner);
        assertEq(accounts.create(owner), foretold, "created twice");
    }

    function test_an_account_names_what_it_trusts() public view {
        assertEq(account.MARKET(), address(market), "market");
        assertEq(account.ALLOCATION_BOOK(), address(book), "allocation book");
        assertEq(account.COMMITTEE_BOOK(), committees, "committee book");
        assertEq(book.MARKET(), address(market), "market of the book");
        assertTrue(accounts.IMPLEMENTATION().code.length != 0, "implementation");
    }

    function testFuzz_ether_that_comes_early_late_or_along_is_in_the_market(uint96 early, uint96 along, uint96 later)
        public
    {
        (early, along, later) = (early / 4, along / 4, later / 4);
        address foretold = accounts.accountOf(rival.addr);
        vm.deal(address(this), uint256(early) + along + later);
        sendEther(foretold, early);
        accounts.create{ value: along }(rival.addr);
        assertEq(market.balanceOf(foretold), uint256(early) + along, "balance");
        accounts.create{ value: later }(rival.addr);
        assertEq(market.balanceOf(foretold), uint256(early) + along + later, "balance");
        assertEq(foretold.balance, 0, "ether on the account");
    }

    function create(bytes memory creation) private {
        assembly {
            let created := create(0, add(creation, 0x20), mload(creation))
            if iszero(created) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }

    function sendEther(address to, uint256 value) private {
        (bool success,) = to.call{ value: value }("");
        require(success, "not sent");
    }
}

/// @notice What an account finds valid.
contract AccountSignatureTest is AllocationTest {
    // ----------------------------------------------------------------------------------------------------- the owner's own

    function testFuzz_the_owners_signature_of_anything_is_valid(bytes32 digest) public view {
        assertValid(digest, sign(client.key, digest));
    }

    function testFuzz_the_signature_of_somebody_else_is_not(bytes32 digest, uint256 key) public view {
        key = toKey(key);
        vm.assume(key != client.key);
        assertInvalid(digest, sign(key, digest));
    }

    function testFuzz_noise_is_not(bytes32 digest, bytes memory noise) public view {
        assertInvalid(digest, noise);
    }

    function test_short_signature_of_the_owner() public view {
        bytes32 digest = keccak256("a digest");
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(client.key, digest);
        assertValid(digest, abi.encodePacked(r, bytes32((uint256(v - 27) << 255) | uint256(s))));
    }

    function test_owner_that_is_a_contract() public {
        bytes memory password = new bytes(300);
        account = accountOf(address(new Wallet(password, Wallet.Mode.Honest)));
        assertValid(bytes32(uint256(1)), password);
        assertInvalid(bytes32(uint256(1)), new bytes(299));
        for (uint256 mode = 1; mode < 3; ++mode) {
            account = accountOf(address(new Wallet(password, Wallet.Mode(mode))));
            assertInvalid(bytes32(uint256(1)), password);
        }
    }

    function test_owner_that_finds_the_empty_signature_valid_is_not_asked() public {
        account = accountOf(address(new Wallet(hex"", Wallet.Mode.Honest)));
        assertInvalid(bytes32(uint256(1)), hex"");
    }

    function test_a_plain_request_of_an_account_is_locked_as_ever() public {
        ProofRequest memory request = requestOf(1);
        lock(request, prover);
        assertTrue(market.requestIsLocked(request.id), "locked");
    }

    function test_the_implementation_has_no_owner_who_could_sign() public {
        IRequesterAccount implementation = IRequesterAccount(payable(accounts.IMPLEMENTATION()));
        assertEq(implementation.owner().code.length, 0, "code of the implementation's owner");
        account = implementation;
        assertInvalid(keccak256("a digest"), sign(client.key, keccak256("a digest")));
        assertInvalid(keccak256("a digest"), new bytes(65));
    }

    // ------------------------------------------------------------------------------------------------ exchange requests

    function testFuzz_the_plain_path_is_shut_until_openAt(uint256 time) public {
        Deal memory deal = newDeal(1);
        vm.warp(bound(time, START, OPEN_AT - 1));
        assertInvalid(digestOf(deal.request), openingAlone(deal));
        vm.expectRevert(abi.encodeWithSelector(IMarket.InvalidSignature.selector));
        lockPlainly(deal, openingAlone(deal), rival);
        vm.expectRevert(abi.encodeWithSelector(IMarket.InvalidSignature.selector));
        market.priceRequest(deal.request, openingAlone(deal));
        FulfillmentBatch[] memory batches = batchOf(deal.request, rival);
        vm.expectRevert(abi.encodeWithSelector(IMarket.InvalidSignature.selector));
        market.priceAndFulfill(pricingWith(deal.request, openingAlone(deal)), batches);
    }

    function testFuzz_from_openAt_on_it_is_open_whatever_the_exchange_says(uint256 time, uint256 what) public {
        Deal memory deal = newDeal(1);
        if (what % 3 == 0) deal.exchangeSignature = abi.encode(what);
        if (what % 3 == 1) deal.allocation.until = type(uint64).max;
        vm.warp(bound(time, OPEN_AT, START + 100));
        assertValid(digestOf(deal.request), opening(deal));
        assertValid(digestOf(deal.request), openingAlone(deal));
        market.priceRequest(deal.request, opening(deal));
        lockPlainly(deal, opening(deal), rival);
        assertTrue(market.requestIsLocked(deal.request.id), "locked");
    }

    function testFuzz_a_window_that_has_lapsed_opens_it(uint256 time) public {
        Deal memory deal = newDeal(1);
        vm.warp(bound(time, START + 21, OPEN_AT - 1));
        assertInvalid(digestOf(deal.request), openingAlone(deal));
        assertValid(digestOf(deal.request), opening(deal));
        lockPlainly(deal, opening(deal), rival);
    }

    function testFuzz_a_window_that_has_not_lapsed_does_not(uint256 time) public {
        Deal memory deal = newDeal(1);
        vm.warp(bound(time, START, START + 20));
        assertInvalid(digestOf(deal.request), opening(deal));
    }

    /// @dev Else the exchange could have a request priced, a committee convened and the price paid, all in one transaction.
    function testFuzz_a_lapsed_window_does_not_open_what_is_for_a_committee(uint256 time) public {
        Deal memory deal = newDeal(requestOf(1), committeeTerms());
        vm.warp(bound(time, START + 21, OPEN_AT - 1));
        assertInvalid(digestOf(deal.request), opening(deal));
        vm.warp(OPEN_AT);
        assertValid(digestOf(deal.request), opening(deal));
    }

    function testFuzz_a_lapse_that_the_exchange_did_not_sign_does_not(uint256 what) public {
        Deal memory deal = newDeal(1);
        vm.warp(START + 21);
        what = what % 6;
        if (what == 0) deal.exchangeSignature = signAllocation(rival.key, deal.allocation);
        else if (what == 1) deal.allocation.until -= 1;
        else if (what == 2) deal.allocation.request = digestOf(deal.request);
        else if (what == 3) deal.allocation.terms = 0;
        else if (what == 4) deal.exchangeSignature = hex"";
        else deal.allocation.price += 1;
        if (what == 2 || what == 3) signAllocation(deal);
        assertInvalid(digestOf(deal.request), opening(deal));
    }

    function testFuzz_what_the_owner_did_not_sign_is_never_open(uint256 what) public {
        Deal memory deal = newDeal(1);
        vm.warp(OPEN_AT);
        what = what % 5;
        if (what == 0) deal.ownerSignature = signTerms(rival.key, deal.request, deal.terms);
        else if (what == 1) deal.ownerSignature = hex"";
        else if (what == 2) deal.terms.openAt -= 1;
        else if (what == 3) deal.request.offer.maxPrice += 1;
        else deal.ownerSignature = signRequest(deal.request); // an ordinary signature says nothing of terms
        assertInvalid(digestOf(deal.request), opening(deal));
    }

    function test_an_opening_is_of_one_request_only() public {
        Deal memory deal = newDeal(1);
        vm.warp(OPEN_AT);
        assertInvalid(digestOf(requestOf(2)), opening(deal));
        assertInvalid(digestOf(derived(deal.request, PRICE)), opening(deal));
        vm.chainId(1);
        assertInvalid(digestOf(deal.request), opening(deal));
    }

    function testFuzz_an_opening_cut_short_opens_nothing(uint256 length) public {
        Deal memory deal = newDeal(1);
        vm.warp(OPEN_AT);
        bytes memory signature = openingAlone(deal);
        length = bound(length, 0, signature.length - 33); // the last word is an empty signature's length
        assembly {
            mstore(signature, length)
        }
        (bool success, bytes memory result) = address(account)
            .staticcall(abi.encodeCall(IRequesterAccount.isValidSignature, (digestOf(deal.request), signature)));
        assertTrue(!success || bytes4(result) == 0xffffffff, "valid");
    }

    /// @dev Words may be laid out in more ways than one, and from `openAt` on nobody looks at the allocation.
    function testFuzz_an_opening_with_noise_in_it_opens_only_if_it_still_says_the_same(uint256 where, bytes32 word)
        public
    {
        Deal memory deal = newDeal(1);
        vm.warp(OPEN_AT);
        bytes memory signature = openingAlone(deal);
        where = bound(where, 0, signature.length / 32 - 1) * 32;
        assembly {
            mstore(add(add(signature, 0x20), where), word)
        }
        (bool success, bytes memory result) = address(account)
            .staticcall(abi.encodeCall(IRequesterAccount.isValidSignature, (digestOf(deal.request), signature)));
        if (!success || bytes4(result) == 0xffffffff) return;
        (HashedRequest memory request, Terms memory terms, bytes memory ownerSignature,,) =
            abi.decode(signature, (HashedRequest, Terms, bytes, Allocation, bytes));
        assertEq(
            abi.encode(request, terms, ownerSignature),
            abi.encode(AllocationReference.hashed(deal.request), deal.terms, deal.ownerSignature),
            "opened by something else"
        );
    }

    /// @dev All that can make it dear: contracts for owner and exchange, a lapsed window or many tiers and a committee that
    ///      failed, cold storage.
    function test_the_dearest_opening_fits_what_the_market_grants() public {
        address owner = address(new KeyedWallet(client.addr, true));
        account = accountOf(owner);
        fund(address(account), 5 ether);
        Deal memory deal = newDeal(1);
        deal.terms.exchange = address(new KeyedWallet(exchange.addr, true));
        signAll(deal);
        vm.warp(START + 21);
        lockPlainly(deal, opening(deal), rival);
        assertTrue(market.requestIsLocked(deal.request.id), "locked");
        deal = newDeal(2);
        deal.terms.tiers = new uint16[](32);
        deal.terms.tiers[0] = 10_000;
        signAll(deal);
        vm.prank(committees);
        account.release(AllocationReference.hashed(deal.request), deal.terms, deal.ownerSignature, 1 ether);
        vm.warp(OPEN_AT);
        lockPlainly(deal, opening(deal), rival);
        assertTrue(market.requestIsLocked(deal.request.id), "locked");
    }

    // ------------------------------------------------------------------------------------------------------------ checks

    function accountOf(address owner) private returns (IRequesterAccount) {
        return IRequesterAccount(payable(accounts.create(owner)));
    }

    function assertValid(bytes32 digest, bytes memory signature) private view {
        assertEq(bytes32(account.isValidSignature(digest, signature)), bytes32(bytes4(0x1626ba7e)), "not valid");
    }

    function assertInvalid(bytes32 digest, bytes memory signature) private view {
        assertEq(bytes32(account.isValidSignature(digest, signature)), bytes32(bytes4(0xffffffff)), "valid");
    }
}

/// @notice Where an account's ether goes.
contract AccountBalanceTest is AllocationTest {
    function testFuzz_only_the_owner_withdraws(address sender, uint256 value) public {
        vm.assume(sender != client.addr);
        bytes memory reason = abi.encodeWithSelector(IRequesterAccount.NotOwner.selector, sender);
        vm.expectRevert(reason);
        vm.prank(sender);
        account.withdraw(value);
        vm.expectRevert(reason);
        vm.prank(sender);
        account.withdrawTo(sender, value);
    }

    function testFuzz_no_more_than_the_balance(uint256 value) public {
        value = bound(value, 10 ether + 1, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IMarket.InsufficientBalance.selector, account));
        vm.prank(client.addr);
        account.withdraw(value);
    }

    function test_an_owner_that_refuses_ether_sends_it_elsewhere() public {
        KeyedWallet owner = new KeyedWallet(client.addr, false);
        vm.deal(address(this), 1 ether);
        account = IRequesterAccount(payable(accounts.create{ value: 1 ether }(address(owner))));
        vm.expectRevert(abi.encodeWithSelector(IRequesterAccount.TransferFailed.selector));
        owner.call(address(account), abi.encodeCall(IRequesterAccount.withdraw, (1 ether)));
        owner.call(address(account), abi.encodeCall(IRequesterAccount.withdrawTo, (rival.addr, 1 ether)));
        assertEq(rival.addr.balance, 1 ether, "recipient");
    }

    function testFuzz_the_owner_gets_what_it_withdraws(uint256 value, uint256 elsewhere) public {
        value = bound(value, 0, 10 ether);
        elsewhere = bound(elsewhere, 0, 10 ether - value);
        vm.prank(client.addr);
        account.withdraw(value);
        vm.prank(client.addr);
        account.withdrawTo(rival.addr, elsewhere);
        assertEq(client.addr.balance, value, "owner");
        assertEq(rival.addr.balance, elsewhere, "recipient");
        assertEq(market.balanceOf(address(account)), 10 ether - value - elsewhere, "balance");
        assertEq(address(account).balance, 0, "ether on the account");
    }

    function testFuzz_ether_sent_to_it_is_deposited(uint96 value) public {
        value /= 2; // the market counts in 96 bits
        vm.deal(address(this), value);
        vm.expectEmit(true, true, true, true, address(market));
        emit IMarket.Deposit(address(account), value);
        (bool success,) = address(account).call{ value: value }("");
        assertTrue(success, "refused");
        assertEq(market.balanceOf(address(account)), 10 ether + uint256(value), "balance");
    }

    function testFuzz_anybody_sweeps_what_was_forced_upon_it(uint96 value) public {
        value /= 2; // the market counts in 96 bits
        vm.deal(address(account), value);
        vm.prank(rival.addr);
        account.sweep();
        assertEq(market.balanceOf(address(account)), 10 ether + uint256(value), "balance");
        assertEq(address(account).balance, 0, "ether on the account");
    }
}

/// @notice What a committee book can and cannot take.
contract AccountReleaseTest is AllocationTest {
    struct Call {
        HashedRequest request;
        Terms terms;
        bytes ownerSignature;
        uint96 price;
    }

    function newCall(uint32 index) private view returns (Call memory) {
        return newCall(requestOf(index));
    }

    function newCall(ProofRequest memory request) private view returns (Call memory) {
        Terms memory terms = committeeTerms();
        return Call(AllocationReference.hashed(request), terms, signTerms(request, terms), PRICE);
    }

    function send(Call memory call_) private {
        vm.prank(committees);
        account.release(call_.request, call_.terms, call_.ownerSignature, call_.price);
    }

    function refuse(Call memory call_, bytes memory reason) private {
        vm.expectRevert(reason);
        send(call_);
    }

    // --------------------------------------------------------------------------- reverts of release, in precedence order

    function testFuzz_1_only_the_committee_book(address sender) public {
        vm.assume(sender != committees);
        Call memory call_ = newCall(1);
        call_.request.id = idOf(client.addr, 1);
        vm.expectRevert(abi.encodeWithSelector(IRequesterAccount.NotCommitteeBook.selector, sender));
        vm.prank(sender);
        account.release(call_.request, call_.terms, call_.ownerSignature, call_.price);
    }

    function test_2_request_of_another_client() public {
        RequestId[3] memory ids = [smartIdOf(rival.addr, 1), idOf(address(account), 1), smartIdOf(client.addr, 1)];
        for (uint256 i = 0; i < ids.length; ++i) {
            Call memory call_ = newCall(newRequest(ids[i]));
            delete call_.terms.tiers;
            refuse(call_, abi.encodeWithSelector(IRequesterAccount.ForeignRequest.selector, ids[i]));
        }
        RequestId odd = RequestId.wrap(RequestId.unwrap(smartIdOf(address(account), 1)) | (1 << 193));
        refuse(newCall(newRequest(odd)), abi.encodeWithSelector(IMarket.InvalidRequest.selector));
    }

    function test_3_terms_for_one_prover() public {
        Call memory call_ = newCall(1);
        send(call_);
        delete call_.terms.tiers;
        refuse(call_, abi.encodeWithSelector(IRequesterAccount.TermsWithoutCommittee.selector));
    }

    function testFuzz_4_from_openAt_on_no_more(uint256 time) public {
        Call memory call_ = newCall(1);
        send(call_);
        vm.warp(bound(time, OPEN_AT, type(uint64).max));
        refuse(call_, abi.encodeWithSelector(IRequesterAccount.TermsHaveOpened.selector, OPEN_AT));
    }

    function test_the_last_second_before_openAt_is_in_time() public {
        Call memory call_ = newCall(1);
        vm.warp(OPEN_AT - 1);
        send(call_);
        assertTrue(account.isReleased(call_.request.id), "released");
    }

    function test_5_once_per_id() public {
        Call memory call_ = newCall(1);
        send(call_);
        RequestId id = call_.request.id;
        ProofRequest memory other = requestOf(1);
        other.imageUrl = "";
        call_ = newCall(other);
        call_.price = MOST + 1;
        block_(id, true);
        refuse(call_, abi.encodeWithSelector(IRequesterAccount.AlreadyReleased.selector, id));
        block_(id, false);
        refuse(call_, abi.encodeWithSelector(IRequesterAccount.AlreadyReleased.selector, id));
    }

    function testFuzz_6_price_above_the_terms(uint96 price) public {
        Call memory call_ = newCall(1);
        (call_.price, call_.ownerSignature) = (uint96(bound(price, MOST + 1, type(uint96).max)), hex"");
        refuse(call_, abi.encodeWithSelector(IRequesterAccount.PriceAboveTerms.selector, call_.price, MOST));
    }

    function testFuzz_7_not_as_the_owner_signed_it(uint256 what) public {
        Call memory call_ = newCall(1);
        lock(requestOf(1), prover);
        what = what % 4;
        if (what == 0) call_.ownerSignature = hex"";
        else if (what == 1) call_.terms.maxPrice += 1;
        else if (what == 2) (call_.terms.tiers[0], call_.terms.tiers[1]) = (3_000, 7_000);
        else call_.request.offer = 0;
        refuse(call_, abi.encodeWithSelector(IRequesterAccount.NotSignedByOwner.selector, client.addr));
    }

    function test_8_request_that_the_market_has_taken() public {
        lock(requestOf(1), prover);
        refuse(newCall(1), abi.encodeWithSelector(IRequesterAccount.RequestIsTaken.selector, requestOf(1).id));
        assertPaid(priceAndDeliver(requestOf(2), prover));
        refuse(newCall(2), abi.encodeWithSelector(IRequesterAccount.RequestIsTaken.selector, requestOf(2).id));
    }

    function test_9_owner_that_has_withdrawn() public {
        vm.prank(client.addr);
        account.withdraw(10 ether - PRICE + 1);
        refuse(newCall(1), abi.encodeWithSelector(IMarket.InsufficientBalance.selector, account));
    }

    function test_10_committee_book_that_refuses_ether() public {
        vm.etch(committees, hex"fe");
        refuse(newCall(1), abi.encodeWithSelector(IRequesterAccount.TransferFailed.selector));
    }

    // ------------------------------------------------------------------------------------------------ released, and held

    function testFuzz_a_release_pays_the_committee_book(uint96 price) public {
        Call memory call_ = newCall(1);
        call_.price = uint96(bound(price, 0, MOST));
        vm.expectEmit(true, true, true, true, address(account));
        emit IRequesterAccount.Released(call_.request.id, call_.price);
        send(call_);
        assertEq(committees.balance, call_.price, "committee book");
        assertEq(market.balanceOf(address(account)), 10 ether - call_.price, "account");
        assertTrue(account.isReleased(call_.request.id), "released");
    }

    function test_a_committee_shuts_the_plain_path_for_its_id_while_its_book_says_so() public {
        ProofRequest memory request = requestOf(1);
        Deal memory plain = newDeal(request, newTerms()); // the same request, signed for one prover too
        Deal memory other = newDeal(requestOf(2), newTerms());
        send(newCall(1));
        block_(request.id, true);
        assertTrue(account.isHeld(request.id), "held");
        vm.warp(OPEN_AT);
        vm.expectRevert(abi.encodeWithSelector(IMarket.InvalidSignature.selector));
        lockPlainly(plain, openingAlone(plain), rival);
        lockPlainly(other, openingAlone(other), rival);
        block_(request.id, false);
        assertFalse(account.isHeld(request.id), "held");
        lockPlainly(plain, openingAlone(plain), rival);
    }

    /// @dev The book has no say over requests that it never had the price of.
    function test_an_id_that_was_not_paid_for_is_not_held() public {
        Deal memory plain = newDeal(requestOf(1), newTerms());
        block_(plain.request.id, true);
        assertFalse(account.isHeld(plain.request.id), "held");
        vm.warp(OPEN_AT);
        lockPlainly(plain, openingAlone(plain), rival);
    }
}
