//! The report of a run, as plain data: for people by [`RunReport::to_text`], for
//! programs by [`RunReport::to_json`].

mod findings;
#[cfg(test)]
mod tests;
mod text;
pub mod units;

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::actor::{Account, DeadReason};
use crate::metrics::{self, LatencySummary};
use crate::shard::ActorAccount;

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunReport {
    /// What the actors found: the JSON object of the manifest's `[report]`.
    pub findings: Map<String, Value>,
    /// The rest, which is the same for every job.
    pub run: RunFigures,
}

/// What a run did, whatever the job.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RunFigures {
    /// How many lines were read from the input.
    pub lines_read: u64,
    /// From the first line until the last message was handled.
    pub elapsed_s: f64,
    /// Messages handled a second, in that time.
    pub messages_per_second: f64,
    /// From a line's entry to the end of the last message that it caused.
    pub latency_ns: Latency,
    /// What became of every message.
    pub ledger: Ledger,
    /// How many of the handled ones were answered with a failure.
    pub answered_with_failure: u64,
    /// How many actors were restarted.
    pub restarts: u64,
    /// Why actors ended before the job did: the reason's label, and how often.
    pub exits: BTreeMap<String, u64>,
    /// The latest messages that nobody handled: a line each.
    pub dead_letters: Vec<String>,
    /// The same for each shard.
    pub shards: Vec<ShardFigures>,
    /// What those actors used that used the most CPU time, most first.
    pub actors: Vec<ActorFigures>,
    /// What drove the shards: `glommio` or `thread`.
    pub reactor: String,
    /// How the actors were at the end, if the manifest has them asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthFigures>,
    /// Was it stopped before the end of the input?
    pub interrupted: bool,
    /// What went wrong and did not end the run, or did: a line each.
    pub problems: Vec<String>,
}

/// How the actors of a run were at its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HealthFigures {
    /// As the worst of them.
    pub whole: WellBeing,
    /// Supervisors, by name: as the worst of what each looks after.
    pub supervisors: BTreeMap<String, WellBeing>,
    /// How many actors said that they were so.
    pub actors: BTreeMap<String, u64>,
    /// Those that were not well, by name.
    pub unwell: BTreeMap<String, WellBeing>,
}

/// How somebody was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WellBeing {
    /// `healthy`, `degraded`, `unhealthy` or `unknown`.
    pub state: &'static str,
    /// Why it was not well.
    pub why: Option<String>,
}

impl Default for WellBeing {
    fn default() -> Self {
        Self { state: "unknown", why: None }
    }
}

impl std::fmt::Display for WellBeing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.why {
            Some(why) => write!(f, "{}: {why}", self.state),
            None => f.write_str(self.state),
        }
    }
}

/// Percentiles of a latency, in ns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// How many were measured.
    pub count: u64,
    /// Half took no longer.
    pub p50: u64,
    /// 90 % took no longer.
    pub p90: u64,
    /// 99 % took no longer.
    pub p99: u64,
    /// 99.9 % took no longer.
    pub p999: u64,
    /// None took longer.
    pub max: u64,
}

/// What became of every message: `accepted = handled + failed + dead + resident`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Ledger {
    /// Taken over from their senders.
    pub accepted: u64,
    /// Handled, be it with a failure for an answer.
    pub handled: u64,
    /// The actor ended while handling it.
    pub failed: u64,
    /// Never handled, and never will be.
    pub dead: u64,
    /// Still in a ring or a mailbox.
    pub resident: u64,
    /// Why they are dead: the reason's label, and how many.
    pub dead_by_reason: BTreeMap<String, u64>,
    /// Refused at send, and so never accepted: the sender still had them.
    pub refused: u64,
}

impl Ledger {
    /// Is every message accounted for?
    pub fn closes(&self) -> bool {
        let accounted = [self.handled, self.failed, self.dead, self.resident];
        accounted.into_iter().try_fold(0u64, u64::checked_add) == Some(self.accepted)
    }
}

impl From<metrics::Ledger> for Ledger {
    fn from(ledger: metrics::Ledger) -> Self {
        let by_reason = DeadReason::ALL.into_iter().zip(ledger.dead_by_reason);
        Self {
            accepted: ledger.accepted,
            handled: ledger.handled,
            failed: ledger.failed,
            dead: ledger.dead(),
            resident: ledger.resident,
            dead_by_reason: by_reason
                .filter(|(_, dead)| *dead > 0)
                .map(|(reason, dead)| (reason.to_string(), dead))
                .collect(),
            refused: ledger.refused,
        }
    }
}

impl From<LatencySummary> for Latency {
    fn from(summary: LatencySummary) -> Self {
        let LatencySummary { count, p50_ns, p90_ns, p99_ns, p999_ns, max_ns } = summary;
        Self { count, p50: p50_ns, p90: p90_ns, p99: p99_ns, p999: p999_ns, max: max_ns }
    }
}

/// What one shard did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ShardFigures {
    /// Its number.
    pub shard: u16,
    /// The core that it was pinned to.
    pub core: Option<usize>,
    /// How many actors lived on it at the end of the job.
    pub actors: u64,
    /// Its part of the ledger: what its actors sent and outside threads sent to it
    /// is accepted here, what its actors were sent is handled here. So it is the
    /// sum over all shards that closes.
    #[serde(flatten)]
    pub ledger: Ledger,
    /// How many of its actors were restarted.
    pub restarts: u64,
    /// From a line's entry to the end of a message that it caused here.
    pub latency_ns: Latency,
}

/// What one actor used, in its last incarnation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ActorFigures {
    /// Its address.
    pub actor: String,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// CPU time, sampled at the runtime's ticks.
    pub cpu_ns: u64,
    /// The memory that it held at the end of the job.
    pub memory_bytes: u64,
    /// Times that it was called with a message.
    pub messages: u64,
    /// Functions of the host that it called.
    pub host_calls: u64,
    /// Calls that were denied, for want of a grant or over a limit.
    pub denied: u64,
}

impl From<&ActorAccount> for ActorFigures {
    fn from(one: &ActorAccount) -> Self {
        let Account { cpu_ns, memory_bytes, messages, host_calls, denied } = one.account;
        let (actor, name) = (one.actor.to_string(), one.name.as_deref().map(str::to_owned));
        Self { actor, name, cpu_ns, memory_bytes, messages, host_calls, denied }
    }
}

impl RunReport {
    /// One JSON object: what the actors found, then the figures of the run. A key of
    /// theirs that is one of ours too is kept under `report_KEY`.
    pub fn to_json(&self) -> Value {
        // Plain data with text for keys: it always has a JSON form.
        let figures = serde_json::to_value(&self.run).unwrap_or_default();
        let Value::Object(figures) = figures else { return Value::Null };
        let mut object = Map::new();
        for (key, value) in &self.findings {
            let taken = figures.contains_key(key);
            object.insert(if taken { format!("report_{key}") } else { key.clone() }, value.clone());
        }
        object.extend(figures);
        Value::Object(object)
    }
}

/// A table as all our tables look: a line under the header, and the columns of
/// these numbers aligned to the right.
pub(crate) fn table(header: &[&str], right: &[usize]) -> Table {
    let mut table = Table::new();
    let rule = LineStyle::none().fill('─').junction('─');
    table.load_style(TableStyle::new().header_separator(rule));
    if !header.is_empty() {
        table.set_header(header);
    }
    table.discover_columns();
    for (index, column) in table.column_iter_mut().enumerate() {
        if right.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
