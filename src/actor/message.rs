//! Messages, and what can become of them.

use std::sync::Arc;

use super::{ActorId, Attached, ExitReason, Payload, RequestId, Subject, TopicError};

/// One message on its way to one actor: two cache lines.
#[derive(Debug, Clone, Default)]
pub struct Message {
    /// Who it is for. `None` only in an empty slot.
    pub to: Option<ActorId>,
    /// Who sent it; nobody, if it came from outside the runtime.
    pub from: Option<ActorId>,
    /// The request that waits for its reply, if it is a request.
    pub request: Option<RequestId>,
    /// When it was sent, in ns on the runtime's clock; 0 if nobody measures it.
    pub sent_at_ns: u64,
    /// When it is no longer worth handling, in ns on the runtime's clock; 0 is never.
    pub expires_at_ns: u64,
    /// What few messages have.
    pub attached: Option<Arc<Attached>>,
    /// The bytes.
    pub payload: Payload,
}

/// All of a message but its payload.
#[derive(Debug, Clone, Copy)]
pub struct Envelope {
    /// Who it is for.
    pub to: ActorId,
    /// Who sent it; nobody, if it came from outside the runtime.
    pub from: Option<ActorId>,
    /// The request that waits for its reply, if it is a request.
    pub request: Option<RequestId>,
    /// When it was sent, in ns on the runtime's clock; 0 if nobody measures it.
    pub sent_at_ns: u64,
    /// When it is no longer worth handling, in ns on the runtime's clock; 0 is never.
    pub expires_at_ns: u64,
}

impl Envelope {
    /// Does it say nothing but from whom to whom?
    #[inline(always)]
    pub(crate) fn is_bare(&self) -> bool {
        self.request.is_none() && self.sent_at_ns == 0 && self.expires_at_ns == 0
    }

    /// A message in this envelope.
    pub fn with(self, payload: Payload) -> Message {
        let Self { to, from, request, sent_at_ns, expires_at_ns } = self;
        Message { to: Some(to), from, request, sent_at_ns, expires_at_ns, attached: None, payload }
    }
}

impl Message {
    /// Is it no request, and not expired at this time, so that it may be handled
    /// together with others?
    #[inline]
    pub fn is_plain(&self, now_ns: u64) -> bool {
        self.request.is_none() && !self.is_expired(now_ns) && self.attached.is_none()
    }

    /// Is it nothing but its sender and its bytes?
    #[inline(always)]
    pub(crate) fn is_bare(&self) -> bool {
        self.request.is_none() && self.attached.is_none() && self.sent_at_ns == 0 && self.expires_at_ns == 0
    }

    /// Is it no longer worth handling at this time?
    #[inline(always)]
    pub fn is_expired(&self, now_ns: u64) -> bool {
        self.expires_at_ns != 0 && self.expires_at_ns <= now_ns
    }

    /// Does somebody wait for what comes of it?
    #[inline]
    pub fn is_awaited(&self) -> bool {
        self.request.is_some() || self.attached.as_deref().is_some_and(|attached| attached.chain().is_some())
    }

    /// What it was published to, if it was.
    pub fn subject(&self) -> Option<&Subject> {
        match self.attached.as_deref() {
            Some(Attached::Topic(subject)) => Some(subject),
            _ => None,
        }
    }

    /// Lets go of what it owns or shares on the heap. What it holds inline may stay.
    #[inline]
    pub fn release_heap(&mut self) {
        self.payload.release_heap();
        if self.attached.is_some() {
            self.attached = None;
        }
    }

    /// Puts this envelope around what it carries.
    #[inline(always)]
    pub fn address(&mut self, envelope: Envelope) {
        self.to = Some(envelope.to);
        self.from = envelope.from;
        self.request = envelope.request;
        self.sent_at_ns = envelope.sent_at_ns;
        self.expires_at_ns = envelope.expires_at_ns;
        debug_assert!(self.attached.is_none(), "an old message has nothing on the heap");
    }

    /// Becomes the other one, which keeps nothing that is on the heap. Copies no
    /// more bytes than its payload has.
    #[inline(always)]
    pub fn take_over(&mut self, other: &mut Self) {
        self.to = other.to;
        self.from = other.from;
        self.request = other.request;
        self.sent_at_ns = other.sent_at_ns;
        self.expires_at_ns = other.expires_at_ns;
        if other.attached.is_some() {
            self.attached = other.attached.take();
        }
        self.payload.take_over(&mut other.payload);
    }

    /// Becomes another one like this. Copies no more inline bytes than there are.
    #[inline]
    pub fn copy(&mut self, other: &Self) {
        self.to = other.to;
        self.from = other.from;
        self.request = other.request;
        self.sent_at_ns = other.sent_at_ns;
        self.expires_at_ns = other.expires_at_ns;
        self.attached.clone_from(&other.attached);
        self.payload.share(&other.payload);
    }

