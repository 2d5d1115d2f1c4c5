// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { ProofRequest, SlimRequest } from "../request/ProofRequest.sol";
import { RequestId } from "../request/RequestId.sol";

enum FulfillmentDataType {
    None,
    ImageIdAndJournal
}

/// @notice One delivery: the claim that was proven, optionally what it says, and the seal that convinces a verifier.
/// @dev `fulfillmentData` is empty for None, else the canonical ABI encoding of the struct `(bytes32 imageId, bytes journal)`.
struct Fulfillment {
    bytes32 claimDigest;
    FulfillmentDataType fulfillmentDataType;
    bytes fulfillmentData;
    bytes seal;
}

/// @notice Deliveries of one prover under one verifier class. `requests[i]` is answered by `fills[i]`.
struct FulfillmentBatch {
    SlimRequest[] requests;
    Fulfillment[] fills;
    bytes assessorSeal;
    address prover;
}

/// @notice Full requests with their clients' signatures, priced right before they are fulfilled.
struct ProofRequestBatch {
    ProofRequest[] requests;
    bytes[] signatures;
}

/// @notice What the `ProofDelivered` event carries.
struct DeliveredFulfillment {
    RequestId id;
    bytes32 requestDigest;
    bytes32 claimDigest;
    FulfillmentDataType fulfillmentDataType;
    bytes fulfillmentData;
    bytes seal;
}
