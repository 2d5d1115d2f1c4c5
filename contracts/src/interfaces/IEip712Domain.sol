// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

/// @notice What a signer must know to sign for this contract.
interface IEip712Domain {
    /// @notice The EIP-712 domain separator on the current chain.
    function eip712DomainSeparator() external view returns (bytes32);

    /// @notice ERC-5267 description of the domain.
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
        );
}
