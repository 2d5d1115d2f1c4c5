//! Lists of requestors by URL: who is served first, and who is served at all.
//!
//! A list is somebody else's word, so it passes one door ([`RequestorList::parse`]) and is fetched
//! within limits, beside the work: no server holds a node up. Invariants: what a list last said stays
//! in force while it cannot be had, over restarts too; who is on no list at hand is not served while an
//! allow list is missing, and not refused for good either; no list overrules the operator's own deny
//! list, which needs no server.

mod kept;

use kept::Shelf;

use crate::settings::{MarketSettings, Settings};
use alloy::primitives::Address;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use rialto_artifacts::{FetchError, FetchPolicy, Fetcher};
use rialto_planner::Requestors;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use url::Url;

/// How often lists are read again.
const REFRESH_EVERY: Duration = Duration::from_secs(3_600);
/// How often, while one of them cannot be had.
const TRY_AGAIN_EVERY: Duration = Duration::from_secs(60);
/// Some ten thousand requestors.
const LIST_BYTES_MAX: u64 = 8 << 20;
/// Time for one attempt; there are two.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);
/// The priority of requestors who are given none.
const USUAL_PRIORITY: u8 = 50;

/// A list that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestorList {
    /// What it is called.
    pub name: String,
    /// Its version, major and minor.
    pub version: (u64, u64),
    /// Whom it names; each requestor once per chain.
    pub requestors: Vec<Listed>,
}

/// A requestor on a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Who.
    pub address: Address,
    /// On which chain.
    pub chain_id: u64,
    /// What the list calls it.
    pub name: String,
    /// From 0 to 100, higher is served first.
    pub priority: u8,
    /// Whether the list warns of it. It then gives neither priority nor access.
    pub denied: bool,
}

