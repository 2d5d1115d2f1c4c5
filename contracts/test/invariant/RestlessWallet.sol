// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IERC1271 } from "../../src/interfaces/IERC1271.sol";
import { IMarket } from "../../src/interfaces/IMarket.sol";
import { IMarketCallback } from "../../src/interfaces/IMarketCallback.sol";

/// @notice A contract that is client, prover and callback at once, and uses the market in the middle of being used by it: a
///         proof makes it withdraw its ETH, and ETH makes it withdraw its collateral.
contract RestlessWallet is IERC1271, IMarketCallback {
    bytes32 private constant PASSWORD = keccak256("password");

    IMarket private immutable market;

    constructor(IMarket market_) {
        market = market_;
    }

    function isValidSignature(bytes32, bytes calldata signature) external pure returns (bytes4) {
        return keccak256(signature) == PASSWORD ? IERC1271.isValidSignature.selector : bytes4(0);
    }

    function handleProof(bytes32, bytes calldata, bytes calldata) external {
        uint256 balance = market.balanceOf(address(this));
        if (balance != 0) market.withdraw(balance);
    }

    receive() external payable {
        uint256 collateral = market.balanceOfCollateral(address(this));
        if (collateral != 0) market.withdrawCollateral(collateral);
    }
}
