use super::bias::{best_of, draws, pick};
use super::reveal::{Joint, Secrets, Unfit, commitment};
use super::*;
use crate::desk::Alarm;
use crate::{Desk, JobId, Party, Refusal};
use alloy_primitives::U256;
use expect_test::{Expect, expect};
use rialto_protocol::draw::{Draws, Weight};

/// A network is asked for a round that was published, and a chain for a block that follows the example.
const SET: B256 = B256::repeat_byte(9);

/// The freeze after which the published round of quicknet counts with a lag of a slot.
fn before_the_round() -> (Source, Round, FreezePoint) {
    let beacon = beacon::tests::quicknet(prevrandao::SLOT);
    let (round, _) = beacon::tests::published();
    let at = beacon.published(round.number) - prevrandao::SLOT;
    (Source::Beacon(beacon), round, FreezePoint { root: SET, at: Time(at.0 - 1) })
}

/// The freeze after which the block on the example counts.
fn before_the_block() -> (Source, FirstBlock, FreezePoint) {
    let blocks = Blocks::new(prevrandao::EPOCH).unwrap();
    let (block, at) = prevrandao::tests::child(&[]);
    let at = at - prevrandao::EPOCH;
    (Source::Prevrandao(blocks), block, FreezePoint { root: SET, at: Time(at.0 - 1) })
}

/// The freeze after which a block that was made with the time of the published round less two slots and a
/// round counts, and that block.
fn before_both() -> (Source, FirstBlock, Round, FreezePoint) {
    let (Source::Beacon(beacon), round, _) = before_the_round() else { unreachable!() };
    let at = Time(beacon.published(round.number).0 - 25_000);
    let blocks = Blocks::new(prevrandao::EPOCH).unwrap();
    let block = prevrandao::tests::pair(Time(at.0 - 12_000), at);
    let frozen = FreezePoint { root: SET, at: Time((at - prevrandao::EPOCH).0 - 1) };
    (Source::Mixed(blocks, beacon), block, round, frozen)
}

