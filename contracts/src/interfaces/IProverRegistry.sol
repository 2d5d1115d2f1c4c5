// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Sibling } from "../registry/StakeTree.sol";
import { IEip712Domain } from "./IEip712Domain.sol";

/// @title The registry of provers: their stake, their keys, what they declare, and who may hold their stake at risk
/// @notice A *prover* is an operator's address, and a pool of stake that anybody may add to by delegating. A *mechanism* is a
///         contract that assigns work: provers allow it, it reserves stake of theirs while they owe it something, and slashes
///         the reserved stake when they fail. The registry has no owner and cannot be upgraded, and only mechanisms that a
///         prover has allowed can ever take from that prover's pools.
///
/// *Pools.* A prover has two: *active* stake and *unbonding* stake, both held in shares. Slashing takes from both in
/// proportion to what is in them. Shares are minted and redeemed rounding down, so that nobody gains by rounding; at par and
/// without slashes what goes in comes out exactly. A young pool cannot be made to round a newcomer's stake away: who inflates
/// the price of a share loses 2^16 times what a newcomer can lose by it.
///
/// *Obligations.* Reservations count against active stake when they are made; afterwards active and unbonding stake together
/// stay at least the sum reserved, whatever leaves. So stake cannot flee an obligation, and a prover cannot hold a delegator
/// back by taking on new ones, which never exceed what stays active. Until it is withdrawn, unbonding stake is slashed for all
/// of them. Nothing but a reservation holds stake: a prover can allow a mechanism of its own and slash itself to leave sooner, so
/// who means to slash must reserve.
///
/// *Whom a delegator trusts*: the prover's operator, every mechanism it has allowed (a hostile one can reserve and slash the
/// whole stake, or never release it), and the token. A mechanism takes effect two cool-downs after a prover allows it: one to
/// notice, and one to leave by. Another operator's share takes one, as stake that is leaving earns nothing anyway.
///
/// *The active set.* A prover is active while its operator's own stake is at least `MIN_SELF_STAKE`. Active provers are the
/// leaves of a Merkle-sum tree over their active stake (see StakeTree), by which anybody can prove whom a ticket draws.
///
/// Assumed of the token: it moves exactly what it is asked to. If it refuses a payment, only that payment waits.
interface IProverRegistry is IEip712Domain {
    event ProverRegistered(address indexed prover, uint16 operatorShareBps);
    event OperatorShareAnnounced(address indexed prover, uint16 operatorShareBps, uint256 effectiveFrom);
    event KeyAdded(address indexed prover, address indexed key);
    event KeyRemoved(address indexed prover, address indexed key);
    event HardwareDeclared(address indexed prover, bytes32 indexed documentHash, bytes document);

    event Delegated(address indexed prover, address indexed delegator, uint96 amount, uint128 shares);
    /// @param ticket where the delegator's claim is kept, for `withdraw`
    event Undelegated(
        address indexed prover,
        address indexed delegator,
        uint256 indexed ticket,
        uint96 amount,
        uint128 shares,
        uint256 readyAt
    );
    event Withdrawn(address indexed prover, address indexed delegator, uint256 indexed ticket, uint96 amount);
    /// @param toOperator booked as the operator's credit
    /// @param toPool what the stakers' shares are worth more
    event Rewarded(address indexed prover, address indexed from, uint96 toOperator, uint96 toPool);
    event CreditClaimed(address indexed account, uint256 amount);

    event MechanismEnrolled(address indexed mechanism, uint16 burnBps, uint16 rescuerBps, uint16 requesterBps);
    event MechanismAllowed(address indexed prover, address indexed mechanism, uint256 effectiveFrom);
    event MechanismRevoked(address indexed prover, address indexed mechanism);
    event StakeReserved(address indexed prover, address indexed mechanism, uint96 amount);
    event StakeReleased(address indexed prover, address indexed mechanism, uint96 amount);
    event StakeSlashed(
        address indexed prover,
        address indexed mechanism,
        uint96 burned,
        address rescuer,
        uint96 toRescuer,
        address requester,
        uint96 toRequester
    );
    event Declined(address indexed prover, address indexed mechanism);

