//! The rings to and from the other shards.
//!
//! ```text
//!            ┌── system ──►  signals: never refused, few
//!  shard A ──┼── reply ───►  outcomes of requests: at most one per request
//!            └── request ─►  messages: admitted only if the outbox has room
//! ```
//!
//! One SPSC ring per lane and ordered pair of shards. What does not fit waits in
//! the sender's outbox for that lane, in order. Nothing here blocks or spins: a
//! turn drains what has come in, stages what goes out, and publishes once.
//!
//! **Invariant:** lanes are drained in the order system, reply, request, and
//! inbound rings before outbound ones, so that no cycle of full rings can form.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::actor::{Message, ShardId};
use crate::sync::{Consumer, Doorbell, Producer, ring};

use super::signal::{Reply, Signal};

/// The slots of a ring for messages: they grow with the square of the shards.
pub(super) const REQUEST_SLOTS: usize = 256;
const REPLY_SLOTS: usize = 128;
const SYSTEM_SLOTS: usize = 64;

/// One lane to one other shard.
struct Lane<T> {
    ring: Producer<T>,
    outbox: VecDeque<T>,
}

impl<T> Lane<T> {
    fn send(&mut self, item: T) {
        if self.outbox.is_empty() {
            if let Err(full) = self.ring.stage(item) {
                self.outbox.push_back(full.0);
            }
        } else {
            self.outbox.push_back(item);
        }
    }

    /// Sends what `fill` writes, where it will lie.
    #[inline(always)]
    fn send_in_place(&mut self, fill: impl FnOnce(&mut T))
    where
        T: Default,
    {
        let fill = if self.outbox.is_empty() {
            match self.ring.stage_in_place(fill) {
                Ok(()) => return,
                Err(full) => full.0,
            }
        } else {
            fill
        };
        let mut item = T::default();
        fill(&mut item);
        self.outbox.push_back(item);
    }

    /// Moves on what has waited, and shows everything to the other side. How many
    /// items became visible?
    fn flush(&mut self) -> usize {
        while let Some(item) = self.outbox.pop_front() {
            if let Err(full) = self.ring.stage(item) {
                self.outbox.push_front(full.0);
                break;
            }
        }
        self.ring.publish()
    }
}

struct Outlet {
    system: Lane<Signal>,
    reply: Lane<Reply>,
    request: Lane<Message>,
    doorbell: Arc<Doorbell>,
}

struct Inlet {
    from: ShardId,
    system: Consumer<Signal>,
    reply: Consumer<Reply>,
    request: Consumer<Message>,
}

/// One shard's sending ends.
pub(super) struct Outlets {
    /// By shard; `None` for itself.
    outlets: Vec<Option<Outlet>>,
    /// Has anything been sent since the others were last shown what there is?
    has_staged: bool,
}

/// One shard's receiving ends.
#[derive(Default)]
pub(super) struct Inlets {
    inlets: Vec<Inlet>,
}

/// Joins shards that have these doorbells: a ring per lane and ordered pair.
pub(super) fn mesh(doorbells: &[Arc<Doorbell>]) -> Vec<(Outlets, Inlets)> {
    let shards = doorbells.len();
    let mut ends: Vec<_> = (0..shards)
        .map(|_| {
            let outlets = (0..shards).map(|_| None).collect();
            (Outlets { outlets, has_staged: false }, Inlets::default())
        })
        .collect();
    for from in 0..shards {
        for (to, doorbell) in doorbells.iter().enumerate().filter(|&(to, _)| to != from) {
            let (system, system_in) = lane(SYSTEM_SLOTS);
            let (reply, reply_in) = lane(REPLY_SLOTS);
            let (request, request_in) = lane(REQUEST_SLOTS);
            let doorbell = doorbell.clone();
            ends[from].0.outlets[to] = Some(Outlet { system, reply, request, doorbell });
            let from = ShardId(from as u16);
            ends[to].1.inlets.push(Inlet { from, system: system_in, reply: reply_in, request: request_in });
        }
    }
    ends
}

impl Outlets {
    #[inline(always)]
    fn to(&mut self, shard: ShardId) -> &mut Outlet {
        self.has_staged = true;
        self.outlets[shard.index()].as_mut().expect("a shard has no ring to itself")
    }

