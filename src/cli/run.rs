//! `raddle run`: the main job.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::actor::{ActorId, Payload};
use crate::control::child_spec::ChildAddress;
use crate::control::supervisor::ChildStatus;
use crate::manifest::{Instance, Manifest, NamedSupervisorSpec, ReportSpec, Strategy};
use crate::metrics::Latency;
use crate::runtime::{Report, Runtime};
use crate::shard::{Extra, ShardReport, SpawnError, SupervisorId};
use crate::sync::Flag;

use super::args::{Output, RunArguments};
use super::assemble::Planned;
use super::components::Blueprints;
use super::exit::{Exit, Failure};
use super::feed::{self, Fed, Input};
use super::report::{ActorFigures, HealthFigures, RunFigures, RunReport, ShardFigures};
use super::{assemble, components, health, interrupt, print, shards_of};

/// How long what was read may take to be handled, once the input has ended.
const SETTLE_MAX: Duration = Duration::from_secs(60);
/// How long the actors may take to stop.
const SHUTDOWN_MAX: Duration = Duration::from_secs(10);
/// How long one answer for the report may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);

pub(super) fn run(arguments: &RunArguments) -> Result<Exit, Failure> {
    let manifest = Manifest::load(&arguments.manifest, &arguments.overrides())?;
    let shards = shards_of(&manifest)?;
    let plan = manifest.plan(shards)?;
    let interrupt = interrupt::watch()?;

    let engine = assemble::engine(&manifest, plan.len());
    let cache = assemble::cache(&arguments.cache);
    let runtime = assemble::builder(&manifest, shards, engine, cache.clone())
        .check_ledger(arguments.check_ledger)
        .build()
        .map_err(|error| Failure::failed(miette::miette!("{error}")))?;
    let mut problems = Vec::new();
    let blueprints =
        components::load_all(runtime.engine(), &manifest, &cache, arguments.quiet, &mut problems)?;
    if !arguments.quiet {
        for remark in &problems {
            eprintln!("warning: {remark}");
        }
        eprintln!("{}", runtime.reactor());
    }
    let topmost = start(&runtime, &manifest, &plan, &blueprints)?;

    let input = open_input(&manifest)?;
    let work = work(&runtime, &manifest, &plan, input.as_ref(), &interrupt, arguments.quiet);
    let findings = match &manifest.report {
        Some(report) if !work.gave_up => {
            collect(&runtime, report, &cast(&runtime, &manifest, &plan), &mut problems)
        }
        _ => Map::new(),
    };
    problems.extend(work.problems());
    let health = manifest.health.map(|_| health::figures(&runtime, topmost, manifest.supervisors.len()));
    let reactor = runtime.reactor().kind.to_string();
    let cpus = runtime.cpus().to_vec();
    let end = runtime.shutdown(SHUTDOWN_MAX);
    problems.extend(end.failures.iter().cloned());
    if !end.drained {
        problems.push("the shutdown ran out of time: what was left is among the dead".into());
    }

    let exit = work.exit(&end);
    let report = RunReport { findings, run: figures(&work, &end, &cpus, reactor, health, problems) };
    match arguments.output {
        Output::Json => print(&format!("{:#}\n", report.to_json()))?,
        Output::Text => print(&report.to_text())?,
    }
    Ok(exit)
}

/// The addresses of all instances, by the name of the actor.
type Cast = BTreeMap<String, Vec<ActorId>>;

/// Starts every actor, in the order of the manifest.
fn start(
    runtime: &Runtime,
    manifest: &Manifest,
    plan: &[Instance<'_>],
    blueprints: &Blueprints,
) -> Result<SupervisorId, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::failed(miette::miette!("{error}"));
    for (name, blueprint) in blueprints {
        runtime.provide(name.as_str(), blueprint);
    }
    let supervisor = assemble::supervisor(&manifest.supervisor);
    let supervisor = runtime.supervise(supervisor).wait().map_err(|error| failed(&error))?;
    let not_started = |span, what: String, error: SpawnError| {
        let problem = manifest.problem(span, format!("{what} did not start"), "this one").with_cause(error);
        let problems = vec![problem];
        Failure::failed(crate::manifest::ManifestError::Invalid { path: manifest.path.clone(), problems })
    };
    for planned in assemble::below(manifest, plan, None) {
        match planned {
            Planned::Actor(instance) => {
                let Some(blueprint) = blueprints.get(&instance.spec.component) else { continue };
                let backoff = manifest.supervisor.backoff.as_ref();
                let spawn = assemble::spawn(manifest, instance, backoff, blueprint.clone()).under(supervisor);
                let what = || format!("the actor `{}`", instance.name);
                match runtime.spawn(spawn).wait() {
                    // One that chose not to be there has not failed.
                    Ok(_) | Err(SpawnError::Ignored) => {}
                    Err(error) => return Err(not_started(instance.spec.name_span, what(), error)),
                }
            }
            Planned::Supervisor(named) => {
                let tree = assemble::tree(manifest, plan, named, blueprints);
                let what = || format!("the supervisor `{}`", named.name);
                let started = runtime.start_child(supervisor, tree).wait();
                let at = started.map_err(|error| not_started(named.name_span, what(), error))?;
                let at = at.and_then(ChildAddress::supervisor);
                start_from_templates(runtime, manifest, plan, named, at).map_err(|(instance, error)| {
                    not_started(instance.spec.name_span, format!("the actor `{}`", instance.name), error)
                })?;
            }
        }
    }
    Ok(supervisor)
}

