//! `rialto node config`: an annotated example, what a setting means, and whether a file is right.

use crate::failure::Failure;
use crate::show::{Console, say};
use anyhow::Result;
use clap::{Args, Subcommand};
use rialto_node::Settings;
use rialto_node::settings::{Checked, Explanation, Flat, Remark};
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// `rialto node config …`
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print a configuration with the meaning of every setting
    Example,
    /// Say what a setting means and what it influences
    Explain(ExplainArgs),
    /// Read a file as the node would, and say what it would use
    Check(CheckArgs),
}

/// Options of `rialto node config explain`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto node config explain min_mcycle_price
  rialto node config explain market.min_deadline --json
  rialto node config explain max_stake              # an old name works too")]
pub(crate) struct ExplainArgs {
    /// The setting, with its section or without
    #[arg(value_name = "KEY")]
    key: String,
}

/// Options of `rialto node config check`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto node config check node.toml
  rialto node config check broker.toml        # what an existing broker's file means here
  rialto node config check node.toml --json | jq '.settings[] | select(.is_default | not)'

Nothing is started and nobody is asked. A file that the node would refuse ends with exit code 2 and
every mistake with its line.")]
pub(crate) struct CheckArgs {
    /// The configuration
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// `rialto node config …`
pub(crate) fn run(command: &ConfigCommand, console: Console) -> Result<()> {
    match command {
        ConfigCommand::Example => say(&Settings::example()),
        ConfigCommand::Explain(args) => console.report(&explain(&args.key)?),
        ConfigCommand::Check(args) => {
            let Checked { settings, warnings } = Settings::load(&args.file)?;
            let file = args.file.clone();
            console.report(&CheckedFile { file, warnings, settings: settings.flat() });
        }
    }
    Ok(())
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Explanations(Vec<Explanation>);

fn explain(key: &str) -> Result<Explanations> {
    let found = Settings::explain(key).map_err(|unknown| {
        let next = "`rialto node config example` shows every setting";
        let near = unknown.near.as_ref().map(|near| format!("did you mean {near}? {next}"));
        let near = near.unwrap_or_else(|| next.to_owned());
        Failure::usage(format!("{key} is not a setting"), near)
    })?;
    Ok(Explanations(found))
}

impl fmt::Display for Explanations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join("\n"))
    }
}

/// What a node would make of a file.
#[derive(Debug, Serialize)]
struct CheckedFile {
    file: PathBuf,
    warnings: Vec<Remark>,
    settings: Vec<Flat>,
}

impl fmt::Display for CheckedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for warning in &self.warnings {
            writeln!(f, "warning: {}, {warning}", self.file.display())?;
        }
        let (usual, own): (Vec<_>, Vec<_>) = self.settings.iter().partition(|row| row.is_default);
        writeln!(f, "{} is a valid configuration. It sets:\n", self.file.display())?;
        rows(f, &own)?;
        writeln!(f, "\nand leaves at their defaults:\n")?;
        rows(f, &usual)
    }
}

fn rows(f: &mut fmt::Formatter<'_>, rows: &[&Flat]) -> fmt::Result {
    for row in rows {
        writeln!(f, "  {} = {}", row.key, row.value.as_deref().unwrap_or("none"))?;
    }
    Ok(())
}
