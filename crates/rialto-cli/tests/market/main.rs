//! A whole market: a real chain, and attester and node as the real binary in processes of their own.
//! Nothing is mocked.

mod crash;
mod refusals;
mod world;
