// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Fulfillment, FulfillmentBatch } from "../../src/fulfillment/FulfillmentBatch.sol";
import { IERC1271 } from "../../src/interfaces/IERC1271.sol";
import { IMarketCallback } from "../../src/interfaces/IMarketCallback.sol";
import { IAssessor, IClaimVerifier, IERC165, IJointVerifier, ISetVerifier } from "../../src/interfaces/IVerifier.sol";
import { SlimRequest } from "../../src/request/ProofRequest.sol";

/// @notice Accepts every seal: for tests of what happens after verification.
contract NullVerifier is IClaimVerifier, IJointVerifier, IAssessor {
    function verify(bytes calldata, bytes32) external pure { }

    function verifyJoint(SlimRequest calldata, Fulfillment calldata, bytes32, address) external pure { }

    function verifyAssessor(FulfillmentBatch calldata, bytes32[] calldata) external pure { }

    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == type(IERC165).interfaceId || id == IClaimVerifier.verify.selector
            || id == IJointVerifier.verifyJoint.selector || id == IAssessor.verifyAssessor.selector;
    }
}

/// @notice Accepts every call and costs next to nothing: for measuring what is left when verification is left out.
contract SilentVerifier {
    fallback() external { }
}

/// @notice Stores every root: for measuring what a root costs when its verification is left out.
contract NullSetVerifier is ISetVerifier {
    bytes4 public constant SELECTOR = 0x242f9d5b;
    mapping(bytes32 => bool) public containsRoot;

    function submitMerkleRoot(bytes32 root, bytes calldata seal) external {
        containsRoot[root] = true;
        emit VerifiedRoot(root, seal);
    }
}

/// @notice A client contract that accepts one signature, or fails in a way of its own.
contract Wallet is IERC1271 {
    enum Mode {
        Honest,
        WrongMagic,
        Revert,
        BurnGas
    }

    error WalletRefuses();

    bytes32 private immutable acceptedSignature;
    Mode private immutable mode;

    constructor(bytes memory signature, Mode mode_) {
        acceptedSignature = keccak256(signature);
        mode = mode_;
    }

    function isValidSignature(bytes32, bytes calldata signature) external view returns (bytes4) {
        if (mode == Mode.WrongMagic) return 0xffffffff;
        if (mode == Mode.Revert) revert WalletRefuses();
        while (mode == Mode.BurnGas) { }
        return keccak256(signature) == acceptedSignature ? bytes4(0x1626ba7e) : bytes4(0);
    }
}

/// @notice A requester's contract that counts what it is given, or fails in a way of its own.
contract CallbackRecorder is IMarketCallback {
    enum Mode {
        Record,
        Revert,
        BurnGas,
        ReturnBomb
    }

    error CallbackRefuses(uint256 code);

    Mode public mode;
    uint256 public calls;
    bytes32 public imageId;
    bytes public journal;
    bytes public seal;

    function setMode(Mode mode_) external {
        mode = mode_;
    }

    function handleProof(bytes32 imageId_, bytes calldata journal_, bytes calldata seal_) external {
        if (mode == Mode.Revert) revert CallbackRefuses(7);
        while (mode == Mode.BurnGas) { }
        if (mode == Mode.ReturnBomb) {
            assembly {
                revert(0, 100000)
            }
        }
        ++calls;
        (imageId, journal, seal) = (imageId_, journal_, seal_);
    }
}

/// @notice A requester's contract that only counts.
contract CallbackCounter is IMarketCallback {
    uint256 public calls;

    function handleProof(bytes32, bytes calldata, bytes calldata) external {
        ++calls;
    }
}

/// @notice A prover that does not take ETH.
contract NoEther { }

/// @notice A prover that is sent ETH and does something of its own with the call.
contract Receiver {
    enum Mode {
        Take,
        BurnGas,
        ReturnBomb,
        Call
    }

    Mode private immutable mode;
    address private target;
    bytes private prepared;
    bool private insists;
    /// @notice How often it was sent ETH, and how often its own call succeeded.
    uint256 public received;
    uint256 public succeeded;

    constructor(Mode mode_) {
        mode = mode_;
    }

    /// @param insists_ refuse the ETH when the call fails
    function prepare(address target_, bytes calldata call_, bool insists_) external {
        (target, prepared, insists) = (target_, call_, insists_);
    }

    function act(address target_, bytes calldata call_) external returns (bool success) {
        (success,) = target_.call(call_);
    }

    receive() external payable {
        while (mode == Mode.BurnGas) { }
        if (mode == Mode.ReturnBomb) {
            assembly {
                return(0, 1000000)
            }
        }
        ++received;
        if (mode == Mode.Take) return;
        (bool success,) = target.call(prepared);
        if (success) ++succeeded;
        require(success || !insists, "refused");
    }
}
