// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Fulfillment, FulfillmentBatch } from "../src/fulfillment/FulfillmentBatch.sol";
import { ClassMetadata, IVerifierRouter } from "../src/interfaces/IVerifierRouter.sol";
import { SlimRequest } from "../src/request/ProofRequest.sol";
import { MarketTest } from "./base/MarketTest.sol";
import { PickyVerifier } from "./base/Verifiers.sol";

/// @notice Batches of joint verifiers, what a removed class leaves behind, and who chooses when nobody owns the router.
contract RouterJointTest is MarketTest {
    bytes4 private constant JOINT_CLASS = 0xBB000001;
    bytes4 private constant JOINT_1 = 0xBB000011;
    bytes4 private constant JOINT_2 = 0xBB000012;

    PickyVerifier private first;
    PickyVerifier private second;

    function register() internal override {
        super.register();
        first = new PickyVerifier(0x6ddfd0c6, PickyVerifier.Answer.Yes);
        second = new PickyVerifier(0x6ddfd0c6, PickyVerifier.Answer.Yes);
        ClassMetadata memory joint = classOf(0x6ddfd0c6, bytes4(0), false);
        joint.defaultGasLimit = 500_000;
        router.addClass(JOINT_CLASS, joint);
        router.instantiate(JOINT_1, address(first), JOINT_CLASS, 0);
        router.instantiate(JOINT_2, address(second), JOINT_CLASS, 0);
    }

    /// @dev The entries of the class in turn, every request having signed the class.
    function jointBatch(uint256 count) private view returns (FulfillmentBatch memory batch) {
        batch.requests = new SlimRequest[](count);
        batch.fills = new Fulfillment[](count);
        for (uint256 i = 0; i < count; ++i) {
            batch.requests[i].selector = JOINT_CLASS;
            batch.fills[i].seal = abi.encodePacked(i % 2 == 0 ? JOINT_1 : JOINT_2, i);
        }
        batch.prover = prover.addr;
    }

    function fails(FulfillmentBatch memory batch, bytes memory reason) private {
        bytes32[] memory digests = new bytes32[](batch.fills.length);
        expectRevert(reason);
        router.verifyBatch(batch, digests);
    }

    function failed(uint256 index, bytes4 selector) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IVerifierRouter.VerifierFailed.selector, index, selector);
    }

    function test_several_fills_and_entries() public {
        router.verifyBatch(jointBatch(5), new bytes32[](5));
        second.accept("nothing");
        fails(jointBatch(5), failed(1, JOINT_2));
        first.accept("nothing");
        fails(jointBatch(5), failed(0, JOINT_1));
    }

    function test_gas_is_capped() public {
        second.burnGas();
        bytes32[] memory digests = new bytes32[](2);
        expectRevert(failed(1, JOINT_2));
        router.verifyBatch{ gas: 2_000_000 }(jointBatch(2), digests);
    }

    function test_a_claim_among_joint_deliveries() public {
        FulfillmentBatch memory batch = jointBatch(2);
        batch.fills[1].seal = abi.encodePacked(VERIFIER);
        bytes4 mixed = IVerifierRouter.MixedClassWithinBatch.selector;
        fails(batch, abi.encodeWithSelector(mixed, JOINT_CLASS, VERIFIER_CLASS));
    }

    function test_every_request_is_held_to_what_it_signed() public {
        FulfillmentBatch memory batch = jointBatch(3);
        batch.requests[2].selector = JOINT_2;
        fails(batch, abi.encodeWithSelector(IVerifierRouter.SignedEntryMismatch.selector, JOINT_2, JOINT_1));
        batch.requests[2].selector = 0;
        bytes4 notDefault = IVerifierRouter.SignedDefaultClassMismatch.selector;
        fails(batch, abi.encodeWithSelector(notDefault, VERIFIER_CLASS, JOINT_CLASS));
        batch.requests[2].selector = JOINT_1;
        router.verifyBatch(batch, new bytes32[](3));
    }

    function test_an_empty_revert_of_an_assessor_comes_through() public {
        bytes4 silent = 0x00000077;
        PickyVerifier endless = new PickyVerifier(0x08060888, PickyVerifier.Answer.Yes);
        router.instantiate(silent, address(endless), ASSESSOR_CLASS, 100_000);
        endless.burnGas();
        FulfillmentBatch memory batch;
        batch.requests = new SlimRequest[](1);
        batch.fills = new Fulfillment[](1);
        batch.fills[0].seal = abi.encodePacked(VERIFIER);
        batch.assessorSeal = abi.encodePacked(silent);
        fails(batch, "");
    }

    /// @dev An assessor class may go while a verifier class requires it: what is of that class is then refused, not let through.
    function test_a_class_whose_assessors_are_gone_accepts_nothing() public {
        router.removeEntry(ASSESSOR);
        router.removeClass(ASSESSOR_CLASS);
        FulfillmentBatch memory batch;
        batch.requests = new SlimRequest[](1);
        batch.fills = new Fulfillment[](1);
        batch.fills[0].seal = abi.encodePacked(VERIFIER);
        fails(batch, abi.encodeWithSelector(IVerifierRouter.AssessorRequired.selector));
        batch.assessorSeal = abi.encodePacked(ASSESSOR);
        fails(batch, abi.encodeWithSelector(IVerifierRouter.EntryRemoved.selector, ASSESSOR));
        batch.assessorSeal = abi.encodePacked(VERIFIER);
        bytes4 mismatch = IVerifierRouter.AssessorClassMismatch.selector;
        fails(batch, abi.encodeWithSelector(mismatch, ASSESSOR_CLASS, VERIFIER_CLASS));
    }

    /// @dev Once renounced, nothing can be added to curated classes, nor anything removed.
    function test_a_router_without_an_owner() public {
        (bool success,) = address(router).call(abi.encodeWithSignature("renounceOwnership()"));
        assertTrue(success, "renounced");
        bytes memory unauthorized = abi.encodeWithSignature("Unauthorized()");
        expectRevert(unauthorized);
        router.instantiate(0xBB000013, address(first), JOINT_CLASS, 0);
        expectRevert(unauthorized);
        router.removeEntry(JOINT_1);
    }
}
