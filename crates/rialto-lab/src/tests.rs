//! What holds for every mechanism of the catalogue.

use crate::{
    Agent, FaultKind, Faults, Job, Jobs, Measures, Owner, POPULATIONS, Trial, WORKLOADS, World,
    all_act,
};
use rialto_mechanism::{Amount, Bps, CATALOGUE, Kind, Span, find};
use rialto_protocol::Cycles;

const JOBS: u64 = 20;

/// Five equal, healthy owners with a job every ten minutes.
fn five_equal(kind: &Kind, rules: &str) -> Measures {
    let owners = (0..5).map(|nth| {
        let owner = Owner::new(format!("prover {nth}"), Amount::from(800));
        Owner { latency: Span::ms(50), mcycle_time: Span::s(10), ..owner }
    });
    let mut world = World::new(kind, rules, owners.collect(), 1).unwrap();
    let jobs = (0..JOBS).map(|nth| Job {
        at: Span::s(600 * nth),
        cycles: Cycles(1_000_000),
        parts: 1,
        max_pay: Amount::from(10_000),
        patience: Span::s(6 * 3_600),
    });
    world.run_all(jobs).unwrap();
    world.measures().clone()
}

/// Owners know how to take part in everything there is. A new mechanism for which this fails asks for a
/// move that no owner knows: teach it to `play`.
#[test]
fn five_equal_owners_prove_jobs_under_every_preset() {
    for kind in CATALOGUE {
        for preset in kind.about.presets {
            let (name, measures) = ((kind.about.name, preset.name), five_equal(kind, preset.rules));
            assert!(measures.timely * 10 >= JOBS * 9, "{name:?}: {measures:?}");
            assert!(measures.owners.iter().any(|owner| owner.paid > 0.0), "{name:?}: {measures:?}");
        }
    }
}

/// Nothing but the seed decides what happens.
#[test]
fn the_same_seed_is_the_same_world() {
    for kind in CATALOGUE {
        let rules = kind.about.presets[0].rules;
        assert_eq!(five_equal(kind, rules), five_equal(kind, rules), "{}", kind.about.name);
    }
}

fn trial(mechanism: &str, population: &str, workload: &str, jobs: u64) -> Trial {
    let kind = find(mechanism).unwrap();
    let population = POPULATIONS.iter().find(|one| one.name == population).unwrap();
    let workload = WORKLOADS.iter().find(|one| one.name == workload).unwrap();
    let owners = population.owners();
    let guests = workload.guests(&owners);
    Trial {
        kind,
        rules: kind.about.presets[0].rules.to_owned(),
        owners: owners.into_iter().chain(guests).collect(),
        jobs: Jobs::Of(workload, jobs),
        faults: None,
    }
}

/// Nothing of the laboratory's own breaks any mechanism, and the auditor agrees throughout.
#[test]
fn every_mechanism_bears_every_population_and_workload() {
    for kind in CATALOGUE {
        let mut proven = 0;
        for population in POPULATIONS {
            for workload in WORKLOADS {
                let trial = trial(kind.about.name, population.name, workload.name, 20);
                let measures = trial.run(1).unwrap();
                assert_eq!(measures.jobs, 20, "{trial:?}");
                proven += measures.proven;
            }
        }
        // Of 600; the fewest are proven where one link comes after the other.
        assert!(proven > 300, "{}: {proven}", kind.about.name);
    }
}

/// Of provers who fail together half of the time, more jobs are left than of those who fail on their own.
#[test]
fn faults_of_a_region_come_together() {
    let run = |kind| {
        let mut trial = trial("pooled-epoch", "p1", "w2", 400);
        trial.faults = Some(Faults { kind, share: 1.0, rate: 0.5 });
        trial.run(1).unwrap().live()
    };
    let (independent, region) = (run(FaultKind::Independent), run(FaultKind::Region));
    assert!((independent - (1.0 - 0.5f64.powi(5))).abs() < 0.03, "{independent}");
    assert!((0.3..0.7).contains(&region), "{region}");
}

