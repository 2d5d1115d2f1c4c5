//! The binary as its users meet it: real processes against a real chain, judged by what they print
//! and by their exit codes.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping")]

mod accounts;
mod lab;
mod market;
mod monitor;
mod node;
mod refusals;
mod requests;
mod terminal;
