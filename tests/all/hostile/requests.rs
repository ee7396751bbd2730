//! Guests that do not answer, or answer twice, late, or in a circle; that end with
//! many waiting for them, or with something of theirs still in their hands.

use std::time::Duration;

use raddle::Spawn;
use raddle::actor::{ExitReason, RequestError};
use raddle::control::child_spec::Shutdown;
use raddle::wasm::{Grants, Limits, Patterns, Profile};

use super::guest::Guest;
use super::*;

/// `t` takes the request over; `a` answers that one twice, and says how that went.
const ANSWERS_TWICE: &str = "(if (i32.eq (i32.load8_u (local.get $payload)) (i32.const 116)) (then
      (call $defer (i32.const 128)) (return (i32.const 0))))
    (call $number (i64.extend_i32_u (i32.or
      (call $answer (i64.load (i32.const 136)) (i32.const 0) (i32.const 64) (i32.const 8) (i32.const 0))
      (i32.shl (call $answer (i64.load (i32.const 136)) (i32.const 0) (i32.const 64) (i32.const 8) (i32.const 0))
        (i32.const 1)))))";

#[test]
fn never_answered_answered_twice_and_late() {
    Row::new("requests::never_answered_answered_twice_and_late", 100).run(
        |runtime| {
            supervised(runtime, kind(runtime, &Guest { handle: Some(ANSWERS_TWICE), ..Guest::default() }))
        },
        |runtime, hostile| {
            let twice = runtime.request_within(*hostile, "t", PATIENCE);
            assert_eq!(number(runtime, *hostile, "a"), 0b01, "the first counts, and no other");
            assert_eq!(twice.wait().map(|reply| reply.len()), Ok(8));
            let late = runtime.request_within(*hostile, "t", Duration::from_millis(3));
            // Given up before it was handled, on a machine that has much else to do, or after.
            let outcome = late.wait();
            assert!(matches!(outcome, Err(RequestError::Timeout | RequestError::Dead(_))), "{outcome:?}");
            // It has been given up; answering it changes nothing.
            let answers = number(runtime, *hostile, "a");
            assert_eq!(answers & 0b10, 0, "{answers:b}");
        },
    );
}

/// The asker's message: ask that one these bytes, and wait so long.
fn ask_op(to: ActorId, within: Duration, bytes: &[u8]) -> Vec<u8> {
    let within = (within.as_nanos() as u64).to_le_bytes();
    [&[0], &to.to_bits().to_le_bytes()[..], &within, bytes].concat()
}

#[test]
fn in_a_circle() {
    Row::new("requests::in_a_circle", 500).run(
        |runtime| [(); 2].map(|()| supervised(runtime, load(runtime, "asker"))),
        |runtime, [a, b]| {
            let back = ask_op(*a, PATIENCE, b"?");
            let outcome = ask(runtime, *a, ask_op(*b, PATIENCE, &back));
            let Err(RequestError::Failed(why)) = outcome else { panic!("{outcome:?}") };
            assert!(why.to_string().to_lowercase().contains("cycle"), "{why}");
        },
    );
}

#[test]
fn the_end_of_one_with_ten_thousand_that_wait_for_its_answer() {
    const CALLERS: usize = 10_000;
    let handle = "(if (i32.eq (local.get $payload_len) (i32.const 1)) (then unreachable))
        (call $defer (i32.const 128)) i32.const 0";
    Row::new("requests::the_end_of_one_with_ten_thousand_that_wait_for_its_answer", 4).run(
        |runtime| supervised(runtime, kind(runtime, &Guest { handle: Some(handle), ..Guest::default() })),
        |runtime, hostile| {
            let mut callers = Vec::new();
            while callers.len() < CALLERS {
                callers.extend((0..1_000).map(|_| runtime.request_within(*hostile, "please", PATIENCE)));
                // The thousand are taken over before the next come.
                let begun = std::time::Instant::now();
                while runtime.unsettled() > 100 && begun.elapsed() < PATIENCE {
                    std::thread::yield_now();
                }
            }
            exits(runtime, *hostile, "x", "trap", "unreachable");
            for caller in callers {
                let outcome = caller.wait();
                assert!(matches!(outcome, Err(RequestError::CalleeExited(_))), "{outcome:?}");
            }
        },
    );
}

#[test]
fn the_end_of_one_with_many_in_its_mailbox() {
    Row::new("requests::the_end_of_one_with_many_in_its_mailbox", 20).run(
        |runtime| load(runtime, "trapper"),
        |runtime, trapper| {
            let doomed = spawn(runtime, Spawn::new(trapper.clone()));
            let mut callers = vec![runtime.request_within(doomed, Op::Loop.alone(), PATIENCE)];
            callers.extend((0..300).map(|_| runtime.request_within(doomed, Op::Echo.with("?"), PATIENCE)));
            let outcomes: Vec<_> = callers.into_iter().map(|caller| caller.wait()).collect();
            assert!(matches!(&outcomes[0], Err(RequestError::CalleeExited(ExitReason::Trap { .. }))));
            assert!(outcomes[1..].iter().all(|outcome| matches!(outcome, Err(RequestError::Dead(_)))));
        },
    );
}

