//! The repository as the rules see it: the text of every file that is, or would be, committed.
//! Read once per process.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A file that is valid UTF-8; others are no concern of these rules.
#[derive(Debug, Clone)]
pub(crate) struct TextFile {
    /// Path from the repository's root, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl TextFile {
    #[cfg(test)]
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// Lines with their one-based numbers.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    pub(crate) fn has_extension(&self, extensions: &[&str]) -> bool {
        let extension = Path::new(&self.path).extension().and_then(|found| found.to_str());
        extension.is_some_and(|found| extensions.contains(&found))
    }

    /// File name without its extension.
    pub(crate) fn stem(&self) -> &str {
        Path::new(&self.path).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
    }

    /// True for code that runs in tests and benches only.
    pub(crate) fn is_test_code(&self) -> bool {
        let folder = self.path.split('/').any(|part| matches!(part, "tests" | "benches" | "test"));
        folder || self.stem() == "tests"
    }
}

#[derive(Debug)]
pub(crate) struct Repository {
    root: PathBuf,
    files: Vec<TextFile>,
}

impl Repository {
    /// The repository that this test belongs to.
    pub(crate) fn open() -> &'static Self {
        static OPENED: OnceLock<Repository> = OnceLock::new();
        OPENED.get_or_init(|| {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
            let root = root.canonicalize().expect("the workspace is two folders up");
            let files = committed_paths(&root)
                .into_iter()
                .filter_map(|path| {
                    let text = std::fs::read_to_string(root.join(&path)).ok()?;
                    Some(TextFile { path, text })
                })
                .collect();
            Self { root, files }
        })
    }

    pub(crate) fn files(&self) -> &[TextFile] {
        &self.files
    }

    /// Rust files of the workspace and of the guests.
    pub(crate) fn rust_files(&self) -> impl Iterator<Item = &TextFile> {
        self.files.iter().filter(|file| file.has_extension(&["rs"]))
    }

    pub(crate) fn file(&self, path: &str) -> Option<&TextFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Output of a cargo command that needs no network. Each package is asked about alone,
    /// whatever the environment says about unifying features.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> String {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut command = Command::new(cargo);
        command.env_remove("CARGO_RESOLVER_FEATURE_UNIFICATION");
        output(command.args(arguments).arg("--offline").current_dir(&self.root))
    }
}

/// Tracked files, and new ones that git does not ignore. Ownership is not git's business here.
fn committed_paths(root: &Path) -> Vec<String> {
    let mut git = Command::new("git");
    git.args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others"]);
    let listing = output(git.arg("--exclude-standard").current_dir(root));
    let mut paths: Vec<_> = listing.split_terminator('\0').map(str::to_owned).collect();
    paths.sort();
    paths.dedup();
    assert!(!paths.is_empty(), "git lists no files below {}", root.display());
    paths
}

fn output(command: &mut Command) -> String {
    let ran = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{command:?} failed:\n{errors}");
    String::from_utf8(ran.stdout).expect("cargo and git print UTF-8")
}
