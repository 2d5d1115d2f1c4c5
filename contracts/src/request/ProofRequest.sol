// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { EfficientHashLib } from "solady/utils/EfficientHashLib.sol";
import { Offer } from "./Offer.sol";
import { RequestId } from "./RequestId.sol";
import { Callback, Predicate, Requirements, RequirementsLib } from "./Requirements.sol";

/// @dev Inline: `data` is the encoded guest environment. Url: `data` is a UTF-8 URL whose body is one.
enum InputType {
    Inline,
    Url
}

/// @notice What the program reads.
struct Input {
    InputType inputType;
    bytes data;
}

/// @notice What a requester signs: run the program at `imageUrl` on `input`, show `requirements`, be paid by `offer`.
struct ProofRequest {
    RequestId id;
    Requirements requirements;
    string imageUrl;
    Input input;
    Offer offer;
}

/// @notice A request as a fulfilment carries it: just enough to rebuild the digest the requester signed.
struct SlimRequest {
    RequestId id;
    Predicate predicate;
    Callback callback;
    bytes4 selector;
    bytes32 imageUrlHash;
    bytes32 inputDigest;
    bytes32 offerDigest;
}

using ProofRequestLib for ProofRequest global;
using ProofRequestLib for SlimRequest global;

/// @notice EIP-712 struct hashes of requests. The domain is applied by the caller.
library ProofRequestLib {
    bytes32 internal constant INPUT_TYPEHASH = keccak256("Input(uint8 inputType,bytes data)");
    bytes32 internal constant TYPEHASH = keccak256(
        "ProofRequest(uint256 id,Requirements requirements,string imageUrl,Input input,Offer offer)"
        "Callback(address addr,uint96 gasLimit)" "Input(uint8 inputType,bytes data)"
        "Offer(uint256 minPrice,uint256 maxPrice,uint64 rampUpStart,uint32 rampUpPeriod,uint32 lockTimeout,uint32 timeout,uint256 lockCollateral)"
        "Predicate(uint8 predicateType,bytes data)"
        "Requirements(Callback callback,Predicate predicate,bytes4 selector)"
    );
    /// @dev What a prover signs so that somebody else can lock for it.
    bytes32 internal constant LOCK_REQUEST_TYPEHASH = keccak256(
        "LockRequest(ProofRequest request)" "Callback(address addr,uint96 gasLimit)" "Input(uint8 inputType,bytes data)"
        "Offer(uint256 minPrice,uint256 maxPrice,uint64 rampUpStart,uint32 rampUpPeriod,uint32 lockTimeout,uint32 timeout,uint256 lockCollateral)"
        "Predicate(uint8 predicateType,bytes data)"
        "ProofRequest(uint256 id,Requirements requirements,string imageUrl,Input input,Offer offer)"
        "Requirements(Callback callback,Predicate predicate,bytes4 selector)"
    );

    function hash(ProofRequest calldata request) internal pure returns (bytes32) {
        Requirements calldata requirements = request.requirements;
        return EfficientHashLib.hash(
            TYPEHASH,
            bytes32(RequestId.unwrap(request.id)),
            RequirementsLib.hash(requirements),
            EfficientHashLib.hashCalldata(bytes(request.imageUrl)),
            hash(request.input),
            request.offer.hash()
        );
    }

    /// @dev The fields are hashed as they lie in calldata; one with dirty bits gives a hash that nobody has signed. Words of a
    ///      slim request: id, offset of the predicate, callback address and gas limit, selector, three hashes.
    function hash(SlimRequest calldata slim) internal pure returns (bytes32 result) {
        bytes32 predicateHash = RequirementsLib.hash(slim.predicate);
        bytes32 callbackTypeHash = RequirementsLib.CALLBACK_TYPEHASH;
        bytes32 requirementsTypeHash = RequirementsLib.TYPEHASH;
        bytes32 typeHash = TYPEHASH;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, callbackTypeHash)
            calldatacopy(add(free, 0x20), add(slim, 0x40), 0x40)
            mstore(add(free, 0x20), keccak256(free, 0x60))
            mstore(free, requirementsTypeHash)
            mstore(add(free, 0x40), predicateHash)
            calldatacopy(add(free, 0x60), add(slim, 0x80), 0x20)
            mstore(add(free, 0x40), keccak256(free, 0x80))
            mstore(free, typeHash)
            calldatacopy(add(free, 0x20), slim, 0x20)
            calldatacopy(add(free, 0x60), add(slim, 0xa0), 0x60)
            result := keccak256(free, 0xc0)
        }
    }

    function hash(Input calldata input) internal pure returns (bytes32) {
        return EfficientHashLib.hash(
            INPUT_TYPEHASH, bytes32(uint256(input.inputType)), EfficientHashLib.hashCalldata(input.data)
        );
    }

    /// @notice Struct hash of `LockRequest(ProofRequest request)` from the struct hash of the request.
    function lockRequestHash(bytes32 requestHash) internal pure returns (bytes32) {
        return EfficientHashLib.hash(LOCK_REQUEST_TYPEHASH, requestHash);
    }
}
