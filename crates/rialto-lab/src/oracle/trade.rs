//! The most that a market of units can be worth.

/// The greatest welfare of a trade in units, and how many are traded for it: `wants` and `offers` are units with
/// what each of them is worth or costs. The most valuable goes to the cheapest as long as it is worth it. Where
/// units are wanted together only, it is the bound of what could be traded if they were not.
pub fn best_trade(wants: &[(u32, f64)], offers: &[(u32, f64)]) -> (f64, u32) {
    let units = |of: &[(u32, f64)]| -> Vec<f64> {
        let mut each: Vec<f64> =
            of.iter().flat_map(|(units, value)| vec![*value; *units as usize]).collect();
        each.sort_by(f64::total_cmp);
        each
    };
    let (values, costs) = (units(wants), units(offers));
    let pairs = values.iter().rev().zip(&costs).take_while(|(value, cost)| value >= cost);
    pairs.fold((0.0, 0), |(sum, count), (value, cost)| (sum + value - cost, count + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against every subset of buyers with the cheapest sellers.
    #[test]
    fn no_set_of_trades_is_worth_more_than_the_best() {
        let wants = [(1, 3.0), (2, 8.0), (1, 5.0), (1, 1.0)];
        let offers = [(2, 2.0), (1, 4.0), (2, 6.0)];
        let (values, costs) = ([3.0, 8.0, 8.0, 5.0, 1.0], [2.0, 2.0, 4.0, 6.0, 6.0]);
        let worth = |set: u32| {
            let won = (0..5).filter(|place| set >> place & 1 == 1).map(|place| values[place]);
            won.sum::<f64>() - costs[..set.count_ones() as usize].iter().sum::<f64>()
        };
        let best = (0..32).map(worth).fold(0.0, f64::max);
        assert_eq!(best_trade(&wants, &offers), (best, 3));
    }
}
