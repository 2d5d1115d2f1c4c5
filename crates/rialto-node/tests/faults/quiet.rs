//! Virtual time for a node that waits for real threads.
//!
//! The node's database, file and proving threads and the attester work in real time, which is short;
//! the clock must not move while they do. So the driver moves it by hand, and only when every other
//! thread of the process sleeps, and those of a chain's process too: between processes of one machine
//! nothing is under way while both sleep. A misjudgement is no fault: to the node it is a slow disk or
//! a slow endpoint.

use std::ffi::OsString;
use std::path::PathBuf;

/// The longest that is waited for silence, in looks; whatever is still busy then works too slowly.
const LOOKS_MAX: u32 = 200_000;

/// Waits until no thread but this one has anything to do, and none of the process `other` either.
pub(crate) fn until_quiet(other: Option<u32>) {
    let processes = other.map(|id| id.to_string()).into_iter().chain(["self".to_owned()]);
    let tasks: Vec<PathBuf> = processes.map(|id| format!("/proc/{id}/task").into()).collect();
    let mut silent = 0;
    for _ in 0..LOOKS_MAX {
        silent = if all_sleep(&tasks) { silent + 1 } else { 0 };
        if silent == 2 {
            return;
        }
        std::thread::yield_now();
    }
}

fn all_sleep(tasks: &[PathBuf]) -> bool {
    let own: PathBuf = std::fs::read_link("/proc/thread-self").expect("Linux");
    let own: Option<OsString> = own.file_name().map(ToOwned::to_owned);
    let threads = tasks.iter().flat_map(|tasks| std::fs::read_dir(tasks).expect("Linux").flatten());
    threads.filter(|thread| Some(thread.file_name()) != own).all(|thread| {
        // A thread that ends meanwhile is silent too.
        let Ok(stat) = std::fs::read_to_string(thread.path().join("stat")) else { return true };
        let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
        matches!(state, Some('S' | 'Z' | 'X'))
    })
}
