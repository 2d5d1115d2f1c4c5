//! **Candidate selection** (The Graph; M8). The client asks the best few at once, by a score of what is known of each,
//! and each further one only if it is worth its fee.
//!
//! *Rule.* Members post a fee. One is chosen after the other, at most `limit`: always whoever adds most to the score of
//! those chosen, for its fee as a part of what the requester pays; of equal ones who came first. From the second on
//! only if that part is at most half of what it adds, over the score so far. All who are chosen have the job for
//! `window`, at the same time.
//!
//! The score of a set is a product. The chance that one of them delivers, to the 7th power. `s(0) / s(l)`, where `s(l)
//! = 1 + e^((l - latency_mid) / latency_scale)` and l is the harmonic mean of their latencies, each weighted with the
//! chance that it is the fastest to deliver. `10^-6 + 1.6 / (1 + e^(0.017 · (s - silence_mid)))`, in seconds, for the
//! one of whom nothing was heard for longest. `1 - e^(-stake / stake_scale)` for the smallest stake. 0.8 if all of them
//! offer no capacity. It is 2^-60 at least.
//!
//! *Pay.* Each who delivers has its fee.
//!
//! *Failure.* Nothing is lost but in the record: a promise is a `memory`-th of the chance to deliver, a delivery of the
//! latency. If nobody delivers, the requester has everything back.
//!
//! *Source.* The Graph's gateway and its candidate selection library. Confidence A for the score and the choice. How
//! promises and latencies are averaged is ours, as are the windows and what stands for what: an indexer's seconds
//! behind the chain are seconds since a prover was heard of, an allocation of zero a capacity of zero; its factor for
//! versions behind has no counterpart. A latency is first what somebody measures, in milliseconds.
//!
//! *Attacks.* The score of a stake bends down, and a set has room for several: many names are chosen more often than
//! one with all the stake. Fees are taken as posted, so whoever has a record shades them up to half of what it adds.

use crate::{
    About, Allocation, Amount, Bps, Case, Confidence, Contradiction, Desk, Duty, Fraction, Holder,
    Job, JobSpec, Mechanism, Message, Outcome, Party, Position, Preset, Records, Refusal, Ruling,
    Span, SplitGain, Time,
};
use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

/// The rule with its parameters, and what is known of whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CandidateSelection {
    rules: Rules,
    /// In the order in which they came.
    members: Vec<(Party, Known)>,
    records: Records,
}

/// What is known of a member beside its record.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Known {
    latency: Span,
    heard: Time,
}

/// Parameters of a [`CandidateSelection`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The most who are chosen for a job.
    pub limit: u32,
    /// How long they have.
    pub window: Span,
    /// The latency at which the score has fallen about half.
    pub latency_mid: Span,
    /// How slowly it falls.
    pub latency_scale: Span,
    /// How long nothing is heard when the score has fallen about half.
    pub silence_mid: Span,
    /// The stake at which the score lacks 1/e.
    pub stake_scale: Amount,
    /// The least stake of a member.
    pub stake: Amount,
    /// The inverse of what an outcome counts in a record.
    pub memory: u32,
    /// After how long a stake comes back.
    pub exit: Span,
}

/// What is remembered of a job: when it was given out.
pub type Mark = Option<Time>;

const ABOUT: About = About {
    name: "candidate-selection",
    family: "M8",
    confidence: Confidence::Code,
    split_gain: SplitGain::Gain,
    presets: &[
        Preset {
            name: "gateway",
            rules: r#"
                # Queries, not proofs.
                limit = 3
                window = "30 s"
                latency_mid = "400 ms"
                latency_scale = "300 ms"
                silence_mid = "30 s"
                stake_scale = 62500
                stake = 100000
                memory = 16
                exit = "28 d"
            "#,
        },
        Preset {
            name: "proofs",
            rules: r#"
                # The same shape at the pace of proofs.
                limit = 3
                window = "10 min"
                latency_mid = "4 min"
                latency_scale = "3 min"
                silence_mid = "30 s"
                stake_scale = 62500
                stake = 100000
                memory = 16
                exit = "28 d"
            "#,
        },
    ],
    file: include_str!("candidate_selection.rs"),
};

/// What a promise's chance is raised to.
const SUCCESS_POWER: u32 = 7;
/// How slowly the score of silence falls: 0.017 for a second is 1 for so many seventeenths of one.
const SILENCE: u128 = 17;

