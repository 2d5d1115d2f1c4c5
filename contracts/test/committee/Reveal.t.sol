// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { DeliveredFulfillment, Fulfillment, FulfillmentDataType } from "../../src/fulfillment/FulfillmentBatch.sol";
import { FulfillmentData } from "../../src/fulfillment/FulfillmentData.sol";
import { ICommitteeBook } from "../../src/interfaces/ICommitteeBook.sol";
import { IOnChainAssessor } from "../../src/interfaces/IOnChainAssessor.sol";
import { IVerifierRouter } from "../../src/interfaces/IVerifierRouter.sol";
import { Callback, Predicate, PredicateType } from "../../src/request/Requirements.sol";
import { CallbackRecorder } from "../base/Outsiders.sol";
import { Vm, vm } from "../base/Vm.sol";
import { CommitteeTest } from "./CommitteeTest.sol";
import { FailingRegistry, HungryCallback } from "./CommitteeOutsiders.sol";

contract CommitteeRevealTest is CommitteeTest {
    // ------------------------------------------------------------------------------------------------------------ reverts

    function test_a_request_without_a_committee_reverts() public {
        Proof memory proof = proofOf(newCase(1, 3).request, provers[0]);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.NotConvened.selector, proof.request.id));
        reveal(proof);
    }

    function test_after_its_time_it_reverts() public {
        Case memory made = convened(1, 3);
        Proof memory proof = commit(made.request, provers[0]);
        after_(made.committee.revealBy);
        expectRevert(
            abi.encodeWithSelector(ICommitteeBook.RevealTimeOver.selector, proof.request.id, made.committee.revealBy)
        );
        reveal(proof);
    }

    /// @dev As long as anybody can still be ranked, nothing is shown.
    function test_before_the_ranking_is_fixed_it_reverts() public {
        Case memory made = convened(1, 3);
        Proof memory proof = commit(made.request, provers[0]);
        commit(made.request, provers[1]);
        proof.signer = stranger.addr;
        vm.warp(made.committee.commitBy);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.CommitTimeNotOver.selector, proof.request.id));
        reveal(proof);
    }

    function test_a_prover_without_a_commitment_reverts() public {
        Case memory made = convened(1, 3);
        decline(made.request.id, provers[1]);
        after_(made.committee.commitBy);
        address[4] memory who = [provers[0].addr, provers[1].addr, provers[4].addr, stranger.addr];
        for (uint256 i = 0; i < 4; ++i) {
            Proof memory proof = proofOf(made.request, provers[0]);
            proof.signer = who[i];
            expectNothing(made, i == 3 ? address(0) : who[i]);
            reveal(proof);
        }
    }

    function test_a_second_reveal_reverts() public {
        (Case memory made, Proof memory proof) = ready(made_(1));
        reveal(proof);
        expectNothing(made, provers[0].addr);
        reveal(proof);
    }

    function test_another_proof_or_salt_than_announced_reverts() public {
        (, Proof memory proof) = ready(made_(1));
        bytes32 expected = commitmentOf(proof);
        proof.request.selector = 0x12345678;
        proof.salt = 0;
        expectWrongCommitment(expected, proof);
        (, proof) = ready(made_(2));
        expected = commitmentOf(proof);
        proof.fill.seal = abi.encodePacked(proof.fill.seal, "x");
        expectWrongCommitment(expected, proof);
    }

    function test_another_request_of_the_same_id_reverts() public {
        (Case memory made, Proof memory proof) = ready(made_(1));
        made.request.imageUrl = "https://image.example/another.elf";
        proof.request = slim(made.request);
        bytes32 expected = made.committee.request;
        signCase(made);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.WrongRequest.selector, expected, made.committee.request));
        reveal(proof);
    }

    function test_a_proof_without_the_data_that_a_callback_needs_reverts() public {
        Case memory made = made_(1);
        made.request.requirements.callback = Callback(address(new CallbackRecorder()), 100_000);
        bytes32 claim = claimOf(IMAGE_ID, JOURNAL);
        made.request.requirements.predicate = Predicate(PredicateType.ClaimDigestMatch, abi.encodePacked(claim));
        Proof memory proof = announce(made, bareFill());
        expectRevert(abi.encodeWithSelector(ICommitteeBook.UnfulfillableCallback.selector));
        reveal(proof);
    }

    function test_a_claim_that_nobody_verified_reverts() public {
        Fulfillment memory fill = newFill();
        fill.seal = claimSeal(keccak256("another"));
        Proof memory proof = announce(made_(1), fill);
        expectRevert(abi.encodeWithSelector(IVerifierRouter.VerifierFailed.selector, 0, VERIFIER));
        reveal(proof);
    }

    function test_a_proof_of_something_else_reverts() public {
        Fulfillment memory fill = fillWith("ANOTHER JOURNAL");
        fill.seal = claimSeal(fill.claimDigest);
        Proof memory proof = announce(made_(1), fill);
        expectRevert(abi.encodeWithSelector(IOnChainAssessor.PredicateFailed.selector, 0));
        reveal(proof);
    }

    function test_a_proof_that_another_prover_signed_reverts() public {
        (Case memory made, Proof memory proof) = ready(made_(1));
        bytes memory own = proof.assessorSeal;
        proof.assessorSeal = proofOf(made.request, provers[1]).assessorSeal;
        vm.expectPartialRevert(IOnChainAssessor.ProverSignatureMismatch.selector);
        reveal(proof);
        proof.assessorSeal = own;
        reveal(proof);
    }

    /// @dev The assessor refuses such data where the predicate speaks of it, the callback where only it needs it.
    function test_data_that_no_encoder_writes_reverts() public {
        Case memory made = made_(1);
        made.request.requirements.callback = Callback(address(new CallbackRecorder()), 100_000);
        Fulfillment memory fill = newFill();
        fill.fulfillmentData = abi.encodePacked(fill.fulfillmentData, bytes32(0));
        Proof memory proof = announce(made, fill);
        expectRevert(abi.encodeWithSelector(FulfillmentData.MalformedFulfillmentData.selector));
        reveal(proof);
    }

    function testFuzz_a_callback_gets_its_gas_or_nothing_happens(uint256 gas) public {
        Case memory made = made_(1);
        HungryCallback recorder = new HungryCallback(490_000); // the limit, less what it takes to get there
        made.request.requirements.callback = Callback(address(recorder), 500_000);
        Proof memory proof = announce(made, newFill());
        bytes memory call_ = abi.encodeCall(
            ICommitteeBook.reveal, (proof.signer, proof.request, proof.fill, proof.assessorSeal, proof.salt)
        );
        (bool success,) = address(book).call{ gas: bound(gas, 100_000, 900_000) }(call_);
        assertTrue(success == (recorder.calls() == 1), "called");
        assertEq(uint256(seatOf(made.request.id, provers[0].addr).state), success ? 3 : 2, "state");
        assertEq(reservedOf(provers[0].addr), success ? 0 : COLLATERAL, "reserved");
    }

    // ------------------------------------------------------------------------------------------------------ copying earns nothing

    /// @dev What others see before the ranking is fixed names its prover.
    function test_a_copied_commitment_cannot_be_revealed() public {
        Case memory made = convened(1, 2);
        Proof memory proof = proofOf(made.request, provers[1]);
        bytes32 commitment = commitmentOf(proof);
        vm.prank(provers[0].addr); // sees it in the mempool, and is first
        book.commit(made.request.id, commitment, "sealed");
        vm.prank(provers[1].addr);
        book.commit(made.request.id, commitment, "sealed");
        reveal(proof);
        Proof memory copy = proofOf(made.request, provers[0]); // the same fill, signed by the copier
        copy.salt = proof.salt;
        expectWrongCommitment(commitment, copy);
        after_(made.committee.revealBy);
        book.settle(made.request.id);
        assertEq(market.balanceOf(provers[0].addr), 0, "of the copier");
        assertEq(market.balanceOf(provers[1].addr), PRICE / 2, "of the prover");
        assertEq(activeOf(provers[0].addr), STAKED - COLLATERAL, "the copier's stake");
    }

    function test_a_shown_proof_is_too_late_to_copy() public {
        Case memory made = convened(1, 3);
        decline(made.request.id, provers[1]);
        Proof memory proof = commit(made.request, provers[0]);
        after_(made.committee.commitBy);
        reveal(proof);
        bytes32 commitment = commitmentOf(proofOf(made.request, provers[2]));
        expectRevert(abi.encodeWithSelector(ICommitteeBook.CommitTimeOver.selector, made.request.id));
        vm.prank(provers[2].addr);
        book.commit(made.request.id, commitment, "");
        expectRevert(abi.encodeWithSelector(ICommitteeBook.CommitTimeOver.selector, made.request.id));
        vm.prank(provers[5].addr);
        book.commit(made.request.id, commitment, "");
    }

    // -------------------------------------------------------------------------------------------------------------- works

    function test_it_announces_the_proof_and_frees_the_stake() public {
        (Case memory made, Proof memory proof) = ready(made_(1));
        vm.expectEmit(true, true, true, true, address(book));
        emit ICommitteeBook.ProofDelivered(
            made.request.id,
            provers[0].addr,
            DeliveredFulfillment(
                made.request.id,
                digestOf(made.request),
                proof.fill.claimDigest,
                proof.fill.fulfillmentDataType,
                proof.fill.fulfillmentData,
                proof.fill.seal
            )
        );
        vm.prank(stranger.addr); // anybody may carry it
        reveal(proof);
        assertState(made.request.id, provers[0], 3);
        assertEq(reservedOf(provers[0].addr), 0, "reserved");
        assertEq(activeOf(provers[0].addr), STAKED, "stake");
    }

    function test_it_works_in_the_last_second() public {
        (Case memory made, Proof memory proof) = ready(made_(1));
        vm.warp(made.committee.revealBy);
        reveal(proof);
        assertState(made.request.id, provers[0], 3);
    }

    function test_it_works_as_soon_as_every_place_has_a_commitment() public {
        Case memory made = convened(1, 2);
        Proof memory first = commit(made.request, provers[1]);
        Proof memory second = commit(made.request, provers[0]);
        reveal(second);
        reveal(first);
        assertState(made.request.id, provers[0], 3);
        assertState(made.request.id, provers[1], 3);
    }

    function test_a_key_signs_for_its_prover() public {
        addKey(provers[0], stranger);
        Case memory made = made_(1);
        convene(made);
        Proof memory proof = proofOf(made.request, stranger);
        bytes32 commitment =
            keccak256(abi.encode(made.request.id, provers[0].addr, keccak256(abi.encode(proof.fill)), proof.salt));
        assertEq(book.commitmentOf(made.request.id, provers[0].addr, proof.fill, proof.salt), commitment, "formula");
        vm.prank(stranger.addr);
        book.commit(made.request.id, commitment, "");
        after_(made.committee.commitBy);
        reveal(proof);
        assertState(made.request.id, provers[0], 3);
    }

    function test_a_proof_without_data_is_enough_for_its_claim() public {
        Case memory made = made_(1);
        bytes32 claim = claimOf(IMAGE_ID, JOURNAL);
        made.request.requirements.predicate = Predicate(PredicateType.ClaimDigestMatch, abi.encodePacked(claim));
        reveal(announce(made, bareFill()));
        assertState(made.request.id, provers[0], 3);
    }

    function test_the_callback_is_called_once_for_all_proofs() public {
        CallbackRecorder recorder = new CallbackRecorder();
        Case memory made = newCase(1, 2);
        made.request.requirements.callback = Callback(address(recorder), 500_000);
        signCase(made);
        convene(made);
        Proof memory first = commit(made.request, provers[0]);
        Proof memory second = commit(made.request, provers[1]);
        vm.recordLogs();
        reveal(second);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            assertTrue(logs[i].topics[0] != ICommitteeBook.CallbackFailed.selector, "it did not fail");
        }
        assertEq(recorder.calls(), 1, "calls");
        assertEq(recorder.imageId(), IMAGE_ID, "image id");
        assertEq(recorder.journal(), JOURNAL, "journal");
        assertEq(recorder.seal(), second.fill.seal, "seal");
        reveal(first);
        assertEq(recorder.calls(), 1, "calls");
    }

    function test_a_failing_callback_is_the_requesters_affair() public {
        CallbackRecorder recorder = new CallbackRecorder();
        recorder.setMode(CallbackRecorder.Mode.Revert);
        bytes memory reason = abi.encodeWithSelector(CallbackRecorder.CallbackRefuses.selector, 7);
        failCallback(1, address(recorder), reason);
        recorder.setMode(CallbackRecorder.Mode.BurnGas);
        failCallback(2, address(recorder), "");
        recorder.setMode(CallbackRecorder.Mode.ReturnBomb);
        bytes memory memory_ = new bytes(1024); // of the recorder: all zero but the pointer to what is free
        memory_[0x5f] = 0x80;
        failCallback(3, address(recorder), memory_);
        failCallback(4, address(0xdead), "");
    }

    function test_a_registry_that_fails_to_release_holds_nobody_up() public {
        for (uint32 i = 1; i < 3; ++i) {
            (Case memory made, Proof memory proof) = ready(made_(i));
            bytes memory code = address(registry).code;
            vm.etch(address(registry), address(new FailingRegistry(i == 1)).code);
            vm.expectEmit(true, true, true, true, address(book));
            emit ICommitteeBook.StakeHeld(made.request.id, provers[0].addr);
            reveal(proof);
            vm.etch(address(registry), code);
            assertState(made.request.id, provers[0], 3);
            assertTrue(seatOf(made.request.id, provers[0].addr).holdsStake, "holds stake");
            assertEq(reservedOf(provers[0].addr), COLLATERAL, "reserved");
            book.conclude(made.request.id, provers[0].addr);
            assertEq(reservedOf(provers[0].addr), 0, "reserved");
        }
    }

    // ------------------------------------------------------------------------------------------------------------ helpers

    function made_(uint32 index) private view returns (Case memory) {
        return newCase(index, 2);
    }

    /// @dev The first prover has announced a proof, and the ranking is fixed.
    function ready(Case memory made) private returns (Case memory, Proof memory) {
        return (made, announce(made, newFill()));
    }

    function announce(Case memory made, Fulfillment memory fill) private returns (Proof memory proof) {
        signCase(made);
        convene(made);
        proof = proofOf(made.request, provers[0], fill);
        bytes32 commitment = commitmentOf(proof);
        vm.prank(provers[0].addr);
        book.commit(made.request.id, commitment, "sealed");
        after_(made.committee.commitBy);
    }

    function bareFill() private view returns (Fulfillment memory fill) {
        fill = newFill();
        fill.fulfillmentDataType = FulfillmentDataType.None;
        fill.fulfillmentData = "";
    }

    function failCallback(uint32 index, address target, bytes memory reason) private {
        Case memory made = made_(index);
        made.request.requirements.callback = Callback(target, 100_000);
        Proof memory proof = announce(made, newFill());
        vm.expectEmit(true, true, true, true, address(book));
        emit ICommitteeBook.CallbackFailed(made.request.id, target, reason);
        reveal(proof);
        assertState(made.request.id, provers[0], 3);
    }

    function expectNothing(Case memory made, address who) private {
        expectRevert(abi.encodeWithSelector(ICommitteeBook.NothingToReveal.selector, made.request.id, who));
    }

    function expectWrongCommitment(bytes32 expected, Proof memory proof) private {
        expectRevert(abi.encodeWithSelector(ICommitteeBook.WrongCommitment.selector, expected, commitmentOf(proof)));
        reveal(proof);
    }
}
