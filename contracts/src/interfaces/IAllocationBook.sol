// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Allocation } from "../allocation/Allocation.sol";
import { Terms } from "../allocation/Terms.sol";
import { ProofRequest } from "../request/ProofRequest.sol";
import { RequestId } from "../request/RequestId.sol";
import { IEip712Domain } from "./IEip712Domain.sol";

/// @title Requests whose prover an exchange chooses
/// @notice A requester signs a request together with *terms* that name an exchange. The exchange signs an *allocation*: who may
///         lock, at which price, in which seconds. The lock itself is the market's, with all that it promises.
///
/// Words used below:
///  - *account*: the request's client, an IRequesterAccount. Its owner is the requester.
///  - *exchange request*: `ExchangeRequest(request, terms)`, signed by the owner under this contract's domain.
///  - *derived request*: the signed request with `minPrice` and `maxPrice` set to the price of the lock, and nothing else
///    changed. It is what the market locks, announces and expects to be delivered.
///  - *plain path*: the market's own lock, price and fulfil functions, on the request as it was signed.
/// The EIP-712 domain is name `AllocationBook`, version `1`, this chain, this contract.
///
/// Safety: an exchange, whatever it signs and with whomever it colludes, can only delay a request until `openAt` and choose a
/// price of at most `maxPrice`. It can also give up its say before `openAt`, by signing a window that has passed; then the
/// plain path's prices hold, which the requester has signed too. It cannot spend, withdraw or reassign anything. Where terms
/// ask for a committee, one that delivers nothing costs the requester the `burnBps` of the price that it signed for.
/// Liveness: from `openAt` on the plain path needs nothing but the owner's signature. Nothing here has an owner or a switch.
///
/// The contract trusts its market, fixed at deployment. It believes an account's word on who its owner is: one that lies can
/// only lose what it holds itself. Exchanges and owners may be contracts (ERC-1271), provers sign with a key.
interface IAllocationBook is IEip712Domain {
    // ------------------------------------------------------------------------------------------------------------ events

    /// @notice `prover` locked the request at `price` under the allocation with this digest. The market's `RequestLocked` for
    ///         the derived request comes right before; `requestDigest` is the market's digest of the request as signed.
    event Allocated(
        RequestId indexed requestId,
        address indexed exchange,
        address indexed prover,
        bytes32 allocationDigest,
        bytes32 requestDigest,
        uint96 price
    );

    // ------------------------------------------------------------------------------------------------------------ errors

    /// @dev The id does not say that the client signs by contract.
    error ClientIsNoAccount(address client);
    /// @dev The terms ask for a committee, which is not convened here.
    error TermsOfCommittee();
    error OpensTooLate(uint64 openAt, uint64 lockDeadline);
    error InvalidBurn(uint16 burnBps);
    /// @dev The shares of a committee's ranks do not add up to 10,000 basis points.
    error InvalidTiers(uint256 sum);
    error NotSignedByOwner(address owner);
    /// @dev The account has paid a committee for this id, which works or has delivered.
    error CommitteeIsConvened(RequestId requestId);
    /// @dev The allocation names another request or other terms than these, given as struct hashes.
    error AllocationOfAnother(bytes32 request, bytes32 terms);
    error PriceAboveTerms(uint96 price, uint96 maxPrice);
    /// @dev The window ends before it begins, or is longer than the terms allow.
    error InvalidWindow(uint64 from, uint64 until);
    error WindowPastOpening(uint64 until, uint64 openAt);
    error InvalidOverride(uint16 overrideBps);
    error NotSignedByExchange(address exchange);
    error OutsideWindow(uint64 from, uint64 until);
    /// @dev The named prover locks at exactly `allowed`, any other at no more than it.
    error PriceNotAllocated(address prover, uint96 price, uint96 allowed);
    error InvalidMarket();

    // -------------------------------------------------------------------------------------------------------------- lock

    /// @notice Locks the derived request in the market for the signer of `LockRequest(derived)`: the named prover at exactly the
    ///         allocation's price, or a rival at `highestUndercut(allocation)` or less. Anybody may relay it.
    /// @dev Reverts, in this order: `InvalidRequest` (id); `ClientIsNoAccount`; `OpensTooLate`, `InvalidBurn`, `InvalidTiers`;
    ///      `TermsOfCommittee`; `NotSignedByOwner`; `CommitteeIsConvened`; `AllocationOfAnother`; `PriceAboveTerms`,
    ///      `InvalidWindow`, `WindowPastOpening`, `InvalidOverride`; `NotSignedByExchange`; `OutsideWindow`; an `ECDSA…` error
    ///      (prover); `PriceNotAllocated`; then whatever the market's `lockRequestWithSignature` reverts with.
    ///      A prover signature over something else recovers a stranger, who is held to the rival's price.
    /// @param ownerSignature The owner's, over the exchange request.
    /// @param exchangeSignature The exchange's, over the allocation.
    /// @param price Of the lock, in wei.
    /// @param proverSignature The prover's, over `LockRequest(derived)` in the market's domain.
    function lock(
        ProofRequest calldata request,
        Terms calldata terms,
        bytes calldata ownerSignature,
        Allocation calldata allocation,
        bytes calldata exchangeSignature,
        uint96 price,
        bytes calldata proverSignature
    ) external;

    // ---------------------------------------------------------------------------------------- what accounts ask of the book

    /// @notice True while this contract, in this very transaction, asks the market to lock the request with this digest.
    function isApproved(bytes32 digest) external view returns (bool);

    /// @notice True if `owner` signed the exchange request with these struct hashes.
    function isSigned(address owner, bytes32 requestHash, bytes32 termsHash, bytes calldata ownerSignature)
        external
        view
        returns (bool);

    /// @notice True if the plain path is open to the request: `owner` signed it with these terms, and either `openAt` has come
    ///         or, unless the terms ask for a committee, `lapsed` is an allocation of the two, signed by the exchange, whose
    ///         window has passed.
    /// @dev From `openAt` on `lapsed` and its signature are not looked at, and the exchange is not called.
    function isOpen(
        address owner,
        bytes32 requestHash,
        Terms calldata terms,
        bytes calldata ownerSignature,
        Allocation calldata lapsed,
        bytes calldata exchangeSignature
    ) external view returns (bool);

    // ----------------------------------------------------------------------------------------------- for whoever signs

    /// @notice EIP-712 struct hash of a request: what an allocation names it by.
    function requestHash(ProofRequest calldata request) external pure returns (bytes32);

    /// @notice EIP-712 struct hash of terms: what an allocation names them by.
    function termsHash(Terms calldata terms) external pure returns (bytes32);

    /// @notice What the owner signs.
    function exchangeRequestDigest(ProofRequest calldata request, Terms calldata terms) external view returns (bytes32);

    /// @notice What the exchange signs.
    function allocationDigest(Allocation calldata allocation) external view returns (bytes32);

    /// @notice The request that the market locks at `price`, and that a prover signs `LockRequest` over.
    function derive(ProofRequest calldata request, uint96 price) external pure returns (ProofRequest memory derived);

    /// @notice Highest price at which a prover who is not the named one may lock.
    /// @dev `InvalidOverride` when the share is above 10,000 basis points.
    function highestUndercut(Allocation calldata allocation) external pure returns (uint96);

    /// @notice The market that this book locks in.
    function MARKET() external view returns (address);
}
