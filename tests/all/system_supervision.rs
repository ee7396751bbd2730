//! Supervision trees of real guests: strategies, trees, and what is asked of them
//! at run time.

use std::time::Duration;

use raddle::control::child_spec::{ChildAddress, Restart, SupervisorId};
use raddle::control::supervisor::{AutoShutdown, ChildError, ChildStatus, SpecError, Strategy};
use raddle::shard::{Extra, SpawnError};
use raddle::{ActorId, Handle, Runtime, ShardId, Spawn, Supervise};

use crate::support::*;

const HOUR: Duration = Duration::from_secs(3_600);

fn trapper(runtime: &Runtime, name: &str, shard: ShardId) -> Spawn {
    Spawn::new(load(runtime, "trapper")).name(name).on(shard)
}

/// Trappers called a, b and c: the second one on the last shard.
fn three(runtime: &Runtime, strategy: Strategy) -> Supervise {
    let last = last_shard(runtime);
    Supervise::new(strategy)
        .intensity(5, HOUR)
        .child(trapper(runtime, "a", ShardId(0)))
        .child(trapper(runtime, "b", last))
        .child(trapper(runtime, "c", ShardId(0)))
}

fn supervise(runtime: &Handle, supervise: Supervise) -> SupervisorId {
    runtime.supervise(supervise).wait_for(PATIENCE).expect("a supervisor")
}

fn whois(runtime: &Handle, name: &str) -> ActorId {
    runtime.lookup(name).unwrap_or_else(|| panic!("{name} is not there"))
}

/// How often each of a, b and c was restarted. A child that is down, or on its way
/// up, answers when it is up.
fn restarts(runtime: &Handle) -> [u64; 3] {
    ["a", "b", "c"].map(|name| number(runtime, whois(runtime, name), Op::Restarts.alone()))
}

fn traps(runtime: &Handle, actor: ActorId) {
    assert!(ask(runtime, actor, Op::Panic.with("told to")).is_err());
}

