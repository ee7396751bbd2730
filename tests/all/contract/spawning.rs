//! `processes.spawn`: guests that start guests.

use raddle::wasm::{Limits, Patterns};

use super::*;

#[test]
fn a_guest_spawns_another_one_and_talks_to_it_at_once() {
    on_stage(|stage| {
        for shard in [ShardId(0), stage.far()] {
            let a = stage.puppet(shard);
            let b = stage.number(a, "spawn puppet - - init=note born");
            let b = ActorId::from_bits(b).unwrap();
            assert_eq!(b.shard(), shard, "on its own shard");
            assert_eq!(stage.say(a, format!("send {} note first", at(b))), "ok");
            assert_eq!(stage.hears(b, 2), ["note born", "note first"]);
            assert_eq!(stage.number(b, "id"), at(b));
        }
        let a = stage.puppet(ShardId(0));
        let said = stage.say(a, "spawn nothing - -");
        assert_eq!(said, "error: ProcessError::NoSuchComponent(\"nothing\")");
    });
}

#[test]
fn it_has_its_name_everywhere_before_it_handles_anything() {
    on_stage(|stage| {
        let (a, far) = stage.pair();
        let own_name = "init=lookup worker.1";
        let b = stage.number(a, format!("spawn puppet worker.1 - {own_name}"));
        let b = ActorId::from_bits(b).unwrap();
        assert_eq!(stage.number(b, "id"), at(b));
        assert_eq!(stage.number(far, "lookup worker.1"), at(b));
        // The name is taken: whoever is linked to the second one is told.
        stage.say(a, "trap-exits on");
        let c = stage.number(a, "spawn puppet worker.1 linked");
        let heard = stage.hears(a, 1);
        assert!(
            heard[0].starts_with(&format!("exit {c} failed start-failed: the name `worker.1` is taken")),
            "{heard:?}"
        );
        assert_eq!(stage.number(far, "lookup worker.1"), at(b));
        for bad in ["worker..1", "$worker", "worker.*"] {
            let said = stage.say(a, format!("spawn puppet {bad} -"));
            assert!(said.starts_with("error: ProcessError::Other"), "{said}");
        }
    });
}

#[test]
fn a_start_that_fails_is_told_to_links_and_monitors() {
    on_stage(|stage| {
        let a = stage.puppet(ShardId(0));
        stage.say(a, "trap-exits on");
        let b = stage.number(a, "spawn puppet - linked refuse=yes");
        let heard = stage.hears(a, 1);
        assert!(heard[0].starts_with(&format!("exit {b} failed start-failed:")), "{heard:?}");
        assert!(heard[0].contains("told to refuse"), "{heard:?}");
        stage.say(a, "trap-exits off");
        // The end of its child may come before its reply, where it gives way at a tick.
        stage.tell(a, "spawn puppet - linked init=trap");
        stage.is_gone(a);
    });
}

#[test]
fn the_linked_go_with_their_parent_and_the_others_stay() {
    on_stage(|stage| {
        let a = stage.puppet(stage.far());
        let linked = ActorId::from_bits(stage.number(a, "spawn puppet - linked")).unwrap();
        let alone = ActorId::from_bits(stage.number(a, "spawn puppet - -")).unwrap();
        assert!(ask(&stage.runtime, a, "trap").is_err());
        stage.is_gone(linked);
        assert_eq!(stage.number(alone, "id"), at(alone));
        // The parent ends before its child is up.
        let a = stage.puppet(stage.far());
        let doomed = spawn(
            &stage.runtime,
            Spawn::new(stage.puppets.clone()).on(stage.far()).config("init", "spawn puppet - linked;exit"),
        );
        stage.is_gone(doomed);
        assert_eq!(stage.number(a, "id"), at(a));
    });
}

/// A stage whose puppets may do only so much.
fn limited(limits: Limits, spawn: &[&str]) -> Stage {
    let mut stage = Stage::plain();
    let mut profile = Profile::of(TrustLevel::Untrusted);
    profile.limits = limits;
    profile.grants.spawn = Patterns::parse(spawn.iter().copied()).unwrap();
    stage.puppets = puppets(&stage.runtime, profile);
    stage.runtime.provide("puppet", &stage.puppets);
    stage
}

