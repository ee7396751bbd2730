//! Guests that do what is allowed, without end: bounded by a limit that has a name, a
//! figure and, for what the guest sees, an error.

use raddle::Runtime;
use raddle::actor::RequestError;
use raddle::shard::{Bounds, ShardConfig};
use raddle::wasm::{Grants, Limits, Patterns, Profile, TrustLevel};

use super::guest::Guest;
use super::*;

/// Does `call` until it fails, with a number in decimal at 64 (a name of 8 bytes that
/// is another one each time), and answers how often it went well; the error is kept
/// at 8192: what it failed with is asked for with a request of one byte.
fn until_refused(call: &str) -> (String, String) {
    let core = format!(
        r#"
        (func $name (param $n i32) (local $i i32)
          (local.set $i (i32.const 8))
          (loop
            (local.set $i (i32.sub (local.get $i) (i32.const 1)))
            (i32.store8 offset=64 (local.get $i)
              (i32.add (i32.const 97) (i32.rem_u (local.get $n) (i32.const 10))))
            (local.set $n (i32.div_u (local.get $n) (i32.const 10)))
            (br_if 0 (local.get $i))))
        (func $flood (param $to i64) (result i32) (local $n i32)
          (loop
            (call $name (local.get $n))
            (i32.store8 (i32.const 128) (i32.const 0))
            {call}
            (if (i32.load8_u (i32.const 128)) (then (return (local.get $n))))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if 0 (i32.lt_u (local.get $n) (i32.const 200000))))
          (local.get $n))"#
    );
    let handle = "(local $n i32)
        (if (i32.eq (local.get $payload_len) (i32.const 1)) (then unreachable))
        (local.set $n (call $flood (i64.load (local.get $payload))))
        (i32.store (i32.const 512) (local.get $n))
        ;; How often, and then the text of the error.
        (memory.copy (i32.const 516) (i32.load (i32.const ERROR)) (i32.load (i32.const LENGTH)))
        (call $reply (i32.const 512) (i32.add (i32.const 4) (i32.load (i32.const LENGTH))))";
    (core, handle.to_owned())
}

/// With the error's text behind so many bytes of a result at 128.
fn flood(name: &'static str, repeats: u32, limits: Limits, call: &str, text_at: u32, most: u32, says: &str) {
    let (core, handle) = until_refused(call);
    let handle =
        handle.replace("ERROR", &(128 + text_at).to_string()).replace("LENGTH", &(132 + text_at).to_string());
    Row::new(name, repeats).run(
        |runtime| {
            let guest = Guest { core: &core, handle: Some(&handle), ..Guest::default() };
            let limits = Limits { message_time_max: PATIENCE, ..limits };
            runtime.provide("child", &kind(runtime, &Guest::default()));
            let profile = Profile { limits, ..Profile::of(TrustLevel::Trusted) };
            (supervised(runtime, kind_with(runtime, &guest, profile)), mute(runtime))
        },
        |runtime, (hostile, mute)| {
            // What its last incarnation had spawned has ended with it, by and by.
            let begun = std::time::Instant::now();
            while runtime.actors() > 3 && begun.elapsed() < PATIENCE {
                std::thread::yield_now();
            }
            let answer = reply(runtime, *hostile, &mute.to_bits().to_le_bytes());
            let (count, said) = answer.split_first_chunk().expect("a count");
            assert_eq!(u32::from_le_bytes(*count), most, "{}", String::from_utf8_lossy(said));
            assert!(String::from_utf8_lossy(said).contains(says), "{}", String::from_utf8_lossy(said));
            let report = &runtime.reports()[0];
            let account = report.accounts.iter().find(|one| one.actor == *hostile).expect("it lives");
            assert_eq!(account.account.denied, 1, "{account:?}");
            // Its next incarnation has none of it, and as much to waste.
            exits(runtime, *hostile, "x", "trap", "unreachable");
        },
    );
}

/// Whom nothing gets an answer from.
fn mute(runtime: &Runtime) -> ActorId {
    let guest = Guest { handle: Some("(call $defer (i32.const 128)) i32.const 0"), ..Guest::default() };
    supervised(runtime, kind(runtime, &guest))
}

#[test]
fn of_subscriptions() {
    let limits = Limits { subscriptions_max: 100, ..short() };
    let call = "(call $subscribe (i32.const 64) (i32.const 8) (i32.const 128))";
    // A result, and in it the case of the error, and the text.
    flood("floods::of_subscriptions", 50, limits, call, 8, 100, "over subscriptions_max (100)");
}

