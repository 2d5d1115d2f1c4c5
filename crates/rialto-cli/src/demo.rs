//! `rialto demo`: the whole market on this machine, with real proofs about a real block.
//!
//! One chain, one attester and two prover nodes, each a process of its own that is started and
//! spoken to as an operator would; a requester in this process. Four requests: an ordinary one,
//! one twice as long, one that pays too little, and one whose locker is killed.

mod cast;
mod ledger;
mod report;
mod requester;
mod show;
mod stage;
mod story;

use crate::interrupt::Interrupt;
use crate::show::Console;
use alloy::providers::ext::AnvilApi;
use anyhow::{Context, Result, bail, ensure};
use cast::News;
use clap::Args;
use ledger::Balances;
use report::Report;
use requester::{Ask, Requester};
use rialto_chain::Market;
use rialto_node::Event;
use rialto_protocol::Timestamp;
use show::Show;
use stage::Stage;
use std::path::PathBuf;
use std::time::Duration;
use story::Chapter;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Options of `rialto demo`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto demo
  rialto demo --dir /tmp/rialto-demo
  rialto demo --json | jq .requests

The demo starts a chain, an attester and two prover nodes as processes of their own on loopback, asks
for four proofs about a real Ethereum block, shows the auction and the proving as they happen, and
ends with a table of who won what and balances that must add up. Everything stays in --dir.")]
pub(crate) struct DemoArgs {
    /// Where logs, keys, artifacts and logbooks go; what an earlier demo left there is removed.
    #[arg(long, default_value = ".rialto/demo")]
    dir: PathBuf,
}

/// The longest that one act may take before something must be wrong.
const ACT_LIMIT: Duration = Duration::from_secs(600);

/// Runs the demo; an error if anything did not happen as announced.
pub(crate) async fn run(args: &DemoArgs, console: Console) -> Result<()> {
    let mut interrupt = Interrupt::listen()?;
    // What is dropped here ends the processes that it started.
    tokio::select! {
        ended = play(args, console) => ended,
        () = interrupt.arrived() => {
            bail!("stopped before its end; what happened so far lies in {}", args.dir.display())
        }
    }
}

async fn play(args: &DemoArgs, console: Console) -> Result<()> {
    let (news_in, news) = mpsc::unbounded_channel();
    let mut show = Show::new(console);
    show.heading("Rialto demo: one chain, one attester, two provers, four requests");
    let mut stage = Stage::set(&args.dir, &show).await?;
    let market = stage.market().await?;
    let requester = Requester::new(&stage, market.clone()).await?;
    let terms = requester.terms().await?;
    stage.start_nodes(&terms, news_in)?;
    let before = Balances::read(&market, &stage.accounts()).await?;
    let mut play = Play { stage, market, requester, show: &mut show, news, chapters: Vec::new() };
    play.until_nodes_are_up().await?;
    play.first_act(&terms).await?;
    play.second_act(&terms).await?;
    let Play { stage, market, chapters, .. } = play;
    show.curtain();
    let after = Balances::read(&market, &stage.accounts()).await?;
    let checks = ledger::checks(&market, &before, &after).await?;
    let adds_up = checks.iter().all(|check| check.holds);
    console.report(&Report::new(&chapters, (before, after), checks, stage.dir()));
    ensure!(adds_up, "the balances do not add up");
    Ok(())
}

struct Play<'a> {
    stage: Stage,
    market: Market,
    requester: Requester,
    show: &'a mut Show,
    news: mpsc::UnboundedReceiver<News>,
    chapters: Vec<Chapter>,
}

