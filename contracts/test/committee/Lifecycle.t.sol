// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { ICommitteeBook } from "../../src/interfaces/ICommitteeBook.sol";
import { vm } from "../base/Vm.sol";
import { CommitteeTest } from "./CommitteeTest.sol";

/// @notice Whole committees in which everybody does something at random; what everybody ends with is worked out a second time.
contract CommitteeLifecycleTest is CommitteeTest {
    enum Deed {
        Silent,
        Declines,
        Announces,
        Delivers
    }

    uint256 private seed;
    uint256[] private announced; // indexes of provers, in the order of their commitments
    mapping(uint256 => Deed) private deeds;
    mapping(uint256 => bool) private isBound;
    uint256 private declined;
    uint256 private taken;

    function testFuzz_everybody_gets_what_they_are_due(uint256 seed_) public {
        seed = seed_;
        Case memory made = newCase(1, 1 + draw(8));
        made.committee.price = uint96(1 + draw(2 * PRICE));
        made.terms.burnBps = uint16(draw(10_001));
        made.request.offer.lockCollateral = draw(4) == 0 ? 0 : draw(STAKED + 1);
        drawTiers(made.terms.tiers);
        signCase(made);
        convene(made);
        decideAll(made);
        declineAll(made);
        commitAll(made);
        revealAll(made);
        settleInTime(made);
        checkEther(made);
        checkStakes(made);
    }

    // ------------------------------------------------------------------------------------------------------------ phases

    function decideAll(Case memory made) private {
        for (uint256 i = 0; i < PROVERS; ++i) {
            isBound[i] = i < made.committee.provers.length;
            deeds[i] = Deed(draw(4));
        }
    }

    function declineAll(Case memory made) private {
        for (uint256 i = 0; i < PROVERS; ++i) {
            if (deeds[i] != Deed.Declines) continue;
            if (!isBound[i]) expectRevert(notBound(made, i));
            else ++declined;
            decline(made.request.id, provers[i]);
        }
    }

    /// @dev In an order of their own, which may be that of more provers than there are places.
    function commitAll(Case memory made) private {
        uint256[] memory order = shuffled(PROVERS);
        for (uint256 n = 0; n < PROVERS; ++n) {
            uint256 i = order[n];
            if (deeds[i] != Deed.Announces && deeds[i] != Deed.Delivers) continue;
            bytes32 commitment = commitmentOf(proofOf(made.request, provers[i]));
            bool fits = isBound[i];
            if (announced.length == made.committee.provers.length) {
                expectRevert(abi.encodeWithSelector(ICommitteeBook.CommitTimeOver.selector, made.request.id));
                fits = false;
            } else if (!fits && taken == declined) {
                expectRevert(abi.encodeWithSelector(ICommitteeBook.NoPlace.selector, made.request.id));
            } else if (!fits) {
                (fits, isBound[i]) = (true, true);
                ++taken;
            }
            vm.prank(provers[i].addr);
            book.commit(made.request.id, commitment, "");
            if (fits) announced.push(i);
            else deeds[i] = Deed.Silent;
        }
    }

    function revealAll(Case memory made) private {
        if (announced.length < made.committee.provers.length) after_(made.committee.commitBy);
        uint256[] memory order = shuffled(announced.length);
        for (uint256 n = 0; n < order.length; ++n) {
            uint256 i = announced[order[n]];
            if (deeds[i] == Deed.Delivers) reveal(proofOf(made.request, provers[i]));
        }
    }

    function settleInTime(Case memory made) private {
        for (uint256 n = 0; n < announced.length; ++n) {
            if (deeds[announced[n]] == Deed.Delivers) continue;
            expectRevert(abi.encodeWithSelector(ICommitteeBook.NotOver.selector, made.request.id));
            book.settle(made.request.id);
            after_(made.committee.revealBy);
            break;
        }
        book.settle(made.request.id);
    }

    // ------------------------------------------------------------------------------------------------------------ checks

    function checkEther(Case memory made) private view {
        uint256 price = made.committee.price;
        uint256 left = price;
        uint256 place = 0;
        for (uint256 n = 0; n < announced.length; ++n) {
            uint256 i = announced[n];
            uint256 due = deeds[i] == Deed.Delivers ? price * made.terms.tiers[place++] / 10_000 : 0;
            assertEq(market.balanceOf(provers[i].addr), due, "who announced");
            left -= due;
        }
        uint256 burned = place == 0 ? price * made.terms.burnBps / 10_000 : 0;
        assertEq(market.balanceOf(BURN_ADDRESS), burned, "burned");
        assertEq(market.balanceOf(address(account)), FUNDS - price + left - burned, "requester");
        assertEq(address(book).balance, 0, "left in the book");
        assertTrue(book.blocks(made.request.id) == (place != 0), "blocks");
        for (uint256 i = 0; i < PROVERS; ++i) {
            if (deeds[i] == Deed.Silent || deeds[i] == Deed.Declines) {
                assertEq(market.balanceOf(provers[i].addr), 0, "who did nothing");
            }
        }
    }

    function checkStakes(Case memory made) private view {
        uint256 stake = made.request.offer.lockCollateral;
        uint256 slashed = 0;
        for (uint256 i = 0; i < PROVERS; ++i) {
            bool failed = isBound[i] && (deeds[i] == Deed.Silent || deeds[i] == Deed.Announces);
            assertEq(activeOf(provers[i].addr), failed ? STAKED - stake : STAKED, "stake");
            assertEq(reservedOf(provers[i].addr), 0, "reserved");
            if (failed) ++slashed;
        }
        address first = firstOf();
        uint256 quarter = stake / 4;
        if (first == address(0)) {
            assertEq(registry.creditOf(client.addr), 2 * quarter * slashed, "requester, with the first's part");
        } else {
            assertEq(registry.creditOf(first), quarter * slashed, "first");
            assertEq(registry.creditOf(client.addr), quarter * slashed, "requester");
        }
        assertEq(token.balanceOf(BURN_ADDRESS), (stake - 2 * quarter) * slashed, "burned");
    }

    function firstOf() private view returns (address) {
        for (uint256 n = 0; n < announced.length; ++n) {
            if (deeds[announced[n]] == Deed.Delivers) return provers[announced[n]].addr;
        }
        return address(0);
    }

    // ----------------------------------------------------------------------------------------------------------- chance

    function draw(uint256 below) private returns (uint256) {
        seed = uint256(keccak256(abi.encode(seed)));
        return seed % below;
    }

    /// @dev Any shares that are the whole together, zeroes included.
    function drawTiers(uint16[] memory tiers) private {
        uint256 left = 10_000;
        for (uint256 i = 0; i < tiers.length; ++i) {
            tiers[i] = uint16(i + 1 == tiers.length ? left : draw(left + 1));
            left -= tiers[i];
        }
    }

    function shuffled(uint256 count) private returns (uint256[] memory order) {
        order = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 j = draw(i + 1);
            order[i] = order[j];
            order[j] = i;
        }
    }

    function notBound(Case memory made, uint256 i) private view returns (bytes memory) {
        return abi.encodeWithSelector(ICommitteeBook.NotBound.selector, made.request.id, provers[i].addr);
    }
}
