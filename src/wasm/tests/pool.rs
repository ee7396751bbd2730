//! Ready instances, and what happens when there is no room for another one.

use std::time::Duration;

use super::support::*;
use crate::actor::{CreateError, Incarnation, Message, Outcome, StopReason};
use crate::wasm::{EngineConfig, Limits, MemoryLayout, PoolPolicy};

fn small() -> Ticking {
    Ticking::with(EngineConfig { instances_max: 3, ..EngineConfig::default() })
}

const ROOM: usize = 3;

#[test]
fn a_full_pool_says_later_and_recovers() {
    let compact = EngineConfig { memory_layout: MemoryLayout::Compact, ..small().engine.config().clone() };
    for ticking in [small(), Ticking::with(compact)] {
        full_and_recovered(&ticking);
    }
}

fn full_and_recovered(ticking: &Ticking) {
    let (mut nursery, _) = nursery(ticking.load("counter"), Limits::default(), PoolPolicy::default());
    let mut alive: Vec<_> = (0..ROOM).map(|_| nursery.create(&recipe(&[])).unwrap()).collect();
    for _ in 0..3 {
        let error = nursery.create(&recipe(&[])).err().unwrap();
        assert!(matches!(error, CreateError::Exhausted(_)), "{error}");
    }
    for _ in 0..10 {
        alive.pop();
        alive.push(nursery.create(&recipe(&[])).unwrap());
    }
    assert!(matches!(nursery.create(&recipe(&[])), Err(CreateError::Exhausted(_))));
}

#[test]
fn an_actor_that_ended_gives_its_place_back_before_it_is_dropped() {
    let ticking = small();
    let (mut nursery, context) = nursery(ticking.load("trapper"), limits(), PoolPolicy::default());
    let mut ended = Vec::new();
    for round in 0..5 * ROOM {
        let mut actor = nursery.create(&recipe(&[])).unwrap();
        if round % 2 == 0 {
            let trap = Message::new(own_id(), &[1]);
            assert!(matches!(actor.handle(&context, &trap), Outcome::Exited(_)));
        } else {
            actor.stop(&context, StopReason::Shutdown, None);
        }
        ended.push(actor);
    }
}

#[test]
fn idle_turns_fill_the_pool_up_to_its_target() {
    let ticking = Ticking::with(EngineConfig { instances_max: 16, ..EngineConfig::default() });
    let policy = PoolPolicy { ready_min: 3, ready_max: 6, ..PoolPolicy::default() };
    let (mut nursery, _) = nursery(ticking.load("counter"), Limits::default(), policy);
    let metrics = || ticking.instances();
    assert!(nursery.tend() && nursery.tend());
    assert!(!nursery.tend(), "full with three");
    assert_eq!(metrics(), 3);
    assert!(!nursery.tend());
    assert_eq!(metrics(), 3, "and stays so");
    // Taken from the pool: no new instance is made.
    let taken: Vec<_> = (0..3).map(|_| nursery.create(&recipe(&[])).unwrap()).collect();
    assert_eq!(metrics(), 3);
    // Dry: one is made at once, and more are kept from now on.
    let one_more = nursery.create(&recipe(&[])).unwrap();
    assert_eq!(metrics(), 4);
    while nursery.tend() {}
    drop((taken, one_more));
    assert_eq!(metrics(), 6);
}

#[test]
fn an_instance_made_ahead_is_as_good_as_new() {
    let ticking = Ticking::new();
    let (mut nursery, context) = nursery(ticking.load("trapper"), limits(), PoolPolicy::default());
    nursery.tend();
    let mut actor = nursery.create(&recipe(&[("health", "degraded")])).unwrap();
    let incarnation = Incarnation { id: own_id(), name: None, restarts: 0 };
    actor.start(&context, &incarnation).unwrap();
    let status = actor.health(&context);
    assert!(matches!(status, crate::actor::Health::Degraded(_)), "{status:?}");
}

