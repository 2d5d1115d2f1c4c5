use super::*;
use expect_test::{Expect, expect};
use proptest::prelude::*;
use rialto_planner::Requestors;
use rialto_protocol::{Timestamp, Usd};
use std::collections::BTreeSet;

const BROKER_KEYS: &str = "\
market: min_mcycle_price min_mcycle_price_collateral_token priority_requestor_addresses priority_requestor_lists peak_prove_khz \
max_mcycle_limit max_journal_bytes min_deadline lookback_blocks max_collateral max_file_size max_fetch_retries \
assessor_default_image_url set_builder_default_image_url max_concurrent_proofs max_concurrent_preflights order_pricing_priority \
order_commitment_priority max_critical_task_retries allow_client_addresses deny_requestor_addresses lockin_priority_gas \
balance_warn_threshold balance_error_threshold collateral_balance_warn_threshold collateral_balance_error_threshold cache_dir \
lockin_gas_estimate fulfill_gas_estimate groth16_verify_gas_estimate
prover: status_poll_retry_count status_poll_ms req_retry_count req_retry_sleep_ms proof_retry_count proof_retry_sleep_ms \
set_builder_guest_path assessor_set_guest_path reaper_interval_secs reaper_grace_period_secs
batcher: batch_max_time min_batch_size block_deadline_buffer_secs txn_timeout single_txn_fulfill withdraw batch_poll_time_ms \
batch_max_journal_bytes batch_max_fees max_submission_attempts";

