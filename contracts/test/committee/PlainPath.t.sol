// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { FulfillmentBatch, ProofRequestBatch } from "../../src/fulfillment/FulfillmentBatch.sol";
import { IMarket } from "../../src/interfaces/IMarket.sol";
import { ProofRequest } from "../../src/request/ProofRequest.sol";
import { vm } from "../base/Vm.sol";
import { CommitteeTest } from "./CommitteeTest.sol";

/// @notice What an exchange can do to a request with committees: delay it until `openAt`, and choose a price.
contract CommitteePlainPathTest is CommitteeTest {
    function testFuzz_it_is_shut_until_openAt_whether_or_not_a_committee_sits(uint256 time, bool sits) public {
        Case memory made = newCase(1, 2);
        if (sits) convene(made);
        vm.warp(bound(time, vm.getBlockTimestamp(), made.terms.openAt - 1));
        expectShut(made);
    }

    function test_it_is_open_from_openAt_on_when_no_committee_was_convened() public {
        Case memory made = newCase(1, 2);
        vm.warp(made.terms.openAt);
        lockPlainly(made);
    }

    /// @dev By time alone: nobody needs to have settled.
    function testFuzz_it_is_open_from_openAt_on_when_nobody_delivered(uint256 time, bool settled, bool announced)
        public
    {
        Case memory made = convened(1, 2);
        if (announced) commit(made.request, provers[0]);
        after_(made.committee.revealBy);
        assertFalse(book.blocks(made.request.id), "blocks");
        if (settled) book.settle(made.request.id);
        vm.warp(bound(time, made.terms.openAt, made.request.offer.rampUpStart + made.request.offer.lockTimeout));
        lockPlainly(made);
        if (!settled) book.settle(made.request.id); // a plain lock changes nothing for the committee
        assertEq(address(book).balance, 0, "left in the book");
    }

    /// @dev Neither as it was signed nor under other terms, by lock or by price, before settlement or after.
    function testFuzz_it_is_shut_for_ever_once_a_proof_was_accepted(uint256 time, bool settled) public {
        Case memory made = convened(1, 2);
        Proof memory proof = commit(made.request, provers[1]);
        after_(made.committee.commitBy);
        reveal(proof);
        assertTrue(book.blocks(made.request.id), "blocks");
        if (settled) {
            after_(made.committee.revealBy);
            book.settle(made.request.id);
        }
        vm.warp(bound(time, made.terms.openAt, made.request.offer.rampUpStart + made.request.offer.timeout));
        assertTrue(book.blocks(made.request.id), "blocks");
        expectShut(made);
        made.terms.tiers = new uint16[](0);
        signCase(made);
        expectShut(made);
        made.request.imageUrl = "https://image.example/another.elf"; // another request of the same id
        signCase(made);
        expectShut(made);
    }

    function test_blocks_follows_the_committee() public {
        Case memory made = newCase(1, 2);
        assertFalse(book.blocks(made.request.id), "before");
        convene(made);
        assertTrue(book.blocks(made.request.id), "convened");
        assertFalse(book.blocks(newCase(2, 2).request.id), "another");
        vm.warp(made.committee.revealBy);
        assertTrue(book.blocks(made.request.id), "the last second");
        after_(made.committee.revealBy);
        assertFalse(book.blocks(made.request.id), "over");
        made = convened(3, 2);
        after_(made.committee.commitBy);
        assertTrue(book.blocks(made.request.id), "nobody announced");
        book.settle(made.request.id);
        assertFalse(book.blocks(made.request.id), "settled early");
        expectShut(made); // but not open before its time
    }

    function lockPlainly(Case memory made) private {
        bytes memory opening = openingOf(made);
        vm.prank(rival.addr);
        market.lockRequest(made.request, opening);
        assertTrue(market.requestIsLocked(made.request.id), "locked");
    }

    function expectShut(Case memory made) private {
        bytes memory opening = openingOf(made);
        expectRevert(abi.encodeWithSelector(IMarket.InvalidSignature.selector));
        vm.prank(rival.addr);
        market.lockRequest(made.request, opening);
        expectRevert(abi.encodeWithSelector(IMarket.InvalidSignature.selector));
        market.priceRequest(made.request, opening);
    }
}
