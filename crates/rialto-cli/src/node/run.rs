//! `rialto node run`: keeps one venue running, or several side by side.

use super::owed::Owed;
use super::telling::tell;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::keys::{KeyArgs, KeysDirArgs};
use crate::network::NetworkArgs;
use crate::show::Console;
use crate::zkvm;
use anyhow::{Context, Result};
use clap::Args;
use rialto_cluster::Embedded;
use rialto_node::settings::{Reload, Reloading, VenueSettings};
use rialto_node::{
    Directive, LeaseError, News, Place, Ports, Promises, Settings, holder, keep, take_over,
};
use rialto_zkvm::Zkvm;
use serde::Serialize;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long the last events may take to be told.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long another process may take to end: it stops between two steps.
const HAND_OVER: Duration = Duration::from_secs(60);

/// Options of `rialto node run`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto node config example > node.toml
  rialto account deposit-collateral '100 RCT' --key-file prover.key
  rialto node run --config node.toml --key-file prover.key
  rialto node run --config node.toml --key-file prover.key --json | jq 'select(.event == \"closed\")'

The node survives being killed at any moment: started again with the same data directory, it goes on
with what it has locked. Ctrl-C or SIGTERM stops it taking work and says what it still owes; a lock
that is not delivered before its deadline costs its collateral, so start the node again in time.

A changed configuration is read again within two seconds, and what is different is told; one that is
wrong changes nothing. With [[venue]] tables one process serves several markets, each with a data
directory of its name; a venue that fails does not hold up the others.

With --json each line is one event, as the logbook keeps it; the last ones say what is still owed.")]
pub(crate) struct NodeArgs {
    /// Settings: floors, limits and margins; `rialto node config example` prints a file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,

    #[command(flatten)]
    pub(crate) network: NetworkArgs,

    #[command(flatten)]
    pub(crate) key: KeyArgs,

    /// Where the logbook and artifacts are kept [default: .rialto/node-ADDRESS]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Have the process that works on the data directory end, and go on with its locks
    #[arg(long)]
    pub(crate) take_over: bool,

    #[command(flatten)]
    pub(crate) keys_dir: KeysDirArgs,
}

/// `rialto node run`
pub(super) async fn run(args: &NodeArgs, console: Console) -> Result<()> {
    let mut interrupt = Interrupt::listen()?;
    let (reloading, warnings) = Reloading::open(&args.config)?;
    for warning in warnings {
        console.remark(&format!("{}, {warning}", args.config.display()));
    }
    let settings = reloading.subscribe();
    let places = places(args, &settings).await?;
    let spinner = console.spinner("loading the zkVM");
    let zkvm = zkvm::open(&args.keys_dir).await?;
    spinner.finish_and_clear();
    if args.take_over {
        for place in &places {
            if let Some(ended) = take_over(&place.data_dir, HAND_OVER).await? {
                console.remark(&format!("process {ended} has handed over"));
            }
        }
    }
    let lanes = settings.borrow().prover.concurrent_jobs;
    let prover = Arc::new(cluster(&places, zkvm.clone(), lanes).await?);
    let ports = Ports { zkvm, prover, promises: Promises::default() };
    let stop = CancellationToken::new();
    let reloading = tokio::spawn(reloading.run(stop.clone(), move |news| report(&news, console)));
    let fleet = serve(&places, &ports, &stop, console);
    tokio::pin!(fleet);
    let outcome = tokio::select! {
        ended = &mut fleet => ended,
        () = interrupt.arrived() => {
            console.remark("\nstopping: no new work is taken");
            stop.cancel();
            tokio::select! {
                ended = &mut fleet => ended,
                () = interrupt.arrived() => Ok(()),
            }
        }
    };
    stop.cancel();
    reloading.await.context("the configuration was not watched to the end")?;
    for place in &places {
        if Directive::read(&place.data_dir).is_ok_and(|told| told == Directive::Drain) {
            console.remark("drained; `rialto node resume` lets the next start take work again");
        }
        // A venue that has never been opened owes nothing.
        if place.data_dir.join(rialto_node::LOGBOOK).exists() {
            console.report(&Owed::read(&place.data_dir, place.venue.clone()).await?);
        }
    }
    outcome
}

/// The cluster in this process that proves for all places, kept beside the first one's logbook.
async fn cluster(places: &[Place], zkvm: Arc<dyn Zkvm>, lanes: u32) -> Result<Embedded> {
    let first = places.first().context("a node works somewhere")?;
    // Said before anything of another's is touched.
    if let Some(holder) = holder(&first.data_dir)? {
        return Err(LeaseError::Held { path: first.data_dir.clone(), holder }.into());
    }
    let directory = first.data_dir.join("cluster");
    let lanes = NonZeroUsize::new(lanes as usize).unwrap_or(NonZeroUsize::MIN);
    crate::cluster::embedded(zkvm, &directory, lanes).await
}

