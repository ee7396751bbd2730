//! The pipeline of `examples/access_log`: parsers, aggregators and a reporter, fed
//! by an outside thread. The reporter's own count of lines is the proof.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use raddle::{ActorId, Payload, Spawn};

use crate::pump;
use crate::setup::Stand;

use super::{Extras, Round, Workload};

/// Where the example's components are, or beside the guest of measurements.
const FOLDER: &str = "guests/prebuilt";
const COMPONENTS: [&str; 3] = ["parser.wasm", "aggregator.wasm", "reporter.wasm"];
/// Lines handed to a parser at once, and on their way at once.
const LINES_AT_ONCE: usize = 64;
const IN_FLIGHT_MAX: u64 = 4_096;

pub(super) struct AccessLog {
    lines: Vec<Payload>,
    parsers: Vec<ActorId>,
    aggregators: Vec<ActorId>,
    reporter: ActorId,
    /// Lines fed in all rounds: the aggregators never forget.
    fed: u64,
}

impl AccessLog {
    pub(super) fn new(stand: &Stand, extras: &Extras) -> anyhow::Result<Self> {
        let path = &extras.log;
        let text = std::fs::read(path).with_context(|| format!("--log {}", path.display()))?;
        let lines: Vec<Payload> = text
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| Payload::copy_from(line).into_shared())
            .collect();
        ensure!(!lines.is_empty(), "--log {}: there are no lines in it", path.display());
        let guest = stand.setup.guest.as_deref();
        let folder = guest.and_then(Path::parent).unwrap_or(Path::new(FOLDER));
        let [parser, aggregator, reporter] = COMPONENTS.map(|name| folder.join(name));
        let load = |path: &Path| {
            stand.runtime.load(path).with_context(|| format!("access-log needs {}", path.display()))
        };
        let (parser, aggregator, reporter) = (load(&parser)?, load(&aggregator)?, load(&reporter)?);
        let shards = 0..stand.runtime.shards();
        let start_all = |kind: &str, make: &dyn Fn() -> Spawn| {
            let start = |shard: usize| {
                let spawn = make().name(format!("{kind}.{shard}")).on(stand.shard(shard));
                stand.runtime.spawn(spawn).wait()
            };
            shards.clone().map(start).collect::<Result<Vec<_>, _>>()
        };
        let aggregators = start_all("aggregator", &|| Spawn::new(aggregator.clone()))?;
        let parsers =
            start_all("parser", &|| Spawn::new(parser.clone()).config("aggregators", "aggregator"))?;
        let reporter = stand.runtime.spawn(Spawn::new(reporter)).wait()?;
        Ok(Self { lines, parsers, aggregators, reporter, fed: 0 })
    }

    /// What the reporter counts, once the aggregators have told it.
    fn lines_reported(&self, stand: &Stand) -> anyhow::Result<u64> {
        stand.runtime.request(self.reporter, "reset").wait()?;
        for &aggregator in &self.aggregators {
            let totals = stand.runtime.request(aggregator, "totals").wait()?;
            stand.runtime.request(self.reporter, totals).wait()?;
        }
        let report = stand.runtime.request(self.reporter, "report").wait()?;
        let report: serde_json::Value = serde_json::from_slice(&report).context("the report is no JSON")?;
        report["lines"].as_u64().context("the report counts no lines")
    }

    fn feed(&self, stand: &Stand, lines: u64) -> anyhow::Result<()> {
        let mut log = self.lines.iter().cycle().take(lines as usize).cloned();
        for turn in 0.. {
            let mut batch = log.by_ref().take(LINES_AT_ONCE).peekable();
            if batch.peek().is_none() {
                return Ok(());
            }
            while stand.runtime.unsettled() > IN_FLIGHT_MAX {
                ensure!(!crate::interrupt::is_raised(), crate::interrupt::Interrupted);
                std::thread::yield_now();
            }
            let parser = self.parsers[turn % self.parsers.len()];
            let mut batch: Vec<_> = batch.collect();
            while !batch.is_empty() {
                let (taken, refused) = stand.runtime.tell_all(parser, batch.iter().cloned());
                batch.drain(..taken);
                if let Some(refused) = refused {
                    let is_full = matches!(refused.reason, raddle::actor::SendError::MailboxFull(_));
                    ensure!(is_full, "{refused}");
                    std::thread::yield_now();
                }
            }
        }
        Ok(())
    }
}

impl Workload for AccessLog {
    fn title(&self) -> String {
        format!("access log, {} parsers and aggregators", self.parsers.len())
    }

    fn unit(&self) -> &'static str {
        "line"
    }

    fn round(&mut self, stand: &Stand, units: u64) -> anyhow::Result<Round> {
        let start = Instant::now();
        self.feed(stand, units)?;
        pump::settle(&stand.runtime, Duration::from_micros(200))?;
        let elapsed = start.elapsed();
        self.fed += units;
        let counted = self.lines_reported(stand)?;
        ensure!(counted == self.fed, "{} lines were fed, and the reporter counts {counted}", self.fed);
        Ok(Round { units, elapsed, recording: None })
    }

    fn end(self: Box<Self>, stand: &Stand) -> anyhow::Result<()> {
        pump::stop(&stand.runtime, &[self.parsers, self.aggregators, vec![self.reporter]].concat())
    }
}
