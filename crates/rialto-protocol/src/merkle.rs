//! Merkle trees over claims: one signature or one proof for a whole batch.
//!
//! A leaf is `keccak256("LEAF_TAG" ‖ claim digest)`; a node is Keccak-256 of its children in
//! ascending order, so that a path needs no left or right. Levels are paired in order, an odd last
//! element rises unchanged, and a single leaf is its own root.

use crate::ClaimDigest;
use alloy_primitives::{B256, keccak256};

/// The leaf of a claim.
pub fn leaf(claim: ClaimDigest) -> B256 {
    keccak256([b"LEAF_TAG".as_slice(), claim.0.as_slice()].concat())
}

/// The root over `leaves`; nothing for none.
pub fn root(leaves: &[B256]) -> Option<B256> {
    let mut level = leaves.to_vec();
    while level.len() > 1 {
        level = parents(&level);
    }
    level.first().copied()
}

/// The siblings from leaf `index` up to the root; nothing when there is no such leaf.
pub fn path(leaves: &[B256], index: usize) -> Option<Vec<B256>> {
    leaves.get(index)?;
    let (mut level, mut index, mut path) = (leaves.to_vec(), index, Vec::new());
    while level.len() > 1 {
        if let Some(sibling) = level.get(index ^ 1) {
            path.push(*sibling);
        }
        level = parents(&level);
        index /= 2;
    }
    Some(path)
}

/// The root that `path` leads to from `leaf`.
pub fn fold(leaf: B256, path: &[B256]) -> B256 {
    path.iter().fold(leaf, |below, sibling| node(below, *sibling))
}

fn parents(level: &[B256]) -> Vec<B256> {
    level
        .chunks(2)
        .map(|pair| match pair {
            [left, right] => node(*left, *right),
            [alone] => *alone,
            _ => unreachable!("chunks of two are never empty or longer"),
        })
        .collect()
}

fn node(a: B256, b: B256) -> B256 {
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    keccak256([low.as_slice(), high.as_slice()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_empty_tree_has_no_root() {
        assert_eq!(root(&[]), None);
        assert_eq!(path(&[], 0), None);
    }

    proptest! {
        #[test]
        fn every_path_leads_to_the_root(claims in prop::collection::vec(any::<[u8; 32]>(), 1..40)) {
            let leaves: Vec<B256> = claims.iter().map(|c| leaf(ClaimDigest(B256::new(*c)))).collect();
            let top = root(&leaves).unwrap();
            for (index, leaf) in leaves.iter().enumerate() {
                prop_assert_eq!(fold(*leaf, &path(&leaves, index).unwrap()), top);
            }
            prop_assert_eq!(path(&leaves, leaves.len()), None);
        }
    }
}
