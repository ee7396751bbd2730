//! `race`: other actor runtimes under the same workloads, with the same payloads
//! and the same proof, in turn with Raddle and with the floors, in one run.

use std::time::Duration;

use anyhow::{Context, ensure};
use raddle_rivals::{Job, Rival};

use crate::bare_ring;
use crate::figure::Figure;
use crate::interrupt;
use crate::machine::locked;
use crate::noise::Gaps;
use crate::report::{table, time};
use crate::run::{Floor, Output, Rounds, progress, saved, units};
use crate::setup::{Setup, Stand};
use crate::stats::Summary;
use crate::workload::{Extras, Kind, Place, Workload, set_up};

/// Crates whose versions are told.
const VERSIONS: [&str; 5] = ["tokio", "actix", "ractor", "kameo", "wasmtime"];

#[derive(clap::Args, Debug, Clone)]
pub(crate) struct Args {
    /// What to race in [default: tell, ring, ping-pong, fan-in, pairs, spawn-stop]
    #[arg(value_enum, value_name = "WORKLOAD")]
    workloads: Vec<Kind>,
    #[command(flatten)]
    setup: Setup,
    #[command(flatten)]
    extras: Extras,
    /// Messages in each round; of what takes longer than a message, fewer
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    messages: u64,
    #[command(flatten)]
    rounds: Rounds,
    #[command(flatten)]
    output: Output,
}

const ALL: [Kind; 6] = [Kind::Tell, Kind::Ring, Kind::PingPong, Kind::FanIn, Kind::Pairs, Kind::SpawnStop];

fn of(kind: Kind) -> anyhow::Result<raddle_rivals::Workload> {
    use raddle_rivals::Workload;
    Ok(match kind {
        Kind::Tell => Workload::Tell,
        Kind::Ring => Workload::Ring,
        Kind::PingPong => Workload::PingPong,
        Kind::FanIn => Workload::FanIn,
        Kind::Pairs => Workload::Pairs,
        Kind::SpawnStop => Workload::SpawnStop,
        other => anyhow::bail!("nobody else runs `{}`: it is not raced in", other.name()),
    })
}

/// All who race in one workload.
struct Race {
    kind: Kind,
    /// And on which of the stands.
    raddle: Vec<(usize, Box<dyn Workload>)>,
    figures: Vec<Figure>,
    gaps: Gaps,
}

impl Race {
    fn new(kind: Kind, stands: &[Stand], args: &Args, rivals: &[Box<dyn Rival>]) -> anyhow::Result<Self> {
        let mut raddle = Vec::new();
        let mut figures = Vec::new();
        for (index, stand) in stands.iter().enumerate() {
            for workload in set_up(kind, Place::Both, stand, &args.extras)? {
                let title = match stand.setup.batch {
                    1 => format!("{}: raddle ({})", kind.name(), workload.title()),
                    batch => format!("{}: raddle, batches of {batch} ({})", kind.name(), workload.title()),
                };
                figures.push(Figure::new(title, workload.unit()));
                raddle.push((index, workload));
            }
        }
        let unit = figures[0].unit.clone();
        figures.extend(
            rivals.iter().map(|rival| Figure::new(format!("{}: {}", kind.name(), rival.name()), &unit)),
        );
        Ok(Self { kind, raddle, figures, gaps: Gaps::new() })
    }

    fn round(
        &mut self,
        stands: &[Stand],
        args: &Args,
        rivals: &[Box<dyn Rival>],
        counts: bool,
    ) -> anyhow::Result<()> {
        self.gaps.watch(stands[0].runtime.cpus(), Duration::from_millis(args.rounds.noise_ms));
        let units = units(self.kind, args.messages);
        let mut all = Vec::new();
        for (stand, workload) in &mut self.raddle {
            let round = workload.round(&stands[*stand], units).with_context(|| workload.title())?;
            all.push(round.ns_per_unit());
        }
        let is_wide = matches!(self.kind, Kind::Pairs);
        let job = Job {
            workload: of(self.kind)?,
            units,
            payload_bytes: args.setup.payload,
            actors: if is_wide { args.setup.pairs } else { args.setup.actors },
            workers: if is_wide { stands[0].runtime.shards() } else { 1 },
        };
        for rival in rivals {
            ensure!(!interrupt::is_raised(), interrupt::Interrupted);
            // A panic of theirs is an error of ours, which says whose it was.
            all.push(rival.ns_per_unit(&job).with_context(|| rival.name())?);
        }
        for (figure, ns) in self.figures.iter_mut().zip(all).filter(|_| counts) {
            figure.ns_per_unit.push(ns);
            figure.units_per_round = units;
            figure.noise = self.gaps.summary();
        }
        Ok(())
    }

