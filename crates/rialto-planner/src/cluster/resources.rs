//! What a task takes of a worker while it runs, and what a worker has.

/// An amount of everything that runs out. Memory and disk are in MiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// Processor cores.
    pub cores: u32,
    /// Main memory.
    pub memory_mib: u32,
    /// Memory of graphics processors.
    pub gpu_memory_mib: u32,
    /// Disk for intermediate results.
    pub disk_mib: u32,
}

impl Resources {
    /// Whether `needs` can be taken out of this.
    pub fn fits(self, needs: Self) -> bool {
        self.each().into_iter().zip(needs.each()).all(|(have, need)| need <= have)
    }

    /// What is left when `taken` is gone; nothing of what there was less of.
    pub fn less(self, taken: Self) -> Self {
        self.with_each(taken, u32::saturating_sub)
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        self.with_each(other, u32::saturating_add)
    }

    /// The largest part of any resource of `whole` that this is, in millionths, rounded up: the dominant share of
    /// dominant resource fairness (Ghodsi and others, 2011). Of what `whole` has nothing of, nothing can be used.
    pub fn share_up(self, whole: Self) -> u64 {
        let shares = self.each().into_iter().zip(whole.each());
        let part = |(part, whole): (u32, u32)| match u64::from(whole) {
            0 => 0,
            whole => (u64::from(part) * 1_000_000).div_ceil(whole),
        };
        shares.map(part).max().unwrap_or(0)
    }

    fn each(self) -> [u32; 4] {
        [self.cores, self.memory_mib, self.gpu_memory_mib, self.disk_mib]
    }

    fn with_each(self, other: Self, of: fn(u32, u32) -> u32) -> Self {
        Self {
            cores: of(self.cores, other.cores),
            memory_mib: of(self.memory_mib, other.memory_mib),
            gpu_memory_mib: of(self.gpu_memory_mib, other.gpu_memory_mib),
            disk_mib: of(self.disk_mib, other.disk_mib),
        }
    }
}
