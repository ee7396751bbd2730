//! What is to be measured on what: the options, and the runtime that they ask for.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use raddle::actor::Blueprint;
use raddle::runtime::driver::Reactor;
use raddle::shard::{ArrivalProbe, ShardConfig};
use raddle::wasm::{
    CacheConfig, ComponentBlueprint, EngineConfig, ExecutionClass, MemoryLayout, Profile, Source, TrustLevel,
};
use raddle::{Runtime, ShardId};
use serde::Serialize;

use crate::recorder::{Measured, show_arrival};
use crate::word::WORD_BYTES;

/// The guest of measurements.
const SUM: &[u8] = include_bytes!("../../guests/prebuilt/sum.wasm");
/// The most bytes of a payload: what a runtime takes by default.
const PAYLOAD_BYTES_MAX: usize = 1 << 20;
/// The most messages in a batch.
const BATCH_MAX: usize = 1_024;
/// The most actors on each side of a workload. The pool reserves for all of them.
const ACTORS_MAX: usize = 10_000;

/// What is to be measured on.
#[derive(clap::Args, Debug, Clone, Serialize)]
pub(crate) struct Setup {
    /// How many shards [default: one for each physical core]
    #[arg(long)]
    pub(crate) shards: Option<usize>,
    /// What drives the shards: auto, glommio or thread
    #[arg(long, default_value = "auto")]
    #[serde(serialize_with = "as_text")]
    pub(crate) reactor: Reactor,
    /// The idle strategy: how long an idle shard spins before it sleeps, in µs; 0
    /// sleeps at once [default: the runtime's, 50]
    #[arg(long, value_name = "µs")]
    pub(crate) spin_us: Option<u64>,
    /// Bytes in each message
    #[arg(long, default_value_t = 64, value_parser = payload_bytes)]
    pub(crate) payload: usize,
    /// How many actors a workload of many has: ring, fan-in, fan-out, restarts
    #[arg(long, default_value_t = 100, value_parser = actors)]
    pub(crate) actors: usize,
    /// How many pairs
    #[arg(long, default_value_t = 1_000, value_parser = actors)]
    pub(crate) pairs: usize,
    /// The most messages that a guest handles in one call, if it takes batches
    #[arg(long, default_value_t = 1, value_parser = batch)]
    pub(crate) batch: usize,
    /// How guests run: run-to-completion or suspendable [default: as they need it]
    #[arg(long, value_enum)]
    pub(crate) class: Option<Class>,
    /// How the guests' memories lie
    #[arg(long, value_enum, default_value = "guarded")]
    pub(crate) layout: Layout,
    /// The guest that proves what it handles [default: `sum`, which is built in]
    #[arg(long, value_name = "FILE")]
    pub(crate) guest: Option<PathBuf>,
}

impl Setup {
    /// The guest, as bytes.
    pub(crate) fn read_guest(&self) -> anyhow::Result<Cow<'static, [u8]>> {
        match &self.guest {
            None => Ok(Cow::Borrowed(SUM)),
            Some(path) => {
                let bytes = std::fs::read(path);
                bytes.map(Cow::Owned).with_context(|| format!("--guest {}", path.display()))
            }
        }
    }
}

fn as_text<S: serde::Serializer>(value: &Reactor, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format!("{value:?}").to_lowercase())
}

/// How guests run.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Class {
    /// Each message to its end, on the shard's own stack
    RunToCompletion,
    /// On fibers of their own
    Suspendable,
}

impl From<Class> for ExecutionClass {
    fn from(class: Class) -> Self {
        match class {
            Class::RunToCompletion => Self::RunToCompletion,
            Class::Suspendable => Self::Suspendable,
        }
    }
}

/// How memories lie.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Layout {
    /// Much address space for each, and no checks of bounds
    Guarded,
    /// Close together, and checked
    Compact,
}

impl From<Layout> for MemoryLayout {
    fn from(layout: Layout) -> Self {
        match layout {
            Layout::Guarded => Self::Guarded,
            Layout::Compact => Self::Compact,
        }
    }
}

