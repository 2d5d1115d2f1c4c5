//! Liveness that is paid for by proving many times over, and a score for showing up (E9).

use super::{Effort, Experiment, Row};
use crate::floor::{Floor, REQUESTER, prover};
use crate::oracle::Score;
use crate::{Broken, Estimate, Mean, Owner, World};
use rialto_mechanism::{Amount, Event, JobId, JobSpec, Proof, Span, find};
use rialto_protocol::Cycles;

/// The experiment.
pub const EXPERIMENT: Experiment = Experiment {
    name: "pooled-epoch",
    about: "a pooled reward buys liveness at as many times the cost as there are provers, and punishes absence",
    run,
};

/// An epoch's reward: large, so that what rounding takes off a share is nothing.
const REWARD: Amount = Amount::new(1_000_000_000_000_000);
const CYCLES: Cycles = Cycles(1_000_000);
const WINDOW: Span = Span::s(1_000);
/// Epochs after which every score is the highest, under each preset.
const LONG: u64 = 700;

/// How often the one that misses epochs now and then shows up.
const COVERAGE: f64 = 0.98;

/// The parameters of the presets, stated once more.
const AZIP_5: Score = Score {
    decay: 100_000.0,
    increment: 101_400.0,
    max: 367_500.0,
    slope: 250_000.0,
    best: 1_000_000.0,
    worst: 10_000.0,
    step: 100.0,
};
const IGNITION: Score = Score {
    decay: 100_000.0,
    increment: 125_000.0,
    max: 15_000_000.0,
    slope: 1_000.0,
    best: 1_000_000.0,
    worst: 100_000.0,
    step: 25_000.0,
};

fn run(effort: Effort) -> Result<Vec<Row>, Broken> {
    let mut rows = Vec::new();
    for provers in [1, 2, 5, 20] {
        let mut pool = Pool::new("azip-5", provers, 0.0)?;
        pool.pass(20)?;
        let waste = f64::from(provers - 1) / f64::from(provers);
        let name = format!("waste among {provers} provers");
        rows.push(Row::exactly(name, waste, pool.world.measures().waste()));
    }
    for provers in [1, 2, 3] {
        rows.push(liveness(provers, effort)?);
    }
    rows.extend(absence()?);
    // Where parts raise the score a cheat's is the highest; else it begins with its first whole proof.
    for (preset, score, of_cheat) in
        [("azip-5", AZIP_5, AZIP_5.first_share()), ("ignition", IGNITION, 1.0)]
    {
        for (away, there) in [(1, 49), (2, 98), (4, 196), (10, 490)] {
            rows.push(bursts(preset, score, away, there)?);
        }
        rows.push(cheat(preset, of_cheat)?);
    }
    rows.push(coverage("azip-5", AZIP_5, 320, effort)?);
    rows.push(coverage("ignition", IGNITION, 20, effort)?);
    Ok(rows)
}

/// Epochs that at least one proves, of provers who each miss three in ten.
fn liveness(provers: u32, effort: Effort) -> Result<Row, Broken> {
    const MISS: f64 = 0.3;
    let epochs = effort.jobs(160_000);
    let mut pool = Pool::new("azip-5", provers, MISS)?;
    pool.pass(epochs)?;
    let live = Estimate::share(pool.world.measures().proven, epochs);
    let target = 1.0 - MISS.powi(i32::try_from(provers).unwrap_or(i32::MAX));
    let name = format!("proven, of {provers} who miss 3 epochs in 10");
    Ok(Row::near(name, target, effort.tolerance(0.005), live))
}

/// What being away costs, against one who is always there.
fn absence() -> Result<Vec<Row>, Broken> {
    let mut pool = Pool::new("azip-5", 2, 0.0)?;
    pool.absent(LONG)?;
    let to_the_top = pool.epochs_to_the_top()?;
    pool.pass(LONG)?;
    pool.absent(1)?;
    let after_one = pool.share()?;
    let back = pool.epochs_to_the_top()?;
    pool.pass(LONG)?;
    pool.absent(2)?;
    let after_two = pool.share()?;
    let rounded = 0.000_5;
    Ok(vec![
        // The score is the highest after one more, 192: a share is rounded to the full one before.
        Row::exactly("epochs from nothing to the full share", 191.0, to_the_top),
        Row::near("share after one missed epoch", 0.757, rounded, Estimate::exact(after_one)),
        Row::exactly("epochs after that until it is whole again", 71.0, back),
        Row::near("share after two missed epochs", 0.014, rounded, Estimate::exact(after_two)),
        Row::near(
            "coverage above which one miss is made up for before the next",
            0.9862,
            rounded,
            Estimate::exact(back / (back + 1.0)),
        ),
    ])
}

/// The mean share of one that is away for some epochs and there for others, in turn, beside one that is always there.
fn bursts(preset: &str, score: Score, away: u64, there: u64) -> Result<Row, Broken> {
    let mut pool = Pool::new(preset, 2, 0.0)?;
    pool.pass(LONG)?;
    let mut shares = Mean::default();
    // A score that falls from burst to burst takes some to come to its rest.
    let turns = 2 + LONG / there;
    for turn in 0..=turns {
        pool.absent(away)?;
        for _ in 0..there {
            let share = pool.share()?;
            if turn == turns {
                shares.add(share);
            }
        }
    }
    let name = format!("mean share of one away for {away} of {} epochs, {preset}", away + there);
    let target = score.share_in_turns(away as u32, there as u32);
    Ok(Row::near(name, target, 1e-5, Estimate::exact(shares.value())))
}

