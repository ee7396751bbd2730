//! What threads outside the runtime are told of the room in mailboxes.
//!
//! A mailbox that is full is shown as full until a quarter of it is free. What
//! outside threads send to it meanwhile they get back; what was under way when it
//! filled up is taken all the same, for they were told that it is accepted.

use std::collections::HashMap;
use std::sync::Arc;

use crate::actor::ActorId;
use crate::sync::{Resolver, Rooms};

use super::post::Post;

/// Who is shown as full, and who waits for that to change.
pub(super) struct Edge {
    rooms: Arc<Rooms>,
    waiting: HashMap<ActorId, Vec<Resolver<()>>>,
}

impl Edge {
    pub(super) fn new(rooms: Arc<Rooms>) -> Self {
        Self { rooms, waiting: HashMap::new() }
    }
}

impl Post {
    pub(super) fn show_if_full(&mut self, actor: ActorId) {
        if let Some(mailbox) = self.mailbox(actor)
            && (mailbox.messages >= mailbox.messages_max || mailbox.bytes >= mailbox.bytes_max)
        {
            self.show_full(actor);
        }
    }

    pub(super) fn show_full(&mut self, actor: ActorId) {
        if let Some(mailbox) = self.mailbox(actor)
            && !std::mem::replace(&mut mailbox.is_shown_full, true)
        {
            self.edge.rooms.set_full(actor.slot(), true);
        }
    }

    /// Shows a mailbox as free if a quarter of it is.
    pub(super) fn show_if_free(&mut self, actor: ActorId) {
        let Some(mailbox) = self.mailbox(actor) else { return };
        let has_room = u64::from(mailbox.messages) * 4 <= u64::from(mailbox.messages_max) * 3
            && u64::from(mailbox.bytes) * 4 <= u64::from(mailbox.bytes_max) * 3;
        if has_room || mailbox.messages == 0 {
            self.show_free(actor);
        }
    }

    /// Shows a mailbox as free: it has room, or is there no longer.
    pub(super) fn show_free(&mut self, actor: ActorId) {
        if let Some(mailbox) = self.mailbox(actor)
            && std::mem::replace(&mut mailbox.is_shown_full, false)
        {
            self.edge.rooms.set_full(actor.slot(), false);
            for waiting in self.edge.waiting.remove(&actor).unwrap_or_default() {
                // Whoever gave up waiting does not need it.
                let _ = waiting.resolve(());
            }
        }
    }

    /// Answers when an actor has room, or is there no longer.
    pub(super) fn await_room(&mut self, actor: ActorId, done: Resolver<()>) {
        if self.mailbox(actor).is_some_and(|mailbox| mailbox.is_shown_full) {
            self.edge.waiting.entry(actor).or_default().push(done);
        } else {
            let _ = done.resolve(());
        }
    }
}
