//! What is said about no job in particular: prices for all jobs, asks for any of them, polls for work.

use super::Word;
use crate::world::{Broken, Due, World, party};
use rialto_mechanism::{Amount, Event, JobSpec, Message, Party, Refusal, Span, Time};
use rialto_protocol::Cycles;

/// An ask says that a proof takes at most so many times as long as it does as a rule.
const ASK_SLACK: f64 = 4.0;

impl World {
    /// Everybody says what stands for the jobs to come, the next of which is `next`.
    pub(crate) fn stand(&mut self, next: &JobSpec) -> Result<(), Broken> {
        let usual = self.play.expect(next.cycles);
        let words = [Word::Join, Word::BidAtLarge, Word::Ask];
        if !words.iter().any(|word| self.play.knows(*word)) {
            return Ok(());
        }
        for owner in self.shuffled() {
            if self.desks[owner].is_gone {
                continue;
            }
            self.renew(owner, usual)?;
            let cost = |other: usize| Some(self.owners[other].cost.usual(usual));
            if self.speaks_for_its_ring(owner, cost) {
                self.bid_at_large(owner, usual)?;
                self.ask(owner, usual)?;
            }
        }
        Ok(())
    }

    /// A price for all jobs: what the owner asks for, or if that is not low enough, as much as may be asked.
    fn bid_at_large(&mut self, owner: usize, usual: Cycles) -> Result<(), Broken> {
        let of = &self.owners[owner];
        let cost = of.cost.usual(usual);
        let price = of.ask(cost, usual, self.play.own_price);
        for address in 0..of.faces() {
            let from = party(owner, address);
            let holds = self.play.seat.filter(|(holder, _)| *holder == from);
            if !self.play.knows(Word::BidAtLarge) || holds.is_some_and(|(_, fee)| fee <= price) {
                continue;
            }
            if let Some(Refusal::PriceTooHigh { limit }) = self.bid_once(from, price)?
                && limit >= cost
                && holds.is_none()
            {
                self.bid_once(from, limit)?;
            }
        }
        Ok(())
    }

    fn bid_once(&mut self, from: Party, price: Amount) -> Result<Option<Refusal>, Broken> {
        let message = Message::Bid { price };
        let refused = self.enter(Event::Say { from, job: None, message })?;
        match refused {
            None => self.play.seat = Some((from, price)),
            Some(Refusal::NotUnderstood) => self.play.forget(Word::BidAtLarge),
            Some(Refusal::StakeTooSmall { wanted }) => drop(self.raise_stake(from, wanted)?),
            Some(_) => {}
        }
        Ok(refused)
    }

    /// As many asks as there are free machines, but one at a time.
    fn ask(&mut self, owner: usize, usual: Cycles) -> Result<(), Broken> {
        let of = &self.owners[owner];
        let sized = self.play.priced(usual);
        let price = of.ask(of.cost.usual(sized), sized, self.play.own_price);
        let within = Span::ms((ASK_SLACK * of.usual_ms(usual)).ceil().max(1_000.0) as u64);
        let standing = if self.play.asks_end { 0 } else { self.desks[owner].asks };
        let idle = self.is_free(owner) && standing < of.machines;
        for address in 0..of.faces() {
            let from = party(owner, address);
            if !idle || !self.play.knows(Word::Ask) {
                continue;
            }
            let message = Message::Ask { price, within };
            match self.enter(Event::Say { from, job: None, message })? {
                None => self.desks[owner].asks += 1,
                Some(Refusal::NotUnderstood) => self.play.forget(Word::Ask),
                Some(Refusal::StakeTooSmall { wanted }) => drop(self.raise_stake(from, wanted)?),
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Who has a free machine asks for something to do.
    pub(crate) fn ask_for_work(&mut self, owner: usize, at: Time) {
        if !self.play.knows(Word::Poll) || !self.is_free(owner) || self.desks[owner].is_gone {
            return;
        }
        let of = &self.owners[owner];
        let heard = at + of.latency;
        for address in 0..of.faces() {
            let from = party(owner, address);
            self.plan(heard, Due::Say { from, job: None, message: Message::Poll });
        }
    }
}
