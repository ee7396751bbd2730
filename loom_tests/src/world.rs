//! Production shards, small on purpose: the turn, the mesh, the names, the
//! supervisors and the drain are those that ship. Only the actors are a model's.
//!
//! A turn has hundreds of steps at which another thread could come in. So a model
//! searches the part that it is about, and runs what comes before and after it in
//! one order: [`straight`].

use std::sync::{Arc as StdArc, Mutex};

use raddle::actor::{
    Actor, ActorId, Child, Context, ExitReason, Incarnation, Key, Message, Native, Outcome, Payload,
    RequestError, ShardId, StartError, TrapCause,
};
use raddle::metrics::{Clock, Ledger};
use raddle::shard::{
    Bounds, Command, Control, Outside, Seed, Shard, ShardConfig, SpawnError, SpawnSpec, Turned, seeds,
};
use raddle::sync::primitive::{explore, stop_exploring, yield_now};
use raddle::sync::{Doorbell, Resolver, Waiter, reply_slot};

use crate::parker::Parker;

/// Does something in one order, the first that comes.
pub(crate) fn straight<T>(act: impl FnOnce() -> T) -> T {
    stop_exploring();
    let outcome = act();
    explore();
    outcome
}

/// A shard before its thread.
pub(crate) struct Sown {
    seed: Seed,
    parker: Parker,
}

impl Sown {
    /// What a driver does, without a clock to sleep by.
    pub(crate) fn drive(self) {
        let mut shard = Shard::new(self.seed);
        loop {
            match shard.turn() {
                // Others may go on: whoever is to end this may be among them.
                Turned::Busy => yield_now(),
                Turned::Halted => return,
                Turned::Idle { .. } => {
                    shard.doorbell().arm();
                    if !shard.has_work() {
                        self.parker.sleep();
                    }
                    shard.doorbell().disarm();
                }
            }
        }
    }
}

/// How a stranger waits for an answer.
pub(crate) trait Patience {
    fn wait<T>(&mut self, waiter: Waiter<T>) -> T;
}

/// Asleep, as a thread of its own.
pub(crate) struct Asleep;

impl Patience for Asleep {
    fn wait<T>(&mut self, waiter: Waiter<T>) -> T {
        waiter.wait().expect("an answer")
    }
}

/// On the thread of this shard, which goes on meanwhile: one thread less to
/// interleave.
pub(crate) struct Turning(Shard);

impl Turning {
    pub(crate) fn new(sown: Sown) -> Self {
        Self(Shard::new(sown.seed))
    }
}

impl Patience for Turning {
    fn wait<T>(&mut self, waiter: Waiter<T>) -> T {
        while !waiter.is_ready() {
            if self.0.turn() != Turned::Busy {
                yield_now();
            }
        }
        waiter.wait().expect("an answer")
    }
}

/// What outside threads hold of all shards.
pub(crate) struct World(Vec<Outside>);

/// So many shards, joined by their rings.
pub(crate) fn world(shards: usize) -> (Vec<Sown>, World) {
    let (clock, _hand) = Clock::manual();
    let parkers: Vec<_> = (0..shards).map(|_| Parker::new()).collect();
    let bell = |parker: &Parker| StdArc::new(Doorbell::new(Box::new(parker.clone())));
    let doorbells: Vec<_> = parkers.iter().map(bell).collect();
    let config = ShardConfig {
        injector_commands_max: 8,
        slice_messages_max: 1,
        turn_messages_max: 1,
        bounds: Bounds { mailbox_messages_max: 4, ..Bounds::default() },
        ..ShardConfig::default()
    };
    let (seeds, outsides): (Vec<_>, Vec<_>) = seeds(config, &clock, &doorbells).into_iter().unzip();
    let sown = seeds.into_iter().zip(parkers).map(|(seed, parker)| Sown { seed, parker }).collect();
    (sown, World(outsides))
}

/// The address of the first actor, or of the first supervisor, of a shard.
pub(crate) fn first(shard: usize) -> Key {
    Key::new(ShardId(shard as u16), 0, 1)
}

impl World {
    pub(crate) fn outside(&self, shard: usize) -> &Outside {
        &self.0[shard]
    }

    /// Asks a shard for something, with a place for the answer.
    pub(crate) fn ask<T>(&self, shard: usize, control: impl FnOnce(Resolver<T>) -> Control) -> Waiter<T> {
        let (done, waiter) = reply_slot();
        let command = Command::Control(control(done));
        assert!(self.0[shard].injector.push(command).is_ok(), "room for all");
        waiter
    }

