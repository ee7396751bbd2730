//! Guests whose host fails, or is short of something, just then: a function of the host
//! that panics, a pool that is full, a shutdown that cannot wait.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use raddle::actor::{Filter, Subject};
use raddle::control::broker::Bridge;
use raddle::control::child_spec::Shutdown;
use raddle::shard::ShardConfig;
use raddle::wasm::{ExecutionClass, Limits, Profile, TrustLevel};
use raddle::{Payload, ShardId, Spawn};

use super::guest::{Guest, Hooks};
use super::*;

const CLASSES: [ExecutionClass; 2] = [ExecutionClass::RunToCompletion, ExecutionClass::Suspendable];

/// An embedder's bridge, called while a guest publishes, that has a bug.
struct Faulty;

impl Bridge for Faulty {
    fn interest(&self, _: ShardId, _: &Filter, _: bool) {}

    fn published(&self, subject: &Subject, payload: &Payload) {
        assert!(!subject.as_str().starts_with("boom"), "no bridge for {} bytes", payload.len());
    }
}

const PUBLISHES_BOOM: &str = "(i32.store (i32.const 64) (i32.const 0x6d6f6f62))
    (call $publish (i32.const 64) (i32.const 4) (i32.const 64) (i32.const 3) (i32.const 128)) i32.const 0";

#[test]
fn a_function_of_the_host_that_panics() {
    let hooks = Hooks { publication: Some("unreachable"), ..Hooks::default() };
    Row::new("host::a_function_of_the_host_that_panics", 500)
        .with(|builder| builder.bridge(Arc::new(Faulty)))
        .run(
            |runtime| {
                CLASSES.map(|class| {
                    let guest = Guest { handle: Some(PUBLISHES_BOOM), hooks, ..Guest::default() };
                    let profile =
                        Profile { limits: short(), class: Some(class), ..Profile::of(TrustLevel::Standard) };
                    supervised(runtime, kind_with(runtime, &guest, profile))
                })
            },
            |runtime, hostile| {
                for &hostile in &*hostile {
                    exits(runtime, hostile, "x", "panic", "no bridge for 3 bytes");
                }
            },
        );
}

/// The first outcome that there is, which is taken out.
fn first_of<F: Future + Unpin>(pending: &mut Vec<F>) -> F::Output {
    let mut nobody = TaskContext::from_waker(Waker::noop());
    until(|| {
        for index in 0..pending.len() {
            if let Poll::Ready(outcome) = Pin::new(&mut pending[index]).poll(&mut nobody) {
                drop(pending.swap_remove(index));
                return Some(outcome);
            }
        }
        None
    })
}

#[test]
fn a_pool_that_is_full_and_goes_on_changing() {
    const MORE: usize = 2 * INSTANCES as usize;
    Row::new("host::a_pool_that_is_full_and_goes_on_changing", 50).run(
        |runtime| (load(runtime, "trapper"), trapper(runtime)),
        |runtime, (kind, hostile)| {
            // Twice what there is room for; each that goes makes room for one that waits,
            // whichever that is.
            let mut pending: Vec<_> = (0..MORE).map(|_| runtime.spawn(Spawn::new(kind.clone()))).collect();
            while !pending.is_empty() {
                let started = first_of(&mut pending).expect("in the end it had room");
                if pending.len() % 8 == 0 {
                    exits(runtime, *hostile, Op::Panic.with("churn"), "trap", "");
                }
                let reason = runtime.stop(started, Shutdown::default()).wait_for(PATIENCE).unwrap();
                assert_eq!(reason, Some(ExitReason::Shutdown));
            }
        },
    );
}

#[test]
fn a_pool_that_is_full_of_what_is_ready_for_others() {
    const MANY: usize = INSTANCES as usize - 4;
    // Whoever finds no room fails at once: nothing is gained by waiting.
    let config = ShardConfig { start_wait_ns_max: 0, ..ShardConfig::default() };
    Row::new("host::a_pool_that_is_full_of_what_is_ready_for_others", 12)
        .with(|builder| builder.config(config))
        .run(
            |runtime| ["echo", "trapper"].map(|guest| load(runtime, guest)),
            |runtime, kinds| {
                for kind in &*kinds {
                    // So many at once that as many are kept ready for the next time.
                    let actors: Vec<_> =
                        (0..MANY).map(|_| spawn(runtime, Spawn::new(kind.clone()))).collect();
                    for actor in actors {
                        runtime.stop(actor, Shutdown::default()).wait_for(PATIENCE).unwrap();
                    }
                    // Idle turns make them ready.
                    let begun = Instant::now();
                    while runtime.engine().instances() < 10 && begun.elapsed() < Duration::from_millis(100) {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                }
            },
        );
}

/// Time is up for all of them together, and not for each after the other.
#[test]
fn a_shutdown_that_many_do_not_want() {
    alone("hostile::host::a_shutdown_that_many_do_not_want", || {
        const EACH: usize = 10;
        let engine = EngineConfig { instances_max: 128, ..EngineConfig::default() };
        let runtime = builder(2).engine(engine).build().expect("a runtime");
        let hooks = Hooks { stop: Some("(loop (br 0))"), ..Hooks::default() };
        let guest = Guest { handle: Some("(loop (br 0)) unreachable"), hooks, ..Guest::default() };
        let above = supervisor(&runtime, u32::MAX);
        for class in CLASSES {
            // By its own limits each could take a minute to stop.
            let limits = Limits { message_time_max: PATIENCE, lifecycle_time_max: PATIENCE, ..short() };
            let profile = Profile { limits, class: Some(class), ..Profile::of(TrustLevel::Standard) };
            let kind = kind_with(&runtime, &guest, profile);
            for index in 0..EACH {
                let shard = ShardId((index % 2) as u16);
                let never = Shutdown::Infinity;
                spawn(&runtime, Spawn::new(kind.clone()).on(shard).shutdown(never));
                spawn(&runtime, Spawn::new(kind.clone()).on(shard).shutdown(never).under(above));
            }
            if class == ExecutionClass::Suspendable {
                // And one is in the middle of a message that never ends.
                let busy = spawn(&runtime, Spawn::new(kind.clone()));
                runtime.tell(busy, "").unwrap();
            }
        }
        let polite = actor(&runtime, "counter");
        runtime.tell(polite, "add").unwrap();
        let begun = Instant::now();
        let report = runtime.shutdown(Duration::from_millis(500));
        let took = begun.elapsed();
        assert_eq!(report.failures, Vec::<String>::new());
        assert!(took < PATIENCE / 4, "one minute for each would be 40: {took:?}");
        assert!(!report.drained, "one was in the middle of a message");
        let exits: u64 = report.shards.iter().filter_map(|shard| shard.exits_by_label.get("killed")).sum();
        assert!(exits >= 1, "{:?}", report.shards[0].exits_by_label);
        let ledger = closed(&report);
        assert_eq!((ledger.accepted, ledger.handled, ledger.failed), (2, 1, 1), "{ledger:?}");
    });
}
