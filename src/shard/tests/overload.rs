//! What happens when there is too much: mailboxes, policies, pauses, and the four
//! deadlocks that such networks are known for.

use super::talker::{both_with, talkers};
use super::*;
use crate::actor::DeadReason;

fn bounded(messages_max: u32, overflow: Overflow) -> MailboxSpec {
    MailboxSpec { messages_max: Some(messages_max), overflow, ..Default::default() }
}

fn dead(world: &World, reason: DeadReason) -> u64 {
    world.ledger().dead_by_reason[reason as usize]
}

/// An actor that waits, so that its mailbox fills; and whom to tell `answer x`, so
/// that it goes on.
fn waiting(world: &mut World, shard: usize, mailbox: MailboxSpec) -> (ActorId, ActorId) {
    let (actor, answerer) = (world.spawn_with(shard, mailbox), world.spawn(shard));
    world.told(actor, &format!("ask {answerer} defer"));
    (actor, answerer)
}

#[test]
fn the_oldest_make_room_if_the_receiver_wants_it_so() {
    both_with(ShardConfig::default(), |mut world, other| {
        let (b, answerer) = waiting(&mut world, other, bounded(10, Overflow::DropOldest));
        let a = world.spawn(0);
        assert_eq!(world.ask_now(a, &format!("burst {b} 100")), Ok(Payload::empty()), "none is refused");
        world.told(answerer, "answer x");
        let ledger = world.closed_ledger();
        assert_eq!(ledger.dead_by_reason[DeadReason::MailboxFull as usize], 90);
    });
}

#[test]
fn what_is_left_is_the_newest_or_the_oldest() {
    for (overflow, first) in [(Overflow::DropOldest, 90), (Overflow::DropNewest, 0)] {
        both_with(ShardConfig::default(), |mut world, other| {
            let (b, answerer) = waiting(&mut world, other, bounded(10, overflow));
            let a = world.spawn(0);
            world.told(a, &format!("burst {b} 100"));
            let log = world.told(answerer, "answer x");
            let mut expected = vec!["got x".to_owned()];
            expected.extend((first..first + 10).map(|number| number.to_string()));
            assert_eq!(log, expected);
            assert_eq!(dead(&world, DeadReason::MailboxFull), 90);
            world.closed_ledger();
        });
    }
}

#[test]
fn a_request_that_makes_room_ends_at_once() {
    both_with(ShardConfig::default(), |mut world, other| {
        let (b, answerer) = waiting(&mut world, other, bounded(1, Overflow::DropOldest));
        let a = world.spawn(0);
        world.told(a, &format!("request {b} 1000 echo x"));
        let log = world.told(a, &format!("send {b} log newer"));
        assert_eq!(log, ["error: the request was dropped: mailbox-full"]);
        world.told(answerer, "answer x");
        world.closed_requests();
        world.closed_ledger();
    });
}

#[test]
fn bytes_are_bounded_as_messages_are() {
    let bounds = Bounds { mailbox_bytes_max: 1_000, ..Bounds::default() };
    let config = ShardConfig { bounds, ..ShardConfig::default() };
    for overflow in [Overflow::Reject, Overflow::DropOldest] {
        both_with(config, |mut world, other| {
            let (b, answerer) = waiting(&mut world, other, bounded(1_000, overflow));
            let a = world.spawn(0);
            let long = "x".repeat(300);
            for _ in 0..10 {
                world.told(a, &format!("send {b} log {long}"));
            }
            let log = world.told(answerer, "answer x");
            assert_eq!(log.len(), 1 + 3, "{overflow:?}");
            world.closed_ledger();
        });
    }
}

#[test]
fn a_mailbox_has_bounds_of_its_own() {
    both_with(ShardConfig::default(), |mut world, other| {
        let mailbox = MailboxSpec { bytes_max: Some(1_000), ..MailboxSpec::default() };
        let (b, answerer) = waiting(&mut world, other, mailbox);
        let (c, other_answerer) = waiting(&mut world, other, MailboxSpec::default());
        let a = world.spawn(0);
        let long = "x".repeat(300);
        for to in [b, c] {
            for _ in 0..10 {
                world.told(a, &format!("send {to} log {long}"));
            }
        }
        assert_eq!(world.told(answerer, "answer x").len(), 1 + 3);
        assert_eq!(world.told(other_answerer, "answer x").len(), 1 + 10);
        world.closed_ledger();
    });
}