    pub(super) fn send_signal(&mut self, to: ShardId, signal: Signal) {
        self.to(to).system.send(signal);
    }

    pub(super) fn send_reply(&mut self, to: ShardId, reply: Reply) {
        self.to(to).reply.send(reply);
    }

    /// Sends a message for which there is room: `fill` writes it where it will lie.
    #[inline(always)]
    pub(super) fn send_message(&mut self, to: ShardId, fill: impl FnOnce(&mut Message)) {
        self.to(to).request.send_in_place(fill);
    }

    /// Shows what was staged to the other shards, and rings them. `crossed` is
    /// told how many messages got into each ring. Did anything move?
    pub(super) fn flush(&mut self, mut crossed: impl FnMut(ShardId, usize)) -> bool {
        self.has_staged = false;
        let mut moved = false;
        for (shard, outlet) in self.outlets.iter_mut().enumerate() {
            let Some(outlet) = outlet else { continue };
            let messages = outlet.request.flush();
            if messages > 0 {
                crossed(ShardId(shard as u16), messages);
            }
            let others = outlet.system.flush() + outlet.reply.flush();
            if messages + others > 0 {
                outlet.doorbell.ring();
                moved = true;
            }
        }
        moved
    }

    /// How many signals wait for room in the ring to a shard, if there is one.
    pub(super) fn signals_waiting(&self, to: ShardId) -> usize {
        let outlet = self.outlets.get(to.index()).and_then(Option::as_ref);
        outlet.map_or(0, |outlet| outlet.system.outbox.len())
    }

    /// Has anything been sent since the last [flush](Self::flush)?
    #[inline]
    pub(super) fn has_staged(&self) -> bool {
        self.has_staged
    }

    /// Does something wait for room in a ring?
    pub(super) fn has_waiting(&self) -> bool {
        self.outlets.iter().flatten().any(|outlet| {
            !outlet.system.outbox.is_empty()
                || !outlet.reply.outbox.is_empty()
                || !outlet.request.outbox.is_empty()
        })
    }

    /// How many messages wait for room in a ring.
    pub(super) fn resident(&self) -> usize {
        self.outlets.iter().flatten().map(|outlet| outlet.request.outbox.len()).sum()
    }
}

impl Inlets {
    pub(super) fn drain_signals(&mut self, mut take: impl FnMut(ShardId, Signal)) -> usize {
        self.inlets
            .iter_mut()
            .map(|inlet| {
                let from = inlet.from;
                inlet.system.drain(SYSTEM_SLOTS, |signal| take(from, signal))
            })
            .sum()
    }

    pub(super) fn drain_replies(&mut self, mut take: impl FnMut(Reply)) -> usize {
        self.inlets.iter_mut().map(|inlet| inlet.reply.drain(REPLY_SLOTS, &mut take)).sum()
    }

    pub(super) fn drain_messages(&mut self, mut take: impl FnMut(&mut Message)) -> usize {
        self.inlets.iter_mut().map(|inlet| inlet.request.drain_in_place(REQUEST_SLOTS, &mut take)).sum()
    }

    /// Is there nothing to take in?
    pub(super) fn is_empty(&self) -> bool {
        let empty =
            |inlet: &Inlet| inlet.system.is_empty() && inlet.reply.is_empty() && inlet.request.is_empty();
        self.inlets.iter().all(empty)
    }

    /// How many messages are in the rings to this shard.
    pub(super) fn resident(&self) -> usize {
        self.inlets.iter().map(|inlet| inlet.request.len()).sum()
    }
}

fn lane<T>(slots: usize) -> (Lane<T>, Consumer<T>) {
    let (ring, consumer) = ring(slots);
    (Lane { ring, outbox: VecDeque::new() }, consumer)
}

/// The sending ends of shard 0 among so many, whose rings nobody drains: for tests
/// of what sends.
#[cfg(test)]
pub(super) fn loose_outlets(shards: usize) -> Outlets {
    struct NoWake;
    impl crate::sync::Wake for NoWake {
        fn wake(&self) {}
    }
    let doorbells: Vec<_> = (0..shards).map(|_| Arc::new(Doorbell::new(Box::new(NoWake)))).collect();
    mesh(&doorbells).swap_remove(0).0
}
