// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { LibCall } from "solady/utils/LibCall.sol";
import { SignatureCheckerLib } from "solady/utils/SignatureCheckerLib.sol";

import { HashedRequest, HashedRequestLib } from "./allocation/HashedRequest.sol";
import { Terms } from "./allocation/Terms.sol";
import { Committee } from "./committee/Committee.sol";
import { SIZE_LIMIT, Seat, SeatState, Sitting, SittingLib } from "./committee/Sitting.sol";
import { Fulfillment, FulfillmentBatch, FulfillmentDataType } from "./fulfillment/FulfillmentBatch.sol";
import { FulfillmentData } from "./fulfillment/FulfillmentData.sol";
import { ICommitteeBook } from "./interfaces/ICommitteeBook.sol";
import { IMarket } from "./interfaces/IMarket.sol";
import { IMarketCallback } from "./interfaces/IMarketCallback.sol";
import { IProverRegistry } from "./interfaces/IProverRegistry.sol";
import { IRequesterAccount } from "./interfaces/IRequesterAccount.sol";
import { IVerifierRouter } from "./interfaces/IVerifierRouter.sol";
import { Offer } from "./request/Offer.sol";
import { ProofRequest, SlimRequest } from "./request/ProofRequest.sol";
import { RequestId } from "./request/RequestId.sol";
import { Callback } from "./request/Requirements.sol";
import { Eip712, Eip712Domain } from "./signing/Eip712Domain.sol";

/// @dev What a prover has agreed to with an exchange, in one slot.
struct Consent {
    bool joined;
    uint96 stakeMax;
    uint32 notice;
}

