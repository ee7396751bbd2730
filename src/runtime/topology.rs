//! Which CPUs there are, and which shard sits on which.
//!
//! A shard wants a physical core to itself: two hardware threads of one core
//! share its caches and execution units, so by default one of them stays free.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::num::NonZeroUsize;
use std::thread;

pub use core_affinity::CoreId;

use crate::actor::Key;

/// What is wrong with the machine, or with what is asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TopologyError {
    /// The system does not say where this thread may run.
    #[error("cannot tell which CPUs this process may use (sched_getaffinity failed)")]
    Unknown,
    /// A runtime without shards does nothing.
    #[error("at least one shard is needed")]
    NoShards,
    /// An address has no room for that many.
    #[error("{asked} shards are too many: {max} is the limit", max = Key::SHARDS_MAX)]
    TooManyShards {
        /// How many were asked for.
        asked: usize,
    },
}

/// The CPUs that this process may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    /// One CPU of every physical core, in order.
    cores: Vec<usize>,
    /// The other hardware threads of those cores, in order.
    siblings: Vec<usize>,
    /// How many CPUs' worth of time the process gets: a container's quota may
    /// be less than the CPUs it sees.
    parallelism: usize,
}

/// Reads the CPUs that the calling thread may use.
///
/// To be called once, before anything is pinned: asked from a pinned thread
/// the system names one CPU.
///
/// # Errors
/// [`TopologyError::Unknown`], where the system does not say.
pub fn available() -> Result<Topology, TopologyError> {
    let cpus = core_affinity::get_core_ids().ok_or(TopologyError::Unknown)?;
    let parallelism = thread::available_parallelism().map_or(cpus.len(), NonZeroUsize::get);
    Topology::new(cpus.into_iter().map(|cpu| cpu.id), thread_siblings, parallelism)
}

impl Topology {
    /// Sorts CPUs into cores. `siblings_of` tells the CPUs of the same core;
    /// where it does not know, a CPU is a core.
    fn new(
        cpus: impl IntoIterator<Item = usize>,
        siblings_of: impl Fn(usize) -> Option<Vec<usize>>,
        parallelism: usize,
    ) -> Result<Self, TopologyError> {
        let (mut cores, mut siblings) = (Vec::new(), Vec::new());
        let mut taken = BTreeSet::new();
        for cpu in cpus.into_iter().collect::<BTreeSet<_>>() {
            if taken.insert(cpu) {
                cores.push(cpu);
                taken.extend(siblings_of(cpu).unwrap_or_default());
            } else {
                siblings.push(cpu);
            }
        }
        if cores.is_empty() {
            return Err(TopologyError::Unknown);
        }
        Ok(Self { cores, siblings, parallelism: parallelism.max(1) })
    }

    /// The physical cores this process may use.
    pub fn cores(&self) -> usize {
        self.cores.len()
    }

    /// How many shards there are unless somebody says otherwise: one for each
    /// physical core, as far as the process gets that much time.
    pub fn shards_default(&self) -> usize {
        self.cores.len().min(self.parallelism)
    }

    /// Seats that many shards, or the default number of them.
    ///
    /// Shards beyond the physical cores go to the cores' other hardware
    /// threads, and beyond those they share CPUs in turn.
    ///
    /// # Errors
    /// For no shards at all, and for more than an address can name.
    pub fn plan(&self, shards: Option<usize>) -> Result<Plan, TopologyError> {
        let shards = shards.unwrap_or_else(|| self.shards_default());
        match shards {
            0 => return Err(TopologyError::NoShards),
            asked if asked > Key::SHARDS_MAX => return Err(TopologyError::TooManyShards { asked }),
            _ => {}
        }
        let cpus = self.cores.iter().chain(&self.siblings).cycle();
        let seats =
            (0..shards).zip(cpus).map(|(shard, &id)| Seat { shard, core: Some(CoreId { id }) }).collect();
        Ok(Plan { seats, crowding: self.crowding(shards) })
    }

    fn crowding(&self, shards: usize) -> Option<Crowding> {
        let cores = self.cores.len();
        let cpus = cores + self.siblings.len();
        if shards > cpus {
            Some(Crowding::SharedCpus { shards, cpus })
        } else if shards > self.parallelism {
            Some(Crowding::Quota { shards, cpus: self.parallelism })
        } else if shards > cores {
            Some(Crowding::SharedCores { shards, cores })
        } else {
            None
        }
    }
}

/// Where the shards sit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// One seat for each shard, in order.
    pub seats: Vec<Seat>,
    /// Set if shards get in each other's way. Displayed, it is a line to log;
    /// shards should not spin then
    /// ([`IdlePolicy::EAGER`](super::driver::IdlePolicy::EAGER)).
    pub crowding: Option<Crowding>,
}

/// One shard's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    /// The shard.
    pub shard: usize,
    /// The CPU that its thread is pinned to; `None` leaves it free.
    pub core: Option<CoreId>,
}

impl Seat {
    /// The name of the shard's thread. Linux shows 15 characters of it.
    pub fn thread_name(&self) -> String {
        format!("raddle-{}", self.shard)
    }
}

