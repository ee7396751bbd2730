//! Messages through real guests: told, asked, forwarded, looked up.

use std::sync::Arc;
use std::thread;

use raddle::actor::{Actor, Child, Context, Failure, Message, Native, Outcome, RequestError, SendError};
use raddle::{ActorId, Payload, Spawn};

use crate::support::*;

#[test]
fn what_many_threads_tell_is_counted_by_the_guest() {
    const THREADS: usize = 4;
    const EACH: usize = 500;
    everywhere(|runtime| {
        let counters = [actor(runtime, "counter"), actor_on(runtime, "counter", last_shard(runtime))];
        thread::scope(|scope| {
            for _ in 0..THREADS {
                let handle = runtime.handle();
                scope.spawn(move || {
                    for number in 0..EACH {
                        handle.tell(counters[number % 2], "add").unwrap();
                    }
                });
            }
        });
        assert!(runtime.settle(PATIENCE));
        for counter in counters {
            assert_eq!(text(runtime, counter, "get"), (THREADS * EACH / 2).to_string());
        }
        let reports = runtime.reports();
        let handled: u64 = reports.iter().map(|shard| shard.ledger.handled).sum();
        assert_eq!(handled as usize, THREADS * EACH + 2);
        assert!(reports.iter().all(|shard| shard.ledger.handled > 0), "both shards took part: {reports:?}");
    });
}

#[test]
fn a_batch_is_taken_in_order_and_as_one() {
    let runtime = runtime(1);
    let trapper = actor(&runtime, "trapper");
    let numbered = |number: u64| Payload::from(Op::HandledBefore.with(number.to_le_bytes()));
    let (accepted, refused) = runtime.tell_all(trapper, (0..100).map(numbered));
    assert_eq!((accepted, refused), (100, None));
    assert_eq!(number(&runtime, trapper, Op::HandledBefore.alone()), 100);
}

#[test]
fn a_request_comes_back_with_what_the_guest_answered() {
    everywhere(|runtime| {
        let echo = actor_on(runtime, "echo", last_shard(runtime));
        for bytes in [0, 1, Payload::INLINE_MAX, Payload::INLINE_MAX + 1, 100_000] {
            let question: Vec<u8> = (0..bytes).map(|index| index as u8).collect();
            assert_eq!(reply(runtime, echo, question.clone()).as_slice(), question);
        }
    });
}

#[test]
fn a_failure_is_an_answer_and_the_actor_lives() {
    let runtime = runtime(1);
    let trapper = actor(&runtime, "trapper");
    let refused = ask(&runtime, trapper, Op::Reject.with("no")).unwrap_err();
    assert_eq!(refused, RequestError::Failed(Failure::Rejected("no".into())));
    assert_eq!(number(&runtime, trapper, Op::HandledBefore.alone()), 1);
    let report = shut_down(runtime);
    let ledger = closed(&report);
    assert_eq!((ledger.handled, ledger.failed, report.restarts()), (2, 0, 0));
    assert_eq!(report.shards[0].answered_with_failure, 1);
}

#[test]
fn guests_send_to_each_other_across_shards() {
    const MESSAGES: usize = 500;
    everywhere(|runtime| {
        let from = actor(runtime, "trapper");
        let to = actor_on(runtime, "counter", last_shard(runtime));
        for _ in 0..MESSAGES {
            runtime.tell(from, Op::send(to, "add 2")).unwrap();
        }
        assert!(runtime.settle(PATIENCE));
        assert_eq!(text(runtime, to, "get"), (2 * MESSAGES).to_string());
    });
}

#[test]
fn a_guest_looks_names_up_and_knows_itself() {
    everywhere(|runtime| {
        let name =
            |name: &str, shard| spawn(runtime, Spawn::new(load(runtime, "trapper")).name(name).on(shard));
        let here = name("here", raddle::ShardId(0));
        let there = name("there", last_shard(runtime));
        for asked in [here, there] {
            assert_eq!(number(runtime, asked, Op::OwnId.alone()), asked.to_bits());
            // A start is answered when the name is known everywhere.
            assert_eq!(number(runtime, asked, Op::Lookup.with("here")), here.to_bits());
            assert_eq!(number(runtime, asked, Op::Lookup.with("there")), there.to_bits());
            assert_eq!(*reply(runtime, asked, Op::Lookup.with("nobody")), *b"");
        }
        assert_eq!((runtime.lookup("here"), runtime.lookup("there")), (Some(here), Some(there)));
        assert_eq!(runtime.lookup("nobody"), None);
    });
}