/// Every key with a value that is not its default, and what the node then holds.
const ROWS: &[(&str, &str, &str)] = &[
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
fn file(path: &str, value: &str) -> String {
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

#[test]
fn every_key_of_existing_brokers_is_accepted() {
    let keys = Settings::keys();
    for line in BROKER_KEYS.lines() {
        let (section, names) = line.split_once(": ").unwrap();
        for name in names.split_whitespace() {
            let known = keys.iter().any(|key| (key.section, key.name) == (section, name));
            if !known {
                let text = format!("[{section}]\n{name} = 1\n");
                let checked = Settings::parse(&text).unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(checked.warnings.len(), 1, "{name}");
            }
        }
    }
}

#[test]
fn a_file_of_an_existing_broker_works_as_it_is() {
    let checked = Settings::parse(
        r#"
[market]
mcycle_price = "0.0000001"
peak_prove_khz = 500
max_stake = "5"
max_concurrent_locks = 2
max_critical_task_retries = 4
expired_order_fulfillment_priority = "shortest_expiry"
assessor_default_image_url = "https://example.org/assessor"

[prover]
status_poll_ms = 1000
set_builder_guest_path = "/target/set-builder.bin"
bonsai_r0_zkvm_ver = "1.0.1"

[batcher]
batch_max_fees = "0.1"
"#,
    )
    .unwrap();
    let market = &checked.settings.market;
    assert_eq!(market.min_mcycle_price, PriceAmount::Wei(Wei::from(100_000_000_000)));
    assert_eq!(market.max_collateral, CollateralAmount::Tokens("5 ZKC".parse().unwrap()));
    assert_eq!(market.max_concurrent_proofs, 2);
    assert_eq!(checked.settings.prover.max_critical_task_retries, 4);
    let warnings: Vec<_> = checked.warnings.iter().map(ToString::to_string).collect();
    expect![[r#"
        line 3: market.mcycle_price is an old name of market.min_mcycle_price
        line 3: market.min_mcycle_price has no unit and is taken as "0.0000001 ETH"
        line 5: market.max_collateral has no unit and is taken as "5 ZKC"
        line 5: market.max_stake is an old name of market.max_collateral
        line 6: market.max_concurrent_locks is an old name of market.max_concurrent_proofs
        line 7: market.max_critical_task_retries is an old name of prover.max_critical_task_retries
        line 8: market.expired_order_fulfillment_priority is an old name of market.order_commitment_priority
        line 9: market.assessor_default_image_url has no effect here: the market's contract assesses fulfilments itself, so there is no assessor program
        line 13: prover.set_builder_guest_path has no effect here: attesters sign the Merkle root of a batch, so there is no set-builder program
        line 14: prover.bonsai_r0_zkvm_ver has no effect here: no version is asked of a prover: image ids bind it
        line 17: batcher.batch_max_fees has no unit and is taken as "0.1 ETH""#]]
    .assert_eq(&warnings.join("\n"));
}

fn refuses(text: &str, expected: Expect) {
    expected.assert_eq(&Settings::parse(text).unwrap_err().to_string());
}

#[test]
fn what_is_no_toml_is_named_by_line() {
    refuses(
        "[market]\nmin_deadline = = 3\n",
        expect!["line 2: this is not TOML: extra `=`, expected nothing"],
    );
    refuses("[market]\n[market]\n", expect!["line 2: this is not TOML: duplicate key"]);
}

#[test]
fn unknown_names_are_refused_with_what_was_meant() {
    refuses(
        "[market]\nmin_deadlin = 3\n\n[markt]\na = 1\n[batcher]\nwithdrawn = true\n",
        expect![[r#"
            line 2: market.min_deadlin is not a setting; did you mean min_deadline?
            line 4: there is no section [markt]; did you mean [market]?
            line 7: batcher.withdrawn is not a setting; did you mean withdraw?"#]],
    );
    refuses(
        "min_deadline = 3\n",
        expect!["line 1: min_deadline is a setting of [market]; move it there"],
    );
    refuses(
        "colour = \"red\"\n[market]\ncolour = \"red\"\n",
        expect![[r#"
        line 1: colour is not a setting; `rialto node config example` shows all
        line 3: market.colour is not a setting; `rialto node config example` shows all"#]],
    );
    refuses(
        "[market]\nmin_batch_size = 3\nbatch_max_tim = 3\n",
        expect![[r#"
        line 2: min_batch_size is a setting of [batcher]; move it there
        line 3: market.batch_max_tim is not a setting; did you mean batcher.batch_max_time?"#]],
    );
    refuses(
        "market = 3\n[price_oracle]\nonchain = true\n",
        expect![[r#"
        line 1: market is a section; write its settings below [market]
        line 3: price_oracle.onchain is a section; write its settings below [price_oracle.onchain]"#]],
    );
    refuses(
        "[price_oracle.onchain.chainlinks]\nenabled = true\n",
        expect![
            "line 1: there is no section [price_oracle.onchain.chainlinks]; did you mean [price_oracle.onchain.chainlink]?"
        ],
    );
    refuses(
        "[market]\nmax_stake = \"1 ZKC\"\nmax_collateral = \"2 ZKC\"\n",
        expect!["line 2: market.max_collateral is set twice, once by an old name"],
    );
}

#[test]
fn values_of_the_wrong_kind_are_refused_with_what_would_be_right() {
    refuses(
        r#"[market]
min_mcycle_price = 0.00002
max_collateral = 10
balance_warn_threshold = 1
collateral_balance_warn_threshold = true
batch = 1
min_deadline = "soon"
max_fetch_retries = 256
max_journal_bytes = -1
listen_only = "yes"
order_pricing_priority = "fifo"
gas_priority_mode = "urgent"
cache_dir = ""
priority_requestor_addresses = ["0x11"]
priority_requestor_lists = "https://a.example"
pricing_overrides = { by_name = {} }
[price_oracle]
eth_usd = 2500
zkc_usd = "0"
[price_oracle.offchain.cmc]
api_key = ""
[artifacts]
store = { kind = "tape" }
s3_buckets = [{ buckets = "x" }]
[monitor]
listen = "here"
"#,
        expect![[r#"
            line 2: market.min_mcycle_price is 0.00002, but must have a unit and stand in quotes, such as "0.00002 ETH" or "0.00002 USD"
            line 3: market.max_collateral is 10, but must have a unit and stand in quotes, such as "10 ZKC" or "10 USD"
            line 4: market.balance_warn_threshold is 1, but must have a unit and stand in quotes, such as "0.5 ETH" or "30 gwei"
            line 5: market.collateral_balance_warn_threshold is true, but must be an amount such as "10 ZKC", in quotes
            line 6: market.batch is not a setting; `rialto node config example` shows all
            line 7: market.min_deadline is "soon", but must be a whole number, without quotes
            line 8: market.max_fetch_retries is 256, but must be a whole number from 0 to 255
            line 9: market.max_journal_bytes is -1, but must be a whole number from 0 to 18446744073709551615
            line 10: market.listen_only is "yes", but must be true or false, without quotes
            line 11: market.order_pricing_priority is "fifo", but must be "random", "observation_time", "shortest_expiry", "price" or "cycle_price"
            line 12: market.gas_priority_mode is "urgent", but must be "low", "medium", "high" or { custom = { … } }
            line 13: market.cache_dir is "", but must be a path, such as "data/cache"
            line 14: market.priority_requestor_addresses is ["0x11"], but must be a 20-byte address, such as "0x1111111111111111111111111111111111111111" (entry 1)
            line 15: market.priority_requestor_lists is "https://a.example", but must be a list of URLs, in brackets
            line 16: market.pricing_overrides is a table, but must have no "by_name", only by_requestor, by_proof_type, by_requestor_proof_type
            line 18: price_oracle.eth_usd is 2500, but must be "auto" or a price above zero such as "2500.00"
            line 19: price_oracle.zkc_usd is "0", but must be "auto" or a price above zero such as "2500.00"
            line 21: price_oracle.offchain.cmc.api_key is "", but must be the key alone
            line 23: artifacts.store is a table, but must be a table as documented: unknown variant `tape`, expected one of `local`, `memory`, `s3`
            line 24: artifacts.s3_buckets is [{ buckets = "x" }], but must be a table as documented: unknown field `buckets`, expected one of `bucket`, `endpoint`, `region` (entry 1)
            line 26: monitor.listen is "here", but must be a socket address, such as "127.0.0.1:9090""#]],
    );
}

#[test]
fn amounts_of_another_unit_are_refused_with_what_would_be_right() {
    refuses(
        r#"[market]
min_mcycle_price = "1 ZKC"
max_collateral = "1 ETH"
balance_warn_threshold = "1 USD"
collateral_balance_warn_threshold = "1 ETH"
min_mcycle_price_collateral_token = "-1 USD"
max_stake_at_risk = "0.0000000000000000001 USD"
"#,
        expect![[r#"
            line 2: market.min_mcycle_price is "1 ZKC", but must be an amount such as "0.01 ETH": its unit is unknown here
            line 3: market.max_collateral is "1 ETH", but must be an amount such as "10 RCT": its unit is unknown here
            line 4: market.balance_warn_threshold is "1 USD", but must be an amount such as "0.01 ETH": its unit is unknown here
            line 5: market.collateral_balance_warn_threshold is "1 ETH", but must be an amount such as "10 RCT": its unit is unknown here
            line 6: market.min_mcycle_price_collateral_token is "-1 USD", but must be an amount such as "0.5 USD": it is not a plain decimal number
            line 7: market.max_stake_at_risk is "0.0000000000000000001 USD", but must be an amount such as "0.5 USD": it has more decimals than the unit"#]],
    );
}

#[test]
fn numbers_out_of_bounds_are_refused() {
    refuses(
        "[market]\npeak_prove_khz = 0\nmax_concurrent_proofs = 0\nmin_mcycle_limit = 9000\n\
         allow_client_addresses = []\n[batcher]\nmin_batch_size = 129\n[monitor]\nlisten = \"0.0.0.0:9090\"\n",
        expect![[r#"
            line 2: market.peak_prove_khz is 0, but must be at least 1
            line 3: market.max_concurrent_proofs is 0, but must be at least 1
            line 4: market.min_mcycle_limit is 9000 and max_mcycle_limit 8000, so no request is left
            line 5: market.allow_client_addresses is empty, so nobody would be served; leave it out
            line 7: batcher.min_batch_size is 129, but must be from 1 to 128
            line 9: monitor.listen is 0.0.0.0:9090, but must be a loopback address, since the page is not authenticated"#]],
    );
}

#[test]
fn venues_override_what_is_theirs_and_nothing_else() {
    let text = r#"
[market]
min_deadline = 70
peak_prove_khz = 500

[[venue]]
name = "base"
network = "base.json"
key_file = "base.key"

[[venue]]
name = "test"
network = "test.json"
[venue.market]
min_mcycle_price = "1 wei"
listen_only = true
[venue.batcher]
withdraw = true
"#;
    let settings = Settings::parse(text).unwrap().settings;
    let [base, test] = settings.venues.as_slice() else { panic!("{settings:?}") };
    assert_eq!(settings.at(base).market, settings.market);
    let there = settings.at(test);
    assert_eq!(there.market.min_mcycle_price, PriceAmount::Wei(Wei::from(1)));
    assert!(there.market.listen_only && there.batcher.withdraw);
    assert_eq!((there.market.min_deadline, there.market.peak_prove_khz), (70, 500));
    assert!(!settings.market.listen_only);

    refuses(
        r#"
[[venue]]
name = "base"
network = "base.json"
[venue.market]
peak_prove_khz = 5
min_deadlin = 3
max_mcycle_limit = 10
min_mcycle_limit = 11
[venue.monitor]
listen = "127.0.0.1:1"

[[venue]]
name = "base"
networks = "b.json"

[[venue]]
network = 3
"#,
        expect![[r#"
            line 6: venue base: market.peak_prove_khz is for the whole process; set it outside the venues
            line 7: venue base: market.min_deadlin is not a setting; did you mean min_deadline?
            line 9: venue base: market.min_mcycle_limit is 11 and max_mcycle_limit 10, so no request is left
            line 10: venue base: there is no section [venue.monitor]
            line 13: venue base: a venue needs a network
            line 13: venue base: another venue has the same name
            line 15: venue base: venue.networks is not a setting; did you mean network?
            line 17: a venue needs a name
            line 18: venue.network is 3, but must be a path, such as "data/cache""#]],
    );
    refuses(
        "[venue]\nname = \"x\"\n",
        expect!["line 1: venue is a list of tables; begin each with [[venue]]"],
    );
    refuses(
        "venue = [1]\n",
        expect!["line 1: venue is a list of tables; begin each with [[venue]]"],
    );
}

fn prices(eth: &str, zkc: &str) -> Prices {
    let fixed = |usd: &str| format!("\"{usd}\"");
    let text = format!("[price_oracle]\neth_usd = {}\nzkc_usd = {}\n", fixed(eth), fixed(zkc));
    Prices::fixed(&Settings::parse(&text).unwrap().settings.price_oracle, Timestamp(1))
}

#[test]
fn dollars_become_tokens_with_the_rounding_that_favours_the_limit() {
    let settings = Settings::default();
    let policy = settings.policy(&prices("3", "3"), Requestors::default().into());
    // 0.00002 / 3 and 10 / 3.
    assert_eq!(policy.floors.all, Some(Wei::from(6_666_666_666_667)));
    assert_eq!(policy.min_mcycle_price_collateral_token, Some(Collateral::from(6_666_666_666_667)));
    assert_eq!(policy.max_collateral, Some(Collateral::from(3_333_333_333_333_333_333)));
    let unknown = settings.policy(&Prices::default(), Requestors::default().into());
    assert_eq!((unknown.floors.all, unknown.max_collateral), (None, None));
    let risk = "[market]\nmax_stake_at_risk = \"5 USD\"\n";
    let risk = Settings::parse(risk).unwrap().settings;
    let unknown = risk.policy(&Prices::default(), Requestors::default().into());
    assert_eq!(unknown.max_stake_at_risk, Some(Collateral::ZERO), "unpriced is not unlimited");
}

#[test]
fn the_floor_of_races_follows_the_floor_of_locks_unless_it_is_set() {
    let parse = |text: &str| Settings::parse(text).unwrap().settings;
    let text = "[market]\nmin_mcycle_price = \"0.002 ETH\"\nmax_collateral = \"1 ZKC\"\n";
    let derived = parse(text);
    let at = prices("2000", "0.5");
    assert_eq!(derived.market.race_floor(&at), Some("8 ZKC".parse().unwrap()));
    assert_eq!(derived.market.race_floor(&Prices::default()), None);
    let policy = derived.policy(&Prices::default(), Requestors::default().into());
    assert_eq!(policy.min_mcycle_price_collateral_token, None);
    assert!(derived.needs_prices());
    let set = parse(&format!("{text}min_mcycle_price_collateral_token = \"1 ZKC\"\n"));
    assert_eq!(set.market.race_floor(&at), Some("1 ZKC".parse().unwrap()));
    assert!(!set.needs_prices());
    let free = parse(&text.replace("0.002 ETH", "0 ETH"));
    assert_eq!(free.market.race_floor(&Prices::default()), Some(Collateral::ZERO));
}

#[test]
fn files_that_cannot_be_read_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.toml");
    assert!(matches!(Settings::load(&path), Err(SettingsError::Read { .. })));
    std::fs::write(&path, vec![b' '; FILE_BYTES_MAX as usize + 1]).unwrap();
    assert!(matches!(Settings::load(&path), Err(SettingsError::Read { .. })));
    std::fs::write(&path, "[market]\nmin_deadlin = 1").unwrap();
    assert!(matches!(Settings::load(&path), Err(SettingsError::Refused { .. })));
    std::fs::write(&path, "").unwrap();
    assert_eq!(Settings::load(&path).unwrap().settings, Settings::default());
}

#[test]
fn secrets_are_not_shown() {
    let text = "[price_oracle.offchain.cmc]\napi_key = \"s3cr3t\"\n";
    let settings = Settings::parse(text).unwrap().settings;
    assert_eq!(settings.cmc.api_key.as_ref().unwrap().expose(), "s3cr3t");
    let other = Settings::parse(&text.replace("s3cr3t", "other")).unwrap().settings;
    let changes = settings.changes(&other);
    assert_eq!(changes.len(), 1, "another secret is a change");
    for said in [format!("{settings:?}"), format!("{changes:?}"), format!("{:?}", settings.flat())]
    {
        assert!(!said.contains("s3cr3t") && !said.contains("other"), "{said}");
    }
}

#[test]
fn changes_name_both_values_and_when_they_hold() {
    let parse = |text: &str| Settings::parse(text).unwrap().settings;
    let old = parse(
        "[market]\nmin_deadline = 70\nlookback_blocks = 5\n[[venue]]\nname = \"a\"\nnetwork = \"a.json\"\n",
    );
    let new = parse(
        "[market]\nmin_deadline = 80\nmax_order_expiry_secs = 9\n[[venue]]\nname = \"a\"\n\
         network = \"b.json\"\nmarket = { listen_only = true }\n[[venue]]\nname = \"b\"\nnetwork = \"b\"\n",
    );
    let said = |changes: Vec<Change>| {
        changes.iter().map(|change| format!("{change}\n")).collect::<String>()
    };
    expect![[r#"
        market.min_deadline: 70 -> 80
        market.max_order_expiry_secs: none -> 9
        market.lookback_blocks: 5 -> 300 (from the next start on)
        venue.a.network: "a.json" -> "b.json" (from the next start on)
        venue.a.market.listen_only: none -> true
        venue.b.name: none -> "b" (from the next start on)
        venue.b.network: none -> "b" (from the next start on)
    "#]]
    .assert_eq(&said(old.changes(&new)));
    expect![[r#"
        market.min_deadline: 80 -> 70
        market.max_order_expiry_secs: 9 -> none
        market.lookback_blocks: 300 -> 5 (from the next start on)
        venue.a.network: "b.json" -> "a.json" (from the next start on)
        venue.a.market.listen_only: true -> none
        venue.b.name: "b" -> none (from the next start on)
        venue.b.network: "b" -> none (from the next start on)
    "#]]
    .assert_eq(&said(new.changes(&old)));
    assert_eq!(old.changes(&old), []);
}

proptest! {
    /// No text makes the parser panic, and what it says names lines of the text.
    #[test]
    fn no_text_is_beyond_the_parser(text in "\\PC{0,200}") {
        let _ = Settings::parse(&text);
    }

    #[test]
    fn no_value_is_beyond_the_parser(
        row in 0..ROWS.len(),
        value in prop_oneof![
            "[-+]?[0-9_]{1,30}(\\.[0-9]{1,30})?",
            "\"[0-9.eE +-]{0,20} ?(ETH|USD|ZKC|wei)?\"",
            "\\[[^\\]]{0,20}\\]",
            "\\{[a-z]{0,8} = [^}]{0,20}\\}",
            "\\PC{0,40}",
        ],
    ) {
        let text = file(ROWS[row].0, &value);
        match Settings::parse(&text) {
            Ok(checked) => prop_assert_eq!(checked.settings.changes(&checked.settings), []),
            Err(problems) => {
                let lines = text.lines().count().max(1);
                prop_assert!(problems.0.iter().all(|problem| (1..=lines).contains(&problem.line)));
            }
        }
    }

    /// Amounts of both kinds survive being shown, whatever their size.
    #[test]
    fn amounts_are_shown_exactly(units in any::<u128>(), in_usd in any::<bool>()) {
        let unit = if in_usd { "USD" } else { "ETH" };
        let text = format!("\"{} {unit}\"", Usd::from(units).to_decimal_exact());
        let settings = Settings::parse(&file("market.min_mcycle_price", &text)).unwrap().settings;
        let flat = settings.flat();
        let shown = flat.iter().find(|row| row.key == "market.min_mcycle_price").unwrap();
        prop_assert_eq!(shown.value.as_deref(), Some(text.as_str()));
    }
}

#[test]
fn priority_requestors_may_bring_larger_files() {
    let policy = |text: &str| Settings::parse(text).unwrap().settings.fetch_policy("cache".into());
    let small = policy("[market]\nmax_file_size = 10\n");
    assert_eq!((small.max_bytes, for_priority(small.clone()).max_bytes), (10, 1 << 30));
    let large = policy("[market]\nmax_file_size = 2000000000\n");
    assert_eq!(for_priority(large).max_bytes, 2_000_000_000);
}
