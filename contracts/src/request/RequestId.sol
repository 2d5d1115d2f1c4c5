// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IMarket } from "../interfaces/IMarket.sol";

/// @notice Names one request: who pays, which of the payer's requests it is, and how the payer signs.
/// @dev Bits 0-31 hold the client's index, bits 32-191 the client, bit 192 is set when the client signs by ERC-1271.
///      Bits 193-255 must be zero. Both ids of one (client, index) share the account's locked and fulfilled flags.
type RequestId is uint256;

using RequestIdLib for RequestId global;

library RequestIdLib {
    uint256 private constant SMART_CONTRACT_BIT = 1 << 192;

    /// @notice Reverts with `InvalidRequest` when a bit above 192 is set.
    function validate(RequestId id) internal pure {
        if (RequestId.unwrap(id) >> 193 != 0) revert IMarket.InvalidRequest();
    }

    function client(RequestId id) internal pure returns (address) {
        return address(uint160(RequestId.unwrap(id) >> 32));
    }

    function index(RequestId id) internal pure returns (uint32) {
        return uint32(RequestId.unwrap(id));
    }

    function isSmartContract(RequestId id) internal pure returns (bool) {
        return RequestId.unwrap(id) & SMART_CONTRACT_BIT != 0;
    }
}
