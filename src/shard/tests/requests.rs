//! Requests between actors: exactly one outcome each. Every test runs with the
//! callee on the same shard and on another one.

use super::talker::both;
use super::*;
use crate::metrics::RequestEnd;

/// The only request that there was has ended so.
#[track_caller]
fn assert_only_end(world: &World, end: RequestEnd) {
    let requests = world.closed_requests();
    assert_eq!((requests.begun, requests.ended(end)), (1, 1), "{requests:?}");
}

#[test]
fn a_reply_comes_as_a_notice_with_the_key_of_its_request() {
    both(|mut world, other| {
        let (a, b) = (world.spawn(0), world.spawn(other));
        assert_eq!(world.told(a, &format!("request {b} 100 echo hello")), ["got hello"]);
        assert_only_end(&world, RequestEnd::Replied);
        assert_eq!(world.closed_ledger().handled, 2);
    });
}

#[test]
fn a_failure_is_an_outcome_and_not_the_end_of_the_callee() {
    both(|mut world, other| {
        let (a, b) = (world.spawn(0), world.spawn(other));
        assert_eq!(world.told(a, &format!("request {b} 100 fail later")), ["error: try again: later"]);
        assert_only_end(&world, RequestEnd::Failed);
        assert_eq!(world.told(b, "log alive"), ["alive"]);
    });
}

#[test]
fn the_death_of_the_callee_ends_the_request_at_once() {
    both(|mut world, other| {
        let (a, b) = (world.spawn(0), world.spawn(other));
        assert_eq!(
            world.told(a, &format!("request {b} 100 trap")),
            ["error: the callee ended: trap: told to"],
            "without waiting for the deadline"
        );
        assert_only_end(&world, RequestEnd::CalleeDead);
        assert_eq!(world.closed_ledger().failed, 1);
    });
}

#[test]
fn a_request_to_nobody_is_an_error_at_send_or_ends_at_once() {
    both(|mut world, other| {
        let (a, b) = (world.spawn(0), world.spawn(other));
        world.stop(b, Shutdown::default());
        let answer = text(world.ask_now(a, &format!("request {b} 100 echo x")));
        if other == 0 {
            assert_eq!(answer, format!("refused: no such actor: {b}"));
            assert_eq!(world.log(), [] as [&str; 0], "what was refused has no outcome");
        } else {
            assert_eq!(world.log(), ["error: the request was dropped: stale-generation"]);
        }
        world.closed_requests();
        world.closed_ledger();
    });
}

#[test]
fn a_deadline_ends_it_never_early_and_a_late_reply_is_counted_and_not_delivered() {
    both(|mut world, other| {
        let (a, b) = (world.spawn(0), world.spawn(other));
        assert_eq!(world.told(a, &format!("request {b} 100 defer")), [] as [&str; 0]);
        world.advance_ms(99);
        assert_eq!(world.log(), [] as [&str; 0], "not early");
        world.advance_ms(4);
        assert_eq!(world.log(), ["error: no reply by the deadline"]);
        assert_only_end(&world, RequestEnd::TimedOut);
        assert_eq!(text(world.ask_now(b, "answer too late")), "true");
        assert_eq!(world.log(), [] as [&str; 0]);
        let late: u64 = world.outside.iter().map(|outside| outside.counters.late_replies.get()).sum();
        assert_eq!(late, 1);
        assert_eq!(world.told(a, "log alive"), ["alive"], "a timeout fails the request only");
        world.closed_ledger();
    });
}

#[test]
fn a_request_that_waits_in_a_mailbox_past_its_deadline_is_not_handled() {
    both(|mut world, other| {
        let (a, b, c) = (world.spawn(0), world.spawn(other), world.spawn(other));
        world.told(b, &format!("ask {c} defer"));
        world.told(a, &format!("request {b} 5 log too late"));
        world.advance_ms(10);
        assert_eq!(world.log(), ["error: no reply by the deadline"]);
        assert_eq!(world.told(c, "answer x"), ["got x"]);
        let ledger = world.closed_ledger();
        assert_eq!(ledger.dead_by_reason[crate::actor::DeadReason::Expired as usize], 1);
        assert_eq!(world.closed_requests().ended(RequestEnd::TimedOut), 1);
    });
}

