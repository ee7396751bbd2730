//! What every thread outside the shards talks to them with.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::actor::{ActorId, Blueprint, ExitReason, Message, Payload, RequestError, SendError, ShardId};
use crate::control::child_spec::Shutdown;
use crate::control::placement::{Placement, home_of};
use crate::metrics::Clock;
use crate::shard::{Command, Control, Outside, ShardConfig, ShardReport, SpawnError, SupervisorId};
use crate::sync::{Flag, PushError, Resolver, SharedCounter, reply_slot};

use super::alarm::AlarmClock;
use super::hooks::HookThreads;
use super::pending::{Pending, PendingReply};
use super::spawn::Spawn;

/// How long a request waits for its reply, unless told otherwise.
pub const REQUEST_DEADLINE_DEFAULT: Duration = Duration::from_secs(5);

/// How long a shard may take to say what it has done.
const REPORT_MAX: Duration = Duration::from_secs(10);

/// A message was not taken: here it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NotSent {
    /// Why.
    pub reason: SendError,
    /// What was to be sent.
    pub payload: Payload,
}

/// Talks to a runtime, from any thread and from any async task. Cheap to clone.
#[derive(Clone)]
pub struct Handle(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) outside: Vec<Outside>,
    pub(super) clock: Clock,
    config: ShardConfig,
    /// Placed so far, for placing in turn.
    placed: SharedCounter,
    /// Ids given to children that were given none.
    ids: SharedCounter,
    /// Raised when the runtime begins to shut down.
    pub(super) closed: Flag,
    /// For the deadlines of those who await.
    pub(super) alarms: Arc<AlarmClock>,
    /// What calls the host's hooks.
    pub(super) hooks: Arc<HookThreads>,
}

impl Shared {
    pub(super) fn new(
        outside: Vec<Outside>,
        clock: Clock,
        config: ShardConfig,
        hooks: Arc<HookThreads>,
    ) -> Self {
        let (placed, ids) = (SharedCounter::default(), SharedCounter::default());
        let (closed, alarms) = (Flag::default(), Arc::default());
        Self { outside, clock, config, placed, ids, closed, alarms, hooks }
    }

    /// What a message that is sent now is stamped with.
    pub(super) fn stamp_ns(&self) -> u64 {
        if self.config.measures_latency { self.clock.now_ns() } else { 0 }
    }
}

