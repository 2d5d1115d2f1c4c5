//! What goes wrong, under a seed. The same seed, call and time meet the same fault.

use alloy::primitives::{B256, keccak256};
use std::time::Duration;

/// How often what goes wrong, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// From which every choice follows.
    pub seed: u64,
    /// Requests to the endpoint that never get an answer, half of them after they took effect.
    pub timeouts: u32,
    /// Requests refused with status 429.
    pub rate_limits: u32,
    /// Requests answered with an internal error, half of them after they took effect.
    pub errors: u32,
    /// Answers that come up to three seconds late, so that they overtake each other.
    pub slow: u32,
    /// Answers by a node that is one to three blocks behind.
    pub stale: u32,
    /// Receipts that are not found although their transaction was mined.
    pub receipts_missing: u32,
    /// Transactions that the network loses after the endpoint took them.
    pub dropped: u32,
    /// Transactions that wait up to eight blocks in the mempool.
    pub late: u32,
    /// Replaced transactions that are included all the same, in place of their replacement.
    pub stubborn: u32,
    /// Blocks at which the chain switches to a fork that is one to three blocks old.
    pub reorgs: u32,
    /// Of the transactions in abandoned blocks, those that do not come back by themselves.
    pub lost_in_reorg: u32,
}

/// What befalls one request to the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// It gets no answer.
    TimeOut {
        /// Though it took effect.
        processed: bool,
    },
    /// It is refused with status 429.
    RateLimit,
    /// It is answered with an internal error.
    Error {
        /// Though it took effect.
        processed: bool,
    },
    /// Its answer comes so much later.
    Slow(Duration),
    /// It is answered by a node that is so many blocks behind.
    Stale {
        /// How many.
        blocks: u64,
    },
}

/// What befalls one transaction on its way to a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing.
    Land,
    /// It waits in the mempool.
    Late {
        /// For so many blocks.
        blocks: u64,
    },
    /// The network loses it.
    Drop,
}

/// A stream of numbers that follows from a seed and a name.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The stream of `seed` for what `name` names.
    pub fn new(seed: u64, name: &[u8]) -> Self {
        let digest = keccak256([seed.to_be_bytes().as_slice(), name].concat());
        let mut word = [0; 8];
        word.copy_from_slice(&digest[..8]);
        Self(u64::from_be_bytes(word))
    }

    /// The next number (SplitMix64).
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The next number below `end`, which must not be zero.
    pub fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    /// True in so many of a thousand cases.
    pub fn permille(&mut self, chance: u32) -> bool {
        self.below(1_000) < u64::from(chance)
    }
}

impl Faults {
    /// Everything goes wrong now and then: 30 % of all transactions are dropped or late.
    pub fn stormy(seed: u64) -> Self {
        Self {
            seed,
            timeouts: 10,
            rate_limits: 30,
            errors: 30,
            slow: 50,
            stale: 50,
            receipts_missing: 100,
            dropped: 150,
            late: 150,
            stubborn: 300,
            reorgs: 60,
            lost_in_reorg: 300,
        }
    }

    /// What befalls the `nth` request for `method` at `now_ms`.
    pub fn trouble(&self, method: &str, now_ms: u64, nth: u64) -> Trouble {
        let name = format!("{method} {now_ms} {nth}");
        let mut dice = Dice::new(self.seed, name.as_bytes());
        let processed = dice.roll() & 1 == 0;
        match () {
            () if dice.permille(self.timeouts) => Trouble::TimeOut { processed },
            () if dice.permille(self.rate_limits) => Trouble::RateLimit,
            () if dice.permille(self.errors) => Trouble::Error { processed },
            () if dice.permille(self.slow) => {
                Trouble::Slow(Duration::from_millis(50 + dice.below(2_950)))
            }
            () if dice.permille(self.stale) => Trouble::Stale { blocks: 1 + dice.below(3) },
            () => Trouble::None,
        }
    }

    /// Whether the endpoint does not find the receipt of a mined transaction at `now_ms`.
    pub fn hides_receipt(&self, hash: B256, now_ms: u64) -> bool {
        let name = [hash.as_slice(), &(now_ms / 1_000).to_be_bytes()].concat();
        Dice::new(self.seed, &name).permille(self.receipts_missing)
    }

    /// What befalls a transaction that has come to the mempool so many times.
    pub fn fate(&self, hash: B256, times_seen: u64) -> Fate {
        let name = [hash.as_slice(), &times_seen.to_be_bytes(), b"fate"].concat();
        let mut dice = Dice::new(self.seed, &name);
        match () {
            () if dice.permille(self.dropped) => Fate::Drop,
            () if dice.permille(self.late) => Fate::Late { blocks: 1 + dice.below(8) },
            () => Fate::Land,
        }
    }

    /// Blocks after which a replaced transaction is included all the same, if it is.
    pub fn stubbornness(&self, hash: B256) -> Option<u64> {
        let mut dice = Dice::new(self.seed, &[hash.as_slice(), b"stubborn"].concat());
        dice.permille(self.stubborn).then(|| dice.below(4))
    }

    /// How many blocks the chain takes back before it makes block `number` for the `nth` time.
    pub fn reorg(&self, number: u64, nth: u64) -> u64 {
        let name = [number.to_be_bytes(), nth.to_be_bytes()].concat();
        let mut dice = Dice::new(self.seed, &[&name, b"reorg".as_slice()].concat());
        if dice.permille(self.reorgs) { 1 + dice.below(3) } else { 0 }
    }

    /// Whether a transaction that the `nth` reorg takes out does not come back by itself.
    pub fn loses(&self, hash: B256, nth: u64) -> bool {
        let name = [hash.as_slice(), &nth.to_be_bytes(), b"lost"].concat();
        Dice::new(self.seed, &name).permille(self.lost_in_reorg)
    }
}
