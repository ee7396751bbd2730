//! Many messages in one call.

use super::support::*;
use crate::actor::{Batch, BatchOutcome, Effect, ExitReason, Message, Outcome, TrapCause};
use crate::wasm::Limits;

const TRAP: u64 = u64::MAX;
const LOOP: u64 = u64::MAX - 1;
const FAIL: u64 = u64::MAX - 2;
const EXIT: u64 = u64::MAX - 3;

#[expect(clippy::vec_box, reason = "as the shard has them")]
fn messages(payloads: &[Vec<u8>]) -> Vec<Box<Message>> {
    let message =
        |payload: &Vec<u8>| Message { from: Some(friend()), ..Message::new(own_id(), payload.clone()) };
    payloads.iter().map(message).map(Box::new).collect()
}

fn give(subject: &mut Subject, payloads: &[Vec<u8>]) -> BatchOutcome {
    let messages = messages(payloads);
    subject.child.handle_batch(&subject.context, Batch::new(&messages))
}

fn numbers(subject: &mut Subject, numbers: &[u64]) -> BatchOutcome {
    let payloads: Vec<_> = numbers.iter().map(|number| number.to_le_bytes().to_vec()).collect();
    give(subject, &payloads)
}

/// How many messages the batcher has finished, and their sum.
fn counts(subject: &mut Subject) -> (u64, u64) {
    let reply = subject.reply(b"");
    let (finished, sum) = reply.split_at(8);
    (u64::from_le_bytes(finished.try_into().unwrap()), u64::from_le_bytes(sum.try_into().unwrap()))
}

fn cause(outcome: &BatchOutcome) -> Option<TrapCause> {
    match &outcome.exited {
        Some(ExitReason::Trap { cause, .. }) => Some(*cause),
        _ => None,
    }
}

#[test]
fn a_batch_is_handled_in_order_and_its_failures_are_counted() {
    for ticking in [Ticking::new(), Ticking::compact()] {
        let mut batcher = Subject::started(ticking.load("batcher"));
        assert_eq!(batcher.child.batch_messages_max(), Limits::default().batch_messages_max);
        for _ in 0..3 {
            let outcome = numbers(&mut batcher, &[1, FAIL, 20, FAIL, 300]);
            assert_eq!((outcome.handled, outcome.failures, outcome.exited), (5, 2, None));
        }
        assert_eq!(counts(&mut batcher), (9, 963));
    }
}

#[test]
fn after_a_trap_it_is_known_which_message_it_was_at() {
    let ticking = Ticking::new();
    for at in 0..6 {
        let mut batcher =
            Subject::created(ticking.load("batcher"), &[("witness", "friend")]).expect("an instance");
        batcher.start().unwrap();
        // What an earlier batch has finished counts for nothing.
        assert_eq!(numbers(&mut batcher, &[1, 2, 3]).handled, 3);
        sent();
        let mut batch = [10, 11, 12, 13, 14, 15];
        batch[at] = TRAP;
        let outcome = numbers(&mut batcher, &batch);
        assert_eq!((outcome.handled, cause(&outcome)), (at, Some(TrapCause::Guest)));
        let finished: Vec<u64> =
            sent().iter().map(|m| u64::from_le_bytes((*m.payload).try_into().unwrap())).collect();
        assert_eq!(finished, &batch[..at], "the guest itself says the same");
        assert!(matches!(batcher.tell(b"x"), Outcome::Exited(_)), "it is gone");
    }
}

#[test]
fn after_an_exit_nothing_more_of_the_batch_is_handled() {
    let ticking = Ticking::new();
    for at in 0..6 {
        let mut batcher = Subject::started(ticking.load("batcher"));
        assert_eq!(numbers(&mut batcher, &[1, 2, 3]).handled, 3);
        let mut batch = [FAIL; 6];
        batch[at] = EXIT;
        let outcome = numbers(&mut batcher, &batch);
        assert_eq!((outcome.handled, outcome.failures, outcome.exited), (at + 1, at, None));
        assert!(matches!(batcher.effects()[..], [Effect::Exit(ExitReason::Normal)]));
        assert_eq!(counts(&mut batcher), (4, 6), "the guest itself says the same");
    }
    // Also what did not go into the same call of the guest.
    let mut batcher = Subject::started(ticking.load("batcher"));
    let payloads = [vec![0; 100 << 10], EXIT.to_le_bytes().to_vec(), vec![0; 100 << 10]];
    assert_eq!(give(&mut batcher, &payloads).handled, 2);
}

