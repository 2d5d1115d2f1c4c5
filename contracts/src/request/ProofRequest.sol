// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { EfficientHashLib } from "solady/utils/EfficientHashLib.sol";
import { IMarket } from "../interfaces/IMarket.sol";
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
        Predicate calldata predicate = slim.predicate;
        bytes calldata data = predicate.data;
        bytes32 predicateTypeHash = RequirementsLib.PREDICATE_TYPEHASH;
        bytes32 callbackTypeHash = RequirementsLib.CALLBACK_TYPEHASH;
        bytes32 requirementsTypeHash = RequirementsLib.TYPEHASH;
        bytes32 typeHash = TYPEHASH;
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, data.offset, data.length)
            mstore(add(free, 0x40), keccak256(free, data.length))
            mstore(free, predicateTypeHash)
            calldatacopy(add(free, 0x20), predicate, 0x20)
            let predicateHash := keccak256(free, 0x60)
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

    /// @notice Length of the calldata from `request` to the end of `signature` if it is their canonical encoding in this order,
    ///         as every known encoder writes it; else zero.
    /// @dev Canonical calldata can be logged as it lies there. The checks leave out what `hash` has checked by reading it: that
    ///      the fixed fields are clean and that lengths stay inside the calldata. Words of a request: id, offsets of
    ///      requirements, image URL and input, seven of the offer (0x160 in all). Requirements have a head of four words, a
    ///      predicate and an input of two before their bytes.
    function canonicalLength(ProofRequest calldata request, bytes calldata signature)
        internal
        pure
        returns (uint256 length)
    {
        assembly ("memory-safe") {
            // Where the bytes whose length is at `start` end with their padding, or 2^64 further if the padding is not zero.
            function skip(start) -> end {
                let size := calldataload(start)
                let tail := and(size, 0x1f)
                end := add(add(start, 0x20), sub(size, tail))
                if tail {
                    end := add(add(end, 0x20), shl(64, iszero(iszero(shl(shl(3, tail), calldataload(end))))))
                }
            }
            let image := skip(add(request, 0x220))
            let input := skip(image)
            let end := skip(add(input, 0x40))
            let wrong := xor(calldataload(add(request, 0x20)), 0x160)
            wrong := or(wrong, xor(calldataload(add(request, 0x1a0)), 0x80))
            wrong := or(wrong, xor(calldataload(add(request, 0x200)), 0x40))
            wrong := or(wrong, xor(add(request, calldataload(add(request, 0x40))), image))
            wrong := or(wrong, xor(add(request, calldataload(add(request, 0x60))), input))
            wrong := or(wrong, xor(calldataload(add(input, 0x20)), 0x40))
            wrong := or(wrong, xor(signature.offset, add(end, 0x20)))
            end := skip(end)
            wrong := or(wrong, shr(64, end))
            length := mul(iszero(wrong), sub(end, request))
        }
    }

    /// @notice Emits `RequestLocked(id, prover, request, signature)`.
    /// @dev A canonical request goes from calldata to the log in one copy; the compiler's way takes it apart and puts it
    ///      together again.
    function logLock(ProofRequest calldata request, address prover, bytes calldata signature) internal {
        RequestId id = request.id;
        uint256 length = request.canonicalLength(signature);
        if (length == 0) {
            emit IMarket.RequestLocked(id, prover, request, signature);
            return;
        }
        bytes32 topic = IMarket.RequestLocked.selector;
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, prover)
            mstore(add(data, 0x20), 0x60)
            mstore(add(data, 0x40), add(0x40, sub(signature.offset, request))) // 0x60, less the length's own word
            calldatacopy(add(data, 0x60), request, length)
            log2(data, add(0x60, length), topic, id)
        }
    }

    /// @notice Struct hash of `LockRequest(ProofRequest request)` from the struct hash of the request.
    function lockRequestHash(bytes32 requestHash) internal pure returns (bytes32) {
        return EfficientHashLib.hash(LOCK_REQUEST_TYPEHASH, requestHash);
    }
}
