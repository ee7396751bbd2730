//! What is not granted is denied, counted, and says what would have to be granted.

use std::time::Duration;

use super::support::*;
use crate::actor::{ExitReason, Failure, Message, Outcome, TrapCause};
use crate::wasm::{
    Component, ComponentBlueprint, Directory, Grants, Patterns, Profile, TrustLevel, WasiGrants,
};

fn subject(component: Component, profile: Profile) -> Subject {
    let context = context();
    let blueprint = ComponentBlueprint::with(component, profile).unwrap();
    let mut nursery = crate::actor::Blueprint::nursery(&blueprint, SHARD, context.clone()).unwrap();
    let child = nursery.create(&recipe(&[])).unwrap();
    let mut subject = Subject { child, context, requests: Default::default() };
    subject.start().unwrap();
    subject
}

fn granted(component: Component, grants: Grants) -> Subject {
    subject(component, Profile { limits: limits(), grants, ..Profile::default() })
}

fn send_to(to: crate::actor::ActorId) -> Vec<u8> {
    [&[5], &to.to_bits().to_le_bytes()[..], b"hello"].concat()
}

/// What the trapper says of a send that was refused.
#[track_caller]
fn refused(outcome: Outcome) -> String {
    match outcome {
        Outcome::Failed(Failure::Other(why)) => why,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

fn patterns(texts: &[&str]) -> Patterns {
    Patterns::parse(texts.iter().copied()).unwrap()
}

#[test]
fn nobody_is_sent_to_without_a_grant() {
    let ticking = Ticking::new();
    let mut trapper = granted(ticking.load("trapper"), Grants::default());
    sent();
    let before = trapper.child.account().unwrap();
    let forged = refused(trapper.ask(&send_to(friend())));
    assert!(forged.contains("AccessDenied") && forged.contains("has not looked up"), "{forged}");
    trapper.reply(b"\x06friend");
    let named = refused(trapper.ask(&send_to(friend())));
    assert!(named.contains("`friend`") && named.contains("send = "), "{named}");
    assert!(named.contains("[component.trapper.grants]"), "{named}");
    assert!(sent().is_empty());
    let account = trapper.child.account().unwrap();
    assert_eq!((account.denied, account.host_calls - before.host_calls), (2, 3), "{account:?}");
    assert_eq!(account.messages, 3);
    assert!(account.memory_bytes > 0);
}

#[test]
fn an_address_is_good_once_it_was_looked_up_under_a_granted_name() {
    let ticking = Ticking::new();
    for pattern in ["friend", "*"] {
        let grants = Grants { send: patterns(&[pattern]), ..Grants::default() };
        let mut trapper = granted(ticking.load("trapper"), grants);
        sent();
        refused(trapper.ask(&send_to(friend())));
        trapper.reply(b"\x06friend");
        for _ in 0..3 {
            assert!(matches!(trapper.ask(&send_to(friend())), Outcome::Done(_)));
        }
        assert_eq!(sent().len(), 3);
        assert!(refused(trapper.ask(&send_to(full_actor()))).contains("AccessDenied"), "another one is not");
    }
    // A grant to ask is none to send.
    let grants = Grants { ask: patterns(&["friend"]), ..Grants::default() };
    let mut trapper = granted(ticking.load("trapper"), grants);
    trapper.reply(b"\x06friend");
    assert!(refused(trapper.ask(&send_to(friend()))).contains("AccessDenied"));
}

#[test]
fn whoever_sent_the_message_can_be_granted() {
    let ticking = Ticking::new();
    let grants = Grants { send: patterns(&["@sender"]), ..Grants::default() };
    let mut trapper = granted(ticking.load("trapper"), grants);
    sent();
    assert!(matches!(trapper.ask(&send_to(friend())), Outcome::Done(_)), "it is from friend");
    let from_nobody = Message::new(own_id(), send_to(friend()));
    let outcome = trapper.child.handle(&trapper.context, &from_nobody);
    assert!(refused(outcome).contains("AccessDenied"), "and is forgotten with the message");
    assert_eq!(sent().len(), 1);
}

#[test]
fn what_everybody_may_do_costs_no_lookup() {
    let ticking = Ticking::new();
    let mut trapper = subject(ticking.load("trapper"), Profile::of(TrustLevel::Standard));
    sent();
    assert!(matches!(trapper.ask(&send_to(friend())), Outcome::Done(_)));
    assert_eq!((sent().len(), trapper.child.account().unwrap().denied), (1, 0));
}

#[test]
fn clocks_and_random_numbers_are_granted_or_end_the_actor() {
    let ticking = Ticking::new();
    let component = ticking.load_text(&super::wasi::text());
    for (op, what) in [(b"n", "clocks"), (b"r", "random")] {
        let mut denied = granted(component.clone(), Grants::default());
        let Outcome::Exited(ExitReason::Trap { cause: TrapCause::Host, message }) = denied.ask(op) else {
            panic!("it went on without {what}");
        };
        assert!(message.contains(&format!("`{what} = true`")) && message.contains("grants"), "{message}");
        let wasi = WasiGrants { clocks: what == "clocks", random: what == "random", ..WasiGrants::default() };
        let mut allowed = granted(component.clone(), Grants { wasi, ..Grants::default() });
        assert!(matches!(allowed.ask(op), Outcome::Done(Some(_))), "{what}");
    }
}

#[test]
fn environment_and_directories_are_those_that_were_granted() {
    let ticking = Ticking::new();
    let component = ticking.load_text(&super::wasi::text());
    let folder = tempfile::tempdir().unwrap();
    let directory = Directory { path: folder.path().to_owned(), writable: false };
    let wasi = WasiGrants {
        environment: [("KEY".into(), "value".into()), ("OTHER".into(), "1".into())].into(),
        directories: [("/data".into(), directory)].into(),
        ..WasiGrants::default()
    };
    let mut subject = granted(component.clone(), Grants { wasi: wasi.clone(), ..Grants::default() });
    assert_eq!((subject.number(b"e"), subject.number(b"d")), (2, 1));
    drop(folder);
    let grants = Grants { wasi, ..Grants::default() };
    let gone = ComponentBlueprint::with(component, Profile { grants, ..Profile::default() });
    assert!(gone.err().unwrap().to_string().contains("no directory"));
}

#[test]
fn log_lines_are_limited_by_the_second() {
    let ticking = Ticking::new();
    let mut limits = limits();
    limits.log_lines_per_s_max = 3;
    limits.log_line_bytes_max = 10;
    let mut trapper = subject(ticking.load("trapper"), Profile { limits, ..Profile::default() });
    let lines = captured(|| {
        for _ in 0..10 {
            trapper.tell(b"\x08a line that is much too long");
        }
    });
    let of_guest: Vec<_> = lines.iter().filter(|line| line.contains("a line tha")).collect();
    assert_eq!(of_guest.len(), 3, "{lines:?}");
    assert!(of_guest.iter().all(|line| !line.contains("much")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("log_lines_per_s_max (3)")), "{lines:?}");
    assert_eq!(trapper.child.account().unwrap().denied, 7);
}

#[test]
fn one_that_stays_just_under_its_deadline_is_over_its_window() {
    let ticking = Ticking::new();
    let mut limits = limits();
    limits.window = Duration::from_secs(3600);
    limits.window_time_max = Duration::from_millis(50);
    let mut asker_like = subject(
        ticking.load_text(
            &Text {
                handle: "(local $i i32) (loop (local.set $i (i32.add (local.get $i) (i32.const 1)))
                  (br_if 0 (i32.lt_u (local.get $i) (i32.const 20000000)))) i32.const 0",
                ..Text::default()
            }
            .build(),
        ),
        Profile { limits, ..Profile::default() },
    );
    let reason = loop {
        match asker_like.tell(b"") {
            Outcome::Done(_) => {}
            Outcome::Exited(reason) => break reason,
            other => panic!("{other:?}"),
        }
    };
    let ExitReason::Trap { cause: TrapCause::Limit, message } = reason else { panic!("{reason}") };
    assert!(message.contains("window_time_max") && message.contains("50 in"), "{message}");
}

/// Writes its payload to standard output, on a stream that it opens for it.
fn printer() -> String {
    let imports = r#"
      (import "wasi:io/error@0.2.3" (instance $error (export "error" (type (sub resource)))))
      (alias export $error "error" (type $error))
      (import "wasi:io/streams@0.2.3" (instance $streams
        (alias outer 1 $error (type $e))
        (export "error" (type $error (eq $e)))
        (export "output-stream" (type $stream (sub resource)))
        (type $stream-error (variant (case "last-operation-failed" (own $error)) (case "closed")))
        (export "stream-error" (type $failure (eq $stream-error)))
        (export "[method]output-stream.blocking-write-and-flush"
          (func (param "self" (borrow $stream)) (param "contents" (list u8))
            (result (result (error $failure)))))))
      (alias export $streams "output-stream" (type $stream))
      (import "wasi:cli/stdout@0.2.3" (instance $stdout
        (alias outer 1 $stream (type $s))
        (export "output-stream" (type $stream (eq $s)))
        (export "get-stdout" (func (result (own $stream))))))
      (core func $get (canon lower (func $stdout "get-stdout")))
      (core func $drop (canon resource.drop $stream))
      (core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush")
        (memory (core memory $libc "memory"))))"#;
    Text {
        imports,
        lowered: r#"(export "get" (func $get)) (export "drop" (func $drop)) (export "write" (func $write))"#,
        core: r#"(import "host" "get" (func $get (result i32)))
          (import "host" "drop" (func $drop (param i32)))
          (import "host" "write" (func $write (param i32 i32 i32 i32)))"#,
        handle: "(local $stream i32) (local.set $stream (call $get))
          (call $write (local.get $stream) (local.get $payload) (local.get $payload_len) (i32.const 128))
          (call $drop (local.get $stream))
          (call $number (i64.extend_i32_u (i32.load8_u (i32.const 128))))",
        ..Text::default()
    }
    .build()
}

