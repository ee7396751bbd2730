//! L5 and L7 on real shards: the production turn, mesh and drain, with a native
//! actor, small on purpose.

use std::sync::Arc as StdArc;

use raddle::actor::{
    Actor, ActorId, Child, Context, ExitReason, Key, Message, Native, Outcome, ShardId, TrapCause,
};
use raddle::metrics::{Clock, Ledger};
use raddle::shard::{Command, Control, Outside, Seed, Shard, ShardConfig, SpawnSpec, Turned, seeds};
use raddle::sync::primitive::thread;
use raddle::sync::{Doorbell, reply_slot};

use crate::parker::Parker;

/// Traps on `trap`, else does nothing.
struct Fragile;

impl Actor for Fragile {
    fn handle(&mut self, _: &Context, message: &Message) -> Outcome {
        match &message.payload[..] {
            b"trap" => {
                let message = "told to".into();
                Outcome::Exited(ExitReason::Trap { cause: TrapCause::Guest, message })
            }
            _ => Outcome::Done(None),
        }
    }
}

impl Child for Fragile {}

fn one_shard() -> (Seed, Outside, Parker) {
    let (clock, _hand) = Clock::manual();
    let parker = Parker::new();
    let doorbell = StdArc::new(Doorbell::new(Box::new(parker.clone())));
    let config = ShardConfig { injector_commands_max: 8, ..ShardConfig::default() };
    let (seed, outside) = seeds(config, &clock, &[doorbell]).pop().expect("one shard");
    (seed, outside, parker)
}

/// What a driver does, without a clock to sleep by.
fn drive(seed: Seed, parker: &Parker) {
    let mut shard = Shard::new(seed);
    loop {
        match shard.turn() {
            Turned::Busy => {}
            Turned::Halted => return,
            Turned::Idle { .. } => {
                shard.doorbell().arm();
                if !shard.has_work() {
                    parker.sleep();
                }
                shard.doorbell().disarm();
            }
        }
    }
}

/// Asks for an actor before the shard runs: the first one, so its address is known.
fn spawn_first(outside: &Outside) -> ActorId {
    let (done, _nobody_waits) = reply_slot();
    let blueprint = StdArc::new(Native::new("fragile", |_| Fragile));
    let spec = SpawnSpec { blueprint, recipe: StdArc::default(), name: None };
    let spawn = Command::Control(Box::new(Control::Spawn { spec, done }));
    assert!(outside.injector.push(spawn).is_ok(), "room for all");
    Key::new(ShardId(0), 0, 1)
}

/// Counted first, as the runtime does, so that the ledger never runs ahead.
fn tell(outside: &Outside, to: ActorId, text: &str) -> u64 {
    outside.counters.injected.add(1);
    if outside.injector.push(Command::Tell(Message::new(to, text))).is_ok() {
        return 1;
    }
    outside.counters.injected.take_back(1);
    0
}

/// Closes and halts: the ledger at the end.
fn drain(outside: &Outside) -> Ledger {
    let (done, _nobody_waits) = reply_slot();
    let close = Command::Control(Box::new(Control::Close(done)));
    let (done, halted) = reply_slot();
    let halt = Command::Control(Box::new(Control::Halt(done)));
    let (pushed, refused) = outside.injector.push_all([close, halt]);
    assert!(pushed == 2 && refused.is_none(), "room for all");
    halted.wait().expect("the shard halts").ledger
}

/// A stranger tells an actor something while the shard is drained.
pub fn drained_under_a_stranger() {
    let (seed, outside, parker) = one_shard();
    let actor = spawn_first(&outside);
    let shard = thread::spawn(move || drive(seed, &parker));
    let accepted = tell(&outside, actor, "hello");
    let ledger = drain(&outside);
    shard.join().expect("the shard ends well");
    assert!(ledger.closes(), "{ledger:?}");
    assert_eq!((ledger.resident, ledger.accepted), (0, accepted), "{ledger:?}");
}

/// The actor traps on the first of two messages: that one failed, the other is
/// dead, and neither is handled twice.
pub fn trapped_with_one_behind() {
    let (seed, outside, parker) = one_shard();
    let actor = spawn_first(&outside);
    let accepted = tell(&outside, actor, "trap") + tell(&outside, actor, "hello");
    let shard = thread::spawn(move || drive(seed, &parker));
    let ledger = drain(&outside);
    shard.join().expect("the shard ends well");
    assert!(ledger.closes(), "{ledger:?}");
    assert_eq!((ledger.resident, ledger.accepted), (0, accepted), "{ledger:?}");
    // Closed before it came to that, both are dead.
    assert!(ledger.handled == 0 && ledger.failed <= 1, "{ledger:?}");
}
