//! Every key is read into its own value and unit, and shown as it would be written.

use super::*;
use std::collections::BTreeSet;

/// Every key with a value that is not its default, and what the node then holds.
pub(super) const ROWS: &[(&str, &str, &str)] = &[
    ("market.min_mcycle_price", r#""0.5 ETH""#, "Wei(Wei(500000000000000000))"),
    ("market.min_mcycle_price", r#""0.5 USD""#, "Usd(Usd(500000000000000000))"),
    (
        "market.min_mcycle_price_collateral_token",
        r#""2 ZKC""#,
        "Some(Tokens(Collateral(2000000000000000000)))",
    ),
    (
        "market.min_mcycle_price_collateral_token",
        r#""2 USD""#,
        "Some(Usd(Usd(2000000000000000000)))",
    ),
    (
        "market.pricing_overrides",
        r#"{ by_proof_type = { "0x00000001" = "7 wei" } }"#,
        "PricingOverrides { by_requestor: {}, by_proof_type: {0x00000001: Wei(Wei(7))}, by_requestor_proof_type: {} }",
    ),
    ("market.expected_probability_win_secondary_fulfillment", "120", "120"),
    ("market.max_collateral", r#""3 RCT""#, "Tokens(Collateral(3000000000000000000))"),
    ("market.max_stake_at_risk", r#""40 USD""#, "Some(Usd(Usd(40000000000000000000)))"),
    ("market.breaker_failures", "3", "3"),
    ("market.breaker_rest_secs", "61", "61"),
    ("market.listen_only", "true", "true"),
    ("market.max_mcycle_limit", "9_000", "9000"),
    ("market.min_mcycle_limit", "5", "5"),
    ("market.additional_proof_cycles", "2_270_000", "2270000"),
    ("market.max_journal_bytes", "0x100", "256"),
    ("market.min_deadline", "195", "195"),
    ("market.max_order_expiry_secs", "7200", "Some(7200)"),
    ("market.max_commitment_duration_secs", "600", "600"),
    ("market.peak_prove_khz", "11_000", "11000"),
    ("market.max_concurrent_proofs", "2", "2"),
    ("market.max_concurrent_preflights", "8", "8"),
    ("market.order_pricing_priority", r#""observation_time""#, "ObservationTime"),
    ("market.order_pricing_priority", r#""shortest_expiry""#, "ShortestExpiry"),
    ("market.order_pricing_priority", r#""price""#, "Price"),
    ("market.order_pricing_priority", r#""random""#, "Random"),
    ("market.order_commitment_priority", r#""shortest_expiry""#, "ShortestExpiry"),
    ("market.order_commitment_priority", r#""tightest_deadline""#, "TightestDeadline"),
    ("market.order_commitment_priority", r#""price""#, "Price"),
    ("market.order_commitment_priority", r#""random""#, "Random"),
    ("market.cancel_proving_expired_orders", "true", "true"),
    (
        "market.priority_requestor_addresses",
        r#"["0x1111111111111111111111111111111111111111"]"#,
        "[0x1111111111111111111111111111111111111111]",
    ),
    (
        "market.allow_client_addresses",
        r#"["0x2222222222222222222222222222222222222222"]"#,
        "[0x2222222222222222222222222222222222222222]",
    ),
    (
        "market.deny_requestor_addresses",
        r#"["0x3333333333333333333333333333333333333333"]"#,
        "[0x3333333333333333333333333333333333333333]",
    ),
    ("market.priority_requestor_lists", r#"["https://a.example/l"]"#, r#"["https://a.example/l"]"#),
    ("market.allow_requestor_lists", r#"["https://b.example/l"]"#, r#"["https://b.example/l"]"#),
    ("market.lookback_blocks", "10", "10"),
    ("market.events_poll_blocks", "150", "150"),
    ("market.events_poll_ms", "3000", "3000"),
    ("market.max_file_size", "1_000_000", "1000000"),
    ("market.max_fetch_retries", "5", "5"),
    ("market.cache_dir", r#""/tmp/cache""#, r#"Some("/tmp/cache")"#),
    ("market.gas_priority_mode", r#""high""#, "High"),
    ("market.gas_priority_mode", r#""low""#, "Low"),
    (
        "market.gas_priority_mode",
        "{ custom = { priority_fee_percentile = 45.5, min_priority_fee_wei = 9 } }",
        "Custom(CustomGas { base_fee_multiplier_percentage: 200, priority_fee_multiplier_percentage: 100, \
         priority_fee_percentile: Percentile(4550), dynamic_multiplier_percentage: 5, min_priority_fee_wei: 9 })",
    ),
    ("market.gas_estimation_priority_mode", r#""high""#, "High"),
    ("market.lockin_priority_gas", "1_000_000_000", "1000000000"),
    ("market.lockin_gas_estimate", "1", "1"),
    ("market.fulfill_gas_estimate", "2", "2"),
    ("market.commit_fulfillment_gas_estimate", "3", "3"),
    ("market.fulfill_journal_gas_per_byte", "4", "4"),
    ("market.groth16_verify_gas_estimate", "5", "5"),
    ("market.skip_gas_profitability_check", "true", "true"),
    ("market.balance_warn_threshold", r#""30 gwei""#, "Some(Wei(30000000000))"),
    ("market.balance_error_threshold", r#""1 wei""#, "Some(Wei(1))"),
    (
        "market.collateral_balance_warn_threshold",
        r#""1 ZKC""#,
        "Some(Collateral(1000000000000000000))",
    ),
    ("market.collateral_balance_error_threshold", r#""7 raw""#, "Some(Collateral(7))"),
    ("prover.concurrent_jobs", "2", "2"),
    ("prover.max_guest_memory_bytes", "2_097_152", "2097152"),
    ("prover.status_poll_retry_count", "4", "4"),
    ("prover.status_poll_ms", "250", "250"),
    ("prover.req_retry_count", "5", "5"),
    ("prover.req_retry_sleep_ms", "6", "6"),
    ("prover.proof_retry_count", "7", "7"),
    ("prover.proof_retry_sleep_ms", "8", "8"),
    ("prover.max_critical_task_retries", "9", "9"),
    ("prover.reaper_interval_secs", "11", "11"),
    ("prover.reaper_grace_period_secs", "12", "12"),
    ("batcher.batch_max_time", "13", "13"),
    ("batcher.min_batch_size", "14", "14"),
    ("batcher.batch_max_journal_bytes", "15", "15"),
    ("batcher.batch_max_fees", r#""0.1 ETH""#, "Some(Wei(100000000000000000))"),
    ("batcher.block_deadline_buffer_secs", "16", "16"),
    ("batcher.txn_timeout", "17", "17"),
    ("batcher.batch_poll_time_ms", "18", "18"),
    ("batcher.single_txn_fulfill", "false", "false"),
    ("batcher.withdraw", "true", "true"),
    ("batcher.max_submission_attempts", "19", "19"),
    ("batcher.submit_retry_delay_ms", "20", "20"),
    ("price_oracle.eth_usd", r#""2500.25""#, "Fixed(Usd(2500250000000000000000))"),
    ("price_oracle.zkc_usd", r#""1""#, "Fixed(Usd(1000000000000000000))"),
    ("price_oracle.refresh_interval_secs", "60", "60"),
    ("price_oracle.timeout_secs", "3", "3"),
    ("price_oracle.aggregation_mode", r#""priority""#, "Priority"),
    ("price_oracle.aggregation_mode", r#""average""#, "Average"),
    ("price_oracle.min_sources", "2", "2"),
    ("price_oracle.max_secs_without_price_update", "90", "90"),
    ("price_oracle.onchain.chainlink.enabled", "false", "false"),
    (
        "price_oracle.onchain.chainlink.rpc_url",
        r#""https://rpc.example/""#,
        r#""https://rpc.example/""#,
    ),
    ("price_oracle.offchain.coingecko.enabled", "false", "false"),
    ("price_oracle.offchain.coingecko.api_key", r#""k""#, "Some(Secret(…))"),
    ("price_oracle.offchain.cmc.enabled", "true", "true"),
    ("price_oracle.offchain.cmc.api_key", r#""k""#, "Some(Secret(…))"),
    ("price_oracle.offchain.coinbase.enabled", "false", "false"),
    ("artifacts.store", r#"{ kind = "local", path = "p" }"#, r#"Some(Local { path: "p" })"#),
    ("artifacts.file_roots", r#"["/srv/a", "b"]"#, r#"["/srv/a", "b"]"#),
    (
        "artifacts.s3_buckets",
        r#"[{ bucket = "b", region = "r" }]"#,
        r#"[S3Location { bucket: "b", endpoint: None, region: Some("r") }]"#,
    ),
    ("artifacts.allow_private_hosts", "true", "true"),
    ("monitor.listen", r#""127.0.0.1:9090""#, "Some(127.0.0.1:9090)"),
    ("venue.name", r#""n""#, r#""n""#),
    ("venue.network", r#""n.json""#, r#"Some("n.json")"#),
    ("venue.key_file", r#""k""#, r#"Some("k")"#),
    ("venue.data_dir", r#""d""#, r#"Some("d")"#),
];

/// The smallest file that sets one key.
pub(super) fn file(path: &str, value: &str) -> String {
    match path.rsplit_once('.').unwrap() {
        ("venue", "name") => format!("[[venue]]\nname = {value}\nnetwork = \"x\"\n"),
        ("venue", "network") => format!("[[venue]]\nname = \"x\"\nnetwork = {value}\n"),
        ("venue", key) => format!("[[venue]]\nname = \"x\"\nnetwork = \"x\"\n{key} = {value}\n"),
        (section, key) => format!("[{section}]\n{key} = {value}\n"),
    }
}

fn held_as_url(section: &dyn Section, key: &str) -> bool {
    section.keys().iter().any(|row| row.name == key && row.kind.contains("URL"))
}

fn debug(settings: &Settings, path: &str) -> String {
    let (section, key) = path.rsplit_once('.').unwrap();
    let found = settings.sections().into_iter().find(|known| known.name() == section);
    match found {
        // The parts of a URL are its own affair.
        Some(found) if held_as_url(found, key) => found.show(key).unwrap(),
        Some(found) => found.debug(key),
        None => settings.venues[0].identity.debug(key),
    }
}

#[test]
fn every_key_is_read_into_its_own_value_and_unit() {
    for (path, value, held) in ROWS {
        let checked = Settings::parse(&file(path, value));
        let checked = checked.unwrap_or_else(|error| panic!("{path} = {value}: {error}"));
        assert_eq!(debug(&checked.settings, path), *held, "{path} = {value}");
        assert_eq!(checked.warnings, [], "{path} = {value}");
        let changes = Settings::default().changes(&checked.settings);
        let own = changes.iter().filter(|change| !change.key.starts_with("venue."));
        let expected = usize::from(!path.starts_with("venue."));
        assert_eq!(own.count(), expected, "{path} = {value} is its default or changes others");
    }
}

#[test]
fn no_key_is_without_a_row() {
    let tested: BTreeSet<_> = ROWS.iter().map(|(path, ..)| (*path).to_owned()).collect();
    let all: BTreeSet<_> = Settings::keys().iter().map(Key::path).collect();
    assert_eq!(tested, all);
}

/// What is shown is what would have to be written.
#[test]
fn shown_values_are_read_back_the_same() {
    for (path, value, _) in ROWS.iter().filter(|(path, ..)| !path.ends_with("api_key")) {
        let once = Settings::parse(&file(path, value)).unwrap().settings;
        let flat = once.flat();
        let suffix = path.strip_prefix("venue").unwrap_or(path);
        let shown = flat.iter().find(|row| row.key.ends_with(suffix)).unwrap();
        let again = Settings::parse(&file(path, shown.value.as_ref().unwrap())).unwrap();
        assert_eq!(again.settings, once, "{path} = {value}");
    }
}
