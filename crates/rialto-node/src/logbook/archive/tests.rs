use super::*;
use crate::event::Event;
use alloy::primitives::{Address, B256};
use rialto_planner::{Outcome, Skip};
use tempfile::TempDir;

const ME: Address = Address::repeat_byte(0xee);
const ALWAYS: u64 = i64::MAX.cast_unsigned();

fn digest(n: u8) -> RequestDigest {
    RequestDigest(B256::repeat_byte(n))
}

async fn open(dir: &TempDir) -> (Logbook, Reader) {
    let path = dir.path().join("logbook.sqlite");
    (Logbook::open(&path, ME).await.unwrap(), Reader::open(&path).await.unwrap())
}

fn retry(n: u64) -> Event {
    Event::Retrying { step: "prove".into(), reason: "no memory".into(), in_s: n }
}

/// A request row without the request: history is all that these tests look at.
async fn see(logbook: &Logbook, digest: RequestDigest) {
    let sql = "INSERT INTO request (digest, request_id, request, signature, seen_at_ms)
               VALUES (?, zeroblob(32), '{}', zeroblob(1), 0)";
    sqlx::query(sql).bind(digest.0.as_slice()).execute(&logbook.pool).await.unwrap();
}

async fn left(logbook: &Logbook) -> i64 {
    let count: (i64,) =
        sqlx::query_as("SELECT count(*) FROM history").fetch_one(&logbook.pool).await.unwrap();
    count.0
}

#[tokio::test]
async fn closed_orders_history_moves_and_is_still_found() {
    let dir = tempfile::tempdir().unwrap();
    let (logbook, reader) = open(&dir).await;
    for n in [1, 2] {
        see(&logbook, digest(n)).await;
    }
    let refused = Skip::AlreadyFulfilled;
    let mut told = vec![logbook.note(Some(digest(1)), retry(1)).await.unwrap()];
    logbook.note(None, Event::Stopping).await.unwrap();
    logbook.note(Some(digest(2)), retry(2)).await.unwrap();
    told.push(logbook.skip(digest(1), &refused).await.unwrap());
    told.push(logbook.close(digest(1), Outcome::Refused, 1).await.unwrap());

    assert_eq!(logbook.archive(&reader, 0, 10).await.unwrap(), 0, "nothing is that old");
    assert_eq!(logbook.archive(&reader, ALWAYS, 3).await.unwrap(), 3, "a run is bounded");
    assert_eq!(logbook.archive(&reader, ALWAYS, 3).await.unwrap(), 1);
    assert_eq!(left(&logbook).await, 1, "an open order's history stays");
    assert_eq!(reader.timeline(digest(1)).await.unwrap(), told);

    // Opened again, it goes on under later numbers.
    told.push(logbook.note(Some(digest(1)), retry(3)).await.unwrap());
    assert_eq!(reader.timeline(digest(1)).await.unwrap(), told);
}

#[tokio::test]
async fn a_death_between_copying_and_removing_loses_and_doubles_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (logbook, reader) = open(&dir).await;
    let told = logbook.note(Some(digest(1)), retry(1)).await.unwrap();
    let old = old_entries(&reader, ALWAYS, 10).await.unwrap();
    let name = format!("{PREFIX}{}{SUFFIX}", Day::of_ms(told.at_ms).month());
    copy(&dir.path().join(name), &old.iter().collect::<Vec<_>>()).await.unwrap();
    assert_eq!(left(&logbook).await, 1);
    assert_eq!(reader.timeline(digest(1)).await.unwrap(), std::slice::from_ref(&told));

    assert_eq!(logbook.archive(&reader, ALWAYS, 10).await.unwrap(), 1);
    assert_eq!(left(&logbook).await, 0);
    assert_eq!(reader.timeline(digest(1)).await.unwrap(), [told]);
}

#[tokio::test]
async fn each_month_has_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let (logbook, reader) = open(&dir).await;
    for at_ms in [951_782_400_000_i64, 951_868_800_000] {
        let entry = logbook.note(Some(digest(1)), retry(1)).await.unwrap();
        sqlx::query(
            "UPDATE history SET at_ms = ? WHERE at_ms = ? AND seq = (SELECT max(seq) FROM history)",
        )
        .bind(at_ms)
        .bind(entry.at_ms.cast_signed())
        .execute(&logbook.pool)
        .await
        .unwrap();
    }
    logbook.archive(&reader, ALWAYS, 10).await.unwrap();
    let found = beside(reader.path()).unwrap();
    let names: Vec<_> = found.iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(names, ["archive-2000-02.sqlite", "archive-2000-03.sqlite"]);
    assert_eq!(reader.timeline(digest(1)).await.unwrap().len(), 2);
}
