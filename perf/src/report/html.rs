//! One page with all of it: no script, no style and no picture from elsewhere.

use std::fmt::Write as _;

use crate::figure::{Figure, Saved};

use super::terminal::{BARS_HEADER, bar_row};
use super::{count, plots, time};

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;\
    color:#222}table{border-collapse:collapse;margin:1rem 0}th,td{padding:.25rem .7rem;border-bottom:1px solid \
    #ddd;text-align:right;white-space:nowrap}th:first-child,td:first-child{text-align:left}svg{max-width:100%;\
    height:auto}.warning{color:#a00}";

pub(super) fn page(saved: &Saved) -> anyhow::Result<String> {
    let mut page =
        String::from("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>raddle-perf</title>");
    // Writing to a String does not fail.
    let _ = write!(page, "<style>{STYLE}</style><h1>raddle-perf {}</h1>", escape(&saved.command));
    let _ = write!(
        page,
        "<p>{}<br>{} shards, {}</p>",
        escape(&saved.machine.line()),
        saved.shards,
        escape(&saved.reactor)
    );
    if !saved.machine.is_release {
        page.push_str("<p class=\"warning\">Built without optimisation: these figures mean nothing.</p>");
    }
    if !saved.is_complete {
        page.push_str("<p class=\"warning\">Interrupted: this is what there was.</p>");
    }
    page.push_str("<h2>Figures</h2>");
    let header =
        ["", "median", "least", "most", "rate", "offered", "kept up", "noise p99.9", "noise max", "stolen"];
    table(&mut page, &header, saved.figures.iter().map(figure_row));
    if !saved.bars.is_empty() {
        page.push_str("<h2>Bars</h2>");
        table(&mut page, &BARS_HEADER, saved.bars.iter().map(bar_row));
    }
    let with_latencies: Vec<&Figure> =
        saved.figures.iter().filter(|figure| !figure.percentiles.is_empty()).collect();
    if !with_latencies.is_empty() {
        page.push_str("<h2>Latencies, from when a message was due</h2>");
        let header = ["", "path", "stage", "count", "p50", "p90", "p99", "p99.9", "max"];
        table(&mut page, &header, with_latencies.iter().flat_map(|figure| latency_rows(figure)));
        page.push_str(&plots::percentiles(&with_latencies)?);
        page.push_str(&plots::over_time(&with_latencies)?);
    }
    let cost = saved.recording_cost;
    let _ = writeln!(
        page,
        "<h2>What measuring costs</h2><p>{:.1} ns a sample, {:.1} ns a look at the clock, {:.1} ns for all stages of \
         a message. Without latencies nothing is recorded.</p><h2>Setup</h2><pre>{}</pre></html>",
        cost.sample_ns,
        cost.clock_ns,
        cost.entry_ns,
        escape(&serde_json::to_string_pretty(&saved.setup)?)
    );
    Ok(page)
}

fn figure_row(figure: &Figure) -> Vec<String> {
    let summary = figure.summary();
    let offered = figure.offered_per_second;
    vec![
        figure.title.clone(),
        format!("{} / {}", time(summary.median), figure.unit),
        time(summary.min),
        time(summary.max),
        format!("{}/s", count(1e9 / summary.median)),
        offered.map_or_else(String::new, |rate| format!("{}/s", count(rate))),
        offered.map_or("", |_| if figure.kept_up { "yes" } else { "no" }).to_owned(),
        time(figure.noise.p999_ns as f64),
        time(figure.noise.max_ns as f64),
        format!("{:.2} %", figure.noise.stolen_percent),
    ]
}

fn latency_rows(figure: &Figure) -> Vec<Vec<String>> {
    let rows = figure.latencies.iter().flat_map(|path| {
        path.stages.iter().map(|stage| {
            let times = [stage.p50_ns, stage.p90_ns, stage.p99_ns, stage.p999_ns, stage.max_ns];
            let mut row = vec![figure.key(), path.path.name().to_owned(), stage.stage.clone()];
            row.push(count(stage.count as f64));
            row.extend(times.map(|ns| time(ns as f64)));
            row
        })
    });
    rows.collect()
}

fn table(page: &mut String, header: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    page.push_str("<table><tr>");
    for cell in header {
        let _ = write!(page, "<th>{}</th>", escape(cell));
    }
    page.push_str("</tr>");
    for row in rows {
        page.push_str("<tr>");
        for cell in row {
            let _ = write!(page, "<td>{}</td>", escape(&cell));
        }
        page.push_str("</tr>");
    }
    page.push_str("</table>");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
