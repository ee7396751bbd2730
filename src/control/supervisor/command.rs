//! What a supervisor wants done, and what it answers.

use crate::actor::{DeadReason, ExitReason};
use crate::control::child_spec::{ChildAddress, ChildKind, Shutdown};

use super::spec::SpecError;

/// A child's number with its supervisor, in the order of their start.
pub type ChildNumber = u32;

/// What the host calls a question, so that it knows the answer.
pub type Ticket = u64;

/// What the supervisor wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Command<W> {
    /// Start this child, which has no address, and say
    /// [`Supervisor::started`](super::Supervisor::started).
    Start {
        /// The child.
        child: ChildNumber,
        /// What it is.
        kind: ChildKind,
        /// What it is made from.
        what: W,
    },
    /// Start this child again at its address, and say
    /// [`Supervisor::started`](super::Supervisor::started).
    Restart {
        /// The child.
        child: ChildNumber,
        /// Its address.
        at: ChildAddress,
    },
    /// Stop this child, and say [`Supervisor::exited`](super::Supervisor::exited).
    Stop {
        /// The child.
        child: ChildNumber,
        /// Its address.
        at: ChildAddress,
        /// How.
        shutdown: Shutdown,
        /// Will it be started again, with its siblings?
        comes_back: bool,
    },
    /// This child does not come back: its address and name are free, and what its
    /// mailbox holds is dead.
    Remove {
        /// Its address.
        at: ChildAddress,
        /// Why those messages are dead.
        dead: DeadReason,
    },
    /// Say [`Supervisor::woke`](super::Supervisor::woke) after this time; a time of
    /// 0 lets everything come first that is there already.
    Wait {
        /// The child that waits.
        child: ChildNumber,
        /// Which of its waits this is.
        wait: u64,
        /// How long, in ns.
        after_ns: u64,
    },
    /// The answer to a question.
    Answer(Ticket, Answer),
    /// Every child that it began with is up.
    Booted,
    /// The supervisor has stopped its children and ends, for this reason.
    Exit(ExitReason),
}

/// Where the child is, for a start; `None` if it chose not to be there, and for
/// everything else.
pub type Answer = Result<Option<ChildAddress>, ChildError>;

/// A supervisor did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChildError {
    /// A child of that id is up.
    #[error("it is started already: {0}")]
    AlreadyStarted(ChildAddress),
    /// A child of that id is known, but not up.
    #[error("it is known already, and not up: restart or delete it")]
    AlreadyPresent,
    /// The child is up, or on its way up or down.
    #[error("it is running")]
    Running,
    /// The supervisor is restarting it.
    #[error("it is being restarted")]
    Restarting,
    /// There is no such child.
    #[error("there is no such child")]
    NotFound,
    /// The children of this supervisor have no ids.
    #[error("the children of a simple_one_for_one supervisor are known by their addresses only")]
    SimpleOneForOne,
    /// It could not be started.
    #[error("it could not be started: {0}")]
    StartFailed(ExitReason),
    /// Its spec is refused.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The supervisor stops, or there is none.
    #[error("the supervisor is not at work")]
    NotAtWork,
}
