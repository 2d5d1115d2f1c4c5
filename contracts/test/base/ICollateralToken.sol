// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IERC20Permit } from "../../src/interfaces/IERC20.sol";

/// @dev Tests know the contracts by interface alone, so that they compile without the optimiser of the contracts.
interface ICollateralToken is IERC20Permit {
    event Transfer(address indexed from, address indexed to, uint256 amount);
    event MinterChanged(address indexed account, bool allowed);

    error NotAMinter(address account);
    error Unauthorized();
    error InsufficientBalance();
    error InsufficientAllowance();
    error InvalidPermit();

    function mint(address to, uint256 amount) external;
    function setMinter(address account, bool allowed) external;
    function isMinter(address account) external view returns (bool);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
    function allowance(address owner, address spender) external view returns (uint256);
    function totalSupply() external view returns (uint256);
    function name() external view returns (string memory);
    function symbol() external view returns (string memory);
    function decimals() external view returns (uint8);
}
