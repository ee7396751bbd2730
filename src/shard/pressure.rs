//! Senders that are paused because their receiver has too much to do.
//!
//! The rules are Pony's. From half of the room in its mailbox on, an actor that asks
//! for backpressure *presses*: whoever sends to it is paused, after what it is
//! handling, until a quarter of the room is left to do. Nobody is paused for what it
//! sends to itself, and nobody that has more than half a mailbox to do itself, or
//! that presses.
//!
//! **Invariant:** paused senders never wait in a circle. Take the pause of a circle
//! that came last: X was paused because of Y. Somebody was paused because of X
//! before, so X was pressing; but then it is not paused.
//!
//! Across shards, the shard of the receiver tells that of the sender, ahead of every
//! message. From then on that shard pauses by itself whoever sends there.

use std::collections::{HashMap, HashSet};

use crate::actor::{ActorId, ShardId};

use super::mailbox::Hold;
use super::post::Post;

/// From shard to shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PressureSignal {
    /// `receiver` presses; `sender` has sent to it.
    Pressing { receiver: ActorId, sender: ActorId },
    /// It does so no longer.
    Relieved { receiver: ActorId },
}

/// Who is paused, and because of whom.
#[derive(Default)]
pub(super) struct Pressure {
    /// Senders of this shard, by the receiver that they wait for.
    paused: HashMap<ActorId, Vec<ActorId>>,
    /// For how many receivers each of them waits.
    waits: HashMap<ActorId, u32>,
    /// Receivers of other shards that press.
    far: HashSet<ActorId>,
    /// The shards that know that a receiver of this one presses.
    told: HashMap<ActorId, Vec<ShardId>>,
    outgoing: Vec<(ShardId, PressureSignal)>,
    pauses: u64,
}

impl Pressure {
    pub(super) fn take_outgoing(&mut self) -> Vec<(ShardId, PressureSignal)> {
        std::mem::take(&mut self.outgoing)
    }

    /// How often a sender was paused since this was asked last.
    pub(super) fn take_pauses(&mut self) -> u64 {
        std::mem::take(&mut self.pauses)
    }
}

impl Post {
    /// `from` has sent to `to`, which has too much to do.
    #[cold]
    #[inline(never)]
    pub(super) fn press(&mut self, from: Option<ActorId>, to: ActorId) {
        let Some(from) = from.filter(|&from| from != to) else { return };
        if from.shard() == self.shard() {
            if self.pause(from, to)
                && let Some(mailbox) = self.mailbox(to)
            {
                mailbox.is_pressing = true;
            }
            return;
        }
        let told = self.pressure.told.entry(to).or_default();
        if told.contains(&from.shard()) {
            return;
        }
        told.push(from.shard());
        let signal = PressureSignal::Pressing { receiver: to, sender: from };
        self.pressure.outgoing.push((from.shard(), signal));
        if let Some(mailbox) = self.mailbox(to) {
            mailbox.is_pressing = true;
        }
    }

    /// `from` has sent to a receiver of another shard.
    #[inline(always)]
    pub(super) fn pause_for_far(&mut self, from: Option<ActorId>, to: ActorId) {
        if !self.pressure.far.is_empty()
            && self.pressure.far.contains(&to)
            && let Some(from) = from
        {
            self.pause(from, to);
        }
    }

    /// Another shard says who presses, or no longer does.
    pub(super) fn on_pressure(&mut self, signal: PressureSignal) {
        match signal {
            PressureSignal::Pressing { receiver, sender } => {
                self.pressure.far.insert(receiver);
                self.pause(sender, receiver);
            }
            PressureSignal::Relieved { receiver } => {
                self.pressure.far.remove(&receiver);
                self.resume_senders(receiver);
            }
        }
    }

    fn pause(&mut self, sender: ActorId, receiver: ActorId) -> bool {
        let Some(mailbox) = self.mailbox(sender) else { return false };
        if mailbox.is_pressing || mailbox.messages > mailbox.messages_max / 2 {
            return false;
        }
        mailbox.hold(Hold::Paused);
        let paused = self.pressure.paused.entry(receiver).or_default();
        if !paused.contains(&sender) {
            paused.push(sender);
            *self.pressure.waits.entry(sender).or_default() += 1;
            self.pressure.pauses += 1;
        }
        true
    }

    /// A receiver of this shard presses no longer.
    #[cold]
    pub(super) fn relieve(&mut self, receiver: ActorId) {
        let Some(mailbox) = self.mailbox(receiver) else { return };
        if !std::mem::replace(&mut mailbox.is_pressing, false) {
            return;
        }
        for shard in self.pressure.told.remove(&receiver).unwrap_or_default() {
            self.pressure.outgoing.push((shard, PressureSignal::Relieved { receiver }));
        }
        self.resume_senders(receiver);
    }

    fn resume_senders(&mut self, receiver: ActorId) {
        for sender in self.pressure.paused.remove(&receiver).unwrap_or_default() {
            let Some(waits) = self.pressure.waits.get_mut(&sender) else { continue };
            *waits -= 1;
            if *waits == 0 {
                self.pressure.waits.remove(&sender);
                self.release(sender, Hold::Paused);
                self.make_ready(sender);
            }
        }
    }

    /// A sender is gone for good: it waits for nobody.
    pub(super) fn forget_sender(&mut self, sender: ActorId) {
        let waits = &mut self.pressure.waits;
        if !waits.is_empty() && waits.remove(&sender).is_some() {
            for paused in self.pressure.paused.values_mut() {
                paused.retain(|&other| other != sender);
            }
        }
    }
}
