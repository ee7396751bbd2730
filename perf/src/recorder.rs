//! Latencies, recorded on the shard where a message is handled.
//!
//! [`Measured`] stands before a guest: it looks at the clock before and after the
//! guest handles a message that bears stamps, and records in the histograms of its
//! shard. Each shard has its own, on its thread; they are merged at the end.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use anyhow::Context as _;
use raddle::actor::{
    Actor, Batch, BatchOutcome, Blueprint, Child, Context, CreateError, ExitReason, Health, Incarnation,
    Message, Native, Notice, Nursery, Outcome, Recipe, Resume, StartError, StopReason,
};
use raddle::{ActorId, Runtime, ShardId, Spawn};

use crate::recording::{Path, Plan, Recording, Times, clock};
use crate::word::{self, Stamp};

thread_local! {
    /// This shard's.
    static RECORDING: RefCell<Option<Recording>> = const { RefCell::new(None) };
}

/// Makes the actors of another blueprint, and records what they handle.
pub(crate) struct Measured(Arc<dyn Blueprint>);

impl Measured {
    pub(crate) fn wrap(blueprint: Arc<dyn Blueprint>) -> Arc<dyn Blueprint> {
        Arc::new(Self(blueprint))
    }
}

impl Blueprint for Measured {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn nursery(&self, shard: ShardId, context: Rc<Context>) -> Result<Box<dyn Nursery>, CreateError> {
        Ok(Box::new(MeasuredNursery(self.0.nursery(shard, context)?)))
    }
}

struct MeasuredNursery(Box<dyn Nursery>);

impl Nursery for MeasuredNursery {
    fn create(&mut self, recipe: &Recipe) -> Result<Box<dyn Child>, CreateError> {
        Ok(Box::new(MeasuredChild { child: self.0.create(recipe)?, passed_on_ns: None, suspended: None }))
    }

    fn tend(&mut self) -> bool {
        self.0.tend()
    }
}

struct MeasuredChild {
    child: Box<dyn Child>,
    /// When it was last given a token that it records.
    passed_on_ns: Option<u64>,
    /// What it is in the middle of.
    suspended: Option<Begun>,
}

impl MeasuredChild {
    fn unless_suspended(&mut self, context: &Context, begun: Begun, outcome: Outcome) -> Outcome {
        if let Outcome::Suspended(_) = outcome {
            self.suspended = Some(begun);
            return outcome;
        }
        begun.end(context, outcome)
    }
}

/// A message has come to this shard from elsewhere. One that is recorded gets a stamp
/// of when that was; nobody else's message is touched.
pub(crate) fn show_arrival(message: &mut Message) {
    let is_ours = RECORDING.with_borrow(|recording| {
        recording.as_ref().is_some_and(|recording| recording.plan.unstamped_interval_ns.is_none())
    });
    if is_ours
        && word::read_stamp(&message.payload).is_some()
        && let Some(payload) = message.payload.as_mut_slice()
    {
        word::stamp_arrival(payload, clock().now_ns());
    }
}

/// This message comes to a guest of this shard. Is it one that is recorded? Those
/// that bear stamps are: their sender gave them to as many as are to be recorded.
fn takes(message: &Message) -> bool {
    RECORDING.with_borrow_mut(|recording| {
        let Some(recording) = recording else { return false };
        match recording.plan.unstamped_interval_ns {
            None => word::read_stamp(&message.payload).is_some(),
            Some(_) => recording.takes_next(),
        }
    })
}

/// A message that a guest is handling, and that is recorded.
#[derive(Debug, Clone, Copy)]
struct Begun {
    start_ns: u64,
    from: Option<ActorId>,
    is_request: bool,
    stamp: Option<Stamp>,
}

impl Begun {
    fn new(message: &Message, start_ns: u64) -> Self {
        let stamp = word::read_stamp(&message.payload);
        Self { start_ns, from: message.from, is_request: message.request.is_some(), stamp }
    }