#[test]
fn a_reply_can_be_given_later_once_and_only_by_who_owes_it() {
    both(|mut world, other| {
        let (a, b, c) = (world.spawn(0), world.spawn(other), world.spawn(other));
        world.told(a, &format!("request {b} 100 defer"));
        let request = crate::actor::Key::new(ShardId(0), 0, 1);
        assert_eq!(text(world.ask_now(c, &format!("forge {request}"))), "false", "not its own");
        assert_eq!(text(world.ask_now(b, "answer later")), "true");
        assert_eq!(world.log(), ["got later"]);
        assert_eq!(text(world.ask_now(b, &format!("forge {request}"))), "false", "once");
        assert_eq!(world.log(), [] as [&str; 0]);
        world.told(a, &format!("request {b} 100 defer"));
        assert_eq!(text(world.ask_now(b, "decline never")), "true");
        assert_eq!(world.log(), ["error: rejected: never"]);
        world.closed_requests();
        assert_eq!(world.closed_ledger().failed, 0);
    });
}

#[test]
fn what_is_no_request_cannot_be_deferred() {
    both(|mut world, other| {
        let a = world.spawn(other);
        let late = world.ask(a, "echo x");
        world.tell(a, "defer");
        world.settle();
        assert_eq!(text(late.wait().unwrap()), "x");
        world.closed_ledger();
    });
}

#[test]
fn whoever_dies_owing_replies_fails_all_of_them_at_once() {
    both(|mut world, other| {
        let callee = world.spawn(other);
        let callers: Vec<_> = (0..50).map(|_| world.spawn(0)).collect();
        for caller in &callers {
            world.tell(*caller, &format!("request {callee} 1000 defer"));
        }
        world.settle();
        assert_eq!(world.log(), [] as [&str; 0]);
        world.tell(callee, "trap");
        world.settle();
        assert_eq!(world.log(), vec!["error: the callee ended: trap: told to"; 50]);
        let requests = world.closed_requests();
        assert_eq!(requests.ended(RequestEnd::CalleeDead), 50);
        world.closed_ledger();
    });
}

#[test]
fn a_caller_that_is_gone_or_has_restarted_hears_nothing() {
    both(|mut world, other| {
        let supervisor = world.supervisor(0, 10);
        let a = world.child(supervisor, 0, ChildPolicy::default(), "a").unwrap();
        let b = world.spawn(other);
        world.told(a, &format!("request {b} 1000 defer"));
        world.told(a, "trap");
        assert_eq!(world.told(a, "log again"), ["again"], "it has restarted, at the same address");
        assert_eq!(text(world.ask_now(b, "answer x")), "true");
        assert_eq!(world.log(), [] as [&str; 0], "the outcome was another incarnation's");
        let requests = world.closed_requests();
        assert_eq!(requests.ended(RequestEnd::CallerGone), 1);
        world.closed_ledger();
    });
}

#[test]
fn who_cancels_hears_nothing_more() {
    both(|mut world, other| {
        let (a, b) = (world.spawn(0), world.spawn(other));
        world.told(a, &format!("request {b} 1000 defer"));
        assert_eq!(text(world.ask_now(a, "cancel")), "true");
        assert_eq!(text(world.ask_now(a, "cancel")), "false");
        world.ask_now(b, "answer x").unwrap();
        world.advance_ms(2000);
        assert_eq!(world.log(), [] as [&str; 0]);
        assert_only_end_is_cancelled(&world);
    });
}

#[track_caller]
fn assert_only_end_is_cancelled(world: &World) {
    assert_eq!(world.closed_requests().ended(RequestEnd::Cancelled), 1);
    world.closed_ledger();
}

#[test]
fn who_asks_waits_and_handles_nothing_else_while_its_neighbours_do() {
    both(|mut world, other| {
        let (a, b, c) = (world.spawn(0), world.spawn(other), world.spawn(0));
        let asked = world.ask(a, &format!("ask {b} defer"));
        world.settle();
        world.tell(a, "log after the reply");
        world.tell(c, "log a neighbour");
        world.settle();
        assert_eq!(world.log(), ["a neighbour"]);
        assert!(!asked.is_ready());
        world.tell(b, "answer hello");
        world.settle();
        assert_eq!(world.log(), ["got hello", "after the reply"]);
        assert_eq!(text(asked.wait().unwrap()), "got hello");
        world.closed_requests();
        world.closed_ledger();
    });
}