#[test]
fn what_has_waited_too_long_in_a_mailbox_is_not_handled() {
    both_with(ShardConfig::default(), |mut world, other| {
        let mailbox =
            MailboxSpec { time_to_live_ns: std::num::NonZeroU64::new(5_000_000), ..MailboxSpec::default() };
        let (b, answerer) = waiting(&mut world, other, mailbox);
        let a = world.spawn(0);
        world.told(a, &format!("send {b} log stale"));
        // From outside, and as a request: bounded all the same.
        world.tell(b, "log stale");
        world.told(a, &format!("request {b} 1000 echo stale"));
        world.advance_ms(4);
        world.told(a, &format!("send {b} log fresh"));
        world.advance_ms(1);
        let log = world.told(answerer, "answer x");
        assert_eq!(log, ["got x", "fresh", "error: the request was dropped: expired"]);
        assert_eq!(dead(&world, DeadReason::Expired), 3);
        world.closed_requests();
        world.closed_ledger();
    });
}

#[test]
fn a_message_that_is_bounded_in_time_itself_waits_no_longer_in_a_mailbox_that_is() {
    both_with(ShardConfig::default(), |mut world, other| {
        let mailbox =
            MailboxSpec { time_to_live_ns: std::num::NonZeroU64::new(50_000_000), ..MailboxSpec::default() };
        let (b, answerer) = waiting(&mut world, other, mailbox);
        let a = world.spawn(0);
        world.told(a, &format!("within 3 {b} log stale"));
        world.told(a, &format!("within 60 {b} log fresh"));
        world.advance_ms(4);
        assert_eq!(world.told(answerer, "answer x"), ["got x", "fresh"]);
        assert_eq!(dead(&world, DeadReason::Expired), 1);
        world.closed_ledger();
    });
}

/// A sender whose receiver wants backpressure stops in the middle of its mail.
#[test]
fn a_sender_is_paused_while_its_receiver_has_too_much_to_do() {
    both_with(ShardConfig::default(), |mut world, other| {
        let (b, answerer) = waiting(&mut world, other, bounded(100, Overflow::Backpressure));
        let a = world.spawn(0);
        for number in 0..500 {
            world.tell(a, &format!("send {b} log {number}"));
            if number % 10 == 0 {
                // So that what another shard says has come in.
                for shard in &mut world.shards {
                    shard.turn();
                }
            }
        }
        world.settle();
        assert_eq!(world.log(), [] as [&str; 0]);
        let waiting = world.ledger().resident;
        assert!(waiting > 400, "its mail waits: {waiting}");
        assert_eq!(dead(&world, DeadReason::MailboxFull), 0);
        let pauses: u64 = world.shards.iter().map(|shard| shard.report().pauses).sum();
        assert!(pauses > 0);
        // It goes on when there is room again.
        world.tell(answerer, "answer x");
        world.settle();
        let mut expected = vec!["got x".to_owned()];
        expected.extend((0..500).map(|number| number.to_string()));
        assert_eq!(world.log(), expected, "all, and in order");
        assert_eq!(world.closed_ledger().refused, 0);
    });
}

/// What was under way from another shard has filled the mailbox beyond its bound.
#[test]
fn whoever_is_refused_by_a_receiver_that_presses_is_paused() {
    let mut world = talkers(2, ShardConfig::default());
    let (b, answerer) = waiting(&mut world, 0, bounded(10, Overflow::Backpressure));
    let (near, far) = (world.spawn(0), world.spawn(1));
    world.tell(far, &format!("burst {b} 30"));
    world.settle();
    assert!(world.ledger().resident > 30, "beyond its bound");
    for text in [&format!("send {b} log late"), "log going on"] {
        world.tell(near, text);
    }
    world.settle();
    assert_eq!(world.ledger().refused, 1);
    assert_eq!(world.log(), [] as [&str; 0], "it is paused");
    world.tell(answerer, "answer x");
    world.settle();
    let log = world.log();
    assert_eq!((log.len(), &*log[0]), (32, "got x"), "{log:?}");
    assert!(log.contains(&"going on".to_owned()));
    assert_eq!(world.closed_ledger().refused, 1);
}

#[test]
fn nobody_is_paused_for_what_it_sends_to_itself() {
    let mut world = talkers(1, ShardConfig::default());
    let a = world.spawn_with(0, bounded(20, Overflow::Backpressure));
    assert_eq!(world.told(a, &format!("burst {a} 15")).len(), 15);
    assert_eq!(world.shards[0].report().pauses, 0);
    world.closed_ledger();
}

