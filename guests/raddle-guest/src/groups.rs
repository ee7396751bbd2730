//! Groups of actors, under a name: for work that any of them can do, or all of them must.

use crate::bindings::imports::raddle::actor::groups as host;
use crate::{ActorId, SendError};

/// Join a group. Who joins n times leaves n times, or at its end.
///
/// # Errors
/// Why not.
pub fn join(group: &str) -> Result<(), String> {
    host::join(group)
}

/// Leave a group; false if it was not in it.
pub fn leave(group: &str) -> bool {
    host::leave(group)
}

/// Who is in a group, each once, as far as this shard knows.
pub fn members(group: &str) -> Vec<ActorId> {
    host::members(group)
}

/// Send to one member, in turn.
///
/// # Errors
/// See [`SendError`].
pub fn send_to_one(group: &str, payload: &[u8]) -> Result<(), SendError> {
    host::send_to_one(group, payload)
}

/// Send to every member; to how many?
///
/// # Errors
/// See [`SendError`].
pub fn send_to_all(group: &str, payload: &[u8]) -> Result<u32, SendError> {
    host::send_to_all(group, payload)
}

/// Send to the member that this key belongs to: the same one for the same key, for as
/// long as it is a member.
///
/// # Errors
/// See [`SendError`].
pub fn send_by_key(group: &str, key: &[u8], payload: &[u8]) -> Result<(), SendError> {
    host::send_by_key(group, key, payload)
}
