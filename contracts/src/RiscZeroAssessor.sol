// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { FulfillmentBatch } from "./fulfillment/FulfillmentBatch.sol";
import { IRiscZeroAssessor, IRiscZeroVerifier } from "./interfaces/IRiscZero.sol";
import { IAssessor, IERC165 } from "./interfaces/IVerifier.sol";
import { AssessorJournalLib } from "./verification/AssessorJournal.sol";

/// @title Accepts batches that the assessor's guest has checked, see IRiscZeroAssessor
contract RiscZeroAssessor is IRiscZeroAssessor {
    uint256 private constant SELECTOR_LENGTH = 4;

    /// @inheritdoc IRiscZeroAssessor
    IRiscZeroVerifier public immutable VERIFIER;
    /// @inheritdoc IRiscZeroAssessor
    bytes32 public immutable IMAGE_ID;

    constructor(IRiscZeroVerifier verifier, bytes32 imageId) {
        if (address(verifier).code.length == 0) revert NoCode(address(verifier));
        VERIFIER = verifier;
        IMAGE_ID = imageId;
    }

    /// @inheritdoc IAssessor
    function verifyAssessor(FulfillmentBatch calldata batch, bytes32[] calldata requestDigests) external view {
        uint256 count = batch.fills.length;
        if (count == 0) revert EmptyBatch();
        if (batch.requests.length != count || requestDigests.length != count) revert LengthMismatch();
        if (count > type(uint16).max) revert BatchTooLarge(count);
        bytes calldata seal = batch.assessorSeal;
        if (seal.length < 2 * SELECTOR_LENGTH) revert MalformedSeal();
        VERIFIER.verify(seal[SELECTOR_LENGTH:], IMAGE_ID, AssessorJournalLib.digest(batch, requestDigests));
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC165).interfaceId || interfaceId == IAssessor.verifyAssessor.selector;
    }
}
