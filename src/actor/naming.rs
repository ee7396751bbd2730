//! Names, as an actor asks for them.

use std::sync::Arc;

use super::{ActorId, Context, Effect, SendError, Subject};

/// A name is taken, by this actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name is taken, by {0}")]
pub struct NameTaken(pub ActorId);

impl Context {
    /// Asks for a name, beside the one that this actor was started with. Whether it has
    /// it comes by [`Notice::Registered`](super::Notice::Registered): by then it is
    /// found from every shard and from outside. The name is this actor's until it
    /// [gives it up](Self::unregister), or this incarnation ends. To ask twice is to ask
    /// once.
    ///
    /// # Errors
    /// What is wrong with the name, which has the grammar of a subject; or that it has
    /// too many. One that it has given up counts until it is free everywhere.
    pub fn register(&self, name: &str) -> Result<(), SendError> {
        let name: Arc<str> = Subject::parse(name)?.as_str().into();
        if let Some(number) = self.view.claim_name(self.own_id(), &name)? {
            self.record(Effect::Claim { actor: self.own_id(), name, number });
        }
        Ok(())
    }

    /// Gives a name up that this incarnation has asked for. Had it, and was it not
    /// refused? If it was not granted yet, nothing more comes of it.
    pub fn unregister(&self, name: &str) -> bool {
        let Some((name, number)) = self.view.let_name_go(self.own_id(), name) else { return false };
        self.record(Effect::Release { actor: self.own_id(), name, number });
        true
    }

    /// From here on, hears by [`Notice::Name`](super::Notice::Name) who has this name:
    /// at once, and whenever it changes, for as long as this incarnation. To watch
    /// twice is to watch once.
    ///
    /// # Errors
    /// That it watches too many.
    pub fn watch_name(&self, name: &str) -> Result<(), SendError> {
        self.view.watch_name(self.own_id(), name)
    }

    /// Watches a name no longer. Did it?
    pub fn unwatch_name(&self, name: &str) -> bool {
        self.view.unwatch_name(self.own_id(), name)
    }
}
