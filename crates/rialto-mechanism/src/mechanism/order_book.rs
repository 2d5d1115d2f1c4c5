//! **Order book with ratings** (=nil; Proof Market; M4). Producers ask, requesters bid, and whoever asks least, weighed by
//! what it kept of its promises, has the job.
//!
//! *Rule.* A producer asks: a price, and a time from when it has a job; up to `asks` of its asks stand at once. A new
//! job is matched at once with the asks that its price and deadline allow: the lowest price has it, divided by the producer's
//! record; of equal ones the faster, then the older. A job that finds no ask waits for the next one that fits. An
//! ask is used up by its job.
//!
//! *Pay.* The ask, less a `commission` of it and at least `commission_least`.
//!
//! *Resale.* A proof that a producer delivered is for sale again for `kept`, to whoever wants the same: a requester whose
//! job nobody has takes it for `price` of what it was sold for first. The venue has its commission of that, the first
//! requester `first` of it, the producer the rest, each but the last rounded down. That both want the same is for the
//! requester who takes it to say: nobody else would lose by it. Without `resale` every job is a statement of its own.
//!
//! *Failure.* An invalid proof costs `fine` times the commission, out of the deposit, which is burned; so a producer's deposit
//! must cover that for all that it asks and holds. A late one costs nothing but its record: it moves one part in `memory` with
//! every job, begins at `record_first`, and below `record_least` nothing is heard of the producer any more.
//! Either way the job goes back to the book; with `capped` to nobody dearer than before.
//!
//! *Source.* =nil; Foundation's economics document and its toolchain. Confidence B. How ratings weigh was
//! not published: the division here is ours, as is `capped`. Of resale it says that venue, producer and first requester
//! share what is paid, and neither how nor of what price: both are ours, and so is the fair share. With n resales to be expected at a
//! part q of the first price, being first costs no more than being second if the first has (1 - q) / (n q) of each.
//!
//! *Attacks.* A second account asks dearer: the first takes the job, is late for free and the second gets it (without
//! `capped`). A bad record is left behind with the account; only the deposit binds. Asks that stand are a free
//! option for requesters when prices move. An owner buys a record by serving itself for the commission.
//! Below the fair share of resales whoever wants a proof waits for another to be the first, who pays for all.

use crate::{
    About, Account, Allocation, Amount, Bps, Case, Confidence, Contradiction, Desk, Duty, Forfeit,
    Job, JobId, Mechanism, Message, Outcome, Party, Position, Preset, Proof, Records, Refusal,
    Risks, Ruling, Span, SplitGain, Time, Why,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The rule with its parameters, and both sides of the book.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderBook {
    rules: Rules,
    /// In the order in which they were made.
    asks: BTreeMap<u64, Ask>,
    next_ask: u64,
    waiting: BTreeSet<JobId>,
    /// The fines that a producer's asks and jobs may cost, all together.
    promised: BTreeMap<Party, Amount>,
    records: Records,
    /// Proofs that are for sale again, by the job they were made for.
    proofs: BTreeMap<JobId, Sold>,
    /// Their numbers, the oldest first.
    kept: VecDeque<JobId>,
}

/// Parameters of an [`OrderBook`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How many asks of one producer stand at once.
    pub asks: u32,
    /// The venue's share of a price, rounded down.
    pub commission: Bps,
    /// The least that it takes.
    pub commission_least: Amount,
    /// What an invalid proof costs, in commissions.
    pub fine: u32,
    /// The record that a producer begins with.
    pub record_first: Bps,
    /// The record below which it is not heard.
    pub record_least: Bps,
    /// How slowly a record moves.
    pub memory: u32,
    /// Whether a job that failed may cost no more than before.
    pub capped: bool,
    /// After how long a deposit comes back.
    pub exit: Span,
    /// How proofs are sold again, if they are.
    pub resale: Option<Resale>,
}

/// How a proof is sold to others who want the same.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resale {
    /// For how long after its delivery.
    pub kept: Span,
    /// What it costs then, of what it was sold for first.
    pub price: Bps,
    /// The first requester's share of that.
    pub first: Bps,
}

/// A proof that was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Sold {
    requester: Party,
    producer: Party,
    price: Amount,
    until: Time,
}

/// What a producer asks for a job.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Ask {
    party: Party,
    price: Amount,
    within: Span,
}

/// What is remembered of a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Match {
    /// Who has it and what that promises in fines.
    held: Option<(Party, Amount)>,
    /// What it cost the last time.
    price: Option<Amount>,
}

