//! Everything that can happen to a mechanism. A log of these, in order, is the whole truth: state
//! and payments follow from it.

use crate::{Amount, Party, Refusal, Span, Time};
use alloy_primitives::{B256, keccak256};
use rialto_protocol::Cycles;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A job's number. Numbers rise, and none is used twice, so a number that is not among the live
/// jobs belongs to one that is over or never was.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct JobId(pub u64);

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When; never before the entry above it.
    pub at: Time,
    /// What.
    pub event: Event,
}

/// What a requester asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobSpec {
    /// Who asks and pays.
    pub requester: Party,
    /// How much work it is.
    pub cycles: Cycles,
    /// Pieces that are proven and counted singly: leaves of a tree, checkpoints of an epoch. One
    /// for a plain proof.
    pub parts: u32,
    /// The most that the requester pays; in escrow from the start.
    pub max_pay: Amount,
    /// Until when a proof is wanted at all.
    pub deadline: Time,
}

/// What a prover offers for as long as it is a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// What it has at stake in all.
    pub stake: Amount,
    /// What it wants for a job, or for a million cycles where the mechanism prices those.
    pub price: Amount,
    /// How many jobs it can work on at once.
    pub capacity: u32,
}

/// What a party says, about a job or at large. One vocabulary for all mechanisms, so that whoever
/// can speak to one can speak to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// "I take this job at the price that it has now."
    Lock,
    /// "I do it for this price."
    Bid {
        /// The price.
        price: Amount,
    },
    /// "I do one job, whichever it is, for this price and within this time."
    Ask {
        /// The price.
        price: Amount,
        /// From when it has the job.
        within: Span,
    },
    /// A bid that nobody can read yet.
    Commit {
        /// [`commitment`] of what will be revealed.
        digest: B256,
    },
    /// The bid behind a commitment.
    Reveal {
        /// The price.
        price: Amount,
        /// What made the commitment unguessable.
        nonce: u64,
    },
    /// "I give the job to this one."
    Choose {
        /// To whom.
        party: Party,
    },
    /// "I do what I have been given."
    Accept,
    /// "I cannot do what I have been given."
    Decline,
    /// "What was delivered is wrong."
    Contest,
    /// "Give me work."
    Poll,
    /// "What I want was proven before: I take that proof."
    Take {
        /// For which job.
        proof_of: JobId,
    },
}

/// A proof with the verifier's verdict. Whoever delivers is bound in it, so it is nobody else's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// Whether it verifies.
    pub valid: bool,
    /// What it proves of a job of many parts: the part's number, or how many parts from the first
    /// on; the mechanism says which. Zero for a plain proof.
    pub part: u32,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Money comes in.
    Fund {
        /// To whose hand.
        party: Party,
        /// How much.
        amount: Amount,
    },
    /// Money leaves.
    Withdraw {
        /// From whose hand.
        party: Party,
        /// How much.
        amount: Amount,
    },
    /// A party gives to the pool, from which rewards are paid.
    Endow {
        /// From whose hand.
        party: Party,
        /// How much.
        amount: Amount,
    },
    /// Somebody whose word counts has measured a prover, such as by a timed workload.
    Measure {
        /// Whom.
        party: Party,
        /// The result; what it means, the mechanism says.
        score: u32,
    },
    /// A prover becomes a member, or changes its position.
    Join {
        /// Who.
        party: Party,
        /// With what from now on.
        position: Position,
    },
    /// A member wants its stake back.
    Leave {
        /// Who.
        party: Party,
    },
    /// A job is offered.
    Open {
        /// Its number, above all earlier ones.
        job: JobId,
        /// What is wanted.
        spec: JobSpec,
    },
    /// The requester no longer wants a job that nobody has yet.
    Cancel {
        /// The job.
        job: JobId,
        /// Who says so.
        by: Party,
    },
    /// A party speaks.
    Say {
        /// Who.
        from: Party,
        /// About which job; none when it speaks at large.
        job: Option<JobId>,
        /// What.
        message: Message,
    },
    /// A proof arrives.
    Deliver {
        /// For which job.
        job: JobId,
        /// Whose it is.
        by: Party,
        /// The proof.
        proof: Proof,
    },
    /// Randomness for a set that was frozen before.
    Seed {
        /// The round that asked for it.
        round: u64,
        /// The randomness, verified by whoever writes the log.
        seed: B256,
        /// When it became public.
        published: Time,
    },
    /// Nothing but that time has passed. Never needed: what is due happens before any event.
    Tick,
}

impl JobSpec {
    /// # Errors
    /// The deadline is before `earliest`.
    pub fn due_from(&self, earliest: Time) -> Result<(), Refusal> {
        if self.deadline < earliest { Err(Refusal::DeadlineTooSoon { earliest }) } else { Ok(()) }
    }

    /// # Errors
    /// The price is more than the requester pays.
    pub fn affords(&self, price: Amount) -> Result<(), Refusal> {
        let limit = self.max_pay;
        if price > limit { Err(Refusal::PriceTooHigh { limit }) } else { Ok(()) }
    }

    /// # Errors
    /// `party` is not who asks and pays.
    pub fn asked_by(&self, party: Party) -> Result<(), Refusal> {
        if party == self.requester { Ok(()) } else { Err(Refusal::NotTheRequester) }
    }
}

impl Position {
    /// # Errors
    /// Less than `wanted` is at stake.
    pub fn backs(&self, wanted: Amount) -> Result<(), Refusal> {
        if self.stake < wanted { Err(Refusal::StakeTooSmall { wanted }) } else { Ok(()) }
    }

    /// # Errors
    /// Less than `wanted` is at stake for a unit of capacity.
    pub fn backs_capacity(&self, wanted: Amount) -> Result<(), Refusal> {
        self.backs(wanted.scaled_down(self.capacity.into(), 1))
    }
}

impl Proof {
    /// A valid proof of a job of one part.
    pub const PLAIN: Self = Self { valid: true, part: 0 };

    /// # Errors
    /// It does not verify.
    pub fn verified(&self) -> Result<(), Refusal> {
        if self.valid { Ok(()) } else { Err(Refusal::InvalidProof) }
    }
}

/// What a [`Message::Commit`] carries: `keccak256(job ‖ party ‖ price ‖ nonce)`, numbers big-endian in
/// 8, 16 and 8 bytes. Job and party keep one commitment from serving twice.
pub fn commitment(job: JobId, party: Party, price: Amount, nonce: u64) -> B256 {
    let number = job.0.to_be_bytes();
    let price = price.get().to_be_bytes();
    keccak256([&number[..], party.as_slice(), &price, &nonce.to_be_bytes()].concat())
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}
