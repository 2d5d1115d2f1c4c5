// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import { SignatureCheckerLib } from "solady/utils/SignatureCheckerLib.sol";

import { Allocation } from "./allocation/Allocation.sol";
import { HashedRequest, HashedRequestLib } from "./allocation/HashedRequest.sol";
import { Terms, TermsLib } from "./allocation/Terms.sol";
import { IAllocationBook } from "./interfaces/IAllocationBook.sol";
import { IMarket } from "./interfaces/IMarket.sol";
import { IRequesterAccount } from "./interfaces/IRequesterAccount.sol";
import { ProofRequest, ProofRequestLib } from "./request/ProofRequest.sol";
import { RequestId } from "./request/RequestId.sol";
import { Eip712, Eip712Domain } from "./signing/Eip712Domain.sol";
import { Signature } from "./signing/Signature.sol";

/// @title Locks requests for provers whom an exchange chose, see IAllocationBook for what it promises
/// @dev It keeps no state beyond a transaction. Accounts, owners and exchanges are outsiders that it calls statically only;
///      while an approval stands nothing but the market runs, and the static calls that the market makes.
contract AllocationBook is IAllocationBook, Eip712Domain {
    /// @inheritdoc IAllocationBook
    address public immutable MARKET;

    /// @dev Digest of the derived request while the market is asked to lock it, else zero.
    bytes32 private transient approved;

    constructor(address market) {
        if (market.code.length == 0) revert InvalidMarket();
        MARKET = market;
    }

    // -------------------------------------------------------------------------------------------------------------- lock

    /// @inheritdoc IAllocationBook
    function lock(
        ProofRequest calldata request,
        Terms calldata terms,
        bytes calldata ownerSignature,
        Allocation calldata allocation,
        bytes calldata exchangeSignature,
        uint96 price,
        bytes calldata proverSignature
    ) external {
        HashedRequest memory hashed = HashedRequestLib.from(request);
        bytes32 signedHash = hashed.hash();
        bytes32 domain = IMarket(MARKET).eip712DomainSeparator();
        bytes32 derivedHash = hashed.derivedHash(request.offer, price);
        bytes32 termsHash_ = terms.hash();
        _checkRequest(request, signedHash, terms, termsHash_, ownerSignature);
        if (!allocation.isFor(signedHash, termsHash_)) {
            revert AllocationOfAnother(allocation.request, allocation.terms);
        }
        bytes32 digest = _checkAllocation(allocation, terms, exchangeSignature);
        address prover =
            Signature.recover(Eip712.digest(domain, ProofRequestLib.lockRequestHash(derivedHash)), proverSignature);
        uint96 allowed = prover == allocation.prover ? allocation.price : allocation.highestUndercut();
        if (price > allowed || (price < allowed && prover == allocation.prover)) {
            revert PriceNotAllocated(prover, price, allowed);
        }

        approved = Eip712.digest(domain, derivedHash);
        IMarket(MARKET).lockRequestWithSignature(derive(request, price), "", proverSignature);
        approved = 0;
        emit Allocated(request.id, terms.exchange, prover, digest, Eip712.digest(domain, signedHash), price);
    }

    /// @dev That the owner signed this request with terms that let an exchange choose one prover.
    function _checkRequest(
        ProofRequest calldata request,
        bytes32 signedHash,
        Terms calldata terms,
        bytes32 termsHash_,
        bytes calldata ownerSignature
    ) private view {
        RequestId id = request.id;
        id.validate();
        address client = id.client();
        if (!id.isSmartContract()) revert ClientIsNoAccount(client);
        terms.validate(request.offer);
        if (terms.tiers.length != 0) revert TermsOfCommittee();
        address owner = IRequesterAccount(payable(client)).owner();
        if (!isSigned(owner, signedHash, termsHash_, ownerSignature)) revert NotSignedByOwner(owner);
        // Another request of this id, signed for a committee, may have been paid for.
        if (IRequesterAccount(payable(client)).isHeld(id)) revert CommitteeIsConvened(id);
    }

    /// @dev That the exchange signed this allocation within the terms, and that its window is now. Returns its digest.
    function _checkAllocation(Allocation calldata allocation, Terms calldata terms, bytes calldata exchangeSignature)
        private
        view
        returns (bytes32 digest)
    {
        allocation.validate(terms);
        digest = _digest(allocation.hash());
        if (!_isSignedBy(terms.exchange, digest, exchangeSignature)) revert NotSignedByExchange(terms.exchange);
        (uint64 from, uint64 until) = (allocation.from, allocation.until);
        if (block.timestamp < from || block.timestamp > until) revert OutsideWindow(from, until);
    }

    // ---------------------------------------------------------------------------------------- what accounts ask of the book

    /// @inheritdoc IAllocationBook
    function isApproved(bytes32 digest) external view returns (bool) {
        return digest != 0 && digest == approved;
    }

    /// @inheritdoc IAllocationBook
    function isSigned(address owner, bytes32 requestHash_, bytes32 termsHash_, bytes calldata ownerSignature)
        public
        view
        returns (bool)
    {
        return _isSignedBy(owner, _digest(TermsLib.exchangeRequestHash(requestHash_, termsHash_)), ownerSignature);
    }

    /// @inheritdoc IAllocationBook
    function isOpen(
        address owner,
        bytes32 requestHash_,
        Terms calldata terms,
        bytes calldata ownerSignature,
        Allocation calldata lapsed,
        bytes calldata exchangeSignature
    ) external view returns (bool) {
        bytes32 termsHash_ = terms.hash();
        if (!isSigned(owner, requestHash_, termsHash_, ownerSignature)) return false;
        if (block.timestamp >= terms.openAt) return true;
        // A committee may yet be convened, in this very transaction even, and be paid beside what the market has priced.
        if (terms.tiers.length != 0) return false;
        // An exchange may sign any window that has passed: it thereby gives up its say, which is the requester's gain.
        return lapsed.isFor(requestHash_, termsHash_) && block.timestamp > lapsed.until
            && _isSignedBy(terms.exchange, _digest(lapsed.hash()), exchangeSignature);
    }

    // ------------------------------------------------------------------------------------------------- for whoever signs

    /// @inheritdoc IAllocationBook
    function requestHash(ProofRequest calldata request) external pure returns (bytes32) {
        return request.hash();
    }

    /// @inheritdoc IAllocationBook
    function termsHash(Terms calldata terms) external pure returns (bytes32) {
        return terms.hash();
    }

    /// @inheritdoc IAllocationBook
    function exchangeRequestDigest(ProofRequest calldata request, Terms calldata terms)
        external
        view
        returns (bytes32)
    {
        return _digest(TermsLib.exchangeRequestHash(request.hash(), terms.hash()));
    }

    /// @inheritdoc IAllocationBook
    function allocationDigest(Allocation calldata allocation) external view returns (bytes32) {
        return _digest(allocation.hash());
    }

    /// @inheritdoc IAllocationBook
    function derive(ProofRequest calldata request, uint96 price) public pure returns (ProofRequest memory derived) {
        derived = request;
        (derived.offer.minPrice, derived.offer.maxPrice) = (price, price);
    }

    /// @inheritdoc IAllocationBook
    function highestUndercut(Allocation calldata allocation) external pure returns (uint96) {
        if (allocation.overrideBps > TermsLib.BPS) revert InvalidOverride(allocation.overrideBps);
        return allocation.highestUndercut();
    }

    // ----------------------------------------------------------------------------------------------------------- signing

    function _isSignedBy(address signer, bytes32 digest, bytes calldata signature) private view returns (bool) {
        return SignatureCheckerLib.isValidSignatureNowCalldata(signer, digest, signature);
    }

    function _domainName() internal pure override returns (string memory) {
        return "AllocationBook";
    }
}
