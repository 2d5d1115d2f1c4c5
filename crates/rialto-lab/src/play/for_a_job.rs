//! What is said about one job: locks, bids in the open and sealed, and the requester's part.

use super::{Pieces, Word, word};
use crate::world::{Broken, Due, REQUESTER, World, party};
use crate::{Habit, Others, Owner};
use rialto_mechanism::{Amount, Event, JobId, Message, Party, Refusal, Span, Time, commitment};

/// How long a requester waits for cheaper proofs than the first, where it says when it buys.
const BUYS_AFTER: Span = Span::s(180);

impl World {
    /// Everybody who takes part in a job makes its moves.
    pub(crate) fn take_part(&mut self, job: JobId) {
        for owner in self.shuffled() {
            let Some(cost) = self.live.get(&job).and_then(|live| live.costs[owner]) else {
                continue;
            };
            let costs = &self.live[&job].costs;
            if self.speaks_for_its_ring(owner, |other| costs[other]) && self.is_free(owner) {
                self.make_moves(job, owner, cost);
            }
        }
        if self.play.knows(Word::Choose) {
            let slowest = self.owners.iter().map(|owner| owner.latency).max().unwrap_or_default();
            self.plan(self.now + slowest + Span::ms(1), Due::Choose { job });
        }
    }

    /// Whether nobody of an owner's ring does it for less; owners without a ring speak for themselves.
    pub(super) fn speaks_for_its_ring(
        &self,
        owner: usize,
        cost: impl Fn(usize) -> Option<Amount>,
    ) -> bool {
        let Some(ring) = self.owners[owner].ring else { return true };
        let cheapest = (0..self.owners.len())
            .filter(|other| self.owners[*other].ring == Some(ring) && !self.desks[*other].is_gone)
            .filter_map(|other| Some((cost(other)?, other)))
            .min();
        cheapest.is_none_or(|(_, other)| other == owner)
    }

    fn make_moves(&mut self, job: JobId, owner: usize, cost: Amount) {
        let cycles = self.live[&job].spec.cycles;
        let ask = self.owners[owner].ask(cost, cycles, self.play.own_price);
        if self.play.knows(Word::Lock) {
            self.watch_clock(job, owner, ask);
        }
        if self.play.knows(Word::Bid) {
            self.bid(job, owner, ask);
        }
        if self.play.knows(Word::Commit) {
            self.seal_bids(job, owner, ask);
        }
        self.ask_for_work(owner, self.now);
    }

    /// An owner locks at the first instant at which the price reaches what it asks for.
    fn watch_clock(&mut self, job: JobId, owner: usize, ask: Amount) {
        let Some(live) = self.live.get(&job) else { return };
        if let Some(at) = self.first_time_at(job, ask, live.spec.deadline) {
            let heard = at + self.owners[owner].latency;
            let from = party(owner, 0);
            self.plan(heard, Due::Say { from, job: Some(job), message: Message::Lock });
        }
    }

    /// A bid that all can see, from each of the owner's faces.
    fn bid(&mut self, job: JobId, owner: usize, ask: Amount) {
        let cycles = u128::from(self.live[&job].spec.cycles.0.max(1));
        let price = match self.play.prices_mcycles {
            true => Amount::new((ask.get() * 1_000_000).div_ceil(cycles)),
            false => ask,
        };
        let heard = self.now + self.owners[owner].latency;
        for address in 0..self.owners[owner].faces() {
            let from = party(owner, address);
            self.plan(heard, Due::Say { from, job: Some(job), message: Message::Bid { price } });
        }
    }

