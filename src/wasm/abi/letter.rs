//! The payload of one message, and where in the guest's memory it is put.

// Types that cross the border in a form of their own are unsafe traits of wasmtime's.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

use wasmtime::component::__internal::{InterfaceType, LiftContext, LowerContext};
use wasmtime::component::{Lift, Lower};
use wasmtime::{Result, ValRaw, bail};

use super::lists::{list_of_bytes, pointer_and_length};

/// A part of the guest's memory, which it has named as a `list<u8>`.
#[derive(Clone, Copy, Default)]
pub(in crate::wasm) struct Region {
    start: u32,
    bytes: u32,
}

impl Region {
    fn of(context: &LiftContext<'_>, start: u32, bytes: u32) -> Result<Self> {
        match u64::from(start) + u64::from(bytes) {
            end if end <= context.memory().len() as u64 => Ok(Self { start, bytes }),
            _ => bail!("list pointer/length out of bounds of memory"),
        }
    }

    /// Where so many bytes lie in it, if they fit.
    #[inline]
    pub(super) fn fits(self, bytes: usize) -> Option<usize> {
        (bytes <= self.bytes as usize).then_some(self.start as usize)
    }
}

list_of_bytes!(Region);

// SAFETY: both read a pointer and a length, as for `WasmList<u8>`; nothing is reached
// through them here.
unsafe impl Lift for Region {
    fn linear_lift_from_flat(
        context: &mut LiftContext<'_>,
        _: InterfaceType,
        source: &Self::Lower,
    ) -> Result<Self> {
        Self::of(context, source[0].get_u32(), source[1].get_u32())
    }

    fn linear_lift_from_memory(
        context: &mut LiftContext<'_>,
        _: InterfaceType,
        bytes: &[u8],
    ) -> Result<Self> {
        let (start, bytes) = pointer_and_length(bytes)?;
        Self::of(context, start, bytes)
    }
}

/// The bytes of a message, for the guest's inbox if they fit, and else for memory that its
/// `realloc` gives.
#[derive(Clone, Copy)]
pub(in crate::wasm) struct Letter<'a> {
    pub(in crate::wasm) payload: &'a [u8],
    pub(in crate::wasm) inbox: Region,
}

list_of_bytes!(Letter<'_>);

// SAFETY: what does not go into the inbox is lowered as `[u8]` is; what does is written
// through a checked slice, and its pointer and length as for `[u8]`. The guest has said
// that it takes them there.
unsafe impl Lower for Letter<'_> {
    #[inline]
    fn linear_lower_to_flat<T>(
        &self,
        context: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        into: &mut MaybeUninit<Self::Lower>,
    ) -> Result<()> {
        let Some(start) = self.inbox.fits(self.payload.len()) else {
            return self.payload.linear_lower_to_flat(context, ty, into);
        };
        let memory = context.as_slice_mut();
        match memory.get_mut(start..).and_then(|rest| rest.get_mut(..self.payload.len())) {
            Some(inbox) => inbox.copy_from_slice(self.payload),
            None => bail!("the inbox is out of bounds of memory"),
        }
        into.write([ValRaw::i64(start as i64), ValRaw::i64(self.payload.len() as i64)]);
        Ok(())
    }

    fn linear_lower_to_memory<T>(
        &self,
        context: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        offset: usize,
    ) -> Result<()> {
        self.payload.linear_lower_to_memory(context, ty, offset)
    }
}
