//! What one actor may use.

use std::time::Duration;

use super::grants::TrustLevel;
use crate::actor::Quotas;

/// What one actor may use. Every actor has limits; these are the defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How much memory, in bytes, all its linear memories may take together
    /// (default is 64 MiB).
    pub memory_bytes_max: usize,
    /// How many elements each of its tables may have (default is 20,000).
    pub table_elements_max: usize,
    /// How many core instances it may consist of (default is 16). An ordinary
    /// Rust guest has 3 to 5: the program, and adapters.
    pub core_instances_max: usize,
    /// How many linear memories (default is 2).
    pub memories_max: usize,
    /// How many tables (default is 8).
    pub tables_max: usize,
    /// How long it may work on one message (default is 100 ms): its own time, not
    /// that in which its thread had to wait. Up to a few ticks of the engine's
    /// epoch more.
    pub message_time_max: Duration,
    /// How long it may work on all messages within a [window](Self::window)
    /// (default is all of it): with less, an actor that stays just under
    /// `message_time_max` cannot have its shard for itself.
    pub window_time_max: Duration,
    /// The window (default is 10 s).
    pub window: Duration,
    /// How long its instantiation may take, and its `init`, and its `stop`, each
    /// (default is 1 s).
    pub lifecycle_time_max: Duration,
    /// How many messages it may get at once, if it takes batches (default is 32). A
    /// batch of n may take n times as long as a message.
    pub batch_messages_max: usize,
    /// How many bytes a message may have that it sends or replies (default is 1 MiB).
    pub message_bytes_max: usize,
    /// How many bytes may be copied out of it by one call across its border
    /// (default is 4 MiB). Checked before anything is allocated.
    pub hostcall_bytes_max: usize,
    /// How many log lines it may write in a second (default is 1,000). The rest is
    /// dropped, and counted.
    pub log_lines_per_s_max: u32,
    /// How many bytes of a log line are kept (default is 4,096).
    pub log_line_bytes_max: usize,
    /// How many of its requests may wait for their outcome (default is 1,024).
    pub requests_max: u32,
    /// How many requests it may have taken over, to answer them later (default is
    /// 16,384).
    pub deferred_max: u32,
    /// How many of its timers may be pending (default is 16,384).
    pub timers_max: u32,
    /// How many filters it may have subscribed to (default is 1,024).
    pub subscriptions_max: u32,
    /// How many groups it may be in: names that it shares (default is 256).
    pub groups_max: u32,
    /// How many names it may have taken itself, with those that it has given up and that
    /// are not free everywhere yet (default is 64).
    pub names_max: u32,
    /// How many names it may watch (default is 256).
    pub watches_max: u32,
    /// How many links to others and monitors of others it may have (default is 1,024).
    pub relations_max: u32,
    /// How many actors may be alive that it has spawned, with those that they have
    /// spawned, and so on (default is 1,024).
    pub children_max: u32,
    /// How many other actors' addresses it may hold, where not everybody may be sent
    /// to (default is 4,096).
    pub addresses_max: usize,
    /// How many WASI resources (streams, pollables, …) it may hold (default is 256).
    pub wasi_resources_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes_max: 64 << 20,
            table_elements_max: 20_000,
            core_instances_max: 16,
            memories_max: 2,
            tables_max: 8,
            message_time_max: Duration::from_millis(100),
            window_time_max: Duration::from_secs(10),
            window: Duration::from_secs(10),
            lifecycle_time_max: Duration::from_secs(1),
            batch_messages_max: 32,
            message_bytes_max: 1 << 20,
            hostcall_bytes_max: 4 << 20,
            log_lines_per_s_max: 1_000,
            log_line_bytes_max: 4_096,
            requests_max: 1_024,
            deferred_max: 16_384,
            timers_max: 16_384,
            subscriptions_max: 1_024,
            groups_max: 256,
            names_max: 64,
            watches_max: 256,
            relations_max: 1_024,
            children_max: 1_024,
            addresses_max: 4_096,
            wasi_resources_max: 256,
        }
    }
}

impl Limits {
    /// What of it the shard keeps count of.
    pub(super) fn quotas(&self) -> Quotas {
        Quotas {
            requests_max: self.requests_max,
            deferred_max: self.deferred_max,
            timers_max: self.timers_max,
            subscriptions_max: self.subscriptions_max,
            groups_max: self.groups_max,
            relations_max: self.relations_max,
            children_max: self.children_max,
            watches_max: self.watches_max,
            names_max: self.names_max,
        }
    }
}

impl TrustLevel {
    /// What it allows to be used.
    pub fn limits(self) -> Limits {
        let limits = Limits::default();
        match self {
            Self::Standard => limits,
            Self::Untrusted => Limits {
                memory_bytes_max: 16 << 20,
                window_time_max: limits.window / 2,
                message_time_max: Duration::from_millis(20),
                message_bytes_max: 256 << 10,
                log_lines_per_s_max: 100,
                requests_max: 64,
                deferred_max: 1_024,
                timers_max: 256,
                subscriptions_max: 64,
                groups_max: 16,
                names_max: 8,
                watches_max: 16,
                relations_max: 64,
                children_max: 16,
                addresses_max: 256,
                wasi_resources_max: 64,
                ..limits
            },
            Self::Trusted => Limits {
                memory_bytes_max: 1 << 30,
                message_time_max: Duration::from_secs(1),
                log_lines_per_s_max: 100_000,
                requests_max: 65_536,
                deferred_max: 65_536,
                timers_max: 1_048_576,
                names_max: 1_024,
                watches_max: 1_024,
                relations_max: 65_536,
                children_max: 65_536,
                addresses_max: 65_536,
                wasi_resources_max: 4_096,
                ..limits
            },
        }
    }
}

