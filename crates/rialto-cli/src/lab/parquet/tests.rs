//! Files as this crate writes them, and as others do.

use super::*;
use expect_test::{Expect, expect};
use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::file::properties::WriterProperties;
use parquet::record::RowAccessor;
use rialto_mechanism::{Amount, Span};
use rialto_protocol::Cycles;
use std::fs::File;
use std::io::{Seek, Write};

type Rows<'a> = &'a [[Option<i64>; 5]];

const FIELDS: &str = "required int64 at_ms; required int64 cycles; required int64 parts; \
    required int64 max_pay; required int64 patience_ms;";

fn kept(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

/// A file with these fields and a row group for each group of rows, of which a field takes its nth number.
fn recorded(fields: &str, groups: &[Rows<'_>], compression: Compression) -> File {
    let schema = Arc::new(parse_message_type(&format!("message it {{ {fields} }}")).unwrap());
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    for rows in groups {
        let mut group = writer.next_row_group().unwrap();
        let mut place = 0;
        while let Some(mut chunk) = group.next_column().unwrap() {
            let values: Vec<i64> = rows.iter().filter_map(|row| row[place]).collect();
            let there: Vec<i16> = rows.iter().map(|row| row[place].is_some().into()).collect();
            match chunk.untyped() {
                ColumnWriter::Int32ColumnWriter(column) => {
                    let values: Vec<i32> = values.iter().map(|it| *it as i32).collect();
                    column.write_batch(&values, Some(&there), None).unwrap();
                }
                ColumnWriter::Int64ColumnWriter(column) => {
                    column.write_batch(&values, Some(&there), None).unwrap();
                }
                ColumnWriter::DoubleColumnWriter(column) => {
                    let values: Vec<f64> = values.iter().map(|it| *it as f64).collect();
                    column.write_batch(&values, Some(&there), None).unwrap();
                }
                _ => panic!("no such field is tried"),
            }
            chunk.close().unwrap();
            place += 1;
        }
        group.close().unwrap();
    }
    kept(&writer.into_inner().unwrap())
}

fn row(numbers: [i64; 5]) -> [Option<i64>; 5] {
    numbers.map(Some)
}

fn check(fields: &str, groups: &[Rows<'_>], expected: Expect) {
    let file = recorded(fields, groups, Compression::UNCOMPRESSED);
    expected.assert_eq(&jobs(file).unwrap_err());
}

#[test]
fn a_table_is_read_as_it_was_written() {
    let table = [
        ("name", Column::Text(vec!["ann".to_owned(), "böb".to_owned()])),
        ("won", Column::Whole(vec![-1, i64::MAX])),
        ("share", Column::Real(vec![f64::NAN, 0.75])),
        ("right", Column::Flag(vec![Some(true), None])),
    ];
    let bytes = file(&table);
    assert_eq!(bytes, file(&table), "the same table is the same bytes");
    let reader = SerializedFileReader::new(kept(&bytes)).unwrap();
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    let read = |row: usize| {
        let row = &rows[row];
        let name = row.get_string(0).unwrap().as_str();
        (name, row.get_long(1).unwrap(), row.get_double(2).ok(), row.get_bool(3).ok())
    };
    assert_eq!(rows.len(), 2);
    assert_eq!(read(0), ("ann", -1, None, Some(true)));
    assert_eq!(read(1), ("böb", i64::MAX, Some(0.75), None));
}

/// However others write whole numbers: optional ones, narrow ones, those without a sign; in several groups of rows.
#[test]
fn a_trace_of_others_is_read_in_whatever_form() {
    let narrow = "optional int32 parts; required int64 at_ms; optional int64 max_pay (integer(64, false)); \
        required int32 patience_ms (integer(32, false)); optional int64 cycles (integer(64, true));";
    let first = [row([1, 5_000, 3_000, 60_000, 1_000_000])];
    let second = [row([32, 7_000, -1, -1, 2_000_000]), row([1, 7_000, 0, 5, 7])];
    for compression in
        [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::ZSTD(<_>::default())]
    {
        let found = jobs(recorded(narrow, &[&first, &second], compression)).unwrap();
        let at: Vec<u64> = found.iter().map(|job| job.at.get()).collect();
        assert_eq!(at, [0, 2_000, 2_000]);
        let wide = Job {
            at: Span::s(2),
            cycles: Cycles(2_000_000),
            parts: 32,
            // Without a sign, all bits are a number.
            max_pay: Amount::new(u64::MAX.into()),
            patience: Span::ms(u32::MAX.into()),
        };
        assert_eq!(found[1], wide);
    }
}

#[test]
fn what_is_no_trace_is_refused_with_its_place() {
    let fine = row([5, 1, 1, 1, 1]);
    check(
        &FIELDS.replace("required int64 parts;", ""),
        &[&[fine]],
        expect!["the columns must be at_ms, cycles, parts, max_pay, patience_ms: parts is missing"],
    );
    check(
        &FIELDS.replace("cycles", "Cycles"),
        &[&[fine]],
        expect![
            "the columns must be at_ms, cycles, parts, max_pay, patience_ms: Cycles is none of them, cycles is missing"
        ],
    );
    check(
        &FIELDS.replace("int64 cycles", "double cycles"),
        &[&[fine]],
        expect![
            "column cycles: it must hold whole numbers, INT32 or INT64 without a unit, and holds DOUBLE"
        ],
    );
    check(
        &FIELDS.replace("at_ms", "at_ms (timestamp(millis, true))"),
        &[&[fine]],
        expect![
            "column at_ms: it must hold whole numbers, INT32 or INT64 without a unit, and holds INT64 as Timestamp"
        ],
    );
    let may_lack = FIELDS.replace("required", "optional");
    check(
        &may_lack,
        &[&[fine, fine], &[fine, [Some(5), Some(1), None, Some(1), Some(1)]]],
        expect!["row 4 (row group 2), column parts: there is no number"],
    );
    check(
        FIELDS,
        &[&[fine, row([5, 1, 1, -7, 1])]],
        expect!["row 2 (row group 1), column max_pay: -7 is less than nothing"],
    );
    check(
        FIELDS,
        &[&[fine], &[row([6, 1, 1, 1, 1]), row([4, 1, 1, 1, 1])]],
        expect![
            "row 3 (row group 2), column at_ms: at_ms must not be before that of the job above"
        ],
    );
    check(
        FIELDS,
        &[&[fine, row([5, 0, 1, 1, 1])]],
        expect!["row 2 (row group 1), column cycles: cycles must be one or more"],
    );
    check(FIELDS, &[], expect!["there are no jobs"]);
    let text = jobs(kept(b"at_ms,cycles\n")).unwrap_err();
    assert!(text.starts_with("it cannot be read as Parquet: "), "{text}");
    let whole = file(&COLUMNS.map(|name| (name, Column::Whole(vec![1; 100]))));
    assert!(jobs(kept(&whole)).is_ok());
    let cut = jobs(kept(&whole[..whole.len() - 1])).unwrap_err();
    assert!(cut.starts_with("it cannot be read as Parquet: "), "{cut}");
}
