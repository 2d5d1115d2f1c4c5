// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { SafeTransferLib } from "solady/utils/SafeTransferLib.sol";

import { Fulfillment, FulfillmentBatch, ProofRequestBatch } from "./fulfillment/FulfillmentBatch.sol";
import { FulfillmentDataType } from "./fulfillment/FulfillmentBatch.sol";
import { FulfillmentContext, FulfillmentContextLib } from "./fulfillment/FulfillmentContext.sol";
import { FulfillmentData } from "./fulfillment/FulfillmentData.sol";
import { IERC1271 } from "./interfaces/IERC1271.sol";
import { IERC20, IERC20Permit } from "./interfaces/IERC20.sol";
import { IMarket } from "./interfaces/IMarket.sol";
import { IMarketCallback } from "./interfaces/IMarketCallback.sol";
import { ISetVerifier } from "./interfaces/IVerifier.sol";
import { IVerifierRouter } from "./interfaces/IVerifierRouter.sol";
import { Account, AccountLib } from "./ledger/Account.sol";
import { LockState, LockStateLib, RequestLock } from "./ledger/RequestLock.sol";
import { ProofRequest, ProofRequestLib, SlimRequest } from "./request/ProofRequest.sol";
import { RequestId } from "./request/RequestId.sol";
import { Callback } from "./request/Requirements.sol";
import { Eip712Domain } from "./signing/Eip712Domain.sol";
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
    address private constant BURN_ADDRESS = 0x000000000000000000000000000000000000dEaD;
    /// @dev More than a transfer of any common token takes, behind proxies too.
    uint256 private constant BURN_GAS = 100_000;

    address public immutable ROUTER;
    address public immutable COLLATERAL_TOKEN_CONTRACT;

    /// @inheritdoc IMarket
    mapping(RequestId => RequestLock) public requestLocks;
    mapping(address => Account) private accounts;
    /// @inheritdoc IMarket
    mapping(bytes32 => uint256) public fulfillmentCommitBlock;

    /// @dev Both must have code: a call to an address without code succeeds, and would verify anything.
    constructor(address router, address collateralToken) {
        if (router.code.length == 0) revert InvalidRouter();
        if (collateralToken.code.length == 0) revert InvalidCollateralToken();
        ROUTER = router;
        COLLATERAL_TOKEN_CONTRACT = collateralToken;
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
        _sendEth(msg.sender, value);
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
        emit CollateralWithdrawal(msg.sender, value);
        SafeTransferLib.safeTransfer(COLLATERAL_TOKEN_CONTRACT, msg.sender, value); // reverts with TransferFailed()
    }

    /// @inheritdoc IMarket
    function balanceOfCollateral(address addr) external view returns (uint256) {
        return accounts[addr].collateralBalance;
    }

    function _depositEth(address to) private {
        accounts[to].balance += _toUint96(msg.value);
        emit Deposit(to, msg.value);
    }

    function _sendEth(address to, uint256 value) private {
        emit Withdrawal(to, value);
        (bool sent,) = to.call{ value: value }("");
        if (!sent) revert TransferFailed();
    }

    /// @dev The pull comes first: until the tokens are here nobody is credited.
    function _depositCollateral(address to, uint256 value) private {
        uint96 amount = _toUint96(value);
        SafeTransferLib.safeTransferFrom(COLLATERAL_TOKEN_CONTRACT, msg.sender, address(this), value);
        accounts[to].collateralBalance += amount;
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
        RequestId id = request.id;
        (uint64 lockDeadline, uint64 deadline) = request.offer.validate();
        Account storage client = accounts[id.client()];
        uint256 flags = client.requestFlags(id.index());
        if (flags & AccountLib.LOCKED != 0) revert RequestIsLocked(id);
        if (flags & AccountLib.FULFILLED != 0) revert RequestIsFulfilled(id);
        if (block.timestamp > lockDeadline) revert RequestLockIsExpired(id, lockDeadline);
        uint96 price = _toUint96(request.offer.priceAt(block.timestamp));
        if (client.balance < price) revert InsufficientBalance(id.client());
        uint256 collateral = request.offer.lockCollateral;
        Account storage locker = accounts[prover]; // possibly the client too
        if (locker.collateralBalance < collateral) revert InsufficientBalance(prover);

        unchecked {
            client.balance -= price;
            client.setRequestFlag(id.index(), AccountLib.LOCKED);
            locker.collateralBalance -= uint96(collateral);
            requestLocks[id] = RequestLock({
                prover: prover,
                lockDeadline: lockDeadline,
                deadlineDelta: uint24(deadline - lockDeadline),
                requestLockFlags: 0,
                price: price,
                collateral: uint96(collateral),
                requestDigest: digest
            });
        }
        emit RequestLocked(id, prover, request, clientSignature);
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
    function submitRootAndFulfill(
        address setVerifier,
        bytes32 root,
        bytes calldata seal,
        FulfillmentBatch[] calldata fulfillmentBatches
    ) external returns (bytes[] memory paymentError) {
        ISetVerifier(setVerifier).submitMerkleRoot(root, seal);
        return _fulfill(fulfillmentBatches);
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

    function _withdrawAll(FulfillmentBatch[] calldata batches) private {
        for (uint256 i = 0; i < batches.length; ++i) {
            address prover = batches[i].prover;
            uint256 balance = accounts[prover].balance;
            if (balance == 0) continue;
            accounts[prover].balance = 0;
            _sendEth(prover, balance);
        }
    }

    function _fulfill(FulfillmentBatch[] calldata batches) private returns (bytes[] memory paymentErrors) {
        (uint256 fillCount, bool open) = _survey(batches);
        if (open) _spendCommitment(keccak256(abi.encode(batches)));

        paymentErrors = new bytes[](fillCount);
        uint256 next = 0;
        for (uint256 i = 0; i < batches.length; ++i) {
            FulfillmentBatch calldata batch = batches[i];
            SlimRequest[] calldata requests = batch.requests;
            Fulfillment[] calldata fills = batch.fills;
            if (fills.length == 0) continue;
            bytes32[] memory digests = _authenticate(batch, requests, fills);
            _verify(batch, digests);
            address prover = batch.prover;
            for (uint256 j = 0; j < fills.length; ++j) {
                paymentErrors[next++] = _deliver(requests[j], fills[j], digests[j], prover);
            }
        }
    }

    /// @dev Counts the fills, and tells whether any request is not under an unexpired lock. An id never locked has deadline 0.
    function _survey(FulfillmentBatch[] calldata batches) private view returns (uint256 fillCount, bool open) {
        for (uint256 i = 0; i < batches.length; ++i) {
            SlimRequest[] calldata requests = batches[i].requests;
            for (uint256 j = 0; j < requests.length; ++j) {
                open = open || requestLocks[requests[j].id].lockDeadline < block.timestamp;
            }
            fillCount += batches[i].fills.length;
        }
    }

    function _spendCommitment(bytes32 commitment) private {
        uint256 committedAt = fulfillmentCommitBlock[commitment];
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
        for (uint256 i = 0; i < count; ++i) {
            SlimRequest calldata request = requests[i];
            if (!batch.encloses(request, fills[i])) revert MalformedCalldata();
            bytes32 digest = _digest(request.hash());
            if (requestLocks[request.id].requestDigest != digest && !FulfillmentContextLib.load(digest).isValid()) {
                revert RequestIsNotLockedOrPriced(request.id);
            }
            digests[i] = digest;
        }
    }

    /// @dev Calls ROUTER.verifyBatch(batch, digests). An ABI encoding is relative to its own start, so the calldata from the
    ///      batch to the end is passed on as it is, which costs a fraction of encoding it anew. The router then reads the very
    ///      bytes that are settled here, as none of them lies in front of the batch: `_authenticate` has seen to that.
    function _verify(FulfillmentBatch calldata batch, bytes32[] memory digests) private view {
        address router = ROUTER;
        bytes4 selector = IVerifierRouter.verifyBatch.selector;
        assembly ("memory-safe") {
            let call_ := mload(0x40)
            let batchSize := and(add(sub(calldatasize(), batch), 0x1f), not(0x1f))
            let digestsSize := shl(5, add(mload(digests), 1))
            mstore(call_, selector)
            mstore(add(call_, 0x04), 0x40)
            mstore(add(call_, 0x24), add(0x40, batchSize))
            calldatacopy(add(call_, 0x44), batch, batchSize)
            mcopy(add(add(call_, 0x44), batchSize), digests, digestsSize)
            if iszero(staticcall(gas(), router, call_, add(0x44, add(batchSize, digestsSize)), 0, 0)) {
                returndatacopy(call_, 0, returndatasize())
                revert(call_, returndatasize())
            }
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
        FulfillmentContext context = FulfillmentContextLib.load(digest);
        uint256 flags = accounts[id.client()].requestFlags(id.index());
        if (flags & AccountLib.LOCKED == 0) {
            // A request that was never locked was authenticated by its price.
            if (context.isExpired()) return (true, abi.encodeWithSelector(RequestIsExpired.selector, id));
            return (false, _settleNeverLocked(id, flags, context, digest, prover));
        }
        RequestLock storage lock = requestLocks[id];
        LockState state = lock.state();
        expired = context.isValid() ? context.isExpired() : state.deadline() < block.timestamp;
        if (expired) return (true, abi.encodeWithSelector(RequestIsExpired.selector, id));
        if (state.isPaid()) return (false, abi.encodeWithSelector(RequestIsFulfilled.selector, id));
        _markFulfilled(id, flags, digest, prover);
        if (state.lockDeadline() < block.timestamp) {
            paymentError = _settleWasLocked(id, lock, state, context.price(), prover);
        } else if (state.prover() != prover || lock.requestDigest != digest) {
            paymentError = abi.encodeWithSelector(RequestIsLocked.selector, id);
        } else {
            (uint96 price, uint96 collateral) = lock.escrow();
            lock.setState(state.with(LockStateLib.PAID_DURING_LOCK));
            lock.clearEscrow();
            accounts[prover].credit(price, collateral);
        }
    }

    function _settleWasLocked(RequestId id, RequestLock storage lock, LockState state, uint96 price, address prover)
        private
        returns (bytes memory paymentError)
    {
        // The escrow goes back, and the client pays the price of now as far as it can.
        Account storage client = accounts[id.client()];
        (uint96 escrow,) = lock.escrow();
        uint96 balance = client.balance + escrow;
        uint96 payment = price < balance ? price : balance;
        if (payment < price) paymentError = abi.encodeWithSelector(PartialPayment.selector, price, payment);
        client.balance = balance - payment;
        lock.setState(state.withProver(prover).with(LockStateLib.PAID_AFTER_LOCK)); // whom slash() rewards
        accounts[prover].balance += payment;
    }

    function _settleNeverLocked(RequestId id, uint256 flags, FulfillmentContext context, bytes32 digest, address prover)
        private
        returns (bytes memory paymentError)
    {
        if (flags & AccountLib.FULFILLED != 0) return abi.encodeWithSelector(RequestIsFulfilled.selector, id);
        _markFulfilled(id, flags, digest, prover);
        Account storage client = accounts[id.client()];
        uint96 price = context.price();
        uint96 balance = client.balance;
        if (balance < price) return abi.encodeWithSelector(InsufficientBalance.selector, id.client());
        unchecked {
            client.balance = balance - price;
        }
        accounts[prover].balance += price;
    }

    function _markFulfilled(RequestId id, uint256 flags, bytes32 digest, address prover) private {
        if (flags & AccountLib.FULFILLED != 0) return;
        accounts[id.client()].setRequestFlag(id.index(), AccountLib.FULFILLED);
        emit RequestFulfilled(id, prover, digest);
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
        RequestLock storage lock = requestLocks[requestId];
        LockState state = lock.state();
        if (state.has(LockStateLib.SLASHED)) revert RequestIsSlashed(requestId);
        if (state.has(LockStateLib.PAID_DURING_LOCK)) revert RequestIsFulfilled(requestId);
        uint64 deadline = state.deadline();
        if (block.timestamp <= deadline) revert RequestIsNotExpired(requestId, deadline);

        (uint96 price, uint96 collateral) = lock.escrow();
        uint96 burned = uint96(uint256(collateral) * SLASHING_BURN_BPS / BPS);
        uint96 rest = uint96(collateral - burned);
        address recipient = address(this);
        if (state.has(LockStateLib.PAID_AFTER_LOCK)) recipient = state.prover();
        else client.balance += price;
        accounts[recipient].collateralBalance += rest;
        lock.setState(state.with(LockStateLib.SLASHED));
        lock.clearEscrow();
        emit ProverSlashed(requestId, burned, rest, recipient);

        if (burned != 0) _burn(burned);
    }

    /// @dev The client's refund must not hang on the token's goodwill, so a failed burn is booked instead of reverting. Nor
    ///      may the caller's thrift: with too little gas only the burn would fail, so a transfer's worth is demanded.
    function _burn(uint96 amount) private {
        if (gasleft() * 63 / 64 < BURN_GAS) revert InsufficientGas();
        (bool sent,) = COLLATERAL_TOKEN_CONTRACT.call(abi.encodeCall(IERC20.transfer, (BURN_ADDRESS, amount)));
        if (!sent) accounts[BURN_ADDRESS].collateralBalance += amount;
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
        return requestLocks[requestId].state().has(LockStateLib.SLASHED);
    }

    /// @inheritdoc IMarket
    function requestLockDeadline(RequestId requestId) external view returns (uint64) {
        if (!requestIsLocked(requestId)) revert RequestIsNotLocked(requestId);
        return requestLocks[requestId].lockDeadline;
    }

    /// @inheritdoc IMarket
    function requestDeadline(RequestId requestId) external view returns (uint64) {
        if (!requestIsLocked(requestId)) revert RequestIsNotLocked(requestId);
        return requestLocks[requestId].state().deadline();
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
