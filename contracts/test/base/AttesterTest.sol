// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IAttestedVerifier } from "../../src/interfaces/IAttestedVerifier.sol";
import { AttesterSet } from "../../src/verification/AttesterSet.sol";
import { Eip712Reference } from "./Eip712Reference.sol";
import { Test } from "./Test.sol";
import { vm } from "./Vm.sol";

/// @notice Keys sorted as the verifier wants their signatures, and signatures under its domain.
abstract contract AttesterTest is Test {
    uint256 internal constant DELAY = 7 days;
    bytes4 internal constant SELECTOR = 0x50f0ccd6;

    function deploy(uint256[] memory keys, uint256 threshold, uint256 delay) internal returns (IAttestedVerifier) {
        bytes memory arguments = abi.encode(addressesOf(keys), threshold, delay);
        return IAttestedVerifier(vm.deployCode("AttestedVerifier.sol:AttestedVerifier", arguments));
    }

    /// @notice Keys `first`, `first + 1`, … of a well of keys, in ascending order of their addresses.
    function keysFrom(uint256 first, uint256 count) internal pure returns (uint256[] memory keys) {
        keys = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            keys[i] = toKey(uint256(keccak256(abi.encode("attester", first + i))));
        }
        sort(keys);
    }

    function sort(uint256[] memory keys) internal pure {
        address[] memory owners = addressesOf(keys);
        for (uint256 i = 1; i < keys.length; ++i) {
            for (uint256 j = i; j > 0 && owners[j - 1] > owners[j]; --j) {
                (keys[j - 1], keys[j]) = (keys[j], keys[j - 1]);
                (owners[j - 1], owners[j]) = (owners[j], owners[j - 1]);
            }
        }
    }

    function addressesOf(uint256[] memory keys) internal pure returns (address[] memory list) {
        list = new address[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            list[i] = vm.addr(keys[i]);
        }
    }

    function signAll(uint256[] memory keys, uint256 count, bytes32 digest) internal pure returns (bytes memory all) {
        for (uint256 i = 0; i < count; ++i) {
            all = bytes.concat(all, sign(keys[i], digest));
        }
    }

    function attestation(address verifier, bytes32 root) internal view returns (bytes32) {
        bytes32 structHash = keccak256(abi.encode(keccak256("Attestation(bytes32 root)"), root));
        return Eip712Reference.digest(Eip712Reference.domain("AttestedVerifier", verifier), structHash);
    }

    function proposal(address verifier, AttesterSet memory set) internal view returns (bytes32) {
        bytes memory words;
        for (uint256 i = 0; i < set.attesters.length; ++i) {
            words = bytes.concat(words, abi.encode(set.attesters[i]));
        }
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("AttesterSet(uint256 number,uint256 revision,uint256 threshold,address[] attesters)"),
                set.number,
                set.revision,
                set.threshold,
                keccak256(words)
            )
        );
        return Eip712Reference.digest(Eip712Reference.domain("AttestedVerifier", verifier), structHash);
    }

    function leafOf(bytes32 claim) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked("LEAF_TAG", claim));
    }

    function sealOf(bytes memory signatures) internal pure returns (bytes memory) {
        return abi.encodePacked(SELECTOR, abi.encode(new bytes32[](0), signatures));
    }
}
