//! The attester's HTTP interface, on a free port, with a real store and a real record.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping")]

mod attestations;
mod house;
mod kill;
mod openvm;
mod uploads;
