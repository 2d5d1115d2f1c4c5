// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Fulfillment, FulfillmentBatch } from "../../src/fulfillment/FulfillmentBatch.sol";
import { IAttestedVerifier } from "../../src/interfaces/IAttestedVerifier.sol";
import { IMarket } from "../../src/interfaces/IMarket.sol";
import { IOnChainAssessor } from "../../src/interfaces/IOnChainAssessor.sol";
import { ITreasury } from "../../src/interfaces/ITreasury.sol";
import { IVerifierRouter } from "../../src/interfaces/IVerifierRouter.sol";
import { ProofRequest } from "../../src/request/ProofRequest.sol";
import { DeliveryTest } from "./DeliveryTest.sol";
import { Eip712Reference } from "./Eip712Reference.sol";
import { ICollateralToken } from "./ICollateralToken.sol";
import { vm } from "./Vm.sol";

interface IDeploy {
    struct Settings {
        address[] attesters;
        uint256 threshold;
        uint256 attesterDelay;
        uint256 treasuryDelay;
        uint48 coolDown;
        uint96 minSelfStake;
        address collateralToken;
        address owner;
    }

    struct Deployment {
        address market;
        address router;
        address assessor;
        address attestedVerifier;
        address collateralToken;
        address treasury;
        address proverRegistry;
        address workloadQualifier;
        address allocationBook;
        address committeeBook;
        address requesterAccounts;
    }

    function deploy(Settings memory settings, address sender) external returns (Deployment memory);
}

