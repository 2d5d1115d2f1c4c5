//! Waits for a request's end, with one live line.

use super::standing::Word;
use super::status::{self, Status};
use crate::failure::Failure;
use crate::show::Console;
use anyhow::Result;
use rialto_chain::{EndpointError, Market, Network};
use rialto_protocol::RequestId;
use std::time::Duration;

/// How often the chain is asked.
const POLL: Duration = Duration::from_secs(1);
/// Failures in a row after which the endpoint counts as gone.
const FAILURES_MAX: u32 = 30;

/// Waits and reports; an error if no proof came.
///
/// # Errors
/// If the chain stops answering, or the request ends without a proof.
pub(crate) async fn run(
    network: &Network,
    market: &Market,
    id: RequestId,
    console: Console,
) -> Result<()> {
    let status = until_over(network, market, id, console).await?;
    console.report(&status);
    if status.word == Word::Delivered {
        return Ok(());
    }
    let what = format!("no proof was delivered for request {id}");
    let next = "submit it again with a higher --max-price or longer timeouts; `rialto account \
                withdraw` takes the deposit back";
    Err(Failure::refused(what, next).into())
}

/// Polls until the request is over. On a terminal one line follows it; elsewhere each change is
/// a line.
async fn until_over(
    network: &Network,
    market: &Market,
    id: RequestId,
    console: Console,
) -> Result<Status> {
    let line = console.spinner(format!("request {id}"));
    let mut said: Option<Word> = None;
    let mut failures = 0;
    loop {
        match status::read(network, market, id).await {
            Ok(status) => {
                failures = 0;
                line.set_message(status.sentence.clone());
                if status.word.is_over() {
                    line.finish_and_clear();
                    return Ok(status);
                }
                if line.is_hidden() && said.replace(status.word) != Some(status.word) {
                    console.remark(&status.sentence);
                }
            }
            // Endpoints have bad moments; a wait of minutes must not end in one.
            Err(error) if error.is::<EndpointError>() && failures < FAILURES_MAX => failures += 1,
            Err(error) => return Err(error),
        }
        tokio::time::sleep(POLL).await;
    }
}
