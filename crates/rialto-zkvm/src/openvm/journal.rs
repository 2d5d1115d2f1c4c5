//! The journal inside of OpenVM's public values: four little-endian bytes of length, the
//! journal, zeros.

use bytes::Bytes;
use rialto_protocol::Journal;

/// The journal in `values`.
pub(super) fn decode(values: &[u8]) -> Result<Journal, String> {
    let (length, rest) = values.split_first_chunk().ok_or("there are none")?;
    let length = u32::from_le_bytes(*length) as usize;
    let Some((journal, padding)) = rest.split_at_checked(length) else {
        return Err(format!("they announce {length} bytes and hold at most {}", rest.len()));
    };
    if padding.iter().any(|byte| *byte != 0) {
        return Err("there is something after the journal".to_owned());
    }
    Ok(Journal(Bytes::copy_from_slice(journal).into()))
}
