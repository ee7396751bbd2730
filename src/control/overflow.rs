//! What becomes of messages for which a mailbox has no room.

/// What becomes of a message for which there is no room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Overflow {
    /// It is refused, and its sender knows. One from another shard is dead.
    #[default]
    Reject,
    /// From half of the room on, whoever sends to it is paused until there is more. One
    /// that sends too much before it is paused is refused, as with `Reject`; from
    /// another shard everything is taken that was under way.
    Backpressure,
    /// The oldest messages make room, and are dead.
    DropOldest,
    /// It is accepted, and dead.
    DropNewest,
}
