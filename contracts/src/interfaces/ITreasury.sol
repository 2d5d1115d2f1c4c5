// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

/// @title Holds what belongs to nobody in particular, and pays it out slowly and in public
/// @notice The owner proposes a payment, everybody can read it for `DELAY` seconds, then anybody can have it made. The owner can
///         withdraw a proposal until then, and can do nothing else with what lies here.
///
/// Safety: nothing leaves that was not announced `DELAY` seconds before, and a proposal must be covered, beside all other open
/// proposals, when it is made. So an owner cannot let proposals ripen for money that is still to come.
/// Liveness: an announced payment needs neither the owner nor any service. A receiver or a token that refuses holds up only its
/// own proposal, which stays open. The owner is trusted with what to pay for, with nothing else.
interface ITreasury {
    /// @notice `token` zero means ETH.
    event PaymentProposed(
        uint256 indexed id, address indexed token, address indexed to, uint256 amount, uint256 payableFrom
    );
    event PaymentCancelled(uint256 indexed id);
    event PaymentMade(uint256 indexed id);
    event OwnershipOffered(address indexed owner, address indexed candidate);
    event OwnershipTaken(address indexed former, address indexed owner);

    /// @dev The sender is not who this function asks for.
    error Unauthorized(address sender);
    error InvalidOwner();
    error InvalidDelay(uint256 delay);
    error InvalidRecipient();
    /// @dev Balance less open proposals does not cover the amount.
    error NotCovered(address token, uint256 amount, uint256 free);
    /// @dev Never proposed, cancelled or paid.
    error UnknownPayment(uint256 id);
    error TooEarly(uint256 id, uint256 payableFrom);
    error TransferFailed();

    /// @notice Takes ETH from anybody.
    receive() external payable;

    /// @notice Announces that `amount` of `token` (zero for ETH) shall go to `to`. Owner only.
    /// @dev `Unauthorized`, `InvalidRecipient` for the zero address and this contract, `NotCovered`.
    function propose(address token, address to, uint256 amount) external returns (uint256 id);

    /// @notice Withdraws a proposal. Owner only.
    /// @dev `Unauthorized`, `UnknownPayment`.
    function cancel(uint256 id) external;

    /// @notice Makes an announced payment, once, from `payableFrom` on. Anybody may call.
    /// @dev `UnknownPayment`, `TooEarly`, `TransferFailed` if the receiver or the token refuses.
    function execute(uint256 id) external;

    /// @notice Names who may take over ownership; the zero address takes an offer back. Owner only.
    function offerOwnership(address candidate) external;

    /// @notice Makes the candidate who calls the owner.
    function takeOwnership() external;

    /// @notice An open proposal; all zero if there is none.
    function payments(uint256 id) external view returns (address token, uint64 payableFrom, address to, uint256 amount);

    /// @notice How much of `token` open proposals will take.
    function reserved(address token) external view returns (uint256);

    /// @notice How many proposals were ever made; the first has id 0.
    function paymentCount() external view returns (uint256);

    function owner() external view returns (address);

    /// @notice Who may take over ownership, or zero.
    function candidate() external view returns (address);

    /// @notice Seconds between a proposal and its payment, fixed at deployment: 7 to 90 days.
    function DELAY() external view returns (uint256);
}