/// Where nodes are to work: at each `[[venue]]`, or at what the command line says.
async fn places(args: &NodeArgs, settings: &watch::Receiver<Arc<Settings>>) -> Result<Vec<Place>> {
    let file = settings.borrow().clone();
    if file.venues.is_empty() {
        let network = args.network.load()?;
        // Looked at before anything is made on disk: its errors say more than the node's own.
        crate::network::connect(&network).await?;
        let signer = args.key.load()?;
        let data_dir = args.data_dir.clone();
        let data_dir = data_dir.unwrap_or_else(|| node_dir(&signer.address().to_string()));
        let (settings, monitor) = (settings.clone(), file.monitor.listen);
        return Ok(vec![Place { settings, venue: None, network, signer, data_dir, monitor }]);
    }
    let mut places = Vec::new();
    for (number, venue) in file.venues.iter().enumerate() {
        let what = || format!("venue {} cannot be served", venue.identity.name);
        let place = place_of(args, settings, number, venue).with_context(what)?;
        let shared = |other: &&Place| other.data_dir == place.data_dir;
        if let Some(other) = places.iter().find(shared) {
            let names = [other.venue.as_deref(), place.venue.as_deref()];
            let [one, other] = names.map(Option::unwrap_or_default);
            let what = format!("venues {one} and {other} have one data directory");
            return Err(Failure::usage(what, "give each its own data_dir").into());
        }
        places.push(place);
    }
    Ok(places)
}

fn place_of(
    args: &NodeArgs,
    settings: &watch::Receiver<Arc<Settings>>,
    number: usize,
    venue: &VenueSettings,
) -> Result<Place> {
    let identity = &venue.identity;
    let network = match &identity.network {
        Some(network) => NetworkArgs { network: network.clone() }.load()?,
        None => args.network.load()?,
    };
    let signer = match &identity.key_file {
        Some(file) => KeyArgs { key_file: Some(file.clone()), ..args.key.clone() }.load()?,
        None => args.key.load()?,
    };
    let data_dir = identity.data_dir.clone().unwrap_or_else(|| match &args.data_dir {
        Some(data_dir) => data_dir.join(&identity.name),
        None => node_dir(&identity.name),
    });
    let monitor = pages_of(&settings.borrow(), number);
    let venue = Some(identity.name.clone());
    Ok(Place { settings: settings.clone(), venue, network, signer, data_dir, monitor })
}

/// Where the venue of that number serves its pages: each on a port of its own.
pub(super) fn pages_of(settings: &Settings, number: usize) -> Option<SocketAddr> {
    let mut listen = settings.monitor.listen?;
    let offset = u16::try_from(number).ok()?;
    listen.set_port(listen.port().checked_add(offset)?);
    Some(listen)
}

fn node_dir(name: &str) -> PathBuf {
    Path::new(super::records::NODES).join(format!("node-{name}"))
}

/// Keeps all venues running until each has ended. The first that has failed for good is told.
async fn serve(
    places: &[Place],
    ports: &Ports,
    stop: &CancellationToken,
    console: Console,
) -> Result<()> {
    let mut venues = JoinSet::new();
    for place in places {
        let (place, ports, stop) = (place.clone(), ports.clone(), stop.clone());
        venues.spawn(serve_one(place, ports, stop, console));
    }
    let mut outcome = Ok(());
    while let Some(ended) = venues.join_next().await {
        let (venue, ended) = ended.context("a venue was not kept to its end")?;
        if let (Some(venue), Err(error)) = (&venue, &ended) {
            console.remark(&format!("venue {venue} has ended: {error:#}"));
        }
        let what = || venue.map(|venue| format!("venue {venue} has failed")).unwrap_or_default();
        outcome = outcome.and(if places.len() > 1 { ended.with_context(what) } else { ended });
    }
    outcome
}

async fn serve_one(
    place: Place,
    ports: Ports,
    stop: CancellationToken,
    console: Console,
) -> (Option<String>, Result<()>) {
    let (venue, data_dir) = (place.venue.clone(), place.data_dir.clone());
    let mut telling = JoinSet::new();
    let ended = keep(place, ports, stop, |news| match news {
        News::Opened(node) => {
            telling.spawn(tell(node.events(), venue.clone(), data_dir.clone(), console));
        }
        News::Failed { error, again_in } => {
            let error = anyhow::format_err!("{error}");
            let name = venue.as_ref().map(|venue| format!("venue {venue}: ")).unwrap_or_default();
            console.remark(&format!("{name}{error:#}; starting again in {} s", again_in.as_secs()));
        }
    });
    let ended = ended.await;
    // The last events are told before the last word; the channel closes with the node.
    let _ =
        tokio::time::timeout(LAST_WORDS, async { while telling.join_next().await.is_some() {} })
            .await;
    (venue, ended.map_err(Into::into))
}

