//! ractor: native actors on tokio.

use anyhow::Context;
use ractor::rpc::CallResult;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};

use crate::body::{After, Native};
use crate::engine::{Engine, Finish, Sending, Stream, ns_per_unit, tokio_runtime};
use crate::packet::{Packet, Proof};
use crate::{Job, Rival};

/// Its mailboxes have no bound: a sender lets others run so often.
const YIELD_EVERY_MESSAGES: usize = 64;

pub(crate) struct Ractor;

impl Rival for Ractor {
    fn name(&self) -> &'static str {
        "ractor, native"
    }

    fn ns_per_unit(&self, job: &Job) -> anyhow::Result<f64> {
        tokio_runtime(job.workers)?.block_on(ns_per_unit(&RactorEngine, job))
    }
}

enum Mail {
    Packet(Packet),
    Link(ActorRef<Mail>, Finish),
    Ask(Packet, RpcReplyPort<u64>),
    Prove(RpcReplyPort<Proof>),
}

struct Sum;

#[derive(Default)]
struct State {
    body: Native,
    next: Option<(ActorRef<Mail>, Finish)>,
}

impl Actor for Sum {
    type Msg = Mail;
    type State = State;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Mail>, (): ()) -> Result<State, ActorProcessingErr> {
        Ok(State::default())
    }

    async fn handle(
        &self,
        _: ActorRef<Mail>,
        mail: Mail,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match mail {
            Mail::Packet(packet) => match (state.body.take(packet.bytes()), &state.next) {
                (After::Send(packet), Some((next, _))) => next.cast(Mail::Packet(packet))?,
                (After::Finished, Some((_, finish))) => finish.send(())?,
                _ => {}
            },
            Mail::Link(next, finish) => state.next = Some((next, finish)),
            Mail::Ask(packet, port) => port.send(state.body.reply(packet.bytes()))?,
            Mail::Prove(port) => port.send(state.body.counted())?,
        }
        Ok(())
    }
}

struct RactorEngine;

fn replied<T>(result: CallResult<T>) -> anyhow::Result<T> {
    match result {
        CallResult::Success(reply) => Ok(reply),
        _ => anyhow::bail!("the actor is gone"),
    }
}

impl Engine for RactorEngine {
    type Address = ActorRef<Mail>;

    async fn start(&self, _: usize) -> anyhow::Result<Self::Address> {
        let (actor, _) = Actor::spawn(None, Sum, ()).await?;
        Ok(actor)
    }

    async fn link(&self, actor: &Self::Address, next: Self::Address, finish: Finish) -> anyhow::Result<()> {
        actor.cast(Mail::Link(next, finish)).ok().context("the actor is gone")
    }

    async fn tell(&self, actor: &Self::Address, packet: Packet) -> anyhow::Result<()> {
        actor.cast(Mail::Packet(packet)).ok().context("the actor is gone")
    }

    async fn ask(actor: &Self::Address, packet: Packet) -> anyhow::Result<u64> {
        let ask = |port| Mail::Ask(packet, port);
        replied(actor.call(ask, None).await.ok().context("the actor is gone")?)
    }

    async fn proof(&self, actor: &Self::Address) -> anyhow::Result<Proof> {
        replied(actor.call(Mail::Prove, None).await.ok().context("the actor is gone")?)
    }

    fn send_all(&self, _: usize, to: Self::Address, stream: Stream) -> Sending {
        let sender = tokio::spawn(async move {
            for (index, packet) in stream.packets().enumerate() {
                to.cast(Mail::Packet(packet)).ok().context("the actor is gone")?;
                if index % YIELD_EVERY_MESSAGES == YIELD_EVERY_MESSAGES - 1 {
                    tokio::task::yield_now().await;
                }
            }
            anyhow::Ok(())
        });
        Box::pin(async move { sender.await? })
    }

    async fn stop(&self, actor: Self::Address) -> anyhow::Result<()> {
        actor.stop_and_wait(None, None).await.ok().context("it does not stop")
    }
}
