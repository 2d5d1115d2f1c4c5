// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { SafeTransferLib } from "solady/utils/SafeTransferLib.sol";

import { IERC20 } from "./interfaces/IERC20.sol";
import { ITreasury } from "./interfaces/ITreasury.sol";

/// @title The treasury, see ITreasury for what it promises
contract Treasury is ITreasury {
    struct Payment {
        address token;
        uint64 payableFrom;
        address to;
        uint256 amount;
    }

    uint256 private constant MIN_DELAY = 7 days;
    /// @dev A slip in the unit must not lock everything away.
    uint256 private constant MAX_DELAY = 90 days;
    address private constant ETHER = address(0);

    uint256 public immutable DELAY;

    /// @inheritdoc ITreasury
    address public owner;
    /// @inheritdoc ITreasury
    address public candidate;
    /// @inheritdoc ITreasury
    uint256 public paymentCount;
    /// @inheritdoc ITreasury
    mapping(uint256 => Payment) public payments;
    /// @inheritdoc ITreasury
    mapping(address => uint256) public reserved;

    modifier onlyOwner() {
        if (msg.sender != owner) revert Unauthorized(msg.sender);
        _;
    }

    constructor(address owner_, uint256 delay) {
        if (owner_ == address(0)) revert InvalidOwner();
        if (delay < MIN_DELAY || delay > MAX_DELAY) revert InvalidDelay(delay);
        owner = owner_;
        DELAY = delay;
        emit OwnershipTaken(address(0), owner_);
    }

    receive() external payable { }

    // ---------------------------------------------------------------------------------------------------------- payments

    /// @inheritdoc ITreasury
    function propose(address token, address to, uint256 amount) external onlyOwner returns (uint256 id) {
        if (to == address(0) || to == address(this)) revert InvalidRecipient();
        uint256 free = _free(token);
        if (amount > free) revert NotCovered(token, amount, free);
        id = paymentCount++;
        uint64 payableFrom = uint64(block.timestamp + DELAY);
        payments[id] = Payment(token, payableFrom, to, amount);
        reserved[token] += amount;
        emit PaymentProposed(id, token, to, amount, payableFrom);
    }

    /// @inheritdoc ITreasury
    function cancel(uint256 id) external onlyOwner {
        _close(id);
        emit PaymentCancelled(id);
    }

    /// @inheritdoc ITreasury
    function execute(uint256 id) external {
        Payment memory payment = _close(id);
        if (block.timestamp < payment.payableFrom) revert TooEarly(id, payment.payableFrom);
        emit PaymentMade(id);
        if (payment.token != ETHER) {
            SafeTransferLib.safeTransfer(payment.token, payment.to, payment.amount); // reverts with TransferFailed()
        } else {
            (bool sent,) = payment.to.call{ value: payment.amount }("");
            if (!sent) revert TransferFailed();
        }
    }

    function _close(uint256 id) private returns (Payment memory payment) {
        payment = payments[id];
        if (payment.to == address(0)) revert UnknownPayment(id);
        delete payments[id];
        reserved[payment.token] -= payment.amount;
    }

    /// @dev Zero when less is here than was promised, as after a token took something away.
    function _free(address token) private view returns (uint256) {
        uint256 balance = token == ETHER ? address(this).balance : IERC20(token).balanceOf(address(this));
        uint256 promised = reserved[token];
        return balance > promised ? balance - promised : 0;
    }

    // --------------------------------------------------------------------------------------------------------- ownership

    /// @inheritdoc ITreasury
    function offerOwnership(address candidate_) external onlyOwner {
        candidate = candidate_;
        emit OwnershipOffered(msg.sender, candidate_);
    }

    /// @inheritdoc ITreasury
    function takeOwnership() external {
        if (msg.sender != candidate) revert Unauthorized(msg.sender);
        emit OwnershipTaken(owner, msg.sender);
        owner = msg.sender;
        delete candidate;
    }
}