#[test]
fn who_asks_goes_on_at_the_deadline() {
    both(|mut world, other| {
        let (a, b) = (world.spawn(0), world.spawn(other));
        world.told(a, &format!("ask {b} defer"));
        world.tell(a, "log afterwards");
        world.advance_ms(1003);
        assert_eq!(world.log(), ["error: no reply by the deadline", "afterwards"]);
        world.closed_ledger();
    });
}

#[test]
fn a_cycle_of_asks_is_refused_and_everybody_lives() {
    both(|mut world, other| {
        let (a, b, c) = (world.spawn(0), world.spawn(other), world.spawn(0));
        const CYCLE: &str = "error: a cycle of requests: the callee waits for the caller";
        assert_eq!(text(world.ask_now(a, &format!("ask {a} echo x"))), CYCLE, "oneself");
        let two = text(world.ask_now(a, &format!("ask {b} ask {a} echo x")));
        assert_eq!(two, format!("got {CYCLE}"));
        let three = text(world.ask_now(a, &format!("ask {b} ask {c} ask {a} echo x")));
        assert_eq!(three, format!("got got {CYCLE}"));
        let straight = text(world.ask_now(a, &format!("ask {b} ask {c} echo x")));
        assert_eq!(straight, "got got x");
        world.closed_requests();
        world.closed_ledger();
    });
}

#[test]
fn who_is_killed_while_it_waits_fails_the_message_that_it_was_at() {
    both(|mut world, other| {
        let (a, b) = (world.spawn(0), world.spawn(other));
        let asked = world.ask(a, &format!("ask {b} defer"));
        world.settle();
        world.stop(a, Shutdown::BrutalKill);
        assert_eq!(asked.wait().unwrap(), Err(RequestError::CalleeExited(ExitReason::Killed)));
        world.ask_now(b, "answer x").unwrap();
        let ledger = world.closed_ledger();
        assert_eq!(ledger.failed, 1);
        world.closed_requests();
    });
}

#[test]
fn who_pauses_lets_its_neighbours_go_first() {
    both(|mut world, other| {
        let (a, b) = (world.spawn(other), world.spawn(other));
        world.tell(a, "pause");
        world.tell(a, "log next");
        world.tell(b, "log neighbour");
        world.settle();
        assert_eq!(world.log(), ["pausing", "neighbour", "going on", "next"]);
        assert_eq!(world.closed_ledger().handled, 3);
    });
}

#[test]
fn replies_overtake_requests() {
    both(|mut world, other| {
        let (a, b) = (world.spawn(0), world.spawn(other));
        world.tell(a, &format!("request {b} 1000 echo reply"));
        if other == 1 {
            // The reply is in the ring before the messages come.
            world.shards[0].turn();
            world.shards[1].turn();
        }
        for number in 0..200 {
            world.tell(a, &format!("log {number}"));
        }
        world.settle();
        let log = world.log();
        let reply = log.iter().position(|line| line == "got reply").unwrap();
        let slice = ShardConfig::default().slice_messages_max;
        assert!(reply <= slice, "it waited for {reply} of the messages");
        world.closed_ledger();
    });
}

#[test]
fn requests_that_wait_are_bounded_per_actor() {
    let quotas = Quotas { requests_max: 2, deferred_max: 3, ..Quotas::default() };
    super::talker::both_with(ShardConfig { quotas, ..ShardConfig::default() }, |mut world, other| {
        let (a, b) = (world.spawn(0), world.spawn(other));
        for _ in 0..2 {
            world.tell(a, &format!("request {b} 1000 log x"));
        }
        world.tell(b, "pause");
        let over = world.ask(a, &format!("request {b} 1000 log x"));
        world.shards[0].turn();
        assert_eq!(text(over.wait().unwrap()), "refused: over requests_max (2)");
        world.settle();
        let callers: Vec<_> = (0..4).map(|_| world.spawn(0)).collect();
        world.log();
        for caller in callers {
            world.tell(caller, &format!("request {b} 100 defer"));
        }
        world.settle();
        assert_eq!(world.log(), ["got nothing to defer"], "the fourth is answered");
        world.advance_ms(200);
        world.log();
        let again = world.spawn(0);
        assert_eq!(world.told(again, &format!("request {b} 100 defer")), [] as [&str; 0]);
    });
}
