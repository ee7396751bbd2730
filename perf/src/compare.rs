//! `compare`: two saved runs, side by side. A difference counts only if it is more
//! than the rounds of either differ among themselves, and more than a few percent.

use std::path::PathBuf;

use comfy_table::Table;

use crate::figure::{Figure, Saved};
use crate::report::{table, time};
use crate::stats::Summary;

/// A difference of less, in percent, is none.
const CHANGE_PERCENT_MIN: f64 = 2.0;
/// A difference of a latency of less than so much of the machine's noise is none.
const NOISE_SHARE_MIN: f64 = 1.0;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The run before
    before: PathBuf,
    /// The run after
    after: PathBuf,
}

/// What the difference of two figures is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Same,
    Faster,
    Slower,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Same => "within noise",
            Self::Faster => "faster",
            Self::Slower => "SLOWER",
        }
    }

    /// Of medians: they differ if the spreads do not overlap.
    fn of_rounds(before: Summary, after: Summary) -> Self {
        let percent = 100.0 * (after.median - before.median) / before.median;
        if percent >= CHANGE_PERCENT_MIN && after.min > before.max {
            Self::Slower
        } else if percent <= -CHANGE_PERCENT_MIN && after.max < before.min {
            Self::Faster
        } else {
            Self::Same
        }
    }

    /// Of one latency in each run: they differ if the difference is more than the
    /// noise of the machine at the same percentile.
    fn of_latencies(before_ns: u64, after_ns: u64, noise_ns: u64) -> Self {
        let least = (before_ns as f64 * CHANGE_PERCENT_MIN / 100.0).max(noise_ns as f64 * NOISE_SHARE_MIN);
        let change = after_ns as f64 - before_ns as f64;
        if change.abs() <= least {
            Self::Same
        } else if change > 0.0 {
            Self::Slower
        } else {
            Self::Faster
        }
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let (before, after) = (Saved::read(&args.before)?, Saved::read(&args.after)?);
    for (name, run) in [("before", &before), ("after", &after)] {
        println!("{name:>6}: {}; {} shards, {}", run.machine.line(), run.shards, run.reactor);
        if !run.is_complete {
            println!("        interrupted");
        }
    }
    if before.machine.cpu != after.machine.cpu || before.machine.cpus != after.machine.cpus {
        println!("these are two machines: the differences are theirs, too");
    }
    if before.setup != after.setup {
        println!("the two were not set up alike: see `setup` in the files");
    }
    println!("{}", figures(&before, &after));
    if let Some(latencies) = latencies(&before, &after) {
        println!("{latencies}");
    }
    let only = |one: &Saved, other: &Saved| {
        let is_missing = |figure: &&Figure| other.figures.iter().all(|other| other.key() != figure.key());
        one.figures.iter().filter(is_missing).map(Figure::key).collect::<Vec<_>>()
    };
    for (name, missing) in [("before", only(&before, &after)), ("after", only(&after, &before))] {
        if !missing.is_empty() {
            println!("only {name}: {}", missing.join("; "));
        }
    }
    Ok(())
}

/// What both runs have.
fn pairs<'a>(before: &'a Saved, after: &'a Saved) -> impl Iterator<Item = (&'a Figure, &'a Figure)> {
    before.figures.iter().filter_map(|figure| {
        after.figures.iter().find(|other| other.key() == figure.key()).map(|other| (figure, other))
    })
}

fn figures(before: &Saved, after: &Saved) -> Table {
    let rows = pairs(before, after).map(|(one, other)| {
        let (a, b) = (one.summary(), other.summary());
        vec![
            one.key(),
            format!("{} ({} to {})", time(a.median), time(a.min), time(a.max)),
            format!("{} ({} to {})", time(b.median), time(b.min), time(b.max)),
            format!("{:+.1} %", 100.0 * (b.median - a.median) / a.median),
            Verdict::of_rounds(a, b).word().to_owned(),
        ]
    });
    table(&["ns per unit", "before", "after", "change", ""], rows)
}

fn latencies(before: &Saved, after: &Saved) -> Option<Table> {
    let mut rows = Vec::new();
    for (one, other) in pairs(before, after) {
        for path in &one.latencies {
            let same = other.latencies.iter().find(|other| other.path == path.path);
            let (Some(a), Some(b)) = (path.all(), same.and_then(|same| same.all())) else { continue };
            let noise = [
                ("p50", a.p50_ns, b.p50_ns, 0),
                ("p99", a.p99_ns, b.p99_ns, one.noise.p99_ns.max(other.noise.p99_ns)),
                ("p99.9", a.p999_ns, b.p999_ns, one.noise.p999_ns.max(other.noise.p999_ns)),
            ];
            for (name, a, b, noise_ns) in noise {
                rows.push(vec![
                    format!("{}: {}, {name}", one.key(), path.path.name()),
                    time(a as f64),
                    time(b as f64),
                    format!("{:+.1} %", 100.0 * (b as f64 - a as f64) / a.max(1) as f64),
                    time(noise_ns as f64),
                    Verdict::of_latencies(a, b, noise_ns).word().to_owned(),
                ]);
            }
        }
    }
    (!rows.is_empty()).then(|| table(&["latency", "before", "after", "change", "noise", ""], rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(samples: [f64; 3]) -> Summary {
        Summary::of(&samples)
    }

    #[test]
    fn only_what_the_spread_cannot_explain_is_a_difference() {
        let before = rounds([100.0, 101.0, 104.0]);
        assert_eq!(Verdict::of_rounds(before, rounds([103.0, 110.0, 120.0])), Verdict::Same);
        assert_eq!(Verdict::of_rounds(before, rounds([105.0, 110.0, 120.0])), Verdict::Slower);
        assert_eq!(Verdict::of_rounds(before, rounds([80.0, 81.0, 99.0])), Verdict::Faster);
        // Apart, but by less than anybody should care about.
        assert_eq!(Verdict::of_rounds(rounds([100.0; 3]), rounds([101.0; 3])), Verdict::Same);
    }

    #[test]
    fn a_latency_within_the_machines_noise_is_no_difference() {
        assert_eq!(Verdict::of_latencies(1_000, 9_000, 10_000), Verdict::Same);
        assert_eq!(Verdict::of_latencies(1_000, 12_000, 10_000), Verdict::Slower);
        assert_eq!(Verdict::of_latencies(1_000, 500, 0), Verdict::Faster);
        assert_eq!(Verdict::of_latencies(1_000, 1_010, 0), Verdict::Same);
    }
}
