//! Actors that come and go, by the hand of an actor on their shard: as the actors of
//! other runtimes are spawned by a task of theirs.

use std::collections::HashMap;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use raddle::actor::{
    Actor, ActorId, Child, Context, ExitReason, Message, Native, NewActor, Notice, Outcome, RequestId,
};
use raddle::{Runtime, Spawn};

use crate::interrupt;
use crate::pump::{self, STALL_MAX};
use crate::setup::Stand;
use crate::word::{self, Op};

use super::ask::check;
use super::{Round, Workload};

/// Lives under way at once, of each parent.
const AT_ONCE: usize = 16;
/// By which parents know what their children are made from.
const COMPONENT: &str = "guest";
/// How long a child has to reply.
const REPLY_MAX: Duration = Duration::from_secs(10);

/// Starts actors, asks each once, and ends it when it has replied.
struct Parent {
    payload: Vec<u8>,
    /// The values still to be asked with.
    values: std::ops::Range<u64>,
    under_way: HashMap<RequestId, (u64, ActorId)>,
    done: mpsc::Sender<anyhow::Result<()>>,
}

impl Parent {
    fn begin_life(&mut self, context: &Context) -> anyhow::Result<()> {
        let Some(value) = self.values.next() else { return Ok(()) };
        let child = context.spawn(NewActor::of(COMPONENT))?;
        word::write(&mut self.payload, Op::Ask, value);
        let request = context.request(child, &self.payload[..], REPLY_MAX)?;
        self.under_way.insert(request, (value, child));
        Ok(())
    }

    fn end_life(&mut self, context: &Context, notice: Notice) -> anyhow::Result<()> {
        let Notice::Reply { request, outcome } = notice else { return Ok(()) };
        let (value, child) = self.under_way.remove(&request).context("nobody was asked that")?;
        check(&outcome?, value)?;
        context.exit_other(child, ExitReason::Killed)?;
        Ok(())
    }

    /// Says that it has done all, or what went wrong.
    fn tell(&mut self, came: anyhow::Result<()>) -> Outcome {
        if came.is_err() || (self.values.is_empty() && self.under_way.is_empty()) {
            // The measurement may have been given up.
            let _ = self.done.send(came);
        }
        Outcome::Done(None)
    }
}

impl Actor for Parent {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        let words = message.payload.as_chunks::<8>().0;
        if let [first, end] = words {
            self.values = u64::from_le_bytes(*first)..u64::from_le_bytes(*end);
        }
        let came = (0..AT_ONCE).try_for_each(|_| self.begin_life(context));
        self.tell(came)
    }

    fn notice(&mut self, context: &Context, notice: Notice) -> Outcome {
        let came = self.end_life(context, notice).and_then(|()| self.begin_life(context));
        self.tell(came)
    }
}

impl Child for Parent {}

pub(super) struct SpawnStop {
    title: String,
    parents: Vec<ActorId>,
    done: mpsc::Receiver<anyhow::Result<()>>,
}

impl SpawnStop {
    /// With a parent on each of the first so many shards.
    pub(super) fn new(stand: &Stand, shards: usize) -> anyhow::Result<Self> {
        stand.runtime.provide(COMPONENT, &stand.guest);
        let (sender, done) = mpsc::channel();
        let bytes = stand.setup.payload;
        let start = |index| {
            let sender = sender.clone();
            let make = move |_: &_| Parent {
                payload: word::payload(Op::Ask, 0, bytes),
                values: 0..0,
                under_way: HashMap::new(),
                done: sender.clone(),
            };
            let spawn = Spawn::new(Arc::new(Native::new("parent", make)));
            Ok(stand.runtime.spawn(spawn.on(stand.shard(index))).wait()?)
        };
        let parents = (0..shards).map(start).collect::<anyhow::Result<_>>()?;
        let title = format!("spawn, first message, stop, on {}", super::counted_shards(shards));
        Ok(Self { title, parents, done })
    }
}

impl Workload for SpawnStop {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn unit(&self) -> &'static str {
        "life"
    }

    fn round(&mut self, stand: &Stand, units: u64) -> anyhow::Result<Round> {
        let before = stand.runtime.actors();
        let share = units.div_ceil(self.parents.len() as u64);
        let start = Instant::now();
        let mut first = 0;
        for &parent in &self.parents {
            let end = units.min(first + share);
            pump::tell(&stand.runtime, parent, &[first.to_le_bytes(), end.to_le_bytes()].concat())?;
            first = end;
        }
        for _ in &self.parents {
            interrupt::wait(&self.done, STALL_MAX).context("a parent does not come to its end")??;
        }
        let elapsed = start.elapsed();
        ended(&stand.runtime, before)?;
        Ok(Round { units, elapsed, recording: None })
    }

    fn end(self: Box<Self>, stand: &Stand) -> anyhow::Result<()> {
        pump::stop(&stand.runtime, &self.parents)
    }
}

/// Waits until there are no more actors than before.
fn ended(runtime: &Runtime, before: u64) -> anyhow::Result<()> {
    let start = Instant::now();
    while runtime.actors() > before {
        ensure!(start.elapsed() < STALL_MAX, anyhow!("{} actors do not end", runtime.actors() - before));
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}
