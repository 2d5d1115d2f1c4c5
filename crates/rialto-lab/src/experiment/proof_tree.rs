//! How a proof tree lives or dies by its rescuers, and by what they are paid (E11).

use super::{Effort, Experiment, Row};
use crate::{Broken, Dice, Estimate, oracle};
use alloy_primitives::B256;
use rialto_mechanism::mechanism::proof_tree::elected;
use rialto_mechanism::{
    Account, Amount, Auditor, Bps, Effect, Entry, Event, JobId, JobSpec, Machine, Party, Position,
    Proof, Refusal, Span, Stage, Time, Why, find,
};
use rialto_protocol::Cycles;

/// The experiment.
pub const EXPERIMENT: Experiment = Experiment {
    name: "proof-tree",
    about: "a proof tree lives by rescues, and rescues by their bounty",
    run,
};

/// What a node of a tree pays, and what proving it costs.
const SHARE: Amount = Amount::new(1_000_000);
const COST: Amount = Amount::new(400_000);
const WINDOW: Span = Span::s(10);
/// Bounties above and below the cost, and the forum's.
const ENOUGH: u32 = 5_000;
const TOO_LITTLE: u32 = 3_000;
const NOTHING: u32 = 0;

/// Who fails.
#[derive(Clone, Copy)]
enum Faults {
    /// Some provers, at everything.
    Gone(f64),
    /// Everybody, now and then: at each node anew. Who has proven a node can rebuild what is beside it.
    NowAndThen(f64),
}

fn run(effort: Effort) -> Result<Vec<Row>, Broken> {
    let mut rows = Vec::new();
    for depth in [3, 5] {
        for fault in [0.05, 0.1, 0.2] {
            rows.extend(rescues(depth, fault, effort)?);
        }
    }
    rows.extend(bounties(effort)?);
    Ok(rows)
}

/// How often the root is proven without rescue, with a sibling's, and with that of whole subtrees.
fn rescues(depth: u32, fault: f64, effort: Effort) -> Result<Vec<Row>, Broken> {
    let of = format!("depth {depth}, {fault} fail");
    let kinds = [
        ("none", Faults::Gone(fault), oracle::tree_unaided(depth, fault), 0.034),
        ("pair", Faults::Gone(fault), oracle::tree_in_pairs(depth, fault), 0.8515),
        ("subtree", Faults::NowAndThen(fault), oracle::tree_rebuilt(depth, fault), 0.990),
    ];
    let mut rows = Vec::new();
    for (rescue, faults, target, stated) in kinds {
        let bounty = if rescue == "none" { NOTHING } else { ENOUGH };
        let mut grove = Grove::new(rescue, bounty, depth)?;
        let proven = grove.pass(faults, target, effort)?;
        let row = |name, value| Row::near(name, value, effort.tolerance(0.005), proven);
        rows.push(row(format!("root proven, rescue {rescue}, {of}"), target));
        if (depth, fault) == (5, 0.1) {
            rows.push(row(format!("the same, as the survey has it, rescue {rescue}"), stated));
        }
    }
    Ok(rows)
}

/// A sibling that works for nothing, or for less than its cost, leaves the tree alone.
fn bounties(effort: Effort) -> Result<Vec<Row>, Broken> {
    const DEPTH: u32 = 3;
    const FAULT: f64 = 0.1;
    let (alone, rescued) =
        (oracle::tree_unaided(DEPTH, FAULT), oracle::tree_in_pairs(DEPTH, FAULT));
    let mut rows = Vec::new();
    for (bounty, target) in [(NOTHING, alone), (TOO_LITTLE, alone), (ENOUGH, rescued)] {
        let mut grove = Grove::new("pair", bounty, DEPTH)?;
        let proven = grove.pass(Faults::Gone(FAULT), target, effort)?;
        let share = f64::from(bounty) / 10_000.0;
        let name =
            format!("root proven, siblings are rational, a bounty of {share} at a cost of 0.4");
        rows.push(Row::near(name, target, effort.tolerance(0.005), proven));
        if bounty == ENOUGH {
            let paid = grove.rescues_paid / grove.rescued as f64 / SHARE.get() as f64;
            rows.push(Row::exactly("paid for a rescue, of a node's share", share, paid));
            let burned = grove.burned / grove.lost;
            rows.push(Row::exactly("of what the failed lose, burned", 1.0, burned));
        }
    }
    Ok(rows)
}

