//! The demo's requester: what it asks for, and what the work is worth.

use super::stage::Stage;
use crate::workload::EXAMPLE_BLOCK;
use alloy::providers::Provider;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result};
use block_header_core::host;
use rialto_chain::sender::{Sender, SenderConfig};
use rialto_chain::{Market, SendOptions};
use rialto_protocol::{
    Callback, Collateral, Cycles, Input, Journal, Offer, Predicate, ProofRequest, RequestId,
    Requirements, SignedRequest, Timestamp, Unverified, Wei, guest_env, registry,
};
use rialto_zkvm::{ExecutionLimits, KeyStore, OpenVm, Zkvm};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use url::Url;

/// What a request costs a prover now: the unit in which the demo's prices are set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// Gas of a lock and a fulfilment at the current price of gas, with a margin.
    pub(crate) gas: Wei,
    /// Cycles of the one-header program run.
    pub(crate) cycles: Cycles,
}

/// What to ask for.
pub(crate) struct Ask {
    pub(crate) title: &'static str,
    headers: usize,
    min_price: Wei,
    max_price: Wei,
    ramp_s: u32,
    lock_s: u32,
    timeout_s: u32,
}

impl Ask {
    /// Taken by the cheaper prover within seconds.
    pub(crate) fn one_header(terms: &Terms) -> Self {
        Self { title: "one header", headers: 1, ..Self::between(terms, 10, 80) }
    }

    /// Comes when the cheaper prover is busy: the other takes it, for more.
    pub(crate) fn two_headers(terms: &Terms) -> Self {
        Self { title: "two headers", headers: 2, ..Self::between(terms, 10, 100) }
    }

    /// Pays less than gas and the lowest floor come to.
    pub(crate) fn too_cheap(terms: &Terms) -> Self {
        Self { title: "too cheap", headers: 1, ..Self::between(terms, 1, 8) }
    }

    /// Its locker will be killed: the lock lapses soon.
    pub(crate) fn abandoned(terms: &Terms) -> Self {
        let usual = Self::between(terms, 10, 160);
        Self { title: "abandoned", headers: 3, lock_s: 100, timeout_s: 240, ..usual }
    }

    /// Prices in tenths of what gas costs.
    fn between(terms: &Terms, min: u128, max: u128) -> Self {
        let tenths = |n: u128| Wei(terms.gas.0 * alloy::primitives::U256::from(n) / TEN);
        Self {
            title: "",
            headers: 1,
            min_price: tenths(min),
            max_price: tenths(max),
            ramp_s: 20,
            lock_s: 180,
            timeout_s: 360,
        }
    }
}

/// Seconds between a request and its ramp, so that every prover has judged it when prices rise.
const LEAD_S: u64 = 8;

const TEN: alloy::primitives::U256 = alloy::primitives::uint!(10_U256);

impl Terms {
    /// Gas assumed for an order: a lock and a fulfilment, as the nodes' settings assume it.
    const GAS: u64 = 450_000;

    /// A node whose floor makes a one-header proof worth `multiple` times its gas.
    pub(crate) fn node_config(&self, multiple: u32, file_root: &Path) -> String {
        let per_mcycle = self.gas.0
            * alloy::primitives::U256::from(1_000_000 * u64::from(multiple))
            / alloy::primitives::U256::from(self.cycles.0.max(1));
        format!(
            "[market]\n\
             min_mcycle_price = \"{per_mcycle} wei\"\n\
             min_mcycle_price_collateral_token = \"0 ZKC\"\n\
             max_collateral = \"20 ZKC\"\n\
             min_deadline = 10\n\
             peak_prove_khz = 20\n\
             max_concurrent_proofs = 1\n\
             max_concurrent_preflights = 1\n\
             [artifacts]\n\
             file_roots = [{file_root:?}]\n"
        )
    }
}

/// Asks, signs and pays.
pub(crate) struct Requester {
    market: Market,
    sender: Sender,
    key: PrivateKeySigner,
    program_url: Url,
    zkvm: OpenVm,
    block: Value,
    next_index: AtomicU32,
    last_deadline: AtomicU64,
}