#[test]
fn a_guest_reads_its_configuration() {
    let runtime = runtime(1);
    let with_config = Spawn::new(load(&runtime, "trapper")).config("colour", "red").config("size", "7");
    let trapper = spawn(&runtime, with_config);
    assert_eq!(text(&runtime, trapper, Op::Config.with("colour")), "red");
    assert_eq!(text(&runtime, trapper, Op::Config.with("weight")), "");
    assert_eq!(text(&runtime, trapper, Op::AllConfig.alone()), "colour=red\nsize=7\n");
    let without = actor(&runtime, "trapper");
    assert_eq!(text(&runtime, without, Op::AllConfig.alone()), "");
}

#[test]
fn an_address_that_is_nobodys_is_refused_or_counted() {
    let runtime = runtime(2);
    let gone = actor(&runtime, "echo");
    runtime.stop(gone, Default::default()).wait_for(PATIENCE).unwrap();
    let dead = ask(&runtime, gone, "hello").unwrap_err();
    assert_eq!(dead, RequestError::Dead(raddle::actor::DeadReason::StaleGeneration));

    let nowhere: ActorId = "7.0.1".parse().unwrap();
    let refused = runtime.tell(nowhere, "hello").unwrap_err();
    assert_eq!((refused.reason, &*refused.payload), (SendError::NoSuchActor(nowhere), &b"hello"[..]));

    // From a guest: there is no such shard, or it cannot know.
    let trapper = actor_on(&runtime, "trapper", last_shard(&runtime));
    let refused = ask(&runtime, trapper, Op::send(nowhere, "hello")).unwrap_err();
    assert!(matches!(refused, RequestError::Failed(Failure::Other(_))), "{refused}");
    reply(&runtime, trapper, Op::send(gone, "hello"));

    let ledger = closed(&shut_down(runtime));
    assert_eq!((ledger.handled, ledger.dead(), ledger.refused), (2, 2, 1));
}

/// A native actor: forwards what it is told to whoever is called `to`, and
/// remembers who it was told by.
#[derive(Default)]
struct Forwarder {
    told_by: Option<ActorId>,
}

impl Actor for Forwarder {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        if &*message.payload == b"told by?" {
            let bits = self.told_by.map_or(0, ActorId::to_bits);
            return Outcome::Done(Some(bits.to_le_bytes()[..].into()));
        }
        self.told_by = message.from;
        let Some(to) = context.lookup("to") else {
            return Outcome::Failed(Failure::Retry("nobody is called `to`".into()));
        };
        match context.send(to, message.payload.clone()) {
            Ok(()) => Outcome::Done(None),
            Err(error) => Outcome::Failed(Failure::Other(error.to_string())),
        }
    }
}

impl Child for Forwarder {}

#[test]
fn native_and_component_actors_are_addressed_the_same_way() {
    everywhere(|runtime| {
        // component → native → component, on two shards where there are two.
        let native = Arc::new(Native::new("forwarder", |_| Forwarder::default()));
        let native = spawn(runtime, Spawn::new(native).name("native").on(last_shard(runtime)));
        let counter = spawn(runtime, Spawn::new(load(runtime, "counter")).name("to"));
        let trapper = actor(runtime, "trapper");
        reply(runtime, trapper, Op::send(native, "add 42"));
        assert!(runtime.settle(PATIENCE));
        assert_eq!(text(runtime, counter, "get"), "42");
        assert_eq!(number(runtime, native, "told by?"), trapper.to_bits());

        // native → component, which sees who sent it.
        runtime.tell(native, "add").unwrap();
        assert!(runtime.settle(PATIENCE));
        assert_eq!(text(runtime, counter, "get"), "43");
        assert_eq!(number(runtime, native, "told by?"), 0, "from outside: nobody");
        assert_eq!(number(runtime, trapper, Op::Sender.alone()), 0);
        assert_eq!(number(runtime, trapper, Op::Lookup.with("native")), native.to_bits());
    });
}

#[test]
fn latency_is_measured_for_every_message_or_for_none() {
    use raddle::shard::ShardConfig;

    for (measures_latency, expected) in [(true, 100), (false, 0)] {
        let config = ShardConfig { measures_latency, ..ShardConfig::default() };
        let runtime = builder(2).config(config).build().unwrap();
        let counter = actor_on(&runtime, "counter", last_shard(&runtime));
        for _ in 0..100 {
            runtime.tell(counter, "add").unwrap();
        }
        let report = shut_down(runtime);
        assert_eq!(report.ledger().handled, 100);
        assert_eq!(report.latency().count(), expected);
    }
}