/// @title Requests proved by several provers at once, see ICommitteeBook for what it promises
/// @dev One order in every entry point: checks, compute, effects, event, callback, transfer. Only `convene` calls a client that
///      could call back with something unfinished, the price not being here yet. What it does meanwhile with the committee
///      stands or falls with that price.
contract CommitteeBook is ICommitteeBook, Eip712Domain {
    // ------------------------------------------------------------------------------------------------- constants, storage

    uint256 public constant SIZE_MAX = SIZE_LIMIT;

    uint16 private constant SLASH_BURN_BPS = 5_000;
    uint16 private constant SLASH_RESCUER_BPS = 2_500;
    uint16 private constant SLASH_REQUESTER_BPS = 2_500;
    /// @dev A callback chosen by a stranger must not make others pay for logging what it returns.
    uint16 private constant CALLBACK_ERROR_LIMIT = 1024;
    address private constant BURN_ADDRESS = 0x000000000000000000000000000000000000dEaD;
    /// @dev Limits of single calls during settlement, and more than the registry needs for them.
    uint256 private constant RELEASE_GAS = 100_000;
    uint256 private constant SLASH_GAS = 1_000_000;
    uint256 private constant OWNER_GAS = 30_000;

    address public immutable MARKET;
    address public immutable REGISTRY;
    address private immutable ROUTER;

    mapping(RequestId => Sitting) private sittings;
    /// @dev Members in the order of the committee, then whoever took a declined place, then one that stays empty.
    mapping(RequestId => Seat[2 * SIZE_LIMIT + 1]) private seats;
    mapping(address exchange => mapping(address prover => Consent)) private consents;
    /// @dev The price that `convene` waits for, else zero.
    uint256 private transient awaited;

    constructor(address market, address registry) {
        MARKET = market;
        REGISTRY = registry;
        ROUTER = IMarket(market).ROUTER();
        IProverRegistry(registry).enrol(SLASH_BURN_BPS, SLASH_RESCUER_BPS, SLASH_REQUESTER_BPS);
    }

    // ---------------------------------------------------------------------------------------------------------- consent

    /// @inheritdoc ICommitteeBook
    function join(address exchange, uint96 stakeMax, uint32 notice) external {
        if (IProverRegistry(REGISTRY).proverOf(msg.sender) != msg.sender) revert NotAnOperator(msg.sender);
        consents[exchange][msg.sender] = Consent({ joined: true, stakeMax: stakeMax, notice: notice });
        emit Joined(exchange, msg.sender, stakeMax, notice);
    }

    /// @inheritdoc ICommitteeBook
    function quit(address exchange) external {
        if (!consents[exchange][msg.sender].joined) revert NotJoined(exchange, msg.sender);
        delete consents[exchange][msg.sender];
        emit Left(exchange, msg.sender);
    }

    // ---------------------------------------------------------------------------------------------------------- convene

    /// @inheritdoc ICommitteeBook
    function convene(
        ProofRequest calldata request,
        Terms calldata terms,
        bytes calldata ownerSignature,
        Committee calldata committee,
        bytes calldata exchangeSignature
    ) external {
        RequestId id = request.id;
        if (RequestId.unwrap(id) >> 193 != 0 || !id.isSmartContract()) revert InvalidClient(id);
        HashedRequest memory hashed = HashedRequestLib.from(request);
        bytes32 requestHash = hashed.hash();
        _checkSigned(requestHash, terms, committee, exchangeSignature);
        _checkBounds(request.offer, terms, committee);
        if (sittings[id].exists()) revert AlreadyConvened(id);
        IMarket market = IMarket(MARKET);
        if (market.requestIsLocked(id) || market.requestIsFulfilled(id)) revert AlreadyTaken(id);

        sittings[id] = _newSitting(requestHash, request.offer, terms, committee);
        _bindMembers(id, uint96(request.offer.lockCollateral), terms.exchange, committee);
        emit Convened(id, terms.exchange, request, terms, committee);
        _collect(hashed, terms, ownerSignature, committee.price);
    }

    /// @notice Takes the price of a committee from its client, and nothing else from anybody.
    receive() external payable {
        if (msg.value != awaited || awaited == 0) revert UnexpectedPayment(msg.sender, msg.value);
        awaited = 0;
    }

    function _checkSigned(
        bytes32 requestHash,
        Terms calldata terms,
        Committee calldata committee,
        bytes calldata exchangeSignature
    ) private view {
        if (committee.request != requestHash) {
            revert WrongRequest(requestHash, committee.request);
        }
        bytes32 termsHash = terms.hash();
        if (committee.terms != termsHash) revert WrongTerms(termsHash, committee.terms);
        bytes32 digest = _digest(committee.hash());
        if (!SignatureCheckerLib.isValidSignatureNowCalldata(terms.exchange, digest, exchangeSignature)) {
            revert NotSignedByExchange(terms.exchange);
        }
    }

    /// @dev The reveal ends before `openAt`, so that from then on the request is open unless a proof was accepted.
    function _checkBounds(Offer calldata offer, Terms calldata terms, Committee calldata committee) private view {
        offer.validate();
        terms.validate(offer);
        uint256 size = committee.provers.length;
        if (size == 0 || size > SIZE_MAX || size != terms.tiers.length) revert InvalidSize(size, terms.tiers.length);
        if (committee.price == 0 || committee.price > terms.maxPrice) {
            revert InvalidPrice(committee.price, terms.maxPrice);
        }
        if (offer.lockCollateral > type(uint96).max) revert InvalidStake(offer.lockCollateral);
        if (
            block.timestamp > committee.declineBy || committee.declineBy > committee.commitBy
                || committee.commitBy >= committee.revealBy || committee.revealBy >= terms.openAt
        ) revert InvalidTimes();
    }

    function _newSitting(bytes32 requestHash, Offer calldata offer, Terms calldata terms, Committee calldata committee)
        private
        pure
        returns (Sitting memory sitting)
    {
        sitting.declineBy = committee.declineBy;
        sitting.commitBy = committee.commitBy;
        sitting.revealBy = committee.revealBy;
        sitting.size = uint8(committee.provers.length);
        sitting.burnBps = terms.burnBps;
        sitting.exchange = terms.exchange;
        sitting.price = committee.price;
        sitting.stake = uint96(offer.lockCollateral);
        sitting.tiers = SittingLib.pack(terms.tiers);
        sitting.requestHash = requestHash;
    }

    function _bindMembers(RequestId id, uint96 stake, address exchange, Committee calldata committee) private {
        uint256 declineTime = committee.declineBy - block.timestamp;
        uint256 revealTime = committee.revealBy - committee.commitBy;
        for (uint256 i = 0; i < committee.provers.length; ++i) {
            address prover = committee.provers[i];
            for (uint256 j = 0; j < i; ++j) {
                if (committee.provers[j] == prover) revert RepeatedProver(prover);
            }
            Consent memory consent = consents[exchange][prover];
            if (!consent.joined) revert NotJoined(exchange, prover);
            if (stake > consent.stakeMax || declineTime < consent.notice || revealTime < consent.notice) {
                revert BeyondConsent(prover, consent.stakeMax, consent.notice);
            }
            _bind(seats[id][i], prover, stake);
        }
    }

    /// @dev The registry reserves stake of active provers only, and only if they have allowed this contract.
    function _bind(Seat storage seat, address prover, uint96 stake) private {
        (seat.prover, seat.holdsStake) = (prover, true);
        IProverRegistry(REGISTRY).reserve(prover, stake);
    }

    /// @dev Exactly one payment of exactly the price, whatever else the client does while it is asked.
    function _collect(HashedRequest memory hashed, Terms calldata terms, bytes calldata ownerSignature, uint96 price)
        private
    {
        address client = hashed.id.client();
        if (awaited != 0) revert Unpaid(client, awaited); // from within another payment
        awaited = price;
        IRequesterAccount(payable(client)).release(hashed, terms, ownerSignature, price);
        if (awaited != 0) revert Unpaid(client, price);
    }

    // --------------------------------------------------------------------------------------------- decline, commit, reveal

    /// @inheritdoc ICommitteeBook
    function decline(RequestId requestId) external {
        Sitting storage sitting = _sitting(requestId);
        if (block.timestamp > sitting.declineBy) revert DeclineTimeOver(requestId, sitting.declineBy);
        address prover = IProverRegistry(REGISTRY).proverOf(msg.sender);
        (bool found, Seat storage seat) = _find(requestId, sitting, prover);
        if (!found || seat.state != SeatState.Bound) revert NotBound(requestId, prover);

        (seat.state, seat.holdsStake) = (SeatState.Declined, false);
        ++sitting.declined;
        emit Declined(requestId, prover);
        IProverRegistry(REGISTRY).recordDecline(prover);
        IProverRegistry(REGISTRY).release(prover, sitting.stake);
    }

    /// @inheritdoc ICommitteeBook
    function commit(RequestId requestId, bytes32 commitment, bytes calldata sealedProof) external {
        Sitting storage sitting = _sitting(requestId);
        if (sitting.isClosed(block.timestamp)) revert CommitTimeOver(requestId);
        address prover = IProverRegistry(REGISTRY).proverOf(msg.sender);
        (bool found, Seat storage seat) = _find(requestId, sitting, prover);
        if (found) {
            if (seat.state != SeatState.Bound) revert NotBound(requestId, prover);
        } else {
            if (sitting.taken == sitting.declined) revert NoPlace(requestId);
            address exchange = sitting.exchange;
            if (!consents[exchange][prover].joined) revert NotJoined(exchange, prover);
            ++sitting.taken; // `_find` has returned the seat after the last
            _bind(seat, prover, sitting.stake);
        }

        uint8 rank = sitting.committed++;
        (seat.state, seat.rank, seat.commitment) = (SeatState.Committed, rank, commitment);
        emit Committed(requestId, prover, rank, commitment, sealedProof);
    }

    /// @inheritdoc ICommitteeBook
    function reveal(
        address signer,
        SlimRequest calldata request,
        Fulfillment calldata fill,
        bytes calldata assessorSeal,
        bytes32 salt
    ) external {
        Seat storage seat = _announced(signer, request, fill, salt);
        bytes32 digest = _marketDigest(sittings[request.id].requestHash);
        _verify(signer, request, fill, assessorSeal, digest);
        _accept(seat, request, fill, digest);
    }

    /// @dev The seat of the prover who announced this fill of this request, which is to be shown now.
    function _announced(address signer, SlimRequest calldata request, Fulfillment calldata fill, bytes32 salt)
        private
        view
        returns (Seat storage seat)
    {
        RequestId id = request.id;
        Sitting storage sitting = _sitting(id);
        if (block.timestamp > sitting.revealBy) revert RevealTimeOver(id, sitting.revealBy);
        if (!sitting.isClosed(block.timestamp)) revert CommitTimeNotOver(id);
        address prover = IProverRegistry(REGISTRY).proverOf(signer);
        bool found;
        (found, seat) = _find(id, sitting, prover);
        if (!found || seat.state != SeatState.Committed) revert NothingToReveal(id, prover);
        bytes32 commitment = commitmentOf(id, prover, fill, salt);
        if (commitment != seat.commitment) revert WrongCommitment(seat.commitment, commitment);
        bytes32 requestHash = request.hash();
        if (requestHash != sitting.requestHash) revert WrongRequest(sitting.requestHash, requestHash);
        bool carriesData = fill.fulfillmentDataType == FulfillmentDataType.ImageIdAndJournal;
        if (request.callback.addr != address(0) && !carriesData) revert UnfulfillableCallback();
    }

    function _accept(Seat storage seat, SlimRequest calldata request, Fulfillment calldata fill, bytes32 digest)
        private
    {
        RequestId id = request.id;
        Sitting storage sitting = sittings[id];
        seat.state = SeatState.Revealed;
        bool isFirst = sitting.revealed++ == 0;
        fill.log(id, digest, seat.prover); // ProofDelivered
        _release(id, seat, sitting.stake);
        if (isFirst && request.callback.addr != address(0)) _callBack(id, request.callback, fill);
    }

    function _marketDigest(bytes32 requestHash) private view returns (bytes32) {
        return Eip712.digest(IMarket(MARKET).eip712DomainSeparator(), requestHash);
    }

    function _verify(
        address signer,
        SlimRequest calldata request,
        Fulfillment calldata fill,
        bytes calldata assessorSeal,
        bytes32 digest
    ) private view {
        SlimRequest[] memory requests = new SlimRequest[](1);
        Fulfillment[] memory fills = new Fulfillment[](1);
        bytes32[] memory digests = new bytes32[](1);
        (requests[0], fills[0], digests[0]) = (request, fill, digest);
        IVerifierRouter(ROUTER).verifyBatch(FulfillmentBatch(requests, fills, assessorSeal, signer), digests);
    }

    /// @dev The gas check comes right before the call, so that the callback gets all that the requester signed for.
    function _callBack(RequestId id, Callback calldata callback, Fulfillment calldata fill) private {
        (bytes32 imageId, bytes calldata journal) = FulfillmentData.decode(fill.fulfillmentData);
        bytes memory data = abi.encodeCall(IMarketCallback.handleProof, (imageId, journal, fill.seal));
        address target = callback.addr;
        uint256 gasLimit = callback.gasLimit;
        _requireGas(gasLimit);
        (bool success,, bytes memory returned) = LibCall.tryCall(target, 0, gasLimit, CALLBACK_ERROR_LIMIT, data);
        if (!success || target.code.length == 0) emit CallbackFailed(id, target, returned);
    }

    // ------------------------------------------------------------------------------------------------------- settlement

    /// @inheritdoc ICommitteeBook
    function settle(RequestId requestId) external {
        Sitting storage sitting = _sitting(requestId);
        if (sitting.settled) revert AlreadySettled(requestId);
        if (!sitting.isOver(block.timestamp)) revert NotOver(requestId);
        address[] memory winners = _winners(requestId, sitting);
        uint96[] memory rewards = new uint96[](winners.length);
        uint96 price = sitting.price;
        uint96 left = price;
        for (uint256 i = 0; i < winners.length; ++i) {
            rewards[i] = SittingLib.rewardDown(sitting.tiers, price, i);
            left -= rewards[i];
        }
        uint96 burned = winners.length == 0 ? SittingLib.shareDown(price, sitting.burnBps) : 0;
        uint96 paid = price - left;

        sitting.settled = true;
        emit Settled(requestId, paid, left - burned, burned);
        for (uint256 i = 0; i < winners.length; ++i) {
            emit Rewarded(requestId, winners[i], rewards[i]);
            _deposit(winners[i], rewards[i]);
        }
        _deposit(BURN_ADDRESS, burned);
        _deposit(requestId.client(), left - burned);
        _slashSilent(requestId, sitting, winners.length == 0 ? address(0) : winners[0]);
    }

    /// @inheritdoc ICommitteeBook
    function conclude(RequestId requestId, address prover) external {
        Sitting storage sitting = _sitting(requestId);
        (, Seat storage seat) = _find(requestId, sitting, prover); // if there is none, one that holds nothing
        bool delivered = seat.state == SeatState.Revealed;
        bool due = delivered || sitting.settled;
        if (!seat.holdsStake || !due) revert NothingHeld(requestId, prover);

        seat.holdsStake = false;
        if (delivered) {
            IProverRegistry(REGISTRY).release(prover, sitting.stake);
        } else {
            address[] memory winners = _winners(requestId, sitting);
            address rescuer = winners.length == 0 ? address(0) : winners[0];
            IProverRegistry(REGISTRY).slash(prover, sitting.stake, rescuer, _ownerOf(requestId));
        }
    }

    /// @dev Who delivered, in the order of their commitments.
    function _winners(RequestId id, Sitting storage sitting) private view returns (address[] memory winners) {
        uint256 committed = sitting.committed;
        uint256 count = sitting.seatCount();
        address[] memory byRank = new address[](committed);
        for (uint256 i = 0; i < count; ++i) {
            Seat storage seat = seats[id][i];
            if (seat.state == SeatState.Revealed) byRank[seat.rank] = seat.prover;
        }
        winners = new address[](sitting.revealed);
        uint256 next = 0;
        for (uint256 rank = 0; rank < committed; ++rank) {
            if (byRank[rank] != address(0)) winners[next++] = byRank[rank];
        }
    }

    function _deposit(address to, uint96 value) private {
        if (value != 0) IMarket(MARKET).depositTo{ value: value }(to);
    }

    /// @dev Each seat is read when its turn comes: a slash moves tokens, and a token might call `conclude`.
    function _slashSilent(RequestId id, Sitting storage sitting, address rescuer) private {
        uint96 stake = sitting.stake;
        uint256 count = sitting.seatCount();
        address requester;
        for (uint256 i = 0; i < count; ++i) {
            Seat storage seat = seats[id][i];
            if (!seat.holdsStake || seat.state == SeatState.Revealed) continue;
            if (requester == address(0)) requester = _ownerOf(id);
            address prover = seat.prover;
            seat.holdsStake = false;
            _requireGas(SLASH_GAS);
            try IProverRegistry(REGISTRY).slash{ gas: SLASH_GAS }(prover, stake, rescuer, requester) { }
            catch {
                seat.holdsStake = true;
                emit StakeHeld(id, prover);
            }
        }
    }

    function _release(RequestId id, Seat storage seat, uint96 stake) private {
        address prover = seat.prover;
        seat.holdsStake = false;
        _requireGas(RELEASE_GAS);
        try IProverRegistry(REGISTRY).release{ gas: RELEASE_GAS }(prover, stake) { }
        catch {
            seat.holdsStake = true;
            emit StakeHeld(id, prover);
        }
    }

    /// @dev The client's owner, or the client itself if it does not name one.
    function _ownerOf(RequestId id) private view returns (address) {
        address client = id.client();
        (bool success, bytes memory answer) =
            client.staticcall{ gas: OWNER_GAS }(abi.encodeCall(IRequesterAccount.owner, ()));
        if (!success || answer.length != 32 || uint256(bytes32(answer)) >> 160 != 0) return client;
        return address(uint160(uint256(bytes32(answer))));
    }

    /// @dev Else a thrifty caller could have only the call fail, of which all gas but a 64th is its own.
    function _requireGas(uint256 gasLimit) private view {
        if (gasleft() * 63 / 64 < gasLimit) revert InsufficientGas();
    }

    // ------------------------------------------------------------------------------------------------------------ views

    /// @inheritdoc ICommitteeBook
    function blocks(RequestId requestId) external view returns (bool) {
        return sittings[requestId].blocks(block.timestamp);
    }

    /// @inheritdoc ICommitteeBook
    function commitmentOf(RequestId requestId, address prover, Fulfillment calldata fill, bytes32 salt)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(requestId, prover, keccak256(abi.encode(fill)), salt));
    }

    /// @inheritdoc ICommitteeBook
    function sittingOf(RequestId requestId) external view returns (Sitting memory sitting, Seat[] memory bound) {
        sitting = sittings[requestId];
        bound = new Seat[](sittings[requestId].seatCount());
        for (uint256 i = 0; i < bound.length; ++i) {
            bound[i] = seats[requestId][i];
        }
    }

    /// @inheritdoc ICommitteeBook
    function consentOf(address exchange, address prover)
        external
        view
        returns (bool joined, uint96 stakeMax, uint32 notice)
    {
        Consent storage consent = consents[exchange][prover];
        return (consent.joined, consent.stakeMax, consent.notice);
    }

    function _sitting(RequestId id) private view returns (Sitting storage sitting) {
        sitting = sittings[id];
        if (!sitting.exists()) revert NotConvened(id);
    }

    /// @dev The prover's seat, or the empty one after the last. At most twice as many are read as there are places.
    function _find(RequestId id, Sitting storage sitting, address prover)
        private
        view
        returns (bool found, Seat storage seat)
    {
        uint256 count = sitting.seatCount();
        for (uint256 i = 0; i < count; ++i) {
            seat = seats[id][i];
            if (seat.prover == prover) return (true, seat);
        }
        return (false, seats[id][count]);
    }

    function _domainName() internal pure override returns (string memory) {
        return "CommitteeBook";
    }
}
