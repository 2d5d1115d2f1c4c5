//! Tables as Parquet, and traces out of it: what is in a file of others is looked at before it is believed.

use super::results::Column;
use parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};
use rialto_lab::Job;
use rialto_lab::trace::{self, COLUMNS, Unfit};
use std::sync::Arc;

// --------------------------------------------------------------------------------------- writing

/// The columns, all of one length, as a file; what is not known is a null.
pub(super) fn file(columns: &[(&'static str, Column)]) -> Vec<u8> {
    written(columns).expect("the schema follows from the columns, and memory takes every byte")
}

fn written(columns: &[(&'static str, Column)]) -> Result<Vec<u8>, ParquetError> {
    let fields = columns.iter().map(|(name, column)| match column {
        Column::Text(_) => format!("required binary {name} (utf8);"),
        Column::Whole(_) => format!("required int64 {name};"),
        Column::Real(_) => format!("optional double {name};"),
        Column::Flag(_) => format!("optional boolean {name};"),
    });
    let schema = parse_message_type(&format!("message table {{ {} }}", fields.collect::<String>()));
    let mut writer = SerializedFileWriter::new(Vec::new(), Arc::new(schema?), Arc::default())?;
    let mut group = writer.next_row_group()?;
    for (_, column) in columns {
        let mut chunk = group.next_column()?.expect("the schema has as many");
        match column {
            Column::Text(values) => {
                let texts: Vec<_> = values.iter().map(|it| ByteArray::from(it.as_str())).collect();
                chunk.typed::<ByteArrayType>().write_batch(&texts, None, None)?;
            }
            Column::Whole(values) => {
                chunk.typed::<Int64Type>().write_batch(values, None, None)?;
            }
            Column::Real(values) => {
                let there: Vec<i16> = values.iter().map(|it| i16::from(!it.is_nan())).collect();
                let known: Vec<f64> = values.iter().copied().filter(|it| !it.is_nan()).collect();
                chunk.typed::<DoubleType>().write_batch(&known, Some(&there), None)?;
            }
            Column::Flag(values) => {
                let there: Vec<i16> = values.iter().map(|it| i16::from(it.is_some())).collect();
                let known: Vec<bool> = values.iter().copied().flatten().collect();
                chunk.typed::<BoolType>().write_batch(&known, Some(&there), None)?;
            }
        }
        chunk.close()?;
    }
    group.close()?;
    writer.into_inner()
}

// --------------------------------------------------------------------------------------- reading

/// The jobs of a trace.
///
/// # Errors
/// In words: what of it is wrong, in which row and column, and what would be right.
pub(super) fn jobs(source: impl ChunkReader + 'static) -> Result<Vec<Job>, String> {
    let damaged = |error: ParquetError| format!("it cannot be read as Parquet: {error}");
    let reader = SerializedFileReader::new(source).map_err(damaged)?;
    let places = places(reader.metadata().file_metadata().schema_descr())?;
    let mut rows: Vec<[u64; COLUMNS.len()]> = Vec::new();
    let mut ends = Vec::new();
    for nth in 0..reader.num_row_groups() {
        let group = reader.get_row_group(nth).map_err(damaged)?;
        let columns = places.map(|place| numbers(&*group, place));
        let mut columns = columns.into_iter().collect::<Result<Vec<_>, _>>().map_err(damaged)?;
        let count = columns.iter().map(Vec::len).max().unwrap_or(0);
        for row in 0..count {
            let mut whole = [0; COLUMNS.len()];
            for ((value, column), name) in whole.iter_mut().zip(&mut columns).zip(COLUMNS) {
                let found = column.get(row).copied().flatten();
                let at =
                    || format!("row {} (row group {}), column {name}", rows.len() + 1, nth + 1);
                let found = found.ok_or_else(|| format!("{}: there is no number", at()))?;
                let fits = found.try_into();
                *value = fits.map_err(|_| format!("{}: {found} is less than nothing", at()))?;
            }
            rows.push(whole);
        }
        ends.push(rows.len());
    }
    trace::jobs(&rows).map_err(|unfit| match unfit {
        Unfit::Empty => "there are no jobs".to_owned(),
        Unfit::Row { row, column, reason } => {
            let group = ends.partition_point(|end| *end <= row) + 1;
            format!("row {} (row group {group}), column {}: {reason}", row + 1, COLUMNS[column])
        }
    })
}

/// Where each of a trace's columns is in the file, which has them all and no others, in any order.
fn places(schema: &SchemaDescriptor) -> Result<[usize; COLUMNS.len()], String> {
    let name = |column: &ColumnDescriptor| column.path().string();
    let found: Vec<String> = schema.columns().iter().map(|column| name(column)).collect();
    let others = found.iter().filter(|name| !COLUMNS.contains(&name.as_str()));
    let missing = COLUMNS.iter().filter(|name| !found.iter().any(|it| it == *name));
    let wrong = others.map(|name| format!("{name} is none of them"));
    let mut wrong: Vec<_> = wrong.chain(missing.map(|name| format!("{name} is missing"))).collect();
    if wrong.is_empty() && found.len() > COLUMNS.len() {
        wrong.push("one is there twice".to_owned());
    }
    if !wrong.is_empty() {
        let wanted = COLUMNS.join(", ");
        return Err(format!("the columns must be {wanted}: {}", wrong.join(", ")));
    }
    for column in schema.columns() {
        if !is_whole(column) {
            // What its numbers count, without the details.
            let kind = column.logical_type_ref().map(|kind| format!(" as {kind:?}"));
            let kind = kind.as_deref().and_then(|kind| kind.split('(').next());
            return Err(format!(
                "column {}: it must hold whole numbers, INT32 or INT64 without a unit, and holds {}{}",
                name(column),
                column.physical_type(),
                kind.unwrap_or_default()
            ));
        }
    }
    Ok(COLUMNS.map(|wanted| found.iter().position(|name| name == wanted).expect("none is missing")))
}

/// Whether its values are plain whole numbers, one in each row or none.
fn is_whole(column: &ColumnDescriptor) -> bool {
    let physical = matches!(column.physical_type(), Physical::INT32 | Physical::INT64);
    let logical = matches!(column.logical_type_ref(), None | Some(LogicalType::Integer(_)));
    let converted = match column.converted_type() {
        ConvertedType::NONE => true,
        ConvertedType::INT_8 | ConvertedType::INT_16 => true,
        ConvertedType::INT_32 | ConvertedType::INT_64 => true,
        other => is_unsigned(other),
    };
    physical && logical && converted && column.max_rep_level() == 0
}

fn is_unsigned(converted: ConvertedType) -> bool {
    use ConvertedType::{UINT_8, UINT_16, UINT_32, UINT_64};
    matches!(converted, UINT_8 | UINT_16 | UINT_32 | UINT_64)
}

/// A column's values in one row group, and nothing for a null.
fn numbers(group: &dyn RowGroupReader, place: usize) -> Result<Vec<Option<i128>>, ParquetError> {
    let column = group.metadata().column(place).column_descr_ptr();
    let unsigned = is_unsigned(column.converted_type());
    let rows = usize::try_from(group.metadata().num_rows())?;
    match group.get_column_reader(place)? {
        ColumnReader::Int32ColumnReader(reader) => read(reader, rows, |value| match unsigned {
            true => value.cast_unsigned().into(),
            false => value.into(),
        }),
        ColumnReader::Int64ColumnReader(reader) => read(reader, rows, |value| match unsigned {
            true => value.cast_unsigned().into(),
            false => value.into(),
        }),
        _ => Err(ParquetError::General(format!("{} is no whole number", column.name()))),
    }
}

fn read<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    rows: usize,
    whole: impl Fn(T::T) -> i128,
) -> Result<Vec<Option<i128>>, ParquetError> {
    let (mut values, mut there) = (Vec::new(), Vec::new());
    let (records, ..) = reader.read_records(rows, Some(&mut there), None, &mut values)?;
    if records != rows {
        let what = format!("a column ends after {records} of its row group's {rows} rows");
        return Err(ParquetError::EOF(what));
    }
    let mut values = values.into_iter().map(whole);
    // A column that must have values has no marks of where they are.
    match there.is_empty() {
        true => Ok(values.map(Some).collect()),
        false => {
            Ok(there.iter().map(|there| (*there > 0).then(|| values.next()).flatten()).collect())
        }
    }
}

#[cfg(test)]
mod tests;
