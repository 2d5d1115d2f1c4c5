// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Claim } from "../fulfillment/Claim.sol";
import { IMarketCallback } from "../interfaces/IMarketCallback.sol";
import { IClaimVerifier } from "../interfaces/IVerifier.sol";

/// @title Base of a client's contract that acts on proven journals
/// @notice Calls `_onProof` with a journal only if the market delivers it, the program is the expected one, and the pinned
///         verifier accepts the seal for exactly this program and journal.
///
/// Why the seal is verified again: anybody can sign a request that names this contract as its callback, and such a request also
/// chooses which verifiers count. The market has then verified the delivery, but by the standard of a stranger, perhaps by a
/// verifier that the stranger registered. `VERIFIER` is the deployer's choice: an entry of the router, by its address, so that
/// whatever else is registered later, and whatever else goes wrong in market, router or assessor, no journal that this verifier
/// refuses gets through. The entry takes seals under its own selector, so requests that mean to call back sign that
/// selector (a class or zero lets provers choose another entry, whose seals are refused here; the prover is paid all the same).
/// An entry of a joint class has no seals that can be verified without the rest of the delivery, and cannot be pinned.
///
/// What it does not protect against: a journal is proven for some input, and the input may be a stranger's too. A program whose
/// input matters commits to it. A journal also comes as often as somebody pays for it, and late ones come after newer ones: make
/// `_onProof` indifferent to repetition and order. The gas limit signed in the request has to pay for the verification as well.
abstract contract MarketCallback is IMarketCallback {
    error NotTheMarket(address sender);
    error WrongImageId(bytes32 received, bytes32 expected);
    /// @dev There is no code at an address to be trusted.
    error NoCode(address account);

    address public immutable MARKET;
    IClaimVerifier public immutable VERIFIER;
    bytes32 public immutable IMAGE_ID;

    constructor(address market, IClaimVerifier verifier, bytes32 imageId) {
        if (market.code.length == 0) revert NoCode(market);
        if (address(verifier).code.length == 0) revert NoCode(address(verifier));
        MARKET = market;
        VERIFIER = verifier;
        IMAGE_ID = imageId;
    }

    /// @inheritdoc IMarketCallback
    function handleProof(bytes32 imageId, bytes calldata journal, bytes calldata seal) external {
        if (msg.sender != MARKET) revert NotTheMarket(msg.sender);
        if (imageId != IMAGE_ID) revert WrongImageId(imageId, IMAGE_ID);
        VERIFIER.verify(seal, Claim.digest(imageId, sha256(journal)));
        _onProof(journal);
    }

    /// @notice Acts on a journal that the program `IMAGE_ID` provably left for some input.
    function _onProof(bytes calldata journal) internal virtual;
}
