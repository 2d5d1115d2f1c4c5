//! **Proof tree** (protocol-elected provers; M6c). A prover is drawn for each leaf of a tree; each merge is for one of
//! the two who have what it merges.
//!
//! *Rule.* A job's parts are the leaves of a perfect binary tree, at most `leaves`. Nodes are numbered from the root,
//! which is 1; those below n are 2n and 2n + 1. Jobs wait for a seed, which draws a member for each leaf by stake,
//! nobody twice until everybody has one, and elects for each merge one of the two elected below it. A node may be
//! proven once those below it are. Its elected prover has it alone for `window`; then others may prove it too, as
//! `rescue` says: `none`: nobody. `pair`: of a leaf, the one elected for its sibling; of a merge, whoever has proven a
//! node below it. `subtree`: also whoever has proven the sibling of any node on the way up from it.
//!
//! *Pay.* When the root is proven. Every node has an equal share of what the requester pays, rounded down. Who proves a
//! node that it was elected for has the share; who steps in has `bounty` of it; who was elected and proves it all the
//! same after that, while the job lives, has `uncle` of it.
//!
//! *Failure.* Whose node another has proven, or nobody within its window, loses `slash` of its stake, which is burned.
//! If the root is not proven in time, whoever has proven a node has `uncle` of its share, and the rest goes back;
//! without a seed or members, all of it.
//!
//! *Source.* The Aztec forum's ideas on a proving network, which has neither bounty nor numbers. Confidence B.
//!
//! *Attacks.* There a sibling is paid for its own nodes only, so it may as well not rescue (`bounty` answers). Slashing
//! invites leaving out what others have proven; so nobody gains by another's slash. Many names are drawn more often
//! than one with all the stake. Missing a node and rescuing it under another name would pay if bounty and uncle were
//! more than the share.

use crate::{
    About, Allocation, Amount, Beacon, Bps, Case, Confidence, Contradiction, Desk, Holder, JobId,
    JobSpec, Lots, Mechanism, Outcome, Party, Position, Preset, Proof, Refusal, Risks, Ruling,
    Seed, Span, SplitGain, Time, Why,
};
use alloy_primitives::{B256, keccak256};
use rialto_protocol::draw::Weight;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The rule with its parameters and who can be drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProofTree {
    rules: Rules,
    lots: Lots,
}

/// Parameters of a [`ProofTree`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The most leaves of a tree.
    pub leaves: u32,
    /// How long a node that can be proven is its elected prover's alone.
    pub window: Span,
    /// Who may prove it afterwards.
    pub rescue: Rescue,
    /// What a rescuer has of a node's share.
    pub bounty: Bps,
    /// What a proof has of its node's share that the root did not need, or that no root came of.
    pub uncle: Bps,
    /// The least stake of a member.
    pub stake: Amount,
    /// What a prover loses for a job in which it has failed.
    pub slash: Amount,
    /// After how long a stake comes back.
    pub exit: Span,
    /// How long randomness takes.
    pub beacon: Beacon,
}

/// Who may prove a node whose elected prover has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rescue {
    /// Nobody.
    None,
    /// The sibling of a leaf; of a merge, whoever has proven what it merges.
    Pair,
    /// Also whoever has proven the sibling of any node above it, or its own.
    Subtree,
}

/// A job's tree; the root comes first. Empty before the draw.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tree(Vec<Node>);

/// A node of a tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Node {
    elected: Party,
    /// From when on it can be proven.
    due: Option<Time>,
    proven_by: Option<Party>,
    /// Whether its elected prover has proven it after another.
    has_uncle: bool,
}

/// The forum names no numbers; these are ours.
macro_rules! preset {
    ($rescue:literal, $bounty:literal, $uncle:literal, $slash:literal) => {
        concat!(
            "rescue = \"",
            $rescue,
            "\"\nbounty = ",
            $bounty,
            "\nuncle = ",
            $uncle,
            "\nslash = ",
            $slash,
            r#"
            leaves = 256
            window = "2 min"
            stake = 1000
            exit = "7 d"
            beacon = { lag = "12 s", patience = "1 min" }
            "#
        )
    };
}
const ABOUT: About = About {
    name: "proof-tree",
    family: "M6c",
    confidence: Confidence::Documents,
    split_gain: SplitGain::Gain,
    presets: &[
        Preset { name: "forum", rules: preset!("pair", "0", "0", "0") },
        Preset { name: "unaided", rules: preset!("none", "0", "0", "100") },
        Preset { name: "bounty", rules: preset!("subtree", "8000", "2000", "100") },
    ],
    file: include_str!("proof_tree.rs"),
};

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        let leaves = self.leaves.is_power_of_two() && self.leaves <= 4_096;
        Contradiction::unless(leaves, "leaves", "must be a power of two, at most 4096")?;
        Contradiction::if_zero(self.window, "window")?;
        let paid = u64::from(self.bounty.0) + u64::from(self.uncle.0) <= Bps::ALL.0.into();
        Contradiction::unless(paid, "bounty", "and uncle must be 10000 together at most")?;
        let alone = self.rescue != Rescue::None || self.bounty == Bps(0);
        Contradiction::unless(alone, "bounty", "is for rescuers; with rescue = \"none\" it is 0")?;
        Contradiction::if_zero(self.stake, "stake")?;
        Contradiction::unless(self.slash <= self.stake, "slash", "may be at most the stake")
    }
}

