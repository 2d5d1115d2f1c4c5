//! The node against real parts.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by unwrapping")]

mod attesters;