impl Play<'_> {
    async fn until_nodes_are_up(&mut self) -> Result<()> {
        let mut up = 0;
        self.until("both nodes are up", |_, news| {
            up += usize::from(matches!(news.1.event, Event::Started { .. }));
            up == 2
        })
        .await
    }

    /// Three requests at once: the cheaper node takes the first, and while it is busy the other
    /// takes the longer one for more; the third pays too little for both.
    async fn first_act(&mut self, terms: &requester::Terms) -> Result<()> {
        self.show.heading("First act: an auction, two winners, and a request that pays too little");
        for ask in [Ask::one_header(terms), Ask::two_headers(terms), Ask::too_cheap(terms)] {
            self.ask(ask).await?;
        }
        self.until("the first three requests are over", |chapters, _| {
            chapters[..2].iter().all(|chapter| chapter.winner().is_some())
                && chapters[2].refusals.len() == 2
        })
        .await
    }

    /// Whoever locks the fourth request is killed; the other wins the race for it.
    async fn second_act(&mut self, terms: &requester::Terms) -> Result<()> {
        self.show.heading("Second act: the locker is killed, the other prover wins the race");
        let last = self.chapters.len();
        self.ask(Ask::abandoned(terms)).await?;
        self.until("the fourth request is locked", |chapters, _| {
            chapters[last].locked_by.is_some()
        })
        .await?;
        let locker = self.chapters[last].locked_by.context("it was locked")?;
        self.stage.kill_9(locker).await?;
        self.show.say(locker, "is killed (kill -9) with the lock in its hands");
        self.until("the other prover has delivered", |chapters, _| {
            chapters[last].delivered_by.is_some()
        })
        .await?;
        self.pass_deadline().await?;
        self.until("the lapsed lock's collateral is paid out", |chapters, _| {
            chapters[last].winner().is_some()
        })
        .await
    }

    async fn ask(&mut self, ask: Ask) -> Result<()> {
        let title = ask.title;
        let (signed, cycles) = self.requester.ask(ask).await?;
        let offer = signed.request().offer.clone();
        let mut chapter = Chapter::new(title, signed.digest());
        chapter.cycles = Some(cycles);
        let text = format!(
            "[{title}] asks: {} to {} ETH over {} s, {} RCT of collateral, {cycles} cycles",
            offer.min_price.to_eth_down(),
            offer.max_price.to_eth_down(),
            offer.ramp_up_period,
            offer.lock_collateral.to_tokens_down(),
        );
        self.show.say("requester", &text);
        self.show.follow(&chapter, offer);
        self.chapters.push(chapter);
        Ok(())
    }

    /// Moves the devnet's clock past the last request's deadline, after which a lapsed lock can be
    /// slashed.
    async fn pass_deadline(&mut self) -> Result<()> {
        let deadline = self.requester.last_deadline();
        let now = self.market.endpoint().head().await?.timestamp;
        let skip_s = now.seconds_until(deadline) + 1;
        self.market.endpoint().provider().anvil_increase_time(skip_s).await?;
        let text =
            format!("the devnet's clock is moved {skip_s} s ahead, past the request's deadline");
        self.show.say("chain", &text);
        Ok(())
    }

    /// Passes events on until `done`; an error when nothing comes of it or a process dies.
    async fn until(
        &mut self,
        what: &str,
        mut done: impl FnMut(&[Chapter], &News) -> bool,
    ) -> Result<()> {
        let limit = Instant::now() + ACT_LIMIT;
        loop {
            let wait = tokio::time::timeout(Duration::from_secs(1), self.news.recv()).await;
            self.stage.check()?;
            ensure!(Instant::now() < limit, "after {} s: not yet that {what}", ACT_LIMIT.as_secs());
            let Ok(news) = wait else {
                let head = self.market.endpoint().head().await?;
                self.show.tick(&self.chapters, Timestamp(head.timestamp.0));
                continue;
            };
            let news = news.context("every node has stopped talking")?;
            let about = self.chapters.iter_mut().find(|c| Some(c.digest) == news.1.digest);
            let about = about.map(|chapter| {
                chapter.hear(&news);
                &*chapter
            });
            self.show.hear(about, &news);
            if done(&self.chapters, &news) {
                return Ok(());
            }
        }
    }
}
