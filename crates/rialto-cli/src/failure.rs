//! An error as the user meets it: what was wrong, where, what to do next, and an exit code.
//!
//! Everything below returns `anyhow` errors. Whoever knows the way out attaches a [`Failure`];
//! for the typed errors of the other crates, whose sentences give the way out after a semicolon,
//! this module knows the kind. Nothing else decides an exit code.

use crate::show;
use rialto_artifacts::{FetchError, StoreError};
use rialto_attester::{RecordError, ServeError};
use rialto_chain::devnet::{AnvilError, DeployError, DevnetError};
use rialto_chain::network::NetworkFileError;
use rialto_chain::{EndpointError, MarketError, MarketRevert, SendError};
use rialto_node::{InvalidName, LogbookError, NodeError, SettingsError};
use rialto_protocol::{InvalidOffer, RequestRejected};
use rialto_zkvm::VerifyError;
use serde_json::json;
use std::error::Error;
use std::fmt;
use std::process::ExitCode;

/// The exit codes, for `rialto --help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed: a fault that none of the others names
  2  usage: an argument, a file, a key or an offer must be corrected
  3  refused: the program, the market or a check said no
  4  unreachable: the chain, an attester or a URL did not answer; try again
  5  not yet: no proof has been delivered";

/// What helps against wrong settings, whatever is wrong with them.
const SETTINGS_NEXT_STEP: &str =
    "correct the file; `rialto node config explain KEY` tells about a setting";

/// What sort of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// None of the others.
    Failed = 1,
    /// What was given must be corrected.
    Usage = 2,
    /// The program, the market or a check said no.
    Refused = 3,
    /// Somebody who should answer did not.
    Unreachable = 4,
    /// It is too early.
    NotYet = 5,
}

/// What was wrong and where, with the way out.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    what: String,
    next_step: String,
}

impl Failure {
    /// A failure of `kind`. `what` says what was wrong and where, `next_step` what to do.
    pub(crate) fn new(kind: Kind, what: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self { kind, what: what.into(), next_step: next_step.into() }
    }

    /// Something that was given must be corrected.
    pub(crate) fn usage(what: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self::new(Kind::Usage, what, next_step)
    }

