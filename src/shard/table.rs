//! A table whose keys never come back.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::actor::{Key, ShardId};
use crate::sync::mutant;

/// The keys of a table that nobody has. They are beside the table, so that one can be
/// taken while the table is out of reach, for a value that is put in later.
pub(super) struct Keys {
    shard: ShardId,
    /// Of slots that had a tenant.
    used: RefCell<Vec<Key>>,
    /// The slots from here on had none.
    fresh: Cell<u32>,
}

impl Keys {
    fn peek(&self) -> Option<Key> {
        let used = self.used.borrow().last().copied();
        let fresh = self.fresh.get();
        used.or_else(|| ((fresh as usize) < Key::SLOTS_MAX).then(|| Key::new(self.shard, fresh, 1)))
    }

    /// `None` if every slot that a key can name is taken.
    pub(super) fn take(&self) -> Option<Key> {
        let used = self.used.borrow_mut().pop();
        if used.is_some() {
            return used;
        }
        let key = self.peek()?;
        self.fresh.set(key.slot() + 1);
        Some(key)
    }
}

struct Entry<T> {
    generation: u32,
    value: Option<T>,
}

/// Values of one shard, by [`Key`]: insert, look up and remove in constant time.
///
/// **Invariant:** a key is good from its insertion to its removal, and never
/// again: a slot's generation rises with each tenant, and a slot that has used
/// its last generation up is retired.
pub(super) struct Table<T> {
    entries: Vec<Entry<T>>,
    keys: Rc<Keys>,
    len: usize,
}

impl<T> Table<T> {
    pub(super) fn new(shard: ShardId) -> Self {
        let keys = Keys { shard, used: RefCell::default(), fresh: Cell::new(0) };
        Self { entries: Vec::new(), keys: Rc::new(keys), len: 0 }
    }

    /// The keys that nobody has.
    pub(super) fn keys_left(&self) -> Rc<Keys> {
        self.keys.clone()
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_full(&self) -> bool {
        self.keys.peek().is_none()
    }

    /// The key that the next value will have.
    pub(super) fn next_key(&self) -> Option<Key> {
        self.keys.peek()
    }

    /// `None` if every slot that a key can name is taken.
    pub(super) fn insert(&mut self, value: T) -> Option<Key> {
        let key = self.keys.take()?;
        self.put(key, value);
        Some(key)
    }

    /// Puts a value where its key says, which was taken before.
    pub(super) fn put(&mut self, key: Key, value: T) {
        let slot = key.slot() as usize;
        while self.entries.len() <= slot {
            self.entries.push(Entry { generation: 1, value: None });
        }
        let entry = &mut self.entries[slot];
        debug_assert!(entry.generation == key.generation() && entry.value.is_none());
        entry.value = Some(value);
        self.len += 1;
    }

    pub(super) fn get(&self, key: Key) -> Option<&T> {
        debug_assert_eq!(key.shard(), self.keys.shard);
        let entry = self.entries.get(key.slot() as usize)?;
        if entry.generation == key.generation() { entry.value.as_ref() } else { None }
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        debug_assert_eq!(key.shard(), self.keys.shard);
        let entry = self.entries.get_mut(key.slot() as usize)?;
        if entry.generation == key.generation() { entry.value.as_mut() } else { None }
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        let entry = self.entries.get_mut(key.slot() as usize)?;
        if entry.generation != key.generation() {
            return None;
        }
        let value = entry.value.take()?;
        self.len -= 1;
        if entry.generation < Key::GENERATION_MAX {
            if !mutant!("table.keep_generation") {
                entry.generation += 1;
            }
            let next = Key::new(key.shard(), key.slot(), entry.generation);
            self.keys.used.borrow_mut().push(next);
        }
        Some(value)
    }

    /// Had this slot a tenant, ever?
    pub(super) fn knows_slot(&self, key: Key) -> bool {
        self.entries
            .get(key.slot() as usize)
            .is_some_and(|entry| key.generation() < entry.generation || entry.value.is_some())
    }

    pub(super) fn keys(&self) -> Vec<Key> {
        let key = |(slot, entry): (usize, &Entry<T>)| {
            entry.value.as_ref().map(|_| Key::new(self.keys.shard, slot as u32, entry.generation))
        };
        self.entries.iter().enumerate().filter_map(key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_good_until_its_removal_and_never_again() {
        let mut table = Table::new(ShardId(3));
        let mut stale = Vec::new();
        for round in 0..1_000 {
            let next = table.next_key();
            let key = table.insert(round).unwrap();
            assert_eq!(next, Some(key));
            assert_eq!(key.slot(), 0, "the slot is used again");
            assert_eq!(table.get(key), Some(&round));
            assert_eq!(table.remove(key), Some(round));
            stale.push(key);
        }
        let tenant = table.insert(-1).unwrap();
        for key in stale {
            assert_eq!(table.get(key), None);
            assert_eq!(table.remove(key), None);
            assert!(table.knows_slot(key));
        }
        assert_eq!(table.len(), 1);
        assert_eq!(table.get(tenant), Some(&-1));
        assert!(!table.knows_slot(Key::new(ShardId(3), 1, 1)), "never used");
    }

    #[test]
    fn a_key_may_be_taken_before_its_value_is_there() {
        let mut table = Table::new(ShardId(0));
        let gone = table.insert(0).unwrap();
        table.remove(gone);
        let keys = table.keys_left();
        let (used, fresh) = (keys.take().unwrap(), keys.take().unwrap());
        assert_eq!((used.slot(), used.generation(), fresh.slot()), (0, 2, 1));
        let other = table.insert(7).unwrap();
        assert_eq!(other.slot(), 2);
        assert_eq!((table.get(used), table.get(fresh), table.len()), (None, None, 1));
        table.put(fresh, 9);
        table.put(used, 8);
        assert_eq!((table.get(used), table.get(fresh), table.get(gone)), (Some(&8), Some(&9), None));
        assert_eq!((table.get(other), table.len()), (Some(&7), 3));
    }

    #[test]
    fn a_slot_out_of_generations_is_retired() {
        let mut table = Table::new(ShardId(0));
        let first = table.insert(()).unwrap();
        table.entries[0].generation = Key::GENERATION_MAX;
        let last = Key::new(ShardId(0), 0, Key::GENERATION_MAX);
        assert_eq!(table.get(first), None);
        assert_eq!(table.remove(last), Some(()));
        assert_eq!(table.get(last), None);
        assert_eq!(table.insert(()).unwrap().slot(), 1);
    }
}
