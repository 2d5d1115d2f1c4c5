//! `rialto request submit`: run the program here, then ask for its proof.
//!
//! Whatever can be wrong is found before anything is signed, and whatever is signed is checked by
//! the door through which provers let it in, before anything is sent.

use super::offer::{Circumstances, OfferArgs, check_time};
use super::predicate::PredicateArgs;
use super::publish::Shelf;
use super::wait;
use crate::failure::Failure;
use crate::journal::ShownJournal;
use crate::keys::{KeyArgs, KeysDirArgs};
use crate::network::{self, NetworkArgs, Wallet};
use crate::show::{Console, Facts, decimal, eth, rct, say};
use crate::workload::{self, Origin, Run, Workload, WorkloadArgs};
use crate::zkvm;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::Provider;
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use anyhow::{Context, Result};
use clap::Args;
use rialto_chain::{EndpointError, Market, Network};
use rialto_protocol::{
    Callback, Cycles, ImageId, Input, Offer, ProofRequest, RequestDigest, RequestId, Requirements,
    Selector, SignedRequest, Timestamp, Unverified, Wei, guest_env, registry,
};
use serde::Serialize;
use std::fmt;
use std::fs;
use std::path::PathBuf;
use url::Url;

/// Longer inputs are published instead of being put into the request: a byte on the chain costs.
const INLINE_BYTES_MAX: usize = 2 << 10;
/// Gas of a submission with a short input, generously.
const SUBMIT_GAS: u64 = 400_000;
/// Indices that are tried when the first ones are used up.
const INDICES_TRIED: u32 = 1_000;

/// Options of `rialto request submit`.
#[derive(Clone, Debug, Args)]
#[command(override_usage = "\
rialto request submit --program <PROGRAM> [INPUT] [OPTIONS]
       rialto request submit --signed <FILE> [OPTIONS]")]
#[command(after_help = "\
Examples:
  rialto request submit --program block-header --block examples/ethereum-block-24666352.json \\
      --key-file .rialto/devnet/keys/client.key --wait
  rialto request submit --program https://host/guest.elf --input-hex 0x0102 \\
      --max-price '0.002 ETH' --timeout 900 --key-file client.key
  rialto request submit … --dry-run > request.json          # sign, print, send nothing
  rialto request submit --signed request.json --key-file client.key

The program runs here first: its cycles set the offer's defaults, its journal is what the request
asks for, and a program that refuses its input costs nothing. If the account's balance in the market
is short of --max-price, the difference is deposited with the request. Prover nodes fetch programs
from http(s) URLs, or from artifact directories that their settings open (file_roots).")]
pub(crate) struct SubmitArgs {
    /// The program: `block-header` (built in), an ELF file, or its http(s) URL
    #[arg(long, value_name = "PROGRAM", required_unless_present = "signed")]
    pub(crate) program: Option<String>,

    #[command(flatten)]
    pub(crate) workload: WorkloadArgs,

    #[command(flatten)]
    pub(crate) network: NetworkArgs,

    #[command(flatten)]
    pub(crate) key: KeyArgs,

    #[command(flatten)]
    pub(crate) keys_dir: KeysDirArgs,

    /// Do not run the program before asking; give --max-price, and what the journal should be
    #[arg(long, requires = "max_price", help_heading = "Request")]
    pub(crate) no_preflight: bool,

    /// Directory where provers find program and input [default: the network's own]
    #[arg(long, value_name = "DIR", help_heading = "Request")]
    pub(crate) artifacts: Option<PathBuf>,

    /// Verifier or class that must accept the proof; 0x00000000 is the network's default
    #[arg(long, value_name = "SELECTOR", default_value_t = registry::DEFAULT,
          help_heading = "Request")]
    pub(crate) selector: Selector,

    /// The client's own number for the request [default: an unused one]
    #[arg(long, value_name = "N", help_heading = "Request")]
    pub(crate) index: Option<u32>,

    /// Submit this signed request, as --dry-run printed it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["program", "no_preflight", "dry_run"],
          help_heading = "Request")]
    pub(crate) signed: Option<PathBuf>,

    /// Sign and print the request as JSON; send nothing
    #[arg(long, conflicts_with = "wait", help_heading = "Request")]
    pub(crate) dry_run: bool,

    /// Wait until it is delivered or can no longer be, with a live line
    #[arg(long, help_heading = "Request")]
    pub(crate) wait: bool,

    #[command(flatten)]
    pub(crate) predicate: PredicateArgs,

    #[command(flatten)]
    pub(crate) offer: OfferArgs,
}