impl Handle {
    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.0.outside.len()
    }

    /// Starts an actor. The answer comes when it is up, and its name, if it has
    /// one, is found from everywhere.
    ///
    /// # Errors
    /// The answer is an error if the name is taken, or if the actor could not be
    /// made, or its start failed.
    pub fn spawn(&self, spawn: Spawn) -> Pending<ActorId, SpawnError> {
        if self.0.closed.is_raised() {
            return Pending::ready(Err(SpawnError::Closed));
        }
        if let Some(supervisor) = spawn.supervisor {
            return self.spawn_under(supervisor, spawn);
        }
        let shard = match self.place(spawn.placement) {
            Ok(shard) => shard,
            Err(error) => return Pending::ready(Err(error)),
        };
        let (done, waiter) = reply_slot();
        let sent = self.control(shard, Control::spawn(spawn.into_spec(self), done));
        if sent { Pending::new(waiter) } else { Pending::ready(Err(SpawnError::Closed)) }
    }

    /// Lets actors spawn actors of this kind, by this name, if they are granted it.
    /// Whoever is spawned or told after this finds it there.
    pub fn provide(&self, name: impl Into<Arc<str>>, blueprint: &Arc<dyn Blueprint>) {
        let name = name.into();
        for shard in 0..self.shards() {
            let (name, blueprint) = (name.clone(), blueprint.clone());
            self.control(ShardId(shard as u16), Control::Provide { name, blueprint });
        }
    }

    /// The shard for what is placed like that.
    pub(super) fn place(&self, placement: Placement) -> Result<ShardId, SpawnError> {
        let index = self.0.placed.add(1) as usize;
        placement.shard(index, self.shards()).map_err(SpawnError::NoSuchShard)
    }

    /// An id for a child that has neither an id nor a name.
    pub(super) fn unique_id(&self) -> String {
        format!("+{}", self.0.ids.add(1))
    }

    pub(super) fn is_closed(&self) -> bool {
        self.0.closed.is_raised()
    }

    /// Stops a supervisor and its children, the last one first. The answer is why
    /// it ended, or nothing if it was not there.
    ///
    /// # Errors
    /// The answer is an error if the runtime ended first.
    pub fn stop_supervisor(&self, supervisor: SupervisorId) -> Pending<Option<ExitReason>, SpawnError> {
        let (done, waiter) = reply_slot();
        self.answer_to(supervisor.shard(), waiter, Control::StopSupervisor { supervisor, done })
    }

    /// Stops an actor. The answer is why it ended; nothing if it was not there, or
    /// if it has a supervisor (who decides whether it comes back).
    ///
    /// # Errors
    /// The answer is an error if the runtime ended first.
    pub fn stop(&self, actor: ActorId, shutdown: Shutdown) -> Pending<Option<ExitReason>, SpawnError> {
        let (done, waiter) = reply_slot();
        self.answer_to(actor.shard(), waiter, Control::Stop { actor, shutdown, done })
    }

    fn answer_to<T>(
        &self,
        shard: ShardId,
        waiter: crate::sync::Waiter<Result<Option<T>, SpawnError>>,
        control: Control,
    ) -> Pending<Option<T>, SpawnError> {
        if shard.index() >= self.shards() {
            return Pending::ready(Ok(None));
        }
        if self.control(shard, control) {
            Pending::new(waiter)
        } else {
            Pending::ready(Err(SpawnError::Closed))
        }
    }

    /// Who is registered under this name. Asks no shard: it reads what the shards
    /// have published.
    pub fn lookup(&self, name: &str) -> Option<ActorId> {
        let home = home_of(name, self.shards());
        self.0.outside[home.index()].directory.read(|names| names.get(name).copied())
    }

    /// Sends a message. `Ok` means that it was accepted: it will be handled, or be
    /// counted as failed or dead.
    ///
    /// # Errors
    /// Gives the payload back. [`SendError::MailboxFull`] means that the receiver's
    /// mailbox, or the way into its shard, is full: try again later, or await room
    /// with [`tell_when_room`](Self::tell_when_room).
    pub fn tell(&self, to: ActorId, payload: impl Into<Payload>) -> Result<(), NotSent> {
        self.tell_message(Message::new(to, payload))
    }

    /// Sends a message that is dropped, and counted, if nobody has handled it within
    /// this time.
    ///
    /// # Errors
    /// As [`tell`](Self::tell).
    pub fn tell_within(
        &self,
        to: ActorId,
        payload: impl Into<Payload>,
        time_to_live: Duration,
    ) -> Result<(), NotSent> {
        let expires_at_ns = self.deadline_ns(time_to_live);
        self.tell_message(Message { expires_at_ns, ..Message::new(to, payload) })
    }

    fn tell_message(&self, mut message: Message) -> Result<(), NotSent> {
        let to = message.to.expect("it is for somebody");
        if let Err(reason) = self.may_send(to, &message.payload) {
            return Err(NotSent { reason, payload: message.payload });
        }
        message.sent_at_ns = self.0.stamp_ns();
        self.inject(to, Command::Tell(message))
            .map_err(|(reason, command)| NotSent { reason, payload: payload_of(command) })
    }

    fn deadline_ns(&self, within: Duration) -> u64 {
        self.0.clock.now_ns().saturating_add(nanoseconds(within)).max(1)
    }

    /// Sends messages to one actor, in order, with one wake-up for all of them.
    /// How many were accepted, and why it stopped, if it did: with the payload
    /// that was not taken; those after it are still in `payloads`, if that was lent.
    pub fn tell_all(
        &self,
        to: ActorId,
        payloads: impl IntoIterator<Item = Payload>,
    ) -> (usize, Option<NotSent>) {
        let Some(outside) = self.0.outside.get(to.shard().index()) else {
            let refuse = |payload| NotSent { reason: SendError::NoSuchActor(to), payload };
            return (0, payloads.into_iter().next().map(refuse));
        };
        let sent_at_ns = self.0.stamp_ns();
        let mut refused = None;
        let mut offered = 0;
        // Counted before it is shown: a message may be handled before this returns.
        let commands = payloads.into_iter().map_while(|payload| match self.may_send(to, &payload) {
            Err(reason) => {
                refused = Some(NotSent { reason, payload });
                None
            }
            Ok(()) => {
                offered += 1;
                outside.counters.injected.add(1);
                Some(Command::Tell(Message { sent_at_ns, ..Message::new(to, payload) }))
            }
        });
        let (accepted, error) = outside.injector.push_all(commands);
        outside.counters.injected.take_back((offered - accepted) as u64);
        if let Some(error) = error {
            let reason = send_error(&error, to);
            if let Command::Tell(message) = error.into_inner() {
                refused = Some(NotSent { reason, payload: message.payload });
            }
        }
        (accepted, refused)
    }

    /// Sends a request, and waits for at most 5 s for its reply.
    ///
    /// # Errors
    /// The answer is an error if the request was not taken, the callee failed or
    /// ended, or the deadline passed: exactly one of them.
    pub fn request(&self, to: ActorId, payload: impl Into<Payload>) -> PendingReply {
        self.request_within(to, payload, REQUEST_DEADLINE_DEFAULT)
    }

    /// Sends a request that waits for at most so long for its reply.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub fn request_within(&self, to: ActorId, payload: impl Into<Payload>, within: Duration) -> PendingReply {
        let payload = payload.into();
        if let Err(reason) = self.may_send(to, &payload) {
            return Pending::ready(Err(reason.into()));
        }
        let expires_at_ns = self.deadline_ns(within);
        let message = Message { expires_at_ns, sent_at_ns: self.0.stamp_ns(), ..Message::new(to, payload) };
        let (resolver, waiter) = reply_slot();
        match self.inject(to, Command::Request(message, resolver)) {
            Ok(()) => Pending::until(waiter, Instant::now().checked_add(within), &self.0.alarms),
            Err((reason, _)) => Pending::ready(Err(RequestError::NotSent(reason))),
        }
    }

    /// Messages whose story has not ended. 0 means that, at a moment during this
    /// call, every message ever accepted had been handled or counted as lost.
    pub fn unsettled(&self) -> u64 {
        // What was settled is read first: a message is counted as accepted before
        // it can be settled, so that the difference is never too small.
        let settled: u64 = self.0.outside.iter().map(|outside| outside.counters.settled()).sum();
        let accepted: u64 = self.0.outside.iter().map(|outside| outside.counters.accepted_in_all()).sum();
        accepted.saturating_sub(settled)
    }

    /// Supervisors that gave up.
    pub fn supervisors_given_up(&self) -> u64 {
        self.0.outside.iter().map(|outside| outside.counters.supervisors_given_up.get()).sum()
    }

    /// Actors that are alive.
    pub fn actors(&self) -> u64 {
        self.0.outside.iter().map(|outside| outside.counters.actors.get()).sum()
    }

    /// What each shard has done so far. A shard whose thread has ended, or that does
    /// not answer within 10 s, is not among them.
    pub fn reports(&self) -> Vec<ShardReport> {
        let answers = self.ask_all(Control::Report, Instant::now() + REPORT_MAX);
        answers.into_iter().flatten().collect()
    }

    /// Asks every shard the same, and collects what they answer until then, in
    /// the order of the shards.
    pub(super) fn ask_all<T>(
        &self,
        control: impl Fn(Resolver<T>) -> Control,
        deadline: Instant,
    ) -> Vec<Option<T>> {
        let ask = |shard| {
            let (resolver, waiter) = reply_slot();
            self.control(ShardId(shard as u16), control(resolver)).then_some(waiter)
        };
        let asked: Vec<_> = (0..self.shards()).map(ask).collect();
        let answer = |waiter: crate::sync::Waiter<T>| waiter.wait_until(deadline).ok()?.ok();
        asked.into_iter().map(|waiter| waiter.and_then(answer)).collect()
    }

    pub(super) fn may_send(&self, to: ActorId, payload: &Payload) -> Result<(), SendError> {
        if self.0.closed.is_raised() {
            return Err(SendError::Closed);
        }
        if to.shard().index() >= self.shards() {
            return Err(SendError::NoSuchActor(to));
        }
        let (bytes, bytes_max) = (payload.len(), self.0.config.bounds.message_bytes_max as usize);
        if bytes > bytes_max {
            return Err(SendError::TooLarge { bytes, bytes_max });
        }
        if self.0.outside[to.shard().index()].rooms.is_full(to.slot()) {
            self.0.outside[to.shard().index()].counters.refused_outside.add(1);
            return Err(SendError::MailboxFull(to));
        }
        Ok(())
    }

    /// Hands a message to its shard.
    #[allow(clippy::result_large_err)] // It gives the message back.
    pub(super) fn inject(&self, to: ActorId, command: Command) -> Result<(), (SendError, Command)> {
        let outside = &self.0.outside[to.shard().index()];
        // Counted before it is shown: it may be handled before this returns.
        outside.counters.injected.add(1);
        outside.injector.push(command).map_err(|error| {
            outside.counters.injected.take_back(1);
            (send_error(&error, to), error.into_inner())
        })
    }

    /// Asks something of a shard; waits for room, for what is asked is rare. False
    /// if the shard has ended.
    pub(super) fn control(&self, shard: ShardId, control: Control) -> bool {
        let mut command = Command::Control(control);
        loop {
            match self.0.outside[shard.index()].injector.push(command) {
                Ok(()) => return true,
                Err(PushError::Closed(_)) => return false,
                Err(PushError::Full(back)) => command = back,
            }
            std::thread::sleep(Duration::from_micros(50));
        }
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").field("shards", &self.shards()).finish_non_exhaustive()
    }
}

/// The payload of what was not taken.
pub(super) fn payload_of(command: Command) -> Payload {
    match command {
        Command::Tell(message) | Command::Request(message, _) => message.payload,
        Command::AwaitRoom(..) | Command::Control(_) => Payload::empty(),
    }
}

pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn send_error<T>(error: &PushError<T>, to: ActorId) -> SendError {
    match error {
        PushError::Full(_) => SendError::MailboxFull(to),
        PushError::Closed(_) => SendError::Closed,
    }
}
