//! `rialto node pnl`: what nodes have earned, spent and lost.

use super::records::RecordArgs;
use crate::show::{Console, eth, rct};
use alloy::primitives::I256;
use anyhow::Result;
use clap::Args;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use rialto_node::{Grouping, I256Decimal, Row, Statement};
use rialto_protocol::{Collateral, Wei};
use serde::Serialize;
use std::fmt;

/// Options of `rialto node pnl`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  rialto node pnl
  rialto node pnl --by request --data-dir .rialto/node-0x1234
  rialto node pnl --by venue --json | jq .total

Income is what delivered locks paid, gas what every transaction of an order cost, failed ones too.
Rewards are shares of lapsed locks' collateral, forfeits the collateral of our own. Amounts are exact:
with --json in wei and in the collateral token's smallest unit. A running node is not held up.")]
pub(crate) struct PnlArgs {
    /// What the lines are: request, venue or day (in UTC)
    #[arg(long, value_name = "GROUP", default_value = "day")]
    by: Grouping,

    #[command(flatten)]
    records: RecordArgs,
}

/// The statement, for people and machines.
#[derive(Serialize)]
#[serde(transparent)]
struct Shown(Statement);

/// Reads the logbooks and sums them up.
pub(crate) async fn run(args: &PnlArgs, console: Console) -> Result<()> {
    let mut books = Vec::new();
    for record in args.records.open().await? {
        books.push((record.name(), record.reader.postings(0).await?));
    }
    console.report(&Shown(Statement::new(args.by, &books)));
    Ok(())
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Statement { by, rows, total } = &self.0;
        let head = match by {
            Grouping::Request => "request",
            Grouping::Venue => "node",
            Grouping::Day => "day",
        };
        let mut table = Table::new();
        table.load_style(UTF8_FULL_CONDENSED).set_header([
            head,
            "income",
            "gas",
            "profit",
            "rewards",
            "forfeited",
            "profit",
            "at stake",
        ]);
        for index in 1..8 {
            if let Some(column) = table.column_mut(index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for row in rows.iter().chain([total]) {
            table.add_row(cells(row));
        }
        write!(f, "{table}")
    }
}

fn cells(row: &Row) -> [String; 8] {
    let sums = &row.sums;
    [
        row.key.clone(),
        eth(sums.income_wei),
        eth(sums.gas_wei),
        signed(row.profit_wei, |part| eth(Wei(part))),
        rct(sums.reward),
        rct(sums.forfeited),
        signed(row.profit_collateral, |part| rct(Collateral(part))),
        rct(sums.at_stake),
    ]
}

fn signed(amount: I256Decimal, show: impl Fn(alloy::primitives::U256) -> String) -> String {
    let shown = show(amount.0.unsigned_abs());
    if amount.0 < I256::ZERO { format!("-{shown}") } else { shown }
}
