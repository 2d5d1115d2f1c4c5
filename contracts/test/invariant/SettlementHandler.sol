// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { FulfillmentBatch, ProofRequestBatch } from "../../src/fulfillment/FulfillmentBatch.sol";
import { IMarket } from "../../src/interfaces/IMarket.sol";
import { Offer } from "../../src/request/Offer.sol";
import { ProofRequest } from "../../src/request/ProofRequest.sol";
import { RequestId } from "../../src/request/RequestId.sol";
import { Callback } from "../../src/request/Requirements.sol";
import { DeliveryTest } from "../base/DeliveryTest.sol";
import { NoEther, NullSetVerifier } from "../base/Outsiders.sol";
import { vm } from "../base/Vm.sol";
import { RestlessWallet } from "./RestlessWallet.sol";
import { SettlementModel } from "./SettlementModel.sol";

/// @notice Drives a market at random through every entry point. Each action says beforehand whether the market will accept it
///         and who will be paid; the market must agree. So nobody's balance ever falls but by an action of its own, by a
///         request it signed, or by a lock it made or signed: the model lets no other balance fall.
contract SettlementHandler is DeliveryTest, SettlementModel {
    /// @dev One fill of a delivery: one of two requests (variants) under one id (slot).
    struct Pick {
        uint256 slot;
        uint256 variant;
        bool priced;
    }

    /// @dev What a delivery does beside delivering. `way` selects the entry point: bit 0 withdraws, bit 1 submits a root.
    struct Plan {
        Pick[] picks;
        address by;
        uint256 way;
        bool prices;
        bool committed;
        bool forged;
    }

    uint256 private constant CLIENTS = 3;
    uint256 private constant INDEXES = 3;
    uint256 private constant SLOTS = CLIENTS * INDEXES;
    address private constant BURNED = 0x000000000000000000000000000000000000dEaD;

    Party[] private parties; // the first CLIENTS are clients; the third of them and the last party are contracts, without keys
    address private restless;
    address private hermit;
    NullSetVerifier private setVerifier = new NullSetVerifier();
    uint256 private time = START;
    uint256 private height = FIRST_BLOCK;
    /// @dev Made and not yet spent. One that a refused delivery left behind serves the next.
    mapping(bytes32 => bool) private committed;
    /// @dev How often each action was accepted, and how often each payment error occurred.
    mapping(bytes4 => uint256) public accepted;

    constructor() {
        setUp();
        restless = address(new RestlessWallet(market));
        hermit = address(new NoEther());
        parties.push(Party(keyOf("alice"), vm.addr(keyOf("alice"))));
        parties.push(Party(keyOf("bob"), vm.addr(keyOf("bob"))));
        parties.push(Party(0, restless));
        parties.push(Party(keyOf("carol"), vm.addr(keyOf("carol"))));
        parties.push(Party(keyOf("dave"), vm.addr(keyOf("dave"))));
        parties.push(Party(0, hermit));
        for (uint256 i = 0; i < parties.length; ++i) {
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

    // ---------------------------------------------------------------------------------------------------------- balances

    function wait(uint256 duration) external {
        time += bound(duration, 1, 90);
    }

    function deposit(uint256 who, uint256 to, uint256 value) external atItsTime {
        (address from, address recipient) = (pick(who).addr, to % 3 == 0 ? anyone(to) : pick(who).addr);
        value = bound(value, 0, 3 ether);
        vm.deal(from, value);
        vm.prank(from);
        if (to % 3 == 0) market.depositTo{ value: value }(recipient);
        else market.deposit{ value: value }();
        etherOf[recipient] += value;
        ++accepted[IMarket.deposit.selector];
    }

    function withdraw(uint256 who, uint256 value) external atItsTime {
        address account = pick(who).addr;
        value = bound(value, 0, 6 ether);
        vm.prank(account);
        bool success = attempt(abi.encodeCall(IMarket.withdraw, (value)));
        agree(success, value <= etherOf[account] && account != hermit, IMarket.withdraw.selector);
        if (!success) return;
        etherOf[account] -= value;
        received(account);
    }

    /// @dev `way`: whose account, and with or without a permit, which may be good or not.
    function depositCollateral(uint256 who, uint256 to, uint256 value, uint256 way) external atItsTime {
        Party memory from = pick(who);
        address recipient = way % 2 == 0 ? from.addr : anyone(to);
        value = bound(value, 0, 3 ether);
        bool permits = way / 2 % 2 == 0 && from.key != 0;
        bool allowed = way / 4 % 4 != 0; // by a good permit, or by an allowance
        token.mint(from.addr, value);
        vm.prank(from.addr);
        token.approve(address(market), !permits && allowed ? value : 0);
        bytes memory call_ =
            permits ? permitCall(from, allowed, recipient, value, way) : depositCall(recipient, value, way);
        vm.prank(from.addr);
        bool success = attempt(call_);
        agree(success, allowed || value == 0, IMarket.depositCollateral.selector);
        if (success) collateralOf[recipient] += value;
    }

    function depositCall(address to, uint256 value, uint256 way) private pure returns (bytes memory) {
        return way % 2 == 0
            ? abi.encodeCall(IMarket.depositCollateral, (value))
            : abi.encodeCall(IMarket.depositCollateralTo, (to, value));
    }

    function permitCall(Party memory from, bool good, address to, uint256 value, uint256 way)
        private
        view
        returns (bytes memory)
    {
        bytes32 permitType =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        uint256 nonce = token.nonces(from.addr);
        bytes32 permit = keccak256(abi.encode(permitType, from.addr, address(market), value, nonce, time));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), permit));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(good ? from.key : from.key + 1, digest);
        return way % 2 == 0
            ? abi.encodeCall(IMarket.depositCollateralWithPermit, (value, time, v, r, s))
            : abi.encodeCall(IMarket.depositCollateralWithPermitTo, (to, value, time, v, r, s));
    }

    function withdrawCollateral(uint256 who, uint256 value) external atItsTime {
        address account = pick(who).addr;
        value = bound(value, 0, 6 ether);
        vm.prank(account);
        bool success = attempt(abi.encodeCall(IMarket.withdrawCollateral, (value)));
        agree(success, value <= collateralOf[account], IMarket.withdrawCollateral.selector);
        if (success) collateralOf[account] -= value;
    }

    function sendToTreasury(uint256 who) external atItsTime {
        address market_ = address(market);
        vm.prank(pick(who).addr);
        market.sendToTreasury();
        etherOf[address(treasury)] += etherOf[market_]; // outside the market, see held()
        collateralOf[address(treasury)] += collateralOf[market_];
        (etherOf[market_], collateralOf[market_]) = (0, 0);
        ++accepted[IMarket.sendToTreasury.selector];
    }

    // -------------------------------------------------------------------------------------------------- requests and locks

    function submit(uint256 what, uint256 who, uint256 value) external atItsTime {
        ProofRequest memory request = requestOf(what % SLOTS, what / SLOTS % 2);
        address from = pick(who).addr;
        value = what % 2 == 0 ? 0 : bound(value, 0, 1 ether);
        vm.deal(from, value);
        vm.prank(from);
        market.submitRequest{ value: value }(request, "");
        etherOf[from] += value;
        ++accepted[IMarket.submitRequest.selector];
    }

    /// @dev By the prover itself, or by anybody with the prover's signature.
    function lock(uint256 what, uint256 who, bool signed, uint256 forgery) external atItsTime {
        (uint256 slot, uint256 variant) = (what % SLOTS, what / SLOTS % 2);
        ProofRequest memory request = requestOf(slot, variant);
        Party memory by = pick(who);
        signed = signed && by.key != 0;
        bool forged = forgery % 16 == 0;
        bool expected = !forged && canLock(slot, request.offer, by.addr);
        bytes memory clientSignature = signatureOf(slot, request, forged);
        bytes memory call_ = abi.encodeCall(IMarket.lockRequest, (request, clientSignature));
        if (signed) {
            bytes memory proverSignature = signLock(by.key, request);
            call_ = abi.encodeCall(IMarket.lockRequestWithSignature, (request, clientSignature, proverSignature));
        }
        vm.prank(signed ? address(0xcafe) : by.addr);
        bool success = attempt(call_);
        agree(success, expected, signed ? IMarket.lockRequestWithSignature.selector : IMarket.lockRequest.selector);
        if (!success) return;
        _lock(entries[slot], variant, _priceAt(request.offer, time), request.offer, ownerOf(slot), by.addr);
    }

    function canLock(uint256 slot, Offer memory offer, address by) private view returns (bool) {
        Entry storage entry = entries[slot];
        uint256 price = _priceAt(offer, time);
        return !entry.locked && !entry.fulfilled && time <= uint256(offer.rampUpStart) + offer.lockTimeout
            && etherOf[ownerOf(slot)] >= price && collateralOf[by] >= offer.lockCollateral;
    }

    function slash(uint256 what) external atItsTime {
        uint256 slot = what % SLOTS;
        Entry storage entry = entries[slot];
        bool expected = entry.locked && !entry.slashed && !entry.paidDuring && time > entry.deadline;
        bool success = attempt(abi.encodeCall(IMarket.slash, (idOf(slot))));
        agree(success, expected, IMarket.slash.selector);
        if (success) _slash(entry, ownerOf(slot), address(market));
    }

    // --------------------------------------------------------------------------------------------------------- deliveries

    /// @dev Up to three fills, often of one id, through any of the eight entry points.
    function deliver(uint256 what, uint256 who, uint256 way, uint256 luck) external atItsTime {
        Plan memory plan;
        plan.picks = new Pick[](1 + what % 3);
        uint256 prices = luck >> 16;
        for (uint256 i = 0; i < plan.picks.length; ++i) {
            uint256 seed = (i == 0 || luck % 2 == 0 ? what : what >> (8 * i)) >> 2;
            plan.picks[i] = Pick(seed % SLOTS, (seed / SLOTS + (luck >> (8 + i))) % 2, prices >> i & 1 == 1);
            plan.prices = plan.prices || plan.picks[i].priced;
        }
        (plan.by, plan.way) = (pick(who).addr, way % 4);
        (plan.committed, plan.forged) = (luck >> 24 & 7 != 0, luck >> 32 & 15 == 0 && plan.prices);
        execute(plan);
    }

    function execute(Plan memory plan) private {
        ProofRequest[] memory requests = new ProofRequest[](plan.picks.length);
        for (uint256 i = 0; i < requests.length; ++i) {
            requests[i] = requestOf(plan.picks[i].slot, plan.picks[i].variant);
        }
        FulfillmentBatch[] memory batches = batchOf(requests, Party(0, plan.by));
        bytes32 commitment = keccak256(abi.encode(batches));
        if (plan.committed) {
            market.commitFulfillment(commitment);
            vm.roll(++height);
            committed[commitment] = true;
        }
        bool open = isOpen(plan);
        bool expected = isAuthentic(plan) && (committed[commitment] || !open);
        (bool success, bytes memory result) = address(market).call(callOf(plan, batches, priceBatch(plan, requests)));
        agree(success, expected, selectorOf(plan));
        if (!success) return;
        if (open) committed[commitment] = false;
        bytes[] memory failures = abi.decode(result, (bytes[]));
        for (uint256 i = 0; i < requests.length; ++i) {
            assertEq(bytes32(bytes4(failures[i])), bytes32(settleOne(plan, i, requests[i])), "payment error");
        }
        if (plan.way & 1 == 1 && plan.by != hermit && etherOf[plan.by] != 0) {
            etherOf[plan.by] = 0;
            received(plan.by);
        }
    }

    function settleOne(Plan memory plan, uint256 i, ProofRequest memory request) private returns (bytes4 failure) {
        uint256 slot = plan.picks[i].slot;
        failure = _settle(
            entries[slot], request.offer, ownerOf(slot), plan.by, isLockedOne(slot, plan.picks[i].variant), time
        );
        ++accepted[failure];
        if (failure == IMarket.RequestIsExpired.selector || request.requirements.callback.addr == address(0)) {
            return failure;
        }
        if (etherOf[restless] == 0) return failure;
        etherOf[restless] = 0; // the callback
        received(restless);
    }

    function isLockedOne(uint256 slot, uint256 variant) private view returns (bool) {
        return entries[slot].locked && entries[slot].variant == variant;
    }

    function isAuthentic(Plan memory plan) private view returns (bool) {
        for (uint256 i = 0; i < plan.picks.length; ++i) {
            Pick memory one = plan.picks[i];
            bool known = isLockedOne(one.slot, one.variant);
            for (uint256 j = 0; j < plan.picks.length; ++j) {
                Pick memory other = plan.picks[j];
                known = known || (other.priced && other.slot == one.slot && other.variant == one.variant);
            }
            if (!known) return false;
        }
        return !plan.forged;
    }

    function isOpen(Plan memory plan) private view returns (bool) {
        for (uint256 i = 0; i < plan.picks.length; ++i) {
            Entry storage entry = entries[plan.picks[i].slot];
            if (!entry.locked || entry.lockDeadline < time) return true;
        }
        return false;
    }

    function priceBatch(Plan memory plan, ProofRequest[] memory requests)
        private
        view
        returns (ProofRequestBatch[] memory batches)
    {
        batches = new ProofRequestBatch[](requests.length); // one each, empty for a request that is not priced
        bool forged = plan.forged;
        for (uint256 i = 0; i < requests.length; ++i) {
            if (!plan.picks[i].priced) continue;
            batches[i].requests = new ProofRequest[](1);
            batches[i].signatures = new bytes[](1);
            batches[i].requests[0] = requests[i];
            batches[i].signatures[0] = signatureOf(plan.picks[i].slot, requests[i], forged);
        }
    }

    function callOf(Plan memory plan, FulfillmentBatch[] memory batches, ProofRequestBatch[] memory prices)
        private
        view
        returns (bytes memory)
    {
        bytes4 selector = selectorOf(plan);
        address verifier = address(setVerifier);
        bytes32 root = keccak256("a root");
        if (plan.way & 2 == 0) {
            return
                plan.prices
                    ? abi.encodeWithSelector(selector, prices, batches)
                    : abi.encodeWithSelector(selector, batches);
        }
        return plan.prices
            ? abi.encodeWithSelector(selector, verifier, root, "", prices, batches)
            : abi.encodeWithSelector(selector, verifier, root, "", batches);
    }

    function selectorOf(Plan memory plan) private pure returns (bytes4) {
        bytes4[8] memory selectors = [
            IMarket.fulfill.selector,
            IMarket.fulfillAndWithdraw.selector,
            IMarket.submitRootAndFulfill.selector,
            IMarket.submitRootAndFulfillAndWithdraw.selector,
            IMarket.priceAndFulfill.selector,
            IMarket.priceAndFulfillAndWithdraw.selector,
            IMarket.submitRootAndPriceAndFulfill.selector,
            IMarket.submitRootAndPriceAndFulfillAndWithdraw.selector
        ];
        return selectors[plan.way + (plan.prices ? 4 : 0)];
    }

    // ------------------------------------------------------------------------------------------------------------- audit

    /// @notice What the market holds, and what its accounts and escrows add up to, by the model.
    function sums() external view returns (uint256 etherHeld, uint256 etherOwed, uint256 held, uint256 owed) {
        (etherHeld, held) = (address(market).balance, token.balanceOf(address(market)));
        (etherOwed, owed) = (etherOf[client.addr], collateralOf[prover.addr] + collateralOf[rival.addr]);
        (etherOwed, owed) = (etherOwed + etherOf[address(market)], owed + collateralOf[address(market)]);
        for (uint256 i = 0; i < parties.length; ++i) {
            etherOwed += etherOf[parties[i].addr];
            owed += collateralOf[parties[i].addr];
        }
        for (uint256 i = 0; i < SLOTS; ++i) {
            etherOwed += entries[i].price;
            owed += entries[i].collateral;
        }
    }

    /// @notice What was put into escrow against what came out of it and what is still there.
    function escrows() external view returns (uint256 price, uint256 collateral) {
        for (uint256 i = 0; i < SLOTS; ++i) {
            price += entries[i].price;
            collateral += entries[i].collateral;
        }
    }

    /// @notice Compares every balance, flag and lock of the market with the model.
    function audit() external view {
        for (uint256 i = 0; i < parties.length; ++i) {
            auditAccount(parties[i].addr);
        }
        auditAccount(address(market));
        for (uint256 i = 0; i < SLOTS; ++i) {
            auditRequest(idOf(i), entries[i]);
        }
        (,,,,, uint256 burned,,) = this.flows();
        assertEq(token.balanceOf(BURNED), burned, "burned");
        assertEq(address(treasury).balance, etherOf[address(treasury)], "the treasury's ether");
        assertEq(token.balanceOf(address(treasury)), collateralOf[address(treasury)], "the treasury's collateral");
    }

    function auditAccount(address account) private view {
        assertEq(market.balanceOf(account), etherOf[account], "ether of a party");
        assertEq(market.balanceOfCollateral(account), collateralOf[account], "collateral of a party");
    }

    function auditRequest(RequestId id, Entry storage entry) private view {
        assertTrue(market.requestIsLocked(id) == entry.locked, "locked");
        assertTrue(market.requestIsFulfilled(id) == entry.fulfilled, "fulfilled");
        assertTrue(market.requestIsSlashed(id) == entry.slashed, "slashed");
        assertTrue(entry.payments <= 1, "paid twice");
        uint8 flags = (entry.paidDuring ? 1 : 0) | (entry.paidAfter ? 2 : 0) | (entry.slashed ? 4 : 0);
        assertEq(flagsOf(id), flags, "flags");
        if (!entry.locked) return;
        assertEq(market.requestLockDeadline(id), entry.lockDeadline, "lock deadline");
        assertEq(market.requestDeadline(id), entry.deadline, "deadline");
        (address by,,,,, uint96 collateral,) = market.requestLocks(id);
        assertEq(by, entry.prover, "prover");
        assertEq(collateral, entry.collateral, "locked collateral");
    }

    // ---------------------------------------------------------------------------------------------------------- choosing

    function pick(uint256 who) private view returns (Party memory) {
        return parties[who % parties.length];
    }

    function anyone(uint256 who) private view returns (address) {
        uint256 which = who / 3 % (parties.length + 1);
        return which == parties.length ? address(market) : parties[which].addr;
    }

    function ownerOf(uint256 slot) private view returns (address) {
        return parties[slot / INDEXES].addr;
    }

    function idOf(uint256 slot) private view returns (RequestId) {
        address owner = ownerOf(slot);
        uint32 index = uint32(slot % INDEXES) * 31; // 0, 31 and 62: the ends of the first slot of flags, and one beyond
        return owner == restless ? smartIdOf(owner, index) : idOf(owner, index);
    }

    /// @dev The second variant is dearer, later and longer, and the contract's calls the contract back.
    function requestOf(uint256 slot, uint256 variant) private view returns (ProofRequest memory request) {
        request = newRequest(idOf(slot));
        bool first = variant == 0;
        if (!first && ownerOf(slot) == restless) request.requirements.callback = Callback(restless, 300_000);
        request.offer = Offer({
            minPrice: first ? 1 ether : 0.5 ether,
            maxPrice: first ? 2 ether : 5 ether,
            rampUpStart: uint64(START + 100 * (slot % INDEXES) + (first ? 0 : 70)),
            rampUpPeriod: first ? 40 : 140,
            lockTimeout: first ? 80 : 150,
            timeout: first ? 160 : 400,
            lockCollateral: first ? 1 ether + 1 : 2 ether
        });
    }

    function signatureOf(uint256 slot, ProofRequest memory request, bool forged) private view returns (bytes memory) {
        Party memory owner = parties[slot / INDEXES];
        if (owner.key == 0) return bytes(forged ? "guess" : "password");
        return sign(forged ? owner.key + 1 : owner.key, digestOf(request));
    }

    /// @dev ETH makes the restless wallet withdraw its collateral.
    function received(address account) private {
        if (account == restless) collateralOf[restless] = 0;
    }

    function attempt(bytes memory call_) private returns (bool success) {
        (success,) = address(market).call(call_);
    }

    function agree(bool actual, bool expected, bytes4 action) private {
        assertTrue(actual == expected, "the market and the model disagree");
        if (actual) ++accepted[action];
    }
}
