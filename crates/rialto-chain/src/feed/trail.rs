//! The way a feed has come: its last blocks, so that after a reorg it finds where the ways part.

use crate::{BlockNumber, BlockRef};
use serde::{Deserialize, Serialize};

/// The last blocks that a feed has read, oldest first, each an ancestor of the next. Persist it
/// together with what was made of the events, and a new feed continues there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trail {
    blocks: Vec<BlockRef>,
    /// Where to read on when no block is left.
    resume_after: Option<BlockNumber>,
}

impl Trail {
    /// The newest block that was read; all events up to here have been told.
    pub fn tip(&self) -> Option<BlockRef> {
        self.blocks.last().copied()
    }

    pub(super) fn starting_after(number: BlockNumber) -> Self {
        Self { blocks: Vec::new(), resume_after: Some(number) }
    }

    pub(super) fn oldest(&self) -> Option<BlockRef> {
        self.blocks.first().copied()
    }

    pub(super) fn read_up_to(&self) -> Option<BlockNumber> {
        self.tip().map(|tip| tip.number).or(self.resume_after)
    }

    /// The blocks up to that height.
    pub(super) fn up_to(&self, number: BlockNumber) -> &[BlockRef] {
        let end = self.blocks.partition_point(|block| block.number <= number);
        &self.blocks[..end]
    }

    /// Goes on to a descendant of the tip and forgets the oldest beyond `length_max`.
    pub(super) fn push(&mut self, block: BlockRef, length_max: usize) {
        assert!(self.tip().is_none_or(|tip| tip.number < block.number), "a trail leads upwards");
        self.blocks.push(block);
        let excess = self.blocks.len().saturating_sub(length_max.max(1));
        self.blocks.drain(..excess);
    }

    /// Goes back to one of its blocks.
    pub(super) fn rewind_to(&mut self, block: BlockRef) {
        let end = self.blocks.partition_point(|known| known.number <= block.number);
        self.blocks.truncate(end);
        assert_eq!(self.tip(), Some(block), "a trail goes back along itself");
    }
}
