//! Many messages in one call.

use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use crate::bindings::imports::raddle::actor::progress;
use crate::{Actor, ActorId, inbox};

/// One message of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Who sent it.
    pub sender: ActorId,
    /// The bytes.
    pub payload: &'a [u8],
}

/// The messages of a batch, oldest first: what `batch-handler.handle-batch` gets.
#[derive(Debug, Clone)]
pub struct Frames<'a>(&'a [u8]);

const HEAD_SIZE: usize = 16;
const ALIGN: usize = 8;

impl<'a> Frames<'a> {
    /// The messages in this buffer.
    pub fn new(buffer: &'a [u8]) -> Self {
        Frames(buffer)
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    /// # Panics
    /// If the buffer is not as `wit/batch.wit` says.
    #[inline]
    fn next(&mut self) -> Option<Frame<'a>> {
        if self.0.is_empty() {
            return None;
        }
        let (head, rest) = self.0.split_first_chunk::<HEAD_SIZE>().expect("a whole frame");
        let (sender, size) = (head.first_chunk(), head.last_chunk());
        let sender = u64::from_le_bytes(*sender.expect("8 bytes"));
        let size = u64::from_le_bytes(*size.expect("8 bytes")) as usize;
        let (payload, rest) = rest.split_at(size);
        self.0 = &rest[size.next_multiple_of(ALIGN) - size..];
        Some(Frame { sender, payload })
    }
}

/// Where the runtime looks, after a trap, how far the batch had come. Atomic only
/// so that it may be a `static`: on wasm these are plain stores.
static FINISHED: AtomicU32 = AtomicU32::new(0);
static IS_REGISTERED: AtomicBool = AtomicBool::new(false);
/// Has the actor asked to stop?
static IS_LEAVING: AtomicBool = AtomicBool::new(false);

/// The actor handles nothing after this message.
pub(crate) fn leave() {
    IS_LEAVING.store(true, Relaxed);
}

fn register() {
    IS_REGISTERED.store(true, Relaxed);
    // SAFETY: the cell is a static of four bytes; the runtime notes where it is.
    progress::register(unsafe { std::slice::from_raw_parts(FINISHED.as_ptr().cast::<u8>(), 4) });
}

/// What [`actor!`](crate::actor) exports as `handle-batch`. What `wit-bindgen` makes a `Vec`
/// of may lie in the inbox, and then it is not to be freed.
#[inline]
pub fn handle_frames<A: Actor>(actor: &mut A, frames: Vec<u8>) -> u32 {
    let frames = ManuallyDrop::new(frames);
    let failures = handle_batch(actor, &frames);
    if !inbox::holds(frames.as_ptr()) {
        inbox::ask_for_more();
        drop(ManuallyDrop::into_inner(frames));
    }
    failures
}

#[inline]
fn handle_batch<A: Actor>(actor: &mut A, frames: &[u8]) -> u32 {
    if cfg!(target_family = "wasm") && !IS_REGISTERED.load(Relaxed) {
        register();
    }
    let mut failures = 0;
    for (finished, frame) in (1..).zip(Frames::new(frames)) {
        failures += u32::from(actor.handle_in_place(frame.sender, frame.payload).is_err());
        FINISHED.store(finished, Relaxed);
        if IS_LEAVING.load(Relaxed) {
            break;
        }
    }
    // The next batch may trap before its first message.
    FINISHED.store(0, Relaxed);
    failures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Answer, Failure};

    fn buffer(messages: &[(u64, &[u8])]) -> Vec<u8> {
        let mut buffer = Vec::new();
        for (sender, payload) in messages {
            buffer.extend(sender.to_le_bytes());
            buffer.extend((payload.len() as u64).to_le_bytes());
            buffer.extend(*payload);
            buffer.resize(buffer.len().next_multiple_of(ALIGN), 0);
        }
        buffer
    }

    #[test]
    fn frames_come_back_whole_and_in_order() {
        let messages: [(u64, &[u8]); 4] =
            [(1, b""), (0, b"seven b"), (u64::MAX, b"eight by"), (2, b"nine byte")];
        let buffer = buffer(&messages);
        let frames = Frames::new(&buffer).map(|frame| (frame.sender, frame.payload));
        assert_eq!(frames.collect::<Vec<_>>(), messages);
    }

    #[derive(Default)]
    struct Odd(Vec<u8>);

    impl Actor for Odd {
        fn handle(&mut self, _: ActorId, payload: Vec<u8>) -> Answer {
            self.0.push(payload[0]);
            match payload[0] % 2 {
                0 => Err(Failure::Rejected("even".into())),
                _ => Ok(None),
            }
        }
    }

    #[test]
    fn a_batch_falls_back_to_the_handler_and_counts_failures() {
        let mut actor = Odd::default();
        assert_eq!(handle_batch(&mut actor, &buffer(&[(1, b"1"), (1, b"2"), (1, b"3")])), 1);
        assert_eq!(actor.0, b"123");
    }
}
