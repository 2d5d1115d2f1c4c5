//! All that is known of one request: facts from the chain, and what this node has recorded.

use crate::appraise::Preflight;
use crate::skip::Skip;
use alloy_primitives::{Address, B256};
use rialto_protocol::{
    ClaimDigest, Collateral, Cycles, ProofRequest, RequestDigest, Timestamp, Wei,
};

/// A request as the node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The digest under which everything is kept.
    pub digest: RequestDigest,
    /// The request.
    pub request: ProofRequest,
    /// When this node first saw it, in milliseconds since the UNIX epoch.
    pub seen_at_ms: u64,
    /// What the chain says.
    pub facts: Facts,
    /// What this node has decided and made.
    pub standing: Standing,
}

/// What the chain says of a request, up to the node's cursor. A reorganised chain takes facts back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The lock on the request's id.
    pub lock: Option<LockFact>,
    /// Deliveries, in order.
    pub deliveries: Vec<Delivery>,
    /// The forfeited lock.
    pub slash: Option<SlashFact>,
}

/// A lock that was mined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockFact {
    /// Who locked.
    pub prover: Address,
    /// Which request of the id.
    pub digest: RequestDigest,
    /// Block time.
    pub at: Timestamp,
}

/// A delivery that was mined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Who delivered.
    pub prover: Address,
    /// Block time.
    pub at: Timestamp,
}

/// A slash that was mined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlashFact {
    /// Who got what was not burned.
    pub recipient: Address,
    /// How much that was.
    pub transferred: Collateral,
}

/// How far this node has come with an order. Each state holds only what is true in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing has been decided.
    Seen,
    /// Refused, for good.
    Skipped(Skip),
    /// Its program has run, and it was worth taking then.
    Run(Preflight),
    /// A proof lies in the artifact store.
    Proven(Preflight, Proven),
    /// Attesters have signed for it.
    Sealed(Preflight, Sealed),
}

/// A proof that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The proof's name in the artifact store.
    pub proof: B256,
    /// What it proves.
    pub claim: ClaimDigest,
    /// When it was finished, by the node's clock.
    pub at: Timestamp,
}

/// A proof with its seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The proof.
    pub proven: Proven,
    /// What convinces the verifier contract.
    pub seal: alloy_primitives::Bytes,
}

impl Order {
    /// The price that our lock was made at.
    pub fn lock_price(&self, lock: &LockFact) -> Wei {
        self.request.offer.price_at(lock.at)
    }

    /// What the program's run showed, once it has run.
    pub fn run(&self) -> Option<&Preflight> {
        match &self.standing {
            Standing::Run(run) | Standing::Proven(run, _) | Standing::Sealed(run, _) => Some(run),
            Standing::Seen | Standing::Skipped(_) => None,
        }
    }

    /// Cycles, once the program has run.
    pub fn cycles(&self) -> Option<Cycles> {
        self.run().map(|run| run.cycles)
    }

    /// Whether `me` has this very request locked.
    pub fn is_locked_by(&self, me: Address) -> bool {
        self.facts.lock.as_ref().is_some_and(|lock| lock.prover == me && lock.digest == self.digest)
    }
}
