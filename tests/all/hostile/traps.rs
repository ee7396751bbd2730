//! Guests that trap wherever they are called, or run out of stack: each time counts
//! once, stopping goes on, and nobody waits for ever.

use std::time::Duration;

use raddle::Spawn;
use raddle::control::backoff::Backoff;
use raddle::control::child_spec::Shutdown;
use raddle::control::supervisor::SupervisorSpec;
use raddle::shard::SpawnError;
use raddle::wasm::{ExecutionClass, Profile, TrustLevel};

use super::guest::{Guest, Hooks};
use super::*;

#[test]
fn in_its_handler() {
    Row::new("traps::in_its_handler", 10_000).run(trapper, |runtime, hostile| {
        exits(runtime, *hostile, Op::Panic.with("!"), "trap", "");
    });
}

#[test]
fn in_its_core_start_function_and_in_init() {
    let start = Guest { core: "(func $s unreachable) (start $s)", ..Guest::default() };
    let hooks = Hooks { init: Some("unreachable"), ..Hooks::default() };
    let init = Guest { hooks, ..Guest::default() };
    Row::new("traps::in_its_core_start_function_and_in_init", 500).run(
        |runtime| [kind(runtime, &start), kind(runtime, &init)],
        |runtime, kinds| {
            for kind in kinds {
                let started = runtime.spawn(Spawn::new(kind.clone())).wait_for(PATIENCE);
                let Err(SpawnError::StartFailed { message, .. }) = started else { panic!("{started:?}") };
                assert!(message.contains("unreachable"), "{message}");
            }
        },
    );
}

/// Its first start is well, and no other: it refuses if it was restarted.
const FAILS_AGAIN: &str = "(if (i32.eqz (local.get 4)) (then (return (i32.const 0)))) unreachable";

#[test]
fn on_every_restart() {
    let hooks = Hooks { init: Some(FAILS_AGAIN), ..Hooks::default() };
    Row::new("traps::on_every_restart", 40).run(
        |runtime| (kind(runtime, &Guest { handle: Some("unreachable"), hooks, ..Guest::default() }), 0),
        |runtime, (kind, given_up)| {
            let spec = SupervisorSpec { restarts_max: 3, ..SupervisorSpec::default() };
            let above = runtime.supervise(spec).wait_for(PATIENCE).expect("a supervisor");
            let backoff = Backoff::linear(1_000_000, 2_000_000);
            let hostile = spawn(runtime, Spawn::new(kind.clone()).backoff(backoff).under(above));
            exits(runtime, hostile, b"", "trap", "unreachable");
            // It waits, tries, waits longer, tries, and then it is enough.
            *given_up += 1;
            let begun = std::time::Instant::now();
            while runtime.supervisors_given_up() < *given_up {
                assert!(begun.elapsed() < PATIENCE, "nobody gave up");
                std::thread::sleep(Duration::from_micros(200));
            }
            let gone = ask(runtime, hostile, "");
            assert!(matches!(gone, Err(RequestError::NotSent(_) | RequestError::Dead(_))), "{gone:?}");
        },
    );
}

#[test]
fn in_stop() {
    Row::new("traps::in_stop", 1_000).run(
        |runtime| load(runtime, "trapper"),
        |runtime, trapper| {
            let doomed = spawn(runtime, Spawn::new(trapper.clone()));
            reply(runtime, doomed, Op::TrapInStop.alone());
            let reason = runtime.stop(doomed, Shutdown::default()).wait_for(PATIENCE).expect("an answer");
            assert_eq!(reason.expect("it was there").label(), "trap");
        },
    );
}

#[test]
fn in_its_reply_handler_subscriber_and_batch_handler() {
    let hooks = Hooks {
        reply: Some("unreachable"),
        publication: Some("unreachable"),
        batch: Some("unreachable"),
        ..Hooks::default()
    };
    let asks = "(call $request (i64.load (local.get $payload)) (local.get $payload) (i32.const 8)
        (i64.const 60000000000) (i32.const 64)) i32.const 0";
    Row::new("traps::in_its_reply_handler_subscriber_and_batch_handler", 500).run(
        |runtime| {
            let guest = Guest { handle: Some(asks), hooks, ..Guest::default() };
            (kind(runtime, &guest), actor(runtime, "echo"), runtime.events(4096))
        },
        |runtime, (kind, echo, events)| {
            let doomed = || {
                let doomed = spawn(runtime, Spawn::new(kind.clone()));
                runtime.subscribe(doomed, "bait").wait_for(PATIENCE).unwrap();
                doomed
            };
            let by_reply = doomed();
            reply(runtime, by_reply, &echo.to_bits().to_le_bytes());
            ended(&next_exit(events, by_reply), "trap", "unreachable");
            let by_publication = doomed();
            runtime.publish("bait", "bite").unwrap();
            ended(&next_exit(events, by_publication), "trap", "unreachable");
            let by_batch = doomed();
            ended(&exit_on_a_batch(runtime, events, by_batch), "trap", "unreachable");
        },
    );
}

