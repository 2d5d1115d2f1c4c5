use super::*;
use alloy_primitives::{b256, b512, bytes, fixed_bytes, keccak256};
use proptest::prelude::*;

/// A published case: secret, public key, input, proof, output.
type Case = (B256, B256, &'static [u8], Proof, B512);

/// RFC 9381, appendix B.3, examples 16 to 18. The second needs two tries to reach the curve.
const PUBLISHED: [Case; 3] = [
    (
        b256!("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
        b256!("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"),
        &[],
        fixed_bytes!(
            "8657106690b5526245a92b003bb079ccd1a92130477671f6fc01ad16f26f723f"
            "26f8a57ccaed74ee1b190bed1f479d97"
            "27d2d0f9b005a6e456a35d4fb0daab1268a1b0db10836d9826a528ca76567805"
        ),
        b512!(
            "90cf1df3b703cce59e2a35b925d411164068269d7b2d29f3301c03dd757876ff"
            "66b71dda49d2de59d03450451af026798e8f81cd2e333de5cdf4f3e140fdd8ae"
        ),
    ),
    (
        b256!("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"),
        b256!("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"),
        &[0x72],
        fixed_bytes!(
            "f3141cd382dc42909d19ec5110469e4feae18300e94f304590abdced48aed593"
            "3bf0864a62558b3ed7f2fea45c92a465"
            "301b3bbf5e3e54ddf2d935be3b67926da3ef39226bbc355bdc9850112c8f4b02"
        ),
        b512!(
            "eb4440665d3891d668e7e0fcaf587f1b4bd7fbfe99d0eb2211ccec90496310eb"
            "5e33821bc613efb94db5e5b54c70a848a0bef4553a41befc57663b56373a5031"
        ),
    ),
    (
        b256!("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"),
        b256!("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"),
        &[0xaf, 0x82],
        fixed_bytes!(
            "9bc0f79119cc5604bf02d23b4caede71393cedfbb191434dd016d30177ccbf80"
            "96bb474e53895c362d8628ee9f9ea3c0"
            "e52c7a5c691b6c18c9979866568add7a2d41b00b05081ed0f58ee5e31b3a970e"
        ),
        b512!(
            "645427e5d00c62a23fb703732fa5d892940935942101e456ecca7bb217c61c45"
            "2118fec1219202a0edcf038bb6373241578be7217ba85a2687f7a0310b2df19f"
        ),
    ),
];

/// The order of the group, little-endian.
const ORDER: B256 = b256!("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");

/// Sum of two little-endian numbers that fits.
fn plus(left: &[u8], right: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let add = |(left, right): (&u8, &u8)| {
        let sum = u16::from(*left) + u16::from(*right) + carry;
        carry = sum >> 8;
        sum as u8
    };
    left.iter().zip(right).map(add).collect()
}

#[test]
fn the_published_proofs_are_made_and_accepted() {
    for (secret, public, input, proof, output) in PUBLISHED {
        let key = SecretKey::new(&secret);
        assert_eq!(key.public().bytes(), public);
        assert_eq!(key.prove(input), proof);
        assert_eq!(PublicKey::parse(&public).unwrap().verify(input, &proof), Ok(output));
    }
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let (_, public, input, proof, output) = PUBLISHED[2];
    let key = PublicKey::parse(&public).unwrap();
    for bit in 0..8 * Proof::len_bytes() {
        let mut flipped = proof;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(key.verify(input, &flipped).is_err(), "bit {bit} of the proof");
    }
    for bit in 0..8 * input.len() {
        let mut flipped = input.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(
            key.verify(&flipped, &proof),
            Err(Rejected::NotProven),
            "bit {bit} of the input"
        );
    }
    for bit in 0..256 {
        let mut flipped = public;
        flipped[bit / 8] ^= 1 << (bit % 8);
        let verdict = PublicKey::parse(&flipped).and_then(|key| key.verify(input, &proof));
        assert_ne!(verdict, Ok(output), "bit {bit} of the key");
        assert!(verdict.is_err(), "bit {bit} of the key");
    }
}

/// Section 5.4.4, step 8: a proof with `s` plus the order would verify, and would be a second one.
#[test]
fn a_second_encoding_of_a_proof_is_refused() {
    let (_, public, input, proof, _) = PUBLISHED[0];
    let twin = [&proof[..48], &plus(&proof[48..], &ORDER[..])].concat();
    let key = PublicKey::parse(&public).unwrap();
    assert_eq!(key.verify(input, &Proof::from_slice(&twin)), Err(Rejected::NotReduced));
}

/// The field has 2^255 − 19 elements, so the numbers from there to 2^255 − 1 encode the first nineteen anew.
#[test]
fn second_encodings_of_keys_and_keys_of_small_order_are_refused() {
    let prime = bytes!("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
    let mut decodable = 0;
    for low in 0u8..19 {
        for sign in [0, 0x80] {
            let mut least = [0; 32];
            least[0] = low;
            let mut again = plus(&least, &prime);
            least[31] |= sign;
            again[31] |= sign;
            decodable += u32::from(CompressedEdwardsY(fixed(&again)).decompress().is_some());
            let refused = Err(Rejected::NotAPoint { what: "the key" });
            assert_eq!(PublicKey::parse(&B256::from_slice(&again)), refused, "p + {low}");
            if low < 2 {
                assert_eq!(PublicKey::parse(&B256::new(least)), refused, "{low}");
            }
        }
    }
    assert!(decodable > 10, "the curve's crate takes them, so that we do not is our doing");
}

proptest! {
    #[test]
    fn what_a_key_proves_verifies_under_it_alone(
        secret: [u8; 32],
        other: [u8; 32],
        input: Vec<u8>,
        more: Vec<u8>,
    ) {
        let (key, stranger) = (SecretKey::new(&secret), SecretKey::new(&other));
        let proof = key.prove(&input);
        let public = PublicKey::parse(&key.public().bytes()).unwrap();
        prop_assert!(public.verify(&input, &proof).is_ok());
        prop_assert_eq!(key.prove(&input), proof);
        prop_assert!(secret == other || stranger.public().verify(&input, &proof).is_err());
        prop_assert!(more == input || public.verify(&more, &proof).is_err());
    }

    #[test]
    fn no_bytes_make_a_panic(key: [u8; 32], input: Vec<u8>, proof: [u8; 32], tail: [u8; 48]) {
        let proof = Proof::from_slice(&[&proof[..], &tail].concat());
        if let Ok(key) = PublicKey::parse(&B256::new(key)) {
            prop_assert!(key.verify(&input, &proof).is_err());
        }
    }
}

#[test]
fn a_key_that_is_not_older_than_the_set_has_no_lot() {
    let key = SecretKey::new(&[7; 32]);
    let (seed, job) = (B256::repeat_byte(1), JobId(5));
    let frozen = FreezePoint { root: B256::repeat_byte(2), at: Time(1_000) };
    let proof = key.prove(&Candidate::input(&seed, job));
    let lot = |registered: u64, job: JobId| {
        let (party, registered) = (Party::repeat_byte(3), Time(registered));
        Candidate { party, key: key.public(), registered }.lot(&frozen, &seed, job, &proof)
    };
    let output = key.public().verify(&Candidate::input(&seed, job), &proof).unwrap();
    assert_eq!(lot(999, job), Ok(Lot(u128::from_be_bytes(fixed(&output[..16])))));
    let young = Rejected::KeyTooYoung { registered: Time(1_000), frozen: Time(1_000) };
    assert_eq!(lot(1_000, job), Err(young));
    assert_eq!(lot(999, JobId(6)), Err(Rejected::NotProven));
}

#[test]
fn lots_elect_by_weight() {
    let weight = |value: u128| Weight::try_from(value).unwrap();
    let lots: Vec<Lot> = (0u32..20_000)
        .map(|lot| Lot(u128::from_be_bytes(fixed(&keccak256(lot.to_be_bytes())[..16]))))
        .collect();
    let elected = |held: u128, seats: u32| {
        lots.iter().filter(|lot| lot.elects(weight(held), weight(1_000), seats)).count() as f64
    };
    for (held, seats, chance) in [(100, 1, 0.1), (100, 3, 0.3), (7, 50, 0.35), (1, 999, 0.999)] {
        let deviation = 3.0 * f64::sqrt(20_000.0 * chance * (1.0 - chance));
        assert!((elected(held, seats) - 20_000.0 * chance).abs() < deviation, "{held} {seats}");
    }
    assert_eq!((elected(0, u32::MAX), elected(1_000, 1), elected(400, 3)), (0.0, 2e4, 2e4));
    let most = Weight::MAX;
    assert!(Lot(u128::MAX).elects(most, most, 1) && !Lot(0).elects(Weight::ZERO, most, u32::MAX));
    assert!(!Lot(0).elects(Weight::ZERO, Weight::ZERO, 1), "nobody is elected out of nobody");
}