/// Starts the instances of actors that are templates, below a supervisor that is up.
fn start_from_templates<'p>(
    runtime: &Runtime,
    manifest: &Manifest,
    plan: &'p [Instance<'p>],
    named: &NamedSupervisorSpec,
    at: Option<SupervisorId>,
) -> Result<(), (&'p Instance<'p>, SpawnError)> {
    let Some(at) = at else { return Ok(()) };
    if named.spec.strategy == Strategy::SimpleOneForOne {
        for instance in plan.iter().filter(|one| one.spec.supervisor.as_deref() == Some(&named.name)) {
            let name = Some(instance.name.as_str().into());
            let extra = Extra { shard: Some(instance.shard), name, config: BTreeMap::new() };
            runtime.start_from_template(at, extra).wait().map_err(|error| (instance, error))?;
        }
        return Ok(());
    }
    let children = runtime.which_children(at, ANSWER_MAX).unwrap_or_default();
    for child in children {
        let ChildStatus::Running(at) = child.status else { continue };
        let below =
            manifest.supervisors.iter().find(|known| Some(known.name.as_str()) == child.id.as_deref());
        if let Some(below) = below.filter(|_| at.supervisor().is_some()) {
            start_from_templates(runtime, manifest, plan, below, at.supervisor())?;
        }
    }
    Ok(())
}