/// Why bytes are no requestor list.
#[derive(Debug, thiserror::Error)]
pub enum InvalidList {
    /// They are not JSON of that form.
    #[error("it is not a requestor list")]
    Form(#[from] serde_json::Error),
    /// Its form is of another generation.
    #[error("its schema has major version {0}, only 1 is understood")]
    Schema(u64),
    /// A text is missing, too long or blank.
    #[error("{what} must have from 1 to {most} characters")]
    Text {
        /// Which text.
        what: String,
        /// How long it may be.
        most: usize,
    },
    /// A chain has no such id.
    #[error("requestor {0} is on chain 0")]
    Chain(Address),
    /// A requestor is named twice on one chain.
    #[error("requestor {0} is named twice on chain {1}")]
    Twice(Address, u64),
    /// A priority is out of bounds.
    #[error("requestor {0} has priority {1}, at most 100 is possible")]
    Priority(Address, u64),
    /// A range of estimates is empty.
    #[error("requestor {0} has a least estimate above its greatest")]
    Estimates(Address),
    /// Too many tags.
    #[error("requestor {0} has more than 20 tags")]
    Tags(Address),
}

/// Why a list could not be refreshed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// It cannot be had.
    #[error("it cannot be fetched")]
    Fetch(#[from] FetchError),
    /// It is none.
    #[error("it is refused")]
    Invalid(#[from] InvalidList),
    /// The next start will not have it at hand.
    #[error("it cannot be kept in {path}")]
    Keep {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A list that could not be refreshed, and what holds meanwhile.
#[derive(Debug)]
pub struct ListTrouble {
    /// Where the list is.
    pub url: Url,
    /// What holds.
    pub meanwhile: Meanwhile,
    /// Why.
    pub error: ListError,
}

/// What holds while a list cannot be refreshed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meanwhile {
    /// What it said last.
    AsBefore,
    /// Whom no other list allows waits: it may be on this one.
    OthersWait,
    /// Nobody is served first because of it.
    NoPriority,
    /// It is in force; only the next start will lack it.
    InForce,
}

impl fmt::Display for ListTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meanwhile = match self.meanwhile {
            Meanwhile::AsBefore => "what it said last stays in force",
            Meanwhile::OthersWait => "who is not allowed otherwise is not served",
            Meanwhile::NoPriority => "nobody is served first because of it",
            Meanwhile::InForce => "it is in force all the same",
        };
        let why = crate::logbook::with_sources(&self.error);
        write!(f, "the requestor list at {} is not up to date, and {meanwhile}: {why}", self.url)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListText {
    name: String,
    description: String,
    schema_version: VersionText,
    version: VersionText,
    requestors: Vec<ListedText>,
}

#[derive(Deserialize)]
struct VersionText {
    major: u64,
    minor: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedText {
    address: Address,
    chain_id: u64,
    name: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    extensions: ExtensionsText,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExtensionsText {
    priority: Option<PriorityText>,
    request_estimates: Option<EstimatesText>,
    denylist: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct PriorityText {
    level: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EstimatesText {
    estimated_mcycle_count_min: Option<u64>,
    estimated_mcycle_count_max: Option<u64>,
}

impl RequestorList {
    /// The one door for lists. Fields that are not known are left unread, as published lists have
    /// them.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidList> {
        let list: ListText = serde_json::from_slice(bytes)?;
        if list.schema_version.major != 1 {
            return Err(InvalidList::Schema(list.schema_version.major));
        }
        check_text("its name", &list.name, 100)?;
        check_text("its description", &list.description, 500)?;
        let mut seen = HashSet::new();
        let mut requestors = Vec::with_capacity(list.requestors.len());
        for text in list.requestors {
            let listed = Listed::try_from(text)?;
            if !seen.insert((listed.address, listed.chain_id)) {
                return Err(InvalidList::Twice(listed.address, listed.chain_id));
            }
            requestors.push(listed);
        }
        let version = (list.version.major, list.version.minor);
        Ok(Self { name: list.name, version, requestors })
    }
}

impl TryFrom<ListedText> for Listed {
    type Error = InvalidList;

    fn try_from(text: ListedText) -> Result<Self, InvalidList> {
        let ListedText { address, chain_id, name, tags, extensions } = text;
        check_text(&format!("the name of requestor {address}"), &name, 100)?;
        if chain_id == 0 {
            return Err(InvalidList::Chain(address));
        }
        if tags.len() > 20 {
            return Err(InvalidList::Tags(address));
        }
        for tag in &tags {
            check_text(&format!("a tag of requestor {address}"), tag, 50)?;
        }
        if let Some(EstimatesText {
            estimated_mcycle_count_min: Some(min),
            estimated_mcycle_count_max: Some(max),
        }) = extensions.request_estimates
            && min > max
        {
            return Err(InvalidList::Estimates(address));
        }
        let level = extensions.priority.and_then(|priority| priority.level);
        let level = level.unwrap_or(USUAL_PRIORITY.into());
        let priority = u8::try_from(level).ok().filter(|level| *level <= 100);
        let priority = priority.ok_or(InvalidList::Priority(address, level))?;
        Ok(Self { address, chain_id, name, priority, denied: extensions.denylist.is_some() })
    }
}

fn check_text(what: &str, text: &str, most: usize) -> Result<(), InvalidList> {
    let fits = !text.trim().is_empty() && text.chars().count() <= most;
    fits.then_some(()).ok_or_else(|| InvalidList::Text { what: what.to_owned(), most })
}

/// The operator's own addresses on every chain together with what the lists that are at hand, by
/// URL, say of one chain.
pub fn merge(
    market: &MarketSettings,
    lists: &HashMap<Url, RequestorList>,
    chain_id: u64,
) -> Requestors {
    let at_hand = |urls: &[Url]| -> Vec<(Address, u8)> {
        let lists = urls.iter().filter_map(|url| lists.get(url));
        let named = lists.flat_map(|list| &list.requestors);
        let known = named.filter(|listed| !listed.denied && listed.chain_id == chain_id);
        known.map(|listed| (listed.address, listed.priority)).collect()
    };
    let mut priority = BTreeMap::new();
    // The first list that names a requestor counts.
    for (address, level) in at_hand(&market.priority_requestor_lists) {
        priority.entry(address).or_insert(level);
    }
    for address in &market.priority_requestor_addresses {
        priority.entry(*address).or_insert(USUAL_PRIORITY);
    }
    let own = &market.allow_client_addresses;
    let is_closed = !own.is_empty() || !market.allow_requestor_lists.is_empty();
    let listed = at_hand(&market.allow_requestor_lists);
    let allowed = own.iter().copied().chain(listed.into_iter().map(|(address, _)| address));
    let is_list_missing = market.allow_requestor_lists.iter().any(|url| !lists.contains_key(url));
    Requestors {
        is_list_missing,
        allowed: is_closed.then(|| allowed.collect()),
        denied: market.deny_requestor_addresses.iter().copied().collect(),
        priority,
    }
}

/// Keeps the lists of one venue, or of the process, current.
pub struct ListKeeper {
    fetcher: Fetcher,
    settings: watch::Receiver<Arc<Settings>>,
    venue: Option<String>,
    chain_id: u64,
    shelf: Shelf,
    at_hand: HashMap<Url, RequestorList>,
    current: watch::Sender<Arc<Requestors>>,
}

impl ListKeeper {
    /// Takes what the lists said last from `folder`, where it is kept from start to start; nobody is
    /// asked before [`ListKeeper::refresh`] or [`ListKeeper::run`]. `venue` names the `[[venue]]` whose
    /// `[market]` counts, if it is not the process's own; `chain_id` is its chain.
    ///
    /// # Errors
    /// [`FetchError::Setup`] if there is no TLS to be had.
    pub fn new(
        settings: watch::Receiver<Arc<Settings>>,
        venue: Option<String>,
        chain_id: u64,
        folder: PathBuf,
    ) -> Result<Self, FetchError> {
        let policy = FetchPolicy {
            max_bytes: LIST_BYTES_MAX,
            attempts: 2,
            timeout: FETCH_TIMEOUT,
            // The operator named the URL, so it may lead to the operator's own network.
            allow_private_hosts: true,
            ..FetchPolicy::default()
        };
        let market = market_of(&settings.borrow(), venue.as_deref());
        let shelf = Shelf::at(folder);
        let urls = urls_of(&market);
        let at_hand = urls.into_iter().filter_map(|url| Some((url.clone(), shelf.find(&url)?)));
        let at_hand = at_hand.collect();
        let (current, _) = watch::channel(Arc::new(merge(&market, &at_hand, chain_id)));
        let fetcher = Fetcher::new(policy)?;
        Ok(Self { fetcher, settings, venue, chain_id, shelf, at_hand, current })
    }

    /// What is known, now and later.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Requestors>> {
        self.current.subscribe()
    }

    /// Reads every list again and merges what is at hand, each as soon as it has answered. Gives the
    /// failures.
    pub async fn refresh(&mut self) -> Vec<ListTrouble> {
        let market = self.market();
        let urls = urls_of(&market);
        self.at_hand.retain(|url, _| urls.contains(url));
        let Self { fetcher, shelf, at_hand, current, chain_id, .. } = self;
        let mut fetching: FuturesUnordered<_> =
            urls.into_iter().map(async |url| (fetch(fetcher, &url).await, url)).collect();
        let mut troubles = Vec::new();
        while let Some((fetched, url)) = fetching.next().await {
            match fetched {
                Ok((list, bytes)) => {
                    if let Err(error) = shelf.keep(&url, &bytes) {
                        let meanwhile = Meanwhile::InForce;
                        troubles.push(ListTrouble { url: url.clone(), meanwhile, error });
                    }
                    at_hand.insert(url, list);
                    publish(current, merge(&market, at_hand, *chain_id));
                }
                Err(error) => {
                    let meanwhile = match () {
                        () if at_hand.contains_key(&url) => Meanwhile::AsBefore,
                        () if market.allow_requestor_lists.contains(&url) => Meanwhile::OthersWait,
                        () => Meanwhile::NoPriority,
                    };
                    troubles.push(ListTrouble { url, meanwhile, error });
                }
            }
        }
        publish(current, merge(&market, at_hand, *chain_id));
        troubles
    }

    /// Reads the lists now, every hour, when the settings change, and every minute while one of them
    /// cannot be had; until told to stop.
    pub async fn run(mut self, stop: CancellationToken, mut report: impl FnMut(ListTrouble)) {
        let mut changes = self.settings.clone();
        loop {
            let troubles = tokio::select! {
                troubles = self.refresh() => troubles,
                changed = changes.changed() => match changed {
                    Ok(()) => {
                        self.publish_own();
                        continue;
                    }
                    Err(_) => return,
                },
                () = stop.cancelled() => return,
            };
            let pause = if troubles.is_empty() { REFRESH_EVERY } else { TRY_AGAIN_EVERY };
            troubles.into_iter().for_each(&mut report);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                changed = changes.changed() => match changed {
                    Ok(()) => self.publish_own(),
                    Err(_) => return,
                },
                () = stop.cancelled() => return,
            }
        }
    }

    /// The operator's own addresses hold before any list has answered.
    fn publish_own(&self) {
        publish(&self.current, merge(&self.market(), &self.at_hand, self.chain_id));
    }

    fn market(&self) -> MarketSettings {
        market_of(&self.settings.borrow(), self.venue.as_deref())
    }
}

fn publish(current: &watch::Sender<Arc<Requestors>>, merged: Requestors) {
    current.send_if_modified(|current| {
        let is_news = **current != merged;
        if is_news {
            *current = Arc::new(merged);
        }
        is_news
    });
}

fn urls_of(market: &MarketSettings) -> HashSet<Url> {
    market.priority_requestor_lists.iter().chain(&market.allow_requestor_lists).cloned().collect()
}

/// The `[market]` of a venue, or the process's own.
fn market_of(settings: &Settings, venue: Option<&str>) -> MarketSettings {
    let named = settings.venues.iter().find(|known| Some(known.identity.name.as_str()) == venue);
    named.map_or(&settings.market, |named| &named.market).clone()
}

async fn fetch(fetcher: &Fetcher, url: &Url) -> Result<(RequestorList, Bytes), ListError> {
    let bytes = fetcher.fetch(url.as_str()).await?.bytes;
    Ok((RequestorList::parse(&bytes)?, bytes))
}

#[cfg(test)]
mod tests;
