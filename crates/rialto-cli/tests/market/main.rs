//! A whole market: a real chain, and attester and node as the real binary in processes of their own.
//! Nothing is mocked.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its world up has failed")]

mod crash;
mod refusals;
mod world;
