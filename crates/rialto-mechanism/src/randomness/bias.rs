//! What it is worth to speak last: closed forms, and the choice of whoever does so. For laboratories and
//! for setting bonds; no state follows from this, so it may use floating point.
//!
//! Whoever holds the last `m` reveals of a mix picks the best of 2^m outcomes, the same for the last slots before a
//! block's prevrandao as for the last secrets of a commit–reveal. What holding back costs differs: a
//! block's reward, or a bond. As the holder knows every outcome before it chooses, it holds back only
//! where that wins; so nothing less than the whole prize, forfeited for each reveal, deters it.

use alloy_primitives::B256;

/// The most reveals that [`pick`] goes through.
pub const HELD_MAX: usize = 16;

/// What the holder of the last reveals makes of a mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick {
    /// The mix.
    pub outcome: B256,
    /// How many reveals it has held back for it.
    pub held_back: u32,
}

/// The chance of at least one success in `draws` independent draws with a chance of `chance` each:
/// `1 − (1 − p)^n`.
pub fn best_of(chance: f64, draws: u32) -> f64 {
    1.0 - (1.0 - chance).powf(draws.into())
}

/// How many draws the holder of the last `held` reveals has: each is given or held back.
///
/// # Panics
/// When `held` is above [`HELD_MAX`].
pub fn draws(held: usize) -> u32 {
    assert!(held <= HELD_MAX, "2^{held} draws are more than anybody goes through");
    1 << held
}

/// What the holder of the reveals `held` makes of a mix: the outcome that pleases it for the fewest reveals
/// held back; if none does, it gives them all.
///
/// # Panics
/// When there are more than [`HELD_MAX`].
pub fn pick(mix: B256, held: &[B256], pleases: impl Fn(B256) -> bool) -> Pick {
    let given = |back: u32| {
        let kept = held.iter().enumerate().filter(|(place, _)| back >> place & 1 == 0);
        let outcome = kept.fold(mix, |mix, (_, reveal)| mix ^ reveal);
        Pick { outcome, held_back: back.count_ones() }
    };
    let mut choices: Vec<u32> = (0..draws(held.len())).collect();
    choices.sort_by_key(|back| back.count_ones());
    let pleasing = choices.into_iter().map(given).find(|pick| pleases(pick.outcome));
    pleasing.unwrap_or_else(|| given(0))
}
