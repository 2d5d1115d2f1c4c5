// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { FulfillmentBatch, ProofRequestBatch } from "../../src/fulfillment/FulfillmentBatch.sol";
import { Allocation } from "../../src/allocation/Allocation.sol";
import { Terms } from "../../src/allocation/Terms.sol";
import { IAllocationBook } from "../../src/interfaces/IAllocationBook.sol";
import { IRequesterAccount } from "../../src/interfaces/IRequesterAccount.sol";
import { IRequesterAccounts } from "../../src/interfaces/IRequesterAccounts.sol";
import { ProofRequest } from "../../src/request/ProofRequest.sol";
import { RequestId } from "../../src/request/RequestId.sol";
import { DeliveryTest } from "../base/DeliveryTest.sol";
import { Eip712Reference } from "../base/Eip712Reference.sol";
import { vm } from "../base/Vm.sol";
import { StandInBook } from "./AllocationOutsiders.sol";
import { AllocationReference } from "./AllocationReference.sol";

/// @notice A market with an allocation book, a funded account of the client, and an exchange.
abstract contract AllocationTest is DeliveryTest {
    /// @dev All that a lock through the book takes.
    struct Deal {
        ProofRequest request;
        Terms terms;
        bytes ownerSignature;
        Allocation allocation;
        bytes exchangeSignature;
        uint96 price;
        bytes proverSignature;
    }

    uint64 internal constant OPEN_AT = START + 50;
    uint32 internal constant WINDOW = 30;
    uint96 internal constant MOST = 3 ether; // above the offer's own curve
    uint96 internal constant PRICE = 1.5 ether;
    uint96 internal constant UNDERCUT = 1.35 ether;

    IAllocationBook internal book;
    IRequesterAccounts internal accounts;
    IRequesterAccount internal account;
    Party internal exchange = Party(keyOf("exchange"), vm.addr(keyOf("exchange")));
    address internal committees = address(new StandInBook());

    function setUp() public virtual override {
        super.setUp();
        book = IAllocationBook(deploy("AllocationBook", abi.encode(market)));
        accounts = IRequesterAccounts(
            deploy("RequesterAccounts", abi.encode(deploy("RequesterAccount", abi.encode(book, committees))))
        );
        account = IRequesterAccount(payable(accounts.create(client.addr)));
        fund(address(account), 10 ether);
    }

    function block_(RequestId id, bool whether) internal {
        StandInBook(payable(committees)).block_(id, whether);
    }

    // -------------------------------------------------------------------------------------------------- what is signed

    function requestOf(uint32 index) internal view returns (ProofRequest memory) {
        return newRequest(smartIdOf(address(account), index));
    }

    function newTerms() internal view returns (Terms memory) {
        return Terms({
            exchange: exchange.addr,
            mechanism: keccak256("a mechanism"),
            openAt: OPEN_AT,
            exclusiveWindow: WINDOW,
            maxPrice: MOST,
            burnBps: 0,
            tiers: new uint16[](0)
        });
    }

    function committeeTerms() internal view returns (Terms memory terms) {
        terms = newTerms();
        terms.tiers = new uint16[](2);
        (terms.tiers[0], terms.tiers[1]) = (7_000, 3_000);
    }

    function allocate(ProofRequest memory request, Terms memory terms) internal view returns (Allocation memory) {
        return Allocation({
            request: Eip712Reference.hash(request),
            terms: AllocationReference.hash(terms),
            prover: prover.addr,
            price: PRICE,
            from: START,
            until: START + 20,
            overrideBps: 1_000
        });
    }

    function inBook(bytes32 structHash) internal view returns (bytes32) {
        return Eip712Reference.digest(Eip712Reference.domain("AllocationBook", address(book)), structHash);
    }

    function signTerms(uint256 key, ProofRequest memory request, Terms memory terms)
        internal
        view
        returns (bytes memory)
    {
        return sign(key, inBook(AllocationReference.exchangeRequestHash(request, terms)));
    }

    function signTerms(ProofRequest memory request, Terms memory terms) internal view returns (bytes memory) {
        return signTerms(client.key, request, terms);
    }

    function signAllocation(uint256 key, Allocation memory allocation) internal view returns (bytes memory) {
        return sign(key, inBook(AllocationReference.hash(allocation)));
    }

    function derived(ProofRequest memory request, uint96 price) internal pure returns (ProofRequest memory result) {
        result = abi.decode(abi.encode(request), (ProofRequest));
        (result.offer.minPrice, result.offer.maxPrice) = (price, price);
    }

    // ------------------------------------------------------------------------------------------------------------- locks

    function newDeal(uint32 index) internal view returns (Deal memory) {
        return newDeal(requestOf(index), newTerms());
    }

    /// @dev The named prover's lock, as everybody means it.
    function newDeal(ProofRequest memory request, Terms memory terms) internal view returns (Deal memory deal) {
        deal.request = request;
        deal.terms = terms;
        deal.allocation = allocate(request, terms);
        signAll(deal);
        pricedBy(deal, prover, PRICE);
    }

    /// @dev Signs again after a change of request or terms, which the allocation then names.
    function signAll(Deal memory deal) internal view {
        deal.ownerSignature = signTerms(deal.request, deal.terms);
        deal.allocation.request = Eip712Reference.hash(deal.request);
        deal.allocation.terms = AllocationReference.hash(deal.terms);
        signAllocation(deal);
    }

    function signAllocation(Deal memory deal) internal view {
        deal.exchangeSignature = signAllocation(exchange.key, deal.allocation);
    }

    function pricedBy(Deal memory deal, Party memory by, uint96 price) internal view {
        deal.price = price;
        deal.proverSignature = signLock(by.key, derived(deal.request, price));
    }

    function send(Deal memory deal) internal {
        book.lock(
            deal.request,
            deal.terms,
            deal.ownerSignature,
            deal.allocation,
            deal.exchangeSignature,
            deal.price,
            deal.proverSignature
        );
    }

    function refuse(Deal memory deal, bytes memory reason) internal {
        vm.expectRevert(reason);
        send(deal);
    }

    // --------------------------------------------------------------------------------------------------- the plain path

    /// @dev What opens the plain path: `lapsed` may be anything from `openAt` on.
    function opening(Deal memory deal) internal pure returns (bytes memory) {
        return abi.encode(
            AllocationReference.hashed(deal.request),
            deal.terms,
            deal.ownerSignature,
            deal.allocation,
            deal.exchangeSignature
        );
    }

    /// @dev What opens it without a word of the exchange.
    function openingAlone(Deal memory deal) internal pure returns (bytes memory) {
        Allocation memory none;
        return abi.encode(AllocationReference.hashed(deal.request), deal.terms, deal.ownerSignature, none, bytes(""));
    }

    function lockPlainly(Deal memory deal, bytes memory signature, Party memory by) internal {
        vm.prank(by.addr);
        market.lockRequest(deal.request, signature);
    }

    function fulfillPlainly(Deal memory deal, bytes memory signature, Party memory by)
        internal
        returns (bytes memory paymentError)
    {
        FulfillmentBatch[] memory batches = batchOf(deal.request, by);
        ProofRequestBatch[] memory priced = pricingWith(deal.request, signature);
        commit(batches);
        return market.priceAndFulfill(priced, batches)[0];
    }

    function pricingWith(ProofRequest memory request, bytes memory signature)
        internal
        pure
        returns (ProofRequestBatch[] memory batches)
    {
        batches = new ProofRequestBatch[](1);
        batches[0].requests = new ProofRequest[](1);
        batches[0].requests[0] = request;
        batches[0].signatures = new bytes[](1);
        batches[0].signatures[0] = signature;
    }
}
