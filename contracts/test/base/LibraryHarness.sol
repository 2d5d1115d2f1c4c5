// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Claim } from "../../src/fulfillment/Claim.sol";
import { FulfillmentData } from "../../src/fulfillment/FulfillmentData.sol";
import { Offer } from "../../src/request/Offer.sol";
import { Input, ProofRequest, ProofRequestLib, SlimRequest } from "../../src/request/ProofRequest.sol";
import { Requirements, RequirementsLib } from "../../src/request/Requirements.sol";
import { Eip712Domain } from "../../src/signing/Eip712Domain.sol";
import { ClaimTree } from "../../src/verification/ClaimTree.sol";

/// @notice The contracts' libraries, callable with calldata. Deployed at a market's address it has that market's domain.
contract LibraryHarness is Eip712Domain {
    function requestDigest(ProofRequest calldata request) external view returns (bytes32) {
        return _digest(request.hash());
    }

    function requestDigest(SlimRequest calldata slim) external view returns (bytes32) {
        return _digest(slim.hash());
    }

    function lockDigest(ProofRequest calldata request) external view returns (bytes32) {
        return _digest(ProofRequestLib.lockRequestHash(request.hash()));
    }

    function requestHash(ProofRequest calldata request) external pure returns (bytes32) {
        return request.hash();
    }

    function requirementsHash(Requirements calldata requirements) external pure returns (bytes32) {
        return RequirementsLib.hash(requirements);
    }

    function inputHash(Input calldata input) external pure returns (bytes32) {
        return ProofRequestLib.hash(input);
    }

    function offerHash(Offer calldata offer) external pure returns (bytes32) {
        return offer.hash();
    }

    function validate(Offer calldata offer) external pure returns (uint64 lockDeadline, uint64 deadline) {
        return offer.validate();
    }

    function priceAt(Offer calldata offer, uint256 timestamp) external pure returns (uint256) {
        return offer.priceAt(timestamp);
    }

    function claimDigest(bytes32 imageId, bytes32 journalDigest) external view returns (bytes32) {
        return Claim.digest(imageId, journalDigest);
    }

    function decodeData(bytes calldata data) external pure returns (bytes32 imageId, bytes memory journal) {
        return FulfillmentData.decode(data);
    }

    function foldClaim(bytes32 claim, bytes32[] calldata path) external pure returns (bytes32) {
        return ClaimTree.fold(ClaimTree.leaf(claim), path);
    }

    function _domainName() internal pure override returns (string memory) {
        return "IBoundlessMarket";
    }
}
