// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { FulfillmentBatch, ProofRequestBatch } from "../../src/fulfillment/FulfillmentBatch.sol";
import { IMarket } from "../../src/interfaces/IMarket.sol";
import { Offer } from "../../src/request/Offer.sol";
import { ProofRequest } from "../../src/request/ProofRequest.sol";
import { RequestId } from "../../src/request/RequestId.sol";
import { DeliveryTest } from "../base/DeliveryTest.sol";
import { vm } from "../base/Vm.sol";

/// @notice Drives a market at random and keeps the books a second time, by the settlement table alone. Every action says
///         beforehand whether the market will accept it and who will be paid; the market must agree.
contract SettlementHandler is DeliveryTest {
    struct Entry {
        bool locked;
        bool fulfilled;
        bool paidDuring;
        bool paidAfter;
        bool slashed;
        uint256 variant;
        uint256 price;
        uint256 collateral;
        uint256 lockDeadline;
        uint256 deadline;
        address prover;
        uint256 payments;
    }

    uint256 private constant CLIENTS = 2;
    uint256 private constant INDEXES = 3;

    Party[] private parties; // the first CLIENTS are clients, the others provers
    mapping(address => uint256) public etherOf;
    mapping(address => uint256) public collateralOf;
    mapping(uint256 => Entry) private entries;
    uint256 public burned;
    uint256 private time = START;
    uint256 private height = FIRST_BLOCK;
    /// @dev How often each action was accepted.
    mapping(bytes4 => uint256) public accepted;

    constructor() {
        setUp();
        string[5] memory names = ["alice", "bob", "carol", "dave", "erin"];
        for (uint256 i = 0; i < names.length; ++i) {
            parties.push(Party(keyOf(names[i]), vm.addr(keyOf(names[i]))));
            fund(parties[i].addr, 4 ether);
            stake(parties[i].addr, 4 ether);
            etherOf[parties[i].addr] = collateralOf[parties[i].addr] = 4 ether;
        }
        (etherOf[client.addr], collateralOf[prover.addr], collateralOf[rival.addr]) = (10 ether, 10 ether, 10 ether);
    }

    modifier atItsTime() {
        vm.warp(time);
        vm.roll(height);
        _;
    }

    // ----------------------------------------------------------------------------------------------------------- actions

    function wait(uint256 duration) external {
        time += bound(duration, 1, 90);
    }

    function deposit(uint256 who, uint256 value) external atItsTime {
        address account = pick(who).addr;
        value = bound(value, 0, 3 ether);
        vm.deal(account, value);
        vm.prank(account);
        market.deposit{ value: value }();
        etherOf[account] += value;
    }

    function withdraw(uint256 who, uint256 value) external atItsTime {
        address account = pick(who).addr;
        value = bound(value, 0, 6 ether);
        vm.prank(account);
        bool success = attempt(abi.encodeCall(IMarket.withdraw, (value)));
        agree(success, value <= etherOf[account], IMarket.withdraw.selector);
        if (success) etherOf[account] -= value;
    }

    function depositCollateral(uint256 who, uint256 value) external atItsTime {
        address account = pick(who).addr;
        value = bound(value, 0, 3 ether);
        stake(account, value);
        collateralOf[account] += value;
    }

    function withdrawCollateral(uint256 who, uint256 value) external atItsTime {
        address account = pick(who).addr;
        value = bound(value, 0, 6 ether);
        vm.prank(account);
        bool success = attempt(abi.encodeCall(IMarket.withdrawCollateral, (value)));
        agree(success, value <= collateralOf[account], IMarket.withdrawCollateral.selector);
        if (success) collateralOf[account] -= value;
    }

    function lock(uint256 what, uint256 who) external atItsTime {
        (Entry storage entry, ProofRequest memory request, Party memory by, uint256 variant) = choose(what, who);
        Offer memory offer = request.offer;
        address owner = clientOf(what).addr;
        uint256 price = priceAt(offer);
        bool expected = !entry.locked && !entry.fulfilled && time <= offer.rampUpStart + offer.lockTimeout
            && etherOf[owner] >= price && collateralOf[by.addr] >= offer.lockCollateral;
        bytes memory signature = sign(clientOf(what).key, digestOf(request));
        vm.prank(by.addr);
        bool success = attempt(abi.encodeCall(IMarket.lockRequest, (request, signature)));
        agree(success, expected, IMarket.lockRequest.selector);
        if (!success) return;
        etherOf[owner] -= price;
        collateralOf[by.addr] -= offer.lockCollateral;
        record(entry, variant, price, offer, by.addr);
    }

    function record(Entry storage entry, uint256 variant, uint256 price, Offer memory offer, address by) private {
        (entry.locked, entry.variant, entry.price) = (true, variant, price);
        (entry.prover, entry.collateral) = (by, offer.lockCollateral);
        entry.lockDeadline = offer.rampUpStart + offer.lockTimeout;
        entry.deadline = offer.rampUpStart + offer.timeout;
    }

    function fulfill(uint256 what, uint256 who, bool priced) external atItsTime {
        (Entry storage entry, ProofRequest memory request, Party memory by, uint256 variant) = choose(what, who);
        FulfillmentBatch[] memory batches = batchOf(request, by);
        market.commitFulfillment(keccak256(abi.encode(batches)));
        vm.roll(++height);
        bytes memory call_ = abi.encodeCall(IMarket.fulfill, (batches));
        if (priced) {
            ProofRequestBatch[] memory requests = pricing(request);
            requests[0].signatures[0] = sign(clientOf(what).key, digestOf(request));
            call_ = abi.encodeCall(IMarket.priceAndFulfill, (requests, batches));
        }
        compare(call_, entry, request, by.addr, priced, entry.locked && entry.variant == variant);
    }

    /// @dev Sends the delivery and settles it in the second ledger too; both must name the same payment error.
    function compare(
        bytes memory call_,
        Entry storage entry,
        ProofRequest memory request,
        address by,
        bool priced,
        bool isLockedOne
    ) private {
        (bool success, bytes memory result) = address(market).call(call_);
        agree(success, priced || isLockedOne, priced ? IMarket.priceAndFulfill.selector : IMarket.fulfill.selector);
        if (!success) return;
        bytes memory failure = abi.decode(result, (bytes[]))[0];
        bytes4 expected = settle(entry, request, by, priced, isLockedOne);
        assertEq(bytes32(bytes4(failure)), bytes32(expected), "payment error");
    }

    function slash(uint256 what) external atItsTime {
        (Entry storage entry, ProofRequest memory request,,) = choose(what, 0);
        bool expected = entry.locked && !entry.slashed && !entry.paidDuring && time > entry.deadline;
        bool success = attempt(abi.encodeCall(IMarket.slash, (request.id)));
        agree(success, expected, IMarket.slash.selector);
        if (!success) return;
        uint256 half = entry.collateral / 2;
        burned += half;
        if (entry.paidAfter) {
            collateralOf[entry.prover] += entry.collateral - half;
        } else {
            collateralOf[address(market)] += entry.collateral - half;
            etherOf[clientOf(what).addr] += entry.price;
        }
        (entry.slashed, entry.collateral, entry.price) = (true, 0, 0);
    }

    // ------------------------------------------------------------------------------------------------- the second ledger

    /// @dev Applies the settlement table and returns the selector of the payment error, or zero.
    function settle(Entry storage entry, ProofRequest memory request, address by, bool priced, bool isLockedOne)
        private
        returns (bytes4)
    {
        address owner = request.id.client();
        uint256 deadline = priced ? request.offer.rampUpStart + request.offer.timeout : entry.deadline;
        if (time > deadline) return IMarket.RequestIsExpired.selector;
        if (entry.paidDuring || entry.paidAfter) return IMarket.RequestIsFulfilled.selector;
        uint256 price = priced ? priceAt(request.offer) : 0;
        if (!entry.locked) {
            if (entry.fulfilled) return IMarket.RequestIsFulfilled.selector;
            entry.fulfilled = true;
            if (etherOf[owner] < price) return IMarket.InsufficientBalance.selector;
            ++entry.payments;
            etherOf[owner] -= price;
            etherOf[by] += price;
            return 0;
        }
        entry.fulfilled = true;
        if (time <= entry.lockDeadline) {
            if (by != entry.prover || !isLockedOne) return IMarket.RequestIsLocked.selector;
            ++entry.payments;
            etherOf[by] += entry.price;
            collateralOf[by] += entry.collateral;
            (entry.paidDuring, entry.price, entry.collateral) = (true, 0, 0);
            return 0;
        }
        ++entry.payments;
        (entry.paidAfter, entry.prover) = (true, by);
        etherOf[owner] += entry.price; // the escrow goes back, then the client pays what it can
        uint256 paid = price;
        if (etherOf[owner] < price) paid = etherOf[owner];
        etherOf[owner] -= paid;
        etherOf[by] += paid;
        entry.price = 0;
        return paid < price ? IMarket.PartialPayment.selector : bytes4(0);
    }

    function priceAt(Offer memory offer) private view returns (uint256) {
        if (time <= offer.rampUpStart) return offer.minPrice;
        if (time > uint256(offer.rampUpStart) + offer.lockTimeout) return 0;
        uint256 elapsed = time - offer.rampUpStart;
        if (elapsed > offer.rampUpPeriod) return offer.maxPrice;
        return offer.minPrice + (offer.maxPrice - offer.minPrice) * elapsed / offer.rampUpPeriod;
    }

    // ----------------------------------------------------------------------------------------------------------- totals

    function totalEther() external view returns (uint256 sum) {
        sum = etherOf[client.addr];
        for (uint256 i = 0; i < parties.length; ++i) {
            sum += etherOf[parties[i].addr];
        }
        for (uint256 i = 0; i < CLIENTS * INDEXES; ++i) {
            sum += entries[i].price;
        }
    }

    function totalCollateral() external view returns (uint256 sum) {
        sum = collateralOf[prover.addr] + collateralOf[rival.addr] + collateralOf[address(market)];
        for (uint256 i = 0; i < parties.length; ++i) {
            sum += collateralOf[parties[i].addr];
        }
        for (uint256 i = 0; i < CLIENTS * INDEXES; ++i) {
            sum += entries[i].collateral;
        }
    }

    /// @notice Compares every balance and flag of the market with the second ledger.
    function audit() external view {
        for (uint256 i = 0; i < parties.length; ++i) {
            address account = parties[i].addr;
            assertEq(market.balanceOf(account), etherOf[account], "ether of a party");
            assertEq(market.balanceOfCollateral(account), collateralOf[account], "collateral of a party");
        }
        assertEq(market.balanceOfCollateral(address(market)), collateralOf[address(market)], "the market's collateral");
        assertEq(market.balanceOf(address(market)), 0, "the market's ether");
        for (uint256 i = 0; i < CLIENTS * INDEXES; ++i) {
            RequestId id = idOf(parties[i / INDEXES].addr, uint32(i % INDEXES));
            Entry storage entry = entries[i];
            assertTrue(market.requestIsLocked(id) == entry.locked, "locked");
            assertTrue(market.requestIsFulfilled(id) == entry.fulfilled, "fulfilled");
            assertTrue(market.requestIsSlashed(id) == entry.slashed, "slashed");
            assertTrue(entry.payments <= 1, "paid twice");
            uint8 flags = (entry.paidDuring ? 1 : 0) | (entry.paidAfter ? 2 : 0) | (entry.slashed ? 4 : 0);
            assertEq(flagsOf(id), flags, "flags");
        }
        assertEq(token.balanceOf(0x000000000000000000000000000000000000dEaD), burned, "burned");
    }

    function held() external view returns (uint256 ether_, uint256 collateral) {
        return (address(market).balance, token.balanceOf(address(market)));
    }

    // ---------------------------------------------------------------------------------------------------------- choosing

    function pick(uint256 who) private view returns (Party memory) {
        return parties[who % parties.length];
    }

    function clientOf(uint256 what) private view returns (Party memory) {
        return parties[what % (CLIENTS * INDEXES) / INDEXES];
    }

    /// @dev One of two requests under one of a few ids, and one of the provers, or now and then a client.
    function choose(uint256 what, uint256 who)
        private
        view
        returns (Entry storage entry, ProofRequest memory request, Party memory by, uint256 variant)
    {
        uint256 slot = what % (CLIENTS * INDEXES);
        variant = what / (CLIENTS * INDEXES) % 2;
        entry = entries[slot];
        request = newRequest(idOf(parties[slot / INDEXES].addr, uint32(slot % INDEXES)));
        request.offer = Offer({
            minPrice: variant == 0 ? 1 ether : 0.5 ether,
            maxPrice: variant == 0 ? 2 ether : 5 ether,
            rampUpStart: uint64(START + 100 * (slot % INDEXES) + (variant == 0 ? 0 : 70)),
            rampUpPeriod: variant == 0 ? 40 : 140,
            lockTimeout: variant == 0 ? 80 : 150,
            timeout: variant == 0 ? 160 : 400,
            lockCollateral: variant == 0 ? 1 ether + 1 : 2 ether
        });
        by = pick(who);
    }

    function attempt(bytes memory call_) private returns (bool success) {
        (success,) = address(market).call(call_);
    }

    function agree(bool actual, bool expected, bytes4 action) private {
        assertTrue(actual == expected, "the market and the model disagree");
        if (actual) ++accepted[action];
    }
}
