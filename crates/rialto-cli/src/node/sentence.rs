//! A node's events in words.

use crate::show::{eth, rct};
use alloy::primitives::U256;
use rialto_node::{Asset, Delivering, Event, Level, Outcome, Waiting};
use rialto_protocol::{Collateral, Timestamp, Wei};

/// What happened, as a sentence without its subject, at the time `now`.
pub(crate) fn sentence(event: &Event, now: Timestamp) -> String {
    match event {
        Event::Started { prover, market, chain_id } => {
            format!("up as {prover}, serving market {market} on chain {chain_id}")
        }
        Event::Rewound { to_block } => format!("the chain went back to block {to_block}"),
        Event::Seen { id, max_price, lock_deadline } => {
            format!("seen: request {id}, up to {}, {}", eth(*max_price), left(now, *lock_deadline))
        }
        Event::Ignored { reason } => format!("ignored: {reason}"),
        Event::Skipped { reason, setting, .. } => match setting {
            Some(setting) => format!("refused: {reason} (setting {setting})"),
            None => format!("left alone: {reason}"),
        },
        Event::Priced { cycles, target_price: Some(price), lock_at: Some(lock_at), .. } => {
            let wait = match now.seconds_until(*lock_at) {
                0 => "now".to_owned(),
                wait_s => format!("in {wait_s} s"),
            };
            format!("judged: {cycles} cycles, worth {}; it pays that {wait}", eth(*price))
        }
        Event::Priced { cycles, race_reward, .. } => {
            let reward = rct(race_reward.unwrap_or_default());
            format!("judged: {cycles} cycles, worth a race for {reward} if its lock lapses")
        }
        Event::Held { why, until } => held(*why, now.seconds_until(*until)),
        Event::ProofCancelled => "proving stopped: nobody needs the proof any more".to_owned(),
        Event::SubmittingRoot { root } => format!("putting root {root} on the chain"),
        Event::Told { directive } => format!("the operator said: {directive}"),
        Event::Locking { price } => format!("locking at {}", eth(*price)),
        Event::Locked { price, collateral, deadline } => {
            let (stake, left) = (rct(*collateral), left(now, *deadline));
            format!("LOCKED at {}, {stake} at stake, {left}", eth(*price))
        }
        Event::LockedByOther { prover } => format!("locked by {prover}"),
        Event::Proving { deadline } => format!("proving, {}", left(now, *deadline)),
        Event::Progress { permille } => format!("proving: {} %", permille / 10),
        Event::Proven { proof, proving_ms } => {
            let seconds = format!("{}.{}", proving_ms / 1000, proving_ms % 1000 / 100);
            format!("proven in {seconds} s; the proof is artifact {proof}")
        }
        Event::Sealed { attesters } => format!("attested by {attesters}"),
        Event::Committing => "committing to the proof before revealing it".to_owned(),
        Event::Delivering { how } => match how {
            Delivering::UnderLock => "delivering".to_owned(),
            Delivering::InRace => "delivering in the proof race".to_owned(),
        },
        Event::TxSigned { tx, kind } => format!("sending the {kind} transaction {tx}"),
        Event::TxMined { kind, gas_used, gas_wei, .. } => {
            format!("the {kind} transaction is mined, {gas_used} gas for {}", eth(*gas_wei))
        }
        Event::Delivered => "delivered".to_owned(),
        Event::Slashing => "calling for the lapsed lock's collateral".to_owned(),
        Event::Retrying { step, reason, in_s } => {
            format!("cannot {step}, trying again in {in_s} s: {reason}")
        }
        Event::Closed { outcome, gas_wei } => {
            format!("{}; gas cost {} in all", closing(*outcome), eth(*gas_wei))
        }
        Event::BalanceLevel { asset, level, balance } => balance_level(*asset, *level, *balance),
        Event::Disk { is_low, free_bytes, total_bytes } => {
            let how = if *is_low { "nearly full" } else { "roomy again" };
            let (free, total) = (free_bytes >> 20, total_bytes >> 20);
            format!("the disk is {how}: {free} of {total} MiB are free")
        }
        Event::Stopping => "stopped".to_owned(),
    }
}

fn left(now: Timestamp, deadline: Timestamp) -> String {
    format!("{} s left", now.seconds_until(deadline))
}

fn held(why: Waiting, wait_s: u64) -> String {
    match (why.setting(), wait_s) {
        (Some(setting), 0 | 1) => format!("waits for {why} (setting {setting})"),
        (Some(setting), wait_s) => format!("waits for {why}, {wait_s} s (setting {setting})"),
        (None, _) => format!("waits for {why}"),
    }
}

fn balance_level(asset: Asset, level: Level, balance: U256) -> String {
    let balance = match asset {
        Asset::Native => eth(Wei(balance)),
        Asset::Collateral => format!("{} of free collateral", rct(Collateral(balance))),
    };
    match level {
        Level::Ok => format!("the balance is enough again: {balance}"),
        Level::Warn => format!("the balance is low: {balance}"),
        Level::Error => format!("the balance is TOO LOW: {balance}"),
    }
}

fn closing(outcome: Outcome) -> String {
    match outcome {
        Outcome::Paid { price } => format!("PAID {}", eth(price)),
        Outcome::RaceWon { reward } => format!("WON the race: {}", rct(reward)),
        Outcome::Forfeited => "FORFEITED: the lock's collateral is lost".to_owned(),
        Outcome::TakenByOther => "over: another prover had it".to_owned(),
        Outcome::Expired => "over: nobody delivered in time".to_owned(),
        Outcome::Refused => "over: refused".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use rialto_protocol::Cycles;

    #[test]
    fn events_read_as_sentences() {
        let price = Wei::from(1_500_000_000_000_000);
        let at = Timestamp(1_000);
        let events = [
            Event::Seen { id: "0x100000001".parse().unwrap(), max_price: price, lock_deadline: at },
            Event::Priced {
                cycles: Cycles(71_000),
                target_price: Some(price),
                lock_at: Some(Timestamp(910)),
                race_reward: None,
            },
            Event::Locked {
                price,
                collateral: Collateral::from(5_000_000_000_000_000_000),
                deadline: at,
            },
            Event::Progress { permille: 345 },
            Event::BalanceLevel {
                asset: Asset::Native,
                level: Level::Warn,
                balance: U256::from(1_500_000_000_000_000_u64),
            },
            Event::BalanceLevel {
                asset: Asset::Collateral,
                level: Level::Error,
                balance: U256::from(1_500_000_000_000_000_u64),
            },
            Event::Disk { is_low: true, free_bytes: 5 << 20, total_bytes: 200 << 20 },
            Event::Retrying { step: "prove".into(), reason: "out of memory".into(), in_s: 2 },
            Event::Closed { outcome: Outcome::Paid { price }, gas_wei: Wei::from(7_000_000_000) },
        ];
        let lines: String =
            events.iter().map(|event| sentence(event, Timestamp(900)) + "\n").collect();
        expect![[r#"
            seen: request 0x100000001, up to 0.0015 ETH, 100 s left
            judged: 71000 cycles, worth 0.0015 ETH; it pays that in 10 s
            LOCKED at 0.0015 ETH, 5 RCT at stake, 100 s left
            proving: 34 %
            the balance is low: 0.0015 ETH
            the balance is TOO LOW: 0.0015 RCT of free collateral
            the disk is nearly full: 5 of 200 MiB are free
            cannot prove, trying again in 2 s: out of memory
            PAID 0.0015 ETH; gas cost 0.000000007 ETH in all
        "#]]
        .assert_eq(&lines);
    }
}
