// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { IRiscZeroVerifier, IRiscZeroVerifierAdapter, Receipt } from "./interfaces/IRiscZero.sol";
import { IClaimVerifier, IERC165 } from "./interfaces/IVerifier.sol";

/// @title Pins one RISC Zero verifier, see IRiscZeroVerifierAdapter
contract RiscZeroVerifier is IRiscZeroVerifierAdapter {
    /// @inheritdoc IRiscZeroVerifierAdapter
    IRiscZeroVerifier public immutable VERIFIER;

    constructor(IRiscZeroVerifier verifier) {
        if (address(verifier).code.length == 0) revert NoCode(address(verifier));
        VERIFIER = verifier;
    }

    /// @inheritdoc IClaimVerifier
    /// @dev A verifier that lost its code fails here: the compiler checks for code before a call that returns nothing.
    function verify(bytes calldata seal, bytes32 claimDigest) external view {
        VERIFIER.verifyIntegrity(Receipt(seal, claimDigest));
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC165).interfaceId || interfaceId == IClaimVerifier.verify.selector;
    }
}