/// Puts the program where the nodes may fetch it from.
fn publish(folder: &Path) -> Result<Url> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join("block-header.elf");
    std::fs::write(&path, host::PROGRAM)?;
    Url::from_file_path(&path).ok().context("the demo's folder is an absolute path")
}

impl Requester {
    pub(crate) async fn new(stage: &Stage, market: Market) -> Result<Self> {
        let key = stage.client().clone();
        let endpoint = market.endpoint().clone();
        let (sender, task) =
            Sender::open(endpoint, key.clone(), SenderConfig::default(), Arc::new(())).await?;
        tokio::spawn(task.run());
        Ok(Self {
            market,
            sender,
            key,
            program_url: publish(&stage.artifacts())?,
            zkvm: OpenVm::load(&KeyStore::in_directory(crate::keys::proving_keys_dir()?))?,
            block: serde_json::from_str(EXAMPLE_BLOCK)?,
            next_index: AtomicU32::new(1),
            last_deadline: AtomicU64::new(0),
        })
    }

    /// What the work is worth now.
    pub(crate) async fn terms(&self) -> Result<Terms> {
        let price = self.market.endpoint().provider().get_gas_price().await?;
        let (_, cycles, _) = self.preflight(1)?;
        let gas = Wei::from(price.saturating_mul(Terms::GAS.into()));
        Ok(Terms { gas, cycles })
    }

    /// The latest deadline of what was asked.
    pub(crate) fn last_deadline(&self) -> Timestamp {
        Timestamp(self.last_deadline.load(Ordering::Relaxed))
    }

    /// Input, cycles and journal for a chain of the real header and made children.
    fn preflight(&self, headers: usize) -> Result<(Vec<u8>, Cycles, Journal)> {
        let input = host::input_of_made_chain(&self.block, headers)?;
        let limits = ExecutionLimits {
            cycles_max: Cycles(1_000_000_000),
            memory_max_bytes: 512 << 20,
            journal_max_bytes: 10_000,
        };
        let run = self.zkvm.execute(host::PROGRAM, &input, &limits)?;
        Ok((input, run.cycles, run.journal))
    }

    /// Runs the program here first, then signs and submits, with the deposit.
    pub(crate) async fn ask(&self, ask: Ask) -> Result<(SignedRequest, Cycles)> {
        let (input, cycles, journal) = self.preflight(ask.headers)?;
        let image_id = self.zkvm.image_id(host::PROGRAM)?;
        let start = self.market.endpoint().head().await?.timestamp.saturating_add(LEAD_S);
        let offer = Offer {
            min_price: ask.min_price,
            max_price: ask.max_price,
            ramp_up_start: start,
            ramp_up_period: ask.ramp_s,
            lock_timeout: ask.lock_s,
            timeout: ask.timeout_s,
            lock_collateral: Collateral::from(10_000_000_000_000_000_000),
        };
        self.last_deadline.fetch_max(offer.deadline().0, Ordering::Relaxed);
        let index = self.next_index.fetch_add(1, Ordering::Relaxed);
        let request = ProofRequest {
            id: RequestId::new(self.key.address(), index),
            requirements: Requirements {
                callback: Callback::default(),
                predicate: Predicate::DigestMatch { image_id, journal_sha256: journal.sha256() },
                selector: registry::DEFAULT,
            },
            image_url: self.program_url.to_string(),
            input: Input::Inline(guest_env::encode(&input)),
            offer,
        };
        let domain = self.market.domain();
        let signature = self.key.sign_hash_sync(&domain.request_digest(&request).0)?;
        let unverified = Unverified { request, signature: signature.as_bytes().into() };
        let signed = unverified.clone().verify(&domain)?;
        let call = self.market.submit_request(&unverified, ask.max_price);
        self.sender.send(call, SendOptions::default()).await?.outcome().await?;
        Ok((signed, cycles))
    }
}