#[test]
fn agents_act_as_they_are_said_to() {
    let base = trial("prover-auction", "p1", "w5", 300);
    let paid = |trial: &Trial| trial.run(1).unwrap().owners[0].paid;
    let given = |trial: &Trial| trial.run(1).unwrap().owners[0].given;
    let mut honest = base.clone();
    honest.owners.truncate(5);
    // Below cost it takes everything, and what it takes does not cover its cost.
    let predator = Agent::Predator { share: Bps(5_000), leaves_after: Span::s(86_400) };
    let measures = honest.with_first(predator).run(1).unwrap();
    assert_eq!(measures.owners[0].given, 144, "a day's jobs");
    assert!(measures.owners[0].profit() < 0.0 && measures.live() > 0.99);
    // Who withholds takes jobs and proves none.
    let withheld = honest.with_first(Agent::Withholding).run(1).unwrap();
    assert!(withheld.owners[0].given > 290 && withheld.owners[0].paid == 0.0);
    assert!(withheld.live() < 0.05, "{}", withheld.live());
    // Made-up proofs are paid nothing and cost nothing.
    let lazy = honest.with_first(Agent::Lazy).run(1).unwrap();
    assert!(lazy.owners[0].paid == 0.0 && lazy.owners[0].cost == 0.0);
    assert!(lazy.owners[0].given > 0 && lazy.live() < 1.0);
    // Of a ring one bids where several would, and equal owners win as often as they bid.
    let mut ring = honest.clone();
    ring.owners[..2].iter_mut().for_each(|owner| owner.ring = Some(1));
    assert!(given(&ring) > given(&honest));
    // Several addresses are drawn more often than one, if each has as much at stake.
    let pool = trial("relay-choice", "p1", "w5", 600);
    assert!(paid(&pool.with_first(Agent::Sybil { addresses: 4 })) > 1.5 * paid(&pool));
}

/// In a first-price auction of owners who know each other's range of costs nobody asks for its cost alone.
#[test]
fn the_best_response_depends_on_what_is_paid() {
    let markup = |mechanism: &str, agent: Agent| {
        let mut trial = trial(mechanism, "p3", "w5", 200);
        all_act(&mut trial.owners, agent);
        trial.run(1).unwrap().markup.value()
    };
    assert!(markup("prover-auction", Agent::Truthful) < 1.05);
    assert!(markup("prover-auction", Agent::BestResponse) > 1.01);
    let second = ["sealed-second-price"]
        .map(|it| (markup(it, Agent::Truthful), markup(it, Agent::BestResponse)));
    assert!(second.iter().all(|(truthful, best)| truthful == best), "{second:?}");
}

/// Presets that were made for other work than epochs of 32 blocks, one in 384 s, and why.
const NOT_FOR_EPOCHS: &[(&str, &str, &str)] = &[
    (
        "seat-pool",
        "taiko",
        "the first fee may be 1000 at most, and an epoch costs three times that",
    ),
    ("candidate-selection", "gateway", "a query has 30 s, and an epoch takes a minute"),
    ("whole-job-auction-reconstruction", "ours", "a batch of one job drops its last trade, so all"),
];

/// Epochs of 32 blocks are proven under every rule there is, piece by piece where that is the rule, by five owners or by the 51
/// that it takes where every part goes to another bidder.
#[test]
fn every_mechanism_proves_epochs_of_many_blocks() {
    for kind in CATALOGUE {
        for preset in kind.about.presets {
            let proves_most = |population: &str| {
                let mut trial = trial(kind.about.name, population, "w2", 20);
                preset.rules.clone_into(&mut trial.rules);
                let measures = trial.run(1).unwrap();
                measures.proven * 2 > measures.jobs
            };
            let name = (kind.about.name, preset.name);
            let other_work = NOT_FOR_EPOCHS.iter().find(|(it, of, _)| (*it, *of) == name);
            let proves = proves_most("p1") || proves_most("p3");
            assert_eq!(proves, other_work.is_none(), "{name:?} {other_work:?}");
        }
    }
}

/// One in five owners fails in a job: where siblings rescue for a bounty a tree is proven all the same, where nobody does
/// it is lost; a proposal is proven by whoever is left.
#[test]
fn trees_and_proposals_are_proven_with_faults() {
    let live = |mechanism: &str, preset: &str| {
        let mut trial = trial(mechanism, "p1", "w2", 200);
        let about = trial.kind.about;
        about.preset(preset).unwrap().rules.clone_into(&mut trial.rules);
        trial.faults = Some(Faults { kind: FaultKind::Independent, share: 1.0, rate: 0.2 });
        trial.run(1).unwrap().live()
    };
    // All five are drawn for some leaf.
    let unaided = 0.8f64.powi(5);
    assert!((live("proof-tree", "unaided") - unaided).abs() < 0.1);
    assert!((live("proof-tree", "forum") - unaided).abs() < 0.1, "nobody rescues for nothing");
    assert!(live("proof-tree", "bounty") > 0.95);
    assert!(live("builder-votes", "b52") > 0.95);
}
