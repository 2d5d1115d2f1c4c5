// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { SafeTransferLib } from "solady/utils/SafeTransferLib.sol";

import { IERC20, IERC20Permit } from "./interfaces/IERC20.sol";
import { IProverRegistry } from "./interfaces/IProverRegistry.sol";
import { GuardedTransfer } from "./ledger/GuardedTransfer.sol";
import { Declines } from "./registry/Declines.sol";
import { ProverKey, ProverKeyLib } from "./registry/ProverKey.sol";
import { Position, SharePool } from "./registry/SharePool.sol";
import { Sibling, StakeTree, StakeTreeState } from "./registry/StakeTree.sol";
import { Eip712Domain } from "./signing/Eip712Domain.sol";
import { Signature } from "./signing/Signature.sol";

/// @title The registry of provers, see IProverRegistry for what it promises
/// @dev One order in every entry point: checks, compute, effects, event, transfer; only pulling tokens comes first. There is no
///      reentrancy guard: the token is the one outsider that is called, and never between two effects.
contract ProverRegistry is IProverRegistry, Eip712Domain {
    // ------------------------------------------------------------------------------------------------- constants, storage

    /// @dev `leaf` is 1 + the index in the active set, zero while inactive. An announced share counts from its time on.
    struct Prover {
        bool registered;
        uint8 keyCount;
        uint32 leaf;
        uint96 reserved;
        uint16 shareBps;
        uint16 announcedShareBps;
        uint48 announcedFrom;
        SharePool active;
        SharePool unbonding;
        bytes32 hardwareHash;
        uint64 hardwareBlock;
    }

    struct Mechanism {
        bool enrolled;
        uint16 burnBps;
        uint16 rescuerBps;
        uint16 requesterBps;
    }

    /// @dev Between a prover and a mechanism. `from` is zero while it is not allowed.
    struct Grant {
        uint48 from;
        uint96 reserved;
    }

    struct Ticket {
        address prover;
        uint48 readyAt;
        Position position;
    }

    struct Qualification {
        uint64 blockNumber;
        uint64 durationBlocks;
    }

    uint256 public constant MAX_KEYS = 16;
    uint256 private constant BPS = 10_000;
    uint256 private constant DOCUMENT_LIMIT = 4096;
    uint48 private constant COOL_DOWN_LIMIT = 365 days;

    address public immutable TOKEN;
    uint96 public immutable MIN_SELF_STAKE;
    uint48 public immutable COOL_DOWN;

    mapping(address => Prover) private provers;
    mapping(address key => ProverKey) private keys;
    mapping(address prover => mapping(address delegator => Position)) private positions;
    mapping(address delegator => Ticket[]) private tickets;
    mapping(address => Mechanism) private mechanisms;
    mapping(address prover => mapping(address mechanism => Grant)) private grants;
    mapping(address prover => mapping(address mechanism => Declines)) private declines;
    mapping(address recorder => mapping(address prover => mapping(bytes32 workload => Qualification))) private
        qualifications;
    /// @inheritdoc IProverRegistry
    mapping(address => uint256) public creditOf;
    StakeTreeState private activeSet;

    constructor(address token, uint96 minSelfStake, uint48 coolDown) {
        if (token.code.length == 0 || minSelfStake == 0) revert InvalidParameters();
        if (coolDown == 0 || coolDown > COOL_DOWN_LIMIT) revert InvalidParameters();
        TOKEN = token;
        MIN_SELF_STAKE = minSelfStake;
        COOL_DOWN = coolDown;
    }

    // ------------------------------------------------------------------------------------------------------- the operator

    /// @inheritdoc IProverRegistry
    function register(uint16 operatorShareBps) external {
        ProverKey storage own = keys[msg.sender];
        if (own.prover != address(0)) revert KeyTaken(msg.sender, own.prover);
        if (operatorShareBps > BPS) revert InvalidBps(operatorShareBps);
        own.prover = msg.sender;
        Prover storage prover = provers[msg.sender];
        (prover.registered, prover.shareBps) = (true, operatorShareBps);
        emit ProverRegistered(msg.sender, operatorShareBps);
    }

    /// @inheritdoc IProverRegistry
    function setOperatorShare(uint16 operatorShareBps) external {
        Prover storage prover = _known(msg.sender);
        if (operatorShareBps > BPS) revert InvalidBps(operatorShareBps);
        uint48 from = uint48(block.timestamp) + COOL_DOWN;
        prover.shareBps = _shareBps(prover);
        (prover.announcedShareBps, prover.announcedFrom) = (operatorShareBps, from);
        emit OperatorShareAnnounced(msg.sender, operatorShareBps, from);
    }

    /// @inheritdoc IProverRegistry
    function addKey(address key, bytes calldata signature) external {
        Prover storage prover = _known(msg.sender);
        ProverKey storage entry = keys[key];
        if (entry.prover != address(0)) revert KeyTaken(key, entry.prover);
        if (prover.keyCount == MAX_KEYS) revert TooManyKeys(MAX_KEYS);
        uint96 nonce = entry.nonce;
        address recovered = Signature.recover(_digest(ProverKeyLib.hash(msg.sender, nonce)), signature);
        if (recovered != key) revert NotTheKey(recovered, key);
        (entry.prover, entry.nonce) = (msg.sender, nonce + 1);
        ++prover.keyCount;
        emit KeyAdded(msg.sender, key);
    }

    /// @inheritdoc IProverRegistry
    function removeKey(address key) external {
        ProverKey storage entry = keys[key];
        address prover = entry.prover;
        if (prover == address(0) || prover == key) revert KeyUnknown(key);
        if (msg.sender != prover && msg.sender != key) revert KeyUnknown(key);
        entry.prover = address(0);
        --provers[prover].keyCount;
        emit KeyRemoved(prover, key);
    }

    /// @inheritdoc IProverRegistry
    function declareHardware(bytes calldata document) external {
        Prover storage prover = _known(msg.sender);
        if (document.length > DOCUMENT_LIMIT) revert DocumentTooLong(document.length, DOCUMENT_LIMIT);
        bytes32 documentHash = keccak256(document);
        (prover.hardwareHash, prover.hardwareBlock) = (documentHash, uint64(block.number));
        emit HardwareDeclared(msg.sender, documentHash, document);
    }

    /// @inheritdoc IProverRegistry
    function allow(address mechanism) external {
        _known(msg.sender);
        if (!mechanisms[mechanism].enrolled) revert NotEnrolled(mechanism);
        Grant storage grant = grants[msg.sender][mechanism];
        if (grant.from != 0) revert AlreadyAllowed(msg.sender, mechanism);
        uint48 from = uint48(block.timestamp + ALLOW_NOTICE());
        grant.from = from;
        emit MechanismAllowed(msg.sender, mechanism, from);
    }

    /// @inheritdoc IProverRegistry
    function revoke(address mechanism) external {
        Grant storage grant = grants[msg.sender][mechanism];
        if (grant.from == 0) revert NotAllowed(msg.sender, mechanism);
        grant.from = 0;
        emit MechanismRevoked(msg.sender, mechanism);
    }

    /// @dev The share in force: the announced one once its time has come.
    function _shareBps(Prover storage prover) private view returns (uint16) {
        uint48 from = prover.announcedFrom;
        return from != 0 && from <= block.timestamp ? prover.announcedShareBps : prover.shareBps;
    }

    // ------------------------------------------------------------------------------------------------------------ stakers

    /// @inheritdoc IProverRegistry
    function delegate(address prover, uint96 amount) external returns (uint128 shares) {
        return _delegate(prover, amount);
    }

    /// @inheritdoc IProverRegistry
    /// @dev Failure is ignored: the allowance decides, and a permit that somebody else has used has set it.
    function delegateWithPermit(address prover, uint96 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        returns (uint128 shares)
    {
        try IERC20Permit(TOKEN).permit(msg.sender, address(this), amount, deadline, v, r, s) { } catch { }
        return _delegate(prover, amount);
    }

    function _delegate(address prover, uint96 amount) private returns (uint128 shares) {
        Prover storage entry = _known(prover);
        _pull(amount);
        _checkRoom(entry, prover, amount);
        shares = entry.active.deposit(amount);
        if (shares == 0) revert ZeroAmount();
        Position storage position = positions[prover][msg.sender];
        _hold(position, entry.active, entry.active.sharesOf(position) + shares);
        _reweigh(prover, entry);
        emit Delegated(prover, msg.sender, amount, shares);
    }

    /// @inheritdoc IProverRegistry
    function undelegate(address prover, uint128 shares) external returns (uint256 ticket) {
        Prover storage entry = provers[prover];
        Position storage position = positions[prover][msg.sender];
        uint128 held = entry.active.sharesOf(position);
        if (held < shares) revert InsufficientShares(held, shares);
        uint96 amount = entry.active.toAssetsDown(shares);
        if (amount == 0) revert ZeroAmount();
        uint48 readyAt = uint48(block.timestamp) + COOL_DOWN;
        ticket = tickets[msg.sender].length;

        entry.active.remove(shares, amount);
        _hold(position, entry.active, held - shares);
        uint128 minted = entry.unbonding.deposit(amount);
        tickets[msg.sender].push(Ticket(prover, readyAt, Position(minted, entry.unbonding.scale)));
        _reweigh(prover, entry);
        emit Undelegated(prover, msg.sender, ticket, amount, shares, readyAt);
    }

    /// @inheritdoc IProverRegistry
    function withdraw(uint256 ticket) external returns (uint96 amount) {
        if (ticket >= tickets[msg.sender].length) revert UnknownTicket(msg.sender, ticket);
        Ticket storage claimed = tickets[msg.sender][ticket];
        address prover = claimed.prover;
        if (prover == address(0)) revert UnknownTicket(msg.sender, ticket);
        if (block.timestamp < claimed.readyAt) revert CoolingDown(claimed.readyAt);
        Prover storage entry = provers[prover];
        SharePool storage pool = entry.unbonding;
        uint128 held = pool.sharesOf(claimed.position);
        uint128 shares = held;
        amount = pool.toAssetsDown(held);
        // Reservations never exceed the two pools together.
        uint256 free = uint256(entry.active.assets) + pool.assets - entry.reserved;
        if (amount > free) {
            if (free == 0) revert StakeUnderObligation(prover, entry.reserved);
            amount = uint96(free);
            shares = pool.toSharesUp(free);
        }

        pool.remove(shares, amount);
        if (shares == held) delete tickets[msg.sender][ticket];
        else _hold(claimed.position, pool, held - shares);
        emit Withdrawn(prover, msg.sender, ticket, amount);
        SafeTransferLib.safeTransfer(TOKEN, msg.sender, amount);
    }

    /// @inheritdoc IProverRegistry
    function reward(address prover, uint96 amount) external {
        Prover storage entry = _known(prover);
        _pull(amount);
        uint96 toOperator = amount;
        if (entry.active.takesGifts()) {
            _checkRoom(entry, prover, amount);
            toOperator = uint96(uint256(amount) * _shareBps(entry) / BPS);
        }
        uint96 toPool = amount - toOperator;
        creditOf[prover] += toOperator;
        entry.active.assets += toPool;
        _reweigh(prover, entry);
        emit Rewarded(prover, msg.sender, toOperator, toPool);
    }

    /// @inheritdoc IProverRegistry
    function claim(address account) external returns (uint256 amount) {
        amount = creditOf[account];
        if (amount == 0) revert ZeroAmount();
        creditOf[account] = 0;
        emit CreditClaimed(account, amount);
        SafeTransferLib.safeTransfer(TOKEN, account, amount);
    }

    /// @dev Until the tokens are here nothing is credited.
    function _pull(uint96 amount) private {
        SafeTransferLib.safeTransferFrom(TOKEN, msg.sender, address(this), amount);
    }

    /// @dev Both pools together fit in 96 bits, so that moving stake from one to the other always works.
    function _checkRoom(Prover storage entry, address prover, uint96 amount) private view {
        uint256 sum = uint256(entry.active.assets) + entry.unbonding.assets + amount;
        if (sum > type(uint96).max) revert StakeTooLarge(prover);
    }

    function _hold(Position storage position, SharePool storage pool, uint128 shares) private {
        (position.shares, position.scale) = (shares, pool.scale);
    }

    /// @dev After every change of a prover's active stake: whoever has enough of its own weighs all that it has.
    function _reweigh(address prover, Prover storage entry) private {
        SharePool storage pool = entry.active;
        uint96 own = pool.toAssetsDown(pool.sharesOf(positions[prover][prover]));
        uint96 weight = own < MIN_SELF_STAKE ? 0 : pool.assets;
        uint32 leaf = entry.leaf;
        if (leaf == 0 && weight == 0) return;
        uint32 place = StakeTree.update(activeSet, leaf, prover, weight);
        if (place != leaf) entry.leaf = place;
        emit WeightChanged(prover, (place == 0 ? leaf : place) - 1, weight);
    }

    function _known(address prover) private view returns (Prover storage entry) {
        entry = provers[prover];
        if (!entry.registered) revert UnknownProver(prover);
    }

    // --------------------------------------------------------------------------------------------------------- mechanisms

    /// @inheritdoc IProverRegistry
    function enrol(uint16 burnBps, uint16 rescuerBps, uint16 requesterBps) external {
        Mechanism storage mechanism = mechanisms[msg.sender];
        if (mechanism.enrolled) revert AlreadyEnrolled(msg.sender);
        uint256 sum = uint256(burnBps) + rescuerBps + requesterBps;
        if (sum != BPS) revert InvalidBps(sum);
        mechanisms[msg.sender] = Mechanism(true, burnBps, rescuerBps, requesterBps);
        emit MechanismEnrolled(msg.sender, burnBps, rescuerBps, requesterBps);
    }

    /// @inheritdoc IProverRegistry
    function reserve(address prover, uint96 amount) external {
        Prover storage entry = provers[prover];
        if (entry.leaf == 0) revert NotActive(prover);
        if (!allows(prover, msg.sender)) revert NotAllowed(prover, msg.sender);
        uint256 reserved = uint256(entry.reserved) + amount;
        uint96 active = entry.active.assets;
        if (reserved > active) revert InsufficientStake(prover, reserved, active);
        entry.reserved = uint96(reserved);
        grants[prover][msg.sender].reserved += amount;
        emit StakeReserved(prover, msg.sender, amount);
    }

    /// @inheritdoc IProverRegistry
    function release(address prover, uint96 amount) external {
        _endReservation(prover, amount);
        emit StakeReleased(prover, msg.sender, amount);
    }

    /// @inheritdoc IProverRegistry
    function slash(address prover, uint96 amount, address rescuer, address requester) external {
        _endReservation(prover, amount);
        Prover storage entry = provers[prover];
        SharePool storage active = entry.active;
        SharePool storage unbonding = entry.unbonding;
        Mechanism storage split = mechanisms[msg.sender];
        uint256 all = uint256(active.assets) + unbonding.assets;
        // Rounded down it is at most what is unbonding, and the rest at most what is active.
        uint96 fromUnbonding = all == 0 ? 0 : uint96(uint256(amount) * unbonding.assets / all);
        uint96 toRescuer = uint96(uint256(amount) * split.rescuerBps / BPS);
        uint96 toRequester = uint96(uint256(amount) * split.requesterBps / BPS);
        if (rescuer == address(0)) (toRescuer, toRequester) = (0, toRequester + toRescuer);
        if (requester == address(0)) toRequester = 0;
        uint96 burned = amount - toRescuer - toRequester;

        unbonding.slash(fromUnbonding);
        active.slash(amount - fromUnbonding);
        creditOf[rescuer] += toRescuer;
        creditOf[requester] += toRequester;
        _reweigh(prover, entry);
        emit StakeSlashed(prover, msg.sender, burned, rescuer, toRescuer, requester, toRequester);
        if (burned != 0) _burn(burned);
    }

    /// @inheritdoc IProverRegistry
    function recordDecline(address prover) external {
        _known(prover);
        if (!mechanisms[msg.sender].enrolled) revert NotEnrolled(msg.sender);
        Declines before = declines[prover][msg.sender];
        uint256 nextAt = before.nextAt();
        if (block.timestamp < nextAt) revert DeclineQuotaExceeded(prover, msg.sender, nextAt);
        declines[prover][msg.sender] = before.with(uint64(block.timestamp));
        emit Declined(prover, msg.sender);
    }

    /// @inheritdoc IProverRegistry
    function proverOf(address key) external view returns (address prover) {
        return keys[key].prover;
    }

    /// @inheritdoc IProverRegistry
    function isActive(address prover) external view returns (bool) {
        return provers[prover].leaf != 0;
    }

    /// @inheritdoc IProverRegistry
    function allows(address prover, address mechanism) public view returns (bool) {
        uint48 from = grants[prover][mechanism].from;
        return from != 0 && from <= block.timestamp;
    }

    function _endReservation(address prover, uint96 amount) private {
        Grant storage grant = grants[prover][msg.sender];
        uint96 reserved = grant.reserved;
        if (reserved < amount) revert InsufficientReservation(prover, msg.sender, reserved, amount);
        grant.reserved = reserved - amount;
        provers[prover].reserved -= amount;
    }

    /// @dev What becomes of an obligation must not hang on the token's goodwill, so a burn that fails is booked.
    function _burn(uint96 amount) private {
        if (!GuardedTransfer.tryBurn(TOKEN, amount)) creditOf[GuardedTransfer.BURN_ADDRESS] += amount;
    }

    // ------------------------------------------------------------------------------------------------------ qualification

    /// @inheritdoc IProverRegistry
    function recordQualification(address prover, bytes32 workload, uint64 durationBlocks) external {
        _known(prover);
        qualifications[msg.sender][prover][workload] = Qualification(uint64(block.number), durationBlocks);
        emit Qualified(msg.sender, prover, workload, durationBlocks);
    }

    /// @inheritdoc IProverRegistry
    function qualification(address recorder, address prover, bytes32 workload)
        external
        view
        returns (uint64 blockNumber, uint64 durationBlocks)
    {
        Qualification storage record = qualifications[recorder][prover][workload];
        return (record.blockNumber, record.durationBlocks);
    }

    // ----------------------------------------------------------------------------------------------------- the active set

    /// @inheritdoc IProverRegistry
    function root() external view returns (bytes32) {
        return StakeTree.root(activeSet);
    }

    /// @inheritdoc IProverRegistry
    function totalWeight() external view returns (uint96) {
        return activeSet.total;
    }

    /// @inheritdoc IProverRegistry
    function depth() external view returns (uint256) {
        return activeSet.depth;
    }

    /// @inheritdoc IProverRegistry
    function leafIndex(address prover) external view returns (uint256) {
        uint32 leaf = provers[prover].leaf;
        if (leaf == 0) revert NotActive(prover);
        return leaf - 1;
    }

    /// @inheritdoc IProverRegistry
    function leafAt(uint256 index) external view returns (address prover, uint96 weight) {
        return StakeTree.leafAt(activeSet, index);
    }

    /// @inheritdoc IProverRegistry
    function pathOf(uint256 index) external view returns (Sibling[] memory path) {
        return StakeTree.pathOf(activeSet, index);
    }

    /// @inheritdoc IProverRegistry
    function drawAt(uint256 ticket) external view returns (address prover) {
        return StakeTree.drawAt(activeSet, ticket);
    }

    // ---------------------------------------------------------------------------------------------------------- accounts

    /// @inheritdoc IProverRegistry
    function ALLOW_NOTICE() public view returns (uint256) {
        return 2 * uint256(COOL_DOWN);
    }

    /// @inheritdoc IProverRegistry
    function stakeOf(address prover) external view returns (uint96 active, uint96 unbonding, uint96 reserved) {
        Prover storage entry = provers[prover];
        return (entry.active.assets, entry.unbonding.assets, entry.reserved);
    }

    /// @inheritdoc IProverRegistry
    function positionOf(address prover, address delegator) external view returns (uint128 shares, uint96 amount) {
        SharePool storage pool = provers[prover].active;
        shares = pool.sharesOf(positions[prover][delegator]);
        amount = pool.toAssetsDown(shares);
    }

    /// @inheritdoc IProverRegistry
    function ticketOf(address delegator, uint256 ticket)
        external
        view
        returns (address prover, uint128 shares, uint96 amount, uint256 readyAt)
    {
        if (ticket >= tickets[delegator].length) return (address(0), 0, 0, 0);
        Ticket storage entry = tickets[delegator][ticket];
        prover = entry.prover;
        SharePool storage pool = provers[prover].unbonding;
        shares = pool.sharesOf(entry.position);
        return (prover, shares, pool.toAssetsDown(shares), entry.readyAt);
    }

    /// @inheritdoc IProverRegistry
    function ticketCount(address delegator) external view returns (uint256) {
        return tickets[delegator].length;
    }

    /// @inheritdoc IProverRegistry
    function operatorShare(address prover)
        external
        view
        returns (uint16 bps, uint16 announcedBps, uint256 effectiveFrom)
    {
        Prover storage entry = provers[prover];
        bps = _shareBps(entry);
        if (entry.announcedFrom <= block.timestamp) return (bps, bps, 0);
        return (bps, entry.announcedShareBps, entry.announcedFrom);
    }

    /// @inheritdoc IProverRegistry
    function keyCount(address prover) external view returns (uint256) {
        return provers[prover].keyCount;
    }

    /// @inheritdoc IProverRegistry
    function keyNonce(address key) external view returns (uint96) {
        return keys[key].nonce;
    }

    /// @inheritdoc IProverRegistry
    function hardware(address prover) external view returns (bytes32 documentHash, uint64 blockNumber) {
        return (provers[prover].hardwareHash, provers[prover].hardwareBlock);
    }

    /// @inheritdoc IProverRegistry
    function reservedBy(address prover, address mechanism) external view returns (uint96) {
        return grants[prover][mechanism].reserved;
    }

    /// @inheritdoc IProverRegistry
    function allowedFrom(address prover, address mechanism) external view returns (uint256) {
        return grants[prover][mechanism].from;
    }

    /// @inheritdoc IProverRegistry
    function splitOf(address mechanism) external view returns (uint16 burnBps, uint16 rescuerBps, uint16 requesterBps) {
        Mechanism storage entry = mechanisms[mechanism];
        return (entry.burnBps, entry.rescuerBps, entry.requesterBps);
    }

    /// @inheritdoc IProverRegistry
    function declinesOf(address prover, address mechanism) external view returns (uint64[4] memory times) {
        Declines entry = declines[prover][mechanism];
        for (uint256 n = 0; n < times.length; ++n) {
            times[n] = entry.nth(n);
        }
    }

    function _domainName() internal pure override returns (string memory) {
        return "ProverRegistry";
    }
}
