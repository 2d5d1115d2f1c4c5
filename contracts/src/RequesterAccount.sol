// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { LibClone } from "solady/utils/LibClone.sol";
import { SignatureCheckerLib } from "solady/utils/SignatureCheckerLib.sol";

import { Allocation } from "./allocation/Allocation.sol";
import { HashedRequest } from "./allocation/HashedRequest.sol";
import { Terms } from "./allocation/Terms.sol";
import { IAllocationBook } from "./interfaces/IAllocationBook.sol";
import { ICommitteeBook } from "./interfaces/ICommitteeBook.sol";
import { IERC1271 } from "./interfaces/IERC1271.sol";
import { IMarket } from "./interfaces/IMarket.sol";
import { IRequesterAccount } from "./interfaces/IRequesterAccount.sol";
import { RequestId } from "./request/RequestId.sol";
import { Eip712 } from "./signing/Eip712Domain.sol";

/// @title A requester's account, see IRequesterAccount for what it promises
/// @dev Runs as a clone whose immutable argument is the owner; what follows the clone's code is a constant of its address. Run
///      by itself it reads an owner out of its own code, an address that nobody has the key of.
contract RequesterAccount is IRequesterAccount {
    bytes4 private constant INVALID = 0xffffffff;
    /// @dev Bytes of a HashedRequest, the first of the parts of a signature for an exchange request.
    uint256 private constant HASHED_REQUEST_SIZE = 5 * 32;

    /// @inheritdoc IRequesterAccount
    address public immutable MARKET;
    /// @inheritdoc IRequesterAccount
    address public immutable ALLOCATION_BOOK;
    /// @inheritdoc IRequesterAccount
    address public immutable COMMITTEE_BOOK;

    /// @inheritdoc IRequesterAccount
    mapping(RequestId => bool) public isReleased;

    /// @dev The book knows its market, so the two cannot disagree.
    constructor(address allocationBook, address committeeBook) {
        MARKET = IAllocationBook(allocationBook).MARKET();
        ALLOCATION_BOOK = allocationBook;
        COMMITTEE_BOOK = committeeBook;
    }

    // -------------------------------------------------------------------------------------------------------- signatures

    /// @inheritdoc IRequesterAccount
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        return _isValid(digest, signature) ? IERC1271.isValidSignature.selector : INVALID;
    }

    /// @dev The digest itself tells the shapes apart: nothing else that begins with five such words hashes to it.
    function _isValid(bytes32 digest, bytes calldata signature) private view returns (bool) {
        if (signature.length == 0) return IAllocationBook(ALLOCATION_BOOK).isApproved(digest);
        if (signature.length > HASHED_REQUEST_SIZE) {
            HashedRequest memory request = abi.decode(signature[:HASHED_REQUEST_SIZE], (HashedRequest));
            bytes32 requestHash = request.hash();
            if (_marketDigest(requestHash) == digest) return _isOpen(request.id, requestHash, signature);
        }
        return SignatureCheckerLib.isValidSignatureNowCalldata(owner(), digest, signature);
    }

    function _isOpen(RequestId id, bytes32 requestHash, bytes calldata signature) private view returns (bool) {
        if (isHeld(id)) return false;
        (, Terms memory terms, bytes memory ownerSignature, Allocation memory lapsed, bytes memory exchangeSignature) =
            abi.decode(signature, (HashedRequest, Terms, bytes, Allocation, bytes));
        return
            IAllocationBook(ALLOCATION_BOOK)
                .isOpen(owner(), requestHash, terms, ownerSignature, lapsed, exchangeSignature);
    }

    function _marketDigest(bytes32 structHash) private view returns (bytes32) {
        return Eip712.digest(IMarket(MARKET).eip712DomainSeparator(), structHash);
    }

    // ----------------------------------------------------------------------------------------------------------- balances

    /// @inheritdoc IRequesterAccount
    function withdraw(uint256 value) external {
        withdrawTo(owner(), value);
    }

    /// @inheritdoc IRequesterAccount
    function withdrawTo(address to, uint256 value) public {
        if (msg.sender != owner()) revert NotOwner(msg.sender);
        _send(to, value);
    }

    /// @inheritdoc IRequesterAccount
    function sweep() external {
        IMarket(MARKET).depositTo{ value: address(this).balance }(address(this));
    }

    /// @inheritdoc IRequesterAccount
    receive() external payable {
        if (msg.sender != MARKET) IMarket(MARKET).depositTo{ value: msg.value }(address(this));
    }

    function _send(address to, uint256 value) private {
        IMarket(MARKET).withdraw(value);
        (bool sent,) = to.call{ value: value }("");
        if (!sent) revert TransferFailed();
    }

    // --------------------------------------------------------------------------------------------------------- committees

    /// @inheritdoc IRequesterAccount
    function release(HashedRequest calldata request, Terms calldata terms, bytes calldata ownerSignature, uint96 price)
        external
    {
        if (msg.sender != COMMITTEE_BOOK) revert NotCommitteeBook(msg.sender);
        RequestId id = request.id;
        id.validate();
        if (!id.isSmartContract() || id.client() != address(this)) revert ForeignRequest(id);
        if (terms.tiers.length == 0) revert TermsWithoutCommittee();
        if (block.timestamp >= terms.openAt) revert TermsHaveOpened(terms.openAt);
        if (isReleased[id]) revert AlreadyReleased(id);
        if (price > terms.maxPrice) revert PriceAboveTerms(price, terms.maxPrice);
        if (!_isSigned(request, terms, ownerSignature)) revert NotSignedByOwner(owner());
        IMarket market = IMarket(MARKET);
        if (market.requestIsLocked(id) || market.requestIsFulfilled(id)) revert RequestIsTaken(id);

        isReleased[id] = true;
        emit Released(id, price);
        _send(COMMITTEE_BOOK, price);
    }

    function _isSigned(HashedRequest calldata request, Terms calldata terms, bytes calldata ownerSignature)
        private
        view
        returns (bool)
    {
        HashedRequest memory hashed = request;
        return IAllocationBook(ALLOCATION_BOOK).isSigned(owner(), hashed.hash(), terms.hash(), ownerSignature);
    }

    // -------------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IRequesterAccount
    function isHeld(RequestId requestId) public view returns (bool) {
        return isReleased[requestId] && ICommitteeBook(payable(COMMITTEE_BOOK)).blocks(requestId);
    }

    /// @inheritdoc IRequesterAccount
    function owner() public view returns (address) {
        return address(bytes20(LibClone.argsOnClone(address(this), 0, 20)));
    }
}
