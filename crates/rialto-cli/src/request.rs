//! `rialto request`: the requester's side, from asking for a proof to checking what came.

mod evidence;
mod fetch;
mod history;
mod offer;
mod predicate;
mod publish;
mod standing;
mod status;
mod submit;
mod verify;
mod wait;

use crate::network::NetworkArgs;
use crate::show::Console;
use anyhow::Result;
use clap::{Args, Subcommand};
use rialto_protocol::{RequestId, SignedRequest};

use submit::SubmitArgs;

/// `rialto request …`
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum RequestCommand {
    /// Ask for a proof
    Submit(Box<SubmitArgs>),
    /// Show where a request stands
    Status(StatusArgs),
    /// Get what was delivered
    Fetch(fetch::FetchArgs),
    /// Check what was delivered, down to the proof itself
    Verify(verify::VerifyArgs),
}

/// Which request.
#[derive(Clone, Debug, Args)]
pub(crate) struct RequestArgs {
    /// The request's id, as `rialto request submit` printed it
    #[arg(value_name = "ID")]
    pub(crate) id: RequestId,

    #[command(flatten)]
    pub(crate) network: NetworkArgs,
}

/// Options of `rialto request status`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto request status 0x6a3f…01
  rialto request status 0x6a3f…01 --wait      # until it is over
  rialto request status 0x6a3f…01 --json | jq .state")]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) request: RequestArgs,

    /// Wait until it is delivered or can no longer be, with a live line
    #[arg(long)]
    pub(crate) wait: bool,
}

/// A request as its client signed it.
///
/// # Errors
/// If the network does not know it, or does not answer.
pub(crate) async fn signed(network: &NetworkArgs, id: RequestId) -> Result<SignedRequest> {
    let (network, market) = network.connect().await?;
    history::History::read(&network, &market, id).await?.known_request(&network, &market, id)
}

/// `rialto request …`
pub(crate) async fn run(command: &RequestCommand, console: Console) -> Result<()> {
    match command {
        RequestCommand::Submit(args) => submit::run(args, console).await,
        RequestCommand::Status(args) => {
            let (network, market) = args.request.network.connect().await?;
            let id = args.request.id;
            if args.wait {
                return wait::run(&network, &market, id, console).await;
            }
            console.report(&status::read(&network, &market, id).await?);
            Ok(())
        }
        RequestCommand::Fetch(args) => fetch::run(args, console).await,
        RequestCommand::Verify(args) => verify::run(args, console).await,
    }
}
