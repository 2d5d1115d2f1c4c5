// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

/// @dev Most proofs of one request: as many tiers as fit beside the stake.
uint256 constant SIZE_LIMIT = 10;

/// @dev Bound: has a place and has said nothing. Declined: gave its place up. Committed: announced a proof. Revealed: showed it,
///      and it was accepted.
enum SeatState {
    Bound,
    Declined,
    Committed,
    Revealed
}

/// @notice One prover's part in a committee. Its stake is reserved while `holdsStake`.
/// @dev `rank` counts commitments from zero; before Committed it and the commitment are zero.
struct Seat {
    address prover;
    SeatState state;
    uint8 rank;
    bool holdsStake;
    bytes32 commitment;
}

/// @notice A convened committee for `size` proofs. Of its places `declined` were given up, and `taken` of those filled by others.
///         `revealBy` is zero if there never was a committee.
/// @dev Four slots: all that changes, with the times; who pays whom; the stake of each prover, and the shares of the price by
///      rank, sixteen bits each, the first in the lowest; EIP-712 struct hash of the request.
struct Sitting {
    uint64 declineBy;
    uint64 commitBy;
    uint64 revealBy;
    uint8 size;
    uint8 declined;
    uint8 taken;
    uint8 committed;
    uint8 revealed;
    bool settled;
    uint16 burnBps;
    address exchange;
    uint96 price;
    uint96 stake;
    uint160 tiers;
    bytes32 requestHash;
}

using SittingLib for Sitting global;

/// @notice What follows from a sitting and a time, and how its price is divided.
library SittingLib {
    uint256 internal constant BPS = 10_000;
    uint256 private constant TIER_BITS = 16;

    /// @notice Provers that were ever bound: every place once, and every declined one that was taken once more.
    function seatCount(Sitting storage sitting) internal view returns (uint256) {
        return uint256(sitting.size) + sitting.taken;
    }

    function exists(Sitting storage sitting) internal view returns (bool) {
        return sitting.revealBy != 0;
    }

    /// @notice No further commitment is taken: every place has one, or the time is up.
    function isClosed(Sitting storage sitting, uint256 now_) internal view returns (bool) {
        return sitting.committed == sitting.size || now_ > sitting.commitBy;
    }

    /// @notice No further proof can come: every commitment is revealed, or the time is up.
    function isOver(Sitting storage sitting, uint256 now_) internal view returns (bool) {
        return now_ > sitting.revealBy || (sitting.isClosed(now_) && sitting.revealed == sitting.committed);
    }

    /// @notice Whether the request belongs to the committee alone.
    function blocks(Sitting storage sitting, uint256 now_) internal view returns (bool) {
        return sitting.revealed != 0 || (!sitting.settled && now_ <= sitting.revealBy);
    }

    /// @notice Expects at most `SIZE_LIMIT` tiers.
    function pack(uint16[] calldata tiers) internal pure returns (uint160) {
        uint256 packed = 0;
        for (uint256 i = 0; i < tiers.length; ++i) {
            packed |= uint256(tiers[i]) << (TIER_BITS * i);
        }
        return uint160(packed);
    }

    /// @notice What the proof that comes `place`-th, from zero, earns. Rounded down.
    function rewardDown(uint160 tiers, uint96 price, uint256 place) internal pure returns (uint96) {
        return shareDown(price, uint16(tiers >> (TIER_BITS * place)));
    }

    function shareDown(uint96 price, uint16 bps) internal pure returns (uint96) {
        return uint96(uint256(price) * bps / BPS);
    }
}
