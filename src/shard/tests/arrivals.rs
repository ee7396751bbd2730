//! What comes from outside: what a probe is shown, each message that crosses a border, once;
//! and what is for the next turn.

use std::cell::RefCell;
use std::pin::Pin;
use std::task::{self, Waker};

use super::*;

/// Counts in the last byte, a digit, how often a message was shown.
fn count(message: &mut Message) {
    if let Some(last) = message.payload.as_mut_slice().and_then(<[u8]>::last_mut) {
        *last += 1;
    }
}

#[test]
fn what_crosses_is_shown_once_and_what_stays_is_not() {
    let config = ShardConfig { on_arrival: Some(ArrivalProbe(count)), ..ShardConfig::default() };
    let mut world = World::with_config(2, config);
    let (here, near, far) = (world.spawn(0), world.spawn(0), world.spawn(1));
    world.log();
    for (to, shown) in [(near, "1"), (far, "2")] {
        // Once on its way in, and once more if it goes on to the other shard.
        world.tell(here, &format!("send {to} log 0"));
        world.settle();
        assert_eq!(world.log(), [shown]);
    }
    assert_eq!(text(world.ask_now(far, "echo 0")), "1");
    // Larger than what travels in the message itself.
    let zeros = "0".repeat(2 * Payload::INLINE_MAX);
    world.tell(here, &format!("send {far} log {zeros}"));
    world.settle();
    assert_eq!(world.log(), [format!("{}2", &zeros[1..])]);
    world.closed_ledger();
}

/// Tells an actor something as soon as it is woken.
struct TellsAtOnce {
    outside: Injector<Command>,
    counters: Arc<ShardCounters>,
    to: ActorId,
}

impl task::Wake for TellsAtOnce {
    fn wake(self: Arc<Self>) {
        self.counters.injected.add(1);
        let message = Message::new(self.to, &b"log answer heard"[..]);
        assert!(self.outside.push(Command::Tell(message)).is_ok());
    }
}

#[test]
fn what_follows_from_an_answer_is_for_the_next_turn_and_what_was_there_is_not() {
    let mut world = World::new(1);
    let actor = world.spawn(0);
    world.log();
    let (outside, counters) = (world.outside[0].injector.clone(), world.outside[0].counters.clone());
    let waker = Waker::from(Arc::new(TellsAtOnce { outside, counters, to: actor }));
    let (done, mut waiter) = reply_slot();
    let waits = Pin::new(&mut waiter).poll(&mut task::Context::from_waker(&waker));
    assert!(waits.is_pending());

    world.tell(actor, "log before");
    world.control(0, Control::Health { actor, done });
    world.tell(actor, "log behind");
    assert_eq!(world.shards[0].turn(), Turned::Busy);
    assert!(waiter.is_ready());
    assert_eq!(world.log(), ["before", "behind"]);
    assert_eq!(world.shards[0].turn(), Turned::Busy);
    assert_eq!(world.log(), ["answer heard"]);
    world.closed_ledger();
}

thread_local! {
    /// The other shard, while one has its turn.
    static OTHER: RefCell<Option<Shard>> = const { RefCell::new(None) };
}

/// Lets the other shard have its turn in the middle of this one's, and writes that down.
struct Meanwhile(Log);

impl Actor for Meanwhile {
    fn handle(&mut self, _: &Context, _: &Message) -> Outcome {
        OTHER.with_borrow_mut(|other| other.as_mut().expect("it is there").turn());
        self.0.lock().unwrap().push("handled here".into());
        Outcome::Done(None)
    }
}

impl Child for Meanwhile {}

#[test]
fn what_an_actor_sends_to_another_shard_is_there_before_the_next_actor_runs() {
    let mut world = World::new(2);
    let (sender, far) = (world.spawn(0), world.spawn(1));
    let log = world.log.clone();
    world.blueprint = Arc::new(Native::new("meanwhile", move |_| Meanwhile(log.clone())));
    let next = world.spawn(0);
    world.log();
    world.tell(sender, &format!("send {far} log handled there"));
    world.tell(next, "");
    let other = world.shards.pop();
    OTHER.with_borrow_mut(|place| *place = other);
    assert_eq!(world.shards[0].turn(), Turned::Busy);
    assert_eq!(world.log(), ["handled there", "handled here"]);
    world.shards.extend(OTHER.take());
    world.settle();
    world.closed_ledger();
}