/// A tree's mechanism with a prover for each leaf, and what came of the trees so far.
struct Grove {
    machine: Box<dyn Machine>,
    auditor: Auditor,
    dice: Dice,
    now: Time,
    leaves: usize,
    trees: u64,
    rebuilds: bool,
    /// Whether a rescue is worth more than it costs.
    rescue_pays: bool,
    /// Nodes that somebody else proved, in trees whose root was proven, and what that was paid.
    rescued: u64,
    rescues_paid: f64,
    lost: f64,
    burned: f64,
}

/// A tree that is being proven.
struct Tree {
    job: JobId,
    faults: Faults,
    gone: Vec<Party>,
    elected: Vec<Party>,
    proven_by: Vec<Option<Party>>,
}

impl Grove {
    fn new(rescue: &str, bounty: u32, depth: u32) -> Result<Self, Broken> {
        let kind = find("proof-tree").expect("it is in the catalogue");
        let leaves = 1 << depth;
        let rules = format!(
            "leaves = {leaves}\nwindow = \"{WINDOW}\"\nrescue = \"{rescue}\"\nbounty = {bounty}\n\
             uncle = 0\nstake = 1000\nslash = 1\nexit = \"1 min\"\n\
             beacon = {{ lag = \"0 s\", patience = \"1 min\" }}"
        );
        let mut grove = Self {
            machine: kind.start(&rules)?,
            auditor: Auditor::default(),
            dice: Dice::new(1, "grove"),
            now: Time(1_000_000),
            leaves,
            trees: 0,
            rebuilds: rescue == "subtree",
            rescue_pays: SHARE.times_down(Bps(bounty)) > COST,
            rescued: 0,
            rescues_paid: 0.0,
            lost: 0.0,
            burned: 0.0,
        };
        for nth in 0..=leaves {
            grove.enter(Event::Fund { party: party(nth), amount: Amount::new(1 << 80) })?;
            let position = Position { stake: Amount::new(1 << 60), ..Position::default() };
            if nth > 0 {
                grove.enter(Event::Join { party: party(nth), position })?;
            }
        }
        Ok(grove)
    }

    /// How often the root is proven, over so many trees that a right mechanism is off by the tolerance of half a
    /// percentage point once in 15 000 times.
    fn pass(&mut self, faults: Faults, target: f64, effort: Effort) -> Result<Estimate, Broken> {
        let trees = effort.jobs(20_000.max((640_000.0 * target * (1.0 - target)) as u64));
        let mut proven = 0;
        for _ in 0..trees {
            proven += u64::from(self.grow(faults)?);
        }
        Ok(Estimate::share(proven, trees))
    }

    /// One tree, level by level from its leaves. Returns whether its root was proven.
    fn grow(&mut self, faults: Faults) -> Result<bool, Broken> {
        let mut tree = self.plant(faults)?;
        let mut first = self.leaves;
        while first > 0 {
            let level = first..2 * first;
            for node in level.clone() {
                let by = tree.elected[node - 1];
                self.attempt(&mut tree, node, by)?;
            }
            self.now = (self.now + WINDOW).next();
            if self.rescue_pays {
                level.clone().try_for_each(|node| self.step_in(&mut tree, node))?;
                level.clone().try_for_each(|node| self.rebuild(&mut tree, node))?;
            }
            first /= 2;
        }
        let is_proven = tree.by(1).is_some();
        if is_proven {
            let built = tree.proven_by.iter().zip(&tree.elected);
            self.rescued += built.filter(|(by, elected)| **by != Some(**elected)).count() as u64;
        } else {
            self.now = self.machine.next_wake().expect("a live job has an alarm at its deadline");
            self.enter(Event::Tick)?;
        }
        Ok(is_proven)
    }

