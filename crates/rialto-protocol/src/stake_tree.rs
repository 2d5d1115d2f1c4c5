//! Merkle-sum trees of weighted provers: whoever knows the root can be shown with one path whom a
//! ticket draws.
//!
//! A leaf is `keccak256(prover (20 bytes) ‖ weight (12))`. An inner node is `keccak256(left hash (32) ‖
//! right hash (32) ‖ zero (8) ‖ left sum (12) ‖ right sum (12))`. Where no weight is, the hash is zero.
//! The leaves, in order of their indexes, are `2^depth` many. So the root binds every weight, every
//! sum and the total. Tickets from zero up to the total are dealt to the leaves from left to right,
//! to each as many as its weight.
//!
//! The registry keeps the same tree on the chain (`contracts/src/registry/StakeTree.sol`);
//! `vectors/stake_tree.json` holds both to it. Its `WeightChanged` events, given to
//! [`StakeTree::set`] in their order, rebuild it.

use crate::draw::{Draws, Ticket, Weight};
use alloy_primitives::{Address, B256, keccak256};
use serde::{Deserialize, Serialize};

/// Hash of a node and the sum of the weights below it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Zero where no weight is.
    pub hash: B256,
    /// The tickets of all leaves below.
    pub sum: Weight,
}

/// A prover and its tickets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaf {
    /// Who is drawn.
    pub prover: Address,
    /// How many tickets draw it.
    pub weight: Weight,
}

/// A leaf and the way from it to the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeafProof {
    /// The leaf.
    pub leaf: Leaf,
    /// Its place among the leaves.
    pub index: u64,
    /// What is beside the way, from the bottom up.
    pub path: Vec<Node>,
}

/// Why a proof does not show that a leaf was drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDrawn {
    /// No leaf has such a ticket.
    #[error("ticket {} is not below the total of {}", ticket.0, total.get())]
    TicketOutOfRange {
        /// The ticket.
        ticket: Ticket,
        /// The sum of all weights.
        total: Weight,
    },
    /// All the weight is drawn already.
    #[error("there is no weight left to draw from")]
    NothingToDraw,
    /// The path leads elsewhere.
    #[error("the path does not lead from leaf {index} to this root and total")]
    PathMismatch {
        /// The leaf's index.
        index: u64,
    },
    /// The leaf has other tickets.
    #[error("ticket {} is not among the {} from {} on", ticket.0, weight.get(), offset.0)]
    AnotherLeaf {
        /// The ticket.
        ticket: Ticket,
        /// The leaf's first ticket.
        offset: Ticket,
        /// The number of the leaf's tickets.
        weight: Weight,
    },
}

/// A whole tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StakeTree {
    leaves: Vec<Leaf>,
    /// `levels[0]` are the leaves' nodes, each further level half as many, the last one the root.
    levels: Vec<Vec<Node>>,
}

impl StakeTree {
    /// Places `prover` with `weight` at a leaf, or empties the leaf if the weight is zero. The tree
    /// gets deeper where `index` is beyond it.
    ///
    /// # Errors
    /// The sum of all weights would be above [`Weight::MAX`]; then nothing has changed.
    pub fn set(&mut self, index: usize, leaf: Leaf) -> Result<(), crate::draw::WeightTooLarge> {
        let before = self.leaves.get(index).map_or(Weight::ZERO, |leaf| leaf.weight);
        Weight::try_from(self.total().get() - before.get() + leaf.weight.get())?;
        if index >= self.leaves.len() {
            self.grow((index + 1).next_power_of_two());
        }
        self.leaves[index] = if leaf.weight == Weight::ZERO { Leaf::default() } else { leaf };
        self.levels[0][index] = leaf.node();
        let mut at = index;
        for level in 1..self.levels.len() {
            at /= 2;
            let below = &self.levels[level - 1];
            self.levels[level][at] = Node::parent(below[2 * at], below[2 * at + 1]);
        }
        Ok(())
    }

    /// The root; zero if there is no weight.
    pub fn root(&self) -> B256 {
        self.top().hash
    }

    /// The sum of all weights.
    pub fn total(&self) -> Weight {
        self.top().sum
    }

    /// Levels above the leaves.
    pub fn depth(&self) -> usize {
        self.levels.len().saturating_sub(1)
    }