#[test]
fn of_timers() {
    let limits = Limits { timers_max: 200, ..short() };
    let call = "(call $send-after (i64.const 3600000000000) (local.get $to) (i32.const 64) (i32.const 8)
        (i32.const 128))";
    flood("floods::of_timers", 50, limits, call, 12, 200, "over timers_max (200)");
}

#[test]
fn of_groups() {
    let limits = Limits { groups_max: 30, ..short() };
    let call = "(call $join (i32.const 64) (i32.const 8) (i32.const 128))";
    flood("floods::of_groups", 50, limits, call, 4, 30, "over groups_max (30)");
}

#[test]
fn of_names() {
    let limits = Limits { names_max: 60, ..short() };
    let call = "(call $register (i32.const 64) (i32.const 8) (i32.const 128))";
    flood("floods::of_names", 50, limits, call, 8, 60, "over names_max (60)");
}

#[test]
fn of_names_that_are_given_up_at_once() {
    // They count until they are free everywhere.
    let limits = Limits { names_max: 60, ..short() };
    let call = "(call $register (i32.const 64) (i32.const 8) (i32.const 128))
        (drop (call $unregister (i32.const 64) (i32.const 8)))";
    flood("floods::of_names_that_are_given_up_at_once", 50, limits, call, 8, 60, "over names_max (60)");
}

#[test]
fn of_names_that_it_watches() {
    let limits = Limits { watches_max: 80, ..short() };
    let call = "(call $watch (i32.const 64) (i32.const 8) (i32.const 128))";
    flood("floods::of_names_that_it_watches", 50, limits, call, 8, 80, "over watches_max (80)");
}

#[test]
fn of_requests() {
    let limits = Limits { requests_max: 40, ..short() };
    let call = "(call $request (local.get $to) (i32.const 64) (i32.const 8) (i64.const 60000000000)
        (i32.const 128))";
    flood("floods::of_requests", 50, limits, call, 12, 40, "over requests_max (40)");
}

#[test]
fn of_children() {
    // Linked: they end with it, and its next incarnation has as many.
    let limits = Limits { children_max: 6, ..short() };
    let call = "(i64.store (i32.const 1024) (i64.const 0x646c696863)) ;; child
        (call $spawn (i32.const 1024) (i32.const 5) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
          (i32.const 0) (i32.const 1) (i32.const 128))";
    flood("floods::of_children", 50, limits, call, 12, 6, "children_max: 6");
}

#[test]
fn of_monitors() {
    let limits = Limits { relations_max: 70, ..short() };
    let call = "(call $monitor (local.get $to) (i32.const 128))";
    flood("floods::of_monitors", 50, limits, call, 12, 70, "relations_max: 70");
}

