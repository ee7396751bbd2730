//! The workloads, once for all rivals.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Instant;

use anyhow::{Context, ensure};
use tokio::sync::mpsc::UnboundedSender;

use crate::outside;
use crate::packet::{ADD, ASK, PASS, Packet, Proof};
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
    type Address: Clone + Send + 'static;

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

    /// The reply to what it is asked. Sent when it is first polled.
    fn ask(actor: &Self::Address, packet: Packet) -> impl Future<Output = anyhow::Result<u64>>;

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
        Workload::Ask => asks(engine, job).await,
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

/// What is under way: it was begun, and may have come to its end.
enum Begun<F: Future> {
    Waiting(Pin<Box<F>>),
    Done(F::Output),
}

impl<F: Future> Begun<F> {
    /// Polls it once: what it sends is sent.
    async fn new(future: F) -> Self {
        let mut future = Box::pin(future);
        match poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await {
            Poll::Ready(output) => Self::Done(output),
            Poll::Pending => Self::Waiting(future),
        }
    }

    async fn end(self) -> F::Output {
        match self {
            Self::Waiting(future) => future.await,
            Self::Done(output) => output,
        }
    }
}

/// The reply must be the value and 1: the proof of one message.
pub(crate) fn check(reply: u64, value: u64) -> anyhow::Result<()> {
    ensure!(reply == value + 1, "asked with {value}, it replied {reply}");
    Ok(())
}

/// Actors that start, handle one message, and stop: many under way at once.
async fn lives<E: Engine>(engine: &E, job: &Job) -> anyhow::Result<f64> {
    let start = Instant::now();
    let mut value = 0;
    while value < job.units {
        let values = value..job.units.min(value + AT_ONCE);
        let mut actors = Vec::new();
        for value in values.clone() {
            actors.push(engine.start(value as usize % job.workers).await?);
        }
        let mut asked = Vec::new();
        for (value, actor) in values.clone().zip(&actors) {
            asked.push(Begun::new(E::ask(actor, Packet::new(ASK, value, job.payload_bytes))).await);
        }
        for (value, reply) in values.clone().zip(asked) {
            check(reply.end().await?, value)?;
        }
        let mut stopping = Vec::new();
        for actor in actors {
            stopping.push(Begun::new(engine.stop(actor)).await);
        }
        for end in stopping {
            end.end().await?;
        }
        value = values.end;
    }
    Ok(start.elapsed().as_nanos() as f64 / job.units as f64)
}

/// A thread outside that asks, again and again.
async fn asks<E: Engine>(engine: &E, job: &Job) -> anyhow::Result<f64> {
    let actor = engine.start(0).await?;
    let (done, end) = tokio::sync::oneshot::channel();
    let (address, units, bytes) = (actor.clone(), job.units, job.payload_bytes);
    let asking = std::thread::spawn(move || {
        let elapsed = outside::ask_all::<E>(&address, units, bytes);
        // Whoever waits has given up.
        let _ = done.send(elapsed);
    });
    while job.is_kept_awake && !asking.is_finished() {
        tokio::task::yield_now().await;
    }
    let elapsed = end.await.context("the asking thread panicked")??;
    asking.join().map_err(|_| anyhow::anyhow!("the asking thread panicked"))?;
    engine.proof(&actor).await?.must_be(Proof::of_values_from(0, job.units))?;
    engine.stop(actor).await?;
    Ok(elapsed.as_nanos() as f64 / job.units as f64)
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
