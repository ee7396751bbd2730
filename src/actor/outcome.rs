//! What becomes of messages, and what else an actor hears.

use std::sync::Arc;

use super::{ActorId, ExitReason, Failure, Message, NameTaken, Payload, RequestError, RequestId};

/// What became of one message.
#[derive(Debug)]
pub enum Outcome {
    /// It was handled; for a request, with this reply.
    Done(Option<Payload>),
    /// It was handled, and the answer is a failure. The actor lives.
    Failed(Failure),
    /// It is being handled still: call [`Actor::resume`](super::Actor::resume)
    /// when what it waits for is there. Until then the actor takes nothing else.
    Suspended(Awaited),
    /// The actor ended while handling it.
    Exited(ExitReason),
}

/// What a suspended actor waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// Its next turn: it has used up its slice.
    Turn,
    /// The outcome of its request.
    Reply(RequestId),
}

/// What a suspended actor waited for.
#[derive(Debug)]
pub enum Resume {
    /// It is its turn again.
    Turn,
    /// The outcome of its request.
    Reply(Result<Payload, RequestError>),
}

/// What an actor hears besides messages. It overtakes them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Notice {
    /// A request of this actor has its outcome.
    Reply {
        /// Which one.
        request: RequestId,
        /// What came of it.
        outcome: Result<Payload, RequestError>,
    },
    /// A monitored actor has ended.
    Down {
        /// The monitor, which is gone now.
        monitor: u64,
        /// Who ended.
        actor: ActorId,
        /// Why.
        reason: ExitReason,
    },
    /// This actor had asked for a name.
    Registered {
        /// The name.
        name: Arc<str>,
        /// Has it got it?
        outcome: Result<(), NameTaken>,
    },
    /// A name that is watched has another holder than before; at first, the one that
    /// it has.
    Name {
        /// The name.
        name: Arc<str>,
        /// Who has it now.
        holder: Option<ActorId>,
    },
    /// A linked actor has ended, or sent an exit signal; and exits are trapped.
    Exit {
        /// Who.
        actor: ActorId,
        /// Why.
        reason: ExitReason,
    },
}

/// Messages that an actor gets at once, oldest first: at least one.
#[derive(Clone, Copy)]
pub struct Batch<'a>(&'a [Box<Message>]);

impl<'a> Batch<'a> {
    /// A batch of these.
    pub fn new(messages: &'a [Box<Message>]) -> Self {
        debug_assert!(!messages.is_empty());
        Self(messages)
    }

    /// How many there are.
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(self) -> usize {
        self.0.len()
    }

    /// Some of them: at least one.
    pub fn slice(self, range: std::ops::Range<usize>) -> Self {
        Self::new(&self.0[range])
    }

    /// The messages, oldest first.
    pub fn iter(self) -> impl ExactSizeIterator<Item = &'a Message> {
        self.0.iter().map(|message| &**message)
    }
}

impl<'a> IntoIterator for Batch<'a> {
    type Item = &'a Message;
    type IntoIter = std::iter::Map<std::slice::Iter<'a, Box<Message>>, fn(&'a Box<Message>) -> &'a Message>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|message| &**message)
    }
}

/// What became of a batch.
#[derive(Debug, Default)]
pub struct BatchOutcome {
    /// How many messages it finished: all of them, unless it ended, or asked to stop.
    pub handled: usize,
    /// How many of those it answered with a failure.
    pub failures: usize,
    /// Why the actor ended, if it did: on the message after those that it
    /// finished. The rest of the batch waits for the next incarnation.
    pub exited: Option<ExitReason>,
}
