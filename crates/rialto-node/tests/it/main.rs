//! The node against real parts, and before a simulated chain.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping")]
#![cfg(target_os = "linux")]

mod attesters;
mod bad_input;
#[path = "../faults/quiet.rs"]
mod quiet;
mod settings;
mod silence;
mod stage;
mod town;
