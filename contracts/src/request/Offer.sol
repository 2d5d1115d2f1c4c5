// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { EfficientHashLib } from "solady/utils/EfficientHashLib.sol";
import { IMarket } from "../interfaces/IMarket.sol";

/// @notice What a requester pays, and until when: a price that rises from `minPrice` to `maxPrice` and then stays.
/// @dev Prices in wei, collateral in the collateral token's base unit, times in seconds (`rampUpStart` is a UNIX time).
struct Offer {
    uint256 minPrice;
    uint256 maxPrice;
    uint64 rampUpStart;
    uint32 rampUpPeriod;
    uint32 lockTimeout;
    uint32 timeout;
    uint256 lockCollateral;
}

using OfferLib for Offer global;

/// @notice The price curve and the two deadlines of an offer, with the time as an argument.
library OfferLib {
    bytes32 internal constant TYPEHASH = keccak256(
        "Offer(uint256 minPrice,uint256 maxPrice,uint64 rampUpStart,uint32 rampUpPeriod,uint32 lockTimeout,uint32 timeout,uint256 lockCollateral)"
    );

    function hash(Offer calldata offer) internal pure returns (bytes32) {
        return EfficientHashLib.hash(
            TYPEHASH,
            bytes32(offer.minPrice),
            bytes32(offer.maxPrice),
            bytes32(uint256(offer.rampUpStart)),
            bytes32(uint256(offer.rampUpPeriod)),
            bytes32(uint256(offer.lockTimeout)),
            bytes32(uint256(offer.timeout)),
            bytes32(offer.lockCollateral)
        );
    }

    /// @notice Checks that the offer is consistent with itself and returns its deadlines.
    /// @dev Reverts with `InvalidRequest` when an inequality fails, and with Panic 0x11 when a deadline leaves uint64.
    function validate(Offer calldata offer) internal pure returns (uint64 lockDeadline_, uint64 deadline_) {
        uint32 lockTimeout = offer.lockTimeout;
        uint32 timeout = offer.timeout;
        if (
            offer.minPrice > offer.maxPrice || offer.rampUpPeriod > lockTimeout || lockTimeout > timeout
                || timeout - lockTimeout > type(uint24).max
        ) revert IMarket.InvalidRequest();
        return (offer.lockDeadline(), offer.deadline());
    }

    /// @notice Last second in which the request can be locked and in which the locker is paid in full.
    function lockDeadline(Offer calldata offer) internal pure returns (uint64) {
        return offer.rampUpStart + offer.lockTimeout;
    }

    /// @notice Last second in which the request can be fulfilled at all.
    function deadline(Offer calldata offer) internal pure returns (uint64) {
        return offer.rampUpStart + offer.timeout;
    }

    /// @notice Price of the request at `timestamp`, in wei: zero once the lock deadline has passed.
    /// @dev Expects a validated offer. The ramp is rounded down.
    function priceAt(Offer calldata offer, uint256 timestamp) internal pure returns (uint256) {
        uint256 start = offer.rampUpStart;
        if (timestamp <= start) return offer.minPrice;
        if (timestamp > offer.lockDeadline()) return 0;
        uint256 elapsed = timestamp - start;
        uint256 period = offer.rampUpPeriod;
        if (elapsed > period) return offer.maxPrice;
        return offer.minPrice + elapsed * (offer.maxPrice - offer.minPrice) / period;
    }
}
