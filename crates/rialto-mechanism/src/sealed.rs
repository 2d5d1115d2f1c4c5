//! Bids that are committed while nobody can read them, and shown when no more can be committed.

use crate::{Amount, Case, Message, Party, Refusal, Ruling, Span, Time, commitment};
use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

/// Sealed bids for one job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sealed(Vec<(Party, B256, Option<Amount>)>);

/// When bids are committed and when they are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows {
    pub(crate) opened_at: Time,
    pub(crate) commit: Span,
    pub(crate) reveal: Span,
}

/// A bid that is shown, with the commitment that it must have.
struct Shown {
    from: Party,
    price: Amount,
    digest: B256,
}

/// A party commits to a bid, with a bond, or shows one of at most what the requester pays.
///
/// # Errors
/// It says something else, or at the wrong time, or what does not fit what it said before.
pub(crate) fn hear(
    case: &mut Case<'_, Sealed>,
    from: Party,
    said: &Message,
    windows: Windows,
    bond: Amount,
) -> Ruling {
    let now = case.now();
    match *said {
        Message::Commit { digest } => {
            case.job.mark.may_commit(from, windows, now)?;
            case.post_bond(from, bond)?;
            case.job.mark.0.push((from, digest, None));
            Ok(())
        }
        Message::Reveal { price, nonce } => {
            let digest = commitment(case.job.id, from, price, nonce);
            let limit = case.spec().max_pay;
            case.job.mark.show(Shown { from, price, digest }, limit, windows, now)
        }
        _ => Err(Refusal::NotUnderstood),
    }
}

impl Windows {
    /// The last instant at which a bid can be committed.
    pub(crate) fn commit_end(self) -> Time {
        self.opened_at + self.commit
    }

    /// The last instant at which one can be shown.
    pub(crate) fn reveal_end(self) -> Time {
        self.commit_end() + self.reveal
    }
}

impl Sealed {
    /// How many have committed.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    fn may_commit(&self, from: Party, windows: Windows, now: Time) -> Ruling {
        let at = windows.commit_end();
        match self.0.iter().any(|(party, ..)| *party == from) {
            _ if now > at => Err(Refusal::TooLate { at }),
            true => Err(Refusal::AlreadyDone),
            false => Ok(()),
        }
    }

    fn show(&mut self, shown: Shown, limit: Amount, windows: Windows, now: Time) -> Ruling {
        let (from, at) = (windows.commit_end().next(), windows.reveal_end());
        match now {
            now if now < from => return Err(Refusal::TooEarly { from }),
            now if now > at => return Err(Refusal::TooLate { at }),
            _ => {}
        }
        let mut bids = self.0.iter_mut();
        let (_, digest, price) =
            bids.find(|(party, ..)| *party == shown.from).ok_or(Refusal::NotCommitted)?;
        match price {
            Some(_) => Err(Refusal::AlreadyDone),
            None if *digest != shown.digest => Err(Refusal::NotCommitted),
            None if shown.price > limit => Err(Refusal::PriceTooHigh { limit }),
            None => {
                *price = Some(shown.price);
                Ok(())
            }
        }
    }

    /// All bids in the order in which they were committed, with the prices of those that were shown.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = (Party, Option<Amount>)> + use<> {
        std::mem::take(&mut self.0).into_iter().map(|(party, _, price)| (party, price))
    }
}
