//! Amounts as arguments: `0.01 ETH`, `30gwei`, `10 RCT`. A unit is demanded, since a bare number
//! has cost people a factor of 10^18; the blank before it is not.

use rialto_protocol::{Collateral, InvalidAmount, Wei};

/// Reads ETH, for `#[arg(value_parser)]`.
pub(crate) fn wei(text: &str) -> Result<Wei, InvalidAmount> {
    spaced(text).parse()
}

/// Reads collateral, for `#[arg(value_parser)]`.
pub(crate) fn collateral(text: &str) -> Result<Collateral, InvalidAmount> {
    spaced(text).parse()
}

/// The same text with a blank before its unit.
fn spaced(text: &str) -> String {
    let Some(at) = text.find(|c: char| c.is_ascii_alphabetic()) else { return text.to_owned() };
    let (number, unit) = text.split_at(at);
    format!("{} {unit}", number.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blank_before_a_unit_may_be_left_out() {
        assert_eq!(wei("0.5ETH"), wei("0.5 ETH"));
        assert_eq!(wei("30gwei"), Ok(Wei::from(30_000_000_000)));
        assert_eq!(collateral("2rct"), Ok(Collateral::from(2_000_000_000_000_000_000)));
    }

    #[test]
    fn a_bare_number_and_nonsense_are_refused() {
        for text in ["1", "", "ETH", "1 2 ETH", "0.1 DOGE", "-1ETH"] {
            assert!(wei(text).is_err(), "{text:?}");
        }
    }
}
