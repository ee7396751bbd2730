//! What an actor did to the world while it ran, besides sending.

use std::sync::Arc;

use super::{ActorId, ExitReason, Relation};

/// Recorded in the [`Context`](super::Context) while an actor runs; applied by
/// its shard, in order, after it returned or suspended.
#[derive(Debug)]
#[non_exhaustive]
pub enum Effect {
    /// Stop the actor after this message.
    Exit(ExitReason),
    /// Tell another actor what has become of its relation to this one.
    Relate {
        /// This one.
        from: ActorId,
        /// The other one.
        to: ActorId,
        /// What has become of it.
        relation: Relation,
    },
    /// Start the actor that it has spawned.
    Spawn(ActorId),
    /// Ask for a name.
    Claim {
        /// For whom.
        actor: ActorId,
        /// The name.
        name: Arc<str>,
        /// Of the claim.
        number: u64,
    },
    /// Let a name go.
    Release {
        /// Whose.
        actor: ActorId,
        /// The name.
        name: Arc<str>,
        /// Of the claim.
        number: u64,
    },
}
