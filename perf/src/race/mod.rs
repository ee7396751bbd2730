//! `race`: other actor runtimes under the same workloads, with the same payloads
//! and the same proof, in turn with Raddle and with the floors, in one run.

mod bars;
mod entrant;

use std::time::Duration;

use anyhow::{Context, ensure};
use raddle_rivals::Rival;

use crate::figure::Figure;
use crate::floor::Floor;
use crate::interrupt;
use crate::machine::locked;
use crate::noise::Gaps;
use crate::report::{self, noise, table};
use crate::run::{Output, Rounds, progress, saved};
use crate::setup::{Setup, Stand};
use crate::stats::Summary;
use crate::workload::{Extras, Kind};

use entrant::{Entrant, entrants};

/// Crates whose versions are told.
const VERSIONS: [&str; 5] = ["tokio", "actix", "ractor", "kameo", "wasmtime"];

#[derive(clap::Args, Debug, Clone)]
pub(crate) struct Args {
    /// What to race in [default: tell, ring, ping-pong, fan-in, pairs, spawn-stop, ask]
    #[arg(value_enum, value_name = "WORKLOAD")]
    workloads: Vec<Kind>,
    #[command(flatten)]
    setup: Setup,
    #[command(flatten)]
    extras: Extras,
    /// Messages in each round; of what takes longer than a message, fewer, and in batches more
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    messages: u64,
    #[command(flatten)]
    rounds: Rounds,
    #[command(flatten)]
    output: Output,
}

const ALL: [Kind; 7] =
    [Kind::Tell, Kind::Ring, Kind::PingPong, Kind::FanIn, Kind::Pairs, Kind::SpawnStop, Kind::Ask];
/// The batches that Raddle races with too, if --batch does not say.
const BATCH: usize = 32;
/// Of the stands, the one whose shard is kept awake; and how many they are.
const AWAKE: usize = 2;
const STANDS: usize = 3;
/// How long its shard looks around before it sleeps, in µs.
const AWAKE_US: u64 = 200;

/// One workload, and all who race in it.
struct Race {
    kind: Kind,
    shards: usize,
    entrants: Vec<Entrant>,
    gaps: Gaps,
}

impl Race {
    fn new(kind: Kind, stands: &[Stand], args: &Args, rivals: &[Box<dyn Rival>]) -> anyhow::Result<Self> {
        let entrants = entrants(kind, stands, args, rivals)?;
        Ok(Self { kind, shards: stands[0].runtime.shards(), entrants, gaps: Gaps::new() })
    }

    fn round(
        &mut self,
        stands: &[Stand],
        args: &Args,
        rivals: &[Box<dyn Rival>],
        counts: bool,
    ) -> anyhow::Result<()> {
        self.gaps.watch(stands[0].runtime.cpus(), Duration::from_millis(args.rounds.noise_ms));
        let noise = self.gaps.summary();
        for entrant in &mut self.entrants {
            ensure!(!interrupt::is_raised(), interrupt::Interrupted);
            // A panic of theirs is an error of ours, which says whose it was.
            let round = entrant.round(self.kind, stands, args, rivals);
            let (ns, units) = round.with_context(|| entrant.name.clone())?;
            if counts {
                entrant.figure.ns_per_unit.push(ns);
                entrant.figure.units_per_round = units;
                entrant.figure.noise = noise;
            }
        }
        Ok(())
    }

    fn print(&self, floors: &[Figure]) {
        let entrants = || self.entrants.iter().filter(|one| !one.figure.ns_per_unit.is_empty());
        let Some(first) = entrants().next() else { return };
        println!("\n{}, ns per {}", self.kind.name(), first.figure.unit);
        let best = entrants().map(|one| one.figure.summary().median).fold(f64::INFINITY, f64::min);
        let rows = entrants().map(|one| {
            let Summary { median, min, max } = one.figure.summary();
            let floor = bars::floor_of(self.kind, one.class, one.cores);
            let times = floor.rounds(floors).and_then(|rounds| bars::ratio(&one.figure.ns_per_unit, &rounds));
            vec![
                one.name.clone(),
                format!("{median:.1}"),
                format!("{min:.1} to {max:.1}"),
                format!("{:.2}", median / best),
                times.map_or_else(String::new, |times| format!("{:.2}", times.median)),
                floor.name.to_owned(),
                noise(&one.figure),
            ]
        });
        println!(
            "{}",
            table(&["", "median", "spread", "× best", "× floor", "floor", "noise p99.9, max"], rows)
        );
    }
}

