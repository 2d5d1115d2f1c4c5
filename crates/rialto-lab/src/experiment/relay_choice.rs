//! How long it takes to get past relays that do not answer (X9).

use super::{Effort, Experiment, Row};
use crate::floor::{Floor, prover};
use crate::{Broken, Dice, Mean, oracle};
use rialto_mechanism::{Amount, JobId, Party, Position, Span, Stage, Time};

/// The experiment.
pub const EXPERIMENT: Experiment = Experiment {
    name: "relay-choice",
    about: "silent relays cost a window each, and none at all once they are remembered",
    run,
};

const RELAYS: usize = 20;
const WINDOW: Span = Span::s(10);
const TRIES: u32 = 3;

fn run(effort: Effort) -> Result<Vec<Row>, Broken> {
    let mut rows = Vec::new();
    for silent in [0.1, 0.3, 0.5] {
        rows.extend(failover(silent, effort)?);
    }
    rows.push(remembered(effort)?);
    Ok(rows)
}

/// Relays of whom each is silent for a job with this chance, and nobody remembers.
fn failover(silent: f64, effort: Effort) -> Result<Vec<Row>, Broken> {
    let mut client = Client::new("1 ms")?;
    let mut dice = Dice::new(1, &format!("silent {silent}"));
    let (mut served, mut waited) = (Mean::default(), Mean::default());
    for _ in 0..effort.jobs(60_000) {
        let answer = client.job(|_| dice.chance(silent))?;
        served.add(f64::from(u8::from(answer.is_some())));
        waited.extend(answer);
    }
    let (all, windows) = oracle::failover(silent, TRIES as i32);
    let tolerance = effort.tolerance(0.01);
    let of = format!("of {TRIES} relays who are each silent in {silent}");
    Ok(vec![
        Row::near(format!("jobs that one serves, {of}"), all, tolerance, served.estimate()),
        Row::near(format!("windows that pass before, {of}"), windows, tolerance, waited.estimate()),
    ])
}

/// A quarter of the relays are always silent, and failures count for a day: after a while nobody waits.
fn remembered(effort: Effort) -> Result<Row, Broken> {
    let mut client = Client::new("1 d")?;
    let silent: Vec<Party> = (0..RELAYS / 4).map(prover).collect();
    let mut waited = Mean::default();
    for job in 0..effort.jobs(5_000) {
        let answer = client.job(|relay| silent.contains(&relay))?;
        if job >= 200 {
            waited.extend(answer);
        }
    }
    Ok(Row::exactly("windows that pass once failures are remembered", 0.0, waited.value()))
}

/// Who wants jobs relayed.
struct Client {
    floor: Floor,
}

impl Client {
    fn new(grace: &str) -> Result<Self, Broken> {
        let rules = format!(
            "window = \"10 s\"\ntries = {TRIES}\ngrace = \"{grace}\"\nstake = 1000\nburned = 5000\nexit = \"2 h\"\n\
             beacon = {{ lag = \"1 s\", patience = \"1 min\" }}\n"
        );
        let mut floor = Floor::new("relay-choice", &rules)?;
        for number in 0..RELAYS {
            floor.fund(prover(number))?;
            let (stake, price) = (Amount::new(1_000), Amount::new(1));
            floor.join(prover(number), Position { stake, price, capacity: 1 })?;
        }
        Ok(Self { floor })
    }

    /// One job; how many windows passed until a relay answered, if one did.
    fn job(&mut self, mut is_silent: impl FnMut(Party) -> bool) -> Result<Option<f64>, Broken> {
        let job = self.floor.open(1_000_000, Amount::new(10), Span::s(200))?;
        self.floor.seed()?;
        let drawn_at = self.floor.now();
        for (relay, from) in self.turns(job) {
            if !is_silent(relay) {
                self.floor.pass(from.since(self.floor.now()))?;
                let refused = self.floor.deliver(job, relay)?;
                refused.map_or(Ok(()), |refusal| Err(Broken::from(refusal)))?;
                let waited = from.since(drawn_at).get() as f64 / WINDOW.get() as f64;
                return Ok(Some(waited.round()));
            }
        }
        self.floor.pass(Span::s(200))?;
        Ok(None)
    }

    /// Who may answer from when on.
    fn turns(&self, job: JobId) -> Vec<(Party, Time)> {
        let Some(Stage::Allocated(allocation)) = self.floor.stage(job) else { return Vec::new() };
        let first = allocation.holders.iter().map(|holder| (holder.party, self.floor.now()));
        let later = allocation.backups.iter().map(|backup| (backup.party, backup.from));
        first.chain(later).collect()
    }
}