    /// The leaf at an index, if somebody is there.
    pub fn leaf(&self, index: usize) -> Option<Leaf> {
        self.leaves.get(index).copied().filter(|leaf| leaf.weight != Weight::ZERO)
    }

    /// The index that a ticket falls on; nothing at or above the total.
    pub fn draw_at(&self, ticket: Ticket) -> Option<usize> {
        let mut left = ticket.0;
        if left >= self.total().get() {
            return None;
        }
        let mut index = 0;
        for level in self.levels.iter().rev().skip(1) {
            index *= 2;
            let sum = level[index].sum.get();
            if left >= sum {
                left -= sum;
                index += 1;
            }
        }
        Some(index)
    }

    /// The proof of a leaf; nothing where nobody is.
    pub fn prove(&self, index: usize) -> Option<LeafProof> {
        let leaf = self.leaf(index)?;
        let path =
            (0..self.depth()).map(|level| self.levels[level][(index >> level) ^ 1]).collect();
        Some(LeafProof { leaf, index: index as u64, path })
    }

    /// The leaves that `seed` draws one after the other, none twice: each draw is from the weight that
    /// the earlier ones have left. Fewer than `count` if there are no more.
    pub fn draw_many(&self, seed: B256, count: usize) -> Vec<LeafProof> {
        let mut draws = Draws::new(seed);
        let mut drawn = Drawn::default();
        let mut proofs = Vec::new();
        while proofs.len() < count
            && let Some(ticket) = draws.next(drawn.left_of(self.total()))
            && let Some(proof) = self.draw_at(drawn.lift(ticket)).and_then(|at| self.prove(at))
        {
            drawn.add(self.offset(proof.index as usize), proof.leaf.weight);
            proofs.push(proof);
        }
        proofs
    }

    /// The first ticket of a leaf.
    fn offset(&self, index: usize) -> Ticket {
        let before = |level: &usize| index >> level & 1 == 1;
        let sums = (0..self.depth()).filter(before);
        Ticket(sums.map(|level| self.levels[level][(index >> level) ^ 1].sum.get()).sum())
    }

    fn top(&self) -> Node {
        self.levels.last().and_then(|level| level.first()).copied().unwrap_or_default()
    }

    /// Makes room for `size` leaves, a power of two.
    fn grow(&mut self, size: usize) {
        self.leaves.resize(size, Leaf::default());
        let mut width = size;
        for level in 0..=size.ilog2() as usize {
            match self.levels.get_mut(level) {
                Some(nodes) => nodes.resize(width, Node::default()),
                None => self.levels.push(vec![Node::default(); width]),
            }
            width /= 2;
        }
        for level in 1..self.levels.len() {
            let below = &self.levels[level - 1];
            let first = Node::parent(below[0], below[1]);
            self.levels[level][0] = first;
        }
    }
}

impl Leaf {
    fn node(self) -> Node {
        if self.weight == Weight::ZERO {
            return Node::default();
        }
        let weight = &self.weight.get().to_be_bytes()[4..];
        Node { hash: keccak256([self.prover.as_slice(), weight].concat()), sum: self.weight }
    }
}

impl Node {
    /// The node over two others whose sums together are a weight.
    fn parent(left: Self, right: Self) -> Self {
        let Some(sum) = left.sum.checked_add(right.sum) else {
            unreachable!("checked before the change that would have made it so")
        };
        if sum == Weight::ZERO {
            return Self::default();
        }
        let sums = [left.sum, right.sum].map(|sum| sum.get().to_be_bytes());
        let hash = keccak256(
            [left.hash.as_slice(), right.hash.as_slice(), &[0; 8], &sums[0][4..], &sums[1][4..]]
                .concat(),
        );
        Self { hash, sum }
    }
}

impl LeafProof {
    /// The leaf's first ticket in the tree of `root` and `total`.
    ///
    /// # Errors
    /// [`NotDrawn::PathMismatch`] when the path leads elsewhere.
    pub fn locate(&self, root: B256, total: Weight) -> Result<Ticket, NotDrawn> {
        let mismatch = NotDrawn::PathMismatch { index: self.index };
        let (mut node, mut index, mut offset) = (self.leaf.node(), self.index, 0);
        for beside in &self.path {
            if node.sum.checked_add(beside.sum).is_none() {
                return Err(mismatch);
            }
            if index & 1 == 0 {
                node = Node::parent(node, *beside);
            } else {
                node = Node::parent(*beside, node);
                offset += beside.sum.get();
            }
            index >>= 1;
        }
        if index != 0 || node.hash != root || node.sum != total {
            return Err(mismatch);
        }
        Ok(Ticket(offset))
    }

