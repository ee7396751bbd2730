//! What a supervisor knows of a child.

use crate::actor::ExitReason;

use super::backoff::Backoff;

/// When a child that ended is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Restart {
    /// Always.
    #[default]
    Permanent,
    /// Only if it ended abnormally.
    Transient,
    /// Never.
    Temporary,
}

impl Restart {
    /// Is a child that ended for this reason started again?
    pub fn applies_to(self, reason: &ExitReason) -> bool {
        match self {
            Self::Permanent => true,
            Self::Transient => reason.is_abnormal(),
            Self::Temporary => false,
        }
    }
}

/// How a child is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// Asked, and killed if it has not stopped after so many ns.
    Timeout(u64),
    /// Killed at once.
    BrutalKill,
    /// Asked, and waited for.
    Infinity,
}

impl Default for Shutdown {
    /// OTP's default for a worker: 5 s.
    fn default() -> Self {
        Self::Timeout(5_000_000_000)
    }
}

/// How a supervisor treats a child.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ChildPolicy {
    /// When it is started again.
    pub restart: Restart,
    /// How it is stopped.
    pub shutdown: Shutdown,
    /// How long to wait before it is started again.
    pub backoff: Backoff,
}