/// The share of one that has proven only the first part of each epoch, once it proves a whole one.
fn cheat(preset: &str, target: f64) -> Result<Row, Broken> {
    const PARTS: u32 = 4;
    let kind = find("pooled-epoch").expect("it is in the catalogue");
    let preset = kind.about.preset(preset).expect("it is one of its presets");
    let mut floor = Floor::new("pooled-epoch", preset.rules)?;
    let (honest, cheat) = (prover(0), prover(1));
    floor.fund(honest)?;
    floor.fund(cheat)?;
    let mut paid = [0.0; 2];
    for epoch in 0..=LONG {
        let before = [honest, cheat].map(|party| floor.gain(party));
        let (requester, deadline) = (REQUESTER, floor.now() + WINDOW);
        let spec = JobSpec { requester, cycles: CYCLES, parts: PARTS, max_pay: REWARD, deadline };
        let job = JobId(epoch + 1);
        floor.open_spec(spec)?;
        for (by, part) in [(honest, PARTS), (cheat, if epoch == LONG { PARTS } else { 1 })] {
            floor.must(Event::Deliver { job, by, proof: Proof { valid: true, part } })?;
        }
        floor.pass(WINDOW + Span::ms(1))?;
        paid = [honest, cheat].map(|party| floor.gain(party));
        paid.iter_mut().zip(before).for_each(|(now, before)| *now -= before);
    }
    let name = format!("share after {LONG} epochs of first parts only, {}", preset.name);
    Ok(Row::near(name, target, 1e-6, Estimate::exact(paid[1] / paid[0])))
}

/// The mean share of provers who miss one epoch in fifty, by chance and each for itself, beside one who never does. Epochs
/// follow from each other and stretches of a thousand hardly do, so such a stretch is what counts once.
fn coverage(preset: &str, score: Score, stretches: u64, effort: Effort) -> Result<Row, Broken> {
    const PROVERS: u32 = 16;
    let mut pool = Pool::new(preset, 1 + PROVERS, 0.0)?;
    pool.pass(LONG)?;
    for number in 1..=PROVERS {
        pool.world.owner_mut(number as usize).presence = COVERAGE;
    }
    let mut shares = Mean::default();
    for _ in 0..effort.jobs(stretches) {
        let mut stretch = vec![Mean::default(); PROVERS as usize];
        for _ in 0..1_000 {
            let epoch = pool.shares()?;
            let present = stretch.iter_mut().zip(&epoch[1..]).filter(|(_, share)| **share > 0.0);
            present.for_each(|(mean, share)| mean.add(*share));
        }
        shares.extend(stretch.iter().map(Mean::value));
    }
    let name = format!("mean share at a coverage of 98 %, {preset}");
    let target = score.mean_share(COVERAGE);
    Ok(Row::near(name, target, effort.tolerance(0.005), shares.estimate()))
}

/// A world of provers, the first of whom is the measure of the second.
struct Pool {
    world: World,
    paid: Vec<f64>,
}

impl Pool {
    fn new(preset: &str, provers: u32, fault: f64) -> Result<Self, Broken> {
        let kind = find("pooled-epoch").expect("it is in the catalogue");
        let preset = kind.about.preset(preset).expect("it is one of its presets");
        let owner = |nth| Owner { fault, ..Owner::new(format!("prover {nth}"), Amount::from(1)) };
        let world = World::new(kind, preset.rules, (0..provers).map(owner).collect(), 1)?;
        Ok(Self { world, paid: vec![0.0; provers as usize] })
    }

    fn pass(&mut self, epochs: u64) -> Result<(), Broken> {
        for _ in 0..epochs {
            self.world.offer(Span::s(1), CYCLES, REWARD, WINDOW);
            self.world.run()?;
        }
        Ok(())
    }

    /// The second is away.
    fn absent(&mut self, epochs: u64) -> Result<(), Broken> {
        self.world.owner_mut(1).presence = 0.0;
        self.pass(epochs)?;
        self.world.owner_mut(1).presence = 1.0;
        self.paid = self.paid_so_far();
        Ok(())
    }

    /// What everybody is paid in the next epoch, over what the first is paid.
    fn shares(&mut self) -> Result<Vec<f64>, Broken> {
        self.pass(1)?;
        let paid = self.paid_so_far();
        let before = std::mem::replace(&mut self.paid, paid);
        let now: Vec<f64> =
            self.paid.iter().zip(before).map(|(now, before)| now - before).collect();
        Ok(now.iter().map(|paid| paid / now[0]).collect())
    }

    /// That of the second.
    fn share(&mut self) -> Result<f64, Broken> {
        Ok(self.shares()?[1])
    }

    /// Epochs until both are paid the same.
    fn epochs_to_the_top(&mut self) -> Result<f64, Broken> {
        let mut epochs = 1.0;
        while self.share()? < 1.0 {
            epochs += 1.0;
        }
        Ok(epochs)
    }

    fn paid_so_far(&self) -> Vec<f64> {
        self.world.measures().owners.iter().map(|owner| owner.paid).collect()
    }
}
