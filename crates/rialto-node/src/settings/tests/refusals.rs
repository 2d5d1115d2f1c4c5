//! What is no configuration is refused with what was wrong, where, and what would be right.

use super::*;
use expect_test::Expect;

pub(super) fn refuses(text: &str, expected: Expect) {
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
