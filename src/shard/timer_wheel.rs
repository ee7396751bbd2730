//! A hierarchical timer wheel: insert and cancel in constant time, millions
//! pending, and nothing to do in turns in which nothing is due.
//!
//! Time is cut into ticks of 2^20 ns (1.05 ms). A timer that is due in the same
//! block of 64 ticks as now stands in level 0, at its tick; one in the same block
//! of 64 blocks in level 1, at its block; and so on: its level is the highest
//! 6-bit digit in which its tick differs from now. When time enters a slot of a
//! higher level, the timers of that slot move down.
//!
//! ```text
//!  level 2   │ 64 × 4096 ticks │…      tick  =  0b … 000010 | 000111 | 101010
//!  level 1   │ 64 × 64 ticks │…                     level 2   level 1  level 0
//!  level 0   │ 64 × 1 tick │
//! ```
//!
//! **Invariant:** never early, late by at most a tick plus the turn's own delay:
//! due times are rounded up to a tick, the present is rounded down.

const TICK_BITS: u32 = 20;
/// The length of a tick, in ns.
pub const TICK_NS: u64 = 1 << TICK_BITS;
const DIGIT_BITS: u32 = 6;
const SLOTS: usize = 1 << DIGIT_BITS;
/// Ticks have 44 bits: 8 digits hold them all.
const LEVELS: usize = 8;
const NOBODY: u32 = u32::MAX;

/// A pending timer. Good until it fires or is cancelled; stale afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimerKey {
    index: u32,
    generation: u32,
}

struct Entry<T> {
    due_tick: u64,
    previous: u32,
    next: u32,
    level: u8,
    slot: u8,
    generation: u32,
    value: Option<T>,
}

#[derive(Clone, Copy)]
struct List {
    head: u32,
    tail: u32,
}

impl List {
    const EMPTY: Self = Self { head: NOBODY, tail: NOBODY };
}

/// The timers of one shard.
pub struct TimerWheel<T> {
    now_tick: u64,
    lists: [[List; SLOTS]; LEVELS],
    occupied: [u64; LEVELS],
    entries: Vec<Entry<T>>,
    free: u32,
    pending: usize,
}

impl<T> TimerWheel<T> {
    /// An empty wheel, at this time.
    pub fn new(now_ns: u64) -> Self {
        Self {
            now_tick: now_ns >> TICK_BITS,
            lists: [[List::EMPTY; SLOTS]; LEVELS],
            occupied: [0; LEVELS],
            entries: Vec::new(),
            free: NOBODY,
            pending: 0,
        }
    }

    /// How many timers are pending.
    pub fn len(&self) -> usize {
        self.pending
    }

    /// Is none pending?
    pub fn is_empty(&self) -> bool {
        self.pending == 0
    }

    /// Adds a timer. One that is due already fires at the next tick.
    pub fn insert(&mut self, due_at_ns: u64, value: T) -> TimerKey {
        let due_tick = due_at_ns.div_ceil(TICK_NS).max(self.now_tick + 1);
        let index = if self.free == NOBODY {
            let index = u32::try_from(self.entries.len()).expect("fewer than 2^32 timers");
            assert!(index != NOBODY, "fewer than 2^32 - 1 timers");
            self.entries.push(Entry {
                due_tick,
                previous: NOBODY,
                next: NOBODY,
                level: 0,
                slot: 0,
                generation: 0,
                value: Some(value),
            });
            index
        } else {
            let index = self.free;
            let entry = &mut self.entries[index as usize];
            self.free = entry.next;
            entry.due_tick = due_tick;
            entry.value = Some(value);
            index
        };
        self.pending += 1;
        self.link(index);
        TimerKey { index, generation: self.entries[index as usize].generation }
    }

    /// Takes a timer out, if it is still pending.
    pub fn cancel(&mut self, key: TimerKey) -> Option<T> {
        let entry = self.entries.get(key.index as usize)?;
        if entry.generation != key.generation || entry.value.is_none() {
            return None;
        }
        self.unlink(key.index);
        Some(self.release(key.index))
    }

    /// Moves time on, and the timers that are now due into `due`, in the order of
    /// their ticks and, in one tick, of their insertion.
    pub fn advance(&mut self, now_ns: u64, due: &mut Vec<T>) {
        let target = now_ns >> TICK_BITS;
        if target <= self.now_tick {
            return;
        }
        while let Some((level, slot, tick)) = self.next_slot() {
            if tick > target {
                break;
            }
            self.now_tick = tick;
            self.occupied[level] &= !(1 << slot);
            let mut index = std::mem::replace(&mut self.lists[level][slot], List::EMPTY).head;
            while index != NOBODY {
                let next = self.entries[index as usize].next;
                if self.entries[index as usize].due_tick <= tick {
                    due.push(self.release(index));
                } else {
                    self.link(index);
                }
                index = next;
            }
        }
        self.now_tick = target;
    }

    /// When to look next, in ns: no timer is due before, and none is missed by
    /// waiting until then.
    pub fn next_due_ns(&self) -> Option<u64> {
        self.next_slot().map(|(_, _, tick)| tick << TICK_BITS)
    }