#[test]
fn a_paused_sender_can_be_stopped_and_its_receiver_too() {
    both_with(ShardConfig::default(), |mut world, other| {
        for stops_receiver in [true, false] {
            let (b, _answerer) = waiting(&mut world, other, bounded(10, Overflow::Backpressure));
            let a = world.spawn(0);
            world.told(a, &format!("burst {b} 8"));
            world.tell(a, &format!("send {b} log once more"));
            world.tell(a, "log going on");
            world.settle();
            assert_eq!(world.log(), [] as [&str; 0], "it is paused");
            if stops_receiver {
                world.stop(b, Shutdown::BrutalKill);
                assert_eq!(world.log(), ["going on"], "nothing to wait for");
            } else {
                world.stop(a, Shutdown::default());
                assert_eq!(world.log(), [] as [&str; 0]);
                world.stop(b, Shutdown::BrutalKill);
            }
            world.closed_ledger();
        }
    });
}

#[test]
fn senders_that_press_each_other_never_wait_in_a_circle() {
    both_with(ShardConfig::default(), |mut world, other| {
        let spec = bounded(40, Overflow::Backpressure);
        let ring: Vec<ActorId> =
            (0..3).map(|index| world.spawn_with(if index == 1 { other } else { 0 }, spec)).collect();
        // Each sends to the next one more than makes it press, again and again.
        for round in 0..200 {
            for index in 0..3 {
                let next = ring[(index + 1) % 3];
                world.tell(ring[index], &format!("burst {next} 12"));
            }
            if round % 7 == 0 {
                for shard in &mut world.shards {
                    shard.turn();
                }
            }
        }
        world.settle();
        let ledger = world.closed_ledger();
        assert_eq!(ledger.handled + ledger.failed + ledger.dead(), ledger.accepted);
        assert!(ledger.handled >= 600, "{ledger:?}");
        let pauses: u64 = world.shards.iter().map(|shard| shard.report().pauses).sum();
        assert!(pauses > 0, "or the test tests nothing");
    });
}

/// Deadlock 1, store-and-forward: each shard's way to the other is full of what the
/// other cannot take. Remedy: what came in is taken in before anything goes out.
#[test]
fn two_shards_that_are_full_to_each_other_come_to_rest() {
    let bounds = Bounds { outbox_messages_max: 1_000, mailbox_messages_max: 5_000, ..Bounds::default() };
    let config = ShardConfig { bounds, turn_messages_max: 4_096, ..ShardConfig::default() };
    let mut world = talkers(2, config);
    let (a, b) = (world.spawn(0), world.spawn(1));
    world.log();
    world.tell(a, &format!("burst {b} 1000"));
    world.tell(b, &format!("burst {a} 1000"));
    // Both send before either takes in: 256 slots each way, and 744 in each outbox.
    world.shards[0].turn();
    world.shards[1].turn();
    assert!(world.shards.iter().all(|shard| shard.local.post.borrow().outlets.has_waiting()));
    world.settle();
    assert_eq!(world.log().len(), 2_000);
    world.closed_ledger();
}

/// Deadlock 2, progeny: replies compete with requests for room. Remedy: a lane of
/// their own, reserved with the request.
#[test]
fn replies_get_through_where_requests_have_no_room() {
    let bounds = Bounds { outbox_messages_max: 300, mailbox_messages_max: 400, ..Bounds::default() };
    let mut world = talkers(2, ShardConfig { bounds, ..ShardConfig::default() });
    let (a, b) = (world.spawn(0), world.spawn(1));
    let callers: Vec<_> = (0..50).map(|index| world.spawn(index % 2)).collect();
    for caller in &callers {
        let callee = if caller.shard() == ShardId(0) { b } else { a };
        world.tell(*caller, &format!("request {callee} 1000 echo reply"));
    }
    // The lanes of messages are full, both ways, and the mailboxes overflow.
    world.tell(a, &format!("burst {b} 2000"));
    world.tell(b, &format!("burst {a} 2000"));
    world.settle();
    let log = world.log();
    let outcomes = log.iter().filter(|line| line.starts_with("got ") || line.starts_with("error: ")).count();
    assert_eq!(outcomes, 50);
    world.closed_requests();
    world.closed_ledger();
}

