//! `rialto`: the one binary, and the only place where everything is wired.
//!
//! One module a noun: each holds the arguments, the work and the words of its commands. Results go
//! to standard output, everything else to standard error; [`failure`] alone decides exit codes.

mod account;
mod amount;
mod attest;
mod cluster;
mod demo;
mod devnet;
mod failure;
mod interrupt;
mod journal;
mod keys;
mod lab;
mod network;
mod node;
mod prove;
mod request;
mod show;
mod why;
mod workload;
mod zkvm;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use show::Console;
use std::io;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// An open proving network: ask for zero-knowledge proofs, or earn by making them.
#[derive(Debug, Parser)]
#[command(name = "rialto", version, after_help = format!("{EXAMPLES}\n\n{}", failure::EXIT_CODES))]
struct Cli {
    /// Print JSON for machines instead of text for people
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole market on this machine, with real proofs, and show what happens
    Demo(demo::DemoArgs),
    /// Start a chain of your own with the market on it
    Devnet(devnet::DevnetArgs),
    /// Ask for proofs, and check what comes
    #[command(subcommand)]
    Request(request::RequestCommand),
    /// Run a prover node
    #[command(subcommand)]
    Node(node::NodeCommand),
    /// Tell what a node decided about a request, and why
    Why(why::WhyArgs),
    /// Verify proofs for the chain and sign for them
    #[command(subcommand)]
    Attest(attest::AttestCommand),
    /// Move money in and out of the market
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// Compare the ways of choosing and paying provers
    #[command(subcommand)]
    Lab(lab::LabCommand),
    /// Have proofs made by many workers
    #[command(subcommand)]
    Cluster(cluster::ClusterCommand),
    /// Make a proof on this machine, without any market
    Prove(prove::ProveArgs),
    /// Verify a proof on this machine
    Verify(prove::VerifyArgs),
}

const EXAMPLES: &str = "\
Examples:
  rialto demo                                              # all of it, in three minutes
  rialto devnet                                            # a chain with the market, funded keys
  rialto prove --program block-header --block block.json   # a proof without any market
  rialto request submit --program block-header --block block.json --key-file client.key --wait
  rialto node run --config node.toml --key-file prover.key
  rialto lab explain dutch-lock

Every command's --help has examples. Commands find the network in --network, in RIALTO_NETWORK, or
where `rialto devnet` writes it. Keys come from files or RIALTO_PRIVATE_KEY, never from arguments.";

fn main() -> ExitCode {
    let cli = Cli::parse();
    begin_logging(&cli.command);
    let console = Console::new(cli.json);
    match start(&cli.command, console) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::tell(&error, console.is_json()),
    }
}

/// Runs the command. Whatever still runs when it is done (a proof that nobody waits for any more)
/// is left behind.
fn start(command: &Command, console: Console) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the async runtime")?;
    let outcome = runtime.block_on(run(command, console));
    runtime.shutdown_background();
    outcome
}

async fn run(command: &Command, console: Console) -> Result<()> {
    match command {
        Command::Demo(args) => demo::run(args, console).await,
        Command::Devnet(args) => devnet::run(args, console).await,
        Command::Request(command) => request::run(command, console).await,
        Command::Node(command) => node::run(command, console).await,
        Command::Why(args) => why::run(args, console).await,
        Command::Attest(command) => attest::run(command, console).await,
        Command::Account(command) => account::run(command, console).await,
        Command::Lab(command) => lab::run(command, console),
        Command::Cluster(command) => cluster::run(command, console).await,
        Command::Prove(args) => prove::run(args, console).await,
        Command::Verify(args) => prove::verify(args, console).await,
    }
}

/// Logs go to standard error; `RUST_LOG` says which. Services tell more by themselves.
fn begin_logging(command: &Command) {
    let usual = match command {
        Command::Attest(_) => "warn,rialto_attester=info",
        Command::Cluster(_) => "warn,rialto_cluster=info",
        _ => "warn",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    let ansi = show::stderr_has_colour();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(ansi)
        .with_writer(io::stderr)
        .init();
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn arguments_are_declared_without_contradiction() {
        Cli::command().debug_assert();
    }

    /// Every command shows how it is used.
    #[test]
    fn every_command_has_examples() {
        fn check(command: &clap::Command) {
            let leaf = command.get_subcommands().next().is_none();
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let name = command.get_name();
            if leaf && name != "example" {
                assert!(after.contains("Examples:"), "`{name}` has no examples");
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
