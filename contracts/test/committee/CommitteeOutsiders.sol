// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { HashedRequest } from "../../src/allocation/HashedRequest.sol";
import { Terms } from "../../src/allocation/Terms.sol";
import { IMarketCallback } from "../../src/interfaces/IMarketCallback.sol";
import { IClaimVerifier, IERC165 } from "../../src/interfaces/IVerifier.sol";

/// @notice A contract that signs whatever comes with the signature it was made with.
contract Contract1271 {
    bytes32 private immutable accepted;

    constructor(bytes memory signature) {
        accepted = keccak256(signature);
    }

    function isValidSignature(bytes32, bytes calldata signature) external view returns (bytes4) {
        return keccak256(signature) == accepted ? bytes4(0x1626ba7e) : bytes4(0);
    }
}

/// @notice Stands in for a proof system: the one proof of a claim is its hash.
contract ClaimSealVerifier is IClaimVerifier {
    error NoProof();

    function verify(bytes calldata seal, bytes32 claimDigest) external pure {
        if (keccak256(seal[4:]) != keccak256(abi.encode(keccak256(abi.encode("proof of", claimDigest))))) {
            revert NoProof();
        }
    }

    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == type(IERC165).interfaceId || id == IClaimVerifier.verify.selector;
    }
}

/// @notice A client of its own make, which pays as it was told to, and calls something before or after.
contract PayingClient {
    enum Owner {
        Named,
        Reverts,
        TooShort,
        NoAddress,
        Bomb,
        BurnsGas
    }

    uint256 private payment;
    uint256 private times;
    address private target;
    bytes private before;
    bytes private afterwards;
    Owner private mode;

    function setPayment(uint256 payment_, uint256 times_) external {
        (payment, times) = (payment_, times_);
    }

    function setNested(address target_, bytes calldata call_) external {
        (target, before) = (target_, call_);
    }

    function setNestedAfter(address target_, bytes calldata call_) external {
        (target, afterwards) = (target_, call_);
    }

    function setOwner(Owner mode_) external {
        mode = mode_;
    }

    function release(HashedRequest calldata, Terms calldata, bytes calldata, uint96) external {
        if (before.length != 0) call(target, 0, before);
        for (uint256 i = 0; i < times; ++i) {
            call(msg.sender, payment, "");
        }
        if (afterwards.length != 0) call(target, 0, afterwards);
    }

    function owner() external view returns (address) {
        if (mode == Owner.Reverts) revert("no owner");
        while (mode == Owner.BurnsGas) { }
        Owner mode_ = mode;
        assembly {
            mstore(0, not(0))
            switch mode_
            case 2 { return(0, 31) }
            case 3 { return(0, 32) }
            case 4 { return(0, 60000) }
        }
        return address(0xbeef);
    }

    function call(address to, uint256 value, bytes memory data) private {
        (bool success, bytes memory reason) = to.call{ value: value }(data);
        if (success) return;
        assembly {
            revert(add(reason, 0x20), mload(reason))
        }
    }

    receive() external payable { }
}

/// @notice Stands in for the registry when it fails: it knows who is who, and does nothing that it is asked to.
contract FailingRegistry {
    bool private immutable burnsGas;

    constructor(bool burnsGas_) {
        burnsGas = burnsGas_;
    }

    function proverOf(address key) external pure returns (address) {
        return key;
    }

    fallback() external {
        while (burnsGas) { }
        assembly {
            revert(0, 100000)
        }
    }
}

/// @notice A requester's contract that works with what its requester signed for, and with nothing less.
contract HungryCallback is IMarketCallback {
    uint256 private immutable appetite;
    uint256 public calls;

    error StillHungry();

    constructor(uint256 appetite_) {
        appetite = appetite_;
    }

    function handleProof(bytes32, bytes calldata, bytes calldata) external {
        if (gasleft() < appetite) revert StillHungry();
        ++calls;
    }
}
