//! What benchmarks and soaks share.

pub mod beds;
#[cfg(feature = "glommio")]
pub mod glommio_waker;
pub mod measure;
pub mod queues;

use core_affinity::CoreId;

/// Two CPUs that this process may use, or the same one twice if there is one.
///
/// Asked once, before anything is pinned: a pinned thread sees only its own.
pub fn two_cores() -> (Option<CoreId>, Option<CoreId>) {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let first = cores.first().copied();
    (first, cores.get(1).copied().or(first))
}

/// Keeps the calling thread on a core, where that is possible.
pub fn pin(core: Option<CoreId>) {
    if let Some(core) = core {
        core_affinity::set_for_current(core);
    }
}

/// A quick generator of numbers that need not be good, only the same each time.
#[derive(Debug, Clone)]
pub struct Jitter(u64);

impl Jitter {
    /// Starts from a seed, which must not be 0.
    pub fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
