//! The account of every message.

use std::iter::Sum;
use std::ops::Add;

use crate::actor::DeadReason;

/// Where the messages went. It closes if
///
/// ```text
/// accepted = handled + failed + dead + resident
/// ```
///
/// Each term is counted where it happens, and `resident` by looking into the
/// rings and mailboxes, so that closing is a finding and not a definition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Messages that were taken, from actors and from outside.
    pub accepted: u64,
    /// Messages that an actor handled.
    pub handled: u64,
    /// Messages that an actor ended on.
    pub failed: u64,
    /// Messages that nobody handled, by the number of the [`DeadReason`].
    pub dead_by_reason: [u64; DeadReason::COUNT],
    /// Messages in a ring, an outbox or a mailbox.
    pub resident: u64,
    /// Messages that were refused at send. They were never accepted.
    pub refused: u64,
}

impl Ledger {
    /// Messages that nobody handled.
    pub fn dead(&self) -> u64 {
        self.dead_by_reason.iter().sum()
    }

    /// Messages whose story has ended.
    pub fn settled(&self) -> u64 {
        self.handled + self.failed + self.dead()
    }

    /// Is every message accounted for?
    pub fn closes(&self) -> bool {
        self.accepted == self.settled() + self.resident
    }
}

impl Add for Ledger {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self.accepted += other.accepted;
        self.handled += other.handled;
        self.failed += other.failed;
        self.resident += other.resident;
        self.refused += other.refused;
        for (mine, theirs) in self.dead_by_reason.iter_mut().zip(other.dead_by_reason) {
            *mine += theirs;
        }
        self
    }
}

impl Sum for Ledger {
    fn sum<I: Iterator<Item = Self>>(ledgers: I) -> Self {
        ledgers.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_too_many_or_too_few_keeps_it_open() {
        let mut ledger = Ledger { accepted: 10, handled: 6, failed: 1, resident: 1, ..Ledger::default() };
        ledger.dead_by_reason[DeadReason::Expired as usize] = 2;
        assert!(ledger.closes());
        assert!(!Ledger { accepted: 11, ..ledger }.closes());
        assert!(!Ledger { handled: 7, ..ledger }.closes());
        assert!((ledger + ledger).closes());
        assert_eq!((ledger + ledger).dead(), 4);
    }
}