/// @notice What script/Deploy.s.sol deploys, with three attesters of whom two must sign.
abstract contract NetworkTest is DeliveryTest {
    IDeploy.Deployment internal deployment;
    IAttestedVerifier internal attested;
    IOnChainAssessor internal assessor;
    uint256[] internal attesterKeys;
    bytes32 internal lastRoot;

    function setUp() public virtual override {
        vm.warp(START);
        vm.roll(FIRST_BLOCK);
        attesterKeys = [keyOf("attester 1"), keyOf("attester 2"), keyOf("attester 3")];
        address[] memory attesters = new address[](3);
        for (uint256 i = 0; i < 3; ++i) {
            for (uint256 j = 0; j < 2; ++j) {
                (uint256 a, uint256 b) = (attesterKeys[j], attesterKeys[j + 1]);
                if (vm.addr(a) > vm.addr(b)) (attesterKeys[j], attesterKeys[j + 1]) = (b, a);
            }
        }
        for (uint256 i = 0; i < 3; ++i) {
            attesters[i] = vm.addr(attesterKeys[i]);
        }
        token = ICollateralToken(deploy("CollateralToken", abi.encode(address(this))));
        IDeploy script = IDeploy(vm.deployCode("DeployScript.sol:DeployScript", ""));
        deployment = script.deploy(
            IDeploy.Settings(attesters, 2, 7 days, 7 days, 7 days, 1 ether, address(token), address(script)),
            address(script)
        );
        market = IMarket(deployment.market);
        router = IVerifierRouter(deployment.router);
        attested = IAttestedVerifier(deployment.attestedVerifier);
        assessor = IOnChainAssessor(deployment.assessor);
        treasury = ITreasury(payable(deployment.treasury));
        fund(client.addr, 10 ether);
        stake(prover.addr, 10 ether);
        stake(rival.addr, 10 ether);
        vm.deal(prover.addr, 1 ether);
    }

    // -------------------------------------------------------------------------------------------------------- attesters

    function attest(bytes32 root, uint256 count) internal view returns (bytes memory signatures) {
        bytes32 structHash = keccak256(abi.encode(keccak256("Attestation(bytes32 root)"), root));
        bytes32 digest =
            Eip712Reference.digest(Eip712Reference.domain("AttestedVerifier", address(attested)), structHash);
        for (uint256 i = 0; i < count; ++i) {
            signatures = bytes.concat(signatures, sign(attesterKeys[i], digest));
        }
    }

    function leaf(bytes32 claim) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked("LEAF_TAG", claim));
    }

    function claimSeal(bytes32 claim, uint256 signers) internal view returns (bytes memory) {
        return abi.encodePacked(attested.SELECTOR(), abi.encode(new bytes32[](0), attest(leaf(claim), signers)));
    }

    function rootSeal(bytes32 root) internal view returns (bytes memory) {
        return abi.encodePacked(attested.SELECTOR(), attest(root, 2));
    }

    // ------------------------------------------------------------------------------------------------------- deliveries

    function newFill() internal view override returns (Fulfillment memory fill) {
        fill = super.newFill();
        fill.seal = claimSeal(fill.claimDigest, 2);
    }

    function authDigest(FulfillmentBatch memory batch) internal view returns (bytes32) {
        bytes32[] memory digests = new bytes32[](batch.requests.length);
        bytes32[] memory claims = new bytes32[](batch.fills.length);
        bytes32 domain = Eip712Reference.domain("IBoundlessMarket", address(market));
        for (uint256 i = 0; i < digests.length; ++i) {
            digests[i] = Eip712Reference.digest(domain, Eip712Reference.hash(batch.requests[i]));
            claims[i] = batch.fills[i].claimDigest;
        }
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("FulfillmentBatchAuth(address prover,bytes32[] requestDigests,bytes32[] claimDigests)"),
                batch.prover,
                keccak256(abi.encodePacked(digests)),
                keccak256(abi.encodePacked(claims))
            )
        );
        return Eip712Reference.digest(Eip712Reference.domain("OnChainAssessor", address(assessor)), structHash);
    }

    function seal(FulfillmentBatch memory batch, Party memory by) internal view virtual override {
        batch.assessorSeal = abi.encodePacked(ASSESSOR, sign(by.key, authDigest(batch)));
    }

    /// @dev Whom the assessor recovers from a seal that was made for another batch.
    function recoveredInstead(FulfillmentBatch memory batch) internal view returns (address) {
        bytes memory signature = batch.assessorSeal;
        bytes32 r;
        bytes32 s;
        assembly {
            r := mload(add(signature, 0x24))
            s := mload(add(signature, 0x44))
        }
        return ecrecover(authDigest(batch), uint8(signature[68]), r, s);
    }

    /// @dev One batch whose claims hang under one attested root; `stored` leaves the signatures out of the seals.
    function treeBatch(ProofRequest[] memory requests, Party memory by, bool stored)
        internal
        returns (FulfillmentBatch[] memory batches)
    {
        batches = batchOf(requests, by);
        Fulfillment[] memory fills = batches[0].fills;
        bytes32[] memory leaves = new bytes32[](fills.length);
        for (uint256 i = 0; i < leaves.length; ++i) {
            leaves[i] = leaf(fills[i].claimDigest);
        }
        bytes memory signatures;
        for (uint256 i = 0; i < fills.length; ++i) {
            (bytes32 root, bytes32[] memory path) = climb(leaves, i);
            if (i == 0) (lastRoot, signatures) = (root, stored ? bytes("") : attest(root, 2));
            fills[i].seal = abi.encodePacked(attested.SELECTOR(), abi.encode(path, signatures));
        }
    }

    function climb(bytes32[] memory level, uint256 index) private pure returns (bytes32 root, bytes32[] memory path) {
        bytes32[] memory found = new bytes32[](32);
        uint256 length;
        while (level.length > 1) {
            bytes32[] memory next = new bytes32[]((level.length + 1) / 2);
            for (uint256 i = 0; i + 1 < level.length; i += 2) {
                (bytes32 a, bytes32 b) = (level[i], level[i + 1]);
                next[i / 2] = a < b ? keccak256(abi.encodePacked(a, b)) : keccak256(abi.encodePacked(b, a));
            }
            if (level.length % 2 == 1) next[next.length - 1] = level[level.length - 1];
            if (index ^ 1 < level.length) found[length++] = level[index ^ 1];
            (level, index) = (next, index / 2);
        }
        path = found;
        assembly {
            mstore(path, length)
        }
        root = level[0];
    }
}
