// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { LibClone } from "solady/utils/LibClone.sol";

import { IRequesterAccount } from "./interfaces/IRequesterAccount.sol";
import { IRequesterAccounts } from "./interfaces/IRequesterAccounts.sol";

/// @title Creates requesters' accounts, see IRequesterAccounts for what it promises
contract RequesterAccounts is IRequesterAccounts {
    /// @dev The owner is part of the code that is deployed, and so of the address.
    bytes32 private constant SALT = 0;

    /// @inheritdoc IRequesterAccounts
    address public immutable IMPLEMENTATION;

    constructor(address implementation) {
        if (implementation.code.length == 0) revert InvalidImplementation();
        IMPLEMENTATION = implementation;
    }

    /// @inheritdoc IRequesterAccounts
    function accountOf(address owner) external view returns (address) {
        return LibClone.predictDeterministicAddress(IMPLEMENTATION, abi.encodePacked(owner), SALT, address(this));
    }

    /// @inheritdoc IRequesterAccounts
    function create(address owner) external payable returns (address account) {
        if (owner == address(0)) revert InvalidOwner();
        bool exists;
        (exists, account) = LibClone.createDeterministicClone(msg.value, IMPLEMENTATION, abi.encodePacked(owner), SALT);
        if (!exists) emit AccountCreated(owner, account);
        if (account.balance != 0) IRequesterAccount(payable(account)).sweep();
    }
}
