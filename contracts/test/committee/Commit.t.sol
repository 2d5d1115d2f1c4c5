// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Seat, SeatState, Sitting } from "../../src/committee/Sitting.sol";
import { ICommitteeBook } from "../../src/interfaces/ICommitteeBook.sol";
import { IProverRegistry } from "../../src/interfaces/IProverRegistry.sol";
import { vm } from "../base/Vm.sol";
import { CommitteeTest } from "./CommitteeTest.sol";

contract CommitteeCommitTest is CommitteeTest {
    // ------------------------------------------------------------------------------------------------------------ reverts

    function test_a_request_without_a_committee_reverts() public {
        Case memory made = newCase(1, 3);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.NotConvened.selector, made.request.id));
        book.commit(made.request.id, 0, "");
    }

    function test_after_its_time_it_reverts() public {
        Case memory made = convened(1, 3);
        after_(made.committee.commitBy);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.CommitTimeOver.selector, made.request.id));
        book.commit(made.request.id, 0, "");
    }

    function test_once_every_place_has_a_commitment_it_reverts() public {
        Case memory made = convened(1, 2);
        decline(made.request.id, provers[0]);
        commit(made.request, provers[1]);
        commit(made.request, provers[2]);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.CommitTimeOver.selector, made.request.id));
        vm.prank(provers[3].addr);
        book.commit(made.request.id, 0, "");
    }

    function test_a_second_commitment_reverts() public {
        Case memory made = convened(1, 3);
        commit(made.request, provers[0]);
        expectNotBound(made, provers[0]);
        vm.prank(provers[0].addr);
        book.commit(made.request.id, keccak256("better"), "");
    }

    /// @dev Not even in the place that it opened itself.
    function test_a_prover_that_declined_reverts() public {
        Case memory made = convened(1, 3);
        decline(made.request.id, provers[0]);
        expectNotBound(made, provers[0]);
        vm.prank(provers[0].addr);
        book.commit(made.request.id, 0, "");
    }

    function test_a_prover_without_a_place_reverts() public {
        Case memory made = convened(1, 3);
        expectNoPlace(made);
        vm.prank(provers[3].addr);
        book.commit(made.request.id, 0, "");
        expectNoPlace(made);
        vm.prank(stranger.addr);
        book.commit(made.request.id, 0, "");
    }

    function test_a_place_that_another_has_taken_reverts() public {
        Case memory made = convened(1, 3);
        decline(made.request.id, provers[0]);
        commit(made.request, provers[3]);
        expectNoPlace(made);
        vm.prank(provers[4].addr);
        book.commit(made.request.id, 0, "");
    }

    /// @dev Silence opens no place, also when the time to decline is over.
    function test_the_place_of_a_silent_member_is_not_open() public {
        Case memory made = convened(1, 3);
        vm.warp(made.committee.commitBy);
        expectNoPlace(made);
        vm.prank(provers[3].addr);
        book.commit(made.request.id, 0, "");
    }

    function test_a_prover_that_has_not_joined_reverts() public {
        Case memory made = convened(1, 3);
        decline(made.request.id, provers[0]);
        vm.prank(provers[3].addr);
        book.quit(exchange.addr);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.NotJoined.selector, exchange.addr, provers[3].addr));
        vm.prank(provers[3].addr);
        book.commit(made.request.id, 0, "");
        expectRevert(abi.encodeWithSelector(ICommitteeBook.NotJoined.selector, exchange.addr, address(0)));
        vm.prank(stranger.addr);
        book.commit(made.request.id, 0, "");
    }

    function test_a_place_is_not_for_the_inactive() public {
        Case memory made = convened(1, 3);
        decline(made.request.id, provers[0]);
        (uint128 shares,) = registry.positionOf(provers[3].addr, provers[3].addr);
        vm.prank(provers[3].addr);
        registry.undelegate(provers[3].addr, shares);
        expectRevert(abi.encodeWithSelector(IProverRegistry.NotActive.selector, provers[3].addr));
        vm.prank(provers[3].addr);
        book.commit(made.request.id, 0, "");
    }

    function test_a_place_is_not_for_who_does_not_allow_the_book() public {
        Case memory made = convened(1, 3);
        decline(made.request.id, provers[0]);
        vm.prank(provers[3].addr);
        registry.revoke(address(book));
        expectRevert(abi.encodeWithSelector(IProverRegistry.NotAllowed.selector, provers[3].addr, address(book)));
        vm.prank(provers[3].addr);
        book.commit(made.request.id, 0, "");
    }

    // -------------------------------------------------------------------------------------------------------------- works

    function testFuzz_it_ranks_and_announces(bytes32 first, bytes32 second, bytes calldata sealedProof) public {
        Case memory made = convened(1, 3);
        vm.expectEmit(true, true, true, true, address(book));
        emit ICommitteeBook.Committed(made.request.id, provers[2].addr, 0, first, sealedProof);
        vm.prank(provers[2].addr);
        book.commit(made.request.id, first, sealedProof);
        vm.warp(made.committee.commitBy);
        vm.expectEmit(true, true, true, true, address(book));
        emit ICommitteeBook.Committed(made.request.id, provers[0].addr, 1, second, "");
        vm.prank(provers[0].addr);
        book.commit(made.request.id, second, "");

        checkSeat(made, provers[2], 0, first);
        checkSeat(made, provers[0], 1, second);
        assertState(made.request.id, provers[1], 0);
        (Sitting memory sitting,) = book.sittingOf(made.request.id);
        assertEq(sitting.committed, 2, "committed");
        assertEq(reservedOf(provers[0].addr), COLLATERAL, "reserved");
    }

    function test_a_declined_place_is_for_another() public {
        Case memory made = convened(1, 3);
        decline(made.request.id, provers[1]);
        commit(made.request, provers[5]);
        (Sitting memory sitting, Seat[] memory bound_) = book.sittingOf(made.request.id);
        assertEq(sitting.taken, 1, "taken");
        assertEq(bound_.length, 4, "bound");
        assertEq(bound_[3].prover, provers[5].addr, "who took it");
        assertEq(reservedOf(provers[5].addr), COLLATERAL, "reserved");
        assertEq(reservedOf(provers[1].addr), 0, "of who declined");
    }

    /// @dev What one risks by one's own hand is not bounded by what one lets an exchange decide.
    function test_a_declined_place_may_be_dearer_than_the_consent() public {
        Case memory made = convened(1, 3);
        decline(made.request.id, provers[1]);
        vm.prank(provers[5].addr);
        book.join(exchange.addr, 0, type(uint32).max);
        commit(made.request, provers[5]);
        assertState(made.request.id, provers[5], 2);
    }

    function test_every_place_can_be_declined_and_taken() public {
        addProvers(12);
        Case memory made = convened(1, 10);
        for (uint256 i = 0; i < 10; ++i) {
            decline(made.request.id, provers[i]);
        }
        Proof memory last;
        for (uint256 i = 10; i < 20; ++i) {
            last = commit(made.request, provers[i]);
        }
        (Sitting memory sitting, Seat[] memory bound_) = book.sittingOf(made.request.id);
        assertEq(sitting.committed, 10, "committed");
        assertEq(bound_.length, 20, "bound");
        reveal(last); // closed, before its time
        assertState(made.request.id, provers[19], 3);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.NothingToReveal.selector, made.request.id, address(0)));
        book.reveal(stranger.addr, last.request, last.fill, "", 0);
    }

    function test_a_key_commits_for_its_prover() public {
        addKey(provers[1], stranger);
        Case memory made = convened(1, 3);
        vm.prank(stranger.addr);
        book.commit(made.request.id, "anything", "");
        checkSeat(made, provers[1], 0, "anything");
    }

    // ------------------------------------------------------------------------------------------------------------ helpers

    function checkSeat(Case memory made, Party memory by, uint256 rank, bytes32 commitment) private view {
        Seat memory seat = seatOf(made.request.id, by.addr);
        assertTrue(seat.state == SeatState.Committed, "committed");
        assertTrue(seat.holdsStake, "stake");
        assertEq(seat.rank, rank, "rank");
        assertEq(seat.commitment, commitment, "commitment");
    }

    function expectNotBound(Case memory made, Party memory by) private {
        expectRevert(abi.encodeWithSelector(ICommitteeBook.NotBound.selector, made.request.id, by.addr));
    }

    function expectNoPlace(Case memory made) private {
        expectRevert(abi.encodeWithSelector(ICommitteeBook.NoPlace.selector, made.request.id));
    }
}
