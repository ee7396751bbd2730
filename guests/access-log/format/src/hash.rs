//! FNV-1a, 64 bits: short keys, no seed, the same in every actor.

use std::hash::{BuildHasherDefault, Hasher};

/// For maps keyed by paths.
pub type PathHasher = BuildHasherDefault<Fnv>;

/// Which of `count` aggregators owns a key.
///
/// Takes the upper half of the hash: maps on a 32-bit target use the lower one,
/// and keys that agree in it would crowd into the same buckets.
pub fn owner(key: &[u8], count: usize) -> usize {
    let mut hasher = Fnv::default();
    hasher.write(key);
    (hasher.finish() >> 32) as usize % count
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
        let mut owned = [0; 4];
        for key in 0..10_000 {
            owned[owner(format!("/path/{key}").as_bytes(), 4)] += 1;
        }
        assert!(owned.iter().all(|count| (2_000..3_000).contains(count)), "{owned:?}");
    }
}