    fn must_hold(&self, ticket: Ticket, offset: Ticket) -> Result<(), NotDrawn> {
        let weight = self.leaf.weight;
        if ticket < offset || ticket.0 - offset.0 >= weight.get() {
            return Err(NotDrawn::AnotherLeaf { ticket, offset, weight });
        }
        Ok(())
    }
}

/// Checks that `ticket` falls on the leaf that `proof` proves.
///
/// # Errors
/// Why it does not.
pub fn verify_draw(
    root: B256,
    total: Weight,
    ticket: Ticket,
    proof: &LeafProof,
) -> Result<(), NotDrawn> {
    if ticket.0 >= total.get() {
        return Err(NotDrawn::TicketOutOfRange { ticket, total });
    }
    proof.must_hold(ticket, proof.locate(root, total)?)
}

/// Checks that `proofs` are the leaves that `seed` draws one after the other, none twice. All paths are of the
/// one whole tree, so nobody has to rebuild it without the leaves drawn before.
///
/// # Errors
/// Why one of them is not.
pub fn verify_draws(
    root: B256,
    total: Weight,
    seed: B256,
    proofs: &[LeafProof],
) -> Result<(), NotDrawn> {
    let mut draws = Draws::new(seed);
    let mut drawn = Drawn::default();
    for proof in proofs {
        let ticket = draws.next(drawn.left_of(total)).ok_or(NotDrawn::NothingToDraw)?;
        let offset = proof.locate(root, total)?;
        proof.must_hold(drawn.lift(ticket), offset)?;
        drawn.add(offset, proof.leaf.weight);
    }
    Ok(())
}

/// The tickets of leaves drawn already, in ascending order.
#[derive(Default)]
struct Drawn(Vec<(Ticket, Weight)>);

impl Drawn {
    fn add(&mut self, offset: Ticket, weight: Weight) {
        let at = self.0.partition_point(|(other, _)| *other < offset);
        self.0.insert(at, (offset, weight));
    }

    /// What is left of `total`.
    fn left_of(&self, total: Weight) -> Weight {
        let drawn = self.0.iter().map(|(_, weight)| weight.get()).sum();
        // Distinct leaves of one tree weigh at most its total together.
        Weight::try_from(total.get().saturating_sub(drawn)).unwrap_or_default()
    }

