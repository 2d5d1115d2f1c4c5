//! `rialto account`: an account's money in the market: ETH to pay with, collateral to lock with.

use crate::amount;
use crate::failure::Failure;
use crate::keys::KeyArgs;
use crate::network::{NetworkArgs, Wallet};
use crate::show::{Console, Facts, decimal, eth, rct};
use alloy::primitives::{Address, B256};
use anyhow::Result;
use clap::{Args, Subcommand};
use rialto_chain::{Market, Receipt};
use rialto_protocol::{Collateral, Wei};
use serde::Serialize;
use std::fmt;

/// `rialto account …`
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Deposit ETH, from which requests are paid
    Deposit(MoveArgs<EthAmount>),
    /// Take ETH out
    Withdraw(MoveArgs<EthAmount>),
    /// Show ETH in the market and in the account's own hands
    Balance(BalanceArgs),
    /// Deposit collateral tokens, from which locks are secured
    DepositCollateral(MoveArgs<CollateralAmount>),
    /// Take collateral out
    WithdrawCollateral(MoveArgs<CollateralAmount>),
    /// Show collateral in the market and in the account's own hands
    CollateralBalance(BalanceArgs),
}

/// An amount of ETH as an argument.
#[derive(Clone, Debug, Args)]
pub(crate) struct EthAmount {
    /// How much, with its unit: '0.5 ETH', 30gwei
    #[arg(value_parser = amount::wei)]
    pub(crate) amount: Wei,
}

/// An amount of collateral as an argument.
#[derive(Clone, Debug, Args)]
pub(crate) struct CollateralAmount {
    /// How much, with its unit: '100 RCT'
    #[arg(value_parser = amount::collateral)]
    pub(crate) amount: Collateral,
}

/// Options of what moves money.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto account deposit '0.5 ETH' --key-file client.key
  rialto account withdraw 200000gwei --key-file client.key
  rialto account deposit-collateral '100 RCT' --key-file prover.key
  RIALTO_PRIVATE_KEY=$(pass show prover) rialto account withdraw-collateral 5RCT")]
pub(crate) struct MoveArgs<A: Args> {
    #[command(flatten)]
    pub(crate) amount: A,

    #[command(flatten)]
    pub(crate) network: NetworkArgs,

    #[command(flatten)]
    pub(crate) key: KeyArgs,
}

/// Options of what only looks.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto account balance --key-file client.key
  rialto account collateral-balance --address 0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf --json")]
pub(crate) struct BalanceArgs {
    /// Whose balance [default: the key's]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) address: Option<Address>,

    #[command(flatten)]
    pub(crate) network: NetworkArgs,

    #[command(flatten)]
    pub(crate) key: KeyArgs,
}

/// An account's ETH.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct EthBalance {
    account: Address,
    #[serde(serialize_with = "decimal::string")]
    market_wei: Wei,
    #[serde(serialize_with = "decimal::string")]
    own_wei: Wei,
}

/// An account's collateral.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CollateralBalance {
    account: Address,
    token: Address,
    #[serde(serialize_with = "decimal::string")]
    market_raw: Collateral,
    #[serde(serialize_with = "decimal::string")]
    own_raw: Collateral,
}

/// What a transaction did, with the balance after it.
#[derive(Debug, Serialize)]
struct Moved<B> {
    #[serde(skip)]
    what: String,
    tx: B256,
    block: u64,
    gas_used: u64,
    balance: B,
}

/// `rialto account …`
pub(crate) async fn run(command: &AccountCommand, console: Console) -> Result<()> {
    match command {
        AccountCommand::Balance(args) => {
            let (market, account) = args.open().await?;
            console.report(&EthBalance::read(&market, account).await?);
            Ok(())
        }
        AccountCommand::CollateralBalance(args) => {
            let (market, account) = args.open().await?;
            console.report(&CollateralBalance::read(&market, account).await?);
            Ok(())
        }
        AccountCommand::Deposit(args) => deposit(args, console).await,
        AccountCommand::Withdraw(args) => withdraw(args, console).await,
        AccountCommand::DepositCollateral(args) => deposit_collateral(args, console).await,
        AccountCommand::WithdrawCollateral(args) => withdraw_collateral(args, console).await,
    }
}

async fn deposit(args: &MoveArgs<EthAmount>, console: Console) -> Result<()> {
    let (market, wallet) = args.open().await?;
    let amount = args.amount.amount;
    let balance = EthBalance::read(&market, wallet.address()).await?;
    if balance.own_wei < amount {
        let what = format!(
            "{} has {} of its own, less than the {} to deposit",
            balance.account,
            eth(balance.own_wei),
            eth(amount)
        );
        return Err(Failure::refused(what, "deposit less, or send the account ETH first").into());
    }
    let what = format!("Deposited {}", eth(amount));
    let receipt = wallet.send("deposit ETH", market.deposit(amount)).await?;
    let balance = EthBalance::read(&market, wallet.address()).await?;
    console.report(&Moved::new(what, &receipt, balance));
    wallet.close().await;
    Ok(())
}