#[test]
fn each_source_gives_the_seed_of_its_evidence() {
    let (source, round, frozen) = before_the_round();
    let seed_of_round = source.verify(&Evidence::Beacon(round), &frozen).unwrap();
    let (source, block, frozen) = before_the_block();
    let seed_of_block = source.verify(&Evidence::Prevrandao(block), &frozen).unwrap();
    let (source, block, round, frozen) = before_both();
    let seed_of_both = source.verify(&Evidence::Mixed(block, round), &frozen).unwrap();
    let seeds = [seed_of_round, seed_of_block, seed_of_both];
    let text: Vec<_> = seeds.iter().map(|it| format!("{} at {}", it.seed, it.published)).collect();
    expect![[r#"
        0xa67eb466fd129a221bb389d4fcdca2a0f2c8dd13c6fc70e14d649d92dede6936 at 1694775603
        0x7a5e92207637909dbc7c86b2708089fb5e844927b1f514e94726f8b4ec032a63 at 1773619379
        0xea317b137f8422f443f0277583eda480ea271af98c54daa282bc2228595feec9 at 1694775603"#]]
    .assert_eq(&text.join("\n"));
}

#[test]
fn a_seed_is_of_one_set_and_one_freeze() {
    let (source, round, frozen) = before_the_round();
    let seed = |frozen| source.verify(&Evidence::Beacon(round.clone()), &frozen).unwrap().seed;
    let other = FreezePoint { root: B256::ZERO, ..frozen };
    let earlier = FreezePoint { at: Time(frozen.at.0 - 1), ..frozen };
    assert_ne!(seed(frozen), seed(other));
    assert_ne!(seed(frozen), seed(earlier));
}

#[test]
fn evidence_of_another_source_or_time_is_refused() {
    let check = |source: &Source, evidence: Evidence, frozen: &FreezePoint, expected: Expect| {
        expected.assert_eq(&source.verify(&evidence, frozen).unwrap_err().to_string());
    };
    let (beacon, round, before_round) = before_the_round();
    let (blocks, block, before_block) = before_the_block();
    let round = || Evidence::Beacon(round.clone());
    let later = FreezePoint { at: before_round.at.next(), ..before_round };
    check(
        &blocks,
        round(),
        &before_block,
        expect!["evidence of a beacon where prevrandao is the source"],
    );
    check(
        &beacon,
        Evidence::Prevrandao(block),
        &before_round,
        expect!["evidence of prevrandao where a beacon is the source"],
    );
    check(
        &beacon,
        round(),
        &later,
        expect![
            "round 657413 does not count: round 657414 is the first after the freeze and the lag"
        ],
    );
    let (both, block, round, frozen) = before_both();
    let early = Round { number: round.number - 1, ..round };
    check(
        &both,
        Evidence::Mixed(block, early),
        &frozen,
        expect![
            "round 657412 does not count: round 657413 is the first after the freeze and the lag"
        ],
    );
}

/// The desk takes what a source has verified, at the earliest at the time that the source gives, and
/// when it does not come for too long tells the mechanism so.
#[test]
fn a_late_beacon_costs_patience_and_nothing_else() {
    let (source, round, frozen) = before_the_round();
    let patience = Span::s(30);
    let wait = || {
        let mut desk = Desk::<()>::default();
        desk.now = frozen.at;
        let number = desk.freeze(frozen.root, Some(JobId(1)), source.lag(), patience);
        (desk, number)
    };
    let random = source.verify(&Evidence::Beacon(round), &frozen).unwrap();
    let (mut desk, number) = wait();
    let early = desk.take_seed(number, random.seed, random.published);
    assert_eq!(early, Err(Refusal::TooEarly { from: random.published }));
    desk.now = random.published + Span::s(29);
    assert!(desk.take_seed(number, random.seed, random.published).is_ok());
    assert_eq!(desk.next_alarm(), None);

    let (mut desk, number) = wait();
    let given_up = random.published + patience;
    assert_eq!(desk.take_alarm(Time(given_up.0 - 1)), None);
    assert_eq!(desk.take_alarm(given_up), Some((given_up, Alarm::Seedless(number))));
    assert_eq!(desk.drop_round(number), Some(JobId(1)));
    desk.now = given_up.next();
    let late = desk.take_seed(number, random.seed, random.published);
    assert_eq!(late, Err(Refusal::NoSuchRound { round: number }));
}

/// Chances in parts of a thousand, as the draws of mechanisms are made.
fn wins(seed: B256, per_mille: u128) -> bool {
    let whole = Weight::try_from(1_000).unwrap();
    Draws::new(seed).next(whole).unwrap().0 < per_mille
}

/// Plays `trials` trials and holds the share that is won within 3.3 standard deviations of `target`: about
/// twenty such comparisons fail together once in fifty runs, were the trials not the same each time.
fn assert_share(trials: u32, target: f64, what: &str, trial: impl Fn(u32) -> bool) {
    let won = (0..trials).filter(|number| trial(*number)).count();
    let measured = won as f64 / f64::from(trials);
    let half_width = 3.3 * f64::sqrt(target * (1.0 - target) / f64::from(trials));
    assert!(half_width < 0.01, "{what}: {trials} trials are too few");
    assert!((measured - target).abs() < half_width, "{what}: {measured}, target {target}");
}

/// Who holds the last slots of an epoch picks among the mixes. `published` is what the beacon's round will be, and
/// `known` what the holder believes it to be when it has to choose.
#[test]
fn the_last_revealers_of_prevrandao_draw_again_and_a_beacon_stops_them() {
    let frozen = FreezePoint { root: SET, at: Time(0) };
    let reveal = |trial: u32, slot: u8| keccak256([&trial.to_be_bytes()[..], &[slot]].concat());
    let held = |trial, slots: u8| (1..=slots).map(|slot| reveal(trial, slot)).collect::<Vec<_>>();
    let alone = |trial, per_mille, slots| {
        let won = |mix| wins(seed(&frozen, b"prevrandao", &[mix]), per_mille);
        won(pick(reveal(trial, 0), &held(trial, slots), won).outcome)
    };
    let with_beacon = |trial, per_mille, slots, is_known: bool| {
        let published = reveal(trial, 99);
        let known = if is_known { published } else { B256::ZERO };
        let won = |mix, round| wins(seed(&frozen, b"mixed", &[mix, round]), per_mille);
        let chosen = pick(reveal(trial, 0), &held(trial, slots), |mix| won(mix, known));
        won(chosen.outcome, published)
    };
    let near = |target, what, trial: &dyn Fn(u32) -> bool| {
        assert_share(30_000, target, what, trial);
    };
    for (per_mille, slots, published) in [(100, 1, 0.19), (50, 1, 0.0975), (100, 2, 0.3439)] {
        let chance = per_mille as f64 / 1_000.0;
        let target = best_of(chance, draws(slots.into()));
        assert!((target - published).abs() < 1e-9, "{per_mille} {slots}: {target}");
        near(target, "prevrandao alone", &|it| alone(it, per_mille, slots));
        near(chance, "with a beacon", &|it| with_beacon(it, per_mille, slots, false));
    }
    near(0.1, "nobody holds the last slot", &|it| alone(it, 100, 0));
    near(0.19, "with a beacon that is known", &|it| with_beacon(it, 100, 1, true));
}

#[test]
fn the_fewest_reveals_are_held_back() {
    let bits: Vec<B256> = (0..4).map(|bit| B256::from(U256::from(1u8 << bit))).collect();
    let count = |wanted: u8| pick(B256::ZERO, &bits, |mix| mix == B256::from(U256::from(wanted)));
    assert_eq!(count(0b1111).held_back, 0);
    assert_eq!(count(0b1011).held_back, 1);
    assert_eq!(count(0b0000).held_back, 4);
    let nothing = pick(B256::ZERO, &bits, |_| false);
    assert_eq!((nothing.outcome, nothing.held_back), (count(0b1111).outcome, 0));
}

fn party(byte: u8) -> Party {
    Party::repeat_byte(byte)
}

/// Three bidders have committed, each to its own secret.
fn committed(secrets: [B256; 3]) -> Secrets {
    let (domain, job) = (B256::repeat_byte(4), JobId(7));
    let mut book = Secrets::new(domain, job);
    for (bidder, secret) in (1..).map(party).zip(secrets) {
        book.commit(bidder, commitment(domain, job, bidder, secret)).unwrap();
    }
    book
}

const SECRETS: [B256; 3] = [B256::repeat_byte(11), B256::repeat_byte(22), B256::repeat_byte(33)];

#[test]
fn the_joint_seed_is_of_what_was_revealed_in_any_order() {
    let joint = |order: &[usize]| {
        let mut book = committed(SECRETS);
        order.iter().for_each(|it| book.reveal(party(*it as u8 + 1), SECRETS[*it]).unwrap());
        book.close()
    };
    let all = joint(&[0, 1, 2]);
    assert_eq!((all.seed.is_some(), &all.withheld[..]), (true, &[][..]));
    assert_eq!(joint(&[2, 0, 1]), all);
    let two = joint(&[0, 1]);
    assert_eq!(two.withheld, [party(3)]);
    assert!(two.seed.is_some() && two.seed != all.seed);
    assert_eq!(joint(&[]), Joint { seed: None, withheld: vec![party(1), party(2), party(3)] });
}

#[test]
fn what_was_not_committed_is_refused() {
    let mut book = committed(SECRETS);
    let check = |result: Result<(), Unfit>, expected: Expect| {
        expected.assert_eq(&result.unwrap_err().to_string());
    };
    check(
        book.commit(party(1), B256::ZERO),
        expect!["0x0101010101010101010101010101010101010101 has committed before"],
    );
    check(
        book.reveal(party(9), SECRETS[0]),
        expect!["0x0909090909090909090909090909090909090909 has not committed"],
    );
    check(
        book.reveal(party(2), SECRETS[0]),
        expect![
            "0x0202020202020202020202020202020202020202's secret makes the commitment 0xf79a61e1c89a64786200e258bbeeb005b89d71124237e86fa79f445e9dca7ced, it committed to 0x030da6836e0daf053b2c268fd461f41667c29d18363041d0834ffa6c9e854667"
        ],
    );
    book.reveal(party(2), SECRETS[1]).unwrap();
    check(
        book.reveal(party(2), SECRETS[1]),
        expect!["0x0202020202020202020202020202020202020202 has revealed before"],
    );
}

#[test]
fn a_commitment_serves_one_exchange_job_bidder_and_secret() {
    let (domain, job, bidder, secret) = (B256::repeat_byte(4), JobId(7), party(1), SECRETS[0]);
    let ours = commitment(domain, job, bidder, secret);
    assert_ne!(commitment(B256::repeat_byte(5), job, bidder, secret), ours);
    assert_ne!(commitment(domain, JobId(8), bidder, secret), ours);
    assert_ne!(commitment(domain, job, party(2), secret), ours);
    for bit in 0..256 {
        let mut flipped = secret;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(commitment(domain, job, bidder, flipped), ours, "bit {bit}");
    }
    let mut copied = Secrets::new(domain, job);
    copied.commit(party(2), ours).unwrap();
    assert!(matches!(copied.reveal(party(2), secret), Err(Unfit::OtherSecret { .. })));
}

/// The last to reveal computes both outcomes, and withholds only where that wins: so it forfeits only then.
#[test]
fn the_last_to_reveal_draws_twice() {
    let (per_mille, chance) = (100, 0.1);
    let play = |trial: u32| {
        let secret = |bidder: u8| keccak256([&trial.to_be_bytes()[..], &[bidder]].concat());
        let secrets = [1, 2, 3].map(secret);
        let mut book = committed(secrets);
        for (bidder, secret) in (1..).map(party).zip(secrets).take(2) {
            book.reveal(bidder, secret).unwrap();
        }
        let without = book.close();
        book.reveal(party(3), secrets[2]).unwrap();
        let won = |joint: Joint| wins(joint.seed.unwrap(), per_mille);
        (won(book.close()), won(without))
    };
    let outcomes: Vec<(bool, bool)> = (0..60_000).map(play).collect();
    let near = |target, what, counts: fn(bool, bool) -> bool| {
        assert_share(60_000, target, what, |trial| {
            let (with, without) = outcomes[trial as usize];
            counts(with, without)
        });
    };
    near(chance, "all reveal", |with, _| with);
    near(best_of(chance, draws(1)), "it may withhold", |with, without| with || without);
    near(chance * (1.0 - chance), "it withholds", |with, without| !with && without);
}
