//! A table whose keys never come back.

use crate::actor::{Key, ShardId};
use crate::sync::mutant;

const NOBODY: u32 = u32::MAX;

struct Entry<T> {
    generation: u32,
    next_free: u32,
    value: Option<T>,
}

/// Values of one shard, by [`Key`]: insert, look up and remove in constant time.
///
/// **Invariant:** a key is good from its insertion to its removal, and never
/// again: a slot's generation rises with each tenant, and a slot that has used
/// its last generation up is retired.
pub(super) struct Table<T> {
    shard: ShardId,
    entries: Vec<Entry<T>>,
    free: u32,
    len: usize,
}

impl<T> Table<T> {
    pub(super) fn new(shard: ShardId) -> Self {
        Self { shard, entries: Vec::new(), free: NOBODY, len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_full(&self) -> bool {
        self.free == NOBODY && self.entries.len() == Key::SLOTS_MAX
    }

    /// The key that the next value will have.
    pub(super) fn next_key(&self) -> Option<Key> {
        if self.free != NOBODY {
            return Some(Key::new(self.shard, self.free, self.entries[self.free as usize].generation));
        }
        let slot = self.entries.len();
        (slot < Key::SLOTS_MAX).then(|| Key::new(self.shard, slot as u32, 1))
    }

    /// `None` if every slot that a key can name is taken.
    pub(super) fn insert(&mut self, value: T) -> Option<Key> {
        let slot = if self.free == NOBODY {
            if self.entries.len() == Key::SLOTS_MAX {
                return None;
            }
            self.entries.push(Entry { generation: 1, next_free: NOBODY, value: Some(value) });
            self.entries.len() as u32 - 1
        } else {
            let slot = self.free;
            let entry = &mut self.entries[slot as usize];
            self.free = entry.next_free;
            entry.value = Some(value);
            slot
        };
        self.len += 1;
        Some(Key::new(self.shard, slot, self.entries[slot as usize].generation))
    }

    pub(super) fn get(&self, key: Key) -> Option<&T> {
        debug_assert_eq!(key.shard(), self.shard);
        let entry = self.entries.get(key.slot() as usize)?;
        if entry.generation == key.generation() { entry.value.as_ref() } else { None }
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        debug_assert_eq!(key.shard(), self.shard);
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
            entry.next_free = self.free;
            self.free = key.slot();
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
            entry.value.as_ref().map(|_| Key::new(self.shard, slot as u32, entry.generation))
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