/// Deadlock 3, copy-release: what is sent is held until it is acknowledged, and the
/// acknowledgement waits behind what is held. Remedy: nothing is held; a message
/// that has left is the receiver's, so a sender of many needs no answer for any.
#[test]
fn room_that_a_message_took_is_free_once_it_has_left() {
    let bounds = Bounds { outbox_messages_max: 100, mailbox_messages_max: 100_000, ..Bounds::default() };
    let mut world = talkers(2, ShardConfig { bounds, ..ShardConfig::default() });
    let (a, b) = (world.spawn(0), world.spawn(1));
    // The receiver never turns: nothing is ever acknowledged.
    let mut accepted = 0;
    loop {
        let burst = world.ask(a, &format!("burst {b} 50"));
        world.shards[0].turn();
        let answer = burst.wait().unwrap().unwrap();
        if !answer.is_empty() {
            break;
        }
        accepted += 50;
    }
    assert!(accepted >= 256, "the ring and the outbox take {accepted}");
    // And from one turn of the receiver on, the sender can go on.
    world.settle();
    assert_eq!(world.ask_now(a, &format!("burst {b} 50")), Ok(Payload::empty()));
    world.closed_ledger();
}

/// Deadlock 4, pacing: the word that there is room again is stuck behind the data
/// that waits for it. Remedy: it takes the lane of signals, which overtakes.
#[test]
fn the_end_of_a_pause_is_heard_over_a_full_way() {
    let bounds = Bounds { outbox_messages_max: 2_000, ..Bounds::default() };
    let mut world = talkers(2, ShardConfig { bounds, ..ShardConfig::default() });
    let (b, answerer) = waiting(&mut world, 1, bounded(100, Overflow::Backpressure));
    let (a, flooder, sink) = (world.spawn(0), world.spawn(1), world.spawn(0));
    for number in 0..200 {
        world.tell(a, &format!("send {b} log {number}"));
        if number % 10 == 0 {
            world.shards[0].turn();
            world.shards[1].turn();
        }
    }
    world.settle();
    assert!(world.ledger().resident > 100, "the sender is paused");
    world.log();
    // The way back is full of messages, and stays so: the sender's shard takes in one
    // ring of them at a time.
    world.tell(flooder, &format!("burst {sink} 2000"));
    world.tell(answerer, "answer x");
    world.shards[1].turn();
    world.shards[1].turn();
    assert!(world.shards[1].local.post.borrow().outlets.has_waiting(), "the way back is full");
    world.shards[0].turn();
    let is_on = world.shards[0].report().ledger.resident < 150;
    assert!(is_on, "after one turn, though {} messages are on the way", 2_000);
    world.settle();
    let log = world.log();
    assert_eq!(log.iter().filter(|line| line.parse::<u32>().is_ok()).count(), 200 + 2_000);
    world.closed_ledger();
}

#[test]
fn a_full_mailbox_is_shown_to_outside_threads_until_a_quarter_is_free() {
    let mut world = talkers(1, ShardConfig::default());
    let (b, answerer) = waiting(&mut world, 0, bounded(100, Overflow::Reject));
    let is_full = |world: &World| world.outside[0].rooms.is_full(b.slot());
    for number in 0..99 {
        world.tell(b, &format!("log {number}"));
    }
    world.settle();
    assert!(!is_full(&world));
    // What was under way is taken: its senders were told so.
    for number in 99..150 {
        world.tell(b, &format!("log {number}"));
    }
    world.settle();
    assert!(is_full(&world));
    let (done, room) = reply_slot();
    assert!(world.outside[0].injector.push(Command::AwaitRoom(b, done)).is_ok());
    world.settle();
    assert!(!room.is_ready());
    // It takes 32 at a time.
    world.tell(answerer, "answer x");
    while world.ledger().resident > 100 {
        world.shards[0].turn();
        assert_eq!(is_full(&world), world.ledger().resident > 75);
    }
    world.settle();
    assert!(!is_full(&world));
    assert_eq!(room.wait(), Ok(()));
    assert_eq!(world.log().len(), 151);
    assert_eq!(world.closed_ledger().dead(), 0);
}

#[test]
fn who_waits_for_room_hears_of_the_end_of_the_receiver() {
    let mut world = talkers(1, ShardConfig::default());
    let (b, _answerer) = waiting(&mut world, 0, bounded(1, Overflow::Reject));
    world.tell(b, "log x");
    let (done, room) = reply_slot();
    world.settle();
    assert!(world.outside[0].injector.push(Command::AwaitRoom(b, done)).is_ok());
    world.settle();
    assert!(!room.is_ready());
    world.stop(b, Shutdown::BrutalKill);
    assert_eq!(room.wait(), Ok(()));
    assert!(!world.outside[0].rooms.is_full(b.slot()));
    world.closed_ledger();
}
