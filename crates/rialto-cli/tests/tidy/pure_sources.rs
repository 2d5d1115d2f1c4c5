//! Pure sources reach for nothing outside their arguments: no file, clock, thread, entropy.
//!
//! Works on tokens, so macro bodies count, after resolving what the file imports. Test code is
//! exempt: golden files are read and written there.

use std::collections::BTreeMap;

use proc_macro2::TokenTree;
use syn::visit::{self, Visit};

use crate::findings::Finding;
use crate::pure_trees::PURE_CRATES;
use crate::repository::{Repository, TextFile};
use crate::rust_source::{RustSource, leaves};

/// Path, and what to do instead. A path bans everything below it.
const BANNED: &[(&str, &str)] = &[
    ("std::fs", "take the bytes as an argument"),
    ("std::path", "names of files belong to the edges"),
    ("std::env", "take the value as an argument"),
    ("std::net", "sockets belong to the edges"),
    ("std::os", "the operating system belongs to the edges"),
    ("std::process", "processes belong to the edges"),
    ("std::thread", "threads belong to the edges"),
    ("std::sync::mpsc", "threads belong to the edges"),
    ("std::io::stdin", "take the bytes as an argument"),
    ("std::io::stdout", "return the text"),
    ("std::io::stderr", "return the text"),
    ("std::time::SystemTime", "take `now` as an argument"),
    ("std::time::Instant", "take `now` as an argument"),
    ("std::time::UNIX_EPOCH", "take `now` as an argument"),
    ("std::collections::HashMap", "its order is drawn from entropy; use BTreeMap"),
    ("std::collections::HashSet", "its order is drawn from entropy; use BTreeSet"),
    ("std::collections::hash_map", "its order is drawn from entropy; use BTreeMap"),
    ("std::hash::RandomState", "it is entropy; use BTreeMap"),
    ("alloy_primitives::map", "its order is drawn from entropy; use BTreeMap"),
];

/// Names that betray entropy or a clock wherever they stand behind a path.
const BANNED_LEAVES: &[(&str, &str)] = &[
    ("random", "take the value as an argument"),
    ("random_with", "take the value as an argument"),
    ("thread_rng", "take the seed as an argument"),
    ("from_entropy", "take the seed as an argument"),
    ("from_os_rng", "take the seed as an argument"),
    ("OsRng", "take the seed as an argument"),
];

/// Macros that act: the name before the exclamation mark.
const BANNED_MACROS: &[(&str, &str)] = &[
    ("print", "return the text"),
    ("println", "return the text"),
    ("eprint", "return the text"),
    ("eprintln", "return the text"),
    ("dbg", "return the value"),
    ("env", "take the value as an argument"),
    ("option_env", "take the value as an argument"),
];

pub(crate) fn findings(repository: &Repository) -> Vec<Finding> {
    repository.rust_files().filter(|file| is_pure(file)).flat_map(of_file).collect()
}

fn is_pure(file: &TextFile) -> bool {
    let below = |name: &str| file.path.starts_with(&format!("crates/{name}/src/"));
    PURE_CRATES.iter().any(|name| below(name)) && !file.is_test_code()
}

