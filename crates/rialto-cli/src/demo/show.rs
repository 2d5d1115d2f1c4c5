//! What the audience sees: a line for each thing that happens, and below them, on a terminal, one
//! live line a request with its price and progress.

use super::cast::News;
use super::story::{Chapter, is_worth_telling};
use crate::node::sentence;
use crate::show::{Console, eth, say};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use rialto_node::Event;
use rialto_protocol::{Offer, RequestDigest, Timestamp};
use std::collections::HashMap;
use std::time::Instant;

/// The live view.
pub(crate) struct Show {
    bars: MultiProgress,
    live: HashMap<RequestDigest, (Offer, ProgressBar)>,
    began: Instant,
    /// Text for people; silent when the result is for a machine.
    console: Console,
}

impl Show {
    pub(crate) fn new(console: Console) -> Self {
        let bars = MultiProgress::new();
        if console.is_json() {
            bars.set_draw_target(ProgressDrawTarget::hidden());
        }
        Self { bars, live: HashMap::new(), began: Instant::now(), console }
    }

    /// One line, with the seconds since the beginning.
    pub(crate) fn say(&self, who: &str, what: &str) {
        let seconds = self.began.elapsed().as_secs();
        self.print(&format!("{seconds:>4} s  {who:<9} {what}"));
    }

    /// A heading.
    pub(crate) fn heading(&self, text: &str) {
        self.print(&format!("\n{text}\n"));
    }

    fn print(&self, text: &str) {
        if !self.console.is_json() {
            self.bars.suspend(|| say(text));
        }
    }

    /// A live line for a request, until it is over.
    pub(crate) fn follow(&mut self, chapter: &Chapter, offer: Offer) {
        let style = ProgressStyle::with_template("        {prefix:<24} {bar:24} {msg}")
            .expect("the template is a constant");
        let bar = self.bars.add(ProgressBar::new(1000).with_style(style));
        bar.set_prefix(chapter.title);
        self.live.insert(chapter.digest, (offer, bar));
    }

    /// Prices move with the chain's clock.
    pub(crate) fn tick(&self, chapters: &[Chapter], now: Timestamp) {
        for chapter in chapters {
            let Some((offer, bar)) = self.live.get(&chapter.digest) else { continue };
            if bar.is_finished() || chapter.locked_by.is_some() || !chapter.refusals.is_empty() {
                continue;
            }
            let range = offer.max_price.0 - offer.min_price.0;
            let risen = offer.price_at(now).0.saturating_sub(offer.min_price.0);
            let share = (risen * alloy::primitives::U256::from(1000)).checked_div(range);
            bar.set_position(share.map_or(0, |share| share.saturating_to()));
            bar.set_message(format!("auction at {}", eth(offer.price_at(now))));
        }
    }

    /// Shows an event, and moves the request's live line.
    pub(crate) fn hear(&self, chapter: Option<&Chapter>, news: &News) {
        let (node, entry) = news;
        if let Some((_, bar)) = chapter.and_then(|chapter| self.live.get(&chapter.digest)) {
            match &entry.event {
                Event::Locked { .. } => bar.set_message(format!("locked by {node}")),
                Event::Progress { permille } => {
                    bar.set_position((*permille).into());
                    bar.set_message(format!("{node} proves"));
                }
                Event::Proven { .. } => {
                    bar.set_position(1000);
                    bar.set_message(format!("{node} has a proof"));
                }
                Event::Delivered => bar.set_message(format!("delivered by {node}")),
                Event::Closed { .. } if chapter.is_some_and(|c| c.winner().is_some()) => {
                    bar.finish_and_clear();
                }
                Event::Skipped { .. } if chapter.is_some_and(|c| c.locked_by.is_none()) => {
                    bar.finish_and_clear();
                }
                _ => {}
            }
        }
        if is_worth_telling(&entry.event) {
            let about = chapter.map_or(String::new(), |chapter| format!("[{}] ", chapter.title));
            let now = Timestamp(entry.at_ms / 1000);
            self.say(node, &format!("{about}{}", sentence(&entry.event, now)));
        }
    }

    /// Clears the live lines.
    pub(crate) fn curtain(&mut self) {
        self.live.drain().for_each(|(_, (_, bar))| bar.finish_and_clear());
    }
}