    /// @notice The leaf `index` of the active set is now `prover` with `weight`; no prover, if `weight` is zero.
    event WeightChanged(address indexed prover, uint256 indexed index, uint96 weight);
    event Qualified(address indexed recorder, address indexed prover, bytes32 indexed workload, uint64 durationBlocks);

    /// @dev Of the constructor: a token without code, no minimum stake, or a cool-down of zero or above a year.
    error InvalidParameters();
    error UnknownProver(address prover);
    /// @dev The address is a prover or one of its keys already.
    error KeyTaken(address key, address prover);
    error KeyUnknown(address key);
    error TooManyKeys(uint256 limit);
    error NotTheKey(address recovered, address key);
    error InvalidBps(uint256 bps);
    error DocumentTooLong(uint256 length, uint256 limit);

    /// @dev An amount or a number of shares is zero or too small to be worth one unit of the other.
    error ZeroAmount();
    /// @dev A prover's stake would not fit in 96 bits.
    error StakeTooLarge(address prover);
    error InsufficientShares(uint256 held, uint256 wanted);
    error UnknownTicket(address delegator, uint256 ticket);
    error CoolingDown(uint256 readyAt);
    /// @dev All that is left of the prover's stake is reserved.
    error StakeUnderObligation(address prover, uint256 reserved);

    error AlreadyEnrolled(address mechanism);
    error NotEnrolled(address mechanism);
    error AlreadyAllowed(address prover, address mechanism);
    error NotAllowed(address prover, address mechanism);
    error NotActive(address prover);
    error InsufficientStake(address prover, uint256 reserved, uint256 active);
    error InsufficientReservation(address prover, address mechanism, uint256 reserved, uint256 wanted);
    /// @dev Below what a burn may need, see `slash`.
    error InsufficientGas();
    error DeclineQuotaExceeded(address prover, address mechanism, uint256 nextAt);

    // ------------------------------------------------------------------------------------------ for mechanisms (the caller)

    /// @notice The prover that `key` signs for: the operator itself or one of its keys. Zero if none.
    function proverOf(address key) external view returns (address prover);

    /// @notice Whether the operator's own active stake is at least `MIN_SELF_STAKE`.
    function isActive(address prover) external view returns (bool);

    /// @notice Whether `mechanism` may reserve stake of `prover` now.
    function allows(address prover, address mechanism) external view returns (bool);

    /// @notice Makes the caller a mechanism, once, with the split of what it slashes. Parts of 10,000, which they sum to.
    /// @dev Reverts, in this order: AlreadyEnrolled, InvalidBps.
    function enrol(uint16 burnBps, uint16 rescuerBps, uint16 requesterBps) external;

    /// @notice Puts `amount` of the prover's stake at the calling mechanism's risk, until released or slashed.
    /// @dev Reverts, in this order: NotActive, NotAllowed, InsufficientStake (all reservations together above active stake).
    function reserve(address prover, uint96 amount) external;

    /// @notice Gives `amount` that the calling mechanism has reserved back. Works after the mechanism was revoked too.
    /// @dev Reverts: InsufficientReservation.
    function release(address prover, uint96 amount) external;

    /// @notice Takes `amount` that the calling mechanism has reserved from the prover's stake, and splits it as enrolled: burnt,
    ///         and credited to the rescuer and to the requester, who `claim` it. A zero rescuer's part goes to the requester; a
    ///         zero requester's is burnt. Parts are rounded down; what rounding leaves is burnt. Works after revocation too.
    /// @dev Reverts, in this order: InsufficientReservation, InsufficientGas. Nobody named here can make it revert: a payment
    ///      is a credit, and a burn that the token refuses is booked as the credit of the dead address.
    function slash(address prover, uint96 amount, address rescuer, address requester) external;

    /// @notice Counts that `prover` declined work of the calling mechanism: at most one in 7 days and four in 30 days.
    /// @dev Reverts, in this order: UnknownProver, NotEnrolled, DeclineQuotaExceeded.
    function recordDecline(address prover) external;

    // --------------------------------------------------------------------------------------------------------- the operator

