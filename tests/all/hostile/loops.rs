//! Guests that never return: ended at their limit, wherever they are called, and
//! whoever waits for them is told which limit that was.

use std::time::Duration;

use raddle::control::child_spec::Shutdown;
use raddle::shard::{HealthConfig, ShardConfig, SpawnError};
use raddle::wasm::{ExecutionClass, Limits, Profile, TrustLevel};
use raddle::{Runtime, Spawn};

use super::guest::{Guest, Hooks};
use super::*;

const FOREVER: &str = "(loop (br 0)) unreachable";
const CLASSES: [ExecutionClass; 2] = [ExecutionClass::RunToCompletion, ExecutionClass::Suspendable];

/// Kinds of this guest in both classes.
fn in_both_classes(runtime: &Runtime, guest: &Guest<'_>) -> [Arc<dyn Blueprint>; 2] {
    CLASSES.map(|class| {
        let profile = Profile { limits: short(), class: Some(class), ..Profile::of(TrustLevel::Standard) };
        kind_with(runtime, guest, profile)
    })
}

#[track_caller]
fn does_not_start(runtime: &Runtime, kind: &Arc<dyn Blueprint>, says: &str) {
    let started = runtime.spawn(Spawn::new(kind.clone())).wait_for(PATIENCE);
    let Err(SpawnError::StartFailed { message, .. }) = started else { panic!("{started:?}") };
    assert!(message.contains(says), "{message}");
}

#[test]
fn in_its_core_start_function() {
    let guest = Guest { core: "(func $s (loop (br 0))) (start $s)", ..Guest::default() };
    Row::new("loops::in_its_core_start_function", 8).run(
        |runtime| in_both_classes(runtime, &guest),
        |runtime, kinds| {
            kinds.iter().for_each(|kind| does_not_start(runtime, kind, "lifecycle_time_max (10 ms)"))
        },
    );
}

#[test]
fn in_init() {
    let hooks = Hooks { init: Some(FOREVER), ..Hooks::default() };
    Row::new("loops::in_init", 8).run(
        |runtime| in_both_classes(runtime, &Guest { hooks, ..Guest::default() }),
        |runtime, kinds| {
            kinds.iter().for_each(|kind| does_not_start(runtime, kind, "lifecycle_time_max (10 ms)"))
        },
    );
}

#[test]
fn in_its_handler() {
    let guest = Guest { handle: Some(FOREVER), ..Guest::default() };
    Row::new("loops::in_its_handler", 8).run(
        |runtime| in_both_classes(runtime, &guest).map(|kind| supervised(runtime, kind)),
        |runtime, hostile| {
            for &hostile in &*hostile {
                exits(runtime, hostile, b"", "deadline", "message_time_max (10 ms)");
            }
        },
    );
}

#[test]
fn in_stop() {
    let hooks = Hooks { stop: Some("(loop (br 0))"), ..Hooks::default() };
    Row::new("loops::in_stop", 8).run(
        |runtime| in_both_classes(runtime, &Guest { hooks, ..Guest::default() }),
        |runtime, kinds| {
            for kind in kinds {
                let hostile = spawn(runtime, Spawn::new(kind.clone()));
                let reason = runtime.stop(hostile, Shutdown::default()).wait_for(PATIENCE).unwrap();
                assert_eq!(reason.expect("it was there"), ExitReason::Killed);
            }
        },
    );
}

#[test]
fn in_its_health_check() {
    let hooks = Hooks { check: Some(FOREVER), ..Hooks::default() };
    let health = HealthConfig { interval_ns: 5_000_000, unhealthy_in_a_row_max: 1, answer_ns_max: u64::MAX };
    let config = ShardConfig { health, ..ShardConfig::default() };
    Row::new("loops::in_its_health_check", 8).with(|builder| builder.config(config)).run(
        |runtime| (in_both_classes(runtime, &Guest { hooks, ..Guest::default() }), runtime.events(4096)),
        |runtime, (kinds, events)| {
            for kind in &*kinds {
                let hostile = spawn(runtime, Spawn::new(kind.clone()));
                let reason = next_exit(events, hostile);
                ended(&reason, "unhealthy", "message_time_max (10 ms)");
            }
        },
    );
}

/// Asks whoever the payload names, for a second.
const REQUESTS: &str = "(call $request (i64.load (local.get $payload)) (local.get $payload) (i32.const 8)
      (i64.const 1000000000) (i32.const 64)) i32.const 0";

#[test]
fn in_its_reply_handler() {
    let hooks = Hooks { reply: Some("(loop (br 0))"), ..Hooks::default() };
    Row::new("loops::in_its_reply_handler", 8).run(
        |runtime| {
            let guest = Guest { handle: Some(REQUESTS), hooks, ..Guest::default() };
            (in_both_classes(runtime, &guest), actor(runtime, "echo"), runtime.events(4096))
        },
        |runtime, (kinds, echo, events)| {
            for kind in &*kinds {
                let hostile = spawn(runtime, Spawn::new(kind.clone()));
                runtime.tell(hostile, echo.to_bits().to_le_bytes().to_vec()).unwrap();
                ended(&next_exit(events, hostile), "deadline", "message_time_max (10 ms)");
            }
        },
    );
}

#[test]
fn in_its_subscriber() {
    let hooks = Hooks { publication: Some(FOREVER), ..Hooks::default() };
    Row::new("loops::in_its_subscriber", 8).run(
        |runtime| (in_both_classes(runtime, &Guest { hooks, ..Guest::default() }), runtime.events(4096)),
        |runtime, (kinds, events)| {
            for kind in &*kinds {
                let hostile = spawn(runtime, Spawn::new(kind.clone()));
                assert!(runtime.subscribe(hostile, "bait").wait_for(PATIENCE).unwrap());
                runtime.publish("bait", "bite").unwrap();
                ended(&next_exit(events, hostile), "deadline", "message_time_max (10 ms)");
            }
        },
    );
}

