//! SQL that both databases understand, and statements over many rows at once.

use super::LedgerError;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Row};

/// What a column holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Int(i64),
    MaybeInt(Option<i64>),
    Bytes(Vec<u8>),
    MaybeBytes(Option<Vec<u8>>),
    Text(String),
    MaybeText(Option<String>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

/// A count or an instant as a column holds it. What is larger than a column holds is none of ours.
pub(super) fn int(value: u64) -> Value {
    Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

/// Placeholders that a statement may have in both databases.
const PLACEHOLDERS_MAX: usize = 30_000;

type Asked<'q> = Query<'q, Any, AnyArguments>;

fn bound<'q>(sql: String, values: impl IntoIterator<Item = Value>) -> Asked<'q> {
    let query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
    values.into_iter().fold(query, |query, value| match value {
        Value::Int(it) => query.bind(it),
        Value::MaybeInt(it) => query.bind(it),
        Value::Bytes(it) => query.bind(it),
        Value::MaybeBytes(it) => query.bind(it),
        Value::Text(it) => query.bind(it),
        Value::MaybeText(it) => query.bind(it),
    })
}

/// The rows that `sql` gives, whose placeholders are `$1` and on.
pub(super) async fn rows(
    on: &mut AnyConnection,
    sql: impl Into<String>,
    values: Vec<Value>,
) -> Result<Vec<AnyRow>, LedgerError> {
    bound(sql.into(), values).fetch_all(on).await.map_err(LedgerError::Ask)
}

/// Does what `sql` says; the number of rows that it touched.
pub(super) async fn run(
    on: &mut AnyConnection,
    sql: impl Into<String>,
    values: Vec<Value>,
) -> Result<u64, LedgerError> {
    let done = bound(sql.into(), values).execute(on).await.map_err(LedgerError::Write)?;
    Ok(done.rows_affected())
}

/// `before (…), (…) after`, for all of `rows`, in as few statements as can be.
pub(super) async fn write(
    on: &mut AnyConnection,
    before: &str,
    after: &str,
    rows: Vec<Vec<Value>>,
) -> Result<(), LedgerError> {
    let Some(columns) = rows.first().map(Vec::len) else { return Ok(()) };
    let mut rows = rows.into_iter();
    loop {
        let part: Vec<_> = rows.by_ref().take(PLACEHOLDERS_MAX / columns).collect();
        if part.is_empty() {
            return Ok(());
        }
        let sql = format!("{before} {} {after}", tuples(on, part.len(), columns));
        run(on, sql, part.into_iter().flatten().collect()).await?;
    }
}

/// The rows that `before (…), (…) after` gives, for all of `keys`.
pub(super) async fn rows_of(
    on: &mut AnyConnection,
    before: &str,
    after: &str,
    keys: Vec<Vec<Value>>,
) -> Result<Vec<AnyRow>, LedgerError> {
    let Some(columns) = keys.first().map(Vec::len) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    let mut keys = keys.into_iter();
    loop {
        let part: Vec<_> = keys.by_ref().take(PLACEHOLDERS_MAX / columns).collect();
        if part.is_empty() {
            return Ok(found);
        }
        let sql = format!("{before} {} {after}", tuples(on, part.len(), columns));
        found.extend(rows(on, sql, part.into_iter().flatten().collect()).await?);
    }
}

/// `($1, $2), ($3, $4)`: so many rows of so many placeholders, the only ones of their statement. SQLite compares each
/// name with all others and is given none.
pub(super) fn tuples(on: &AnyConnection, rows: usize, columns: usize) -> String {
    let is_named = on.backend_name() != "SQLite";
    let mut text = String::with_capacity(rows * columns * 7);
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            text.push_str(if column == 0 { "" } else { ", " });
            match is_named {
                true => text.push_str(&format!("${}", 1 + row * columns + column)),
                false => text.push('?'),
            }
        }
        text.push(')');
    }
    text
}

/// A row's columns in order, each taken as what it has to be.
pub(super) struct Columns<'r> {
    row: &'r AnyRow,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(super) fn of(row: &'r AnyRow) -> Self {
        Self { row, next: 0 }
    }

    fn take<T>(&mut self) -> Result<T, LedgerError>
    where
        T: for<'d> sqlx::Decode<'d, Any> + sqlx::Type<Any>,
    {
        self.next += 1;
        self.row.try_get(self.next - 1).map_err(LedgerError::Decode)
    }

    pub(super) fn int(&mut self) -> Result<i64, LedgerError> {
        self.take()
    }

    pub(super) fn maybe_int(&mut self) -> Result<Option<i64>, LedgerError> {
        self.take()
    }

    /// A count or an instant.
    pub(super) fn count(&mut self) -> Result<u64, LedgerError> {
        u64::try_from(self.int()?).map_err(|_| LedgerError::corrupt("a count below nothing"))
    }

    pub(super) fn small(&mut self) -> Result<u32, LedgerError> {
        u32::try_from(self.int()?).map_err(|_| LedgerError::corrupt("a number out of its bounds"))
    }

    pub(super) fn text(&mut self) -> Result<String, LedgerError> {
        self.take()
    }

    pub(super) fn maybe_text(&mut self) -> Result<Option<String>, LedgerError> {
        self.take()
    }

    /// A digest.
    pub(super) fn digest(&mut self) -> Result<[u8; 32], LedgerError> {
        let bytes: Vec<u8> = self.take()?;
        bytes.try_into().map_err(|_| LedgerError::corrupt("a digest that has not 32 bytes"))
    }

    pub(super) fn maybe_digest(&mut self) -> Result<Option<[u8; 32]>, LedgerError> {
        let bytes: Option<Vec<u8>> = self.take()?;
        let digest = bytes.map(<[u8; 32]>::try_from).transpose();
        digest.map_err(|_| LedgerError::corrupt("a digest that has not 32 bytes"))
    }
}
