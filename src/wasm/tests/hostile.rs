//! Guests that break the rules of their border: an error each, and no panic.

use super::support::*;
use crate::actor::{CreateError, ExitReason, Outcome, TrapCause};
use crate::wasm::Limits;

#[track_caller]
fn trap(outcome: Outcome) -> (TrapCause, String) {
    match outcome {
        Outcome::Exited(ExitReason::Trap { cause, message }) => (cause, message),
        other => panic!("expected a trap, got {other:?}"),
    }
}

#[track_caller]
fn handles(handle: &str) -> (TrapCause, String) {
    let ticking = Ticking::new();
    let component = ticking.load_text(&Text { handle, ..Text::default() }.build());
    let told = trap(Subject::started(component.clone()).tell(b"x"));
    let asked = trap(Subject::started(component).ask(b"x"));
    assert_eq!(told, asked, "a reply that nobody wants is checked all the same");
    asked
}

#[test]
fn a_named_function_is_named() {
    let ticking = Ticking::new();
    let text = Text {
        core: "(func $saboteur unreachable)",
        handle: "(call $saboteur) i32.const 0",
        ..Text::default()
    };
    let (_, message) = trap(Subject::started(ticking.load_text(&text.build())).tell(b""));
    assert!(message.ends_with("in `saboteur`"), "{message}");
}

#[test]
fn a_reply_out_of_bounds() {
    for (at, len) in [("65536", "1"), ("0", "65537"), ("-1", "2"), ("1", "-1"), ("-1", "-1")] {
        let (cause, message) = handles(&format!("(call $reply (i32.const {at}) (i32.const {len}))"));
        let expected = (TrapCause::Guest, true);
        let over_fuel = (TrapCause::Limit, false);
        let found = (cause, message.contains("out of bounds"));
        assert!(found == expected || found == over_fuel, "{at} {len}: {cause:?} {message}");
    }
}

#[test]
fn an_answer_out_of_bounds_or_misaligned() {
    assert_eq!(handles("i32.const -16").0, TrapCause::Guest);
    assert_eq!(handles("i32.const 65535").0, TrapCause::Guest);
    assert_eq!(handles("i32.const 2").0, TrapCause::Guest);
}

#[test]
fn an_answer_that_is_no_case() {
    let (cause, _) = handles("(i32.store8 (i32.const 16) (i32.const 9)) i32.const 16");
    assert_eq!(cause, TrapCause::Guest);
}

#[test]
fn a_failure_that_is_no_text() {
    let (cause, message) = handles(
        "(i32.store (i32.const 16) (i32.const 1)) (i32.store (i32.const 24) (i32.const 64))
         (i32.store (i32.const 28) (i32.const 1)) (i32.store8 (i32.const 64) (i32.const 0xff)) i32.const 16",
    );
    assert_eq!(cause, TrapCause::Guest);
    assert!(message.contains("utf-8"), "{message}");
}

#[test]
fn a_realloc_that_lies() {
    let ticking = Ticking::new();
    let text = Text { realloc: "(i32.const -4)", ..Text::default() }.build();
    let mut subject = Subject::started(ticking.load_text(&text));
    let (cause, message) = trap(subject.tell(b"payload"));
    assert_eq!(cause, TrapCause::Guest, "{message}");
}

#[test]
fn a_reply_larger_than_a_message_may_be() {
    let ticking = Ticking::new();
    let text =
        Text { pages: 128, handle: "(call $reply (i32.const 0) (i32.const 2000000))", ..Text::default() };
    let component = ticking.load_text(&text.build());
    let with = |limits| {
        let (mut nursery, context) = nursery(component.clone(), limits, Default::default());
        Subject { child: nursery.create(&recipe(&[])).unwrap(), context, requests: Default::default() }
    };
    let mut subject = with(Limits::default());
    let outcome = subject.ask(b"");
    assert!(matches!(&outcome, Outcome::Failed(why) if why.to_string().contains("2000000")), "{outcome:?}");
    let mut subject =
        with(Limits { message_bytes_max: 1000, hostcall_bytes_max: 100_000, ..Limits::default() });
    let (cause, message) = trap(subject.ask(b""));
    assert_eq!(cause, TrapCause::Limit);
    assert!(message.contains("hostcall_bytes_max"), "{message}");
}

