//! `list<u8>`, in the forms that save a copy and an allocation for every message.

// Types that cross the border in a form of their own are unsafe traits of wasmtime's.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

use wasmtime::component::__internal::{
    CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext, LowerContext,
};
use wasmtime::component::{ComponentType, Lift, Lower};
use wasmtime::{Result, bail};

use super::Failure;
use crate::actor::{Outcome, Payload};

/// Gives a type of ours the layout and the type check of `list<u8>`: all but how it is
/// lifted or lowered.
macro_rules! list_of_bytes {
    ($type:ty) => {
        // SAFETY: all three are those of `[u8]`.
        unsafe impl wasmtime::component::ComponentType for $type {
            type Lower = <[u8] as wasmtime::component::ComponentType>::Lower;
            const ABI: wasmtime::component::__internal::CanonicalAbiInfo =
                <[u8] as wasmtime::component::ComponentType>::ABI;

            fn typecheck(
                ty: &wasmtime::component::__internal::InterfaceType,
                types: &wasmtime::component::__internal::InstanceType<'_>,
            ) -> wasmtime::Result<()> {
                <[u8] as wasmtime::component::ComponentType>::typecheck(ty, types)
            }
        }
    };
}
pub(super) use list_of_bytes;

/// A `list<u8>`, copied once: from the guest's memory into a payload.
pub(in crate::wasm) struct Reply(pub(in crate::wasm) Payload);

/// A `list<u8>` that nobody wants: checked, but not copied.
pub(in crate::wasm) struct Ignored;

/// What a handler answers, where nobody waits for the reply: how it failed, if it did.
///
/// A type of its own, since a whole answer is so large that to move it costs as much
/// as to call the guest's `realloc`.
pub(in crate::wasm) struct Verdict(Option<Box<Failure>>);

impl Verdict {
    /// Is there nothing to say about it?
    #[inline]
    pub(in crate::wasm) fn is_plain(&self) -> bool {
        self.0.is_none()
    }

    /// What it comes to.
    #[inline]
    pub(in crate::wasm) fn into_outcome(self) -> Outcome {
        self.0.map_or(Outcome::Done(None), |failure| Outcome::Failed((*failure).into()))
    }
}

type Answer = std::result::Result<Option<Ignored>, Failure>;

// SAFETY: layout and type check are those of `result<option<list<u8>>, failure>`.
unsafe impl ComponentType for Verdict {
    type Lower = <Answer as ComponentType>::Lower;
    const ABI: CanonicalAbiInfo = <Answer as ComponentType>::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> Result<()> {
        <Answer as ComponentType>::typecheck(ty, types)
    }
}

/// Where in an answer it says whether there is a reply.
const REPLY_TAG_AT: usize = 4;

// SAFETY: both do as the answer does, but that what says there is neither a reply nor
// a failure is not looked at any further.
unsafe impl Lift for Verdict {
    fn linear_lift_from_flat(
        context: &mut LiftContext<'_>,
        ty: InterfaceType,
        source: &Self::Lower,
    ) -> Result<Self> {
        let answer = Answer::linear_lift_from_flat(context, ty, source)?;
        Ok(Self(answer.err().map(Box::new)))
    }

    #[inline]
    fn linear_lift_from_memory(
        context: &mut LiftContext<'_>,
        ty: InterfaceType,
        bytes: &[u8],
    ) -> Result<Self> {
        if bytes.first() == Some(&0) && bytes.get(REPLY_TAG_AT) == Some(&0) {
            return Ok(Self(None));
        }
        whole_verdict(context, ty, bytes)
    }
}

#[cold]
fn whole_verdict(context: &mut LiftContext<'_>, ty: InterfaceType, bytes: &[u8]) -> Result<Verdict> {
    let answer = Answer::linear_lift_from_memory(context, ty, bytes)?;
    Ok(Verdict(answer.err().map(Box::new)))
}

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
    let (start, len) = pointer_and_length(bytes)?;
    list(context, start, len)
}

/// Where a list in the guest's memory is, and how long, from where that is written.
pub(super) fn pointer_and_length(bytes: &[u8]) -> Result<(u32, u32)> {
    match bytes.split_first_chunk() {
        Some((&[s0, s1, s2, s3, l0, l1, l2, l3], _)) => {
            Ok((u32::from_le_bytes([s0, s1, s2, s3]), u32::from_le_bytes([l0, l1, l2, l3])))
        }
        None => bail!("a list needs eight bytes"),
    }
}

/// `list<u8>`, for a type that is made from a slice of the guest's memory.
macro_rules! lift_list {
    ($type:ty, $bytes:ident => $value:expr) => {
        list_of_bytes!($type);

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

/// Bytes for the guest, from wherever they are.
pub(in crate::wasm) struct Bytes(pub(in crate::wasm) Payload);

list_of_bytes!(Bytes);

// SAFETY: both do as `[u8]` does.
unsafe impl Lower for Bytes {
    fn linear_lower_to_flat<T>(
        &self,
        context: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        into: &mut MaybeUninit<Self::Lower>,
    ) -> Result<()> {
        self.0.as_slice().linear_lower_to_flat(context, ty, into)
    }

    fn linear_lower_to_memory<T>(
        &self,
        context: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        offset: usize,
    ) -> Result<()> {
        self.0.as_slice().linear_lower_to_memory(context, ty, offset)
    }
}
