//! Everything that a mechanism may cause, as values: whoever drives it carries them out, and the
//! auditor judges them.

use crate::{Account, Allocation, Amount, JobId, Party, Time};
use alloy_primitives::B256;
use serde::Serialize;
use std::fmt;

/// What came of one event, and of all that was due before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Step {
    /// In order.
    pub effects: Vec<Happened>,
    /// How many of them were due before the event.
    pub due: usize,
    /// Why the event itself changed nothing.
    pub refused: Option<Refusal>,
}

/// An effect and its time: when it was due, which may be before the event that let it show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Happened {
    /// When.
    pub at: Time,
    /// What.
    pub effect: Effect,
}

/// A change that others see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Effect {
    /// Money goes from one account to another; never nothing.
    Moved {
        /// Whence.
        from: Account,
        /// Whither.
        to: Account,
        /// How much.
        amount: Amount,
        /// For what.
        why: Why,
    },
    /// Somebody, or everybody, may prove a job.
    Allocated {
        /// The job.
        job: JobId,
        /// Who, until when, and what follows.
        allocation: Allocation,
    },
    /// A job has been taken from its holders, and nobody has it.
    Reopened {
        /// The job.
        job: JobId,
    },
    /// A holder's window has ended without its proof.
    Lapsed {
        /// The job.
        job: JobId,
        /// Who failed.
        party: Party,
    },
    /// A job is over.
    Settled {
        /// The job.
        job: JobId,
        /// How it ended.
        outcome: Outcome,
    },
    /// A set is frozen and waits for randomness.
    Frozen {
        /// What [`crate::Event::Seed`] must name.
        round: u64,
        /// Commitment to the set.
        root: B256,
        /// The earliest time at which its randomness may have become public.
        not_before: Time,
    },
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub enum Outcome {
    /// Proven, whoever did it.
    Proven,
    /// Nobody proved it in time.
    Unproven,
    /// Its requester took it back.
    Cancelled,
}

/// For what money moves. Out of an escrow, no party is paid twice for the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize)]
pub enum Why {
    /// Money comes in or leaves.
    Funding,
    /// A requester's money is held for a job.
    Escrow,
    /// What a job did not cost goes back.
    Refund,
    /// A party puts something at stake for a job.
    Bond,
    /// What was at stake for a job goes back.
    Release,
    /// A member's stake comes or goes.
    Stake,
    /// A proof is paid.
    Price,
    /// A proof that came after the first is paid; its rank from one on.
    Uncle(u32),
    /// A proof is paid that somebody else had promised.
    Rescue,
    /// A party loses what it had at stake for a job, or a requester its escrow.
    Forfeit(JobId),
    /// The venue's share of a price.
    Fee,
    /// A pool takes in or pays out.
    Pool,
    /// Whoever had a proof made has its share of what another pays for it.
    Resale,
}

