//! A component actor that may wait in the middle of a message.
//!
//! Its guest runs on a stack of its own. A future holds the instance for as long as
//! it lives, and makes the calls that it finds on the [`Desk`]; the actor polls that
//! future. Nothing ever wakes it: the shard knows when to go on, and polls again.
//!
//! ```text
//!   shard ── handle, resume ──► SuspendableActor ── command ──► future: Live
//!                                     ▲ ─── poll ──────────────────► │ call_async
//!                                     └── done, or suspended ◄───────┘
//! ```

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context as TaskContext, Waker};
use std::time::Duration;

use wasmtime::PoolConcurrencyLimitError;

use super::deadline::Call;
use super::desk::{Command, Desk, Done, Progress, give_way};
use super::instance::Live;
use super::{abi, trap};
use crate::actor::{
    Account, Actor, ActorId, Awaited, Child, Context, ExitReason, Health, Incarnation, Message, NameTaken,
    Notice, Outcome, Resume, StartError, StopReason, TrapCause,
};

/// A component actor that may wait in the middle of a message.
pub(super) struct SuspendableActor {
    desk: Rc<Desk>,
    state: State,
}

enum State {
    Serving(Pin<Box<dyn Future<Output = ()>>>),
    Gone(ExitReason),
}

impl SuspendableActor {
    pub(super) fn new(live: Live) -> Self {
        let desk = live.store.data().desk();
        Self { state: State::Serving(Box::pin(serve(live, desk.clone()))), desk }
    }

    /// Goes on until the call is over, or the guest waits.
    fn go_on(&mut self) -> Progress {
        match &mut self.state {
            State::Serving(serving) => {
                // When it ends, it has said why.
                let _ = serving.as_mut().poll(&mut TaskContext::from_waker(Waker::noop()));
            }
            State::Gone(reason) => self.desk.done(Done::Exited(reason.clone())),
        }
        self.desk.progress()
    }

    /// What came of the call that is over.
    fn take_done(&mut self) -> Option<Done> {
        let done = self.desk.take_done();
        if let Some(Done::Exited(reason)) = &done {
            self.state = State::Gone(reason.clone());
        }
        done
    }

    /// A call that does not wait for anybody: it only gives way, and its turn is next.
    fn call(&mut self, command: Command) -> Option<Done> {
        self.desk.begin(command, false);
        while self.go_on() == Progress::Waits {}
        self.take_done()
    }

    /// Makes or goes on with the call of a message or notice.
    #[inline]
    fn outcome(&mut self) -> Outcome {
        match self.go_on() {
            Progress::Handled => Outcome::Done(None),
            Progress::Waits => Outcome::Suspended(self.desk.asked.get().unwrap_or(Awaited::Turn)),
            Progress::Done => self.whole_outcome(),
        }
    }

    fn whole_outcome(&mut self) -> Outcome {
        match self.take_done() {
            Some(Done::Handled(outcome)) => outcome,
            Some(Done::Exited(reason)) => Outcome::Exited(reason),
            _ => Outcome::Exited(ExitReason::Error("another call than that of its message".into())),
        }
    }
}

impl Actor for SuspendableActor {
    fn handle(&mut self, _: &Context, message: &Message) -> Outcome {
        // A copy: the guest may be interrupted before it has taken the payload in.
        let mut copy = self.desk.hand.take().unwrap_or_default();
        copy.copy(message);
        self.desk.begin(Command::Handle(copy), true);
        self.outcome()
    }

    fn resume(&mut self, _: &Context, resume: Resume) -> Outcome {
        if let Resume::Reply(reply) = resume {
            self.desk.asked.set(None);
            *self.desk.reply.borrow_mut() = Some(reply);
        }
        self.outcome()
    }

    fn notice(&mut self, _: &Context, notice: Notice) -> Outcome {
        self.desk.begin(Command::Notice(Box::new(notice)), true);
        self.outcome()
    }
}

impl Child for SuspendableActor {
    fn start(&mut self, _: &Context, incarnation: &Incarnation) -> Result<(), StartError> {
        match self.call(Command::Start(Box::new(incarnation.clone()))) {
            Some(Done::Started(started)) => started,
            Some(Done::Exited(reason)) => Err(StartError::Exited(reason)),
            _ => Err(StartError::Refused("another call than that of its start".into())),
        }
    }

    fn stop(&mut self, _: &Context, reason: StopReason, within: Option<Duration>) -> ExitReason {
        if let State::Gone(reason) = &self.state {
            return reason.clone();
        }
        let stopped = match reason {
            StopReason::Normal => ExitReason::Normal,
            StopReason::Shutdown | StopReason::Restart => ExitReason::Shutdown,
        };
        // In the middle of a message its stop hook cannot be called: it just ends.
        let reason = match self.desk.may_wait.get() {
            true => ExitReason::Killed,
            false => match self.call(Command::Stop(Box::new((reason, within)))) {
                Some(Done::Exited(ExitReason::Trap { cause: TrapCause::Deadline, .. })) => ExitReason::Killed,
                Some(Done::Exited(other)) => other,
                _ => stopped,
            },
        };
        self.state = State::Gone(reason.clone());
        reason
    }

    fn account(&self) -> Option<Account> {
        Some(self.desk.account.get())
    }

