//! Quotes for one job, among which somebody chooses: what each asks who would do it.

use crate::{Amount, JobSpec, Party, Refusal, Ruling};
use serde::{Deserialize, Serialize};

/// Each party's one quote, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quotes(Vec<(Party, Amount)>);

impl Quotes {
    /// Whether a party may quote a price.
    ///
    /// # Errors
    /// It is more than the requester pays, or the party has quoted before.
    pub(crate) fn check(&self, spec: &JobSpec, from: Party, price: Amount) -> Ruling {
        spec.affords(price)?;
        if self.of(from).is_ok() { Err(Refusal::AlreadyDone) } else { Ok(()) }
    }

    /// Takes a quote that was checked.
    pub(crate) fn push(&mut self, from: Party, price: Amount) {
        self.0.push((from, price));
    }

    /// What a party asks.
    ///
    /// # Errors
    /// It has not quoted.
    pub(crate) fn of(&self, party: Party) -> Result<Amount, Refusal> {
        let quote = self.0.iter().find(|(from, _)| *from == party);
        quote.map(|(_, price)| *price).ok_or(Refusal::NoBid)
    }

    /// The lowest, of equal ones the first.
    pub(crate) fn lowest(&self) -> Option<(Party, Amount)> {
        // `min_by_key` keeps the first.
        self.0.iter().min_by_key(|(_, price)| *price).copied()
    }

    /// Ends the quoting; returns all but `chosen`.
    pub(crate) fn take_others(&mut self, chosen: Party) -> impl Iterator<Item = Party> + use<> {
        let quotes = std::mem::take(&mut self.0).into_iter();
        quotes.map(|(party, _)| party).filter(move |party| *party != chosen)
    }
}