    /// The guest has handled it. A plain message is recorded here; a request that bears
    /// stamps by who asked: the reply says when the guest was given it, when it had
    /// done, and when the message came (or 0).
    fn end(self, context: &Context, outcome: Outcome) -> Outcome {
        let end_ns = clock().now_ns();
        if !self.is_request {
            self.record(context, end_ns);
            return outcome;
        }
        match (outcome, self.stamp) {
            (Outcome::Done(Some(reply)), Some(Stamp { arrived_ns, .. })) => {
                let times = [self.start_ns, end_ns, arrived_ns.unwrap_or(0)].map(u64::to_le_bytes);
                Outcome::Done(Some([&*reply, times.as_flattened()].concat().as_slice().into()))
            }
            (outcome, _) => outcome,
        }
    }

    fn record(self, context: &Context, end_ns: u64) {
        RECORDING.with_borrow_mut(|recording| {
            let Some(recording) = recording else { return };
            let mut times = Times { start_ns: Some(self.start_ns), end_ns: Some(end_ns), ..Times::default() };
            match (recording.plan.unstamped_interval_ns, self.stamp) {
                (Some(interval_ns), _) => times.intended_ns = recording.last_due_ns(interval_ns),
                (None, None) => return,
                (None, Some(Stamp { intended_ns, sent_ns, arrived_ns })) => {
                    times = Times { intended_ns, sent_ns: Some(sent_ns), arrived_ns, ..times };
                }
            }
            let path = match self.from {
                None => Path::FromOutside,
                Some(from) if from.shard() == context.shard() => Path::SameShard,
                Some(_) => Path::AcrossShards,
            };
            recording.record(path, times);
        });
    }
}

/// A token is here again: records how long it was on its way, there and back. Of two
/// guests it is the one that sees the even values.
fn record_token(passed_on_ns: &mut Option<u64>, context: &Context, message: &Message) {
    let is_back = word::read_token(&message.payload).is_some_and(|left| left % 2 == 0);
    if !is_back {
        return;
    }
    RECORDING.with_borrow_mut(|recording| {
        let Some(recording) = recording else { return };
        let now_ns = clock().now_ns();
        // What was before this recording is of an earlier round.
        let passed_on_ns = passed_on_ns.replace(now_ns).filter(|&ns| ns >= recording.plan.origin_ns);
        if let (Some(intended_ns), Some(from)) = (passed_on_ns, message.from) {
            let is_near = from.shard() == context.shard();
            let path = if is_near { Path::SameShard } else { Path::AcrossShards };
            recording.record(path, Times { intended_ns, replied_ns: Some(now_ns), ..Times::default() });
        }
    });
}

impl Actor for MeasuredChild {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        record_token(&mut self.passed_on_ns, context, message);
        if message.request.is_none() && !takes(message) {
            return self.child.handle(context, message);
        }
        let begun = Begun::new(message, clock().now_ns());
        let outcome = self.child.handle(context, message);
        self.unless_suspended(context, begun, outcome)
    }

    fn resume(&mut self, context: &Context, resume: Resume) -> Outcome {
        let outcome = self.child.resume(context, resume);
        match self.suspended.take() {
            Some(begun) => self.unless_suspended(context, begun, outcome),
            None => outcome,
        }
    }

    fn notice(&mut self, context: &Context, notice: Notice) -> Outcome {
        self.child.notice(context, notice)
    }

    fn batch_messages_max(&self) -> usize {
        self.child.batch_messages_max()
    }

    fn handle_batch(&mut self, context: &Context, batch: Batch<'_>) -> BatchOutcome {
        let start_ns = clock().now_ns();
        let outcome = self.child.handle_batch(context, batch);
        let end_ns = clock().now_ns();
        for message in batch.iter().take(outcome.handled) {
            if takes(message) {
                Begun::new(message, start_ns).record(context, end_ns);
            }
        }
        outcome
    }
}

