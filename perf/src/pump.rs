//! Native actors that send: as fast as guests take it, or at a set rate. They, and
//! not the guests, are where messages come from; what they cost is in the figures.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use raddle::actor::{Actor, ActorId, Child, Context, Message, Native, Outcome, Payload};
use raddle::control::child_spec::Shutdown;
use raddle::metrics::Clock;
use raddle::{Handle, Runtime, ShardId, Spawn};

use crate::interrupt;
use crate::word::{self, Op};

/// Messages on their way at once, in the whole runtime.
const IN_FLIGHT_MAX: u64 = 2_048;
/// Messages sent between two looks at how many are on their way.
const BURST: u64 = 64;
/// The most messages that are sent with one call.
const AT_ONCE_MAX: usize = 32;
/// How often to look whether the last messages are settled.
const TAIL_LOOK: Duration = Duration::from_micros(50);
/// How long a workload may stand still before it is given up.
pub(crate) const STALL_MAX: Duration = Duration::from_secs(60);

/// What one pump sends: values that count up, to these in turn.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    pub(crate) on: ShardId,
    pub(crate) to: Vec<ActorId>,
    pub(crate) op: Op,
    pub(crate) first_value: u64,
    pub(crate) messages: u64,
}

/// What a pump sends, when nobody looks at the words in it.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// Zeros after the word; so many bytes.
    Words(usize),
    /// These bytes, as they are.
    Fixed(Arc<[u8]>),
    /// As `Words`, published to this subject instead of sent to anybody.
    Published(&'static str, usize),
}

thread_local! {
    /// Where pumps write their messages, which are copied when they are sent: how many bytes
    /// each has, and all of them. Were it a buffer for each of a thousand pumps, these would
    /// be most of what the caches hold.
    static WRITTEN: RefCell<(usize, Vec<u8>)> = const { RefCell::new((0, Vec::new())) };
}

/// Has the turn when it is told nothing: then it sends a burst, and gives the turn to
/// the next pump. It keeps the turn, by a message to itself, while too many messages
/// are on their way: so of many pumps only one is busy waiting.
struct Pump {
    stream: Stream,
    next: usize,
    content: Content,
    /// The most that are sent at once.
    at_once: u64,
    in_flight_max: u64,
    burst: u64,
    /// Of its burst, what is still to be sent in this turn.
    burst_left: u64,
    /// Who has the turn after it. It is told with the only message that says anything.
    then: Option<ActorId>,
    handle: Handle,
    done: mpsc::Sender<()>,
}

impl Actor for Pump {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        if let Some(next) = word::read(&message.payload) {
            self.then = ActorId::from_bits(next);
            return Outcome::Done(None);
        }
        if self.stream.messages == 0 {
            // All have had as many turns, so this was the last one of all.
            return Outcome::Done(None);
        }
        if self.burst_left == 0 {
            self.burst_left = self.burst.min(self.stream.messages);
        }
        if self.in_flight_max == u64::MAX || self.handle.unsettled() < self.in_flight_max {
            self.send_burst(context);
        }
        let own_id = context.own_id();
        let then = if self.burst_left == 0 { self.then.unwrap_or(own_id) } else { own_id };
        if self.stream.messages == 0 {
            // The measurement may have been given up.
            let _ = self.done.send(());
        }
        if (self.stream.messages > 0 || then != own_id) && context.send(then, Payload::empty()).is_err() {
            // A mailbox of pumps holds nothing else: that this is missed is seen by
            // whoever waits for their end.
            self.stream.messages = 0;
        }
        Outcome::Done(None)
    }
}

impl Pump {
    fn send_burst(&mut self, context: &Context) {
        while self.burst_left > 0 {
            let sent = self.send_some(context, self.at_once.min(self.burst_left));
            if sent == 0 {
                return;
            }
            self.burst_left -= sent;
            self.stream.first_value += sent;
            self.stream.messages -= sent;
            self.next = if self.next + 1 >= self.stream.to.len() { 0 } else { self.next + 1 };
        }
    }

    /// Sends so many to the next one, or fewer. How many?
    fn send_some(&self, context: &Context, messages: u64) -> u64 {
        let to = self.stream.to.get(self.next).copied();
        let (bytes, subject) = match &self.content {
            Content::Fixed(bytes) => return send(context, to, bytes, bytes.len(), 1),
            Content::Words(bytes) => (*bytes, None),
            Content::Published(subject, bytes) => (*bytes, Some(*subject)),
        };
        WRITTEN.with_borrow_mut(|(bytes_each, written)| {
            // What follows the words is zeros, and stays so.
            let bytes_min = bytes * messages as usize;
            if std::mem::replace(bytes_each, bytes) != bytes {
                written.clear();
            }
            if written.len() < bytes_min {
                written.resize(bytes_min, 0);
            }
            let payloads = written.chunks_exact_mut(bytes).take(messages as usize);
            for (value, payload) in (self.stream.first_value..).zip(payloads) {
                word::write(payload, self.stream.op, value);
            }
            match subject {
                Some(subject) => context.publish(subject, &written[..bytes]).map_or(0, |()| 1),
                None => send(context, to, written, bytes, messages),
            }
        })
    }
}

