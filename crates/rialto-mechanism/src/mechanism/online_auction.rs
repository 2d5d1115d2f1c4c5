//! **Online auction** (online-auction-reconstruction; M12c, as its target is told). Jobs and provers come and go; at each
//! tick the cheapest prover who is there has the highest-valued job that waits.
//!
//! *Rule.* A member with `collateral` at stake asks a price for a million cycles and says how long it is there, of
//! which `longest` counts; it asks once until that is over and done with. A job's value is what its requester pays at
//! most for a million cycles. Only jobs of a value of at least `reserve` are taken, and only asks of at most that. At each
//! multiple of `tick` since the log's origin, jobs that can wait no longer than `work` before their deadline and asks that are
//! still there are matched, the highest value to the lowest price, until one side is used up; of equal ones the earlier
//! comes first.
//!
//! *Pay.* A job pays the reserve for its cycles. Its prover is paid its critical price: the highest that it could have asked
//! and still have had some job in the time that it said. So what would have happened without it is followed until
//! that time is over. With its proof it is paid what is known by then, and the rest when that time is over. What lies between
//! and the reserve is burned, so there is never a deficit.
//!
//! *Failure.* A prover that misses `work` loses the `collateral`, which is burned, and the job waits again.
//!
//! *Source.* Brevis' paper is said to have a truthful online double auction that pays threshold values over a
//! window; its text could not be had. This rule is ours and has the property that is told of it, for provers and jobs of one
//! size. Confidence R, low: never cite it as the paper's algorithm.
//!
//! *Attacks.* Paid the price of the tick at which it wins, a prover would ask more to win at a later, dearer one, or come
//! late; paid the highest of its time, no lie about price, arrival or departure pays. Outside of that: jobs that differ in size
//! (who asks more may wait for a larger one), an owner of two names, of whom one sets the other's price,
//! and one who claims to be there longer than it is, whom the collateral deters. A requester pays the same whatever its
//! value, so whoever says more is served earlier for nothing; values are sincere only where all are served.

use crate::{
    About, Account, Allocation, Amount, Case, Confidence, Contradiction, Desk, Job, JobId, JobSpec,
    Mechanism, Message, Outcome, Party, Position, Preset, Proof, Refusal, Risks, Ruling, Span,
    SplitGain, Time, Why,
};
use rialto_protocol::Cycles;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// The rule with its parameters, and who waits for whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OnlineAuction {
    rules: Rules,
    waiting: BTreeSet<JobId>,
    /// By number, so in the order in which they were made.
    asks: BTreeMap<u64, Ask>,
    next_ask: u64,
}

/// Parameters of an [`OnlineAuction`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// How often jobs are given out.
    pub tick: Span,
    /// How long a prover has for its job.
    pub work: Span,
    /// The longest that an ask stands.
    pub longest: Span,
    /// What a job pays for a million cycles.
    pub reserve: Amount,
    /// What must be at stake, and is lost with a job.
    pub collateral: Amount,
    /// How long a stake stays after its owner wants it back.
    pub exit: Span,
}

/// A prover who is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Ask {
    party: Party,
    /// For a million cycles.
    price: Amount,
    until: Time,
    won: Option<Won>,
}

/// What a prover has won.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Won {
    job: JobId,
    cycles: Cycles,
    /// The highest price at which it would have won by now.
    critical: Amount,
    without: Without,
    /// What it has been paid for its proof.
    paid: Option<Amount>,
}

/// A job that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Wish {
    job: JobId,
    /// For a million cycles, rounded down.
    value: Amount,
    /// The last tick at which it can be given out.
    until: Time,
}

/// How those who wait would differ if a winner had never come. One prover fewer takes one job fewer, or another prover
/// takes it, who is then missing later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Without {
    /// Not at all.
    Same,
    /// This job would wait too.
    Waits(Wish),
    /// This ask would have had a job.
    Gone(u64),
}

/// Both sides of a tick, the first to be served first.
struct Tick {
    now: Time,
    wishes: Vec<Wish>,
    /// Numbers and prices.
    asks: Vec<(u64, Amount)>,
}

const ABOUT: About = About {
    name: "online-auction-reconstruction",
    family: "M12c",
    confidence: Confidence::Reconstruction,
    split_gain: SplitGain::Gain,
    presets: &[Preset {
        name: "ours",
        rules: r#"
            tick = "5 s"
            work = "5 min"
            longest = "10 min"
            reserve = 1500
            collateral = 1000
            exit = "7 d"
        "#,
    }],
    file: include_str!("online_auction.rs"),
};

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        Contradiction::if_zero(self.tick, "tick")?;
        Contradiction::if_zero(self.work, "work")?;
        let ticks = self.longest >= self.tick;
        Contradiction::unless(ticks, "longest", "must be at least the tick")?;
        Contradiction::if_zero(self.reserve, "reserve")?;
        Contradiction::if_zero(self.collateral, "collateral")
    }
}

impl Mechanism for OnlineAuction {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = ();

