//! What makes a shard go: a thread of its own that calls `turn()` until the
//! shard says stop, and sleeps when there is nothing to do.
//!
//! ```text
//!            choose ─► ReactorKind ─► bell ─┬─► Wake ──► Doorbell, shared with the peers
//!                                           └─► Sleeper ─┐
//!                                          Seat, make ───┴─► spawn ─► DriverThread
//! ```
//!
//! Two reactors sleep in two ways; everything else they share (`pace.rs`):
//!
//! | reactor   | sleeps in                          | wakes by            |
//! |-----------|------------------------------------|---------------------|
//! | `glommio` | an io_uring, where I/O also arrives | writing an eventfd  |
//! | `thread`  | a futex (`park_timeout`)           | `unpark`            |
//!
//! **Invariant.** Messages are never delivered by a glommio waker or channel;
//! the doorbell is a descriptor that the ring itself watches.

#[cfg_attr(not(feature = "glommio"), path = "glommio_disabled.rs")]
mod glommio;
mod pace;
mod probe;
mod reactor;
mod spawn;
mod thread;

#[cfg(test)]
mod tests;

use std::time::Instant;

pub use pace::IdlePolicy;
pub use probe::Refusal;
pub use reactor::{Chosen, Reactor, ReactorError, ReactorKind, UnknownReactor, choose};
pub use spawn::{DriverError, DriverThread, Sleeper, StartError, bell, spawn};

use crate::sync::Doorbell;

/// What a driver drives: one shard.
///
/// A `Drive` is made on the thread that drives it and never leaves it, so it
/// need not be `Send`.
pub trait Drive {
    /// Does a bounded amount of work and says what next.
    ///
    /// May be called early: a wake-up need not mean that there is work.
    fn turn(&mut self) -> Next;

    /// Is there anything to do? Looks at every ring.
    ///
    /// Asked over and over while idle, and once more after the doorbell was
    /// armed: what is pushed later rings it.
    fn has_work(&mut self) -> bool;

    /// The bell that peers ring after they pushed something.
    fn doorbell(&self) -> &Doorbell;
}

/// What a turn wants of its driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// There is more to do: call again at once.
    Again,
    /// There is nothing to do until the doorbell rings, or until `wake_at`.
    Idle {
        /// When the nearest timer is due, if there is one.
        wake_at: Option<Instant>,
    },
    /// The shard has finished; its thread may end.
    Stop,
}
