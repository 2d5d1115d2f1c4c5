//! A file that is read again when it changes.
//!
//! Invariants: what is in force was valid as a whole; a file that is half written, gone or wrong
//! changes nothing; each state of the file is reported once. A text counts when two looks in a row
//! have seen it, since an editor that writes in place passes through an empty file, which would be
//! a valid configuration of defaults.

use super::{Change, Checked, Remark, Settings, SettingsError, text_of};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Two looks and the reading of a mebibyte stay well below the two seconds that are promised.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What became of a changed file.
#[derive(Debug)]
pub enum Reload {
    /// It is in force.
    Applied {
        /// What is different now; nothing if only words around the settings are.
        changes: Vec<Change>,
        /// What its author should know.
        warnings: Vec<Remark>,
    },
    /// It cannot be used; what was in force still is.
    Refused(SettingsError),
}

/// A configuration file that is watched.
#[derive(Debug)]
pub struct Reloading {
    path: PathBuf,
    current: watch::Sender<Arc<Settings>>,
    /// What the last look saw.
    looked: Seen,
    /// What was reported last.
    told: Seen,
}

/// A state of the file: its text, or why it cannot be read.
type Seen = Result<String, std::io::ErrorKind>;

impl Reloading {
    /// Reads the file for the first time; it must be valid. Gives the warnings of that reading too.
    pub fn open(path: &Path) -> Result<(Self, Vec<Remark>), SettingsError> {
        let text = text_of(path)
            .map_err(|source| SettingsError::Read { path: path.to_owned(), source })?;
        let Checked { settings, warnings } = Settings::parse(&text)
            .map_err(|source| SettingsError::Refused { path: path.to_owned(), source })?;
        let (current, _) = watch::channel(Arc::new(settings));
        let told = Ok(text);
        Ok((Self { path: path.to_owned(), current, looked: told.clone(), told }, warnings))
    }

    /// What is in force, now and later.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Settings>> {
        self.current.subscribe()
    }

    /// Looks at the file until told to stop, and reports each change of it.
    pub async fn run(mut self, stop: CancellationToken, mut report: impl FnMut(Reload)) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.cancelled() => return,
            }
            let path = self.path.clone();
            let read = tokio::task::spawn_blocking(move || text_of(&path)).await;
            if let Some(news) = self.consider(read.expect("reading a file returns its errors")) {
                report(news);
            }
        }
    }

    /// One look, whose result is `read`.
    fn consider(&mut self, read: std::io::Result<String>) -> Option<Reload> {
        let seen = read.as_ref().map(String::clone).map_err(std::io::Error::kind);
        let is_settled = self.looked == seen;
        self.looked = seen;
        if !is_settled || self.looked == self.told {
            return None;
        }
        self.told = self.looked.clone();
        Some(match read {
            Ok(text) => self.apply(&text),
            Err(source) => Reload::Refused(SettingsError::Read { path: self.path.clone(), source }),
        })
    }

    fn apply(&mut self, text: &str) -> Reload {
        match Settings::parse(text) {
            Ok(Checked { settings, warnings }) => {
                let changes = self.current.borrow().changes(&settings);
                if !changes.is_empty() {
                    self.current.send_replace(Arc::new(settings));
                }
                Reload::Applied { changes, warnings }
            }
            Err(source) => {
                Reload::Refused(SettingsError::Refused { path: self.path.clone(), source })
            }
        }
    }
}

