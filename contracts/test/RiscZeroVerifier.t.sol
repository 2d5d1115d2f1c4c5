// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { IRiscZeroVerifier, IRiscZeroVerifierAdapter } from "../src/interfaces/IRiscZero.sol";
import { IVerifierRouter } from "../src/interfaces/IVerifierRouter.sol";
import { ProofRequest } from "../src/request/ProofRequest.sol";
import { Predicate, PredicateType } from "../src/request/Requirements.sol";
import { FulfillmentBatch, FulfillmentDataType } from "../src/fulfillment/FulfillmentBatch.sol";
import { DeliveryTest } from "./base/DeliveryTest.sol";
import { RiscZeroBrokenVerifier, RiscZeroMockVerifier } from "./base/RiscZeroOutsiders.sol";
import { vm } from "./base/Vm.sol";

/// @notice The adapter of one verifier, alone and as the router's entries for Groth16 and BLAKE3-Groth16.
contract RiscZeroVerifierTest is DeliveryTest {
    bytes4 private constant GROTH16 = 0x73c457ba;
    bytes4 private constant GROTH16_CLASS = 0xAA000003;
    bytes4 private constant BLAKE3 = 0x62f049f6;
    bytes4 private constant BLAKE3_CLASS = 0xAA000004;
    bytes32 private constant CLAIM = keccak256("a claim");

    IRiscZeroVerifierAdapter private adapter;

    function register() internal override {
        super.register();
        adapter = adapterOf(address(new RiscZeroMockVerifier(GROTH16)));
        router.addClass(GROTH16_CLASS, classOf(0x6b406341, ASSESSOR_CLASS, false));
        router.instantiate(GROTH16, address(adapter), GROTH16_CLASS, 500_000);
        router.addClass(BLAKE3_CLASS, classOf(0x6b406341, ASSESSOR_CLASS, false));
        router.instantiate(BLAKE3, address(adapterOf(address(new RiscZeroMockVerifier(BLAKE3)))), BLAKE3_CLASS, 500_000);
    }

    function adapterOf(address verifier) private returns (IRiscZeroVerifierAdapter) {
        return IRiscZeroVerifierAdapter(deploy("RiscZeroVerifier", abi.encode(verifier)));
    }

    function refused(bytes memory seal, bytes32 claim) private {
        vm.expectRevert(abi.encodeWithSelector(IRiscZeroVerifier.VerificationFailed.selector));
        adapter.verify(seal, claim);
    }

    // ------------------------------------------------------------------------------------------------------------- alone

    function test_nothing_to_pin() public {
        bytes memory code =
            abi.encodePacked(vm.getCode("RiscZeroVerifier.sol:RiscZeroVerifier"), abi.encode(address(0xdead)));
        vm.expectRevert(abi.encodeWithSelector(IRiscZeroVerifierAdapter.NoCode.selector, address(0xdead)));
        assembly {
            pop(create(0, add(code, 0x20), mload(code)))
        }
    }

    function testFuzz_refuses_what_the_pinned_verifier_refuses(bytes calldata seal, bytes32 claim) public {
        vm.assume(keccak256(seal) != keccak256(abi.encodePacked(GROTH16, claim)));
        refused(seal, claim);
    }

    function testFuzz_one_bit(bytes32 claim, uint256 bit) public {
        bytes memory seal = abi.encodePacked(GROTH16, claim);
        adapter.verify(seal, claim);
        bit = bound(bit, 0, 36 * 8 - 1);
        seal[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        refused(seal, claim);
        refused(abi.encodePacked(GROTH16, claim), claim ^ bytes32(uint256(1) << (bit % 256)));
    }

    function test_a_stopped_verifier_bubbles_its_reason() public {
        IRiscZeroVerifierAdapter stopped = adapterOf(address(new RiscZeroBrokenVerifier(false)));
        vm.expectRevert(abi.encodeWithSelector(RiscZeroBrokenVerifier.Stopped.selector));
        stopped.verify(abi.encodePacked(GROTH16, CLAIM), CLAIM);
    }

    function test_a_verifier_that_lost_its_code_accepts_nothing() public {
        address verifier = address(adapter.VERIFIER());
        vm.etch(verifier, "");
        vm.expectRevert(bytes(""));
        adapter.verify(abi.encodePacked(GROTH16, CLAIM), CLAIM);
    }

    function test_views() public {
        address verifier = address(new RiscZeroMockVerifier(BLAKE3));
        adapter = adapterOf(verifier);
        assertEq(address(adapter.VERIFIER()), verifier, "verifier");
        assertTrue(adapter.supportsInterface(0x6b406341), "verifier");
        assertTrue(adapter.supportsInterface(0x01ffc9a7), "ERC-165");
        assertFalse(adapter.supportsInterface(0x08060888), "assessor");
        assertFalse(adapter.supportsInterface(0xffffffff), "none");
    }

    // -------------------------------------------------------------------------------------------------------- as entries

    function test_a_request_by_entry_and_by_class() public {
        bytes4[2] memory signed = [GROTH16, GROTH16_CLASS];
        for (uint32 i = 0; i < 2; ++i) {
            ProofRequest memory request = newRequest(i);
            request.requirements.selector = signed[i];
            lock(request, prover);
            FulfillmentBatch[] memory batches = batchOf(request, prover);
            batches[0].fills[0].seal = abi.encodePacked(GROTH16, batches[0].fills[0].claimDigest);
            assertPaid(market.fulfill(batches)[0]);
        }
    }

    /// @dev A BLAKE3 claim is one that no image id and SHA-256 journal hash to: it is matched as it is.
    function test_a_blake3_claim() public {
        ProofRequest memory request = newRequest(1);
        request.requirements.selector = BLAKE3;
        request.requirements.predicate = Predicate(PredicateType.ClaimDigestMatch, abi.encodePacked(CLAIM));
        lock(request, prover);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        batches[0].fills[0].claimDigest = CLAIM;
        batches[0].fills[0].fulfillmentDataType = FulfillmentDataType.None;
        batches[0].fills[0].fulfillmentData = "";

        batches[0].fills[0].seal = abi.encodePacked(GROTH16, CLAIM);
        expectRevert(abi.encodeWithSelector(IVerifierRouter.SignedEntryMismatch.selector, BLAKE3, GROTH16));
        market.fulfill(batches);
        batches[0].fills[0].seal = abi.encodePacked(BLAKE3, ~CLAIM);
        expectRevert(abi.encodeWithSelector(IVerifierRouter.VerifierFailed.selector, 0, BLAKE3));
        market.fulfill(batches);
        batches[0].fills[0].seal = abi.encodePacked(BLAKE3, CLAIM);
        assertPaid(market.fulfill(batches)[0]);
    }

    function test_a_verifier_that_never_ends_costs_its_cap() public {
        bytes4 endless = 0x11223344;
        address impl = address(adapterOf(address(new RiscZeroBrokenVerifier(true))));
        router.instantiate(endless, impl, GROTH16_CLASS, 500_000);
        ProofRequest memory request = newRequest(1);
        request.requirements.selector = endless;
        lock(request, prover);
        FulfillmentBatch[] memory batches = batchOf(request, prover);
        batches[0].fills[0].seal = abi.encodePacked(endless, CLAIM);
        uint256 before = gasleft();
        expectRevert(abi.encodeWithSelector(IVerifierRouter.VerifierFailed.selector, 0, endless));
        market.fulfill(batches);
        assertTrue(before - gasleft() < 800_000, "gas");
    }
}
