//! The secret by which a worker or a requester is let in.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use thiserror::Error;

/// A token is one line of at most so many characters.
const CHARACTERS_MAX: usize = 512;

/// A token that opens a coordinator. It does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Bearer(String);

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// There is no usable token. Nothing of what was read is repeated.
#[derive(Debug, Error)]
pub enum BearerError {
    /// The file cannot be read.
    #[error("cannot read the token file {path}")]
    Read {
        /// Which.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// What was read is no token.
    #[error(
        "a token is one line of 16 to {CHARACTERS_MAX} visible ASCII characters without blanks"
    )]
    Malformed,
}

impl Bearer {
    /// The token in a file, whatever blanks are around it.
    ///
    /// # Errors
    /// If it cannot be read or holds no token.
    pub fn in_file(path: &Path) -> Result<Self, BearerError> {
        let read = |source| BearerError::Read { path: path.display().to_string(), source };
        std::fs::read_to_string(path).map_err(read)?.parse()
    }

    /// The secret itself, for whoever sends or compares it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Bearer {
    type Err = BearerError;

    fn from_str(text: &str) -> Result<Self, BearerError> {
        let text = text.trim();
        let is_token = (16..=CHARACTERS_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_token.then(|| Self(text.to_owned())).ok_or(BearerError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_and_never_shown() {
        let token: Bearer = " 0123456789abcdef\n".parse().unwrap();
        assert_eq!(
            (token.expose(), format!("{token:?}").as_str()),
            ("0123456789abcdef", "[secret]")
        );
        for bad in ["", "too-short", "0123456789 abcdef", "0123456789abcdeé", &"a".repeat(513)] {
            let error = bad.parse::<Bearer>().unwrap_err().to_string();
            assert!(bad.is_empty() || !error.contains(bad), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Bearer::in_file(Path::new("/nowhere/token")).unwrap_err();
        assert_eq!(error.to_string(), "cannot read the token file /nowhere/token");
    }
}