    pub(crate) fn spawn(&self, shard: usize, spec: SpawnSpec) -> Waiter<Result<ActorId, SpawnError>> {
        self.ask(shard, |done| Control::spawn(spec, done))
    }

    /// Counted first, as the runtime does, so that the ledger never runs ahead.
    fn send(&self, to: ActorId, command: Command) -> u64 {
        let outside = &self.0[to.shard().index()];
        outside.counters.injected.add(1);
        if outside.injector.push(command).is_ok() {
            return 1;
        }
        outside.counters.injected.take_back(1);
        0
    }

    /// Tells an actor something; how many messages were accepted, 1 or 0.
    pub(crate) fn tell(&self, to: ActorId, text: &str) -> u64 {
        self.send(to, Command::Tell(Message::new(to, text)))
    }

    /// Asks an actor something.
    pub(crate) fn request(&self, to: ActorId, text: &str) -> Waiter<Result<Payload, RequestError>> {
        let (resolver, waiter) = reply_slot();
        let mut message = Message::new(to, text);
        message.expires_at_ns = 1_000_000_000;
        assert_eq!(self.send(to, Command::Request(message, resolver)), 1, "nobody closes it yet");
        waiter
    }

    /// Closes every shard, then halts every shard: the ledger at the end.
    pub(crate) fn drain(&self, patience: &mut impl Patience) -> Ledger {
        if let [outside] = &self.0[..] {
            // Both at once: nobody else has to be closed in between.
            let (done, _nobody_waits) = reply_slot();
            let close = Command::Control(Control::Close(done));
            let (done, halted) = reply_slot();
            let halt = Command::Control(Control::Halt(done));
            let (pushed, refused) = outside.injector.push_all([close, halt]);
            assert!(pushed == 2 && refused.is_none(), "room for all");
            return patience.wait(halted).ledger;
        }
        let all = 0..self.0.len();
        let closing: Vec<_> = all.clone().map(|shard| self.ask(shard, Control::Close)).collect();
        closing.into_iter().for_each(|closed| patience.wait(closed));
        let halting: Vec<_> = all.map(|shard| self.ask(shard, Control::Halt)).collect();
        halting.into_iter().map(|halted| patience.wait(halted).ledger).sum()
    }
}

/// What was handled: by which incarnation of which actor, and the text.
pub(crate) type Log = StdArc<Mutex<Vec<(ActorId, u32, String)>>>;

/// Does what its messages say, and writes the others down.
///
/// - `trap`: traps
/// - `again`: tells itself the same, so that it is never idle
/// - `lookup NAME`: replies with the address that its shard knows
struct Puppet {
    log: Log,
    id: ActorId,
    restarts: u32,
}

impl Actor for Puppet {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        let text = String::from_utf8_lossy(&message.payload).into_owned();
        if text == "trap" {
            let message = "told to".into();
            return Outcome::Exited(ExitReason::Trap { cause: TrapCause::Guest, message });
        }
        if text == "again" {
            context.send(self.id, "again").expect("room for one");
            return Outcome::Done(None);
        }
        if let Some(name) = text.strip_prefix("lookup ") {
            let found = context.lookup(name).map(|id| id.to_string());
            return Outcome::Done(Some(found.unwrap_or_default().into()));
        }
        self.log.lock().expect("no panic while writing").push((self.id, self.restarts, text));
        Outcome::Done(None)
    }
}

impl Child for Puppet {
    fn start(&mut self, _: &Context, incarnation: &Incarnation) -> Result<(), StartError> {
        (self.id, self.restarts) = (incarnation.id, incarnation.restarts);
        Ok(())
    }
}

/// A puppet that writes into this log, perhaps with a name.
pub(crate) fn puppet(log: &Log, name: Option<&str>) -> SpawnSpec {
    let log = log.clone();
    let make = move |_: &_| Puppet { log: log.clone(), id: first(0), restarts: 0 };
    let blueprint = StdArc::new(Native::new("puppet", make));
    SpawnSpec { name: name.map(Into::into), ..SpawnSpec::new(blueprint) }
}

/// The texts that were handled, in order.
pub(crate) fn texts(log: &Log) -> Vec<String> {
    log.lock().expect("no panic while writing").iter().map(|(_, _, text)| text.clone()).collect()
}
