//! What it costs to prove and check a lot of a prover, and to check a round of a beacon, of which there is
//! one in three seconds.

use alloy_primitives::{B256, Bytes, bytes};
use rialto_mechanism::randomness::beacon::{Beacon, Network, QUICKNET, Round};
use rialto_mechanism::randomness::vrf::SecretKey;
use rialto_mechanism::{Span, Time};
use std::hint::black_box;
use std::time::Instant;

/// Round 123 of quicknet.
const SIGNATURE: Bytes = bytes!(
    "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92"
);

fn main() {
    println!("randomness, one core");
    let key = SecretKey::new(&[7; 32]);
    let input = B256::repeat_byte(1);
    let proof = key.prove(&input[..]);
    time("a lot proven", 1_000, || _ = black_box(key.prove(&input[..])));
    let verify = || assert!(key.public().verify(&input[..], &proof).is_ok());
    time("a lot verified", 1_000, verify);
    let beacon = Beacon::new(Network::quicknet(), QUICKNET, Span::ZERO).expect("it is quicknet");
    let round = Round { number: 123, signature: SIGNATURE, previous: None };
    let due: Time = beacon.published(round.number);
    let verify = || assert!(beacon.verify(&round, due).is_ok());
    time("a round of quicknet verified", 100, verify);
}

fn time(what: &str, times: u32, mut act: impl FnMut()) {
    let began = Instant::now();
    (0..times).for_each(|_| act());
    let each = began.elapsed().as_secs_f64() * 1e6 / f64::from(times);
    println!("  {what:<30} {each:>9.1} us");
}