const MESSAGING: &str = r#"
  (import "raddle:actor/messaging@0.1.0" (instance $messaging
    (export "own-id" (func (result u64)))
    (export "exit" (func))))
  (alias export $messaging "own-id" (func $own-id))
  (alias export $messaging "exit" (func $exit))
  (core func $own-id (canon lower (func $own-id)))
  (core func $exit (canon lower (func $exit)))"#;

#[test]
fn a_host_call_before_the_start_is_an_error() {
    let ticking = Ticking::new();
    for function in ["own-id", "exit"] {
        let result = if function == "own-id" { "(result i64)" } else { "" };
        let drop = if function == "own-id" { "drop" } else { "" };
        let text = Text {
            imports: MESSAGING,
            lowered: r#"(export "own-id" (func $own-id)) (export "exit" (func $exit))"#,
            core: &format!(
                r#"(import "host" "{function}" (func $f {result})) (func $s (call $f) {drop}) (start $s)"#
            ),
            ..Text::default()
        };
        let error = Subject::created(ticking.load_text(&text.build()), &[]).err().unwrap();
        let CreateError::Failed(why) = &error else { panic!("{error}") };
        assert!(why.contains("nobody before `init`"), "{why}");
    }
}

#[test]
fn log_and_lookup_of_what_is_no_text() {
    let ticking = Ticking::new();
    let imports = r#"
      (import "raddle:actor/registry@0.1.0" (instance $registry
        (export "lookup" (func (param "name" string) (result (option u64))))))
      (alias export $registry "lookup" (func $lookup))
      (core func $lookup (canon lower (func $lookup) (memory (core memory $libc "memory"))))"#;
    let text = Text {
        imports,
        lowered: r#"(export "lookup" (func $lookup))"#,
        core: r#"(import "host" "lookup" (func $lookup (param i32 i32 i32)))"#,
        handle: "(i32.store8 (i32.const 64) (i32.const 0xff))
                 (call $lookup (i32.const 64) (i32.const 1) (i32.const 128)) i32.const 0",
        ..Text::default()
    };
    let (cause, message) = trap(Subject::started(ticking.load_text(&text.build())).tell(b""));
    assert_eq!(cause, TrapCause::Guest);
    assert!(message.contains("utf-8"), "{message}");
}

#[test]
fn more_core_instances_than_allowed() {
    let ticking = Ticking::new();
    let more = "(core module $n) ".to_owned() + &"(core instance (instantiate $n))".repeat(20);
    let error = Subject::created(ticking.load_text(&Text { more: &more, ..Text::default() }.build()), &[])
        .err()
        .unwrap();
    assert!(matches!(error, CreateError::Failed(_)), "{error}");
}

/// What it finds of another's in its memory; also of whole runtimes (tests/all/hostile).
const RESIDUE: &str = include_str!("residue.wat");

#[test]
fn a_slot_that_is_used_again_holds_nothing_of_its_last_tenant() {
    use crate::wasm::{EngineConfig, MemoryLayout};
    for memory_layout in [MemoryLayout::Guarded, MemoryLayout::Compact] {
        let ticking =
            Ticking::with(EngineConfig { memory_layout, instances_max: 1, ..EngineConfig::default() });
        let component = ticking.load_text(&Text { handle: RESIDUE, pages: 16, ..Text::default() }.build());
        for _ in 0..20 {
            let mut writer = Subject::started(component.clone());
            assert_eq!(trap(writer.tell(b"w")).0, TrapCause::Guest);
            drop(writer);
            assert_eq!(Subject::started(component.clone()).number(b"r"), 0, "{memory_layout:?}");
        }
    }
}

#[test]
fn a_storm_of_large_copies_ends_at_its_deadline() {
    let ticking = Ticking::new();
    let text = Text {
        pages: 48,
        handle: "(loop (memory.copy (i32.const 1500000) (i32.const 65536) (i32.const 1400000)) (br 0)) i32.const 0",
        ..Text::default()
    };
    let (cause, message) = trap(Subject::started(ticking.load_text(&text.build())).tell(b""));
    assert_eq!(cause, TrapCause::Deadline, "{message}");
}

#[test]
fn a_table_bomb_is_refused_and_what_it_traps_on_says_so() {
    let ticking = Ticking::new();
    let text = Text {
        core: "(table $t 1 funcref)",
        handle: "(loop (if (i32.eq (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)) (then unreachable))
          (br 0)) i32.const 0",
        ..Text::default()
    };
    let (cause, message) = trap(Subject::started(ticking.load_text(&text.build())).tell(b""));
    assert_eq!(cause, TrapCause::Limit, "{message}");
    assert!(message.contains("table_elements_max") && message.contains("20000"), "{message}");
}

