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
fn lists_that_have_the_same_text_a_thousand_times() {
    // Two texts of 60,000 bytes each in 16 bytes of the guest's memory: 120 MB in all.
    cases(
        "border::lists_that_have_the_same_text_a_thousand_times",
        300,
        &[(
            "(local $at i32) (local.set $at (i32.const 65536))
          (loop
            (i32.store offset=4 (local.get $at) (i32.const 60000))
            (i32.store offset=12 (local.get $at) (i32.const 60000))
            (local.set $at (i32.add (local.get $at) (i32.const 16)))
            (br_if 0 (i32.lt_u (local.get $at) (i32.const 81536))))
          (call $spawn (i32.const 1024) (i32.const 5) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 65536) (i32.const 1000) (i32.const 0) (i32.const 128)) i32.const 0",
            "limit",
            "hostcall_bytes_max",
        )],
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
        (call $register (i32.const 64) (i32.const 12) (i32.const 256))
        (call $number (i64.extend_i32_u (i32.or
          (i32.or (i32.load8_u (i32.const 128)) (i32.shl (i32.load8_u (i32.const 192)) (i32.const 8)))
          (i32.shl (i32.load8_u (i32.const 256)) (i32.const 16)))))";
    Row::new("border::names_that_are_not_its_to_take", 500).run(
        |runtime| {
            let (handle, realloc) = (Some(handle), Some("i32.const 4096"));
            supervised(runtime, kind(runtime, &Guest { handle, realloc, ..Guest::default() }))
        },
        |runtime, hostile| {
            assert_eq!(number(runtime, *hostile, ""), 0x10101, "all are errors");
            assert_eq!(runtime.lookup("$raddle.dead"), None);
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
        |runtime| cases.map(|(handle, ..)| has_few_handles(runtime, &text(handle))),
        |runtime, hostile| {
            for (&hostile, (_, label, says)) in hostile.iter().zip(cases) {
                exits(runtime, hostile, b"", label, says);
            }
        },
    );
}

/// One of this component, that may have 64 handles.
fn has_few_handles(runtime: &Runtime, text: &str) -> ActorId {
    let source = Source::Bytes("handles", text.as_bytes());
    let component = runtime.engine().load(source, &raddle::wasm::CacheConfig::Disabled, &());
    let component = component.unwrap_or_else(|error| panic!("{error}"));
    let limits = Limits { wasi_resources_max: 64, message_time_max: PATIENCE, ..short() };
    let profile = Profile { limits, ..Profile::of(TrustLevel::Standard) };
    supervised(runtime, Arc::new(ComponentBlueprint::with(component, profile).expect("sound limits")))
}

/// A guest of two components, one of which lends its handle to the other: which gives it
/// back, keeps it, or is told a number that is not its own.
const LENDER: &str = r#"(component
  (import "raddle:actor/types@0.1.0" (instance $types
    (type (variant (case "rejected" string) (case "retry" string) (case "other" string)))
    (export "failure" (type $failure (eq 0)))))
  (alias export $types "failure" (type $failure))
  (import "wasi:io/poll@0.2.3" (instance $poll (export "pollable" (type $pollable (sub resource)))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.3" (instance $clock
    (alias outer 1 $pollable (type $p))
    (export "pollable" (type $pollable (eq $p)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))

  (component $other-of
    (import "pollable" (type $p (sub resource)))
    (core func $drop (canon resource.drop $p))
    (core module $m
      (import "host" "drop" (func $drop (param i32)))
      (func (export "keep") (param i32))
      (func (export "drop") (param $handle i32) (call $drop (local.get $handle))))
    (core instance $m (instantiate $m (with "host" (instance (export "drop" (func $drop))))))
    (func (export "keep") (param "handle" (borrow $p)) (canon lift (core func $m "keep")))
    (func (export "give-back") (param "handle" (borrow $p)) (canon lift (core func $m "drop")))
    (func (export "steal") (param "number" u32) (canon lift (core func $m "drop"))))
  (instance $other (instantiate $other-of (with "pollable" (type $pollable))))

  (component $lender-of
    (import "pollable" (type $p (sub resource)))
    (alias outer 1 $failure (type $failure-of))
    (import "failure" (type $failure (eq $failure-of)))
    (import "make" (func $make (param "when" u64) (result (own $p))))
    (import "keep" (func $keep (param "handle" (borrow $p))))
    (import "give-back" (func $give-back (param "handle" (borrow $p))))
    (import "steal" (func $steal (param "number" u32)))
    (core func $make (canon lower (func $make)))
    (core func $keep (canon lower (func $keep)))
    (core func $give-back (canon lower (func $give-back)))
    (core func $steal (canon lower (func $steal)))
    (core func $drop (canon resource.drop $p))
    (core module $libc
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096))
    (core instance $libc (instantiate $libc))
    (core module $m
      (import "host" "make" (func $make (param i64) (result i32)))
      (import "host" "keep" (func $keep (param i32)))
      (import "host" "give-back" (func $give-back (param i32)))
      (import "host" "steal" (func $steal (param i32)))
      (import "host" "drop" (func $drop (param i32)))
      (func (export "handle") (param i64 i32 i32) (result i32) (local $h i32)
        (local.set $h (call $make (i64.const 1)))
        HANDLE
        (call $drop (local.get $h))
        i32.const 0))
    (core instance $m (instantiate $m (with "host" (instance
      (export "make" (func $make)) (export "keep" (func $keep)) (export "give-back" (func $give-back))
      (export "steal" (func $steal)) (export "drop" (func $drop))))))
    (func (export "handle") (param "sender" u64) (param "payload" (list u8))
      (result (result (option (list u8)) (error $failure)))
      (canon lift (core func $m "handle")
        (memory (core memory $libc "memory")) (realloc (core func $libc "realloc")))))
  (instance $lender (instantiate $lender-of
    (with "pollable" (type $pollable)) (with "failure" (type $failure))
    (with "make" (func $clock "subscribe-duration"))
    (with "keep" (func $other "keep")) (with "give-back" (func $other "give-back"))
    (with "steal" (func $other "steal"))))
  (instance $handler (export "handle" (func $lender "handle")))
  (export "raddle:actor/handler@0.1.0" (instance $handler)))"#;

#[test]
fn handles_that_are_lent_and_kept_or_anothers() {
    let cases = [
        ("(call $keep (local.get $h))", "borrow handles still remain"),
        ("(call $give-back (local.get $h)) (call $keep (local.get $h))", "borrow handles still remain"),
        ("(call $steal (local.get $h))", "unknown handle index"),
    ];
    Row::new("border::handles_that_are_lent_and_kept_or_anothers", 200).run(
        |runtime| {
            let honest =
                has_few_handles(runtime, &LENDER.replace("HANDLE", "(call $give-back (local.get $h))"));
            let hostile = cases.map(|(body, _)| has_few_handles(runtime, &LENDER.replace("HANDLE", body)));
            (honest, hostile)
        },
        |runtime, (honest, hostile)| {
            assert_eq!(&*reply(runtime, *honest, ""), b"", "what is given back can be lent again");
            for (&hostile, (_, says)) in hostile.iter().zip(cases) {
                exits(runtime, hostile, b"", "trap", says);
            }
        },
    );
}
