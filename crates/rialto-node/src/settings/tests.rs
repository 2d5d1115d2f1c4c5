use super::*;
use expect_test::expect;
use proptest::prelude::*;
use rialto_planner::Requestors;
use rialto_protocol::{Timestamp, Usd};

mod keys;
mod refusals;

use keys::{ROWS, file};
use refusals::refuses;

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
