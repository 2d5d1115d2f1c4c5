//! The cluster against real databases, real processes and a real zkVM.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping")]

mod api;
mod coordinator;
mod databases;
mod embedded;
mod ledger;
mod line;
mod mock_line;
mod postgres;
mod worker;
