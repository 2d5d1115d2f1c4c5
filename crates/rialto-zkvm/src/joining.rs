//! How the proofs of segments become one: a tree of joins, as arithmetic.
//!
//! Level 0 joins neighbouring segments' proofs, each further level neighbours of the level
//! below, until one is left. Whoever knows the number of segments and a [`Joining`] knows every
//! join, so any of them can be done by anybody who has its parts.

use std::num::NonZeroU32;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ProveError;

/// The tree by which a proof system joins the proofs of segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joining {
    /// Segments' proofs that a join of level 0 takes at most.
    pub leaf_arity: NonZeroU32,
    /// Joins of the level below that any other join takes at most; 2 or more, or the tree
    /// would never end.
    pub arity: NonZeroU32,
    /// Levels that are made at least, even if fewer leave one: 1 or more. A proof system may
    /// need some for its last proof to have the form of all others.
    pub levels_min: u8,
}

impl Joining {
    /// One join takes the proofs of all segments, however many there are.
    pub const FLAT: Self =
        Self { leaf_arity: NonZeroU32::MAX, arity: NonZeroU32::MAX, levels_min: 1 };

    /// Parts that a join of `level` takes at most.
    pub fn arity_at(self, level: u8) -> NonZeroU32 {
        if level == 0 { self.leaf_arity } else { self.arity }
    }

    /// The place of the first part of the join at `place`, among those of its level. The others
    /// follow it without a gap.
    pub fn first_part(self, place: JoinPlace) -> u32 {
        place.index.saturating_mul(self.arity_at(place.level).get())
    }

    /// Whether a join of so many parts can be at `place`.
    ///
    /// # Errors
    /// [`ProveError::NoSuchJoin`] if not.
    pub fn check(self, place: JoinPlace, parts: usize) -> Result<(), ProveError> {
        let refuse = |reason| Err(ProveError::NoSuchJoin { place, reason });
        let arity = self.arity_at(place.level).get();
        if place.is_top && place.index > 0 {
            return refuse("the last join is the only one of its level".to_owned());
        }
        if place.is_top && place.level.saturating_add(1) < self.levels_min {
            return refuse(format!("there are {} levels at least", self.levels_min));
        }
        match u32::try_from(parts) {
            Ok(0) => refuse("it has no parts".to_owned()),
            Ok(parts) if parts <= arity => Ok(()),
            _ => refuse(format!("it has {parts} parts, {arity} are the most")),
        }
    }

    /// Does the joins of a whole tree one after the other: `join` makes each from its parts.
    /// The result of the last.
    ///
    /// # Errors
    /// The first of `join`. Without any proof the last join is asked for at once, with no parts.
    pub fn fold<E>(
        self,
        mut parts: Vec<Bytes>,
        mut join: impl FnMut(JoinPlace, &[Bytes]) -> Result<Bytes, E>,
    ) -> Result<Bytes, E> {
        let mut level = 0;
        loop {
            let arity = usize::try_from(self.arity_at(level).get()).unwrap_or(usize::MAX);
            if parts.len() <= arity && level.saturating_add(1) >= self.levels_min {
                return join(JoinPlace { level, index: 0, is_top: true }, &parts);
            }
            let joined = (0..).zip(parts.chunks(arity));
            let joined =
                joined.map(|(index, parts)| join(JoinPlace { level, index, is_top: false }, parts));
            parts = joined.collect::<Result<_, _>>()?;
            level += 1;
        }
    }
}

/// Where a join is in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JoinPlace {
    /// How far from the segments: 0 joins their proofs.
    pub level: u8,
    /// Its place among the joins of its level, from 0.
    pub index: u32,
    /// Whether it is the last: its result is the proof in its envelope, all others' are parts
    /// that only another join can use.
    pub is_top: bool,
}
