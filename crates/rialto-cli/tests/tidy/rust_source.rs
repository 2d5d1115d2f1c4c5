//! A parsed Rust file, and which of its lines are test code.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::findings::Finding;
use crate::repository::TextFile;

/// A Rust file that parsed.
pub(crate) struct RustSource {
    pub(crate) syntax: syn::File,
    /// Every token of the file, macro bodies included.
    pub(crate) tokens: TokenStream,
    test_lines: Vec<(usize, usize)>,
}

impl RustSource {
    pub(crate) fn parse(file: &TextFile) -> Result<Self, Finding> {
        let unparsed = |error: &dyn std::fmt::Display| {
            Finding::new(&file.path, 0, format!("does not parse: {error}"), "mend it")
        };
        let syntax = syn::parse_file(&file.text).map_err(|error| unparsed(&error))?;
        let tokens = file.text.parse().map_err(|error| unparsed(&error))?;
        let mut finder = TestItems::default();
        finder.visit_file(&syntax);
        Ok(Self { syntax, tokens, test_lines: finder.lines })
    }

    /// True when the line belongs to an item under `#[cfg(test)]` or to a `#[test]`.
    pub(crate) fn is_test_line(&self, line: usize) -> bool {
        self.test_lines.iter().any(|&(first, last)| (first..=last).contains(&line))
    }

    /// How many lines belong to test items.
    pub(crate) fn test_line_count(&self) -> usize {
        self.test_lines.iter().map(|&(first, last)| last - first + 1).sum()
    }
}

/// First and last line of a span.
pub(crate) fn lines_of(span: Span) -> (usize, usize) {
    (span.start().line, span.end().line)
}

/// Leaves of a token tree in reading order.
pub(crate) fn leaves(tokens: TokenStream) -> Vec<TokenTree> {
    let mut flat = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) => flat.extend(leaves(group.stream())),
            leaf => flat.push(leaf),
        }
    }
    flat
}

#[derive(Default)]
struct TestItems {
    lines: Vec<(usize, usize)>,
}

impl<'ast> Visit<'ast> for TestItems {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if attributes_of(item).iter().any(marks_test) {
            self.lines.push(lines_of(item.span()));
        } else {
            visit::visit_item(self, item);
        }
    }
}

fn attributes_of(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn marks_test(attribute: &syn::Attribute) -> bool {
    let path = attribute.path();
    if path.is_ident("cfg") {
        return attribute.parse_args::<syn::Path>().is_ok_and(|flag| flag.is_ident("test"));
    }
    path.segments.last().is_some_and(|segment| segment.ident == "test")
}
