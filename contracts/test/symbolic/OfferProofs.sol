// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Offer } from "../../src/request/Offer.sol";
import { vm } from "../base/Vm.sol";

/// @notice Proofs about the price curve, for every offer that validates and every second: run by tools/halmos.mjs.
/// @dev A proof fails on a violated assertion. A revert is not one, so where a call must not revert it is made from outside.
contract OfferProofs {
    function priceAt(Offer calldata offer, uint256 t) external pure returns (uint256) {
        return offer.priceAt(t);
    }

    function validate(Offer calldata offer) external pure returns (uint64, uint64) {
        return offer.validate();
    }

    function isValid(Offer calldata offer) private pure returns (bool) {
        return offer.minPrice <= offer.maxPrice && offer.rampUpPeriod <= offer.lockTimeout
            && offer.lockTimeout <= offer.timeout && offer.timeout - offer.lockTimeout < 2 ** 24
            && uint256(offer.rampUpStart) + offer.timeout < 2 ** 64;
    }

    function lockDeadlineOf(Offer calldata offer) private pure returns (uint256) {
        return uint256(offer.rampUpStart) + offer.lockTimeout;
    }

    /// @notice An offer is accepted exactly when its inequalities hold, and its deadlines are the sums.
    function check_validate(Offer calldata offer) external view {
        (bool success, bytes memory result) = address(this).staticcall(abi.encodeCall(this.validate, (offer)));
        assert(success == isValid(offer));
        if (!success) return;
        (uint64 lockDeadline, uint64 deadline) = abi.decode(result, (uint64, uint64));
        assert(lockDeadline == lockDeadlineOf(offer));
        assert(deadline == uint256(offer.rampUpStart) + offer.timeout);
        assert(lockDeadline <= deadline && deadline - lockDeadline < 2 ** 24);
    }

    /// @notice The table of the specification, line by line.
    function check_priceAt_is_the_table(Offer calldata offer, uint256 t) external pure {
        vm.assume(isValid(offer));
        vm.assume(offer.maxPrice < 2 ** 96 && t < 2 ** 64);
        uint256 price = offer.priceAt(t);
        uint256 start = offer.rampUpStart;
        if (t <= start) assert(price == offer.minPrice);
        else if (t > lockDeadlineOf(offer)) assert(price == 0);
        else if (t > start + offer.rampUpPeriod) assert(price == offer.maxPrice);
        else assert(price == offer.minPrice + (t - start) * (offer.maxPrice - offer.minPrice) / offer.rampUpPeriod);
    }

    /// @notice Outside the ramp: the seconds at its ends, at the lock deadline and after it, for any prices at all.
    function check_priceAt_at_the_boundaries(Offer calldata offer) external pure {
        vm.assume(isValid(offer));
        uint256 start = offer.rampUpStart;
        assert(offer.priceAt(0) == offer.minPrice);
        assert(offer.priceAt(start) == offer.minPrice);
        assert(offer.priceAt(lockDeadlineOf(offer) + 1) == 0);
        if (offer.rampUpPeriod < offer.lockTimeout) {
            assert(offer.priceAt(start + offer.rampUpPeriod + 1) == offer.maxPrice);
            assert(offer.priceAt(lockDeadlineOf(offer)) == offer.maxPrice);
        }
    }

    /// @notice On the ramp the price never falls, never leaves the bounds, and ends at the greatest price: second by second on
    ///         ramps of one to four seconds, for any least price and any rise below 2^16. Division by an unknown is beyond the
    ///         solver; other ramps follow from the table, as floor(e · d / p) grows with e and is d where e is p.
    function check_ramp(uint96 least, uint16 rise) external view {
        for (uint32 period = 1; period <= 4; ++period) {
            uint256 greatest = uint256(least) + rise;
            Offer memory offer = Offer(least, greatest, 1000, period, 50, 60, 0);
            uint256 before = least;
            for (uint256 elapsed = 1; elapsed <= period; ++elapsed) {
                uint256 price = this.priceAt(offer, 1000 + elapsed);
                assert(before <= price && price <= greatest);
                before = price;
            }
            assert(before == greatest);
        }
    }
}