impl Mechanism for ProofTree {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Tree;

    fn new(rules: Rules) -> Self {
        Self { rules, lots: Lots::default() }
    }

    fn join(&mut self, _: &mut Desk<Tree>, party: Party, position: &Position) -> Ruling {
        let wanted = self.rules.stake;
        position.backs(wanted)?;
        let weight = Weight::try_from(position.stake.get()).unwrap_or(Weight::MAX);
        self.lots.roll.set(party, weight);
        Ok(())
    }

    fn leave(&mut self, _: &mut Desk<Tree>, party: Party) -> Span {
        self.lots.roll.set(party, Weight::ZERO);
        self.rules.exit
    }

    fn admits(&self, desk: &Desk<Tree>, spec: &JobSpec) -> Ruling {
        let (leaves, beacon) = (spec.parts, self.rules.beacon);
        if leaves > self.rules.leaves {
            return Err(Refusal::WrongParts { min: 1, max: self.rules.leaves });
        }
        if !leaves.is_power_of_two() {
            return Err(Refusal::NotATree);
        }
        let levels = self.rules.window.times(u64::from(leaves.ilog2()) + 1);
        let earliest = desk.now() + beacon.lag + beacon.patience + levels;
        spec.due_from(earliest)
    }

    fn open(&mut self, case: &mut Case<'_, Tree>) {
        self.lots.enter(case.desk, case.job.id, self.rules.beacon);
    }

    fn seeded(&mut self, desk: &mut Desk<Tree>, seed: &Seed) {
        desk.visit_all(self.lots.take(), |case| self.elect(case, seed));
        self.lots.finish(desk, self.rules.beacon);
    }

    fn seedless(&mut self, desk: &mut Desk<Tree>, _: u64, _: Option<JobId>) {
        self.lots.give_up(desk, self.rules.beacon);
    }

    fn deliver(&mut self, case: &mut Case<'_, Tree>, by: Party, proof: &Proof) -> Ruling {
        proof.verified()?;
        let (now, tree) = (case.now(), &mut case.job.mark.0);
        let max = tree.len() as u32;
        if tree.is_empty() {
            return Err(Refusal::NotAllocated);
        }
        if !(1..=max).contains(&proof.part) {
            return Err(Refusal::WrongParts { min: 1, max });
        }
        let number = proof.part as usize;
        let Node { elected, proven_by, has_uncle, .. } = tree[number - 1];
        if proven_by.is_some() {
            let is_late = by == elected && proven_by != Some(by) && !has_uncle;
            tree[number - 1].has_uncle |= is_late;
            return if is_late { Ok(()) } else { Err(Refusal::AlreadyDone) };
        }
        self.may_prove(&case.job.mark, number, by, now)?;
        case.job.mark.take_proof(number, by, now);
        if by != elected {
            note_failure(case, elected);
        }
        if number == 1 {
            self.pay(case, Outcome::Proven);
        }
        Ok(())
    }

    fn expire(&mut self, case: &mut Case<'_, Tree>) {
        let now = case.now();
        let missed = |node: &&Node| {
            node.proven_by.is_none() && node.due.is_some_and(|due| due + self.rules.window < now)
        };
        let failed = case.job.mark.0.iter().filter(missed).map(|node| node.elected);
        failed.collect::<Vec<_>>().into_iter().for_each(|party| note_failure(case, party));
        self.pay(case, Outcome::Unproven);
    }
}

impl ProofTree {
    /// Draws for the leaves, elects for the merges, and gives the job to all of them.
    fn elect(&self, case: &mut Case<'_, Tree>, seed: &Seed) {
        let (id, leaves, now) = (case.job.id, case.spec().parts as usize, case.now());
        let mut drawn = self.lots.roll.draw(seed, id, leaves);
        drawn.retain(|party| case.desk.member(*party).is_some_and(|it| it.leaving.is_none()));
        if drawn.is_empty() {
            return case.settle(Outcome::Unproven);
        }
        let node = |(at, elected): (usize, Party)| {
            let due = (at + 1 >= leaves).then_some(now);
            Node { elected, due, ..Node::default() }
        };
        let all = elected(seed.value(), id, &drawn, leaves);
        let nodes: Vec<Node> = all.into_iter().enumerate().map(node).collect();
        let share = share(case.spec());
        let mut shares: BTreeMap<Party, Amount> = BTreeMap::new();
        for node in &nodes {
            *shares.entry(node.elected).or_default() += share;
        }
        let (at_risk, risks) = (self.rules.slash, Risks::Stake);
        let holder = |party: &Party| Holder {
            at_risk,
            risks,
            ..Holder::new(*party, shares.get(party).copied().unwrap_or_default())
        };
        // The deadline comes first: who has failed then is said in `expire`.
        let (holders, until) = (drawn.iter().map(holder).collect(), case.spec().deadline.next());
        case.job.mark.0 = nodes;
        case.allocate(Allocation { holders, until, ..Allocation::default() });
    }

