//! What is in a manifest arrives; what is wrong with it is shown.

mod documents;
mod problems;

use std::path::Path;

use expect_test::{Expect, expect};
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

use super::*;

/// Files that are there: tests run in the folder of the crate.
const GOOD: &str = r#"
[component.worker]
path = "Cargo.toml"

[[actor]]
name = "worker"
component = "worker"
"#;

fn read(text: &str) -> Result<Manifest, ManifestError> {
    Manifest::from_text(Path::new("raddle.toml"), text, &Overrides::default())
}

/// What the user sees.
fn render(error: &ManifestError) -> String {
    let mut text = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(100)
        .render_report(&mut text, error)
        .expect("a string takes everything");
    // `expect!` takes off the indentation that all lines share; so must we.
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    let indent = |line: &&str| line.len() - line.trim_start().len();
    let shared = lines.iter().filter(|line| !line.is_empty()).map(indent).min().unwrap_or(0);
    lines.iter().map(|line| line.get(shared..).unwrap_or("").to_owned() + "\n").collect()
}

/// Each problem on a line: where, what, what was expected, and help.
fn summary(error: &ManifestError) -> String {
    let mut text = String::new();
    for problem in error.problems() {
        let (line, column) = problem.line_and_column();
        let labels: Vec<_> = problem
            .labels()
            .into_iter()
            .flatten()
            .filter_map(|label| label.label().map(str::to_owned))
            .collect();
        text += &format!("{line}:{column} {problem}: {}", labels.join(" / "));
        if let Some(help) = problem.help() {
            text += &format!(" ({help})");
        }
        text += "\n";
    }
    text
}

/// `GOOD` and this have exactly these problems.
fn wrong(more: &str, expected: &Expect) {
    let text = format!("{}{more}", GOOD.trim_start());
    let error = read(&text).expect_err("there is something wrong");
    expected.assert_eq(&summary(&error));
}

#[test]
fn the_least_manifest_has_the_documented_defaults() {
    let manifest = read(GOOD).expect("valid");
    assert_eq!(manifest.runtime, RuntimeSpec::default());
    assert_eq!(manifest.supervisor, SupervisorSpec::default());
    assert_eq!(manifest.component("worker").map(|component| component.limits), Some(LimitsSpec::default()));
    assert_eq!(manifest.component("worker").map(|component| component.mailbox), Some(MailboxSpec::default()));
    let actor = manifest.actor("worker").expect("named above");
    assert_eq!((actor.instances, actor.placement), (Instances::Single, Placement::Spread));
    assert_eq!((actor.restart, actor.shutdown_ms), (Restart::Permanent, 5000));
    assert!(actor.config.is_empty());
    assert_eq!((manifest.input, manifest.report), (None, None));
}

