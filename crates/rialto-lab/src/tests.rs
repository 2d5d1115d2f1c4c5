//! What holds for every mechanism of the catalogue.

use crate::{Job, Measures, Owner, World};
use rialto_mechanism::{Amount, CATALOGUE, Kind, Span};
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
