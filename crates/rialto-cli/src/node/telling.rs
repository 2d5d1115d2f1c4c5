//! A running node's events as lines, or as objects for machines.

use super::sentence;
use crate::show::{Console, say};
use anyhow::Result;
use rialto_node::{Entry, Event, LOGBOOK, Reader};
use rialto_protocol::{RequestDigest, RequestId, Timestamp};
use serde::Serialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// Turns the events of a node into lines until it is gone. `venue` is named where there are several.
pub(super) async fn tell(
    mut events: Receiver<Entry>,
    venue: Option<String>,
    data_dir: PathBuf,
    console: Console,
) {
    // Names are for people; without them digests are shown.
    let mut names = known_requests(&data_dir).await.unwrap_or_default();
    let prefix = venue.as_ref().map(|venue| format!("[{venue}] ")).unwrap_or_default();
    let mut told: HashMap<RequestDigest, u32> = HashMap::new();
    loop {
        let entry = match events.recv().await {
            Ok(entry) => entry,
            Err(RecvError::Lagged(missed)) => {
                console.remark(&format!("{missed} events were not shown; the logbook has them"));
                continue;
            }
            Err(RecvError::Closed) => return,
        };
        if console.is_json() {
            console.object(&Told { venue: venue.as_deref(), entry: &entry });
            continue;
        }
        if let (Some(digest), Event::Seen { id, .. }) = (entry.digest, &entry.event) {
            names.insert(digest, *id);
        }
        if !is_worth_a_line(&entry, &mut told) {
            continue;
        }
        let about = entry.digest.map(|digest| short(names.get(&digest).copied(), digest));
        let about = about.unwrap_or_default();
        let now_s = entry.at_ms / 1000;
        let said = sentence(&entry.event, Timestamp(now_s));
        say(&format!("{}  {prefix}{about:<16} {said}", clock(now_s)));
    }
}

/// An event with the venue where it happened.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    venue: Option<&'a str>,
    #[serde(flatten)]
    entry: &'a Entry,
}

/// The ids of what an earlier life left open.
async fn known_requests(data_dir: &Path) -> Result<HashMap<RequestDigest, RequestId>> {
    let logbook = Reader::open(&data_dir.join(LOGBOOK)).await?;
    let Some(market) = logbook.market().await? else { return Ok(HashMap::new()) };
    let open = logbook.open_orders(&market).await?;
    Ok(open.iter().map(|open| (open.order.digest, open.order.request.id)).collect())
}

/// Progress comes every second; a tenth of the way is news.
fn is_worth_a_line(entry: &Entry, told: &mut HashMap<RequestDigest, u32>) -> bool {
    let (Event::Progress { permille }, Some(digest)) = (&entry.event, entry.digest) else {
        return true;
    };
    let tenths = permille / 100;
    tenths > 0 && told.insert(digest, tenths) != Some(tenths)
}

/// A request's name on a line: client and index, or its digest if the request was seen earlier.
pub(super) fn short(id: Option<RequestId>, digest: RequestDigest) -> String {
    match id {
        Some(id) => {
            let client = id.client().to_string();
            format!("{}…#{}", &client[..8], id.index())
        }
        None => format!("{}…", &digest.to_string()[..10]),
    }
}

/// Hours, minutes and seconds in UTC.
pub(super) fn clock(unix_s: u64) -> String {
    let of_day = unix_s % 86_400;
    format!("{:02}:{:02}:{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60)
}
