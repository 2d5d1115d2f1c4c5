// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { EfficientHashLib } from "solady/utils/EfficientHashLib.sol";
import { Offer, OfferLib } from "../request/Offer.sol";
import { ProofRequest, ProofRequestLib } from "../request/ProofRequest.sol";
import { RequestId } from "../request/RequestId.sol";
import { RequirementsLib } from "../request/Requirements.sol";

/// @notice A request with its parts hashed: enough to rebuild the hash that was signed, and to know the id in it.
struct HashedRequest {
    RequestId id;
    bytes32 requirements;
    bytes32 imageUrl;
    bytes32 input;
    bytes32 offer;
}

using HashedRequestLib for HashedRequest global;

library HashedRequestLib {
    function from(ProofRequest calldata request) internal pure returns (HashedRequest memory) {
        return HashedRequest({
            id: request.id,
            requirements: RequirementsLib.hash(request.requirements),
            imageUrl: EfficientHashLib.hashCalldata(bytes(request.imageUrl)),
            input: ProofRequestLib.hash(request.input),
            offer: request.offer.hash()
        });
    }

    /// @notice The EIP-712 struct hash of the whole request.
    function hash(HashedRequest memory request) internal pure returns (bytes32) {
        return EfficientHashLib.hash(
            ProofRequestLib.TYPEHASH,
            bytes32(RequestId.unwrap(request.id)),
            request.requirements,
            request.imageUrl,
            request.input,
            request.offer
        );
    }

    /// @notice Struct hash of the request that is the same in all but its price, which does not change with time.
    /// @param offer The offer of the request, whose hash is in it.
    function derivedHash(HashedRequest memory request, Offer calldata offer, uint96 price)
        internal
        pure
        returns (bytes32)
    {
        bytes32 offerHash = EfficientHashLib.hash(
            OfferLib.TYPEHASH,
            bytes32(uint256(price)),
            bytes32(uint256(price)),
            bytes32(uint256(offer.rampUpStart)),
            bytes32(uint256(offer.rampUpPeriod)),
            bytes32(uint256(offer.lockTimeout)),
            bytes32(uint256(offer.timeout)),
            bytes32(offer.lockCollateral)
        );
        return EfficientHashLib.hash(
            ProofRequestLib.TYPEHASH,
            bytes32(RequestId.unwrap(request.id)),
            request.requirements,
            request.imageUrl,
            request.input,
            offerHash
        );
    }
}
