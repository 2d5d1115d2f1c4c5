//! `rialto node top`: a running node on the terminal.
//!
//! Asks the node's status page every second and draws what it answered. When the node goes away the
//! last picture stands, with since when; when it comes back, so does the picture.

mod draw;
mod picture;
mod screen;

use super::run::pages_of;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::show::Console;
use anyhow::{Context, Result};
use clap::Args;
use picture::{Picture, Wish};
use rialto_node::Settings;
use rialto_node::page::Status;
use screen::Screen;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use url::Url;

/// How often the node is asked.
const EVERY: Duration = Duration::from_secs(1);
/// A page on loopback that takes longer is no answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Options of `rialto node top`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto node top --config node.toml
  rialto node top --config node.toml --venue base
  rialto node top --url http://127.0.0.1:9090

The node must serve its pages: `[monitor] listen` in its configuration. `s` sorts the orders by
something else, the arrow keys scroll them, `q` quits. The node is not touched.")]
pub(crate) struct TopArgs {
    /// Where the node serves its pages
    #[arg(long, value_name = "URL", conflicts_with_all = ["config", "venue"])]
    url: Option<Url>,

    /// The node's configuration, which says where
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// One of the configuration's venues [default: the first]
    #[arg(long, value_name = "NAME", requires = "config")]
    venue: Option<String>,
}

/// Draws until `q` is pressed.
pub(super) async fn run(args: &TopArgs, console: Console) -> Result<()> {
    let source = address(args)?;
    let page = source.join("/api/v1/status")?;
    if console.is_json() || !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        let what = "`rialto node top` draws on a terminal, and this is none";
        return Err(Failure::usage(what, format!("read {page} instead")).into());
    }
    let interrupt = Interrupt::listen()?;
    let screen = Screen::open().context("cannot draw on this terminal")?;
    show(screen, interrupt, Picture::new(source), &page).await
}

fn address(args: &TopArgs) -> Result<Url> {
    if let Some(url) = &args.url {
        return Ok(url.clone());
    }
    let Some(config) = &args.config else {
        let what = "it is not said which node is meant";
        return Err(Failure::usage(what, "name it with --config or --url").into());
    };
    let settings = Settings::load(config)?.settings;
    let named = |name: &String| settings.venues.iter().position(|it| it.identity.name == *name);
    let number = match &args.venue {
        None => 0,
        Some(name) => named(name).ok_or_else(|| {
            let what = format!("{} has no venue {name}", config.display());
            let names = settings.venues.iter().map(|venue| venue.identity.name.as_str());
            let names: Vec<_> = names.collect();
            Failure::usage(what, format!("its venues are: {}", names.join(", ")))
        })?,
    };
    let pages = pages_of(&settings, number).ok_or_else(|| {
        let what = format!("the node of {} serves no pages", config.display());
        let next = "add `listen = \"127.0.0.1:9090\"` to its [monitor] and start it again";
        Failure::usage(what, next)
    })?;
    Ok(Url::parse(&format!("http://{pages}"))?)
}

async fn show(
    mut screen: Screen,
    mut interrupt: Interrupt,
    mut picture: Picture,
    page: &Url,
) -> Result<()> {
    let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
    let mut answered = Instant::now();
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => match ask(&client, page).await {
                Ok(status) => {
                    answered = Instant::now();
                    picture.answered(status);
                }
                Err(error) => picture.silent(answered.elapsed(), root_cause(&*error)),
            },
            key = screen.touched() => {
                if key?.is_some_and(|key| picture.press(key) == Wish::Quit) {
                    return Ok(());
                }
            }
            () = interrupt.arrived() => return Ok(()),
        }
        screen.draw(|frame| draw::draw(&picture, frame))?;
    }
}

async fn ask(client: &reqwest::Client, page: &Url) -> Result<Status> {
    let answer = client.get(page.clone()).send().await?.error_for_status()?;
    let body = answer.bytes().await?;
    serde_json::from_slice(&body)
        .context("the answer is not a node's; is it of another version of rialto?")
}

/// What is at the bottom of it: the words above it say only that a page was asked for.
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}
