//! Many runs of trials, in parallel, each kept on disk as soon as it is done. What is reported is always
//! read back from there, so a campaign that was killed and goes on ends with the very same bytes.

use crate::failure::Failure;
use crate::show::Console;
use anyhow::{Context, Result};
use rialto_lab::{Measures, Runs, Trial, Variant};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What is run.
pub(super) struct Campaign {
    /// Trials with a name for each, which can be part of a file's.
    pub(super) trials: Vec<(String, Trial)>,
    pub(super) variants: Vec<Variant>,
    pub(super) seeds: Vec<u64>,
    /// All that results depend on, in words: results of anything else are not mixed with these.
    pub(super) description: String,
}

/// One run.
struct Unit<'a> {
    trial: &'a Trial,
    variant: Variant,
    seed: u64,
    file: PathBuf,
}

impl Campaign {
    /// Runs what is not done yet, and gives what every trial came to.
    pub(super) fn run(&self, dir: &Path, console: Console) -> Result<Vec<Vec<Runs>>> {
        self.claim(dir)?;
        let units: Vec<Unit<'_>> = self.units(dir).collect();
        let waiting: Vec<&Unit<'_>> = units.iter().filter(|unit| !unit.file.exists()).collect();
        if waiting.len() < units.len() {
            let done = units.len() - waiting.len();
            console.remark(&format!("{done} of {} runs are done already", units.len()));
        }
        run_all(&waiting, units.len(), console)?;
        let runs = self.trials.iter().map(|(name, _)| {
            let of_variant = |variant: &Variant| {
                let files = self.seeds.iter().map(|seed| file(dir, name, *variant, *seed));
                let measures = files.map(|file| read(&file)).collect::<Result<_>>()?;
                Ok(Runs { variant: *variant, measures })
            };
            self.variants.iter().map(of_variant).collect()
        });
        runs.collect()
    }

    fn units<'a>(&'a self, dir: &'a Path) -> impl Iterator<Item = Unit<'a>> {
        self.trials.iter().flat_map(move |(name, trial)| {
            self.variants.iter().flat_map(move |variant| {
                self.seeds.iter().map(move |seed| Unit {
                    trial,
                    variant: *variant,
                    seed: *seed,
                    file: file(dir, name, *variant, *seed),
                })
            })
        })
    }

    /// A directory belongs to one campaign.
    fn claim(&self, dir: &Path) -> Result<()> {
        let runs = dir.join("runs");
        let label = dir.join("campaign.txt");
        fs::create_dir_all(&runs).with_context(|| unwritable(&runs))?;
        let whole = format!("rialto {}\n{}", env!("CARGO_PKG_VERSION"), self.description);
        match fs::read_to_string(&label) {
            Ok(found) if found == whole => Ok(()),
            Ok(_) => {
                let what = format!("{} holds the results of something else", dir.display());
                Err(Failure::usage(what, "name another directory with --out, or remove it").into())
            }
            Err(_) => write_whole(&label, whole.as_bytes()),
        }
    }
}

/// As many at a time as there are cores.
fn run_all(waiting: &[&Unit<'_>], all: usize, console: Console) -> Result<()> {
    let bar = console.progress(all as u64);
    bar.inc((all - waiting.len()) as u64);
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    let work = || {
        while let Some(unit) = waiting.get(next.fetch_add(1, Ordering::Relaxed)) {
            bar.set_message(format!("{} seed {}", unit.variant.name(), unit.seed));
            if let Err(error) = unit.run() {
                failed.lock().expect("a run panicked").get_or_insert(error);
                next.store(waiting.len(), Ordering::Relaxed);
            }
            bar.inc(1);
        }
    };
    let cores = thread::available_parallelism().map_or(1, Into::into);
    thread::scope(|scope| (0..cores.min(waiting.len())).for_each(|_| drop(scope.spawn(work))));
    bar.finish_and_clear();
    failed.into_inner().expect("a run panicked").map_or(Ok(()), Err)
}

impl Unit<'_> {
    fn run(&self) -> Result<()> {
        let measures = self.variant.of(self.trial).run(self.seed).with_context(|| {
            let mechanism = self.trial.kind.about.name;
            format!("{mechanism} broke off at seed {} as {}", self.seed, self.variant.name())
        })?;
        write_whole(&self.file, &serde_json::to_vec(&measures)?)
    }
}

fn file(dir: &Path, trial: &str, variant: Variant, seed: u64) -> PathBuf {
    dir.join("runs").join(format!("{trial}-{}-{seed}.json", variant.name()))
}

fn read(file: &Path) -> Result<Measures> {
    let text = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_slice(&text).with_context(|| {
        Failure::usage(format!("{} is damaged", file.display()), "remove it and run again")
    })
}

/// Writes a file so that it is there whole or not at all, whenever the process ends.
pub(super) fn write_whole(file: &Path, bytes: &[u8]) -> Result<()> {
    let half = file.with_extension(format!("{}.half", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut handle = fs::File::create(&half)?;
        std::io::Write::write_all(&mut handle, bytes)?;
        handle.sync_all()?;
        fs::rename(&half, file)
    };
    write().with_context(|| unwritable(file))
}

fn unwritable(path: &Path) -> Failure {
    Failure::usage(format!("cannot write {}", path.display()), "name a directory that you own")
}
