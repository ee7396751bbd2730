//! What an actor did to the world while it ran.

use super::{ExitReason, Message};

/// Recorded in the [`Context`](super::Context) while an actor runs; applied by
/// its shard, in order, after it returned or suspended.
#[derive(Debug)]
#[non_exhaustive]
pub enum Effect {
    /// Send this. It was admitted: there is room for it.
    Send(Message),
    /// Stop the actor after this message.
    Exit(ExitReason),
}