async fn withdraw(args: &MoveArgs<EthAmount>, console: Console) -> Result<()> {
    let (market, wallet) = args.open().await?;
    let amount = args.amount.amount;
    let balance = EthBalance::read(&market, wallet.address()).await?;
    if balance.market_wei < amount {
        let what = format!(
            "{} has {} in the market, less than the {} to withdraw",
            balance.account,
            eth(balance.market_wei),
            eth(amount)
        );
        let next = "withdraw less; what locked requests hold comes back when they are over";
        return Err(Failure::refused(what, next).into());
    }
    let what = format!("Withdrew {}", eth(amount));
    let receipt = wallet.send("withdraw ETH", market.withdraw(amount)).await?;
    let balance = EthBalance::read(&market, wallet.address()).await?;
    console.report(&Moved::new(what, &receipt, balance));
    wallet.close().await;
    Ok(())
}

async fn deposit_collateral(args: &MoveArgs<CollateralAmount>, console: Console) -> Result<()> {
    let (market, wallet) = args.open().await?;
    let amount = args.amount.amount;
    let balance = CollateralBalance::read(&market, wallet.address()).await?;
    if balance.own_raw < amount {
        let what = format!(
            "{} has {} of its own, less than the {} to deposit",
            balance.account,
            rct(balance.own_raw),
            rct(amount)
        );
        let next = format!("deposit less, or obtain tokens of {} first", balance.token);
        return Err(Failure::refused(what, next).into());
    }
    let mut last = None;
    for call in market.collateral_deposit_calls(wallet.address(), amount).await? {
        last = Some(wallet.send("deposit collateral", call).await?);
    }
    let receipt = last.expect("a deposit takes at least one call");
    let balance = CollateralBalance::read(&market, wallet.address()).await?;
    console.report(&Moved::new(format!("Deposited {}", rct(amount)), &receipt, balance));
    wallet.close().await;
    Ok(())
}

async fn withdraw_collateral(args: &MoveArgs<CollateralAmount>, console: Console) -> Result<()> {
    let (market, wallet) = args.open().await?;
    let amount = args.amount.amount;
    let balance = CollateralBalance::read(&market, wallet.address()).await?;
    if balance.market_raw < amount {
        let what = format!(
            "{} has {} in the market that is not at stake, less than the {} to withdraw",
            balance.account,
            rct(balance.market_raw),
            rct(amount)
        );
        let next = "withdraw less; what locks hold comes back when they are delivered";
        return Err(Failure::refused(what, next).into());
    }
    let receipt = wallet.send("withdraw collateral", market.withdraw_collateral(amount)).await?;
    let balance = CollateralBalance::read(&market, wallet.address()).await?;
    console.report(&Moved::new(format!("Withdrew {}", rct(amount)), &receipt, balance));
    wallet.close().await;
    Ok(())
}

impl<A: Args> MoveArgs<A> {
    async fn open(&self) -> Result<(Market, Wallet)> {
        let key = self.key.load()?;
        let (_, market) = self.network.connect().await?;
        let wallet = Wallet::open(&market, key).await?;
        Ok((market, wallet))
    }
}

impl BalanceArgs {
    async fn open(&self) -> Result<(Market, Address)> {
        let account = match self.address {
            Some(address) => address,
            None => self.key.load()?.address(),
        };
        let (_, market) = self.network.connect().await?;
        Ok((market, account))
    }
}

impl EthBalance {
    async fn read(market: &Market, account: Address) -> Result<Self> {
        Ok(Self {
            account,
            market_wei: market.balance_of(account).await?,
            own_wei: market.endpoint().eth_balance(account).await?,
        })
    }
}

impl CollateralBalance {
    async fn read(market: &Market, account: Address) -> Result<Self> {
        Ok(Self {
            account,
            token: market.collateral_token(),
            market_raw: market.collateral_of(account).await?,
            own_raw: market.token_balance_of(account).await?,
        })
    }
}

impl<B> Moved<B> {
    fn new(what: String, receipt: &Receipt, balance: B) -> Self {
        let Receipt { tx_hash, block, gas_used, .. } = receipt;
        Self { what, tx: *tx_hash, block: block.number.0, gas_used: *gas_used, balance }
    }
}

impl fmt::Display for EthBalance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = Facts::new()
            .with("account", self.account)
            .with("in the market", eth(self.market_wei))
            .with("of its own", eth(self.own_wei));
        facts.fmt(f)
    }
}

impl fmt::Display for CollateralBalance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = Facts::new()
            .with("account", self.account)
            .with("in the market", format!("{} not at stake", rct(self.market_raw)))
            .with("of its own", rct(self.own_raw));
        facts.fmt(f)
    }
}

impl<B: fmt::Display> fmt::Display for Moved<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, tx, block, gas_used, balance } = self;
        writeln!(f, "{what} in block {block} ({gas_used} gas, transaction {tx}).\n")?;
        balance.fmt(f)
    }
}
