//! What a shard counts while it runs.

use crate::actor::DeadReason;
use crate::metrics::Ledger;
use crate::sync::{Counter, Gauge, SharedCounter};

/// The counters of one shard. The shard writes, anybody reads.
#[derive(Debug, Default)]
pub struct ShardCounters {
    /// Messages accepted from actors of this shard.
    pub accepted: Counter,
    /// Messages accepted from outside threads for this shard. Outside threads
    /// write it.
    pub injected: SharedCounter,
    /// Messages handled by actors of this shard.
    pub handled: Counter,
    /// Messages that an actor of this shard ended on.
    pub failed: Counter,
    /// Messages of this shard that nobody handled, by reason.
    pub dead: [Counter; DeadReason::COUNT],
    /// Messages from actors of this shard that were refused at send.
    pub refused: Counter,
    /// Requests that were answered with a failure by their handler.
    pub answered_with_failure: Counter,
    /// Outcomes that came when nobody waited for them any longer.
    pub late_replies: Counter,
    /// Incarnations started.
    pub starts: Counter,
    /// Incarnations that took the place of an earlier one.
    pub restarts: Counter,
    /// Incarnations that ended abnormally.
    pub abnormal_exits: Counter,
    /// Supervisors that gave up.
    pub supervisors_given_up: Counter,
    /// Actors alive now.
    pub actors: Gauge,
    /// Turns taken.
    pub turns: Counter,
    /// Turns that found nothing to do.
    pub idle_turns: Counter,
}

impl ShardCounters {
    /// Counts a message that nobody will handle.
    pub fn count_dead(&self, reason: DeadReason) {
        self.dead[reason as usize].add(1);
    }

    /// Messages of this shard whose story has ended.
    pub fn settled(&self) -> u64 {
        self.handled.get() + self.failed.get() + self.dead.iter().map(Counter::get).sum::<u64>()
    }

    /// Messages accepted by, or for, this shard.
    pub fn accepted_in_all(&self) -> u64 {
        self.accepted.get() + self.injected.get()
    }

    /// The ledger of this shard, with what its owner found to be resident.
    pub fn ledger(&self, resident: u64) -> Ledger {
        Ledger {
            handled: self.handled.get(),
            failed: self.failed.get(),
            dead_by_reason: std::array::from_fn(|reason| self.dead[reason].get()),
            accepted: self.accepted_in_all(),
            resident,
            refused: self.refused.get(),
        }
    }
}
