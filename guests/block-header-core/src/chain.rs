//! The checks themselves: hashes, then links.

use crate::header::{self, Header};
use crate::{Fault, Hash, Journal};

/// Checks the headers in `input` with the given Keccak-256 and says what was shown.
///
/// # Errors
/// The first [`Fault`], header by header: its hash before its link to the header before it.
pub fn check(input: &[u8], keccak256: impl Fn(&[u8]) -> [u8; 32]) -> Result<Journal, Fault> {
    let headers = header::parse(input)?;
    let mut previous: Option<&Header<'_>> = None;
    for header in &headers {
        check_hash(header, &keccak256)?;
        if let Some(previous) = previous {
            check_link(previous, header)?;
        }
        previous = Some(header);
    }
    Ok(journal(&headers))
}

fn check_hash(header: &Header<'_>, keccak256: impl Fn(&[u8]) -> [u8; 32]) -> Result<(), Fault> {
    let computed = Hash(keccak256(&header.rlp()));
    let claimed = header.claimed;
    if computed == claimed {
        Ok(())
    } else {
        Err(Fault::HashMismatch { number: header.number(), computed, claimed })
    }
}

/// Both headers' hashes have been checked, so `claimed` is the hash.
fn check_link(previous: &Header<'_>, header: &Header<'_>) -> Result<(), Fault> {
    let number = header.number();
    if header.parent() != previous.claimed {
        let (parent, previous) = (header.parent(), previous.claimed);
        return Err(Fault::ParentMismatch { number, parent, previous });
    }
    if previous.number().checked_add(1) != Some(number) {
        return Err(Fault::NumberMismatch { number, previous: previous.number() });
    }
    let (timestamp_s, previous_s) = (header.timestamp_s(), previous.timestamp_s());
    if timestamp_s <= previous_s {
        return Err(Fault::TimestampMismatch { number, timestamp_s, previous_s });
    }
    Ok(())
}

fn journal(headers: &[Header<'_>]) -> Journal {
    let (Some(first), Some(last)) = (headers.first(), headers.last()) else {
        unreachable!("`parse` refuses an input without headers");
    };
    Journal {
        number: last.number(),
        hash: last.claimed,
        parent_hash: last.parent(),
        state_root: last.state_root(),
        timestamp_s: last.timestamp_s(),
        header_count: headers.len() as u32,
        first_parent_hash: first.parent(),
    }
}
