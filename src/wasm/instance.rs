//! One component actor: a store of its own, and its exports ready to be called.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Instance, TypedFunc};
use wasmtime::{Error, Store};

use super::abi::{
    self, BatchParams, BatchReturn, Bundle, Frames, HandleIgnored, HandleParams, HandleReply, Letter, Reply,
};
use super::deadline::Call;
use super::engine::Room;
use super::exports::Exports;
use super::host::{HostState, Identity, finished_of_batch};
use super::remains::Remains;
use super::trap;
use crate::actor::{
    self, Account, Actor, ActorId, Batch, BatchOutcome, Child, Context, ExitReason, Failure, Health,
    Incarnation, Message, NameTaken, Notice, Outcome, StartError, StopReason, TrapCause,
};

/// An instance that lives: all that its calls need.
pub(super) struct Live {
    pub(super) store: Store<HostState>,
    pub(super) functions: Functions,
    pub(super) instance: Instance,
    /// The functions that are called now and then.
    pub(super) exports: Arc<Exports>,
    /// Given back when the store is gone.
    pub(super) _room: Room,
}

impl Live {
    /// Starts the clock of one call.
    pub(super) fn enter(&mut self, call: Call) {
        let state = self.store.data_mut();
        let messages = match call {
            Call::Message => 1,
            Call::Batch { messages } => messages,
            Call::Lifecycle | Call::Stop { .. } => 0,
        };
        state.usage.enter(state.terms.engine.ticks(), messages);
        let ticks = state.deadline.start(call);
        self.store.set_epoch_deadline(ticks);
    }

    /// The call is over, and the instance lives.
    pub(super) fn leave(&mut self) {
        let state = self.store.data_mut();
        let tick = state.terms.engine.ticks();
        match state.deadline.slices() {
            // It has given way meanwhile, so the ticks that went by are not its own.
            Some(slices) if slices > 0 => state.usage.charge(slices.into(), tick, &state.terms.window),
            Some(_) => {}
            None => state.usage.leave(tick, &state.terms.window),
        }
        state.forget_senders();
    }

    /// What it has used so far.
    #[inline]
    pub(super) fn account(&self) -> Account {
        self.store.data().account()
    }

    /// From here on it is somebody.
    pub(super) fn identify(&mut self, incarnation: &Incarnation) {
        self.store.data_mut().identity = Some(Identity::new(incarnation.id, incarnation.name.clone()));
    }

    /// Gives it its configuration.
    pub(super) fn configure(&mut self, config: &BTreeMap<String, String>) {
        self.store.data_mut().config.clone_from(config);
    }

    /// Its `init` is called from here on.
    pub(super) fn enter_start(&mut self) {
        self.store.data_mut().ignores_start = Some(false);
        self.enter(Call::Lifecycle);
    }

    /// What came of its `init`.
    pub(super) fn conclude_start(&mut self, answer: Result<(), String>) -> Result<(), StartError> {
        let ignores = self.store.data_mut().ignores_start.take() == Some(true);
        match answer {
            Err(why) => Err(StartError::Refused(why)),
            Ok(()) if ignores => Err(StartError::Ignored),
            Ok(()) => Ok(()),
        }
    }

    /// It is told something: a request that has its outcome is not open any longer, and
    /// who has a name that it watches is as if looked up.
    pub(super) fn hear_of(&mut self, notice: &Notice) {
        let state = self.store.data_mut();
        match notice {
            Notice::Reply { .. } => state.requests_open = state.requests_open.saturating_sub(1),
            Notice::Name { name, holder: Some(holder) } => state.meet(name, *holder),
            _ => {}
        }
    }

    /// What a handler's answer comes to.
    #[inline]
    pub(super) fn conclude(&self, answer: Result<Option<Reply>, abi::Failure>) -> Outcome {
        let bytes_max = self.store.data().terms.limits.message_bytes_max;
        match answer {
            Ok(Some(Reply(reply))) if reply.len() > bytes_max => Outcome::Failed(Failure::Other(format!(
                "the reply is {} bytes, over message_bytes_max ({bytes_max})",
                reply.len()
            ))),
            Ok(Some(Reply(reply))) => Outcome::Done(Some(reply)),
            Ok(None) => Outcome::Done(None),
            Err(failure) => Outcome::Failed(failure.into()),
        }
    }
}

/// The guest's functions that are called for messages.
pub(super) struct Functions {
    /// `handle`, where the reply is wanted, …
    pub(super) handle_reply: TypedFunc<HandleParams, HandleReply>,
    /// … and where it is not.
    pub(super) handle_ignored: TypedFunc<HandleParams, HandleIgnored>,
    /// Many plain messages at once, and at most how many.
    pub(super) batch: Option<BatchHandler>,
}