fn of_file(file: &TextFile) -> Vec<Finding> {
    let source = match RustSource::parse(file) {
        Ok(source) => source,
        Err(unparsed) => return vec![unparsed],
    };
    let mut imports = Imports::default();
    imports.visit_file(&source.syntax);
    let mut mentions = paths(&source);
    mentions.extend(imports.mentions());
    let mut found: Vec<_> = mentions
        .iter()
        .filter(|mention| !source.is_test_line(mention.line))
        .filter_map(|mention| imports.judge(mention))
        .map(|(line, path, instead)| {
            Finding::new(&file.path, line, format!("uses {path}"), instead)
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

/// A path as it is written, and whether an exclamation mark follows.
#[derive(Debug)]
struct Mention {
    line: usize,
    path: String,
    is_macro: bool,
}

/// Every path among the tokens: identifiers joined by `::`.
fn paths(source: &RustSource) -> Vec<Mention> {
    let tokens = leaves(source.tokens.clone());
    let mut mentions: Vec<Mention> = Vec::new();
    let mut position = 0;
    while let Some(token) = tokens.get(position) {
        position += 1;
        let TokenTree::Ident(first) = token else { continue };
        let mut path = first.to_string();
        while let [TokenTree::Punct(a), TokenTree::Punct(b), TokenTree::Ident(next), ..] =
            &tokens[position..]
        {
            if (a.as_char(), b.as_char()) != (':', ':') {
                break;
            }
            path = format!("{path}::{next}");
            position += 3;
        }
        let is_macro =
            matches!(tokens.get(position), Some(TokenTree::Punct(mark)) if mark.as_char() == '!');
        mentions.push(Mention { line: first.span().start().line, path, is_macro });
    }
    mentions
}

/// What the file imports: local name to full path.
#[derive(Default)]
struct Imports {
    full: BTreeMap<String, String>,
    used: Vec<(usize, String)>,
}

impl Imports {
    fn mentions(&self) -> impl Iterator<Item = Mention> {
        let mention = |(line, path): &(usize, String)| Mention {
            line: *line,
            path: path.clone(),
            is_macro: false,
        };
        self.used.iter().map(mention)
    }

    fn judge(&self, mention: &Mention) -> Option<(usize, String, &'static str)> {
        let (head, tail) = mention.path.split_once("::").unwrap_or((&mention.path, ""));
        let full = match (self.full.get(head), tail) {
            (Some(full), "") => full.clone(),
            (Some(full), tail) => format!("{full}::{tail}"),
            (None, _) => mention.path.clone(),
        };
        let full = full.replacen("core::", "std::", usize::from(full.starts_with("core::")));
        let path_banned = BANNED.iter().find(|(banned, _)| is_below(&full, banned));
        let leaf = full.rsplit_once("::").map(|(_, leaf)| leaf);
        let leaf_banned = BANNED_LEAVES.iter().find(|(banned, _)| leaf == Some(banned));
        let called = |banned: &str| mention.is_macro && leaf.unwrap_or(&full) == banned;
        let macro_banned = BANNED_MACROS.iter().find(|(banned, _)| called(banned));
        let (_, instead) = path_banned.or(leaf_banned).or(macro_banned)?;
        Some((mention.line, full, instead))
    }

    fn collect(&mut self, prefix: &str, tree: &syn::UseTree, line: usize) {
        let below = |name: &syn::Ident| match (prefix, name.to_string().as_str()) {
            ("", name) => name.to_owned(),
            (prefix, "self") => prefix.to_owned(),
            (prefix, name) => format!("{prefix}::{name}"),
        };
        match tree {
            syn::UseTree::Path(path) => self.collect(&below(&path.ident), &path.tree, line),
            syn::UseTree::Name(name) => self.bind(None, below(&name.ident), line),
            syn::UseTree::Rename(name) => {
                self.bind(Some(name.rename.to_string()), below(&name.ident), line);
            }
            syn::UseTree::Glob(_) => self.used.push((line, prefix.to_owned())),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|item| self.collect(prefix, item, line));
            }
        }
    }

    fn bind(&mut self, alias: Option<String>, full: String, line: usize) {
        let leaf = full.rsplit("::").next().unwrap_or(&full).to_owned();
        self.full.insert(alias.unwrap_or(leaf), full.clone());
        self.used.push((line, full));
    }
}

impl<'ast> Visit<'ast> for Imports {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let line = item.use_token.span.start().line;
        self.collect("", &item.tree, line);
        visit::visit_item_use(self, item);
    }
}

fn is_below(path: &str, banned: &str) -> bool {
    path.strip_prefix(banned).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::findings::listed;

    fn check(text: &str, expected: Expect) {
        expected.assert_eq(&listed(&of_file(&TextFile::new("src/offer.rs", text))));
    }

    #[test]
    fn a_path_is_found_however_it_is_written() {
        check(
            "fn f() { std::fs::read(p); }",
            expect![[r#"
            src/offer.rs:1: uses std::fs::read; take the bytes as an argument
        "#]],
        );
        check(
            "use std::{env, net::TcpStream, time::Duration};",
            expect![[r#"
            src/offer.rs:1: uses std::env; take the value as an argument
            src/offer.rs:1: uses std::net::TcpStream; sockets belong to the edges
        "#]],
        );
        check(
            "use std::time;\nfn f() { time::Instant::now(); time::Duration::ZERO; }",
            expect![[r#"
                src/offer.rs:2: uses std::time::Instant::now; take `now` as an argument
            "#]],
        );
        check(
            "use std::time::Instant as Tick;\nfn f(at: Tick) {}",
            expect![[r#"
            src/offer.rs:1: uses std::time::Instant; take `now` as an argument
            src/offer.rs:2: uses std::time::Instant; take `now` as an argument
        "#]],
        );
        check(
            "fn f() { assert!(core::time::Duration::ZERO < x, \"{}\", std::env::var(n)); }",
            expect![[r#"
                src/offer.rs:1: uses std::env::var; take the value as an argument
            "#]],
        );
        check(
            "use std::thread::*;",
            expect![[r#"
            src/offer.rs:1: uses std::thread; threads belong to the edges
        "#]],
        );
    }

    #[test]
    fn entropy_and_output_are_found() {
        check(
            "fn f() { B256::random(); }\nfn random() {}",
            expect![[r#"
            src/offer.rs:1: uses B256::random; take the value as an argument
        "#]],
        );
        check(
            "fn f() { println!(\"{x}\"); self.print(); }",
            expect![[r#"
            src/offer.rs:1: uses println; return the text
        "#]],
        );
        check(
            "use std::collections::{BTreeMap, HashMap};",
            expect![[r#"
            src/offer.rs:1: uses std::collections::HashMap; its order is drawn from entropy; use BTreeMap
        "#]],
        );
    }

    #[test]
    fn test_code_and_harmless_names_pass() {
        check("#[cfg(test)]\nmod tests { use std::fs; fn f() { fs::read(p); } }", expect![""]);
        check("use std::time::Duration;\nfn f(env: u8, fs: u8) -> u8 { env + fs }", expect![""]);
    }
}