/// `l`: looks `friend` up, sends to it, sets a timer and takes the request over, and
/// answers with what it has then. Anything else: uses what it is handed, without having
/// looked anything up, and answers how that went.
const REPLAYS: &str = r#"(local $at i32)
    (local.set $at (local.get $payload))
    (if (i32.eq (local.get $payload_len) (i32.const 1)) (then unreachable))
    (if (i32.eq (local.get $payload_len) (i32.const 2)) (then
      (i64.store (i32.const 64) (i64.const 0x646e65697266)) ;; friend
      (call $lookup (i32.const 64) (i32.const 6) (i32.const 128))
      (call $send (i64.load (i32.const 136)) (i32.const 64) (i32.const 6) (i32.const 160))
      (i64.store (i32.const 512) (i64.load (i32.const 136)))
      (call $send-after (i64.const 3600000000000) (i64.load (i32.const 136)) (i32.const 64) (i32.const 6)
        (i32.const 192))
      (i64.store (i32.const 520) (i64.load (i32.const 200)))
      (call $request (i64.load (i32.const 136)) (i32.const 64) (i32.const 6) (i64.const 3600000000000)
        (i32.const 224))
      (i64.store (i32.const 528) (i64.load (i32.const 232)))
      (i64.store (i32.const 536) (i64.extend_i32_u (i32.or (i32.load8_u (i32.const 160))
        (i32.or (i32.load8_u (i32.const 192)) (i32.load8_u (i32.const 224))))))
      (return (call $reply (i32.const 512) (i32.const 32)))))
    (call $send (i64.load (local.get $at)) (i32.const 64) (i32.const 6) (i32.const 160))
    (call $number (i64.extend_i32_u (i32.or (i32.or
      (i32.load8_u (i32.const 160))
      (i32.shl (call $cancel-timer (i64.load offset=8 (local.get $at))) (i32.const 8)))
      (i32.shl (call $cancel (i64.load offset=16 (local.get $at))) (i32.const 16)))))"#;

#[test]
fn what_was_its_own_before_it_was_restarted() {
    Row::new("requests::what_was_its_own_before_it_was_restarted", 300).run(
        |runtime| {
            let mute =
                Guest { handle: Some("(call $defer (i32.const 128)) i32.const 0"), ..Guest::default() };
            spawn(runtime, Spawn::new(kind(runtime, &mute)).name("friend").under(supervisor(runtime, 0)));
            let friend = || Patterns::parse(["friend"]).unwrap();
            let grants = Grants { send: friend(), ask: friend(), ..Grants::default() };
            let guest = Guest { handle: Some(REPLAYS), ..Guest::default() };
            let limits = Limits { timers_max: 1, requests_max: 1, ..short() };
            let profile = Profile { limits, grants, ..Profile::default() };
            supervised(runtime, kind_with(runtime, &guest, profile))
        },
        |runtime, hostile| {
            let own = reply(runtime, *hostile, "ll");
            assert_eq!(own[24..], [0; 8], "all of it went well");
            exits(runtime, *hostile, "x", "trap", "unreachable");
            let replayed = number(runtime, *hostile, own[..24].to_vec());
            assert_eq!(replayed, 1, "the address is denied, the timer and the request are nobody's");
        },
    );
}

#[test]
fn an_address_of_one_that_is_gone() {
    Row::new("requests::an_address_of_one_that_is_gone", 500).run(
        |runtime| (trapper(runtime), load(runtime, "echo")),
        |runtime, (hostile, echo)| {
            let gone = spawn(runtime, Spawn::new(echo.clone()));
            runtime.stop(gone, Shutdown::default()).wait_for(PATIENCE).unwrap();
            // Somebody else has its slot now.
            let next = spawn(runtime, Spawn::new(echo.clone()));
            assert_eq!(gone.slot(), next.slot());
            let outcome = ask(runtime, *hostile, Op::send(gone, "are you there?"));
            let Err(RequestError::Failed(why)) = outcome else { panic!("{outcome:?}") };
            assert!(why.to_string().contains("NoSuchActor"), "{why}");
            runtime.stop(next, Shutdown::default()).wait_for(PATIENCE).unwrap();
        },
    );
}

#[test]
fn dropped_in_the_middle_of_a_host_call() {
    Row::new("requests::dropped_in_the_middle_of_a_host_call", 500).run(
        |runtime| {
            let mute =
                Guest { handle: Some("(call $defer (i32.const 128)) i32.const 0"), ..Guest::default() };
            let neighbour = actor(runtime, "echo");
            (load(runtime, "asker"), supervised(runtime, kind(runtime, &mute)), neighbour)
        },
        |runtime, (asker, mute, neighbour)| {
            let asker = spawn(runtime, Spawn::new(asker.clone()));
            let waiting = runtime.request_within(asker, ask_op(*mute, PATIENCE, b"?"), PATIENCE);
            // Whoever comes behind it comes when it waits.
            reply(runtime, *neighbour, "through");
            runtime.stop(asker, Shutdown::BrutalKill).wait_for(PATIENCE).unwrap();
            assert_eq!(waiting.wait(), Err(RequestError::CalleeExited(ExitReason::Killed)));
        },
    );
}
