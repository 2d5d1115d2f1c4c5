//! Text and tables that fit the terminal.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};

/// Prose is no wider than this, however wide the terminal is: beyond it lines are hard to read.
const WIDEST: usize = 92;
const NARROWEST: usize = 40;
/// In tables, words of so many letters are left whole.
const UNBROKEN: usize = 16;

/// How wide prose is: as the terminal, within bounds; [`WIDEST`] without one.
pub(super) fn width() -> usize {
    columns().unwrap_or(WIDEST).clamp(NARROWEST, WIDEST)
}

fn columns() -> Option<usize> {
    Table::new().width().map(usize::from)
}

/// Words in lines of at most `width`, all but the first behind an indent.
pub(super) fn lines(text: &str, width: usize, first: &str, indent: &str) -> String {
    let mut all = String::new();
    let mut line = first.to_owned();
    let mut begins = true;
    for word in text.split_whitespace() {
        if !begins && line.chars().count() + 1 + word.chars().count() > width {
            all += &line;
            all.push('\n');
            line = indent.to_owned();
        } else if !begins {
            line.push(' ');
        }
        line += word;
        begins = false;
    }
    all + &line + "\n"
}

/// Names, each with what it is beside it; below it, where there is little room.
pub(super) fn names<'a>(all: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    named(&all.into_iter().collect::<Vec<_>>(), width())
}

fn named(all: &[(&str, &str)], width: usize) -> String {
    let longest = all.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let indent = " ".repeat(longest + 4);
    let beside = indent.len() + NARROWEST <= width;
    let entry = |(name, about): &(&str, &str)| match beside {
        true => lines(about, width, &format!("  {name:<longest$}  "), &indent),
        false => format!("  {name}\n{}", lines(about, width, "      ", "      ")),
    };
    all.iter().map(entry).collect()
}

/// Rows under a header, the columns from `right` on flush right. On a terminal cells are wrapped between words so that
/// the table fits; without one its lines are as long as they must be.
pub(super) fn table(header: Vec<String>, right: usize, rows: Vec<Vec<String>>) -> Table {
    let columns = header.len();
    let mut words = vec![0; columns];
    for row in std::iter::once(&header).chain(&rows) {
        for (longest, cell) in words.iter_mut().zip(row) {
            let word = cell.split_whitespace().map(|word| word.chars().count()).max();
            *longest = word.unwrap_or(0).max(*longest);
        }
    }
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    table.add_rows(rows);
    for (index, word) in words.into_iter().enumerate() {
        let Some(column) = table.column_mut(index) else { continue };
        // A word is broken only if it is longer than most; the constraint counts the space on both sides as well.
        let least = word.min(UNBROKEN) as u16 + 2;
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
        if index >= right {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    const ALL: &[(&str, &str)] = &[
        ("race", "everybody may prove every job, and the first is paid"),
        ("rota", "one after the other"),
    ];

    #[test]
    fn what_a_name_is_stands_beside_it_if_there_is_room() {
        let check = |width: usize, expected: Expect| {
            expected.assert_eq(&format!("names\n{}", named(ALL, width)));
        };
        check(
            52,
            expect![[r#"
            names
              race  everybody may prove every job, and the first
                    is paid
              rota  one after the other
        "#]],
        );
        check(
            40,
            expect![[r#"
            names
              race
                  everybody may prove every job, and
                  the first is paid
              rota
                  one after the other
        "#]],
        );
    }

    #[test]
    fn a_narrow_table_is_wrapped_between_words() {
        let row = |name: &str, value: &str| vec![name.to_owned(), value.to_owned()];
        let rows = vec![row("in_one_piece", "0.0123 ± 0.0456"), row("short", "0")];
        let mut table = table(row("property", "open-race"), 1, rows);
        table.set_width(30);
        expect![[r#"
            ┌──────────────┬─────────────┐
            │ property     ┆   open-race │
            ╞══════════════╪═════════════╡
            │ in_one_piece ┆    0.0123 ± │
            │              ┆      0.0456 │
            │ short        ┆           0 │
            └──────────────┴─────────────┘"#]]
        .assert_eq(&table.to_string());
    }
}