fn until(mut done: impl FnMut() -> bool) {
    let since = std::time::Instant::now();
    while !done() {
        assert!(since.elapsed() < PATIENCE, "it never comes");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Waits until a supervisor has restarted, and all its children are up.
fn has_restarted(runtime: &Handle, supervisor: SupervisorId) {
    until(|| {
        let view = runtime.supervisor(supervisor).wait_for(PATIENCE).unwrap().expect("it is up");
        view.restarts > 0 && view.counts.active == view.counts.supervisors + view.counts.workers
    });
}

#[test]
fn each_strategy_restarts_whom_it_says() {
    everywhere(|runtime| {
        for (strategy, expected) in [
            (Strategy::OneForOne, [0, 1, 0]),
            (Strategy::OneForAll, [1, 1, 1]),
            (Strategy::RestForOne, [0, 1, 1]),
        ] {
            let supervisor = supervise(runtime, three(runtime, strategy));
            let addresses = ["a", "b", "c"].map(|name| whois(runtime, name));
            traps(runtime, addresses[1]);
            has_restarted(runtime, supervisor);
            assert_eq!(restarts(runtime), expected, "{strategy:?}");
            assert_eq!(["a", "b", "c"].map(|name| whois(runtime, name)), addresses, "addresses are kept");
            runtime.stop_supervisor(supervisor).wait_for(PATIENCE).expect("it stops");
            assert_eq!(runtime.lookup("b"), None, "names are free");
        }
    });
}

#[test]
fn a_supervisor_that_gives_up_comes_back_with_what_it_began_with() {
    everywhere(|runtime| {
        let inner = Supervise::new(Strategy::OneForOne)
            .intensity(0, HOUR)
            .id("inner")
            .on(last_shard(runtime))
            .child(trapper(runtime, "b", ShardId(0)));
        let top = Supervise::new(Strategy::RestForOne)
            .intensity(5, HOUR)
            .child(trapper(runtime, "a", ShardId(0)))
            .child(inner)
            .child(trapper(runtime, "c", last_shard(runtime)));
        let top = supervise(runtime, top);
        let children = runtime.which_children(top, PATIENCE).unwrap();
        let ChildStatus::Running(ChildAddress::Supervisor(inner)) = children[1].status else {
            panic!("{children:?}")
        };
        let extra = trapper(runtime, "extra", ShardId(0));
        runtime.start_child(inner, extra).wait_for(PATIENCE).unwrap().expect("it is there");
        let before = whois(runtime, "b");
        traps(runtime, before);
        // A new actor, not a new incarnation.
        until(|| runtime.lookup("b").is_some_and(|now| now != before));
        has_restarted(runtime, top);
        assert_eq!(restarts(runtime), [0, 0, 1]);
        assert_eq!(runtime.lookup("extra"), None, "what was added is gone");
        assert_eq!(runtime.which_children(inner, PATIENCE).unwrap().len(), 1);
        assert_eq!(runtime.supervisors_given_up(), 0, "the topmost has not");
        runtime.stop_supervisor(top).wait_for(PATIENCE).expect("it stops");
    });
}

#[test]
fn children_are_asked_for_at_run_time() {
    everywhere(|runtime| {
        let supervisor = supervise(runtime, three(runtime, Strategy::OneForOne));
        let b = whois(runtime, "b");
        let refused = |error| Err(SpawnError::Supervision(error));
        let again = trapper(runtime, "b", ShardId(0));
        assert_eq!(
            runtime.start_child(supervisor, again).wait_for(PATIENCE),
            refused(ChildError::AlreadyStarted(ChildAddress::Worker(b)))
        );
        assert_eq!(runtime.delete_child(supervisor, "b").wait_for(PATIENCE), refused(ChildError::Running));
        runtime.terminate_child(supervisor, "b").wait_for(PATIENCE).expect("it stops");
        assert_eq!(runtime.lookup("b"), None);
        let counts = runtime.count_children(supervisor, PATIENCE).unwrap();
        assert_eq!((counts.specs, counts.active), (3, 2));
        let back = runtime.restart_child(supervisor, "b").wait_for(PATIENCE).unwrap();
        assert_eq!(back.and_then(ChildAddress::actor), Some(whois(runtime, "b")));
        assert_ne!(whois(runtime, "b"), b);
        runtime.terminate_child(supervisor, "b").wait_for(PATIENCE).expect("it stops");
        runtime.delete_child(supervisor, "b").wait_for(PATIENCE).expect("it is not up");
        assert_eq!(runtime.restart_child(supervisor, "b").wait_for(PATIENCE), refused(ChildError::NotFound));
        assert_eq!(runtime.which_children(supervisor, PATIENCE).unwrap().len(), 2);
    });
}

#[test]
fn a_template_makes_as_many_as_are_wanted() {
    everywhere(|runtime| {
        let template = Spawn::new(load(runtime, "trapper")).config("who", "any").on(last_shard(runtime));
        let pool = Supervise::new(Strategy::SimpleOneForOne).child(template);
        let pool = supervise(runtime, pool);
        let mut addresses = Vec::new();
        for who in [None, Some("one")] {
            let config = who.map(|who| ("who".to_owned(), who.to_owned())).into_iter().collect();
            let extra = Extra { config, ..Extra::default() };
            let address = runtime.start_from_template(pool, extra).wait_for(PATIENCE).unwrap().unwrap();
            assert_eq!(address.shard(), last_shard(runtime));
            addresses.push(address);
        }
        let own = |address: &ChildAddress| {
            reply(runtime, address.actor().unwrap(), Op::Config.with("who")).to_vec()
        };
        assert_eq!([own(&addresses[0]), own(&addresses[1])], [b"any".to_vec(), b"one".to_vec()]);
        runtime.terminate_child_at(pool, addresses[0]).wait_for(PATIENCE).expect("it stops");
        runtime.terminate_child_at(pool, addresses[0]).wait_for(PATIENCE).expect("it is gone");
        assert_eq!(runtime.count_children(pool, PATIENCE).unwrap().workers, 1);
    });
}

#[test]
fn a_significant_actor_ends_its_supervisor() {
    everywhere(|runtime| {
        let spawn = trapper(runtime, "b", last_shard(runtime)).restart(Restart::Temporary).significant();
        let refused = runtime.supervise(Supervise::default().child(spawn.clone())).wait_for(PATIENCE);
        assert_eq!(refused, Err(SpawnError::Spec(SpecError::SignificantNever("b".into()))));
        let tree = Supervise::new(Strategy::OneForOne)
            .auto_shutdown(AutoShutdown::AnySignificant)
            .child(trapper(runtime, "a", ShardId(0)))
            .child(spawn);
        let supervisor = supervise(runtime, tree);
        traps(runtime, whois(runtime, "b"));
        for _ in 0..10_000 {
            if runtime.supervisor(supervisor).wait_for(PATIENCE).unwrap().is_none() {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(runtime.lookup("a"), None);
        assert_eq!(runtime.supervisors_given_up(), 0, "it did what it was to do");
    });
}
