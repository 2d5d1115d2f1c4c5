//! A rule book at a terminal: wrapped to its width, with headings that stand out.

use super::terminal::{self, lines};
use crate::show;
use std::io::IsTerminal;

/// A rule book's prose for standard output.
pub(super) fn prose(book: &str) -> String {
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    wrapped(book, terminal::width(), colour)
}

/// Paragraphs at `width`; an emphasised heading such as *Rule.* begins a paragraph on a line of its own.
fn wrapped(book: &str, width: usize, colour: bool) -> String {
    let paragraphs = book.split("\n\n").map(|paragraph| {
        let words: Vec<&str> = paragraph.split_whitespace().collect();
        let text = words.join(" ");
        let heading = text.strip_prefix('*').filter(|rest| !rest.starts_with('*'));
        match heading.and_then(|rest| rest.split_once("*")) {
            Some((heading, rest)) => {
                let heading = show::bold(heading.trim_end_matches('.'), colour);
                format!("{heading}\n{}", lines(&plain(rest), width, "  ", "  "))
            }
            None => lines(&plain(&text), width, "", ""),
        }
    });
    paragraphs.collect::<Vec<_>>().join("\n")
}

/// Without the marks of emphasis.
fn plain(text: &str) -> String {
    text.replace('*', "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_rule_book_has_headings_and_fits() {
        let book = "**Race** (bounty; M0). Everybody may\nprove every job.\n\n*Rule.* A job is open to all from the\nstart, and `settle` says who wins.\n";
        expect![[r#"
            Race (bounty; M0). Everybody may prove
            every job.

            Rule
              A job is open to all from the start,
              and `settle` says who wins.
        "#]]
        .assert_eq(&wrapped(book, 40, false));
        assert!(wrapped(book, 40, true).contains("\u{1b}[1mRule\u{1b}[0m"));
    }
}
