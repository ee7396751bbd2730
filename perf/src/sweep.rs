//! `sweep`: rate after rate, until the runtime no longer keeps up. The knee is the
//! highest rate that it kept up with while p99 stayed within bounds.

use std::time::Duration;

use anyhow::{Context, ensure};

use crate::figure::Figure;
use crate::interrupt;
use crate::noise::Gaps;
use crate::open;
use crate::report::{count, time};
use crate::run::{Output, Rounds, progress, saved, units};
use crate::setup::{Setup, Stand};
use crate::stats::Summary;
use crate::workload::{Extras, Kind, Place, Workload, set_up};

/// Of what it does as fast as it goes, the rates to try, in percent.
const STEPS_PERCENT: [u32; 8] = [10, 25, 50, 65, 80, 90, 100, 115];
/// How often the way between the knee and the first rate too high is halved.
const HALVINGS: u32 = 3;

#[derive(clap::Args, Debug, Clone)]
pub(crate) struct Args {
    /// What to measure: tell, fan-in, pairs, ask or component
    #[arg(value_enum, value_name = "WORKLOAD")]
    workload: Kind,
    #[command(flatten)]
    setup: Setup,
    #[command(flatten)]
    extras: Extras,
    /// Where sender and receiver are: same or across
    #[arg(long, value_enum, default_value = "same")]
    place: Place,
    /// Messages in the round that finds out how fast it goes
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    messages: u64,
    /// The p99 that is still within bounds, in µs
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    p99_us_max: u64,
    #[command(flatten)]
    rounds: Rounds,
    #[command(flatten)]
    output: Output,
}

/// What is being swept.
struct Sweep<'a> {
    stand: &'a Stand,
    args: &'a Args,
    workload: &'a dyn Workload,
    figures: Vec<Figure>,
    recordings: Vec<(String, crate::recording::Recording)>,
}

/// At half the knee: p99.9, and that of the machine's own noise beside it.
struct Half {
    p999_ns: Summary,
    noise_ns: Summary,
}

