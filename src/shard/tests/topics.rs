//! Topics and groups. Every test runs with the others on the same shard and on
//! another one.

use super::talker::{both, both_with};
use super::*;
use crate::actor::{DeadReason, Filter, Subject};

#[test]
fn who_has_subscribed_gets_what_matches_and_is_told_the_subject() {
    both(|mut world, other| {
        let (a, b) = (world.spawn(0), world.spawn(other));
        world.told(b, "subscribe weather.*");
        assert_eq!(world.told(a, "publish weather.north rain"), ["weather.north: rain"]);
        assert_eq!(world.told(a, "publish weather.north.west rain"), [] as [&str; 0]);
        assert_eq!(text(world.ask_now(b, "unsubscribe weather.*")), "true");
        assert_eq!(text(world.ask_now(b, "unsubscribe weather.*")), "false");
        assert_eq!(world.told(a, "publish weather.north rain"), [] as [&str; 0]);
        let report = world.shards[0].report();
        assert_eq!((report.published, report.unheard), (3, 2));
        world.closed_ledger();
    });
}

#[test]
fn each_subscription_has_its_copy_and_each_copy_counts() {
    both(|mut world, other| {
        let a = world.spawn(0);
        for shard in [0, other, other] {
            let subscriber = world.spawn(shard);
            world.told(subscriber, "subscribe a.>");
            world.told(subscriber, "subscribe a.b");
            world.told(subscriber, "subscribe a.b");
        }
        assert_eq!(world.told(a, "publish a.b x"), vec!["a.b: x"; 6]);
        // 9 subscriptions, 1 that said publish, 6 copies.
        assert_eq!(world.closed_ledger().handled, 16);
    });
}

#[test]
fn bad_subjects_and_filters_are_errors_that_say_where() {
    both(|mut world, other| {
        let a = world.spawn(other);
        let answers: Vec<_> = ["publish a..b x", "publish a.* x", "subscribe a.>.b", "publish $raddle.x x"]
            .map(|what| text(world.ask_now(a, what)))
            .into();
        assert_eq!(
            answers,
            [
                "refused: `a..b` is no topic: a token is empty, at byte 2",
                "refused: `a.*` is no topic: a wildcard is for filters, not for what is published to, at byte 2",
                "refused: `a.>.b` is no topic: `>` is the last token or none, at byte 2",
                "refused: `$raddle.x` is no topic: what begins with `$` is the runtime's own, at byte 0",
            ]
        );
        world.closed_ledger();
    });
}

#[test]
fn what_one_sends_and_publishes_to_another_stays_in_order() {
    both(|mut world, other| {
        let (a, b) = (world.spawn(0), world.spawn(other));
        world.told(b, "subscribe n");
        for number in 0..500 {
            world.tell(a, &format!("send {b} log {number}"));
            world.tell(a, &format!("publish n {number}"));
        }
        world.settle();
        let expected: Vec<_> = (0..500).flat_map(|n| [n.to_string(), format!("n: {n}")]).collect();
        assert_eq!(world.log(), expected);
    });
}

#[test]
fn it_goes_once_to_a_shard_however_many_subscribers_there_are() {
    let mut world = super::talker::talkers(2, ShardConfig::default());
    let a = world.spawn(0);
    for _ in 0..100 {
        let subscriber = world.spawn(1);
        world.told(subscriber, "subscribe a");
    }
    world.tell(a, "publish a x");
    world.shards[0].turn();
    assert_eq!(world.shards[1].inlets.resident(), 1, "one in the ring");
    world.settle();
    assert_eq!(world.log().len(), 100);
    world.closed_ledger();
}

