//! Changes to valid bytes, one after another, by the rules that have broken parsers before.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// How bytes are changed.
pub(crate) struct Mutation {
    words: Vec<Vec<u8>>,
}

/// A generator of numbers (SplitMix64), the same everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap()
    }
}

/// Beats a door for text; `words` are what its language is made of.
pub(crate) fn beat(name: &str, seeds: &[&str], words: &[&str], door: impl Fn(&[u8])) {
    let words = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    let seeds: Vec<&[u8]> = seeds.iter().map(|seed| seed.as_bytes()).collect();
    Mutation { words }.beat(name, &seeds, door);
}

impl Mutation {
    /// For encodings in words of `bytes` bytes: lengths and offsets at their bounds.
    pub(crate) fn of_words(bytes: usize) -> Self {
        let number = |value: u64| {
            let mut word = vec![0; bytes.saturating_sub(8)];
            word.extend(value.to_be_bytes());
            word
        };
        let mut words: Vec<_> =
            [0, 1, 31, 32, 33, 64, u64::from(u32::MAX), u64::MAX].map(number).into();
        words.push(vec![0xff; bytes]);
        Self { words }
    }

    /// Gives `door` mutations of the seeds until time is up.
    pub(crate) fn beat(&self, name: &str, seeds: &[&[u8]], door: impl Fn(&[u8])) {
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
        let seed: u64 = number("RIALTO_FUZZ_SEED").unwrap_or(1);
        let time =
            number("RIALTO_FUZZ_SECONDS").map_or(Duration::from_millis(200), Duration::from_secs);
        let began = Instant::now();
        seeds.iter().for_each(|seed| door(seed));
        let mut rounds = 0u64;
        while began.elapsed() < time {
            rounds += 1;
            let bytes = self.changed(seeds, &mut Dice(seed ^ (rounds << 20)));
            let outcome = catch_unwind(AssertUnwindSafe(|| door(&bytes)));
            assert!(
                outcome.is_ok(),
                "{name}: RIALTO_FUZZ_SEED={seed}, mutation {rounds}, {:?}",
                String::from_utf8_lossy(&bytes)
            );
        }
        println!("{name}: {rounds} mutations");
    }

    fn changed(&self, seeds: &[&[u8]], dice: &mut Dice) -> Vec<u8> {
        let mut bytes = seeds[dice.below(seeds.len())].to_vec();
        for _ in 0..=dice.below(6) {
            let at = dice.below(bytes.len() + 1);
            let end = (at + dice.below(64)).min(bytes.len());
            match dice.below(7) {
                0 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
                1 => drop(bytes.drain(at..end)),
                2 => {
                    let copy = bytes[at..end].to_vec();
                    let to = dice.below(bytes.len() + 1);
                    bytes.splice(to..to, copy);
                }
                3 => {
                    let word = self.words[dice.below(self.words.len())].clone();
                    bytes.splice(at..at, word);
                }
                4 => {
                    let word = self.words[dice.below(self.words.len())].clone();
                    let end = (at + word.len()).min(bytes.len());
                    bytes.splice(at..end, word);
                }
                5 => bytes.truncate(at),
                _ => bytes.insert(at, u8::try_from(dice.below(256)).unwrap()),
            }
        }
        bytes
    }
}
