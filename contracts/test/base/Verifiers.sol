// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Fulfillment, FulfillmentBatch } from "../../src/fulfillment/FulfillmentBatch.sol";
import { IERC165 } from "../../src/interfaces/IVerifier.sol";
import { SlimRequest } from "../../src/request/ProofRequest.sol";

/// @notice A verifier of the kind its tag says, which accepts exactly one call, fails, burns gas, or denies its kind.
contract PickyVerifier {
    enum Answer {
        Yes,
        No,
        Revert,
        Everything,
        Two
    }

    error Refused(bytes call_);

    bytes4 private immutable tag;
    Answer private immutable answer;
    bytes32 private accepted;
    bool private burns;

    constructor(bytes4 tag_, Answer answer_) {
        (tag, answer) = (tag_, answer_);
    }

    function accept(bytes calldata call_) external {
        accepted = keccak256(call_);
    }

    function burnGas() external {
        burns = true;
    }

    function supportsInterface(bytes4 id) external view returns (bool) {
        if (answer == Answer.Revert) revert Refused("");
        if (answer == Answer.Everything) return true;
        if (answer == Answer.No) return id == type(IERC165).interfaceId;
        if (answer == Answer.Two) {
            assembly {
                mstore(0, 2)
                return(0, 0x20)
            }
        }
        return id == tag || id == type(IERC165).interfaceId;
    }

    fallback() external {
        while (burns) { }
        if (accepted != bytes32(0) && keccak256(msg.data) != accepted) revert Refused(msg.data);
    }
}
