//! Every interface of the contract, used by a guest: the puppet, which does what its
//! messages say and keeps what it hears (see guests/tests/puppet). Each behaviour on
//! one shard and across two, and in both execution classes.

mod groups;
mod lifecycle;
mod names;
mod processes;
mod requests;
mod spawning;
mod stale;
mod timers;
mod topics;

use std::sync::Arc;
use std::time::Duration;

use raddle::actor::Blueprint;
use raddle::runtime::driver::Reactor;
use raddle::wasm::{CacheConfig, ComponentBlueprint, ExecutionClass, Profile, TrustLevel};
use raddle::{ActorId, Builder, Runtime, ShardId, Spawn};

use crate::support::*;

/// A runtime, and what makes puppets in it.
struct Stage {
    runtime: Runtime,
    puppets: Arc<dyn Blueprint>,
}

/// Runs a test on one shard and on two, with every reactor, and in both classes.
fn on_stage(test: impl Fn(&Stage)) {
    on_stage_with(|builder| builder, test);
}

/// The same, on runtimes of which more is said.
fn on_stage_with(setup: impl Fn(Builder) -> Builder, test: impl Fn(&Stage)) {
    for reactor in reactors() {
        for shards in [1, 2] {
            for class in [ExecutionClass::RunToCompletion, ExecutionClass::Suspendable] {
                eprintln!("{shards} shards on {reactor}, {class:?}");
                let stage = Stage::new(setup(builder(shards).reactor(reactor)), class);
                test(&stage);
                closed(&shut_down(stage.runtime));
            }
        }
    }
}

impl Stage {
    fn new(builder: Builder, class: ExecutionClass) -> Self {
        let runtime = builder.check_ledger(true).build().expect("a runtime");
        // It may also spawn.
        let profile = Profile { class: Some(class), ..Profile::of(TrustLevel::Trusted) };
        let puppets = puppets(&runtime, profile);
        runtime.provide("puppet", &puppets);
        Self { runtime, puppets }
    }

    /// Two shards on plain threads, where neither matters.
    fn plain() -> Self {
        Self::new(builder(2).reactor(Reactor::Thread), ExecutionClass::RunToCompletion)
    }

    fn far(&self) -> ShardId {
        last_shard(&self.runtime)
    }

    fn puppet(&self, shard: ShardId) -> ActorId {
        spawn(&self.runtime, Spawn::new(self.puppets.clone()).on(shard))
    }

    fn named(&self, shard: ShardId, name: &str) -> ActorId {
        spawn(&self.runtime, Spawn::new(self.puppets.clone()).on(shard).name(name))
    }

    /// One that is started again when it has ended.
    fn supervised(&self, shard: ShardId) -> ActorId {
        let supervisor = supervisor(&self.runtime, 100);
        spawn(&self.runtime, Spawn::new(self.puppets.clone()).on(shard).under(supervisor))
    }

    /// A puppet on the first shard, and one elsewhere, if there is elsewhere.
    fn pair(&self) -> (ActorId, ActorId) {
        (self.puppet(ShardId(0)), self.puppet(self.far()))
    }

    /// What a puppet answers to a command.
    #[track_caller]
    fn say(&self, puppet: ActorId, command: impl Into<String>) -> String {
        text(&self.runtime, puppet, command.into())
    }

    #[track_caller]
    fn number(&self, puppet: ActorId, command: impl Into<String>) -> u64 {
        let said = self.say(puppet, command);
        said.parse().unwrap_or_else(|_| panic!("no number: {said}"))
    }

    fn tell(&self, puppet: ActorId, command: impl Into<String>) {
        self.runtime.tell(puppet, command.into()).expect("room");
    }

    /// All that a puppet has heard so far.
    fn heard(&self, puppet: ActorId) -> Vec<String> {
        self.say(puppet, "heard").lines().map(str::to_owned).collect()
    }

    /// Waits until a puppet has heard so many lines: all of them.
    #[track_caller]
    fn hears(&self, puppet: ActorId, lines: usize) -> Vec<String> {
        until(|| Some(self.heard(puppet)).filter(|heard| heard.len() >= lines))
    }

    /// Waits until a puppet has taken over a request that is none of these.
    #[track_caller]
    fn defers(&self, puppet: ActorId, others: &[String]) -> String {
        until(|| Some(self.say(puppet, "deferred")).filter(|it| it != "none" && !others.contains(it)))
    }

    /// Waits until an actor is gone for good.
    #[track_caller]
    fn is_gone(&self, actor: ActorId) {
        until(|| ask(&self.runtime, actor, "id").err());
    }
}

/// What makes puppets.
fn puppets(runtime: &Runtime, profile: Profile) -> Arc<dyn Blueprint> {
    let component = runtime.engine().load(&guest("puppet"), &CacheConfig::Folder(cache()), &()).unwrap();
    Arc::new(ComponentBlueprint::with(component, profile).unwrap())
}

/// An address in the words of puppets.
fn at(actor: ActorId) -> u64 {
    actor.to_bits()
}