/// One runtime whose guests take one message in each call, one whose guests take
/// batches, and one for whoever asks from outside: its shard leaves the asker a core,
/// and does not sleep between two asks.
fn stands(setup: &Setup) -> anyhow::Result<[Stand; STANDS]> {
    let single = Setup { batch: 1, ..setup.clone() };
    let batch = if setup.batch > 1 { setup.batch } else { BATCH };
    let awake = Setup { shards: Some(1), spin_us: Some(AWAKE_US), ..single.clone() };
    Ok([
        Stand::new(&single, false)?,
        Stand::new(&Setup { batch, ..setup.clone() }, false)?,
        Stand::new(&awake, false)?,
    ])
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    interrupt::listen()?;
    let mut kinds = if args.workloads.is_empty() { ALL.to_vec() } else { args.workloads.clone() };
    let mut seen = std::collections::BTreeSet::new();
    kinds.retain(|&kind| seen.insert(kind));
    for &kind in &kinds {
        entrant::of(kind)?;
    }
    let rivals = raddle_rivals::all(&args.setup.read_guest()?, args.setup.actors.max(args.setup.pairs))?;
    let stands = stands(&args.setup)?;
    let mut floor = Floor::new(&args.setup, &kinds)?;
    let races = kinds.iter().map(|&kind| Race::new(kind, &stands, args, &rivals));
    let mut races: Vec<Race> = races.collect::<Result<_, _>>()?;
    let rounds = args.rounds.warmup + args.rounds.repeats;
    let progress = progress(u64::from(rounds) * races.len() as u64);
    let noise = Duration::from_millis(args.rounds.noise_ms);
    let mut is_complete = true;
    'rounds: for round in 0..rounds {
        let counts = round >= args.rounds.warmup;
        floor.round(args.messages, counts, stands[0].runtime.cpus(), noise)?;
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
    floor.figures.retain(|figure| !figure.ns_per_unit.is_empty());
    ensure!(!floor.figures.is_empty(), "interrupted before the first round was done");
    finish(args, &kinds, stands, races, floor.figures, is_complete)
}

fn print(races: &[Race], floors: &[Figure], is_complete: bool) {
    println!("{}", crate::machine::Machine::here().line());
    println!("{}", VERSIONS.map(|name| format!("{name} {}", locked(name))).join(", "));
    if !is_complete {
        println!("interrupted: this is what there was");
    }
    let rows = floors.iter().map(|figure| {
        let Summary { median, min, max } = figure.summary();
        let spread = format!("{min:.1} to {max:.1}");
        vec![figure.title.clone(), format!("{median:.1}"), figure.unit.clone(), spread, noise(figure)]
    });
    println!("\nfloors, ns");
    println!("{}", table(&["", "median", "per", "spread", "noise p99.9, max"], rows));
    for race in races {
        race.print(floors);
    }
}

fn finish(
    args: &Args,
    kinds: &[Kind],
    stands: [Stand; STANDS],
    races: Vec<Race>,
    floors: Vec<Figure>,
    is_complete: bool,
) -> anyhow::Result<()> {
    let bars = bars::bars(&races, &floors);
    if !args.output.json {
        print(&races, &floors, is_complete);
        if !bars.is_empty() {
            println!("\nbars, of the same run: medians of the ratios of each round");
            println!("{}", report::bars(&bars));
        }
    }
    let (reactor, shards) = (stands[0].runtime.reactor().to_string(), stands[0].runtime.shards());
    let setup = serde_json::json!({
        "workloads": kinds, "messages": args.messages, "repeats": args.rounds.repeats, "setup": args.setup,
        "versions": VERSIONS.map(|name| (name, locked(name))),
    });
    let mut figures = floors;
    for entrant in races.into_iter().flat_map(|race| race.entrants) {
        let figure = if is_complete { entrant.end(&stands)? } else { entrant.figure };
        if !figure.ns_per_unit.is_empty() {
            figures.push(figure);
        }
    }
    if is_complete {
        for stand in stands {
            stand.end()?;
        }
    }
    let mut saved = saved("race", is_complete, reactor, shards, setup, figures);
    saved.bars = bars;
    args.output.save(&saved, &[])?;
    if !is_complete {
        std::process::exit(130);
    }
    Ok(())
}
