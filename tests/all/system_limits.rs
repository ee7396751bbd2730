//! What is full, late or over: payloads come back, requests end, and shutting
//! down accounts for everything.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use raddle::actor::{Actor, Child, Context, Message, Native, Outcome, RequestError, SendError};
use raddle::control::backoff::Backoff;
use raddle::shard::{Bounds, ShardConfig, SpawnError};
use raddle::{ActorId, Runtime, Spawn};

use crate::support::*;

/// A native actor that holds its whole shard until it is let go.
struct Stuck {
    entered: Sender<()>,
    let_go: Arc<Mutex<Receiver<()>>>,
}

impl Actor for Stuck {
    fn handle(&mut self, _: &Context, _: &Message) -> Outcome {
        let _ = self.entered.send(());
        let _ = self.let_go.lock().unwrap().recv();
        Outcome::Done(Some("at last".into()))
    }
}

impl Child for Stuck {}

/// One such actor. When it was told something it is stuck until `let_go` is told.
struct Jam {
    actor: ActorId,
    entered: Receiver<()>,
    let_go: Sender<()>,
}

impl Jam {
    fn on(runtime: &Runtime) -> Self {
        let ((entered, has_entered), (let_go, go)) = (channel(), channel());
        let go = Arc::new(Mutex::new(go));
        let stuck = move |_: &_| Stuck { entered: entered.clone(), let_go: go.clone() };
        let actor = spawn(runtime, Spawn::new(Arc::new(Native::new("stuck", stuck))));
        Self { actor, entered: has_entered, let_go }
    }

    /// Tells it something and waits until it is stuck.
    fn begin(&self, runtime: &Runtime) {
        runtime.tell(self.actor, "hold").unwrap();
        self.entered.recv_timeout(PATIENCE).unwrap();
    }
}

#[test]
fn what_does_not_fit_into_a_stuck_shard_comes_back() {
    for reactor in reactors() {
        let config = ShardConfig { injector_commands_max: 8, ..ShardConfig::default() };
        let runtime = builder(1).reactor(reactor).config(config).build().unwrap();
        let counter = actor(&runtime, "counter");
        let jam = Jam::on(&runtime);
        jam.begin(&runtime);

        let mut accepted = 0;
        let refused = loop {
            let payload = format!("add {}", 10_u64.pow(accepted % 2));
            match runtime.tell(counter, payload.as_str()) {
                Ok(()) => accepted += 1,
                Err(refused) => break (payload, refused),
            }
            assert!(accepted <= 8, "more than fit were accepted");
        };
        let (payload, not_sent) = refused;
        assert_eq!(not_sent.reason, SendError::MailboxFull(counter));
        assert_eq!(&*not_sent.payload, payload.as_bytes(), "the payload comes back");
        let (taken, rest) = runtime.tell_all(counter, ["add 5".into()]);
        assert_eq!((taken, &*rest.unwrap().payload), (0, &b"add 5"[..]));
        let full = runtime.request(counter, "get").wait().unwrap_err();
        assert_eq!(full, RequestError::NotSent(SendError::MailboxFull(counter)));

        jam.let_go.send(()).unwrap();
        assert!(runtime.settle(PATIENCE));
        assert_eq!(text(&runtime, counter, "get"), "44", "four times 1 and 10: what was accepted");
        let ledger = closed(&shut_down(runtime));
        assert_eq!((ledger.accepted, ledger.handled), (10, 10), "8, the jam, and the question");
    }
}

#[test]
fn what_was_taken_from_outside_is_handled_though_its_mailbox_is_full_when_it_comes() {
    let bounds = Bounds { mailbox_messages_max: 4, ..Bounds::default() };
    let config = ShardConfig { bounds, ..ShardConfig::default() };
    let runtime = builder(1).config(config).build().unwrap();
    let counter = actor(&runtime, "counter");
    let jam = Jam::on(&runtime);
    jam.begin(&runtime);
    // While the shard is stuck these wait in front of it; then all come at once.
    let (accepted, refused) = runtime.tell_all(counter, (0..10).map(|_| "add".into()));
    assert_eq!((accepted, refused), (10, None));
    jam.let_go.send(()).unwrap();
    assert!(runtime.settle(PATIENCE));
    assert_eq!(text(&runtime, counter, "get"), "10");
    let ledger = closed(&shut_down(runtime));
    assert_eq!(
        (ledger.accepted, ledger.handled, ledger.dead()),
        (12, 12, 0),
        "with the jam and the question"
    );
}

