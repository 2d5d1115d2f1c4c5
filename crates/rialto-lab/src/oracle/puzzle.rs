//! Puzzles whose difficulty follows the time that they take.

/// The interval between retargets, in anchors, when so many half-lives have passed since it was `first`: each retarget moves the
/// target by `2^-((interval - anchor) / half_life)`, so in small steps `du/dt = -ln 2 · (u - 1)`.
pub fn interval_after(first: f64, half_lives: f64) -> f64 {
    1.0 + (first - 1.0) * (-half_lives).exp2()
}
