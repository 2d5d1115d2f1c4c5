//! Results as tables: one row for each variant and seed, and one for each owner in it.

use super::parquet;
use rialto_lab::{Measures, Owner, Runs};

/// Columns of one length, by name.
pub(super) struct Table(Vec<(&'static str, Column)>);

/// The values of a column.
pub(super) enum Column {
    Text(Vec<String>),
    Whole(Vec<i64>),
    /// Not a number where nothing is known.
    Real(Vec<f64>),
    /// Nothing where it cannot be said.
    Flag(Vec<Option<bool>>),
}

/// What each run came to.
pub(super) fn by_seed(seeds: &[u64], runs: &[Runs]) -> Table {
    let rows: Vec<_> = each(seeds, runs).collect();
    let whole = |of: fn(&Measures) -> u64| {
        Column::Whole(rows.iter().map(|(.., it)| of(it).cast_signed()).collect())
    };
    let real =
        |of: fn(&Measures) -> f64| Column::Real(rows.iter().map(|(.., it)| of(it)).collect());
    let spread = |of: fn(rialto_lab::Concentration) -> f64| {
        let spreads = rows.iter().map(|(.., it)| it.concentration().map_or(f64::NAN, of));
        Column::Real(spreads.collect())
    };
    Table(vec![
        ("variant", Column::Text(rows.iter().map(|(name, ..)| name.clone()).collect())),
        ("seed", Column::Whole(rows.iter().map(|(_, seed, _)| seed.cast_signed()).collect())),
        ("jobs", whole(|it| it.jobs)),
        ("proven", whole(|it| it.proven)),
        ("timely", whole(|it| it.timely)),
        ("alloc_latency_ms", real(|it| it.alloc_latency_ms.value())),
        ("latency_ms", real(|it| it.delay_ms.value())),
        ("paid", real(|it| it.paid.value())),
        ("markup", real(|it| it.markup.value())),
        ("second_best_gap", real(|it| it.second_best_gap.value())),
        ("waste", real(Measures::waste)),
        ("hhi", spread(|it| it.hhi)),
        ("gini", spread(|it| it.gini)),
        ("top1", spread(|it| it.top)),
        ("capital_s", real(|it| it.capital_s.value())),
        ("operations", whole(|it| it.operations)),
        ("burned", real(|it| it.burned.get() as f64)),
    ])
}

/// What each owner came to in each run.
pub(super) fn by_owner(owners: &[Owner], seeds: &[u64], runs: &[Runs]) -> Table {
    let rows: Vec<_> = each(seeds, runs)
        .flat_map(|(name, seed, it)| {
            let owned = it.owners.iter().enumerate();
            // A variant may have one more owner than the scenario.
            let who = |place: usize| owners.get(place).map_or("rival", |owner| &owner.name);
            owned.map(move |(place, sums)| (name.clone(), seed, who(place).to_owned(), sums))
        })
        .collect();
    let whole = |of: fn(&rialto_lab::OwnerSums) -> u64| {
        Column::Whole(rows.iter().map(|(.., it)| of(it).cast_signed()).collect())
    };
    let real = |of: fn(&rialto_lab::OwnerSums) -> f64| {
        Column::Real(rows.iter().map(|(.., it)| of(it)).collect())
    };
    Table(vec![
        ("variant", Column::Text(rows.iter().map(|(name, ..)| name.clone()).collect())),
        ("seed", Column::Whole(rows.iter().map(|(_, seed, ..)| seed.cast_signed()).collect())),
        ("owner", Column::Text(rows.iter().map(|(_, _, who, _)| who.clone()).collect())),
        ("given", whole(|it| it.given)),
        ("won", whole(|it| it.won)),
        ("paid", real(|it| it.paid)),
        ("cost", real(|it| it.cost)),
        ("forfeited", real(|it| it.forfeited)),
        ("profit", real(|it| it.profit())),
    ])
}

fn each<'a>(
    seeds: &'a [u64],
    runs: &'a [Runs],
) -> impl Iterator<Item = (String, u64, &'a Measures)> {
    runs.iter().flat_map(move |runs| {
        let name = runs.variant.name();
        seeds.iter().zip(&runs.measures).map(move |(seed, it)| (name.clone(), *seed, it))
    })
}

impl Table {
    /// Of columns of one length.
    pub(super) fn of(columns: Vec<(&'static str, Column)>) -> Self {
        Self(columns)
    }

    /// With a line of names; nothing stands where nothing is known.
    pub(super) fn csv(&self) -> Vec<u8> {
        let names: Vec<&str> = self.0.iter().map(|(name, _)| *name).collect();
        let mut csv = format!("{}\n", names.join(","));
        let rows = self.0.first().map_or(0, |(_, column)| column.len());
        for row in 0..rows {
            let fields: Vec<String> = self.0.iter().map(|(_, column)| column.field(row)).collect();
            csv += &fields.join(",");
            csv.push('\n');
        }
        csv.into_bytes()
    }

    /// The same as Parquet.
    pub(super) fn parquet(&self) -> Vec<u8> {
        parquet::file(&self.0)
    }
}

impl Column {
    fn len(&self) -> usize {
        match self {
            Self::Text(values) => values.len(),
            Self::Whole(values) => values.len(),
            Self::Real(values) => values.len(),
            Self::Flag(values) => values.len(),
        }
    }

    fn field(&self, row: usize) -> String {
        match self {
            Self::Text(values) => quoted(&values[row]),
            Self::Whole(values) => values[row].to_string(),
            Self::Real(values) if values[row].is_nan() => String::new(),
            Self::Real(values) => values[row].to_string(),
            Self::Flag(values) => values[row].map_or_else(String::new, |it| it.to_string()),
        }
    }
}

fn quoted(text: &str) -> String {
    match text.contains([',', '"', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_line_is_quoted_and_what_is_not_known_is_left_out() {
        let table = Table(vec![
            ("name", Column::Text(vec!["a,\"b\"".to_owned(), "c".to_owned()])),
            ("share", Column::Real(vec![0.5, f64::NAN])),
        ]);
        assert_eq!(
            String::from_utf8(table.csv()).unwrap(),
            "name,share\n\"a,\"\"b\"\"\",0.5\nc,\n"
        );
    }
}
