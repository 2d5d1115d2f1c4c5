//! How long it takes to get past members who do not answer where several are asked at once (X9).

use super::{Effort, Experiment, Row};
use crate::floor::{Floor, number_of, prover};
use crate::{Broken, Dice, Estimate, Mean, oracle};
use rialto_mechanism::{Amount, Event, JobId, Party, Position, Span, Stage};

/// The experiment.
pub const EXPERIMENT: Experiment = Experiment {
    name: "candidate-selection",
    about: "a window passes only if all are silent who were asked at once, and the silent are not asked for long",
    run,
};

const WINDOW: Span = Span::s(2);
const MEMBERS: usize = 12;
/// Until everybody's record has moved.
const WARM_UP: u64 = 1_000;

fn run(effort: Effort) -> Result<Vec<Row>, Broken> {
    let mut rows = Vec::new();
    for silent in [0.1, 0.3, 0.5] {
        for limit in 1..=3 {
            rows.extend(failover(limit, silent, effort)?);
        }
        rows.push(first_answer(&[100, 300, 700], silent, effort)?);
    }
    rows.extend(remembered(effort)?);
    Ok(rows)
}

/// Members of whom each is silent for a job with this chance. Who has no answer asks again.
fn failover(limit: usize, silent: f64, effort: Effort) -> Result<Vec<Row>, Broken> {
    let mut client = Client::new(limit, MEMBERS)?;
    let mut dice = Dice::new(1, &format!("{silent} of {limit}"));
    let (mut answered, mut waited, mut asked) = (Mean::default(), Mean::default(), Mean::default());
    for job in 0..WARM_UP + effort.jobs(40_000) {
        let answer = client.job(|_| dice.chance(silent))?;
        if job >= WARM_UP {
            answered.add(f64::from(u8::from(answer.windows == 0)));
            waited.add(answer.windows.into());
            asked.add(answer.asked.len() as f64 / f64::from(answer.windows + 1));
        }
    }
    let all = oracle::all_fail(silent, limit as i32, 0.0);
    let tolerance = effort.tolerance(0.015);
    let of = format!("{limit} at once who are each silent in {silent}");
    let windows = oracle::rematching(all);
    Ok(vec![
        Row::exactly(format!("asked, of {of}"), limit as f64, asked.value()),
        Row::near(
            format!("jobs with an answer, of {of}"),
            1.0 - all,
            tolerance,
            answered.estimate(),
        ),
        Row::near(
            format!("windows that pass before, of {of}"),
            windows,
            tolerance,
            waited.estimate(),
        ),
    ])
}

/// Members with these latencies in milliseconds, who are all asked: when the first answer comes.
fn first_answer(latencies: &[u64], silent: f64, effort: Effort) -> Result<Row, Broken> {
    let mut client = Client::new(latencies.len(), latencies.len())?;
    for (number, latency) in latencies.iter().enumerate() {
        let (party, score) = (prover(number), *latency as u32);
        client.floor.must(Event::Measure { party, score })?;
    }
    client.latencies = latencies.iter().map(|latency| Span::ms(*latency)).collect();
    let mut dice = Dice::new(1, &format!("first, {silent}"));
    let mut took = Mean::default();
    for job in 0..WARM_UP + effort.jobs(40_000) {
        let answer = client.job(|_| dice.chance(silent))?;
        if job >= WARM_UP {
            took.add(answer.after.get() as f64 / 1_000.0);
        }
    }
    let seconds: Vec<f64> = latencies.iter().map(|latency| *latency as f64 / 1_000.0).collect();
    let target = oracle::first_answer(silent, &seconds, WINDOW.get() as f64 / 1_000.0);
    let name = format!("seconds until one of {seconds:?} answers who are each silent in {silent}");
    Ok(Row::near(name, target, effort.tolerance(0.015), took.estimate()))
}