/// A request that is on the chain.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Submitted {
    /// Its id.
    pub(crate) request: RequestId,
    /// What was signed.
    pub(crate) digest: RequestDigest,
    /// Who pays.
    pub(crate) client: Address,
    /// The transaction that published it.
    pub(crate) tx: B256,
    /// Its block.
    pub(crate) block: u64,
    /// What was deposited with it.
    #[serde(rename = "deposited_wei", serialize_with = "decimal::string")]
    pub(crate) deposited: Wei,
    /// What the run here showed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) preflight: Option<Preflight>,
    /// Where provers get the program.
    pub(crate) image_url: String,
    /// What is paid, and by when.
    pub(crate) offer: ShownOffer,
}

/// What a run without proof showed.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Preflight {
    pub(crate) cycles: Cycles,
    pub(crate) segments: usize,
    pub(crate) image_id: ImageId,
    pub(crate) journal: ShownJournal,
}

/// An offer with amounts that machines can add up.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ShownOffer {
    #[serde(serialize_with = "decimal::string")]
    min_price_wei: Wei,
    #[serde(serialize_with = "decimal::string")]
    max_price_wei: Wei,
    #[serde(serialize_with = "decimal::string")]
    lock_collateral_raw: rialto_protocol::Collateral,
    bidding_start: Timestamp,
    ramp_up_period_s: u32,
    lock_timeout_s: u32,
    timeout_s: u32,
}

/// A request that may be sent.
struct Prepared {
    signed: SignedRequest,
    preflight: Option<Preflight>,
}

/// `rialto request submit`
pub(crate) async fn run(args: &SubmitArgs, console: Console) -> Result<()> {
    if args.dry_run {
        let key = args.key.load()?;
        let (network, market) = args.network.connect().await?;
        let prepared = prepare(args, &network, &market, (&key, console)).await?;
        let signed = prepared.signed.into_unverified();
        say(&serde_json::to_string_pretty(&signed).context("a request is plain JSON")?);
        return Ok(());
    }
    let submitted = submit(args, console).await?;
    console.report(&submitted);
    if !args.wait {
        let id = submitted.request;
        console.remark(&format!("\nFollow it with `rialto request status {id} --wait`."));
        return Ok(());
    }
    let (network, market) = args.network.connect().await?;
    wait::run(&network, &market, submitted.request, console).await
}

/// Runs, signs, checks and sends. Remarks go to `console`; nothing is printed as a result.
///
/// # Errors
/// If anything is not as it should be; then nothing was sent.
pub(crate) async fn submit(args: &SubmitArgs, console: Console) -> Result<Submitted> {
    let key = args.key.load()?;
    let network = args.network.load()?;
    let market = network::connect(&network).await?;
    let prepared = prepare(args, &network, &market, (&key, console)).await?;
    let request = prepared.signed.request().clone();
    let deposited = deposit(&market, &key, &request).await?;
    let spinner = console.spinner("sending the request");
    let wallet = Wallet::open(&market, key).await?;
    let digest = prepared.signed.digest();
    let call = market.submit_request(&prepared.signed.into_unverified(), deposited);
    let receipt = wallet.send("submit the request", call).await?;
    wallet.close().await;
    spinner.finish_and_clear();
    Ok(Submitted {
        request: request.id,
        digest,
        client: request.id.client(),
        tx: receipt.tx_hash,
        block: receipt.block.number.0,
        deposited,
        preflight: prepared.preflight,
        image_url: request.image_url,
        offer: (&request.offer).into(),
    })
}

