// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { SafeTransferLib } from "solady/utils/SafeTransferLib.sol";

import { Fulfillment, FulfillmentBatch, FulfillmentBatchLib } from "./fulfillment/FulfillmentBatch.sol";
import { FulfillmentDataType, ProofRequestBatch } from "./fulfillment/FulfillmentBatch.sol";
import { FulfillmentContext, FulfillmentContextLib } from "./fulfillment/FulfillmentContext.sol";
import { FulfillmentData } from "./fulfillment/FulfillmentData.sol";
import { IERC1271 } from "./interfaces/IERC1271.sol";
import { IERC20, IERC20Permit } from "./interfaces/IERC20.sol";
import { IMarket } from "./interfaces/IMarket.sol";
import { IMarketCallback } from "./interfaces/IMarketCallback.sol";
import { ISetVerifier } from "./interfaces/IVerifier.sol";
import { IVerifierRouter } from "./interfaces/IVerifierRouter.sol";
import { Account, AccountLib, AccountState } from "./ledger/Account.sol";
import { GuardedTransfer } from "./ledger/GuardedTransfer.sol";
import { Escrow, EscrowLib, LockState, LockStateLib, RequestLock } from "./ledger/RequestLock.sol";
import { ProofRequest, ProofRequestLib, SlimRequest } from "./request/ProofRequest.sol";
import { RequestId } from "./request/RequestId.sol";
import { Callback } from "./request/Requirements.sol";
import { Eip712, Eip712Domain } from "./signing/Eip712Domain.sol";
import { Signature } from "./signing/Signature.sol";