#[test]
fn a_slow_subscriber_loses_its_own_copies_and_nobody_elses() {
    both(|mut world, other| {
        let slow = world.spawn_with(other, MailboxSpec { messages_max: Some(10), ..Default::default() });
        let (fast, a) = (world.spawn(other), world.spawn(0));
        world.told(fast, "subscribe a");
        world.told(slow, "subscribe a");
        world.told(slow, &format!("ask {fast} defer"));
        for number in 0..50 {
            world.tell(a, &format!("publish a {number}"));
        }
        world.settle();
        let expected: Vec<_> = (0..50).map(|number| format!("a: {number}")).collect();
        assert_eq!(world.log(), expected, "all of the fast one's");
        let reports: Vec<_> = world.shards.iter().map(Shard::report).collect();
        let dead: u64 =
            reports.iter().map(|r| r.ledger.dead_by_reason[DeadReason::MailboxFull as usize]).sum();
        assert_eq!(dead, 40);
        assert_eq!(reports[other].dead_by_actor[&slow][DeadReason::MailboxFull as usize], 40);
        assert!(!reports[other].dead_by_actor.contains_key(&fast));
        world.told(fast, "answer x");
        world.closed_ledger();
    });
}

#[test]
fn subscriptions_end_with_the_incarnation_before_anyone_hears_of_it() {
    both(|mut world, other| {
        let (a, b) = (world.spawn(0), world.spawn(other));
        world.told(b, "subscribe a");
        world.told(b, "join g");
        world.stop(b, Shutdown::default());
        world.told(a, "publish a x");
        let nobody = text(world.ask_now(a, "one g log x"));
        assert_eq!(nobody, "refused: nobody is in the group `g`");
        let ledger = world.closed_ledger();
        assert_eq!(ledger.dead(), 0, "nobody was sent to: {ledger:?}");
    });
}

#[test]
fn who_restarts_subscribes_anew_and_what_a_host_gave_it_it_keeps() {
    both(|mut world, other| {
        let supervisor = world.supervisor(0, 10);
        let b = world.child(supervisor, other, ChildPolicy::default(), "b").unwrap();
        let a = world.spawn(0);
        let (done, subscribed) = reply_slot();
        let filter = Filter::parse("kept").unwrap();
        world.control(other, Control::Subscribe { actor: b, filter, done });
        world.settle();
        assert_eq!(subscribed.wait(), Ok(Ok(true)));
        world.told(b, "subscribe own");
        world.told(b, "trap");
        assert_eq!(world.told(a, "publish own x"), [] as [&str; 0]);
        assert_eq!(world.told(a, "publish kept x"), ["kept: x"]);
        let (done, subscribed) = reply_slot();
        let (filter, nobody) = (Filter::parse("kept").unwrap(), ActorId::new(ShardId(other as u16), 99, 1));
        world.control(other, Control::Subscribe { actor: nobody, filter, done });
        world.settle();
        assert_eq!(subscribed.wait(), Ok(Ok(false)));
    });
}

#[test]
fn once_a_host_is_told_that_it_has_subscribed_every_shard_knows() {
    let mut world = super::talker::talkers(3, ShardConfig::default());
    let (a, b) = (world.spawn(0), world.spawn(2));
    let (done, subscribed) = reply_slot();
    world.control(2, Control::Subscribe { actor: b, filter: Filter::parse("a").unwrap(), done });
    world.shards[2].turn();
    assert!(!subscribed.is_ready());
    while !subscribed.is_ready() {
        for shard in &mut world.shards {
            shard.turn();
        }
    }
    world.tell(a, "publish a x");
    world.settle();
    assert_eq!(world.log(), ["a: x"]);
}

#[test]
fn a_host_publishes_and_sends_to_groups() {
    both(|mut world, other| {
        let b = world.spawn(other);
        world.told(b, "subscribe a");
        world.told(b, "join g");
        let publish = |world: &mut World, attached: crate::actor::Attached, text: &str| {
            world.outside[0].counters.injected.add(1);
            let message =
                Message { attached: Some(Arc::new(attached)), payload: text.into(), ..Message::default() };
            assert!(world.outside[0].injector.push(Command::Tell(message)).is_ok());
            world.settle();
            world.log()
        };
        let subject = |text: &str| Subject::parse(text).unwrap();
        use crate::actor::{Attached, Pick};
        assert_eq!(publish(&mut world, Attached::Topic(subject("a")), "x"), ["a: x"]);
        assert_eq!(publish(&mut world, Attached::Topic(subject("nobody")), "x"), [] as [&str; 0]);
        for pick in [Pick::One, Pick::All, Pick::Key([7].into())] {
            assert_eq!(publish(&mut world, Attached::Group(subject("g"), pick), "log x"), ["x"]);
        }
        assert_eq!(world.closed_ledger().dead(), 0);
        publish(&mut world, Attached::Group(subject("nobody"), Pick::One), "log x");
        assert_eq!(world.closed_ledger().dead_by_reason[DeadReason::NoSuchActor as usize], 1);
    });
}

