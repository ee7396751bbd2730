//! From the words of a manifest to those of the runtime.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::actor::{Blueprint, ShardId};
use crate::control::backoff::Backoff;
use crate::control::child_spec::Shutdown;
use crate::manifest::{self, Instance, Manifest, NamedSupervisorSpec, Placement, Strategy};
use crate::runtime::driver::Reactor;
use crate::runtime::{Builder, Runtime, Spawn, Supervise};
use crate::shard::{Bounds, HealthConfig, Overflow, ShardConfig};
use crate::wasm::{
    CacheConfig, Directory, EngineConfig, Limits, MemoryLayout, Patterns, Profile, TrustLevel,
};

use super::args::CacheArguments;
use super::components::Blueprints;

const NS_PER_MS: u64 = 1_000_000;

/// Instances in the pool for each actor: one that is being replaced may not have
/// given its slot back, and each shard keeps some ready.
const INSTANCES_PER_ACTOR: f64 = 1.25;
const INSTANCES_SPARE: u32 = 256;

/// How the engine is to be, for so many actors.
pub(super) fn engine(manifest: &Manifest, actors: usize) -> EngineConfig {
    let instances = (actors as f64 * INSTANCES_PER_ACTOR) as u32 + INSTANCES_SPARE;
    let memory_layout = match manifest.runtime.memory_layout {
        manifest::MemoryLayout::Guarded => MemoryLayout::Guarded,
        manifest::MemoryLayout::Compact => MemoryLayout::Compact,
    };
    EngineConfig { memory_layout, instances_max: instances, ..EngineConfig::default() }
}

/// The runtime that a manifest asks for.
pub(super) fn builder(manifest: &Manifest, shards: u16, engine: EngineConfig, cache: CacheConfig) -> Builder {
    let spec = &manifest.runtime;
    let bounds = Bounds {
        mailbox_messages_max: spec.mailbox_messages_max,
        mailbox_bytes_max: u32::try_from(spec.mailbox_bytes_max).unwrap_or(u32::MAX),
        message_bytes_max: spec.message_bytes_max,
        ..Bounds::default()
    };
    let reactor = match spec.reactor {
        manifest::Reactor::Auto => Reactor::Auto,
        manifest::Reactor::Glommio => Reactor::Glommio,
        manifest::Reactor::Thread => Reactor::Thread,
    };
    let builder = Runtime::builder()
        .shards(shards.into())
        .reactor(reactor)
        .config(ShardConfig { bounds, health: health(manifest.health), ..ShardConfig::default() })
        .engine(engine)
        .cache(cache);
    let park_spin = Duration::from_micros(spec.park_spin_us.into());
    if spec.park_spin_us == manifest::RuntimeSpec::default().park_spin_us {
        builder // The runtime's own default is less where shards share cores.
    } else {
        builder.park_spin(park_spin)
    }
}

/// When actors are asked how they are.
fn health(spec: Option<manifest::HealthSpec>) -> HealthConfig {
    let default = HealthConfig::default();
    spec.map_or(default, |spec| HealthConfig {
        interval_ns: u64::from(spec.interval_ms) * NS_PER_MS,
        unhealthy_in_a_row_max: spec.unhealthy_in_a_row_max,
        answer_ns_max: u64::from(spec.answer_ms_max) * NS_PER_MS,
    })
}

/// Where compiled components are kept.
pub(super) fn cache(arguments: &CacheArguments) -> CacheConfig {
    match (&arguments.cache_dir, arguments.no_cache) {
        (_, true) => CacheConfig::Disabled,
        (Some(folder), _) => CacheConfig::Folder(PathBuf::clone(folder)),
        (None, false) => CacheConfig::Default,
    }
}