/// Why an event changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, serde::Deserialize)]
pub enum Refusal {
    /// The log would run backwards.
    #[error("it is {now} s already")]
    TimeReversed {
        /// The latest time so far.
        now: Time,
    },
    /// An account holds too little.
    #[error("{wanted} is wanted of {held}")]
    Insufficient {
        /// What the event needs.
        wanted: Amount,
        /// What is there.
        held: Amount,
    },
    /// The ledger would hold more than it can.
    #[error("a run holds at most {} in all", Amount::MAX)]
    TooMuchMoney,
    /// A number that is not above all earlier ones.
    #[error("the next job's number is {next} or higher")]
    NumberUsed {
        /// The lowest free number.
        next: JobId,
    },
    /// A job that ends before it can be done.
    #[error("the deadline must be {earliest} s or later")]
    DeadlineTooSoon {
        /// The earliest deadline that the mechanism takes.
        earliest: Time,
    },
    /// A job that ends too far away.
    #[error("the deadline must be {latest} s or earlier")]
    DeadlineTooLate {
        /// The latest deadline that the mechanism takes.
        latest: Time,
    },
    /// A requester who pays too little.
    #[error("the most that is paid must be {wanted} or more")]
    PayTooLow {
        /// The least that the mechanism takes.
        wanted: Amount,
    },
    /// A job with the wrong number of parts.
    #[error("a job has from {min} to {max} parts here")]
    WrongParts {
        /// Fewest.
        min: u32,
        /// Most.
        max: u32,
    },
    /// A tree that is not perfect.
    #[error("the leaves of a tree are a power of two")]
    NotATree,
    /// A node of a tree that cannot be proven yet.
    #[error("what it is made of is not proven yet")]
    ChildrenMissing,
    /// No live job has this number.
    #[error("no such job, or it is over")]
    NoSuchJob,
    /// The mechanism has no use for this.
    #[error("this mechanism does not understand that")]
    NotUnderstood,
    /// Only members may.
    #[error("not a member")]
    NotAMember,
    /// Only a matcher may.
    #[error("not a matcher")]
    NotAMatcher,
    /// Only the requester may.
    #[error("not the requester")]
    NotTheRequester,
    /// Somebody has the job.
    #[error("somebody has the job")]
    Taken,
    /// Nobody has been given the job.
    #[error("the job is not allocated yet")]
    NotAllocated,
    /// Others have the right at this time.
    #[error("reserved for others until {until} s")]
    Reserved {
        /// The last instant of their right.
        until: Time,
    },
    /// The party's own right has ended and nobody else's is open to it.
    #[error("the right ended at {at} s")]
    Lapsed {
        /// The last instant of it.
        at: Time,
    },
    /// Only those who were given the job may.
    #[error("not one of those who have the job")]
    NotAHolder,
    /// Said or delivered before.
    #[error("done before")]
    AlreadyDone,
    /// The verifier's verdict.
    #[error("the proof does not verify")]
    InvalidProof,
    /// A price above what is allowed.
    #[error("the price may be at most {limit}")]
    PriceTooHigh {
        /// The most.
        limit: Amount,
    },
    /// A price below what is allowed.
    #[error("the price must be at least {wanted}")]
    PriceTooLow {
        /// The least.
        wanted: Amount,
    },
    /// Too little at stake.
    #[error("a stake of {wanted} is needed")]
    StakeTooSmall {
        /// The least.
        wanted: Amount,
    },
    /// Too little capacity.
    #[error("a capacity of {wanted} is needed")]
    CapacityTooSmall {
        /// The least.
        wanted: u32,
    },
    /// A capacity stays as it is for as long as its owner is a member.
    #[error("the capacity is {held} and cannot change")]
    CapacityFixed {
        /// What it is.
        held: u32,
    },
    /// Too many promises were broken.
    #[error("a record of {wanted} is needed, and it is {held}")]
    RecordTooPoor {
        /// The least.
        wanted: crate::Bps,
        /// What it is.
        held: crate::Bps,
    },
    /// A stake goes down by leaving only.
    #[error("the stake is {held} and cannot be lowered")]
    StakeLowered {
        /// What it is.
        held: Amount,
    },
    /// The member is on its way out.
    #[error("on its way out until {until} s")]
    Leaving {
        /// When it will have left.
        until: Time,
    },
    /// Before its time.
    #[error("not before {from} s")]
    TooEarly {
        /// The first instant at which it may be.
        from: Time,
    },
    /// After its time.
    #[error("the time for that ended at {at} s")]
    TooLate {
        /// The last instant at which it could be.
        at: Time,
    },
    /// Whoever delivers must have named its price before.
    #[error("bid first")]
    NoBid,
    /// What is revealed is not what was committed.
    #[error("that is not what was committed")]
    NotCommitted,
    /// No set waits for this seed.
    #[error("no set waits for round {round}")]
    NoSuchRound {
        /// The round that was named.
        round: u64,
    },
    /// There is no more room.
    #[error("at most {limit} fit")]
    Full {
        /// The most.
        limit: u32,
    },
    /// There is no work at the moment.
    #[error("there is no work")]
    NoWork,
    /// A proof that nobody sells, or no longer.
    #[error("that proof is not for sale")]
    NotForSale,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moved { from, to, amount, why } => write!(f, "{amount} {from}>{to} ({why})"),
            Self::Allocated { job, allocation } => write!(f, "{job} {allocation}"),
            Self::Reopened { job } => write!(f, "{job} to nobody"),
            Self::Lapsed { job, party } => write!(f, "{job} lapsed for {party}"),
            Self::Settled { job, outcome } => {
                write!(f, "{job} {}", format!("{outcome:?}").to_lowercase())
            }
            Self::Frozen { round, not_before, .. } => {
                write!(f, "frozen for seed {round} from {not_before}")
            }
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uncle(rank) => write!(f, "uncle {rank}"),
            Self::Forfeit(job) => write!(f, "forfeit{job}"),
            other => f.write_str(&format!("{other:?}").to_lowercase()),
        }
    }
}