#[test]
fn of_requests_taken_over() {
    // It answers none. Those over the limit are answered at once, with what it returns.
    let limits = Limits { deferred_max: 20, ..short() };
    Row::new("floods::of_requests_taken_over", 50).run(
        |runtime| {
            let guest = Guest {
                handle: Some(
                    "(if (i32.eq (local.get $payload_len) (i32.const 1)) (then unreachable))
                     (call $defer (i32.const 128)) (call $number (i64.const 7))",
                ),
                ..Guest::default()
            };
            let profile = Profile { limits: limits.clone(), ..Profile::of(TrustLevel::Standard) };
            supervised(runtime, kind_with(runtime, &guest, profile))
        },
        |runtime, hostile| {
            let callers: Vec<_> =
                (0..20).map(|_| runtime.request_within(*hostile, "please", PATIENCE)).collect();
            for _ in 0..10 {
                assert_eq!(number(runtime, *hostile, "me too"), 7);
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
fn of_log_lines() {
    let limits = Limits { log_lines_per_s_max: 100, message_time_max: PATIENCE, ..short() };
    Row::new("floods::of_log_lines", 20).run(
        |runtime| {
            let guest = Guest {
                core: "(func $lines (param $n i32)
                    (loop
                      (call $log (i32.const 2) (i32.const 64) (i32.const 4) (i32.const 64) (i32.const 8000))
                      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
                      (br_if 0 (local.get $n))))",
                handle: Some("(call $lines (i32.const 10000)) i32.const 0"),
                ..Guest::default()
            };
            let profile = Profile { limits, ..Profile::of(TrustLevel::Standard) };
            (supervised(runtime, kind_with(runtime, &guest, profile)), std::time::Instant::now(), 0)
        },
        |runtime, (hostile, since, sent)| {
            reply(runtime, *hostile, "");
            *sent += 10_000;
            let report = &runtime.reports()[0];
            let account = report.accounts.iter().find(|one| one.actor == *hostile).expect("it lives").account;
            let logged = *sent - account.denied;
            assert!(logged <= 100 * (since.elapsed().as_secs() + 2), "{logged} lines");
        },
    );
}

#[test]
fn of_messages_to_the_innocent() {
    // Its mailbox has its bounds; what does not fit is an error to whoever floods it.
    let bounds = Bounds { mailbox_messages_max: 256, ..Bounds::default() };
    let config = ShardConfig { bounds, ..ShardConfig::default() };
    let guest = Guest {
        core: "(func $flood (param $to i64) (result i64) (local $n i64)
            (loop
              (call $send (local.get $to) (i32.const 64) (i32.const 8) (i32.const 128))
              (if (i32.load8_u (i32.const 128)) (then (return (local.get $n))))
              (local.set $n (i64.add (local.get $n) (i64.const 1)))
              (br_if 0 (i64.lt_u (local.get $n) (i64.const 1000000))))
            (local.get $n))",
        handle: Some("(call $number (call $flood (i64.load (local.get $payload))))"),
        ..Guest::default()
    };
    Row::new("floods::of_messages_to_the_innocent", 200).with(|builder| builder.config(config)).run(
        |runtime| (supervised(runtime, kind(runtime, &guest)), actor(runtime, "echo")),
        |runtime, (hostile, victim)| {
            let sent = number(runtime, *hostile, &victim.to_bits().to_le_bytes());
            assert!(sent <= 256, "{sent} in a mailbox of 256");
            // Whoever else wants something of it has the same error, until it is through.
            let begun = std::time::Instant::now();
            let still = loop {
                match ask(runtime, *victim, "and still") {
                    Err(RequestError::NotSent(_)) if begun.elapsed() < PATIENCE => {}
                    other => break other.expect("an answer"),
                }
            };
            assert_eq!(&*still, b"and still");
        },
    );
}

#[test]
fn of_what_it_may_not_do() {
    // Without a grant each attempt is an error, costs its host little, and is counted.
    let calls = "(call $subscribe (i32.const 64) (i32.const 8) (i32.const 128))
        (call $join (i32.const 64) (i32.const 8) (i32.const 128))
        (call $publish (i32.const 64) (i32.const 8) (i32.const 64) (i32.const 8) (i32.const 128))
        (call $send (i64.const 1) (i32.const 64) (i32.const 8) (i32.const 128))
        (call $request (local.get $to) (i32.const 64) (i32.const 8) (i64.const 1) (i32.const 128))
        (call $register (i32.const 64) (i32.const 8) (i32.const 128))
        (call $send-after (i64.const 1) (local.get $to) (i32.const 64) (i32.const 8) (i32.const 128))";
    let core = format!(
        "(func $flood (param $to i64) (local $n i32)
           (loop {calls}
             (local.set $n (i32.add (local.get $n) (i32.const 1)))
             (br_if 0 (i32.lt_u (local.get $n) (i32.const 100)))))"
    );
    Row::new("floods::of_what_it_may_not_do", 50).run(
        |runtime| {
            let guest = Guest {
                core: &core,
                realloc: Some("i32.const 4096"),
                handle: Some("(call $flood (i64.load (local.get $payload))) i32.const 0"),
                ..Guest::default()
            };
            // It may use a name, and not the ones that it wants.
            let grants = Grants { register: Patterns::parse(["its.own"]).unwrap(), ..Grants::default() };
            let limits = Limits { message_time_max: PATIENCE, ..short() };
            let profile = Profile { limits, grants, ..Profile::default() };
            (supervised(runtime, kind_with(runtime, &guest, profile)), mute(runtime), 0)
        },
        |runtime, (hostile, mute, attempts)| {
            reply(runtime, *hostile, &mute.to_bits().to_le_bytes());
            *attempts += 700;
            let report = &runtime.reports()[0];
            let account = report.accounts.iter().find(|one| one.actor == *hostile).expect("it lives").account;
            assert_eq!(account.denied, *attempts, "{account:?}");
            assert!(runtime.members("its.own").wait_for(PATIENCE).unwrap().is_empty());
        },
    );
}
