//! `run`: workloads in turn, again and again, beside the bare call.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use crate::figure::{FORMAT, Figure, Saved};
use crate::floor::Floor;
use crate::interrupt;
use crate::machine::Machine;
use crate::noise::Gaps;
use crate::open::{self, Rate};
use crate::recording::{Recording, RecordingCost};
use crate::report;
use crate::setup::{Setup, Stand};
use crate::workload::{Extras, Kind, Place, Workload, set_up};

#[derive(clap::Args, Debug, Clone)]
pub(crate) struct Args {
    /// What to measure, one after the other in each round; with --component that, if
    /// nothing else is named
    #[arg(required_unless_present = "component", value_enum, value_name = "WORKLOAD")]
    workloads: Vec<Kind>,
    #[command(flatten)]
    pub(crate) setup: Setup,
    #[command(flatten)]
    pub(crate) extras: Extras,
    /// Where sender and receiver are
    #[arg(long, value_enum, default_value = "both")]
    pub(crate) place: Place,
    /// Messages in each round; of what takes longer than a message, fewer
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) messages: u64,
    /// Messages a second, each due at its time, instead of as fast as it goes
    #[arg(long, value_name = "PER_SECOND", value_parser = rate)]
    rate: Option<f64>,
    /// Record how long each round trip of ping-pong takes, as fast as it goes
    #[arg(long, conflicts_with = "rate")]
    latency: bool,
    #[command(flatten)]
    pub(crate) rounds: Rounds,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// How often, and for how long.
#[derive(clap::Args, Debug, Clone)]
pub(crate) struct Rounds {
    /// Rounds that count, in turn with those of the other workloads
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) repeats: u32,
    /// Rounds before them that do not count
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    pub(crate) warmup: u32,
    /// How long a round at a set rate takes, in ms
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(10..=600_000))]
    pub(crate) duration_ms: u64,
    /// Of so many messages at a set rate, the latency of one is recorded [default: as
    /// many as keep recording under 2 % of a core]
    #[arg(long, value_name = "MESSAGES", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) sample_every: Option<u64>,
    /// How long to watch the machine's own noise before each round, in ms
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub(crate) noise_ms: u64,
}

impl Rounds {
    pub(crate) fn rate(&self, per_second: f64) -> Rate {
        let duration = Duration::from_millis(self.duration_ms);
        let sample_every =
            self.sample_every.unwrap_or_else(|| RecordingCost::here().sample_every(per_second));
        Rate { per_second, duration, sample_every }
    }
}

/// Where it goes.
#[derive(clap::Args, Debug, Clone)]
pub(crate) struct Output {
    /// Write run.json, report.html, plots and histograms into this folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
    /// Print the run as JSON instead of tables
    #[arg(long)]
    pub(crate) json: bool,
}

impl Output {
    pub(crate) fn give(&self, saved: &Saved, recordings: &[(String, Recording)]) -> anyhow::Result<()> {
        self.save(saved, recordings)?;
        if !self.json {
            report::print(saved);
        }
        Ok(())
    }

    /// All but the tables.
    pub(crate) fn save(&self, saved: &Saved, recordings: &[(String, Recording)]) -> anyhow::Result<()> {
        if let Some(folder) = &self.out {
            report::write(folder, saved, recordings)?;
        }
        if self.json {
            println!("{}", serde_json::to_string_pretty(saved)?);
        }
        Ok(())
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (1.0..=1e9).contains(rate));
    rate.ok_or_else(|| "expected from 1 to 1000000000 messages a second".to_owned())
}

/// How many units a round has, where a message is not the measure.
pub(crate) fn units(kind: Kind, messages: u64) -> u64 {
    let share = match kind {
        Kind::Tell | Kind::Ring | Kind::FanIn | Kind::FanOut => 1,
        Kind::Pairs | Kind::Publish | Kind::Component => 1,
        Kind::PingPong => 2,
        Kind::Mixed | Kind::AccessLog => 5,
        Kind::Ask => 20,
        Kind::SpawnStop | Kind::RestartStorm => 100,
    };
    (messages / share).max(1)
}

/// One thing that is measured, round after round.
struct Course {
    kind: Kind,
    workload: Box<dyn Workload>,
    figure: Figure,
    recording: Option<Recording>,
    gaps: Gaps,
}

impl Course {
    /// One round. Only if it counts it goes into the figure.
    fn round(&mut self, stand: &Stand, args: &Args, counts: bool) -> anyhow::Result<()> {
        let mut gaps = Gaps::new();
        gaps.watch(stand.runtime.cpus(), Duration::from_millis(args.rounds.noise_ms));
        let (ns_per_unit, recording) = match args.rate {
            None => {
                let round = self.workload.round(stand, units(self.kind, args.messages))?;
                self.figure.units_per_round = round.units;
                (round.ns_per_unit(), round.recording)
            }
            Some(per_second) => {
                let open = self.workload.open().context("it has no set rate")?;
                let rate = args.rounds.rate(per_second);
                let round = open::round(stand, &open, rate)?;
                self.figure.offered_per_second = Some(per_second);
                self.figure.sample_every = rate.sample_every;
                self.figure.kept_up &= round.kept_up || !counts;
                self.figure.units_per_round = (per_second * rate.duration.as_secs_f64()) as u64;
                (1e9 / round.achieved_per_second, Some(round.recording))
            }
        };
        // Cut short while it warmed up: that is what there is.
        let is_all_there_is = interrupt::is_raised() && self.figure.ns_per_unit.is_empty();
        if counts || is_all_there_is {
            self.figure.ns_per_unit.push(ns_per_unit);
            self.gaps.add(&gaps);
            self.figure.noise = self.gaps.summary();
            match (&mut self.recording, recording) {
                (Some(all), Some(one)) => all.merge(&one),
                (all, one) => *all = all.take().or(one),
            }
        }
        Ok(())
    }
}

