//! Judges a run by the chain and by the logbook's tables. It shares no code with the node: what the
//! chain says counts, and the tables are read as anybody could read them.

use crate::chain::{Chain, KnownLock};
use crate::world::{COLLATERAL, block_on};
use alloy::primitives::{Address, U256};
use rialto_chain::MarketEvent;
use rialto_protocol::{Collateral, RequestDigest, Wei};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Row};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// One thing that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// Our lock lapsed.
    LostLock(RequestDigest),
    /// A lock of ours of which the logbook has no request.
    Orphan(RequestDigest),
    /// The logbook and the chain differ about our locks.
    OtherLocks { chain: usize, logbook: usize },
    /// A request of ours was paid for more than once.
    PaidTwice { request: RequestDigest, times: usize },
    /// What is in the market under our name is not what the chain's events say it should be.
    Balance { expected: (Wei, Collateral), found: (Wei, Collateral) },
    /// Nobody knows what became of these intents.
    OpenIntents(i64),
    /// Orders of ours that are settled on the chain and still open in the logbook.
    OpenOrders(i64),
}

/// What a run came to.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) violations: Vec<Violation>,
    /// Locks of ours.
    pub(crate) locks: usize,
    /// Of them, paid in time.
    pub(crate) paid: usize,
    /// Deliveries of ours that came after another of ours: gas for nothing, not a loss.
    pub(crate) redundant: usize,
}

/// Audits a node that has stopped.
pub(crate) fn audit(chain: &dyn Chain, me: Address, logbook: &Path) -> Report {
    let mut report = Report::default();
    judge_locks(chain, me, &mut report);
    judge_payments(chain, me, &mut report);
    judge_balance(chain, me, &mut report);
    let locks = own_locks(chain, me);
    block_on(async {
        let options = SqliteConnectOptions::new().filename(logbook).read_only(true);
        let mut tables = options.connect().await.unwrap();
        judge_tables(&locks, me, &mut tables, &mut report).await;
    });
    report
}

fn own_locks(chain: &dyn Chain, me: Address) -> BTreeSet<RequestDigest> {
    chain.locks().iter().filter(|it| it.locker == me).map(|it| it.digest).collect()
}

fn judge_locks(chain: &dyn Chain, me: Address, report: &mut Report) {
    for lock in chain.locks().into_iter().filter(|lock| lock.locker == me) {
        report.locks += 1;
        match () {
            () if lock.is_paid => report.paid += 1,
            () if chain.now() <= lock.lock_deadline => {}
            () => report.violations.push(Violation::LostLock(lock.digest)),
        }
    }
}

fn judge_payments(chain: &dyn Chain, me: Address, report: &mut Report) {
    let mut deliveries: BTreeMap<RequestDigest, usize> = BTreeMap::new();
    let (mut failed_in, mut failures): (BTreeSet<_>, usize) = (BTreeSet::new(), 0);
    let events = chain.events();
    for (position, event) in &events {
        match event {
            MarketEvent::ProofDelivered { prover, digest, .. } if *prover == me => {
                *deliveries.entry(*digest).or_default() += 1;
            }
            MarketEvent::PaymentFailed(_) => {
                failed_in.insert(position.tx_hash);
                failures += 1;
            }
            _ => {}
        }
    }
    for (digest, times) in &deliveries {
        report.redundant += times - 1;
        let unpaid = events.iter().filter(|(position, event)| {
            let is_it = matches!(event, MarketEvent::ProofDelivered { digest: of, prover, .. }
                if of == digest && *prover == me);
            is_it && failed_in.contains(&position.tx_hash)
        });
        let paid = times - unpaid.count().min(failures);
        if paid > 1 {
            let (request, times) = (*digest, paid);
            report.violations.push(Violation::PaidTwice { request, times });
        }
    }
}

/// Collateral that is not lost is ours or in a lock; every lock that was paid brought its price.
fn judge_balance(chain: &dyn Chain, me: Address, report: &mut Report) {
    let locks = chain.locks();
    let (mut wei, mut collateral) = (U256::ZERO, COLLATERAL.0);
    for (position, event) in chain.events() {
        match event {
            MarketEvent::RequestLocked { prover, request } if prover == me => {
                let offer = &request.request.offer;
                let is_it = |it: &KnownLock| it.id == request.request.id && it.is_paid;
                match locks.iter().any(is_it) {
                    true => wei += offer.price_at(position.timestamp).0,
                    false => collateral -= offer.lock_collateral.0,
                }
            }
            MarketEvent::ProverSlashed { transferred, recipient, .. } if recipient == me => {
                collateral += transferred.0;
            }
            MarketEvent::Withdrawal { account, amount } if account == me => wei -= amount.0,
            _ => {}
        }
    }
    let (expected, found) = ((Wei(wei), Collateral(collateral)), chain.deposit_of(me));
    if expected != found {
        report.violations.push(Violation::Balance { expected, found });
    }
}

async fn judge_tables(
    on_chain: &BTreeSet<RequestDigest>,
    me: Address,
    tables: &mut SqliteConnection,
    report: &mut Report,
) {
    let count = async |tables: &mut SqliteConnection, sql: &'static str| -> i64 {
        sqlx::query(sql).fetch_one(tables).await.unwrap().get(0)
    };
    let known = sqlx::query("SELECT digest FROM request").fetch_all(&mut *tables).await.unwrap();
    let known: BTreeSet<Vec<u8>> = known.iter().map(|row| row.get(0)).collect();
    let orphans = on_chain.iter().filter(|digest| !known.contains(digest.0.as_slice()));
    report.violations.extend(orphans.map(|digest| Violation::Orphan(*digest)));

    let locked = sqlx::query("SELECT digest FROM fact WHERE kind = 'locked' AND account = ?")
        .bind(me.as_slice())
        .fetch_all(&mut *tables)
        .await
        .unwrap();
    let recorded: BTreeSet<Vec<u8>> = locked.iter().map(|row| row.get(0)).collect();
    let expected: BTreeSet<Vec<u8>> = on_chain.iter().map(|digest| digest.0.to_vec()).collect();
    if recorded != expected {
        let (chain, logbook) = (expected.len(), recorded.len());
        report.violations.push(Violation::OtherLocks { chain, logbook });
    }
    let open = count(tables, "SELECT count(*) FROM intent WHERE outcome IS NULL").await;
    if open > 0 {
        report.violations.push(Violation::OpenIntents(open));
    }
    let unclosed = "SELECT count(*) FROM fact WHERE kind = 'locked' AND digest NOT IN (SELECT digest FROM closed)";
    let unclosed = count(tables, unclosed).await;
    if unclosed > 0 {
        report.violations.push(Violation::OpenOrders(unclosed));
    }
}
