//! The attester: a service that verifies proofs natively and signs what it verified.
//!
//! It stands in for an on-chain verifier of zkVMs that have none: `k` of `n` attesters sign the
//! Merkle root of the claims whose proofs they checked, and the chain's `AttestedVerifier` counts
//! their signatures. Anybody can fetch an attested proof from [`serve`]'s HTTP interface by claim
//! and check it again, so a false signature can be shown.
//!
//! Invariants: no signature without a proof that verified and that proves exactly the claim that
//! was asked for; none for a contract that the attester was not told to serve; before a signature
//! leaves, what it says and the proofs it rests on are durable; bytes from a stranger cost bounded
//! memory, threads and time, and are never trusted.
//!
//! The service knows no market, node or request: it holds a key and judges proofs, nothing else.

mod config;
mod http;
mod judgement;
mod queue;
mod record;

pub use config::{AttesterConfig, ServedDomains};
pub use http::{AttestedProof, AttesterInfo, ServeError, Serving, Verifier, serve};
pub use record::RecordError;
