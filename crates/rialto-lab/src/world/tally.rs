//! What happens in a world becomes what is measured.

use super::work::Progress;
use super::{Due, Live, World};
use rialto_mechanism::{
    Account, Allocation, Amount, Effect, Happened, JobId, Outcome, Risks, Span, Time, Why,
};

/// What a live job has cost whom so far.
#[derive(Default)]
pub(super) struct Bill {
    is_allocated: bool,
    paid: u128,
    /// What the runs of those who were paid cost them.
    paid_for: u128,
    /// Work that is done: whose, and how much of a whole run.
    spent: Vec<(usize, f64)>,
    /// What is locked up for the job, as bonds and as stake, since when, and how much that came to.
    bonds: u128,
    stakes: u128,
    since: Time,
    locked_ms: f64,
}

impl Bill {
    pub(super) fn new(now: Time) -> Self {
        Self { since: now, ..Self::default() }
    }

    /// An owner has done this share of a run.
    pub(super) fn spend(&mut self, owner: usize, share: f64) {
        self.spent.push((owner, share));
    }

    /// How much of a whole run an owner has done.
    fn done_by(&self, owner: usize) -> f64 {
        self.spent.iter().filter(|(by, _)| *by == owner).map(|(_, done)| done).sum()
    }

    /// What was locked up until now counts.
    fn lock(&mut self, at: Time) {
        self.locked_ms += (self.bonds + self.stakes) as f64 * at.since(self.since).get() as f64;
        self.since = at;
    }
}

impl World {
    pub(super) fn notice(&mut self, happened: &Happened) {
        let at = happened.at;
        match &happened.effect {
            Effect::Moved { from, to, amount, why } => {
                self.count_bond(*from, *to, *amount, at);
                self.count(*from, *to, *amount, *why);
            }
            Effect::Allocated { job, allocation } => {
                self.note_allocation(*job, allocation, at);
                self.allocated(*job, allocation, at);
            }
            Effect::Lapsed { job, party } => {
                self.play.unmeasured.insert(*party);
                self.opened_to_all(*job, at);
            }
            Effect::Reopened { .. } => {
                for owner in self.shuffled() {
                    self.ask_for_work(owner, at);
                }
            }
            Effect::Settled { job, outcome } => self.settled(*job, *outcome, at),
            Effect::Frozen { round, not_before, .. } => {
                self.plan(*not_before, Due::Seed { round: *round });
            }
        }
    }

    fn count_bond(&mut self, from: Account, to: Account, amount: Amount, at: Time) {
        for (account, comes) in [(from, false), (to, true)] {
            let Account::Bond(job, _) = account else { continue };
            let Some(live) = self.live.get_mut(&job) else { continue };
            live.bill.lock(at);
            match comes {
                true => live.bill.bonds += amount.get(),
                false => live.bill.bonds -= amount.get(),
            }
        }
    }

    fn note_allocation(&mut self, job: JobId, allocation: &Allocation, at: Time) {
        let Some(live) = self.live.get_mut(&job) else { return };
        let first = !std::mem::replace(&mut live.bill.is_allocated, true);
        live.bill.lock(at);
        let stakes = allocation.holders.iter().filter(|holder| holder.risks == Risks::Stake);
        live.bill.stakes = stakes.map(|holder| holder.at_risk.get()).sum();
        if first {
            self.measures.alloc_latency_ms.add(at.since(live.opened_at).get() as f64);
        }
        for holder in &allocation.holders {
            if let Some(owner) = self.owner_of(holder.party) {
                self.measures.owners[owner].given += 1;
            }
        }
    }

    fn count(&mut self, from: Account, to: Account, amount: Amount, why: Why) {
        let spent = match (from, why) {
            (_, Why::Funding | Why::Escrow | Why::Bond | Why::Release | Why::Stake) => return,
            (_, Why::Refund) => return,
            (Account::Escrow(job), _) => Some(job),
            _ => None,
        };
        if to == Account::Burned {
            self.measures.burned = self.measures.burned.saturating_add(amount);
        }
        if let Account::Bond(_, loser) | Account::Stake(loser) = from
            && let Some(loser) = self.owner_of(loser)
        {
            self.measures.owners[loser].forfeited += amount.get() as f64;
        }
        let payee = match to {
            Account::Hand(party) => self.owner_of(party),
            _ => None,
        };
        if let Some(owner) = payee {
            let sums = &mut self.measures.owners[owner];
            sums.paid += amount.get() as f64;
            sums.won += 1;
        }
        if let Some(live) = spent.and_then(|job| self.live.get_mut(&job)) {
            live.bill.paid += amount.get();
            let cost = |owner: usize| {
                let whole = live.costs[owner].map_or(0, Amount::get);
                match live.pieces.is_empty() {
                    true => whole,
                    false => (whole as f64 * live.bill.done_by(owner)) as u128,
                }
            };
            live.bill.paid_for += payee.map_or(0, cost);
        }
    }

    fn settled(&mut self, job: JobId, outcome: Outcome, at: Time) {
        let Some(mut live) = self.live.remove(&job) else { return };
        self.open.remove(&job);
        let (mut stopped, share) = (Vec::new(), 1.0 / live.piece_count() as f64);
        for work in &live.works {
            match work.stage {
                Progress::Waits => {
                    self.desks[work.owner].waiting.retain(|(other, _)| *other != job)
                }
                Progress::Done => {}
                Progress::Runs { began, ends } => {
                    let whole = ends.since(began).get().max(1) as f64;
                    let done = (at.since(began).get() as f64 / whole).min(1.0);
                    live.bill.spend(work.owner, done * share);
                    stopped.push(work.owner);
                }
            }
        }
        live.bill.lock(at);
        let cycles = live.spec.cycles.0 as f64;
        for (owner, done) in &live.bill.spent {
            self.measures.cycles_spent += cycles * done;
            let cost = live.costs[*owner].map_or(0, Amount::get) as f64;
            self.measures.owners[*owner].cost += cost * done;
        }
        let most = live.spec.max_pay.get().max(1) as f64;
        self.measures.capital_s.add(live.bill.locked_ms / most / 1_000.0);
        if outcome == Outcome::Proven {
            self.count_proven(&live, at);
        }
        stopped.into_iter().for_each(|owner| self.freed(owner, at));
    }

    fn count_proven(&mut self, live: &Live, at: Time) {
        let (measures, bill) = (&mut self.measures, &live.bill);
        measures.proven += 1;
        measures.timely += u64::from(at <= live.spec.deadline + Span::ms(1));
        measures.cycles_useful += live.spec.cycles.0 as f64;
        measures.delay_ms.add(at.since(live.opened_at).get() as f64);
        measures.paid.add(bill.paid as f64);
        if bill.paid_for > 0 {
            measures.markup.add(bill.paid as f64 / bill.paid_for as f64);
        }
        let cheapest = live.costs.iter().flatten().min().map_or(0, |cost| cost.get());
        if cheapest > 0 {
            measures.second_best_gap.add(bill.paid as f64 / cheapest as f64);
        }
    }
}