    fn health(&mut self, _: &Context) -> Health {
        if let State::Gone(reason) = &self.state {
            return Health::Unhealthy(format!("it has ended: {reason}"));
        }
        if self.desk.may_wait.get() {
            // It is in the middle of a message, and that has a deadline.
            return Health::Unknown;
        }
        match self.call(Command::Check) {
            Some(Done::Checked(health)) => health,
            Some(Done::Exited(reason)) => Health::Unhealthy(format!("its health check ended it: {reason}")),
            _ => Health::Unknown,
        }
    }
}

/// Makes the calls that it finds on the desk, until one of them ends the instance.
async fn serve(mut live: Live, desk: Rc<Desk>) {
    loop {
        let command = desk.next_command().await;
        loop {
            if let Some(reason) = live.store.data().over() {
                return desk.done(Done::Exited(reason));
            }
            let served = live.serve(&command, &desk).await;
            live.leave();
            desk.account.set(live.account());
            match served {
                Ok(()) => break,
                // No stack is free now; nothing of the guest has run.
                Err(error) if error.is::<PoolConcurrencyLimitError>() && desk.may_wait.get() => {
                    give_way().await;
                }
                Err(error) => return desk.done(Done::Exited(trap::exit_reason(&error, live.store.data()))),
            }
        }
        if let Command::Handle(mut message) = command {
            message.release_heap();
            desk.hand.set(Some(message));
        }
    }
}

/// Each call says on the desk what came of it, unless it ended in an error.
impl Live {
    async fn serve(&mut self, command: &Command, desk: &Desk) -> wasmtime::Result<()> {
        match command {
            Command::Handle(message) => self.handle(message, desk).await?,
            Command::Notice(notice) => self.notice((**notice).clone(), desk).await?,
            Command::Start(incarnation) => desk.done(Done::Started(self.init(incarnation).await?)),
            Command::Stop(stop) => {
                let (reason, within) = **stop;
                if let Some(stop) = self.exports.stop {
                    self.enter(within.map_or(Call::Lifecycle, |within| Call::Stop { within }));
                    stop.call_async(self, (reason.into(),)).await?;
                }
                desk.done(Done::Stopped);
            }
            Command::Check => {
                let mut health = Health::Unknown;
                if let Some(check) = self.exports.check {
                    self.enter(Call::Message);
                    let (status,) = check.call_async(self, ()).await?;
                    health = status.into();
                }
                desk.done(Done::Checked(health));
            }
        }
        Ok(())
    }

    async fn init(&mut self, incarnation: &Incarnation) -> wasmtime::Result<Result<(), StartError>> {
        self.identify(incarnation);
        let Some(init) = self.exports.init else { return Ok(Ok(())) };
        self.enter_start();
        let start = abi::Start::of(incarnation);
        let (answer,) = init.call_async(self, (start,)).await?;
        Ok(self.conclude_start(answer))
    }

    async fn handle(&mut self, message: &Message, desk: &Desk) -> wasmtime::Result<()> {
        let sender = message.from.map_or(0, |id| id.to_bits());
        let payload = message.payload.as_slice();
        self.store.data_mut().hear(message.from);
        self.enter(Call::Message);
        if let (Some(subject), Some(publication)) = (message.subject(), self.exports.publication) {
            let params = (subject.as_str(), sender, payload);
            let (answer,) = publication.call_async(self, params).await?;
            let outcome = answer.map_or_else(|why| Outcome::Failed(why.into()), |()| Outcome::Done(None));
            desk.done(Done::Handled(outcome));
            return Ok(());
        }
        let params = (sender, abi::Letter { payload, inbox: self.store.data().inbox });
        if message.request.is_none() {
            let (verdict,) = self.functions.handle_ignored.call_async(&mut self.store, params).await?;
            if verdict.is_plain() {
                desk.handled();
            } else {
                desk.done(Done::Handled(verdict.into_outcome()));
            }
            return Ok(());
        }
        let (answer,) = self.functions.handle_reply.call_async(&mut self.store, params).await?;
        desk.done(Done::Handled(self.conclude(answer)));
        Ok(())
    }

    async fn notice(&mut self, notice: Notice, desk: &Desk) -> wasmtime::Result<()> {
        let exports = self.exports.clone();
        self.hear_of(&notice);
        self.enter(Call::Message);
        match notice {
            Notice::Reply { request, outcome } => {
                if let Some(reply) = exports.reply {
                    let params = (request.to_bits(), abi::request_outcome(outcome));
                    reply.call_async(self, params).await?;
                }
            }
            Notice::Down { monitor, actor, reason } => {
                if let Some(down) = exports.down {
                    down.call_async(self, (monitor, actor.to_bits(), reason.into())).await?;
                }
            }
            Notice::Exit { actor, reason } => {
                if let Some(exit) = exports.exit {
                    exit.call_async(self, (actor.to_bits(), reason.into())).await?;
                }
            }
            Notice::Registered { name, outcome } => {
                if let Some(registered) = exports.registered {
                    let outcome = outcome.map_err(|NameTaken(by)| by.to_bits());
                    registered.call_async(self, (&*name, outcome)).await?;
                }
            }
            Notice::Name { name, holder } => {
                if let Some(holds) = exports.holder {
                    let holder = holder.map(ActorId::to_bits);
                    holds.call_async(self, (&*name, holder)).await?;
                }
            }
        }
        desk.handled();
        Ok(())
    }
}