    /// A plain message from outside the runtime.
    pub fn new(to: ActorId, payload: impl Into<Payload>) -> Self {
        Self { to: Some(to), payload: payload.into(), ..Self::default() }
    }
}

/// Why a message was not taken. It was never accepted: the sender still has it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The address never was, or no longer is.
    #[error("no such actor: {0}")]
    NoSuchActor(ActorId),
    /// The receiver's mailbox is full.
    #[error("the mailbox of {0} is full")]
    MailboxFull(ActorId),
    /// The way to the receiver's shard is full.
    #[error("the way to shard {} is full", .0.shard())]
    OutboxFull(ActorId),
    /// The payload is larger than this runtime takes.
    #[error("the message is {bytes} bytes, and the most is {bytes_max}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The most that is taken.
        bytes_max: usize,
    },
    /// Nobody has this name.
    #[error("nobody is registered as `{0}`")]
    NoSuchName(Box<str>),
    /// Nobody is in this group.
    #[error("nobody is in the group `{0}`")]
    NoMember(Subject),
    /// It is no subject, no filter or no name of a group.
    #[error(transparent)]
    Topic(Box<TopicError>),
    /// The sender has as much of something as it may have.
    #[error("over {what} ({most})")]
    Quota {
        /// The name of the limit.
        what: &'static str,
        /// Its figure.
        most: u32,
    },
    /// The runtime is shutting down.
    #[error("the runtime is shutting down")]
    Closed,
}

/// Of many messages, one was not accepted, and those behind it were not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("only {sent} of the messages were accepted: {reason}")]
pub struct NotAllSent {
    /// How many were accepted.
    pub sent: usize,
    /// Why the next one was not.
    #[source]
    pub reason: SendError,
}

impl From<TopicError> for SendError {
    fn from(error: TopicError) -> Self {
        Self::Topic(Box::new(error))
    }
}

/// What a handler answers when it will not or cannot do what it was asked.
/// It does not end the actor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The message makes no sense to this actor, and never will.
    #[error("rejected: {0}")]
    Rejected(String),
    /// It could not be handled now; the same message may succeed later.
    #[error("try again: {0}")]
    Retry(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// The outcome of a request that got no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The request was not taken.
    #[error(transparent)]
    NotSent(#[from] SendError),
    /// The callee handled it, and answered with a failure.
    #[error("{0}")]
    Failed(#[from] Failure),
    /// The callee ended while handling it.
    #[error("the callee ended: {0}")]
    CalleeExited(ExitReason),
    /// It was never handled.
    #[error("the request was dropped: {0}")]
    Dead(DeadReason),
    /// The deadline passed.
    #[error("no reply by the deadline")]
    Timeout,
    /// The callee, or somebody whom it waits for, waits for the caller.
    #[error("a cycle of requests: the callee waits for the caller")]
    Cycle,
    /// The runtime ended.
    #[error("the runtime has ended")]
    Closed,
}

/// Why an accepted message was never handled. Each is counted, exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
#[repr(u8)]
pub enum DeadReason {
    /// The address was never anybody's.
    #[error("no-such-actor")]
    NoSuchActor,
    /// The actor of that address is gone for good.
    #[error("stale-generation")]
    StaleGeneration,
    /// The mailbox was full where it could not be refused at send.
    #[error("mailbox-full")]
    MailboxFull,
    /// Its time to live ran out before it was handled.
    #[error("expired")]
    Expired,
    /// Left in the mailbox of an actor that stopped.
    #[error("drained")]
    Drained,
    /// Thrown away by a restart, where the actor is set to start empty.
    #[error("restart-discard")]
    RestartDiscard,
    /// Over a quota.
    #[error("quota")]
    Quota,
    /// Not allowed.
    #[error("capability-denied")]
    CapabilityDenied,
    /// The guest could not make sense of the frame.
    #[error("decode-failed")]
    DecodeFailed,
    /// A reply that came after its request had ended.
    #[error("late-reply")]
    LateReply,
    /// Left in the mailbox of an actor whose supervisor gave up or stopped.
    #[error("supervisor-stopped")]
    SupervisorStopped,
}

impl DeadReason {
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::NoSuchActor,
        Self::StaleGeneration,
        Self::MailboxFull,
        Self::Expired,
        Self::Drained,
        Self::RestartDiscard,
        Self::Quota,
        Self::CapabilityDenied,
        Self::DecodeFailed,
        Self::LateReply,
        Self::SupervisorStopped,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_two_cache_lines() {
        assert!(size_of::<Message>() <= 128, "{}", size_of::<Message>());
    }

    #[test]
    fn dead_reasons_are_numbered_in_order() {
        for (index, reason) in DeadReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
    }
}