/// Everything up to a signature that provers will accept.
async fn prepare(
    args: &SubmitArgs,
    network: &Network,
    market: &Market,
    (key, console): (&PrivateKeySigner, Console),
) -> Result<Prepared> {
    let now = market.endpoint().head().await?.timestamp;
    if let Some(path) = &args.signed {
        let signed = read_signed(path, market)?;
        check_time(&signed.request().offer, now)?;
        check_unused(market, signed.request().id).await?;
        return Ok(Prepared { signed, preflight: None });
    }
    let unrun = Circumstances { cycles: None, gas_price: gas_price(market).await?, now };
    // Arguments that contradict each other do so whatever the program costs.
    args.offer.check(&unrun)?;
    let program = args.program.as_deref().unwrap_or_default();
    let work = args.workload.load(program).await?;
    let zkvm = zkvm::open(&args.keys_dir).await?;
    let run = if args.no_preflight { None } else { Some(work.execute(&zkvm, console).await?) };
    if let Some(run) = &run {
        console.remark(&preflight_text(&work, run));
    }
    let image_id = match &run {
        Some(run) => run.image_id,
        None => workload::image_id(&work.name, work.elf.clone(), &zkvm).await?,
    };
    let predicate = args.predicate.predicate(image_id, run.as_ref())?;
    let offer =
        args.offer.offer(&Circumstances { cycles: run.as_ref().map(|run| run.cycles), ..unrun })?;
    let id = unused_id(market, key.address(), args.index).await?;
    let (image_url, input) = publish(args, network, &work).await?;
    let request = ProofRequest {
        id,
        requirements: Requirements {
            callback: Callback::default(),
            predicate,
            selector: args.selector,
        },
        image_url: image_url.into(),
        input,
        offer,
    };
    let digest = market.domain().request_digest(&request);
    let signature = key.sign_hash_sync(&digest.0).context("cannot sign the request")?;
    let signature = Bytes::from(signature.as_bytes());
    let signed = Unverified { request, signature }.verify(&market.domain())?;
    let preflight = run.map(|run| Preflight {
        cycles: run.cycles,
        segments: run.segments,
        image_id: run.image_id,
        journal: ShownJournal::new(run.image_id, &run.journal),
    });
    Ok(Prepared { signed, preflight })
}

fn preflight_text(work: &Workload, run: &Run) -> String {
    let facts = Facts::new()
        .with("program", run.image_id)
        .and(ShownJournal::new(run.image_id, &run.journal).facts());
    format!("{} ran here: {} cycles\n\n{facts}", work.name, run.cycles)
}

/// A request that somebody has signed, through the door that provers use.
fn read_signed(path: &PathBuf, market: &Market) -> Result<SignedRequest> {
    let name = path.display();
    let text = fs::read(path).with_context(|| {
        Failure::usage(format!("cannot read the signed request {name}"), "check its name")
    })?;
    let unverified: Unverified = serde_json::from_slice(&text).with_context(|| {
        let next = "give a file as `rialto request submit --dry-run` prints it";
        Failure::usage(format!("{name} is not a signed request"), next)
    })?;
    unverified.verify(&market.domain()).with_context(|| {
        let what = format!("{name} is not a request that provers will accept; nothing was sent");
        Failure::usage(what, "have the client sign it again, for this market and chain")
    })
}

async fn gas_price(market: &Market) -> Result<Wei> {
    let price = market.endpoint().provider().get_gas_price().await;
    let price =
        price.map_err(|source| EndpointError { operation: "tell the price of gas", source })?;
    Ok(Wei::from(price))
}

/// An id under which nothing was ever locked or delivered. The account's nonce is unique among
/// what the account submits itself.
async fn unused_id(market: &Market, client: Address, index: Option<u32>) -> Result<RequestId> {
    if let Some(index) = index {
        let id = RequestId::new(client, index);
        check_unused(market, id).await?;
        return Ok(id);
    }
    let nonce = market.endpoint().provider().get_transaction_count(client).pending().await;
    let nonce =
        nonce.map_err(|source| EndpointError { operation: "tell an account's nonce", source })?;
    let first = u32::try_from(nonce & u64::from(u32::MAX)).unwrap_or_default();
    for offset in 0..INDICES_TRIED {
        let id = RequestId::new(client, first.wrapping_add(offset));
        if !is_used(market, id).await? {
            return Ok(id);
        }
    }
    let what = format!("{INDICES_TRIED} request indices from {first} on are used already");
    Err(Failure::usage(what, "name a free one with --index").into())
}

