// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

/// @title Creates requesters' accounts, one per owner, at addresses known beforehand
/// @notice The address follows from this contract, the implementation and the owner alone, so it can be funded, and requests of
///         it signed, before it exists. It must exist when one of them is locked.
interface IRequesterAccounts {
    error InvalidOwner();
    error InvalidImplementation();

    /// @notice An account was created.
    event AccountCreated(address indexed owner, address account);

    /// @notice The address of the owner's account, created or not.
    function accountOf(address owner) external view returns (address);

    /// @notice Creates the owner's account if it does not exist yet. Anybody may call. Attached ether, and what was sent to the
    ///         address before, goes into its balance in the market.
    /// @dev `InvalidOwner` for the zero address.
    function create(address owner) external payable returns (address account);

    /// @notice What the accounts run.
    function IMPLEMENTATION() external view returns (address);
}