    fn new(rules: Rules) -> Self {
        Self { rules, waiting: BTreeSet::new(), asks: BTreeMap::new(), next_ask: 0 }
    }

    fn join(&mut self, _: &mut Desk<()>, _: Party, position: &Position) -> Ruling {
        position.backs(self.rules.collateral)
    }

    /// Who has won has to deliver all the same.
    fn leave(&mut self, _: &mut Desk<()>, party: Party) -> Span {
        self.asks.retain(|_, ask| ask.party != party || ask.won.is_some());
        self.rules.exit
    }

    fn admits(&self, desk: &Desk<()>, spec: &JobSpec) -> Ruling {
        spec.due_from(self.next_tick(desk.now()) + self.rules.work)?;
        let wanted = pay(self.rules.reserve, spec.cycles);
        if spec.max_pay < wanted { Err(Refusal::PayTooLow { wanted }) } else { Ok(()) }
    }

    fn open(&mut self, case: &mut Case<'_, ()>) {
        self.wait(case);
    }

    fn hear_at_large(&mut self, desk: &mut Desk<()>, from: Party, said: &Message) -> Ruling {
        let Message::Ask { price, within } = *said else { return Err(Refusal::NotUnderstood) };
        let (now, limit) = (desk.now(), self.rules.reserve);
        desk.check_member(from, self.rules.collateral)?;
        if price > limit {
            return Err(Refusal::PriceTooHigh { limit });
        }
        let stands = |ask: &Ask| ask.won.is_some() || now <= ask.until;
        if self.asks.values().any(|ask| ask.party == from && stands(ask)) {
            return Err(Refusal::AlreadyDone);
        }
        self.asks.retain(|_, ask| stands(ask));
        let until = now + within.min(self.rules.longest);
        self.asks.insert(self.next_ask, Ask { party: from, price, until, won: None });
        self.next_ask += 1;
        self.rouse(desk);
        Ok(())
    }

    fn woken(&mut self, desk: &mut Desk<()>) {
        let (tick, reserve) = (self.tick(desk), self.rules.reserve);
        let there = self.asks.values_mut().filter(|ask| tick.now <= ask.until);
        for won in there.filter_map(|ask| ask.won.as_mut()) {
            let (price, without) = tick.pass(won.without, reserve);
            (won.critical, won.without) = (won.critical.max(price), without);
        }
        for (wish, (number, _)) in tick.wishes.iter().zip(&tick.asks) {
            desk.visit(wish.job, |case| self.award(case, *number, &tick));
        }
        self.close(desk);
        self.rouse(desk);
    }

    fn deliver(&mut self, case: &mut Case<'_, ()>, by: Party, proof: &Proof) -> Ruling {
        case.may_deliver(by, proof)?;
        let (number, won) = self.winner_of(case.job.id).ok_or(Refusal::NotAHolder)?;
        let paid = pay(won.critical, won.cycles);
        won.paid = Some(paid);
        case.fulfil(by, paid);
        let rest = pay(self.rules.reserve, case.spec().cycles) - paid;
        if self.is_over(number, case.now()) {
            case.levy(Account::Burned, rest, Why::Fee);
            self.asks.remove(&number);
        } else {
            case.levy(Account::Pool, rest, Why::Pool);
        }
        case.settle(Outcome::Proven);
        Ok(())
    }

    fn lapsed(&mut self, case: &mut Case<'_, ()>) {
        if let Some((number, _)) = self.winner_of(case.job.id) {
            self.asks.remove(&number);
        }
        case.reopen();
        self.wait(case);
    }

    fn settled(&mut self, _: &mut Desk<()>, job: &Job<()>) {
        self.waiting.remove(&job.id);
    }
}

impl OnlineAuction {
    fn next_tick(&self, now: Time) -> Time {
        let tick = self.rules.tick.get();
        now + Span::ms(tick - now.0 % tick)
    }

    fn wait(&mut self, case: &mut Case<'_, ()>) {
        self.waiting.insert(case.job.id);
        self.rouse(case.desk);
    }

    /// A tick comes if it may give something out, or ends somebody's time.
    fn rouse(&self, desk: &mut Desk<()>) {
        let next = self.next_tick(desk.now());
        let some_wait = !self.waiting.is_empty();
        let has_part = |ask: &Ask| match &ask.won {
            None => some_wait && next <= ask.until,
            Some(_) => next <= ask.until,
        };
        if self.asks.values().any(has_part) {
            desk.wake_at(next);
        }
    }

    /// Who waits now. Jobs that can no longer be given out cease to.
    fn tick(&mut self, desk: &Desk<()>) -> Tick {
        let (now, work) = (desk.now(), self.rules.work);
        let wish = |job: &JobId| {
            let spec = &desk.job(*job)?.spec;
            let value = spec.max_pay.scaled_down(1_000_000, u128::from(spec.cycles.0.max(1)));
            Some(Wish { job: *job, value, until: spec.deadline - work })
        };
        let can_wait = |wish: &Wish| now <= wish.until;
        let mut wishes: Vec<_> = self.waiting.iter().filter_map(wish).filter(can_wait).collect();
        self.waiting = wishes.iter().map(|wish| wish.job).collect();
        wishes.sort_by_key(Wish::rank);
        let there = self.asks.iter().filter(|(_, ask)| ask.won.is_none() && now <= ask.until);
        let mut asks: Vec<_> = there.map(|(number, ask)| (*number, ask.price)).collect();
        asks.sort_by_key(|(number, price)| (*price, *number));
        Tick { now, wishes, asks }
    }