#[test]
fn every_key_arrives() {
    let manifest = read(
        r#"
        [runtime]
        shards = 3
        reactor = "thread"
        mailbox_messages_max = 1_000
        mailbox_bytes_max = 2_000_000
        message_bytes_max = 0x1000
        park_spin_us = 0
        memory_layout = "compact"

        [component.worker]
        path = "Cargo.toml"
        limits = { memory_bytes_max = 65536, cpu_ms_max = 7 }
        mailbox = { messages_max = 9, bytes_max = 1_024, overflow = "drop_oldest", time_to_live_ms = 8 }

        [supervisor]
        strategy = "one_for_one"
        restarts_max = 0
        period_ms = 1
        auto_shutdown = "all_significant"
        backoff = { base_ms = 1, factor = 3, max_ms = 9, jitter = 0.5, stable_after_ms = 3 }

        [supervisors.outer]
        strategy = "rest_for_one"
        restart = "temporary"
        significant = true
        placement = "shard:1"

        [supervisors.inner]
        under = "outer"
        strategy = "one_for_all"
        auto_shutdown = "any_significant"
        backoff.base_ms = 2

        [[actor]]
        name = "worker"
        component = "worker"
        instances = "per-shard"
        supervisor = "inner"
        restart = "transient"
        significant = true
        shutdown_ms = 0
        config = { text = "t", number = 1_000, float = 0.50, flag = true, "any key" = "" }

        [[actor]]
        name = "one"
        component = "worker"
        placement = "shard:2"
        restart = "temporary"

        [input]
        lines = "-"
        to = "worker"
        in_flight_max = 1

        [report]
        ask = "worker"
        with = "a"
        via = "one"
        then = "b"
        "#,
    )
    .expect("valid");
    assert_eq!(
        manifest.component("worker").map(|component| component.mailbox),
        Some(MailboxSpec {
            messages_max: Some(9),
            bytes_max: Some(1_024),
            overflow: Overflow::DropOldest,
            time_to_live_ms: Some(8),
        })
    );
    assert_eq!(
        manifest.runtime,
        RuntimeSpec {
            shards: Some(3),
            reactor: Reactor::Thread,
            mailbox_messages_max: 1000,
            mailbox_bytes_max: 2_000_000,
            message_bytes_max: 4096,
            park_spin_us: 0,
            memory_layout: MemoryLayout::Compact,
        }
    );
    assert_eq!(
        manifest.components[0].limits,
        LimitsSpec { memory_bytes_max: Some(65536), cpu_ms_max: Some(7), ..LimitsSpec::default() }
    );
    let backoff = BackoffSpec { base_ms: 1, factor: 3.0, max_ms: 9, jitter: 0.5, stable_after_ms: 3 };
    assert_eq!(
        manifest.supervisor,
        SupervisorSpec {
            strategy: Strategy::OneForOne,
            restarts_max: 0,
            period_ms: 1,
            auto_shutdown: AutoShutdown::AllSignificant,
            backoff: Some(backoff)
        }
    );
    let [outer, inner] = &manifest.supervisors[..] else { panic!("two supervisors") };
    let outer = if outer.name == "outer" { (outer, inner) } else { (inner, outer) };
    let (outer, inner) = outer;
    assert_eq!((outer.spec.strategy, outer.restart), (Strategy::RestForOne, Restart::Temporary));
    assert_eq!((outer.significant, outer.placement, &outer.under), (true, Placement::Shard(1), &None));
    assert_eq!((inner.spec.strategy, inner.under.as_deref()), (Strategy::OneForAll, Some("outer")));
    assert_eq!(inner.spec.auto_shutdown, AutoShutdown::AnySignificant);
    assert_eq!(inner.spec.backoff, Some(BackoffSpec { base_ms: 2, ..BackoffSpec::default() }));
    let [worker, one] = &manifest.actors[..] else { panic!("two actors") };
    assert_eq!((worker.significant, one.significant), (true, false));
    assert_eq!(manifest.supervisors_of(worker), ["inner", "outer"]);
    assert_eq!(manifest.supervisors_of(one), [""; 0]);
    assert_eq!((worker.instances, worker.restart), (Instances::PerShard, Restart::Transient));
    assert_eq!((one.placement, one.restart), (Placement::Shard(2), Restart::Temporary));
    let config: Vec<_> = worker.config.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(
        config,
        [("any key", ""), ("flag", "true"), ("float", "0.50"), ("number", "1000"), ("text", "t")]
    );
    let input = manifest.input.expect("given");
    assert_eq!((input.lines, input.to.as_str(), input.in_flight_max), (Lines::Stdin, "worker", 1));
    let report = manifest.report.expect("given");
    assert_eq!([report.ask, report.with, report.via, report.then], ["worker", "a", "one", "b"]);
}

#[test]
fn files_are_relative_to_the_manifest() {
    let text = GOOD.replace("Cargo.toml", "mod.rs");
    let manifest = Manifest::from_text(Path::new("src/manifest/any.toml"), &text, &Overrides::default());
    assert_eq!(manifest.expect("valid").components[0].path, Path::new("src/manifest/mod.rs"));
}