/// Monitors whoever the payload names.
const MONITORS: &str = "(call $monitor (i64.load (local.get $payload)) (i32.const 64)) i32.const 0";

#[test]
fn in_what_hears_of_the_end_of_another() {
    let hooks = Hooks { down: Some("(loop (br 0))"), ..Hooks::default() };
    Row::new("loops::in_what_hears_of_the_end_of_another", 8).run(
        |runtime| {
            let guest = Guest { handle: Some(MONITORS), hooks, ..Guest::default() };
            (in_both_classes(runtime, &guest), load(runtime, "echo"), runtime.events(4096))
        },
        |runtime, (kinds, echo, events)| {
            for kind in &*kinds {
                let hostile = spawn(runtime, Spawn::new(kind.clone()));
                let watched = spawn(runtime, Spawn::new(echo.clone()));
                reply(runtime, hostile, &watched.to_bits().to_le_bytes());
                runtime.stop(watched, Shutdown::default()).wait_for(PATIENCE).unwrap();
                ended(&next_exit(events, hostile), "deadline", "message_time_max (10 ms)");
            }
        },
    );
}

/// Links to whoever the payload names, to be told of the end.
const LINKS: &str = "(call $trap-exits (i32.const 1))
    (call $link (i64.load (local.get $payload)) (i32.const 64)) i32.const 0";

#[test]
fn in_what_hears_of_the_end_of_a_linked_one() {
    let hooks = Hooks { exit: Some("(loop (br 0))"), ..Hooks::default() };
    Row::new("loops::in_what_hears_of_the_end_of_a_linked_one", 8).run(
        |runtime| {
            let guest = Guest { handle: Some(LINKS), hooks, ..Guest::default() };
            (in_both_classes(runtime, &guest), load(runtime, "echo"), runtime.events(4096))
        },
        |runtime, (kinds, echo, events)| {
            for kind in &*kinds {
                let hostile = spawn(runtime, Spawn::new(kind.clone()));
                let linked = spawn(runtime, Spawn::new(echo.clone()));
                reply(runtime, hostile, &linked.to_bits().to_le_bytes());
                runtime.stop(linked, Shutdown::default()).wait_for(PATIENCE).unwrap();
                ended(&next_exit(events, hostile), "deadline", "message_time_max (10 ms)");
            }
        },
    );
}

#[test]
fn in_what_hears_of_names() {
    // It takes one, or watches one.
    let calls = ["$register", "$watch"].map(|call| {
        format!(
            "(i64.store (i32.const 64) (i64.const 0x6161616161616161))
             (call {call} (i32.const 64) (i32.const 8) (i32.const 128)) i32.const 0"
        )
    });
    let hooks = Hooks { names: Some("(loop (br 0))"), ..Hooks::default() };
    Row::new("loops::in_what_hears_of_names", 8).run(
        |runtime| {
            let guests =
                calls.each_ref().map(|handle| Guest { handle: Some(handle), hooks, ..Guest::default() });
            (guests.map(|guest| in_both_classes(runtime, &guest)).concat(), runtime.events(4096))
        },
        |runtime, (kinds, events)| {
            for kind in &*kinds {
                let hostile = spawn(runtime, Spawn::new(kind.clone()));
                runtime.tell(hostile, "").unwrap();
                ended(&next_exit(events, hostile), "deadline", "message_time_max (10 ms)");
            }
        },
    );
}

#[test]
fn in_its_batch_handler() {
    let hooks = Hooks { batch: Some(FOREVER), ..Hooks::default() };
    Row::new("loops::in_its_batch_handler", 4).run(
        |runtime| (kind(runtime, &Guest { hooks, ..Guest::default() }), runtime.events(4096)),
        |runtime, (kind, events)| {
            let hostile = spawn(runtime, Spawn::new(kind.clone()));
            ended(&exit_on_a_batch(runtime, events, hostile), "deadline", "message_time_max (10 ms)");
        },
    );
}

/// Computes for some ms, well under its deadline.
const SOME_WORK: &str = "(local $i i32) (loop (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br_if 0 (i32.lt_u (local.get $i) (i32.const 3000000)))) i32.const 0";

#[test]
fn just_under_its_deadline_forever() {
    let limits = || Limits {
        message_time_max: PATIENCE,
        window: Duration::from_secs(3600),
        window_time_max: Duration::from_millis(20),
        ..short()
    };
    Row::new("loops::just_under_its_deadline_forever", 4).run(
        |runtime| {
            CLASSES.map(|class| {
                let standard = Profile::of(TrustLevel::Standard);
                let profile = Profile { limits: limits(), class: Some(class), ..standard };
                let guest = Guest { handle: Some(SOME_WORK), ..Guest::default() };
                supervised(runtime, kind_with(runtime, &guest, profile))
            })
        },
        |runtime, hostile| {
            for &hostile in &*hostile {
                let reason = loop {
                    match ask(runtime, hostile, "") {
                        Ok(_) => {}
                        Err(RequestError::CalleeExited(reason)) => break reason,
                        Err(other) => panic!("{other}"),
                    }
                };
                ended(&reason, "limit", "window_time_max: used");
                assert!(reason.to_string().contains("the most is 20 in 3600000 ms"), "{reason}");
            }
        },
    );
}
