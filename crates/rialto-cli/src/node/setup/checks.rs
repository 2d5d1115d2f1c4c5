//! Whether everything is there that a node needs, and what to do about what is not.

use crate::keys::KeysDirArgs;
use crate::network;
use crate::show::{Console, eth, rct};
use crate::zkvm;
use alloy::primitives::Address;
use alloy::providers::Provider;
use anyhow::Result;
use rialto_artifacts::{FetchPolicy, Fetcher};
use rialto_chain::{Market, Network};
use rialto_node::Settings;
use rialto_node::prices::{PriceOracle, Prices};
use rialto_protocol::{Collateral, Wei};
use serde::Serialize;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// One thing that a node needs.
#[derive(Debug, Serialize)]
struct Check {
    what: &'static str,
    is_there: bool,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_step: Option<String>,
}

/// All of them.
#[derive(Debug, Serialize)]
pub(super) struct Checks {
    prover: Address,
    checks: Vec<Check>,
}

impl Checks {
    /// Looks at everything; what cannot be looked at is missing.
    pub(super) async fn make(
        network: &Network,
        settings: &Settings,
        prover: Address,
        keys: &KeysDirArgs,
        console: Console,
    ) -> Self {
        let spinner = console.spinner("looking at chain, attesters, prices and prover");
        let mut checks = Vec::new();
        match network::connect(network).await {
            Ok(market) => {
                let found = format!("market {} on chain {}", network.market, network.chain_id);
                checks.push(Check::there("chain", found));
                checks.extend(balances(&market, prover).await);
            }
            Err(error) => {
                let next = "start the chain, or correct rpc_url in the network file";
                checks.push(Check::missing("chain", format!("{error:#}"), next));
            }
        }
        checks.push(attesters(network).await);
        checks.extend(prices(network, settings).await);
        checks.push(zkvm_loads(keys).await);
        spinner.finish_and_clear();
        Self { prover, checks }
    }

    /// How many are missing.
    pub(super) fn missing(&self) -> usize {
        self.checks.iter().filter(|check| !check.is_there).count()
    }
}

impl Check {
    fn there(what: &'static str, found: String) -> Self {
        Self { what, is_there: true, found, next_step: None }
    }

    fn missing(what: &'static str, found: String, next_step: impl Into<String>) -> Self {
        Self { what, is_there: false, found, next_step: Some(next_step.into()) }
    }

    fn of(what: &'static str, outcome: Result<String>, next_step: &str) -> Self {
        match outcome {
            Ok(found) => Self::there(what, found),
            Err(error) => Self::missing(what, format!("{error:#}"), next_step),
        }
    }
}

async fn balances(market: &Market, prover: Address) -> Vec<Check> {
    let wei = market.endpoint().provider().get_balance(prover).await.map(Wei);
    let gas = match wei {
        Ok(wei) if wei > Wei::ZERO => Check::there("gas", format!("{} in the account", eth(wei))),
        Ok(_) => {
            let next = format!("send ETH to {prover}");
            Check::missing("gas", "the account has no ETH".to_owned(), next)
        }
        Err(error) => Check::missing("gas", error.to_string(), "try again"),
    };
    let collateral = match market.collateral_of(prover).await {
        Ok(collateral) if collateral > Collateral::ZERO => {
            let found = format!("{} free in the market", rct(collateral));
            Check::there("collateral", found)
        }
        Ok(_) => {
            let next = "rialto account deposit-collateral '100 RCT' --key-file FILE";
            Check::missing(
                "collateral",
                "none in the market, so nothing can be locked".into(),
                next,
            )
        }
        Err(error) => Check::missing("collateral", error.to_string(), "try again"),
    };
    vec![gas, collateral]
}

/// Enough of them must answer for a seal.
async fn attesters(network: &Network) -> Check {
    let policy = FetchPolicy {
        max_bytes: 4_096,
        attempts: 1,
        timeout: Duration::from_secs(5),
        allow_private_hosts: true,
        ..FetchPolicy::default()
    };
    let next = "start them, or correct their URLs in the network file";
    let fetcher = match Fetcher::new(policy) {
        Ok(fetcher) => fetcher,
        Err(error) => return Check::missing("attesters", error.to_string(), next),
    };
    let mut answering = 0;
    for attester in &network.attesters {
        let health = attester.url.join("health").map(String::from);
        if let Ok(url) = health {
            answering += usize::from(fetcher.fetch(&url).await.is_ok());
        }
    }
    let (count, needed) = (network.attesters.len(), network.threshold);
    let found = format!("{answering} of {count} answer, {needed} must");
    match answering >= needed {
        true => Check::there("attesters", found),
        false => Check::missing("attesters", found, next),
    }
}

/// Only if an amount is in dollars.
async fn prices(network: &Network, settings: &Settings) -> Option<Check> {
    if !settings.needs_prices() {
        return None;
    }
    let current = watch::Sender::new(Arc::new(settings.clone()));
    let mut oracle = PriceOracle::new(current.subscribe(), Some(network.rpc_url.clone()));
    let troubles = oracle.refresh().await;
    let Prices { eth_usd, zkc_usd } = *oracle.subscribe().borrow();
    Some(match (eth_usd, zkc_usd) {
        (Some(eth), Some(zkc)) => {
            let found = format!(
                "ETH {} USD, ZKC {} USD",
                eth.usd.to_decimal_exact(),
                zkc.usd.to_decimal_exact()
            );
            Check::there("prices", found)
        }
        _ => {
            let first = troubles.first().map(ToString::to_string).unwrap_or_default();
            let found = format!("amounts in dollars cannot be converted: {first}");
            let next = "fix price_oracle.eth_usd and zkc_usd, or give amounts in ETH and ZKC";
            Check::missing("prices", found, next)
        }
    })
}

async fn zkvm_loads(keys: &KeysDirArgs) -> Check {
    let began = Instant::now();
    let loaded = zkvm::open(keys).await;
    let found = loaded
        .map(|zkvm| format!("{} loaded in {:.1} s", zkvm.name(), began.elapsed().as_secs_f64()));
    Check::of("prover", found, "look at the directory of proving keys, --keys-dir")
}

impl fmt::Display for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Prover {}\n", self.prover)?;
        for Check { what, is_there, found, next_step } in &self.checks {
            let mark = if *is_there { "ok     " } else { "MISSING" };
            writeln!(f, "  {mark}  {what:<10}  {found}")?;
            if let Some(next) = next_step {
                writeln!(f, "           {:<10}  -> {next}", "")?;
            }
        }
        match self.missing() {
            0 => write!(f, "\nEverything is there: `rialto node run --config …` starts the node."),
            _ => Ok(()),
        }
    }
}