impl Child for MeasuredChild {
    fn start(&mut self, context: &Context, incarnation: &Incarnation) -> Result<(), StartError> {
        self.child.start(context, incarnation)
    }

    fn stop(&mut self, context: &Context, reason: StopReason, within: Option<Duration>) -> ExitReason {
        self.child.stop(context, reason, within)
    }

    fn health(&mut self, context: &Context) -> Health {
        self.child.health(context)
    }
}

/// Starts the recording on its shard, and when told anything gives it back.
struct Keeper(mpsc::Sender<Recording>);

impl Actor for Keeper {
    fn handle(&mut self, _: &Context, _: &Message) -> Outcome {
        if let Some(recording) = RECORDING.take() {
            // The measurement may have been given up.
            let _ = self.0.send(recording);
        }
        Outcome::Exited(ExitReason::Normal)
    }
}

impl Child for Keeper {}

/// Recordings under way, one on each shard.
pub(crate) struct Recorders {
    keepers: Vec<ActorId>,
    recordings: mpsc::Receiver<Recording>,
}

impl Recorders {
    pub(crate) fn start(runtime: &Runtime, plan: Plan) -> anyhow::Result<Self> {
        let (sender, recordings) = mpsc::channel();
        let make = move |_: &Recipe| {
            RECORDING.set(Some(Recording::new(plan)));
            Keeper(sender.clone())
        };
        let keeper: Arc<dyn Blueprint> = Arc::new(Native::new("recorder", make));
        let spawn = |shard| runtime.spawn(Spawn::new(keeper.clone()).on(ShardId(shard as u16))).wait();
        let keepers = (0..runtime.shards()).map(spawn).collect::<Result<_, _>>()?;
        Ok(Self { keepers, recordings })
    }

    /// All of them, merged.
    pub(crate) fn finish(self, runtime: &Runtime) -> anyhow::Result<Recording> {
        let mut all: Option<Recording> = None;
        for &keeper in &self.keepers {
            crate::pump::tell(runtime, keeper, &[])?;
        }
        for _ in &self.keepers {
            let one = self.recordings.recv_timeout(crate::pump::STALL_MAX).context("a shard's recording")?;
            match &mut all {
                None => all = Some(one),
                Some(all) => all.merge(&one),
            }
        }
        all.context("there are no shards")
    }
}

#[cfg(test)]
mod tests {
    use raddle::actor::Awaited;

    use super::*;
    use crate::word::Op;

    /// Answers in its second turn.
    struct Slow;

    impl Actor for Slow {
        fn handle(&mut self, _: &Context, _: &Message) -> Outcome {
            Outcome::Suspended(Awaited::Turn)
        }

        fn resume(&mut self, _: &Context, _: Resume) -> Outcome {
            Outcome::Done(Some([7; 8].as_slice().into()))
        }
    }

    impl Child for Slow {}

    #[test]
    fn what_was_suspended_is_told_from_its_start_to_its_end() {
        let runtime = Runtime::builder().shards(1).build().unwrap();
        let slow = Measured::wrap(Arc::new(Native::new("slow", |_: &_| Slow)));
        let actor = runtime.spawn(Spawn::new(slow)).wait().unwrap();
        let mut asked = word::payload(Op::Ask, 0, 64);
        let sent_ns = clock().now_ns();
        word::stamp(&mut asked, sent_ns, sent_ns);
        let reply = runtime.request(actor, asked.as_slice()).wait().unwrap();
        assert_eq!((reply.len(), &reply[..8]), (32, [7; 8].as_slice()));
        let time = |at: usize| word::read(&reply[at..]).unwrap();
        assert!(sent_ns <= time(8) && time(8) <= time(16) && time(16) <= clock().now_ns());
        // One that bears no stamps is answered as it is.
        let reply = runtime.request(actor, [5; 8].as_slice()).wait().unwrap();
        assert_eq!(reply.len(), 8);
    }
}