/// The limits contradict each other, or the engine or component that they are for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitsError {
    /// A message could not leave the guest.
    #[error(
        "message_bytes_max is {message_bytes_max}, more than hostcall_bytes_max ({hostcall_bytes_max}): \
         no such message could leave the guest"
    )]
    MessageOverHostcall {
        /// As set.
        message_bytes_max: usize,
        /// As set.
        hostcall_bytes_max: usize,
    },
    /// It imports `ask`, which waits.
    #[error(
        "`{component}` imports `raddle:actor/ask`, so it must be suspendable: it cannot run to completion"
    )]
    MustSuspend {
        /// Its name.
        component: String,
    },
    /// A directory is granted that is not there.
    #[error("`{}` is granted, and no directory", .path.display())]
    NoDirectory {
        /// Which.
        path: std::path::PathBuf,
    },
    /// The engine gives less.
    #[error("memory_bytes_max is {asked}, and the engine was built for {engine_max} for each instance")]
    MemoryOverEngine {
        /// As set.
        asked: usize,
        /// The most the engine gives.
        engine_max: u64,
    },
    /// The engine gives less.
    #[error("table_elements_max is {asked}, and the engine was built for {engine_max} in each table")]
    TablesOverEngine {
        /// As set.
        asked: usize,
        /// The most the engine gives.
        engine_max: u32,
    },
    /// The component starts with more than it may have.
    #[error("`{component}` starts with {needed} {what}, over {}_max ({limit})", .what.replace(' ', "_"))]
    Initial {
        /// Its name.
        component: String,
        /// Of what.
        what: &'static str,
        /// How much it starts with.
        needed: u64,
        /// The limit.
        limit: u64,
    },
}

/// Keeps a store within its limits, and remembers what it refused.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    /// All linear memories together.
    memory_bytes: usize,
    /// What the growth that is under way would add.
    memory_growth_bytes: usize,
    /// What was refused last: a guest that cannot have more memory soon traps,
    /// and the trap alone would not say why.
    refused: Option<Box<Refused>>,
}

/// A growth that was refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: asked for {asked}, and the most is {limit}")]
pub(super) struct Refused {
    what: &'static str,
    asked: usize,
    limit: usize,
}

impl Limiter {
    /// All linear memories together, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// What was refused last, if anything was.
    pub(super) fn refused(&self) -> Option<&Refused> {
        self.refused.as_deref()
    }

    #[cold]
    fn refuse(&mut self, what: &'static str, asked: usize, limit: usize) -> bool {
        self.refused = Some(Box::new(Refused { what, asked, limit }));
        false
    }

    /// May this memory grow? It has grown then, unless it [failed](Self::memory_grow_failed).
    pub(super) fn memory_growing(
        &mut self,
        limits: &Limits,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> bool {
        let asked = self.memory_bytes.saturating_add(desired.saturating_sub(current));
        if asked > limits.memory_bytes_max {
            return self.refuse("memory_bytes_max", asked, limits.memory_bytes_max);
        }
        if maximum.is_some_and(|maximum| desired > maximum) {
            return false;
        }
        self.memory_growth_bytes = asked - self.memory_bytes;
        self.memory_bytes = asked;
        true
    }

    /// It has not grown.
    pub(super) fn memory_grow_failed(&mut self) {
        self.memory_bytes -= std::mem::take(&mut self.memory_growth_bytes);
    }

    /// May this table grow?
    pub(super) fn table_growing(&mut self, limits: &Limits, desired: usize, maximum: Option<usize>) -> bool {
        if desired > limits.table_elements_max {
            return self.refuse("table_elements_max", desired, limits.table_elements_max);
        }
        maximum.is_none_or(|maximum| desired <= maximum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_are_limited_together() {
        let limits = Limits { memory_bytes_max: 10, ..Limits::default() };
        let mut limiter = Limiter::default();
        assert!(limiter.memory_growing(&limits, 0, 6, None));
        assert!(limiter.memory_growing(&limits, 0, 4, None));
        assert_eq!(limiter.refused(), None);
        assert!(!limiter.memory_growing(&limits, 4, 5, None));
        assert_eq!(
            limiter.refused().unwrap().to_string(),
            "memory_bytes_max: asked for 11, and the most is 10"
        );
    }

    #[test]
    fn a_growth_that_failed_is_not_counted() {
        let limits = Limits { memory_bytes_max: 10, ..Limits::default() };
        let mut limiter = Limiter::default();
        assert!(limiter.memory_growing(&limits, 0, 10, None));
        limiter.memory_grow_failed();
        assert!(limiter.memory_growing(&limits, 0, 10, None));
    }

    #[test]
    fn what_the_module_itself_forbids_is_not_our_refusal() {
        let (limits, mut limiter) = (Limits::default(), Limiter::default());
        assert!(!limiter.memory_growing(&limits, 0, 2, Some(1)));
        assert!(!limiter.table_growing(&limits, 2, Some(1)));
        assert_eq!(limiter.refused(), None);
    }
}
