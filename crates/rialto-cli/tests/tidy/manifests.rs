//! Every crate takes its lints, its licence and its dependencies from the workspace, so that a
//! version or a rule is changed in one place.

use toml::{Table, Value};

use crate::findings::Finding;
use crate::repository::{Repository, TextFile};

const DEPENDENCY_TABLES: &[&str] = &["dependencies", "dev-dependencies", "build-dependencies"];

pub(crate) fn findings(repository: &Repository) -> Vec<Finding> {
    let is_member =
        |file: &&TextFile| file.path.starts_with("crates/") && file.path.ends_with("/Cargo.toml");
    repository.files().iter().filter(is_member).flat_map(of_manifest).collect()
}

fn of_manifest(file: &TextFile) -> Vec<Finding> {
    let manifest: Table = match file.text.parse() {
        Ok(manifest) => manifest,
        Err(error) => {
            return vec![Finding::new(
                &file.path,
                0,
                format!("does not parse: {error}"),
                "mend it",
            )];
        }
    };
    let mut found = Vec::new();
    if !inherits(manifest.get("lints")) {
        let instead = "add `[lints] workspace = true`";
        found.push(Finding::new(&file.path, 0, "does not take the workspace's lints", instead));
    }
    let package = manifest.get("package").and_then(Value::as_table);
    for key in ["edition", "license", "publish", "rust-version"] {
        if !inherits(package.and_then(|package| package.get(key))) {
            let instead = format!("write `{key}.workspace = true`");
            found.push(Finding::new(&file.path, 0, format!("sets its own {key}"), instead));
        }
    }
    found.extend(own_dependencies(file, &manifest));
    found
}

fn own_dependencies(file: &TextFile, manifest: &Table) -> Vec<Finding> {
    DEPENDENCY_TABLES
        .iter()
        .filter_map(|table| manifest.get(*table)?.as_table())
        .flatten()
        .filter(|(_, dependency)| !inherits(Some(dependency)))
        .map(|(name, _)| {
            let what = format!("pins `{name}` itself");
            let instead = "declare it under [workspace.dependencies] and inherit it";
            Finding::new(&file.path, 0, what, instead)
        })
        .collect()
}

fn inherits(value: Option<&Value>) -> bool {
    let flag = value.and_then(|value| value.get("workspace"));
    flag.and_then(Value::as_bool).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::findings::listed;

    #[test]
    fn what_is_not_inherited_is_found() {
        let text = "package = { name = \"a\", license.workspace = true, edition = \"2024\", \
                    publish.workspace = true, rust-version.workspace = true }\n\
                    [dependencies]\nserde.workspace = true\nhex = \"0.4\"\n\
                    [dev-dependencies]\ntempfile = { workspace = true }\nlibc = { version = \"1\" }\n";
        let found = of_manifest(&TextFile::new("crates/a/Cargo.toml", text));
        expect![[r#"
            crates/a/Cargo.toml: does not take the workspace's lints; add `[lints] workspace = true`
            crates/a/Cargo.toml: sets its own edition; write `edition.workspace = true`
            crates/a/Cargo.toml: pins `hex` itself; declare it under [workspace.dependencies] and inherit it
            crates/a/Cargo.toml: pins `libc` itself; declare it under [workspace.dependencies] and inherit it
        "#]].assert_eq(&listed(&found));
    }
}
