//! The stop of many dynamic children.

use std::sync::Arc;

use raddle::actor::{Actor, Blueprint, Child, Context, Message, Native, Outcome};
use raddle::control::child_spec::ChildSpec;
use raddle::control::supervisor::{Strategy, SupervisorSpec};
use raddle::shard::{Control, ShardConfig, SpawnSpec, Tree};
use raddle::sync::reply_slot;

use super::{ROUNDS, World, actor, ns_of, print};

struct Idle;

impl Actor for Idle {
    fn handle(&mut self, _: &Context, _: &Message) -> Outcome {
        Outcome::Done(None)
    }
}

impl Child for Idle {}

/// How long so many take to stop, in µs; on the supervisor's shard, or on another one.
fn stop(children: usize, shard: usize) -> f64 {
    let idle: Arc<dyn Blueprint> = Arc::new(Native::new("idle", |_| Idle));
    let mut world = World::new(2, ShardConfig::default());
    let template = ChildSpec::worker("template", actor(shard, SpawnSpec::new(idle)));
    let spec = SupervisorSpec::new(Strategy::SimpleOneForOne);
    let supervisor = world.supervise(Tree { spec, children: vec![template] });
    let started: Vec<_> = (0..children).map(|_| world.start_from_template(supervisor)).collect();
    for one in started {
        world.answer(one).0.expect("it starts");
    }
    let (done, waiter) = reply_slot();
    let (ns, ended) = ns_of(|| {
        world.control(0, Control::StopSupervisor { supervisor, done });
        world.answer(waiter).0
    });
    assert!(ended.expect("it stops").is_some());
    world.rest();
    ns / 1e3
}

pub fn run() {
    for (shard, place) in [(0, "same shard"), (1, "another shard")] {
        let (mut few, mut many, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            few.push(stop(1_000, shard));
            many.push(stop(10_000, shard));
            ratios.push(many.last().unwrap() / few.last().unwrap());
        }
        let floor = print(&format!("floor: stop 1,000 dynamic children, {place}"), "µs", &mut few, None);
        print(&format!("stop 10,000 dynamic children, {place}"), "µs", &mut many, Some(floor));
        print("  so many times as long, by round", "x", &mut ratios, None);
    }
}
