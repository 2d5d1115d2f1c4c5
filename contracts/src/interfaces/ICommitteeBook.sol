// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Terms } from "../allocation/Terms.sol";
import { Committee } from "../committee/Committee.sol";
import { Seat, Sitting } from "../committee/Sitting.sol";
import { DeliveredFulfillment, Fulfillment } from "../fulfillment/FulfillmentBatch.sol";
import { ProofRequest, SlimRequest } from "../request/ProofRequest.sol";
import { RequestId } from "../request/RequestId.sol";
import { IEip712Domain } from "./IEip712Domain.sol";

/// @title Requests proved by several provers at once
/// @notice An exchange names a *committee* of k provers for one request. Each is to prove it, and the price is shared by rank:
///         the first to announce a proof gets the first tier. A prover that cannot serve declines, and its place is for any
///         other prover that has joined the exchange. Proofs are announced before any is shown:
///
///          - *decline*, until `declineBy`: a member gives its place up, within the registry's quota of declines.
///          - *commit*, until `commitBy`, or until k provers have: a prover publishes a commitment to its proof, and the proof
///            encrypted for the requester, who need not wait. The order of commitments is the ranking.
///          - *reveal*, once no commitment can be added, until `revealBy`: the proof is shown and verified.
///          - *settle*, once all commitments are revealed, or after `revealBy`: the price is divided.
///
///         Nobody can copy a proof into the ranking, since all that others see of it before the ranking is fixed is a salted
///         hash that names its prover. The second of each time above is still in time.
///
/// *The price.* Proofs that were accepted take the tiers in the order of their commitments. What unfilled tiers and rounding
/// leave goes back to the requester. If no proof was accepted, `terms.burnBps` of the price are burned and the rest goes back.
/// All of it goes to market balances, so nobody who cannot receive ETH is in anybody's way.
///
/// *Stake.* Every member, and everybody who takes a declined place, has `offer.lockCollateral` of stake reserved in the registry
/// until it declines or its proof is accepted. Whoever was bound and delivered nothing is slashed of it at settlement: 50 %
/// burned, 25 % for the prover that came first, 25 % for the owner of the requesting account (who gets both, if nobody
/// delivered).
///
/// *The requester* is the owner of the client (see IRequesterAccount), who signed the request with terms that name the exchange,
/// the highest price, the tiers, and the time `openAt` from which the market's plain path is open. A committee ends before
/// `openAt`. So an exchange can delay a request until `openAt` and choose a price within the terms, and no more: if nobody
/// delivered by then, the request is open to everybody, by time alone; and if somebody did, it is never paid for again. An
/// exchange whose own provers sit and deliver nothing has `terms.burnBps` of the price burned, which the requester signed for,
/// at the cost of their stakes.
///
/// *Whom a prover trusts.* Nobody can put stake at risk of a prover that has not allowed this contract in the registry and
/// joined the exchange here. An exchange that it joined can bind it to work that it cannot do, up to `stakeMax` a request and as
/// often as the prover lets it: the prover has `notice` seconds to decline, the registry's quota of declines, and `quit`. Who
/// retires a verifier's entry in the router while a committee sits makes honest members fail, as it does under market locks.
///
/// *Assumed.* The market, its router and the registry are fixed at deployment. Settlement asks nothing of the client but its
/// owner, with limited gas; and if the registry fails to release or to slash a stake, only that stake waits, for `conclude`.
/// What is the same proof is not decided here: two members who share one proof are both paid for it. A requester who passes on
/// what it decrypts gets no more than the tiers below the prover it had it from.
///
/// The EIP-712 domain is name `CommitteeBook`, version `1`, this chain, this contract.
interface ICommitteeBook is IEip712Domain {
    // ------------------------------------------------------------------------------------------------------------ events

    event Joined(address indexed exchange, address indexed prover, uint96 stakeMax, uint32 notice);
    event Left(address indexed exchange, address indexed prover);

