// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.27;

import { EfficientHashLib } from "solady/utils/EfficientHashLib.sol";

import { Draw } from "./Draw.sol";

/// @notice A node beside a path: its hash and the sum of the weights below it.
struct Sibling {
    bytes32 hash;
    uint96 sum;
}

/// @notice A leaf and the way from it to the root.
struct LeafProof {
    address prover;
    uint96 weight;
    uint256 index;
    Sibling[] path;
}

/// @notice The tree as it is stored. `leaves` holds prover ‖ weight. A leaf that was given back has no weight, and where the
///         prover stood 1 + the index of the leaf given back before it. `hashes` and `sums` are keyed by level ‖ index, the
///         level counted from the leaves; `sums` holds the sums below both children, from level 2 up.
struct StakeTreeState {
    uint96 total;
    uint8 depth;
    uint32 used;
    uint32 vacant;
    mapping(uint256 => uint256) leaves;
    mapping(uint256 => bytes32) hashes;
    mapping(uint256 => uint256) sums;
}

/// @notice Merkle-sum trees of weighted provers: whoever knows the root can be shown with one path whom a ticket draws.
///
/// A leaf is keccak256(prover (20 bytes) ‖ weight (12)). An inner node is keccak256(left hash (32) ‖ right hash (32) ‖
/// zero (8) ‖ left sum (12) ‖ right sum (12)). Where no weight is, the hash is zero. The leaves, in order of their indexes,
/// are 2^depth many. So the root binds every weight, every sum and the total.
///
/// Tickets from zero up to the total are dealt to the leaves from left to right, to each as many as its weight.
library StakeTree {
    /// @dev The ticket is not below the sum of all weights.
    error TicketOutOfRange(uint256 ticket, uint256 total);
    /// @dev The path does not lead from this leaf, at this index, to this root and total.
    error PathMismatch();
    /// @dev The ticket falls on another leaf than this one, whose first ticket is `offset`.
    error NotDrawn(uint256 ticket, uint256 offset, uint256 weight);
    /// @dev The sum of all weights would not fit in 96 bits.
    error TotalTooLarge(uint256 total);

    uint256 private constant SUM_BITS = 96;
    uint256 private constant SUM_MASK = type(uint96).max;

    // ------------------------------------------------------------------------------------------------------------ proofs

    /// @notice Returns if `ticket` falls on the leaf that the path proves; else reverts.
    function verifyDraw(
        bytes32 root_,
        uint96 total,
        uint256 ticket,
        address prover,
        uint96 weight,
        uint256 index,
        Sibling[] calldata path
    ) internal pure {
        if (ticket >= total) revert TicketOutOfRange(ticket, total);
        uint256 offset = locate(root_, total, prover, weight, index, path);
        if (ticket < offset || ticket - offset >= weight) revert NotDrawn(ticket, offset, weight);
    }

    /// @notice Returns if `proofs` are the leaves that `seed` draws one after the other, none twice; else reverts.
    /// @dev Each draw is from the weight that the earlier ones have left: its ticket counts past the leaves already drawn. The
    ///      paths are all of the one whole tree, so nobody has to rebuild it without them. Quadratic in their number.
    function verifyDraws(bytes32 root_, uint96 total, bytes32 seed, LeafProof[] calldata proofs) internal pure {
        uint256[] memory drawn = new uint256[](proofs.length); // offset ‖ weight, in ascending order
        uint256 left = total;
        uint256 candidate = 0;
        for (uint256 i = 0; i < proofs.length; ++i) {
            LeafProof calldata proof = proofs[i];
            uint256 ticket;
            (ticket, candidate) = Draw.next(seed, candidate, left);
            ticket = lift(ticket, drawn, i);
            uint256 offset = locate(root_, total, proof.prover, proof.weight, proof.index, proof.path);
            if (ticket < offset || ticket - offset >= proof.weight) revert NotDrawn(ticket, offset, proof.weight);
            left -= proof.weight;
            _insert(drawn, i, (offset << SUM_BITS) | proof.weight);
        }
    }

    /// @notice The ticket of the whole tree that is `ticket` among those not dealt to the first `count` leaves of `drawn`.
    /// @param drawn offset ‖ weight of each, in ascending order
    function lift(uint256 ticket, uint256[] memory drawn, uint256 count) internal pure returns (uint256) {
        for (uint256 i = 0; i < count; ++i) {
            if (ticket < drawn[i] >> SUM_BITS) break;
            ticket += drawn[i] & SUM_MASK;
        }
        return ticket;
    }

    /// @notice The first ticket of the leaf that the path proves.
    function locate(bytes32 root_, uint96 total, address prover, uint96 weight, uint256 index, Sibling[] calldata path)
        internal
        pure
        returns (uint256 offset)
    {
        bytes32 hash = _leafHash(_leaf(prover, weight));
        uint256 sum = weight;
        for (uint256 i = 0; i < path.length; ++i) {
            bytes32 besides = path[i].hash;
            uint256 sumBesides = path[i].sum;
            if (sum + sumBesides > SUM_MASK) revert PathMismatch();
            if (index & 1 == 0) {
                hash = _node(hash, besides, (sum << SUM_BITS) | sumBesides);
            } else {
                hash = _node(besides, hash, (sumBesides << SUM_BITS) | sum);
                offset += sumBesides;
            }
            sum += sumBesides;
            index >>= 1;
        }
        if (index != 0 || hash != root_ || sum != total) revert PathMismatch();
    }

    function _insert(uint256[] memory sorted, uint256 count, uint256 value) private pure {
        for (; count != 0 && sorted[count - 1] > value; --count) {
            sorted[count] = sorted[count - 1];
        }
        sorted[count] = value;
    }

    // ----------------------------------------------------------------------------------------------------------- changes

    /// @notice Gives `prover` the weight `weight`, and a leaf if it has none, or takes its leaf away if that is zero.
    /// @param place 1 + the index of the prover's leaf, zero if it has none
    /// @return its new place. A leaf that was given back last is given out first, so the tree is as deep as the most provers
    ///         that ever had weight at one time require, however many came and went.
    function update(StakeTreeState storage tree, uint32 place, address prover, uint96 weight)
        internal
        returns (uint32)
    {
        if (weight == 0) {
            if (place != 0) {
                _set(tree, place - 1, uint256(tree.vacant) << SUM_BITS);
                tree.vacant = place;
            }
            return 0;
        }
        if (place == 0) {
            place = tree.vacant;
            if (place != 0) tree.vacant = uint32(tree.leaves[place - 1] >> SUM_BITS);
            else place = _append(tree);
        }
        _set(tree, place - 1, _leaf(prover, weight));
        return place;
    }

    /// @dev A full tree becomes the left half of one twice as large.
    function _append(StakeTreeState storage tree) private returns (uint32 place) {
        uint32 index = tree.used;
        uint8 levels = tree.depth;
        if (index >> levels != 0) {
            tree.depth = ++levels;
            if (levels > 1) tree.sums[_key(levels, 0)] = uint256(tree.total) << SUM_BITS;
        }
        place = index + 1;
        tree.used = place;
    }

    /// @dev Writes a leaf and what is above it: two words a level.
    function _set(StakeTreeState storage tree, uint256 index, uint256 leaf) private {
        tree.leaves[index] = leaf;
        uint256 levels = tree.depth;
        bytes32 hash = _leafHash(leaf);
        uint256 sum = leaf & SUM_MASK;
        for (uint256 level = 0; level < levels; ++level) {
            bool isLeft = index & 1 == 0;
            bytes32 besides;
            uint256 pair;
            if (level == 0) {
                uint256 other = tree.leaves[index ^ 1];
                besides = _leafHash(other);
                pair = isLeft ? (sum << SUM_BITS) | (other & SUM_MASK) : ((other & SUM_MASK) << SUM_BITS) | sum;
            } else {
                besides = tree.hashes[_key(level, index ^ 1)];
                uint256 key = _key(level + 1, index >> 1);
                pair = tree.sums[key];
                pair = isLeft ? (sum << SUM_BITS) | (pair & SUM_MASK) : (pair >> SUM_BITS << SUM_BITS) | sum;
                tree.sums[key] = pair;
            }
            hash = isLeft ? _node(hash, besides, pair) : _node(besides, hash, pair);
            sum = (pair >> SUM_BITS) + (pair & SUM_MASK);
            if (sum > SUM_MASK) revert TotalTooLarge(sum);
            index >>= 1;
            tree.hashes[_key(level + 1, index)] = hash;
        }
        tree.total = uint96(sum);
    }

    // ------------------------------------------------------------------------------------------------------------- views

    function root(StakeTreeState storage tree) internal view returns (bytes32) {
        return _hashAt(tree, tree.depth, 0);
    }

    /// @notice The prover and the weight of a leaf; zeroes if it is nobody's.
    function leafAt(StakeTreeState storage tree, uint256 index) internal view returns (address prover, uint96 weight) {
        uint256 leaf = tree.leaves[index];
        weight = uint96(leaf);
        if (weight != 0) prover = address(uint160(leaf >> SUM_BITS));
    }

    /// @notice The prover that a ticket falls on, found from the root down.
    function drawAt(StakeTreeState storage tree, uint256 ticket) internal view returns (address prover) {
        uint256 total = tree.total;
        if (ticket >= total) revert TicketOutOfRange(ticket, total);
        uint256 index = 0;
        for (uint256 level = tree.depth; level != 0; --level) {
            uint256 leftSum = _sumAt(tree, level - 1, 2 * index);
            index *= 2;
            if (ticket >= leftSum) {
                ticket -= leftSum;
                ++index;
            }
        }
        (prover,) = leafAt(tree, index);
    }

    /// @notice What is beside the way from a leaf to the root, from the bottom up.
    function pathOf(StakeTreeState storage tree, uint256 index) internal view returns (Sibling[] memory path) {
        uint256 levels = tree.depth;
        path = new Sibling[](levels);
        for (uint256 level = 0; level < levels; ++level) {
            path[level].hash = _hashAt(tree, level, index ^ 1);
            path[level].sum = uint96(_sumAt(tree, level, index ^ 1));
            index >>= 1;
        }
    }

    function _hashAt(StakeTreeState storage tree, uint256 level, uint256 index) private view returns (bytes32) {
        return level == 0 ? _leafHash(tree.leaves[index]) : tree.hashes[_key(level, index)];
    }

    function _sumAt(StakeTreeState storage tree, uint256 level, uint256 index) private view returns (uint256) {
        if (level == 0) return tree.leaves[index] & SUM_MASK;
        uint256 pair = tree.sums[_key(level + 1, index >> 1)];
        return index & 1 == 0 ? pair >> SUM_BITS : pair & SUM_MASK;
    }

    // ------------------------------------------------------------------------------------------------------------ hashes

    function _leaf(address prover, uint96 weight) private pure returns (uint256) {
        return (uint256(uint160(prover)) << SUM_BITS) | weight;
    }

    function _leafHash(uint256 leaf) private pure returns (bytes32) {
        return leaf & SUM_MASK == 0 ? bytes32(0) : EfficientHashLib.hash(leaf);
    }

    function _node(bytes32 left, bytes32 right, uint256 sums) private pure returns (bytes32) {
        return sums == 0 ? bytes32(0) : EfficientHashLib.hash(left, right, bytes32(sums));
    }

    function _key(uint256 level, uint256 index) private pure returns (uint256) {
        return (level << 32) | index;
    }
}