/// What an actor of a component may use and do, and how it runs.
pub(super) fn profile(spec: &manifest::ComponentSpec, message_bytes_max: u32) -> Profile {
    let trust = match spec.trust {
        manifest::Trust::Untrusted => TrustLevel::Untrusted,
        manifest::Trust::Standard => TrustLevel::Standard,
        manifest::Trust::Trusted => TrustLevel::Trusted,
    };
    let mut profile = Profile::of(trust);
    profile.limits = limits(&spec.limits, profile.limits, message_bytes_max);
    let (grants, given) = (&mut profile.grants, &spec.grants);
    for (patterns, texts) in [
        (&mut grants.send, &given.send),
        (&mut grants.ask, &given.ask),
        (&mut grants.link, &given.link),
        (&mut grants.register, &given.register),
        (&mut grants.publish, &given.publish),
        (&mut grants.subscribe, &given.subscribe),
        (&mut grants.spawn, &given.spawn),
    ] {
        // The manifest has looked at each of them.
        patterns.and(Patterns::parse(texts.iter().map(String::as_str)).unwrap_or_default());
    }
    grants.wasi.clocks |= given.clocks;
    grants.wasi.random |= given.random;
    grants.wasi.stdio |= given.stdio;
    grants.wasi.environment.clone_from(&given.environment);
    for (folders, writable) in [(&given.read, false), (&given.write, true)] {
        let directory =
            |(name, path): (&String, &PathBuf)| (name.clone(), Directory { path: path.clone(), writable });
        grants.wasi.directories.extend(folders.iter().map(directory));
    }
    profile
}

fn limits(spec: &manifest::LimitsSpec, defaults: Limits, message_bytes_max: u32) -> Limits {
    let message_bytes_max = message_bytes_max as usize;
    Limits {
        memory_bytes_max: usize::try_from(spec.memory_bytes_max).unwrap_or(usize::MAX),
        message_time_max: Duration::from_millis(spec.cpu_ms_max.into()),
        window_time_max: spec
            .cpu_percent_max
            .map_or(defaults.window_time_max, |percent| defaults.window * percent / 100),
        batch_messages_max: spec.batch_messages_max.map_or(defaults.batch_messages_max, |most| most as usize),
        log_lines_per_s_max: spec.log_lines_per_s_max.unwrap_or(defaults.log_lines_per_s_max),
        requests_max: spec.requests_max.unwrap_or(defaults.requests_max),
        relations_max: spec.relations_max.unwrap_or(defaults.relations_max),
        children_max: spec.children_max.unwrap_or(defaults.children_max),
        message_bytes_max,
        // A message, and some text beside it.
        hostcall_bytes_max: defaults.hostcall_bytes_max.max(message_bytes_max.saturating_mul(2)),
        ..defaults
    }
}

/// A supervisor of a manifest, without children.
pub(super) fn supervisor(spec: &manifest::SupervisorSpec) -> Supervise {
    Supervise::new(spec.strategy)
        .intensity(spec.restarts_max, Duration::from_millis(spec.period_ms.into()))
        .auto_shutdown(spec.auto_shutdown)
}

/// What is right below a supervisor, or one of the manifest's own below the
/// topmost with all that it looks after.
pub(super) enum Planned<'m> {
    /// One actor.
    Actor(&'m Instance<'m>),
    /// A supervisor.
    Supervisor(&'m NamedSupervisorSpec),
}

/// What is right below the supervisor of this name (below the topmost, if there is
/// none), in the order of the manifest. A supervisor has the place of the first
/// actor that it looks after.
pub(super) fn below<'m>(
    manifest: &'m Manifest,
    plan: &'m [Instance<'m>],
    name: Option<&str>,
) -> Vec<Planned<'m>> {
    let mut seen = BTreeSet::new();
    let mut below = Vec::new();
    for instance in plan {
        let line = manifest.supervisors_of(instance.spec);
        let depth = match name {
            None => Some(line.len()),
            Some(name) => line.iter().position(|above| *above == name),
        };
        match depth {
            None => {}
            Some(0) => below.push(Planned::Actor(instance)),
            Some(depth) if seen.insert(line[depth - 1]) => below.extend(
                manifest
                    .supervisors
                    .iter()
                    .find(|named| named.name == line[depth - 1])
                    .map(Planned::Supervisor),
            ),
            Some(_) => {}
        }
    }
    below
}

