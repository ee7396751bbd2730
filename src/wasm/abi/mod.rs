//! The types of the contract (`wit/`) as they cross the border.

// What wasmtime's derives write for `ComponentType` and `Lift` is unsafe code.
#![allow(unsafe_code)]

mod lists;

use wasmtime::component::{ComponentType, Lift, Lower};

use crate::actor;

pub(super) use lists::{Frames, Ignored, Reply};

/// What `handler.handle` takes.
pub(super) type HandleParams = (u64, &'static [u8]);
/// What it returns, where somebody waits for the reply.
pub(super) type HandleReply = (std::result::Result<Option<Reply>, Failure>,);
/// What it returns, where nobody does.
pub(super) type HandleIgnored = (std::result::Result<Option<Ignored>, Failure>,);
/// What `batch-handler.handle-batch` takes, and what it returns: how many messages
/// were answered with a failure.
pub(super) type BatchParams = (Frames<'static>,);
/// See [`BatchParams`].
pub(super) type BatchReturn = (u32,);

/// `types.failure`. Public for benchmarks that call the same guest without Raddle.
#[derive(Debug, ComponentType, Lift)]
#[component(variant)]
pub enum Failure {
    /// It makes no sense.
    #[component(name = "rejected")]
    Rejected(String),
    /// Not now.
    #[component(name = "retry")]
    Retry(String),
    /// Anything else.
    #[component(name = "other")]
    Other(String),
}

impl From<Failure> for actor::Failure {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Rejected(why) => Self::Rejected(why),
            Failure::Retry(why) => Self::Retry(why),
            Failure::Other(why) => Self::Other(why),
        }
    }
}

/// `types.send-error`.
#[derive(ComponentType, Lower)]
#[component(variant)]
// Constructed by capabilities and quotas, which come later; part of the contract.
#[allow(dead_code)]
pub(super) enum SendError {
    #[component(name = "no-such-actor")]
    NoSuchActor,
    #[component(name = "full")]
    Full,
    #[component(name = "message-too-large")]
    MessageTooLarge(u32),
    #[component(name = "access-denied")]
    AccessDenied(String),
    #[component(name = "quota-exceeded")]
    QuotaExceeded(String),
    #[component(name = "other")]
    Other(String),
}

impl SendError {
    /// More than this runtime takes.
    pub(super) fn too_large(bytes_max: usize) -> Self {
        Self::MessageTooLarge(u32::try_from(bytes_max).unwrap_or(u32::MAX))
    }
}

impl From<actor::SendError> for SendError {
    fn from(error: actor::SendError) -> Self {
        match error {
            actor::SendError::NoSuchActor(_) => Self::NoSuchActor,
            actor::SendError::MailboxFull(_) | actor::SendError::OutboxFull(_) => Self::Full,
            actor::SendError::TooLarge { bytes_max, .. } => Self::too_large(bytes_max),
            other => Self::Other(other.to_string()),
        }
    }
}

/// `lifecycle.start`.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(super) struct Start<'a> {
    pub id: u64,
    pub name: Option<&'a str>,
    pub restarts: u32,
}

/// `lifecycle.stop-reason`.
#[derive(Clone, Copy, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
pub(super) enum StopReason {
    #[component(name = "normal")]
    Normal,
    #[component(name = "shutdown")]
    Shutdown,
    #[component(name = "restart")]
    Restart,
}

impl From<actor::StopReason> for StopReason {
    fn from(reason: actor::StopReason) -> Self {
        match reason {
            actor::StopReason::Normal => Self::Normal,
            actor::StopReason::Shutdown => Self::Shutdown,
            actor::StopReason::Restart => Self::Restart,
        }
    }
}

/// `health.status`.
#[derive(ComponentType, Lift)]
#[component(variant)]
pub(super) enum Status {
    #[component(name = "healthy")]
    Healthy,
    #[component(name = "degraded")]
    Degraded(String),
    #[component(name = "unhealthy")]
    Unhealthy(String),
}

impl From<Status> for actor::Health {
    fn from(status: Status) -> Self {
        match status {
            Status::Healthy => Self::Healthy,
            Status::Degraded(why) => Self::Degraded(why),
            Status::Unhealthy(why) => Self::Unhealthy(why),
        }
    }
}

/// `log.level`. Only ever made from what a guest gives.
#[derive(Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[allow(dead_code)]
pub(super) enum Level {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
    #[component(name = "critical")]
    Critical,
}
