// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

/// @notice Reading `fulfillmentData` of type ImageIdAndJournal: the ABI encoding of `(bytes32 imageId, bytes journal)`.
library FulfillmentData {
    /// @dev The data is not the one canonical encoding of any image id and journal.
    error MalformedFulfillmentData();

    uint256 private constant HEAD = 0x80; // offset of the struct, image id, offset of the journal, its length

    /// @notice Splits the data, and reverts unless encoding the parts again gives the same bytes.
    function decode(bytes calldata data) internal pure returns (bytes32 imageId, bytes calldata journal) {
        if (data.length < HEAD) revert MalformedFulfillmentData();
        uint256 toStruct;
        uint256 toJournal;
        uint256 length;
        uint256 last; // the last word, which ends with the padding
        assembly ("memory-safe") {
            toStruct := calldataload(data.offset)
            imageId := calldataload(add(data.offset, 0x20))
            toJournal := calldataload(add(data.offset, 0x40))
            length := calldataload(add(data.offset, 0x60))
            last := calldataload(add(data.offset, sub(data.length, 0x20)))
            journal.offset := add(data.offset, HEAD)
            journal.length := length
        }
        unchecked {
            uint256 room = data.length - HEAD;
            if (toStruct != 0x20 || toJournal != 0x40 || length > room || room != (length + 31) / 32 * 32) {
                revert MalformedFulfillmentData();
            }
            if (length != room && last << (8 * (length % 32)) != 0) revert MalformedFulfillmentData();
        }
    }
}