/// @title The proof market, see IMarket for what it promises
/// @dev One order in every entry point: checks, compute, effects, event, callback, transfer. There is no reentrancy guard:
///      every external call is made with the state of the request at hand already final.
contract Market is IMarket, Eip712Domain {
    // ------------------------------------------------------------------------------------------------- constants, storage

    uint64 public constant VERSION = 1;
    uint256 public constant ERC1271_MAX_GAS_FOR_CHECK = 100_000;
    uint256 public constant SLASHING_BURN_BPS = 5_000;
    uint96 public constant MARKET_FEE_BPS = 0;
    uint256 public constant COMMIT_REVEAL_MIN_BLOCKS = 1;

    uint256 private constant BPS = 10_000;
    uint256 private constant BATCH_SIZE_LIMIT = type(uint16).max;
    /// @dev A callback chosen by a stranger must not make the prover pay for logging what it returns.
    uint256 private constant CALLBACK_ERROR_LIMIT = 1024;

    address public immutable ROUTER;
    address public immutable COLLATERAL_TOKEN_CONTRACT;
    address public immutable TREASURY;

    mapping(RequestId => RequestLock) private locks;
    mapping(address => Account) private accounts;
    /// @inheritdoc IMarket
    mapping(bytes32 => uint256) public fulfillmentCommitBlock;

    /// @dev All must have code: a call to an address without code succeeds, and would verify or swallow anything.
    constructor(address router, address collateralToken, address treasury) {
        if (router.code.length == 0) revert InvalidRouter();
        if (collateralToken.code.length == 0) revert InvalidCollateralToken();
        if (treasury.code.length == 0) revert InvalidTreasury();
        ROUTER = router;
        COLLATERAL_TOKEN_CONTRACT = collateralToken;
        TREASURY = treasury;
    }

    // ---------------------------------------------------------------------------------------------------------- balances

    /// @inheritdoc IMarket
    function deposit() external payable {
        _depositEth(msg.sender);
    }

    /// @inheritdoc IMarket
    function depositTo(address to) external payable {
        _depositEth(to);
    }

    /// @inheritdoc IMarket
    function withdraw(uint256 value) external {
        Account storage account = accounts[msg.sender];
        uint96 balance = account.balance;
        if (balance < value) revert InsufficientBalance(msg.sender);
        unchecked {
            account.balance = balance - uint96(value);
        }
        _sendEth(msg.sender, msg.sender, value);
    }

    /// @inheritdoc IMarket
    function balanceOf(address addr) external view returns (uint256) {
        return accounts[addr].balance;
    }

    /// @inheritdoc IMarket
    function depositCollateral(uint256 value) external {
        _depositCollateral(msg.sender, value);
    }

    /// @inheritdoc IMarket
    function depositCollateralTo(address to, uint256 value) external {
        _depositCollateral(to, value);
    }

    /// @inheritdoc IMarket
    function depositCollateralWithPermit(uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external {
        _permit(value, deadline, v, r, s);
        _depositCollateral(msg.sender, value);
    }

    /// @inheritdoc IMarket
    function depositCollateralWithPermitTo(address to, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
    {
        _permit(value, deadline, v, r, s);
        _depositCollateral(to, value);
    }

    /// @inheritdoc IMarket
    function withdrawCollateral(uint256 value) external {
        Account storage account = accounts[msg.sender];
        uint96 balance = account.collateralBalance;
        if (balance < value) revert InsufficientBalance(msg.sender);
        unchecked {
            account.collateralBalance = balance - uint96(value);
        }
        _sendCollateral(msg.sender, msg.sender, value);
    }

    /// @inheritdoc IMarket
    function balanceOfCollateral(address addr) external view returns (uint256) {
        return accounts[addr].collateralBalance;
    }

    /// @inheritdoc IMarket
    function sendToTreasury() external {
        Account storage account = accounts[address(this)];
        (uint96 balance, uint96 collateral) = (account.balance, account.collateralBalance);
        (account.balance, account.collateralBalance) = (0, 0);
        if (balance != 0) _sendEth(address(this), TREASURY, balance);
        if (collateral != 0) _sendCollateral(address(this), TREASURY, collateral);
    }

    function _depositEth(address to) private {
        accounts[to].balance += _toUint96(msg.value);
        emit Deposit(to, msg.value);
    }

    function _sendEth(address account, address to, uint256 value) private {
        emit Withdrawal(account, value);
        (bool sent,) = to.call{ value: value }("");
        if (!sent) revert TransferFailed();
    }

    function _sendCollateral(address account, address to, uint256 value) private {
        emit CollateralWithdrawal(account, value);
        SafeTransferLib.safeTransfer(COLLATERAL_TOKEN_CONTRACT, to, value); // reverts with TransferFailed()
    }

    /// @dev The pull comes first: until the tokens are here nobody is credited. A token may learn to keep a fee after this
    ///      market was deployed, so what arrived is measured: one account's shortfall would be everybody's.
    function _depositCollateral(address to, uint256 value) private {
        uint96 amount = _toUint96(value);
        address token = COLLATERAL_TOKEN_CONTRACT;
        uint256 expected = IERC20(token).balanceOf(address(this)) + value;
        SafeTransferLib.safeTransferFrom(token, msg.sender, address(this), value);
        uint256 held = IERC20(token).balanceOf(address(this));
        if (held != expected) revert CollateralNotReceived(expected, held);
        accounts[to].credit(0, amount);
        emit CollateralDeposit(to, value);
    }

    /// @dev Failure is ignored: the allowance decides, and a permit that somebody else has used has set it.
    function _permit(uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) private {
        try IERC20Permit(COLLATERAL_TOKEN_CONTRACT).permit(msg.sender, address(this), value, deadline, v, r, s) { }
            catch { }
    }

    // ---------------------------------------------------------------------------------------------------- submit and lock

    /// @inheritdoc IMarket
    function submitRequest(ProofRequest calldata request, bytes calldata clientSignature) external payable {
        if (msg.value > 0) _depositEth(msg.sender);
        emit RequestSubmitted(request.id, request, clientSignature);
    }

    /// @inheritdoc IMarket
    function lockRequest(ProofRequest calldata request, bytes calldata clientSignature) external {
        request.id.validate();
        bytes32 digest = _digest(request.hash());
        _checkClientSignature(request.id, digest, clientSignature);
        _lock(request, digest, msg.sender, clientSignature);
    }

    /// @inheritdoc IMarket
    function lockRequestWithSignature(
        ProofRequest calldata request,
        bytes calldata clientSignature,
        bytes calldata proverSignature
    ) external {
        request.id.validate();
        bytes32 requestHash = request.hash();
        bytes32 digest = _digest(requestHash);
        _checkClientSignature(request.id, digest, clientSignature);
        address prover = Signature.recover(_digest(ProofRequestLib.lockRequestHash(requestHash)), proverSignature);
        _lock(request, digest, prover, clientSignature);
    }

    /// @inheritdoc IMarket
    function priceRequest(ProofRequest calldata request, bytes calldata clientSignature) public {
        request.id.validate();
        bytes32 digest = _digest(request.hash());
        _checkClientSignature(request.id, digest, clientSignature);
        (, uint64 deadline) = request.offer.validate();
        FulfillmentContextLib.priced({
            price_: _toUint96(request.offer.priceAt(block.timestamp)), expired: deadline < block.timestamp
        }).store(digest);
    }

    function _lock(ProofRequest calldata request, bytes32 digest, address prover, bytes calldata clientSignature)
        private
    {
        _escrow(request, digest, prover);
        request.logLock(prover, clientSignature); // RequestLocked
    }

    function _escrow(ProofRequest calldata request, bytes32 digest, address prover) private {
        RequestId id = request.id;
        (uint64 lockDeadline, uint64 deadline) = request.offer.validate();
        Account storage client = accounts[id.client()];
        uint256 flags = client.requestFlags(id.index());
        if (flags & AccountLib.LOCKED != 0) revert RequestIsLocked(id);
        if (flags & AccountLib.FULFILLED != 0) revert RequestIsFulfilled(id);
        if (block.timestamp > lockDeadline) revert RequestLockIsExpired(id, lockDeadline);
        uint96 price = _toUint96(request.offer.priceAt(block.timestamp));
        AccountState clientState = client.state();
        if (clientState.balance() < price) revert InsufficientBalance(id.client());
        uint256 collateral = request.offer.lockCollateral;
        Account storage locker = accounts[prover];
        if (locker.state().collateralBalance() < collateral) revert InsufficientBalance(prover);

        client.setState(clientState.debited(price, 0));
        client.setLocked(id.index());
        locker.setState(locker.state().debited(0, uint96(collateral))); // read anew: it may be the client's
        RequestLock storage lock = locks[id];
        lock.setState(LockStateLib.locked(prover, lockDeadline, uint24(deadline - lockDeadline)));
        lock.setEscrow(EscrowLib.held(price, uint96(collateral)));
        lock.requestDigest = digest;
    }

    function _checkClientSignature(RequestId id, bytes32 digest, bytes calldata signature) private view {
        address client = id.client();
        if (id.isSmartContract()) {
            bytes4 magic = IERC1271(client).isValidSignature{ gas: ERC1271_MAX_GAS_FOR_CHECK }(digest, signature);
            if (magic != IERC1271.isValidSignature.selector) revert InvalidSignature();
        } else if (Signature.recover(digest, signature) != client) {
            revert InvalidSignature();
        }
    }

    // ----------------------------------------------------------------------------------------------------------- fulfil

    /// @inheritdoc IMarket
    function commitFulfillment(bytes32 commitment) external {
        if (fulfillmentCommitBlock[commitment] == 0) fulfillmentCommitBlock[commitment] = block.number;
    }

    /// @inheritdoc IMarket
    function fulfill(FulfillmentBatch[] calldata fulfillmentBatches) external returns (bytes[] memory paymentError) {
        return _fulfill(fulfillmentBatches);
    }

    /// @inheritdoc IMarket
    function fulfillAndWithdraw(FulfillmentBatch[] calldata fulfillmentBatches)
        external
        returns (bytes[] memory paymentError)
    {
        paymentError = _fulfill(fulfillmentBatches);
        _withdrawAll(fulfillmentBatches);
    }

    /// @inheritdoc IMarket
    function priceAndFulfill(
        ProofRequestBatch[] calldata requestBatches,
        FulfillmentBatch[] calldata fulfillmentBatches
    ) external returns (bytes[] memory paymentError) {
        _priceAll(requestBatches);
        return _fulfill(fulfillmentBatches);
    }

    /// @inheritdoc IMarket
    function priceAndFulfillAndWithdraw(
        ProofRequestBatch[] calldata requestBatches,
        FulfillmentBatch[] calldata fulfillmentBatches
    ) external returns (bytes[] memory paymentError) {
        _priceAll(requestBatches);
        paymentError = _fulfill(fulfillmentBatches);
        _withdrawAll(fulfillmentBatches);
    }

    /// @inheritdoc IMarket
    function submitRoot(address setVerifier, bytes32 root, bytes calldata seal) public {
        ISetVerifier(setVerifier).submitMerkleRoot(root, seal);
    }

    /// @inheritdoc IMarket
    function submitRootAndFulfill(
        address setVerifier,
        bytes32 root,
        bytes calldata seal,
        FulfillmentBatch[] calldata fulfillmentBatches
    ) external returns (bytes[] memory paymentError) {
        submitRoot(setVerifier, root, seal);
        return _fulfill(fulfillmentBatches);
    }

    /// @inheritdoc IMarket
    function submitRootAndFulfillAndWithdraw(
        address setVerifier,
        bytes32 root,
        bytes calldata seal,
        FulfillmentBatch[] calldata fulfillmentBatches
    ) external returns (bytes[] memory paymentError) {
        submitRoot(setVerifier, root, seal);
        paymentError = _fulfill(fulfillmentBatches);
        _withdrawAll(fulfillmentBatches);
    }

    /// @inheritdoc IMarket
    function submitRootAndPriceAndFulfill(
        address setVerifier,
        bytes32 root,
        bytes calldata seal,
        ProofRequestBatch[] calldata requestBatches,
        FulfillmentBatch[] calldata fulfillmentBatches
    ) external returns (bytes[] memory paymentError) {
        submitRoot(setVerifier, root, seal);
        _priceAll(requestBatches);
        return _fulfill(fulfillmentBatches);
    }

    /// @inheritdoc IMarket
    function submitRootAndPriceAndFulfillAndWithdraw(
        address setVerifier,
        bytes32 root,
        bytes calldata seal,
        ProofRequestBatch[] calldata requestBatches,
        FulfillmentBatch[] calldata fulfillmentBatches
    ) external returns (bytes[] memory paymentError) {
        submitRoot(setVerifier, root, seal);
        _priceAll(requestBatches);
        paymentError = _fulfill(fulfillmentBatches);
        _withdrawAll(fulfillmentBatches);
    }

    function _priceAll(ProofRequestBatch[] calldata batches) private {
        for (uint256 i = 0; i < batches.length; ++i) {
            ProofRequest[] calldata requests = batches[i].requests;
            bytes[] calldata signatures = batches[i].signatures;
            if (signatures.length != requests.length) revert BatchSizeExceedsLimit(signatures.length, requests.length);
            for (uint256 j = 0; j < requests.length; ++j) {
                priceRequest(requests[j], signatures[j]);
            }
        }
    }

    /// @dev A prover that refuses its ETH keeps it on its balance: it can neither hold up the others nor take more of the
    ///      caller's gas than a transfer is worth. As its failure is no failure of the call, that gas is demanded first: an
    ///      estimate of gas would find the amount with which no prover is paid.
    function _withdrawAll(FulfillmentBatch[] calldata batches) private {
        for (uint256 i = 0; i < batches.length; ++i) {
            address prover = batches[i].prover;
            Account storage account = accounts[prover];
            AccountState state = account.state();
            uint96 balance = state.balance();
            if (balance == 0) continue;
            GuardedTransfer.demandGas();
            account.setState(state.debited(balance, 0));
            if (SafeTransferLib.trySafeTransferETH(prover, balance, GuardedTransfer.GAS)) {
                emit Withdrawal(prover, balance);
            } else {
                account.credit(balance, 0);
            }
        }
    }

    function _fulfill(FulfillmentBatch[] calldata batches) private returns (bytes[] memory paymentErrors) {
        (uint256 fillCount, bool open) = _survey(batches);
        if (open) _spendCommitment(batches);

        paymentErrors = new bytes[](fillCount);
        uint256 next = 0;
        for (uint256 i = 0; i < batches.length; ++i) {
            FulfillmentBatch calldata batch = batches[i];
            SlimRequest[] calldata requests = batch.requests;
            Fulfillment[] calldata fills = batch.fills;
            if (fills.length == 0) continue;
            bytes32[] memory digests = _authenticate(batch, requests, fills);
            batch.verifyBy(ROUTER, digests);
            address prover = batch.prover;
            for (uint256 j = 0; j < fills.length; ++j) {
                paymentErrors[next] = _deliver(requests[j], fills[j], digests[j], prover);
                unchecked {
                    ++next;
                }
            }
        }
    }

    /// @dev Counts the fills, and tells whether any request is not under an unexpired lock. An id never locked has deadline 0.
    function _survey(FulfillmentBatch[] calldata batches) private view returns (uint256 fillCount, bool open) {
        for (uint256 i = 0; i < batches.length; ++i) {
            FulfillmentBatch calldata batch = batches[i];
            SlimRequest[] calldata requests = batch.requests;
            for (uint256 j = 0; j < requests.length; ++j) {
                if (locks[requests[j].id].lockDeadline < block.timestamp) open = true;
            }
            unchecked {
                fillCount += batch.fills.length; // each takes place in the calldata
            }
        }
    }

    /// @dev The calldata is nearly always the encoding that was committed to; encoding it anew costs about as much as a slot.
    function _spendCommitment(FulfillmentBatch[] calldata batches) private {
        bytes32 commitment = FulfillmentBatchLib.hashAsSent(batches);
        uint256 committedAt = fulfillmentCommitBlock[commitment];
        if (commitment == 0 || committedAt == 0) {
            commitment = keccak256(abi.encode(batches));
            committedAt = fulfillmentCommitBlock[commitment];
        }
        if (committedAt == 0 || committedAt + COMMIT_REVEAL_MIN_BLOCKS > block.number) {
            revert MissingFulfillmentCommitment();
        }
        delete fulfillmentCommitBlock[commitment];
    }

    /// @dev Rebuilds each request's digest. Only requests that were locked, or priced in this transaction, carry their
    ///      client's signature; every other digest is the prover's invention.
    function _authenticate(
        FulfillmentBatch calldata batch,
        SlimRequest[] calldata requests,
        Fulfillment[] calldata fills
    ) private view returns (bytes32[] memory digests) {
        uint256 count = fills.length;
        if (count > BATCH_SIZE_LIMIT) revert BatchSizeExceedsLimit(count, BATCH_SIZE_LIMIT);
        if (requests.length != count) revert BatchSizeExceedsLimit(requests.length, count);
        digests = new bytes32[](count);
        bytes32 separator = _domainSeparator();
        for (uint256 i = 0; i < count; ++i) {
            SlimRequest calldata request = requests[i];
            if (!batch.encloses(request, fills[i])) revert MalformedCalldata();
            bytes32 digest = Eip712.digest(separator, request.hash());
            if (locks[request.id].requestDigest != digest && !FulfillmentContextLib.load(digest).isValid()) {
                revert RequestIsNotLockedOrPriced(request.id);
            }
            digests[i] = digest;
        }
    }

    /// @dev Settles one verified fill, announces it and calls the client back.
    function _deliver(SlimRequest calldata request, Fulfillment calldata fill, bytes32 digest, address prover)
        private
        returns (bytes memory paymentError)
    {
        RequestId id = request.id;
        bool expired;
        (expired, paymentError) = _settle(id, digest, prover);
        if (paymentError.length != 0) emit PaymentRequirementsFailed(paymentError);
        if (expired) return paymentError;
        fill.log(id, digest, prover); // ProofDelivered
        Callback calldata callback = request.callback;
        if (callback.addr != address(0)) _callBack(id, callback, fill);
    }

    // ------------------------------------------------------------------------------------------------------- settlement

    function _settle(RequestId id, bytes32 digest, address prover)
        private
        returns (bool expired, bytes memory paymentError)
    {
        RequestLock storage lock = locks[id];
        LockState state = lock.state();
        bool isLockedOne = lock.requestDigest == digest;
        uint96 price = 0; // what the locked request is worth after the lock deadline, whether it was priced or not
        if (isLockedOne) {
            expired = state.deadline() < block.timestamp;
        } else {
            // Any other was authenticated by its price.
            FulfillmentContext context = FulfillmentContextLib.load(digest);
            (expired, price) = (context.isExpired(), context.price());
        }
        if (expired) return (true, abi.encodeWithSelector(RequestIsExpired.selector, id));

        uint256 flags = accounts[id.client()].setFulfilled(id.index());
        bool isFirst = flags & AccountLib.FULFILLED == 0;
        if (isFirst) emit RequestFulfilled(id, prover, digest);
        if (flags & AccountLib.LOCKED == 0) {
            paymentError = _settleNeverLocked(id, isFirst, price, prover);
        } else if (state.lockDeadline() < block.timestamp) {
            paymentError = _settleWasLocked(id, lock, price, prover);
        } else {
            paymentError = _settleLocked(id, lock, isFirst, isLockedOne && state.prover() == prover, prover);
        }
    }

    function _settleLocked(RequestId id, RequestLock storage lock, bool isFirst, bool isLockers, address prover)
        private
        returns (bytes memory paymentError)
    {
        // Whoever makes the first delivery finds the escrow held: no need to look.
        if (isFirst && !isLockers) return abi.encodeWithSelector(RequestIsLocked.selector, id);
        Escrow escrow = lock.escrow();
        if (!escrow.isHeld()) return abi.encodeWithSelector(RequestIsFulfilled.selector, id);
        if (!isLockers) return abi.encodeWithSelector(RequestIsLocked.selector, id);
        lock.clearEscrow();
        accounts[prover].credit(escrow.price(), escrow.collateral());
    }

    function _settleWasLocked(RequestId id, RequestLock storage lock, uint96 price, address prover)
        private
        returns (bytes memory paymentError)
    {
        LockState state = lock.state();
        Escrow escrow = lock.escrow();
        if (state.isPaid(escrow)) return abi.encodeWithSelector(RequestIsFulfilled.selector, id);
        // The escrow goes back, and the client pays the price of now as far as it can.
        Account storage client = accounts[id.client()];
        AccountState refunded = client.state().credited(escrow.price(), 0);
        uint96 balance = refunded.balance();
        uint96 payment = price < balance ? price : balance;
        if (payment < price) paymentError = abi.encodeWithSelector(PartialPayment.selector, price, payment);
        client.setState(refunded.debited(payment, 0));
        lock.setState(state.withProver(prover).with(LockStateLib.PAID_AFTER_LOCK)); // whom slash() rewards
        accounts[prover].credit(payment, 0);
    }

    function _settleNeverLocked(RequestId id, bool isFirst, uint96 price, address prover)
        private
        returns (bytes memory paymentError)
    {
        if (!isFirst) return abi.encodeWithSelector(RequestIsFulfilled.selector, id);
        Account storage client = accounts[id.client()];
        AccountState state = client.state();
        if (state.balance() < price) return abi.encodeWithSelector(InsufficientBalance.selector, id.client());
        client.setState(state.debited(price, 0));
        accounts[prover].credit(price, 0);
    }

    /// @dev The gas check comes right before the call, so that the callback gets all that the client signed for.
    function _callBack(RequestId id, Callback calldata callback, Fulfillment calldata fill) private {
        if (fill.fulfillmentDataType != FulfillmentDataType.ImageIdAndJournal) revert UnfulfillableCallback();
        (bytes32 imageId, bytes calldata journal) = FulfillmentData.decode(fill.fulfillmentData);
        bytes memory data = abi.encodeCall(IMarketCallback.handleProof, (imageId, journal, fill.seal));
        address target = callback.addr;
        uint256 gasLimit = callback.gasLimit;
        if (gasleft() * 63 / 64 < gasLimit) revert InsufficientGas();
        bool success;
        assembly ("memory-safe") {
            success := call(gasLimit, target, 0, add(data, 0x20), mload(data), 0, 0)
        }
        if (success && target.code.length != 0) return;
        bytes memory returned;
        assembly ("memory-safe") {
            let size := returndatasize()
            if gt(size, CALLBACK_ERROR_LIMIT) { size := CALLBACK_ERROR_LIMIT }
            returned := mload(0x40)
            mstore(returned, size)
            returndatacopy(add(returned, 0x20), 0, size)
            mstore(0x40, and(add(add(returned, size), 0x3f), not(0x1f)))
        }
        emit CallbackFailed(id, target, returned);
    }

    // ------------------------------------------------------------------------------------------------------------ slash

    /// @inheritdoc IMarket
    function slash(RequestId requestId) external {
        requestId.validate();
        Account storage client = accounts[requestId.client()];
        if (client.requestFlags(requestId.index()) & AccountLib.LOCKED == 0) revert RequestIsNotLocked(requestId);
        RequestLock storage lock = locks[requestId];
        LockState state = lock.state();
        Escrow escrow = lock.escrow();
        if (state.has(LockStateLib.SLASHED)) revert RequestIsSlashed(requestId);
        if (state.isPaidDuringLock(escrow)) revert RequestIsFulfilled(requestId);
        uint64 deadline = state.deadline();
        if (block.timestamp <= deadline) revert RequestIsNotExpired(requestId, deadline);

        uint256 collateral = escrow.collateral();
        uint256 burned = collateral * SLASHING_BURN_BPS / BPS;
        uint256 rest = collateral - burned;
        address recipient = address(this);
        if (state.has(LockStateLib.PAID_AFTER_LOCK)) recipient = state.prover();
        else client.credit(escrow.price(), 0);
        accounts[recipient].credit(0, uint96(rest));
        lock.setState(state.with(LockStateLib.SLASHED));
        lock.clearEscrow();
        emit ProverSlashed(requestId, burned, rest, recipient);

        if (burned != 0) _burn(uint96(burned));
    }

    /// @dev The client's refund must not hang on the token's goodwill, so a burn that fails is booked.
    function _burn(uint96 amount) private {
        if (GuardedTransfer.tryBurn(COLLATERAL_TOKEN_CONTRACT, amount)) return;
        accounts[GuardedTransfer.BURN_ADDRESS].credit(0, amount);
    }

    // ------------------------------------------------------------------------------------------------------------ views

    /// @inheritdoc IMarket
    function requestIsLocked(RequestId requestId) public view returns (bool) {
        return _flags(requestId) & AccountLib.LOCKED != 0;
    }

    /// @inheritdoc IMarket
    function requestIsFulfilled(RequestId requestId) external view returns (bool) {
        return _flags(requestId) & AccountLib.FULFILLED != 0;
    }

    /// @inheritdoc IMarket
    function requestIsSlashed(RequestId requestId) external view returns (bool) {
        return locks[requestId].state().has(LockStateLib.SLASHED);
    }

    /// @inheritdoc IMarket
    function requestLockDeadline(RequestId requestId) external view returns (uint64) {
        if (!requestIsLocked(requestId)) revert RequestIsNotLocked(requestId);
        return locks[requestId].lockDeadline;
    }

    /// @inheritdoc IMarket
    function requestDeadline(RequestId requestId) external view returns (uint64) {
        if (!requestIsLocked(requestId)) revert RequestIsNotLocked(requestId);
        return locks[requestId].state().deadline();
    }

    /// @inheritdoc IMarket
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
        )
    {
        RequestLock storage lock = locks[requestId];
        return (
            lock.prover,
            lock.lockDeadline,
            lock.deadlineDelta,
            lock.publishedFlags(),
            lock.price,
            lock.collateral,
            lock.requestDigest
        );
    }

    function _flags(RequestId requestId) private view returns (uint256) {
        requestId.validate();
        return accounts[requestId.client()].requestFlags(requestId.index());
    }

    function _domainName() internal pure override returns (string memory) {
        return "IBoundlessMarket";
    }

    function _toUint96(uint256 value) private pure returns (uint96) {
        if (value > type(uint96).max) revert SafeCastOverflowedUintDowncast(96, value);
        return uint96(value);
    }
}