#[test]
fn what_is_not_granted_is_denied_with_what_would_have_to_be_granted() {
    let stage = limited(Limits::default(), &[]);
    let a = stage.puppet(ShardId(0));
    let said = stage.say(a, "spawn puppet - -");
    assert!(said.contains("AccessDenied") && said.contains("it may not spawn `puppet`"), "{said}");
    assert!(said.contains(r#"spawn = [\"puppet\"]"#) && said.contains("[component.puppet.grants]"), "{said}");
    let b = stage.named(ShardId(1), "b");
    assert_eq!(stage.number(a, "lookup b"), at(b));
    for command in ["link", "exit-other"] {
        let said = stage.say(a, format!("{command} {} killed", at(b)));
        assert!(said.contains("it may not link to `b`") && said.contains(r#"link = [\"b\"]"#), "{said}");
    }
    let said = stage.say(a, format!("monitor {}", at(b)));
    assert!(said.contains("it may not send to `b`"), "{said}");
    assert_eq!(stage.number(b, "id"), at(b), "nothing has happened to it");
    closed(&shut_down(stage.runtime));
}

#[test]
fn a_parent_may_do_all_to_its_children_and_a_name_needs_its_grant() {
    let stage = limited(Limits::default(), &["puppet"]);
    let a = stage.puppet(ShardId(0));
    let b = ActorId::from_bits(stage.number(a, "spawn puppet - -")).unwrap();
    let monitor = stage.number(a, format!("monitor {}", at(b)));
    assert_eq!(stage.say(a, format!("send {} note hello", at(b))), "ok");
    assert_eq!(stage.hears(b, 1), ["note hello"]);
    assert_eq!(stage.say(a, format!("exit-other {} enough", at(b))), "ok");
    assert_eq!(stage.hears(a, 1), [format!("down {monitor} {} failed enough", at(b))]);
    let said = stage.say(a, "spawn puppet squatter -");
    assert!(said.contains(r#"register = [\"squatter\"]"#), "{said}");
    closed(&shut_down(stage.runtime));
}

#[test]
fn there_are_only_so_many_descendants() {
    let stage = limited(Limits { children_max: 3, ..Limits::default() }, &["puppet"]);
    let a = stage.puppet(ShardId(1));
    let child = |parent| ActorId::from_bits(stage.number(parent, "spawn puppet - -")).unwrap();
    let (b, c) = (child(a), child(a));
    let d = child(b);
    for parent in [a, b, c, d] {
        let said = stage.say(parent, "spawn puppet - -");
        assert!(
            said.contains("QuotaExceeded") && said.contains("children_max") && said.contains('3'),
            "{said}"
        );
    }
    // Also for the next incarnation, and for those whose parent is gone.
    assert!(ask(&stage.runtime, b, "trap").is_err());
    stage.is_gone(b);
    let e = child(d);
    assert!(stage.say(e, "spawn puppet - -").contains("QuotaExceeded"));
    for puppet in [c, d, e] {
        let _ = ask(&stage.runtime, puppet, "exit");
        stage.is_gone(puppet);
    }
    for _ in 0..3 {
        child(a);
    }
    assert!(stage.say(a, "spawn puppet - -").contains("QuotaExceeded"));
    closed(&shut_down(stage.runtime));
}

#[test]
fn there_are_only_so_many_links_and_monitors() {
    let mut limits = Limits { relations_max: 4, ..Limits::default() };
    limits.children_max = 100;
    let stage = limited(limits, &["puppet"]);
    let a = stage.puppet(ShardId(0));
    let b = ActorId::from_bits(stage.number(a, "spawn puppet - linked")).unwrap();
    let monitors: Vec<_> = (0..3).map(|_| stage.number(a, format!("monitor {}", at(b)))).collect();
    for command in [format!("monitor {}", at(b)), "spawn puppet - linked".into()] {
        let said = stage.say(a, command);
        assert!(said.contains("QuotaExceeded") && said.contains("relations_max: 4"), "{said}");
    }
    assert_eq!(stage.say(a, format!("demonitor {}", monitors[0])), "true");
    stage.number(a, format!("monitor {}", at(b)));
    closed(&shut_down(stage.runtime));
}

#[test]
fn those_that_spawn_without_end_leave_time_for_others() {
    // Each spawns the next one in its start, and goes.
    let stage = limited(Limits { children_max: 8, ..Limits::default() }, &["puppet"]);
    let looping = "spawn puppet - - init=exit;exit";
    let a = stage.puppet(ShardId(0));
    for _ in 0..200 {
        let _ = stage.say(a, looping);
    }
    let b = stage.puppet(ShardId(0));
    assert_eq!(stage.number(b, "id"), at(b));
    closed(&shut_down(stage.runtime));
}
