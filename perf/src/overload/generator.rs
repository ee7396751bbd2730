//! What is sent, and when: phase after phase, each at a rate of its own.

use std::sync::mpsc;
use std::time::Duration;

use raddle::Handle;
use raddle::actor::{Actor, ActorId, Child, Context, Message, Outcome, Payload};

use crate::interrupt;
use crate::recording::clock;
use crate::word::{self, Op};

/// Bytes of each message.
const BYTES: usize = 64;
/// The most messages sent between two looks at the clock.
const BURST: u64 = 32;
/// As fast as it goes is: as long as fewer are on their way.
const IN_FLIGHT_MAX: u64 = 512;

/// So many a second, for so long; as fast as it goes, if there is no rate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Phase {
    pub(super) per_second: Option<f64>,
    pub(super) duration: Duration,
}

/// What became of a phase at the sender.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) accepted: u64,
    pub(super) refused: u64,
}

/// Goes through the phases.
#[derive(Clone)]
pub(super) struct Generator {
    handle: Handle,
    phases: Vec<Phase>,
    starts_ns: Vec<u64>,
    phase: usize,
    /// Messages that were offered in this phase.
    offered: u64,
    value: u64,
    payload: Vec<u8>,
    sent: Vec<Sent>,
}

impl Generator {
    pub(super) fn new(handle: Handle, phases: &[Phase], starts_ns: &[u64]) -> Self {
        Self {
            handle,
            phases: phases.to_vec(),
            starts_ns: starts_ns.to_vec(),
            phase: 0,
            offered: 0,
            value: 0,
            payload: word::payload(Op::Add, 0, BYTES),
            sent: vec![Sent::default(); phases.len()],
        }
    }

    /// How many of this phase are due by now, and were not offered.
    fn due(&self, now_ns: u64) -> u64 {
        let since_ns = now_ns.saturating_sub(self.starts_ns[self.phase]);
        match self.phases[self.phase].per_second {
            _ if since_ns == 0 => 0,
            Some(per_second) => ((since_ns as f64 * per_second / 1e9) as u64).saturating_sub(self.offered),
            None if self.handle.unsettled() < IN_FLIGHT_MAX => BURST,
            None => 0,
        }
    }

    /// Sends what is due, some of it if that is much. Is it all over?
    pub(super) fn step(&mut self, now_ns: u64, send: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        while now_ns >= self.starts_ns[self.phase + 1] {
            self.phase += 1;
            self.offered = 0;
            if self.phase == self.phases.len() {
                return true;
            }
        }
        for _ in 0..self.due(now_ns).min(BURST) {
            word::write(&mut self.payload, Op::Add, self.value);
            word::stamp(&mut self.payload, now_ns, now_ns);
            self.offered += 1;
            self.value += 1;
            let sent = &mut self.sent[self.phase];
            if send(&self.payload) { sent.accepted += 1 } else { sent.refused += 1 }
        }
        interrupt::is_raised()
    }

    pub(super) fn into_sent(self) -> Vec<Sent> {
        self.sent
    }
}

/// A generator that is an actor: it gives itself the turn, again and again.
pub(super) struct NativeSource {
    generator: Generator,
    to: ActorId,
    done: mpsc::Sender<Vec<Sent>>,
}

impl NativeSource {
    pub(super) fn new(generator: Generator, to: ActorId, done: mpsc::Sender<Vec<Sent>>) -> Self {
        Self { generator, to, done }
    }
}

impl Actor for NativeSource {
    fn handle(&mut self, context: &Context, _: &Message) -> Outcome {
        let to = self.to;
        let send = &mut |bytes: &[u8]| context.send_bytes(to, bytes).is_ok();
        let is_over = self.generator.step(clock().now_ns(), send);
        if is_over || context.send(context.own_id(), Payload::empty()).is_err() {
            // The measurement may have been given up.
            let _ = self.done.send(self.generator.clone().into_sent());
        }
        Outcome::Done(None)
    }
}

impl Child for NativeSource {}