#[test]
fn a_component_that_fails_to_instantiate_is_not_tried_in_every_idle_turn() {
    let ticking = Ticking::new();
    let component =
        ticking.load_text(&Text { core: "(func $s (loop (br 0))) (start $s)", ..Text::default() }.build());
    let (mut nursery, _) = nursery(component, limits(), PoolPolicy::default());
    let time_max = limits().lifecycle_time_max;
    let started = std::time::Instant::now();
    assert!(!nursery.tend(), "nothing more to do");
    assert!(started.elapsed() >= time_max);
    let started = std::time::Instant::now();
    for _ in 0..1000 {
        assert!(!nursery.tend());
    }
    assert!(started.elapsed() < time_max);
    let error = nursery.create(&recipe(&[])).err().unwrap();
    assert!(matches!(&error, CreateError::Failed(why) if why.contains("deadline")), "{error}");
}

#[test]
fn what_nobody_wants_any_longer_is_given_back() {
    let ticking = Ticking::with(EngineConfig { instances_max: 16, ..EngineConfig::default() });
    let policy =
        PoolPolicy { ready_min: 1, ready_max: 8, decay_after: Duration::ZERO, ..PoolPolicy::default() };
    let (mut nursery, _) = nursery(ticking.load("counter"), Limits::default(), policy);
    let taken: Vec<_> = (0..8).map(|_| nursery.create(&recipe(&[])).unwrap()).collect();
    assert!(nursery.tend(), "eight are wanted now, one at a time");
    drop(taken);
    assert!(nursery.tend_at_ns().is_some(), "it wants to be looked after");
    for _ in 0..20 {
        nursery.tend();
    }
    assert_eq!(ticking.instances(), 1, "and one is left");
    assert_eq!(nursery.tend_at_ns(), None, "for good");
}

#[test]
fn an_eighth_of_the_instances_is_not_made_ahead_of_need() {
    let ticking = Ticking::with(EngineConfig { instances_max: 16, ..EngineConfig::default() });
    let policy = PoolPolicy { ready_min: 100, ready_max: 100, refill_per_turn: 3, ..PoolPolicy::default() };
    let (mut pool, _) = nursery(ticking.load("counter"), Limits::default(), policy);
    assert!(pool.tend());
    assert_eq!(ticking.instances(), 3, "so many in one turn");
    while pool.tend() {}
    assert_eq!(ticking.instances(), 14);
    let (mut other, _) = nursery(ticking.load("echo"), Limits::default(), PoolPolicy::default());
    let taken: Vec<_> = (0..2).map(|_| other.create(&recipe(&[])).unwrap()).collect();
    assert!(other.create(&recipe(&[])).is_err());
    drop(taken);
    assert!(other.create(&recipe(&[])).is_ok());
}

#[test]
fn what_is_ready_is_given_back_when_somebody_else_finds_no_room() {
    let ticking = Ticking::with(EngineConfig { instances_max: 16, ..EngineConfig::default() });
    let policy = PoolPolicy { ready_min: 100, ready_max: 100, refill_per_turn: 100, ..PoolPolicy::default() };
    let (mut hoard, _) = nursery(ticking.load("counter"), Limits::default(), policy);
    while hoard.tend() {}
    assert_eq!((ticking.instances(), ticking.engine.instances()), (14, 14));
    let (mut other, _) = nursery(ticking.load("echo"), Limits::default(), PoolPolicy::default());
    let mut taken: Vec<_> = (0..2).map(|_| other.create(&recipe(&[])).unwrap()).collect();
    assert!(other.create(&recipe(&[])).is_err());
    // At once, if they are on one shard; else by and by, in idle turns.
    assert!(hoard.give_back());
    taken.push(other.create(&recipe(&[])).unwrap());
    assert!(hoard.tend());
    taken.push(other.create(&recipe(&[])).unwrap());
    assert_eq!(ticking.instances(), 16);
    drop(taken);
    assert!(!hoard.tend(), "there is room again");
    let (mut nothing, _) = nursery(ticking.load("echo"), Limits::default(), PoolPolicy::default());
    assert!(!nothing.give_back(), "it has none");
}

