// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { EfficientHashLib } from "solady/utils/EfficientHashLib.sol";

/// @notice Whom a key signs for, and how often it was added: each signature of a key adds it once. One slot.
struct ProverKey {
    address prover;
    uint96 nonce;
}

/// @notice What a key signs to be added.
library ProverKeyLib {
    bytes32 private constant TYPEHASH = keccak256("ProverKey(address prover,uint96 nonce)");

    function hash(address prover, uint96 nonce) internal pure returns (bytes32) {
        return EfficientHashLib.hash(TYPEHASH, bytes32(uint256(uint160(prover))), bytes32(uint256(nonce)));
    }
}