    /// Whether `by` may prove a node that nobody has proven.
    fn may_prove(&self, tree: &Tree, number: usize, by: Party, now: Time) -> Ruling {
        let node = tree.node(number);
        let until = node.due.ok_or(Refusal::ChildrenMissing)? + self.rules.window;
        if by == node.elected {
            return Ok(());
        }
        if now <= until {
            return Err(Refusal::Reserved { until });
        }
        let is_pair = match tree.0.get(2 * number - 1) {
            Some(_) => {
                [2 * number, 2 * number + 1].map(|it| tree.node(it).proven_by).contains(&Some(by))
            }
            None => number > 1 && tree.node(number ^ 1).elected == by,
        };
        let beside_the_way_up = || {
            let mut way =
                std::iter::successors(Some(number), |it| Some(it / 2)).take_while(|it| *it > 1);
            way.any(|it| tree.node(it ^ 1).proven_by == Some(by))
        };
        let may = match self.rules.rescue {
            Rescue::None => false,
            Rescue::Pair => is_pair,
            Rescue::Subtree => is_pair || beside_the_way_up(),
        };
        if may { Ok(()) } else { Err(Refusal::NotAHolder) }
    }

    /// Pays everybody for all its nodes; the job is over.
    fn pay(&self, case: &mut Case<'_, Tree>, outcome: Outcome) {
        let share = share(case.spec());
        let (bounty, uncle) =
            (share.times_down(self.rules.bounty), share.times_down(self.rules.uncle));
        let mut due: BTreeMap<(Party, Why), Amount> = BTreeMap::new();
        for node in std::mem::take(&mut case.job.mark.0) {
            let Some(by) = node.proven_by else { continue };
            let (amount, why) = match outcome {
                Outcome::Proven if by == node.elected => (share, Why::Price),
                Outcome::Proven => (bounty, Why::Rescue),
                _ => (uncle, Why::Uncle(1)),
            };
            *due.entry((by, why)).or_default() += amount;
            if node.has_uncle && outcome == Outcome::Proven {
                *due.entry((node.elected, Why::Uncle(1))).or_default() += uncle;
            }
        }
        for ((party, why), amount) in due {
            case.pay(party, amount, why);
        }
        case.settle(outcome);
    }
}

impl Tree {
    /// The node of that number.
    fn node(&self, number: usize) -> &Node {
        &self.0[number - 1]
    }

    /// A node is proven; what it is merged into can be proven when its sibling is too.
    fn take_proof(&mut self, number: usize, by: Party, now: Time) {
        self.0[number - 1].proven_by = Some(by);
        if number > 1 && self.node(number ^ 1).proven_by.is_some() {
            self.0[number / 2 - 1].due = Some(now);
        }
    }
}

/// Whoever is elected has failed, perhaps not for the first time.
fn note_failure(case: &mut Case<'_, Tree>, elected: Party) {
    match case.fail(elected) {
        Ok(()) | Err(Refusal::AlreadyDone) => {}
        Err(other) => unreachable!("whoever is elected holds the job: {other}"),
    }
}

/// Who is elected for each node, the root first: the leaves for `drawn` in turn, as the job's holders are listed, and
/// each merge for whom the lowest bit of `keccak256(seed ‖ job ‖ node)` says, numbers as 8 bytes: at 0 the one below it on the left.
///
/// # Panics
/// Without leaves, or with nobody drawn.
pub fn elected(seed: B256, job: JobId, drawn: &[Party], leaves: usize) -> Vec<Party> {
    let mut nodes = vec![Party::ZERO; leaves - 1];
    nodes.extend((0..leaves).map(|leaf| drawn[leaf % drawn.len()]));
    for number in (1..leaves).rev() {
        let of_node = [job.0, number as u64].map(u64::to_be_bytes).concat();
        let side = keccak256([&seed[..], &of_node].concat())[31] % 2;
        nodes[number - 1] = nodes[2 * number + usize::from(side) - 1];
    }
    nodes
}

/// What a node is worth, rounded down.
fn share(spec: &JobSpec) -> Amount {
    spec.max_pay.scaled_down(1, 2 * u128::from(spec.parts) - 1)
}

#[cfg(test)]
mod tests;
