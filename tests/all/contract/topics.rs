//! `topics` and `subscriber`: publish, subscribe with wildcards, unsubscribe.

use super::*;

#[test]
fn what_is_published_comes_to_those_whose_filters_match() {
    on_stage(|stage| {
        let (a, b) = stage.pair();
        let c = stage.puppet(stage.far());
        for (puppet, filter) in [(b, "weather.*.rain"), (b, "weather.oslo.>"), (c, "weather.>")] {
            assert_eq!(stage.say(puppet, format!("subscribe {filter}")), "ok");
        }
        // Its filters reach the other shard on the way that its messages do.
        for puppet in [b, c] {
            stage.say(puppet, format!("send {} note ready", at(a)));
        }
        stage.hears(a, 2);
        for (subject, text) in [
            ("weather.oslo.rain", "1"),
            ("weather.bergen.rain", "2"),
            ("weather.oslo.wind.north", "3"),
            ("weather", "4"),
            ("sports.oslo.rain", "5"),
            ("weather.bergen.wind", "6"),
        ] {
            assert_eq!(stage.say(a, format!("publish {subject} {text}")), "ok");
        }
        let heard = |numbers: &[(&str, u32)]| -> Vec<String> {
            numbers
                .iter()
                .map(|(subject, number)| format!("published weather.{subject} {} {number}", at(a)))
                .collect()
        };
        // Each of its filters that matches brings a copy.
        let twice = ("oslo.rain", 1);
        let for_b = heard(&[twice, twice, ("bergen.rain", 2), ("oslo.wind.north", 3)]);
        let for_c =
            heard(&[("oslo.rain", 1), ("bergen.rain", 2), ("oslo.wind.north", 3), ("bergen.wind", 6)]);
        assert_eq!(stage.hears(c, 4), for_c);
        assert_eq!(stage.hears(b, 4), for_b);
    });
}

#[test]
fn after_unsubscribing_nothing_more_comes() {
    on_stage(|stage| {
        let (a, b) = stage.pair();
        assert_eq!(stage.say(b, "subscribe a.b"), "ok");
        assert_eq!(stage.say(b, "subscribe a.*"), "ok");
        assert_eq!(stage.say(b, "subscribe end"), "ok");
        stage.say(b, format!("send {} note ready", at(a)));
        stage.hears(a, 1);
        stage.say(a, "publish a.b 1");
        stage.hears(b, 2);
        assert_eq!(stage.say(b, "unsubscribe a.b"), "ok");
        stage.say(b, format!("send {} note one less", at(a)));
        stage.hears(a, 2);
        stage.say(a, "publish a.b 2");
        stage.hears(b, 3);
        assert_eq!(stage.say(b, "unsubscribe a.*"), "ok");
        stage.say(b, format!("send {} note none", at(a)));
        stage.hears(a, 3);
        stage.say(a, "publish a.b 3");
        stage.say(a, "publish end 4");
        let line = |(subject, number): &(&str, u32)| format!("published {subject} {} {number}", at(a));
        let heard: Vec<_> = [("a.b", 1), ("a.b", 1), ("a.b", 2), ("end", 4)].iter().map(line).collect();
        assert_eq!(stage.hears(b, 4), heard);
        assert!(stage.say(b, "unsubscribe a.b").starts_with("error: TopicError::Other"));
    });
}

#[test]
fn what_is_wrong_with_a_subject_is_said() {
    let stage = Stage::plain();
    let a = stage.puppet(ShardId(0));
    for (command, why) in [
        ("publish a..b x", "a token is empty, at byte 2"),
        ("publish a.* x", "a wildcard is for filters"),
        ("publish $raddle.dead x", "the runtime's own"),
        ("subscribe a.>.b", "`>` is the last token"),
        ("unsubscribe ", "it is empty"),
    ] {
        let said = stage.say(a, command);
        assert!(said.contains("SubjectInvalid") && said.contains(why), "{command}: {said}");
    }
    closed(&shut_down(stage.runtime));
}

#[test]
fn subscriptions_end_with_the_incarnation() {
    on_stage(|stage| {
        let supervisor = supervisor(&stage.runtime, 100);
        let spawned = Spawn::new(stage.puppets.clone()).on(stage.far()).under(supervisor);
        // It subscribes anew whenever it starts.
        let b = spawn(&stage.runtime, spawned.config("init", "subscribe always"));
        assert_eq!(stage.say(b, "subscribe once"), "ok");
        assert!(ask(&stage.runtime, b, "trap").is_err());
        assert_eq!(stage.say(b, "restarts"), "1");
        let a = stage.puppet(ShardId(0));
        stage.say(b, format!("send {} note ready", at(a)));
        stage.hears(a, 1);
        stage.say(a, "publish once 1");
        stage.say(a, "publish always 2");
        assert_eq!(stage.hears(b, 1), [format!("published always {} 2", at(a))]);
        assert_eq!(stage.heard(b).len(), 1);
    });
}

#[test]
fn a_guest_without_the_export_gets_plain_messages() {
    on_stage(|stage| {
        let counter = actor_on(&stage.runtime, "counter", stage.far());
        stage.runtime.subscribe(counter, "count").wait_for(PATIENCE).unwrap();
        let a = stage.puppet(ShardId(0));
        for _ in 0..3 {
            stage.say(a, "publish count add 7");
        }
        assert!(stage.runtime.settle(PATIENCE));
        assert_eq!(stage.say(counter, "get"), "21");
    });
}

#[test]
fn a_failure_of_a_subscriber_is_counted_and_costs_nobody_else_anything() {
    let stage = Stage::plain();
    let a = stage.puppet(ShardId(0));
    for puppet in [a, stage.puppet(ShardId(1))] {
        stage.runtime.subscribe(puppet, "x").wait_for(PATIENCE).unwrap();
    }
    stage.say(a, "publish x reject");
    stage.say(a, "publish x fine");
    assert!(stage.runtime.settle(PATIENCE));
    assert_eq!(stage.heard(a), [format!("published x {} fine", at(a))]);
    let report = shut_down(stage.runtime);
    closed(&report);
    assert_eq!(report.shards.iter().map(|shard| shard.answered_with_failure).sum::<u64>(), 2);
}