/// How shards get in each other's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crowding {
    /// More shards than CPUs: some take turns on one.
    SharedCpus {
        /// The shards planned.
        shards: usize,
        /// The CPUs there are.
        cpus: usize,
    },
    /// More shards than physical cores: some share a core's hardware threads.
    SharedCores {
        /// The shards planned.
        shards: usize,
        /// The physical cores there are.
        cores: usize,
    },
    /// Enough CPUs, but the process does not get all of their time.
    Quota {
        /// The shards planned.
        shards: usize,
        /// The CPUs' worth of time that it gets.
        cpus: usize,
    },
}

impl fmt::Display for Crowding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SharedCpus { shards, cpus } => {
                write!(f, "{shards} shards take turns on {cpus} CPUs")
            }
            Self::SharedCores { shards, cores } => {
                write!(f, "{shards} shards share {cores} physical cores (their hardware threads)")
            }
            Self::Quota { shards, cpus } => {
                write!(f, "{shards} shards get the time of {cpus} CPUs (the container's quota)")
            }
        }
    }
}

/// The CPUs on the same core, where Linux says so.
fn thread_siblings(cpu: usize) -> Option<Vec<usize>> {
    let path = format!("/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list");
    parse_cpu_list(&fs::read_to_string(path).ok()?)
}

/// Reads a list as the kernel writes it: `0-1,8`.
fn parse_cpu_list(text: &str) -> Option<Vec<usize>> {
    let mut cpus = Vec::new();
    for range in text.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        cpus.extend(first..=last);
    }
    Some(cpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four cores of two hardware threads, numbered as Intel's are: 0 and 4
    /// are one core.
    fn four_by_two(parallelism: usize) -> Topology {
        Topology::new(0..8, |cpu| Some(vec![cpu % 4, cpu % 4 + 4]), parallelism).unwrap()
    }

    fn cpus(plan: &Plan) -> Vec<usize> {
        plan.seats.iter().map(|seat| seat.core.unwrap().id).collect()
    }

    #[test]
    fn one_shard_for_each_physical_core() {
        let plan = four_by_two(8).plan(None).unwrap();
        assert_eq!(cpus(&plan), [0, 1, 2, 3]);
        assert_eq!(plan.crowding, None);
        assert_eq!(plan.seats[3].thread_name(), "raddle-3");
    }

    #[test]
    fn a_core_of_which_one_thread_is_allowed_is_a_core() {
        let cores = |cpu| Some(vec![cpu % 4, cpu % 4 + 4]);
        let topology = Topology::new([5, 4, 0], cores, 3).unwrap();
        assert_eq!(topology.cores(), 2);
        assert_eq!(cpus(&topology.plan(None).unwrap()), [0, 5]);
    }

    #[test]
    fn a_quota_lowers_the_default_and_is_mentioned_when_overruled() {
        let topology = four_by_two(2);
        assert_eq!(cpus(&topology.plan(None).unwrap()), [0, 1]);
        let plan = topology.plan(Some(3)).unwrap();
        assert_eq!(cpus(&plan), [0, 1, 2]);
        assert_eq!(
            plan.crowding.unwrap().to_string(),
            "3 shards get the time of 2 CPUs (the container's quota)"
        );
    }

    #[test]
    fn more_shards_take_the_siblings_and_then_take_turns() {
        let topology = four_by_two(8);
        let plan = topology.plan(Some(6)).unwrap();
        assert_eq!(cpus(&plan), [0, 1, 2, 3, 4, 5]);
        assert!(matches!(plan.crowding, Some(Crowding::SharedCores { shards: 6, cores: 4 })));
        let plan = topology.plan(Some(10)).unwrap();
        assert_eq!(cpus(&plan)[8..], [0, 1]);
        assert!(matches!(plan.crowding, Some(Crowding::SharedCpus { shards: 10, cpus: 8 })));
    }

    #[test]
    fn without_sysfs_every_cpu_is_a_core() {
        let topology = Topology::new([1, 3], |_| None, 0).unwrap();
        assert_eq!((topology.cores(), topology.shards_default()), (2, 1));
    }

    #[test]
    fn impossible_plans_are_refused() {
        let topology = four_by_two(8);
        assert_eq!(topology.plan(Some(0)), Err(TopologyError::NoShards));
        let error = topology.plan(Some(5000)).unwrap_err();
        assert_eq!(error.to_string(), "5000 shards are too many: 4096 is the limit");
        let none = Topology::new([], |_| None, 1);
        assert_eq!(none, Err(TopologyError::Unknown));
    }

    #[test]
    fn cpu_lists_are_read_as_the_kernel_writes_them() {
        assert_eq!(parse_cpu_list("0\n"), Some(vec![0]));
        assert_eq!(parse_cpu_list("0,4\n"), Some(vec![0, 4]));
        assert_eq!(parse_cpu_list("0-1,8-9"), Some(vec![0, 1, 8, 9]));
        assert_eq!(parse_cpu_list(""), None);
        assert_eq!(parse_cpu_list("a-b"), None);
    }

    #[test]
    fn this_machine_has_a_seat_for_everybody() {
        let topology = available().unwrap();
        let plan = topology.plan(None).unwrap();
        assert_eq!(plan.seats.len(), topology.shards_default());
        assert_eq!(plan.crowding, None);
    }
}