    /// The ticket of the whole tree that is `ticket` among those of the leaves not drawn.
    fn lift(&self, ticket: Ticket) -> Ticket {
        self.0.iter().fold(ticket, |ticket, (offset, weight)| {
            if ticket < *offset { ticket } else { Ticket(ticket.0 + weight.get()) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn leaf(name: u64, weight: u128) -> Leaf {
        let prover = Address::left_padding_from(&(name + 1).to_be_bytes());
        Leaf { prover, weight: Weight::try_from(weight).unwrap() }
    }

    fn tree(weights: &[u128]) -> StakeTree {
        let mut tree = StakeTree::default();
        for (index, weight) in weights.iter().enumerate() {
            tree.set(index, leaf(index as u64, *weight)).unwrap();
        }
        tree
    }

    /// The definition, with nothing kept between calls.
    fn naive(leaves: &[Node]) -> Node {
        match leaves {
            [] => Node::default(),
            [one] => *one,
            _ => {
                let (left, right) = leaves.split_at(leaves.len() / 2);
                Node::parent(naive(left), naive(right))
            }
        }
    }

    fn weights() -> impl Strategy<Value = Vec<u128>> {
        prop::collection::vec(prop_oneof![Just(0u128), 1..1000u128, 0..1u128 << 90], 0..20)
    }

    #[test]
    fn a_tree_without_weight_has_no_root() {
        assert_eq!(StakeTree::default().root(), B256::ZERO);
        assert_eq!(tree(&[0, 0, 0]).root(), B256::ZERO);
        assert_eq!(tree(&[0, 0, 0]).draw_at(Ticket(0)), None);
        assert_eq!(tree(&[]).prove(0), None);
        let mut full = tree(&[Weight::MAX.get()]);
        full.set(1, leaf(1, 1)).unwrap_err();
        assert_eq!(full, tree(&[Weight::MAX.get()]));
    }

    #[test]
    fn refusals() {
        let tree = tree(&[5, 0, 7, 1]);
        let (root, total) = (tree.root(), tree.total());
        let proof = tree.prove(2).unwrap();
        let check = |ticket, proof: &LeafProof| verify_draw(root, total, Ticket(ticket), proof);
        assert_eq!(check(5, &proof), Ok(()));
        assert_eq!(check(11, &proof), Ok(()));
        let out = NotDrawn::TicketOutOfRange { ticket: Ticket(13), total };
        assert_eq!(check(13, &proof), Err(out));
        for ticket in [4, 12] {
            let (ticket, offset) = (Ticket(ticket), Ticket(5));
            let weight = proof.leaf.weight;
            let other = NotDrawn::AnotherLeaf { ticket, offset, weight };
            assert_eq!(check(ticket.0, &proof), Err(other));
        }
        let mut proofs = vec![proof.clone(); 5];
        proofs[0].index = 6;
        proofs[1].leaf.weight = Weight::try_from(8).unwrap();
        proofs[2].path.pop();
        proofs[3].path[0].sum = Weight::MAX;
        proofs[4].leaf.prover = Address::ZERO;
        for wrong in &proofs {
            assert_eq!(check(5, wrong), Err(NotDrawn::PathMismatch { index: wrong.index }));
        }
    }

    proptest! {
        #[test]
        fn the_root_is_the_definition(weights in weights(), later in weights()) {
            let mut tree = tree(&weights);
            for (index, weight) in later.iter().enumerate() {
                let at = (index * 7) % (weights.len() + index + 1);
                tree.set(at, leaf(index as u64, *weight)).unwrap();
            }
            let nodes: Vec<Node> = tree.leaves.iter().map(|leaf| leaf.node()).collect();
            prop_assert_eq!(tree.top(), naive(&nodes));
        }

        #[test]
        fn every_ticket_is_provable_and_only_its_leaf_is(weights in weights(), at: u128) {
            let tree = tree(&weights);
            prop_assume!(tree.total() != Weight::ZERO);
            let ticket = Ticket(at % tree.total().get());
            let winner = tree.draw_at(ticket).unwrap();
            for index in 0..weights.len() {
                if let Some(proof) = tree.prove(index) {
                    let verdict = verify_draw(tree.root(), tree.total(), ticket, &proof);
                    prop_assert_eq!(verdict.is_ok(), index == winner);
                }
            }
        }

        #[test]
        fn draws_without_replacement_are_distinct_and_provable(weights in weights(), seed: [u8; 32]) {
            let tree = tree(&weights);
            let seed = B256::new(seed);
            let proofs = tree.draw_many(seed, weights.len() + 1);
            let distinct: BTreeSet<u64> = proofs.iter().map(|proof| proof.index).collect();
            let present = weights.iter().filter(|weight| **weight != 0).count();
            prop_assert_eq!(proofs.len(), present);
            prop_assert_eq!(distinct.len(), present);
            prop_assert_eq!(verify_draws(tree.root(), tree.total(), seed, &proofs), Ok(()));
            if present >= 2 {
                let mut swapped = proofs.clone();
                swapped.swap(0, 1);
                prop_assert!(verify_draws(tree.root(), tree.total(), seed, &swapped).is_err());
                let mut more = proofs;
                more.push(more[0].clone());
                let verdict = verify_draws(tree.root(), tree.total(), seed, &more);
                prop_assert_eq!(verdict, Err(NotDrawn::NothingToDraw));
            }
        }

        /// The definition of a draw with removal: a tree without the leaves that were drawn.
        #[test]
        fn removal_is_what_it_says(weights in weights(), seed: [u8; 32]) {
            let whole = tree(&weights);
            let mut rest = whole.clone();
            let mut draws = Draws::new(B256::new(seed));
            for proof in whole.draw_many(B256::new(seed), weights.len()) {
                let ticket = draws.next(rest.total()).unwrap();
                prop_assert_eq!(rest.draw_at(ticket), Some(proof.index as usize));
                rest.set(proof.index as usize, Leaf::default()).unwrap();
            }
            prop_assert_eq!(rest.root(), B256::ZERO);
        }
    }
}