    fn print(&self, floor: f64) {
        println!("\n{}, ns per {}", self.kind.name(), self.figures[0].unit);
        let best = self.figures.iter().filter(|figure| !figure.ns_per_unit.is_empty());
        let best = best.map(|figure| figure.summary().median).fold(f64::INFINITY, f64::min);
        let rows = self.figures.iter().filter(|figure| !figure.ns_per_unit.is_empty()).map(|figure| {
            let Summary { median, min, max } = figure.summary();
            let name = figure.title.split_once(": ").map_or(figure.title.as_str(), |(_, name)| name);
            vec![
                name.to_owned(),
                format!("{median:.1}"),
                format!("{min:.1} to {max:.1}"),
                format!("{:.2}", median / best),
                format!("{:.2}", median / floor),
                time(figure.noise.p999_ns as f64),
            ]
        });
        println!("{}", table(&["", "median", "spread", "× best", "× bare call", "noise p99.9"], rows));
    }
}

/// One runtime whose guests take one message in each call, and one whose guests take
/// batches, if that is asked for.
fn stands(setup: &Setup) -> anyhow::Result<Vec<Stand>> {
    let mut stands = vec![Stand::new(&Setup { batch: 1, ..setup.clone() }, false)?];
    if setup.batch > 1 {
        stands.push(Stand::new(setup, false)?);
    }
    Ok(stands)
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    interrupt::listen()?;
    let kinds = if args.workloads.is_empty() { ALL.to_vec() } else { args.workloads.clone() };
    for &kind in &kinds {
        of(kind)?;
    }
    let rivals = raddle_rivals::all(&args.setup.guest, args.setup.actors.max(args.setup.pairs))?;
    let stands = stands(&args.setup)?;
    let mut floor = Floor::new(&args.setup)?;
    let mut ring = Figure::new("bare ring, two cores".to_owned(), "message");
    let races = kinds.iter().map(|&kind| Race::new(kind, &stands, args, &rivals));
    let mut races: Vec<Race> = races.collect::<Result<_, _>>()?;
    let rounds = args.rounds.warmup + args.rounds.repeats;
    let progress = progress(u64::from(rounds) * races.len() as u64);
    let mut is_complete = true;
    'rounds: for round in 0..rounds {
        let counts = round >= args.rounds.warmup;
        let noise = Duration::from_millis(args.rounds.noise_ms);
        floor.round(args.messages, counts, stands[0].runtime.cpus(), noise)?;
        let ring_ns = bare_ring::ns_per_message(stands[0].runtime.cpus(), args.messages)?;
        if counts {
            ring.ns_per_unit.push(ring_ns);
            ring.units_per_round = args.messages;
        }
        for race in &mut races {
            progress.set_message(race.kind.name());
            match race.round(&stands, args, &rivals, counts) {
                Ok(()) => progress.inc(1),
                Err(error) if interrupt::is_interrupted(&error) => {
                    is_complete = false;
                    break 'rounds;
                }
                Err(error) => return Err(error.context(race.kind.name())),
            }
        }
    }
    progress.finish_and_clear();
    floor.figures.push(ring);
    floor.figures.retain(|figure| !figure.ns_per_unit.is_empty());
    ensure!(!floor.figures.is_empty(), "interrupted before the first round was done");
    finish(args, &kinds, stands, races, floor, is_complete)
}

fn finish(
    args: &Args,
    kinds: &[Kind],
    stands: Vec<Stand>,
    races: Vec<Race>,
    floor: Floor,
    is_complete: bool,
) -> anyhow::Result<()> {
    let bare_call = floor.figures[0].summary().median;
    if !args.output.json {
        println!("{}", VERSIONS.map(|name| format!("{name} {}", locked(name))).join(", "));
        for figure in &floor.figures {
            let Summary { median, min, max } = figure.summary();
            println!("{}: {median:.1} ns ({min:.1} to {max:.1})", figure.title);
        }
        for race in &races {
            race.print(bare_call);
        }
    }
    let (reactor, shards) = (stands[0].runtime.reactor().to_string(), stands[0].runtime.shards());
    let setup = serde_json::json!({
        "workloads": kinds, "messages": args.messages, "repeats": args.rounds.repeats, "setup": args.setup,
        "versions": VERSIONS.map(|name| (name, locked(name))),
    });
    let mut figures = floor.figures;
    for race in races {
        if is_complete {
            for (stand, workload) in race.raddle {
                workload.end(&stands[stand])?;
            }
        }
        figures.extend(race.figures.into_iter().filter(|figure| !figure.ns_per_unit.is_empty()));
    }
    if is_complete {
        for stand in stands {
            stand.end()?;
        }
    }
    let saved = saved("race", is_complete, reactor, shards, setup, figures);
    args.output.save(&saved, &[])?;
    if !is_complete {
        std::process::exit(130);
    }
    Ok(())
}
