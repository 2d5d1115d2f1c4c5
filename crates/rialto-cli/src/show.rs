//! How results are shown: text for people or JSON for machines on standard output, remarks and
//! progress on standard error.
//!
//! A reader that has gone away is no failure: a node must not end because its log pipe did.

use crate::failure::Failure;
use indicatif::{ProgressBar, ProgressStyle};
use rialto_protocol::{Collateral, Wei};
use serde::Serialize;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// Where everything that a command says goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    json: bool,
}

impl Console {
    /// For machines if `json`, else for people.
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether machines listen.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Shows a command's result: one line of JSON, or its text.
    pub(crate) fn report(self, report: &(impl Serialize + fmt::Display)) {
        if self.json {
            self.object(report);
        } else {
            say(&report.to_string());
        }
    }

    /// One line of JSON.
    pub(crate) fn object(self, value: &impl Serialize) {
        let line = serde_json::to_string(value);
        say(&line.expect("reports have text keys and finite numbers"));
    }

    /// A remark on the way to a result, for people alone.
    pub(crate) fn remark(self, text: &str) {
        if !self.json {
            // Nobody is left to be told that standard error is closed.
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// A line that says what takes so long, on a terminal; [`ProgressBar::finish_and_clear`] ends
    /// it.
    pub(crate) fn spinner(self, text: impl Into<String>) -> ProgressBar {
        let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})");
        let spinner = self.bar(0).with_style(style.expect("the template is a constant"));
        spinner.set_message(text.into());
        spinner.enable_steady_tick(Duration::from_millis(120));
        spinner
    }

    /// A bar of `length` steps, on a terminal.
    pub(crate) fn progress(self, length: u64) -> ProgressBar {
        let style = ProgressStyle::with_template("{bar:30} {percent:>3} % {msg} ({elapsed})");
        let bar = self.bar(length).with_style(style.expect("the template is a constant"));
        bar.enable_steady_tick(Duration::from_millis(500));
        bar
    }

    fn bar(self, length: u64) -> ProgressBar {
        if self.json { ProgressBar::hidden() } else { ProgressBar::new(length) }
    }
}

/// One line on standard output.
pub(crate) fn say(text: &str) {
    // Whoever closed the pipe has read enough.
    let _ = writeln!(io::stdout(), "{}", text.trim_end_matches('\n'));
}

/// Part of a conversation, on standard error: standard output is for the result alone.
pub(crate) fn tell(text: &str) {
    // Nobody is left to be told that standard error is closed.
    let _ = write!(io::stderr(), "{text}");
}

/// Asks, and waits for a line.
///
/// # Errors
/// The answers have ended; `next_step` says what helps.
pub(crate) fn ask(
    question: &str,
    answers: &mut impl Iterator<Item = io::Result<String>>,
    next_step: &str,
) -> anyhow::Result<String> {
    tell(question);
    let answer = answers.next().transpose()?;
    let ended = || Failure::usage("the answers ended before the questions", next_step).into();
    answer.ok_or_else(ended)
}

/// Names and values in two columns.
#[derive(Debug, Default)]
pub(crate) struct Facts(Vec<(&'static str, String)>);

impl Facts {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// One more line.
    pub(crate) fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.0.push((name, value.to_string()));
        self
    }

    /// One more line if there is a value.
    pub(crate) fn with_some(self, name: &'static str, value: Option<impl fmt::Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// All lines of `others` as well.
    pub(crate) fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, value) in &self.0 {
            writeln!(f, "  {name:<width$}  {value}")?;
        }
        Ok(())
    }
}

/// An amount of ETH for people.
pub(crate) fn eth(amount: Wei) -> String {
    format!("{} ETH", amount.to_eth_down())
}

/// An amount of collateral for people.
pub(crate) fn rct(amount: Collateral) -> String {
    format!("{} RCT", amount.to_tokens_down())
}

/// Whether standard error shows colours and the user wants them.
pub(crate) fn stderr_has_colour() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// `text`, red and bold where colours show.
pub(crate) fn bold_red(text: &str, colour: bool) -> String {
    if colour { format!("\u{1b}[1;31m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// `text`, bold where colours show.
pub(crate) fn bold(text: &str, colour: bool) -> String {
    if colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// Amounts in JSON: decimal strings of the smallest unit, since numbers of JSON lose digits.
pub(crate) mod decimal {
    use serde::Serializer;
    use std::fmt::Display;

    /// For `#[serde(serialize_with)]`.
    pub(crate) fn string<S: Serializer>(amount: &impl Display, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(amount)
    }

    /// The same for what may be absent.
    pub(crate) fn optional<S: Serializer>(
        amount: &Option<impl Display>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match amount {
            Some(amount) => to.collect_str(amount),
            None => to.serialize_none(),
        }
    }
}
