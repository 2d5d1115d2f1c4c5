// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { DeliveredFulfillment, FulfillmentBatch, ProofRequestBatch } from "../fulfillment/FulfillmentBatch.sol";
import { ProofRequest } from "../request/ProofRequest.sol";
import { RequestId } from "../request/RequestId.sol";
import { IEip712Domain } from "./IEip712Domain.sol";

/// @title The proof market
/// @notice Requesters escrow a price that rises over time; a prover locks a request with collateral, delivers a proof and
///         is paid; a lock that lapses opens a race whose winner earns half of the forfeited collateral.
///
/// This interface is the specification. Words used below:
///  - *lock deadline* = `rampUpStart + lockTimeout`, *deadline* = `rampUpStart + timeout`. Both seconds are still in time:
///    at the lock deadline a request can be locked and its locker is paid; at the deadline it can be delivered.
///  - *request digest*: EIP-712 digest of the full `ProofRequest` under this market's domain. One request id can have several
///    signed digests; the first to be locked or fulfilled takes the id.
///  - *open fill*: a delivery for an id that is not locked, or whose lock deadline has passed.
/// The EIP-712 domain is name `IBoundlessMarket`, version `1`, this chain, this contract.
///
/// Safety: nobody can move another account's balance except by the rules here; there is no owner and no upgrade. ETH and
/// collateral held by the market are at least the sum of all balances and all escrows of locks.
/// Liveness: every function works with all off-chain services dead. The market relies on its router, fixed at deployment:
/// a router that accepts false seals lets provers be paid for nothing, one that rejects all seals stops fulfilment (locks then
/// lapse and are slashed; escrows return to clients). It relies on its collateral token to move exactly the amount asked when
/// it pays out; deposits are measured.
interface IMarket is IEip712Domain {
    // ------------------------------------------------------------------------------------------------------------ events

    /// @notice A request was published. It says nothing of the signature, the balance or the id being unused.
    event RequestSubmitted(RequestId indexed requestId, ProofRequest request, bytes clientSignature);

    /// @notice `prover` locked the request at the price of this block's timestamp.
    event RequestLocked(RequestId indexed requestId, address prover, ProofRequest request, bytes clientSignature);

    /// @notice The request's first delivery. At most once per id.
    event RequestFulfilled(RequestId indexed requestId, address indexed prover, bytes32 requestDigest);

    /// @notice A proof was delivered, paid or not. May happen many times per id.
    event ProofDelivered(RequestId indexed requestId, address indexed prover, DeliveredFulfillment fulfillment);

    /// @notice A lapsed lock was settled. The recipient is the late fulfiller, or this market when nobody delivered.
    event ProverSlashed(
        RequestId indexed requestId,
        uint256 collateralBurned,
        uint256 collateralTransferred,
        address collateralRecipient
    );

    event Deposit(address indexed account, uint256 value);
    event Withdrawal(address indexed account, uint256 value);
    event CollateralDeposit(address indexed account, uint256 value);
    event CollateralWithdrawal(address indexed account, uint256 value);

    /// @notice A delivery was not paid, or not in full; `reason` is the ABI encoding of one of the errors below.
    event PaymentRequirementsFailed(bytes reason);

    /// @notice The request's callback failed. `reason` is what it returned, cut at 1024 bytes.
    event CallbackFailed(RequestId indexed requestId, address callback, bytes reason);

    // ------------------------------------------------------------------------------------------------------------ errors

