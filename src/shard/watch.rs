//! Who is told whose a name is.
//!
//! A watcher hears what the replica of its own shard knows, as a lookup would: so who
//! hears that a name has a holder finds it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::actor::{ActorId, Notice, SendError};

use super::local::Local;

/// The watchers of one shard.
#[derive(Default)]
pub(super) struct Watches {
    by_name: HashMap<Arc<str>, BTreeSet<ActorId>>,
    by_watcher: HashMap<ActorId, BTreeSet<Arc<str>>>,
}

impl Watches {
    /// Was it not watching yet?
    fn add(&mut self, watcher: ActorId, name: &Arc<str>) -> bool {
        self.by_name.entry(name.clone()).or_default().insert(watcher);
        self.by_watcher.entry(watcher).or_default().insert(name.clone())
    }

    fn count(&self, watcher: ActorId) -> usize {
        self.by_watcher.get(&watcher).map_or(0, BTreeSet::len)
    }

    fn remove(&mut self, watcher: ActorId, name: &str) -> bool {
        let Some(names) = self.by_watcher.get_mut(&watcher) else { return false };
        let was = names.remove(name);
        if names.is_empty() {
            self.by_watcher.remove(&watcher);
        }
        self.remove_from_name(watcher, name);
        was
    }

    fn remove_from_name(&mut self, watcher: ActorId, name: &str) {
        if let Some(watchers) = self.by_name.get_mut(name) {
            watchers.remove(&watcher);
            if watchers.is_empty() {
                self.by_name.remove(name);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty() && self.by_watcher.is_empty()
    }

    fn forget(&mut self, watcher: ActorId) {
        if self.by_watcher.is_empty() {
            return;
        }
        for name in self.by_watcher.remove(&watcher).unwrap_or_default() {
            self.remove_from_name(watcher, &name);
        }
    }
}

impl Local {
    pub(super) fn watch_name(&self, watcher: ActorId, name: &str) -> Result<(), SendError> {
        let most = self.lives.borrow().quotas(watcher).watches_max;
        let mut watches = self.watches.borrow_mut();
        if watches.count(watcher) >= most as usize {
            return Err(SendError::Quota { what: "watches_max", most });
        }
        let name: Arc<str> = name.into();
        if watches.add(watcher, &name) {
            let holder = self.names.borrow().lookup(&name);
            self.tell_holder(watcher, &name, holder);
        }
        Ok(())
    }

    pub(super) fn unwatch_name(&self, watcher: ActorId, name: &str) -> bool {
        self.watches.borrow_mut().remove(watcher, name)
    }

    /// An incarnation has ended, and with it what it watched.
    pub(super) fn forget_watches(&self, watcher: ActorId) {
        self.watches.borrow_mut().forget(watcher);
    }

    /// The name is this actor's.
    pub(super) fn bind(&self, name: Arc<str>, actor: ActorId) {
        if self.names.borrow_mut().bind(name.clone(), actor) {
            self.tell_watchers(&name, Some(actor));
        }
    }

    /// The name is no longer this actor's.
    pub(super) fn unbind(&self, name: &str, actor: ActorId) {
        if self.names.borrow_mut().unbind(name, actor) {
            self.tell_watchers(name, None);
        }
    }

    fn tell_watchers(&self, name: &str, holder: Option<ActorId>) {
        let watches = self.watches.borrow();
        let Some((name, watchers)) = watches.by_name.get_key_value(name) else { return };
        for &watcher in watchers {
            self.tell_holder(watcher, name, holder);
        }
    }

    fn tell_holder(&self, watcher: ActorId, name: &Arc<str>, holder: Option<ActorId>) {
        let life = self.lives.borrow_mut().of(watcher);
        let notice = Notice::Name { name: name.clone(), holder };
        self.notices.borrow_mut().push_back((watcher, life, notice));
    }
}