const ABOUT: About = About {
    name: "order-book",
    family: "M4",
    confidence: Confidence::Documents,
    split_gain: SplitGain::Neutral,
    presets: &[
        Preset {
            name: "nil",
            rules: r#"
                asks = 10
                commission = 50
                commission_least = 1
                fine = 10
                # The records are ours.
                record_first = 8000
                record_least = 2000
                memory = 10
                capped = false
                exit = "1 h"
            "#,
        },
        Preset {
            name: "capped",
            rules: r#"
                asks = 10
                commission = 50
                commission_least = 1
                fine = 10
                record_first = 8000
                record_least = 2000
                memory = 10
                capped = true
                exit = "1 h"
            "#,
        },
        Preset {
            name: "resale",
            rules: r#"
                asks = 10
                commission = 50
                commission_least = 1
                fine = 10
                record_first = 8000
                record_least = 2000
                memory = 10
                capped = false
                exit = "1 h"
                # Fair where four more want the same.
                resale = { kept = "7 d", price = 5000, first = 2500 }
            "#,
        },
    ],
    file: include_str!("order_book.rs"),
};

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        Contradiction::unless(self.asks > 0, "asks", "must be one or more")?;
        Contradiction::if_no_share(self.commission, "commission")?;
        let known = self.record_first > Bps(0) && self.record_first <= Bps::ALL;
        Contradiction::unless(known, "record_first", "is a share: from 1 to 10000")?;
        let heard = self.record_least <= self.record_first;
        Contradiction::unless(heard, "record_least", "may be at most record_first")?;
        Contradiction::unless(self.memory > 0, "memory", "must be one or more")?;
        self.resale.map_or(Ok(()), |resale| resale.check(self.commission))
    }
}

impl Resale {
    fn check(&self, commission: Bps) -> Result<(), Contradiction> {
        let kept = self.kept > Span::ZERO;
        Contradiction::unless(kept, "resale.kept", "must be more than nothing")?;
        let priced = self.price > Bps(0) && self.price <= Bps::ALL;
        Contradiction::unless(priced, "resale.price", "is a share: from 1 to 10000")?;
        let shared = u64::from(self.first.0) + u64::from(commission.0) <= Bps::ALL.0.into();
        Contradiction::unless(
            shared,
            "resale.first",
            "and commission must be 10000 together at most",
        )
    }
}

impl Mechanism for OrderBook {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Match;

    fn new(rules: Rules) -> Self {
        let records = Records::new(rules.record_first, rules.memory);
        let (asks, waiting, promised) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        let (proofs, kept) = (BTreeMap::new(), VecDeque::new());
        Self { rules, asks, next_ask: 0, waiting, promised, records, proofs, kept }
    }

    fn join(&mut self, _: &mut Desk<Match>, _: Party, _: &Position) -> Ruling {
        Ok(())
    }

    fn leave(&mut self, _: &mut Desk<Match>, party: Party) -> Span {
        for (_, ask) in self.asks.extract_if(.., |_, ask| ask.party == party) {
            let fine = fine(&self.rules, ask.price);
            keep_less(&mut self.promised, party, fine);
        }
        self.rules.exit
    }

    fn open(&mut self, case: &mut Case<'_, Match>) {
        self.find(case);
    }

    fn hear_at_large(&mut self, desk: &mut Desk<Match>, from: Party, said: &Message) -> Ruling {
        let Message::Ask { price, within } = *said else { return Err(Refusal::NotUnderstood) };
        let member = desk.member(from).ok_or(Refusal::NotAMember)?;
        if let Some(until) = member.leaving {
            return Err(Refusal::Leaving { until });
        }
        let (wanted, held) = (self.rules.record_least, self.records.of(from));
        if held < wanted {
            return Err(Refusal::RecordTooPoor { wanted, held });
        }
        let standing = self.asks.values().filter(|ask| ask.party == from).count();
        if standing >= self.rules.asks as usize {
            return Err(Refusal::Full { limit: self.rules.asks });
        }
        let promised = self.promised.get(&from).copied().unwrap_or_default();
        let wanted = promised.saturating_add(fine(&self.rules, price));
        if desk.stake(from) < wanted {
            return Err(Refusal::StakeTooSmall { wanted });
        }
        self.promised.insert(from, wanted);
        self.asks.insert(self.next_ask, Ask { party: from, price, within });
        self.next_ask += 1;
        for job in self.waiting.clone() {
            if desk.visit(job, |case| self.find(case)) == Some(true) {
                break;
            }
        }
        Ok(())
    }

    fn hear(&mut self, case: &mut Case<'_, Match>, from: Party, said: &Message) -> Ruling {
        let (Message::Take { proof_of }, Some(resale)) = (*said, self.rules.resale) else {
            return Err(Refusal::NotUnderstood);
        };
        if from != case.spec().requester {
            return Err(Refusal::NotTheRequester);
        }
        case.still_collecting()?;
        let sold = self.proofs.get(&proof_of).filter(|sold| case.now() <= sold.until);
        self.sell_again(case, resale, sold.ok_or(Refusal::NotForSale)?)
    }