    /// @dev Reverts a lock; reported as payment error when somebody else holds the lock.
    error RequestIsLocked(RequestId requestId);
    error RequestIsNotLockedOrPriced(RequestId requestId);
    error RequestIsNotLocked(RequestId requestId);
    /// @dev Reverts a lock or a slash; reported as payment error when the request was paid before.
    error RequestIsFulfilled(RequestId requestId);
    error RequestIsSlashed(RequestId requestId);
    error RequestLockIsExpired(RequestId requestId, uint64 lockDeadline);
    /// @dev Payment error only: the delivery came after the deadline and was dropped.
    error RequestIsExpired(RequestId requestId);
    error RequestIsNotExpired(RequestId requestId, uint64 deadline);
    /// @dev Reverts a lock or a withdrawal; reported as payment error for a fill that was never locked.
    error InsufficientBalance(address account);
    /// @dev Payment error only: the client could not cover the whole price of a late delivery.
    error PartialPayment(uint256 fullAmount, uint256 paidAmount);
    error InvalidSignature();
    error InvalidRequest();
    error TransferFailed();
    /// @dev The token refused to let the market pull collateral.
    error TransferFromFailed();
    error BatchSizeExceedsLimit(uint256 batchSize, uint256 limit);
    /// @dev A callback needs image id and journal, and the fill carries none.
    error UnfulfillableCallback();
    /// @dev The transaction has too little gas left to give a callback its limit, or a transfer what it may need.
    error InsufficientGas();
    /// @dev The token moved another amount than asked: the market would hold `held` instead of `expected` tokens.
    error CollateralNotReceived(uint256 expected, uint256 held);
    /// @dev An open fill needs `commitFulfillment` at least `COMMIT_REVEAL_MIN_BLOCKS` earlier.
    error MissingFulfillmentCommitment();
    error InvalidRouter();
    error InvalidCollateralToken();
    error InvalidTreasury();
    /// @dev A part of a batch lies in front of the batch in calldata; no encoder writes that.
    error MalformedCalldata();
    /// @dev An amount does not fit the `bits` of its storage.
    error SafeCastOverflowedUintDowncast(uint8 bits, uint256 value);

    // ---------------------------------------------------------------------------------------------------------- balances

    /// @notice Credits the attached ETH to the sender.
    function deposit() external payable;

    /// @notice Credits the attached ETH to `to`.
    function depositTo(address to) external payable;

    /// @notice Sends `value` wei of the sender's balance to the sender, with all gas.
    /// @dev `InsufficientBalance(sender)`, then `TransferFailed` if the sender does not take it.
    function withdraw(uint256 value) external;

    /// @notice Deposited ETH of `addr` in wei, without escrows.
    function balanceOf(address addr) external view returns (uint256);

    /// @notice Pulls `value` collateral tokens from the sender, who has approved them, and credits the sender.
    /// @dev `SafeCastOverflowedUintDowncast`, `TransferFromFailed()` if the token refuses, `CollateralNotReceived` if it keeps a part.
    function depositCollateral(uint256 value) external;

    /// @notice Pulls `value` collateral tokens from the sender and credits `to`.
    function depositCollateralTo(address to, uint256 value) external;

