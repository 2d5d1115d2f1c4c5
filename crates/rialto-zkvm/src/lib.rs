//! Proof systems and provers behind two ports.
//!
//! [`Zkvm`] is what a proof system can do, [`Prover`] is how to have a proof made.
//! `OpenVm` implements the first; [`LocalProver`] makes the second out of any of the first,
//! in threads of this process. Whoever only verifies needs an `OpenVmVerifier`. OpenVM is behind
//! the feature `openvm`, on by default: a crate with another zkVM turns it off and builds on the
//! ports, [`envelope`] and [`guard`].
//!
//! Invariants, mostly absences: nothing here knows a chain, a price or a file of anybody's but
//! the key cache; bytes from strangers end in an error, never in a panic and never in more
//! memory or time than their limits; no proof leaves without having been verified.

mod zkvm;

mod joining;

pub mod envelope;
pub mod guard;

#[cfg(feature = "openvm")]
mod keys;
#[cfg(feature = "openvm")]
mod openvm;

mod local;
mod prover;

#[cfg(feature = "mock")]
pub mod mock;

pub use joining::{JoinPlace, Joining};
#[cfg(feature = "openvm")]
pub use keys::{KeyOrigin, KeyStore};
pub use local::{LocalProver, LocalProverConfig};
#[cfg(feature = "openvm")]
pub use openvm::{KeyError, OpenVm, OpenVmVerifier};
pub use prover::{InvalidJobId, JobId, JobStatus, ProofJob, Prover, ProverError};
pub use zkvm::{
    ExecuteError, Execution, ExecutionLimits, NotAProgram, Part, Progress, ProofKind,
    ProofVerifier, ProveError, Segment, VerifiedClaim, VerifyError, Zkvm,
};
