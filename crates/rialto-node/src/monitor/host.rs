//! The machine that the node runs on: processors, memory, the data directory's disk, and graphics
//! processors where `nvidia-smi` is on the path.

use super::page::{Gpu, Host};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use sysinfo::{Disks, MemoryRefreshKind, Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// A disk with less than this share free is nearly full.
const DISK_LOW_PERCENT: u64 = 5;
/// `nvidia-smi` answers in a fraction of a second; a driver in trouble makes it hang.
const SMI_PATIENCE: Duration = Duration::from_secs(5);
const SMI: &str = "nvidia-smi";

/// Looks at the machine; holds what is needed to tell two looks apart. What this system does not tell
/// counts as zero.
pub(crate) struct Gauge {
    system: Option<System>,
    disks: Option<Disks>,
    data_dir: PathBuf,
    has_smi: bool,
}

impl Gauge {
    pub(crate) fn new(data_dir: &Path) -> Self {
        // Disks are known by the absolute paths of their mounts.
        let data_dir = data_dir.canonicalize().unwrap_or_else(|_| data_dir.to_owned());
        let (system, disks) = (System::new().ok(), Disks::new().ok());
        Self { system, disks, data_dir, has_smi: is_on_path(SMI) }
    }

    pub(crate) async fn look(&mut self) -> Host {
        let mut host = Host::default();
        if let Some(system) = &mut self.system {
            look_at_system(system, &mut host);
        }
        if let Some(disks) = &mut self.disks {
            disks.refresh(true);
            let mounted = disks.iter().filter(|disk| self.data_dir.starts_with(disk.mount_point()));
            let disk = mounted.max_by_key(|disk| disk.mount_point().as_os_str().len());
            host.disk_free_bytes = disk.map_or(0, sysinfo::Disk::available_space);
            host.disk_total_bytes = disk.map_or(0, sysinfo::Disk::total_space);
        }
        if self.has_smi {
            host.gpus = gpus().await;
        }
        host
    }
}

fn look_at_system(system: &mut System, host: &mut Host) {
    let me = Pid::from_u32(std::process::id());
    system.refresh_cpu_usage();
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let memory = ProcessRefreshKind::nothing().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[me]), true, memory);
    host.cpu_percent = system.global_cpu_usage();
    host.cpus = u32::try_from(system.cpus().len()).unwrap_or(u32::MAX);
    host.memory_used_bytes = system.used_memory();
    host.memory_total_bytes = system.total_memory();
    host.process_memory_bytes = system.process(me).map_or(0, sysinfo::Process::memory);
}

impl Host {
    /// Whether the data directory's disk is nearly full. A disk that nobody knows is not.
    pub(crate) fn disk_is_low(&self) -> bool {
        self.disk_free_bytes < self.disk_total_bytes / 100 * DISK_LOW_PERCENT
    }
}

fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

/// Whatever goes wrong, there are no graphics processors to speak of.
async fn gpus() -> Vec<Gpu> {
    let asked = tokio::process::Command::new(SMI)
        .args(["--query-gpu=name,utilization.gpu,memory.used,memory.total"])
        .args(["--format=csv,noheader,nounits"])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    match tokio::time::timeout(SMI_PATIENCE, asked).await {
        Ok(Ok(answer)) if answer.status.success() => {
            parse(&String::from_utf8_lossy(&answer.stdout))
        }
        _ => Vec::new(),
    }
}

/// Lines of `name, percent, MiB, MiB`; what is not such a line is left out, and a value that a model
/// does not tell counts as zero.
fn parse(answer: &str) -> Vec<Gpu> {
    let gpu = |line: &str| {
        let mut fields = line.rsplitn(4, ',').map(str::trim);
        let mib = |field: &str| field.parse::<u64>().unwrap_or(0).saturating_mul(1 << 20);
        let (total, used) = (fields.next()?, fields.next()?);
        let (busy, name) = (fields.next()?, fields.next()?);
        let busy_percent = busy.parse::<f32>().ok().filter(|busy| (0.0..=100.0).contains(busy));
        Some(Gpu {
            name: name.chars().filter(|c| !c.is_control()).take(64).collect(),
            busy_percent: busy_percent.unwrap_or(0.0),
            memory_used_bytes: mib(used),
            memory_total_bytes: mib(total),
        })
    };
    answer.lines().filter_map(gpu).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nvidia_smi_says_is_read_with_care() {
        let answer = "NVIDIA H100 80GB HBM3, 37, 1024, 81559\n\
                      Odd, model, [N/A], [N/A], 100\n\
                      Failed to initialize NVML\n\
                      x, NaN, -5, 99999999999999999999\n\n";
        let read = parse(answer);
        let gpu = |name: &str, busy_percent, used: u64, total: u64| Gpu {
            name: name.into(),
            busy_percent,
            memory_used_bytes: used << 20,
            memory_total_bytes: total << 20,
        };
        assert_eq!(
            read,
            [
                gpu("NVIDIA H100 80GB HBM3", 37.0, 1024, 81_559),
                gpu("Odd, model", 0.0, 0, 100),
                gpu("x", 0.0, 0, 0),
            ]
        );
    }

    #[tokio::test]
    async fn this_machine_has_processors_memory_and_a_disk() {
        let dir = tempfile::tempdir().unwrap();
        let host = Gauge::new(dir.path()).look().await;
        assert!(host.cpus > 0 && host.memory_total_bytes > 0, "{host:?}");
        assert!(host.process_memory_bytes > 0, "{host:?}");
        assert!(host.disk_free_bytes <= host.disk_total_bytes, "{host:?}");
    }

    #[test]
    fn a_disk_is_low_below_a_twentieth() {
        let disk = |free, total| Host {
            disk_free_bytes: free,
            disk_total_bytes: total,
            ..Host::default()
        };
        assert!(disk(4, 100).disk_is_low());
        assert!(!disk(5, 100).disk_is_low());
        assert!(!disk(0, 0).disk_is_low(), "an unknown disk");
    }
}
