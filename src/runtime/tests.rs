//! What outside threads do with shards that run, and native actors.

use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::driver::Reactor;
use super::{Runtime, Spawn};
use crate::actor::{
    Actor, ActorId, Child, Context, Filter, Message, Native, Outcome, Payload, RequestError, SendError,
    ShardId, Subject, Target,
};
use crate::control::broker::Bridge;
use crate::shard::{Quotas, ShardConfig};

mod hooks;

const PATIENCE: Duration = Duration::from_secs(20);

/// Passes on what it gets; sleeps first if told so.
struct Relay(Sender<String>);

impl Actor for Relay {
    fn handle(&mut self, _: &Context, message: &Message) -> Outcome {
        let text = String::from_utf8_lossy(&message.payload).into_owned();
        if let Some(ms) = text.strip_prefix("sleep ") {
            thread::sleep(Duration::from_millis(ms.parse().unwrap()));
        }
        let text = message.subject().map_or(text.clone(), |subject| format!("{subject}: {text}"));
        let _ = self.0.send(text.clone());
        Outcome::Done(Some(text.into()))
    }
}

impl Child for Relay {}

fn world(shards: usize) -> (Runtime, Vec<ActorId>, Receiver<String>) {
    let config = ShardConfig { checks_ledger: true, quotas: Quotas::default(), ..ShardConfig::default() };
    let runtime = Runtime::builder().shards(shards).reactor(Reactor::Thread).config(config).build().unwrap();
    let (sender, heard) = mpsc::channel();
    let blueprint = Arc::new(Native::new("relay", move |_| Relay(sender.clone())));
    let actors = (0..shards)
        .map(|shard| {
            let spawn = Spawn::new(blueprint.clone()).on(ShardId(shard as u16)).mailbox_messages_max(64);
            runtime.spawn(spawn).wait().unwrap()
        })
        .collect();
    (runtime, actors, heard)
}

/// Notes what it is told.
struct Tap(Sender<String>);

impl Bridge for Tap {
    fn interest(&self, shard: ShardId, filter: &Filter, interested: bool) {
        let _ = self.0.send(format!("shard {shard} {filter} {interested}"));
    }

    fn published(&self, subject: &Subject, payload: &Payload) {
        let _ = self.0.send(format!("{subject}: {}", String::from_utf8_lossy(payload)));
    }
}

/// Publishes what it is told to.
struct Publisher;

impl Actor for Publisher {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        context.publish("a.b", message.payload.clone()).unwrap();
        Outcome::Done(None)
    }
}

impl Child for Publisher {}

#[test]
fn a_bridge_sees_interest_and_what_actors_publish_and_not_what_comes_from_outside() {
    let (tapped, seen) = mpsc::channel();
    let runtime =
        Runtime::builder().shards(1).reactor(Reactor::Thread).bridge(Arc::new(Tap(tapped))).build().unwrap();
    let blueprint = Arc::new(Native::new("publisher", |_| Publisher));
    let actor = runtime.spawn(Spawn::new(blueprint)).wait().unwrap();
    runtime.tell(actor, "inside").unwrap();
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), "a.b: inside");
    assert_eq!(runtime.subscribe(actor, "c.*").wait(), Ok(true));
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), "shard 0 c.* true");
    runtime.publish("x.y", "outside").unwrap();
    runtime.stop(actor, crate::control::child_spec::Shutdown::default()).wait().unwrap();
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), "shard 0 c.* false");
    end(runtime);
}

