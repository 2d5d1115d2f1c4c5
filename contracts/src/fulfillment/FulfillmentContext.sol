// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

/// @notice What `priceRequest` learned about a request: bit 127 priced, bit 126 expired, bits 0-95 the price in wei.
/// @dev Lives in transient storage under the request digest, so it ends with the transaction. Zero means not priced.
type FulfillmentContext is uint256;

using FulfillmentContextLib for FulfillmentContext global;

library FulfillmentContextLib {
    uint256 private constant VALID = 1 << 127;
    uint256 private constant EXPIRED = 1 << 126;

    function priced(uint96 price_, bool expired) internal pure returns (FulfillmentContext) {
        return FulfillmentContext.wrap(VALID | (expired ? EXPIRED : 0) | price_);
    }

    function isValid(FulfillmentContext context) internal pure returns (bool) {
        return FulfillmentContext.unwrap(context) & VALID != 0;
    }

    function isExpired(FulfillmentContext context) internal pure returns (bool) {
        return FulfillmentContext.unwrap(context) & EXPIRED != 0;
    }

    function price(FulfillmentContext context) internal pure returns (uint96) {
        return uint96(FulfillmentContext.unwrap(context));
    }

    function store(FulfillmentContext context, bytes32 requestDigest) internal {
        assembly ("memory-safe") {
            tstore(requestDigest, context)
        }
    }

    function load(bytes32 requestDigest) internal view returns (FulfillmentContext context) {
        assembly ("memory-safe") {
            context := tload(requestDigest)
        }
    }
}
