//! Guests that wait in the middle of a message, and those that compute for long:
//! their shard runs their neighbours meanwhile.

use std::sync::Arc;
use std::time::Duration;

use raddle::actor::{Actor, Child, Context, ExitReason, Message, Native, Outcome, RequestError, RequestId};
use raddle::control::child_spec::Shutdown;
use raddle::wasm::{CacheConfig, ComponentBlueprint, ExecutionClass, Limits, Profile, TrustLevel};
use raddle::{ActorId, Payload, Runtime, ShardId, Spawn};

use crate::support::*;

/// Answers nobody until it is told what to answer.
#[derive(Default)]
struct Thinker {
    asked: Vec<RequestId>,
    thought: Option<Payload>,
}

impl Actor for Thinker {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        match context.defer() {
            Some(request) => self.asked.push(request),
            None => self.thought = Some(message.payload.clone()),
        }
        if let Some(thought) = &self.thought {
            for request in self.asked.drain(..) {
                context.reply(request, Ok(thought.clone()));
            }
        }
        Outcome::Done(None)
    }
}

impl Child for Thinker {}

fn thinker(runtime: &Runtime, shard: ShardId) -> ActorId {
    spawn(runtime, Spawn::new(Arc::new(Native::new("thinker", |_| Thinker::default()))).on(shard))
}

/// The asker's message: ask that one these bytes, and wait so long.
fn ask_op(op: u8, to: ActorId, within: Duration, bytes: &[u8]) -> Vec<u8> {
    let within = (within.as_nanos() as u64).to_le_bytes();
    [&[op], &to.to_bits().to_le_bytes()[..], &within, bytes].concat()
}

const FINISHED: [u8; 1] = [3];

/// With so much time for a message that no test uses it up.
fn patient(runtime: &Runtime, guest_name: &str, class: ExecutionClass) -> Arc<dyn raddle::actor::Blueprint> {
    let component = runtime.engine().load(&guest(guest_name), &CacheConfig::Folder(cache()), &()).unwrap();
    let limits = Limits { message_time_max: PATIENCE, ..Limits::default() };
    let profile = Profile { limits, class: Some(class), ..Profile::of(TrustLevel::Standard) };
    Arc::new(ComponentBlueprint::with(component, profile).unwrap())
}

#[test]
fn a_guest_asks_and_goes_on_with_the_reply() {
    everywhere(|runtime| {
        let asker = actor(runtime, "asker");
        for shard in [ShardId(0), last_shard(runtime)] {
            let counter = actor_on(runtime, "counter", shard);
            reply(runtime, counter, "add 41");
            assert_eq!(text(runtime, asker, ask_op(0, counter, PATIENCE, b"get")), "41");
        }
        assert_eq!(number(runtime, asker, &FINISHED), 2);
    });
}

#[test]
fn while_it_waits_its_neighbours_run_and_its_own_mail_waits() {
    everywhere(|runtime| {
        let asker = actor(runtime, "asker");
        let thinker = thinker(runtime, last_shard(runtime));
        let waiting = runtime.request_within(asker, ask_op(0, thinker, PATIENCE, b"?"), PATIENCE);
        let behind = runtime.request_within(asker, &FINISHED, PATIENCE);
        let neighbour = actor(runtime, "counter");
        for _ in 0..100 {
            runtime.tell(neighbour, "add").unwrap();
        }
        assert_eq!(text(runtime, neighbour, "get"), "100");
        assert!(runtime.unsettled() >= 2, "the one that it is at, and the one behind it");
        runtime.tell(thinker, "so it is").unwrap();
        assert_eq!(&*waiting.wait().unwrap(), b"so it is");
        assert_eq!(behind.wait().unwrap(), Payload::from(&1u64.to_le_bytes()), "in order");
    });
}

#[test]
fn a_request_that_is_not_answered_is_an_error_to_the_guest() {
    everywhere(|runtime| {
        let asker = actor(runtime, "asker");
        let thinker = thinker(runtime, last_shard(runtime));
        let failed = |message: Vec<u8>| match ask(runtime, asker, message) {
            Err(RequestError::Failed(why)) => why.to_string(),
            other => panic!("{other:?}"),
        };
        let late = failed(ask_op(0, thinker, Duration::from_millis(20), b"?"));
        assert!(late.contains("Timeout") || late.contains("timeout"), "{late}");
        let nobody = actor(runtime, "echo");
        runtime.stop(nobody, Shutdown::default()).wait_for(PATIENCE).unwrap();
        let gone = failed(ask_op(0, nobody, PATIENCE, b"?"));
        assert!(gone.contains("NoSuchActor") || gone.contains("dead") || gone.contains("Dead"), "{gone}");
        // Itself, and one that asks it back.
        let cycle = failed(ask_op(0, asker, PATIENCE, b"?"));
        assert!(cycle.contains("Cycle") || cycle.contains("cycle"), "{cycle}");
        let other = actor_on(runtime, "asker", last_shard(runtime));
        let back = ask_op(0, asker, PATIENCE, b"?");
        let cycle = failed(ask_op(0, other, PATIENCE, &back));
        assert!(cycle.contains("Cycle") || cycle.contains("cycle"), "{cycle}");
        assert_eq!(number(runtime, asker, &FINISHED), 4, "and it lives");
        runtime.tell(thinker, "too late").unwrap();
    });
}