    /// @notice Makes the caller a prover, for ever, whose operator keeps `operatorShareBps` parts in 10,000 of rewards.
    /// @dev Reverts, in this order: KeyTaken, InvalidBps.
    function register(uint16 operatorShareBps) external;

    /// @notice Announces another operator's share; it takes effect one cool-down later and replaces what was announced before.
    /// @dev Reverts, in this order: UnknownProver, InvalidBps.
    function setOperatorShare(uint16 operatorShareBps) external;

    /// @notice Lets `key` sign for the caller. `signature` is the key's own, of `ProverKey(address prover,uint96 nonce)`
    ///         under the domain `ProverRegistry`, version `1`, with the nonce `keyNonce(key)`.
    /// @dev Reverts, in this order: UnknownProver, KeyTaken, TooManyKeys, the errors of Signature, NotTheKey.
    function addKey(address key, bytes calldata signature) external;

    /// @notice Ends what `key` signs for. By the operator or by the key itself.
    /// @dev Reverts: KeyUnknown, also if the key is another prover's, or the operator itself.
    function removeKey(address key) external;

    /// @notice Says what the prover runs on, as a document of at most 4,096 bytes, which the event carries.
    /// @dev Nobody checks it. Reverts, in this order: UnknownProver, DocumentTooLong.
    function declareHardware(bytes calldata document) external;

    /// @notice Lets `mechanism` reserve stake of the caller, `ALLOW_NOTICE` from now.
    /// @dev Reverts, in this order: UnknownProver, NotEnrolled, AlreadyAllowed (also while it waits).
    function allow(address mechanism) external;

    /// @notice Stops new reservations at once; those that exist stay. Allowing again takes the notice again.
    /// @dev Reverts: NotAllowed.
    function revoke(address mechanism) external;

    // ------------------------------------------------------------------------------------------------------------- stakers

    /// @notice Stakes `amount` of the caller's tokens with `prover`. An operator's own stake is made the same way.
    /// @dev Reverts, in this order: UnknownProver, the token's refusal, StakeTooLarge, ZeroAmount.
    function delegate(address prover, uint96 amount) external returns (uint128 shares);