    /// @notice As `depositCollateral` after an ERC-2612 permit by the sender.
    /// @dev A failing permit is ignored, so that somebody who spends the permit first cannot block the deposit.
    function depositCollateralWithPermit(uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice As `depositCollateralTo` after an ERC-2612 permit by the sender.
    function depositCollateralWithPermitTo(address to, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external;

    /// @notice Sends `value` of the sender's collateral back to the sender.
    /// @dev `InsufficientBalance(sender)`, then `TransferFailed`.
    function withdrawCollateral(uint256 value) external;

    /// @notice Deposited collateral of `addr`, without what its locks hold.
    function balanceOfCollateral(address addr) external view returns (uint256);

    /// @notice Sends all that the market's own account holds, and nothing else, to the treasury. Anybody may call.
    /// @dev That account gets what slashing leaves when nobody delivered late, and whatever somebody credits to the market's
    ///      address. `Withdrawal` and `CollateralWithdrawal` name the market as account. `TransferFailed`.
    function sendToTreasury() external;

    // ---------------------------------------------------------------------------------------------------------- requests

    /// @notice Publishes a request; attached ETH is credited to the sender. Checks nothing and is not needed for a lock.
    function submitRequest(ProofRequest calldata request, bytes calldata clientSignature) external payable;

    /// @notice Locks the request for the sender: escrows the current price from the client and the offer's collateral from
    ///         the sender. An id can be locked once, ever.
    /// @dev Reverts, in this order: `InvalidRequest` (id); `InvalidSignature` or an `ECDSA…` error; `InvalidRequest` (offer);
    ///      `RequestIsLocked`; `RequestIsFulfilled`; `RequestLockIsExpired`; `InsufficientBalance(client)`;
    ///      `InsufficientBalance(prover)`. Before `rampUpStart` the price is `minPrice`.
    function lockRequest(ProofRequest calldata request, bytes calldata clientSignature) external;

    /// @notice As `lockRequest` for the signer of `LockRequest(request)`; anybody may relay it.
    /// @dev A prover signature over something else recovers a stranger and ends in `InsufficientBalance(stranger)`.
    function lockRequestWithSignature(
        ProofRequest calldata request,
        bytes calldata clientSignature,
        bytes calldata proverSignature
    ) external;

    /// @notice Checks the client's signature and the offer, and remembers the current price until the transaction ends.
    /// @dev An expired request is remembered as expired, not refused. Flags of the id are not looked at.
    function priceRequest(ProofRequest calldata request, bytes calldata clientSignature) external;

    /// @notice Settles a lock whose request was not delivered by its locker in time. Anybody may call, the caller earns nothing.
    ///         Half of the collateral is burned. The rest goes to the prover paid after the lock deadline; if there is none it
    ///         goes to the market's account and the client gets its escrow back.
    /// @dev Reverts, in this order: `InvalidRequest`; `RequestIsNotLocked`; `RequestIsSlashed`; `RequestIsFulfilled` (paid
    ///      during the lock); `RequestIsNotExpired` (until the deadline has passed); `InsufficientGas` when too little is left
    ///      to burn. A token that refuses the burn (it reverts, does not answer `true`, or uses more than
    ///      100,000 gas) does not stop it: the amount stays here, in the burn address's account.
    function slash(RequestId requestId) external;

    // -------------------------------------------------------------------------------------------------------- fulfilment

    /// @notice Announces open fills: `commitment` = keccak256(abi.encode(FulfillmentBatch[])). The first stamp stays.
    /// @dev It keeps a proof seen in the mempool from being copied: the copy has another prover, so another commitment.
    function commitFulfillment(bytes32 commitment) external;

    /// @notice Delivers proofs. Anybody may send them: the paid party is each batch's `prover`.
    ///
    /// Reverts, in this order: `MissingFulfillmentCommitment` when any fill is open and the batches were not committed at
    /// least `COMMIT_REVEAL_MIN_BLOCKS` ago; then batch by batch `BatchSizeExceedsLimit`, `MalformedCalldata`,
    /// `RequestIsNotLockedOrPriced` for a request that is neither the locked one nor priced in this transaction, whatever the
    /// router reverts with, and fill by fill `UnfulfillableCallback`, `MalformedFulfillmentData` when a callback's image id and
    /// journal are not canonically encoded, and `InsufficientGas`. A batch without fills is skipped. One bad proof reverts all.
    ///
    /// Payment problems never revert. The result holds one entry per fill, in order: empty if paid as promised, else the ABI
    /// encoding of an error, which `PaymentRequirementsFailed` carries too.
    ///
    /// Which of three paths a fill takes, and who is paid:
    ///  - *locked* (now <= lock deadline): the locker gets price and collateral, once. Anybody else's delivery, or that of
    ///    another request under the same id, counts as delivered but unpaid (`RequestIsLocked`).
    ///  - *was locked* (lock deadline < now): the price of the delivered request at this time (zero unless it was priced) is
    ///    paid out of the escrow, the client makes up or gets back the difference, and the prover becomes the one whom
    ///    `slash` rewards. A client that cannot make it up pays what it has (`PartialPayment`).
    ///  - *never locked*: the client pays the current price; if it cannot, nobody is ever paid (`InsufficientBalance`).
    /// A request that was paid before yields `RequestIsFulfilled`. One past its deadline yields `RequestIsExpired`, and is the
    /// only one that is not delivered.
    function fulfill(FulfillmentBatch[] calldata fulfillmentBatches) external returns (bytes[] memory paymentError);

    /// @notice `fulfill`, then sends each batch's prover its whole ETH balance.
    /// @dev A send gets 100,000 gas. A prover that does not take it keeps its balance, which `withdraw` sends with all gas; the
    ///      others are paid. `InsufficientGas` when a send could not get that much.
    function fulfillAndWithdraw(FulfillmentBatch[] calldata fulfillmentBatches)
        external
        returns (bytes[] memory paymentError);

    /// @notice `priceRequest` for every request, then `fulfill`. The two sets need not be the same.
    /// @dev `BatchSizeExceedsLimit(signatures, requests)` when a batch has not one signature per request.
    function priceAndFulfill(
        ProofRequestBatch[] calldata requestBatches,
        FulfillmentBatch[] calldata fulfillmentBatches
    ) external returns (bytes[] memory paymentError);

    /// @notice `priceAndFulfill`, then the sends of `fulfillAndWithdraw`.
    function priceAndFulfillAndWithdraw(
        ProofRequestBatch[] calldata requestBatches,
        FulfillmentBatch[] calldata fulfillmentBatches
    ) external returns (bytes[] memory paymentError);

    /// @notice `submitMerkleRoot(root, seal)` on the contract named by the caller.
    /// @dev It reverts with what that contract reverts with. The market has no privilege that such a call could use.
    function submitRoot(address setVerifier, bytes32 root, bytes calldata seal) external;

    /// @notice `submitRoot`, then `fulfill`.
    function submitRootAndFulfill(
        address setVerifier,
        bytes32 root,
        bytes calldata seal,
        FulfillmentBatch[] calldata fulfillmentBatches
    ) external returns (bytes[] memory paymentError);

    /// @notice `submitRoot`, then `fulfillAndWithdraw`.
    function submitRootAndFulfillAndWithdraw(
        address setVerifier,
        bytes32 root,
        bytes calldata seal,
        FulfillmentBatch[] calldata fulfillmentBatches
    ) external returns (bytes[] memory paymentError);

    /// @notice `submitRoot`, then `priceAndFulfill`.
    function submitRootAndPriceAndFulfill(
        address setVerifier,
        bytes32 root,
        bytes calldata seal,
        ProofRequestBatch[] calldata requestBatches,
        FulfillmentBatch[] calldata fulfillmentBatches
    ) external returns (bytes[] memory paymentError);

    /// @notice `submitRoot`, then `priceAndFulfillAndWithdraw`.
    function submitRootAndPriceAndFulfillAndWithdraw(
        address setVerifier,
        bytes32 root,
        bytes calldata seal,
        ProofRequestBatch[] calldata requestBatches,
        FulfillmentBatch[] calldata fulfillmentBatches
    ) external returns (bytes[] memory paymentError);

    // ------------------------------------------------------------------------------------------------------------- views

    /// @notice Block in which `commitment` was first announced and not yet used; else zero.
    function fulfillmentCommitBlock(bytes32 commitment) external view returns (uint256);

    /// @notice True from the lock on, forever.
    function requestIsLocked(RequestId requestId) external view returns (bool);

    /// @notice True from the first delivery on, forever.
    function requestIsFulfilled(RequestId requestId) external view returns (bool);

    /// @notice True once the lock was slashed.
    function requestIsSlashed(RequestId requestId) external view returns (bool);

    /// @notice Lock deadline of a request that was locked, else `RequestIsNotLocked`.
    function requestLockDeadline(RequestId requestId) external view returns (uint64);

    /// @notice Deadline of a request that was locked, else `RequestIsNotLocked`.
    function requestDeadline(RequestId requestId) external view returns (uint64);

    /// @notice The raw lock. Its fields are cleared as it is settled: not a status.
    function requestLocks(RequestId requestId)
        external
        view
        returns (
            address prover,
            uint64 lockDeadline,
            uint24 deadlineDelta,
            uint8 requestLockFlags,
            uint96 price,
            uint96 collateral,
            bytes32 requestDigest
        );

    /// @notice The verifier router, fixed at deployment.
    function ROUTER() external view returns (address);

    /// @notice The ERC-20 token of collateral, fixed at deployment.
    function COLLATERAL_TOKEN_CONTRACT() external view returns (address);

    /// @notice Where `sendToTreasury` sends, fixed at deployment.
    function TREASURY() external view returns (address);

    /// @notice Gas given to a client contract's `isValidSignature`: 100,000.
    function ERC1271_MAX_GAS_FOR_CHECK() external view returns (uint256);

    /// @notice Share of slashed collateral that is burned, in hundredths of a percent: 5,000.
    function SLASHING_BURN_BPS() external view returns (uint256);

    /// @notice The market takes no fee: 0.
    function MARKET_FEE_BPS() external view returns (uint96);

    /// @notice Blocks between a commitment and its fills: 1.
    function COMMIT_REVEAL_MIN_BLOCKS() external view returns (uint256);

    /// @notice 1.
    function VERSION() external view returns (uint64);
}
