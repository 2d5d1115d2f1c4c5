//! The graph of a job's tasks, as arithmetic: nobody has to store its edges.

use std::num::NonZeroU32;
use std::ops::Range;

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Work {
    /// Runs the program without proving and finds the segments.
    Execute,
    /// Proves one segment.
    Prove {
        /// Its place in the execution, from 0.
        segment: u32,
    },
    /// Makes one proof of several neighbours': of segments' at level 0, else of the level below.
    Join {
        /// How far from the segments.
        level: u8,
        /// Its place among those of its level, from 0.
        index: u32,
    },
    /// Verifies the proof that came out, and that it says what the execution said.
    Verify,
}

/// The kind of a task, without its place: what durations are learned by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// See [`Work::Execute`].
    Execute,
    /// See [`Work::Prove`].
    Prove,
    /// See [`Work::Join`]; joins differ by level.
    Join(u8),
    /// See [`Work::Verify`].
    Verify,
}

impl Work {
    /// Its kind.
    pub fn stage(self) -> Stage {
        match self {
            Self::Execute => Stage::Execute,
            Self::Prove { .. } => Stage::Prove,
            Self::Join { level, .. } => Stage::Join(level),
            Self::Verify => Stage::Verify,
        }
    }
}

/// How a proof system makes one proof of those of all segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    leaf_arity: NonZeroU32,
    arity: u32,
    levels_min: u8,
}

impl Shape {
    /// One join takes the proofs of all segments, however many there are.
    pub const FLAT: Self = Self { leaf_arity: NonZeroU32::MAX, arity: 2, levels_min: 1 };

    /// A tree: at level 0 a join takes up to `leaf_arity` segments' proofs, above up to `arity` joins', until one
    /// is left and there are `levels_min` levels at least (a proof system may need a few for its last proof to have the
    /// form of all others). Nothing for an arity below 2 or without a level.
    pub fn tree(leaf_arity: NonZeroU32, arity: u32, levels_min: u8) -> Option<Self> {
        (arity >= 2 && levels_min >= 1).then_some(Self { leaf_arity, arity, levels_min })
    }

    /// How many joins each level has, from level 0 up; the last has one.
    pub fn levels(self, segments: NonZeroU32) -> impl Iterator<Item = u32> {
        let first = segments.get().div_ceil(self.leaf_arity.get());
        let mut next = Some((0, first));
        std::iter::from_fn(move || {
            let (level, width) = next?;
            let is_last = width == 1 && level + 1 >= self.levels_min;
            next = (!is_last).then(|| (level + 1, width.div_ceil(self.arity)));
            Some(width)
        })
    }

    /// Every join and the verification: what there is to do beside execution and segments, in an order in which
    /// each comes after what it waits for.
    pub fn upper(self, segments: NonZeroU32) -> impl Iterator<Item = Work> {
        let joins = (0..)
            .zip(self.levels(segments))
            .flat_map(|(level, width)| (0..width).map(move |index| Work::Join { level, index }));
        joins.chain([Work::Verify])
    }

    /// Who waits for `work`, once it is known how many segments there are. An execution has nobody: its
    /// segments are made by what it says.
    pub fn parent(self, work: Work, segments: NonZeroU32) -> Option<Work> {
        match work {
            Work::Execute | Work::Verify => None,
            Work::Prove { segment } => {
                Some(Work::Join { level: 0, index: segment / self.leaf_arity.get() })
            }
            Work::Join { level, .. } if self.is_top(level, segments) => Some(Work::Verify),
            Work::Join { level, index } => {
                Some(Work::Join { level: level + 1, index: index / self.arity })
            }
        }
    }

    /// What `work` waits for, in the order in which it takes their results: places of the segments for level 0,
    /// of the joins of the level below above that, and the last join's for the verification. The stage is that of those
    /// places.
    pub fn children(self, work: Work, segments: NonZeroU32) -> Option<(Stage, Range<u32>)> {
        let part = |index: u32, arity: u32, of: u32| {
            let from = index.saturating_mul(arity).min(of);
            from..from.saturating_add(arity).min(of)
        };
        match work {
            Work::Execute | Work::Prove { .. } => None,
            Work::Join { level: 0, index } => {
                Some((Stage::Prove, part(index, self.leaf_arity.get(), segments.get())))
            }
            Work::Join { level, index } => {
                let below = self.levels(segments).nth(usize::from(level) - 1)?;
                Some((Stage::Join(level - 1), part(index, self.arity, below)))
            }
            Work::Verify => Some((Stage::Join(self.top(segments)), 0..1)),
        }
    }

    /// The level of the last join.
    pub fn top(self, segments: NonZeroU32) -> u8 {
        // Each level at least halves the width, so there are few.
        (self.levels(segments).count() - 1) as u8
    }

    fn is_top(self, level: u8, segments: NonZeroU32) -> bool {
        level == self.top(segments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use proptest::prelude::*;

    fn some(count: u32) -> NonZeroU32 {
        NonZeroU32::new(count).unwrap()
    }

    fn tree(leaf_arity: u32, arity: u32, levels_min: u8) -> Shape {
        Shape::tree(some(leaf_arity), arity, levels_min).unwrap()
    }

    #[test]
    fn the_levels_of_a_tree() {
        let rows: String = [
            ("flat, one segment", Shape::FLAT, 1),
            ("flat, many", Shape::FLAT, 50_000),
            ("pairs", tree(2, 2, 1), 5),
            ("one by one, then in threes, twice at least", tree(1, 3, 2), 1),
            ("one by one, then in threes, ten", tree(1, 3, 2), 10),
        ]
        .map(|(what, shape, segments)| {
            let levels: Vec<_> = shape.levels(some(segments)).collect();
            format!("{what}: {levels:?}\n")
        })
        .concat();
        expect![[r#"
            flat, one segment: [1]
            flat, many: [1]
            pairs: [3, 2, 1]
            one by one, then in threes, twice at least: [1, 1]
            one by one, then in threes, ten: [10, 4, 2, 1]
        "#]]
        .assert_eq(&rows);
        assert_eq!(Shape::tree(some(1), 1, 1), None, "it would never end");
        assert_eq!(Shape::tree(some(1), 2, 0), None, "nothing would come out");
    }

    proptest! {
        /// Parents and children say the same, every task but the verification is waited for by exactly one, and the
        /// verification, at the end of the list, waits for the last join.
        #[test]
        fn edges_are_the_same_from_both_ends(
            leaf_arity in 1u32..6, arity in 2u32..6, levels_min in 1u8..4, segments in 1u32..400,
        ) {
            let (shape, segments) = (tree(leaf_arity, arity, levels_min), some(segments));
            let proofs = (0..segments.get()).map(|segment| Work::Prove { segment });
            let all: Vec<_> = proofs.chain(shape.upper(segments)).collect();
            let mut waited_for = 0;
            for (place, work) in all.iter().enumerate() {
                let Some((stage, children)) = shape.children(*work, segments) else { continue };
                prop_assert!(!children.is_empty());
                for index in children {
                    let child = match stage {
                        Stage::Prove => Work::Prove { segment: index },
                        Stage::Join(level) => Work::Join { level, index },
                        stage => panic!("nothing waits for {stage:?}"),
                    };
                    prop_assert_eq!(shape.parent(child, segments), Some(*work));
                    let earlier = all.iter().position(|it| *it == child);
                    prop_assert!(earlier.is_some_and(|earlier| earlier < place));
                    waited_for += 1;
                }
            }
            prop_assert_eq!(waited_for, all.len() - 1);
            prop_assert_eq!(all.last(), Some(&Work::Verify));
        }
    }
}
