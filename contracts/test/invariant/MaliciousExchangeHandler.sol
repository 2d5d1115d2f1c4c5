// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Allocation } from "../../src/allocation/Allocation.sol";
import { FulfillmentBatch } from "../../src/fulfillment/FulfillmentBatch.sol";
import { IAllocationBook } from "../../src/interfaces/IAllocationBook.sol";
import { IMarket } from "../../src/interfaces/IMarket.sol";
import { IRequesterAccount } from "../../src/interfaces/IRequesterAccount.sol";
import { Offer } from "../../src/request/Offer.sol";
import { ProofRequest } from "../../src/request/ProofRequest.sol";
import { RequestId } from "../../src/request/RequestId.sol";
import { AllocationReference } from "../allocation/AllocationReference.sol";
import { AllocationTest } from "../allocation/AllocationTest.sol";
import { vm } from "../base/Vm.sol";

/// @notice An exchange that signs anything, with provers of its own, against a requester and provers who are honest. Every
///         action says beforehand, by the words of the interface alone, whether it will be accepted; and after each the
///         market is searched for locks that nobody could have had.
contract MaliciousExchangeHandler is AllocationTest {
    struct Signed {
        Allocation allocation;
        bytes signature;
        uint256 about; // which of the signed requests it names, or was meant to
    }

    uint256 private constant SLOTS = 12;
    /// @dev Requests signed under one id, each with terms of its own; the last opens too late to be any good.
    uint256 private constant VARIANTS = 3;
    uint256 private constant POOL = 24;
    uint32 private constant LONGEST = 90;
    uint96 private constant HIGHEST = 4 ether;

    Party[] private provers; // the first two collude with the exchange
    Signed[] private pool;
    uint256 private signedCount;
    uint256 private time = START;
    uint256 private height = FIRST_BLOCK;

    /// @dev What left the account for a request and has not come back, paid or in escrow.
    int256[SLOTS] public spent;
    uint256[SLOTS] public payments;
    bool[SLOTS] private seenLocked;
    /// @dev Of which signed request the lock is, and whether at an allocated price.
    uint256[SLOTS] private lockedVariant;
    bool[SLOTS] private isAllocated;
    /// @dev End of the earliest window that the exchange signed for a request; such a window opens the plain path.
    mapping(uint256 => uint256) private earliestEnd;
    int256 private ownerFlow = 10 ether;
    /// @dev Who makes the next call.
    address private sender = address(this);
    /// @dev How often each action was accepted.
    mapping(bytes4 => uint256) public accepted;

    constructor() {
        setUp();
        string[4] memory names = ["colluder 1", "colluder 2", "honest 1", "honest 2"];
        for (uint256 i = 0; i < names.length; ++i) {
            provers.push(Party(keyOf(names[i]), vm.addr(keyOf(names[i]))));
            stake(provers[i].addr, 3 ether);
        }
    }

    modifier atItsTime() {
        vm.warp(time);
        vm.roll(height);
        _;
    }

    // ----------------------------------------------------------------------------------------------------------- actions

    function wait(uint256 duration) external {
        time += bound(duration, 1, 30);
    }

    /// @notice The exchange signs: now and then within the terms, mostly beyond them, often twice for one request.
    function sign(uint256 what, uint256 who, uint256 price, uint256 from, uint256 length, uint256 vice)
        external
        atItsTime
    {
        uint256 about = choose(what);
        Deal memory deal = signedBy(about);
        Allocation memory allocation = deal.allocation;
        allocation.prover = pick(who).addr;
        allocation.price = uint96(bound(price, 0, deal.terms.maxPrice));
        allocation.from = uint64(bound(from, time - 15, time + 5));
        allocation.until = allocation.from + uint64(bound(length, 0, LONGEST));
        allocation.overrideBps = uint16(bound(price / 7, 0, 10_000));
        corrupt(allocation, deal, vice);
        Signed memory signed_ = Signed(allocation, signAllocation(exchange.key, allocation), about);
        if (pool.length < POOL) pool.push(signed_);
        else pool[signedCount % POOL] = signed_;
        ++signedCount;
        if (isAbout(allocation, about)) {
            uint256 end = earliestEnd[about];
            if (end == 0 || allocation.until < end) earliestEnd[about] = allocation.until;
        }
        ++accepted[this.sign.selector];
    }

    /// @notice Somebody locks with what the exchange has signed, for the named prover or another, maybe with a forgery.
    function lockAllocated(uint256 which, uint256 who, uint96 price, uint256 vice) external atItsTime {
        if (pool.length == 0) return;
        Signed memory signed_ = signedLately(which);
        uint256 about = vice % 16 == 0 ? who % (SLOTS * VARIANTS) : signed_.about;
        Deal memory deal = signedBy(about);
        (deal.allocation, deal.exchangeSignature) = (signed_.allocation, signed_.signature);
        Party memory by = who % 2 == 0 ? named(signed_.allocation.prover) : pick(who / 2);
        pricedBy(deal, by, priceFor(signed_.allocation, by, price, vice));
        if (vice % 16 == 1) deal.ownerSignature = signTerms(exchange.key, deal.request, deal.terms);
        if (vice % 16 == 2) deal.exchangeSignature = signAllocation(pick(0).key, deal.allocation);
        bool expected = vice % 16 != 1 && vice % 16 != 2 && isAbout(signed_.allocation, about)
            && keepsTheTerms(signed_.allocation, deal) && mayLockAt(deal, by) && isFree(deal, by, deal.price);
        attempt(address(book), lockCall(deal), about, expected, this.lockAllocated.selector);
    }

    /// @notice An honest prover, or one in a hurry, takes the plain path.
    function lockPlainly(uint256 what, uint256 who, uint256 which, bool withLapse) external atItsTime {
        (Deal memory deal, uint256 about, bytes memory signature, bool isOpen) = approach(what, which, withLapse);
        Party memory by = pick(who);
        bool expected = isOpen && isFree(deal, by, dutch(deal.request.offer));
        bytes memory call_ = abi.encodeCall(IMarket.lockRequest, (deal.request, signature));
        sender = by.addr;
        attempt(address(market), call_, about, expected, this.lockPlainly.selector);
    }

    /// @notice The same without a lock. A request that is free and funded pays the Dutch price, whatever the exchange does.
    function fulfillPlainly(uint256 what, uint256 who, uint256 which, bool withLapse) external atItsTime {
        (Deal memory deal, uint256 about, bytes memory signature, bool isOpen) = approach(what, which, withLapse);
        Party memory by = pick(who);
        uint256 price = dutch(deal.request.offer);
        bool isDue = isOpen && !market.requestIsLocked(deal.request.id) && !market.requestIsFulfilled(deal.request.id)
            && time <= deal.request.offer.rampUpStart + deal.request.offer.timeout
            && price <= market.balanceOf(address(account));
        FulfillmentBatch[] memory batches = announce(deal.request, by);
        bytes memory call_ = abi.encodeCall(IMarket.priceAndFulfill, (pricingWith(deal.request, signature), batches));
        uint256 before = market.balanceOf(by.addr);
        attempt(address(market), call_, about, isOpen, this.fulfillPlainly.selector);
        uint256 paid = market.balanceOf(by.addr) - before;
        if (isDue) assertEq(paid, price, "the plain path did not pay");
        if (paid != 0) ++payments[about / VARIANTS];
    }

    /// @notice The locker delivers what it has locked, in time or late.
    function deliver(uint256 what) external atItsTime {
        uint256 slot = what % SLOTS;
        if (!seenLocked[slot]) return;
        uint256 about = slot * VARIANTS + lockedVariant[slot];
        ProofRequest memory request = signedBy(about).request;
        (,,,, uint96 price,,) = market.requestLocks(request.id);
        (address locker,,,,,,) = market.requestLocks(request.id);
        if (isAllocated[slot]) request = derived(request, price); // when it is settled the price is gone, and no harm done
        FulfillmentBatch[] memory batches = announce(request, named(locker));
        uint256 before = market.balanceOf(locker);
        uint8 flags = flagsOf(request.id);
        bool isKnown = price != 0 || !isAllocated[slot];
        bytes memory call_ = abi.encodeCall(IMarket.fulfill, (batches));
        if (isKnown) attempt(address(market), call_, about, true, this.deliver.selector);
        uint256 paid = market.balanceOf(locker) - before;
        if (paid != 0) ++payments[slot];
        bool isDue = isKnown && flags == 0 && time <= market.requestLockDeadline(request.id);
        assertEq(paid, isDue ? price : 0, "paid for a delivery");
    }

    function slash(uint256 what) external atItsTime {
        uint256 slot = what % SLOTS;
        RequestId id = smartIdOf(address(account), uint32(slot));
        bool expected = market.requestIsLocked(id) && flagsOf(id) & (PAID_DURING_LOCK | SLASHED) == 0
            && time > market.requestDeadline(id);
        bytes memory call_ = abi.encodeCall(IMarket.slash, (id));
        attempt(address(market), call_, slot * VARIANTS, expected, this.slash.selector);
    }

    /// @notice The owner deposits and withdraws as it likes.
    function moveFunds(uint256 value, bool inward) external atItsTime {
        uint256 balance = market.balanceOf(address(account));
        value = bound(value, 0, inward ? 6 ether : balance / 2);
        if (inward) {
            fund(address(account), value);
            ownerFlow += int256(value);
        } else {
            vm.prank(client.addr);
            account.withdraw(value);
            ownerFlow -= int256(value);
        }
        ++accepted[this.moveFunds.selector];
    }

    /// @notice The exchange and its provers reach for what is not theirs.
    function meddle(uint256 what, uint256 kind, uint96 price) external atItsTime {
        uint256 about = what % (SLOTS * VARIANTS);
        Deal memory deal = signedBy(about);
        bytes[4] memory calls = [
            abi.encodeCall(IRequesterAccount.withdraw, (1)),
            abi.encodeCall(IRequesterAccount.withdrawTo, (exchange.addr, 1)),
            abi.encodeCall(
                IRequesterAccount.release,
                (AllocationReference.hashed(deal.request), deal.terms, deal.ownerSignature, price)
            ),
            abi.encodeCall(IMarket.lockRequest, (derived(deal.request, price), hex""))
        ];
        sender = kind % 4 == 3 ? pick(0).addr : exchange.addr;
        address target = kind % 4 == 3 ? address(market) : address(account);
        attempt(target, calls[kind % 4], about, false, this.meddle.selector);
    }

    // ------------------------------------------------------------------------------------------- what the interface says

    function keepsTheTerms(Allocation memory allocation, Deal memory deal) private view returns (bool) {
        Offer memory offer = deal.request.offer;
        return allocation.price <= deal.terms.maxPrice && allocation.until >= allocation.from
            && allocation.until - allocation.from <= deal.terms.exclusiveWindow && allocation.until < deal.terms.openAt
            && allocation.overrideBps <= 10_000 && allocation.from <= time && time <= allocation.until
            && deal.terms.openAt <= offer.rampUpStart + offer.lockTimeout;
    }

    function mayLockAt(Deal memory deal, Party memory by) private pure returns (bool) {
        if (by.addr == deal.allocation.prover) return deal.price == deal.allocation.price;
        return uint256(deal.price) * 10_000
            <= uint256(deal.allocation.price) * (10_000 - uint256(deal.allocation.overrideBps));
    }

    function isFree(Deal memory deal, Party memory by, uint256 price) private view returns (bool) {
        RequestId id = deal.request.id;
        return !market.requestIsLocked(id) && !market.requestIsFulfilled(id)
            && time <= deal.request.offer.rampUpStart + deal.request.offer.lockTimeout
            && price <= market.balanceOf(address(account)) && COLLATERAL <= market.balanceOfCollateral(by.addr);
    }

    function dutch(Offer memory offer) private view returns (uint256) {
        if (time <= offer.rampUpStart) return offer.minPrice;
        if (time > uint256(offer.rampUpStart) + offer.lockTimeout) return 0;
        uint256 elapsed = time - offer.rampUpStart;
        if (elapsed > offer.rampUpPeriod) return offer.maxPrice;
        return offer.minPrice + (offer.maxPrice - offer.minPrice) * elapsed / offer.rampUpPeriod;
    }

    // ------------------------------------------------------------------------------------------------------------- audit

    /// @dev Makes a call, which must succeed as foretold, and books what it moved.
    function attempt(address target, bytes memory call_, uint256 about, bool expected, bytes4 action) private {
        uint256 before = market.balanceOf(address(account));
        vm.prank(sender);
        (bool success,) = target.call(call_);
        assertTrue(success == expected, expected ? "refused against the interface" : "accepted against the interface");
        if (success) ++accepted[action];
        spent[about / VARIANTS] += int256(before) - int256(market.balanceOf(address(account)));
        for (uint256 slot = 0; slot < SLOTS; ++slot) {
            if (!seenLocked[slot] && market.requestIsLocked(smartIdOf(address(account), uint32(slot)))) examine(slot);
        }
    }

    /// @dev The theorem: a lock is one at the requester's own curve, on a path that was open, or one before `openAt` at no
    ///      more than `maxPrice`; and its deadlines are the signed ones.
    function examine(uint256 slot) private {
        RequestId id = smartIdOf(address(account), uint32(slot));
        (,,,, uint96 price,, bytes32 digest) = market.requestLocks(id);
        seenLocked[slot] = true;
        for (uint256 variant = 0; variant < VARIANTS; ++variant) {
            uint256 about = slot * VARIANTS + variant;
            Deal memory deal = signedBy(about);
            Offer memory offer = deal.request.offer;
            bool isPlain = digest == digestOf(deal.request);
            if (!isPlain && digest != digestOf(derived(deal.request, price))) continue;
            (lockedVariant[slot], isAllocated[slot]) = (variant, !isPlain);
            if (isPlain) {
                bool hasLapsed = earliestEnd[about] != 0 && earliestEnd[about] < time;
                assertTrue(time >= deal.terms.openAt || hasLapsed, "locked before it was open");
                assertEq(price, dutch(offer), "not the Dutch price");
            } else {
                assertTrue(time < deal.terms.openAt, "allocated after it was open");
                assertTrue(deal.terms.openAt <= offer.rampUpStart + offer.lockTimeout, "delayed until nothing is left");
                assertTrue(price <= deal.terms.maxPrice, "above what was signed");
            }
            assertEq(market.requestLockDeadline(id), offer.rampUpStart + offer.lockTimeout, "lock deadline");
            assertEq(market.requestDeadline(id), offer.rampUpStart + offer.timeout, "deadline");
            return;
        }
        assertTrue(false, "locked what nobody signed");
    }

    /// @notice What must hold between any two actions.
    function audit() external view {
        int256 sum;
        for (uint256 slot = 0; slot < SLOTS; ++slot) {
            assertTrue(spent[slot] >= 0, "the requester gained");
            assertTrue(spent[slot] <= int256(uint256(HIGHEST)), "more than any signed price");
            assertTrue(payments[slot] <= 1, "paid twice");
            sum += spent[slot];
        }
        assertTrue(int256(market.balanceOf(address(account))) == ownerFlow - sum, "the account's ether");
        assertEq(address(account).balance, 0, "ether beside the market");
        assertEq(market.balanceOf(exchange.addr), 0, "the exchange's ether");
    }

    /// @notice Ether in the market, and the sum of what it owes.
    function held() external view returns (uint256 ether_, uint256 owed) {
        owed = market.balanceOf(address(account)) + market.balanceOf(client.addr);
        for (uint256 i = 0; i < provers.length; ++i) {
            owed += market.balanceOf(provers[i].addr);
        }
        for (uint256 slot = 0; slot < SLOTS; ++slot) {
            RequestId id = smartIdOf(address(account), uint32(slot));
            (,,,, uint96 price,,) = market.requestLocks(id);
            if (flagsOf(id) == 0) owed += price; // late deliveries leave a stale price behind
        }
        return (address(market).balance, owed);
    }

    // ---------------------------------------------------------------------------------------------------------- choosing

    /// @dev Seldom the one whose terms are no good.
    function choose(uint256 what) private pure returns (uint256 about) {
        about = what % (SLOTS * VARIANTS);
        if (about % VARIANTS == 2 && what / (SLOTS * VARIANTS) % 4 != 0) about -= 2;
    }

    function pick(uint256 who) private view returns (Party memory) {
        return provers[who % provers.length];
    }

    function named(address addr) private view returns (Party memory) {
        for (uint256 i = 0; i < provers.length; ++i) {
            if (provers[i].addr == addr) return provers[i];
        }
        return provers[0];
    }

    /// @dev One of the exchange requests that the owner has signed; the owner signs nothing else.
    function signedBy(uint256 about) private view returns (Deal memory deal) {
        (uint256 slot, uint256 variant) = (about / VARIANTS, about % VARIANTS);
        deal.request = newRequest(smartIdOf(address(account), uint32(slot)));
        deal.request.offer = Offer({
            minPrice: variant == 0 ? 1 ether : 0.5 ether,
            maxPrice: variant == 1 ? HIGHEST : 2 ether,
            rampUpStart: uint64(START + 30 + 45 * slot + (variant == 1 ? 40 : 0)),
            rampUpPeriod: 60,
            lockTimeout: variant == 0 ? 120 : 160,
            timeout: variant == 0 ? 200 : 320,
            lockCollateral: COLLATERAL
        });
        deal.terms = newTerms();
        deal.terms.exclusiveWindow = LONGEST;
        deal.terms.maxPrice = variant == 0 ? 3 ether : 1.5 ether;
        uint64 lockDeadline = deal.request.offer.rampUpStart + deal.request.offer.lockTimeout;
        if (variant == 0) deal.terms.openAt = deal.request.offer.rampUpStart + 50;
        else if (variant == 1) deal.terms.openAt = lockDeadline;
        else deal.terms.openAt = lockDeadline + 1;
        deal.ownerSignature = signTerms(deal.request, deal.terms);
        deal.allocation = allocate(deal.request, deal.terms);
    }

    function corrupt(Allocation memory allocation, Deal memory deal, uint256 vice) private view {
        uint256 kind = vice % 18;
        if (kind == 0) allocation.price = deal.terms.maxPrice + 1 + uint96(vice % 1 ether);
        else if (kind == 1) allocation.until = allocation.from - 1;
        else if (kind == 2) allocation.until = allocation.from + LONGEST + 1;
        else if (kind == 3) allocation.overrideBps = 10_001;
        else if (kind == 4) allocation.request = signedBy(vice / 16 % (SLOTS * VARIANTS)).allocation.request;
        else if (kind == 5) allocation.terms = bytes32(vice);
        else if (kind == 6) allocation.until = deal.terms.openAt;
        else if (kind == 7) (allocation.from, allocation.until) = (0, type(uint64).max);
        else if (kind == 8) (allocation.from, allocation.until) = (1, uint64(time - 1));
    }

    function isAbout(Allocation memory allocation, uint256 about) private view returns (bool) {
        Allocation memory right = signedBy(about).allocation;
        return allocation.request == right.request && allocation.terms == right.terms;
    }

    function priceFor(Allocation memory allocation, Party memory by, uint96 price, uint256 vice)
        private
        pure
        returns (uint96)
    {
        if (vice % 16 == 3) return price;
        if (by.addr == allocation.prover || allocation.overrideBps > 10_000) return allocation.price;
        uint256 highest = uint256(allocation.price) * (10_000 - allocation.overrideBps) / 10_000;
        return uint96(vice % 16 == 4 ? highest + 1 : highest);
    }

    /// @dev Mostly one of the last two that the exchange has signed, now and then an old one.
    function signedLately(uint256 which) private view returns (Signed memory) {
        uint256 age = which % 4 == 0 ? which / 4 % pool.length : which / 4 % 2;
        return pool[(signedCount + 2 * POOL - 1 - age) % POOL % pool.length];
    }

    /// @dev A request, and what is shown to open its plain path: a lapse where the exchange has signed one, or nothing.
    function approach(uint256 what, uint256 which, bool withLapse)
        private
        view
        returns (Deal memory deal, uint256 about, bytes memory signature, bool isOpen)
    {
        about = choose(what);
        bool isLapsed;
        if (withLapse && which % 4 == 0 && pool.length != 0) {
            Signed memory signed_ = pool[which / 4 % pool.length];
            if (what % 8 != 0) about = signed_.about;
            deal = signedBy(about);
            (deal.allocation, deal.exchangeSignature) = (signed_.allocation, signed_.signature);
            signature = opening(deal);
            isLapsed = isAbout(signed_.allocation, about) && signed_.allocation.until < time;
        } else {
            deal = signedBy(about);
            signature = openingAlone(deal);
        }
        isOpen = time >= deal.terms.openAt || isLapsed;
    }

    function announce(ProofRequest memory request, Party memory by)
        private
        returns (FulfillmentBatch[] memory batches)
    {
        batches = batchOf(request, by);
        market.commitFulfillment(keccak256(abi.encode(batches)));
        vm.roll(++height);
    }

    function lockCall(Deal memory deal) private pure returns (bytes memory) {
        return abi.encodeCall(
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
    }
}
