//! `BackoffSupervisorSpec`; its table of delays is in `control::backoff`.

use super::*;
use crate::actor::DeadReason;
use crate::control::backoff::Backoff;

const MIN_MS: u64 = 100;

/// From 100 ms to 3 s, with a jitter of 0.2, as there.
fn backoff() -> Backoff {
    Backoff { jitter: 0.2, ..Backoff::exponential(MIN_MS * 1_000_000, 2.0, 3_000_000_000) }
}

fn child(policy: Backoff, restart: Restart, test: impl Fn(World, ActorId)) {
    both(|mut world, other| {
        let children = vec![worker(&world, other, "c1").backoff(policy).restart(restart)];
        supervise(&mut world, spec(Strategy::OneForOne, 1_000, 1), children);
        let c1 = whereis(&world, "c1").unwrap();
        world.log();
        test(world, c1);
    });
}

fn until_it_is_up(world: &mut World, wait_ms_max: u64) -> (u64, Vec<String>) {
    for waited_ms in 0..=wait_ms_max {
        let log = world.log();
        if !log.is_empty() {
            return (waited_ms, log);
        }
        world.advance_ms(1);
    }
    panic!("it is not up after {wait_ms_max} ms");
}

#[test]
fn start_child_again_when_it_stops_when_using_backoff_on_stop() {
    // On stop: whatever the end was.
    child(backoff(), Restart::Permanent, |mut world, c1| {
        world.tell(c1, "exit");
        world.settle();
        assert_eq!(world.log(), ["stop c1"]);
        let (waited_ms, log) = until_it_is_up(&mut world, MIN_MS + 10);
        assert_eq!(log, ["start c1 1"]);
        assert!(waited_ms >= MIN_MS * 8 / 10, "it waited for {waited_ms} ms only");
    });
}

#[test]
fn forward_messages_to_the_child() {
    child(backoff(), Restart::Permanent, |mut world, c1| {
        assert_eq!(text(world.ask_now(c1, "echo hello")), "hello");
    });
}

/// On failure: a normal end is for good.
#[test]
fn support_custom_supervision_strategy() {
    child(backoff(), Restart::Transient, |mut world, c1| {
        world.tell(c1, "trap");
        world.settle();
        assert_eq!(until_it_is_up(&mut world, MIN_MS + 10).1, ["start c1 1"]);
        world.tell(c1, "exit");
        world.settle();
        assert_eq!(world.log(), ["stop c1"]);
        world.advance_ms(10_000);
        assert_eq!(whereis(&world, "c1"), None);
    });
}

#[test]
fn support_default_stopping_strategy_when_using_backoff_on_stop() {
    child(backoff(), Restart::Permanent, |mut world, c1| {
        world.tell(c1, "trap");
        world.settle();
        assert_eq!(until_it_is_up(&mut world, MIN_MS + 10).1, ["start c1 1"]);
    });
}

/// Auto reset: after a stable while, the next failure is the first in a row again.
#[test]
fn support_auto_reset() {
    let stable = Backoff { stable_after_ns: 1_000_000_000, jitter: 0.0, ..backoff() };
    child(stable, Restart::Permanent, |mut world, c1| {
        for (up_ms, expected_ms) in [(0, 100), (0, 200), (0, 400), (1_100, 100), (0, 200)] {
            world.advance_ms(up_ms);
            world.tell(c1, "trap");
            world.settle();
            let (waited_ms, _) = until_it_is_up(&mut world, 5_000);
            // Timers fire at the end of the tick in which they are due.
            let late_ms = waited_ms.checked_sub(expected_ms);
            assert!(late_ms.is_some_and(|late| late <= 3), "{waited_ms} ms instead of {expected_ms}");
        }
    });
}

/// While it waits its mail waits too: Pekko's supervisor would drop it.
#[test]
fn not_reply_to_sender_if_reply_while_stopped_is_not_specified() {
    child(backoff(), Restart::Permanent, |mut world, c1| {
        world.tell(c1, "trap");
        world.settle();
        world.tell(c1, "log boom");
        world.settle();
        assert_eq!(world.log(), [] as [&str; 0]);
        assert_eq!(until_it_is_up(&mut world, MIN_MS + 10).1, ["start c1 1", "boom"]);
        assert_eq!(world.closed_ledger().dead(), 0);
    });
}

fn stop_after_max_retries(restart: Restart, how: &str) {
    let limited = Backoff { restarts_in_a_row_max: 2, ..backoff() };
    child(limited, restart, |mut world, c1| {
        for number in 1..=2 {
            world.tell(c1, how);
            world.settle();
            world.log();
            assert_eq!(until_it_is_up(&mut world, 1_000).1, [format!("start c1 {number}")]);
        }
        world.tell(c1, how);
        world.settle();
        world.log();
        world.advance_ms(60_000);
        assert_eq!((world.log().len(), whereis(&world, "c1")), (0, None));
        assert_eq!(world.shards[0].report().supervisors_given_up, 1, "its supervisor gives up");
        assert_eq!(world.ask_now(c1, "echo x"), Err(RequestError::Dead(DeadReason::StaleGeneration)));
    });
}

#[test]
fn stop_restarting_the_child_after_reaching_max_nr_of_retries_limit_backoff_on_stop() {
    stop_after_max_retries(Restart::Permanent, "exit");
}

#[test]
fn stop_restarting_the_child_after_reaching_max_nr_of_retries_limit_backoff_on_failure() {
    stop_after_max_retries(Restart::Transient, "trap");
}