async fn is_used(market: &Market, id: RequestId) -> Result<bool> {
    Ok(market.is_locked(id).await? || market.is_fulfilled(id).await?)
}

async fn check_unused(market: &Market, id: RequestId) -> Result<()> {
    if is_used(market, id).await? {
        let what = format!("request {id} was locked or delivered before; an id serves once");
        return Err(Failure::usage(what, "sign it under another --index").into());
    }
    Ok(())
}

/// Puts program and input where provers can get them.
async fn publish(args: &SubmitArgs, network: &Network, work: &Workload) -> Result<(Url, Input)> {
    let shelf = Shelf::open(args.artifacts.as_deref(), network)?;
    let needed = |what: &str| {
        let what = format!("provers would not find the {what}: there is no place to publish it");
        Failure::usage(what, "name a directory that their file_roots open, with --artifacts")
    };
    let image_url = match &work.origin {
        Origin::Web(url) => url.clone(),
        Origin::Here => {
            let shelf = shelf.as_ref().with_context(|| needed("program"))?;
            shelf.put(work.elf.clone()).await?
        }
    };
    let encoded = guest_env::encode(&work.stdin);
    if encoded.len() <= INLINE_BYTES_MAX {
        return Ok((image_url, Input::Inline(encoded)));
    }
    let shelf = shelf.with_context(|| needed("input"))?;
    Ok((image_url, Input::Url(shelf.put(encoded).await?.into())))
}

/// What must go with the request so that its highest price is covered; an error if the account
/// does not have it.
async fn deposit(market: &Market, key: &PrivateKeySigner, request: &ProofRequest) -> Result<Wei> {
    let (client, sender) = (request.id.client(), key.address());
    let max_price = request.offer.max_price;
    let in_market = market.balance_of(client).await?;
    let missing = max_price.saturating_sub(in_market);
    if sender != client && missing != Wei::ZERO {
        let what = format!(
            "client {client} has {} in the market, the request pays up to {}; {sender}, who sends \
             it, cannot deposit for the client",
            eth(in_market),
            eth(max_price)
        );
        return Err(Failure::refused(what, "have the client run `rialto account deposit`").into());
    }
    let own = market.endpoint().eth_balance(sender).await?;
    let gas = gas_price(market).await?.0.saturating_mul(U256::from(SUBMIT_GAS));
    let needed = Wei(missing.0.saturating_add(gas));
    if own < needed {
        let what = format!(
            "insufficient balance: {sender} has {} of its own and {} in the market; up to {} for \
             the proof, and gas, are needed",
            eth(own),
            eth(in_market),
            eth(max_price)
        );
        let next = format!("send {sender} ETH, or lower --max-price; nothing was sent");
        return Err(Failure::refused(what, next).into());
    }
    Ok(missing)
}

impl From<&Offer> for ShownOffer {
    fn from(offer: &Offer) -> Self {
        Self {
            min_price_wei: offer.min_price,
            max_price_wei: offer.max_price,
            lock_collateral_raw: offer.lock_collateral,
            bidding_start: offer.ramp_up_start,
            ramp_up_period_s: offer.ramp_up_period,
            lock_timeout_s: offer.lock_timeout,
            timeout_s: offer.timeout,
        }
    }
}

impl fmt::Display for ShownOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (min, max) = (eth(self.min_price_wei), eth(self.max_price_wei));
        write!(f, "{min} to {max} over {} s", self.ramp_up_period_s)
    }
}

impl fmt::Display for Submitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Request {} is on the chain, in block {}.\n", self.request, self.block)?;
        let deadlines = format!(
            "lock within {} s, deliver within {} s",
            self.offer.lock_timeout_s, self.offer.timeout_s
        );
        let deposited = (self.deposited != Wei::ZERO).then(|| eth(self.deposited));
        let facts = Facts::new()
            .with("offer", &self.offer)
            .with("deadlines", deadlines)
            .with("collateral", rct(self.offer.lock_collateral_raw))
            .with_some("deposited", deposited)
            .with("program", &self.image_url)
            .with("transaction", self.tx);
        facts.fmt(f)
    }
}
