// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

/// @notice A contract that a request names to receive its journal.
interface IMarketCallback {
    /// @notice Called by the market on every delivery of the request, repeated ones included, with the gas limit the
    ///         requester signed. A failure here never affects the delivery or the payment.
    /// @dev Anybody can call this function: an implementation checks that the caller is the market it trusts, that
    ///      `imageId` is the program it expects, and it must be ready to be called more than once for one request.
    function handleProof(bytes32 imageId, bytes calldata journal, bytes calldata seal) external;
}
