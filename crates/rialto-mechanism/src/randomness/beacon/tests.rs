use super::*;
use expect_test::{Expect, expect};
use proptest::prelude::*;

/// The default network, of whose name and key drand's own documentation tells.
const DEFAULT: B256 = b256!("8990e7a9aaed2ffed73dbd7092123d6f289930540d7651336225dc172e51b2ce");

pub(crate) fn quicknet(lag: Span) -> Beacon {
    Beacon::new(Network::quicknet(), QUICKNET, lag).unwrap()
}

fn default_network() -> Network {
    Network {
        name: "default".into(),
        scheme: Scheme::LongChained,
        public_key: bytes!(
            "868f005eb8e6e4ca0a47c8a77ceaa5309a47978a7c71bc5cce96366b5d7a569937c529eeda66c7293784a9402801af31"
        ),
        genesis_s: 1_595_431_050,
        period_s: 30,
        group_hash: b256!("176f93498eac9ca337150b46d21dd58673ea4e3581185f869672e59fa4cb390a"),
    }
}

/// Round 657,413 of quicknet as it was published, and the randomness that was published with it.
pub(crate) fn published() -> (Round, B256) {
    let round = Round {
        number: 657_413,
        signature: bytes!(
            "b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be41076862b98fad56e91a6b85b89cd97b"
        ),
        previous: None,
    };
    (round, b256!("fc1873a13f3545aeade8401532ef5519920652eee6b0d2b19ca12643b87b3587"))
}

/// Round 72,785 of the default network, likewise.
fn chained() -> (Round, B256) {
    let round = Round {
        number: 72_785,
        signature: bytes!(
            "82f5d3d2de4db19d40a6980e8aa37842a0e55d1df06bd68bddc8d60002e8e959eb9cfa368b3c1b77d18f02a54fe047b8"
            "0f0989315f83b12a74fd8679c4f12aae86eaf6ab5690b34f1fddd50ee3cc6f6cdf59e95526d5a5d82aaa84fa6f181e42"
        ),
        previous: Some(bytes!(
            "a609e19a03c2fcc559e8dae14900aaefe517cb55c840f6e69bc8e4f66c8d18e8a609685d9917efbfb0c37f058c2de88f"
            "13d297c7e19e0ab24813079efe57a182554ff054c7638153f9b26a60e7111f71a0ff63d9571704905d3ca6df0b031747"
        )),
    };
    (round, b256!("8b676484b5fb1f37f9ec5c413d7d29883504e5b669f604a1ce68b3388e9ae3d9"))
}

/// Verifies a round at its own time.
fn verify(beacon: &Beacon, round: &Round) -> Result<B256, Rejected> {
    beacon.verify(round, beacon.published(round.number))
}

#[test]
fn published_rounds_give_the_published_randomness() {
    let beacon = quicknet(Span::ZERO);
    let (round, randomness) = published();
    assert_eq!(verify(&beacon, &round), Ok(randomness));
    let signature = bytes!(
        "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92"
    );
    let early = Round { number: 123, signature, previous: None };
    assert!(verify(&beacon, &early).is_ok());

    let beacon = Beacon::new(default_network(), DEFAULT, Span::ZERO).unwrap();
    let (round, randomness) = chained();
    assert_eq!(verify(&beacon, &round), Ok(randomness));
}

/// The names are published, so these also hold every constant above.
#[test]
fn a_description_that_is_not_the_networks_is_refused() {
    let check = |change: &dyn Fn(&mut Network)| {
        let mut network = Network::quicknet();
        change(&mut network);
        let given = network.hash();
        let refused = BadNetwork::OtherHash { given, wanted: QUICKNET };
        assert_eq!(Beacon::new(network, QUICKNET, Span::ZERO).err(), Some(refused));
    };
    assert_eq!(Network::quicknet().hash(), QUICKNET);
    assert_eq!(default_network().hash(), DEFAULT);
    check(&|network| network.genesis_s += 1);
    check(&|network| network.period_s = 30);
    check(&|network| network.group_hash = B256::ZERO);
    check(&|network| network.name = "default".into());
    check(&|network| network.public_key = default_network().public_key);
}

