// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IRiscZeroVerifier, Receipt } from "../../src/interfaces/IRiscZero.sol";

/// @notice What stands where RISC Zero's verifiers stand on a devnet: a seal is `SELECTOR ‖ claim digest`, 36 bytes.
contract RiscZeroMockVerifier is IRiscZeroVerifier {
    bytes4 public immutable SELECTOR;

    constructor(bytes4 selector) {
        SELECTOR = selector;
    }

    function verify(bytes calldata seal, bytes32 imageId, bytes32 journalDigest) external view {
        bytes32 output = sha256(abi.encodePacked(sha256("risc0.Output"), journalDigest, bytes32(0), bytes2(0x0200)));
        bytes32 halted = 0xa3acc27117418996340b84e5a90f3ef4c49d22c79e44aad822ec9c313e1eb8e2;
        check(
            seal,
            sha256(
                abi.encodePacked(
                    sha256("risc0.ReceiptClaim"), bytes32(0), imageId, halted, output, bytes8(0), bytes2(0x0400)
                )
            )
        );
    }

    function verifyIntegrity(Receipt calldata receipt) external view {
        check(receipt.seal, receipt.claimDigest);
    }

    function check(bytes calldata seal, bytes32 claimDigest) private view {
        if (keccak256(seal) != keccak256(abi.encodePacked(SELECTOR, claimDigest))) revert VerificationFailed();
    }
}

/// @notice A verifier of RISC Zero receipts that an emergency stopped, or that never ends.
contract RiscZeroBrokenVerifier is IRiscZeroVerifier {
    error Stopped();

    bool private immutable burns;

    constructor(bool burns_) {
        burns = burns_;
    }

    function verify(bytes calldata, bytes32, bytes32) external view {
        while (burns) { }
        revert Stopped();
    }

    function verifyIntegrity(Receipt calldata) external view {
        while (burns) { }
        revert Stopped();
    }
}

/// @notice Accepts exactly one call of `verify`, told beforehand, and says what it got instead.
contract RiscZeroPickyVerifier is IRiscZeroVerifier {
    error Refused(bytes seal, bytes32 imageId, bytes32 journalDigest);

    bytes32 private expected;

    function expect(bytes calldata seal, bytes32 imageId, bytes32 journalDigest) external {
        expected = keccak256(abi.encode(seal, imageId, journalDigest));
    }

    function verify(bytes calldata seal, bytes32 imageId, bytes32 journalDigest) external view {
        if (keccak256(abi.encode(seal, imageId, journalDigest)) != expected) {
            revert Refused(seal, imageId, journalDigest);
        }
    }

    function verifyIntegrity(Receipt calldata) external pure {
        revert VerificationFailed();
    }
}

/// @notice Accepts every receipt: for measuring what stands around its verification.
contract NullRiscZeroVerifier is IRiscZeroVerifier {
    function verify(bytes calldata, bytes32, bytes32) external pure { }

    function verifyIntegrity(Receipt calldata) external pure { }
}
