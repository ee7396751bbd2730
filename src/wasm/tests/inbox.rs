//! Messages that are put where the guest wants them.

use super::support::*;
use super::text::Hooks;
use crate::actor::{Batch, BatchOutcome, ExitReason, Failure, Message, Outcome, TrapCause};

/// Where the guest's own `realloc` begins.
const HEAP: u64 = 4096;

/// Names this buffer at the first message. Answers `a…` with the address of the payload, and
/// anything else with the payload. Of a batch that does not lie there it says that one has
/// failed.
fn tenant(start: i32, bytes: i32) -> String {
    let imports = r#"(import "raddle:actor/inbox@0.1.0" (instance $inbox
        (export "register" (func (param "buffer" (list u8))))))
      (core func $register (canon lower (func $inbox "register") (memory (core memory $libc "memory"))))"#;
    let core = r#"(import "host" "register" (func $register (param i32 i32)))
        (global $named (mut i32) (i32.const 0))"#;
    let handle = format!(
        r#"(if (i32.eqz (global.get $named)) (then
             (global.set $named (i32.const 1))
             (call $register (i32.const {start}) (i32.const {bytes}))))
           (if (i32.eqz (local.get $payload_len)) (then
             (return (call $number (i64.extend_i32_u (local.get $payload))))))
           (if (i32.eq (i32.load8_u (local.get $payload)) (i32.const 97)) (then
             (return (call $number (i64.extend_i32_u (local.get $payload))))))
           (call $reply (local.get $payload) (local.get $payload_len))"#
    );
    let lowered = r#"(export "register" (func $register))"#;
    let elsewhere = format!("(i32.ne (local.get $frames) (i32.const {start}))");
    let hooks = Hooks { batch: Some(&elsewhere), ..Hooks::default() };
    Text { imports, lowered, core, handle: &handle, hooks, ..Text::default() }.build()
}

fn batch(subject: &mut Subject, payloads: &[Vec<u8>]) -> BatchOutcome {
    let message = |payload: &Vec<u8>| Box::new(Message::new(own_id(), payload.clone()));
    let messages: Vec<_> = payloads.iter().map(message).collect();
    subject.child.handle_batch(&subject.context, Batch::new(&messages))
}

#[test]
fn what_fits_lies_in_the_inbox_and_what_does_not_where_realloc_says() {
    for ticking in [Ticking::new(), Ticking::compact()] {
        let mut tenant = Subject::started(ticking.load_text(&tenant(1024, 64)));
        assert!(tenant.number(b"a") >= HEAP, "it has named none yet");
        assert_eq!(tenant.number(b"a"), 1024);
        assert_eq!(tenant.number(b""), 1024);
        for len in [1, 8, 63, 64, 65, 66, 1000] {
            let address = tenant.number(&vec![b'a'; len]);
            assert_eq!(address == 1024, len <= 64, "{len} bytes at {address}");
            let payload: Vec<u8> = (0..len).map(|at| b'b' + (at % 20) as u8).collect();
            assert_eq!(*tenant.reply(&payload), *payload);
        }
    }
}

#[test]
fn frames_lie_in_the_inbox_if_they_all_fit() {
    for ticking in [Ticking::new(), Ticking::compact()] {
        let mut tenant = Subject::started(ticking.load_text(&tenant(1024, 64)));
        let is_elsewhere = |tenant: &mut Subject, payloads: &[usize]| {
            let payloads: Vec<_> = payloads.iter().map(|&len| vec![1; len]).collect();
            let outcome = batch(tenant, &payloads);
            assert_eq!((outcome.handled, outcome.exited), (payloads.len(), None));
            outcome.failures == 1
        };
        assert!(is_elsewhere(&mut tenant, &[8]), "it has named none yet");
        assert!(tenant.number(b"a") >= HEAP, "now it does");
        for (payloads, fit) in
            [(&[0][..], true), (&[48], true), (&[49], false), (&[8, 24], true), (&[8, 25], false)]
        {
            assert_eq!(is_elsewhere(&mut tenant, payloads), !fit, "{payloads:?}");
        }
    }
}

#[test]
fn an_inbox_must_lie_in_the_guests_memory() {
    let ticking = Ticking::new();
    for (start, bytes) in [(65_536, 1), (0, 65_537), (-1, 1), (1, -1), (-1, -1)] {
        let mut tenant = Subject::started(ticking.load_text(&tenant(start, bytes)));
        match tenant.tell(b"a") {
            Outcome::Exited(ExitReason::Trap { cause: TrapCause::Guest, message }) => {
                assert!(message.contains("out of bounds"), "{message}");
            }
            other => panic!("{start} {bytes}: {other:?}"),
        }
    }
    // The very last byte, and none at all, may be named.
    for (start, bytes) in [(65_535, 1), (65_536, 0)] {
        let mut tenant = Subject::started(ticking.load_text(&tenant(start, bytes)));
        assert!(tenant.number(b"a") >= HEAP);
        assert_eq!(tenant.number(b"a") == 65_535, bytes == 1);
        assert!((HEAP..60_000).contains(&tenant.number(b"ab")), "two bytes fit into neither");
    }
}

