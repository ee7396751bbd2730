//! One error for embedders who do not tell them apart.

use crate::actor::RequestError;
use crate::shard::SpawnError;

/// Whatever goes wrong with a runtime. Each operation has a narrower error of its
/// own; all of them become this one with `?`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The runtime could not be set up.
    #[cfg(feature = "runtime")]
    #[error(transparent)]
    Build(#[from] crate::runtime::BuildError),
    /// A component cannot be an actor.
    #[cfg(feature = "wasm")]
    #[error(transparent)]
    Component(#[from] crate::wasm::ComponentError),
    /// An actor could not be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// A message was not taken.
    #[cfg(feature = "runtime")]
    #[error(transparent)]
    NotSent(#[from] crate::runtime::NotSent),
    /// A request got no reply.
    #[error(transparent)]
    Request(#[from] RequestError),
}
