//! How owners take part in a mechanism, whichever it is: they say all that can be said, a mechanism
//! refuses what it does not understand, and they do not say that again. What else they must know, they
//! learn from refusals too: how much must be at stake, from when on a bid may be shown, how low a bid must be.
//!
//! So a new mechanism needs nothing here, unless it counts in units of its own ([`Play::of`]) or asks for a
//! move that none of the others know.

use crate::Owner;
use rialto_mechanism::mechanism::proof_tree;
use rialto_mechanism::{Amount, JobSpec, Message, Party, Span};
use rialto_protocol::Cycles;
use serde::Deserialize;
use std::collections::BTreeSet;

mod at_large;
mod for_a_job;
mod membership;

/// Something that can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Word {
    Join,
    Measure,
    /// A price for all jobs to come.
    BidAtLarge,
    /// A price for one job, whichever it is.
    Ask,
    Poll,
    Lock,
    Bid,
    Commit,
    Accept,
    /// A requester's choice among those who have bid.
    Choose,
    /// A requester's consent to the best proof so far.
    Buy,
}

/// What is known of a mechanism by those who take part in it.
#[derive(Debug, Default)]
pub(crate) struct Play {
    not_understood: BTreeSet<Word>,
    /// Whether a price is for a million cycles.
    prices_mcycles: bool,
    /// Whether an ask ends by itself, so that one that found no job does not stand for ever.
    asks_end: bool,
    /// Whether one is paid what one asks for.
    own_price: bool,
    /// The length of what it calls a cycle, if that is a time.
    cycle: Option<Span>,
    /// Whether a proof says how many parts of its job it covers.
    pub(crate) counts_parts: bool,
    /// What is proven one by one of a job, where it is not proven as a whole.
    pub(crate) pieces: Option<Pieces>,
    /// How long after a job's opening bids are shown.
    reveal_after: Option<Span>,
    /// The least that a member must have at stake, where that was said.
    stake: Option<Amount>,
    /// Who has failed, and must be measured again where provers are.
    pub(crate) unmeasured: BTreeSet<Party>,
    /// Whose price for all jobs stands, and the price.
    seat: Option<(Party, Amount)>,
    /// How large jobs are as a rule: a moving average, with one part in [`MEMORY`] for each job.
    usual: Option<Cycles>,
}

/// The pieces of a job.
#[derive(Debug)]
pub(crate) enum Pieces {
    /// The nodes of a tree, each for whom it was drawn, and by its rules for a rescuer.
    Nodes(proof_tree::Rules),
    /// The parts of the proposal that most have voted for.
    OfProposal,
    /// One part for each who has the job, and a bid is for one.
    Shares,
}

/// How slowly what is usual changes.
const MEMORY: u64 = 16;
/// Where a price is for a million cycles; elsewhere it is for a job.
const PRICES_MCYCLES: &[&str] = &["prover-auction", "stake-pool", ONLINE];
/// Its asks stand for a while only, and one at a time.
const ONLINE: &str = "online-auction-reconstruction";
/// Where what one is paid does not depend on what one asks for, so that one asks for one's cost.
const TRUTHFUL: &[&str] = &[
    "sealed-second-price",
    "double-auction-reconstruction",
    "whole-job-auction-reconstruction",
    ONLINE,
];

/// The one parameter of a mechanism that counts a job's cycles in time.
#[derive(Deserialize)]
struct Clocked {
    cycle: Span,
}

impl Play {
    /// What is known of a mechanism from the start, by its name and rules.
    pub(crate) fn of(mechanism: &str, rules: &str) -> Self {
        let clocked = (mechanism == "gevulot").then(|| toml::from_str::<Clocked>(rules).ok());
        Self {
            prices_mcycles: PRICES_MCYCLES.contains(&mechanism),
            asks_end: mechanism == ONLINE,
            own_price: !TRUTHFUL.contains(&mechanism),
            cycle: clocked.flatten().map(|clocked| clocked.cycle),
            pieces: match mechanism {
                "proof-tree" => toml::from_str(rules).ok().map(Pieces::Nodes),
                "builder-votes" => Some(Pieces::OfProposal),
                "sealed-award" => Some(Pieces::Shares),
                _ => None,
            },
            ..Self::default()
        }
    }

    /// Whether a word is worth saying.
    pub(crate) fn knows(&self, word: Word) -> bool {
        !self.not_understood.contains(&word)
    }

    /// A word that the mechanism has no use for is not said again.
    fn forget(&mut self, word: Word) {
        self.not_understood.insert(word);
    }

    /// A job in the mechanism's own units: where a cycle is a time, twice what the job takes the slowest.
    pub(crate) fn in_its_units(&self, spec: &JobSpec, owners: &[Owner]) -> JobSpec {
        let Some(cycle) = self.cycle else { return spec.clone() };
        let slowest = owners.iter().map(|owner| owner.usual_ms(spec.cycles)).fold(0.0, f64::max);
        let cycles = (2.0 * slowest / cycle.get().max(1) as f64).ceil().max(1.0) as u64;
        JobSpec { cycles: Cycles(cycles), ..spec.clone() }
    }

    /// What a standing price is for, where jobs are as large as `usual`.
    fn priced(&self, usual: Cycles) -> Cycles {
        if self.prices_mcycles { Cycles(1_000_000) } else { usual }
    }

    /// How large the next job will be, as far as anybody knows.
    fn expect(&mut self, next: Cycles) -> Cycles {
        let before = self.usual.unwrap_or(next);
        self.usual = Some(Cycles((before.0 * (MEMORY - 1) + next.0) / MEMORY));
        before
    }
}

/// Which word a message is, of a requester or of a prover.
fn word(message: &Message, at_large: bool, by_requester: bool) -> Option<Word> {
    match message {
        Message::Lock => Some(Word::Lock),
        Message::Bid { .. } if at_large => Some(Word::BidAtLarge),
        Message::Bid { .. } => Some(Word::Bid),
        Message::Ask { .. } => Some(Word::Ask),
        Message::Commit { .. } => Some(Word::Commit),
        Message::Choose { .. } => Some(Word::Choose),
        Message::Accept if by_requester => Some(Word::Buy),
        Message::Accept => Some(Word::Accept),
        Message::Poll => Some(Word::Poll),
        Message::Reveal { .. } | Message::Decline | Message::Contest | Message::Take { .. } => None,
    }
}
