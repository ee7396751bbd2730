//! May this process use io_uring, and enough of it for glommio?
//!
//! Asked before glommio is touched, cheapest question first, so that the
//! answer names the cause: a container's seccomp filter, a sysctl, a limit.

use std::fs;
use std::io;

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use rustix::thread::{CapabilitySet, capabilities};

use super::glommio;

/// What an executor registers for I/O of its own; glommio takes no less.
pub(super) const REGISTERED_BYTES: usize = 64 * KIB as usize;

/// What one executor locks: the above for each of its three rings, and the
/// rings (Linux 6.18: 33 executors fit into 8 MiB).
const LOCKED_BYTES_PER_SHARD: u64 = 3 * REGISTERED_BYTES as u64 + 64 * KIB;

/// Below this limit glommio refuses to start, whatever it would use.
const LOCKED_BYTES_MIN: u64 = 512 * KIB;

const KIB: u64 = 1024;

/// Why glommio cannot drive the shards here.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The build left it out.
    #[error("this build has no glommio: it was built without the cargo feature `glommio`")]
    NotBuiltIn,
    /// A sysctl turns io_uring off for everybody.
    #[error("io_uring is switched off: kernel.io_uring_disabled is 2")]
    SwitchedOff,
    /// No ring can be set up.
    #[error("io_uring_setup failed: {0}{hint}", hint = hint(.0))]
    NoRing(#[source] io::Error),
    /// RLIMIT_MEMLOCK is too low for that many shards.
    #[error(
        "{shards} shards lock {} KiB of memory and the limit is {} KiB \
         (RLIMIT_MEMLOCK; `ulimit -l`, LimitMEMLOCK=, --ulimit memlock)",
        .needed_bytes / KIB, .limit_bytes / KIB
    )]
    LockedMemory {
        /// The shards asked for.
        shards: usize,
        /// What they lock together.
        needed_bytes: u64,
        /// What this process may lock.
        limit_bytes: u64,
    },
    /// A ring can be set up, an executor cannot be made.
    #[error("glommio does not start: {0}")]
    NoExecutor(#[source] io::Error),
}

/// Checks whether glommio can drive that many shards; says why if so.
pub(super) fn glommio(shards: usize) -> Result<String, Refusal> {
    if cfg!(not(feature = "glommio")) {
        return Err(Refusal::NotBuiltIn);
    }
    if io_uring_disabled() == Some(2) {
        return Err(Refusal::SwitchedOff);
    }
    glommio::try_ring()?;
    let memory = lockable_memory(shards, getrlimit(Resource::Memlock).current, may_lock_any_amount())?;
    glommio::try_executor()?;
    Ok(format!("io_uring works, {memory}"))
}

/// Compares what the shards lock with what they may lock (`None`: no limit).
fn lockable_memory(shards: usize, limit_bytes: Option<u64>, privileged: bool) -> Result<String, Refusal> {
    let Some(limit_bytes) = limit_bytes else {
        return Ok("locked memory is not limited".into());
    };
    // One more for the trial executor: the kernel takes its time to unlock.
    let executors = shards as u64 + 1;
    let locked_bytes = LOCKED_BYTES_PER_SHARD.saturating_mul(executors);
    // The kernel does not count what a privileged process locks, but glommio
    // looks at the limit all the same.
    let counted_bytes = if privileged { 0 } else { locked_bytes };
    let needed_bytes = counted_bytes.max(LOCKED_BYTES_MIN);
    if limit_bytes < needed_bytes {
        return Err(Refusal::LockedMemory { shards, needed_bytes, limit_bytes });
    }
    if privileged {
        return Ok("a privileged process may lock any amount of memory".into());
    }
    Ok(format!(
        "{} KiB of locked memory are within the limit of {} KiB",
        locked_bytes / KIB,
        limit_bytes / KIB
    ))
}

fn may_lock_any_amount() -> bool {
    capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::IPC_LOCK))
}

/// `kernel.io_uring_disabled`: 0 nobody, 1 whoever is not privileged, 2
/// everybody. Kernels before 6.6 do not have it.
fn io_uring_disabled() -> Option<u8> {
    let text = fs::read_to_string("/proc/sys/kernel/io_uring_disabled").ok()?;
    text.trim().parse().ok()
}

fn hint(error: &io::Error) -> &'static str {
    match Errno::from_io_error(error) {
        Some(Errno::NOSYS) => ": this kernel has no io_uring",
        Some(Errno::PERM | Errno::ACCESS) if io_uring_disabled() == Some(1) => {
            ": kernel.io_uring_disabled is 1 and this user is not privileged"
        }
        Some(Errno::PERM | Errno::ACCESS) => ": a seccomp filter forbids it, as most containers' do",
        Some(Errno::NOMEM) => ": the limit on locked memory is used up",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_compared_with_what_all_shards_lock() {
        let limit_bytes = 8 * 1024 * KIB;
        assert!(lockable_memory(31, Some(limit_bytes), false).is_ok());
        let refused = lockable_memory(32, Some(limit_bytes), false).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "32 shards lock 8448 KiB of memory and the limit is 8192 KiB \
             (RLIMIT_MEMLOCK; `ulimit -l`, LimitMEMLOCK=, --ulimit memlock)"
        );
        assert!(lockable_memory(33, Some(limit_bytes), true).is_ok());
        assert!(lockable_memory(33, None, false).is_ok());
    }

    #[test]
    fn glommio_wants_a_limit_of_half_a_mebibyte_from_anybody() {
        assert!(lockable_memory(1, Some(LOCKED_BYTES_MIN - 1), true).is_err());
        assert!(lockable_memory(1, Some(LOCKED_BYTES_MIN), true).is_ok());
    }
}
