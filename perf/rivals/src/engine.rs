//! The workloads, once for all rivals.

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use anyhow::Context;
use tokio::sync::mpsc::UnboundedSender;

use crate::packet::{ADD, PASS, Packet, Proof};
use crate::{Job, Workload};

/// Lives under way at once.
const AT_ONCE: u64 = 64;

/// Tells that a token has come to its end.
pub(crate) type Finish = UnboundedSender<()>;

/// The end of a sender that is under way.
pub(crate) type Sending = Pin<Box<dyn Future<Output = anyhow::Result<()>>>>;

/// What a sender sends: values that count up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stream {
    pub(crate) first_value: u64,
    pub(crate) messages: u64,
    pub(crate) bytes: usize,
}

impl Stream {
    pub(crate) fn packets(self) -> impl Iterator<Item = Packet> + Send {
        let values = self.first_value..self.first_value + self.messages;
        values.map(move |value| Packet::new(ADD, value, self.bytes))
    }
}

/// A runtime of actors, within it.
pub(crate) trait Engine {
    type Address: Clone;

    /// Starts an actor, on this worker if it can be chosen.
    fn start(&self, worker: usize) -> impl Future<Output = anyhow::Result<Self::Address>>;

    /// Tells an actor whom it passes tokens to.
    fn link(
        &self,
        actor: &Self::Address,
        next: Self::Address,
        finish: Finish,
    ) -> impl Future<Output = anyhow::Result<()>>;

    fn tell(&self, actor: &Self::Address, packet: Packet) -> impl Future<Output = anyhow::Result<()>>;

    /// What it has counted, of all that it was told before.
    fn proof(&self, actor: &Self::Address) -> impl Future<Output = anyhow::Result<Proof>>;

    /// A task of its own that sends all this, on this worker if it can be chosen.
    /// It is under way when this returns; the future is its end.
    fn send_all(&self, worker: usize, to: Self::Address, stream: Stream) -> Sending;

    /// Stops an actor, and waits for its end.
    fn stop(&self, actor: Self::Address) -> impl Future<Output = anyhow::Result<()>>;
}

/// ns per unit. Proved.
pub(crate) async fn ns_per_unit<E: Engine>(engine: &E, job: &Job) -> anyhow::Result<f64> {
    match job.workload {
        Workload::Tell => flow(engine, job, 1, 1).await,
        Workload::FanIn => flow(engine, job, job.actors, 1).await,
        Workload::Pairs => flow(engine, job, job.actors, job.actors).await,
        Workload::Ring => pass(engine, job, job.actors, 1).await,
        Workload::PingPong => pass(engine, job, 2, 2).await,
        Workload::SpawnStop => lives(engine, job).await,
    }
}

/// Senders, each to one of the receivers.
async fn flow<E: Engine>(engine: &E, job: &Job, senders: usize, receivers: usize) -> anyhow::Result<f64> {
    let each = job.units.div_ceil(senders as u64);
    let mut actors = Vec::new();
    for index in 0..receivers {
        actors.push(engine.start(index % job.workers).await?);
    }
    let start = Instant::now();
    let mut sending = Vec::new();
    let mut expected = Proof::default();
    for index in 0..senders {
        let stream = Stream { first_value: index as u64 * each, messages: each, bytes: job.payload_bytes };
        let to = actors[index % receivers].clone();
        sending.push(engine.send_all(index % job.workers, to, stream));
    }
    for sender in sending {
        sender.await?;
    }
    let mut counted = Proof::default();
    for actor in &actors {
        counted = counted.and(engine.proof(actor).await?);
    }
    let elapsed = start.elapsed();
    for index in 0..senders as u64 {
        expected = expected.and(Proof::of_values_from(index * each, each));
    }
    counted.must_be(expected)?;
    for actor in actors {
        engine.stop(actor).await?;
    }
    Ok(elapsed.as_nanos() as f64 / expected.count as f64)
}

/// A token that goes round.
async fn pass<E: Engine>(engine: &E, job: &Job, count: usize, hops_per_unit: u64) -> anyhow::Result<f64> {
    let hops = job.units * hops_per_unit;
    let mut actors = Vec::new();
    for _ in 0..count {
        actors.push(engine.start(0).await?);
    }
    let (finish, mut finished) = tokio::sync::mpsc::unbounded_channel();
    for (index, actor) in actors.iter().enumerate() {
        engine.link(actor, actors[(index + 1) % count].clone(), finish.clone()).await?;
    }
    let start = Instant::now();
    engine.tell(&actors[0], Packet::new(PASS, hops - 1, job.payload_bytes)).await?;
    finished.recv().await.context("the token was lost")?;
    let elapsed = start.elapsed();
    let mut counted = Proof::default();
    for actor in &actors {
        counted = counted.and(engine.proof(actor).await?);
    }
    counted.must_be(Proof::of_values_from(0, hops))?;
    for actor in actors {
        engine.stop(actor).await?;
    }
    Ok(elapsed.as_nanos() as f64 / job.units as f64)
}

/// Actors that start, handle one message, and stop.
async fn lives<E: Engine>(engine: &E, job: &Job) -> anyhow::Result<f64> {
    let start = Instant::now();
    let mut value = 0;
    while value < job.units {
        let values = value..job.units.min(value + AT_ONCE);
        let mut actors = Vec::new();
        for value in values.clone() {
            actors.push(engine.start(value as usize % job.workers).await?);
        }
        for (value, actor) in values.clone().zip(&actors) {
            engine.tell(actor, Packet::new(ADD, value, job.payload_bytes)).await?;
        }
        for (value, actor) in values.clone().zip(actors) {
            engine.proof(&actor).await?.must_be(Proof { count: 1, sum: value })?;
            engine.stop(actor).await?;
        }
        value = values.end;
    }
    Ok(start.elapsed().as_nanos() as f64 / job.units as f64)
}

/// A runtime of tokio with so many threads.
pub(crate) fn tokio_runtime(workers: usize) -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = if workers == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    builder.worker_threads(workers.max(1)).enable_time().build().context("tokio's runtime")
}
