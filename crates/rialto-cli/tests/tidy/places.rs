//! No file names the machine it was written on or the host that a package came from: a clone
//! builds anywhere, with whatever registries its user has configured.

use crate::findings::Finding;
use crate::repository::{Repository, TextFile};

/// Folders of one machine, as they stand at the start of an absolute path.
const FOLDERS: &[&str] = &["work", "root", "home", "Users", "workspace", "mnt", "private"];

/// Hosts that serve packages. Split, so that this file names none.
const HOSTS: &[&str] = &[
    concat!("registry.", "npmjs"),
    concat!("registry.", "yarnpkg"),
    concat!("index.", "crates.io"),
    concat!("static.", "crates.io"),
    concat!("static.", "rust-lang"),
    concat!("files.", "pythonhosted"),
    concat!("deb.", "debian"),
    concat!("arti", "factory"),
    concat!("binaries.", "soliditylang"),
];

pub(crate) fn findings(repository: &Repository) -> Vec<Finding> {
    repository.files().iter().flat_map(of_file).collect()
}

fn of_file(file: &TextFile) -> Vec<Finding> {
    file.lines().flat_map(|(number, line)| of_line(&file.path, number, line)).collect()
}

fn of_line(path: &str, number: usize, line: &str) -> Vec<Finding> {
    let hosts = HOSTS.iter().filter(|host| line.contains(*host)).map(|host| {
        let instead = "leave the choice of registry to the user's configuration";
        Finding::new(path, number, format!("names the package host {host}"), instead)
    });
    let folders = FOLDERS.iter().filter(|folder| names_folder(line, folder)).map(|folder| {
        let instead = "use a path below the repository, $HOME or a temporary folder";
        Finding::new(path, number, format!("names a path of one machine, /{folder}/"), instead)
    });
    hosts.chain(folders).collect()
}

/// True where `/folder/` begins a path, not where it continues one.
fn names_folder(line: &str, folder: &str) -> bool {
    let start = format!("/{folder}/");
    line.match_indices(&start).any(|(position, _)| {
        let before = line[..position].chars().next_back();
        before.is_none_or(|c| c.is_whitespace() || "\"'`(=:<[".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::findings::listed;

    fn check(text: &str, expected: Expect) {
        let folder = format!("/{}", FOLDERS[0]);
        let text = text.replace("HOST", HOSTS[0]).replace("FOLDER", &folder);
        let found = listed(&of_file(&TextFile::new("a.json", &text)));
        expected.assert_eq(&found.replace(HOSTS[0], "HOST").replace(&folder, "FOLDER"));
    }

    #[test]
    fn hosts_and_machine_paths_are_found() {
        check(
            "{ \"resolved\": \"https://HOST.org/x\" }\n",
            expect![[r#"
                a.json:1: names the package host HOST; leave the choice of registry to the user's configuration
            "#]],
        );
        check(
            "run FOLDER/here/x\n\"FOLDER/x\"\n",
            expect![[r#"
                a.json:1: names a path of one machine, FOLDER/; use a path below the repository, $HOME or a temporary folder
                a.json:2: names a path of one machine, FOLDER/; use a path below the repository, $HOME or a temporary folder
            "#]],
        );
    }

    #[test]
    fn a_path_below_something_passes() {
        check("target/FOLDER/x $HOMEFOLDER/x https://example.orgFOLDER/x\n", expect![""]);
    }
}