impl crate::Rules for Rules {
    fn check(&self) -> Result<(), Contradiction> {
        let limit = (1..=16).contains(&self.limit);
        Contradiction::unless(limit, "limit", "must be from 1 to 16")?;
        Contradiction::if_zero(self.window, "window")?;
        Contradiction::if_zero(self.latency_scale, "latency_scale")?;
        Contradiction::if_zero(self.stake_scale, "stake_scale")?;
        Contradiction::unless(self.memory > 0, "memory", "must be one or more")
    }
}

/// A member as the score sees it.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    party: Party,
    fee: Amount,
    success: Fraction,
    /// Milliseconds, at least one.
    latency: u64,
    /// Of a set the least of this and the next counts.
    fresh: Fraction,
    staked: Fraction,
    has_capacity: bool,
}

impl Mechanism for CandidateSelection {
    const ABOUT: &'static About = &ABOUT;
    type Rules = Rules;
    type Mark = Mark;

    fn new(rules: Rules) -> Self {
        let records = Records::new(Bps::ALL, rules.memory);
        Self { rules, members: Vec::new(), records }
    }

    fn join(&mut self, desk: &mut Desk<Mark>, party: Party, position: &Position) -> Ruling {
        let wanted = self.rules.stake;
        position.backs(wanted)?;
        let heard = desk.now();
        match self.known(party) {
            Some(known) => known.heard = heard,
            None => {
                let latency = self.rules.latency_mid;
                self.members.push((party, Known { latency, heard }));
            }
        }
        Ok(())
    }

    fn leave(&mut self, _: &mut Desk<Mark>, party: Party) -> Span {
        self.members.retain(|(member, _)| *member != party);
        self.rules.exit
    }

    fn measured(&mut self, _: &mut Desk<Mark>, party: Party, score: u32) -> Ruling {
        self.known(party).ok_or(Refusal::NotAMember)?.latency = Span::ms(score.into());
        Ok(())
    }

    fn hear_at_large(&mut self, desk: &mut Desk<Mark>, from: Party, said: &Message) -> Ruling {
        let Message::Poll = said else { return Err(Refusal::NotUnderstood) };
        self.known(from).ok_or(Refusal::NotAMember)?.heard = desk.now();
        Ok(())
    }

    fn admits(&self, desk: &Desk<Mark>, spec: &JobSpec) -> Ruling {
        let earliest = desk.now() + self.rules.window;
        spec.due_from(earliest)
    }

    fn open(&mut self, case: &mut Case<'_, Mark>) {
        let most = case.spec().max_pay;
        let chosen = self.rules.choose(&self.candidates(case.desk, most), most);
        if chosen.is_empty() {
            return case.settle(Outcome::Unproven);
        }
        let holders = chosen.iter().map(|it| Holder::new(it.party, it.fee)).collect();
        let until = case.now() + self.rules.window;
        case.job.mark = Some(case.now());
        case.allocate(Allocation { holders, until, ..Allocation::default() });
    }

    fn deliver(&mut self, case: &mut Case<'_, Mark>, by: Party, proof: &crate::Proof) -> Ruling {
        case.deliver(by, proof)?;
        let (now, memory) = (case.now(), u64::from(self.rules.memory));
        let took = now.since(case.job.mark.unwrap_or(now)).get();
        if let Some(known) = self.known(by) {
            known.heard = now;
            // Rounded towards what it was, so that it stays within what was seen.
            let was = known.latency.get();
            let moved = was.abs_diff(took) / memory;
            known.latency = Span::ms(if took > was { was + moved } else { was - moved });
        }
        Ok(())
    }

    fn lapsed(&mut self, case: &mut Case<'_, Mark>) {
        case.settle(Outcome::Unproven);
    }

    fn settled(&mut self, _: &mut Desk<Mark>, job: &Job<Mark>) {
        for holder in job.holders().iter().filter(|holder| holder.duty != Duty::Owes) {
            self.records.note(holder.party, holder.duty == Duty::Delivered);
        }
    }
}

impl CandidateSelection {
    fn known(&mut self, party: Party) -> Option<&mut Known> {
        let known = self.members.iter_mut().find(|(member, _)| *member == party);
        known.map(|(_, known)| known)
    }

    /// Those who want no more than the requester pays.
    fn candidates(&self, desk: &Desk<Mark>, most: Amount) -> Vec<Candidate> {
        let candidate = |(party, known): &(Party, Known)| {
            let position = desk.member(*party)?.position;
            let silence = desk.now().since(known.heard);
            Some(Candidate {
                party: *party,
                fee: position.price,
                success: Fraction::ratio_down(self.records.of(*party).0.into(), Bps::ALL.0.into()),
                latency: known.latency.get().max(1),
                fresh: self.rules.fresh(silence),
                staked: self.rules.staked(desk.stake(*party)),
                has_capacity: position.capacity > 0,
            })
        };
        let all = self.members.iter().filter_map(candidate);
        all.filter(|candidate| candidate.fee <= most).collect()
    }
}

