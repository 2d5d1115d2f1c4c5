// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Fulfillment, FulfillmentBatch } from "../src/fulfillment/FulfillmentBatch.sol";
import { IAssessor, IClaimVerifier, IJointVerifier } from "../src/interfaces/IVerifier.sol";
import { ClassMetadata, IVerifierRouter } from "../src/interfaces/IVerifierRouter.sol";
import { SlimRequest } from "../src/request/ProofRequest.sol";
import { RouterTest } from "./RouterRegistry.t.sol";
import { PickyVerifier } from "./base/Verifiers.sol";
import { vm } from "./base/Vm.sol";

contract RouterDispatchTest is RouterTest {
    bytes4 private constant ENTRY_2 = 0x22222222;
    bytes4 private constant OTHER_ENTRY = 0x33333333;
    bytes4 private constant JOINT_ENTRY = 0x55555555;
    bytes4 private constant ASSESSOR = 0x00000022;
    bytes4 private constant OTHER_ASSESSOR = 0x00000099;

    PickyVerifier private verifier;
    PickyVerifier private joint;
    PickyVerifier private assessor;

    function setUp() public override {
        super.setUp();
        verifier = new PickyVerifier(VERIFIER_TAG, PickyVerifier.Answer.Yes);
        joint = new PickyVerifier(JOINT_TAG, PickyVerifier.Answer.Yes);
        assessor = new PickyVerifier(ASSESSOR_TAG, PickyVerifier.Answer.Yes);
        ClassMetadata memory class = verifierClass();
        class.isDefault = true;
        router.addClass(CLASS, class);
        router.addClass(OTHER, verifierClass());
        router.addClass(JOINT_CLASS, jointClass());
        router.addClass(0xAA000008, assessorClass());
        router.instantiate(ASSESSOR, address(assessor), ASSESSOR_CLASS, 0);
        router.instantiate(OTHER_ASSESSOR, impl, 0xAA000008, 0);
        router.instantiate(ENTRY, address(verifier), CLASS, 0);
        router.instantiate(ENTRY_2, impl, CLASS, 0);
        router.instantiate(OTHER_ENTRY, impl, OTHER, 0);
        router.instantiate(JOINT_ENTRY, address(joint), JOINT_CLASS, 0);
    }

    function batchOf(uint256 count) private pure returns (FulfillmentBatch memory batch) {
        batch.requests = new SlimRequest[](count);
        batch.fills = new Fulfillment[](count);
        for (uint256 i = 0; i < count; ++i) {
            batch.fills[i].seal = abi.encodePacked(ENTRY, "seal", i);
            batch.fills[i].claimDigest = bytes32(i + 1);
        }
        batch.assessorSeal = abi.encodePacked(ASSESSOR, "assessment");
        batch.prover = address(0xc0ffee);
    }

    function digestsOf(uint256 count) private pure returns (bytes32[] memory digests) {
        digests = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            digests[i] = keccak256(abi.encode(i));
        }
    }

    function fails(FulfillmentBatch memory batch, bytes memory reason) private {
        bytes32[] memory digests = digestsOf(batch.fills.length);
        vm.expectRevert(reason);
        router.verifyBatch(batch, digests);
    }

    function fails(FulfillmentBatch memory batch, bytes4 reason) private {
        fails(batch, abi.encodeWithSelector(reason));
    }

    function fails(FulfillmentBatch memory batch, bytes4 reason, bytes4 a) private {
        fails(batch, abi.encodeWithSelector(reason, a));
    }

    function fails(FulfillmentBatch memory batch, bytes4 reason, bytes4 a, bytes4 b) private {
        fails(batch, abi.encodeWithSelector(reason, a, b));
    }

    function passes(FulfillmentBatch memory batch) private view {
        router.verifyBatch(batch, digestsOf(batch.fills.length));
    }

    // ------------------------------------------------------------------------------------------------------------ shape

    function test_empty() public {
        fails(batchOf(0), IVerifierRouter.EmptyBatch.selector);
    }

    function test_lengths() public {
        FulfillmentBatch memory batch = batchOf(2);
        batch.requests = new SlimRequest[](1);
        fails(batch, IVerifierRouter.LengthMismatch.selector);
        batch = batchOf(2);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.LengthMismatch.selector));
        router.verifyBatch(batch, digestsOf(3));
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.LengthMismatch.selector));
        router.verifyBatch(batch, digestsOf(1));
    }

    function testFuzz_seals_without_a_live_entry(uint256 place) public {
        place = bound(place, 0, 2); // first, middle or last
        FulfillmentBatch memory batch = batchOf(3);
        batch.fills[place].seal = hex"112233";
        fails(batch, IVerifierRouter.MalformedSeal.selector);
        batch.fills[place].seal = hex"00000000";
        fails(batch, IVerifierRouter.EntryUnknown.selector, 0x00000000);
        batch.fills[place].seal = hex"deadbeef";
        fails(batch, IVerifierRouter.EntryUnknown.selector, 0xdeadbeef);
        batch.fills[place].seal = abi.encodePacked(CLASS);
        fails(batch, IVerifierRouter.EntryIsClass.selector, CLASS);
        router.removeEntry(ENTRY_2);
        batch.fills[place].seal = abi.encodePacked(ENTRY_2);
        fails(batch, IVerifierRouter.EntryRemoved.selector, ENTRY_2);
    }

    function test_an_assessor_is_no_verifier() public {
        FulfillmentBatch memory batch = batchOf(1);
        batch.fills[0].seal = abi.encodePacked(ASSESSOR);
        fails(batch, IVerifierRouter.TerminalAssessorAsVerifier.selector, ASSESSOR);
    }

    function test_one_class_per_batch() public {
        FulfillmentBatch memory batch = batchOf(2);
        batch.fills[1].seal = abi.encodePacked(OTHER_ENTRY);
        fails(batch, IVerifierRouter.MixedClassWithinBatch.selector, CLASS, OTHER);
        batch.fills[1].seal = abi.encodePacked(JOINT_ENTRY);
        fails(batch, IVerifierRouter.MixedClassWithinBatch.selector, CLASS, JOINT_CLASS);
        batch.fills[1].seal = abi.encodePacked(ASSESSOR);
        fails(batch, IVerifierRouter.MixedClassWithinBatch.selector, CLASS, ASSESSOR_CLASS);
        batch.fills[1].seal = abi.encodePacked(ENTRY_2); // another entry of the class
        passes(batch);
    }

    // -------------------------------------------------------------------------------------------------- signed selectors

    function test_signed_selector_rules() public {
        FulfillmentBatch memory batch = batchOf(2);
        bytes4[3] memory accepted = [bytes4(0), ENTRY, CLASS];
        for (uint256 i = 0; i < accepted.length; ++i) {
            batch.requests[1].selector = accepted[i];
            passes(batch);
        }
        batch.requests[1].selector = ENTRY_2;
        fails(batch, IVerifierRouter.SignedEntryMismatch.selector, ENTRY_2, ENTRY);
        batch.requests[1].selector = OTHER;
        fails(batch, IVerifierRouter.SignedClassMismatch.selector, OTHER, CLASS);
        batch.requests[1].selector = 0xdeadbeef;
        fails(batch, IVerifierRouter.SignedSelectorUnknown.selector, 0xdeadbeef);
        router.removeEntry(ENTRY_2);
        batch.requests[1].selector = ENTRY_2;
        fails(batch, IVerifierRouter.SignedSelectorTombstoned.selector, ENTRY_2);
    }

    function test_signed_zero_means_the_default_class() public {
        FulfillmentBatch memory batch = batchOf(1);
        batch.fills[0].seal = abi.encodePacked(OTHER_ENTRY);
        fails(batch, IVerifierRouter.SignedDefaultClassMismatch.selector, CLASS, OTHER);
        router.removeEntry(ENTRY);
        router.removeEntry(ENTRY_2);
        router.removeClass(CLASS);
        fails(batch, IVerifierRouter.NoDefaultClass.selector);
        batch.requests[0].selector = OTHER;
        passes(batch);
    }

    function testFuzz_signed_selector(bytes4 signed) public {
        FulfillmentBatch memory batch = batchOf(1);
        batch.requests[0].selector = signed;
        if (signed == 0 || signed == ENTRY || signed == CLASS) return passes(batch);
        vm.expectRevert();
        router.verifyBatch(batch, digestsOf(1));
    }

    // --------------------------------------------------------------------------------------------------------- verifiers

    function test_seal_and_claim_arrive_unaltered() public {
        FulfillmentBatch memory batch = batchOf(1);
        verifier.accept(abi.encodeCall(IClaimVerifier.verify, (batch.fills[0].seal, batch.fills[0].claimDigest)));
        passes(batch);
        batch.fills[0].claimDigest = bytes32(uint256(99));
        fails(batch, abi.encodeWithSelector(IVerifierRouter.VerifierFailed.selector, 0, ENTRY));
    }

    function test_a_failure_names_its_fill() public {
        FulfillmentBatch memory batch = batchOf(3);
        batch.fills[0].seal = abi.encodePacked(ENTRY_2);
        batch.fills[1].seal = abi.encodePacked(ENTRY_2);
        verifier.accept("nothing");
        fails(batch, abi.encodeWithSelector(IVerifierRouter.VerifierFailed.selector, 2, ENTRY));
    }

    function test_gas_is_capped() public {
        verifier.burnGas();
        bytes32[] memory digests = digestsOf(1);
        vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.VerifierFailed.selector, 0, ENTRY));
        router.verifyBatch{ gas: 2_000_000 }(batchOf(1), digests);
    }

    function test_a_verifier_that_lost_its_code_accepts_nothing() public {
        passes(batchOf(1));
        vm.etch(address(verifier), "");
        fails(batchOf(1), IVerifierRouter.EntryRemoved.selector, ENTRY);
    }

    function test_joint_verifiers_see_everything_and_need_no_assessor() public {
        FulfillmentBatch memory batch = batchOf(1);
        batch.fills[0].seal = abi.encodePacked(JOINT_ENTRY);
        batch.requests[0].selector = JOINT_CLASS;
        fails(batch, IVerifierRouter.AssessorMustBeAbsent.selector);
        batch.assessorSeal = "";
        joint.accept(
            abi.encodeCall(
                IJointVerifier.verifyJoint, (batch.requests[0], batch.fills[0], digestsOf(1)[0], batch.prover)
            )
        );
        passes(batch);
        batch.prover = address(1);
        fails(batch, abi.encodeWithSelector(IVerifierRouter.VerifierFailed.selector, 0, JOINT_ENTRY));
    }

    // --------------------------------------------------------------------------------------------------------- assessors

    function test_assessor_seal_shapes() public {
        FulfillmentBatch memory batch = batchOf(1);
        batch.assessorSeal = "";
        fails(batch, IVerifierRouter.AssessorRequired.selector);
        batch.assessorSeal = hex"000000";
        fails(batch, IVerifierRouter.MalformedSeal.selector);
        batch.assessorSeal = hex"00000023";
        fails(batch, IVerifierRouter.EntryUnknown.selector, 0x00000023);
        batch.assessorSeal = abi.encodePacked(ASSESSOR_CLASS);
        fails(batch, IVerifierRouter.EntryIsClass.selector, ASSESSOR_CLASS);
        batch.assessorSeal = abi.encodePacked(ENTRY);
        fails(batch, IVerifierRouter.AssessorClassMismatch.selector, ASSESSOR_CLASS, CLASS);
        batch.assessorSeal = abi.encodePacked(OTHER_ASSESSOR);
        fails(batch, IVerifierRouter.AssessorClassMismatch.selector, ASSESSOR_CLASS, 0xAA000008);
        router.removeEntry(ASSESSOR);
        batch.assessorSeal = abi.encodePacked(ASSESSOR);
        fails(batch, IVerifierRouter.EntryRemoved.selector, ASSESSOR);
    }

    function testFuzz_assessor_sees_the_same_arguments(uint256 count, bytes memory junk) public {
        count = bound(count, 1, 5);
        FulfillmentBatch memory batch = batchOf(count);
        batch.fills[count - 1].fulfillmentData = junk;
        assessor.accept(abi.encodeCall(IAssessor.verifyAssessor, (batch, digestsOf(count))));
        passes(batch);
    }

    function test_assessor_revert_comes_through() public {
        FulfillmentBatch memory batch = batchOf(1);
        assessor.accept("something else");
        bytes memory call_ = abi.encodeCall(IAssessor.verifyAssessor, (batch, digestsOf(1)));
        fails(batch, abi.encodeWithSelector(PickyVerifier.Refused.selector, call_));
    }

    function test_an_assessor_that_lost_its_code_accepts_nothing() public {
        vm.etch(address(assessor), "");
        fails(batchOf(1), IVerifierRouter.EntryRemoved.selector, ASSESSOR);
    }

    function test_assessor_gas_is_capped() public {
        assessor.burnGas();
        bytes32[] memory digests = digestsOf(1);
        vm.expectRevert(bytes(""));
        router.verifyBatch{ gas: 3_000_000 }(batchOf(1), digests);
    }
}
