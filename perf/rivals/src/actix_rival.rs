//! actix: native actors, each on one of its arbiters' threads.

use actix::prelude::*;
use anyhow::Context as _;
use tokio::sync::oneshot;

use crate::body::{After, Native};
use crate::engine::{Engine, Finish, Sending, Stream, ns_per_unit};
use crate::packet::{Packet, Proof};
use crate::{Job, Rival};

/// `do_send` knows no bound: a sender lets others run so often.
const YIELD_EVERY_MESSAGES: usize = 64;

pub(crate) struct Actix;

impl Rival for Actix {
    fn name(&self) -> &'static str {
        "actix, native"
    }

    fn ns_per_unit(&self, job: &Job) -> anyhow::Result<f64> {
        actix::System::new().block_on(async {
            // The system's own thread is the first of them.
            let arbiters: Vec<_> = (1..job.workers).map(|_| Arbiter::new()).collect();
            let mut handles = vec![Arbiter::current()];
            handles.extend(arbiters.iter().map(Arbiter::handle));
            let ns = ns_per_unit(&ActixEngine(handles), job).await;
            for arbiter in arbiters {
                arbiter.stop();
                let _ = arbiter.join();
            }
            ns
        })
    }
}

#[derive(Default)]
struct Sum {
    body: Native,
    next: Option<(Addr<Sum>, Finish)>,
}

impl Actor for Sum {
    type Context = Context<Self>;
}

struct Tell(Packet);

impl Message for Tell {
    type Result = ();
}

impl Handler<Tell> for Sum {
    type Result = ();

    fn handle(&mut self, Tell(packet): Tell, _: &mut Self::Context) {
        match (self.body.take(packet.bytes()), &self.next) {
            (After::Send(packet), Some((next, _))) => next.do_send(Tell(packet)),
            // Whoever waits may have given up.
            (After::Finished, Some((_, finish))) => drop(finish.send(())),
            _ => {}
        }
    }
}

struct Link(Addr<Sum>, Finish);

impl Message for Link {
    type Result = ();
}

impl Handler<Link> for Sum {
    type Result = ();

    fn handle(&mut self, Link(next, finish): Link, _: &mut Self::Context) {
        self.next = Some((next, finish));
    }
}

struct Ask(Packet);

impl Message for Ask {
    type Result = Result<u64, ()>;
}

impl Handler<Ask> for Sum {
    type Result = Result<u64, ()>;

    fn handle(&mut self, Ask(packet): Ask, _: &mut Self::Context) -> Self::Result {
        Ok(self.body.reply(packet.bytes()))
    }
}

struct Prove;

impl Message for Prove {
    type Result = Result<Proof, ()>;
}

impl Handler<Prove> for Sum {
    type Result = Result<Proof, ()>;

    fn handle(&mut self, _: Prove, _: &mut Self::Context) -> Self::Result {
        Ok(self.body.counted())
    }
}

struct Stop;

impl Message for Stop {
    type Result = ();
}

impl Handler<Stop> for Sum {
    type Result = ();

    fn handle(&mut self, _: Stop, context: &mut Self::Context) {
        context.stop();
    }
}

struct ActixEngine(Vec<ArbiterHandle>);

impl Engine for ActixEngine {
    type Address = Addr<Sum>;

    async fn start(&self, worker: usize) -> anyhow::Result<Self::Address> {
        if worker == 0 {
            return Ok(Sum::default().start());
        }
        Ok(Sum::start_in_arbiter(&self.0[worker], |_| Sum::default()))
    }

    async fn link(&self, actor: &Self::Address, next: Self::Address, finish: Finish) -> anyhow::Result<()> {
        actor.send(Link(next, finish)).await.context("the actor is gone")
    }

    async fn tell(&self, actor: &Self::Address, packet: Packet) -> anyhow::Result<()> {
        actor.do_send(Tell(packet));
        Ok(())
    }

    async fn ask(actor: &Self::Address, packet: Packet) -> anyhow::Result<u64> {
        actor.send(Ask(packet)).await.context("the actor is gone")?.map_err(|()| anyhow::anyhow!("no reply"))
    }

    async fn proof(&self, actor: &Self::Address) -> anyhow::Result<Proof> {
        actor.send(Prove).await.context("the actor is gone")?.map_err(|()| anyhow::anyhow!("no proof"))
    }

    fn send_all(&self, worker: usize, to: Self::Address, stream: Stream) -> Sending {
        let (done, end) = oneshot::channel();
        self.0[worker].spawn(async move {
            for (index, packet) in stream.packets().enumerate() {
                to.do_send(Tell(packet));
                if index % YIELD_EVERY_MESSAGES == YIELD_EVERY_MESSAGES - 1 {
                    tokio::task::yield_now().await;
                }
            }
            let _ = done.send(());
        });
        Box::pin(async move { end.await.context("the sender is gone") })
    }

    async fn stop(&self, actor: Self::Address) -> anyhow::Result<()> {
        actor.send(Stop).await.context("the actor is gone")
    }
}
