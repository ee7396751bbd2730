//! A component of the ordinary kind, which imports WASI: it loads, and what it is
//! not granted it does not get.

use super::support::*;
use crate::actor::{ExitReason, Outcome, TrapCause};

/// What such components import, and a `handle` that does as the first byte says.
pub(super) fn text() -> String {
    let imports = r#"
      (import "wasi:io/poll@0.2.3" (instance $poll
        (export "pollable" (type $pollable (sub resource)))
        (export "[method]pollable.block" (func (param "self" (borrow $pollable))))
        (export "[method]pollable.ready" (func (param "self" (borrow $pollable)) (result bool)))))
      (alias export $poll "pollable" (type $pollable))
      (import "wasi:clocks/monotonic-clock@0.2.3" (instance $clock
        (alias outer 1 $pollable (type $p))
        (export "pollable" (type $pollable (eq $p)))
        (export "now" (func (result u64)))
        (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))
      (import "wasi:cli/environment@0.2.3" (instance $environment
        (export "get-environment" (func (result (list (tuple string string)))))
        (export "get-arguments" (func (result (list string))))))
      (import "wasi:cli/exit@0.2.3" (instance $exit
        (export "exit" (func (param "status" (result))))))
      (import "wasi:random/random@0.2.3" (instance $random
        (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
      (import "wasi:filesystem/types@0.2.3" (instance $files
        (export "descriptor" (type $descriptor (sub resource)))))
      (alias export $files "descriptor" (type $descriptor))
      (import "wasi:filesystem/preopens@0.2.3" (instance $preopens
        (alias outer 1 $descriptor (type $d))
        (export "descriptor" (type $descriptor (eq $d)))
        (export "get-directories" (func (result (list (tuple (own $descriptor) string)))))))
      (import "wasi:sockets/network@0.2.3" (instance $network
        (export "error-code" (type (enum
          "unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory" "timeout"
          "concurrency-conflict" "not-in-progress" "would-block" "invalid-state" "new-socket-limit"
          "address-not-bindable" "address-in-use" "remote-unreachable" "connection-refused"
          "connection-reset" "connection-aborted" "datagram-too-large" "name-unresolvable"
          "temporary-resolver-failure" "permanent-resolver-failure")))
        (export "ip-address-family" (type (enum "ipv4" "ipv6")))))
      "#
    .replace(r#"(export "error-code" (type (enum"#, r#"(type $e (enum"#)
    .replace(
        r#""permanent-resolver-failure")))"#,
        r#""permanent-resolver-failure")) (export "error-code" (type (eq $e)))"#,
    )
    .replace(
        r#"(export "ip-address-family" (type (enum "ipv4" "ipv6")))"#,
        r#"(type $f (enum "ipv4" "ipv6")) (export "ip-address-family" (type (eq $f)))"#,
    );
    let imports = format!(
        r#"{imports}
      (alias export $network "error-code" (type $error-code))
      (alias export $network "ip-address-family" (type $family))
      (import "wasi:sockets/tcp@0.2.3" (instance $tcp (export "tcp-socket" (type (sub resource)))))
      (alias export $tcp "tcp-socket" (type $socket))
      (import "wasi:sockets/tcp-create-socket@0.2.3" (instance $create
        (alias outer 1 $error-code (type $e))
        (export "error-code" (type $error-code (eq $e)))
        (alias outer 1 $family (type $f))
        (export "ip-address-family" (type $family (eq $f)))
        (alias outer 1 $socket (type $s))
        (export "tcp-socket" (type $socket (eq $s)))
        (export "create-tcp-socket"
          (func (param "address-family" $family) (result (result (own $socket) (error $error-code)))))))
      (core func $now (canon lower (func $clock "now")))
      (core func $subscribe (canon lower (func $clock "subscribe-duration")))
      (core func $block (canon lower (func $poll "[method]pollable.block")))
      (core func $drop (canon resource.drop $pollable))
      (core func $environment (canon lower (func $environment "get-environment")
        (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
      (core func $arguments (canon lower (func $environment "get-arguments")
        (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
      (core func $exit (canon lower (func $exit "exit")))
      (core func $random (canon lower (func $random "get-random-bytes")
        (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
      (core func $directories (canon lower (func $preopens "get-directories")
        (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
      (core func $socket (canon lower (func $create "create-tcp-socket") (memory (core memory $libc "memory"))))"#
    );
    Text {
        imports: &imports,
        lowered: r#"(export "now" (func $now)) (export "subscribe" (func $subscribe))
          (export "block" (func $block)) (export "drop" (func $drop))
          (export "environment" (func $environment)) (export "arguments" (func $arguments))
          (export "exit" (func $exit)) (export "random" (func $random))
          (export "directories" (func $directories)) (export "socket" (func $socket))"#,
        core: r#"
          (import "host" "now" (func $now (result i64)))
          (import "host" "subscribe" (func $subscribe (param i64) (result i32)))
          (import "host" "block" (func $block (param i32)))
          (import "host" "drop" (func $drop (param i32)))
          (import "host" "environment" (func $environment (param i32)))
          (import "host" "arguments" (func $arguments (param i32)))
          (import "host" "exit" (func $exit (param i32)))
          (import "host" "random" (func $random (param i64 i32)))
          (import "host" "directories" (func $directories (param i32)))
          (import "host" "socket" (func $socket (param i32 i32)))
          (func $sleep (param $time i64) (result i32) (local $pollable i32)
            (local.set $pollable (call $subscribe (local.get $time)))
            (call $block (local.get $pollable))
            (call $drop (local.get $pollable))
            (i32.const 0))
          (func $hoard (loop (drop (call $subscribe (i64.const 1))) (br 0)))
          (func $len (result i32) (call $number (i64.extend_i32_u (i32.load (i32.const 132)))))"#,
        handle: r#"(local $op i32)
          (local.set $op (i32.load8_u (local.get $payload)))
          (if (i32.eq (local.get $op) (i32.const 110)) (then (return (call $number (call $now)))))
          (if (i32.eq (local.get $op) (i32.const 115)) (then (return (call $sleep (i64.const 3600000000000)))))
          (if (i32.eq (local.get $op) (i32.const 122)) (then (return (call $sleep (i64.const 0)))))
          (if (i32.eq (local.get $op) (i32.const 101)) (then
            (call $environment (i32.const 128)) (return (call $len))))
          (if (i32.eq (local.get $op) (i32.const 97)) (then
            (call $arguments (i32.const 128)) (return (call $len))))
          (if (i32.eq (local.get $op) (i32.const 100)) (then
            (call $directories (i32.const 128)) (return (call $len))))
          (if (i32.eq (local.get $op) (i32.const 114)) (then
            (call $random (i64.const 16) (i32.const 128))
            (return (call $reply (i32.load (i32.const 128)) (i32.load (i32.const 132))))))
          (if (i32.eq (local.get $op) (i32.const 82)) (then
            (call $random (i64.const 1000000000) (i32.const 128)) (return (i32.const 0))))
          (if (i32.eq (local.get $op) (i32.const 120)) (then (call $exit (i32.const 0)) (unreachable)))
          (if (i32.eq (local.get $op) (i32.const 121)) (then (call $exit (i32.const 1)) (unreachable)))
          (if (i32.eq (local.get $op) (i32.const 104)) (then (call $hoard)))
          (if (i32.eq (local.get $op) (i32.const 116)) (then
            (call $socket (i32.const 0) (i32.const 128)) (return (call $reply (i32.const 128) (i32.const 8)))))
          unreachable"#,
        ..Text::default()
    }
    .build()
}

#[test]
fn it_loads_and_says_what_it_needs() {
    let ticking = Ticking::new();
    let component = ticking.load_text(&text());
    assert_eq!(component.info().wasi.len(), 10, "{:?}", component.info().wasi);
    assert!(component.info().wasi.contains(&"wasi:cli/environment@0.2.3".to_owned()));
}

#[test]
fn the_clock_is_read_and_random_numbers_are_had() {
    let ticking = Ticking::new();
    let mut subject = Subject::started(ticking.load_text(&text()));
    let (first, second) = (subject.number(b"n"), subject.number(b"n"));
    assert!(second > first);
    let (first, second) = (subject.reply(b"r"), subject.reply(b"r"));
    assert_eq!((first.len(), second.len()), (16, 16));
    assert_ne!(*first, *second);
}

#[test]
fn there_is_no_environment_no_argument_and_no_directory() {
    let ticking = Ticking::new();
    let mut subject = Subject::started(ticking.load_text(&text()));
    assert!(std::env::vars().count() > 0);
    assert_eq!(subject.number(b"e"), 0);
    assert_eq!(subject.number(b"a"), 0);
    assert_eq!(subject.number(b"d"), 0);
}

#[test]
fn the_network_is_denied() {
    let ticking = Ticking::new();
    let mut subject = Subject::started(ticking.load_text(&text()));
    let reply = subject.reply(b"t");
    assert_eq!((reply[0], reply[4]), (1, 1), "an error, and it is access-denied: {reply:?}");
}

#[test]
fn one_that_would_sleep_is_ended_and_the_shard_goes_on() {
    let ticking = Ticking::new();
    let component = ticking.load_text(&text());
    let mut subject = Subject::started(component.clone());
    assert!(matches!(subject.tell(b"z"), Outcome::Done(None)), "no time is no wait");
    let started = std::time::Instant::now();
    let outcome = subject.tell(b"s");
    let Outcome::Exited(ExitReason::Trap { cause, message }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(cause, TrapCause::Host);
    assert!(message.contains("would wait"), "{message}");
    assert!(started.elapsed() < std::time::Duration::from_secs(5));
    assert!(Subject::started(component).number(b"n") > 0);
}

#[test]
fn leaving_is_an_exit_with_its_status() {
    let ticking = Ticking::new();
    let component = ticking.load_text(&text());
    for (op, expected) in
        [(b"x", ExitReason::Normal), (b"y", ExitReason::Error("the guest exited with status 1".into()))]
    {
        let outcome = Subject::started(component.clone()).tell(op);
        assert!(matches!(&outcome, Outcome::Exited(reason) if *reason == expected), "{outcome:?}");
    }
}

#[test]
fn resources_and_random_bytes_are_limited() {
    let ticking = Ticking::new();
    let component = ticking.load_text(&text());
    let outcome = Subject::started(component.clone()).tell(b"h");
    let Outcome::Exited(ExitReason::Trap { cause, message }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(cause, TrapCause::Limit, "{message}");
    assert!(message.contains("wasi_resources_max"), "{message}");
    let outcome = Subject::started(component).tell(b"R");
    assert!(matches!(outcome, Outcome::Exited(ExitReason::Trap { .. })), "{outcome:?}");
}

#[test]
fn it_is_entered_from_within_a_tokio_runtime_as_well() {
    // The thread that `wasmtime-wasi` would otherwise use is not the only one that
    // may have a runtime: an embedder's may be entered on a shard's thread.
    let ticking = Ticking::new();
    let component = ticking.load_text(&text());
    wasmtime_wasi::runtime::with_ambient_tokio_runtime(|| {
        let mut subject = Subject::started(component);
        assert!(subject.number(b"n") > 0);
        assert!(matches!(subject.tell(b"z"), Outcome::Done(None)));
        assert!(matches!(subject.tell(b"s"), Outcome::Exited(_)));
    });
}