/// A supervisor of a manifest with all that it looks after.
pub(super) fn tree(
    manifest: &Manifest,
    plan: &[Instance<'_>],
    named: &NamedSupervisorSpec,
    blueprints: &Blueprints,
) -> Supervise {
    let mut tree = supervisor(&named.spec).id(named.name.as_str()).restart(named.restart);
    if let Placement::Shard(shard) = named.placement {
        tree = tree.on(ShardId(shard));
    }
    if named.significant {
        tree = tree.significant();
    }
    if let Some(ms) = named.shutdown_ms {
        tree = tree.shutdown(shutdown(ms));
    }
    if named.spec.strategy == Strategy::SimpleOneForOne {
        // One actor is the template; its instances are started from it.
        let mut instances = plan.iter().filter(|one| one.spec.supervisor.as_deref() == Some(&named.name));
        return match instances.next().and_then(|one| Some((one, blueprints.get(&one.spec.component)?))) {
            Some((one, blueprint)) => {
                tree.child(template(manifest, one, named.spec.backoff.as_ref(), blueprint.clone()))
            }
            None => tree,
        };
    }
    for planned in below(manifest, plan, Some(&named.name)) {
        tree = match planned {
            Planned::Supervisor(named) => tree.child(self::tree(manifest, plan, named, blueprints)),
            Planned::Actor(instance) => match blueprints.get(&instance.spec.component) {
                Some(blueprint) => {
                    tree.child(spawn(manifest, instance, named.spec.backoff.as_ref(), blueprint.clone()))
                }
                None => tree,
            },
        };
    }
    tree
}

fn shutdown(ms: u32) -> Shutdown {
    match ms {
        0 => Shutdown::BrutalKill,
        ms => Shutdown::Timeout(u64::from(ms) * NS_PER_MS),
    }
}

/// An actor of a manifest, of this kind.
pub(super) fn spawn(
    manifest: &Manifest,
    instance: &Instance<'_>,
    backoff: Option<&manifest::BackoffSpec>,
    blueprint: Arc<dyn Blueprint>,
) -> Spawn {
    template(manifest, instance, backoff, blueprint).name(instance.name.as_str())
}

/// The same, without a name.
fn template(
    manifest: &Manifest,
    instance: &Instance<'_>,
    backoff: Option<&manifest::BackoffSpec>,
    blueprint: Arc<dyn Blueprint>,
) -> Spawn {
    let spec = instance.spec;
    let backoff = backoff.map_or(Backoff::IMMEDIATE, |backoff| Backoff {
        jitter: backoff.jitter,
        stable_after_ns: u64::from(backoff.stable_after_ms) * NS_PER_MS,
        ..Backoff::exponential(
            u64::from(backoff.base_ms) * NS_PER_MS,
            backoff.factor,
            u64::from(backoff.max_ms) * NS_PER_MS,
        )
    });
    let spawn = Spawn::new(blueprint)
        .configs(spec.config.clone())
        .on(instance.shard)
        .restart(spec.restart)
        .shutdown(shutdown(spec.shutdown_ms))
        .backoff(backoff);
    let spawn = with_mailbox(spawn, manifest.mailbox_of(spec));
    if spec.significant { spawn.significant() } else { spawn }
}

fn with_mailbox(spawn: Spawn, spec: manifest::MailboxSpec) -> Spawn {
    let mut spawn = spawn.overflow(match spec.overflow {
        manifest::Overflow::Reject => Overflow::Reject,
        manifest::Overflow::Backpressure => Overflow::Backpressure,
        manifest::Overflow::DropOldest => Overflow::DropOldest,
        manifest::Overflow::DropNewest => Overflow::DropNewest,
    });
    if let Some(messages_max) = spec.messages_max {
        spawn = spawn.mailbox_messages_max(messages_max);
    }
    if let Some(bytes_max) = spec.bytes_max {
        spawn = spawn.mailbox_bytes_max(bytes_max);
    }
    match spec.time_to_live_ms {
        Some(ms) => spawn.message_time_to_live(Duration::from_millis(ms.into())),
        None => spawn,
    }
}
