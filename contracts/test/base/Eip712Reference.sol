// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Offer } from "../../src/request/Offer.sol";
import { Input, ProofRequest, SlimRequest } from "../../src/request/ProofRequest.sol";
import { Callback, Predicate, Requirements } from "../../src/request/Requirements.sol";

/// @notice EIP-712 written a second time, in the plainest way: what the contracts' hashing is compared with.
library Eip712Reference {
    string internal constant CALLBACK = "Callback(address addr,uint96 gasLimit)";
    string internal constant INPUT = "Input(uint8 inputType,bytes data)";
    string internal constant OFFER =
        "Offer(uint256 minPrice,uint256 maxPrice,uint64 rampUpStart,uint32 rampUpPeriod,uint32 lockTimeout,uint32 timeout,uint256 lockCollateral)";
    string internal constant PREDICATE = "Predicate(uint8 predicateType,bytes data)";
    string internal constant REQUIREMENTS = "Requirements(Callback callback,Predicate predicate,bytes4 selector)";
    string internal constant PROOF_REQUEST =
        "ProofRequest(uint256 id,Requirements requirements,string imageUrl,Input input,Offer offer)";
    string internal constant LOCK_REQUEST = "LockRequest(ProofRequest request)";

    function proofRequestType() internal pure returns (bytes memory) {
        return abi.encodePacked(PROOF_REQUEST, CALLBACK, INPUT, OFFER, PREDICATE, REQUIREMENTS);
    }

    function lockRequestType() internal pure returns (bytes memory) {
        return abi.encodePacked(LOCK_REQUEST, CALLBACK, INPUT, OFFER, PREDICATE, PROOF_REQUEST, REQUIREMENTS);
    }

    function domain(string memory name, address verifyingContract) internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256("1"),
                block.chainid,
                verifyingContract
            )
        );
    }

    function digest(bytes32 domainSeparator, bytes32 structHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domainSeparator, structHash));
    }

    function hash(ProofRequest memory request) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(proofRequestType()),
                request.id,
                hash(request.requirements),
                keccak256(bytes(request.imageUrl)),
                hash(request.input),
                hash(request.offer)
            )
        );
    }

    function hash(SlimRequest memory slim) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(proofRequestType()),
                slim.id,
                hash(Requirements(slim.callback, slim.predicate, slim.selector)),
                slim.imageUrlHash,
                slim.inputDigest,
                slim.offerDigest
            )
        );
    }

    function lockRequestHash(ProofRequest memory request) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(lockRequestType()), hash(request)));
    }

    function hash(Requirements memory requirements) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(abi.encodePacked(REQUIREMENTS, CALLBACK, PREDICATE)),
                hash(requirements.callback),
                hash(requirements.predicate),
                requirements.selector
            )
        );
    }

    function hash(Callback memory callback) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(bytes(CALLBACK)), callback.addr, callback.gasLimit));
    }

    function hash(Predicate memory predicate) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(bytes(PREDICATE)), predicate.predicateType, keccak256(predicate.data)));
    }

    function hash(Input memory input) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(bytes(INPUT)), input.inputType, keccak256(input.data)));
    }

    function hash(Offer memory offer) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(bytes(OFFER)), offer));
    }
}
