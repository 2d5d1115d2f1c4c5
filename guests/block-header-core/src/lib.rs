//! What the `block-header` program proves, as pure code that the guest and the host share.
//!
//! A prover who shows a proof of this program has shown that one or more Ethereum headers
//! have the hashes they claim and that each is the parent of the next. The same [`check`]
//! runs inside the zkVM and on the host, so a bad header is refused with the same words
//! before anybody pays for a proof of it.
//!
//! Invariants: no clock, no IO, no allocation beyond a small multiple of the input; hostile
//! input is a [`Fault`], never a panic. Nothing here knows which zkVM runs it: the caller
//! hands in Keccak-256.

#![cfg_attr(not(feature = "host"), no_std)]

extern crate alloc;

mod chain;
mod fault;
mod field;
mod hash;
mod header;
mod journal;
mod rlp;

#[cfg(feature = "host")]
pub mod host;

pub use chain::check;
pub use fault::Fault;
pub use hash::Hash;
pub use journal::{Journal, JournalLength};
