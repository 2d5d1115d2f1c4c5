// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

/// @notice The claim that a program ran to a successful halt, without assumptions, and left a journal.
library Claim {
    /// @dev sha256("risc0.Output")
    bytes32 private constant OUTPUT_TAG = 0x77eafeb366a78b47747de0d7bb176284085ff5564887009a5be63da32d3559d4;
    /// @dev sha256("risc0.ReceiptClaim")
    bytes32 private constant RECEIPT_CLAIM_TAG = 0xcb1fefcd1f2d9a64975cbbbf6e161e2914434b0cbb9960b84df5d717e86b48af;
    /// @dev The machine state after a halt.
    bytes32 private constant HALTED_STATE = 0xa3acc27117418996340b84e5a90f3ef4c49d22c79e44aad822ec9c313e1eb8e2;

    /// @notice Claim digest of `imageId` and the SHA-256 of its journal.
    function digest(bytes32 imageId, bytes32 journalDigest) internal pure returns (bytes32) {
        bytes32 output = sha256(abi.encodePacked(OUTPUT_TAG, journalDigest, bytes32(0), uint16(0x0200)));
        return sha256(
            abi.encodePacked(
                RECEIPT_CLAIM_TAG, bytes32(0), imageId, HALTED_STATE, output, uint32(0), uint32(0), uint16(0x0400)
            )
        );
    }
}
