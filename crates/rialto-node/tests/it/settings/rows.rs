//! The rows, a module for each section of the file.

mod artifacts;
mod batcher;
mod market;
mod price_oracle;
mod prover;

/// Which keys of which section have a row.
pub(crate) const KEYS: &[(&str, &[&str])] = &[
    market::KEYS,
    prover::KEYS,
    batcher::KEYS,
    price_oracle::KEYS,
    price_oracle::chainlink::KEYS,
    price_oracle::coingecko::KEYS,
    price_oracle::cmc::KEYS,
    price_oracle::coinbase::KEYS,
    artifacts::KEYS,
];
