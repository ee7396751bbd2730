//! FNV-1a, 64 bits: short keys, no seed, the same in every actor.

use std::hash::{BuildHasherDefault, Hasher};

/// For maps keyed by paths.
pub type PathHasher = BuildHasherDefault<Fnv>;

/// Which of `count` aggregators owns a key.
///
/// Stirs the hash once more. FNV leaves the upper bits of similar keys alike;
/// and the owner must not follow from the lower ones, since maps use these, and
/// an aggregator's keys would crowd into a part of its buckets.
pub fn owner(key: &[u8], count: usize) -> usize {
    let mut hasher = Fnv::default();
    hasher.write(key);
    let hash = hasher.finish();
    let stirred = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (stirred >> 32) as usize % count
}

/// The hash so far.
pub struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_fnv_1a() {
        let mut hasher = Fnv::default();
        hasher.write(b"foobar");
        assert_eq!(hasher.finish(), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn spreads_keys() {
        for count in 2..=8 {
            let mut owned = vec![0usize; count];
            for key in 0..10_000 {
                owned[owner(format!("/path/{key}").as_bytes(), count)] += 1;
            }
            let fair = 10_000 / count;
            assert!(
                owned.iter().all(|owned| owned.abs_diff(fair) < fair / 5),
                "{owned:?}"
            );
        }
    }
}
