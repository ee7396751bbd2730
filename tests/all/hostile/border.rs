//! Guests that break the rules of their border: pointers, text, cases, handles, sizes.
//! A trap or an error each, never a panic of the host, and nothing is allocated first.

use raddle::actor::RequestError;
use raddle::wasm::{Limits, Profile, TrustLevel};

use super::guest::{Guest, Hooks};
use super::*;

/// What is wrong, in which way it ends, and what is said.
type Case = (&'static str, &'static str, &'static str);

/// One actor for each case, which ends of its handler again and again.
fn cases(name: &'static str, repeats: u32, cases: &'static [Case]) {
    Row::new(name, repeats).with(|builder| builder.engine(roomy())).run(
        |runtime| {
            let hostile = |case: &Case| {
                let guest = Guest { handle: Some(case.0), ..Guest::default() };
                supervised(runtime, kind(runtime, &guest))
            };
            cases.iter().map(hostile).collect::<Vec<_>>()
        },
        |runtime, hostile| {
            for (&hostile, (_, label, says)) in hostile.iter().zip(cases) {
                exits(runtime, hostile, b"x", label, says);
            }
        },
    );
}

/// Each case has an actor and one that is ready.
fn roomy() -> EngineConfig {
    EngineConfig { instances_max: 64, ..EngineConfig::default() }
}

#[test]
fn pointers_out_of_bounds() {
    cases(
        "border::pointers_out_of_bounds",
        100,
        &[
            (
                "(call $send (i64.const 1) (i32.const -8) (i32.const 16) (i32.const 128)) i32.const 0",
                "trap",
                "out of bounds",
            ),
            (
                "(call $send (i64.const 1) (i32.const 64) (i32.const 300000) (i32.const 128)) i32.const 0",
                "trap",
                "out of bounds",
            ),
            (
                "(call $send (i64.const 1) (i32.const 64) (i32.const 8) (i32.const -2)) i32.const 0",
                "trap",
                "",
            ),
            (
                "(call $subscribe (i32.const 131070) (i32.const 8) (i32.const 128)) i32.const 0",
                "trap",
                "out of bounds",
            ),
            ("(call $subscribe (i32.const 64) (i32.const 8) (i32.const 131070)) i32.const 0", "trap", ""),
            (
                "(call $join (i32.const -1) (i32.const -1) (i32.const 128)) i32.const 0",
                "trap",
                "out of bounds",
            ),
            (
                "(call $publish (i32.const 64) (i32.const 4) (i32.const -1) (i32.const 2) (i32.const 128)) i32.const 0",
                "trap",
                "out of bounds",
            ),
            (
                "(call $lookup (i32.const 131072) (i32.const 1) (i32.const 128)) i32.const 0",
                "trap",
                "out of bounds",
            ),
            (
                "(call $log (i32.const 0) (i32.const -1) (i32.const 1) (i32.const 0) (i32.const 0)) i32.const 0",
                "trap",
                "out of bounds",
            ),
            ("(call $config (i32.const 131071)) i32.const 0", "trap", ""),
            ("(call $reply (i32.const 131072) (i32.const 1))", "trap", "out of bounds"),
            ("(call $reply (i32.const -1) (i32.const -1))", "limit", "hostcall_bytes_max"),
            ("i32.const 131071", "trap", ""),
            ("i32.const -4", "trap", ""),
        ],
    );
}

#[test]
fn text_that_is_none_and_cases_that_are_none() {
    cases(
        "border::text_that_is_none_and_cases_that_are_none",
        100,
        &[
            (
                "(i32.store (i32.const 64) (i32.const -1))
              (call $subscribe (i32.const 64) (i32.const 4) (i32.const 128)) i32.const 0",
                "trap",
                "utf-8",
            ),
            (
                "(i32.store (i32.const 64) (i32.const -1))
              (call $lookup (i32.const 64) (i32.const 4) (i32.const 128)) i32.const 0",
                "trap",
                "utf-8",
            ),
            (
                "(i32.store (i32.const 64) (i32.const -1))
              (call $join (i32.const 64) (i32.const 4) (i32.const 128)) i32.const 0",
                "trap",
                "utf-8",
            ),
            // A level that there is not, a result that is neither, a failure that is none.
            (
                "(call $log (i32.const 6) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) i32.const 0",
                "trap",
                "discriminant",
            ),
            (
                "(drop (call $answer (i64.const 1) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0))) i32.const 0",
                "trap",
                "discriminant",
            ),
            (
                "(drop (call $answer (i64.const 1) (i32.const 1) (i32.const 3) (i32.const 0) (i32.const 0))) i32.const 0",
                "trap",
                "discriminant",
            ),
            ("(i32.store8 (i32.const 16) (i32.const 9)) i32.const 16", "trap", "discriminant"),
            (
                "(i32.store (i32.const 16) (i32.const 0)) (i32.store (i32.const 20) (i32.const 2)) i32.const 16",
                "trap",
                "discriminant",
            ),
            // A failure whose text is none.
            (
                "(i32.store (i32.const 16) (i32.const 1)) (i32.store (i32.const 20) (i32.const 0))
              (i32.store (i32.const 24) (i32.const 64)) (i32.store (i32.const 28) (i32.const 2))
              (i32.store (i32.const 64) (i32.const -1)) i32.const 16",
                "trap",
                "utf-8",
            ),
            // Where the answer lies must be a multiple of its alignment.
            ("i32.const 2", "trap", "align"),
        ],
    );
}

#[test]
fn an_allocator_that_lies() {
    let bodies = ["i32.const -4", "i32.const 131072", "i32.const 1", "unreachable"];
    Row::new("border::an_allocator_that_lies", 300).run(
        |runtime| {
            bodies.map(|realloc| {
                // What it returns lies in the middle of a word, or nowhere.
                let guest = Guest {
                    realloc: Some(realloc),
                    handle: Some("(call $config (i32.const 256)) i32.const 0"),
                    ..Guest::default()
                };
                let spawn_as = Spawn::new(kind(runtime, &guest)).config("key", "value");
                spawn(runtime, spawn_as.under(supervisor(runtime, u32::MAX)))
            })
        },
        |runtime, hostile| {
            for &hostile in &*hostile {
                exits(runtime, hostile, "payload", "trap", "");
            }
        },
    );
}

#[test]
fn a_health_status_that_is_none() {
    use raddle::shard::{HealthConfig, ShardConfig};
    let hooks =
        Hooks { check: Some("(i32.store8 (i32.const 16) (i32.const 7)) i32.const 16"), ..Hooks::default() };
    let health =
        HealthConfig { interval_ns: 1_000_000, unhealthy_in_a_row_max: 1, ..HealthConfig::default() };
    let config = ShardConfig { health, ..ShardConfig::default() };
    Row::new("border::a_health_status_that_is_none", 100).with(|builder| builder.config(config)).run(
        |runtime| (kind(runtime, &Guest { hooks, ..Guest::default() }), runtime.events(4096)),
        |runtime, (kind, events)| {
            let hostile = spawn(runtime, Spawn::new(kind.clone()));
            ended(&next_exit(events, hostile), "unhealthy", "discriminant");
        },
    );
}

/// Sends, or replies, so many bytes of its memory as the payload says.
const LARGE: &str = "(local $bytes i32)
    (local.set $bytes (i32.load offset=1 (local.get $payload)))
    (if (i32.eq (i32.load8_u (local.get $payload)) (i32.const 114)) (then
      (return (call $reply (i32.const 0) (local.get $bytes)))))
    (if (i32.eq (i32.load8_u (local.get $payload)) (i32.const 112)) (then
      (i64.store (i32.const 64) (i64.const 0x6161616161616161))
      (call $publish (i32.const 64) (i32.const 8) (i32.const 0) (local.get $bytes) (i32.const 128))
      (return (call $reply (i32.const 136) (i32.const 4)))))
    (if (i32.eq (i32.load8_u (local.get $payload)) (i32.const 97)) (then
      (drop (call $answer (i64.const 1) (i32.const 0) (i32.const 0) (local.get $bytes) (i32.const 0)))
      (return (i32.const 0))))
    (call $send (i64.const 1) (i32.const 0) (local.get $bytes) (i32.const 128))
    (call $reply (i32.const 132) (i32.const 8))";

#[test]
fn messages_and_replies_that_are_too_large() {
    let limits = || Limits { message_bytes_max: 100_000, hostcall_bytes_max: 1 << 20, ..short() };
    Row::new("border::messages_and_replies_that_are_too_large", 300).run(
        |runtime| {
            let guest = Guest { handle: Some(LARGE), pages: Some(64), ..Guest::default() };
            let profile = Profile { limits: limits(), ..Profile::of(TrustLevel::Standard) };
            supervised(runtime, kind_with(runtime, &guest, profile))
        },
        |runtime, hostile| {
            let with = |op: u8, bytes: u32| [&[op][..], &bytes.to_le_bytes()].concat();
            // An error with the figure, and it goes on.
            assert_eq!(number(runtime, *hostile, with(b's', 100_001)), 2 | 100_000 << 32);
            assert_eq!(&*reply(runtime, *hostile, with(b'p', 100_001)), &100_000_u32.to_le_bytes());
            let failed = ask(runtime, *hostile, with(b'r', 100_001));
            let Err(RequestError::Failed(why)) = failed else { panic!("{failed:?}") };
            assert!(why.to_string().contains("100001 bytes, over message_bytes_max (100000)"), "{why}");
            // More than a call may copy at all: it ends, and nothing was copied.
            exits(runtime, *hostile, with(b'r', 4_000_000), "limit", "hostcall_bytes_max (1048576)");
            exits(runtime, *hostile, with(b'a', 4_000_000), "limit", "hostcall_bytes_max (1048576)");
        },
    );
}

#[test]
fn forged_and_stale_addresses() {
    Row::new("border::forged_and_stale_addresses", 2_000).run(
        |runtime| (trapper(runtime), 1_u64),
        |runtime, (hostile, forged)| {
            *forged = forged.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let message = [&[Op::Send as u8], &forged.to_le_bytes()[..], b"guess"].concat();
            match ask(runtime, *hostile, message) {
                Err(RequestError::Failed(_)) => {}
                other => panic!("a guessed address was good for something: {other:?}"),
            }
        },
    );
}

#[test]
fn names_that_are_not_its_to_take() {
    // What begins with `$` is the runtime's own, whoever is granted everything.
    let handle = "(i64.store (i32.const 64) (i64.const 0x2e656c6464617224)) ;; $raddle.
        (i32.store (i32.const 72) (i32.const 0x64616564)) ;; dead
        (call $publish (i32.const 64) (i32.const 12) (i32.const 64) (i32.const 8) (i32.const 128))
        (call $join (i32.const 64) (i32.const 12) (i32.const 192))
        (call $number (i64.extend_i32_u (i32.or (i32.load8_u (i32.const 128))
          (i32.shl (i32.load8_u (i32.const 192)) (i32.const 8)))))";
    Row::new("border::names_that_are_not_its_to_take", 500).run(
        |runtime| supervised(runtime, kind(runtime, &Guest { handle: Some(handle), ..Guest::default() })),
        |runtime, hostile| {
            assert_eq!(number(runtime, *hostile, ""), 0x101, "both are errors");
            assert!(runtime.members("$raddle.dead").wait_for(PATIENCE).is_err(), "nor a host's");
        },
    );
}

/// A pollable of WASI, to be misused.
const POLLABLES: &str = r#"
  (import "wasi:io/poll@0.2.3" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.ready" (func (param "self" (borrow $pollable)) (result bool)))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.3" (instance $clock
    (alias outer 1 $pollable (type $p))
    (export "pollable" (type $pollable (eq $p)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))
  (core func $make (canon lower (func $clock "subscribe-duration")))
  (core func $ready (canon lower (func $poll "[method]pollable.ready")))
  (core func $drop (canon resource.drop $pollable))"#;

#[test]
fn handles_that_are_forged_dropped_twice_or_hoarded() {
    let text = |handle: &str| {
        let text = text::Text {
            imports: POLLABLES,
            lowered: r#"(export "make" (func $make)) (export "ready" (func $ready)) (export "drop" (func $drop))"#,
            core: r#"(import "host" "make" (func $make (param i64) (result i32)))
              (import "host" "ready" (func $ready (param i32) (result i32)))
              (import "host" "drop" (func $drop (param i32)))"#,
            handle,
            ..text::Text::default()
        };
        text.build()
    };
    let cases = [
        ("(drop (call $ready (i32.const 12345))) i32.const 0", "trap", "handle"),
        ("(call $drop (i32.const -1)) i32.const 0", "trap", "handle"),
        (
            "(local $h i32) (local.set $h (call $make (i64.const 1)))
          (call $drop (local.get $h)) (call $drop (local.get $h)) i32.const 0",
            "trap",
            "handle",
        ),
        (
            "(local $h i32) (local.set $h (call $make (i64.const 1)))
          (call $drop (local.get $h)) (drop (call $ready (local.get $h))) i32.const 0",
            "trap",
            "handle",
        ),
        ("(loop (drop (call $make (i64.const 1))) (br 0)) i32.const 0", "limit", "wasi_resources_max (64)"),
    ];
    Row::new("border::handles_that_are_forged_dropped_twice_or_hoarded", 200).run(
        |runtime| {
            cases.map(|(handle, ..)| {
                let text = text(handle);
                let source = Source::Bytes("handles", text.as_bytes());
                let component = runtime.engine().load(source, &raddle::wasm::CacheConfig::Disabled, &());
                let limits = Limits { wasi_resources_max: 64, message_time_max: PATIENCE, ..short() };
                let profile = Profile { limits, ..Profile::of(TrustLevel::Standard) };
                let kind = ComponentBlueprint::with(component.expect("it loads"), profile).unwrap();
                supervised(runtime, Arc::new(kind))
            })
        },
        |runtime, hostile| {
            for (&hostile, (_, label, says)) in hostile.iter().zip(cases) {
                exits(runtime, hostile, b"", label, says);
            }
        },
    );
}
