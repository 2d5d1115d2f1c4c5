//! The randomness that an Ethereum block carries: the mix of what all proposers so far have revealed, in the
//! header field `mixHash`.
//!
//! A proposer can skip its slot, and so drop its own reveal from the mix, at the price of a block's reward. Revealers at
//! the end see both outcomes and pick; [`super::bias`] says what that is worth. An epoch between freeze and block
//! makes it unlikely that whoever closed the set also holds the last slots; it does not prevent it. The block that
//! counts does not depend on its own proposer: `prevrandao` has the reveals of its ancestors only, and the
//! next block after a skipped slot carries the same.
//!
//! Evidence is the header of that block and of its parent. That the block's hash is the chain's is a fact that the caller
//! knows; everything else follows from the hash.

use super::Rejected;
use crate::mechanism::Contradiction;
use crate::{Span, Time};
use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::Header;
use serde::{Deserialize, Serialize};

#[cfg(test)]
pub(super) mod tests;

/// How long a proposer has; a block that comes later is as good as none.
pub const SLOT: Span = Span::s(12);

/// 32 slots: how far ahead proposers are known.
pub const EPOCH: Span = Span::s(32 * 12);

/// Uses the first block after a freeze and a lag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    lag: Span,
}

/// The block that counts, with what shows that none before it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstBlock {
    /// Its hash, from the chain that the caller follows.
    pub hash: B256,
    /// Its header in RLP.
    pub header: Bytes,
    /// The header of its parent in RLP.
    pub parent: Bytes,
}

struct Head {
    parent: B256,
    at: Time,
    prevrandao: B256,
}

impl Blocks {
    /// Blocks from `lag` after the freeze on.
    ///
    /// # Errors
    /// `lag` is shorter than [`EPOCH`]: proposers are known an epoch ahead, so whoever freezes a set could
    /// choose the moment by who will reveal.
    pub fn new(lag: Span) -> Result<Self, Contradiction> {
        let long = lag >= EPOCH;
        Contradiction::unless(
            long,
            "lag",
            &format!("is {lag}; at least an epoch, {EPOCH}, is needed"),
        )?;
        Ok(Self { lag })
    }

    /// What passes at least between a freeze and the block that counts.
    pub fn lag(&self) -> Span {
        self.lag
    }

    /// The mix in the first block of `from` or later, and the block's time.
    ///
    /// # Errors
    /// The headers are not those that the hash names, or another block is the first.
    pub fn verify(&self, block: &FirstBlock, from: Time) -> Result<(B256, Time), Rejected> {
        let head = Head::read(&block.header, block.hash, "the block")?;
        let parent = Head::read(&block.parent, head.parent, "its parent")?;
        if head.at < from {
            return Err(Rejected::BlockTooEarly { given: head.at, from });
        }
        if parent.at >= from {
            return Err(Rejected::NotTheFirst { parent: parent.at, from });
        }
        Ok((head.prevrandao, head.at))
    }
}

impl Head {
    fn read(rlp: &[u8], hash: B256, what: &'static str) -> Result<Self, Rejected> {
        let given = keccak256(rlp);
        if given != hash {
            return Err(Rejected::OtherHash { what, given, wanted: hash });
        }
        Self::parse(rlp).ok_or(Rejected::NotAHeader { what })
    }

    /// The fields of a header by their place; fields that later forks append are left aside.
    fn parse(mut rlp: &[u8]) -> Option<Self> {
        let mut list = Header::decode_bytes(&mut rlp, true).ok()?;
        let mut fields = Vec::new();
        while !list.is_empty() {
            fields.push(Header::decode_bytes(&mut list, false).ok()?);
        }
        let [parent, _, _, _, _, _, _, difficulty, _, _, _, seconds, _, mix, ..] = fields[..]
        else {
            return None;
        };
        // Under proof of work the field was part of the work, which a miner could choose.
        let is_mix = difficulty.is_empty();
        let mut padded = [0; 8];
        padded.get_mut(8usize.checked_sub(seconds.len())?..)?.copy_from_slice(seconds);
        let at = Time(u64::from_be_bytes(padded).checked_mul(1_000)?);
        let (parent, prevrandao) = (parent.try_into().ok()?, mix.try_into().ok()?);
        is_mix.then_some(Self { parent, at, prevrandao })
    }
}
