//! What the demo ends with: who won what at which price, and whether the books balance.

use super::ledger::{Balances, Check};
use super::story::Chapter;
use crate::show::{eth, rct};
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use rialto_node::Outcome;
use rialto_protocol::{Collateral, Wei};
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};

/// The demo's result.
#[derive(Serialize)]
pub(crate) struct Report {
    requests: Vec<RequestRow>,
    accounts: Vec<AccountRow>,
    checks: Vec<Check>,
    dir: PathBuf,
}

/// One request. Amounts are wei and the collateral token's smallest unit.
#[derive(Serialize)]
struct RequestRow {
    request: &'static str,
    winner: Option<&'static str>,
    cycles: Option<u64>,
    outcome: Option<Outcome>,
    gas_used: u64,
    gas_wei: Wei,
    seconds_to_paid: Option<u64>,
    /// Why nobody took it.
    refusal: Option<String>,
}

/// One account, in its own hands and in the market together.
#[derive(Serialize)]
struct AccountRow {
    account: &'static str,
    eth_before: Wei,
    eth_after: Wei,
    collateral_before: Collateral,
    collateral_after: Collateral,
}

impl Report {
    pub(crate) fn new(
        chapters: &[Chapter],
        (before, after): (Balances, Balances),
        checks: Vec<Check>,
        dir: &Path,
    ) -> Self {
        let accounts = before.accounts.iter().zip(&after.accounts);
        let mut accounts: Vec<_> = accounts
            .map(|((account, _, was), (_, _, is))| AccountRow {
                account,
                eth_before: Wei(was.all_eth()),
                eth_after: Wei(is.all_eth()),
                collateral_before: Collateral(was.all_collateral()),
                collateral_after: Collateral(is.all_collateral()),
            })
            .collect();
        accounts.push(AccountRow {
            account: "burned",
            eth_before: Wei::ZERO,
            eth_after: Wei::ZERO,
            collateral_before: before.burned(),
            collateral_after: after.burned(),
        });
        let requests = chapters.iter().map(RequestRow::from).collect();
        Self { requests, accounts, checks, dir: dir.to_owned() }
    }
}

impl From<&Chapter> for RequestRow {
    fn from(chapter: &Chapter) -> Self {
        let winner = chapter.winner();
        let gas_used = winner.and_then(|(name, _)| chapter.gas_used.get(name)).copied();
        Self {
            request: chapter.title,
            winner: winner.map(|(name, _)| name),
            cycles: chapter.cycles.map(|cycles| cycles.0),
            outcome: winner.map(|(_, ending)| ending.how),
            gas_used: gas_used.unwrap_or_default(),
            gas_wei: winner.map_or(Wei::ZERO, |(_, ending)| ending.gas),
            seconds_to_paid: winner.map(|(_, ending)| ending.after_s),
            refusal: chapter.refusals.values().next().filter(|_| winner.is_none()).cloned(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{}", self.requests_table())?;
        for row in &self.requests {
            if let Some(refusal) = &row.refusal {
                writeln!(f, "  {}: {refusal}", row.request)?;
            }
        }
        writeln!(f, "\n{}", self.accounts_table())?;
        for check in &self.checks {
            writeln!(f, "  {} {}", if check.holds { "✓" } else { "✗" }, check.claim)?;
        }
        let dir = self.dir.display();
        writeln!(f, "\nlogs       {dir}/logs")?;
        writeln!(f, "logbooks   {dir}/<node>/logbook.sqlite")?;
        write!(f, "artifacts  {dir}/artifacts (program), {dir}/<node>/artifacts (inputs, proofs)")
    }
}

impl Report {
    fn requests_table(&self) -> Table {
        let mut table = table(&[
            "request",
            "winner",
            "cycles",
            "price",
            "gas",
            "gas cost",
            "s to paid",
            "profit",
        ]);
        let dash = || "–".to_owned();
        for row in &self.requests {
            let (price, profit) =
                row.outcome.map_or((dash(), dash()), |how| earned(how, row.gas_wei));
            table.add_row([
                row.request.to_owned(),
                row.winner.unwrap_or("nobody: unprofitable").to_owned(),
                row.cycles.map_or_else(dash, |cycles| cycles.to_string()),
                price,
                row.winner.map_or_else(dash, |_| row.gas_used.to_string()),
                row.winner.map_or_else(dash, |_| eth(row.gas_wei)),
                row.seconds_to_paid.map_or_else(dash, |seconds| seconds.to_string()),
                profit,
            ]);
        }
        table
    }

    fn accounts_table(&self) -> Table {
        let mut table =
            table(&["account", "ETH before", "ETH after", "collateral before", "collateral after"]);
        for row in &self.accounts {
            table.add_row([
                row.account.to_owned(),
                eth(row.eth_before),
                eth(row.eth_after),
                rct(row.collateral_before),
                rct(row.collateral_after),
            ]);
        }
        table
    }
}

/// Price and profit, in words.
fn earned(how: Outcome, gas: Wei) -> (String, String) {
    match how {
        Outcome::Paid { price } => match price.checked_sub(gas) {
            Some(gain) => (eth(price), eth(gain)),
            None => (eth(price), format!("-{}", eth(gas.saturating_sub(price)))),
        },
        Outcome::RaceWon { reward } => {
            (format!("{} (race)", rct(reward)), format!("{} - {}", rct(reward), eth(gas)))
        }
        _ => ("–".into(), "–".into()),
    }
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(header.to_vec());
    for index in 1..header.len() {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
