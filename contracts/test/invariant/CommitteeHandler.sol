// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { ICommitteeBook } from "../../src/interfaces/ICommitteeBook.sol";
import { IMarket } from "../../src/interfaces/IMarket.sol";
import { RequestId } from "../../src/request/RequestId.sol";
import { vm } from "../base/Vm.sol";
import { CommitteeTest } from "../committee/CommitteeTest.sol";

/// @notice An exchange and provers that do whatever they can, right or wrong, with many committees at once. Every action says
///         beforehand whether the book will accept it; all money and all stake is accounted for a second time.
contract CommitteeHandler is CommitteeTest {
    enum Part {
        None,
        Bound,
        Declined,
        Honest, // announced a proof of its own
        False, // announced what it cannot show
        Delivered
    }

    struct Model {
        Case made;
        bool settled;
        bool locked;
        uint256 declined;
        uint256 taken;
        uint256 delivered;
        uint256[] order; // indexes of provers, by rank
        bytes32 lastCommitment;
    }

    uint256 private constant CROWD = PROVERS + 1; // the last is no prover at all

    Model[] private models;
    mapping(uint256 model => mapping(uint256 who => Part)) private parts;
    mapping(uint256 who => bool) private joined;
    mapping(uint256 who => uint96) private stakeMax;
    mapping(uint256 who => uint32) private notice;
    mapping(uint256 who => bool) private hasDeclined; // the quota lasts longer than a run
    mapping(uint256 who => uint256) private earned;
    mapping(uint256 who => uint256) private atRisk;
    mapping(uint256 who => uint256) private lost;
    uint256 private accountBalance = FUNDS;
    uint256 private burned;
    uint256 private burnedStake;
    uint256 private escrow;
    uint256 private time;
    uint32 private nextIndex;
    uint256 private seed;
    /// @dev How often each action was accepted.
    mapping(bytes4 => uint256) public accepted;

    constructor() {
        setUp();
        provers.push(stranger);
        time = vm.getBlockTimestamp();
        for (uint256 i = 0; i < PROVERS; ++i) {
            (joined[i], stakeMax[i], notice[i]) = (true, STAKED, NOTICE);
        }
        stake(rival.addr, 1000 ether);
    }

    modifier atItsTime(uint256 seed_) {
        vm.warp(time);
        seed = seed_;
        _;
    }

    // ----------------------------------------------------------------------------------------------------------- actions

    function wait(uint256 duration) external {
        time += bound(duration, 1, 15);
    }

    function joinOrQuit(uint256 seed_) external atItsTime(seed_) {
        uint256 who = draw(CROWD);
        vm.prank(provers[who].addr);
        if (draw(3) == 0) {
            bool success = attempt(abi.encodeCall(ICommitteeBook.quit, (exchange.addr)));
            agree(success, joined[who], this.joinOrQuit.selector);
            joined[who] = false;
            return;
        }
        (uint96 most, uint32 least) = (uint96(1 ether * draw(4)), uint32(draw(21)));
        bool joins = attempt(abi.encodeCall(ICommitteeBook.join, (exchange.addr, most, least)));
        agree(joins, who < PROVERS, this.joinOrQuit.selector);
        if (joins) (joined[who], stakeMax[who], notice[who]) = (true, most, least);
    }

    /// @notice A committee for a new request, or once more for an old one; one in three is out of some bound.
    function convene(uint256 seed_) external atItsTime(seed_) {
        bool again = models.length != 0 && draw(8) == 0;
        Case memory made = again ? models[draw(models.length)].made : drawCase();
        bool expected = !again && isSound(made) && canAllSit(made) && accountBalance >= made.committee.price;
        bool success = attempt(
            abi.encodeCall(
                ICommitteeBook.convene,
                (made.request, made.terms, made.ownerSignature, made.committee, made.exchangeSignature)
            )
        );
        agree(success, expected, ICommitteeBook.convene.selector);
        if (success) record(made);
    }

    function decline(uint256 seed_) external atItsTime(seed_) {
        if (models.length == 0) return;
        (uint256 which, uint256 who) = (inPhase(false), draw(CROWD));
        Model storage model = models[which];
        if (draw(4) != 0) who = indexOf(model.made.committee.provers[draw(model.made.committee.provers.length)]);
        bool expected = time <= model.made.committee.declineBy && parts[which][who] == Part.Bound && !hasDeclined[who];
        vm.prank(provers[who].addr);
        bool success = attempt(abi.encodeCall(ICommitteeBook.decline, (model.made.request.id)));
        agree(success, expected, ICommitteeBook.decline.selector);
        if (!success) return;
        (parts[which][who], hasDeclined[who]) = (Part.Declined, true);
        ++model.declined;
        atRisk[who] -= model.made.request.offer.lockCollateral;
    }

    /// @notice Announces a proof of one's own, what another has announced, or nothing real.
    function commit(uint256 seed_) external atItsTime(seed_) {
        if (models.length == 0) return;
        (uint256 which, uint256 who, uint256 kind) = (inPhase(false), draw(CROWD), draw(6));
        Model storage model = models[which];
        Part part = parts[which][who];
        bool takes = part == Part.None;
        bool expected = !isClosed(model) && (part == Part.Bound || takes);
        // A prover with no place of its own may take one that was declined.
        if (takes) expected = expected && model.taken < model.declined && joined[who] && hasRoom(who, model.made);
        bytes32 commitment = kind == 0
            ? model.lastCommitment
            : kind == 1 ? bytes32(seed) : commitmentOf(proofOf(model.made.request, provers[who]));
        vm.prank(provers[who].addr);
        bool success = attempt(abi.encodeCall(ICommitteeBook.commit, (model.made.request.id, commitment, "sealed")));
        agree(success, expected, ICommitteeBook.commit.selector);
        if (!success) return;
        if (takes) {
            ++model.taken;
            atRisk[who] += model.made.request.offer.lockCollateral;
        }
        model.order.push(who);
        model.lastCommitment = commitment;
        parts[which][who] = kind < 2 ? Part.False : Part.Honest;
    }

    /// @notice Shows one's proof, or that of another as one's own.
    function reveal(uint256 seed_) external atItsTime(seed_) {
        if (models.length == 0) return;
        (uint256 which, uint256 who, bool copies) = (inPhase(true), draw(CROWD), draw(5) == 0);
        Model storage model = models[which];
        if (model.order.length != 0 && draw(4) != 0) who = model.order[draw(model.order.length)];
        Proof memory proof = proofOf(model.made.request, provers[who]);
        if (copies) proof.salt = proofOf(model.made.request, provers[(who + 1) % CROWD]).salt;
        bool expected =
            !copies && parts[which][who] == Part.Honest && isClosed(model) && time <= model.made.committee.revealBy;
        bool success = attempt(
            abi.encodeCall(
                ICommitteeBook.reveal, (proof.signer, proof.request, proof.fill, proof.assessorSeal, proof.salt)
            )
        );
        agree(success, expected, ICommitteeBook.reveal.selector);
        if (!success) return;
        parts[which][who] = Part.Delivered;
        ++model.delivered;
        atRisk[who] -= model.made.request.offer.lockCollateral;
    }

    function settle(uint256 seed_) external atItsTime(seed_) {
        if (models.length == 0) return;
        uint256 which = draw(models.length);
        Model storage model = models[which];
        bool over = time > model.made.committee.revealBy || (isClosed(model) && model.delivered == model.order.length);
        bool success = attempt(abi.encodeCall(ICommitteeBook.settle, (model.made.request.id)));
        agree(success, over && !model.settled, ICommitteeBook.settle.selector);
        if (!success) return;
        model.settled = true;
        dividePrice(which, model);
        punish(which, model);
    }

    /// @notice There is never anything to conclude while the registry does as it should.
    function conclude(uint256 seed_) external atItsTime(seed_) {
        if (models.length == 0) return;
        RequestId id = models[draw(models.length)].made.request.id;
        bool success = attempt(abi.encodeCall(ICommitteeBook.conclude, (id, provers[draw(CROWD)].addr)));
        agree(success, false, ICommitteeBook.conclude.selector);
    }

    /// @notice Somebody takes the request on the plain path, as soon as that is open.
    function lockPlainly(uint256 seed_) external atItsTime(seed_) {
        if (models.length == 0) return;
        Model storage model = models[draw(4) == 0 ? draw(models.length) : opened()];
        Case memory made = model.made;
        uint256 price = time > made.request.offer.rampUpStart + 10 ? MAX_PRICE : MIN_PRICE; // the ramp is over long before
        bool expected = time >= made.terms.openAt && time <= made.request.offer.rampUpStart + 100 && !model.locked
            && model.delivered == 0 && accountBalance >= price;
        vm.prank(rival.addr);
        (bool success,) = address(market).call(abi.encodeCall(IMarket.lockRequest, (made.request, openingOf(made))));
        agree(success, expected, IMarket.lockRequest.selector);
        if (!success) return;
        model.locked = true;
        accountBalance -= price;
    }

    // -------------------------------------------------------------------------------------------------- what is expected

    function drawCase() private returns (Case memory made) {
        made = newCase(nextIndex++, 1 + draw(4));
        uint256 first = draw(PROVERS);
        for (uint256 i = 0; i < made.committee.provers.length; ++i) {
            made.committee.provers[i] = provers[(first + i) % (draw(16) == 0 ? CROWD : PROVERS)].addr;
        }
        made.committee.price = uint96(1 + draw(draw(12) == 0 ? 3 * PRICE : 2 * PRICE));
        made.request.offer.lockCollateral = draw(0.9 ether);
        made.terms.burnBps = uint16(draw(10_001));
        if (draw(6) == 0) made.committee.declineBy = uint64(time - 5 + draw(50));
        if (draw(6) == 0) made.committee.commitBy = uint64(time + draw(70));
        if (draw(6) == 0) made.committee.revealBy = uint64(time + draw(100));
        signCase(made);
    }

    function isSound(Case memory made) private view returns (bool) {
        return made.committee.price <= made.terms.maxPrice && time <= made.committee.declineBy
            && made.committee.declineBy <= made.committee.commitBy && made.committee.commitBy < made.committee.revealBy
            && made.committee.revealBy < made.terms.openAt;
    }

    function canAllSit(Case memory made) private view returns (bool) {
        address[] memory members = made.committee.provers;
        for (uint256 i = 0; i < members.length; ++i) {
            uint256 who = indexOf(members[i]);
            if (!joined[who] || !hasRoom(who, made)) return false;
            if (made.request.offer.lockCollateral > stakeMax[who]) return false;
            if (made.committee.declineBy - time < notice[who]) return false;
            if (made.committee.revealBy - made.committee.commitBy < notice[who]) return false;
            for (uint256 j = 0; j < i; ++j) {
                if (members[j] == members[i]) return false;
            }
        }
        return true;
    }

    /// @dev Active, and with enough stake that nothing else has a claim on.
    function hasRoom(uint256 who, Case memory made) private view returns (bool) {
        uint256 left = STAKED - lost[who];
        return left >= MIN_SELF_STAKE && atRisk[who] + made.request.offer.lockCollateral <= left;
    }

    function isClosed(Model storage model) private view returns (bool) {
        return time > model.made.committee.commitBy || model.order.length == model.made.committee.provers.length;
    }

    function record(Case memory made) private {
        uint256 which = models.length;
        models.push().made = made;
        for (uint256 i = 0; i < made.committee.provers.length; ++i) {
            uint256 who = indexOf(made.committee.provers[i]);
            assertTrue(joined[who], "bound without its consent");
            parts[which][who] = Part.Bound;
            atRisk[who] += made.request.offer.lockCollateral;
        }
        accountBalance -= made.committee.price;
        escrow += made.committee.price;
    }

    function dividePrice(uint256 which, Model storage model) private {
        uint256 price = model.made.committee.price;
        uint256 left = price;
        uint256 place = 0;
        for (uint256 n = 0; n < model.order.length; ++n) {
            uint256 who = model.order[n];
            if (parts[which][who] != Part.Delivered) continue;
            uint256 due = price * model.made.terms.tiers[place++] / 10_000;
            earned[who] += due;
            left -= due;
        }
        if (place == 0) {
            uint256 part = price * model.made.terms.burnBps / 10_000;
            burned += part;
            left -= part;
        }
        accountBalance += left;
        escrow -= price;
    }

    function punish(uint256 which, Model storage model) private {
        uint256 amount = model.made.request.offer.lockCollateral;
        for (uint256 who = 0; who < PROVERS; ++who) {
            Part part = parts[which][who];
            if (part != Part.Bound && part != Part.Honest && part != Part.False) continue;
            atRisk[who] -= amount;
            lost[who] += amount;
            burnedStake += amount - 2 * (amount / 4);
        }
    }

    // ------------------------------------------------------------------------------------------------------------- audit

    /// @notice Compares all money and all stake with what is in the books.
    function audit() external view {
        assertEq(address(book).balance, escrow, "escrow");
        assertEq(market.balanceOf(address(account)), accountBalance, "account");
        assertEq(market.balanceOf(BURN_ADDRESS), burned, "burned");
        assertEq(token.balanceOf(BURN_ADDRESS), burnedStake, "stake burned");
        for (uint256 who = 0; who < PROVERS; ++who) {
            assertEq(market.balanceOf(provers[who].addr), earned[who], "earned");
            assertEq(reservedOf(provers[who].addr), atRisk[who], "at risk");
            assertEq(activeOf(provers[who].addr), STAKED - lost[who], "stake");
        }
        assertEq(market.balanceOf(stranger.addr), 0, "a stranger's");
    }

    /// @notice Nobody but a committee serves a request that it can still prove or has proven.
    function auditPlainPath() external {
        vm.warp(time);
        for (uint256 which = 0; which < models.length; ++which) {
            Model storage model = models[which];
            bool sits = !model.settled && time <= model.made.committee.revealBy;
            assertTrue(book.blocks(model.made.request.id) == (sits || model.delivered != 0), "blocks");
            assertFalse(model.delivered != 0 && model.locked, "paid for twice");
            if (time >= model.made.terms.openAt) assertTrue(!sits, "sits beyond openAt");
        }
    }

    // ------------------------------------------------------------------------------------------------------------ chance

    function draw(uint256 below) private returns (uint256) {
        seed = uint256(keccak256(abi.encode(seed)));
        return seed % below;
    }

    /// @dev Mostly a committee whose ranking is open, or fixed and still to be shown, if there is one.
    function inPhase(bool closed) private returns (uint256) {
        uint256 first = draw(models.length);
        if (draw(5) == 0) return first;
        for (uint256 i = 0; i < models.length; ++i) {
            uint256 which = (first + i) % models.length;
            Model storage model = models[which];
            bool lives = !model.settled && time <= model.made.committee.revealBy;
            if (lives && isClosed(model) == closed) return which;
        }
        return first;
    }

    /// @dev A request whose plain path may be open, if there is one.
    function opened() private returns (uint256) {
        uint256 first = draw(models.length);
        for (uint256 i = 0; i < models.length; ++i) {
            uint256 which = (first + i) % models.length;
            Case storage made = models[which].made;
            bool isTime = time >= made.terms.openAt && time <= made.request.offer.rampUpStart + 100;
            if (isTime && !models[which].locked) return which;
        }
        return first;
    }

    function indexOf(address prover_) private view returns (uint256 who) {
        while (provers[who].addr != prover_) ++who;
    }

    function attempt(bytes memory call_) private returns (bool success) {
        (success,) = address(book).call(call_);
    }

    function agree(bool actual, bool expected, bytes4 action) private {
        assertTrue(actual == expected, "the book and the model disagree");
        if (actual) ++accepted[action];
    }
}
