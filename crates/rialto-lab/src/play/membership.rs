//! Joining, being measured, and naming a standing price.

use super::Word;
use crate::world::{Broken, World, party};
use rialto_mechanism::{Account, Amount, Event, Party, Position, Refusal};
use rialto_protocol::Cycles;

/// What a member has at stake where no more is asked for.
const STAKE: Amount = Amount::new(1_000);
/// The most jobs that a member says it can work on at once.
const CAPACITY: u32 = 1_000;
/// How often what was refused is tried again with more.
const TRIES: u32 = 4;

impl World {
    /// An owner's addresses become members, where there are members.
    pub(crate) fn enrol(&mut self, owner: usize) -> Result<(), Broken> {
        for address in 0..self.owners[owner].addresses {
            self.join(owner, party(owner, address), Amount::ZERO)?;
        }
        Ok(())
    }

    /// An address becomes a member, or names another price, with as much stake and capacity as is asked for.
    fn join(&mut self, owner: usize, party: Party, price: Amount) -> Result<(), Broken> {
        let of = &self.owners[owner];
        let (stake, machines, faces) = (of.stake.max(1), of.machines, of.faces());
        let least = STAKE.scaled_down(stake.into(), faces.into()).max(Amount::from(1));
        let capacity = (machines / faces).clamp(1, CAPACITY);
        let held = self.machine().ledger().balance(Account::Stake(party));
        let mut position = Position { stake: least.max(held), price, capacity };
        for _ in 0..TRIES {
            if !self.play.knows(Word::Join) {
                return Ok(());
            }
            match self.enter(Event::Join { party, position })? {
                None => return self.measure(owner, party),
                Some(Refusal::NotUnderstood) => self.play.forget(Word::Join),
                Some(Refusal::StakeTooSmall { wanted }) => {
                    self.play.stake.get_or_insert(wanted);
                    let more = wanted.scaled_down(stake.into(), faces.into());
                    position.stake = more.max(wanted).max(held);
                }
                Some(Refusal::CapacityTooSmall { wanted }) => position.capacity = wanted,
                Some(_) => return Ok(()),
            }
        }
        Ok(())
    }

    /// More stake is asked for than an address has.
    pub(super) fn raise_stake(&mut self, party: Party, wanted: Amount) -> Result<bool, Broken> {
        let Some(member) = self.machine().member(party).copied() else { return Ok(false) };
        let position = Position { stake: wanted, ..member.position };
        Ok(self.enter(Event::Join { party, position })?.is_none())
    }

    /// Who bids and has jobs already puts up enough for two more.
    fn back(&mut self, party: Party, duties: u32) -> Result<(), Broken> {
        let each = self.play.stake.unwrap_or(STAKE);
        let wanted = each.scaled_down(u128::from(duties) + 2, 1);
        let held = self.machine().ledger().balance(Account::Stake(party));
        if held < wanted {
            self.raise_stake(party, wanted)?;
        }
        Ok(())
    }

    /// How long the timed workload, a million cycles, takes an owner.
    fn measure(&mut self, owner: usize, party: Party) -> Result<(), Broken> {
        if !self.play.knows(Word::Measure) {
            return Ok(());
        }
        let score = self.owners[owner].mcycle_time.get().min(u32::MAX.into()) as u32;
        if self.enter(Event::Measure { party, score })? == Some(Refusal::NotUnderstood) {
            self.play.forget(Word::Measure);
        }
        Ok(())
    }

    /// Before the next job: who has failed is measured again, and who wants another price says so.
    pub(super) fn renew(&mut self, owner: usize, usual: Cycles) -> Result<(), Broken> {
        if !self.play.knows(Word::Join) {
            return Ok(());
        }
        let sized = self.play.priced(usual);
        let of = &self.owners[owner];
        let price = of.ask(of.cost.usual(sized), sized, self.play.own_price);
        for address in 0..of.faces() {
            let party = party(owner, address);
            let Some(member) = self.machine().member(party).copied() else { continue };
            if member.leaving.is_some() {
                continue;
            }
            if is_another(member.position.price, price) {
                self.join(owner, party, price)?;
            }
            let bids = self.play.knows(Word::BidAtLarge) || self.play.knows(Word::Commit);
            if bids && member.duties > 0 {
                self.back(party, member.duties)?;
            }
            if self.play.unmeasured.remove(&party) {
                self.measure(owner, party)?;
            }
        }
        Ok(())
    }
}

/// Whether a price has changed by more than a twentieth.
fn is_another(old: Amount, new: Amount) -> bool {
    let (low, high) = (old.min(new).get(), old.max(new).get());
    high - low > low / 20
}
