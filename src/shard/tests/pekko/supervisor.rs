//! `SupervisorSpec`

use super::*;

fn single(strategy: Strategy, test: impl Fn(World)) {
    both(|mut world, other| {
        let children = vec![worker(&world, other, "a")];
        supervise(&mut world, spec(strategy, 3, 5_000), children);
        test(world);
    });
}

fn multiple(strategy: Strategy, test: impl Fn(World)) {
    both(|mut world, other| {
        let children = vec![worker(&world, 0, "a"), worker(&world, other, "b"), worker(&world, 0, "c")];
        supervise(&mut world, spec(strategy, 3, 5_000), children);
        test(world);
    });
}

/// `a` beside a supervisor that lets nothing pass, which has `b` and `c`.
fn nested(test: impl Fn(World)) {
    both(|mut world, other| {
        let tree = Tree {
            spec: spec(Strategy::OneForAll, 0, 5_000),
            children: vec![worker(&world, 0, "b"), worker(&world, other, "c")],
        };
        let middle = ChildSource::Supervisor { shard: ShardId(other as u16), tree: Arc::new(tree) };
        let children = vec![worker(&world, 0, "a"), ChildSpec::supervisor("middle", middle)];
        supervise(&mut world, spec(Strategy::OneForAll, 3, 5_000), children);
        test(world);
    });
}

fn ping_all(world: &mut World) {
    for name in ["a", "b", "c"] {
        ping(world, name);
    }
}

#[test]
fn not_restart_child_more_times_than_permitted() {
    both(|mut world, other| {
        let children = vec![worker(&world, other, "a")];
        supervise(&mut world, spec(Strategy::OneForOne, 0, 5_000), children);
        kill(&mut world, "a", &[]);
        assert_eq!(whereis(&world, "a"), None);
    });
}

#[test]
fn not_restart_temporary_actor() {
    both(|mut world, other| {
        let children = vec![worker(&world, other, "a").restart(Restart::Temporary)];
        let supervisor = supervise(&mut world, spec(Strategy::OneForAll, 0, 5_000), children);
        kill(&mut world, "a", &[]);
        assert_eq!(whereis(&world, "a"), None);
        assert!(world.child(supervisor, 0, ChildPolicy::default(), "b").is_ok(), "it is at work");
    });
}

#[test]
fn start_server_for_nested_supervisor_hierarchy() {
    nested(|mut world| ping(&mut world, "a"));
}

#[test]
fn kill_single_actor_one_for_one() {
    single(Strategy::OneForOne, |mut world| kill(&mut world, "a", &["a 1"]));
}

#[test]
fn call_kill_call_single_actor_one_for_one() {
    single(Strategy::OneForOne, |mut world| {
        ping(&mut world, "a");
        kill(&mut world, "a", &["a 1"]);
        ping(&mut world, "a");
    });
}

#[test]
fn kill_single_actor_all_for_one() {
    single(Strategy::OneForAll, |mut world| kill(&mut world, "a", &["a 1"]));
}

#[test]
fn call_kill_call_single_actor_all_for_one() {
    single(Strategy::OneForAll, |mut world| {
        ping(&mut world, "a");
        kill(&mut world, "a", &["a 1"]);
        ping(&mut world, "a");
    });
}

#[test]
fn kill_multiple_actors_one_for_one_1() {
    multiple(Strategy::OneForOne, |mut world| kill(&mut world, "a", &["a 1"]));
}

#[test]
fn kill_multiple_actors_one_for_one_2() {
    multiple(Strategy::OneForOne, |mut world| kill(&mut world, "c", &["c 1"]));
}

#[test]
fn call_kill_call_multiple_actors_one_for_one() {
    multiple(Strategy::OneForOne, |mut world| {
        ping_all(&mut world);
        kill(&mut world, "b", &["b 1"]);
        ping_all(&mut world);
    });
}

#[test]
fn kill_multiple_actors_all_for_one() {
    multiple(Strategy::OneForAll, |mut world| kill(&mut world, "b", &["a 1", "b 1", "c 1"]));
}

#[test]
fn call_kill_call_multiple_actors_all_for_one() {
    multiple(Strategy::OneForAll, |mut world| {
        ping_all(&mut world);
        kill(&mut world, "b", &["a 1", "b 1", "c 1"]);
        ping_all(&mut world);
    });
}

#[test]
fn one_way_kill_single_actor_one_for_one() {
    single(Strategy::OneForOne, |mut world| {
        let actor = whereis(&world, "a").unwrap();
        world.log();
        world.tell(actor, "trap");
        world.settle();
        assert_eq!(world.log(), ["start a 1"]);
    });
}

#[test]
fn one_way_call_kill_call_single_actor_one_for_one() {
    single(Strategy::OneForOne, |mut world| {
        let actor = whereis(&world, "a").unwrap();
        world.log();
        for what in ["log ping", "trap", "log ping"] {
            world.tell(actor, what);
        }
        world.settle();
        assert_eq!(world.log(), ["ping", "start a 1", "ping"]);
        assert_eq!(world.closed_ledger().failed, 1);
    });
}

/// The middle one gives up at once, and is restarted with what it begins with: its
/// children are new ones, the other is restarted.
#[test]
fn restart_killed_actors_in_nested_supervisor_hierarchy() {
    nested(|mut world| {
        ping_all(&mut world);
        kill(&mut world, "b", &["a 1", "b 0", "c 0"]);
        ping_all(&mut world);
    });
}

#[test]
fn attempt_restart_when_exception_during_restart() {
    // The first start is good, the restart after the failure is not, the next one is.
    both_with_failing_starts(&[false, true], |mut world, other| {
        let children = vec![worker(&world, other, "a")];
        supervise(&mut world, spec(Strategy::OneForOne, 3, 10_000), children);
        kill(&mut world, "a", &["a 2"]);
        ping(&mut world, "a");
    });
}

/// An exit that meets its supervisor in the middle of a restart is not lost: all are
/// up again in the end, once.
#[test]
fn not_lose_system_messages_when_a_non_fatal_exception_occurs_when_processing_a_system_message() {
    both_with_failing_starts(&[false, false, false, true], |mut world, other| {
        let children = vec![worker(&world, 0, "a"), worker(&world, other, "b"), worker(&world, 0, "c")];
        supervise(&mut world, spec(Strategy::OneForAll, 10, 10_000), children);
        let [a, b, c] = ["a", "b", "c"].map(|name| whereis(&world, name).unwrap());
        world.tell(a, "trap");
        world.tell(b, "trap");
        world.tell(c, "panic");
        world.settle();
        ping_all(&mut world);
        let reports: Vec<_> = world.shards.iter().map(Shard::report).collect();
        assert_eq!(reports.iter().map(|report| report.actors).sum::<u64>(), 3);
        let failed_starts =
            reports.iter().filter_map(|report| report.exits_by_label.get("start-failed")).sum::<u64>();
        assert_eq!(failed_starts, 1);
        world.closed_ledger();
    });
}
