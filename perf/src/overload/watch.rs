//! Stands before a guest, and notes how long each message took that it handles.

use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use hdrhistogram::Histogram;
use raddle::ShardId;
use raddle::actor::{
    Actor, Blueprint, Child, Context, CreateError, ExitReason, Incarnation, Message, Nursery, Outcome,
    Recipe, StartError, StopReason,
};

use crate::recording::{clock, histogram};
use crate::word;

/// The time is told in steps of this length.
pub(super) const STEP_NS: u64 = 10_000_000;
/// Of so many messages one is noted in its step.
const SAMPLE_EVERY: u64 = 16;

/// What was handled, and how late.
#[derive(Clone)]
pub(super) struct Seen {
    /// When each phase began, and when the last one ended.
    starts_ns: Vec<u64>,
    /// Handled while a phase went on, whenever it was sent; behind the last: after them.
    pub(super) handled_in: Vec<u64>,
    /// From being sent to being handled, by the phase in which it was sent.
    pub(super) latencies: Vec<Histogram<u64>>,
    /// The same in steps of time, from the beginning.
    pub(super) steps: Vec<Histogram<u64>>,
}

impl Seen {
    fn new(starts_ns: Vec<u64>) -> Self {
        let phases = starts_ns.len();
        let steps = (starts_ns[phases - 1] - starts_ns[0]).div_ceil(STEP_NS) as usize;
        Self {
            starts_ns,
            handled_in: vec![0; phases],
            latencies: (0..phases).map(|_| histogram(3)).collect(),
            steps: (0..steps).map(|_| histogram(1)).collect(),
        }
    }

    /// Which phase was it at this time?
    fn phase(&self, at_ns: u64) -> usize {
        self.starts_ns.iter().skip(1).position(|&end_ns| at_ns < end_ns).unwrap_or(self.starts_ns.len() - 1)
    }

    fn note(&mut self, sent_ns: u64, end_ns: u64) {
        let took_ns = end_ns.saturating_sub(sent_ns).max(1);
        let (sent_in, handled_in) = (self.phase(sent_ns), self.phase(end_ns));
        self.handled_in[handled_in] += 1;
        self.latencies[sent_in].saturating_record(took_ns);
        let step = (sent_ns.saturating_sub(self.starts_ns[0]) / STEP_NS) as usize;
        if self.handled_in[handled_in].is_multiple_of(SAMPLE_EVERY)
            && let Some(step) = self.steps.get_mut(step)
        {
            step.saturating_record(took_ns);
        }
    }

    /// In all.
    pub(super) fn handled(&self) -> u64 {
        self.handled_in.iter().sum()
    }
}

/// Makes the actors of another blueprint, and watches them: for one guest.
pub(super) struct Watch {
    inner: Arc<dyn Blueprint>,
    starts_ns: Vec<u64>,
    seen: mpsc::Sender<Seen>,
}

impl Watch {
    /// What was seen comes when the guest has stopped.
    pub(super) fn over(
        inner: Arc<dyn Blueprint>,
        starts_ns: Vec<u64>,
    ) -> (Arc<dyn Blueprint>, mpsc::Receiver<Seen>) {
        let (seen, receiver) = mpsc::channel();
        (Arc::new(Self { inner, starts_ns, seen }), receiver)
    }
}

impl Blueprint for Watch {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn nursery(&self, shard: ShardId, context: Rc<Context>) -> Result<Box<dyn Nursery>, CreateError> {
        let inner = self.inner.nursery(shard, context)?;
        Ok(Box::new(WatchNursery { inner, starts_ns: self.starts_ns.clone(), to: self.seen.clone() }))
    }
}

struct WatchNursery {
    inner: Box<dyn Nursery>,
    starts_ns: Vec<u64>,
    to: mpsc::Sender<Seen>,
}

impl Nursery for WatchNursery {
    fn create(&mut self, recipe: &Recipe) -> Result<Box<dyn Child>, CreateError> {
        let seen = Seen::new(self.starts_ns.clone());
        Ok(Box::new(Watched { inner: self.inner.create(recipe)?, seen, to: self.to.clone() }))
    }
}

struct Watched {
    inner: Box<dyn Child>,
    seen: Seen,
    to: mpsc::Sender<Seen>,
}

impl Actor for Watched {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        let outcome = self.inner.handle(context, message);
        if let Some(word::Stamp { sent_ns, .. }) = word::read_stamp(&message.payload) {
            self.seen.note(sent_ns, clock().now_ns());
        }
        outcome
    }
}

impl Child for Watched {
    fn start(&mut self, context: &Context, incarnation: &Incarnation) -> Result<(), StartError> {
        self.inner.start(context, incarnation)
    }

    fn stop(&mut self, context: &Context, reason: StopReason, within: Option<Duration>) -> ExitReason {
        // Whoever has given up waiting does not need it.
        let _ = self.to.send(self.seen.clone());
        self.inner.stop(context, reason, within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_counts_where_it_was_sent_and_where_it_was_handled() {
        let mut seen = Seen::new(vec![100, 200, 300]);
        seen.note(150, 160);
        seen.note(190, 210);
        seen.note(250, 320);
        assert_eq!(seen.handled_in, [1, 1, 1]);
        assert_eq!(seen.latencies.iter().map(Histogram::len).collect::<Vec<_>>(), [2, 1, 0]);
        assert_eq!(seen.handled(), 3);
    }
}
