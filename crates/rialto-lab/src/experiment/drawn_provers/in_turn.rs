//! One prover for a job, and one more if it fails.

use super::{Faults, PATIENCE, PROVERS, TOLERANCE, enough, unproven};
use crate::experiment::{Effort, Row};
use crate::floor::{Floor, REQUESTER, number_of, prover};
use crate::{Broken, Estimate, oracle};
use rialto_mechanism::{Amount, Event, JobId, Message, Position, Span, Time};

const PAY: Amount = Amount::new(1_000_000);
const WORK: Span = Span::s(600);
const WEEK: Span = Span::s(7 * 86_400);
const MONTH: Span = Span::s(30 * 86_400);

const RULES: &str = r#"
    accept = "18 s"
    work = "10 min"
    weekly = 1
    monthly = 4
    refund = 5000
    stake_for_capacity = 1
    workload = 60000
    exit = "7 d"
    beacon = { lag = "6 s", patience = "1 min" }
"#;

pub(super) fn rows(effort: Effort) -> Result<Vec<Row>, Broken> {
    let (mut rows, mut running) = (Vec::new(), 0);
    for (fault, together) in
        [(0.05, 0.0), (0.1, 0.0), (0.2, 0.0), (0.33, 0.0), (0.2, 0.25), (0.2, 0.5), (0.2, 1.0)]
    {
        let target = oracle::all_fail(fault, 2, together);
        let jobs = enough(target, effort);
        let mut turns = Turns::new(PROVERS)?;
        turns.pass(jobs, &mut Faults::new("in turn", fault, together))?;
        running += turns.twice_running;
        let how = if together == 0.0 { "" } else { &format!(", in {together} of jobs together") };
        let name = format!("missed by one and its fallback who each fail in {fault}{how}");
        rows.push(Row::near(
            name,
            target,
            effort.tolerance(TOLERANCE),
            Estimate::share(turns.unproven, jobs),
        ));
    }
    rows.push(Row::exactly("provers drawn twice running", 0.0, running as f64));
    rows.extend(refund()?);
    rows.extend(declines()?);
    Ok(rows)
}

/// A run of jobs, one at a time.
struct Turns {
    floor: Floor,
    last: Option<usize>,
    /// How often the same prover was drawn twice running.
    twice_running: u64,
    /// Jobs that ended without a proof.
    unproven: u64,
}

impl Turns {
    fn new(provers: usize) -> Result<Self, Broken> {
        let mut turns = Self {
            floor: Floor::new("zkcloud", RULES)?,
            last: None,
            twice_running: 0,
            unproven: 0,
        };
        for number in 0..provers {
            turns.floor.fund(prover(number))?;
            let stake = Amount::new(10);
            turns
                .floor
                .join(prover(number), Position { stake, capacity: 10, ..Position::default() })?;
            turns.measure(number)?;
        }
        Ok(turns)
    }

    fn measure(&mut self, number: usize) -> Result<(), Broken> {
        self.floor.must(Event::Measure { party: prover(number), score: 1 }).map(drop)
    }

    /// Draws for the job that waits; nobody if there is nobody.
    fn draw(&mut self, job: JobId) -> Result<Option<usize>, Broken> {
        if let Some(step) = self.floor.seed()? {
            self.unproven += unproven(&step);
        }
        let drawn = self.floor.holder(job).map(|(party, _)| number_of(party));
        self.twice_running += u64::from(drawn.is_some() && drawn == self.last);
        self.last = drawn;
        Ok(drawn)
    }

    /// The drawn prover accepts, and delivers or lets its time pass.
    fn serve(&mut self, job: JobId, number: usize, fails: bool) -> Result<(), Broken> {
        self.floor.say(prover(number), Some(job), Message::Accept)?;
        if fails {
            let step = self.floor.pass(WORK + Span::ms(1))?;
            self.unproven += unproven(&step);
            return self.measure(number);
        }
        self.floor.deliver(job, prover(number)).map(drop)
    }

    fn open(&mut self) -> Result<JobId, Broken> {
        self.floor.open(1, PAY, PATIENCE)
    }

    /// So many jobs, whose two provers fail as they must.
    fn pass(&mut self, jobs: u64, faults: &mut Faults) -> Result<(), Broken> {
        for _ in 0..jobs {
            let job = self.open()?;
            for fails in faults.of_job(2) {
                let Some(number) = self.draw(job)? else { break };
                self.serve(job, number, fails)?;
                if !fails {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// What becomes of the fees when a fallback has to prove, and when it fails too.
fn refund() -> Result<Vec<Row>, Broken> {
    let mut turns = Turns::new(PROVERS)?;
    let endowed = 1u64 << 40;
    turns.floor.endow(Amount::new(endowed.into()))?;
    let all = PAY.get() as f64;
    let job = turns.open()?;
    let first = turns.draw(job)?.unwrap_or_default();
    turns.serve(job, first, true)?;
    let second = turns.draw(job)?.unwrap_or_default();
    turns.serve(job, second, false)?;
    let spent = -turns.floor.gain(REQUESTER) - endowed as f64;
    let earned = turns.floor.gain(prover(second));
    let job = turns.open()?;
    for _ in 0..2 {
        let number = turns.draw(job)?.unwrap_or_default();
        turns.serve(job, number, true)?;
    }
    Ok(vec![
        Row::exactly(
            "of the fees, back to the requester when the fallback proves",
            0.5,
            1.0 - spent / all,
        ),
        Row::exactly("of the fees, for the fallback then", 1.0, earned / all),
        Row::exactly("of the fees, burned when it fails too", 1.0, turns.floor.burned() / all),
    ])
}

/// Provers who decline whenever they may, over a hundred days of a job an hour.
fn declines() -> Result<Vec<Row>, Broken> {
    const FEW: usize = 4;
    let mut turns = Turns::new(FEW)?;
    let began = turns.floor.now();
    let mut declined: Vec<Vec<Time>> = vec![Vec::new(); FEW];
    for hour in 0..100 * 24 {
        turns.floor.pass((began + Span::s(3_600).times(hour)).since(turns.floor.now()))?;
        let job = turns.open()?;
        while let Some(number) = turns.draw(job)? {
            match turns.floor.say(prover(number), Some(job), Message::Decline)? {
                None => declined[number].push(turns.floor.now()),
                Some(_) => {
                    turns.serve(job, number, false)?;
                    break;
                }
            }
        }
    }
    let most = |span: Span| {
        let within = |all: &Vec<Time>, from: Time| {
            all.iter().filter(|at| **at >= from && at.since(from) < span).count()
        };
        let counts = declined.iter().flat_map(|all| all.iter().map(move |from| within(all, *from)));
        counts.max().unwrap_or_default() as f64
    };
    Ok(vec![
        Row::exactly("most declines of a prover within seven days", 1.0, most(WEEK)),
        Row::exactly("most declines of a prover within thirty days", 4.0, most(MONTH)),
    ])
}
