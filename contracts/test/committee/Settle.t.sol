// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Sitting } from "../../src/committee/Sitting.sol";
import { ICommitteeBook } from "../../src/interfaces/ICommitteeBook.sol";
import { RequestId } from "../../src/request/RequestId.sol";
import { vm } from "../base/Vm.sol";
import { FailingRegistry, PayingClient } from "./CommitteeOutsiders.sol";
import { CommitteeTest } from "./CommitteeTest.sol";

contract CommitteeSettleTest is CommitteeTest {
    // ------------------------------------------------------------------------------------------------------------ reverts

    function test_a_request_without_a_committee_reverts() public {
        RequestId id = smartIdOf(address(account), 1);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.NotConvened.selector, id));
        book.settle(id);
    }

    function test_settling_twice_reverts() public {
        Case memory made = convened(1, 2);
        after_(made.committee.revealBy);
        book.settle(made.request.id);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.AlreadySettled.selector, made.request.id));
        book.settle(made.request.id);
    }

    function test_while_anybody_can_commit_or_reveal_it_reverts() public {
        Case memory made = convened(1, 3);
        expectNotOver(made);
        Proof memory first = commit(made.request, provers[0]);
        commit(made.request, provers[1]);
        vm.warp(made.committee.commitBy);
        expectNotOver(made);
        after_(made.committee.commitBy);
        expectNotOver(made);
        reveal(first);
        vm.warp(made.committee.revealBy);
        expectNotOver(made);
    }

    function testFuzz_no_amount_of_gas_skips_a_slash(uint256 gas) public {
        Case memory made = convened(1, 2);
        after_(made.committee.revealBy);
        bytes memory call_ = abi.encodeCall(ICommitteeBook.settle, (made.request.id));
        (bool success,) = address(book).call{ gas: bound(gas, 100_000, 1_600_000) }(call_);
        (Sitting memory sitting,) = book.sittingOf(made.request.id);
        assertTrue(success == sitting.settled, "settled");
        for (uint256 i = 0; i < 2; ++i) {
            assertFalse(success && seatOf(made.request.id, provers[i].addr).holdsStake, "a stake was forgotten");
            assertEq(activeOf(provers[i].addr), success ? STAKED - COLLATERAL : STAKED, "stake");
        }
    }

    // ---------------------------------------------------------------------------------------------------------- the price

    function test_ranks_are_paid_by_their_tiers() public {
        Case memory made = convened(1, 3); // tiers 5,000, 2,500, 2,500
        Proof memory first = commit(made.request, provers[2]);
        Proof memory second = commit(made.request, provers[0]);
        Proof memory third = commit(made.request, provers[1]);
        reveal(third); // in whatever order they are shown
        reveal(first);
        expectNotOver(made);
        reveal(second);
        vm.expectEmit(true, true, true, true, address(book));
        emit ICommitteeBook.Settled(made.request.id, PRICE, 0, 0);
        vm.expectEmit(true, true, true, true, address(book));
        emit ICommitteeBook.Rewarded(made.request.id, provers[2].addr, PRICE / 2);
        book.settle(made.request.id);
        assertPayments(PRICE / 4, PRICE / 4, PRICE / 2);
        assertRest(0, 0);
        (Sitting memory sitting,) = book.sittingOf(made.request.id);
        assertTrue(sitting.settled, "settled");
    }

    /// @dev Who announced first and showed nothing leaves its tier to the next.
    function test_the_next_moves_up_when_the_first_shows_nothing() public {
        Case memory made = convened(1, 3);
        commit(made.request, provers[2]);
        Proof memory second = commit(made.request, provers[0]);
        Proof memory third = commit(made.request, provers[1]);
        reveal(second);
        reveal(third);
        expectNotOver(made);
        after_(made.committee.revealBy);
        book.settle(made.request.id);
        assertPayments(PRICE / 2, PRICE / 4, 0);
        assertRest(PRICE / 4, 0);
    }

    function test_whoever_took_a_place_is_paid_as_a_member() public {
        Case memory made = convened(1, 2);
        decline(made.request.id, provers[0]);
        Proof memory first = commit(made.request, provers[2]);
        Proof memory second = commit(made.request, provers[1]);
        reveal(first);
        reveal(second);
        book.settle(made.request.id);
        assertPayments(0, PRICE / 2, PRICE / 2);
        assertEq(activeOf(provers[0].addr), STAKED, "of who declined");
    }

    function testFuzz_rounding_is_the_requesters(uint96 price, uint256 deliveries) public {
        Case memory made = newCase(1, 3);
        made.committee.price = uint96(bound(price, 1, 2 * PRICE));
        (made.terms.tiers[0], made.terms.tiers[1], made.terms.tiers[2]) = (3_334, 3_333, 3_333);
        signCase(made);
        convene(made);
        deliveries = bound(deliveries, 1, 3);
        uint256 paid = 0;
        for (uint256 i = 0; i < deliveries; ++i) {
            commit(made.request, provers[i]);
        }
        after_(made.committee.commitBy);
        for (uint256 i = 0; i < deliveries; ++i) {
            reveal(proofOf(made.request, provers[i]));
            paid += uint256(made.committee.price) * made.terms.tiers[i] / 10_000;
        }
        book.settle(made.request.id);
        assertRest(made.committee.price - paid, 0);
        assertEq(address(book).balance, 0, "left in the book");
    }

    function testFuzz_part_is_burned_when_nobody_delivers(uint96 price, uint16 burnBps, bool announced) public {
        Case memory made = newCase(1, 3);
        made.committee.price = uint96(bound(price, 1, 2 * PRICE));
        made.terms.burnBps = uint16(bound(burnBps, 0, 10_000));
        signCase(made);
        convene(made);
        if (announced) commit(made.request, provers[1]);
        after_(announced ? made.committee.revealBy : made.committee.commitBy);
        uint256 burned = uint256(made.committee.price) * made.terms.burnBps / 10_000;
        vm.expectEmit(true, true, true, true, address(book));
        emit ICommitteeBook.Settled(made.request.id, 0, made.committee.price - burned, burned);
        vm.prank(stranger.addr); // anybody may call it
        book.settle(made.request.id);
        assertPayments(0, 0, 0);
        assertRest(made.committee.price - burned, burned);
        assertEq(address(book).balance, 0, "left in the book");
    }

    // ------------------------------------------------------------------------------------------------------------- stakes

    function test_silent_provers_are_slashed_for_the_first_and_the_requester() public {
        Case memory made = newCase(1, 4);
        made.request.offer.lockCollateral = 1 ether + 3;
        signCase(made);
        convene(made);
        decline(made.request.id, provers[0]);
        commit(made.request, provers[5]); // took the place, and shows nothing
        commit(made.request, provers[1]); // announced, and shows nothing
        Proof memory proof = commit(made.request, provers[2]);
        after_(made.committee.commitBy);
        reveal(proof);
        after_(made.committee.revealBy);
        uint256 dead = token.balanceOf(BURN_ADDRESS);
        book.settle(made.request.id);

        uint256 quarter = 0.25 ether; // of 1 ether + 3, rounded down
        assertEq(registry.creditOf(provers[2].addr), 3 * quarter, "of the first");
        assertEq(registry.creditOf(client.addr), 3 * quarter, "of the requester");
        assertEq(token.balanceOf(BURN_ADDRESS) - dead, 3 * (0.5 ether + 3), "burned");
        uint256[6] memory lost = [uint256(0), 1 ether + 3, 0, 1 ether + 3, 0, 1 ether + 3];
        for (uint256 i = 0; i < 6; ++i) {
            assertEq(activeOf(provers[i].addr), STAKED - lost[i], "stake");
            assertEq(reservedOf(provers[i].addr), 0, "reserved");
            assertFalse(seatOf(made.request.id, provers[i].addr).holdsStake, "holds stake");
        }
    }

    function test_the_requester_has_both_parts_when_nobody_delivered() public {
        Case memory made = convened(1, 2);
        after_(made.committee.revealBy);
        book.settle(made.request.id);
        assertEq(registry.creditOf(client.addr), COLLATERAL, "half of two");
        assertEq(registry.creditOf(address(0)), 0, "of nobody");
        registry.claim(client.addr);
        assertEq(token.balanceOf(client.addr), COLLATERAL, "claimed");
    }

    function test_a_client_that_names_no_owner_is_the_requester_itself() public {
        for (uint256 i = 0; i < 6; ++i) {
            PayingClient payer = new PayingClient();
            payer.setOwner(PayingClient.Owner(i));
            payer.setPayment(PRICE, 1);
            vm.deal(address(payer), PRICE);
            Case memory made = newCase(uint32(i), 1);
            made.request.id = smartIdOf(address(payer), 1);
            signCase(made);
            convene(made);
            after_(made.committee.commitBy);
            book.settle(made.request.id);
            bool named = i == 0;
            assertEq(registry.creditOf(address(payer)), named ? 0 : COLLATERAL / 2, "of the client");
            assertEq(market.balanceOf(address(payer)), PRICE - PRICE * BURN_BPS / 10_000, "refund");
        }
        assertEq(registry.creditOf(address(0xbeef)), COLLATERAL / 2, "of the owner");
    }

    // ----------------------------------------------------------------------------------------- a registry that fails

    function test_a_registry_that_fails_to_slash_holds_nobody_up() public {
        for (uint32 i = 1; i < 3; ++i) {
            Case memory made = convened(i, 3);
            Proof memory proof = commit(made.request, provers[0]);
            after_(made.committee.commitBy);
            reveal(proof);
            uint256 before = market.balanceOf(provers[0].addr);
            bytes memory code = address(registry).code;
            vm.etch(address(registry), address(new FailingRegistry(i == 1)).code);
            vm.expectEmit(true, true, true, true, address(book));
            emit ICommitteeBook.StakeHeld(made.request.id, provers[1].addr);
            vm.expectEmit(true, true, true, true, address(book));
            emit ICommitteeBook.StakeHeld(made.request.id, provers[2].addr);
            book.settle(made.request.id);
            vm.etch(address(registry), code);
            assertEq(market.balanceOf(provers[0].addr) - before, PRICE / 2, "paid");
            assertEq(reservedOf(provers[1].addr), COLLATERAL, "reserved");

            uint256 stake = activeOf(provers[1].addr);
            uint256 credit = registry.creditOf(provers[0].addr);
            book.conclude(made.request.id, provers[1].addr);
            assertEq(activeOf(provers[1].addr), stake - COLLATERAL, "slashed");
            assertEq(registry.creditOf(provers[0].addr), credit + COLLATERAL / 4, "of the first");
            assertEq(reservedOf(provers[1].addr), 0, "reserved");
            expectNothingHeld(made, provers[1].addr);
            book.conclude(made.request.id, provers[2].addr);
        }
    }

    function test_conclude_reverts_where_there_is_nothing_to_conclude() public {
        RequestId id = smartIdOf(address(account), 1);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.NotConvened.selector, id));
        book.conclude(id, provers[0].addr);
        Case memory made = convened(1, 4);
        decline(id, provers[0]);
        Proof memory proof = commit(made.request, provers[1]);
        commit(made.request, provers[2]);
        for (uint256 i = 0; i < 5; ++i) {
            expectNothingHeld(made, provers[i].addr); // not yet due
        }
        after_(made.committee.commitBy);
        reveal(proof);
        expectNothingHeld(made, provers[1].addr);
        after_(made.committee.revealBy);
        expectNothingHeld(made, provers[2].addr); // settlement comes first
        book.settle(id);
        for (uint256 i = 0; i < 5; ++i) {
            expectNothingHeld(made, provers[i].addr);
        }
    }

    function test_a_slash_of_a_committee_where_nobody_delivered_can_be_concluded() public {
        Case memory made = convened(1, 1);
        after_(made.committee.commitBy);
        bytes memory code = address(registry).code;
        vm.etch(address(registry), address(new FailingRegistry(false)).code);
        book.settle(made.request.id);
        vm.etch(address(registry), code);
        book.conclude(made.request.id, provers[0].addr);
        assertEq(registry.creditOf(client.addr), COLLATERAL / 2, "of the requester");
    }

    // ------------------------------------------------------------------------------------------------------------ helpers

    function assertPayments(uint256 first, uint256 second, uint256 third) private view {
        assertEq(market.balanceOf(provers[0].addr), first, "first prover");
        assertEq(market.balanceOf(provers[1].addr), second, "second prover");
        assertEq(market.balanceOf(provers[2].addr), third, "third prover");
    }

    function assertRest(uint256 refunded, uint256 burned) private view {
        (Sitting memory sitting,) = book.sittingOf(smartIdOf(address(account), 1));
        assertEq(market.balanceOf(address(account)), FUNDS - sitting.price + refunded, "account");
        assertEq(market.balanceOf(BURN_ADDRESS), burned, "burned");
    }

    function expectNotOver(Case memory made) private {
        expectRevert(abi.encodeWithSelector(ICommitteeBook.NotOver.selector, made.request.id));
        book.settle(made.request.id);
    }

    function expectNothingHeld(Case memory made, address who) private {
        expectRevert(abi.encodeWithSelector(ICommitteeBook.NothingHeld.selector, made.request.id, who));
        book.conclude(made.request.id, who);
    }
}
