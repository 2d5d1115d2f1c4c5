//! Virtual time for a node that waits for real threads.
//!
//! The node's database, file and proving threads and the attester work in real time, which is short;
//! the clock must not move while they do. So the driver moves it by hand, and only when every other
//! thread of the process sleeps. A misjudgement is no fault: to the node it is a slow disk.

use std::path::PathBuf;

/// The longest that is waited for silence, in looks; whatever is still busy then works too slowly.
const LOOKS_MAX: u32 = 200_000;

/// Waits until no thread but this one has anything to do.
pub(crate) fn until_quiet() {
    let mut silent = 0;
    for _ in 0..LOOKS_MAX {
        silent = if all_sleep() { silent + 1 } else { 0 };
        if silent == 2 {
            return;
        }
        std::thread::yield_now();
    }
}

fn all_sleep() -> bool {
    let own: PathBuf = std::fs::read_link("/proc/thread-self").expect("Linux");
    let own = own.file_name().map(ToOwned::to_owned);
    let threads = std::fs::read_dir("/proc/self/task").expect("Linux");
    threads.flatten().filter(|thread| Some(thread.file_name()) != own).all(|thread| {
        // A thread that ends meanwhile is silent too.
        let Ok(stat) = std::fs::read_to_string(thread.path().join("stat")) else { return true };
        let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
        matches!(state, Some('S' | 'Z' | 'X'))
    })
}