#[test]
fn without_a_count_an_exit_comes_after_the_whole_batch() {
    let exit = r#"(import "raddle:actor/messaging@0.1.0" (instance $messaging (export "exit" (func))))
        (core func $exit (canon lower (func $messaging "exit")))"#;
    let core = r#"(import "host" "exit" (func $exit))
        (func (export "handle-batch") (param i32 i32) (result i32) call $exit call $exit i32.const 1)"#;
    let lowered = r#"(export "exit" (func $exit))"#;
    let text = Text { imports: exit, lowered, core, more: HANDLE_BATCH, ..Text::default() }.build();
    let ticking = Ticking::new();
    let mut subject = Subject::started(ticking.load_text(&text));
    let outcome = numbers(&mut subject, &[1, 2, 3]);
    assert_eq!((outcome.handled, outcome.failures), (3, 1));
    assert!(matches!(subject.effects()[..], [Effect::Exit(ExitReason::Normal)]), "once");
}

#[test]
fn a_loop_in_a_batch_ends_at_the_deadline_of_the_batch() {
    let ticking = Ticking::new();
    let mut batcher = Subject::started(ticking.load("batcher"));
    let outcome = numbers(&mut batcher, &[1, 2, LOOP, 4]);
    assert_eq!((outcome.handled, cause(&outcome)), (2, Some(TrapCause::Deadline)));
}

#[test]
fn a_batch_fits_where_each_of_its_messages_does() {
    let ticking = Ticking::new();
    let limits = Limits { memory_bytes_max: 1 << 20, ..limits() };
    let (mut nursery, context) = nursery(ticking.load("batcher"), limits, Default::default());
    let child = nursery.create(&recipe(&[])).unwrap();
    let mut batcher = Subject { child, context, requests: Default::default() };
    batcher.start().unwrap();
    // Four times what the guest has room for; and none of them is a number.
    let outcome = give(&mut batcher, &vec![vec![7; 128 << 10]; 32]);
    assert_eq!((outcome.handled, outcome.failures, outcome.exited), (32, 32, None));
    assert_eq!(numbers(&mut batcher, &[5; 32]).handled, 32);
    assert_eq!(counts(&mut batcher), (32, 160));
}

const HANDLE_BATCH: &str = r#"
  (func $handle-batch (param "frames" (list u8)) (result u32)
    (canon lift (core func $main "handle-batch") (memory (core memory $libc "memory"))
      (realloc (core func $libc "realloc"))))
  (instance $batch-handler (export "handle-batch" (func $handle-batch)))
  (export "raddle:actor/batch-handler@0.1.0" (instance $batch-handler))"#;

/// A component whose `handle-batch` has this body.
fn batch_handler(body: &str) -> String {
    let core =
        format!(r#"(func (export "handle-batch") (param $at i32) (param $len i32) (result i32) {body})"#);
    Text { core: &core, more: HANDLE_BATCH, ..Text::default() }.build()
}

#[test]
fn the_layout_is_that_of_the_contract() {
    let friend = friend().to_bits();
    // Two frames, of 3 and of 8 bytes: 24 bytes each.
    let text = batch_handler(&format!(
        r#"(if (i32.ne (local.get $len) (i32.const 48)) (then unreachable))
           (if (i64.ne (i64.load (local.get $at)) (i64.const {friend})) (then unreachable))
           (if (i64.ne (i64.load offset=8 (local.get $at)) (i64.const 3)) (then unreachable))
           (if (i64.ne (i64.load offset=16 (local.get $at)) (i64.const 0x030201)) (then unreachable))
           (if (i64.ne (i64.load offset=24 (local.get $at)) (i64.const {friend})) (then unreachable))
           (if (i64.ne (i64.load offset=32 (local.get $at)) (i64.const 8)) (then unreachable))
           (if (i64.ne (i64.load offset=40 (local.get $at)) (i64.const 9)) (then unreachable))
           i32.const 1"#
    ));
    let ticking = Ticking::new();
    let mut subject = Subject::started(ticking.load_text(&text));
    let outcome = give(&mut subject, &[vec![1, 2, 3], 9u64.to_le_bytes().to_vec()]);
    assert_eq!((outcome.handled, outcome.failures, outcome.exited), (2, 1, None));
}

#[test]
fn a_guest_without_a_progress_cell_fails_on_the_first_message() {
    let ticking = Ticking::new();
    let mut subject = Subject::started(ticking.load_text(&batch_handler("unreachable")));
    let outcome = numbers(&mut subject, &[1, 2, 3]);
    assert_eq!((outcome.handled, cause(&outcome)), (0, Some(TrapCause::Guest)));
    // And one that says that more has failed than it was given is not believed.
    let mut subject = Subject::started(ticking.load_text(&batch_handler("i32.const -1")));
    let outcome = numbers(&mut subject, &[1, 2, 3]);
    assert_eq!((outcome.handled, outcome.failures), (3, 3));
}
