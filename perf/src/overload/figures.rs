//! What is said of an overload.

use std::fmt;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::machine::Machine;

use super::generator::Phase;
use super::watch::STEP_NS;
use super::{Args, Run, Source};

/// The phases, in their order.
const CALM: usize = 0;
const BEFORE: usize = 1;
const OVERLOAD: usize = 2;
const RECOVERY: usize = 3;
const AFTER: usize = 4;
/// What is back to this many times its calm median is back to normal.
const NORMAL_FACTOR: f64 = 2.0;

/// All that was measured.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    machine: Machine,
    from: Source,
    /// As fast as it goes, in a closed loop: between what it was before and after.
    peak_per_second: f64,
    service_ns: f64,
    offered_per_second: f64,
    goodput_per_second: f64,
    /// The part of the peak that is handled under overload.
    goodput_of_peak: f64,
    accepted: u64,
    /// Refused at send, in the overload.
    refused: u64,
    queue_messages_max: u64,
    /// As long as the queues are.
    latency_bound_ns: f64,
    calm_latency_ns: Quantiles,
    overload_latency_ns: Quantiles,
    recovery_latency_ns: Quantiles,
    /// From the end of the overload until what is sent takes no longer than it did
    /// before; none if it never did.
    recovered_after_ms: Option<u64>,
    /// Resident memory after a tenth of the overload, and at its end.
    resident_bytes_early: u64,
    resident_bytes_late: u64,
}

/// Of a latency, in ns.
#[derive(Debug, Clone, Copy, Serialize)]
struct Quantiles {
    p50: u64,
    p99: u64,
    p999: u64,
    max: u64,
}

impl Quantiles {
    fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: histogram.max() }
    }
}

impl Figures {
    pub(super) fn of(args: &Args, phases: &[Phase], run: &Run) -> anyhow::Result<Self> {
        let latency = |phase: usize| Quantiles::of(&run.seen.latencies[phase]);
        let rate = |phase: usize| run.seen.handled_in[phase] as f64 / phases[phase].duration.as_secs_f64();
        let (goodput, peak) = (rate(OVERLOAD), (rate(BEFORE) + rate(AFTER)) / 2.0);
        let sent = run.sent[OVERLOAD];
        let (start_ns, end_ns) = (run.starts_ns[OVERLOAD], run.starts_ns[RECOVERY]);
        let early_ns = start_ns + (end_ns - start_ns) / 10;
        let is_late = |&&(at_ns, _): &&(u64, u64)| (early_ns..end_ns).contains(&at_ns);
        let looks: Vec<u64> = run.memory.iter().filter(is_late).map(|&(_, bytes)| bytes).collect();
        let (Some(&early), Some(&late)) = (looks.first(), looks.last()) else {
            anyhow::bail!("nobody looked at the memory");
        };
        let service_ns = 1e9 / peak;
        let queue_messages_max = args.from.queue_messages_max(args);
        Ok(Self {
            machine: Machine::here(),
            from: args.from,
            peak_per_second: peak,
            service_ns,
            offered_per_second: phases[OVERLOAD].per_second.unwrap_or_default(),
            goodput_per_second: goodput,
            goodput_of_peak: goodput / peak,
            accepted: sent.accepted,
            refused: sent.refused,
            queue_messages_max,
            latency_bound_ns: queue_messages_max as f64 * service_ns,
            calm_latency_ns: latency(CALM),
            overload_latency_ns: latency(OVERLOAD),
            recovery_latency_ns: latency(RECOVERY),
            recovered_after_ms: recovered_after_ms(run),
            resident_bytes_early: early,
            resident_bytes_late: late,
        })
    }
}

/// The first step after the overload in which half of what is sent is as fast as it was.
fn recovered_after_ms(run: &Run) -> Option<u64> {
    let normal_ns = NORMAL_FACTOR * run.seen.latencies[CALM].value_at_quantile(0.5) as f64;
    let first = ((run.starts_ns[RECOVERY] - run.starts_ns[0]) / STEP_NS) as usize;
    let is_normal =
        |step: &Histogram<u64>| !step.is_empty() && step.value_at_quantile(0.5) as f64 <= normal_ns;
    let steps = run.seen.steps.get(first..)?;
    steps.iter().position(is_normal).map(|step| (step as u64 + 1) * STEP_NS / 1_000_000)
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = match self.from {
            Source::Outside => "a thread outside",
            Source::Same => "an actor of the same shard",
            Source::Across => "an actor of another shard",
        };
        let verdict = |is_met| if is_met { "met" } else { "short" };
        let ms = |ns: f64| ns / 1e6;
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        writeln!(f, "{}\n\nfrom {from}, one guest", self.machine.line())?;
        writeln!(f, "peak        {:>10.0} a second: {:.0} ns each", self.peak_per_second, self.service_ns)?;
        writeln!(
            f,
            "offered     {:>10.0} a second: {} accepted, {} refused",
            self.offered_per_second, self.accepted, self.refused
        )?;
        writeln!(
            f,
            "goodput     {:>10.0} a second: {:.1} % of the peak; at least 90: {}",
            self.goodput_per_second,
            100.0 * self.goodput_of_peak,
            verdict(self.goodput_of_peak >= 0.9)
        )?;
        let latencies = [
            ("calm", self.calm_latency_ns),
            ("overload", self.overload_latency_ns),
            ("recovery", self.recovery_latency_ns),
        ];
        for (phase, Quantiles { p50, p99, p999, max }) in latencies {
            let [p50, p99, p999, max] = [p50, p99, p999, max].map(|ns| ms(ns as f64));
            writeln!(f, "{phase:<11} latency p50 {p50:.3} ms, p99 {p99:.3}, p99.9 {p999:.3}, max {max:.3}")?;
        }
        writeln!(
            f,
            "bound       {} messages may wait: {:.3} ms; p99 of what was accepted: {}",
            self.queue_messages_max,
            ms(self.latency_bound_ns),
            verdict(self.overload_latency_ns.p99 as f64 <= self.latency_bound_ns)
        )?;
        match self.recovered_after_ms {
            Some(after) => {
                writeln!(
                    f,
                    "recovery    back to normal within {after} ms; 1,000: {}",
                    verdict(after <= 1_000)
                )?;
            }
            None => writeln!(f, "recovery    not back to normal: short")?,
        }
        writeln!(
            f,
            "memory      {:.1} MiB early in the overload, {:.1} MiB at its end",
            mib(self.resident_bytes_early),
            mib(self.resident_bytes_late)
        )
    }
}
