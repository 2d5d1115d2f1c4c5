//! What a mechanism is: its rules as data, its book, and what it does at each kind of event.
//!
//! A new one is a file in `mechanism/`, a line below and a line in the catalogue; every test of what all
//! mechanisms must hold then runs on it. Its file begins with the rule book in prose, in the
//! sections that [`About::explain`] shows.

use crate::{
    Amount, Bps, Case, Desk, Job, JobId, JobSpec, Message, Party, Position, Proof, Refusal, Ruling,
    Seed, Span, Time,
};
use rialto_protocol::draw::Weight;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::{self, Debug};

pub mod allowlist;
pub mod attested_matching;
pub mod builder_votes;
pub mod candidate_selection;
pub mod contested_tiers;
pub mod coordinator;
pub mod double_auction;
pub mod dutch_lock;
pub mod epoch_quotes;
pub mod gevulot;
pub mod livepeer;
pub mod online_auction;
pub mod open_race;
pub mod order_book;
pub mod phased_duty;
pub mod pooled_epoch;
pub mod price_clock;
pub mod proof_contest;
pub mod proof_tree;
pub mod prover_auction;
pub mod relay_choice;
pub mod rfq_exclusive;
pub mod rota;
pub mod sealed_award;
pub mod sealed_second_price;
pub mod seat_auction;
pub mod seat_pool;
pub mod sidecar;
pub mod snarketplace;
pub mod stake_pool;
pub mod succinct_work;
pub mod term_auction;
pub mod whole_job_auction;
pub mod work_pool;
pub mod zkcloud;

/// What can be kept, compared and written down canonically.
pub trait Codec: Clone + Debug + PartialEq + Serialize + DeserializeOwned {}

impl<T: Clone + Debug + PartialEq + Serialize + DeserializeOwned> Codec for T {}

/// Parameters: read from text once, then known to make sense.
pub trait Rules: Codec {
    /// # Errors
    /// Two parameters that cannot both hold, or one out of bounds.
    fn check(&self) -> Result<(), Contradiction>;
}

/// Why parameters make no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{parameter} {problem}")]
pub struct Contradiction {
    /// The parameter's name.
    pub parameter: &'static str,
    /// What is wrong with it and what would be right, as the rest of a sentence.
    pub problem: String,
}

