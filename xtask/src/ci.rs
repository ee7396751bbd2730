//! `cargo xtask ci`: what `.ci/run` runs, step by step.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::root;

/// Run every check, in the order of how soon each would fail
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only the steps whose name has this in it
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

struct Step {
    name: &'static str,
    run: fn() -> Result<()>,
}

const STEPS: &[Step] = &[
    Step { name: "format", run: || cargo(&["fmt", "--all", "--check"]) },
    // The README's test command. All members at once: apart they would want their
    // dependencies with other features, and each build takes minutes.
    Step { name: "test", run: || cargo(&["test", "--workspace"]) },
    // With the rivals, and in the build that is there: it costs a minute or two.
    Step { name: "race", run: race },
    Step { name: "lower-layers", run: || cargo(&["test", "--no-default-features", "--lib"]) },
    Step {
        name: "clippy",
        run: || cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    },
    Step { name: "docs", run: docs },
    Step { name: "loom", run: || cargo(&["xtask", "loom"]) },
    Step { name: "mutants-fast", run: || cargo(&["xtask", "mutants", "--fast"]) },
    Step { name: "guests", run: guests },
    Step { name: "audit", run: audit },
    Step { name: "smoke", run: smoke },
    Step { name: "soak", run: soak },
];

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut took: Vec<(&str, Duration)> = Vec::new();
    for step in STEPS.iter().filter(|step| args.only.as_deref().is_none_or(|text| step.name.contains(text))) {
        println!("\n== {}", step.name);
        let start = Instant::now();
        (step.run)().with_context(|| format!("step `{0}` (again: cargo xtask ci --only {0})", step.name))?;
        took.push((step.name, start.elapsed()));
    }
    println!();
    for (name, time) in &took {
        println!("{name:>16}  {:>6.1} s", time.as_secs_f64());
    }
    println!("{} passed, 0 failed", took.len());
    Ok(())
}

fn cargo(args: &[&str]) -> Result<()> {
    run_command(Command::new("cargo").args(args))
}

fn run_command(command: &mut Command) -> Result<()> {
    let status = command.current_dir(root()).status().with_context(|| shown(command))?;
    ensure!(status.success(), "{} failed: {status}", shown(command));
    Ok(())
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

fn docs() -> Result<()> {
    let mut doc = Command::new("cargo");
    doc.args(["doc", "--no-deps", "--workspace", "--document-private-items"]);
    run_command(doc.env("RUSTDOCFLAGS", "-D warnings"))
}

/// Every rival in every workload, proved as Raddle is. With the features of the whole
/// workspace, so that little is built that is not there.
fn race() -> Result<()> {
    let test = ["test", "--workspace", "--features", "raddle-perf/race", "--test", "cli"];
    cargo(&[&test[..], &["--", "every_rival_adds_up"]].concat())
}

/// The committed guests match their sources; and the guests' own tests pass.
fn guests() -> Result<()> {
    cargo(&["xtask", "guest-toolchain"])?;
    cargo(&["xtask", "guests", "--check"])?;
    run_command(Command::new("cargo").args(["test", "--quiet", "--manifest-path", "guests/Cargo.toml"]))
}

/// Licences, sources and duplicates of all dependencies; and known advisories,
/// where their database can be fetched.
fn audit() -> Result<()> {
    if !Command::new("cargo").args(["deny", "--version"]).stdout(Stdio::null()).status()?.success() {
        cargo(&["install", "cargo-deny", "--locked", "--quiet"])?;
    }
    cargo(&["deny", "check", "bans", "licenses", "sources"])?;
    let fetched = Command::new("cargo").args(["deny", "fetch", "db"]).current_dir(root()).status()?;
    if fetched.success() {
        cargo(&["deny", "check", "advisories"])
    } else {
        println!("warning: the database of advisories cannot be fetched here: advisories were NOT checked");
        Ok(())
    }
}

/// Short versions of two soaks: what races, and what may be lost among guests.
fn soak() -> Result<()> {
    cargo(&["xtask", "soak", "requests", "guests", "--requests", "500000", "--guest-messages", "2000000"])
}

/// The main job, as the README has it, on the sample: and does its ledger close?
fn smoke() -> Result<()> {
    let mut run = Command::new("cargo");
    run.args(["run", "--release", "--", "run", "examples/access_log/raddle.toml", "--output", "json"]);
    let output = run.current_dir(root()).stderr(Stdio::inherit()).output().context("the main job")?;
    ensure!(output.status.success(), "the main job failed: {}", output.status);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).context("its report")?;
    let figure = |path: &str| report.pointer(path).and_then(serde_json::Value::as_u64);
    let ledger = |key: &str| figure(&format!("/ledger/{key}")).with_context(|| format!("no ledger/{key}"));
    let settled = ledger("handled")? + ledger("failed")? + ledger("dead")? + ledger("resident")?;
    if ledger("accepted")? != settled || figure("/lines") != Some(200) {
        bail!("the report does not add up:\n{report:#}");
    }
    println!("{} lines, {} messages accounted for", figure("/lines").unwrap_or(0), settled);
    Ok(())
}