/// Sends so many messages of so many bytes each, or fewer. How many?
fn send(context: &Context, to: Option<ActorId>, written: &[u8], bytes: usize, messages: u64) -> u64 {
    match (to, messages) {
        (None, _) => 0,
        (Some(to), 1) => context.send_bytes(to, &written[..bytes]).map_or(0, |()| 1),
        (Some(to), _) => {
            let mut payloads = [&[][..]; AT_ONCE_MAX];
            let places = payloads.iter_mut().take(messages as usize);
            let listed =
                places.zip(written.chunks_exact(bytes)).map(|(place, written)| *place = written).count();
            let all = context.send_many(to, &payloads[..listed]);
            all.map_or_else(|refused| refused.sent as u64, |()| listed as u64)
        }
    }
}

impl Child for Pump {}

/// How fast pumps may be ahead of the guests.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// As long as not too many messages are on their way in the whole runtime.
    InFlight,
    /// The same, where each message becomes so many.
    Copied(u64),
    /// A burst whenever it is their turn: for pairs on one shard, whose turns come
    /// round as often as each other's.
    Turns,
}

/// Pumps, spawned and waiting for the start.
pub(crate) struct Pumps {
    actors: Vec<ActorId>,
    done: mpsc::Receiver<()>,
    /// Does one of them have the turn at a time, or each whenever it comes round?
    take_turns: bool,
}

impl Pumps {
    pub(crate) fn new(
        runtime: &Runtime,
        streams: Vec<Stream>,
        content: &Content,
        pace: Pace,
        at_once: usize,
    ) -> anyhow::Result<Self> {
        let (sender, done) = mpsc::channel();
        let (in_flight_max, burst) = match pace {
            Pace::InFlight => (IN_FLIGHT_MAX, BURST),
            Pace::Copied(copies) => (IN_FLIGHT_MAX, (BURST / copies.max(1)).max(1)),
            Pace::Turns => (u64::MAX, BURST / 2),
        };
        let mut pending = Vec::new();
        for stream in streams {
            let on = stream.on;
            let (content, handle, done) = (content.clone(), runtime.handle(), sender.clone());
            let make = move |_: &_| Pump {
                stream: stream.clone(),
                next: 0,
                content: content.clone(),
                at_once: at_once as u64,
                in_flight_max,
                burst,
                burst_left: 0,
                then: None,
                handle: handle.clone(),
                done: done.clone(),
            };
            pending.push(runtime.spawn(Spawn::new(Arc::new(Native::new("pump", make))).on(on)));
        }
        let actors = pending.into_iter().map(|pending| pending.wait()).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { actors, done, take_turns: !matches!(pace, Pace::Turns) })
    }

    /// Starts them, and waits until all that they send is settled.
    pub(crate) fn run(&self, runtime: &Runtime) -> anyhow::Result<()> {
        if self.take_turns {
            let then = self.actors.iter().cycle().skip(1);
            for (&pump, then) in self.actors.iter().zip(then) {
                tell(runtime, pump, &then.to_bits().to_le_bytes())?;
            }
            tell(runtime, self.actors[0], &[])?;
        } else {
            for &pump in &self.actors {
                tell(runtime, pump, &[])?;
            }
        }
        for _ in &self.actors {
            interrupt::wait(&self.done, STALL_MAX).context("a generator does not come to its end")?;
        }
        settle(runtime, TAIL_LOOK)
    }

    /// Stops them.
    pub(crate) fn end(self, runtime: &Runtime) -> anyhow::Result<()> {
        stop(runtime, &self.actors)
    }
}

/// Tells, and tries again while the way in is full.
pub(crate) fn tell(handle: &Handle, to: ActorId, bytes: &[u8]) -> anyhow::Result<()> {
    let mut payload = Payload::copy_from(bytes);
    loop {
        match handle.tell(to, payload) {
            Ok(()) => return Ok(()),
            Err(refused) => {
                ensure!(matches!(refused.reason, raddle::actor::SendError::MailboxFull(_)), "{refused}");
                payload = refused.payload;
                std::thread::yield_now();
            }
        }
    }
}

/// Waits until every message is settled, and looks only so often, since each look
/// takes time from a shard on the same core.
pub(crate) fn settle(handle: &Handle, look_every: Duration) -> anyhow::Result<()> {
    settle_unless(handle, look_every, interrupt::is_raised)
}

/// The same for the last few messages, which are waited for after Ctrl-C, too.
pub(crate) fn settle_tail(handle: &Handle, look_every: Duration) -> anyhow::Result<()> {
    settle_unless(handle, look_every, || false)
}

fn settle_unless(handle: &Handle, look_every: Duration, is_over: fn() -> bool) -> anyhow::Result<()> {
    let clock = Clock::start();
    let stall_ns = STALL_MAX.as_nanos() as u64;
    let mut last = (0, clock.now_ns());
    loop {
        let left = handle.unsettled();
        if left == 0 {
            return Ok(());
        }
        ensure!(!is_over(), interrupt::Interrupted);
        let now_ns = clock.now_ns();
        if left != last.0 {
            last = (left, now_ns);
        }
        ensure!(now_ns - last.1 < stall_ns, "{left} messages are on their way, and none is settled");
        std::thread::sleep(look_every);
    }
}

/// Stops actors, at once.
pub(crate) fn stop(runtime: &Runtime, actors: &[ActorId]) -> anyhow::Result<()> {
    for actors in actors.chunks(512) {
        let pending: Vec<_> = actors.iter().map(|&actor| runtime.stop(actor, Shutdown::BrutalKill)).collect();
        for pending in pending {
            pending.wait()?;
        }
    }
    Ok(())
}