/// The instances of an actor that are there. Those under a supervisor that was
/// restarted have other addresses than before.
fn instances(runtime: &Runtime, plan: &[Instance<'_>], actor: &str) -> Vec<ActorId> {
    let named = plan.iter().filter(|instance| instance.spec.name == actor);
    named.filter_map(|instance| runtime.lookup(&instance.name)).collect()
}

/// The instances of all actors.
fn cast(runtime: &Runtime, manifest: &Manifest, plan: &[Instance<'_>]) -> Cast {
    let names = manifest.actors.iter().map(|actor| &actor.name);
    names.map(|name| (name.clone(), instances(runtime, plan, name))).collect()
}

fn open_input(manifest: &Manifest) -> Result<Option<Input>, Failure> {
    let Some(spec) = &manifest.input else { return Ok(None) };
    let input = feed::open(&spec.lines, manifest.runtime.message_bytes_max as usize).map_err(|error| {
        let message = format!("cannot read {}", spec.lines);
        let problem = manifest.problem(spec.lines_span, message, "named here").with_cause(error);
        let problems = vec![problem];
        Failure::from(crate::manifest::ManifestError::Invalid { path: manifest.path.clone(), problems })
    })?;
    Ok(Some(input))
}

/// What was done with the input, before anything was asked.
struct Work {
    fed: Fed,
    elapsed: Duration,
    settled: bool,
    /// A supervisor gave up: while the input was read, or on what was left of it.
    gave_up: bool,
    shards: Vec<ShardReport>,
}

fn work(
    runtime: &Runtime,
    manifest: &Manifest,
    plan: &[Instance<'_>],
    input: Option<&Input>,
    interrupt: &Flag,
    quiet: bool,
) -> Work {
    let begun = Instant::now();
    let fed = match (&manifest.input, input) {
        (Some(spec), Some(input)) => {
            // All that is on its way may come to be in one mailbox.
            let in_flight_max = spec.in_flight_max.min(manifest.mailbox_messages_max(&spec.to)).into();
            let to = || instances(runtime, plan, &spec.to);
            feed::feed(runtime, input, to, in_flight_max, interrupt, quiet)
        }
        _ => wait_for_the_end(runtime, interrupt),
    };
    let settled = runtime.settle(SETTLE_MAX);
    let elapsed = fed.started.unwrap_or(begun).elapsed();
    let gave_up = runtime.supervisors_given_up() > 0;
    Work { fed, elapsed, settled, gave_up, shards: runtime.reports() }
}

/// Without input the actors run until they are interrupted, or none is left.
fn wait_for_the_end(runtime: &Runtime, interrupt: &Flag) -> Fed {
    let mut fed = Fed { started: Some(Instant::now()), ..Fed::default() };
    while !fed.interrupted && !fed.gave_up && runtime.actors() > 0 {
        std::thread::sleep(Duration::from_millis(20));
        fed.interrupted = interrupt.is_raised();
        fed.gave_up = runtime.supervisors_given_up() > 0;
    }
    fed
}

impl Work {
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some(error) = &self.fed.error {
            problems.push(format!("the input broke off: {error}"));
        }
        if self.fed.too_long > 0 {
            problems.push(format!("{} lines are longer than a message may be: skipped", self.fed.too_long));
        }
        if self.gave_up {
            let rest = if self.fed.gave_up { "; the rest of the input was not read" } else { "" };
            problems.push(format!("the supervisor gave up: too many restarts{rest}"));
        }
        if !self.settled && !self.gave_up {
            let seconds = SETTLE_MAX.as_secs();
            problems.push(format!("not everything was handled within {seconds} s of the end of the input"));
        }
        problems
    }

    fn exit(&self, end: &Report) -> Exit {
        let broken = self.gave_up || self.fed.error.is_some() || !self.settled;
        if broken || !end.drained || !end.failures.is_empty() || end.supervisors_given_up() > 0 {
            Exit::Failed
        } else if self.fed.interrupted {
            Exit::Interrupted
        } else {
            Exit::Done
        }
    }
}

/// Asks every instance, tells the answers to the actor that puts them together,
/// and asks that one for the whole.
fn collect(
    runtime: &Runtime,
    spec: &ReportSpec,
    cast: &Cast,
    problems: &mut Vec<String>,
) -> Map<String, Value> {
    let ask = |actor: ActorId, what: &str| -> Result<Payload, String> {
        let reply = runtime.request_within(actor, what, ANSWER_MAX).wait();
        reply.map_err(|error| format!("asked `{what}` for the report: {error}"))
    };
    let Some(&via) = cast.get(&spec.via).and_then(|instances| instances.first()) else { return Map::new() };
    for (index, &actor) in cast.get(&spec.ask).into_iter().flatten().enumerate() {
        let told = ask(actor, &spec.with)
            .and_then(|answer| runtime.tell(via, answer).map_err(|error| error.to_string()));
        if let Err(error) = told {
            problems.push(format!("{}.{index} is missing in the report: {error}", spec.ask));
        }
    }
    let whole = ask(via, &spec.then).and_then(|answer| {
        serde_json::from_slice(&answer)
            .map_err(|error| format!("`{}` answered no JSON object: {error}", spec.via))
    });
    whole.unwrap_or_else(|error| {
        problems.push(error);
        Map::new()
    })
}

fn figures(
    work: &Work,
    end: &Report,
    cpus: &[Option<usize>],
    reactor: String,
    health: Option<HealthFigures>,
    problems: Vec<String>,
) -> RunFigures {
    let elapsed_s = work.elapsed.as_secs_f64();
    let handled: u64 = work.shards.iter().map(|shard| shard.ledger.handled).sum();
    let mut latency = Latency::new();
    for shard in &work.shards {
        latency.merge(&shard.latency);
    }
    let mut exits = BTreeMap::new();
    for (label, count) in end.shards.iter().flat_map(|shard| &shard.exits_by_label) {
        *exits.entry((*label).to_owned()).or_default() += count;
    }
    let shard_figures = |(work, end): (&ShardReport, &ShardReport)| ShardFigures {
        shard: end.shard.0,
        core: cpus.get(end.shard.index()).copied().flatten(),
        actors: work.actors,
        ledger: end.ledger.into(),
        restarts: end.restarts,
        latency_ns: work.latency.summary().into(),
    };
    let mut accounts: Vec<_> = work.shards.iter().flat_map(|shard| &shard.accounts).collect();
    accounts.sort_by_key(|one| Reverse((one.account.cpu_ns, one.account.messages)));
    RunFigures {
        lines_read: work.fed.lines,
        elapsed_s,
        messages_per_second: if elapsed_s > 0.0 { handled as f64 / elapsed_s } else { 0.0 },
        latency_ns: latency.summary().into(),
        ledger: end.ledger().into(),
        answered_with_failure: end.shards.iter().map(|shard| shard.answered_with_failure).sum(),
        restarts: end.restarts(),
        exits,
        dead_letters: end
            .shards
            .iter()
            .flat_map(|shard| &shard.dead_letters)
            .map(ToString::to_string)
            .collect(),
        shards: work.shards.iter().zip(&end.shards).map(shard_figures).collect(),
        actors: accounts.into_iter().map(ActorFigures::from).collect(),
        reactor,
        health,
        interrupted: work.fed.interrupted,
        problems,
    }
}