impl Args {
    /// With what follows from its other options.
    fn resolved(&self) -> Self {
        let mut resolved = self.clone();
        if self.extras.component.is_some() && !self.workloads.contains(&Kind::Component) {
            resolved.workloads.push(Kind::Component);
        }
        resolved
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let args = &args.resolved();
    interrupt::listen()?;
    ensure!(
        !args.latency || args.workloads.contains(&Kind::PingPong),
        "--latency: as fast as it goes only ping-pong tells latencies, and ask by itself; for others there is --rate"
    );
    let stand = Stand::new(&args.setup, args.rate.is_some() || args.latency)?;
    let mut courses = set_up_all(args, &stand)?;
    let mut floor = if args.rate.is_none() { Some(Floor::new(&args.setup, &args.workloads)?) } else { None };
    let rounds = args.rounds.warmup + args.rounds.repeats;
    let progress = progress(u64::from(rounds) * courses.len() as u64);
    let mut is_complete = true;
    'rounds: for round in 0..rounds {
        let counts = round >= args.rounds.warmup;
        if let Some(floor) = &mut floor {
            let noise = Duration::from_millis(args.rounds.noise_ms);
            floor.round(args.messages, counts, stand.runtime.cpus(), noise)?;
        }
        for course in &mut courses {
            progress.set_message(course.figure.title.clone());
            match course.round(&stand, args, counts) {
                Ok(()) => progress.inc(1),
                Err(error) if interrupt::is_interrupted(&error) => {
                    is_complete = false;
                    break 'rounds;
                }
                Err(error) => return Err(error.context(course.figure.title.clone())),
            }
            if interrupt::is_raised() {
                is_complete = false;
                break 'rounds;
            }
        }
    }
    progress.finish_and_clear();

    let (reactor, shards) = (stand.runtime.reactor().to_string(), stand.runtime.shards());
    let mut figures = floor.map(|floor| floor.figures).unwrap_or_default();
    let mut recordings = Vec::new();
    for course in courses {
        let Course { workload, mut figure, recording, .. } = course;
        if is_complete {
            workload.end(&stand)?;
        }
        if let Some(recording) = recording {
            figure.set_latencies(&recording);
            recordings.push((figure.key(), recording));
        }
        figures.push(figure);
    }
    if is_complete {
        stand.end()?;
    }
    figures.retain(|figure| !figure.ns_per_unit.is_empty());
    ensure!(!figures.is_empty(), "interrupted before the first round was done");
    let setup = serde_json::json!({
        "workloads": args.workloads, "place": args.place, "messages": args.messages, "rate": args.rate,
        "latency": args.latency, "repeats": args.rounds.repeats, "warmup": args.rounds.warmup, "duration_ms": args.rounds.duration_ms,
        "sample_every": args.rounds.sample_every, "setup": args.setup, "extras": args.extras,
    });
    let saved = saved("run", is_complete, reactor, shards, setup, figures);
    args.output.give(&saved, &recordings)?;
    if !is_complete {
        std::process::exit(130);
    }
    Ok(())
}

fn set_up_all(args: &Args, stand: &Stand) -> anyhow::Result<Vec<Course>> {
    let mut courses = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for &kind in args.workloads.iter().filter(|kind| seen.insert(**kind)) {
        let workloads = set_up(kind, args.place, stand, &args.extras).with_context(|| kind.name())?;
        for workload in workloads {
            let title = workload.title();
            ensure!(
                args.rate.is_none() || workload.open().is_some(),
                "--rate: `{}` sets its own pace; tell, fan-in, pairs, ask and component can be fed at a rate",
                kind.name()
            );
            let figure = Figure::new(title, workload.unit());
            courses.push(Course { kind, workload, figure, recording: None, gaps: Gaps::new() });
        }
    }
    Ok(courses)
}

/// A bar on standard error, if that is a terminal.
pub(crate) fn progress(steps: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}");
    ProgressBar::new(steps).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

pub(crate) fn saved(
    command: &str,
    is_complete: bool,
    reactor: String,
    shards: usize,
    setup: serde_json::Value,
    figures: Vec<Figure>,
) -> Saved {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Saved {
        format: FORMAT,
        is_complete,
        command: command.to_owned(),
        taken_at_unix_s: now.as_secs(),
        machine: Machine::here(),
        reactor,
        shards,
        setup,
        recording_cost: RecordingCost::here(),
        figures,
        bars: Vec::new(),
    }
}
