//! tokio: one task for each actor, fed by a channel.

use std::future::Future;

use anyhow::Context;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::body::{After, Body};
use crate::engine::{Engine, Finish, Sending, Stream, ns_per_unit, tokio_runtime};
use crate::packet::{Packet, Proof};
use crate::{Job, Rival};

/// Messages in a channel.
const CHANNEL_MESSAGES_MAX: usize = 1_024;
/// Messages taken from it at once.
const TAKEN_MAX: usize = 32;

/// Actors whose bodies are made like this.
pub(crate) struct Tasks<F> {
    pub(crate) name: &'static str,
    pub(crate) made: crate::Made,
    pub(crate) make: F,
}

/// How bodies are made: at once, or with an error.
pub(crate) trait Make {
    type Body: Body;
    fn make(&self) -> impl Future<Output = anyhow::Result<Self::Body>>;
}

impl<F, R> Make for F
where
    F: Fn() -> R,
    R: Made,
{
    type Body = R::Body;

    async fn make(&self) -> anyhow::Result<Self::Body> {
        self().made().await
    }
}

/// A body, or one to be.
pub(crate) trait Made {
    type Body: Body;
    fn made(self) -> impl Future<Output = anyhow::Result<Self::Body>>;
}

impl Made for crate::body::Native {
    type Body = Self;

    async fn made(self) -> anyhow::Result<Self> {
        Ok(self)
    }
}

impl<B: Body> Made for anyhow::Result<B> {
    type Body = B;

    async fn made(self) -> Self {
        self
    }
}

impl<F: Make + Sync> Rival for Tasks<F> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn made(&self) -> crate::Made {
        self.made
    }

    fn ns_per_unit(&self, job: &Job) -> anyhow::Result<f64> {
        let runtime = tokio_runtime(job.workers)?;
        runtime.block_on(ns_per_unit(&TaskEngine(&self.make), job))
    }
}

enum Mail {
    Packet(Packet),
    Link(mpsc::Sender<Mail>, Finish),
    Ask(Packet, oneshot::Sender<u64>),
    Prove(oneshot::Sender<Proof>),
    Stop(oneshot::Sender<()>),
}

async fn act<B: Body>(mut mailbox: mpsc::Receiver<Mail>, mut body: B) -> anyhow::Result<()> {
    let mut taken = Vec::with_capacity(TAKEN_MAX);
    let mut next: Option<(mpsc::Sender<Mail>, Finish)> = None;
    while mailbox.recv_many(&mut taken, TAKEN_MAX).await > 0 {
        for mail in taken.drain(..) {
            match mail {
                Mail::Packet(packet) => match body.handle(packet.bytes()).await? {
                    After::Nothing => {}
                    After::Send(packet) => {
                        let (next, _) = next.as_ref().context("pass to whom?")?;
                        next.send(Mail::Packet(packet))
                            .await
                            .map_err(|_| anyhow::anyhow!("nobody is next"))?;
                    }
                    After::Finished => {
                        let (_, finish) = next.as_ref().context("finish for whom?")?;
                        finish.send(())?;
                    }
                },
                Mail::Link(to, finish) => {
                    body.link().await?;
                    next = Some((to, finish));
                }
                // Whoever asked may have given up.
                Mail::Ask(packet, answer) => drop(answer.send(body.ask(packet.bytes()).await?)),
                Mail::Prove(answer) => drop(answer.send(body.proof().await?)),
                Mail::Stop(answer) => {
                    drop(body);
                    let _ = answer.send(());
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

struct TaskEngine<'a, F>(&'a F);

fn gone<T>(_: T) -> anyhow::Error {
    anyhow::anyhow!("the actor is gone")
}

impl<F: Make> Engine for TaskEngine<'_, F> {
    type Address = mpsc::Sender<Mail>;

    async fn start(&self, _: usize) -> anyhow::Result<Self::Address> {
        let (address, mailbox) = mpsc::channel(CHANNEL_MESSAGES_MAX);
        let body = self.0.make().await?;
        // What ends with an error is missed by whoever asks for its proof.
        tokio::spawn(act(mailbox, body));
        Ok(address)
    }

    async fn link(&self, actor: &Self::Address, next: Self::Address, finish: Finish) -> anyhow::Result<()> {
        actor.send(Mail::Link(next, finish)).await.map_err(gone)
    }

    async fn tell(&self, actor: &Self::Address, packet: Packet) -> anyhow::Result<()> {
        actor.send(Mail::Packet(packet)).await.map_err(gone)
    }

    async fn ask(actor: &Self::Address, packet: Packet) -> anyhow::Result<u64> {
        let (answer, reply) = oneshot::channel();
        actor.send(Mail::Ask(packet, answer)).await.map_err(gone)?;
        reply.await.map_err(gone)
    }

    async fn proof(&self, actor: &Self::Address) -> anyhow::Result<Proof> {
        let (answer, proof) = oneshot::channel();
        actor.send(Mail::Prove(answer)).await.map_err(gone)?;
        proof.await.map_err(gone)
    }

    fn send_all(&self, _: usize, to: Self::Address, stream: Stream) -> Sending {
        let sender: JoinHandle<anyhow::Result<()>> = tokio::spawn(async move {
            for packet in stream.packets() {
                to.send(Mail::Packet(packet)).await.map_err(gone)?;
            }
            Ok(())
        });
        Box::pin(async move { sender.await? })
    }

    async fn stop(&self, actor: Self::Address) -> anyhow::Result<()> {
        let (answer, stopped) = oneshot::channel();
        actor.send(Mail::Stop(answer)).await.map_err(gone)?;
        stopped.await.map_err(gone)
    }
}
