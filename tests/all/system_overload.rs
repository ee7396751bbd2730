//! The promises of messages and of overload, with guests that send and guests that
//! receive, on one shard and across shards: order, at most once, time to live, the
//! policies of full mailboxes, pressure up to the edge, dead letters.
//!
//! The receiver is an `asker`: told to ask the *gate*, it waits in the middle of that
//! message until the gate opens, and its mailbox fills. What it gets then it passes on
//! to the *log*, which shows what came through, and in which order.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use raddle::actor::{
    Actor, Blueprint, Child, Context, DeadReason, Message, Native, Outcome, RequestError, RequestId,
    SendError,
};
use raddle::shard::{DEAD_LETTERS, DeadLetter, Overflow};
use raddle::wasm::{CacheConfig, ComponentBlueprint, Limits, Profile, TrustLevel};
use raddle::{ActorId, Payload, Runtime, Spawn};

use crate::support::*;

/// Answers no request before it is told to open.
#[derive(Default)]
struct Gate {
    waiting: Vec<RequestId>,
    is_open: bool,
}

impl Actor for Gate {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        match message.request {
            // Who comes to an open gate need not wait.
            Some(_) if !self.is_open => self.waiting.extend(context.defer()),
            Some(_) => {}
            None => {
                self.is_open = true;
                for request in self.waiting.drain(..) {
                    context.reply(request, Ok(Payload::empty()));
                }
            }
        }
        Outcome::Done(None)
    }
}

impl Child for Gate {}

type Seen = Arc<Mutex<Vec<Vec<u8>>>>;

/// Writes down what it is told, or asked.
struct Log(Seen);

impl Actor for Log {
    fn handle(&mut self, _: &Context, message: &Message) -> Outcome {
        self.0.lock().unwrap().push(message.payload.to_vec());
        Outcome::Done(None)
    }
}

impl Child for Log {}

fn log_on(runtime: &Runtime, name: &str) -> (ActorId, Seen) {
    let seen = Seen::default();
    let for_log = seen.clone();
    let log = Spawn::new(Arc::new(Native::new("log", move |_| Log(for_log.clone())))).name(name);
    (spawn(runtime, log), seen)
}

/// A guest that waits at a gate, on the last shard, and one on the first that sends.
struct Scene {
    sender: ActorId,
    receiver: ActorId,
    gate: ActorId,
    log: ActorId,
    seen: Seen,
    /// Are they on different shards?
    is_across: bool,
}

/// What the asker understands as: ask that one these bytes.
fn ask_of(to: ActorId, bytes: &[u8]) -> Vec<u8> {
    let patience_ns = (PATIENCE.as_nanos() as u64).to_le_bytes();
    [&[0], &to.to_bits().to_le_bytes()[..], &patience_ns, bytes].concat()
}

impl Scene {
    fn new(runtime: &Runtime, receiver: impl FnOnce(Spawn) -> Spawn) -> Self {
        let gate = Arc::new(Native::new("gate", |_| Gate::default()));
        let gate = spawn(runtime, Spawn::new(gate));
        let (log, seen) = log_on(runtime, "log");
        let asker = Spawn::new(load(runtime, "asker")).on(last_shard(runtime));
        let receiver = spawn(runtime, receiver(asker));
        let scene = Self {
            sender: actor(runtime, "trapper"),
            receiver,
            gate,
            log,
            seen,
            is_across: runtime.shards() > 1,
        };
        runtime.tell(receiver, ask_of(gate, b"may I?")).unwrap();
        // It has begun: its request waits.
        wait_until(|| runtime.reports().iter().map(|shard| shard.requests.pending).sum::<u64>() == 1);
        scene
    }

    /// What has the sender send this number to the receiver.
    fn send(&self, number: u8) -> Vec<u8> {
        let message = ask_of(self.log, &[number]);
        Op::Send.with([&self.receiver.to_bits().to_le_bytes()[..], &message].concat())
    }

    /// Has the sender send these numbers, one after the other. Which could it not send,
    /// and why?
    fn send_all(&self, runtime: &Runtime, numbers: std::ops::Range<u8>) -> Vec<(u8, RequestError)> {
        let sent = |number| Some((number, ask(runtime, self.sender, self.send(number)).err()?));
        numbers.filter_map(sent).collect()
    }

