// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { EfficientHashLib } from "solady/utils/EfficientHashLib.sol";
import { IEip712Domain } from "../interfaces/IEip712Domain.sol";

library Eip712 {
    /// @notice What is signed, in the domain of a separator, for a struct of this hash.
    function digest(bytes32 separator, bytes32 structHash) internal pure returns (bytes32 result) {
        assembly ("memory-safe") {
            mstore(0x00, hex"1901")
            mstore(0x02, separator)
            mstore(0x22, structHash)
            result := keccak256(0x00, 0x42)
            mstore(0x22, 0) // the upper half of the free memory pointer
        }
    }
}

/// @notice An EIP-712 domain of version "1", bound to this contract and to the chain it runs on, also after a chain split.
abstract contract Eip712Domain is IEip712Domain {
    bytes32 private constant TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    string private constant DOMAIN_VERSION = "1";

    uint256 private immutable deploymentChainId = block.chainid;
    bytes32 private immutable deploymentSeparator = _buildSeparator();

    /// @inheritdoc IEip712Domain
    function eip712DomainSeparator() external view returns (bytes32) {
        return _domainSeparator();
    }

    /// @inheritdoc IEip712Domain
    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        )
    {
        return (hex"0f", _domainName(), DOMAIN_VERSION, block.chainid, address(this), bytes32(0), new uint256[](0));
    }

    function _domainName() internal pure virtual returns (string memory);

    function _domainSeparator() internal view returns (bytes32) {
        return block.chainid == deploymentChainId ? deploymentSeparator : _buildSeparator();
    }

    /// @notice What is signed for a struct whose EIP-712 hash is `structHash`.
    function _digest(bytes32 structHash) internal view returns (bytes32) {
        return Eip712.digest(_domainSeparator(), structHash);
    }

    function _buildSeparator() private view returns (bytes32) {
        return EfficientHashLib.hash(
            TYPEHASH,
            keccak256(bytes(_domainName())),
            keccak256(bytes(DOMAIN_VERSION)),
            bytes32(block.chainid),
            bytes32(uint256(uint160(address(this))))
        );
    }
}
