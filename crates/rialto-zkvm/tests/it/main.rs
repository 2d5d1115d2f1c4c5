//! Tests of the crate against the real OpenVM and the real block-header program.
//!
//! Making a proof takes every core for ten seconds and more, so the tests of one run share
//! one; see [`fixture`].

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping")]

mod compressed;
mod execution;
mod fixture;
mod joining;
mod keys;
mod local;
mod program;
mod proof;
