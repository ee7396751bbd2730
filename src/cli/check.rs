//! `raddle check`: is it all sound? And what would be run?

use std::error::Error;
use std::fmt::Write;

use super::assemble::profile;
use super::exit::Failure;
use super::report::table;
use super::report::units::{Bytes, count};
use crate::manifest::{ComponentSpec, Instances, Manifest, ManifestError, Problem, Restart};

/// How many of an actor's instances are listed one by one.
const INSTANCES_LISTED_MAX: usize = 8;

/// Why a component cannot be used.
#[derive(Debug)]
pub struct ComponentFault {
    /// What is wrong with it.
    pub error: Box<dyn Error + Send + Sync>,
    /// What to do about it.
    pub help: Option<String>,
}

/// Loads every component by `load`, and places every actor on so many shards.
///
/// # Errors
/// Every component that cannot be used, with the line that names it; or every
/// actor that cannot be placed.
pub fn check(
    manifest: &Manifest,
    shards: u16,
    mut load: impl FnMut(&ComponentSpec) -> Result<(), ComponentFault>,
) -> Result<String, Failure> {
    let plan = plan_text(manifest, shards)?;
    let mut problems = Vec::new();
    for component in &manifest.components {
        if let Err(fault) = load(component) {
            problems.push(component_problem(manifest, component, fault));
        }
    }
    if problems.is_empty() {
        Ok(plan)
    } else {
        Err(Failure::component(ManifestError::Invalid { path: manifest.path.clone(), problems }))
    }
}

/// A component that cannot be used, shown with the line that names it.
pub fn component_problem(manifest: &Manifest, component: &ComponentSpec, fault: ComponentFault) -> Problem {
    let message = format!("the component `{}` cannot be used", component.name);
    let label = "expected a component that is an actor";
    let problem = manifest.problem(component.path_span, message, label).with_cause(fault.error);
    match fault.help {
        Some(help) => problem.with_help(help),
        None => problem,
    }
}

/// What would be run, as text.
fn plan_text(manifest: &Manifest, shards: u16) -> Result<String, ManifestError> {
    let plan = manifest.plan(shards)?;
    let mut text = String::new();
    let word = if shards == 1 { "shard" } else { "shards" };
    let actors = if plan.len() == 1 { "actor" } else { "actors" };
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "{} is sound: {} {actors} on {shards} {word}\n",
        manifest.path.display(),
        count(plan.len() as u64)
    );

    let mut components = table(&["component", "memory at most", "time at most", "file"], &[1, 2]);
    for component in &manifest.components {
        let limits = profile(component, manifest.runtime.message_bytes_max).limits;
        components.add_row([
            component.name.clone(),
            Bytes(limits.memory_bytes_max as u64).to_string(),
            format!("{} ms", count(limits.message_time_max.as_millis() as u64)),
            component.path.display().to_string(),
        ]);
    }
    let _ = writeln!(text, "{}\n", components.trim_fmt());

    let mut actors = table(&["actor", "component", "restart", "instances", "where"], &[3]);
    let mut rest = plan.as_slice();
    for spec in &manifest.actors {
        let (instances, after) = rest.split_at(spec.count(shards));
        rest = after;
        let mut places: Vec<String> = instances
            .iter()
            .take(INSTANCES_LISTED_MAX)
            .map(|instance| match spec.instances {
                Instances::Single => format!("shard {}", instance.shard),
                Instances::Count(_) | Instances::PerShard => {
                    format!("{} on shard {}", instance.name, instance.shard)
                }
            })
            .collect();
        if instances.len() > INSTANCES_LISTED_MAX {
            places.push(format!("and {} more", count((instances.len() - INSTANCES_LISTED_MAX) as u64)));
        }
        let restart = match spec.restart {
            Restart::Permanent => "permanent",
            Restart::Transient => "transient",
            Restart::Temporary => "temporary",
        };
        actors.add_row([
            spec.name.clone(),
            spec.component.clone(),
            restart.to_owned(),
            count(instances.len() as u64),
            places.join("\n"),
        ]);
    }
    let _ = writeln!(text, "{}", actors.trim_fmt());

    if let Some(input) = &manifest.input {
        let most = count(input.in_flight_max.into());
        let _ = writeln!(text, "\ninput: the lines of {} to {}, {most} at once", input.lines, input.to);
    }
    if let Some(report) = &manifest.report {
        let _ = writeln!(
            text,
            "report: {} is asked \"{}\", {} is told and asked \"{}\"",
            report.ask, report.with, report.via, report.then
        );
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use expect_test::expect;

    use super::*;
    use crate::cli::exit::Exit;
    use crate::manifest::Overrides;

    fn manifest(more: &str) -> Manifest {
        let text = format!(
            r#"
[component.worker]
path = "Cargo.toml"
[[actor]]
name = "worker"
component = "worker"
{more}"#
        );
        Manifest::from_text(Path::new("raddle.toml"), &text, &Overrides::default()).expect("sound")
    }

    #[test]
    fn what_is_sound_is_shown_as_it_would_run() {
        let manifest = manifest(
            r#"
instances = 1000
restart = "transient"
[[actor]]
name = "each"
component = "worker"
instances = "per-shard"
[[actor]]
name = "one"
component = "worker"
placement = "shard:1"
[input]
lines = "-"
to = "each"
[report]
ask = "each"
with = "totals"
via = "one"
then = "report"
"#,
        );
        let mut loaded = Vec::new();
        let text = check(&manifest, 3, |component| {
            loaded.push(component.name.clone());
            Ok(())
        });
        expect![[r#"
            raddle.toml is sound: 1,004 actors on 3 shards

             component   memory at most   time at most   file
            ────────────────────────────────────────────────────────
             worker              16 MiB          20 ms   Cargo.toml

             actor    component   restart     instances   where
            ──────────────────────────────────────────────────────────────────
             worker   worker      transient       1,000   worker.0 on shard 0
                                                          worker.1 on shard 1
                                                          worker.2 on shard 2
                                                          worker.3 on shard 0
                                                          worker.4 on shard 1
                                                          worker.5 on shard 2
                                                          worker.6 on shard 0
                                                          worker.7 on shard 1
                                                          and 992 more
             each     worker      permanent           3   each.0 on shard 0
                                                          each.1 on shard 1
                                                          each.2 on shard 2
             one      worker      permanent           1   shard 1

            input: the lines of standard input to each, 1,024 at once
            report: each is asked "totals", one is told and asked "report"
        "#]]
        .assert_eq(&text.expect("sound"));
        assert_eq!(loaded, ["worker"]);
    }

    #[test]
    fn a_component_that_cannot_be_used_is_shown_with_its_line() {
        let fault = |_: &ComponentSpec| {
            let help = Some("make a component of it: `wasm-tools component new`".to_owned());
            Err(ComponentFault { error: "it is a core module".into(), help })
        };
        let failure = check(&manifest(""), 1, fault).expect_err("no component");
        assert_eq!(failure.exit, Exit::Component);
        let error: &ManifestError = failure.report.downcast_ref().expect("made above");
        let [problem] = error.problems() else { panic!("one component") };
        assert_eq!(problem.to_string(), "the component `worker` cannot be used");
        assert_eq!(problem.source().map(ToString::to_string).as_deref(), Some("it is a core module"));
        assert_eq!(problem.line_and_column(), (3, 8));
    }

    #[test]
    fn an_actor_that_has_no_place_is_bad_usage() {
        let failure = check(&manifest("placement = \"shard:1\""), 1, |_| Ok(())).expect_err("no shard 1");
        assert_eq!(failure.exit, Exit::Usage);
    }
}
