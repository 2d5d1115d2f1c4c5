// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { EfficientHashLib } from "solady/utils/EfficientHashLib.sol";

using AttesterSetLib for AttesterSet global;

/// @notice A set of attesters that the present attesters sign to make it the next.
/// @dev `number` counts the sets of one verifier from one, the first being the constructor's; `revision` counts the proposals
///      for one number from one. Attesters stand in strictly ascending order without zero, and between one and all of them,
///      `threshold`, must sign. A proposal of no attesters and threshold zero withdraws the one before it.
struct AttesterSet {
    uint256 number;
    uint256 revision;
    uint256 threshold;
    address[] attesters;
}

library AttesterSetLib {
    bytes32 internal constant TYPEHASH =
        keccak256("AttesterSet(uint256 number,uint256 revision,uint256 threshold,address[] attesters)");

    /// @notice EIP-712 struct hash.
    /// @dev Addresses are hashed as they lie in calldata; one with dirty bits gives a hash that nobody has signed.
    function hash(AttesterSet calldata set) internal pure returns (bytes32) {
        address[] calldata attesters = set.attesters;
        bytes calldata words;
        assembly ("memory-safe") {
            words.offset := attesters.offset
            words.length := shl(5, attesters.length)
        }
        return EfficientHashLib.hash(
            TYPEHASH,
            bytes32(set.number),
            bytes32(set.revision),
            bytes32(set.threshold),
            EfficientHashLib.hashCalldata(words)
        );
    }

    function isWithdrawal(AttesterSet calldata set) internal pure returns (bool) {
        return set.attesters.length == 0 && set.threshold == 0;
    }
}
