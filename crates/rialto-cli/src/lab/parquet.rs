//! Tables as Parquet: one row group, one plain and uncompressed page for each column, nothing missing. That is a small part
//! of the format (parquet-format's `parquet.thrift`, in Thrift's compact protocol), which every reader knows.

use super::results::Column;

const MAGIC: &[u8] = b"PAR1";

/// Types of fields in Thrift's compact protocol.
const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// The columns, all of one length, as a file.
pub(super) fn file(columns: &[(&'static str, Column)]) -> Vec<u8> {
    let rows = columns.first().map_or(0, |(_, column)| column.len()) as i64;
    let mut bytes = MAGIC.to_vec();
    let mut chunks = Vec::new();
    let mut schema = vec![root(columns.len())];
    let begin = bytes.len();
    for (name, column) in columns {
        let offset = bytes.len() as i64;
        let data = column.plain();
        bytes.extend(page_header(data.len(), rows));
        bytes.extend(data);
        let size = bytes.len() as i64 - offset;
        chunks.push(chunk(name, column, rows, offset, size));
        schema.push(leaf(name, column));
    }
    let mut group = Thrift::default();
    group.list(1, &chunks);
    group.integer(2, I64, (bytes.len() - begin) as i64);
    group.integer(3, I64, rows);
    let mut footer = Thrift::default();
    footer.integer(1, I32, 1);
    footer.list(2, &schema);
    footer.integer(3, I64, rows);
    footer.list(4, &[group.ended()]);
    footer.text(6, "rialto");
    let footer = footer.ended();
    bytes.extend(&footer);
    bytes.extend((footer.len() as u32).to_le_bytes());
    bytes.extend(MAGIC);
    bytes
}

fn root(children: usize) -> Vec<u8> {
    let mut element = Thrift::default();
    element.text(4, "schema");
    element.integer(5, I32, children as i64);
    element.ended()
}

fn leaf(name: &str, column: &Column) -> Vec<u8> {
    let mut element = Thrift::default();
    element.integer(1, I32, column.physical_type());
    // Required: a value in every row.
    element.integer(3, I32, 0);
    element.text(4, name);
    if matches!(column, Column::Text(_)) {
        // UTF-8.
        element.integer(6, I32, 0);
    }
    element.ended()
}

fn chunk(name: &str, column: &Column, rows: i64, offset: i64, size: i64) -> Vec<u8> {
    let mut meta = Thrift::default();
    meta.integer(1, I32, column.physical_type());
    // Encodings: plain alone.
    meta.field(2, LIST);
    meta.bytes.extend([0x10 | I32, 0]);
    // The path in the schema: its name alone.
    meta.field(3, LIST);
    meta.bytes.push(0x10 | BINARY);
    meta.raw_text(name);
    // Uncompressed.
    meta.integer(4, I32, 0);
    meta.integer(5, I64, rows);
    meta.integer(6, I64, size);
    meta.integer(7, I64, size);
    meta.integer(9, I64, offset);
    let mut chunk = Thrift::default();
    chunk.integer(2, I64, offset);
    chunk.structure(3, &meta.ended());
    chunk.ended()
}

fn page_header(size: usize, rows: i64) -> Vec<u8> {
    let mut data = Thrift::default();
    data.integer(1, I32, rows);
    // Plain; levels, of which there are none, run-length encoded.
    data.integer(2, I32, 0);
    data.integer(3, I32, 3);
    data.integer(4, I32, 3);
    let mut header = Thrift::default();
    header.integer(1, I32, 0);
    header.integer(2, I32, size as i64);
    header.integer(3, I32, size as i64);
    header.structure(5, &data.ended());
    header.ended()
}

impl Column {
    fn physical_type(&self) -> i64 {
        match self {
            Self::Whole(_) => 2,
            Self::Real(_) => 5,
            Self::Text(_) => 6,
        }
    }

    fn plain(&self) -> Vec<u8> {
        match self {
            Self::Whole(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::Real(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::Text(values) => {
                let with_length =
                    |text: &String| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
                values.iter().flat_map(with_length).collect()
            }
        }
    }
}

/// A structure in the making; its fields must come in the order of their numbers.
#[derive(Default)]
struct Thrift {
    bytes: Vec<u8>,
    last: u8,
}

impl Thrift {
    fn field(&mut self, number: u8, kind: u8) {
        self.bytes.push((number - self.last) << 4 | kind);
        self.last = number;
    }

    fn integer(&mut self, number: u8, kind: u8, value: i64) {
        self.field(number, kind);
        // Small numbers of either sign become small without one.
        self.varint((value << 1 ^ value >> 63).cast_unsigned());
    }

    fn text(&mut self, number: u8, text: &str) {
        self.field(number, BINARY);
        self.raw_text(text);
    }

    fn raw_text(&mut self, text: &str) {
        self.varint(text.len() as u64);
        self.bytes.extend(text.as_bytes());
    }

    fn structure(&mut self, number: u8, ended: &[u8]) {
        self.field(number, STRUCT);
        self.bytes.extend(ended);
    }

    fn list(&mut self, number: u8, structures: &[Vec<u8>]) {
        self.field(number, LIST);
        match structures.len() {
            few @ ..15 => self.bytes.push((few as u8) << 4 | STRUCT),
            many => {
                self.bytes.push(0xf0 | STRUCT);
                self.varint(many as u64);
            }
        }
        structures.iter().for_each(|one| self.bytes.extend(one));
    }

    fn varint(&mut self, mut value: u64) {
        while value > 0x7f {
            self.bytes.push(value as u8 & 0x7f | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    fn ended(mut self) -> Vec<u8> {
        self.bytes.push(0);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These bytes were read by Apache Arrow's own reader as the table that they stand for.
    #[test]
    fn a_table_is_what_others_read() {
        let table = [
            ("name", Column::Text(vec!["ann".to_owned(), "bob".to_owned()])),
            ("won", Column::Whole(vec![-1, 300])),
            ("share", Column::Real(vec![0.25, 0.75])),
        ];
        let bytes: String = file(&table).iter().map(|byte| format!("{byte:02x}")).collect();
        expect_test::expect!["504152311500151c151c2c1504150015061506000003000000616e6e03000000626f621500152015202c15041500150615060000ffffffffffffffff2c010000000000001500152015202c15041500150615060000000000000000d03f000000000000e83f1502194c4806736368656d61150600150c250018046e616d65250000150425001803776f6e00150a250018057368617265001604191c193c26081c150c1915001918046e616d6515001604163e163e2608000026461c1504191500191803776f6e1500160416421642264600002688011c150a19150019180573686172651500160416421642268801000016c20116040028067269616c746f009a00000050415231"].assert_eq(&bytes);
    }
}
