//! What a shard counts while it runs.

use crate::actor::DeadReason;
use crate::metrics::Ledger;
use crate::sync::{Counter, Gauge, SharedCounter};

/// How a request ended. Each ends once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum RequestEnd {
    /// With a reply.
    Replied,
    /// With a failure that the callee answered.
    Failed,
    /// At its deadline.
    TimedOut,
    /// The callee was gone, or ended, or had no room.
    CalleeDead,
    /// The caller wanted no outcome any longer.
    Cancelled,
    /// The caller was gone when the outcome came.
    CallerGone,
    /// The runtime ended.
    Abandoned,
}

impl RequestEnd {
    /// How many there are.
    pub const COUNT: usize = Self::Abandoned as usize + 1;
}

/// The account of requests: `begun` is the sum of the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Requests {
    /// Requests that were taken.
    pub begun: u64,
    /// How they ended, by the number of the [`RequestEnd`].
    pub ends: [u64; RequestEnd::COUNT],
    /// Those that wait for their outcome.
    pub pending: u64,
}

impl Requests {
    /// How many ended so.
    pub fn ended(&self, end: RequestEnd) -> u64 {
        self.ends[end as usize]
    }

    /// Has every request one outcome, or is it pending?
    pub fn closes(&self) -> bool {
        self.begun == self.ends.iter().sum::<u64>() + self.pending
    }
}

impl std::ops::Add for Requests {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self.begun += other.begun;
        self.pending += other.pending;
        for (mine, theirs) in self.ends.iter_mut().zip(other.ends) {
            *mine += theirs;
        }
        self
    }
}

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
    /// Messages from outside threads that were given back for want of room in the
    /// mailbox. Outside threads write it.
    pub refused_outside: SharedCounter,
    /// Requests that were answered with a failure by their handler.
    pub answered_with_failure: Counter,
    /// Outcomes that came when nobody waited for them any longer.
    pub late_replies: Counter,
    /// Requests that were taken, by the shard that waits for their outcome.
    pub requests: Counter,
    /// How they ended.
    pub request_ends: [Counter; RequestEnd::COUNT],
    /// Publications of this shard's actors.
    pub published: Counter,
    /// Publications that nobody had subscribed to, anywhere.
    pub unheard: Counter,
    /// Times that a sender was paused, because its receiver had too much to do.
    pub pauses: Counter,
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

    /// Counts the one outcome of a request.
    pub fn count_request_end(&self, end: RequestEnd) {
        self.request_ends[end as usize].add(1);
    }

    /// Messages of this shard whose story has ended.
    pub fn settled(&self) -> u64 {
        self.handled.get() + self.failed.get() + self.dead.iter().map(Counter::get).sum::<u64>()
    }

    /// Messages accepted by, or for, this shard.
    pub fn accepted_in_all(&self) -> u64 {
        self.accepted.get() + self.injected.get()
    }

    /// How the requests of this shard ended, with how many its owner found to be
    /// pending.
    pub fn requests(&self, pending: u64) -> Requests {
        let ends = std::array::from_fn(|end| self.request_ends[end].get());
        Requests { begun: self.requests.get(), ends, pending }
    }

    /// The ledger of this shard, with what its owner found to be resident.
    pub fn ledger(&self, resident: u64) -> Ledger {
        Ledger {
            handled: self.handled.get(),
            failed: self.failed.get(),
            dead_by_reason: std::array::from_fn(|reason| self.dead[reason].get()),
            accepted: self.accepted_in_all(),
            resident,
            refused: self.refused.get() + self.refused_outside.get(),
        }
    }
}
