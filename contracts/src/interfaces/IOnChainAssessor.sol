// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IEip712Domain } from "./IEip712Domain.sol";
import { IAssessor } from "./IVerifier.sol";

/// @title An assessor that checks predicates on the chain, so that no proof of the checking is needed
/// @notice `assessorSeal` is four bytes of selector and the prover's signature over
///         `FulfillmentBatchAuth(prover, requestDigests, claimDigests)` under the domain `OnChainAssessor`, version `1`. The
///         signature binds the claims to the prover, so that a copy cannot be delivered in another's name; hence the prover is
///         an account with a key. Clients' signatures are not checked here: the calling market knows the requests.
interface IOnChainAssessor is IAssessor, IEip712Domain {
    error LengthMismatch();
    /// @dev The delivery at `index` does not satisfy its request's predicate, or the predicate is malformed.
    error PredicateFailed(uint256 index);
    /// @dev Image id and journal do not hash to the claim digest.
    error ClaimDigestMismatch(uint256 index);
    /// @dev The predicate speaks of image id and journal, and the delivery carries none.
    error MissingFulfillmentData(uint256 index);
    error MalformedProverSignature();
    error ProverSignatureMismatch(address recovered, address expected);
}
