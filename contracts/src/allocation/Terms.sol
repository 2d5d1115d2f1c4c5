// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { EfficientHashLib } from "solady/utils/EfficientHashLib.sol";
import { IAllocationBook } from "../interfaces/IAllocationBook.sol";
import { Offer } from "../request/Offer.sol";

/// @notice What a requester grants an exchange over one request, and until when.
/// @dev exchange         signs the allocations; the zero address signs none.
///      mechanism        names the rule by which the exchange says to choose; nothing on the chain depends on it.
///      openAt           UNIX time from which the exchange has no say, at most the offer's lock deadline.
///      exclusiveWindow  longest window of one allocation, in seconds.
///      maxPrice         most that an allocation may cost, in wei. The offer's own curve holds for a plain lock only.
///      burnBps          share of the price burned when a convened committee delivers nothing.
///      tiers            empty: one prover. Else one share of the price per rank of a committee, in basis points.
struct Terms {
    address exchange;
    bytes32 mechanism;
    uint64 openAt;
    uint32 exclusiveWindow;
    uint96 maxPrice;
    uint16 burnBps;
    uint16[] tiers;
}

using TermsLib for Terms global;

library TermsLib {
    uint256 internal constant BPS = 10_000;
    bytes32 internal constant TYPEHASH = keccak256(
        "Terms(address exchange,bytes32 mechanism,uint64 openAt,uint32 exclusiveWindow,uint96 maxPrice,uint16 burnBps,uint16[] tiers)"
    );
    /// @dev What a requester signs, in the domain of the allocation book: all of the request, so that wallets show it.
    bytes32 internal constant EXCHANGE_REQUEST_TYPEHASH = keccak256(
        "ExchangeRequest(ProofRequest request,Terms terms)" "Callback(address addr,uint96 gasLimit)"
        "Input(uint8 inputType,bytes data)"
        "Offer(uint256 minPrice,uint256 maxPrice,uint64 rampUpStart,uint32 rampUpPeriod,uint32 lockTimeout,uint32 timeout,uint256 lockCollateral)"
        "Predicate(uint8 predicateType,bytes data)"
        "ProofRequest(uint256 id,Requirements requirements,string imageUrl,Input input,Offer offer)"
        "Requirements(Callback callback,Predicate predicate,bytes4 selector)"
        "Terms(address exchange,bytes32 mechanism,uint64 openAt,uint32 exclusiveWindow,uint96 maxPrice,uint16 burnBps,uint16[] tiers)"
    );

    function hash(Terms calldata terms) internal pure returns (bytes32) {
        return EfficientHashLib.hash(
            TYPEHASH,
            bytes32(uint256(uint160(terms.exchange))),
            terms.mechanism,
            bytes32(uint256(terms.openAt)),
            bytes32(uint256(terms.exclusiveWindow)),
            bytes32(uint256(terms.maxPrice)),
            bytes32(uint256(terms.burnBps)),
            hash(terms.tiers)
        );
    }

    /// @dev An element fills a word in calldata as it does in EIP-712. One with dirty bits gives a hash nobody has signed.
    function hash(uint16[] calldata tiers) internal pure returns (bytes32 result) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            let size := shl(5, tiers.length)
            calldatacopy(free, tiers.offset, size)
            result := keccak256(free, size)
        }
    }

    /// @notice Struct hash of `ExchangeRequest(ProofRequest request,Terms terms)` from the struct hashes of its two parts.
    function exchangeRequestHash(bytes32 requestHash, bytes32 termsHash) internal pure returns (bytes32) {
        return EfficientHashLib.hash(EXCHANGE_REQUEST_TYPEHASH, requestHash, termsHash);
    }

    /// @notice Checks that the terms are consistent with themselves and with the offer they go with.
    /// @dev Terms that open after the last second for a lock would let the exchange delay until nothing is left. Reverts with
    ///      `OpensTooLate`, then `InvalidBurn`, then `InvalidTiers`.
    function validate(Terms calldata terms, Offer calldata offer) internal pure {
        uint64 lockDeadline = offer.lockDeadline();
        if (terms.openAt > lockDeadline) revert IAllocationBook.OpensTooLate(terms.openAt, lockDeadline);
        if (terms.burnBps > BPS) revert IAllocationBook.InvalidBurn(terms.burnBps);
        if (terms.tiers.length == 0) return;
        uint256 sum;
        for (uint256 i = 0; i < terms.tiers.length; ++i) {
            sum += terms.tiers[i];
        }
        if (sum != BPS) revert IAllocationBook.InvalidTiers(sum);
    }
}
