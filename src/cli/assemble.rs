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
use crate::shard::{Bounds, HealthConfig, Quotas, ShardConfig};
use crate::wasm::{
    CacheConfig, Directory, EngineConfig, ExecutionClass, Limits, MemoryLayout, Patterns, Profile, TrustLevel,
};

use super::args::CacheArguments;
use super::components::Blueprints;

const NS_PER_MS: u64 = 1_000_000;

/// Instances in the pool for each actor: one that is being replaced may not have
/// given its slot back, and each shard keeps some ready.
const INSTANCES_PER_ACTOR: f64 = 1.25;
const INSTANCES_SPARE: u32 = 256;

/// Each component has its own.
const NO_QUOTAS: Quotas = Quotas {
    requests_max: u32::MAX,
    deferred_max: u32::MAX,
    timers_max: u32::MAX,
    subscriptions_max: u32::MAX,
    groups_max: u32::MAX,
    relations_max: u32::MAX,
    children_max: u32::MAX,
    watches_max: u32::MAX,
    names_max: u32::MAX,
};

/// How the engine is to be, for so many actors.
pub(super) fn engine(manifest: &Manifest, actors: usize) -> EngineConfig {
    let instances = (actors as f64 * INSTANCES_PER_ACTOR) as u32 + INSTANCES_SPARE;
    let memory_layout = match manifest.runtime.memory_layout {
        manifest::MemoryLayout::Guarded => MemoryLayout::Guarded,
        manifest::MemoryLayout::Compact => MemoryLayout::Compact,
    };
    let config = EngineConfig { memory_layout, instances_max: instances, ..EngineConfig::default() };
    let tables = manifest.components.iter().filter_map(|component| component.limits.table_elements_max);
    EngineConfig { table_elements_max: tables.fold(config.table_elements_max, u32::max), ..config }
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
        .config(ShardConfig {
            bounds,
            quotas: NO_QUOTAS,
            health: health(manifest.health),
            ..ShardConfig::default()
        })
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
    profile.class = spec.class.map(|class| match class {
        manifest::ExecutionClass::RunToCompletion => ExecutionClass::RunToCompletion,
        manifest::ExecutionClass::Suspendable => ExecutionClass::Suspendable,
    });
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

/// What is said goes over what the trust has.
fn limits(spec: &manifest::LimitsSpec, trust: Limits, runtime_message_bytes_max: u32) -> Limits {
    let ms = |said: Option<u32>, trust| said.map_or(trust, |ms| Duration::from_millis(ms.into()));
    let size = |said: Option<u32>, trust| said.map_or(trust, |most| most as usize);
    let window = ms(spec.cpu_window_ms, trust.window);
    // The part of the window that the trust gives, if none is said.
    let percent = spec.cpu_percent_max.unwrap_or_else(|| {
        let part = trust.window_time_max.as_nanos() * 100 / trust.window.as_nanos();
        u32::try_from(part).map_or(100, |percent| percent.min(100))
    });
    let message_bytes_max = spec.message_bytes_max.unwrap_or(runtime_message_bytes_max) as usize;
    Limits {
        memory_bytes_max: spec
            .memory_bytes_max
            .map_or(trust.memory_bytes_max, |most| usize::try_from(most).unwrap_or(usize::MAX)),
        table_elements_max: size(spec.table_elements_max, trust.table_elements_max),
        core_instances_max: size(spec.core_instances_max, trust.core_instances_max),
        memories_max: size(spec.memories_max, trust.memories_max),
        tables_max: size(spec.tables_max, trust.tables_max),
        message_time_max: ms(spec.cpu_ms_max, trust.message_time_max),
        window_time_max: window * percent / 100,
        window,
        lifecycle_time_max: ms(spec.lifecycle_ms_max, trust.lifecycle_time_max),
        batch_messages_max: size(spec.batch_messages_max, trust.batch_messages_max),
        message_bytes_max,
        // A message, and some text beside it.
        hostcall_bytes_max: size(
            spec.hostcall_bytes_max,
            trust.hostcall_bytes_max.max(message_bytes_max.saturating_mul(2)),
        ),
        log_lines_per_s_max: spec.log_lines_per_s_max.unwrap_or(trust.log_lines_per_s_max),
        log_line_bytes_max: size(spec.log_line_bytes_max, trust.log_line_bytes_max),
        requests_max: spec.requests_max.unwrap_or(trust.requests_max),
        deferred_max: spec.deferred_max.unwrap_or(trust.deferred_max),
        timers_max: spec.timers_max.unwrap_or(trust.timers_max),
        subscriptions_max: spec.subscriptions_max.unwrap_or(trust.subscriptions_max),
        groups_max: spec.groups_max.unwrap_or(trust.groups_max),
        names_max: spec.names_max.unwrap_or(trust.names_max),
        watches_max: spec.watches_max.unwrap_or(trust.watches_max),
        relations_max: spec.relations_max.unwrap_or(trust.relations_max),
        children_max: spec.children_max.unwrap_or(trust.children_max),
        addresses_max: size(spec.addresses_max, trust.addresses_max),
        wasi_resources_max: size(spec.wasi_resources_max, trust.wasi_resources_max),
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
    let mut spawn = spawn.overflow(spec.overflow);
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

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = r#"
        [component.bare]
        path = "Cargo.toml"
        trust = "standard"

        [component.full]
        path = "Cargo.toml"
        class = "suspendable"

        [component.full.limits]
        memory_bytes_max = 65_536
        memories_max = 3
        tables_max = 4
        table_elements_max = 5
        core_instances_max = 6
        cpu_ms_max = 7
        cpu_percent_max = 8
        cpu_window_ms = 900
        lifecycle_ms_max = 10
        batch_messages_max = 11
        message_bytes_max = 1_200
        hostcall_bytes_max = 1_300
        log_lines_per_s_max = 14
        log_line_bytes_max = 15
        requests_max = 16
        deferred_max = 17
        timers_max = 18
        subscriptions_max = 19
        groups_max = 20
        names_max = 25
        watches_max = 26
        relations_max = 23
        children_max = 24
        addresses_max = 21
        wasi_resources_max = 22

        [[actor]]
        name = "bare"
        component = "bare"
        "#;

    #[test]
    fn every_limit_of_a_manifest_arrives_and_the_rest_is_as_the_trust_has_it() {
        let manifest =
            Manifest::from_text("raddle.toml".as_ref(), ALL, &manifest::Overrides::default()).expect("sound");
        let profile = |name| profile(manifest.component(name).expect("there"), 1 << 20);
        let bare = profile("bare");
        assert_eq!((bare.limits, bare.class), (Limits::default(), None), "what the trust has");
        let full = profile("full");
        assert_eq!(full.class, Some(ExecutionClass::Suspendable));
        let ms = Duration::from_millis;
        let expected = Limits {
            memory_bytes_max: 65_536,
            memories_max: 3,
            tables_max: 4,
            table_elements_max: 5,
            core_instances_max: 6,
            message_time_max: ms(7),
            window_time_max: ms(72),
            window: ms(900),
            lifecycle_time_max: ms(10),
            batch_messages_max: 11,
            message_bytes_max: 1_200,
            hostcall_bytes_max: 1_300,
            log_lines_per_s_max: 14,
            log_line_bytes_max: 15,
            requests_max: 16,
            deferred_max: 17,
            timers_max: 18,
            subscriptions_max: 19,
            groups_max: 20,
            names_max: 25,
            watches_max: 26,
            relations_max: 23,
            children_max: 24,
            addresses_max: 21,
            wasi_resources_max: 22,
        };
        assert_eq!(full.limits, expected);
    }
}