    /// @notice Members are bound, and the price is here. Carries all that a member needs to prove.
    event Convened(
        RequestId indexed requestId, address indexed exchange, ProofRequest request, Terms terms, Committee committee
    );
    event Declined(RequestId indexed requestId, address indexed prover);
    /// @notice A prover took rank `rank`, from zero. `sealedProof` is whatever it encrypted for the requester; nobody checks it.
    event Committed(
        RequestId indexed requestId, address indexed prover, uint256 rank, bytes32 commitment, bytes sealedProof
    );
    /// @notice A proof was accepted. The market's event, from this contract.
    event ProofDelivered(RequestId indexed requestId, address indexed prover, DeliveredFulfillment fulfillment);
    /// @notice The request's callback failed. `reason` is what it returned, cut at 1024 bytes.
    event CallbackFailed(RequestId indexed requestId, address callback, bytes reason);
    event Rewarded(RequestId indexed requestId, address indexed prover, uint256 amount);
    event Settled(RequestId indexed requestId, uint256 paid, uint256 refunded, uint256 burned);
    /// @notice The registry did not release or slash a stake that it should have; `conclude` tries again.
    event StakeHeld(RequestId indexed requestId, address indexed prover);

    // ------------------------------------------------------------------------------------------------------------ errors

    /// @dev The caller is not the operator of a registered prover.
    error NotAnOperator(address caller);
    error NotJoined(address exchange, address prover);

    /// @dev The id does not name a contract as the client, or has bits that no id has.
    error InvalidClient(RequestId requestId);
    /// @dev The committee, or the revealed request, is not about this request.
    error WrongRequest(bytes32 expected, bytes32 actual);
    error WrongTerms(bytes32 expected, bytes32 actual);
    error NotSignedByExchange(address exchange);
    /// @dev A committee has one prover for each tier: one to ten.
    error InvalidSize(uint256 provers, uint256 tiers);
    error InvalidPrice(uint96 price, uint96 priceMax);
    /// @dev The offer's lock collateral does not fit 96 bits.
    error InvalidStake(uint256 stake);
    /// @dev Not now <= declineBy <= commitBy < revealBy < openAt.
    error InvalidTimes();
    error AlreadyConvened(RequestId requestId);
    /// @dev The market has locked or fulfilled the request already.
    error AlreadyTaken(RequestId requestId);
    error RepeatedProver(address prover);
    /// @dev The member agreed to less stake, or to longer phases.
    error BeyondConsent(address prover, uint96 stakeMax, uint32 notice);
    /// @dev The client did not send the price, or somebody sent what nobody asked for.
    error Unpaid(address client, uint256 price);
    error UnexpectedPayment(address from, uint256 value);

    error NotConvened(RequestId requestId);
    /// @dev Not bound by the committee, or not any more.
    error NotBound(RequestId requestId, address prover);
    error DeclineTimeOver(RequestId requestId, uint64 declineBy);
    error CommitTimeOver(RequestId requestId);
    error NoPlace(RequestId requestId);
    error CommitTimeNotOver(RequestId requestId);
    error RevealTimeOver(RequestId requestId, uint64 revealBy);
    /// @dev The prover has no commitment, or has revealed it.
    error NothingToReveal(RequestId requestId, address prover);
    error WrongCommitment(bytes32 expected, bytes32 actual);
    /// @dev The request has a callback, which needs image id and journal, and the proof comes without.
    error UnfulfillableCallback();
    /// @dev The transaction has too little gas left for a callback's limit, or for what the registry may need.
    error InsufficientGas();
    error NotOver(RequestId requestId);
    error AlreadySettled(RequestId requestId);
    error NothingHeld(RequestId requestId, address prover);

    // ----------------------------------------------------------------------------------------------------------- consent

    /// @notice Agrees that `exchange` binds the caller to committees, each at the risk of up to `stakeMax` of stake, if it leaves
    ///         the caller at least `notice` seconds to decline, and as many to reveal. Calling again replaces both bounds.
    /// @dev NotAnOperator.
    function join(address exchange, uint96 stakeMax, uint32 notice) external;

    /// @notice No new committee of `exchange` can bind the caller. Those that exist stay.
    /// @dev NotJoined.
    function quit(address exchange) external;

    // --------------------------------------------------------------------------------------------------------- committee

