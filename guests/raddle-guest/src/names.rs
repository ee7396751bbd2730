//! Names that an actor takes while it runs, and those that it watches. To look one up:
//! [`lookup`](crate::lookup).
//!
//! Who gets a name is decided by one shard for all, so the answer comes later, to
//! [`Names`](crate::Names). What an incarnation has taken ends with it.

use crate::Failure;
use crate::bindings::imports::raddle::actor::registry as host;

pub use host::NameError;

/// Ask for a name, beside the one that this actor was started with. To ask twice is to
/// ask once.
///
/// # Errors
/// See [`NameError`]. That somebody else has it is told later.
pub fn register(name: &str) -> Result<(), NameError> {
    host::register(name)
}

/// Give up a name that this incarnation has asked for; false if it has not, or if it was
/// refused. What was not granted yet is not told any more.
pub fn unregister(name: &str) -> bool {
    host::unregister(name)
}

/// From here on, be told who has this name: at once, and whenever it changes.
///
/// # Errors
/// That it watches too many.
pub fn watch(name: &str) -> Result<(), NameError> {
    host::watch(name)
}

/// Watch it no longer; false if it was not watched.
pub fn unwatch(name: &str) -> bool {
    host::unwatch(name)
}

impl From<NameError> for Failure {
    fn from(error: NameError) -> Self {
        match error {
            NameError::NameInvalid(why) => Failure::Other(format!("no name: {why}")),
            NameError::AccessDenied(why) => Failure::Other(format!("access denied: {why}")),
            NameError::QuotaExceeded(quota) => Failure::Retry(format!("quota exceeded: {quota}")),
            NameError::Other(why) => Failure::Other(why),
        }
    }
}
