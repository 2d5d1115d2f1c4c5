//! What an order book's deposits allow, and what the first and the later buyers of a proof pay.

/// How many asks stand, one after the other, behind a deposit that must cover a fine of `fine` commissions for each:
/// those after which the sum of commissions is at most `deposit / fine`.
pub fn asks_covered(deposit: u128, fine: u128, commissions: &[u128]) -> Vec<bool> {
    let mut sum = 0;
    let covered = commissions.iter().map(|commission| {
        let fits = (sum + commission) * fine <= deposit;
        sum += if fits { *commission } else { 0 };
        fits
    });
    covered.collect()
}

/// How many invalid proofs a deposit pays for, of equal commissions: `⌊X / (pf · c)⌋`.
pub fn proofs_fined(deposit: u128, fine: u128, commission: u128) -> u128 {
    deposit / (fine * commission)
}

/// The mean time that is lost before a job comes to somebody who delivers, in times that each has: `x / (1 − x)`, where each
/// is late with the chance x.
pub fn rematching(late: f64) -> f64 {
    late / (1.0 - late)
}

/// The share of each resale at which the first buyer of a proof pays no more than the later ones: with N resales at the
/// part q of its price, `1 − N·s·q = q`, so `s = (1 − q) / (N·q)`.
pub fn fair_resale_share(resales: f64, price: f64) -> f64 {
    (1.0 - price) / (resales * price)
}

/// What being first costs more than being second, of the first price: `1 − q − N·s·q`.
pub fn cost_of_being_first(resales: f64, price: f64, share: f64) -> f64 {
    1.0 - price - resales * share * price
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fair_share_leaves_nothing_to_wait_for() {
        for resales in 1..20 {
            for price in [0.1, 0.25, 0.5, 0.9] {
                let share = fair_resale_share(resales.into(), price);
                assert!(cost_of_being_first(resales.into(), price, share).abs() < 1e-12);
            }
        }
        // All who share in the cost equally leave nothing to the producer of what it sells again.
        assert!((fair_resale_share(4.0, 0.2) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_deposit_covers_what_it_can_pay_for() {
        assert_eq!(asks_covered(100, 10, &[4, 7, 6, 1]), [true, false, true, false]);
        assert_eq!(proofs_fined(109, 10, 5), 2);
    }
}