fn batch(text: &str) -> Result<usize, String> {
    within(text, 1..=BATCH_MAX, "messages")
}

fn payload_bytes(text: &str) -> Result<usize, String> {
    within(text, WORD_BYTES..=PAYLOAD_BYTES_MAX, "bytes")
}

fn actors(text: &str) -> Result<usize, String> {
    within(text, 1..=ACTORS_MAX, "actors")
}

/// A number within a range, or what was expected.
pub(crate) fn within(
    text: &str,
    range: std::ops::RangeInclusive<usize>,
    unit: &str,
) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| format!("expected from {} to {} {unit}", range.start(), range.end()))
}

fn load(runtime: &Runtime, source: Source<'_>, setup: &Setup) -> anyhow::Result<Arc<dyn Blueprint>> {
    let component = runtime.engine().load(source, &CacheConfig::default(), &())?;
    let mut profile = Profile::of(TrustLevel::Standard);
    profile.limits.batch_messages_max = setup.batch;
    profile.class = setup.class.map(ExecutionClass::from);
    Ok(Arc::new(ComponentBlueprint::with(component, profile)?))
}

/// A runtime, and the blueprint of what proves its messages.
pub(crate) struct Stand {
    pub(crate) runtime: Runtime,
    pub(crate) guest: Arc<dyn Blueprint>,
    pub(crate) setup: Setup,
    /// Are latencies recorded, where guests handle messages?
    pub(crate) is_measured: bool,
}

impl Stand {
    /// Sets it all up. Nothing is running yet but the shards.
    pub(crate) fn new(setup: &Setup, is_measured: bool) -> anyhow::Result<Self> {
        if let Some(shards) = setup.shards {
            ensure!(shards > 0, "--shards is 0: at least 1 is needed");
        }
        // Measured latencies are the harness's own: see `recorder`.
        let on_arrival = is_measured.then_some(ArrivalProbe(show_arrival));
        let config = ShardConfig { measures_latency: false, on_arrival, ..ShardConfig::default() };
        // Workloads of one run live side by side, most of them with so many actors.
        let instances = 10 * setup.actors + setup.pairs + 512;
        let instances_max = u32::try_from(instances).expect("bounded by the options");
        let engine =
            EngineConfig { instances_max, memory_layout: setup.layout.into(), ..EngineConfig::default() };
        let mut builder = Runtime::builder().reactor(setup.reactor).config(config).engine(engine);
        if let Some(shards) = setup.shards {
            builder = builder.shards(shards);
        }
        if let Some(spin_us) = setup.spin_us {
            builder = builder.park_spin(Duration::from_micros(spin_us));
        }
        let runtime = builder.build()?;
        let guest = match &setup.guest {
            None => load(&runtime, Source::Bytes("sum", SUM), setup)?,
            Some(path) => {
                let guest = load(&runtime, path.into(), setup);
                guest.with_context(|| format!("--guest {}", path.display()))?
            }
        };
        let guest = if is_measured { Measured::wrap(guest) } else { guest };
        Ok(Self { runtime, guest, setup: setup.clone(), is_measured })
    }

    /// Another component, to run as the setup says.
    pub(crate) fn load(&self, path: &Path) -> anyhow::Result<Arc<dyn Blueprint>> {
        load(&self.runtime, path.into(), &self.setup)
    }

    /// The shards, in turn.
    pub(crate) fn shard(&self, index: usize) -> ShardId {
        ShardId((index % self.runtime.shards()) as u16)
    }

    /// Ends the runtime. Its ledger must close.
    pub(crate) fn end(self) -> anyhow::Result<()> {
        let report = self.runtime.shutdown(Duration::from_secs(10));
        ensure!(report.ledger().closes(), "the ledger does not close: {:?}", report.ledger());
        ensure!(report.failures.is_empty(), "{}", report.failures.join("; "));
        Ok(())
    }
}