#[test]
fn a_name_as_long_as_the_memory_is_nobodys() {
    let ticking = Ticking::new();
    let text = Text {
        imports: r#"
          (import "raddle:actor/registry@0.1.0" (instance $registry
            (export "lookup" (func (param "name" string) (result (option u64))))))
          (core func $lookup (canon lower (func $registry "lookup") (memory (core memory $libc "memory"))))"#,
        lowered: r#"(export "lookup" (func $lookup))"#,
        core: r#"(import "host" "lookup" (func $lookup (param i32 i32 i32)))"#,
        pages: 32,
        handle: "(memory.fill (i32.const 65536) (i32.const 97) (i32.const 2000000))
          (call $lookup (i32.const 65536) (i32.const 2000000) (i32.const 128))
          (call $number (i64.extend_i32_u (i32.load8_u (i32.const 128))))",
        ..Text::default()
    };
    assert_eq!(Subject::started(ticking.load_text(&text.build())).number(b""), 0, "none");
}

#[test]
fn traps_give_every_slot_back() {
    let ticking = Ticking::new();
    let policy = crate::wasm::PoolPolicy { ready_min: 0, ..Default::default() };
    let (mut nursery, context) = nursery(ticking.load("trapper"), limits(), policy);
    for _ in 0..10_000 {
        let mut actor = nursery.create(&recipe(&[])).unwrap();
        let message = crate::actor::Message::new(own_id(), &[99]);
        assert!(matches!(actor.handle(&context, &message), Outcome::Failed(_)));
        let message = crate::actor::Message::new(own_id(), &[1]);
        assert_eq!(trap(actor.handle(&context, &message)).0, TrapCause::Guest);
    }
    while ticking.instances() > 0 {
        assert!(nursery.tend(), "by and by, in idle turns");
    }
}

#[test]
fn a_hook_that_traps_or_loops_says_so_and_is_called_no_more() {
    use crate::actor::{Health, Incarnation, NameTaken, Notice, RequestError, StopReason};
    let ticking = Ticking::new();
    for (body, expected) in [("unreachable", "unreachable"), ("(loop (br 0)) unreachable", "50 ms")] {
        let hooks = Hooks {
            init: Some("i32.const 0"),
            stop: Some(body),
            check: Some(body),
            reply: Some(body),
            publication: Some(body),
            down: Some(body),
            exit: None,
            names: Some(body),
            batch: Some(body),
        };
        let limits = crate::wasm::Limits { message_time_max: limits().lifecycle_time_max, ..limits() };
        let component = ticking.load_text(&Text { hooks, ..Text::default() }.build());
        let started = || {
            let (mut nursery, context) = nursery(component.clone(), limits.clone(), Default::default());
            let mut child = nursery.create(&recipe(&[])).unwrap();
            let incarnation = Incarnation { id: own_id(), name: None, restarts: 0 };
            child.start(&context, &incarnation).unwrap();
            Subject { child, context, requests: Default::default() }
        };
        let request = crate::actor::RequestId::new(SHARD, 0, 1);
        let notices = [
            Notice::Reply { request, outcome: Err(RequestError::Timeout) },
            Notice::Reply { request, outcome: Ok(b"reply"[..].into()) },
            Notice::Down { monitor: 1, actor: friend(), reason: ExitReason::Killed },
            Notice::Exit { actor: friend(), reason: ExitReason::Error("why".into()) },
            Notice::Registered { name: "its.own".into(), outcome: Ok(()) },
            Notice::Registered { name: "taken".into(), outcome: Err(NameTaken(friend())) },
            Notice::Name { name: "friend".into(), holder: Some(friend()) },
        ];
        for notice in notices {
            let mut subject = started();
            let (_, message) = trap(subject.child.notice(&subject.context, notice.clone()));
            assert!(message.contains(expected), "{message}");
            assert_eq!(trap(subject.tell(b"again")).1, message, "it is gone");
        }
        let mut subject = started();
        let Health::Unhealthy(why) = subject.child.health(&subject.context) else { panic!("healthy") };
        assert!(why.contains(expected), "{why}");
        let mut subject = started();
        let reason = subject.child.stop(&subject.context, StopReason::Shutdown, None);
        match expected {
            "50 ms" => assert_eq!(reason, ExitReason::Killed, "it did not stop in time"),
            _ => assert!(reason.to_string().contains(expected), "{reason}"),
        }
    }
}