#[test]
fn a_network_that_cannot_be_is_refused_though_its_hash_fits() {
    let check = |change: &dyn Fn(&mut Network), expected: Expect| {
        let mut network = Network::quicknet();
        change(&mut network);
        let hash = network.hash();
        let refused = Beacon::new(network, hash, Span::ZERO).unwrap_err();
        let cause = std::error::Error::source(&refused).map(|cause| format!(": {cause}"));
        expected.assert_eq(&format!("{refused}{}", cause.unwrap_or_default()));
    };
    check(
        &|network| network.period_s = 0,
        expect!["the period is 0 s; a network has at least 1 s from round to round"],
    );
    check(
        &|network| network.public_key = default_network().public_key,
        expect!["the public key: the key has 48 bytes, 96 are needed"],
    );
    let mut zero = vec![0; 96];
    zero[0] = 0xc0;
    check(
        &|network| network.public_key = zero.clone().into(),
        expect![
            "the public key: the key is not the one encoding of a point in the group, or is its zero"
        ],
    );
}

#[test]
fn a_flipped_bit_of_a_signature_is_refused() {
    let beacon = quicknet(Span::ZERO);
    let (round, _) = published();
    for bit in 0..8 * round.signature.len() {
        let mut flipped = round.signature.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let flipped = Round { signature: flipped.into(), ..round.clone() };
        assert!(verify(&beacon, &flipped).is_err(), "bit {bit}");
    }
}

#[test]
fn what_is_not_the_committees_is_refused_with_the_reason() {
    let (quick, default) =
        (quicknet(Span::ZERO), Beacon::new(default_network(), DEFAULT, Span::ZERO).unwrap());
    let (short, long) = (published().0, chained().0);
    let refused = |beacon: &Beacon, round: Round| verify(beacon, &round).unwrap_err();
    assert_eq!(
        refused(&quick, Round { number: 657_414, ..short.clone() }),
        Rejected::NotSigned { number: 657_414 }
    );
    assert_eq!(
        refused(&quick, Round { previous: long.previous.clone(), ..short.clone() }),
        Rejected::Predecessor { number: 657_413, how: "without" }
    );
    assert_eq!(
        refused(&default, Round { previous: None, ..long.clone() }),
        Rejected::Predecessor { number: 72_785, how: "with" }
    );
    assert_eq!(
        refused(&default, Round { previous: Some(long.signature.clone()), ..long.clone() }),
        Rejected::NotSigned { number: 72_785 }
    );
    assert_eq!(
        refused(&default, Round { signature: short.signature.clone(), ..long }),
        Rejected::WrongLength { what: "the signature", given: 48, wanted: 96 }
    );
    let mut zero = vec![0; 48];
    zero[0] = 0xc0;
    assert_eq!(
        refused(&quick, Round { signature: zero.into(), ..short }),
        Rejected::NotAPoint { what: "the signature" }
    );
}

#[test]
fn only_the_first_round_after_the_freeze_counts() {
    let beacon = quicknet(Span::ZERO);
    let (round, randomness) = published();
    let due = beacon.published(round.number);
    assert_eq!(due, Time((1_692_803_367 + 3 * 657_412) * 1_000));
    let wanted = |number| Err(Rejected::OtherRound { given: 657_413, wanted: number });
    assert_eq!(beacon.verify(&round, due), Ok(randomness));
    assert_eq!(beacon.verify(&round, Time(due.0 - 2_999)), Ok(randomness));
    assert_eq!(beacon.verify(&round, Time(due.0 - 3_000)), wanted(657_412));
    assert_eq!(beacon.verify(&round, due.next()), wanted(657_414));
    assert_eq!(beacon.verify(&round, Time(0)), wanted(1));
}

proptest! {
    #[test]
    fn rounds_and_times_agree(from in 0..=u64::from(u32::MAX) * 1_000) {
        let beacon = quicknet(Span::ZERO);
        let round = beacon.first_round(Time(from));
        prop_assert!(beacon.published(round) >= Time(from));
        prop_assert!(round == 1 || beacon.published(round - 1) < Time(from));
    }

    #[test]
    fn no_bytes_make_a_panic(signature: Vec<u8>, previous: Option<Vec<u8>>, number: u64) {
        let round = Round { number, signature: signature.into(), previous: previous.map(Into::into) };
        prop_assert!(quicknet(Span::ZERO).verify(&round, Time(u64::MAX)).is_err());
    }
}
