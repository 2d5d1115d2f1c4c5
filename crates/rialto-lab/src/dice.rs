//! Chance that follows from a seed.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A stream of chance. Streams with other names are independent of each other.
#[derive(Clone, Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream `name` of `seed`.
    pub fn new(seed: u64, name: &str) -> Self {
        let text = [seed.to_be_bytes().as_slice(), name.as_bytes()].concat();
        Self(ChaCha8Rng::from_seed(alloy_primitives::keccak256(text).0))
    }

    /// Uniform from 0 on, below 1.
    pub fn uniform(&mut self) -> f64 {
        // 53 bits: all that a double holds.
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform below `bound`, which is not zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        // Numbers of the last, incomplete round would make small results likelier.
        let whole_rounds = u64::MAX - u64::MAX % bound;
        loop {
            let number = self.0.next_u64();
            if number < whole_rounds {
                return number % bound;
            }
        }
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Normal with mean 0 and deviation 1, after Box and Muller.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Exponential with mean 1.
    pub fn exponential(&mut self) -> f64 {
        -(1.0 - self.uniform()).ln()
    }

    /// Puts a list into random order, each as likely as any other.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}
