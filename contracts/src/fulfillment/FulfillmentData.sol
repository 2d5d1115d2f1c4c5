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
        uint256 structOffset = uint256(bytes32(data[0x00:0x20]));
        imageId = bytes32(data[0x20:0x40]);
        uint256 journalOffset = uint256(bytes32(data[0x40:0x60]));
        uint256 length = uint256(bytes32(data[0x60:0x80]));
        uint256 room = data.length - HEAD;
        if (structOffset != 0x20 || journalOffset != 0x40 || length > room || room != (length + 31) / 32 * 32) {
            revert MalformedFulfillmentData();
        }
        journal = data[HEAD:HEAD + length];
        // Slices past the calldata read as zero, and the padding ends at the data's end.
        if (length != room && bytes32(data[data.length - 32:]) << (8 * (length % 32)) != 0) {
            revert MalformedFulfillmentData();
        }
    }
}
