//! What to bid for inclusion (EIP-1559), and how much more when a bid stalls.

use std::time::Duration;

/// How a bid follows from what others pay. It may change while a sender runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bidding {
    /// What a bid covers of the newest base fee, in percent. The base fee rises by at most an eighth
    /// per block, so 200 covers five full blocks.
    pub base_fee_percent: u64,
    /// Which of recent tips is taken as usual, in hundredths of a percent.
    pub tip_percentile: u16,
    /// What is bid of the usual tip, in percent.
    pub tip_percent: u64,
    /// What each transaction that waits already adds to the tip, in percent.
    pub waiting_percent: u64,
    /// Least tip in wei per gas.
    pub tip_min_wei: u128,
    /// For how long the chain may go on without a transaction whose bid it would take, until it is
    /// bid for anew. One that is bid too low is bid for anew at once.
    pub patience: Duration,
}

impl Default for Bidding {
    fn default() -> Self {
        Self {
            base_fee_percent: 200,
            tip_percentile: 5_000,
            tip_percent: 100,
            waiting_percent: 0,
            tip_min_wei: 1_000_000,
            patience: Duration::ZERO,
        }
    }
}

impl Bidding {
    /// What a gas is bid for, in wei, where the base fee is `base_wei` and `tip_wei` the usual tip.
    pub fn price_wei(&self, base_wei: u128, tip_wei: u128) -> u128 {
        percent(base_wei, self.base_fee_percent).saturating_add(self.tip_wei(tip_wei, 0))
    }

    fn tip_wei(&self, usual_wei: u128, waiting: usize) -> u128 {
        let waiting = u64::try_from(waiting).unwrap_or(u64::MAX);
        let more = self.waiting_percent.saturating_mul(waiting);
        let tip = percent(percent(usual_wei, self.tip_percent), more.saturating_add(100));
        tip.max(self.tip_min_wei)
    }
}

fn percent(wei: u128, percent: u64) -> u128 {
    wei.saturating_mul(percent.into()) / 100
}

/// A bid in wei per gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fees {
    /// Most that is paid, tip included.
    pub(super) max_wei: u128,
    /// What the block's maker gets.
    pub(super) tip_wei: u128,
}

/// What others pay, in wei per gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FeeMarket {
    /// Base fee of the newest block.
    pub(super) base_wei: u128,
    /// Tip that has been usual.
    pub(super) tip_wei: u128,
}

/// The bounds that the account's owner set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FeeLimits {
    /// How a bid follows from what others pay.
    pub(super) bidding: Bidding,
    /// Transactions that wait already.
    pub(super) waiting: usize,
    /// Highest bid.
    pub(super) max_wei: u128,
}

/// A node takes a replacement only for a markedly higher bid; an eighth satisfies all of them.
const REPLACEMENT_DIVISOR: u128 = 8;

impl FeeMarket {
    /// A first bid with `extra_wei` on top of the usual tip.
    pub(super) fn bid(&self, extra_wei: u128, limits: &FeeLimits) -> Fees {
        let FeeLimits { bidding, waiting, .. } = limits;
        let tip = bidding.tip_wei(self.tip_wei, *waiting).saturating_add(extra_wei);
        let max = percent(self.base_wei, bidding.base_fee_percent).saturating_add(tip);
        let max = max.min(limits.max_wei);
        Fees { max_wei: max, tip_wei: tip.min(max) }
    }

    /// A bid that replaces `old`, or `None` if the limit does not leave room for one.
    pub(super) fn outbid(&self, old: Fees, extra_wei: u128, limits: &FeeLimits) -> Option<Fees> {
        let least = Fees { max_wei: raised_up(old.max_wei), tip_wei: raised_up(old.tip_wei) };
        if least.max_wei > limits.max_wei || least.tip_wei > limits.max_wei {
            return None;
        }
        let fresh = self.bid(extra_wei, limits);
        let tip_wei = least.tip_wei.max(fresh.tip_wei);
        let max_wei = least.max_wei.max(fresh.max_wei).max(tip_wei);
        Some(Fees { max_wei, tip_wei })
    }

    /// Whether a bid would not be taken into a block of today.
    pub(super) fn is_above(&self, bid: Fees) -> bool {
        bid.max_wei < self.base_wei.saturating_add(bid.tip_wei.min(self.tip_wei))
    }
}

fn raised_up(wei: u128) -> u128 {
    wei.saturating_add(wei.div_ceil(REPLACEMENT_DIVISOR)).max(wei.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BIDDING: Bidding = Bidding {
        base_fee_percent: 200,
        tip_percentile: 5_000,
        tip_percent: 100,
        waiting_percent: 0,
        tip_min_wei: 5,
        patience: Duration::ZERO,
    };
    const LIMITS: FeeLimits = FeeLimits { bidding: BIDDING, waiting: 0, max_wei: 10_000 };

    #[test]
    fn a_bid_follows_the_owners_rule() {
        let market = FeeMarket { base_wei: 100, tip_wei: 40 };
        let rule =
            Bidding { base_fee_percent: 150, tip_percent: 50, waiting_percent: 10, ..BIDDING };
        let waiting = |waiting| FeeLimits { bidding: rule, waiting, max_wei: 10_000 };
        assert_eq!(market.bid(0, &waiting(0)), Fees { max_wei: 170, tip_wei: 20 });
        assert_eq!(market.bid(0, &waiting(5)), Fees { max_wei: 180, tip_wei: 30 });
        assert_eq!(rule.price_wei(100, 40), 170);
        assert_eq!(rule.price_wei(100, 0), 155, "the least tip");
    }

    #[test]
    fn a_first_bid_covers_a_rising_base_fee_within_the_limit() {
        let quiet = FeeMarket { base_wei: 100, tip_wei: 2 };
        assert_eq!(quiet.bid(0, &LIMITS), Fees { max_wei: 205, tip_wei: 5 });
        assert_eq!(quiet.bid(40, &LIMITS), Fees { max_wei: 245, tip_wei: 45 });
        let busy = FeeMarket { base_wei: 9_000, tip_wei: 900 };
        assert_eq!(busy.bid(0, &LIMITS), Fees { max_wei: 10_000, tip_wei: 900 });
    }

    #[test]
    fn a_bid_at_the_limit_is_not_raised() {
        let market = FeeMarket { base_wei: 9_000, tip_wei: 900 };
        let old = Fees { max_wei: 9_000, tip_wei: 900 };
        assert_eq!(market.outbid(old, 0, &LIMITS), None);
        let room = Fees { max_wei: 8_800, tip_wei: 900 };
        assert_eq!(market.outbid(room, 0, &LIMITS), Some(Fees { max_wei: 10_000, tip_wei: 1_013 }));
    }

    proptest! {
        #[test]
        fn a_replacement_raises_both_fees_by_an_eighth(
            base in 0u128..5_000, tip in 0u128..500, old_max in 1u128..12_000, old_tip in 0u128..500,
        ) {
            let market = FeeMarket { base_wei: base, tip_wei: tip };
            let old = Fees { max_wei: old_max.max(old_tip), tip_wei: old_tip };
            if let Some(new) = market.outbid(old, 0, &LIMITS) {
                prop_assert!(8 * new.max_wei >= 9 * old.max_wei && new.max_wei > old.max_wei);
                prop_assert!(8 * new.tip_wei >= 9 * old.tip_wei && new.tip_wei > old.tip_wei);
                prop_assert!(new.tip_wei <= new.max_wei && new.max_wei <= LIMITS.max_wei);
            }
        }
    }
}