#[test]
fn the_command_line_goes_over_the_manifest() {
    let text = format!("{GOOD}[runtime]\nshards = 9\n[input]\nlines = \"missing.log\"\nto = \"worker\"\n");
    let overrides = Overrides {
        shards: Some(2),
        reactor: Some(Reactor::Thread),
        input: Some(Lines::from_argument("Cargo.lock")),
    };
    let read =
        |text: &str, overrides: &Overrides| Manifest::from_text(Path::new("raddle.toml"), text, overrides);
    let manifest = read(&text, &overrides).expect("the missing file is not needed");
    assert_eq!((manifest.runtime.shards, manifest.runtime.reactor), (Some(2), Reactor::Thread));
    assert_eq!(manifest.input.map(|input| input.lines), Some(Lines::File("Cargo.lock".into())));

    let input = |text: &str| Overrides { input: Some(Lines::from_argument(text)), ..Overrides::default() };
    let error = |text: &str, overrides: Overrides| render(&read(text, &overrides).expect_err("wrong"));
    expect![[r#"
          × --input nowhere.log: no such file
          help: give the path of a file, or - for standard input
    "#]]
    .assert_eq(&error(&text, input("nowhere.log")));
    expect![[r#"
          × --input -: the manifest has no [input]
          help: add [input] with `to`, the name of the actor that gets the lines
    "#]]
    .assert_eq(&error(GOOD, input("-")));
}

#[test]
fn instances_are_named_and_placed_in_order() {
    let text = format!(
        "{GOOD}{}",
        r#"instances = 3
[[actor]]
name = "each"
component = "worker"
instances = "per-shard"
[[actor]]
name = "fixed"
component = "worker"
instances = 2
placement = "shard:1"
[[actor]]
name = "single"
component = "worker"
"#
    );
    let manifest = read(&text).expect("valid");
    let plan = |shards| {
        let plan = manifest.plan(shards).expect("fits");
        plan.iter().map(|instance| format!("{}@{} ", instance.name, instance.shard)).collect::<String>()
    };
    assert_eq!(plan(2), "worker.0@0 worker.1@1 worker.2@0 each.0@0 each.1@1 fixed.0@1 fixed.1@1 single@1 ");
    assert_eq!(
        plan(4),
        "worker.0@0 worker.1@1 worker.2@2 each.0@0 each.1@1 each.2@2 each.3@3 fixed.0@1 fixed.1@1 single@3 "
    );
    let error = manifest.plan(1).expect_err("there is no shard 1");
    expect![[r#"
        17:13 there is no shard 1: expected "spread" or "shard:0": there is one shard (set `shards` in [runtime], or --shards, or let it be "spread")
    "#]].assert_eq(&summary(&error));
    wrong(
        "placement = \"shard:2\"\n[runtime]\nshards = 2\n",
        &expect![[r#"
        7:13 there is no shard 2: expected "shard:0" to "shard:1": there are 2 shards (set `shards` in [runtime], or --shards, or let it be "spread")
    "#]],
    );
    wrong(
        "instances = \"per-shard\"\nplacement = \"shard:0\"\n",
        &expect![[r#"
        8:13 one instance per shard, and all on one shard: expected no `placement` beside `instances = "per-shard"`
    "#]],
    );
}

#[test]
fn grants_are_read_and_nothing_is_granted_by_default() {
    let bare = read(GOOD).expect("valid");
    assert_eq!(
        (bare.components[0].trust, &bare.components[0].grants),
        (Trust::Untrusted, &GrantsSpec::default())
    );
    let manifest = read(
        r#"
        [component.worker]
        path = "Cargo.toml"
        trust = "standard"
        limits = { cpu_percent_max = 50, batch_messages_max = 8, log_lines_per_s_max = 0, requests_max = 9, relations_max = 10, children_max = 11 }

        [component.worker.grants]
        send = ["orders", "worker.*", "@sender"]
        publish = ["weather.>"]
        link = ["worker.*", "@sender"]
        spawn = ["worker"]
        clocks = true
        environment = { LEVEL = 3 }
        read = { "/data" = "src" }

        [[actor]]
        name = "worker"
        component = "worker"
        "#,
    )
    .expect("valid");
    let component = &manifest.components[0];
    assert_eq!(component.trust, Trust::Standard);
    assert_eq!((component.limits.cpu_percent_max, component.limits.batch_messages_max), (Some(50), Some(8)));
    assert_eq!((component.limits.log_lines_per_s_max, component.limits.requests_max), (Some(0), Some(9)));
    assert_eq!((component.limits.relations_max, component.limits.children_max), (Some(10), Some(11)));
    let expected = GrantsSpec {
        send: vec!["orders".into(), "worker.*".into(), "@sender".into()],
        publish: vec!["weather.>".into()],
        link: vec!["worker.*".into(), "@sender".into()],
        spawn: vec!["worker".into()],
        clocks: true,
        environment: [("LEVEL".into(), "3".into())].into(),
        read: [("/data".into(), "src".into())].into(),
        ..GrantsSpec::default()
    };
    assert_eq!(component.grants, expected);
}

#[test]
fn a_grant_that_is_no_pattern_is_a_problem_with_its_place() {
    let text = GOOD.replace("path =", "grants = { send = [\"a..b\", 7], cloks = true }\npath =");
    let said = summary(&read(&text).expect_err("three problems"));
    for part in ["3:20 this is no pattern", "no string", "at byte", "did you mean `clocks`?"] {
        assert!(said.contains(part), "{part} not in\n{said}");
    }
    assert_eq!(said.lines().count(), 3, "{said}");
}