#[test]
fn a_loop_gives_way_to_its_neighbours_until_it_is_killed() {
    everywhere(|runtime| {
        let looping = patient(runtime, "asker", ExecutionClass::Suspendable);
        let looping = spawn(runtime, Spawn::new(looping).on(ShardId(0)));
        let looped = runtime.request_within(looping, &[2], PATIENCE);
        let neighbour = actor(runtime, "counter");
        runtime.tell(neighbour, "add").unwrap();
        // It would wait for the loop to end, and that never does.
        assert_eq!(text(runtime, neighbour, "get"), "1");
        runtime.stop(looping, Shutdown::BrutalKill).wait_for(PATIENCE).unwrap();
        assert_eq!(looped.wait(), Err(RequestError::CalleeExited(ExitReason::Killed)));
        assert_eq!(text(runtime, neighbour, "get"), "1");
    });
}

#[test]
fn a_loop_ends_when_its_time_is_used_up() {
    everywhere(|runtime| {
        let supervised = Spawn::new(load(runtime, "asker")).under(supervisor(runtime, 3));
        let asker = spawn(runtime, supervised);
        let Err(RequestError::CalleeExited(reason)) = ask(runtime, asker, &[2]) else { panic!("it ended") };
        assert_eq!(reason.label(), "deadline", "{reason}");
        // What it computes within its time is what it computes without giving way.
        let rounds = [&[1][..], &3_000_000u64.to_le_bytes()].concat();
        assert_eq!(number(runtime, asker, rounds), {
            (0..3_000_000)
                .fold(1u64, |state, _| state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1))
        });
    });
}

#[test]
fn the_end_of_one_that_waits_is_the_end_of_its_message() {
    everywhere(|runtime| {
        let thinker = thinker(runtime, last_shard(runtime));
        let supervised = Spawn::new(load(runtime, "asker")).under(supervisor(runtime, 1000));
        let asker = spawn(runtime, supervised);
        // It traps with the reply in its hands.
        let traps = runtime.request_within(asker, ask_op(4, thinker, PATIENCE, b"?"), PATIENCE);
        let after = runtime.request_within(asker, &FINISHED, PATIENCE);
        runtime.tell(thinker, "here").unwrap();
        assert!(matches!(traps.wait(), Err(RequestError::CalleeExited(ExitReason::Trap { .. }))));
        assert_eq!(after.wait().unwrap(), Payload::from(&0u64.to_le_bytes()), "the next incarnation");
    });
}

#[test]
fn calls_that_are_dropped_leave_nothing_behind() {
    let runtime = runtime(2);
    let thinker = thinker(&runtime, ShardId(1));
    let asker = load(&runtime, "asker");
    // Many times what the engine has room for.
    for _ in 0..20 {
        let askers: Vec<_> =
            (0..10).map(|_| spawn(&runtime, Spawn::new(asker.clone()).on(ShardId(0)))).collect();
        let waiting: Vec<_> = askers
            .iter()
            .map(|asker| runtime.request_within(*asker, ask_op(0, thinker, PATIENCE, b"?"), PATIENCE))
            .collect();
        // Each is in the middle of its message now: whoever comes behind it waits.
        let neighbour = actor(&runtime, "echo");
        reply(&runtime, neighbour, "through");
        for asker in askers {
            runtime.stop(asker, Shutdown::BrutalKill).wait_for(PATIENCE).unwrap();
        }
        for waiting in waiting {
            assert_eq!(waiting.wait(), Err(RequestError::CalleeExited(ExitReason::Killed)));
        }
        runtime.stop(neighbour, Shutdown::default()).wait_for(PATIENCE).unwrap();
    }
    runtime.tell(thinker, "nobody is left").unwrap();
    let ledger = closed(&shut_down(runtime));
    assert_eq!(ledger.failed, 200);
}

#[test]
fn any_component_can_be_suspendable_and_one_that_asks_must_be() {
    let runtime = runtime(1);
    let counter = spawn(&runtime, Spawn::new(patient(&runtime, "counter", ExecutionClass::Suspendable)));
    for _ in 0..1000 {
        runtime.tell(counter, "add").unwrap();
    }
    assert_eq!(text(&runtime, counter, "get"), "1000");
    let component = runtime.engine().load(&guest("asker"), &CacheConfig::Folder(cache()), &()).unwrap();
    assert_eq!(component.class(), ExecutionClass::Suspendable);
    let class = Some(ExecutionClass::RunToCompletion);
    let refused = ComponentBlueprint::with(component, Profile { class, ..Profile::default() });
    let said = refused.err().expect("it waits").to_string();
    assert!(said.contains("raddle:actor/ask"), "{said}");
    closed(&shut_down(runtime));
}