impl fmt::Display for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Applied { changes, warnings } => {
                match changes.len() {
                    0 => f.write_str("the configuration was read again; nothing is different")?,
                    1 => f.write_str("the configuration has changed:")?,
                    many => write!(f, "the configuration has changed in {many} settings:")?,
                }
                changes.iter().try_for_each(|change| write!(f, "\n  {change}"))?;
                warnings.iter().try_for_each(|warning| write!(f, "\n  warning: {warning}"))
            }
            Self::Refused(error) => {
                f.write_str(
                    "the changed configuration is refused, the one before stays in force: ",
                )?;
                f.write_str(&crate::logbook::with_sources(error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::TakesEffect;
    use expect_test::expect;
    use std::fs;
    use tokio::sync::mpsc;

    /// A watched file and what is said of it.
    struct Desk {
        folder: tempfile::TempDir,
        settings: watch::Receiver<Arc<Settings>>,
        news: mpsc::UnboundedReceiver<Reload>,
        stop: CancellationToken,
    }

    impl Desk {
        fn open(text: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("node.toml");
            fs::write(&path, text).unwrap();
            let (reloading, _) = Reloading::open(&path).unwrap();
            let settings = reloading.subscribe();
            let (told, news) = mpsc::unbounded_channel();
            let stop = CancellationToken::new();
            tokio::spawn(reloading.run(stop.clone(), move |news| told.send(news).unwrap()));
            Self { folder, settings, news, stop }
        }

        fn path(&self) -> PathBuf {
            self.folder.path().join("node.toml")
        }

        /// As careful editors do.
        fn replace(&self, text: &str) {
            let draft = self.folder.path().join("draft");
            fs::write(&draft, text).unwrap();
            fs::rename(&draft, self.path()).unwrap();
        }

        async fn said(&mut self) -> String {
            let said = self.news.recv().await.unwrap().to_string();
            said.replace(&self.folder.path().display().to_string(), "DIR")
        }

        fn min_deadline(&self) -> u64 {
            self.settings.borrow().market.min_deadline
        }
    }

    impl Drop for Desk {
        fn drop(&mut self) {
            self.stop.cancel();
        }
    }

    #[tokio::test]
    async fn a_valid_change_is_in_force_and_told_however_it_is_written() {
        let mut desk = Desk::open("[market]\nmin_deadline = 70\n");
        desk.replace("[market]\nmin_deadline = 80\nlookback_blocks = 9\n");
        expect![[r#"
            the configuration has changed in 2 settings:
              market.min_deadline: 70 -> 80
              market.lookback_blocks: 300 -> 9 (from the next start on)"#]]
        .assert_eq(&desk.said().await);
        assert_eq!(desk.min_deadline(), 80);
        fs::write(
            desk.path(),
            "[market]\nmin_deadline = 90\nlookback_blocks = 9\nmax_stake = \"5\"\n",
        )
        .unwrap();
        expect![[r#"
            the configuration has changed in 2 settings:
              market.max_collateral: "10 USD" -> "5 ZKC"
              market.min_deadline: 80 -> 90
              warning: line 4: market.max_collateral has no unit and is taken as "5 ZKC"
              warning: line 4: market.max_stake is an old name of market.max_collateral"#]]
        .assert_eq(&desk.said().await);
        assert_eq!(desk.min_deadline(), 90);
    }

    #[tokio::test]
    async fn an_invalid_or_missing_file_changes_nothing_and_is_told_once() {
        let mut desk = Desk::open("[market]\nmin_deadline = 70\n");
        desk.replace("[market]\nmin_deadlin = 80\n");
        expect!["the changed configuration is refused, the one before stays in force: DIR/node.toml is not a valid configuration: line 2: market.min_deadlin is not a setting; did you mean min_deadline?"]
            .assert_eq(&desk.said().await);
        assert_eq!(desk.min_deadline(), 70);
        fs::remove_file(desk.path()).unwrap();
        let gone = desk.said().await;
        assert!(gone.contains("cannot read the configuration DIR/node.toml"), "{gone}");
        assert_eq!(desk.min_deadline(), 70);
        desk.replace("# back\n[market]\nmin_deadline = 70\n");
        expect!["the configuration was read again; nothing is different"]
            .assert_eq(&desk.said().await);
        desk.replace("[market]\nmin_deadline = 71\n");
        assert!(desk.said().await.contains("70 -> 71"));
        assert!(desk.news.try_recv().is_err(), "each state is told once");
    }

    #[test]
    fn a_text_counts_when_two_looks_have_seen_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.toml");
        let text = "[market]\ndeny_requestor_addresses = [\"0x1111111111111111111111111111111111111111\"]\n";
        fs::write(&path, text).unwrap();
        let (mut reloading, _) = Reloading::open(&path).unwrap();
        let settings = reloading.subscribe();
        assert!(reloading.consider(Ok(String::new())).is_none(), "an editor has just cut it");
        assert!(reloading.consider(Ok(text.to_owned())).is_none(), "and written it again");
        assert!(reloading.consider(Ok(text.to_owned())).is_none());
        assert_eq!(settings.borrow().market.deny_requestor_addresses.len(), 1);
        assert!(reloading.consider(Ok(String::new())).is_none());
        let Some(Reload::Applied { changes, .. }) = reloading.consider(Ok(String::new())) else {
            panic!("the file is empty on purpose");
        };
        assert_eq!(changes[0].takes_effect, TakesEffect::Live);
        assert!(settings.borrow().market.deny_requestor_addresses.is_empty());
    }

    #[test]
    fn the_first_reading_must_succeed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.toml");
        assert!(matches!(Reloading::open(&path), Err(SettingsError::Read { .. })));
        fs::write(&path, "x").unwrap();
        assert!(matches!(Reloading::open(&path), Err(SettingsError::Refused { .. })));
    }
}
