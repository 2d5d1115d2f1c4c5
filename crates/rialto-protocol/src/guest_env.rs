//! How a request carries a program's input: one version byte, then the standard input.
//!
//! Version 0 is the raw bytes; version 1 is a MessagePack map `{"stdin": <bytes>}`, where older
//! writers put an array of numbers in place of the bytes.

use alloy_primitives::Bytes;
use serde::Deserialize;

/// Why bytes are no guest environment.
#[derive(Debug, thiserror::Error)]
pub enum InvalidGuestEnv {
    /// Nothing, not even a version.
    #[error("the input is empty; its first byte must be the encoding's version, 0 or 1")]
    Empty,
    /// A version that nobody knows.
    #[error("input encoding version {0} is unknown; 0 is raw bytes, 1 is MessagePack")]
    UnknownVersion(u8),
    /// Version 1 that is not the map it should be.
    #[error("the input is not a MessagePack map with a \"stdin\"")]
    MessagePack(#[from] rmp_serde::decode::Error),
}

/// Wraps standard input as version 0.
pub fn encode(stdin: &[u8]) -> Bytes {
    [&[0], stdin].concat().into()
}

/// Takes the standard input out of an encoded environment.
pub fn decode(encoded: &[u8]) -> Result<Bytes, InvalidGuestEnv> {
    match encoded {
        [] => Err(InvalidGuestEnv::Empty),
        [0, stdin @ ..] => Ok(Bytes::copy_from_slice(stdin)),
        [1, packed @ ..] => {
            let environment: Environment = rmp_serde::from_slice(packed)?;
            Ok(environment.stdin.into_vec().into())
        }
        [version, ..] => Err(InvalidGuestEnv::UnknownVersion(*version)),
    }
}

#[derive(Deserialize)]
struct Environment {
    stdin: serde_bytes::ByteBuf,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_and_the_old_array_form_give_stdin() {
        assert_eq!(decode(&encode(b"abc")).unwrap(), Bytes::from_static(b"abc"));
        let bin = b"\x01\x81\xa5stdin\xc4\x03abc";
        assert_eq!(decode(bin).unwrap(), Bytes::from_static(b"abc"));
        let array = b"\x01\x81\xa5stdin\x93\x61\x62\x63";
        assert_eq!(decode(array).unwrap(), Bytes::from_static(b"abc"));
    }

    #[test]
    fn hostile_bytes_are_refused() {
        assert!(matches!(decode(b""), Err(InvalidGuestEnv::Empty)));
        assert!(matches!(decode(b"\x07rest"), Err(InvalidGuestEnv::UnknownVersion(7))));
        assert!(matches!(decode(b"\x01\x81"), Err(InvalidGuestEnv::MessagePack(_))));
        let huge_length = b"\x01\x81\xa5stdin\xc6\xff\xff\xff\xff";
        assert!(matches!(decode(huge_length), Err(InvalidGuestEnv::MessagePack(_))));
    }
}
