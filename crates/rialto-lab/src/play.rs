//! What a mechanism asks of those who take part: the moves that its owners make.

/// How one takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Play {
    /// One proves and delivers.
    Race,
    /// One locks when the price has risen far enough, then proves.
    Clock,
}

/// A mechanism that no owner here knows how to take part in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the laboratory's owners do not know how to take part in {mechanism}")]
pub struct NoPlay {
    /// Its name.
    pub mechanism: String,
}

impl Play {
    /// How one takes part in a mechanism, by its name.
    ///
    /// # Errors
    /// Nobody here knows.
    pub fn of(mechanism: &str) -> Result<Self, NoPlay> {
        match mechanism {
            "open-race" => Ok(Self::Race),
            "dutch-lock" => Ok(Self::Clock),
            other => Err(NoPlay { mechanism: other.to_owned() }),
        }
    }
}
