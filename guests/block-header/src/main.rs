//! Proves that Ethereum headers have the hashes they claim and that each is the parent of
//! the next. Input and journal are those of `block-header-core`.

#![no_std]
#![no_main]

rialto_guest::entry!(main);

fn main() {
    let input = rialto_guest::read_input();
    match block_header_core::check(&input, rialto_guest::keccak256) {
        Ok(journal) => rialto_guest::commit_journal(&journal.encode()),
        Err(fault) => panic!("{fault}"),
    }
}
