//! What a worker and its child process say to each other: a length and postcard.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, Read};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest frame: a join with all its parts.
const FRAME_BYTES_MAX: u32 = 1 << 30;

/// A frame of `said`.
pub(super) fn encode(said: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    frame = postcard::to_extend(said, frame).map_err(io::Error::other)?;
    let length = u32::try_from(frame.len() - 4).ok().filter(|length| *length <= FRAME_BYTES_MAX);
    let length = length.ok_or_else(|| too_long(frame.len() as u64 - 4))?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame)
}

/// What the next frame says; nothing if there is none any more.
pub(super) fn read<Said: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<Said>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let length = checked(length)?;
    let mut frame = Vec::new();
    from.take(length).read_to_end(&mut frame)?;
    decode(&frame, length).map(Some)
}

/// What the next frame says.
pub(super) async fn read_async<Said: DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin),
) -> io::Result<Said> {
    let mut length = [0; 4];
    from.read_exact(&mut length).await?;
    let length = checked(length)?;
    let mut frame = Vec::new();
    from.take(length).read_to_end(&mut frame).await?;
    decode(&frame, length)
}

fn checked(length: [u8; 4]) -> io::Result<u64> {
    match u32::from_be_bytes(length) {
        length if length <= FRAME_BYTES_MAX => Ok(length.into()),
        length => Err(too_long(length.into())),
    }
}

fn decode<Said: DeserializeOwned>(frame: &[u8], length: u64) -> io::Result<Said> {
    if (frame.len() as u64) < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    postcard::from_bytes(frame).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn too_long(length: u64) -> io::Error {
    let text = format!("a message has at most {FRAME_BYTES_MAX} bytes, this one {length}");
    io::Error::new(io::ErrorKind::InvalidData, text)
}
