//! What is sent later. Every test runs with the receiver on the same shard and on
//! another one.

use super::talker::both;
use super::*;

#[test]
fn it_is_sent_once_never_early_and_late_by_a_tick_and_a_millisecond_at_most() {
    both(|mut world, other| {
        let (a, b) = (world.spawn(0), world.spawn(other));
        for delay_ms in [1, 7, 64, 1_000, 100_000] {
            world.told(a, &format!("after {delay_ms} {b} log ping"));
            world.hand.increment(delay_ms * 1_000_000 - 1);
            world.settle();
            assert_eq!(world.log(), [] as [&str; 0], "{delay_ms} ms, early");
            world.hand.increment(1 + TICK_NS + 1_000_000);
            world.settle();
            assert_eq!(world.log(), ["ping"], "{delay_ms} ms");
            world.advance_ms(10 * delay_ms);
            assert_eq!(world.log(), [] as [&str; 0], "once");
        }
        world.closed_ledger();
    });
}

#[test]
fn again_and_again_keeps_its_schedule_and_skips_what_it_missed() {
    both(|mut world, other| {
        let (a, b) = (world.spawn(0), world.spawn(other));
        world.told(a, &format!("every 100 {b} log tick"));
        for beat in 1..=20 {
            world.advance_ms(100);
            let log = world.log();
            // Rounded up to a tick; but no drift.
            assert!(log.len() <= 1, "{beat}");
        }
        world.advance_ms(3);
        world.log();
        world.advance_ms(1_050);
        assert_eq!(world.log(), ["tick"], "ten were missed");
        world.advance_ms(50);
        assert_eq!(world.log(), ["tick"], "on the schedule that it had");
        assert_eq!(text(world.ask_now(a, "no-timer")), "true");
        assert_eq!(text(world.ask_now(a, "no-timer")), "no timer");
        world.advance_ms(1_000);
        assert_eq!(world.log(), [] as [&str; 0]);
        world.closed_ledger();
    });
}

#[test]
fn timers_end_with_the_incarnation_that_set_them() {
    both(|mut world, other| {
        let supervisor = world.supervisor(0, 10);
        let a = world.child(supervisor, 0, ChildPolicy::default(), "a").unwrap();
        let b = world.spawn(other);
        world.told(a, &format!("every 100 {b} log orphan"));
        world.told(a, &format!("after 100 {b} log orphan"));
        world.told(a, "trap");
        world.advance_ms(500);
        assert_eq!(world.log(), [] as [&str; 0]);
        assert!(world.shards[0].local.laters.borrow().len() == 0, "and leave nothing behind");
        world.closed_ledger();
    });
}

#[test]
fn what_is_due_for_nobody_is_dead_and_counted() {
    both(|mut world, other| {
        let (a, b) = (world.spawn(0), world.spawn(other));
        world.told(a, &format!("after 100 {b} log x"));
        world.stop(b, Shutdown::default());
        world.advance_ms(200);
        assert_eq!(world.closed_ledger().dead(), 1);
    });
}

#[test]
fn a_host_sends_later_too_and_none_cancels_what_is_anothers() {
    both(|mut world, other| {
        let (a, b) = (world.spawn(other), world.spawn(other));
        let (done, set) = reply_slot();
        let (delay_ns, period_ns) = (100_000_000, 100_000_000);
        let later = Control::SendLater { to: a, payload: "log host".into(), delay_ns, period_ns, done };
        world.control(other, later);
        world.told(b, &format!("after 100 {a} log guest"));
        let timer = set.wait().unwrap().unwrap();
        let (done, cancelled) = reply_slot();
        // That of the actor is in the next place.
        let guests = crate::actor::Key::new(timer.shard(), timer.slot() + 1, timer.generation());
        world.control(other, Control::CancelTimer { timer: guests, done });
        world.settle();
        assert_eq!(cancelled.wait(), Ok(Ok(false)), "it is the actor's");
        world.advance_ms(102);
        let mut log = world.log();
        log.sort();
        assert_eq!(log, ["guest", "host"]);
        let (done, cancelled) = reply_slot();
        world.control(other, Control::CancelTimer { timer, done });
        world.advance_ms(1_000);
        assert_eq!(cancelled.wait(), Ok(Ok(true)));
        assert_eq!(world.log(), [] as [&str; 0]);
        world.closed_ledger();
    });
}

#[test]
fn an_idle_shard_says_when_the_first_one_is_due() {
    both(|mut world, other| {
        let (a, b) = (world.spawn(0), world.spawn(other));
        world.told(a, &format!("after 500 {b} log x"));
        let Turned::Idle { wake_at_ns: Some(wake_at_ns) } = world.shards[0].turn() else {
            panic!("not idle, or for good")
        };
        assert!(wake_at_ns <= world.clock.now_ns() + 500_000_000 + TICK_NS);
    });
}

#[test]
fn a_message_is_not_handled_after_its_time_to_live() {
    both(|mut world, other| {
        let (a, b) = (world.spawn(0), world.spawn(other));
        world.tell(a, &format!("within 5 {b} log fresh"));
        world.settle();
        assert_eq!(world.log(), ["fresh"]);
        // It waits behind one that is in the middle of something.
        let c = world.spawn(other);
        world.told(b, &format!("ask {c} defer"));
        world.told(a, &format!("within 5 {b} log stale"));
        world.advance_ms(10);
        world.told(c, "answer x");
        let ledger = world.closed_ledger();
        assert_eq!(ledger.dead_by_reason[crate::actor::DeadReason::Expired as usize], 1);
        assert!(!world.log().contains(&"stale".to_owned()));
    });
}
