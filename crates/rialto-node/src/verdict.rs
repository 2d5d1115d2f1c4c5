//! Why a request went as it did, in one sentence, with the setting that would have changed it.

use crate::event::{Entry, Event};
use crate::ledger::Sums;
use crate::logbook::Record;
use rialto_planner::{CycleLimit, Outcome, Skip};
use rialto_protocol::{Collateral, Wei};
use serde::{Deserialize, Serialize};

/// What came of a request and what would have had to differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// For people.
    pub sentence: String,
    /// How it ended; absent while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The setting that would have taken it, if one would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
}

/// A setting with the value at which a refusal would have been none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remedy {
    /// Its key, such as `market.max_collateral`.
    pub setting: String,
    /// What it would have had to be, such as `at least 5 RCT`.
    pub value: String,
}

impl Remedy {
    /// What would have accepted what `skip` refused.
    pub fn of(skip: &Skip) -> Option<Self> {
        let setting = skip.setting()?.to_owned();
        let value = match skip {
            Skip::TooLittleTime { left_s, needed_s } => {
                format!("lowered by {} s", needed_s.saturating_sub(*left_s))
            }
            Skip::CollateralAboveLimit { asked, .. } => format!("at least {}", rct(*asked)),
            Skip::TooManyCycles { cycles_max, why } => match why {
                CycleLimit::Setting => format!("above {}", cycles_max.0.div_ceil(1_000_000)),
                CycleLimit::Price => "lower: the run was stopped where its price ends".to_owned(),
                CycleLimit::Deadline => "higher, if the prover is faster than that".to_owned(),
            },
            Skip::JournalTooLong { bytes, .. } => format!("at least {bytes}"),
            Skip::BelowFloor { best_per_mcycle, .. } => {
                format!("at most {}", eth(*best_per_mcycle))
            }
            Skip::RaceBelowFloor { reward_per_mcycle, .. } => {
                format!("at most {}", rct(*reward_per_mcycle))
            }
            Skip::RequestorNotAllowed { client } => format!("that names {client} too"),
            Skip::RequestorDenied { client } => format!("that does not name {client}"),
            Skip::ExpiresTooLate { expires_in_s, .. } => format!("at least {expires_in_s}"),
            Skip::GasAbovePrice { .. } => "set to true, at a loss".to_owned(),
            Skip::TooFewCycles { cycles, .. } => format!("at most {}", cycles.0 / 1_000_000),
            Skip::Unfetchable { .. } => "higher, if the fault passes".to_owned(),
            Skip::Expired { .. }
            | Skip::TakenByOther { .. }
            | Skip::AlreadyFulfilled
            | Skip::UnsupportedSelector { .. }
            | Skip::ClientCannotPay { .. }
            | Skip::CannotBeSatisfied { .. }
            | Skip::Malformed { .. }
            | Skip::LockFailed { .. } => return None,
        };
        Some(Self { setting, value })
    }
}

/// Judges one request by its record, its timeline and its sums.
pub fn verdict(record: &Record, timeline: &[Entry], sums: &Sums) -> Verdict {
    let refusal = timeline.iter().rev().find_map(|entry| match &entry.event {
        Event::Skipped { skip, reason, .. } => Some((skip, reason)),
        _ => None,
    });
    let remedy = match record.outcome {
        Some(Outcome::Refused) | None => refusal.and_then(|(skip, _)| Remedy::of(skip)),
        _ => None,
    };
    let mut sentence = match record.outcome {
        None => unfinished(timeline),
        Some(Outcome::Refused) => {
            refused(refusal.map(|(_, reason)| reason.as_str()), remedy.as_ref())
        }
        Some(outcome) => ended(record, outcome, timeline),
    };
    if sums.gas_wei != Wei::ZERO {
        sentence += &format!("; its transactions cost {}", eth(sums.gas_wei));
    }
    if sums.income_wei != Wei::ZERO {
        sentence += &match sums.income_wei.checked_sub(sums.gas_wei) {
            Some(profit) => format!(", the profit is {}", eth(profit)),
            None => format!(", the loss is {}", eth(sums.gas_wei.saturating_sub(sums.income_wei))),
        };
    }
    Verdict { sentence: sentence + ".", outcome: record.outcome, remedy }
}

