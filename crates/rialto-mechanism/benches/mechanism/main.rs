//! How many requests a minute each mechanism settles on one core with 100 provers, whether its
//! state grows with them, and what a weighted draw costs.

mod world;

use rialto_mechanism::{CATALOGUE, Party, Roll};
use rialto_protocol::draw::{Draws, Weight};
use rialto_protocol::stake_tree::{Leaf, StakeTree};
use std::hint::black_box;
use std::time::Instant;
use world::World;

/// Requests a minute; the Dutch lock has to settle ten times as many.
const BAR: f64 = 100_000.0;
const REQUESTS: u64 = 20_000;
const DRAWN_FROM: usize = 100_000;

fn main() {
    println!("requests settled a minute, {} provers, one core", world::PROVERS);
    for kind in CATALOGUE {
        for preset in kind.about.presets {
            settle(kind, preset);
        }
    }
    draw();
}

fn settle(kind: &rialto_mechanism::Kind, preset: &rialto_mechanism::Preset) {
    let mut world = World::new(kind, preset);
    (0..REQUESTS / 10).for_each(|_| world.request());
    let early = world.machine.encode().len();
    let (before, began) = (world.proven(), Instant::now());
    (0..REQUESTS).for_each(|_| world.request());
    let settled = (world.proven() - before) as f64;
    let per_minute = settled / began.elapsed().as_secs_f64() * 60.0;
    let late = world.machine.encode().len();
    assert!(world.proven() * 10 > REQUESTS * 9, "{} proves too little", kind.about.name);
    let bar = if kind.about.name == "dutch-lock" { 10.0 * BAR } else { BAR };
    let name = format!("{} {}", kind.about.name, preset.name);
    println!(
        "  {name:<40} {per_minute:>12.0}   bar {bar:>9.0}   state {early:>6} B, then {late:>6} B"
    );
}

fn draw() {
    let mut tree = StakeTree::default();
    let mut roll = Roll::default();
    for place in 0..DRAWN_FROM {
        let weight = Weight::try_from(1 + place as u128 * 37 % 1_000).expect("a small weight");
        let prover = Party::left_padding_from(&(place as u64 + 1).to_be_bytes());
        tree.set(place, Leaf { prover, weight }).expect("small weights");
        roll.set(prover, weight);
    }
    let rounds = 100_000u32;
    let mut draws = Draws::new(alloy_primitives::B256::repeat_byte(7));
    let began = Instant::now();
    for _ in 0..rounds {
        let ticket = draws.next(tree.total()).expect("there is weight");
        black_box(tree.draw_at(ticket));
    }
    let drawn = began.elapsed().as_secs_f64() * 1e6 / f64::from(rounds);
    let began = Instant::now();
    for job in 0..rounds {
        let prover = Party::left_padding_from(&(u64::from(job) + 1).to_be_bytes());
        let weight = tree.leaf(job as usize).map_or(Weight::ZERO, |leaf| leaf.weight);
        roll.reweigh(prover, weight);
    }
    let set = began.elapsed().as_secs_f64() * 1e6 / f64::from(rounds);
    assert_eq!(roll.freeze(), tree.root());
    println!("one of {DRAWN_FROM} provers by weight");
    println!("  drawn                     {drawn:>9.2} us   bar        10");
    println!("  a weight changed          {set:>9.2} us");
}