#[test]
fn groups_are_sent_to_one_all_and_by_key() {
    both(|mut world, other| {
        let a = world.spawn(0);
        let members: Vec<_> = (0..4).map(|i| world.spawn(if i % 2 == 0 { 0 } else { other })).collect();
        for member in &members {
            world.told(*member, "join g");
        }
        let mut sorted = members.clone();
        sorted.sort();
        assert_eq!(text(world.ask_now(a, "members g")), format!("{sorted:?}"));
        for _ in 0..8 {
            world.tell(a, "one g join turns");
        }
        world.settle();
        // Each has had it twice: so it takes two times to leave.
        for member in &members {
            let left = [(); 3].map(|()| text(world.ask_now(*member, "leave turns")));
            assert_eq!(left, ["true", "true", "false"]);
        }
        assert_eq!(text(world.ask_now(a, "all g log hello")), "4");
        assert_eq!(world.log(), vec!["hello"; 4]);
        // A key stays with its member, whoever sends.
        for key in ["k1", "k2", "k3", "k4", "k5"] {
            let group = format!("own-{key}");
            world.told(a, &format!("key g {key} join {group}"));
            world.told(members[1], &format!("key g {key} join {group}"));
            assert_eq!(text(world.ask_now(a, &format!("members {group}"))).matches('.').count(), 2, "one");
        }
        assert_eq!(text(world.ask_now(a, "key nobody k log x")), "refused: nobody is in the group `nobody`");
        world.closed_ledger();
    });
}

#[test]
fn one_of_a_group_that_has_no_room_is_passed_over() {
    let mut world = super::talker::talkers(1, ShardConfig::default());
    let (a, busy, free) = (world.spawn(0), world.spawn(0), world.spawn(0));
    let full = world.spawn_with(0, MailboxSpec { messages_max: Some(1), ..Default::default() });
    for member in [full, free] {
        world.told(member, "join g");
    }
    world.told(full, &format!("ask {busy} defer"));
    for number in 0..10 {
        world.tell(a, &format!("one g log {number}"));
    }
    world.settle();
    assert_eq!(world.log().len(), 9, "one is in the mailbox of the full one");
    let ledger = world.ledger();
    assert_eq!((ledger.dead(), ledger.refused), (0, 0), "{ledger:?}");
}

#[test]
fn names_and_addresses_are_routed_with_the_same_words() {
    both(|mut world, other| {
        let a = world.spawn(0);
        world.try_spawn(other, Some("b")).unwrap();
        assert_eq!(world.told(a, "name b log x"), ["x"]);
        assert_eq!(text(world.ask_now(a, "name nobody log x")), "refused: nobody is registered as `nobody`");
        world.closed_ledger();
    });
}

#[test]
fn subscriptions_and_memberships_are_bounded_per_actor() {
    let quotas = Quotas { subscriptions_max: 2, groups_max: 2, ..Quotas::default() };
    both_with(ShardConfig { quotas, ..ShardConfig::default() }, |mut world, other| {
        let a = world.spawn(other);
        for topic in ["a", "b"] {
            world.told(a, &format!("subscribe {topic}"));
            world.told(a, &format!("join {topic}"));
        }
        assert_eq!(text(world.ask_now(a, "subscribe c")), "refused: over subscriptions_max (2)");
        assert_eq!(text(world.ask_now(a, "join c")), "refused: over groups_max (2)");
    });
}

