// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Allocation } from "../../src/allocation/Allocation.sol";
import { HashedRequest } from "../../src/allocation/HashedRequest.sol";
import { Terms } from "../../src/allocation/Terms.sol";
import { ProofRequest } from "../../src/request/ProofRequest.sol";
import { Eip712Reference } from "../base/Eip712Reference.sol";

/// @notice The structs of the allocation book hashed a second time, in the plainest way.
library AllocationReference {
    string internal constant EXCHANGE_REQUEST = "ExchangeRequest(ProofRequest request,Terms terms)";
    string internal constant TERMS =
        "Terms(address exchange,bytes32 mechanism,uint64 openAt,uint32 exclusiveWindow,uint96 maxPrice,uint16 burnBps,uint16[] tiers)";
    string internal constant ALLOCATION =
        "Allocation(bytes32 request,bytes32 terms,address prover,uint96 price,uint64 from,uint64 until,uint16 overrideBps)";

    function exchangeRequestType() internal pure returns (bytes memory) {
        return abi.encodePacked(
            abi.encodePacked(EXCHANGE_REQUEST, Eip712Reference.CALLBACK, Eip712Reference.INPUT, Eip712Reference.OFFER),
            abi.encodePacked(
                Eip712Reference.PREDICATE, Eip712Reference.PROOF_REQUEST, Eip712Reference.REQUIREMENTS, TERMS
            )
        );
    }

    function hash(Terms memory terms) internal pure returns (bytes32) {
        bytes memory words;
        for (uint256 i = 0; i < terms.tiers.length; ++i) {
            words = abi.encodePacked(words, uint256(terms.tiers[i]));
        }
        bytes memory head =
            abi.encode(keccak256(bytes(TERMS)), terms.exchange, terms.mechanism, terms.openAt, terms.exclusiveWindow);
        return keccak256(abi.encodePacked(head, abi.encode(terms.maxPrice, terms.burnBps, keccak256(words))));
    }

    function hash(Allocation memory allocation) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(bytes(ALLOCATION)), allocation));
    }

    function exchangeRequestHash(ProofRequest memory request, Terms memory terms) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(exchangeRequestType()), Eip712Reference.hash(request), hash(terms)));
    }

    function hashed(ProofRequest memory request) internal pure returns (HashedRequest memory) {
        return HashedRequest({
            id: request.id,
            requirements: Eip712Reference.hash(request.requirements),
            imageUrl: keccak256(bytes(request.imageUrl)),
            input: Eip712Reference.hash(request.input),
            offer: Eip712Reference.hash(request.offer)
        });
    }
}
