// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { Ownable } from "solady/auth/Ownable.sol";
import { ERC20 } from "solady/tokens/ERC20.sol";

/// @title An ERC-20 with permit for devnets and tests: whoever the owner names mints at will
/// @notice Transfers are plain and open to everybody.
contract CollateralToken is ERC20, Ownable {
    event MinterChanged(address indexed account, bool allowed);

    error NotAMinter(address account);

    /// @notice Who can mint.
    mapping(address => bool) public isMinter;

    constructor(address owner) {
        if (owner == address(0)) revert NewOwnerIsZeroAddress();
        _initializeOwner(owner);
        _setMinter(owner, true);
    }

    /// @notice Allows or forbids `account` to mint. Owner only.
    function setMinter(address account, bool allowed) external onlyOwner {
        _setMinter(account, allowed);
    }

    /// @notice Creates `amount` base units for `to`. Minters only.
    function mint(address to, uint256 amount) external {
        if (!isMinter[msg.sender]) revert NotAMinter(msg.sender);
        _mint(to, amount);
    }

    function name() public pure override returns (string memory) {
        return "Rialto Collateral";
    }

    function symbol() public pure override returns (string memory) {
        return "RCT";
    }

    function _setMinter(address account, bool allowed) private {
        isMinter[account] = allowed;
        emit MinterChanged(account, allowed);
    }

    /// @dev No contract has a standing allowance over everybody's tokens.
    function _givePermit2InfiniteAllowance() internal pure override returns (bool) {
        return false;
    }
}