    /// @notice Binds a committee that the exchange signed, and takes its price from the client. Anybody may call it, once for
    ///         each request id.
    /// @dev The price is one amount for all proofs. Only the client decides whether `ownerSignature` is its owner's.
    /// Reverts, in this order: InvalidClient, WrongRequest, WrongTerms, NotSignedByExchange, the market's InvalidRequest
    /// (offer), what Terms.validate reverts with, InvalidSize, InvalidPrice, InvalidStake, InvalidTimes,
    /// AlreadyConvened, AlreadyTaken; member by member
    /// RepeatedProver, NotJoined, BeyondConsent, and the registry's NotActive, NotAllowed, InsufficientStake; then whatever the
    /// client reverts with, UnexpectedPayment, Unpaid.
    function convene(
        ProofRequest calldata request,
        Terms calldata terms,
        bytes calldata ownerSignature,
        Committee calldata committee,
        bytes calldata exchangeSignature
    ) external;

    /// @notice Gives the caller's place up, for anybody to take. By the prover's operator or one of its keys.
    /// @dev Reverts, in this order: NotConvened, DeclineTimeOver, NotBound, the registry's DeclineQuotaExceeded.
    function decline(RequestId requestId) external;

    /// @notice Announces a proof, in a place of the caller's own or in one that was declined. By the operator or a key.
    /// @param commitment see `commitmentOf`
    /// @param sealedProof the proof, encrypted for the requester; only the event keeps it
    /// @dev Reverts, in this order: NotConvened, CommitTimeOver, NotBound (declined or committed before), NoPlace, NotJoined, and
    ///      the registry's NotActive, NotAllowed, InsufficientStake.
    function commit(RequestId requestId, bytes32 commitment, bytes calldata sealedProof) external;

    /// @notice Shows an announced proof and has it verified as the market would: the router checks the seal, the assessor the
    ///         predicate and that `signer` signed for it. Anybody may call it. The first proof of a request that is accepted is
    ///         given to the request's callback, which sees this contract as its caller.
    /// @param signer the prover's operator or one of its keys
    /// @param assessorSeal as in a FulfillmentBatch of this request, fill and signer
    /// @dev Reverts, in this order: NotConvened, RevealTimeOver, CommitTimeNotOver, NothingToReveal, WrongCommitment,
    ///      WrongRequest, UnfulfillableCallback, whatever the router reverts with, MalformedFulfillmentData, InsufficientGas.
    function reveal(
        address signer,
        SlimRequest calldata request,
        Fulfillment calldata fill,
        bytes calldata assessorSeal,
        bytes32 salt
    ) external;

    /// @notice Divides the price and slashes who did not deliver. Anybody may call it.
    /// @dev Reverts, in this order: NotConvened, AlreadySettled, NotOver, InsufficientGas.
    function settle(RequestId requestId) external;

    /// @notice Releases or slashes a stake that the registry failed to, when it was due.
    /// @dev Reverts: NothingHeld (also before it is due), or whatever the registry reverts with.
    function conclude(RequestId requestId, address prover) external;

    // ------------------------------------------------------------------------------------------------------------- views

    /// @notice Whether the request must be kept from everybody but its committee: true while that can still deliver, and for ever
    ///         once a proof was accepted. From `openAt` on it is true only if one was.
    function blocks(RequestId requestId) external view returns (bool);

    /// @notice `keccak256(abi.encode(requestId, prover, keccak256(abi.encode(fill)), salt))`. `prover` is the operator.
    function commitmentOf(RequestId requestId, address prover, Fulfillment calldata fill, bytes32 salt)
        external
        pure
        returns (bytes32);

    /// @notice A committee as it stands, and all that it bound: members, then whoever took a declined place. Zeroes if none.
    function sittingOf(RequestId requestId) external view returns (Sitting memory sitting, Seat[] memory bound);

    /// @notice What a prover has agreed to, by `join`.
    function consentOf(address exchange, address prover)
        external
        view
        returns (bool joined, uint96 stakeMax, uint32 notice);

    function MARKET() external view returns (address);
    function REGISTRY() external view returns (address);
    /// @notice Most provers of one committee: 10.
    function SIZE_MAX() external view returns (uint256);
}