impl Sweep<'_> {
    /// One rate. Is it within bounds?
    fn at(&mut self, per_second: f64) -> anyhow::Result<bool> {
        let mut gaps = Gaps::new();
        gaps.watch(self.stand.runtime.cpus(), Duration::from_millis(self.args.rounds.noise_ms));
        let open = self.workload.open().context("it has no set rate")?;
        let rate = self.args.rounds.rate(per_second);
        let round = open::round(self.stand, &open, rate)?;
        let mut figure = Figure::new(self.workload.title(), self.workload.unit());
        figure.offered_per_second = Some(per_second);
        figure.sample_every = rate.sample_every;
        figure.units_per_round = (per_second * self.args.rounds.duration_ms as f64 / 1e3) as u64;
        figure.ns_per_unit.push(1e9 / round.achieved_per_second);
        figure.noise = gaps.summary();
        figure.set_latencies(&round.recording);
        let p99_ns = round.recording.all().value_at_quantile(0.99);
        let is_within = round.kept_up && p99_ns <= self.args.p99_us_max * 1_000;
        figure.kept_up = round.kept_up;
        self.recordings.push((figure.key(), round.recording));
        self.figures.push(figure);
        Ok(is_within)
    }

    /// At half the knee, several times: one moment that the machine was elsewhere is
    /// thousands of messages at such rates.
    fn at_half(
        &mut self,
        knee: Option<f64>,
        progress: &indicatif::ProgressBar,
    ) -> anyhow::Result<Option<Half>> {
        let Some(knee) = knee else { return Ok(None) };
        let (mut p999_ns, mut noise_ns) = (Vec::new(), Vec::new());
        progress.inc_length(self.args.rounds.repeats.into());
        for _ in 0..self.args.rounds.repeats {
            progress.set_message(format!("{}/s", count(knee / 2.0)));
            self.at(knee / 2.0)?;
            progress.inc(1);
            if let Some(((_, recording), figure)) = self.recordings.last().zip(self.figures.last()) {
                p999_ns.push(recording.all().value_at_quantile(0.999) as f64);
                noise_ns.push(figure.noise.p999_ns as f64);
            }
        }
        Ok(Some(Half { p999_ns: Summary::of(&p999_ns), noise_ns: Summary::of(&noise_ns) }))
    }

    /// Rates in steps until one is too high, and then closer to the knee. The
    /// highest rate within bounds, if there is one.
    fn find_knee(&mut self, full: f64, progress: &indicatif::ProgressBar) -> anyhow::Result<Option<f64>> {
        let mut knee = None;
        let mut too_high = None;
        for percent in STEPS_PERCENT {
            let rate = (full * f64::from(percent) / 100.0).max(1.0);
            progress.set_message(format!("{}/s", count(rate)));
            let is_within = self.at(rate)?;
            progress.inc(1);
            if !is_within {
                too_high = Some(rate);
                break;
            }
            knee = Some(rate);
        }
        if let (Some(mut low), Some(mut high)) = (knee, too_high) {
            for _ in 0..HALVINGS {
                let middle = f64::midpoint(low, high);
                progress.set_message(format!("{}/s", count(middle)));
                if self.at(middle)? {
                    low = middle;
                } else {
                    high = middle;
                }
                progress.inc(1);
            }
            knee = Some(low);
        }
        Ok(knee)
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    interrupt::listen()?;
    ensure!(args.place != Place::Both, "--place: a sweep is of one place, same or across");
    let stand = Stand::new(&args.setup, true)?;
    let mut workload = set_up(args.workload, args.place, &stand, &args.extras)?.remove(0);
    ensure!(
        workload.open().is_some(),
        "`{}` sets its own pace; tell, fan-in, pairs, ask and component can be fed at a rate",
        args.workload.name()
    );
    let full = workload.round(&stand, units(args.workload, args.messages))?;
    let full = 1e9 / full.ns_per_unit();
    let progress = progress(STEPS_PERCENT.len() as u64 + u64::from(HALVINGS));
    let mut sweep =
        Sweep { stand: &stand, args, workload: &*workload, figures: Vec::new(), recordings: Vec::new() };
    let found = sweep.find_knee(full, &progress).and_then(|knee| Ok((knee, sweep.at_half(knee, &progress)?)));
    let ((knee, half), is_complete) = match found {
        Ok(found) => (found, true),
        Err(error) if interrupt::is_interrupted(&error) => ((None, None), false),
        Err(error) => return Err(error),
    };
    progress.finish_and_clear();
    let Sweep { mut figures, recordings, .. } = sweep;
    figures.sort_by(|a, b| a.offered_per_second.partial_cmp(&b.offered_per_second).expect("no rate is NaN"));
    ensure!(!figures.is_empty(), "interrupted before the first rate was done");
    let (reactor, shards) = (stand.runtime.reactor().to_string(), stand.runtime.shards());
    if is_complete {
        workload.end(&stand)?;
        stand.end()?;
    }
    let setup = serde_json::json!({
        "workload": args.workload, "place": args.place, "p99_us_max": args.p99_us_max,
        "as_fast_as_it_goes_per_second": full, "knee_per_second": knee,
        "p999_ns_at_half_the_knee": half.as_ref().map(|half| half.p999_ns.median.round() as u64),
        "setup": args.setup,
        "duration_ms": args.rounds.duration_ms, "sample_every": args.rounds.sample_every,
    });
    let saved = saved("sweep", is_complete, reactor, shards, setup, figures);
    args.output.give(&saved, &recordings)?;
    if !args.output.json {
        println!("as fast as it goes: {}/s", count(full));
        match knee {
            Some(knee) => println!("the knee: {}/s, with p99 up to {} µs", count(knee), args.p99_us_max),
            None => println!("no rate was within bounds: the knee is below {}/s", count(full / 10.0)),
        }
        if let Some(half) = half {
            let spread = |times: &Summary| {
                format!("{} ({} to {})", time(times.median), time(times.min), time(times.max))
            };
            println!(
                "at half the knee, {} times: p99.9 {}, where the machine's own is {}",
                args.rounds.repeats,
                spread(&half.p999_ns),
                spread(&half.noise_ns)
            );
        }
    }
    if !is_complete {
        std::process::exit(130);
    }
    Ok(())
}
