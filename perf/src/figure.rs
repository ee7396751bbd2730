//! What is saved of a run: figures, and what they were measured on.

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::noise::Noise;
use crate::recording::{Path, Recording, RecordingCost};
use crate::stats::Summary;

/// The form of what is saved.
pub(crate) const FORMAT: u32 = 1;

/// A run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Saved {
    pub(crate) format: u32,
    /// Did it come to its end, or was it interrupted?
    pub(crate) is_complete: bool,
    /// The command, and what it was told.
    pub(crate) command: String,
    pub(crate) taken_at_unix_s: u64,
    pub(crate) machine: Machine,
    /// What drove the shards, and how many there were.
    pub(crate) reactor: String,
    pub(crate) shards: usize,
    pub(crate) setup: serde_json::Value,
    pub(crate) recording_cost: RecordingCost,
    pub(crate) figures: Vec<Figure>,
    /// What figures were held against, in a race.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) bars: Vec<Bar>,
}

/// A goal, and whether it was met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bar {
    pub(crate) title: String,
    /// Of what it is a multiple, or in what it is told.
    pub(crate) of: String,
    pub(crate) bound: f64,
    /// Must it be at least as much as the bound, or at most?
    pub(crate) is_at_least: bool,
    /// The median over the rounds; in each, both were measured.
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Bar {
    pub(crate) fn is_met(&self) -> bool {
        if self.is_at_least { self.median >= self.bound } else { self.median <= self.bound }
    }
}

impl Saved {
    pub(crate) fn read(path: &std::path::Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let saved: Self = serde_json::from_str(&text)
            .with_context(|| format!("{}: not a run that raddle-perf saved", path.display()))?;
        ensure!(
            saved.format == FORMAT,
            "{}: saved in form {}, and this reads form {FORMAT}",
            path.display(),
            saved.format
        );
        Ok(saved)
    }
}

/// One thing that was measured, several times.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) title: String,
    /// What is counted: `message`, `hop`, …
    pub(crate) unit: String,
    /// Messages a second that were due, if there was a set rate.
    pub(crate) offered_per_second: Option<f64>,
    /// Of so many messages one was recorded, if there was a set rate.
    pub(crate) sample_every: u64,
    /// Was the set rate kept up?
    pub(crate) kept_up: bool,
    /// ns per unit, one for each round. At a set rate, of what was achieved.
    pub(crate) ns_per_unit: Vec<f64>,
    pub(crate) units_per_round: u64,
    /// The machine's own noise, between the rounds.
    pub(crate) noise: Noise,
    /// By path and stage.
    pub(crate) latencies: Vec<PathLatency>,
    /// Of all paths together: quantile and ns.
    pub(crate) percentiles: Vec<(f64, u64)>,
    pub(crate) over_time: Vec<Step>,
}

impl Figure {
    pub(crate) fn new(title: String, unit: &str) -> Self {
        Self {
            title,
            unit: unit.to_owned(),
            offered_per_second: None,
            sample_every: 1,
            kept_up: true,
            ns_per_unit: Vec::new(),
            units_per_round: 0,
            noise: Noise::default(),
            latencies: Vec::new(),
            percentiles: Vec::new(),
            over_time: Vec::new(),
        }
    }

    pub(crate) fn summary(&self) -> Summary {
        Summary::of(&self.ns_per_unit)
    }

    /// How much of one core recording took, in percent, if there was a set rate.
    pub(crate) fn recording_percent(&self, cost: &RecordingCost) -> Option<f64> {
        let recorded_per_second = self.offered_per_second? / self.sample_every as f64;
        Some(recorded_per_second * cost.message_ns() / 1e7)
    }

    /// What tells it from the other figures of its run.
    pub(crate) fn key(&self) -> String {
        match self.offered_per_second {
            None => self.title.clone(),
            Some(rate) => format!("{}, at {}/s", self.title, crate::report::count(rate)),
        }
    }

    pub(crate) fn set_latencies(&mut self, recording: &Recording) {
        self.latencies = recording.paths().map(|(path, stages)| PathLatency::of(path, stages)).collect();
        let all = recording.all();
        self.percentiles = all
            .iter_quantiles(2)
            .map(|value| (value.quantile_iterated_to(), value.value_iterated_to()))
            .collect();
        let step_s = recording.step_ns() as f64 / 1e9;
        let steps = recording.steps.iter().enumerate().filter(|(_, step)| !step.is_empty());
        self.over_time = steps.map(|(index, step)| Step::of(index as f64 * step_s, step)).collect();
    }
}

/// The latencies of one path.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PathLatency {
    pub(crate) path: Path,
    pub(crate) stages: Vec<StageLatency>,
}

impl PathLatency {
    fn of(path: Path, stages: &crate::recording::Stages) -> Self {
        let stages = stages.named().into_iter().filter(|(_, histogram)| !histogram.is_empty());
        Self { path, stages: stages.map(|(stage, histogram)| StageLatency::of(stage, histogram)).collect() }
    }

    pub(crate) fn all(&self) -> Option<&StageLatency> {
        self.stages.iter().find(|stage| stage.stage == "all")
    }
}

/// The latencies of one stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StageLatency {
    pub(crate) stage: String,
    pub(crate) count: u64,
    pub(crate) p50_ns: u64,
    pub(crate) p90_ns: u64,
    pub(crate) p99_ns: u64,
    pub(crate) p999_ns: u64,
    pub(crate) max_ns: u64,
}

impl StageLatency {
    fn of(stage: &str, histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self {
            stage: stage.to_owned(),
            count: histogram.len(),
            p50_ns: at(0.5),
            p90_ns: at(0.9),
            p99_ns: at(0.99),
            p999_ns: at(0.999),
            max_ns: histogram.max(),
        }
    }
}

/// The latencies of one step of time.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) at_s: f64,
    pub(crate) count: u64,
    pub(crate) p50_ns: u64,
    pub(crate) p99_ns: u64,
    pub(crate) max_ns: u64,
}

impl Step {
    fn of(at_s: f64, step: &Histogram<u64>) -> Self {
        let at = |quantile| step.value_at_quantile(quantile);
        Self { at_s, count: step.len(), p50_ns: at(0.5), p99_ns: at(0.99), max_ns: step.max() }
    }
}
