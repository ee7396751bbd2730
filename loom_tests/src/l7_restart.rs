//! L7 on real shards: an actor is restarted, or stopped, by its supervisor while
//! messages are under way to it. Whatever the moment, each message meets one
//! incarnation, or is dead.

use std::sync::Arc;

use raddle::actor::ActorId;
use raddle::control::child_spec::ChildSpec;
use raddle::control::supervisor::{Question, SupervisorSpec};
use raddle::metrics::Ledger;
use raddle::shard::{Asker, ChildSource, Control, SpawnError, SupervisorControl, Tree};
use raddle::sync::Waiter;
use raddle::sync::primitive::thread;

use crate::world::{Asleep, Log, Patience, Turning, World, first, puppet, straight, texts, world};

/// A supervisor on shard 0 and its child on `shard`.
fn supervised(world: &World, shard: usize, log: &Log) -> Waiter<Result<ActorId, SpawnError>> {
    let tree = Arc::new(Tree { spec: SupervisorSpec::default(), children: Vec::new() });
    drop(world.ask(0, |done| Control::supervisor(SupervisorControl::Start { tree, done })));
    let source = ChildSource::Actor { shard: first(shard).shard(), spec: puppet(log, None) };
    let question = Question::StartChild(ChildSpec::worker("child", source));
    world.ask(0, |done| {
        let asker = Asker::Actor(done);
        Control::supervisor(SupervisorControl::Ask { supervisor: first(0), question, asker })
    })
}

/// The second message trapped; what came before was handled by the first
/// incarnation, what came after by the second.
fn check(log: &Log, child: ActorId, ledger: &Ledger) {
    let expected = [(child, 0, "a"), (child, 1, "b"), (child, 1, "c")];
    let handled = log.lock().expect("no panic while writing");
    let handled: Vec<_> = handled.iter().map(|(id, by, text)| (*id, *by, text.as_str())).collect();
    assert_eq!(handled, expected, "each message by one incarnation, in order");
    assert!(ledger.closes(), "{ledger:?}");
    assert_eq!((ledger.handled, ledger.failed, ledger.dead()), (3, 1, 0), "{ledger:?}");
}

/// A child is told `a` and `trap` before its shard can look, `b` while it is
/// restarted, and asked `c` at the end. The other shard, or the only one, is on a
/// thread of its own.
fn restarted_in_flight(
    world: &World,
    log: &Log,
    started: Waiter<Result<ActorId, SpawnError>>,
    here: &mut impl Patience,
    there: thread::JoinHandle<()>,
) {
    let child = straight(|| here.wait(started)).expect("the child starts");
    assert_eq!(straight(|| world.tell(child, "a") + world.tell(child, "trap")), 2);
    assert_eq!(world.tell(child, "b"), 1);
    here.wait(world.request(child, "c")).expect("the second incarnation answers");
    let ledger = straight(|| {
        let ledger = world.drain(here);
        there.join().expect("the shard ends well");
        ledger
    });
    check(log, child, &ledger);
}

/// Supervisor, child and restart on one shard; a stranger's messages come in at any
/// moment of it.
pub fn one_incarnation() {
    let (mut sown, world) = world(1);
    let log = Log::default();
    let started = supervised(&world, 0, &log);
    let shard = sown.remove(0);
    let shard = thread::spawn(move || shard.drive());
    restarted_in_flight(&world, &log, started, &mut Asleep, shard);
}

/// The child is on another shard than its supervisor: the news of its end and the
/// order to restart it cross the rings while the messages come in.
pub fn across_shards() {
    let (mut sown, world) = world(2);
    let log = Log::default();
    let started = supervised(&world, 1, &log);
    let other = sown.remove(1);
    let mut here = Turning::new(sown.remove(0));
    let other = thread::spawn(move || other.drive());
    restarted_in_flight(&world, &log, started, &mut here, other);
}

/// The child always has mail, from itself; a stranger sends more. A stop gets
/// through all the same, and what is left is dead, once.
pub fn stop_overtakes() {
    let (mut sown, world) = world(1);
    let log = Log::default();
    let started = supervised(&world, 0, &log);
    let shard = sown.remove(0);
    let shard = thread::spawn(move || shard.drive());
    let child = straight(|| Asleep.wait(started)).expect("the child starts");
    assert_eq!(straight(|| world.tell(child, "again")), 1);
    assert_eq!(world.tell(child, "b"), 1);
    let stopped = world.ask(0, |done| Control::StopSupervisor { supervisor: first(0), done });
    Asleep.wait(stopped).expect("it was there");
    let ledger = straight(|| {
        let ledger = world.drain(&mut Asleep);
        shard.join().expect("the shard ends well");
        ledger
    });
    assert!(ledger.closes() && ledger.resident == 0, "{ledger:?}");
    assert!(ledger.dead() >= 1 && ledger.failed == 0, "one was always waiting: {ledger:?}");
    let seen = texts(&log).len() as u64;
    assert!(seen <= 1 && ledger.handled >= seen, "{ledger:?}");
}
