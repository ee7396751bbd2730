//! Tables on the terminal.

use comfy_table::presets::ASCII_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use crate::figure::{Bar, Figure, Saved};
use crate::recording::RecordingCost;

use super::{count, time};

/// A table of which all columns but the first are figures.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_FULL_CONDENSED);
    table.set_header(header.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// The whole run.
pub(crate) fn print(saved: &Saved) {
    println!("{}", saved.machine.line());
    println!("{} shards, {}", saved.shards, saved.reactor);
    if let Some(batch) = saved.setup.pointer("/setup/batch").and_then(serde_json::Value::as_u64)
        && batch > 1
    {
        println!("up to {batch} messages in each call of a guest");
    }
    if !saved.machine.is_release {
        println!("built without optimisation: these figures mean nothing");
    }
    if !saved.is_complete {
        println!("interrupted: this is what there was");
    }
    let (closed, open): (Vec<_>, Vec<_>) =
        saved.figures.iter().partition(|figure| figure.offered_per_second.is_none());
    if !closed.is_empty() {
        println!("\nas fast as it goes");
        println!("{}", throughput(&closed));
    }
    if !open.is_empty() {
        println!("\nat a set rate");
        println!("{}", rates(&open, &saved.recording_cost));
    }
    let with_latencies: Vec<_> = saved.figures.iter().filter(|figure| !figure.latencies.is_empty()).collect();
    if !with_latencies.is_empty() {
        println!("\nlatencies, from when a message was due");
        println!("{}", latencies(&with_latencies));
    }
    let cost = &saved.recording_cost;
    println!(
        "recording costs {:.1} ns a sample, {:.1} ns a look at the clock, {:.1} ns for all stages of a message",
        cost.sample_ns, cost.clock_ns, cost.entry_ns
    );
}

fn throughput(figures: &[&Figure]) -> Table {
    let floor = figures.iter().find(|figure| figure.title == crate::floor::CALL);
    let floor = floor.map(|figure| figure.summary().median);
    let row = |figure: &&Figure| {
        let summary = figure.summary();
        vec![
            figure.title.clone(),
            format!("{} / {}", time(summary.median), figure.unit),
            format!("{} to {}", time(summary.min), time(summary.max)),
            format!("{}/s", count(1e9 / summary.median)),
            floor.map_or_else(String::new, |floor| format!("{:.2}", summary.median / floor)),
            noise(figure),
        ]
    };
    let header = ["", "median", "spread", "rate", "× bare call", "noise p99.9, max"];
    table(&header, figures.iter().map(row))
}

fn rates(figures: &[&Figure], cost: &RecordingCost) -> Table {
    let row = |figure: &&Figure| {
        let offered = figure.offered_per_second.unwrap_or(0.0);
        let achieved = 1e9 / figure.summary().median;
        vec![
            figure.title.clone(),
            format!("{}/s", count(offered)),
            format!("{}/s", count(achieved)),
            if figure.kept_up { "yes" } else { "NO" }.to_owned(),
            format!("1 of {}", figure.sample_every),
            figure.recording_percent(cost).map_or_else(String::new, |percent| format!("{percent:.2} %")),
            noise(figure),
        ]
    };
    let header =
        ["", "offered", "achieved", "kept up", "recorded", "recording, of a core", "noise p99.9, max"];
    table(&header, figures.iter().map(row))
}

fn latencies(figures: &[&Figure]) -> Table {
    let mut rows = Vec::new();
    for figure in figures {
        for path in &figure.latencies {
            for stage in &path.stages {
                let is_whole = stage.stage == "all";
                let name = if is_whole {
                    format!("{}: {}", figure.key(), path.path.name())
                } else {
                    format!("  {}", stage.stage)
                };
                let times = [stage.p50_ns, stage.p90_ns, stage.p99_ns, stage.p999_ns, stage.max_ns];
                let mut row = vec![name, count(stage.count as f64)];
                row.extend(times.map(|ns| time(ns as f64)));
                row.push(if is_whole { noise(figure) } else { String::new() });
                rows.push(row);
            }
        }
    }
    table(&["", "count", "p50", "p90", "p99", "p99.9", "max", "noise p99.9, max"], rows)
}

pub(crate) fn noise(figure: &Figure) -> String {
    format!("{}, {}", time(figure.noise.p999_ns as f64), time(figure.noise.max_ns as f64))
}

pub(super) const BARS_HEADER: [&str; 5] = ["bar", "must be", "is, median", "spread", "met"];

pub(super) fn bar_row(bar: &Bar) -> Vec<String> {
    let Bar { title, of, bound, is_at_least, median, min, max } = bar;
    vec![
        title.clone(),
        format!("{} {bound} {of}", if *is_at_least { "≥" } else { "≤" }),
        format!("{median:.3}"),
        format!("{min:.2} to {max:.2}"),
        if bar.is_met() { "yes" } else { "SHORT" }.to_owned(),
    ]
}

#[cfg(feature = "race")]
pub(crate) fn bars(bars: &[Bar]) -> Table {
    table(&BARS_HEADER, bars.iter().map(bar_row))
}
