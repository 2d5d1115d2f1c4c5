//! What this machine is, as a worker announces it.

use crate::worker::WorkerConfig;
use std::time::Duration;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// Memory for what tasks read, unless somebody says otherwise.
const SHELF_BYTES: usize = 512 << 20;

/// What a gigabit line carries.
const BYTES_PER_S: u64 = 100 << 20;

/// How long a question waits for an answer that says something.
const WAIT: Duration = Duration::from_secs(10);

impl WorkerConfig {
    /// A worker of that name on this machine, with all of its memory. Workers on processors of the same kind and number
    /// are taken to be equally fast.
    pub fn of_this_machine(name: impl Into<String>) -> Self {
        let what = RefreshKind::nothing()
            .with_memory(MemoryRefreshKind::nothing().with_ram())
            .with_cpu(CpuRefreshKind::nothing());
        let (mut device, mut memory_mib) = ("unknown processor".to_owned(), u32::MAX);
        if let Ok(system) = System::new_with_specifics(what) {
            let brand = system.cpus().first().map(|cpu| cpu.brand().trim());
            if let Some(brand) = brand.filter(|brand| !brand.is_empty()) {
                device = format!("{} x {brand}", system.cpus().len());
            }
            memory_mib = u32::try_from(system.total_memory() >> 20).unwrap_or(u32::MAX);
        }
        Self {
            name: name.into(),
            device,
            memory_mib,
            gpu_memory_mib: 0,
            disk_mib: 0,
            bytes_per_s: BYTES_PER_S,
            shelf_bytes: SHELF_BYTES,
            wait: WAIT,
        }
    }
}
