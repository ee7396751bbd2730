//! Addresses.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

/// The index of a shard, from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ShardId(pub u16);

impl ShardId {
    /// The shard's place in per-shard tables.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A place in one shard's table, good for one tenant only.
///
/// ```text
///  63      52 51                 26 25                  0
/// ┌──────────┬─────────────────────┬─────────────────────┐
/// │ shard 12 │ slot 26             │ generation 26, ≥ 1  │
/// └──────────┴─────────────────────┴─────────────────────┘
/// ```
///
/// A slot whose generations are used up is retired, so a key never comes back.
/// Generations start at 1: a key is never 0, and 0 is free to mean "nobody".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(NonZeroU64);

impl Key {
    const GENERATION_BITS: u32 = 26;
    const SLOT_BITS: u32 = 26;
    /// The most shards that an address can name.
    pub const SHARDS_MAX: usize = 1 << (64 - Self::GENERATION_BITS - Self::SLOT_BITS);
    /// The most slots of one shard that an address can name.
    pub const SLOTS_MAX: usize = 1 << Self::SLOT_BITS;
    /// The last generation of a slot.
    pub const GENERATION_MAX: u32 = (1 << Self::GENERATION_BITS) - 1;

    /// Packs a key.
    ///
    /// # Panics
    /// If a part is out of range, or the generation is 0: a bug of the caller.
    #[track_caller]
    pub fn new(shard: ShardId, slot: u32, generation: u32) -> Self {
        assert!(shard.index() < Self::SHARDS_MAX, "shard out of range");
        assert!((slot as usize) < Self::SLOTS_MAX, "slot out of range");
        assert!(generation <= Self::GENERATION_MAX, "generation out of range");
        let bits = (u64::from(shard.0) << (Self::GENERATION_BITS + Self::SLOT_BITS))
            | (u64::from(slot) << Self::GENERATION_BITS)
            | u64::from(generation);
        assert!(generation != 0, "generations start at 1");
        Self(NonZeroU64::new(bits).expect("a generation is never 0"))
    }

    /// Unpacks a key that travelled as bits, if it could be one.
    pub fn from_bits(bits: u64) -> Option<Self> {
        let key = Self(NonZeroU64::new(bits)?);
        (key.generation() != 0).then_some(key)
    }

    /// The key as it travels.
    pub fn to_bits(self) -> u64 {
        self.0.get()
    }

    /// The shard.
    pub fn shard(self) -> ShardId {
        ShardId((self.0.get() >> (Self::GENERATION_BITS + Self::SLOT_BITS)) as u16)
    }

    /// The slot in that shard's table.
    pub fn slot(self) -> u32 {
        ((self.0.get() >> Self::GENERATION_BITS) & ((1 << Self::SLOT_BITS) - 1)) as u32
    }

    /// Which tenant of that slot.
    pub fn generation(self) -> u32 {
        (self.0.get() & u64::from(Self::GENERATION_MAX)) as u32
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.shard(), self.slot(), self.generation())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address: expected SHARD.SLOT.GENERATION")]
pub struct ParseKeyError(String);

impl FromStr for Key {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let mut parts = text.splitn(3, '.');
            let shard: u16 = parts.next()?.parse().ok()?;
            let slot: u32 = parts.next()?.parse().ok()?;
            let generation: u32 = parts.next()?.parse().ok()?;
            let in_range = usize::from(shard) < Self::SHARDS_MAX
                && (slot as usize) < Self::SLOTS_MAX
                && (1..=Self::GENERATION_MAX).contains(&generation);
            in_range.then(|| Self::new(ShardId(shard), slot, generation))
        };
        parse().ok_or_else(|| ParseKeyError(text.to_owned()))
    }
}

/// The address of an actor. It outlives restarts; a stale one is an error, never
/// somebody else's actor.
pub type ActorId = Key;

/// The place of one outstanding request, on the shard that waits for its outcome.
pub type RequestId = Key;

/// Something that is to be sent later, once or again and again.
pub type TimerId = Key;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_survive_packing_at_their_limits() {
        for shard in [0, 1, Key::SHARDS_MAX as u16 - 1] {
            for slot in [0, 1, Key::SLOTS_MAX as u32 - 1] {
                for generation in [1, 2, Key::GENERATION_MAX] {
                    let key = Key::new(ShardId(shard), slot, generation);
                    assert_eq!(key.shard(), ShardId(shard));
                    assert_eq!(key.slot(), slot);
                    assert_eq!(key.generation(), generation);
                    assert_eq!(Key::from_bits(key.to_bits()), Some(key));
                    assert_eq!(key.to_string().parse(), Ok(key));
                }
            }
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert_eq!(Key::from_bits(0), None);
        assert_eq!(Key::from_bits(7 << Key::GENERATION_BITS), None, "generation 0");
        for text in ["", "1", "1.2", "1.2.0", "1.2.3.4", "4096.0.1", "0.67108864.1", "a.b.c", "-1.0.1"] {
            assert!(text.parse::<Key>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_optional_key_costs_nothing() {
        assert_eq!(size_of::<Option<Key>>(), 8);
    }
}