#[test]
fn stacks_are_not_all_taken_ahead_of_need_either() {
    use crate::wasm::{ComponentBlueprint, ExecutionClass, Profile};
    let config = EngineConfig { instances_max: 64, suspendable_max: 16, ..EngineConfig::default() };
    let ticking = Ticking::with(config);
    let stacks = || ticking.engine.shared.wasmtime.pooling_allocator_metrics().unwrap().stacks();
    let context = context();
    let pool = PoolPolicy { ready_min: 100, ready_max: 100, refill_per_turn: 1, ..PoolPolicy::default() };
    let profile = Profile { pool, class: Some(ExecutionClass::Suspendable), ..Profile::default() };
    let blueprint = ComponentBlueprint::with(ticking.load("asker"), profile).unwrap();
    let nursery = || crate::actor::Blueprint::nursery(&blueprint, SHARD, context.clone()).unwrap();
    let (mut hoard, mut other) = (nursery(), nursery());
    while hoard.tend() {}
    assert_eq!(stacks(), 14, "an eighth is left");
    let mut taken: Vec<_> = (0..2).map(|_| other.create(&recipe(&[])).unwrap()).collect();
    assert!(matches!(other.create(&recipe(&[])), Err(CreateError::Exhausted(_))));
    assert!(hoard.tend(), "gives one back");
    taken.push(other.create(&recipe(&[])).unwrap());
    assert_eq!(stacks(), 16);
}

/// Makes one, tells it each of these, and drops it; the last one ends it.
fn ends_of(nursery: &mut dyn crate::actor::Nursery, context: &crate::actor::Context, payloads: &[&[u8]]) {
    let mut actor = nursery.create(&recipe(&[])).unwrap();
    let incarnation = Incarnation { id: own_id(), name: None, restarts: 0 };
    actor.start(context, &incarnation).unwrap();
    let mut last = None;
    for payload in payloads {
        last = Some(actor.handle(context, &Message::new(own_id(), *payload)));
    }
    assert!(matches!(last, Some(Outcome::Exited(_))), "{last:?}");
}

#[test]
fn what_is_left_of_a_trap_is_cleared_in_an_idle_turn_or_when_its_room_is_wanted() {
    let ticking = Ticking::with(EngineConfig { instances_max: 4, ..EngineConfig::default() });
    let policy = PoolPolicy { ready_min: 0, ..PoolPolicy::default() };
    let (mut pool, context) = nursery(ticking.load("trapper"), limits(), policy);
    let (mut other, _) = nursery(ticking.load("echo"), limits(), policy);
    for _ in 0..4 {
        ends_of(&mut *pool, &context, &[&[1]]);
    }
    assert_eq!(ticking.instances(), 2, "half of the room stays free");
    let mut alive: Vec<_> = (0..3).map(|_| pool.create(&recipe(&[])).expect("its room is wanted")).collect();
    assert_eq!(ticking.instances(), 4);
    assert!(matches!(other.create(&recipe(&[])), Err(CreateError::Exhausted(_))));
    assert!(pool.give_back(), "for whoever is on the same shard");
    alive.push(other.create(&recipe(&[])).expect("room for another one"));
    assert!(!pool.give_back(), "nothing is left");
    drop(alive);
    ends_of(&mut *pool, &context, &[&[1]]);
    assert_eq!((ticking.instances(), ticking.engine.instances()), (1, 1), "nobody waited for that");
    assert!(pool.tend(), "something was done");
    assert_eq!((ticking.instances(), ticking.engine.instances()), (0, 0));
}

#[test]
fn what_a_successor_could_miss_is_cleared_at_once() {
    let ticking = Ticking::with(EngineConfig { instances_max: 64, ..EngineConfig::default() });
    let policy = PoolPolicy { ready_min: 0, ..PoolPolicy::default() };
    let (mut pool, context) = nursery(ticking.load("trapper"), limits(), policy);
    let two_mib: &[u8] = &[14, 2, 0, 0, 0];
    ends_of(&mut *pool, &context, &[two_mib, &[1]]);
    assert_eq!(ticking.instances(), 0, "much memory");
    let (mut opener, context) = nursery(ticking.load_text(&super::wasi::text()), limits(), policy);
    ends_of(&mut *opener, &context, &[b"n", b"?"]);
    assert_eq!(ticking.instances(), 0, "perhaps open files");
    for _ in 0..10 {
        ends_of(&mut *pool, &context, &[&[1]]);
    }
    assert_eq!(ticking.instances(), 4, "and no more than so many are left");
}
