// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { EfficientHashLib } from "solady/utils/EfficientHashLib.sol";

/// @notice Contract that receives the journal on delivery. The zero address means no callback.
struct Callback {
    address addr;
    uint96 gasLimit;
}

/// @dev DigestMatch: `data` = image id ‖ SHA-256 of the journal (64 bytes).
///      PrefixMatch: `data` = image id ‖ prefix of the journal (at least 32 bytes).
///      ClaimDigestMatch: `data` = claim digest (32 bytes).
enum PredicateType {
    DigestMatch,
    PrefixMatch,
    ClaimDigestMatch
}

/// @notice What the proof must show.
struct Predicate {
    PredicateType predicateType;
    bytes data;
}

/// @notice What a delivery must satisfy. `selector` names a verifier entry, a verifier class, or (zero) the default class.
struct Requirements {
    Callback callback;
    Predicate predicate;
    bytes4 selector;
}

library RequirementsLib {
    bytes32 internal constant CALLBACK_TYPEHASH = keccak256("Callback(address addr,uint96 gasLimit)");
    bytes32 internal constant PREDICATE_TYPEHASH = keccak256("Predicate(uint8 predicateType,bytes data)");
    bytes32 internal constant TYPEHASH = keccak256(
        "Requirements(Callback callback,Predicate predicate,bytes4 selector)Callback(address addr,uint96 gasLimit)Predicate(uint8 predicateType,bytes data)"
    );

    function hash(Requirements calldata requirements) internal pure returns (bytes32) {
        return EfficientHashLib.hash(
            TYPEHASH, hash(requirements.callback), hash(requirements.predicate), bytes32(requirements.selector)
        );
    }

    function hash(Callback calldata callback) internal pure returns (bytes32) {
        return EfficientHashLib.hash(
            CALLBACK_TYPEHASH, bytes32(uint256(uint160(callback.addr))), bytes32(uint256(callback.gasLimit))
        );
    }

    function hash(Predicate calldata predicate) internal pure returns (bytes32) {
        return EfficientHashLib.hash(
            PREDICATE_TYPEHASH, bytes32(uint256(predicate.predicateType)), EfficientHashLib.hashCalldata(predicate.data)
        );
    }
}