    /// The first slot with a timer, and the tick at which it begins. Lower levels
    /// come first, and in a level no slot before now's is occupied.
    fn next_slot(&self) -> Option<(usize, usize, u64)> {
        let level = self.occupied.iter().position(|&bits| bits != 0)?;
        let slot = self.occupied[level].trailing_zeros() as usize;
        let shift = DIGIT_BITS * level as u32;
        let block = self.now_tick >> (shift + DIGIT_BITS) << (shift + DIGIT_BITS);
        Some((level, slot, block | (slot as u64) << shift))
    }

    fn link(&mut self, index: u32) {
        let due_tick = self.entries[index as usize].due_tick;
        debug_assert!(due_tick > self.now_tick);
        let highest_bit = 63 - (due_tick ^ self.now_tick).leading_zeros();
        let level = (highest_bit / DIGIT_BITS) as usize;
        let slot = (due_tick >> (DIGIT_BITS * level as u32)) as usize & (SLOTS - 1);
        let list = &mut self.lists[level][slot];
        let previous = std::mem::replace(&mut list.tail, index);
        if previous == NOBODY {
            list.head = index;
            self.occupied[level] |= 1 << slot;
        } else {
            self.entries[previous as usize].next = index;
        }
        let entry = &mut self.entries[index as usize];
        (entry.previous, entry.next) = (previous, NOBODY);
        (entry.level, entry.slot) = (level as u8, slot as u8);
    }

    fn unlink(&mut self, index: u32) {
        let Entry { previous, next, level, slot, .. } = self.entries[index as usize];
        let (level, slot) = (usize::from(level), usize::from(slot));
        match previous {
            NOBODY => self.lists[level][slot].head = next,
            _ => self.entries[previous as usize].next = next,
        }
        match next {
            NOBODY => self.lists[level][slot].tail = previous,
            _ => self.entries[next as usize].previous = previous,
        }
        if self.lists[level][slot].head == NOBODY {
            self.occupied[level] &= !(1 << slot);
        }
    }

    fn release(&mut self, index: u32) -> T {
        let entry = &mut self.entries[index as usize];
        entry.generation = entry.generation.wrapping_add(1);
        entry.next = self.free;
        self.free = index;
        self.pending -= 1;
        entry.value.take().expect("a linked timer has a value")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn random(state: &mut u64) -> u64 {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state
    }

    /// Against a sorted map: what fires, when, and in which order of ticks.
    #[test]
    fn it_fires_what_a_sorted_map_would_and_never_early() {
        for seed in 1..40_u64 {
            let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut now = random(&mut state) % (1 << 40);
            let mut wheel = TimerWheel::new(now);
            let mut oracle: BTreeMap<u64, (u64, TimerKey)> = BTreeMap::new();
            let mut due = Vec::new();
            for number in 0..2_000_u64 {
                match random(&mut state) % 10 {
                    0..=5 => {
                        let delay = random(&mut state) % (1 << (random(&mut state) % 40));
                        let key = wheel.insert(now + delay, number);
                        oracle.insert(number, (now + delay, key));
                    }
                    6 => {
                        if let Some((&number, &(_, key))) = oracle.iter().next() {
                            assert_eq!(wheel.cancel(key), Some(number));
                            assert_eq!(wheel.cancel(key), None, "a key is good once");
                            oracle.remove(&number);
                        }
                    }
                    _ => {
                        if let Some(next) = wheel.next_due_ns() {
                            let first = oracle.values().map(|&(at, _)| at).min().unwrap();
                            assert!(next <= first.max(now) + 2 * TICK_NS, "a timer would be missed");
                        }
                        now += random(&mut state) % (1 << (random(&mut state) % 38));
                        wheel.advance(now, &mut due);
                        for number in due.drain(..) {
                            let (at, _) = oracle.remove(&number).expect("it fires once");
                            assert!(at <= now, "early: {at} at {now}");
                        }
                        let late = oracle.values().filter(|&&(at, _)| at + 2 * TICK_NS <= now).count();
                        assert_eq!(late, 0, "some are still pending");
                    }
                }
                assert_eq!(wheel.len(), oracle.len());
            }
        }
    }

    #[test]
    fn one_tick_keeps_the_order_of_insertion() {
        let mut wheel = TimerWheel::new(0);
        let far = 5_000 * TICK_NS;
        for number in 0..100 {
            wheel.insert(far, number);
        }
        let mut due = Vec::new();
        wheel.advance(far - 1, &mut due);
        assert!(due.is_empty());
        wheel.advance(far, &mut due);
        assert_eq!(due, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn the_far_end_of_time_is_no_special_case() {
        let mut wheel = TimerWheel::new(3);
        let key = wheel.insert(u64::MAX, "never");
        let mut due = Vec::new();
        wheel.advance(u64::MAX - TICK_NS, &mut due);
        assert!(due.is_empty());
        assert_eq!(wheel.cancel(key), Some("never"));
    }
}
