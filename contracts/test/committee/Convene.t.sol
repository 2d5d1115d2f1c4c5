// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Committee } from "../../src/committee/Committee.sol";
import { Seat, SeatState, Sitting } from "../../src/committee/Sitting.sol";
import { IAllocationBook } from "../../src/interfaces/IAllocationBook.sol";
import { ICommitteeBook } from "../../src/interfaces/ICommitteeBook.sol";
import { IMarket } from "../../src/interfaces/IMarket.sol";
import { IProverRegistry } from "../../src/interfaces/IProverRegistry.sol";
import { IRequesterAccount } from "../../src/interfaces/IRequesterAccount.sol";
import { RequestId } from "../../src/request/RequestId.sol";
import { vm } from "../base/Vm.sol";
import { CommitteeTest } from "./CommitteeTest.sol";
import { Contract1271, PayingClient } from "./CommitteeOutsiders.sol";

contract CommitteeConveneTest is CommitteeTest {
    // ------------------------------------------------------------------------------------------------------------ reverts

    function test_an_id_that_is_none_reverts() public {
        Case memory made = newCase(1, 3);
        made.request.id = RequestId.wrap(RequestId.unwrap(made.request.id) | (1 << 193));
        signCase(made);
        made.committee.request = 0;
        expectRevert(abi.encodeWithSelector(ICommitteeBook.InvalidClient.selector, made.request.id));
        convene(made);
    }

    function test_a_client_that_signs_by_key_reverts() public {
        Case memory made = newCase(1, 3);
        made.request.id = idOf(address(account), 1);
        signCase(made);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.InvalidClient.selector, made.request.id));
        convene(made);
    }

    function test_another_request_reverts() public {
        Case memory made = newCase(1, 3);
        bytes32 expected = made.committee.request;
        made.committee.request = keccak256("another");
        made.committee.terms = 0;
        signCommittee(made);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.WrongRequest.selector, expected, keccak256("another")));
        convene(made);
    }

    function test_other_terms_revert() public {
        Case memory made = newCase(1, 3);
        bytes32 expected = made.committee.terms;
        made.committee.terms = keccak256("others");
        made.exchangeSignature = "";
        expectRevert(abi.encodeWithSelector(ICommitteeBook.WrongTerms.selector, expected, keccak256("others")));
        convene(made);
    }

    function test_a_committee_that_the_exchange_did_not_sign_reverts() public {
        Case memory made = newCase(1, 3);
        made.committee.price = PRICE - 1;
        made.request.offer.lockTimeout = 300;
        made.committee.request = newHash(made);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.NotSignedByExchange.selector, exchange.addr));
        convene(made);
    }

    function test_an_offer_at_odds_with_itself_reverts() public {
        Case memory made = newCase(1, 3);
        made.request.offer.lockTimeout = 300;
        made.terms.openAt += 1000;
        signCase(made);
        expectRevert(abi.encodeWithSelector(IMarket.InvalidRequest.selector));
        convene(made);
    }

    function test_terms_that_open_after_the_last_lock_revert() public {
        Case memory made = newCase(1, 3);
        uint64 lockDeadline = uint64(vm.getBlockTimestamp()) + 100;
        made.terms.openAt = lockDeadline + 1;
        made.terms.tiers[0] += 1;
        signCase(made);
        expectRevert(abi.encodeWithSelector(IAllocationBook.OpensTooLate.selector, lockDeadline + 1, lockDeadline));
        convene(made);
    }

    function test_tiers_that_are_not_the_whole_revert() public {
        Case memory made = newCase(1, 3);
        made.terms.tiers[0] += 1;
        made.committee.provers = new address[](0);
        signCase(made);
        expectRevert(abi.encodeWithSelector(IAllocationBook.InvalidTiers.selector, 10_001));
        convene(made);
    }

    function test_a_burn_above_the_whole_reverts() public {
        Case memory made = newCase(1, 3);
        made.terms.burnBps = 10_001;
        signCase(made);
        expectRevert(abi.encodeWithSelector(IAllocationBook.InvalidBurn.selector, 10_001));
        convene(made);
    }

    function test_a_prover_too_few_or_too_many_reverts() public {
        Case memory made = newCase(1, 3);
        made.terms.tiers = tiersOf(4);
        made.committee.price = 0;
        signCase(made);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.InvalidSize.selector, 3, 4));
        convene(made);
        made.terms.tiers = tiersOf(2);
        signCase(made);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.InvalidSize.selector, 3, 2));
        convene(made);
    }

    function test_terms_without_tiers_revert() public {
        Case memory made = newCase(1, 0);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.InvalidSize.selector, 0, 0));
        convene(made);
    }

    function test_eleven_provers_revert() public {
        Case memory made = newCase(1, 1);
        made.terms.tiers = tiersOf(11);
        made.committee.provers = new address[](11);
        signCase(made);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.InvalidSize.selector, 11, 11));
        convene(made);
    }

    function test_a_price_of_nothing_or_above_the_terms_reverts() public {
        Case memory made = newCase(1, 3);
        made.committee.price = 0;
        made.request.offer.lockCollateral = 1 << 96;
        signCase(made);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.InvalidPrice.selector, 0, 2 * PRICE));
        convene(made);
        made.committee.price = 2 * PRICE + 1;
        signCase(made);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.InvalidPrice.selector, 2 * PRICE + 1, 2 * PRICE));
        convene(made);
    }

    function test_a_stake_beyond_96_bits_reverts() public {
        Case memory made = newCase(1, 3);
        made.request.offer.lockCollateral = 1 << 96;
        made.committee.declineBy = 0;
        signCase(made);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.InvalidStake.selector, 1 << 96));
        convene(made);
    }

    /// @dev Each of the four inequalities, off by one second.
    function test_times_out_of_order_revert() public {
        Case memory made = newCase(1, 3);
        made.committee.declineBy = uint64(vm.getBlockTimestamp()) - 1;
        expectInvalidTimes(made);
        made = newCase(1, 3);
        made.committee.declineBy = made.committee.commitBy + 1;
        expectInvalidTimes(made);
        made = newCase(1, 3);
        made.committee.revealBy = made.committee.commitBy;
        expectInvalidTimes(made);
        made = newCase(1, 3);
        made.committee.revealBy = made.terms.openAt;
        expectInvalidTimes(made);
    }

    function test_a_second_committee_reverts() public {
        Case memory made = convened(1, 3);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.AlreadyConvened.selector, made.request.id));
        convene(made);
    }

    function test_a_second_committee_after_one_that_failed_reverts() public {
        Case memory made = convened(1, 1);
        after_(made.committee.commitBy);
        book.settle(made.request.id);
        made = newCase(1, 2);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.AlreadyConvened.selector, made.request.id));
        convene(made);
    }

    function test_a_locked_request_reverts() public {
        Case memory made = newCase(1, 3);
        bytes memory signature = sign(client.key, digestOf(made.request)); // signed plainly too
        vm.prank(prover.addr);
        market.lockRequest(made.request, signature);
        made.committee.provers[1] = made.committee.provers[0];
        signCase(made);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.AlreadyTaken.selector, made.request.id));
        convene(made);
    }

    function test_a_fulfilled_request_reverts() public {
        Case memory made = newCase(1, 3);
        deliverPlainly(made);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.AlreadyTaken.selector, made.request.id));
        convene(made);
    }

    function test_a_repeated_prover_reverts() public {
        Case memory made = newCase(1, 3);
        made.committee.provers[2] = made.committee.provers[0];
        signCase(made);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.RepeatedProver.selector, provers[0].addr));
        convene(made);
    }

    function test_a_prover_that_never_joined_reverts() public {
        Case memory made = newCase(1, 3);
        made.committee.provers[1] = stranger.addr;
        signCase(made);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.NotJoined.selector, exchange.addr, stranger.addr));
        convene(made);
    }

    function test_a_prover_that_quit_reverts() public {
        Case memory made = newCase(1, 3);
        vm.prank(provers[2].addr);
        book.quit(exchange.addr);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.NotJoined.selector, exchange.addr, provers[2].addr));
        convene(made);
    }

    function test_a_prover_that_joined_another_exchange_reverts() public {
        Case memory made = newCase(1, 3);
        made.terms.exchange = stranger.addr;
        signCase(made);
        made.exchangeSignature = sign(stranger.key, committeeDigest(made.committee));
        expectRevert(abi.encodeWithSelector(ICommitteeBook.NotJoined.selector, stranger.addr, provers[0].addr));
        convene(made);
    }

    function test_more_stake_than_agreed_reverts() public {
        Case memory made = newCase(1, 3);
        vm.prank(provers[1].addr);
        book.join(exchange.addr, COLLATERAL - 1, NOTICE);
        expectBeyondConsent(made, COLLATERAL - 1, NOTICE);
    }

    function test_less_time_to_decline_than_agreed_reverts() public {
        Case memory made = newCase(1, 3);
        made.committee.declineBy -= 1;
        vm.prank(provers[1].addr);
        book.join(exchange.addr, COLLATERAL, 20);
        vm.prank(provers[0].addr);
        book.join(exchange.addr, COLLATERAL, 19);
        signCase(made);
        expectBeyondConsent(made, COLLATERAL, 20);
    }

    function test_less_time_to_reveal_than_agreed_reverts() public {
        Case memory made = newCase(1, 3);
        made.committee.revealBy -= 1;
        vm.prank(provers[1].addr);
        book.join(exchange.addr, COLLATERAL, 20);
        vm.prank(provers[0].addr);
        book.join(exchange.addr, COLLATERAL, 19);
        signCase(made);
        expectBeyondConsent(made, COLLATERAL, 20);
    }

    function test_a_prover_out_of_the_active_set_reverts() public {
        Case memory made = newCase(1, 3);
        uint256 active = activeOf(provers[1].addr);
        (uint128 shares,) = registry.positionOf(provers[1].addr, provers[1].addr);
        assertEq(active, STAKED, "stake");
        vm.prank(provers[1].addr);
        registry.undelegate(provers[1].addr, shares);
        expectRevert(abi.encodeWithSelector(IProverRegistry.NotActive.selector, provers[1].addr));
        convene(made);
    }

    function test_a_prover_that_does_not_allow_the_book_reverts() public {
        Case memory made = newCase(1, 3);
        vm.prank(provers[1].addr);
        registry.revoke(address(book));
        expectRevert(abi.encodeWithSelector(IProverRegistry.NotAllowed.selector, provers[1].addr, address(book)));
        convene(made);
    }

    function test_a_prover_with_too_little_stake_left_reverts() public {
        Case memory made = newCase(1, 1);
        made.request.offer.lockCollateral = STAKED;
        signCase(made);
        convene(made);
        made = newCase(2, 3);
        expectRevert(
            abi.encodeWithSelector(
                IProverRegistry.InsufficientStake.selector, provers[0].addr, STAKED + COLLATERAL, STAKED
            )
        );
        convene(made);
    }

    function test_a_request_that_the_owner_did_not_sign_reverts() public {
        Case memory made = newCase(1, 3);
        made.ownerSignature = sign(stranger.key, keccak256("anything"));
        expectRevert(abi.encodeWithSelector(IRequesterAccount.NotSignedByOwner.selector, client.addr));
        convene(made);
    }

    function test_an_account_without_the_price_reverts() public {
        Case memory made = newCase(1, 3);
        vm.prank(client.addr);
        account.withdraw(FUNDS - PRICE + 1);
        expectRevert(abi.encodeWithSelector(IMarket.InsufficientBalance.selector, address(account)));
        convene(made);
    }

    function test_a_client_without_code_reverts() public {
        Case memory made = newCase(1, 3);
        made.request.id = smartIdOf(stranger.addr, 1);
        signCase(made);
        vm.expectRevert();
        convene(made);
    }

    function test_a_client_that_pays_nothing_reverts() public {
        (Case memory made, PayingClient payer) = caseOfOther(1);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.Unpaid.selector, address(payer), PRICE));
        convene(made);
    }

    function test_a_client_that_pays_another_amount_reverts() public {
        (Case memory made, PayingClient payer) = caseOfOther(1);
        payer.setPayment(PRICE - 1, 1);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.UnexpectedPayment.selector, address(payer), PRICE - 1));
        convene(made);
        payer.setPayment(0, 1);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.UnexpectedPayment.selector, address(payer), 0));
        convene(made);
    }

    function test_a_client_that_pays_twice_reverts() public {
        (Case memory made, PayingClient payer) = caseOfOther(1);
        payer.setPayment(PRICE, 2);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.UnexpectedPayment.selector, address(payer), PRICE));
        convene(made);
    }

    /// @dev One payment cannot stand for two committees.
    function test_a_client_that_convenes_before_it_pays_reverts() public {
        (Case memory made, PayingClient payer) = caseOfOther(1);
        Case memory second = newCase(2, 2);
        payer.setPayment(PRICE, 1);
        payer.setNested(
            address(book),
            abi.encodeCall(
                ICommitteeBook.convene,
                (second.request, second.terms, second.ownerSignature, second.committee, second.exchangeSignature)
            )
        );
        expectRevert(abi.encodeWithSelector(ICommitteeBook.Unpaid.selector, address(account), PRICE));
        convene(made);
    }

    function test_ether_that_nobody_asked_for_reverts() public {
        vm.deal(stranger.addr, 1 ether);
        vm.prank(stranger.addr);
        (bool success, bytes memory reason) = address(book).call{ value: 1 ether }("");
        assertFalse(success, "accepted");
        assertEq(
            reason, abi.encodeWithSelector(ICommitteeBook.UnexpectedPayment.selector, stranger.addr, 1 ether), "reason"
        );
    }

    // -------------------------------------------------------------------------------------------------------------- works

    function test_it_announces_the_committee() public {
        Case memory made = newCase(1, 3);
        vm.expectEmit(true, true, true, true, address(book));
        emit ICommitteeBook.Convened(made.request.id, exchange.addr, made.request, made.terms, made.committee);
        convene(made);
    }

    function testFuzz_it_takes_the_price_and_reserves_stakes(uint256 size, uint96 price, uint96 stake, uint256 caller)
        public
    {
        Case memory made = newCase(7, bound(size, 1, PROVERS));
        made.committee.price = uint96(bound(price, 1, 2 * PRICE));
        made.request.offer.lockCollateral = bound(stake, 0, STAKED);
        signCase(made);
        vm.prank(vm.addr(toKey(caller)));
        convene(made);

        assertEq(address(book).balance, made.committee.price, "escrow");
        assertEq(market.balanceOf(address(account)), FUNDS - made.committee.price, "account");
        assertTrue(book.blocks(made.request.id), "blocks");
        for (uint256 i = 0; i < PROVERS; ++i) {
            bool bound_ = i < made.committee.provers.length;
            assertEq(reservedOf(provers[i].addr), bound_ ? made.request.offer.lockCollateral : 0, "reserved");
        }
        checkSitting(made);
    }

    function test_it_works_in_the_last_second() public {
        Case memory made = newCase(1, 3);
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(provers[i].addr);
            book.join(exchange.addr, COLLATERAL, 0);
        }
        vm.warp(made.committee.declineBy);
        convene(made);
        assertTrue(book.blocks(made.request.id), "blocks");
    }

    function test_ten_provers_can_sit() public {
        addProvers(2);
        Case memory made = convened(1, 10);
        checkSitting(made);
        assertEq(book.SIZE_MAX(), 10, "limit");
    }

    function test_an_exchange_may_be_a_contract() public {
        Case memory made = newCase(1, 1);
        made.terms.exchange = address(new Contract1271("the exchange says so"));
        signCase(made);
        made.exchangeSignature = "the exchange says so";
        vm.prank(provers[0].addr);
        book.join(made.terms.exchange, COLLATERAL, 0);
        convene(made);
        made = newCase(2, 1);
        made.terms.exchange = address(new Contract1271("another thing"));
        signCase(made);
        made.exchangeSignature = "the exchange says so";
        expectRevert(abi.encodeWithSelector(ICommitteeBook.NotSignedByExchange.selector, made.terms.exchange));
        convene(made);
    }

    /// @dev A payment made is a payment made: another committee may follow it.
    function test_a_client_may_convene_after_it_paid() public {
        (Case memory made, PayingClient payer) = caseOfOther(1);
        Case memory second = newCase(2, 2);
        payer.setPayment(PRICE, 1);
        payer.setNestedAfter(
            address(book),
            abi.encodeCall(
                ICommitteeBook.convene,
                (second.request, second.terms, second.ownerSignature, second.committee, second.exchangeSignature)
            )
        );
        convene(made);
        assertEq(address(book).balance, 2 * PRICE, "escrow");
    }

    // ------------------------------------------------------------------------------------------------------------ helpers

    function checkSitting(Case memory made) private view {
        (Sitting memory sitting, Seat[] memory seats) = book.sittingOf(made.request.id);
        assertEq(sitting.requestHash, made.committee.request, "request");
        assertEq(sitting.exchange, made.terms.exchange, "exchange");
        assertEq(sitting.price, made.committee.price, "price");
        assertEq(sitting.stake, made.request.offer.lockCollateral, "stake");
        assertEq(sitting.burnBps, made.terms.burnBps, "burn");
        assertEq(sitting.size, made.committee.provers.length, "size");
        assertEq(sitting.declineBy, made.committee.declineBy, "decline by");
        assertEq(sitting.commitBy, made.committee.commitBy, "commit by");
        assertEq(sitting.revealBy, made.committee.revealBy, "reveal by");
        assertFalse(sitting.settled, "settled");
        assertEq(sitting.committed + sitting.revealed + sitting.declined + sitting.taken, 0, "counters");
        assertEq(seats.length, sitting.size, "seats");
        for (uint256 i = 0; i < sitting.size; ++i) {
            Seat memory seat = seats[i];
            assertEq(seat.prover, made.committee.provers[i], "member");
            assertTrue(seat.state == SeatState.Bound && seat.holdsStake, "bound");
            assertEq((sitting.tiers >> (16 * i)) & 0xffff, made.terms.tiers[i], "tier");
        }
    }

    /// @dev A committee for a client that is a contract of its own.
    function caseOfOther(uint32 index) private returns (Case memory made, PayingClient payer) {
        payer = new PayingClient();
        vm.deal(address(payer), 10 ether);
        made = newCase(index, 2);
        made.request.id = smartIdOf(address(payer), index);
        signCase(made);
    }

    function newHash(Case memory made) private view returns (bytes32) {
        bytes memory signature = made.exchangeSignature;
        signCase(made);
        made.exchangeSignature = signature;
        return made.committee.request;
    }

    function deliverPlainly(Case memory made) private {
        bytes memory signature = sign(client.key, digestOf(made.request));
        vm.prank(prover.addr);
        market.lockRequest(made.request, signature);
        deliver(made.request, prover);
    }

    function expectInvalidTimes(Case memory made) private {
        made.committee.provers[1] = made.committee.provers[0];
        signCase(made);
        expectRevert(abi.encodeWithSelector(ICommitteeBook.InvalidTimes.selector));
        convene(made);
    }

    function expectBeyondConsent(Case memory made, uint96 stakeMax, uint32 notice) private {
        expectRevert(abi.encodeWithSelector(ICommitteeBook.BeyondConsent.selector, provers[1].addr, stakeMax, notice));
        convene(made);
    }
}
