//! Which places are full, as one thread says and others look up.
//!
//! It is a hint and orders nothing: who sees a place as free may find it full the
//! moment after, and the other way round.
//!
//! ```text
//!   chunk 0 ──► ┌────────────────────────┐
//!   chunk 1     │ a bit for each of 2^16 │   made when the first of its places
//!   …           │ places                 │   is full
//!               └────────────────────────┘
//! ```

use std::sync::OnceLock;

use super::primitive::{AtomicU64, atomic::Ordering::Relaxed};

const CHUNK_BITS: u32 = 16;
const CHUNK_WORDS: usize = 1 << (CHUNK_BITS - 6);

/// A bit for each of some places: is it full?
pub struct Rooms {
    chunks: Box<[OnceLock<Box<[AtomicU64]>>]>,
}

impl Rooms {
    /// So many places, all with room.
    pub fn new(places_max: usize) -> Self {
        let chunks = places_max.div_ceil(1 << CHUNK_BITS);
        Self { chunks: (0..chunks).map(|_| OnceLock::new()).collect() }
    }

    /// Is this place full? One that there is not is not.
    pub fn is_full(&self, place: u32) -> bool {
        let Some(words) = self.chunks.get((place >> CHUNK_BITS) as usize).and_then(OnceLock::get) else {
            return false;
        };
        let bit = place & ((1 << CHUNK_BITS) - 1);
        words[(bit >> 6) as usize].load(Relaxed) & 1 << (bit & 63) != 0
    }

    /// Says whether a place is full; by one thread.
    pub fn set_full(&self, place: u32, full: bool) {
        let Some(chunk) = self.chunks.get((place >> CHUNK_BITS) as usize) else { return };
        let words = chunk.get_or_init(|| (0..CHUNK_WORDS).map(|_| AtomicU64::new(0)).collect());
        let bit = place & ((1 << CHUNK_BITS) - 1);
        let (word, mask) = (&words[(bit >> 6) as usize], 1 << (bit & 63));
        if full {
            word.fetch_or(mask, Relaxed);
        } else {
            word.fetch_and(!mask, Relaxed);
        }
    }
}

impl std::fmt::Debug for Rooms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rooms").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn each_place_has_a_bit_of_its_own() {
        let rooms = Rooms::new(1 << 20);
        let places = [0, 1, 63, 64, 65_535, 65_536, 1_000_000, (1 << 20) - 1];
        for &place in &places {
            assert!(!rooms.is_full(place));
            rooms.set_full(place, true);
            assert!(rooms.is_full(place));
        }
        assert!(!rooms.is_full(2) && !rooms.is_full(1 << 20));
        for &place in &places {
            rooms.set_full(place, false);
            assert!(!rooms.is_full(place));
        }
        rooms.set_full(1 << 20, true);
        assert!(!rooms.is_full(1 << 20), "there is no such place");
    }
}
