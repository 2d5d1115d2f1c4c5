//! Functions fit on a screen, files in a head, lines in a window.
//!
//! Test code is exempt: a table of cases may be long and wide.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::findings::Finding;
use crate::repository::{Repository, TextFile};
use crate::rust_source::{RustSource, lines_of};

const FUNCTION_LINES_MAX: usize = 70;
/// Without the receiver.
const ARGUMENTS_MAX: usize = 5;
/// Production lines of a Rust file.
const RUST_LINES_MAX: usize = 600;
/// The market alone needs most of this; see its NatSpec.
const SOLIDITY_LINES_MAX: usize = 700;
const SCRIPT_LINES_MAX: usize = 300;
const LINE_WIDTH_MAX: usize = 140;
/// A word or a string longer than this is better read whole than wrapped.
const LITERAL_WIDTH_MIN: usize = 60;

const WIDTH_CHECKED: &[&str] = &["rs", "sol", "sh", "mjs", "js", "toml"];

pub(crate) fn findings(repository: &Repository) -> Vec<Finding> {
    repository.files().iter().flat_map(of_file).collect()
}

fn of_file(file: &TextFile) -> Vec<Finding> {
    match file.is_test_code() {
        true => Vec::new(),
        false if file.has_extension(&["rs"]) => of_rust(file),
        false => wide_lines(file).into_iter().chain(long_script(file)).collect(),
    }
}

fn of_rust(file: &TextFile) -> Vec<Finding> {
    match RustSource::parse(file) {
        Ok(source) => {
            let mut found = wide_lines(file);
            found.retain(|finding| !source.is_test_line(finding.line));
            found.extend(long_functions(file, &source));
            found.extend(long_rust_file(file, &source));
            found
        }
        Err(unparsed) => vec![unparsed],
    }
}

fn wide_lines(file: &TextFile) -> Vec<Finding> {
    if !file.has_extension(WIDTH_CHECKED) {
        return Vec::new();
    }
    file.lines()
        .filter(|(_, line)| line.chars().count() > LINE_WIDTH_MAX && !holds_long_literal(line))
        .map(|(number, line)| {
            let what = format!("line of {} characters", line.chars().count());
            Finding::new(&file.path, number, what, format!("wrap it at {LINE_WIDTH_MAX}"))
        })
        .collect()
}

/// True when a hash, a key or a string makes the line long.
fn holds_long_literal(line: &str) -> bool {
    let long = |part: &str| part.len() > LITERAL_WIDTH_MIN;
    line.split_whitespace().any(long) || line.split('"').skip(1).step_by(2).any(long)
}

fn long_script(file: &TextFile) -> Option<Finding> {
    let limit = match () {
        () if file.has_extension(&["sol"]) => SOLIDITY_LINES_MAX,
        () if file.has_extension(&["sh", "mjs", "js"]) => SCRIPT_LINES_MAX,
        () => return None,
    };
    let lines = file.text.lines().count();
    let what = format!("{lines} lines, at most {limit}");
    (lines > limit).then(|| Finding::new(&file.path, 0, what, "split it by what it owns"))
}

fn long_rust_file(file: &TextFile, source: &RustSource) -> Option<Finding> {
    let lines = file.text.lines().count() - source.test_line_count();
    let what = format!("{lines} production lines, at most {RUST_LINES_MAX}");
    let instead = "give each noun in it a module";
    (lines > RUST_LINES_MAX).then(|| Finding::new(&file.path, 0, what, instead))
}

fn long_functions(file: &TextFile, source: &RustSource) -> Vec<Finding> {
    let mut functions = Functions { file, source, arguments_are_given: false, found: Vec::new() };
    functions.visit_file(&source.syntax);
    functions.found
}

struct Functions<'a> {
    file: &'a TextFile,
    source: &'a RustSource,
    /// Inside an implementation of a trait, which sets the arguments.
    arguments_are_given: bool,
    found: Vec<Finding>,
}

