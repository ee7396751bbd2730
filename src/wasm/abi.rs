//! The types of the contract (`wit/actor.wit`) as they cross the border.

// wasmtime's traits for types that cross the border are unsafe to implement.
// All implementations are in this module: derived ones, and those of `Reply` and
// `Ignored`, which save an allocation and a copy for every message handled.
#![allow(unsafe_code)]

use wasmtime::component::__internal::{CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext};
use wasmtime::component::{ComponentType, Lift, Lower, WasmList};
use wasmtime::{Result, bail};

use crate::actor::{self, Payload};

/// What `handler.handle` takes.
pub(super) type HandleParams = (u64, &'static [u8]);
/// What it returns, where somebody waits for the reply.
pub(super) type HandleReply = (std::result::Result<Option<Reply>, Failure>,);
/// What it returns, where nobody does.
pub(super) type HandleIgnored = (std::result::Result<Option<Ignored>, Failure>,);

/// A `list<u8>`, copied once: from the guest's memory into a payload.
pub(super) struct Reply(pub Payload);

/// A `list<u8>` that nobody wants: checked, but not copied.
pub(super) struct Ignored;

/// The bytes of a list in the guest's memory, checked as `WasmList` checks them.
fn list<'a>(context: &mut LiftContext<'a>, start: u32, len: u32) -> Result<&'a [u8]> {
    let (start, len) = (start as usize, len as usize);
    context.consume_fuel(len)?;
    match context.memory().get(start..).and_then(|rest| rest.get(..len)) {
        Some(bytes) => Ok(bytes),
        None => bail!("list pointer/length out of bounds of memory"),
    }
}

fn list_from_flat<'a>(
    context: &mut LiftContext<'a>,
    source: &<[u8] as ComponentType>::Lower,
) -> Result<&'a [u8]> {
    list(context, source[0].get_u32(), source[1].get_u32())
}

fn list_from_memory<'a>(context: &mut LiftContext<'a>, bytes: &[u8]) -> Result<&'a [u8]> {
    let Some((&[s0, s1, s2, s3, l0, l1, l2, l3], _)) = bytes.split_first_chunk() else {
        bail!("a list needs eight bytes");
    };
    list(context, u32::from_le_bytes([s0, s1, s2, s3]), u32::from_le_bytes([l0, l1, l2, l3]))
}

/// `list<u8>`, for a type that is made from a slice of the guest's memory.
macro_rules! lift_list {
    ($type:ty, $bytes:ident => $value:expr) => {
        // SAFETY: layout and type check are those of `list<u8>`, as for `WasmList<u8>`.
        unsafe impl ComponentType for $type {
            type Lower = <[u8] as ComponentType>::Lower;
            const ABI: CanonicalAbiInfo = <[u8] as ComponentType>::ABI;

            fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> Result<()> {
                <WasmList<u8> as ComponentType>::typecheck(ty, types)
            }
        }

        // SAFETY: both read a pointer and a length, as for `WasmList<u8>`, and
        // reach the guest's memory through a checked slice only.
        unsafe impl Lift for $type {
            #[inline]
            fn linear_lift_from_flat(
                context: &mut LiftContext<'_>,
                _: InterfaceType,
                source: &Self::Lower,
            ) -> Result<Self> {
                let $bytes = list_from_flat(context, source)?;
                Ok($value)
            }

            #[inline]
            fn linear_lift_from_memory(
                context: &mut LiftContext<'_>,
                _: InterfaceType,
                bytes: &[u8],
            ) -> Result<Self> {
                let $bytes = list_from_memory(context, bytes)?;
                Ok($value)
            }
        }
    };
}

lift_list!(Reply, bytes => Self(Payload::copy_from(bytes)));
lift_list!(Ignored, _bytes => Self);

/// `types.failure`.
#[derive(ComponentType, Lift)]
#[component(variant)]
pub(super) enum Failure {
    #[component(name = "rejected")]
    Rejected(String),
    #[component(name = "retry")]
    Retry(String),
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