    fn deliver(&mut self, case: &mut Case<'_, Match>, by: Party, proof: &Proof) -> Ruling {
        if proof.valid {
            return case.deliver(by, proof);
        }
        case.fail(by)?;
        self.match_again(case);
        Ok(())
    }

    fn lapsed(&mut self, case: &mut Case<'_, Match>) {
        self.match_again(case);
    }

    fn settled(&mut self, desk: &mut Desk<Match>, job: &Job<Match>) {
        self.waiting.remove(&job.id);
        let Some((producer, fine)) = job.mark.held else { return };
        keep_less(&mut self.promised, producer, fine);
        let delivered = job.holders().iter().any(|it| it.duty == Duty::Delivered);
        self.records.note(producer, delivered);
        if let (true, Some(resale), Some(price)) = (delivered, self.rules.resale, job.mark.price) {
            self.forget(desk.now());
            let (requester, until) = (job.spec.requester, desk.now() + resale.kept);
            self.proofs.insert(job.id, Sold { requester, producer, price, until });
            self.kept.push_back(job.id);
        }
    }
}

impl OrderBook {
    /// Matches a job with the best ask that fits; otherwise it waits. Says whether it was matched.
    fn find(&mut self, case: &mut Case<'_, Match>) -> bool {
        let (now, spec) = (case.now(), case.spec());
        let most = case.job.mark.price.filter(|_| self.rules.capped).unwrap_or(spec.max_pay);
        let fits = |ask: &Ask| {
            let heard = self.records.of(ask.party) >= self.rules.record_least;
            heard && ask.price <= most.min(spec.max_pay) && now + ask.within <= spec.deadline
        };
        let fitting = self.asks.iter().filter(|(_, ask)| fits(ask));
        let Some(number) = fitting.min_by_key(|(_, ask)| self.rank(ask)).map(|(number, _)| *number)
        else {
            self.waiting.insert(case.job.id);
            return false;
        };
        self.waiting.remove(&case.job.id);
        let Some(ask) = self.asks.remove(&number) else { return false };
        let fine = fine(&self.rules, ask.price);
        (case.job.mark.held, case.job.mark.price) = (Some((ask.party, fine)), Some(ask.price));
        let mut to_producer = Allocation::to(ask.party, ask.price, now + ask.within)
            .at_risk(fine, Risks::Stake)
            .forfeiting(Forfeit::default())
            .less_fee(self.rules.commission);
        to_producer.fee_least = self.rules.commission_least;
        to_producer.spares_late = true;
        case.allocate(to_producer);
        true
    }

    /// A requester takes a proof that another had made, and all who had a part in it are paid.
    fn sell_again(&self, case: &mut Case<'_, Match>, resale: Resale, sold: &Sold) -> Ruling {
        let wanted = sold.price.times_down(resale.price);
        if case.spec().max_pay < wanted {
            return Err(Refusal::PayTooLow { wanted });
        }
        let fee = commission(&self.rules, wanted).min(wanted);
        let first = wanted.times_down(resale.first).min(wanted - fee);
        case.levy(Account::Treasury, fee, Why::Fee);
        case.pay(sold.requester, first, Why::Resale);
        case.pay(sold.producer, wanted - fee - first, Why::Price);
        case.settle(Outcome::Proven);
        Ok(())
    }

    /// Proofs that were kept long enough are no longer for sale.
    fn forget(&mut self, now: Time) {
        while let Some(oldest) = self.kept.front()
            && self.proofs.get(oldest).is_none_or(|sold| sold.until < now)
        {
            self.proofs.remove(oldest);
            self.kept.pop_front();
        }
    }

    /// The lowest has the job: the price by the record, then the time. Of equal ones `min_by_key` keeps the first.
    fn rank(&self, ask: &Ask) -> (u128, Span) {
        let record = u128::from(self.records.of(ask.party).0.max(1));
        (ask.price.get() * u128::from(Bps::ALL.0) / record, ask.within)
    }

    /// The holder has failed, whichever way.
    fn match_again(&mut self, case: &mut Case<'_, Match>) {
        if let Some((party, fine)) = case.job.mark.held.take() {
            keep_less(&mut self.promised, party, fine);
            self.records.note(party, false);
        }
        if !self.find(case) {
            case.reopen();
        }
    }
}

/// What an invalid proof costs under an ask.
fn fine(rules: &Rules, price: Amount) -> Amount {
    commission(rules, price).scaled_down(rules.fine.into(), 1)
}

/// What the venue has of a price, if that reaches.
fn commission(rules: &Rules, price: Amount) -> Amount {
    price.times_down(rules.commission).max(rules.commission_least)
}

fn keep_less(promised: &mut BTreeMap<Party, Amount>, party: Party, fine: Amount) {
    let left = promised.remove(&party).unwrap_or_default().saturating_sub(fine);
    if left != Amount::ZERO {
        promised.insert(party, left);
    }
}

#[cfg(test)]
mod tests;