    /// @notice The same, after the permit; a permit that fails is ignored, as the allowance decides.
    function delegateWithPermit(address prover, uint96 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        returns (uint128 shares);

    /// @notice Moves the stake that `shares` of the caller are worth to the unbonding pool, for at least the cool-down. It is
    ///         slashed there as active stake is, until withdrawn, and earns nothing.
    /// @return ticket for `withdraw`
    /// @dev Reverts, in this order: InsufficientShares, ZeroAmount.
    function undelegate(address prover, uint128 shares) external returns (uint256 ticket);

    /// @notice Pays what the caller's ticket is worth, after its cool-down. Of stake under obligation only what is free is
    ///         paid; the ticket keeps the rest for another call.
    /// @dev Reverts, in this order: UnknownTicket, CoolingDown, StakeUnderObligation (nothing is free), the token's refusal.
    function withdraw(uint256 ticket) external returns (uint96 amount);

    /// @notice Gives `amount` of the caller's tokens to a prover: the operator's share as a credit, the rest to who has active
    ///         stake now, by raising what a share is worth. All of it is the operator's if next to nobody has
    ///         active stake: fewer than 2^32 shares, which are 2^16 units of the token to begin with.
    /// @dev Reverts, in this order: UnknownProver, the token's refusal, StakeTooLarge.
    function reward(address prover, uint96 amount) external;

    /// @notice Pays what is credited to `account`, to `account`; anybody may call it. Retries booked burns too.
    /// @dev Reverts, in this order: ZeroAmount, the token's refusal.
    function claim(address account) external returns (uint256 amount);

    // ------------------------------------------------------------------------------------------------------- qualification

    /// @notice Records, in the caller's name, that `prover` has just proven `workload` within `durationBlocks`. Anybody may
    ///         record anything; readers choose the recorders they trust.
    /// @dev Reverts: UnknownProver.
    function recordQualification(address prover, bytes32 workload, uint64 durationBlocks) external;

    /// @notice The last record of `recorder`: the block it was made in, zero if none, and the duration it gave.
    function qualification(address recorder, address prover, bytes32 workload)
        external
        view
        returns (uint64 blockNumber, uint64 durationBlocks);

    // ------------------------------------------------------------------------------------------------------ the active set

    /// @notice Root of the active set; zero while it is empty.
    function root() external view returns (bytes32);

    /// @notice Sum of the weights of all active provers.
    function totalWeight() external view returns (uint96);

    /// @notice Levels above the leaves. Grows as leaves are needed, never shrinks.
    function depth() external view returns (uint256);

    /// @notice The leaf of an active prover. Indexes are given to others after a prover has left: keep addresses, not indexes.
    /// @dev Reverts: NotActive.
    function leafIndex(address prover) external view returns (uint256);

    /// @notice What is at a leaf; zeroes if nobody.
    function leafAt(uint256 index) external view returns (address prover, uint96 weight);

    /// @notice The siblings of a leaf from the bottom up, as `StakeTree.verifyDraw` takes them.
    function pathOf(uint256 index) external view returns (Sibling[] memory path);

    /// @notice The prover that a ticket below `totalWeight` falls on, as the set is now.
    /// @dev Who knows the seed before the set is fixed can arrange the set: a mechanism that draws later than in the block in
    ///      which its seed appears keeps `root` and `totalWeight` from before, and has paths shown to it.
    ///      Reverts: StakeTree.TicketOutOfRange.
    function drawAt(uint256 ticket) external view returns (address prover);

    // ------------------------------------------------------------------------------------------------------------- accounts

    function TOKEN() external view returns (address);
    function MIN_SELF_STAKE() external view returns (uint96);
    /// @notice Seconds from undelegating to withdrawing, and from announcing an operator's share to its effect.
    function COOL_DOWN() external view returns (uint48);
    /// @notice Seconds from allowing a mechanism to its first reservation: two cool-downs.
    function ALLOW_NOTICE() external view returns (uint256);
    /// @notice Keys of one prover, the operator itself not counted.
    function MAX_KEYS() external view returns (uint256);

    /// @notice A prover's active, unbonding and reserved stake.
    function stakeOf(address prover) external view returns (uint96 active, uint96 unbonding, uint96 reserved);

    /// @notice A delegator's shares of a prover's active stake, and what they are worth.
    function positionOf(address prover, address delegator) external view returns (uint128 shares, uint96 amount);

    /// @notice What a ticket stands for; zeroes if it is none or is paid.
    function ticketOf(address delegator, uint256 ticket)
        external
        view
        returns (address prover, uint128 shares, uint96 amount, uint256 readyAt);

    /// @notice Tickets a delegator ever got; they are numbered from zero.
    function ticketCount(address delegator) external view returns (uint256);

    /// @notice The operator's share now, and the one announced with the time it takes effect (the same and zero if none).
    function operatorShare(address prover)
        external
        view
        returns (uint16 bps, uint16 announcedBps, uint256 effectiveFrom);

    /// @notice Number of the prover's keys, the operator itself not counted.
    function keyCount(address prover) external view returns (uint256);

    /// @notice What the next signature of `key` must say.
    function keyNonce(address key) external view returns (uint96);

    /// @notice Hash of the last hardware document, and the block in which it was declared.
    function hardware(address prover) external view returns (bytes32 documentHash, uint64 blockNumber);

    /// @notice What a mechanism has reserved of a prover.
    function reservedBy(address prover, address mechanism) external view returns (uint96);

    /// @notice When `mechanism` may or could begin to reserve stake of `prover`; zero if it is not allowed.
    function allowedFrom(address prover, address mechanism) external view returns (uint256);

    /// @notice A mechanism's split; zeroes if it is none.
    function splitOf(address mechanism) external view returns (uint16 burnBps, uint16 rescuerBps, uint16 requesterBps);

    /// @notice When the prover last declined work of the mechanism, newest first; zero where it did not.
    function declinesOf(address prover, address mechanism) external view returns (uint64[4] memory times);

    /// @notice What `account` can claim. Of the dead address: what the token has refused to burn.
    function creditOf(address account) external view returns (uint256);
}
