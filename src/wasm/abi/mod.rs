//! The types of the contract (`wit/`) as they cross the border.

// What wasmtime's derives write for `ComponentType` and `Lift` is unsafe code.
#![allow(unsafe_code)]

mod frames;
mod letter;
mod lists;

use wasmtime::component::{ComponentType, Lift, Lower};

use crate::actor;

pub(super) use frames::{Bundle, Frames};
pub(super) use letter::{Letter, Region};
pub(super) use lists::{Bytes, Reply, Verdict};

/// What `handler.handle` takes.
pub(super) type HandleParams = (u64, Letter<'static>);
/// What it returns, where somebody waits for the reply.
pub(super) type HandleReply = (std::result::Result<Option<Reply>, Failure>,);
/// What it returns, where nobody does.
pub(super) type HandleIgnored = (Verdict,);
/// What `batch-handler.handle-batch` takes, and what it returns: how many messages
/// were answered with a failure.
pub(super) type BatchParams = (Bundle<'static>,);
/// See [`BatchParams`].
pub(super) type BatchReturn = (u32,);

/// `types.failure`. Public for benchmarks that call the same guest without Raddle.
#[derive(Debug, ComponentType, Lift, Lower)]
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

impl From<actor::Failure> for Failure {
    fn from(failure: actor::Failure) -> Self {
        match failure {
            actor::Failure::Rejected(why) => Self::Rejected(why),
            actor::Failure::Retry(why) => Self::Retry(why),
            actor::Failure::Other(why) => Self::Other(why),
        }
    }
}

/// `types.request-error`.
#[derive(ComponentType, Lower)]
#[component(variant)]
pub(super) enum RequestError {
    #[component(name = "not-sent")]
    NotSent(SendError),
    #[component(name = "failed")]
    Failed(Failure),
    #[component(name = "callee-exited")]
    CalleeExited(String),
    #[component(name = "dead")]
    Dead(String),
    #[component(name = "timeout")]
    Timeout,
    #[component(name = "cycle")]
    Cycle,
    #[component(name = "closed")]
    Closed,
}

impl From<actor::RequestError> for RequestError {
    fn from(error: actor::RequestError) -> Self {
        match error {
            actor::RequestError::NotSent(error) => Self::NotSent(error.into()),
            actor::RequestError::Failed(failure) => Self::Failed(failure.into()),
            actor::RequestError::CalleeExited(reason) => Self::CalleeExited(reason.to_string()),
            actor::RequestError::Dead(reason) => Self::Dead(reason.to_string()),
            actor::RequestError::Timeout => Self::Timeout,
            actor::RequestError::Cycle => Self::Cycle,
            actor::RequestError::Closed => Self::Closed,
        }
    }
}

/// What a request comes to, for the guest that made it.
pub(super) type RequestOutcome = std::result::Result<Bytes, RequestError>;

/// The outcome of a request in the guest's words.
pub(super) fn request_outcome(
    outcome: std::result::Result<actor::Payload, actor::RequestError>,
) -> RequestOutcome {
    outcome.map(Bytes).map_err(RequestError::from)
}

/// `reply-handler.handle-reply`.
pub(super) type ReplyParams = (u64, RequestOutcome);
/// `subscriber.handle-publication`.
pub(super) type PublicationParams = (&'static str, u64, &'static [u8]);
/// See [`PublicationParams`].
pub(super) type PublicationReturn = (std::result::Result<(), Failure>,);
/// `lifecycle.init`.
pub(super) type InitParams = (Start<'static>,);
/// See [`InitParams`].
pub(super) type InitReturn = (std::result::Result<(), String>,);
/// `signals.handle-down`: monitor, actor, reason.
pub(super) type DownParams = (u64, u64, ExitReason);
/// `signals.handle-exit`: actor, reason.
pub(super) type ExitParams = (u64, ExitReason);
/// `names.handle-registered`: name, outcome.
pub(super) type RegisteredParams = (&'static str, std::result::Result<(), u64>);
/// `names.handle-holder`: name, holder.
pub(super) type HolderParams = (&'static str, Option<u64>);

/// `types.exit-reason`.
#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
pub(super) enum ExitReason {
    #[component(name = "normal")]
    Normal,
    #[component(name = "shutdown")]
    Shutdown,
    #[component(name = "killed")]
    Killed,
    #[component(name = "no-such-actor")]
    NoSuchActor,
    #[component(name = "failed")]
    Failed(String),
}

impl From<actor::ExitReason> for ExitReason {
    fn from(reason: actor::ExitReason) -> Self {
        match reason {
            actor::ExitReason::Normal => Self::Normal,
            actor::ExitReason::Shutdown => Self::Shutdown,
            actor::ExitReason::Killed => Self::Killed,
            actor::ExitReason::NoSuchActor => Self::NoSuchActor,
            actor::ExitReason::Error(why) => Self::Failed(why),
            other => Self::Failed(other.to_string()),
        }
    }
}

impl From<ExitReason> for actor::ExitReason {
    fn from(reason: ExitReason) -> Self {
        match reason {
            ExitReason::Normal => Self::Normal,
            ExitReason::Shutdown => Self::Shutdown,
            ExitReason::Killed => Self::Killed,
            ExitReason::NoSuchActor => Self::NoSuchActor,
            ExitReason::Failed(why) => Self::Error(why),
        }
    }
}

/// `processes.process-error`.
#[derive(ComponentType, Lower)]
#[component(variant)]
pub(super) enum ProcessError {
    #[component(name = "no-such-component")]
    NoSuchComponent(String),
    #[component(name = "access-denied")]
    AccessDenied(String),
    #[component(name = "quota-exceeded")]
    QuotaExceeded(String),
    #[component(name = "other")]
    Other(String),
}

impl From<actor::SendError> for ProcessError {
    fn from(error: actor::SendError) -> Self {
        match error {
            error @ actor::SendError::Quota { .. } => Self::QuotaExceeded(error.to_string()),
            other => Self::Other(other.to_string()),
        }
    }
}

/// `processes.spawn-options`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(super) struct SpawnOptions {
    pub component: String,
    pub name: Option<String>,
    pub config: Vec<(String, String)>,
    pub linked: bool,
}

/// `registry.name-error`.
#[derive(ComponentType, Lower)]
#[component(variant)]
pub(super) enum NameError {
    #[component(name = "name-invalid")]
    NameInvalid(String),
    #[component(name = "access-denied")]
    AccessDenied(String),
    #[component(name = "quota-exceeded")]
    QuotaExceeded(String),
    #[component(name = "other")]
    Other(String),
}

impl From<actor::SendError> for NameError {
    fn from(error: actor::SendError) -> Self {
        match error {
            actor::SendError::Topic(error) => Self::NameInvalid(error.to_string()),
            error @ actor::SendError::Quota { .. } => Self::QuotaExceeded(error.to_string()),
            other => Self::Other(other.to_string()),
        }
    }
}

/// `topics.topic-error`.
#[derive(ComponentType, Lower)]
#[component(variant)]
pub(super) enum TopicError {
    #[component(name = "subject-invalid")]
    SubjectInvalid(String),
    #[component(name = "access-denied")]
    AccessDenied(String),
    #[component(name = "message-too-large")]
    MessageTooLarge(u32),
    #[component(name = "quota-exceeded")]
    QuotaExceeded(String),
    #[component(name = "other")]
    Other(String),
}

impl From<actor::SendError> for TopicError {
    fn from(error: actor::SendError) -> Self {
        match error {
            actor::SendError::Topic(error) => Self::SubjectInvalid(error.to_string()),
            actor::SendError::TooLarge { bytes_max, .. } => Self::too_large(bytes_max),
            error @ actor::SendError::Quota { .. } => Self::QuotaExceeded(error.to_string()),
            other => Self::Other(other.to_string()),
        }
    }
}

impl TopicError {
    /// More than this runtime takes.
    pub(super) fn too_large(bytes_max: usize) -> Self {
        Self::MessageTooLarge(u32::try_from(bytes_max).unwrap_or(u32::MAX))
    }
}

/// `types.send-error`. Public for benchmarks that call the same guest without Raddle.
#[derive(Debug, ComponentType, Lower)]
#[component(variant)]
pub enum SendError {
    /// The address or name is nobody's.
    #[component(name = "no-such-actor")]
    NoSuchActor,
    /// There is no room.
    #[component(name = "full")]
    Full,
    /// The most that is taken, in bytes.
    #[component(name = "message-too-large")]
    MessageTooLarge(u32),
    /// What would have to be granted.
    #[component(name = "access-denied")]
    AccessDenied(String),
    /// Which one.
    #[component(name = "quota-exceeded")]
    QuotaExceeded(String),
    /// Anything else.
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
            actor::SendError::NoSuchActor(_)
            | actor::SendError::NoSuchName(_)
            | actor::SendError::NoMember(_) => Self::NoSuchActor,
            error @ actor::SendError::Quota { .. } => Self::QuotaExceeded(error.to_string()),
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

impl<'a> Start<'a> {
    pub(super) fn of(incarnation: &'a actor::Incarnation) -> Self {
        Self {
            id: incarnation.id.to_bits(),
            name: incarnation.name.as_deref(),
            restarts: incarnation.restarts,
        }
    }
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

/// `log.level`. Only ever made from what a guest gives. Public for benchmarks that call the
/// same guest without Raddle.
#[derive(Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
pub enum Level {
    /// Every step.
    #[component(name = "trace")]
    Trace,
    /// For whoever looks for a fault.
    #[component(name = "debug")]
    Debug,
    /// What is as it should be.
    #[component(name = "info")]
    Info,
    /// What may become a fault.
    #[component(name = "warn")]
    Warn,
    /// A fault.
    #[component(name = "error")]
    Error,
    /// A fault that others feel.
    #[component(name = "critical")]
    Critical,
}
