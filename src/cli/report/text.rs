//! The report as text.

use std::collections::BTreeMap;

use super::units::{Bytes, Nanoseconds, count};
use super::{Latency, Ledger, RunFigures, RunReport, findings, table};

/// How many of those that are not well are shown.
const UNWELL_SHOWN: usize = 20;
/// How many of the latest dead letters are shown.
const DEAD_LETTERS_SHOWN: usize = 5;
/// How many actors are shown, of those that used the most CPU time.
const ACTORS_SHOWN: usize = 5;

impl RunReport {
    /// For people. Ends with a newline.
    pub fn to_text(&self) -> String {
        let run = &self.run;
        let mut parts = vec![heading(run)];
        if !run.problems.is_empty() {
            parts.push(
                run.problems.iter().map(|problem| format!(" ! {problem}")).collect::<Vec<_>>().join("\n"),
            );
        }
        let found = findings::to_text(&self.findings);
        if !found.is_empty() {
            parts.push(found);
        }
        parts.push(latencies(run));
        parts.push(ledgers(run));
        if !run.actors.is_empty() {
            parts.push(accounts(run));
        }
        parts.push(remarks(run));
        parts.join("\n\n") + "\n"
    }
}

fn heading(run: &RunFigures) -> String {
    let shards = match run.shards.len() {
        1 => "1 shard".to_owned(),
        shards => format!("{shards} shards"),
    };
    let lines = if run.lines_read == 1 { "line" } else { "lines" };
    let elapsed_ns = (run.elapsed_s * 1e9) as u64;
    format!(
        "{}{} {lines} in {} on {shards} ({}): {} messages a second",
        if run.interrupted { "interrupted after " } else { "" },
        count(run.lines_read),
        Nanoseconds(elapsed_ns),
        run.reactor,
        count(run.messages_per_second.round() as u64),
    )
}

fn latencies(run: &RunFigures) -> String {
    let mut table = table(&["latency", "p50", "p90", "p99", "p99.9", "max"], &[1, 2, 3, 4, 5]);
    let row = |name: String, latency: &Latency| {
        let Latency { p50, p90, p99, p999, max, .. } = *latency;
        let measured = latency.count > 0;
        let times = [p50, p90, p99, p999, max]
            .map(|ns| if measured { Nanoseconds(ns).to_string() } else { "-".to_owned() });
        std::iter::once(name).chain(times).collect::<Vec<_>>()
    };
    for shard in run.shards.iter().filter(|_| run.shards.len() > 1) {
        table.add_row(row(format!("shard {}", shard.shard), &shard.latency_ns));
    }
    table.add_row(row("all".to_owned(), &run.latency_ns));
    table.trim_fmt()
}

fn ledgers(run: &RunFigures) -> String {
    let header = ["messages", "accepted", "handled", "failed", "dead", "resident", "restarts", "actors"];
    let mut table = table(&header, &[1, 2, 3, 4, 5, 6, 7]);
    let row = |name: String, ledger: &Ledger, restarts: u64, actors: u64| {
        let figures = [ledger.accepted, ledger.handled, ledger.failed, ledger.dead, ledger.resident];
        std::iter::once(name)
            .chain(figures.into_iter().chain([restarts, actors]).map(count))
            .collect::<Vec<_>>()
    };
    for shard in run.shards.iter().filter(|_| run.shards.len() > 1) {
        table.add_row(row(format!("shard {}", shard.shard), &shard.ledger, shard.restarts, shard.actors));
    }
    let actors = run.shards.iter().map(|shard| shard.actors).sum();
    table.add_row(row("all".to_owned(), &run.ledger, run.restarts, actors));
    table.trim_fmt()
}

/// What the actors used that used the most.
fn accounts(run: &RunFigures) -> String {
    let header = ["most CPU time", "CPU", "memory", "messages", "host calls", "denied"];
    let mut table = table(&header, &[1, 2, 3, 4, 5]);
    for actor in run.actors.iter().take(ACTORS_SHOWN) {
        table.add_row([
            actor.name.clone().unwrap_or_else(|| actor.actor.clone()),
            Nanoseconds(actor.cpu_ns).to_string(),
            Bytes(actor.memory_bytes).to_string(),
            count(actor.messages),
            count(actor.host_calls),
            count(actor.denied),
        ]);
    }
    table.trim_fmt()
}

/// Does the ledger close; and what was out of the ordinary.
fn remarks(run: &RunFigures) -> String {
    let Ledger { accepted, handled, failed, dead, resident, .. } = run.ledger;
    let [accepted, handled, failed, dead, resident] = [accepted, handled, failed, dead, resident].map(count);
    let sum = format!("{handled} handled + {failed} failed + {dead} dead + {resident} resident");
    let mut lines = vec![if run.ledger.closes() {
        format!(" the ledger closes: {accepted} accepted = {sum}")
    } else {
        format!(" THE LEDGER DOES NOT CLOSE: {accepted} accepted, but {sum}")
    }];
    if !run.ledger.dead_by_reason.is_empty() {
        lines.push(format!(" dead because: {}", by_label(&run.ledger.dead_by_reason)));
    }
    for letter in run.dead_letters.iter().rev().take(DEAD_LETTERS_SHOWN) {
        lines.push(format!("   {letter}"));
    }
    if run.answered_with_failure > 0 {
        lines.push(format!(" answered with a failure: {}", count(run.answered_with_failure)));
    }
    if run.ledger.refused > 0 {
        lines.push(format!(" refused at send: {}", count(run.ledger.refused)));
    }
    if !run.exits.is_empty() {
        lines.push(format!(" actors ended: {}", by_label(&run.exits)));
    }
    if let Some(health) = &run.health {
        lines.push(format!(" health: {} ({})", health.whole.state, by_label(&health.actors)));
        let parts = health.supervisors.iter().filter(|(_, being)| being.why.is_some());
        for (name, being) in parts.chain(&health.unwell).take(UNWELL_SHOWN) {
            lines.push(format!("   {name} {}", findings::printable(&being.to_string())));
        }
    }
    lines.join("\n")
}

fn by_label(counts: &BTreeMap<String, u64>) -> String {
    let counts: Vec<_> = counts.iter().map(|(label, number)| format!("{label} {}", count(*number))).collect();
    counts.join(", ")
}