fn refused(reason: Option<&str>, remedy: Option<&Remedy>) -> String {
    let reason = reason.unwrap_or("its history is gone");
    match remedy {
        Some(Remedy { setting, value }) => {
            format!("Refused: {reason}. It would have passed with {setting} {value}")
        }
        None => format!("Refused: {reason}. No setting would have changed that"),
    }
}

fn ended(record: &Record, outcome: Outcome, timeline: &[Entry]) -> String {
    match outcome {
        Outcome::Paid { price } => format!("Paid {} for the proof", eth(price)),
        Outcome::RaceWon { reward } => format!("Won the proof race and {}", rct(reward)),
        Outcome::Forfeited => {
            let stake = rct(record.request.offer.lock_collateral);
            match last_trouble(timeline) {
                Some(trouble) => {
                    format!("Lost {stake}: the lock lapsed. The last trouble was {trouble}")
                }
                None => format!("Lost {stake}: the lock lapsed before the proof was delivered"),
            }
        }
        Outcome::TakenByOther => taken(timeline),
        Outcome::Expired => match last_trouble(timeline) {
            Some(trouble) => format!("Nobody delivered in time. Our last trouble was {trouble}"),
            None => "Nobody delivered in time".to_owned(),
        },
        Outcome::Refused => "Refused".to_owned(),
    }
}

fn taken(timeline: &[Entry]) -> String {
    let rival = timeline.iter().find_map(|entry| match entry.event {
        Event::LockedByOther { prover } => Some(prover),
        _ => None,
    });
    let ready = timeline.iter().rev().find_map(|entry| match entry.event {
        Event::Priced { lock_at, target_price, .. } => lock_at.zip(target_price),
        _ => None,
    });
    let who = rival.map_or("Another prover".to_owned(), |prover| format!("Prover {prover}"));
    match ready {
        Some((lock_at, price)) => format!(
            "{who} was faster: we would have locked at {lock_at}, when it pays {}. A lower \
             market.min_mcycle_price locks earlier",
            eth(price)
        ),
        None => format!("{who} was faster than our judgement"),
    }
}

fn unfinished(timeline: &[Entry]) -> String {
    let has = |wanted: fn(&Event) -> bool| timeline.iter().any(|entry| wanted(&entry.event));
    let stage = if has(|event| matches!(event, Event::Delivered)) {
        "delivered, and about to be closed"
    } else if has(|event| matches!(event, Event::Sealed { .. })) {
        "proven and attested, to be delivered"
    } else if has(|event| matches!(event, Event::Proven { .. })) {
        "proven, to be attested"
    } else if has(|event| matches!(event, Event::Locked { .. })) {
        "locked by us, to be proven"
    } else if has(|event| matches!(event, Event::LockedByOther { .. })) {
        "locked by another prover, whose lock may lapse"
    } else if has(|event| matches!(event, Event::Priced { .. })) {
        "judged, to be locked when it pays enough and there is room"
    } else {
        "seen, to be judged"
    };
    match last_trouble(timeline) {
        Some(trouble) => format!("Open: {stage}. The last trouble was {trouble}"),
        None => format!("Open: {stage}"),
    }
}

fn last_trouble(timeline: &[Entry]) -> Option<String> {
    timeline.iter().rev().find_map(|entry| match &entry.event {
        Event::Retrying { step, reason, .. } => Some(format!("that it could not {step}: {reason}")),
        _ => None,
    })
}

fn eth(amount: Wei) -> String {
    format!("{} ETH", amount.to_eth_down())
}

fn rct(amount: Collateral) -> String {
    format!("{} RCT", amount.to_tokens_down())
}

#[cfg(test)]
mod tests;