#[test]
fn in_what_hears_of_others() {
    // Of the end of one that it monitors, or is linked to; and whose a name is.
    let calls = [
        "(call $monitor (i64.load (local.get $payload)) (i32.const 64)) i32.const 0",
        "(call $trap-exits (i32.const 1))
         (call $link (i64.load (local.get $payload)) (i32.const 64)) i32.const 0",
        "(i64.store (i32.const 64) (i64.const 0x6161616161616161))
         (call $register (i32.const 64) (i32.const 8) (i32.const 128)) i32.const 0",
    ];
    let trap = Some("unreachable");
    let hooks = [
        Hooks { down: trap, exit: Some(""), ..Hooks::default() },
        Hooks { exit: trap, ..Hooks::default() },
        Hooks { names: trap, ..Hooks::default() },
    ];
    Row::new("traps::in_what_hears_of_others", 300).run(
        |runtime| {
            let guests = std::array::from_fn::<_, 3, _>(|index| {
                let guest = Guest { handle: Some(calls[index]), hooks: hooks[index], ..Guest::default() };
                kind(runtime, &guest)
            });
            (guests, load(runtime, "echo"), runtime.events(4096))
        },
        |runtime, (kinds, echo, events)| {
            for kind in &*kinds {
                let hostile = spawn(runtime, Spawn::new(kind.clone()));
                let other = spawn(runtime, Spawn::new(echo.clone()));
                runtime.tell(hostile, other.to_bits().to_le_bytes().to_vec()).unwrap();
                // Behind that, on the same shard.
                reply(runtime, other, "still here");
                runtime.stop(other, Shutdown::default()).wait_for(PATIENCE).unwrap();
                ended(&next_exit(events, hostile), "trap", "unreachable");
            }
        },
    );
}

#[test]
fn in_its_health_check() {
    use raddle::shard::{HealthConfig, ShardConfig};
    let hooks = Hooks { check: Some("unreachable"), ..Hooks::default() };
    let health =
        HealthConfig { interval_ns: 1_000_000, unhealthy_in_a_row_max: 1, ..HealthConfig::default() };
    let config = ShardConfig { health, ..ShardConfig::default() };
    Row::new("traps::in_its_health_check", 100).with(|builder| builder.config(config)).run(
        |runtime| (kind(runtime, &Guest { hooks, ..Guest::default() }), runtime.events(4096)),
        |runtime, (kind, events)| {
            let hostile = spawn(runtime, Spawn::new(kind.clone()));
            ended(&next_exit(events, hostile), "unhealthy", "unreachable");
        },
    );
}

#[test]
fn recursion_without_end() {
    Row::new("traps::recursion_without_end", 400).run(trapper, |runtime, hostile| {
        exits(runtime, *hostile, Op::Recurse.alone(), "stack-overflow", "");
    });
}

/// At every depth, and so at the last one too, it calls its host, which needs stack
/// of its own: that must be there.
const RECURSES_BESIDE_THE_HOST: &str = r#"
    (func $down (param $depth i64) (result i64)
      (call $log (i32.const 0) (i32.const 64) (i32.const 8) (i32.const 64) (i32.const 64))
      (call $config (i32.const 256))
      (call $lookup (i32.const 64) (i32.const 8) (i32.const 128))
      (call $subscribe (i32.const 64) (i32.const 8) (i32.const 192))
      (i64.add (call $down (i64.add (local.get $depth) (i64.const 1))) (local.get $depth)))"#;

#[test]
fn recursion_with_host_calls_at_every_depth() {
    Row::new("traps::recursion_with_host_calls_at_every_depth", 60).run(
        |runtime| {
            [ExecutionClass::RunToCompletion, ExecutionClass::Suspendable].map(|class| {
                let guest = Guest {
                    core: RECURSES_BESIDE_THE_HOST,
                    handle: Some("(call $number (call $down (i64.const 0)))"),
                    // Always the same place, or its memory would be what ends first.
                    realloc: Some("i32.const 4096"),
                    ..Guest::default()
                };
                let limits = raddle::wasm::Limits { message_time_max: PATIENCE, ..short() };
                let class = Some(class);
                let profile = Profile { limits, class, ..Profile::of(TrustLevel::Standard) };
                supervised(runtime, kind_with(runtime, &guest, profile))
            })
        },
        |runtime, hostile| {
            for &hostile in &*hostile {
                exits(runtime, hostile, b"", "stack-overflow", "stack");
            }
        },
    );
}

#[test]
fn recursion_through_the_host() {
    // What the host returns needs memory, and the guest's allocator asks the host
    // again: a component may not leave itself from there.
    Row::new("traps::recursion_through_the_host", 500).run(
        |runtime| {
            let guest = Guest {
                libc: r#"(table (export "table") 1 funcref)"#,
                realloc: Some("(call_indirect (i32.const 0)) (i32.const 4096)"),
                core: r#"(import "libc" "table" (table 1 funcref)) (elem (i32.const 0) $again)
                    (func $again (call $config (i32.const 256)))"#,
                handle: Some("(call $again) i32.const 0"),
                ..Guest::default()
            };
            let kind = kind(runtime, &guest);
            spawn(runtime, Spawn::new(kind).config("key", "value").under(supervisor(runtime, u32::MAX)))
        },
        |runtime, hostile| exits(runtime, *hostile, b"", "trap", "cannot leave"),
    );
}
