//! A second, simpler account of what all mechanisms must hold, kept from events and effects alone.
//! It knows no mechanism and no desk, so it disagrees where they are wrong.
//!
//! It covers what one run shows step by step: I1 conservation, I2 nobody paid twice for the same,
//! I3 nothing after the end, I4 losses within what is at risk, I5 seeds younger than their sets, I6 no job
//! without an alarm, I8 stakes stay while counted on, I11 missing a window never pays.

use crate::{
    Account, Allocation, Amount, Effect, Entry, Event, Happened, JobId, Machine, Party, Risks,
    Step, Time, Why,
};
use std::collections::{BTreeMap, BTreeSet};

/// Watches one run from its beginning.
#[derive(Clone, Debug, Default)]
pub struct Auditor {
    balances: BTreeMap<Account, u128>,
    inflow: u128,
    live: BTreeMap<JobId, Watched>,
    /// Whose stakes live jobs count on.
    counted_on: BTreeSet<(Party, JobId)>,
    /// Rounds that wait for a seed, with its earliest time.
    rounds: BTreeMap<u64, Time>,
    ended: u64,
}

/// An invariant's number and what speaks against it.
type Finding = Result<(), (&'static str, String)>;

/// What is known of a live job.
#[derive(Clone, Debug, Default)]
struct Watched {
    paid: BTreeSet<(Party, Why)>,
    allocation: Option<Allocation>,
    /// What each holder has at risk and has not lost.
    at_risk: BTreeMap<Party, u128>,
}

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{invariant} at {at} s: {what}")]
pub struct Violation {
    /// Its number, from I1 on.
    pub invariant: &'static str,
    /// When.
    pub at: Time,
    /// What happened.
    pub what: String,
}

impl Auditor {
    /// Judges a step that `machine` has just made.
    ///
    /// # Errors
    /// The first invariant that does not hold.
    pub fn watch(
        &mut self,
        entry: &Entry,
        step: &Step,
        machine: &dyn Machine,
    ) -> Result<(), Violation> {
        let fail = |(invariant, what): (&'static str, String)| Violation {
            invariant,
            at: entry.at,
            what: format!("{what} after {entry:?}"),
        };
        let mut touched = BTreeSet::new();
        let (before, after) = step.effects.split_at(step.due);
        self.take_effects(before, &mut touched).map_err(fail)?;
        if step.refused.is_none() {
            self.take_event(entry).map_err(fail)?;
        }
        self.take_effects(after, &mut touched).map_err(fail)?;
        self.compare(machine, &touched).map_err(fail)?;
        let hangs = !self.live.is_empty() && machine.next_wake().is_none_or(|at| at <= entry.at);
        if hangs && step.refused.is_none() {
            return Err(fail(("I6", "live jobs and no alarm ahead".to_owned())));
        }
        Ok(())
    }

    /// How many jobs have ended.
    pub fn ended(&self) -> u64 {
        self.ended
    }

    fn take_event(&mut self, entry: &Entry) -> Finding {
        match &entry.event {
            Event::Fund { party, amount } => {
                *self.balances.entry(Account::Hand(*party)).or_default() += amount.get();
                self.inflow += amount.get();
            }
            Event::Withdraw { party, amount } => {
                self.take(Account::Hand(*party), amount.get())?;
                self.inflow -= amount.get();
            }
            Event::Open { job, .. } if self.live.contains_key(job) => {
                return Err(("I3", format!("{job} was opened twice")));
            }
            Event::Open { job, .. } => drop(self.live.insert(*job, Watched::default())),
            Event::Seed { round, published, .. } => match self.rounds.remove(round) {
                Some(not_before) if *published >= not_before => {}
                known => {
                    return Err(("I5", format!("seed {round} of {published} for {known:?}")));
                }
            },
            _ => {}
        }
        Ok(())
    }

    fn take_effects(&mut self, effects: &[Happened], touched: &mut BTreeSet<Account>) -> Finding {
        effects.iter().try_for_each(|happened| self.take_effect(happened, touched))
    }

    fn take_effect(&mut self, happened: &Happened, touched: &mut BTreeSet<Account>) -> Finding {
        match &happened.effect {
            Effect::Moved { from, to, amount, why } => {
                touched.extend([*from, *to]);
                self.judge_move(*from, *to, *amount, *why)?;
                self.take(*from, amount.get())?;
                *self.balances.entry(*to).or_default() += amount.get();
            }
            Effect::Allocated { job, allocation } => self.judge_allocation(*job, allocation)?,
            Effect::Reopened { job } => {
                self.free_stakes(*job)?;
                let watched = self.watched(*job)?;
                (watched.allocation, watched.at_risk) = (None, BTreeMap::new());
            }
            Effect::Lapsed { job, party } => {
                let allocation = self.watched(*job)?.allocation.as_ref();
                let holders = allocation.into_iter().flat_map(|allocation| &allocation.holders);
                if !holders.into_iter().any(|holder| holder.party == *party) {
                    return Err(("I3", format!("{party} lapses on {job} and did not hold it")));
                }
            }
            Effect::Settled { job, .. } => {
                self.free_stakes(*job)?;
                self.live.remove(job);
                self.ended += 1;
                if let Some((account, amount)) = self.left_for(*job) {
                    return Err((
                        "I1",
                        format!("{job} is over and {amount} are left in {account}"),
                    ));
                }
            }
            Effect::Frozen { round, not_before, .. } if *not_before <= happened.at => {
                return Err(("I5", format!("round {round} takes seeds from before it was frozen")));
            }
            Effect::Frozen { round, not_before, .. } => {
                self.rounds.insert(*round, *not_before);
            }
        }
        Ok(())
    }

    fn judge_move(&mut self, from: Account, to: Account, amount: Amount, why: Why) -> Finding {
        match (from, to, why) {
            (Account::Escrow(job) | Account::Bond(job, _), _, _) => drop(self.watched(job)?),
            (_, Account::Escrow(job) | Account::Bond(job, _), _) => drop(self.watched(job)?),
            _ => {}
        }
        if let (Account::Escrow(job), Account::Hand(to)) = (from, to)
            && why != Why::Refund
            && !self.watched(job)?.paid.insert((to, why))
        {
            return Err(("I2", format!("{to} is paid twice by {job} for {why}")));
        }
        if let (Account::Stake(party), Why::Forfeit(job)) = (from, why) {
            let at_risk = self.watched(job)?.at_risk.entry(party).or_default();
            let Some(left) = at_risk.checked_sub(amount.get()) else {
                return Err(("I4", format!("{party} loses {amount} for {job} of {at_risk}")));
            };
            *at_risk = left;
        }
        if let (Account::Stake(party), Why::Stake) = (from, why) {
            let all = (party, JobId(0))..=(party, JobId(u64::MAX));
            if let Some((_, job)) = self.counted_on.range(all).next() {
                return Err(("I8", format!("{party} has its stake back and {job} counts on it")));
            }
        }
        Ok(())
    }

    fn judge_allocation(&mut self, job: JobId, allocation: &Allocation) -> Finding {
        let opened = allocation.open_at.map(|_| allocation.rescue_pay.get());
        let backups = allocation.backups.iter().map(|backup| backup.price.get());
        let best_rescue = backups.chain(opened).max();
        for holder in &allocation.holders {
            let kept = holder.price.get() as i128;
            let (at_risk, forfeit) = (holder.at_risk.get() as i128, allocation.forfeit);
            let floor = |bps: u32| at_risk * i128::from(bps) / 10_000;
            // What an alias gains of the loss.
            let share = at_risk - floor(forfeit.burned.0) - floor(forfeit.requester.0);
            let missed = best_rescue.map(|pay| pay as i128 + share - at_risk);
            if missed.is_some_and(|missed| missed > kept) {
                return Err(("I11", format!("{} gains by missing {job}", holder.party)));
            }
        }
        self.free_stakes(job)?;
        let holders = allocation.holders.iter().filter(|holder| holder.risks == Risks::Stake);
        let at_risk: BTreeMap<_, _> =
            holders.map(|holder| (holder.party, holder.at_risk.get())).collect();
        self.counted_on.extend(at_risk.keys().map(|party| (*party, job)));
        let watched = self.watched(job)?;
        (watched.allocation, watched.at_risk) = (Some(allocation.clone()), at_risk);
        Ok(())
    }

    /// Nothing counts on the stakes of those who had a job.
    fn free_stakes(&mut self, job: JobId) -> Finding {
        let allocation = self.watched(job)?.allocation.take();
        for holder in allocation.into_iter().flat_map(|allocation| allocation.holders) {
            self.counted_on.remove(&(holder.party, job));
        }
        Ok(())
    }

    /// Money that is in one of a job's accounts.
    fn left_for(&self, job: JobId) -> Option<(Account, u128)> {
        let bonds = Account::Bond(job, Party::ZERO)..=Account::Bond(job, Party::repeat_byte(0xff));
        let escrow = Account::Escrow(job)..=Account::Escrow(job);
        let left = [escrow, bonds].into_iter().flat_map(|accounts| self.balances.range(accounts));
        left.map(|(account, amount)| (*account, *amount)).find(|(_, amount)| *amount > 0)
    }

    /// A job that must be live.
    fn watched(&mut self, job: JobId) -> Result<&mut Watched, (&'static str, String)> {
        self.live
            .get_mut(&job)
            .ok_or_else(|| ("I3", format!("something happens to {job}, which is over")))
    }

    fn take(&mut self, from: Account, amount: u128) -> Finding {
        let held = self.balances.entry(from).or_default();
        let left = held.checked_sub(amount);
        *held = left.ok_or_else(|| ("I1", format!("{from} pays {amount} and holds {held}")))?;
        if *held == 0 {
            self.balances.remove(&from);
        }
        Ok(())
    }

    fn compare(&self, machine: &dyn Machine, touched: &BTreeSet<Account>) -> Finding {
        for account in touched {
            let (here, there) = (
                self.balances.get(account).copied().unwrap_or_default(),
                machine.ledger().balance(*account).get(),
            );
            if here != there {
                return Err(("I1", format!("{account} holds {there} and should hold {here}")));
            }
        }
        Ok(())
    }

    /// Compares every balance with the machine's, and their sum with what came in. Takes time with
    /// the number of accounts.
    ///
    /// # Errors
    /// They differ.
    pub fn compare_all(&self, machine: &dyn Machine) -> Result<(), Violation> {
        let theirs: BTreeMap<_, _> =
            machine.ledger().balances().map(|(account, amount)| (account, amount.get())).collect();
        let sum: u128 = self.balances.values().sum();
        let inflow = machine.ledger().inflow().get();
        let what = match () {
            () if theirs != self.balances => "the balances differ".to_owned(),
            () if sum != self.inflow || inflow != self.inflow => {
                format!("{sum} is held, {} came in and the ledger says {inflow}", self.inflow)
            }
            () => return Ok(()),
        };
        Err(Violation { invariant: "I1", at: Time::default(), what })
    }
}

#[cfg(test)]
mod tests;
