// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { FulfillmentBatch } from "../src/fulfillment/FulfillmentBatch.sol";
import { IRiscZeroSetVerifier } from "../src/interfaces/IRiscZero.sol";
import { ProofRequest } from "../src/request/ProofRequest.sol";
import { LibraryHarness } from "./base/LibraryHarness.sol";
import { NullRiscZeroVerifier } from "./base/RiscZeroOutsiders.sol";
import { DeliveryTest } from "./base/DeliveryTest.sol";
import { vm } from "./base/Vm.sol";

/// @notice Gas of batches under RISC Zero's set verifier and assessor, the assessor's claim in the same tree. Verification of the
///         root's Groth16 receipt is left out: it is RISC Zero's contract, and costs about 250,000.
contract RiscZeroGasTest is DeliveryTest {
    string private constant GROUP = "RiscZero";
    bytes4 private constant STARK = 0x00000024;

    struct Inclusion {
        bytes32[] path;
        bytes rootSeal;
    }

    bytes32 private constant GUEST = keccak256("the assessor");

    IRiscZeroSetVerifier private set;
    LibraryHarness private harness;

    function register() internal override {
        super.register();
        address groth16 = address(new NullRiscZeroVerifier());
        set = IRiscZeroSetVerifier(deploy("RiscZeroSetVerifier", abi.encode(groth16, keccak256("builder"), "")));
        router.instantiate(set.SELECTOR(), address(set), VERIFIER_CLASS, 500_000);
        router.instantiate(STARK, deploy("RiscZeroAssessor", abi.encode(set, GUEST)), ASSESSOR_CLASS, 10_000_000);
        harness = new LibraryHarness();
    }

    function leaf(bytes32 claim) private pure returns (bytes32) {
        return keccak256(abi.encodePacked("LEAF_TAG", claim));
    }

    function pair(bytes32 a, bytes32 b) private pure returns (bytes32) {
        return a < b ? keccak256(abi.encodePacked(a, b)) : keccak256(abi.encodePacked(b, a));
    }

    function inclusion(bytes32[] memory path) private view returns (bytes memory) {
        return abi.encodePacked(set.SELECTOR(), abi.encode(Inclusion(path, "")));
    }

    /// @dev The tree of an aggregation: as many equal claims under a balanced tree, and the assessor's claim beside it.
    function batchUnderOneRoot(uint32 count) private returns (FulfillmentBatch[] memory batches, bytes32 root) {
        ProofRequest[] memory requests = new ProofRequest[](count);
        bytes32[] memory digests = new bytes32[](count);
        for (uint32 i = 0; i < count; ++i) {
            requests[i] = newRequest(i);
            digests[i] = digestOf(requests[i]);
            lock(requests[i], prover);
        }
        batches = batchOf(requests, prover);
        uint256 depth;
        while (2 ** depth < count) ++depth;
        bytes32[] memory path = new bytes32[](depth + 1);
        root = leaf(batches[0].fills[0].claimDigest);
        for (uint256 i = 0; i < depth; ++i) {
            path[i] = root;
            root = pair(root, root);
        }
        bytes32 assessed = leaf(harness.claimDigest(GUEST, harness.assessorDigest(batches[0], digests)));
        path[depth] = assessed;
        for (uint256 i = 0; i < count; ++i) {
            batches[0].fills[i].seal = inclusion(path);
        }
        path = new bytes32[](1);
        path[0] = root;
        batches[0].assessorSeal = abi.encodePacked(STARK, inclusion(path));
        root = pair(root, assessed);
    }

    function test_batches() public {
        uint32[6] memory counts = [uint32(1), 2, 4, 8, 16, 32];
        string[6] memory names = ["001", "002", "004", "008", "016", "032"];
        uint256 start = vm.getBlockTimestamp();
        fund(client.addr, 1000 ether);
        stake(prover.addr, 1000 ether);
        for (uint256 i = 0; i < counts.length; ++i) {
            client.key = toKey(1000 + i); // requests of their own
            client.addr = vm.addr(client.key);
            fund(client.addr, 100 ether);
            vm.warp(start);
            (FulfillmentBatch[] memory batches, bytes32 root) = batchUnderOneRoot(counts[i]);
            set.submitMerkleRoot(root, "");
            market.fulfill(batches);
            vm.snapshotGasLastCall(GROUP, string.concat("fulfill: batch of ", names[i]));
        }
        set.submitMerkleRoot(keccak256("root"), "");
        vm.snapshotGasLastCall(GROUP, "submitMerkleRoot, without Groth16");
    }
}
