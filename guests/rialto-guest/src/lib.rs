//! What a Rialto guest program needs: its input, its journal, Keccak-256.
//!
//! A program reads one input, exactly as the requester gave it, and commits one journal. To
//! refuse an input it panics: the message reaches whoever executes it.

#![no_std]

extern crate alloc;

use alloc::vec::Vec;

pub use openvm::entry;
pub use openvm_keccak256::keccak256;

/// The most bytes that a journal can have.
pub const JOURNAL_BYTES_MAX: usize = 1020;

/// The program's input: the one entry of the VM's input stream. Ends the program, with
/// failure, when called a second time.
pub fn read_input() -> Vec<u8> {
    openvm::io::read_vec()
}

/// Makes `journal` the program's public output. To be called once, at the end: the VM's
/// public values are its length as four little-endian bytes, its bytes, and zeros.
///
/// # Panics
/// If the journal is longer than [`JOURNAL_BYTES_MAX`].
pub fn commit_journal(journal: &[u8]) {
    assert!(
        journal.len() <= JOURNAL_BYTES_MAX,
        "a journal has at most {JOURNAL_BYTES_MAX} bytes, this one has {}",
        journal.len()
    );
    openvm::io::reveal_u32(journal.len() as u32, 0);
    for (index, chunk) in journal.chunks(4).enumerate() {
        let mut word = [0; 4];
        word[..chunk.len()].copy_from_slice(chunk);
        openvm::io::reveal_u32(u32::from_le_bytes(word), index + 1);
    }
}