    /// Somebody said no.
    pub(crate) fn refused(what: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self::new(Kind::Refused, what, next_step)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Error for Failure {}

/// An error, taken apart for people and machines.
#[derive(Debug, PartialEq, Eq)]
struct Report {
    kind: Kind,
    what: String,
    because: Vec<String>,
    next_step: String,
}

/// Tells the user of `error`, on standard error, and gives the exit code.
pub(crate) fn tell(error: &anyhow::Error, as_json: bool) -> ExitCode {
    let report = Report::of(error);
    if as_json {
        let value = json!({
            "error": report.what,
            "because": report.because,
            "next_step": report.next_step,
            "exit_code": report.kind as u8,
        });
        eprintln!("{value}");
    } else {
        eprint!("{}", report.text(show::stderr_has_colour()));
    }
    ExitCode::from(report.kind as u8)
}

impl Report {
    fn of(error: &anyhow::Error) -> Self {
        let mut sentences: Vec<String> = error.chain().map(ToString::to_string).collect();
        // Wrappers that pass their source's words through would say everything twice.
        sentences.dedup();
        if let Some(Failure { kind, next_step, .. }) = error.downcast_ref() {
            // Their advice is about fields and files; whoever attached the failure says it in
            // arguments.
            let superseded = |cause: &&(dyn Error + 'static)| {
                cause.is::<InvalidOffer>() || cause.is::<NetworkFileError>()
            };
            for cause in error.chain().filter(superseded) {
                take_advice(&mut sentences, &cause.to_string());
            }
            let (what, because) = headed(sentences);
            return Self { kind: *kind, what, because, next_step: next_step.clone() };
        }
        let kind = error.chain().find_map(kind_of).unwrap_or(Kind::Failed);
        let advisers = error.chain().filter(|cause| gives_advice(*cause));
        let advice =
            advisers.map(ToString::to_string).find_map(|said| take_advice(&mut sentences, &said));
        let is_settings = error.chain().any(|cause| cause.is::<SettingsError>());
        let usual = if is_settings { SETTINGS_NEXT_STEP } else { kind.usual_next_step() };
        let next_step = advice.unwrap_or_else(|| usual.to_owned());
        let (what, because) = headed(sentences);
        Self { kind, what, because, next_step }
    }

    fn text(&self, colour: bool) -> String {
        let mut text = format!("{} {}\n", show::bold_red("error:", colour), self.what);
        for cause in &self.because {
            let cause = cause.trim().replace('\n', "\n           ");
            text += &format!("  because: {cause}\n");
        }
        text + &format!("{} {}\n", show::bold("next step:", colour), self.next_step)
    }
}

impl Kind {
    fn usual_next_step(self) -> &'static str {
        match self {
            Self::Failed => "run it again with RUST_LOG=debug to see more",
            Self::Usage => "correct it; `--help` after the command shows examples",
            Self::Refused => "correct what was refused, or accept the refusal",
            Self::Unreachable => "check that it runs and that its address is right, then try again",
            Self::NotYet => "try again later",
        }
    }
}

/// Cuts the advice off `sentence` wherever it stands among `sentences`, and gives it.
fn take_advice(sentences: &mut [String], sentence: &str) -> Option<String> {
    let (problem, advice) = sentence.split_once("; ")?;
    for said in sentences.iter_mut().filter(|said| **said == sentence) {
        said.truncate(problem.len());
    }
    Some(advice.to_owned())
}

fn headed(sentences: Vec<String>) -> (String, Vec<String>) {
    let mut sentences = sentences.into_iter();
    (sentences.next().unwrap_or_default(), sentences.collect())
}

/// Our own errors say what to do after a semicolon; strangers' use semicolons as they like.
fn gives_advice(cause: &(dyn Error + 'static)) -> bool {
    cause.is::<NetworkFileError>()
        || cause.is::<MarketError>()
        || cause.is::<MarketRevert>()
        || cause.is::<Box<MarketRevert>>()
        || cause.is::<SendError>()
        || cause.is::<RequestRejected>()
        || cause.is::<InvalidOffer>()
        || cause.is::<SettingsError>()
        || cause.is::<NodeError>()
        || cause.is::<LogbookError>()
        || cause.is::<InvalidName>()
        || cause.is::<DevnetError>()
        || cause.is::<AnvilError>()
        || cause.is::<RecordError>()
}

/// What an error of another crate means here; nothing if that depends on its cause.
fn kind_of(cause: &(dyn Error + 'static)) -> Option<Kind> {
    if let Some(error) = cause.downcast_ref::<SendError>() {
        return match error {
            SendError::Endpoint(_) | SendError::Stopped => Some(Kind::Unreachable),
            SendError::NotRecorded(_) => Some(Kind::Failed),
            _ => Some(Kind::Refused),
        };
    }
    if let Some(error) = cause.downcast_ref::<FetchError>() {
        return Some(if error.is_transient() { Kind::Unreachable } else { Kind::Usage });
    }
    if let Some(error) = cause.downcast_ref::<MarketError>() {
        return match error {
            MarketError::NotAMarket { .. } => Some(Kind::Usage),
            MarketError::Reverted(_) => Some(Kind::Refused),
            _ => None,
        };
    }
    if let Some(error) = cause.downcast_ref::<NodeError>() {
        return matches!(error, NodeError::WrongChain { .. }).then_some(Kind::Usage);
    }
    let known = [
        (cause.is::<EndpointError>(), Kind::Unreachable),
        (cause.is::<NetworkFileError>(), Kind::Usage),
        (cause.is::<SettingsError>() || cause.is::<InvalidName>(), Kind::Usage),
        (is_elsewhere(cause), Kind::Usage),
        (cause.is::<RequestRejected>() || cause.is::<InvalidOffer>(), Kind::Usage),
        (cause.is::<MarketRevert>() || cause.is::<Box<MarketRevert>>(), Kind::Refused),
        (cause.is::<VerifyError>(), Kind::Refused),
        (cause.is::<AnvilError>() || cause.is::<DeployError>(), Kind::Failed),
        (cause.is::<StoreError>() || cause.is::<ServeError>(), Kind::Failed),
    ];
    known.iter().find(|(is, _)| *is).map(|(_, kind)| *kind)
}

/// A logbook that was looked for in the wrong place.
fn is_elsewhere(cause: &(dyn Error + 'static)) -> bool {
    cause.downcast_ref().is_some_and(|error| matches!(error, LogbookError::Absent { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;
    use expect_test::{Expect, expect};
    use rialto_protocol::Wei;

    fn check(error: &anyhow::Error, expected: Expect) {
        let report = Report::of(error);
        expected.assert_eq(&format!("{}{:?}\n", report.text(false), report.kind));
    }

    #[test]
    fn an_attached_failure_decides_kind_and_next_step() {
        let error = Err::<(), _>(std::io::Error::other("the disk is gone"))
            .context(Failure::usage("cannot read key.json", "name another file"))
            .unwrap_err();
        check(
            &error,
            expect![[r#"
                error: cannot read key.json
                  because: the disk is gone
                next step: name another file
                Usage
            "#]],
        );
    }

    #[test]
    fn advice_in_a_sentence_becomes_the_next_step() {
        let offer = InvalidOffer::PricesReversed { min: Wei::from(2), max: Wei::from(1) };
        check(
            &RequestRejected::from(offer).into(),
            expect![[r#"
                error: the offer is not self-consistent
                  because: the minimum price 2 wei is above the maximum price 1 wei
                next step: raise maxPrice or lower minPrice
                Usage
            "#]],
        );
        let revert = MarketRevert::RequestIsNotLocked("0x1".parse().unwrap());
        check(
            &SendError::WouldRevert(Box::new(revert)).into(),
            expect![[r#"
                error: the call would revert, so it was not sent
                  because: request 0x1 was never locked
                next step: there is nothing to settle
                Refused
            "#]],
        );
    }

    #[test]
    fn every_failure_has_a_next_step() {
        check(
            &anyhow::anyhow!("something; or other"),
            expect![[r#"
                error: something; or other
                next step: run it again with RUST_LOG=debug to see more
                Failed
            "#]],
        );
    }
}