fn end(runtime: Runtime) {
    let report = runtime.shutdown(PATIENCE);
    assert!(report.drained && report.failures.is_empty(), "{:?}", report.failures);
    assert!(report.ledger().closes(), "{:?}", report.ledger());
    assert_eq!(report.ledger().resident, 0);
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn a_full_mailbox_gives_the_message_back_and_who_awaits_room_gets_everything_through() {
    let (runtime, actors, heard) = world(1);
    runtime.tell(actors[0], "sleep 100").unwrap();
    // The mailbox takes 64; then the edge knows.
    let mut given_back = None;
    let deadline = Instant::now() + PATIENCE;
    while given_back.is_none() && Instant::now() < deadline {
        given_back = runtime.tell(actors[0], "flood").err();
    }
    let given_back = given_back.expect("a message that is given back");
    assert_eq!((given_back.reason, &*given_back.payload), (SendError::MailboxFull(actors[0]), &b"flood"[..]));
    // In a row, from an async task: all arrive, in order.
    let handle = runtime.handle();
    let to = actors[0];
    block_on(async {
        for number in 0..2_000 {
            handle.tell_when_room(to, format!("n{number}")).await.unwrap();
        }
    });
    assert!(runtime.settle(PATIENCE));
    let numbers: Vec<String> = heard.try_iter().filter(|text| text.starts_with('n')).collect();
    assert_eq!(numbers, (0..2_000).map(|number| format!("n{number}")).collect::<Vec<_>>());
    assert!(runtime.reports().iter().map(|report| report.ledger.refused).sum::<u64>() > 0);
    assert_eq!(runtime.reports().iter().map(|report| report.ledger.dead()).sum::<u64>(), 0);
    end(runtime);
}

#[test]
fn a_request_that_is_awaited_on_a_stuck_shard_ends_at_its_deadline() {
    let (runtime, actors, _heard) = world(1);
    runtime.tell(actors[0], "sleep 600").unwrap();
    let start = Instant::now();
    let pending = runtime.request_within(actors[0], "x", Duration::from_millis(50));
    assert_eq!(block_on(pending), Err(RequestError::Timeout));
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(50), "never early");
    assert!(took < Duration::from_millis(500), "not when the shard came back: {took:?}");
    end(runtime);
}

#[test]
fn hosts_publish_subscribe_and_send_to_groups_on_any_shard() {
    let (runtime, actors, heard) = world(2);
    for &actor in &actors {
        assert_eq!(runtime.subscribe(actor, "weather.*").wait(), Ok(true));
        assert_eq!(runtime.join(actor, "crew").wait(), Ok(true));
    }
    let take = |count: usize| -> Vec<String> {
        let mut taken: Vec<_> = (0..count).map(|_| heard.recv_timeout(PATIENCE).unwrap()).collect();
        taken.sort();
        taken
    };
    runtime.publish("weather.north", "rain").unwrap();
    assert_eq!(take(2), ["weather.north: rain"; 2]);
    runtime.route(Target::All("crew"), "all").unwrap();
    assert_eq!(take(2), ["all"; 2]);
    for _ in 0..4 {
        runtime.route(Target::One("crew"), "one").unwrap();
        runtime.route(Target::Key { group: "crew", key: b"k" }, "key").unwrap();
    }
    assert_eq!(take(8), [["key"; 4], ["one"; 4]].concat());
    let mut members = runtime.members("crew").wait().unwrap();
    members.sort();
    assert_eq!(members, actors);
    assert_eq!(runtime.leave(actors[0], "crew").wait(), Ok(true));
    assert_eq!(runtime.leave(actors[0], "crew").wait(), Ok(false));
    assert_eq!(runtime.unsubscribe(actors[1], "weather.*").wait(), Ok(true));
    let bad = runtime.publish("weather..north", "x").unwrap_err();
    assert_eq!(bad.reason.to_string(), "`weather..north` is no topic: a token is empty, at byte 8");
    let nobody = runtime.route(Target::Name("nobody"), "x").unwrap_err();
    assert_eq!(nobody.reason.to_string(), "nobody is registered as `nobody`");
    end(runtime);
}

#[test]
fn hosts_send_later_and_cancel() {
    let (runtime, actors, heard) = world(2);
    let start = Instant::now();
    runtime.send_after(Duration::from_millis(30), actors[1], "later").wait().unwrap();
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap(), "later");
    assert!(start.elapsed() >= Duration::from_millis(30));
    let timer = runtime.send_every(Duration::from_millis(5), actors[0], "tick").wait().unwrap();
    for _ in 0..3 {
        assert_eq!(heard.recv_timeout(PATIENCE).unwrap(), "tick");
    }
    assert_eq!(runtime.cancel_timer(timer).wait(), Ok(true));
    assert_eq!(runtime.cancel_timer(timer).wait(), Ok(false));
    runtime.tell_within(actors[0], "fresh", PATIENCE).unwrap();
    loop {
        match &*heard.recv_timeout(PATIENCE).unwrap() {
            "tick" => {}
            other => break assert_eq!(other, "fresh"),
        }
    }
    end(runtime);
}
