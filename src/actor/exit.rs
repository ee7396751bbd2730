//! Why an actor ended.

use std::fmt;

/// Why an incarnation of an actor ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExitReason {
    /// It was done.
    Normal,
    /// Its supervisor, or the runtime, told it to.
    Shutdown,
    /// It was killed: by request, or because it did not stop in time.
    Killed,
    /// The guest trapped, or went over a limit.
    Trap {
        /// Which kind of trap.
        cause: TrapCause,
        /// What wasmtime says of it.
        message: String,
    },
    /// A native actor panicked, with this message.
    Panic(String),
    /// There is no such actor, and was none when somebody linked to it or began to
    /// monitor it.
    NoSuchActor,
    /// It could not be started.
    StartFailed(String),
    /// It said it was unhealthy, and why.
    Unhealthy(String),
    /// Anything else that is an error.
    Error(String),
}

/// The kinds of trap that call for different answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrapCause {
    /// The guest's own code: unreachable, out of bounds, division by zero, ….
    Guest,
    /// It ran past its epoch deadline.
    Deadline,
    /// It ran out of stack.
    StackOverflow,
    /// It went over a limit that this runtime sets (memory, tables, …).
    Limit,
    /// A function of the host failed.
    Host,
}

impl ExitReason {
    /// Does a transient child restart after it?
    pub fn is_abnormal(&self) -> bool {
        !matches!(self, Self::Normal | Self::Shutdown)
    }

    /// One word for counters and reports.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Shutdown => "shutdown",
            Self::Killed => "killed",
            Self::Trap { cause: TrapCause::Guest, .. } => "trap",
            Self::Trap { cause: TrapCause::Deadline, .. } => "deadline",
            Self::Trap { cause: TrapCause::StackOverflow, .. } => "stack-overflow",
            Self::Trap { cause: TrapCause::Limit, .. } => "limit",
            Self::Trap { cause: TrapCause::Host, .. } => "host-error",
            Self::Panic(_) => "panic",
            Self::NoSuchActor => "no-such-actor",
            Self::StartFailed(_) => "start-failed",
            Self::Unhealthy(_) => "unhealthy",
            Self::Error(_) => "error",
        }
    }
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())?;
        match self {
            Self::Trap { message, .. }
            | Self::Panic(message)
            | Self::StartFailed(message)
            | Self::Unhealthy(message)
            | Self::Error(message) => write!(f, ": {message}"),
            _ => Ok(()),
        }
    }
}