    /// Offers a tree and lets the seed come.
    fn plant(&mut self, faults: Faults) -> Result<Tree, Broken> {
        let (round, leaves) = (self.trees, self.leaves);
        self.trees += 1;
        let job = JobId(self.trees);
        let spec = JobSpec {
            requester: party(0),
            cycles: Cycles(1_000_000),
            parts: leaves as u32,
            max_pay: SHARE.scaled_down(2 * leaves as u128 - 1, 1),
            deadline: self.now + Span::s(10_000),
        };
        self.enter(Event::Open { job, spec })?;
        self.now = self.now.next();
        let seed = B256::left_padding_from(&self.dice.below(u64::MAX).to_be_bytes());
        self.enter(Event::Seed { round, seed, published: self.now })?;
        let Some(Stage::Allocated(to)) = self.machine.job(job).map(|job| job.stage) else {
            unreachable!("there are members, and the seed has come")
        };
        let drawn: Vec<Party> = to.holders.iter().map(|holder| holder.party).collect();
        let gone = match faults {
            Faults::Gone(fault) => {
                drawn.iter().copied().filter(|_| self.dice.chance(fault)).collect()
            }
            Faults::NowAndThen(_) => Vec::new(),
        };
        let elected = elected(seed, job, &drawn, leaves);
        let proven_by = vec![None; elected.len()];
        Ok(Tree { job, faults, gone, elected, proven_by })
    }

    /// One that may prove a node tries to.
    fn attempt(&mut self, tree: &mut Tree, node: usize, by: Party) -> Result<(), Broken> {
        let fails = match tree.faults {
            Faults::Gone(_) => tree.gone.contains(&by),
            Faults::NowAndThen(fault) => self.dice.chance(fault),
        };
        let below = [2 * node, 2 * node + 1];
        let is_due = node >= self.leaves || below.iter().all(|child| tree.by(*child).is_some());
        if fails || !is_due { Ok(()) } else { self.deliver(tree, node, by) }
    }

    /// The window has ended. For a leaf its sibling steps in if it has proven its own; for a merge one who has
    /// proven what it merges, another than who was elected if there is one.
    fn step_in(&mut self, tree: &mut Tree, node: usize) -> Result<(), Broken> {
        if tree.by(node).is_some() {
            return Ok(());
        }
        if node >= self.leaves {
            return match tree.by(node ^ 1) {
                Some(sibling) => self.deliver(tree, node, sibling),
                None => Ok(()),
            };
        }
        let elected = tree.elected[node - 1];
        let below = [2 * node, 2 * node + 1].into_iter().filter_map(|child| tree.by(child));
        let other = below.into_iter().find(|by| *by != elected).unwrap_or(elected);
        self.attempt(tree, node, other)
    }

    /// Whoever has proven the sibling of a node proves all that is missing of it, from its leaves up.
    fn rebuild(&mut self, tree: &mut Tree, node: usize) -> Result<(), Broken> {
        if !self.rebuilds || node == 1 || tree.by(node).is_some() {
            return Ok(());
        }
        let Some(by) = tree.by(node ^ 1) else { return Ok(()) };
        for down in (0..=self.leaves.ilog2() - node.ilog2()).rev() {
            for below in node << down..(node + 1) << down {
                if tree.by(below).is_none() {
                    self.deliver(tree, below, by)?;
                }
            }
            self.now = (self.now + WINDOW).next();
        }
        Ok(())
    }

    fn deliver(&mut self, tree: &mut Tree, node: usize, by: Party) -> Result<(), Broken> {
        let proof = Proof { valid: true, part: node as u32 };
        let refused = self.enter(Event::Deliver { job: tree.job, by, proof })?;
        assert_eq!(refused, None, "{by} may prove node {node}");
        tree.proven_by[node - 1] = Some(by);
        Ok(())
    }

    fn enter(&mut self, event: Event) -> Result<Option<Refusal>, Broken> {
        let entry = Entry { at: self.now, event };
        let step = self.machine.step(&entry);
        self.auditor.watch(&entry, &step, &*self.machine)?;
        for happened in &step.effects {
            let Effect::Moved { to, amount, why, .. } = happened.effect else { continue };
            let amount = amount.get() as f64;
            match why {
                Why::Rescue => self.rescues_paid += amount,
                Why::Forfeit(_) => {
                    self.lost += amount;
                    self.burned += if to == Account::Burned { amount } else { 0.0 };
                }
                _ => {}
            }
        }
        Ok(step.refused)
    }
}

impl Tree {
    /// Who has proven a node.
    fn by(&self, node: usize) -> Option<Party> {
        self.proven_by.get(node - 1).copied().flatten()
    }
}

/// The requester is 0, provers follow.
fn party(nth: usize) -> Party {
    Party::left_padding_from(&(nth as u64 + 1).to_be_bytes())
}
