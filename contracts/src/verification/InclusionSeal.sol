// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

/// @notice Reading seals of claims under a Merkle root: the ABI encoding of `(bytes32[] path, bytes rootSeal)`.
library InclusionSeal {
    error SelectorMismatch(bytes4 received, bytes4 expected);
    error MalformedSeal();

    uint256 private constant EMPTY = 0x80; // two offsets and two lengths

    /// @notice What follows the verifier's selector.
    function strip(bytes calldata seal, bytes4 expected) internal pure returns (bytes calldata) {
        bytes4 received = bytes4(seal); // a shorter seal is padded with zeroes
        if (seal.length < 4 || received != expected) revert SelectorMismatch(received, expected);
        return seal[4:];
    }

    /// @notice As `decode`, for the encoding of one struct of the two, which begins with an offset of its own.
    function decodeStruct(bytes calldata data) internal pure returns (bytes32[] calldata, bytes calldata) {
        if (data.length < 0x20 || uint256(bytes32(data)) != 0x20) revert MalformedSeal();
        return decode(data[0x20:]);
    }

    /// @notice Splits the data, and reverts unless encoding the parts again gives the same bytes.
    function decode(bytes calldata data) internal pure returns (bytes32[] calldata path, bytes calldata rootSeal) {
        if (data.length < EMPTY) revert MalformedSeal();
        uint256 toPath;
        uint256 toRootSeal;
        uint256 last; // the last word, which ends with the padding
        assembly ("memory-safe") {
            toPath := calldataload(data.offset)
            toRootSeal := calldataload(add(data.offset, 0x20))
            path.length := calldataload(add(data.offset, 0x40))
            path.offset := add(data.offset, 0x60)
            last := calldataload(add(data.offset, sub(data.length, 0x20)))
        }
        if (path.length > data.length / 32) revert MalformedSeal();
        unchecked {
            uint256 head = EMPTY + 32 * path.length; // all but the root's seal
            if (toPath != 0x40 || toRootSeal != head - 0x20 || data.length < head) revert MalformedSeal();
            assembly ("memory-safe") {
                rootSeal.length := calldataload(add(data.offset, sub(head, 0x20)))
                rootSeal.offset := add(data.offset, head)
            }
            uint256 room = data.length - head;
            uint256 length = rootSeal.length;
            if (length > room || room != (length + 31) / 32 * 32) revert MalformedSeal();
            if (length != room && last << (8 * (length % 32)) != 0) revert MalformedSeal();
        }
    }
}