/// What `sum` has handled, and the sum of that.
fn tally(sum: &mut Subject) -> (u64, u64) {
    let reply = sum.reply(&1u64.to_le_bytes());
    let (count, total) = reply.split_at(8);
    (u64::from_le_bytes(count.try_into().unwrap()), u64::from_le_bytes(total.try_into().unwrap()))
}

#[test]
fn a_guest_made_with_the_library_takes_messages_of_every_size() {
    for ticking in [Ticking::new(), Ticking::compact()] {
        let mut sum = Subject::started(ticking.load("sum"));
        let mut expected = (0, 0);
        for (value, len) in (1u64..).zip((8..40).chain([1000, 1023, 1024, 1025, 5000, 1024, 8])) {
            let mut payload = (value << 8).to_le_bytes().to_vec();
            payload.resize(len, 0xff);
            assert!(matches!(sum.tell(&payload), Outcome::Done(None)));
            expected = (expected.0 + 1, expected.1 + value);
            assert_eq!(tally(&mut sum), expected, "after one of {len} bytes");
        }
        let Outcome::Failed(Failure::Rejected(why)) = sum.tell(b"short") else { panic!("it is no word") };
        assert_eq!(why, "shorter than a word");
        let mut ask = (7u64 << 8 | 5).to_le_bytes();
        assert_eq!(sum.number(&ask), 8);
        ask[0] = 99;
        let Outcome::Failed(Failure::Rejected(why)) = sum.ask(&ask) else { panic!("it is no op") };
        assert_eq!(why, "no such op");
    }
}

#[test]
fn a_guest_made_with_the_library_takes_batches_of_every_size() {
    let ticking = Ticking::new();
    let mut sum = Subject::started(ticking.load("sum"));
    let mut expected = (0, 0);
    let mut memory_bytes = 0;
    for round in 0..300 {
        for (messages, len) in [(1usize, 8), (2, 64), (32, 64), (170, 8), (171, 8), (4, 1008), (5, 1008)] {
            let payloads: Vec<_> = (1..=messages as u64)
                .map(|value| {
                    let mut payload = (value << 8).to_le_bytes().to_vec();
                    payload.resize(len, 0xff);
                    payload
                })
                .collect();
            let outcome = batch(&mut sum, &payloads);
            assert_eq!((outcome.handled, outcome.failures, outcome.exited), (messages, 0, None));
            let total: u64 = (1..=messages as u64).sum();
            expected = (expected.0 + messages as u64, expected.1 + total);
        }
        assert_eq!(tally(&mut sum), expected);
        let account = sum.child.account().unwrap();
        if round == 0 {
            memory_bytes = account.memory_bytes;
        }
        assert_eq!(account.memory_bytes, memory_bytes, "what is taken is given back");
        assert_eq!(account.host_calls, 2, "where it counts, and where its inbox is");
    }
}

/// One that handles a single message in its life does not ask for the rest.
#[test]
fn a_guest_made_with_the_library_names_its_inbox_at_the_second_message() {
    let ticking = Ticking::new();
    let mut sum = Subject::started(ticking.load("sum"));
    let host_calls = [(); 4].map(|()| {
        assert!(matches!(sum.tell(&256u64.to_le_bytes()), Outcome::Done(None)));
        sum.child.account().unwrap().host_calls
    });
    assert_eq!(host_calls, [0, 1, 1, 1]);
    assert_eq!(tally(&mut sum), (4, 4));
}

/// An answer stays in the guest until it is entered again, and not longer: else these would
/// grow by a page in some 5,000 replies.
#[test]
fn answers_are_freed() {
    let ticking = Ticking::new();
    for (guest, payload) in [("counter", &b"get"[..]), ("echo", &[7; 100]), ("batcher", b"")] {
        let mut subject = Subject::started(ticking.load(guest));
        let mut replied = 0;
        let mut ask = |times: u32| {
            (0..times).for_each(|_| replied += subject.reply(payload).len());
            subject.child.account().unwrap().memory_bytes
        };
        let before = ask(10);
        assert_eq!(ask(20_000), before, "{guest}");
        assert!(replied >= 20_010);
    }
}
