//! kameo: native actors on tokio.

use std::convert::Infallible;

use anyhow::Context as _;
use kameo::actor::{Actor, ActorRef, Spawn};
use kameo::mailbox;
use kameo::message::{Context, Message};

use crate::body::{After, Native};
use crate::engine::{Engine, Finish, Sending, Stream, ns_per_unit, tokio_runtime};
use crate::packet::{Packet, Proof};
use crate::{Job, Rival};

const MAILBOX_MESSAGES_MAX: usize = 1_024;

pub(crate) struct Kameo;

impl Rival for Kameo {
    fn name(&self) -> &'static str {
        "kameo, native"
    }

    fn ns_per_unit(&self, job: &Job) -> anyhow::Result<f64> {
        tokio_runtime(job.workers)?.block_on(ns_per_unit(&KameoEngine, job))
    }
}

#[derive(Default)]
struct Sum {
    body: Native,
    next: Option<(ActorRef<Sum>, Finish)>,
}

impl Actor for Sum {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(args: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(args)
    }
}

impl Message<Packet> for Sum {
    type Reply = ();

    async fn handle(&mut self, packet: Packet, _: &mut Context<Self, ()>) {
        match (self.body.take(packet.bytes()), &self.next) {
            // A token that is lost is missed by whoever waits for its end.
            (After::Send(packet), Some((next, _))) => drop(next.tell(packet).await),
            (After::Finished, Some((_, finish))) => drop(finish.send(())),
            _ => {}
        }
    }
}

struct Link(ActorRef<Sum>, Finish);

impl Message<Link> for Sum {
    type Reply = ();

    async fn handle(&mut self, Link(next, finish): Link, _: &mut Context<Self, ()>) {
        self.next = Some((next, finish));
    }
}

struct Ask(Packet);

impl Message<Ask> for Sum {
    type Reply = u64;

    async fn handle(&mut self, Ask(packet): Ask, _: &mut Context<Self, u64>) -> u64 {
        self.body.reply(packet.bytes())
    }
}

struct Prove;

impl Message<Prove> for Sum {
    type Reply = Counted;

    async fn handle(&mut self, _: Prove, _: &mut Context<Self, Counted>) -> Counted {
        Counted(self.body.counted())
    }
}

struct Counted(Proof);

impl kameo::reply::Reply for Counted {
    type Ok = Self;
    type Error = kameo::error::Infallible;
    type Value = Self;

    fn to_result(self) -> Result<Self, Self::Error> {
        Ok(self)
    }

    fn into_any_err(self) -> Option<Box<dyn kameo::reply::ReplyError>> {
        None
    }

    fn into_value(self) -> Self {
        self
    }
}

struct KameoEngine;

impl Engine for KameoEngine {
    type Address = ActorRef<Sum>;

    async fn start(&self, _: usize) -> anyhow::Result<Self::Address> {
        Ok(Sum::spawn_with_mailbox(Sum::default(), mailbox::bounded(MAILBOX_MESSAGES_MAX)))
    }

    async fn link(&self, actor: &Self::Address, next: Self::Address, finish: Finish) -> anyhow::Result<()> {
        actor.tell(Link(next, finish)).await.ok().context("the actor is gone")
    }

    async fn tell(&self, actor: &Self::Address, packet: Packet) -> anyhow::Result<()> {
        actor.tell(packet).await.ok().context("the actor is gone")
    }

    async fn ask(actor: &Self::Address, packet: Packet) -> anyhow::Result<u64> {
        actor.ask(Ask(packet)).await.ok().context("the actor is gone")
    }

    async fn proof(&self, actor: &Self::Address) -> anyhow::Result<Proof> {
        actor.ask(Prove).await.map(|counted| counted.0).ok().context("the actor is gone")
    }

    fn send_all(&self, _: usize, to: Self::Address, stream: Stream) -> Sending {
        let sender = tokio::spawn(async move {
            for packet in stream.packets() {
                to.tell(packet).await.ok().context("the actor is gone")?;
            }
            anyhow::Ok(())
        });
        Box::pin(async move { sender.await? })
    }

    async fn stop(&self, actor: Self::Address) -> anyhow::Result<()> {
        actor.stop_gracefully().await.ok().context("the actor is gone")?;
        actor.wait_for_shutdown().await;
        Ok(())
    }
}