    /// Opens the gate. What comes through?
    fn open(&self, runtime: &Runtime) -> Vec<u8> {
        runtime.tell(self.gate, "open").unwrap();
        assert!(runtime.settle(PATIENCE));
        self.seen.lock().unwrap().concat()
    }
}

#[track_caller]
fn wait_until(mut is_so: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !is_so() {
        assert!(std::time::Instant::now() < deadline, "it never comes to that");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn dead(runtime: &Runtime, reason: DeadReason) -> u64 {
    runtime.reports().iter().map(|shard| shard.ledger.dead_by_reason[reason as usize]).sum()
}

fn refused(runtime: &Runtime) -> u64 {
    runtime.reports().iter().map(|shard| shard.ledger.refused).sum()
}

#[test]
fn a_guest_that_sends_to_a_full_mailbox_is_told_so_and_across_shards_the_message_is_dead() {
    everywhere(|runtime| {
        let scene = Scene::new(runtime, |spawn| spawn.mailbox_messages_max(4));
        let failed = scene.send_all(runtime, 0..10);
        if scene.is_across {
            assert_eq!(failed, []);
            wait_until(|| dead(runtime, DeadReason::MailboxFull) == 6);
            assert_eq!(refused(runtime), 0);
        } else {
            assert_eq!(failed.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [4, 5, 6, 7, 8, 9]);
            assert!(failed.iter().all(|(_, why)| matches!(why, RequestError::Failed(_))), "{failed:?}");
            assert_eq!((refused(runtime), dead(runtime, DeadReason::MailboxFull)), (6, 0));
        }
        assert_eq!(scene.open(runtime), [0, 1, 2, 3]);
    });
}

#[test]
fn a_guest_gets_the_newest_or_the_oldest_of_what_guests_send_too_much_of() {
    for (overflow, left) in [(Overflow::DropOldest, 6..10), (Overflow::DropNewest, 0..4)] {
        everywhere(|runtime| {
            let scene = Scene::new(runtime, |spawn| spawn.mailbox_messages_max(4).overflow(overflow));
            assert_eq!(scene.send_all(runtime, 0..10), [], "none is refused");
            wait_until(|| dead(runtime, DeadReason::MailboxFull) == 6);
            assert_eq!(refused(runtime), 0);
            assert_eq!(scene.open(runtime), left.clone().collect::<Vec<_>>());
        });
    }
}

#[test]
fn a_guest_that_sends_too_much_is_paused_and_nothing_is_lost() {
    everywhere(|runtime| {
        let policy = |spawn: Spawn| spawn.mailbox_messages_max(16).overflow(Overflow::Backpressure);
        let scene = Scene::new(runtime, policy);
        let sent: Vec<_> = (0..100)
            .map(|number| runtime.request_within(scene.sender, scene.send(number), PATIENCE))
            .collect();
        let pauses = || runtime.reports().iter().map(|shard| shard.pauses).sum::<u64>();
        wait_until(|| pauses() > 0);
        let handled = || runtime.reports().iter().map(|shard| shard.ledger.handled).sum::<u64>();
        let mut before = u64::MAX;
        wait_until(|| {
            std::thread::sleep(Duration::from_millis(10));
            std::mem::replace(&mut before, handled()) == before
        });
        // On one shard it stands still in the middle of its mail. Across shards all may
        // be under way when the word comes; it is taken.
        assert!(scene.is_across || before < 20, "{before} handled");
        assert_eq!(*scene.seen.lock().unwrap(), [] as [Vec<u8>; 0]);
        assert_eq!(scene.open(runtime), (0..100).collect::<Vec<_>>(), "all, and in order");
        for sent in sent {
            sent.wait().expect("none is refused");
        }
        assert_eq!((refused(runtime), dead(runtime, DeadReason::MailboxFull)), (0, 0));
    });
}

#[test]
fn what_guests_sent_to_a_guest_expires_in_its_mailbox() {
    const TIME_TO_LIVE: Duration = Duration::from_millis(50);
    everywhere(|runtime| {
        let bounded = Scene::new(runtime, |spawn| spawn.message_time_to_live(TIME_TO_LIVE));
        assert_eq!(bounded.send_all(runtime, 0..3), []);
        // From outside, and with a time of its own that is longer.
        runtime.tell_within(bounded.receiver, ask_of(bounded.log, &[3]), PATIENCE).unwrap();
        std::thread::sleep(4 * TIME_TO_LIVE);
        assert_eq!(bounded.open(runtime), [] as [u8; 0]);
        assert_eq!(dead(runtime, DeadReason::Expired), 4);
        // What does not wait is handled, once this machine is quick enough.
        let mut sent = 4;
        wait_until(|| {
            assert_eq!(bounded.send_all(runtime, 4..5), []);
            assert!(runtime.settle(PATIENCE));
            sent += 1;
            !bounded.seen.lock().unwrap().is_empty()
        });
        assert_eq!(dead(runtime, DeadReason::Expired), sent - 1);
    });
}

#[test]
fn a_full_mailbox_of_a_guest_is_full_at_the_edge_until_it_has_room() {
    everywhere(|runtime| {
        for overflow in [Overflow::Reject, Overflow::Backpressure, Overflow::DropOldest, Overflow::DropNewest]
        {
            let gate = spawn(runtime, Spawn::new(Arc::new(Native::new("gate", |_| Gate::default()))));
            let asker = Spawn::new(load(runtime, "asker")).on(last_shard(runtime));
            let receiver = spawn(runtime, asker.mailbox_messages_max(4).overflow(overflow));
            runtime.tell(receiver, ask_of(gate, b"may I?")).unwrap();
            let echo = actor(runtime, "echo");
            let mut accepted = 0;
            let mut refusal = None;
            wait_until(|| {
                match runtime.tell(receiver, ask_of(echo, &[accepted as u8])) {
                    Ok(()) => accepted += 1,
                    Err(full) => refusal = Some(full),
                }
                refusal.is_some()
            });
            let refusal = refusal.unwrap();
            assert_eq!(refusal.reason, SendError::MailboxFull(receiver), "{overflow:?}");
            assert_eq!(&*refusal.payload, ask_of(echo, &[accepted as u8]), "it has its message back");
            runtime.tell(gate, "open").unwrap();
            assert!(runtime.settle(PATIENCE));
            runtime.tell(receiver, &*refusal.payload).expect("there is room");
            assert!(runtime.settle(PATIENCE));
            // With the one that waited at the gate, and the one that was refused at first.
            assert_eq!(number(runtime, receiver, &[3]), accepted + 2, "{overflow:?}");
        }
        assert_eq!(dead(runtime, DeadReason::MailboxFull), 0);
    });
}

/// Numbered messages among four guests: each knows what comes next from each other one.
#[test]
fn messages_between_two_guests_are_never_reordered_lost_or_doubled() {
    const PEERS: u64 = 4;
    const HOPS: u64 = 200;
    let op = |op: u64, value: u64| (value << 8 | op).to_le_bytes();
    everywhere(|runtime| {
        for batch in [1, 32] {
            let blueprint = in_batches(runtime, "sequence", batch);
            let place = |index: u64| raddle::ShardId((index % runtime.shards() as u64) as u16);
            let start = |index| spawn(runtime, Spawn::new(blueprint.clone()).on(place(index)));
            let peers: Vec<ActorId> = (0..PEERS).map(start).collect();
            let addresses: Vec<u8> = peers.iter().flat_map(|peer| peer.to_bits().to_le_bytes()).collect();
            for (index, &peer) in peers.iter().enumerate() {
                let meet = [&op(1, 77 + index as u64)[..], &addresses].concat();
                assert_eq!(number(runtime, peer, meet), PEERS);
            }
            for &peer in &peers {
                let launch = [op(2, 16), (HOPS - 1).to_le_bytes()].concat();
                assert_eq!(number(runtime, peer, launch), 16);
            }
            assert!(runtime.settle(PATIENCE));
            let accounts: Vec<Vec<u64>> =
                peers.iter().map(|&peer| words(&reply(runtime, peer, &op(3, 0)))).collect();
            let mut received = 0;
            for (to, account) in accounts.iter().enumerate() {
                assert_eq!(account[..3], [0, 0, 0], "out of order, strangers, refused: guest {to}");
                for from in 0..peers.len() {
                    let [sent, came] = [accounts[from][3 + 3 * to + 1], account[3 + 3 * from + 2]];
                    assert_eq!(sent, came, "from {from} to {to}");
                    assert!(came > 0, "from {from} to {to}: the test tests nothing");
                    received += came;
                }
            }
            assert_eq!(received, PEERS * 16 * HOPS);
        }
    });
}

/// A guest that gets so many messages in a call.
fn in_batches(runtime: &Runtime, name: &str, batch_messages_max: usize) -> Arc<dyn Blueprint> {
    let component = runtime.engine().load(&guest(name), &CacheConfig::Folder(cache()), &()).unwrap();
    let limits = Limits { batch_messages_max, ..Limits::default() };
    let profile = Profile { limits, ..Profile::of(TrustLevel::Standard) };
    Arc::new(ComponentBlueprint::with(component, profile).unwrap())
}

fn words(bytes: &[u8]) -> Vec<u64> {
    bytes.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect()
}

/// A guest traps on what another one sent: that is lost, once, and nothing else is.
#[test]
fn what_a_guest_traps_on_is_not_handed_to_its_successor_and_the_rest_is() {
    const TRAP: u64 = u64::MAX;
    for batch in [1, 32] {
        everywhere(|runtime| {
            let (_, seen) = log_on(runtime, "witness");
            let batcher = Spawn::new(in_batches(runtime, "batcher", batch)).config("witness", "witness");
            let batcher = batcher.on(last_shard(runtime)).under(supervisor(runtime, 100));
            let receiver = spawn(runtime, batcher);
            let sender = actor(runtime, "trapper");
            let numbers = [1, 2, TRAP, 3, TRAP, TRAP, 4, 5];
            for number in numbers {
                let send = [&receiver.to_bits().to_le_bytes()[..], &number.to_le_bytes()].concat();
                runtime.tell(sender, Op::Send.with(send)).unwrap();
            }
            assert!(runtime.settle(PATIENCE));
            let handled: Vec<u64> = seen.lock().unwrap().iter().flat_map(|bytes| words(bytes)).collect();
            assert_eq!(handled, [1, 2, 3, 4, 5], "in order, and each once");
            let failed: u64 = runtime.reports().iter().map(|shard| shard.ledger.failed).sum();
            assert_eq!(failed, 3, "the traps, each once");
        });
    }
}

#[test]
fn letters_that_guests_sent_in_vain_are_counted_and_some_are_kept() {
    const IN_VAIN: u64 = 100;
    everywhere(|runtime| {
        let (watcher, seen) = log_on(runtime, "watcher");
        assert!(runtime.subscribe(watcher, &format!("{DEAD_LETTERS}.>")).wait().unwrap());
        let scene = Scene::new(runtime, |spawn| spawn.mailbox_messages_max(4).overflow(Overflow::DropOldest));
        for number in 0..IN_VAIN + 4 {
            ask(runtime, scene.sender, scene.send(number as u8)).expect("none is refused");
        }
        wait_until(|| dead(runtime, DeadReason::MailboxFull) == IN_VAIN);
        let reports = runtime.reports();
        let shard = &reports[last_shard(runtime).index()];
        assert_eq!(shard.dead_letters.len(), 64, "all are counted, and so many kept");
        let bytes = ask_of(scene.log, &[0]).len();
        let letter = DeadLetter {
            to: Some(scene.receiver),
            from: Some(scene.sender),
            reason: DeadReason::MailboxFull,
            bytes,
            subject: None,
        };
        assert!(shard.dead_letters.iter().all(|kept| kept.to_string() == letter.to_string()), "{shard:?}");
        let by_actor = shard.dead_by_actor.get(&scene.receiver);
        assert_eq!(by_actor.map(|dead| dead[DeadReason::MailboxFull as usize]), Some(IN_VAIN));
        scene.open(runtime);
        // As a topic, all of them.
        let told = seen.lock().unwrap();
        let text = letter.to_string();
        assert_eq!(told.iter().filter(|told| ***told == *text.as_bytes()).count() as u64, IN_VAIN);
    });
}
