//! What an actor did to the world while it ran, besides sending.

use super::{ActorId, ExitReason, Relation};

/// Recorded in the [`Context`](super::Context) while an actor runs; applied by
/// its shard, in order, after it returned or suspended.
#[derive(Debug)]
#[non_exhaustive]
pub enum Effect {
    /// Stop the actor after this message.
    Exit(ExitReason),
    /// Change this actor's relations to others.
    Relate(ActorId, Relation),
}