/// The optional `handle-batch`.
#[derive(Clone, Copy)]
pub(super) struct BatchHandler {
    pub(super) handle: TypedFunc<BatchParams, BatchReturn>,
    pub(super) messages_max: usize,
}

/// The most bytes of frames that a guest is given at once, if it is not a single
/// message: a batch must fit into a guest that each of its messages fits into.
const BATCH_BYTES_MAX: usize = 64 << 10;

/// A component actor. After a trap only the reason is left: wasmtime lets nothing enter a
/// store that has trapped, and its successor need not wait until that is cleared.
pub(super) struct ComponentActor {
    state: State,
    /// Where its store goes after a trap.
    remains: Remains,
}

enum State {
    Live(Live),
    Gone(ExitReason),
}

impl ComponentActor {
    pub(super) fn new(live: Live, remains: Remains) -> Self {
        Self { state: State::Live(live), remains }
    }

    /// It ends, for this reason.
    #[cold]
    fn end_with(&mut self, reason: ExitReason) -> ExitReason {
        self.state = State::Gone(reason.clone());
        reason
    }

    /// Gives it its configuration.
    pub(super) fn configure(&mut self, config: &BTreeMap<String, String>) {
        if let State::Live(live) = &mut self.state {
            live.configure(config);
        }
    }

    #[cold]
    fn exit(&mut self, error: &Error) -> ExitReason {
        let reason = match &self.state {
            State::Live(live) => trap::exit_reason(error, live.store.data()),
            State::Gone(reason) => reason.clone(),
        };
        if let State::Live(live) = std::mem::replace(&mut self.state, State::Gone(reason.clone())) {
            self.remains.take_in(live);
        }
        reason
    }
}

impl Actor for ComponentActor {
    fn handle(&mut self, _: &Context, message: &Message) -> Outcome {
        let live = match &mut self.state {
            State::Live(live) => live,
            State::Gone(reason) => return Outcome::Exited(reason.clone()),
        };
        if let Some(reason) = live.store.data().over() {
            return Outcome::Exited(self.end_with(reason));
        }
        let sender = message.from.map_or(0, |id| id.to_bits());
        let payload = message.payload.as_slice();
        live.store.data_mut().hear(message.from);
        live.enter(Call::Message);
        if message.attached.is_some()
            && let (Some(subject), Some(publication)) = (message.subject(), live.exports.publication)
        {
            return match publication.call(live, (subject.as_str(), sender, payload)) {
                Ok((answer,)) => {
                    live.leave();
                    answer.map_or_else(|why| Outcome::Failed(why.into()), |()| Outcome::Done(None))
                }
                Err(error) => Outcome::Exited(self.exit(&error)),
            };
        }
        let params = (sender, Letter { payload, inbox: live.store.data().inbox });
        if message.request.is_none() {
            return match live.functions.handle_ignored.call(&mut live.store, params) {
                Ok((verdict,)) => {
                    live.leave();
                    verdict.into_outcome()
                }
                Err(error) => Outcome::Exited(self.exit(&error)),
            };
        }
        match live.functions.handle_reply.call(&mut live.store, params) {
            Ok((answer,)) => {
                live.leave();
                live.conclude(answer)
            }
            Err(error) => Outcome::Exited(self.exit(&error)),
        }
    }

    fn notice(&mut self, _: &Context, notice: Notice) -> Outcome {
        let live = match &mut self.state {
            State::Live(live) => live,
            State::Gone(reason) => return Outcome::Exited(reason.clone()),
        };
        if let Some(reason) = live.store.data().over() {
            return Outcome::Exited(self.end_with(reason));
        }
        live.hear_of(&notice);
        live.enter(Call::Message);
        let exports = live.exports.clone();
        let heard = match notice {
            Notice::Reply { request, outcome } => exports
                .reply
                .map_or(Ok(()), |reply| reply.call(live, (request.to_bits(), abi::request_outcome(outcome)))),
            Notice::Down { monitor, actor, reason } => {
                exports.down.map_or(Ok(()), |down| down.call(live, (monitor, actor.to_bits(), reason.into())))
            }
            Notice::Exit { actor, reason } => {
                exports.exit.map_or(Ok(()), |exit| exit.call(live, (actor.to_bits(), reason.into())))
            }
            Notice::Registered { name, outcome } => exports.registered.map_or(Ok(()), |registered| {
                registered.call(live, (&*name, outcome.map_err(|NameTaken(by)| by.to_bits())))
            }),
            Notice::Name { name, holder } => exports
                .holder
                .map_or(Ok(()), |changed| changed.call(live, (&*name, holder.map(ActorId::to_bits)))),
        };
        match heard {
            Ok(()) => {
                live.leave();
                Outcome::Done(None)
            }
            Err(error) => Outcome::Exited(self.exit(&error)),
        }
    }