/// A quarter of the members are always silent, the others now and then: soon the former are not asked.
fn remembered(effort: Effort) -> Result<Vec<Row>, Broken> {
    const LIMIT: usize = 3;
    const SILENT: f64 = 0.1;
    let mut client = Client::new(LIMIT, MEMBERS)?;
    let dead: Vec<Party> = (0..MEMBERS / 4).map(prover).collect();
    let mut dice = Dice::new(1, "remembered");
    let (mut waited, mut in_vain) = (Mean::default(), Mean::default());
    for job in 0..WARM_UP + effort.jobs(20_000) {
        let answer = client.job(|party| dead.contains(&party) || dice.chance(SILENT))?;
        if job >= WARM_UP {
            waited.add(answer.windows.into());
            in_vain.extend(answer.asked.iter().map(|it| f64::from(u8::from(dead.contains(it)))));
        }
    }
    let windows = oracle::rematching(oracle::all_fail(SILENT, LIMIT as i32, 0.0));
    let name = "windows that pass once a quarter who never answer are known";
    Ok(vec![
        Row::near(
            "of all who are asked then, those who never answer",
            0.0,
            0.01,
            Estimate::exact(in_vain.value()),
        ),
        Row::near(name, windows, effort.tolerance(0.002), waited.estimate()),
    ])
}

/// Who wants an answer.
struct Client {
    floor: Floor,
    /// How long each member takes to answer; those without one answer at once.
    latencies: Vec<Span>,
}

/// How a job was answered.
struct Answer {
    /// How many windows passed in which nobody did.
    windows: u32,
    /// After how long.
    after: Span,
    /// Who was asked, in all attempts.
    asked: Vec<Party>,
}

impl Client {
    fn new(limit: usize, members: usize) -> Result<Self, Broken> {
        let rules = format!(
            "limit = {limit}\nwindow = \"{WINDOW}\"\nlatency_mid = \"400 ms\"\nlatency_scale = \"300 ms\"\n\
             silence_mid = \"365 d\"\nstake_scale = 62500\nstake = 100000\nmemory = 64\nexit = \"28 d\""
        );
        let mut floor = Floor::new("candidate-selection", &rules)?;
        for number in 0..members {
            floor.fund(prover(number))?;
            let (stake, price) = (Amount::new(100_000), Amount::new(1));
            floor.join(prover(number), Position { stake, price, capacity: 1 })?;
        }
        Ok(Self { floor, latencies: Vec::new() })
    }

    /// One job, asked for until somebody answers.
    fn job(&mut self, mut is_silent: impl FnMut(Party) -> bool) -> Result<Answer, Broken> {
        let mut answer = Answer { windows: 0, after: Span::ZERO, asked: Vec::new() };
        loop {
            let job = self.floor.open(1_000_000, Amount::new(1_000_000), WINDOW)?;
            let asked = self.asked(job);
            answer.asked.extend(&asked);
            let mut answers: Vec<(Span, Party)> = asked
                .into_iter()
                .filter(|party| !is_silent(*party))
                .map(|party| (self.latency(party), party))
                .collect();
            answers.sort_unstable();
            let mut passed = Span::ZERO;
            for (latency, party) in &answers {
                self.floor.pass(Span::ms(latency.get() - passed.get()))?;
                passed = *latency;
                let refused = self.floor.deliver(job, *party)?;
                refused.map_or(Ok(()), |refusal| Err(Broken::from(refusal)))?;
            }
            self.floor.pass(Span::ms(WINDOW.get() - passed.get() + 1))?;
            if let Some((latency, _)) = answers.first() {
                answer.after = answer.after + *latency;
                return Ok(answer);
            }
            answer.windows += 1;
            answer.after = answer.after + WINDOW;
        }
    }

    fn latency(&self, party: Party) -> Span {
        self.latencies.get(number_of(party)).copied().unwrap_or_default()
    }

    fn asked(&self, job: JobId) -> Vec<Party> {
        let Some(Stage::Allocated(allocation)) = self.floor.stage(job) else { return Vec::new() };
        allocation.holders.iter().map(|holder| holder.party).collect()
    }
}
