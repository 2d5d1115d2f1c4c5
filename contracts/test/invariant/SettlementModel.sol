// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IMarket } from "../../src/interfaces/IMarket.sol";
import { Offer } from "../../src/request/Offer.sol";

/// @notice The market's books a second time, kept by the settlement table alone. Knows no signatures, proofs or callbacks.
abstract contract SettlementModel {
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

    /// @notice Where the escrowed ETH and the locked collateral went. Both sides of each sum are kept apart.
    struct Flows {
        uint256 escrowed;
        uint256 paidFromEscrow;
        uint256 refunded;
        uint256 locked;
        uint256 returned;
        uint256 burned;
        uint256 rewarded;
        uint256 toMarket;
    }

    mapping(address => uint256) public etherOf;
    mapping(address => uint256) public collateralOf;
    mapping(uint256 => Entry) internal entries;
    Flows public flows;

    function _lock(Entry storage entry, uint256 variant, uint256 price, Offer memory offer, address owner, address by)
        internal
    {
        etherOf[owner] -= price;
        collateralOf[by] -= offer.lockCollateral;
        flows.escrowed += price;
        flows.locked += offer.lockCollateral;
        (entry.locked, entry.variant, entry.price) = (true, variant, price);
        (entry.prover, entry.collateral) = (by, offer.lockCollateral);
        entry.lockDeadline = uint256(offer.rampUpStart) + offer.lockTimeout;
        entry.deadline = uint256(offer.rampUpStart) + offer.timeout;
    }

    /// @dev Applies the settlement table to one delivery and returns the selector of the payment error, or zero.
    function _settle(Entry storage entry, Offer memory offer, address owner, address by, bool isLockedOne, uint256 time)
        internal
        returns (bytes4)
    {
        if (time > uint256(offer.rampUpStart) + offer.timeout) return IMarket.RequestIsExpired.selector;
        if (entry.paidDuring || entry.paidAfter) return IMarket.RequestIsFulfilled.selector;
        uint256 price = _priceAt(offer, time);
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
        if (time > entry.lockDeadline) return _settleLate(entry, price, owner, by);
        if (by != entry.prover || !isLockedOne) return IMarket.RequestIsLocked.selector;
        ++entry.payments;
        etherOf[by] += entry.price;
        collateralOf[by] += entry.collateral;
        flows.paidFromEscrow += entry.price;
        flows.returned += entry.collateral;
        (entry.paidDuring, entry.price, entry.collateral) = (true, 0, 0);
        return 0;
    }

    /// @dev The escrow goes back to the client, which then pays what it can.
    function _settleLate(Entry storage entry, uint256 price, address owner, address by) private returns (bytes4) {
        ++entry.payments;
        (entry.paidAfter, entry.prover) = (true, by);
        etherOf[owner] += entry.price;
        flows.refunded += entry.price;
        entry.price = 0;
        uint256 paid = price;
        if (etherOf[owner] < price) paid = etherOf[owner];
        etherOf[owner] -= paid;
        etherOf[by] += paid;
        return paid < price ? IMarket.PartialPayment.selector : bytes4(0);
    }

    function _slash(Entry storage entry, address owner, address market) internal {
        uint256 half = entry.collateral / 2;
        uint256 rest = entry.collateral - half;
        flows.burned += half;
        if (entry.paidAfter) {
            collateralOf[entry.prover] += rest;
            flows.rewarded += rest;
        } else {
            collateralOf[market] += rest;
            flows.toMarket += rest;
            etherOf[owner] += entry.price;
            flows.refunded += entry.price;
        }
        (entry.slashed, entry.collateral, entry.price) = (true, 0, 0);
    }

    function _priceAt(Offer memory offer, uint256 time) internal pure returns (uint256) {
        if (time <= offer.rampUpStart) return offer.minPrice;
        if (time > uint256(offer.rampUpStart) + offer.lockTimeout) return 0;
        uint256 elapsed = time - offer.rampUpStart;
        if (elapsed > offer.rampUpPeriod) return offer.maxPrice;
        return offer.minPrice + (offer.maxPrice - offer.minPrice) * elapsed / offer.rampUpPeriod;
    }
}
