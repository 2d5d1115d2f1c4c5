// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IERC1271 } from "../../src/interfaces/IERC1271.sol";
import { IMarket } from "../../src/interfaces/IMarket.sol";
import { ProofRequest } from "../../src/request/ProofRequest.sol";
import { RequestId } from "../../src/request/RequestId.sol";
import { Signature } from "../../src/signing/Signature.sol";

/// @notice A contract that owns things, signs by a key, and takes ether or does not.
contract KeyedWallet is IERC1271 {
    address private immutable signer;
    bool private immutable takesEther;

    error RefusesEther();

    constructor(address signer_, bool takesEther_) {
        (signer, takesEther) = (signer_, takesEther_);
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        return Signature.tryRecover(digest, signature) == signer ? bytes4(0x1626ba7e) : bytes4(0);
    }

    function call(address target, bytes calldata data) external {
        (bool success, bytes memory returned) = target.call(data);
        if (success) return;
        assembly {
            revert(add(returned, 0x20), mload(returned))
        }
    }

    receive() external payable {
        if (!takesEther) revert RefusesEther();
    }
}

/// @notice A client that names anybody as its owner and finds everything valid.
contract LyingAccount {
    address public owner;

    constructor(address owner_) {
        owner = owner_;
    }

    function isHeld(RequestId) external pure returns (bool) {
        return false;
    }

    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return IERC1271.isValidSignature.selector;
    }
}

/// @notice Stands in for the committee book: takes ether, and blocks what it is told to.
contract StandInBook {
    mapping(RequestId => bool) public blocks;

    function block_(RequestId requestId, bool whether) external {
        blocks[requestId] = whether;
    }

    receive() external payable { }
}

/// @notice Makes two calls in one transaction.
contract Batcher {
    function both(address first, bytes calldata firstCall, address second, bytes calldata secondCall) external {
        call(first, firstCall);
        call(second, secondCall);
    }

    function call(address target, bytes calldata data) private {
        (bool success, bytes memory returned) = target.call(data);
        if (success) return;
        assembly {
            revert(add(returned, 0x20), mload(returned))
        }
    }
}