#[test]
fn a_message_that_is_too_large_comes_back() {
    let bounds = Bounds { message_bytes_max: 100, ..Bounds::default() };
    let config = ShardConfig { bounds, ..ShardConfig::default() };
    let runtime = builder(1).config(config).build().unwrap();
    let echo = actor(&runtime, "echo");
    assert_eq!(reply(&runtime, echo, vec![7; 100]).len(), 100);
    let refused = runtime.tell(echo, vec![7; 101]).unwrap_err();
    assert_eq!(refused.reason, SendError::TooLarge { bytes: 101, bytes_max: 100 });
    assert_eq!(refused.payload.len(), 101);
    assert_eq!(closed(&shut_down(runtime)).accepted, 1);
}

#[test]
fn a_request_ends_at_its_deadline() {
    for reactor in reactors() {
        let runtime = builder(1).reactor(reactor).build().unwrap();
        // Stuck: the shard cannot say so, the waiting thread knows by itself.
        let jam = Jam::on(&runtime);
        jam.begin(&runtime);
        let late = runtime.request_within(jam.actor, "in vain", Duration::from_millis(20)).wait();
        assert_eq!(late, Err(RequestError::Timeout));
        jam.let_go.send(()).unwrap();
        jam.let_go.send(()).unwrap();
        assert!(runtime.settle(PATIENCE));

        // Down: its shard is well, and says so.
        let down = down_for_an_hour(&runtime);
        let pending = runtime.request_within(down, Op::Echo.alone(), Duration::from_millis(20));
        assert_eq!(pending.wait_for(PATIENCE), Err(RequestError::Timeout));
        let ledger = closed(&shut_down_early(runtime));
        assert_eq!(ledger.failed, 1);
        assert_eq!(ledger.dead(), ledger.accepted - ledger.handled - 1, "{ledger:?}");
    }
}

/// A trapper that waits to be started again, with its mailbox open.
fn down_for_an_hour(runtime: &Runtime) -> ActorId {
    const HOUR_NS: u64 = 3_600_000_000_000;
    let backoff = Backoff::linear(HOUR_NS, HOUR_NS);
    let down = Spawn::new(load(runtime, "trapper")).backoff(backoff).under(supervisor(runtime, 5));
    let down = spawn(runtime, down);
    assert!(matches!(ask(runtime, down, Op::Panic.alone()), Err(RequestError::CalleeExited(_))));
    down
}

/// Ends a runtime that has messages which nobody will handle.
fn shut_down_early(runtime: Runtime) -> raddle::Report {
    let report = runtime.shutdown(Duration::from_millis(100));
    assert_eq!(report.failures, Vec::<String>::new());
    report
}

#[test]
fn shutting_down_lets_what_was_accepted_be_handled() {
    const MESSAGES: usize = 2_000;
    for reactor in reactors() {
        let runtime = builder(2).reactor(reactor).build().unwrap();
        let handle = runtime.handle();
        let counter = actor_on(&runtime, "counter", last_shard(&runtime));
        let trapper = actor(&runtime, "trapper");
        for _ in 0..MESSAGES {
            // Each is forwarded to the other shard: two messages.
            runtime.tell(trapper, Op::send(counter, "add")).unwrap();
        }
        let report = shut_down(runtime);
        let ledger = closed(&report);
        let all = 2 * MESSAGES as u64;
        assert_eq!((ledger.accepted, ledger.handled, ledger.dead()), (all, all, 0));
        assert_eq!(report.latency().count(), MESSAGES as u64, "each from outside to its last handler");

        // A handle that is left over says so, and gives payloads back.
        let late = handle.tell(counter, "add").unwrap_err();
        assert_eq!((late.reason, &*late.payload), (SendError::Closed, &b"add"[..]));
        let late = handle.request(counter, "get").wait();
        assert_eq!(late, Err(RequestError::NotSent(SendError::Closed)));
        let native = Native::new("never", |_| -> Stuck { unreachable!() });
        assert_eq!(handle.spawn(Spawn::new(Arc::new(native))).wait(), Err(SpawnError::Closed));
        assert_eq!(handle.reports().len(), 0);
    }
}

#[test]
fn shutting_down_does_not_wait_for_what_will_not_be_handled() {
    let runtime = runtime(2);
    let down = down_for_an_hour(&runtime);
    for _ in 0..10 {
        runtime.tell(down, Op::Echo.alone()).unwrap();
    }
    let waits = runtime.request_within(down, Op::Echo.alone(), PATIENCE);
    let report = shut_down_early(runtime);
    assert!(!report.drained);
    let ledger = closed(&report);
    assert_eq!((ledger.failed, ledger.dead()), (1, 11), "{ledger:?}");
    let outcome = waits.wait().unwrap_err();
    assert!(matches!(outcome, RequestError::Dead(_) | RequestError::Closed), "{outcome}");
}