/// A way of choosing and paying provers. The value itself is its rules and its book: what it
/// remembers between jobs.
///
/// A handler that refuses must do so before it changes anything; the kit sees to the money, the
/// tests see to the book.
pub trait Mechanism: Codec + 'static {
    /// What it is called and where it comes from.
    const ABOUT: &'static About;
    /// Its parameters.
    type Rules: Rules;
    /// What it remembers of a live job.
    type Mark: Codec + Default;

    /// The mechanism with an empty book.
    fn new(rules: Self::Rules) -> Self;

    /// Whether a job that is offered could be done here; asked before its money is taken.
    ///
    /// # Errors
    /// It could not.
    fn admits(&self, _: &Desk<Self::Mark>, _: &JobSpec) -> Ruling {
        Ok(())
    }

    /// A job is offered and admitted; its money is in escrow.
    fn open(&mut self, case: &mut Case<'_, Self::Mark>);

    /// A party says something about a job.
    ///
    /// # Errors
    /// It may not, or not now.
    fn hear(&mut self, _: &mut Case<'_, Self::Mark>, _from: Party, _said: &Message) -> Ruling {
        Err(Refusal::NotUnderstood)
    }

    /// A party says something at large.
    ///
    /// # Errors
    /// It may not, or not now.
    fn hear_at_large(&mut self, _: &mut Desk<Self::Mark>, _from: Party, _: &Message) -> Ruling {
        Err(Refusal::NotUnderstood)
    }

    /// A proof arrives. By default whoever has the right is paid as the allocation says.
    ///
    /// # Errors
    /// It is not accepted.
    fn deliver(&mut self, case: &mut Case<'_, Self::Mark>, by: Party, proof: &Proof) -> Ruling {
        case.deliver(by, proof)
    }

    /// Whether the requester may take back a job that it no longer wants. By default while nobody
    /// has been chosen.
    ///
    /// # Errors
    /// It may not.
    fn cancels(&self, case: &Case<'_, Self::Mark>) -> Ruling {
        case.still_collecting()
    }

    /// The holders' window has ended without any proof. By default the allocation says what follows.
    fn lapsed(&mut self, _: &mut Case<'_, Self::Mark>) {}

    /// The alarm that the mechanism has set for a job.
    fn alarm(&mut self, _: &mut Case<'_, Self::Mark>) {}

    /// The job's deadline has passed. Whatever is done here, the job is over afterwards.
    fn expire(&mut self, case: &mut Case<'_, Self::Mark>) {
        case.expire();
    }

    /// A job is over.
    fn settled(&mut self, _: &mut Desk<Self::Mark>, _: &Job<Self::Mark>) {}

    /// A prover wants to be a member with this position, or to change its own.
    ///
    /// # Errors
    /// It may not.
    fn join(&mut self, _: &mut Desk<Self::Mark>, _: Party, _: &Position) -> Ruling {
        Err(Refusal::NotUnderstood)
    }

    /// A prover has become a member, or has a new position.
    fn seated(&mut self, _: &mut Desk<Self::Mark>, _: Party) {}

    /// A member wants to leave. Returns after how long it may, and expects no more of it.
    fn leave(&mut self, _: &mut Desk<Self::Mark>, _: Party) -> Span {
        Span::ZERO
    }

    /// A prover has been measured.
    ///
    /// # Errors
    /// The mechanism has no use for that.
    fn measured(&mut self, _: &mut Desk<Self::Mark>, _: Party, _score: u32) -> Ruling {
        Err(Refusal::NotUnderstood)
    }

    /// Randomness has come for a frozen set.
    fn seeded(&mut self, _: &mut Desk<Self::Mark>, _: &Seed) {}

    /// Randomness has not come in time for `round`, which may have been for one job.
    fn seedless(&mut self, _: &mut Desk<Self::Mark>, _round: u64, _: Option<JobId>) {}

    /// The alarm that the mechanism has set for itself.
    fn woken(&mut self, _: &mut Desk<Self::Mark>) {}

    /// What whoever takes or delivers the job now would be paid, where that is public.
    fn price_at(&self, _: &Job<Self::Mark>, _: Time) -> Option<Amount> {
        None
    }

    /// A member's tickets in the next draw, as it stands now; nothing where nobody is drawn by weight.
    fn tickets(&self, _: &Desk<Self::Mark>, _: Party) -> Option<Weight> {
        None
    }
}

/// Where a mechanism comes from and what it is known for.
#[derive(Debug)]
pub struct About {
    /// Its name, by which it is found.
    pub name: &'static str,
    /// Its number in the survey of the field.
    pub family: &'static str,
    /// How sure we are of the rule.
    pub confidence: Confidence,
    /// What one owner gains by appearing as many.
    pub split_gain: SplitGain,
    /// Its parameters as others run it.
    pub presets: &'static [Preset],
    /// The source file, which begins with the rule book.
    pub file: &'static str,
}

/// Real parameters under a name.
#[derive(Debug)]
pub struct Preset {
    /// Who runs them.
    pub name: &'static str,
    /// The rules, as TOML.
    pub rules: &'static str,
}

/// How sure we are that a rule is what was specified or shipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confidence {
    /// Read in a contract, a node's code or its constants.
    Code,
    /// The project's own documents, posts or papers.
    Documents,
    /// Told by third parties.
    ThirdParty,
    /// General knowledge, not verified again.
    Hearsay,
    /// Reconstructed, since the source could not be had.
    Reconstruction,
}

/// What one owner gains by appearing under many names, each with its part of the stake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitGain {
    /// Nothing.
    Neutral,
    /// Something: many small are worth more than one large.
    Gain,
    /// Less than nothing.
    Loss,
}

impl About {
    /// The rule book in prose: the head of the mechanism's file.
    pub fn explain(&self) -> String {
        let head = self.file.lines().take_while(|line| line.starts_with("//!"));
        head.map(|line| format!("{}\n", line[3..].strip_prefix(' ').unwrap_or(&line[3..])))
            .collect()
    }

    /// A preset by name.
    pub fn preset(&self, name: &str) -> Option<&'static Preset> {
        self.presets.iter().find(|preset| preset.name == name)
    }
}

impl Contradiction {
    /// `parameter` and what is wrong with it.
    pub fn new(parameter: &'static str, problem: impl Into<String>) -> Self {
        Self { parameter, problem: problem.into() }
    }

    /// # Errors
    /// With `problem`, unless `holds`.
    pub fn unless(holds: bool, parameter: &'static str, problem: &str) -> Result<(), Self> {
        if holds { Ok(()) } else { Err(Self::new(parameter, problem)) }
    }

    /// # Errors
    /// The parameter is nothing and must be more.
    pub fn if_zero<T: Default + PartialOrd>(value: T, parameter: &'static str) -> Result<(), Self> {
        Self::unless(value > T::default(), parameter, "must be more than nothing")
    }

    /// # Errors
    /// The parameter is more than the whole.
    pub fn if_no_share(value: Bps, parameter: &'static str) -> Result<(), Self> {
        Self::unless(value <= Bps::ALL, parameter, "is a share: at most 10000")
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Code => "A",
            Self::Documents => "B",
            Self::ThirdParty => "C",
            Self::Hearsay => "D",
            Self::Reconstruction => "R",
        })
    }
}