impl Rules {
    /// Who is chosen, in the order of being chosen.
    fn choose(&self, all: &[Candidate], most: Amount) -> Vec<Candidate> {
        let mut left: Vec<&Candidate> = all.iter().collect();
        let (mut chosen, mut score) = (Vec::<Candidate>::new(), Fraction::ZERO);
        while chosen.len() < self.limit as usize {
            let fees: Amount = chosen.iter().map(|it| it.fee).sum();
            let mut best: Option<(usize, Fraction)> = None;
            for (at, candidate) in left.iter().enumerate().filter(|(_, it)| fees + it.fee <= most) {
                chosen.push(**candidate);
                let gain = self.score(&chosen).minus(score);
                chosen.pop();
                let beats = |(best, other): (usize, Fraction)| {
                    worth(gain, left[best].fee) > worth(other, candidate.fee)
                };
                if gain > Fraction::ZERO && best.is_none_or(beats) {
                    best = Some((at, gain));
                }
            }
            let Some((at, gain)) = best else { break };
            // fee / most ≤ gain / (2 · score)
            let price = U256::from(left[at].fee.get()) * U256::from(2 * u128::from(score.get()));
            if !chosen.is_empty() && price > U256::from(most.get()) * U256::from(gain.get()) {
                break;
            }
            chosen.push(*left.remove(at));
            score = score.plus(gain);
        }
        chosen
    }

    /// The score of a set that is not empty.
    fn score(&self, set: &[Candidate]) -> Fraction {
        let (success, latency) = together(set);
        let least = |of: fn(&Candidate) -> Fraction| set.iter().map(of).min().unwrap_or_default();
        let idle = set.iter().all(|candidate| !candidate.has_capacity);
        let factors = [
            success.power_down(SUCCESS_POWER).max(Fraction::ratio_down(1, 100_000_000)),
            self.fast(latency),
            least(|it| it.fresh),
            least(|it| it.staked),
            if idle { Fraction::ratio_down(8, 10) } else { Fraction::ONE },
        ];
        let least = Fraction::ratio_down(1, 1 << 60);
        factors.into_iter().fold(Fraction::ONE, Fraction::times_down).max(least)
    }

    /// `s(0) / s(l)`, as `(1 + e^(-mid / scale)) · 1 / (1 + e^((l - mid) / scale))`.
    fn fast(&self, latency: u64) -> Fraction {
        let (mid, scale) = (self.latency_mid.get().into(), self.latency_scale.get().into());
        let at_best = Fraction::ONE.plus(Fraction::decay(mid, scale));
        at_best.times_down(Fraction::logistic(latency.into(), mid, scale)).min(Fraction::ONE)
    }

    /// `10^-6 + 1.6 / (1 + e^(0.017 · (s - mid)))`, at most one.
    fn fresh(&self, silence: Span) -> Fraction {
        let [silence, mid] = [silence, self.silence_mid].map(|it| u128::from(it.get()) * SILENCE);
        let falls = Fraction::logistic(silence, mid, 1_000_000);
        let most = Fraction::ratio_down(16, 10).times_down(falls);
        most.plus(Fraction::ratio_down(1, 1_000_000)).min(Fraction::ONE)
    }

    /// `1 - e^(-stake / scale)`.
    fn staked(&self, stake: Amount) -> Fraction {
        Fraction::ONE.minus(Fraction::decay(stake.get(), self.stake_scale.get()))
    }
}

/// What somebody adds for its fee, to be compared crosswise; a fee of nothing counts as the smallest.
fn worth(gain: Fraction, others_fee: Amount) -> U256 {
    U256::from(gain.get()) * U256::from(others_fee.get().max(1))
}

/// The chance that one of a set delivers, and the harmonic mean of their latencies: each weighted with the chance that it delivers
/// and all who are faster do not.
fn together(set: &[Candidate]) -> (Fraction, u64) {
    let mut by_latency: Vec<&Candidate> = set.iter().collect();
    by_latency.sort_by_key(|candidate| candidate.latency);
    let (mut none_yet, mut speed) = (Fraction::ONE, 0);
    for candidate in by_latency {
        let fastest = none_yet.times_down(candidate.success);
        speed += fastest.get() / candidate.latency;
        none_yet = none_yet.times_down(Fraction::ONE.minus(candidate.success));
    }
    let latency = Fraction::ONE.get().checked_div(speed).unwrap_or(u64::MAX);
    (Fraction::ONE.minus(none_yet), latency)
}

#[cfg(test)]
mod tests;