#[test]
fn output_without_a_grant_goes_nowhere_and_is_counted() {
    let ticking = Ticking::new();
    let component = ticking.load_text(&printer());
    let mut denied = granted(component.clone(), Grants::default());
    let lines = captured(|| {
        for _ in 0..3 {
            assert_eq!(denied.number(b"a secret\n"), 0, "no error: a guest would panic");
        }
    });
    assert!(!lines.iter().any(|line| line.contains("a secret")), "{lines:?}");
    let told = lines.iter().filter(|line| line.contains("`stdio = true` in [component.text.grants]"));
    assert_eq!(told.count(), 1, "{lines:?}");
    assert_eq!(denied.child.account().unwrap().denied, 3);
}

#[test]
fn output_is_limited_by_the_second_however_many_streams_it_opens() {
    let ticking = Ticking::new();
    let wasi = WasiGrants { stdio: true, ..WasiGrants::default() };
    let grants = Grants { wasi, ..Grants::default() };
    let limits = crate::wasm::Limits { log_lines_per_s_max: 2, ..limits() };
    let profile = Profile { limits, grants, ..Profile::default() };
    let mut printer = subject(ticking.load_text(&printer()), profile);
    let begun = std::time::Instant::now();
    let lines = captured(|| {
        for _ in 0..10 {
            printer.number(b"noise\n");
        }
    });
    let seconds = begun.elapsed().as_secs() as usize + 1;
    let noise = lines.iter().filter(|line| line.contains("noise")).count();
    assert!((2..=2 * seconds).contains(&noise), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("log_lines_per_s_max")), "{lines:?}");
    assert_eq!(printer.child.account().unwrap().denied, 10 - noise as u64);
}

#[test]
fn more_addresses_than_it_may_hold_are_an_error_with_the_figure() {
    let ticking = Ticking::new();
    let limits = crate::wasm::Limits { addresses_max: 0, ..limits() };
    let grants = Grants { send: patterns(&["friend"]), ..Grants::default() };
    let profile = Profile { limits, grants, ..Profile::default() };
    let mut trapper = subject(ticking.load("trapper"), profile);
    trapper.reply(b"\x06friend");
    let why = refused(trapper.ask(&send_to(friend())));
    assert!(why.contains("may send to `friend`, but is over addresses_max (0)"), "{why}");
    assert_eq!(trapper.child.account().unwrap().denied, 1);
}
