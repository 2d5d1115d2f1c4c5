//! What a proof must say to satisfy the request.

use crate::failure::Failure;
use crate::workload::Run;
use alloy::primitives::Bytes;
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use rialto_protocol::{ImageId, Journal, Predicate, claim_digest};

/// The kinds of predicate by their names on the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum PredicateKind {
    /// This program with exactly this journal
    #[default]
    Digest,
    /// This program with a journal that begins with --journal-prefix
    Prefix,
    /// Exactly this claim, whose journal need not be published
    Claim,
}

/// Which claims satisfy the request.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Predicate")]
pub(crate) struct PredicateArgs {
    /// What a proof must match
    #[arg(long, value_enum, default_value_t)]
    pub(crate) predicate: PredicateKind,

    /// The journal that is wanted, for digest and claim [default: that of the run]
    #[arg(long, value_name = "HEX", conflicts_with = "journal_prefix")]
    pub(crate) expect_journal: Option<Bytes>,

    /// The journal's first bytes, for prefix [default: none, so any journal will do]
    #[arg(long, value_name = "HEX")]
    pub(crate) journal_prefix: Option<Bytes>,
}

impl PredicateArgs {
    /// The predicate for program `image_id`. If the program was run, the run satisfies it.
    ///
    /// # Errors
    /// If arguments are missing or do not go together, or the run misses the predicate.
    pub(crate) fn predicate(&self, image_id: ImageId, run: Option<&Run>) -> Result<Predicate> {
        let predicate = self.wanted(image_id, run)?;
        if let Some(run) = run {
            predicate.check(run.image_id, &run.journal).with_context(|| {
                let what = "the program's journal misses the predicate; nothing was signed or sent";
                Failure::refused(what, "correct the expected journal, the program or its input")
            })?;
        }
        Ok(predicate)
    }

    fn wanted(&self, image_id: ImageId, run: Option<&Run>) -> Result<Predicate> {
        let is_prefix = self.predicate == PredicateKind::Prefix;
        if self.journal_prefix.is_some() && !is_prefix {
            let what = "--journal-prefix is of use with --predicate prefix alone";
            return Err(Failure::usage(what, "add --predicate prefix").into());
        }
        if self.expect_journal.is_some() && is_prefix {
            let what = "--expect-journal is of no use with --predicate prefix";
            return Err(Failure::usage(what, "give --journal-prefix instead").into());
        }
        if is_prefix {
            let prefix = self.journal_prefix.clone().unwrap_or_default();
            return Ok(Predicate::PrefixMatch { image_id, prefix });
        }
        let expected = self.expect_journal.clone().map(Journal);
        let journal = expected.or_else(|| Some(run?.journal.clone())).ok_or_else(|| {
            let what = "without a run nobody knows the journal that the predicate should want";
            let next = "give --expect-journal or --predicate prefix, or leave out --no-preflight";
            Failure::usage(what, next)
        })?;
        Ok(match self.predicate {
            PredicateKind::Claim => Predicate::ClaimDigestMatch(claim_digest(image_id, &journal)),
            _ => Predicate::DigestMatch { image_id, journal_sha256: journal.sha256() },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_protocol::Cycles;

    const IMAGE: ImageId = ImageId(alloy::primitives::B256::repeat_byte(1));

    fn run() -> Run {
        let journal = Journal(Bytes::from_static(b"abc"));
        Run { image_id: IMAGE, cycles: Cycles(1), segments: 1, journal }
    }

    fn args(predicate: PredicateKind) -> PredicateArgs {
        PredicateArgs { predicate, ..PredicateArgs::default() }
    }

    #[test]
    fn every_kind_is_satisfied_by_its_own_run() {
        for kind in [PredicateKind::Digest, PredicateKind::Prefix, PredicateKind::Claim] {
            args(kind).predicate(IMAGE, Some(&run())).unwrap();
        }
    }

    #[test]
    fn a_run_that_misses_is_refused_before_anything_is_signed() {
        let expect_journal = Some(Bytes::from_static(b"xyz"));
        let other = PredicateArgs { expect_journal, ..PredicateArgs::default() };
        let journal_prefix = Some(Bytes::from_static(b"b"));
        let prefix = PredicateArgs { journal_prefix, ..args(PredicateKind::Prefix) };
        for missed in [other, prefix] {
            let said = missed.predicate(IMAGE, Some(&run())).unwrap_err().to_string();
            assert!(said.starts_with("the program's journal misses the predicate"), "{said}");
        }
    }

    #[test]
    fn without_a_run_a_journal_must_be_named_or_none_wanted() {
        assert!(args(PredicateKind::Digest).predicate(IMAGE, None).is_err());
        assert!(args(PredicateKind::Claim).predicate(IMAGE, None).is_err());
        args(PredicateKind::Prefix).predicate(IMAGE, None).unwrap();
        let expect_journal = Some(Bytes::from_static(b"x"));
        PredicateArgs { expect_journal, ..args(PredicateKind::Claim) }
            .predicate(IMAGE, None)
            .unwrap();
    }
}