/// A change of the configuration, as an event for machines.
#[derive(Serialize)]
struct Reloaded<'a> {
    event: &'static str,
    is_applied: bool,
    text: &'a str,
}

fn report(news: &Reload, console: Console) {
    let text = news.to_string();
    if console.is_json() {
        let is_applied = matches!(news, Reload::Applied { .. });
        console.object(&Reloaded { event: "settings", is_applied, text: &text });
    } else {
        console.remark(&text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rialto_chain::simulated::{Genesis, SimulatedChain};
    use rialto_protocol::Timestamp;
    use std::time::Duration;

    #[test]
    fn each_venue_has_pages_of_its_own() {
        let listen = |text: &str| Settings::parse(text).unwrap().settings;
        let settings = listen("[monitor]\nlisten = \"127.0.0.1:65534\"\n");
        let pages = |number| pages_of(&settings, number).map(|pages| pages.port());
        assert_eq!([0, 1, 2, 100_000].map(pages), [Some(65_534), Some(65_535), None, None]);
        assert_eq!(pages_of(&listen(""), 0), None);
    }
    /// A file with one venue, and what its lines say unless a row says otherwise.
    const LINES: [(&str, &str); 5] = [
        ("venue.name", "\"one\""),
        ("venue.network", "\"DIR/one.json\""),
        ("venue.key_file", "\"DIR/one.key\""),
        ("venue.data_dir", "\"DIR/one\""),
        ("monitor.listen", "\"127.0.0.1:9001\""),
    ];

    /// Where the node works by that file: what each of its lines decides, in their order.
    fn decided(dir: &Path, key: &str) -> [String; 5] {
        let value = |line: &(&str, &str)| match line.0 == key {
            true => line.1.replace("one", "two").replace("9001", "9002"),
            false => line.1.to_owned(),
        };
        let line = |line: &(&str, &str)| {
            format!("{} = {}\n", line.0.split('.').next_back().unwrap_or_default(), value(line))
        };
        let venue: String = LINES[..4].iter().map(line).collect();
        let text = format!("[[venue]]\n{venue}[monitor]\n{}", line(&LINES[4]));
        let text = text.replace("DIR", &dir.display().to_string());
        let settings = watch::Sender::new(Arc::new(Settings::parse(&text).unwrap().settings));
        let args = NodeArgs {
            config: PathBuf::new(),
            network: NetworkArgs { network: PathBuf::new() },
            key: KeyArgs { key_file: None, password_file: None },
            data_dir: None,
            take_over: false,
            keys_dir: KeysDirArgs::default(),
        };
        let venue = settings.borrow().venues[0].clone();
        let place = place_of(&args, &settings.subscribe(), 0, &venue).unwrap();
        [
            place.venue.unwrap(),
            place.network.chain_id.to_string(),
            place.signer.address().to_string(),
            place.data_dir.display().to_string(),
            place.monitor.unwrap().to_string(),
        ]
    }

    #[test]
    fn every_key_about_places_decides_one_thing() {
        let dir = tempfile::tempdir().unwrap();
        for (name, chain_id) in [("one", 1), ("two", 2)] {
            let (time, block_interval) = (Timestamp(0), Duration::from_secs(1));
            let chain = SimulatedChain::start(Genesis { chain_id, time, block_interval });
            let network = dir.path().join(name).with_extension("json");
            chain.network(Vec::new(), 1).save(&network).unwrap();
            crate::keys::load_or_create(&dir.path().join(name).with_extension("key")).unwrap();
        }
        let usual = decided(dir.path(), "");
        for (nth, (key, _)) in LINES.iter().enumerate() {
            let changed = decided(dir.path(), key);
            let differs = |at: &usize| usual[*at] != changed[*at];
            assert_eq!((0..5).filter(differs).collect::<Vec<_>>(), [nth], "{key}");
        }
        let keys = Settings::keys();
        let of_places = keys.iter().filter(|key| ["monitor", "venue"].contains(&key.section));
        let mut keys: Vec<_> = of_places.map(rialto_node::settings::Key::path).collect();
        keys.sort();
        let mut rows = LINES.map(|(key, _)| key);
        rows.sort_unstable();
        assert_eq!(keys, rows, "left the keys, right those with a row");
    }
}
