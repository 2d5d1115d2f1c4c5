//! A weighted list of provers to draw from, and the randomness that may be used on it.
//!
//! A [`Seed`] exists only for a set that was frozen before the seed was public: nothing but the desk makes one,
//! and [`Roll::draw`] takes it only if the roll's root is still the frozen one. Draws are exact (see
//! `rialto_protocol::draw`) and cost the logarithm of the roll's length.

use crate::{JobId, Party};
use alloy_primitives::{B256, keccak256};
use rialto_protocol::draw::{Draws, Weight};
use rialto_protocol::stake_tree::{Leaf, StakeTree};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Randomness for one frozen set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed {
    job: Option<JobId>,
    root: B256,
    value: B256,
}

impl Seed {
    pub(crate) fn new(job: Option<JobId>, root: B256, value: B256) -> Self {
        Self { job, root, value }
    }

    /// The job that it was asked for, if for one.
    pub fn job(&self) -> Option<JobId> {
        self.job
    }

    /// The draws for one job: `keccak256(seed ‖ job as 8 bytes)` is their seed, so anybody can repeat them
    /// knowing nothing of other jobs.
    pub fn draws_for(&self, job: JobId) -> Draws {
        Draws::new(self.value_for(job))
    }

    /// One of `count` places, each as likely as the others, in the list that was frozen as `root`.
    ///
    /// # Panics
    /// When the seed was asked for with another root.
    pub fn place(&self, root: B256, job: JobId, count: usize) -> Option<usize> {
        assert_eq!(root, self.root, "the seed is for another set");
        let tickets = Weight::try_from(count as u128).unwrap_or_default();
        self.draws_for(job).next(tickets).map(|ticket| ticket.0 as usize)
    }

    /// One of a list of weights, each place as likely as its part of them all, in the list that was frozen as `root`.
    ///
    /// # Panics
    /// When the seed was asked for with another root.
    pub fn weighted(&self, root: B256, job: JobId, weights: &[Weight]) -> Option<usize> {
        assert_eq!(root, self.root, "the seed is for another set");
        let total =
            weights.iter().try_fold(Weight::ZERO, |sum, weight| sum.checked_add(*weight))?;
        let mut ahead = self.draws_for(job).next(total)?.0;
        weights.iter().position(|weight| {
            let hit = ahead < weight.get();
            ahead = ahead.saturating_sub(weight.get());
            hit
        })
    }

    /// The randomness itself.
    pub fn value(&self) -> B256 {
        self.value
    }

    fn value_for(&self, job: JobId) -> B256 {
        keccak256([&self.value[..], &job.0.to_be_bytes()].concat())
    }
}

/// Provers with weights. While it is frozen, changes wait.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Roll {
    tree: StakeTree,
    places: BTreeMap<Party, usize>,
    /// Places that were given back; the lowest is given out first.
    free: BTreeSet<usize>,
    frozen: Option<B256>,
    waiting: Vec<(Party, Weight)>,
}

/// The roll as it is written down: the tree follows from the leaves.
#[derive(Clone, Serialize, Deserialize)]
struct Written {
    /// The root depends on it also where the last places are free.
    depth: usize,
    places: Vec<(usize, Leaf)>,
    free: BTreeSet<usize>,
    frozen: Option<B256>,
    waiting: Vec<(Party, Weight)>,
}

impl Roll {
    /// Gives a prover its weight, zero to take it off; at once, or when the roll thaws.
    pub fn set(&mut self, party: Party, weight: Weight) {
        match self.frozen {
            Some(_) => self.waiting.push((party, weight)),
            None => self.reweigh(party, weight),
        }
    }

    /// Freezes the roll as it is. Returns the root that [`crate::Desk::freeze`] wants.
    pub fn freeze(&mut self) -> B256 {
        let root = self.tree.root();
        self.frozen = Some(root);
        root
    }

    /// Whether it is frozen.
    pub fn is_frozen(&self) -> bool {
        self.frozen.is_some()
    }

    /// Draws up to `count` provers for a job, one after the other, each from what the earlier ones
    /// leave.
    ///
    /// # Panics
    /// When the seed was asked for with another root.
    pub fn draw(&self, seed: &Seed, job: JobId, count: usize) -> Vec<Party> {
        assert_eq!(self.frozen, Some(seed.root), "the seed is for another set");
        let drawn = self.tree.draw_many(seed.value_for(job), count);
        drawn.into_iter().map(|proof| proof.leaf.prover).collect()
    }

    /// Draws `count` times for a job, each time from all.
    ///
    /// # Panics
    /// When the seed was asked for with another root.
    pub fn deal(&self, seed: &Seed, job: JobId, count: usize) -> Vec<Party> {
        assert_eq!(self.frozen, Some(seed.root), "the seed is for another set");
        let mut draws = seed.draws_for(job);
        let places = (0..count).filter_map(|_| self.tree.draw_at(draws.next(self.tree.total())?));
        places.filter_map(|place| self.tree.leaf(place)).map(|leaf| leaf.prover).collect()
    }

    /// Draws one prover for a job.
    ///
    /// # Panics
    /// When the seed was asked for with another root.
    pub fn draw_one(&self, seed: &Seed, job: JobId) -> Option<Party> {
        self.deal(seed, job, 1).pop()
    }

    /// Changes a weight between the draws of one seed, as a rule that follows from the draws alone.
    pub fn reweigh(&mut self, party: Party, weight: Weight) {
        let known = self.places.get(&party).copied();
        if known.is_none() && weight == Weight::ZERO {
            return;
        }
        let place = known.unwrap_or_else(|| self.free.pop_first().unwrap_or(self.places.len()));
        self.places.insert(party, place);
        if weight == Weight::ZERO {
            self.places.remove(&party);
            self.free.insert(place);
        }
        let set = self.tree.set(place, Leaf { prover: party, weight });
        set.expect("a run's money, and so its weights, fit 96 bits together");
    }

    /// Lets the changes that have waited take effect.
    pub fn thaw(&mut self) {
        self.frozen = None;
        for (party, weight) in std::mem::take(&mut self.waiting) {
            self.reweigh(party, weight);
        }
    }

    /// A prover's weight in the roll as it stands.
    pub fn weight(&self, party: Party) -> Weight {
        let leaf = self.places.get(&party).and_then(|place| self.tree.leaf(*place));
        leaf.map_or(Weight::ZERO, |leaf| leaf.weight)
    }

    /// How many provers have weight.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nobody has.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

impl From<Roll> for Written {
    fn from(roll: Roll) -> Self {
        let leaf = |place: &usize| Some((*place, roll.tree.leaf(*place)?));
        let places = roll.places.values().filter_map(leaf).collect();
        Self {
            depth: roll.tree.depth(),
            places,
            free: roll.free,
            frozen: roll.frozen,
            waiting: roll.waiting,
        }
    }
}

impl From<Written> for Roll {
    fn from(written: Written) -> Self {
        let mut roll = Self::default();
        let grown = roll.tree.set((1 << written.depth) - 1, Leaf::default());
        grown.expect("an empty leaf weighs nothing");
        for (place, leaf) in written.places {
            roll.places.insert(leaf.prover, place);
            let set = roll.tree.set(place, leaf);
            set.expect("it was written from a tree");
        }
        (roll.free, roll.frozen, roll.waiting) = (written.free, written.frozen, written.waiting);
        roll
    }
}
