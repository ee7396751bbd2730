//! Cases of Pekko's specs, under their own names. Every case runs on one shard, and
//! over two.
//!
//! What Pekko's supervisor decides by exception is the kind of child here, its retries
//! within a time are the intensity of the supervisor, and what is restarted keeps its
//! address in both. What is not here is in docs/otp-and-pekko-cases.md, with the
//! reason.

mod backoff_supervisor;
mod death_watch;
mod restart_strategy;
mod supervisor;

use super::*;
use crate::control::child_spec::Restart;
use crate::control::supervisor::Strategy;

/// A world with everything on one shard, and one with children on another one.
fn both(test: impl Fn(World, usize)) {
    both_with_failing_starts(&[], test);
}

fn both_with_failing_starts(fails: &[bool], test: impl Fn(World, usize)) {
    for other in [0, 1] {
        test(World::with_failing_starts(2, ShardConfig::default(), fails), other);
    }
}

fn worker(world: &World, shard: usize, name: &str) -> ChildSpec<ChildSource> {
    let source = ChildSource::Actor { shard: ShardId(shard as u16), spec: world.spec(Some(name)) };
    ChildSpec::worker(name, source)
}

fn spec(strategy: Strategy, restarts_max: u32, within_ms: u64) -> SupervisorSpec {
    SupervisorSpec::new(strategy).intensity(restarts_max, within_ms * 1_000_000)
}

/// A supervisor on the first shard that begins with these.
fn supervise(world: &mut World, spec: SupervisorSpec, children: Vec<ChildSpec<ChildSource>>) -> SupervisorId {
    let (done, waiter) = reply_slot();
    let tree = Arc::new(Tree { spec, children });
    world.control(0, Control::supervisor(SupervisorControl::Start { tree, done }));
    world.settle();
    waiter.wait().unwrap().unwrap()
}

fn whereis(world: &World, name: &str) -> Option<ActorId> {
    let home = crate::control::placement::home_of(name, world.shards.len());
    world.outside[home.index()].directory.read(|names| names.get(name).copied())
}

#[track_caller]
fn ping(world: &mut World, name: &str) {
    let actor = whereis(world, name).unwrap_or_else(|| panic!("{name} is not there"));
    assert_eq!(text(world.ask_now(actor, "echo pong")), "pong");
}

/// It fails on a request, whose caller hears so, and these are started, in order.
#[track_caller]
fn kill(world: &mut World, name: &str, started: &[&str]) {
    let actor = whereis(world, name).unwrap_or_else(|| panic!("{name} is not there"));
    world.log();
    let failed = world.ask_now(actor, "trap");
    assert!(matches!(failed, Err(RequestError::CalleeExited(ExitReason::Trap { .. }))), "{failed:?}");
    let log = world.log();
    let restarted: Vec<_> = log.iter().filter_map(|line| line.strip_prefix("start ")).collect();
    assert_eq!(restarted, started);
}