#[test]
fn dead_letters_are_a_topic() {
    both(|mut world, other| {
        let (a, b, watcher) = (world.spawn(0), world.spawn(other), world.spawn(0));
        world.told(watcher, "subscribe $raddle.dead.>");
        world.stop(b, Shutdown::default());
        world.tell(b, "log x");
        world.settle();
        assert_eq!(world.log(), [format!("$raddle.dead.stale-generation: stale-generation: 5 bytes to {b}")]);
        // A filter of all topics is not one of these.
        world.told(a, "subscribe >");
        world.tell(b, "log x");
        world.settle();
        assert_eq!(world.log().len(), 1);
        world.closed_ledger();
    });
}

#[test]
fn dead_letters_that_find_no_room_are_not_dead_letters_again() {
    let mut world = super::talker::talkers(1, ShardConfig::default());
    let watcher = world.spawn_with(0, MailboxSpec { messages_max: Some(2), ..Default::default() });
    let busy = world.spawn(0);
    let gone = world.spawn(0);
    world.told(watcher, "subscribe $raddle.dead.>");
    world.told(watcher, &format!("ask {busy} defer"));
    world.stop(gone, Shutdown::default());
    for _ in 0..10 {
        world.tell(gone, "log x");
    }
    world.settle();
    // 10 are dead, and 8 of the copies that say so.
    assert_eq!(world.ledger().dead(), 18);
    world.told(busy, "answer x");
    world.closed_ledger();
}

#[test]
fn payloads_are_shared_by_all_copies() {
    let mut world = super::talker::talkers(2, ShardConfig::default());
    let a = world.spawn(0);
    for shard in [0, 0, 1, 1] {
        let subscriber = world.spawn(shard);
        world.told(subscriber, "subscribe a");
    }
    let long = "x".repeat(1_000);
    assert_eq!(world.told(a, &format!("publish a {long}")), vec![format!("a: {long}"); 4]);
    world.closed_ledger();
}

#[test]
fn what_happens_is_published_by_kind() {
    both(|mut world, other| {
        let listener = world.spawn(0);
        world.told(listener, "subscribe $raddle.event.>");
        let only_ends = world.spawn(other);
        world.told(only_ends, "subscribe $raddle.event.exited");
        let supervisor = world.supervisor(0, 1);
        let child = world.child(supervisor, other, ChildPolicy::default(), "a").unwrap();
        let mut seen = world.log();
        // Who has subscribed to everything is told of nothing that is the runtime's own.
        world.told(only_ends, "subscribe >");
        for _ in 0..2 {
            world.tell(child, "trap");
            world.settle();
        }
        seen.extend(world.log());
        seen.sort();
        let supervisor_ends = format!("{supervisor} - too-many-restarts");
        let exited = format!("$raddle.event.exited: {child} a trap: told to");
        let mut expected = [
            exited.as_str(),
            &exited,
            &exited,
            &exited,
            &format!("$raddle.event.restarted: {child} a 1"),
            &format!("$raddle.event.started: {child} a 0"),
            // The listener has heard that the second one started.
            &format!("$raddle.event.supervisor-ends: {supervisor_ends}"),
            &format!("$raddle.event.supervisor-started: {supervisor} - 0"),
        ];
        expected.sort();
        seen.retain(|line| !line.contains(" - 0") || line.contains("supervisor"));
        assert_eq!(seen, expected);
        world.closed_ledger();
    });
}

#[test]
fn a_listener_without_room_loses_only_its_own_events() {
    let mut world = super::talker::talkers(1, ShardConfig::default());
    let supervisor = world.supervisor(0, 2);
    let listener = world.child(supervisor, 0, ChildPolicy::default(), "a").unwrap();
    world.told(listener, "subscribe $raddle.event.started");
    let slow = MailboxSpec { messages_max: Some(2), ..MailboxSpec::default() };
    let deaf = world.spawn_with(0, slow);
    world.told(deaf, "subscribe $raddle.event.started");
    world.told(deaf, &format!("ask {listener} defer"));
    for _ in 0..5 {
        world.spawn(0);
    }
    let heard = world.log().iter().filter(|line| line.starts_with("$raddle.event.started")).count();
    assert_eq!(heard, 5);
    world.advance_ms(2_000);
    // Two had room, the others are its own loss.
    assert_eq!(world.closed_ledger().dead_by_reason[DeadReason::MailboxFull as usize], 3);
}
