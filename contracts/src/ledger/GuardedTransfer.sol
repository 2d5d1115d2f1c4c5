// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IERC20 } from "../interfaces/IERC20.sol";
import { IMarket } from "../interfaces/IMarket.sol";

/// @notice Transfers that must not hold up anybody else: their failure is booked instead of reverting.
/// @dev Two traps go with that. The callee must not take more of the caller's gas than a transfer is worth, so it gets `GAS` and
///      no more. And the caller must not make the transfer fail by thrift, on purpose or because an estimate of gas found the
///      least that succeeds, so that much is demanded first.
library GuardedTransfer {
    address internal constant BURN_ADDRESS = 0x000000000000000000000000000000000000dEaD;
    /// @dev More than a transfer of any common token takes, behind proxies too; and more than a prover's contract needs to
    ///      receive ETH.
    uint256 internal constant GAS = 100_000;
    /// @dev What a call costs the caller at most: a value sent to an address that is cold and empty, and the writes before it.
    uint256 private constant CALL_GAS = 45_000;

    /// @notice Reverts with InsufficientGas unless a callee can get `GAS`. It gets at most 63/64 of the gas at hand.
    function demandGas() internal view {
        if (gasleft() * 63 / 64 < GAS + CALL_GAS) revert IMarket.InsufficientGas();
    }

    /// @notice Sends `amount` of this contract's tokens to the burn address. False if the token did not: success is what tokens
    ///         mean by it, `true` or nothing at all.
    function tryBurn(address token, uint96 amount) internal returns (bool isBurned) {
        demandGas();
        bytes memory call_ = abi.encodeCall(IERC20.transfer, (BURN_ADDRESS, amount));
        assembly ("memory-safe") {
            let success := call(GAS, token, 0, add(call_, 0x20), mload(call_), 0x00, 0x20)
            let isTrue := and(gt(returndatasize(), 0x1f), eq(mload(0x00), 1))
            let isSilent := and(iszero(returndatasize()), iszero(iszero(extcodesize(token))))
            isBurned := and(success, or(isTrue, isSilent))
        }
    }
}