    fn batch_messages_max(&self) -> usize {
        match &self.state {
            State::Live(live) => live.functions.batch.map_or(1, |batch| batch.messages_max),
            State::Gone(_) => 1,
        }
    }

    fn handle_batch(&mut self, context: &Context, batch: Batch<'_>) -> BatchOutcome {
        let mut outcome = BatchOutcome::default();
        while outcome.handled < batch.len() && outcome.exited.is_none() && !context.is_exiting() {
            let rest = batch.slice(outcome.handled..batch.len());
            self.handle_some(Frames::prefix(rest, BATCH_BYTES_MAX), &mut outcome);
        }
        outcome
    }

    fn takes_frames(&self) -> bool {
        matches!(&self.state, State::Live(Live { functions: Functions { batch: Some(_), .. }, .. }))
    }

    fn handle_frames(&mut self, _: &Context, frames: &actor::Frames) -> BatchOutcome {
        let mut outcome = BatchOutcome::default();
        self.handle_some(Frames::Run(frames), &mut outcome);
        outcome
    }
}

impl ComponentActor {
    /// One entry into the guest with many messages.
    fn handle_some(&mut self, frames: Frames<'_>, outcome: &mut BatchOutcome) {
        let live = match &mut self.state {
            State::Live(live) => live,
            State::Gone(reason) => {
                outcome.exited = Some(reason.clone());
                return;
            }
        };
        if let Some(reason) = live.store.data().over() {
            outcome.exited = Some(self.end_with(reason));
            return;
        }
        let handler = live.functions.batch.expect("asked for batches, so it handles them");
        let messages = frames.len();
        live.store.data_mut().hear_all(&frames);
        live.enter(Call::Batch { messages });
        let bundle = Bundle { frames, inbox: live.store.data().inbox };
        match handler.handle.call(&mut live.store, (bundle,)) {
            Ok((failures,)) => {
                live.leave();
                // What is behind the message in which it asked to stop is not handled.
                let left = live.store.data_mut().exited_at.take();
                let handled = left.map_or(messages, |before| messages.min(before + 1));
                outcome.handled += handled;
                outcome.failures += handled.min(failures as usize);
            }
            Err(error) => {
                outcome.handled += finished_of_batch(&live.store).min(messages - 1);
                outcome.exited = Some(self.exit(&error));
            }
        }
    }
}

impl Child for ComponentActor {
    fn start(&mut self, _: &Context, incarnation: &Incarnation) -> Result<(), StartError> {
        let live = match &mut self.state {
            State::Live(live) => live,
            State::Gone(reason) => return Err(StartError::Exited(reason.clone())),
        };
        live.identify(incarnation);
        let Some(init) = live.exports.init else { return Ok(()) };
        live.enter_start();
        match init.call(live, (abi::Start::of(incarnation),)) {
            Ok((answer,)) => live.conclude_start(answer),
            Err(error) => Err(StartError::Exited(self.exit(&error))),
        }
    }

    fn stop(&mut self, _: &Context, reason: StopReason, within: Option<Duration>) -> ExitReason {
        let live = match &mut self.state {
            State::Live(live) => live,
            State::Gone(reason) => return reason.clone(),
        };
        if let Some(stop) = live.exports.stop {
            live.enter(within.map_or(Call::Lifecycle, |within| Call::Stop { within }));
            if let Err(error) = stop.call(live, (reason.into(),)) {
                return match self.exit(&error) {
                    // It did not stop in time.
                    ExitReason::Trap { cause: TrapCause::Deadline, .. } => ExitReason::Killed,
                    other => other,
                };
            }
        }
        let reason = match reason {
            StopReason::Normal => ExitReason::Normal,
            StopReason::Shutdown | StopReason::Restart => ExitReason::Shutdown,
        };
        self.state = State::Gone(reason.clone());
        reason
    }

    fn account(&self) -> Option<Account> {
        match &self.state {
            State::Live(live) => Some(live.account()),
            State::Gone(_) => None,
        }
    }

    fn health(&mut self, _: &Context) -> Health {
        let live = match &mut self.state {
            State::Live(live) => live,
            State::Gone(reason) => return Health::Unhealthy(format!("it has ended: {reason}")),
        };
        let Some(check) = live.exports.check else { return Health::Unknown };
        live.enter(Call::Message);
        match check.call(live, ()) {
            Ok((status,)) => status.into(),
            Err(error) => Health::Unhealthy(format!("its health check ended it: {}", self.exit(&error))),
        }
    }
}
