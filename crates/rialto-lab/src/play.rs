//! What a mechanism asks of those who take part: the moves that its owners make.

use rialto_mechanism::Span;
use serde::Deserialize;

/// How one takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Play {
    /// One proves and delivers.
    Race,
    /// One proves every epoch whole and delivers before its window ends, whatever others do.
    Pool,
    /// One locks when the price has risen far enough, then proves.
    Clock,
    /// One commits to a bid, shows it later, and proves what one has won.
    Sealed {
        /// How long bids are committed.
        commit: Span,
    },
}

/// The rules of a sealed auction, as far as bidders must know them.
#[derive(Deserialize)]
struct Windows {
    commit: Span,
}

/// A mechanism that no owner here knows how to take part in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the laboratory's owners do not know how to take part in {mechanism}")]
pub struct NoPlay {
    /// Its name.
    pub mechanism: String,
}

impl Play {
    /// How one takes part in a mechanism, by its name and rules.
    ///
    /// # Errors
    /// Nobody here knows.
    pub fn of(mechanism: &str, rules: &str) -> Result<Self, NoPlay> {
        match mechanism {
            "open-race" => Ok(Self::Race),
            "dutch-lock" => Ok(Self::Clock),
            "pooled-epoch" => Ok(Self::Pool),
            "sealed-second-price" => {
                let windows: Windows = toml::from_str(rules)
                    .map_err(|_| NoPlay { mechanism: mechanism.to_owned() })?;
                Ok(Self::Sealed { commit: windows.commit })
            }
            other => Err(NoPlay { mechanism: other.to_owned() }),
        }
    }
}
