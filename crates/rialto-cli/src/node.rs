//! `rialto node`: runs a prover node, tells it what to do, and tells what happens in it.
//!
//! The node decides and records; here its events become lines, and the wish to end becomes a
//! clean stop that says what is still locked.

mod config;
mod directive;
mod owed;
mod pnl;
pub(crate) mod records;
mod run;
mod sentence;
mod setup;
mod telling;
mod top;

use crate::show::Console;
use anyhow::Result;
use clap::Subcommand;
use rialto_node::Directive;

pub(crate) use run::NodeArgs;
pub(crate) use sentence::sentence;

/// `rialto node …`
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// Write a working configuration and check everything that a node needs
    Setup(setup::SetupArgs),
    /// Run a prover node until Ctrl-C
    Run(NodeArgs),
    /// Write, understand and check a configuration
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Take no new work, finish what is locked
    Pause(directive::TellArgs),
    /// Take work again
    Resume(directive::TellArgs),
    /// Take no new work, finish what is locked, then end
    Drain(directive::DrainArgs),
    /// Watch a running node on the terminal
    Top(top::TopArgs),
    /// Show what was earned, spent and lost
    Pnl(pnl::PnlArgs),
}

/// `rialto node …`
pub(crate) async fn run(command: &NodeCommand, console: Console) -> Result<()> {
    match command {
        NodeCommand::Setup(args) => setup::run(args, console).await,
        NodeCommand::Run(args) => run::run(args, console).await,
        NodeCommand::Config(command) => config::run(command, console),
        NodeCommand::Pause(args) => directive::tell(args, Directive::Pause, console).await,
        NodeCommand::Resume(args) => directive::tell(args, Directive::Run, console).await,
        NodeCommand::Drain(args) => directive::drain(args, console).await,
        NodeCommand::Top(args) => top::run(args, console).await,
        NodeCommand::Pnl(args) => pnl::run(args, console).await,
    }
}
