// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { Allocation } from "../allocation/Allocation.sol";
import { HashedRequest } from "../allocation/HashedRequest.sol";
import { Terms } from "../allocation/Terms.sol";
import { RequestId } from "../request/RequestId.sol";
import { IERC1271 } from "./IERC1271.sol";

/// @title A requester's account: the client of requests that may go through an exchange
/// @notice It has one owner, for good. Its ether lies in the market, where `depositTo(account)` puts it. It stands in for the
///         owner's signature (ERC-1271) in three ways, so that the same market serves plain and allocated requests.
///
/// Safety: ether leaves the account's balance only to the owner's order, for a request that the owner signed, or to the
/// committee book for a request that the owner signed with terms for a committee, before `openAt`, at most `terms.maxPrice`,
/// once per id.
/// While a committee sits, and for ever once it has delivered, no exchange request of that id opens or locks, whichever terms it
/// was signed with. After one that delivered nothing the plain path opens by time alone. A request
/// that the owner signed plainly is not held back: who signs an id both ways offers it to whoever comes first.
/// Liveness: `withdraw` and plain requests need nobody but the owner and the market.
/// It trusts the market, the allocation book and the committee book, fixed at deployment; none of them has an owner.
interface IRequesterAccount is IERC1271 {
    error NotOwner(address sender);
    error NotCommitteeBook(address sender);
    error ForeignRequest(RequestId requestId);
    /// @dev The terms ask for one prover.
    error TermsWithoutCommittee();
    /// @dev The time has come from which the exchange has no say.
    error TermsHaveOpened(uint64 openAt);
    /// @dev A committee was paid for this id.
    error AlreadyReleased(RequestId requestId);
    error RequestIsTaken(RequestId requestId);
    error PriceAboveTerms(uint96 price, uint96 maxPrice);
    error NotSignedByOwner(address owner);
    error TransferFailed();

    /// @notice The price of a request went to the committee book.
    event Released(RequestId indexed requestId, uint96 price);

    // -------------------------------------------------------------------------------------------------------- signatures

    /// @inheritdoc IERC1271
    /// @dev `digest` is valid, and the result 0x1626ba7e, in three cases told apart by `signature`:
    ///  1. It is empty: the allocation book is locking the request with this digest right now.
    ///  2. It is `abi.encode(HashedRequest, Terms, bytes ownerSignature, Allocation lapsed, bytes exchangeSignature)` and the
    ///     market's digest of the hashed request is `digest`: the allocation book says that the request is open (`isOpen`),
    ///     and its id is not held (`isHeld`). Reverts if what follows the hashed request is not so encoded.
    ///  3. Any other: the owner's own signature of `digest`, an ordinary request. For an owner with code it is ERC-1271's to
    ///     say, except that an empty signature is never passed on.
    /// Else the result is 0xffffffff.
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4);

    // ----------------------------------------------------------------------------------------------------------- balances

    /// @notice Sends `value` wei of the account's balance in the market to the owner.
    /// @dev `NotOwner`; the market's `InsufficientBalance`; `TransferFailed`.
    function withdraw(uint256 value) external;

    /// @notice As `withdraw`, to `to`.
    function withdrawTo(address to, uint256 value) external;

    /// @notice Puts ether that lies on the account itself, as when it was sent before the account was created, into its
    ///         balance in the market. Anybody may call.
    function sweep() external;

    /// @notice Ether sent to the account goes into its balance in the market.
    receive() external payable;

    // --------------------------------------------------------------------------------------------------------- committees

    /// @notice Sends `price` wei to the committee book, the caller: a committee is convened for the request.
    /// @dev Reverts, in this order: `NotCommitteeBook`; `ForeignRequest` when the id does not name this account as contract;
    ///      `TermsWithoutCommittee`; `TermsHaveOpened`; `AlreadyReleased` if this id was paid for before;
    ///      `PriceAboveTerms`; `NotSignedByOwner`; `RequestIsTaken` when the market has the id locked or fulfilled; the market's
    ///      `InsufficientBalance`; `TransferFailed`. That the terms fit the offer is for the caller to check.
    function release(HashedRequest calldata request, Terms calldata terms, bytes calldata ownerSignature, uint96 price)
        external;

    // -------------------------------------------------------------------------------------------------------------- views

    /// @notice Whose account this is.
    function owner() external view returns (address);

    /// @notice Whether a committee was paid for a request, ever.
    function isReleased(RequestId requestId) external view returns (bool);

    /// @notice Whether the request belongs to its committee, as the committee book has it (`blocks`), or to nobody.
    function isHeld(RequestId requestId) external view returns (bool);

    function MARKET() external view returns (address);
    function ALLOCATION_BOOK() external view returns (address);
    /// @notice Zero where there are no committees.
    function COMMITTEE_BOOK() external view returns (address);
}
