// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { ICommitteeBook } from "../../src/interfaces/ICommitteeBook.sol";
import { vm } from "../base/Vm.sol";
import { CommitteeTest } from "./CommitteeTest.sol";

contract CommitteeJoinTest is CommitteeTest {
    function test_joining_reverts_for_who_is_no_prover() public {
        expectRevert(abi.encodeWithSelector(ICommitteeBook.NotAnOperator.selector, stranger.addr));
        join(stranger);
    }

    /// @dev A key proves; the stake is the operator's to risk.
    function test_joining_reverts_for_a_key_of_a_prover() public {
        addKey(provers[0], stranger);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.NotAnOperator.selector, stranger.addr));
        join(stranger);
    }

    function testFuzz_joining_records_the_consent(address with, uint96 stakeMax, uint32 notice) public {
        vm.assume(with != exchange.addr);
        vm.expectEmit(true, true, true, true, address(book));
        emit ICommitteeBook.Joined(with, provers[0].addr, stakeMax, notice);
        vm.prank(provers[0].addr);
        book.join(with, stakeMax, notice);
        checkConsent(with, provers[0], true, stakeMax, notice);
        checkConsent(with, provers[1], false, 0, 0);
        checkConsent(exchange.addr, provers[0], true, STAKED, NOTICE);
    }

    function test_joining_again_replaces_the_bounds() public {
        vm.prank(provers[0].addr);
        book.join(exchange.addr, 7, 8);
        checkConsent(exchange.addr, provers[0], true, 7, 8);
    }

    function test_quitting_reverts_for_who_has_not_joined() public {
        expectRevert(abi.encodeWithSelector(ICommitteeBook.NotJoined.selector, stranger.addr, provers[0].addr));
        vm.prank(provers[0].addr);
        book.quit(stranger.addr);
    }

    function test_quitting_ends_the_consent() public {
        vm.expectEmit(true, true, true, true, address(book));
        emit ICommitteeBook.Left(exchange.addr, provers[0].addr);
        vm.prank(provers[0].addr);
        book.quit(exchange.addr);
        checkConsent(exchange.addr, provers[0], false, 0, 0);
        checkConsent(exchange.addr, provers[1], true, STAKED, NOTICE);
    }

    /// @dev Work that was taken on stays.
    function test_quitting_does_not_end_a_committee() public {
        Case memory made = convened(1, 2);
        vm.prank(provers[0].addr);
        book.quit(exchange.addr);
        assertEq(reservedOf(provers[0].addr), COLLATERAL, "reserved");
        Proof memory proof = commit(made.request, provers[0]);
        after_(made.committee.commitBy);
        reveal(proof);
        assertState(made.request.id, provers[0], 3);
    }

    function checkConsent(address with, Party memory by, bool joined, uint96 stakeMax, uint32 notice) private view {
        (bool joined_, uint96 stakeMax_, uint32 notice_) = book.consentOf(with, by.addr);
        assertTrue(joined_ == joined, "joined");
        assertEq(stakeMax_, stakeMax, "stake");
        assertEq(notice_, notice, "notice");
    }
}
