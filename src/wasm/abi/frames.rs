//! Many messages, and where in the guest's memory they are put.

// Types that cross the border in a form of their own are unsafe traits of wasmtime's.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

use wasmtime::component::__internal::{InterfaceType, LowerContext};
use wasmtime::component::Lower;
use wasmtime::{Result, ValRaw, bail};

use super::Region;
use super::lists::list_of_bytes;
use crate::actor::{self, ActorId, Batch, write_frame};

/// Many messages, for one flat buffer (the layout is in `wit/batch.wit`).
#[derive(Clone, Copy)]
pub(in crate::wasm) enum Frames<'a> {
    /// Written there, and nowhere else before.
    Batch {
        /// The messages.
        batch: Batch<'a>,
        /// What the buffer takes.
        bytes: usize,
    },
    /// Laid out already.
    Run(&'a actor::Frames),
}

impl<'a> Frames<'a> {
    /// As many messages from the start of a batch as take at most `bytes_max`, and
    /// one in any case.
    pub(in crate::wasm) fn prefix(batch: Batch<'a>, bytes_max: usize) -> Self {
        let (mut messages, mut bytes) = (0, 0);
        for message in batch {
            let more = bytes + actor::Frames::bytes_of(message.payload.len());
            if more > bytes_max && messages > 0 {
                break;
            }
            (messages, bytes) = (messages + 1, more);
        }
        Self::Batch { batch: batch.slice(0..messages), bytes }
    }

    /// How many messages.
    pub(in crate::wasm) fn len(&self) -> usize {
        match self {
            Self::Batch { batch, .. } => batch.len(),
            Self::Run(frames) => frames.len(),
        }
    }

    /// How many bytes they take.
    fn bytes(&self) -> usize {
        match self {
            Self::Batch { bytes, .. } => *bytes,
            Self::Run(frames) => frames.as_bytes().len(),
        }
    }

    /// Calls this with everyone who has sent one of them.
    pub(in crate::wasm) fn each_sender(&self, call: impl FnMut(ActorId)) {
        match self {
            Self::Batch { batch, .. } => batch.iter().filter_map(|message| message.from).for_each(call),
            Self::Run(frames) => frames.iter().filter_map(|frame| frame.from).for_each(call),
        }
    }

    /// Writes them over a buffer of exactly their size.
    fn write(&self, mut buffer: &mut [u8]) {
        match self {
            Self::Run(frames) => buffer.copy_from_slice(frames.as_bytes()),
            Self::Batch { batch, .. } => {
                for message in *batch {
                    let payload = message.payload.as_slice();
                    let (frame, rest) = buffer.split_at_mut(actor::Frames::bytes_of(payload.len()));
                    write_frame(frame, message.from, payload);
                    buffer = rest;
                }
            }
        }
    }
}

/// Messages for the guest's inbox if they fit, and else for memory that its `realloc`
/// gives.
#[derive(Clone, Copy)]
pub(in crate::wasm) struct Bundle<'a> {
    pub(in crate::wasm) frames: Frames<'a>,
    pub(in crate::wasm) inbox: Region,
}

impl Bundle<'_> {
    /// Where in the guest's memory they are now, and how many bytes they take.
    #[inline]
    fn write<T>(&self, context: &mut LowerContext<'_, T>) -> Result<(usize, usize)> {
        let len = self.frames.bytes();
        let start = match self.inbox.fits(len) {
            Some(start) => start,
            None => context.realloc(0, 0, 1, len)?,
        };
        let memory = context.as_slice_mut();
        let Some(buffer) = memory.get_mut(start..).and_then(|rest| rest.get_mut(..len)) else {
            bail!("the buffer for a batch is out of bounds of memory");
        };
        self.frames.write(buffer);
        Ok((start, len))
    }
}

list_of_bytes!(Bundle<'_>);

// SAFETY: both write a pointer and a length, as for `[u8]`, to bytes that the guest's
// `realloc` gave for it, or of its inbox, where it has said that it takes them.
unsafe impl Lower for Bundle<'_> {
    fn linear_lower_to_flat<T>(
        &self,
        context: &mut LowerContext<'_, T>,
        _: InterfaceType,
        into: &mut MaybeUninit<Self::Lower>,
    ) -> Result<()> {
        let (start, len) = self.write(context)?;
        into.write([ValRaw::i64(start as i64), ValRaw::i64(len as i64)]);
        Ok(())
    }

    fn linear_lower_to_memory<T>(
        &self,
        context: &mut LowerContext<'_, T>,
        _: InterfaceType,
        offset: usize,
    ) -> Result<()> {
        let (start, len) = self.write(context)?;
        *context.get(offset) = (start as u32).to_le_bytes();
        *context.get(offset + 4) = (len as u32).to_le_bytes();
        Ok(())
    }
}