    fn award(&mut self, case: &mut Case<'_, ()>, number: u64, tick: &Tick) {
        let Some(ask) = self.asks.get_mut(&number) else { return };
        let (job, cycles) = (case.job.id, case.spec().cycles);
        // Without it, it is not there.
        let (critical, without) = tick.pass(Without::Gone(number), self.rules.reserve);
        ask.won = Some(Won { job, cycles, critical, without, paid: None });
        self.waiting.remove(&job);
        let (most, until) = (pay(self.rules.reserve, cycles), case.now() + self.rules.work);
        let to_winner = Allocation::to(ask.party, most, until);
        case.allocate(to_winner.at_risk(self.rules.collateral, Risks::Stake));
    }

    /// The ask that has a job which is not proven yet.
    fn winner_of(&mut self, job: JobId) -> Option<(u64, &mut Won)> {
        let mut winners =
            self.asks.iter_mut().filter_map(|(number, ask)| Some((*number, ask.won.as_mut()?)));
        winners.find(|(_, won)| won.job == job && won.paid.is_none())
    }

    /// Whether no tick comes in the time of an ask any more.
    fn is_over(&self, number: u64, now: Time) -> bool {
        self.asks.get(&number).is_none_or(|ask| ask.until < self.next_tick(now))
    }

    /// Pays the rest to those whose time is over and who have delivered, and forgets who has won nothing.
    fn close(&mut self, desk: &mut Desk<()>) {
        let next = self.next_tick(desk.now());
        let is_done = |ask: &Ask| ask.won.as_ref().is_none_or(|won| won.paid.is_some());
        for (_, ask) in self.asks.extract_if(.., |_, ask| ask.until < next && is_done(ask)) {
            let Some(Won { cycles, critical, paid: Some(paid), .. }) = ask.won else { continue };
            let (due, most) = (pay(critical, cycles), pay(self.rules.reserve, cycles));
            for (to, amount) in
                [(Account::Hand(ask.party), due - paid), (Account::Burned, most - due)]
            {
                desk.transfer(Account::Pool, to, amount).expect("it was put there with the proof");
            }
        }
    }
}

impl Wish {
    fn rank(&self) -> (Reverse<Amount>, JobId) {
        (Reverse(self.value), self.job)
    }
}

impl Tick {
    /// The market without a prover that has won passes this tick: up to which price it would have won here, and how
    /// those who wait differ after it.
    fn pass(&self, without: Without, reserve: Amount) -> (Amount, Without) {
        let jobs = self.wishes.len();
        let price = |place: usize| self.asks.get(place).map_or(reserve, |(_, price)| *price);
        match without {
            Without::Waits(wish) if self.now <= wish.until && !self.wishes.contains(&wish) => {
                (price(jobs), self.with(wish))
            }
            Without::Gone(number) => match self.asks.iter().position(|(other, _)| *other == number)
            {
                // It is served here, but was before without the winner: so the next one is.
                Some(place) if place < jobs => (price(jobs), self.served_one_less()),
                Some(_) => (self.threshold(price), without),
                None => (self.threshold(price), Without::Same),
            },
            _ => (self.threshold(price), Without::Same),
        }
    }

    /// Below which price one prover more would have a job: that of the last who has one.
    fn threshold(&self, price: impl Fn(usize) -> Amount) -> Amount {
        self.wishes.len().checked_sub(1).map_or(Amount::ZERO, price)
    }

    /// One job more waits. Another prover takes a job, or the lowest stays.
    fn with(&self, wish: Wish) -> Without {
        if let Some((next, _)) = self.asks.get(self.wishes.len()) {
            return Without::Gone(*next);
        }
        let lowest = self.asks.len().checked_sub(1).and_then(|last| self.wishes.get(last)).copied();
        Without::Waits(lowest.filter(|lowest| wish.rank() < lowest.rank()).unwrap_or(wish))
    }

    /// One of those who are served is not there. The next one is, or the lowest job stays.
    fn served_one_less(&self) -> Without {
        let last = self.asks.len().saturating_sub(1);
        match (self.asks.get(self.wishes.len()), self.wishes.get(last)) {
            (Some((next, _)), _) => Without::Gone(*next),
            (None, Some(lowest)) => Without::Waits(*lowest),
            (None, None) => Without::Same,
        }
    }
}

/// What a price for a million cycles comes to, rounded down.
fn pay(price: Amount, cycles: Cycles) -> Amount {
    price.scaled_down(cycles.0.into(), 1_000_000)
}

#[cfg(test)]
mod tests;