    /// An owner's first address bids what it asks for; the others do as well, or bid the most.
    fn seal_bids(&mut self, job: JobId, owner: usize, ask: Amount) {
        let Owner { addresses, others, latency, habit, .. } = self.owners[owner];
        let spec = &self.live[&job].spec;
        let parts = match self.play.pieces {
            Some(Pieces::Shares) => u128::from(spec.parts),
            _ => 1,
        };
        let [most, ask] = [spec.max_pay, ask].map(|all| Amount::new(all.get().div_ceil(parts)));
        let bidders = if others == Others::Silent { 1 } else { addresses };
        for address in 0..bidders {
            let (from, nonce) = (party(owner, address), self.dice.below(u64::MAX));
            let price = if address > 0 && others == Others::Decoys { most } else { ask };
            let digest = commitment(job, from, price, nonce);
            let heard = self.now + latency;
            self.plan(
                heard,
                Due::Say { from, job: Some(job), message: Message::Commit { digest } },
            );
            if habit != Habit::Withholding {
                let shown = self.now + self.play.reveal_after.unwrap_or_default() + latency;
                let message = Message::Reveal { price, nonce };
                self.plan(shown, Due::Say { from, job: Some(job), message });
            }
        }
    }

    /// The first instant from now to `end` at which a price that only rises is at least `ask`.
    fn first_time_at(&self, job: JobId, ask: Amount, end: Time) -> Option<Time> {
        let price = |at: u64| self.machine().price_at(job, Time(at));
        let reached = |at: u64| price(at).is_some_and(|price| price >= ask);
        // The price falls to nothing at the lock's end; what rises ends at the highest price.
        let (mut early, mut late) = (self.now.0, end.0);
        while late > early && price(late).is_none_or(|price| price.get() == 0) {
            late = early + (late - early) / 2;
        }
        if !reached(late) {
            return None;
        }
        while early < late {
            let middle = early + (late - early) / 2;
            if reached(middle) { late = middle } else { early = middle + 1 }
        }
        Some(Time(late))
    }

    // ------------------------------------------------------------------------------ speaking

    /// A party speaks. Whoever is too early speaks again, whoever has too little at stake raises it first.
    pub(crate) fn speak(
        &mut self,
        from: Party,
        job: Option<JobId>,
        message: Message,
    ) -> Result<(), Broken> {
        let word = word(&message, job.is_none(), from == REQUESTER);
        if word.is_some_and(|word| !self.play.knows(word)) {
            return Ok(());
        }
        match self.enter(Event::Say { from, job, message })? {
            None => {
                if let (Message::Bid { price }, Some(live)) =
                    (message, job.and_then(|job| self.live.get_mut(&job)))
                {
                    live.quotes.push((from, price));
                }
            }
            Some(Refusal::NotUnderstood) => {
                word.into_iter().for_each(|word| self.play.forget(word))
            }
            Some(Refusal::TooEarly { from: at }) if at > self.now => {
                if let (Message::Reveal { .. }, Some(live)) =
                    (message, job.and_then(|job| self.live.get(&job)))
                {
                    self.play.reveal_after = Some(at.since(live.opened_at));
                }
                self.plan(at, Due::Say { from, job, message });
            }
            Some(Refusal::StakeTooSmall { wanted }) => {
                if self.raise_stake(from, wanted)? {
                    self.plan(self.now, Due::Say { from, job, message });
                }
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// The requester gives the job to whoever has asked for the least, or whom it costs the least where nobody asks.
    pub(crate) fn choose(&mut self, job: JobId) -> Result<(), Broken> {
        let Some(live) = self.live.get(&job) else { return Ok(()) };
        let asked = live.quotes.iter().min_by_key(|(_, price)| *price).map(|(party, _)| *party);
        let costs = live.costs.iter().enumerate().map(|(owner, cost)| (*cost, owner));
        let costs = costs.filter(|(cost, owner)| cost.is_some() && self.is_free(*owner));
        let cheapest = costs.min().map(|(_, owner)| party(owner, 0));
        match asked.or(cheapest) {
            Some(party) => self.speak(REQUESTER, Some(job), Message::Choose { party }),
            None => Ok(()),
        }
    }

    /// The requester takes the best proof, once it has waited for a better one.
    pub(crate) fn buy(&mut self, job: JobId, opened_at: Time) {
        let at = self.now.max(opened_at + BUYS_AFTER);
        self.plan(at, Due::Say { from: REQUESTER, job: Some(job), message: Message::Accept });
    }
}
