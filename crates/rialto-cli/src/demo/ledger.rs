//! Everybody's money before and after, and whether it adds up.

use alloy::eips::BlockNumberOrTag;
use alloy::network::ReceiptResponse;
use alloy::primitives::{Address, I256, U256};
use alloy::providers::Provider;
use anyhow::{Context, Result};
use rialto_chain::Market;
use rialto_protocol::{Collateral, Wei};
use serde::Serialize;
use std::collections::HashMap;

/// Where slashed collateral goes to be out of circulation.
const BURNED: Address = alloy::primitives::address!("000000000000000000000000000000000000dEaD");

/// What one account holds, in its own hands and in the market.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holdings {
    pub(crate) eth: Wei,
    pub(crate) eth_in_market: Wei,
    pub(crate) collateral: Collateral,
    pub(crate) collateral_in_market: Collateral,
}

impl Holdings {
    async fn of(market: &Market, account: Address) -> Result<Self> {
        Ok(Self {
            eth: market.endpoint().eth_balance(account).await?,
            eth_in_market: market.balance_of(account).await?,
            collateral: market.token_balance_of(account).await?,
            collateral_in_market: market.collateral_of(account).await?,
        })
    }

    /// ETH wherever it lies.
    pub(crate) fn all_eth(&self) -> U256 {
        self.eth.0 + self.eth_in_market.0
    }

    /// Collateral wherever it lies.
    pub(crate) fn all_collateral(&self) -> U256 {
        self.collateral.0 + self.collateral_in_market.0
    }
}

/// A moment's holdings of everybody.
pub(crate) struct Balances {
    /// By name, in the order asked.
    pub(crate) accounts: Vec<(&'static str, Address, Holdings)>,
    market_eth: Wei,
    market_tokens: Collateral,
    treasury: Holdings,
    burned: Collateral,
    block: u64,
}

impl Balances {
    /// Reads them all.
    pub(crate) async fn read(market: &Market, who: &[(&'static str, Address)]) -> Result<Self> {
        let mut accounts = Vec::with_capacity(who.len());
        for (name, address) in who {
            accounts.push((*name, *address, Holdings::of(market, *address).await?));
        }
        Ok(Self {
            accounts,
            market_eth: market.endpoint().eth_balance(market.address()).await?,
            market_tokens: market.token_balance_of(market.address()).await?,
            treasury: Holdings::of(market, market.address()).await?,
            burned: market.token_balance_of(BURNED).await?,
            block: market.endpoint().head().await?.block.number.0,
        })
    }

    pub(crate) fn burned(&self) -> Collateral {
        self.burned
    }
}

/// One sum that must come out.
#[derive(Serialize)]
pub(crate) struct Check {
    /// What is claimed.
    pub(crate) claim: String,
    /// Whether it holds.
    pub(crate) holds: bool,
}

/// Compares two moments: nothing may have appeared or vanished but gas.
pub(crate) async fn checks(
    market: &Market,
    before: &Balances,
    after: &Balances,
) -> Result<Vec<Check>> {
    let gas = gas_between(market, before, after).await?;
    let total = |moment: &Balances| -> U256 {
        moment.accounts.iter().map(|(_, _, holdings)| holdings.all_eth()).sum()
    };
    let gas_total: U256 = gas.values().copied().sum();
    let eth_change = I256::from_raw(total(after)) - I256::from_raw(total(before));
    let in_market = |moment: &Balances| -> U256 {
        let accounts = moment.accounts.iter().map(|(_, _, holdings)| holdings.eth_in_market.0);
        accounts.sum::<U256>() + moment.treasury.eth_in_market.0
    };
    let collateral_in_market = |moment: &Balances| -> U256 {
        let accounts =
            moment.accounts.iter().map(|(_, _, holdings)| holdings.collateral_in_market.0);
        accounts.sum::<U256>() + moment.treasury.collateral_in_market.0
    };
    let all_collateral = |moment: &Balances| -> U256 {
        let accounts = moment.accounts.iter().map(|(_, _, holdings)| holdings.all_collateral());
        accounts.sum::<U256>() + moment.treasury.collateral_in_market.0 + moment.burned.0
    };
    Ok(vec![
        Check {
            claim: format!(
                "ETH: what everybody lost together is the gas they paid, {} ETH",
                Wei(gas_total).to_eth_down()
            ),
            holds: eth_change == -I256::from_raw(gas_total),
        },
        Check {
            claim: "ETH: the market holds what its accounts own, nothing is left in escrow".into(),
            holds: in_market(after) == after.market_eth.0,
        },
        Check {
            claim: "collateral: the market holds what its accounts own, no lock holds any".into(),
            holds: collateral_in_market(after) == after.market_tokens.0,
        },
        Check {
            claim: format!(
                "collateral: owned plus burned is unchanged; {} burned",
                Collateral(after.burned.0 - before.burned.0).to_tokens_down()
            ),
            holds: all_collateral(before) == all_collateral(after),
        },
    ])
}

/// What the named accounts paid for gas between the two moments, from the chain's own receipts.
async fn gas_between(
    market: &Market,
    before: &Balances,
    after: &Balances,
) -> Result<HashMap<Address, U256>> {
    let named: Vec<Address> = before.accounts.iter().map(|(_, address, _)| *address).collect();
    let mut paid = HashMap::new();
    for number in before.block + 1..=after.block {
        let block = BlockNumberOrTag::Number(number).into();
        let receipts = market.endpoint().provider().get_block_receipts(block).await?;
        for receipt in receipts.context("the chain forgot a block")? {
            if named.contains(&receipt.from()) {
                let cost =
                    U256::from(receipt.gas_used()) * U256::from(receipt.effective_gas_price());
                *paid.entry(receipt.from()).or_default() += cost;
            }
        }
    }
    Ok(paid)
}