impl Functions<'_> {
    fn check(&mut self, signature: &syn::Signature, block: Option<&syn::Block>) {
        let (first, _) = lines_of(signature.span());
        if self.source.is_test_line(first) {
            return;
        }
        let name = &signature.ident;
        let arguments =
            signature.inputs.iter().filter(|input| matches!(input, syn::FnArg::Typed(_))).count();
        if arguments > ARGUMENTS_MAX && !self.arguments_are_given {
            let what = format!("`{name}` takes {arguments} arguments, at most {ARGUMENTS_MAX}");
            let instead = "group them in a struct with named fields";
            self.found.push(Finding::new(&self.file.path, first, what, instead));
        }
        let Some((_, last)) = block.map(|block| lines_of(block.span())) else { return };
        let lines = last - first + 1;
        if lines > FUNCTION_LINES_MAX {
            let what = format!("`{name}` has {lines} lines, at most {FUNCTION_LINES_MAX}");
            let instead = "keep the branches here and move the leaves out";
            self.found.push(Finding::new(&self.file.path, first, what, instead));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.check(&function.sig, Some(&function.block));
        visit::visit_item_fn(self, function);
    }

    fn visit_item_impl(&mut self, block: &'ast syn::ItemImpl) {
        let around = std::mem::replace(&mut self.arguments_are_given, block.trait_.is_some());
        visit::visit_item_impl(self, block);
        self.arguments_are_given = around;
    }

    fn visit_impl_item_fn(&mut self, method: &'ast syn::ImplItemFn) {
        self.check(&method.sig, Some(&method.block));
        visit::visit_impl_item_fn(self, method);
    }

    fn visit_trait_item_fn(&mut self, method: &'ast syn::TraitItemFn) {
        self.check(&method.sig, method.default.as_ref());
        visit::visit_trait_item_fn(self, method);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::findings::listed;

    fn check(path: &str, text: &str, expected: Expect) {
        expected.assert_eq(&listed(&of_file(&TextFile::new(path, text))));
    }

    fn function(head: &str, statements: usize) -> String {
        format!("{head} {{\n{}}}\n", "    step();\n".repeat(statements))
    }

    #[test]
    fn a_long_function_is_found_in_every_kind_of_item() {
        check("src/a.rs", &function("fn fits()", 68), expect![""]);
        let text = [
            function("fn free()", 69),
            format!("impl Thing {{\n{}}}\n", function("fn method(&self)", 69)),
            format!("trait Port {{\n{}}}\n", function("fn provided(&self)", 69)),
        ];
        check(
            "src/a.rs",
            &text.concat(),
            expect![[r#"
                src/a.rs:1: `free` has 71 lines, at most 70; keep the branches here and move the leaves out
                src/a.rs:73: `method` has 71 lines, at most 70; keep the branches here and move the leaves out
                src/a.rs:146: `provided` has 71 lines, at most 70; keep the branches here and move the leaves out
            "#]],
        );
    }

    #[test]
    fn tests_may_be_long() {
        let long = function("fn cases()", 200);
        check("src/a.rs", &format!("#[cfg(test)]\nmod tests {{\n{long}}}\n"), expect![""]);
        check("src/a.rs", &format!("#[tokio::test]\nasync {long}"), expect![""]);
        check("tests/it/main.rs", &long, expect![""]);
        check("src/offer/tests.rs", &long, expect![""]);
    }

    #[test]
    fn the_receiver_is_not_an_argument() {
        let five = "impl T { fn f(&self, a: u8, b: u8, c: u8, d: u8, e: u8) {} }";
        check("src/a.rs", five, expect![""]);
        check(
            "src/a.rs",
            "fn f(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8) {}",
            expect![[r#"
                src/a.rs:1: `f` takes 6 arguments, at most 5; group them in a struct with named fields
            "#]],
        );
    }

    #[test]
    fn a_trait_gives_its_implementations_their_arguments() {
        let six = "fn f(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8) {}";
        check("src/a.rs", &format!("impl Port for T {{ {six} }}"), expect![""]);
        check(
            "src/a.rs",
            &format!("impl T {{ {six} }}"),
            expect![[r#"
                src/a.rs:1: `f` takes 6 arguments, at most 5; group them in a struct with named fields
            "#]],
        );
    }

    #[test]
    fn a_file_counts_its_production_lines() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "const A: u8 = 0;\n".repeat(900));
        let production = "const A: u8 = 0;\n".repeat(600);
        check("src/a.rs", &format!("{production}{tests}"), expect![""]);
        check(
            "src/a.rs",
            &format!("{production}const B: u8 = 0;\n{tests}"),
            expect![[r#"
                src/a.rs: 601 production lines, at most 600; give each noun in it a module
            "#]],
        );
        check(
            "contracts/src/A.sol",
            &"\n".repeat(701),
            expect![[r#"
                contracts/src/A.sol: 701 lines, at most 700; split it by what it owns
            "#]],
        );
        check("contracts/test/A.t.sol", &"\n".repeat(901), expect![""]);
    }

    #[test]
    fn a_line_that_can_be_wrapped_is() {
        check("scripts/a.sh", &format!("# {}", "f".repeat(200)), expect![""]);
        check("scripts/a.sh", &format!("say \"{}\"", "word ".repeat(40)), expect![""]);
        check(
            "scripts/a.sh",
            &format!("# {}", "word ".repeat(40)),
            expect![[r#"
                scripts/a.sh:1: line of 202 characters; wrap it at 140
            "#]],
        );
    }
}
