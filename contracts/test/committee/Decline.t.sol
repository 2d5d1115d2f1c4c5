// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Sitting } from "../../src/committee/Sitting.sol";
import { ICommitteeBook } from "../../src/interfaces/ICommitteeBook.sol";
import { IProverRegistry } from "../../src/interfaces/IProverRegistry.sol";
import { vm } from "../base/Vm.sol";
import { CommitteeTest } from "./CommitteeTest.sol";

contract CommitteeDeclineTest is CommitteeTest {
    function test_a_request_without_a_committee_reverts() public {
        Case memory made = newCase(1, 3);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.NotConvened.selector, made.request.id));
        decline(made.request.id, provers[0]);
    }

    function test_after_its_time_it_reverts() public {
        Case memory made = convened(1, 3);
        after_(made.committee.declineBy);
        expectRevert(
            abi.encodeWithSelector(ICommitteeBook.DeclineTimeOver.selector, made.request.id, made.committee.declineBy)
        );
        decline(made.request.id, stranger);
    }

    function test_a_prover_that_is_no_member_reverts() public {
        Case memory made = convened(1, 3);
        expectNotBound(made, provers[3].addr);
        decline(made.request.id, provers[3]);
        expectNotBound(made, address(0));
        decline(made.request.id, stranger);
    }

    function test_declining_twice_reverts() public {
        Case memory made = convened(1, 3);
        decline(made.request.id, provers[0]);
        expectNotBound(made, provers[0].addr);
        decline(made.request.id, provers[0]);
    }

    function test_declining_after_a_commitment_reverts() public {
        Case memory made = convened(1, 3);
        commit(made.request, provers[0]);
        expectNotBound(made, provers[0].addr);
        decline(made.request.id, provers[0]);
    }

    function test_declining_beyond_the_quota_reverts() public {
        Case memory made = convened(1, 3);
        decline(made.request.id, provers[0]);
        uint256 nextAt = vm.getBlockTimestamp() + 7 days;
        made = convened(2, 3);
        expectRevert(
            abi.encodeWithSelector(
                IProverRegistry.DeclineQuotaExceeded.selector, provers[0].addr, address(book), nextAt
            )
        );
        decline(made.request.id, provers[0]);
        assertEq(reservedOf(provers[0].addr), COLLATERAL, "reserved");
    }

    function test_it_frees_the_stake_and_opens_the_place() public {
        Case memory made = convened(1, 3);
        vm.warp(made.committee.declineBy);
        vm.expectEmit(true, true, true, true, address(book));
        emit ICommitteeBook.Declined(made.request.id, provers[1].addr);
        decline(made.request.id, provers[1]);
        assertEq(reservedOf(provers[1].addr), 0, "reserved");
        assertEq(reservedOf(provers[0].addr), COLLATERAL, "another's");
        assertState(made.request.id, provers[1], 1);
        assertFalse(seatOf(made.request.id, provers[1].addr).holdsStake, "holds stake");
        (Sitting memory sitting,) = book.sittingOf(made.request.id);
        assertEq(sitting.declined, 1, "declined");
        assertTrue(book.blocks(made.request.id), "blocks");
    }

    function test_a_key_declines_for_its_prover() public {
        addKey(provers[1], stranger);
        Case memory made = convened(1, 3);
        decline(made.request.id, stranger);
        assertState(made.request.id, provers[1], 1);
    }

    function expectNotBound(Case memory made, address who) private {
        expectRevert(abi.encodeWithSelector(ICommitteeBook.NotBound.selector, made.request.id, who));
    }
}
