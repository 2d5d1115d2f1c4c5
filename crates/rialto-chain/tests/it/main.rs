//! The chain's edge on a real chain node.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping")]

mod devnet;
mod feed;
mod market;
mod sender;
mod simulated;
mod storm;
mod world;
