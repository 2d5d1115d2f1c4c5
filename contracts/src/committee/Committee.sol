// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { EfficientHashLib } from "solady/utils/EfficientHashLib.sol";

/// @notice What an exchange signs: these provers prove this request, for this price, by these times.
/// @dev `request` and `terms` are EIP-712 struct hashes. Times are UNIX seconds; each is the last second of its phase.
struct Committee {
    bytes32 request;
    bytes32 terms;
    address[] provers;
    uint96 price;
    uint64 declineBy;
    uint64 commitBy;
    uint64 revealBy;
}

using CommitteeLib for Committee global;

/// @notice EIP-712 struct hash of a committee. The domain is applied by the caller.
library CommitteeLib {
    bytes32 internal constant TYPEHASH = keccak256(
        "Committee(bytes32 request,bytes32 terms,address[] provers,uint96 price,uint64 declineBy,uint64 commitBy,uint64 revealBy)"
    );

    function hash(Committee calldata committee) internal pure returns (bytes32) {
        return EfficientHashLib.hash(
            TYPEHASH,
            committee.request,
            committee.terms,
            keccak256(abi.encodePacked(committee.provers)), // each padded to a word, as EIP-712 has it
            bytes32(uint256(committee.price)),
            bytes32(uint256(committee.declineBy)),
            bytes32(uint256(committee.commitBy)),
            bytes32(uint256(committee.revealBy))
        );
    }
}
