//! Credits: a sender may send what its receiver has room for, and no more.
//!
//! ```text
//!   initial + granted − spent = what may be sent now, never below 0
//!
//!   sender (Purse)                          receiver (Granter)
//!   ──────────────                          ──────────────────
//!   spend: granted.load Acquire (C2) ◄───── give_back: granted.store Release (C1)
//!            when its copy is used up         of the sum of all that was returned
//!          spent += n                       drop: the same word with CLOSED set
//!   the message itself ─── some ring ────►  take_in: held += n
//!
//!   granted: ┌────────┬──────────────────────────────┐
//!            │ CLOSED │ credits returned since birth │  one writer: no credit is
//!            └────────┴──────────────────────────────┘  returned twice or lost
//! ```
//!
//! The count only ever grows, so an update that overtakes another loses nothing.
//! A receiver that is gone frees its sender: [`SpendError::Closed`].

use super::mutation::{mutant, ord};
use super::primitive::{Arc, AtomicU64, CachePadded};

const CLOSED: u64 = 1 << 63;

/// Why credits were not spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpendError {
    /// Too few are left now.
    #[error("out of credits")]
    Short,
    /// The receiver is gone; waiting is pointless.
    #[error("the receiver is gone")]
    Closed,
}

/// Makes the two ends of an account that holds `initial` credits.
pub fn credits(initial: u64) -> (Purse, Granter) {
    let granted = Arc::new(CachePadded(AtomicU64::new(0)));
    let purse = Purse { granted: granted.clone(), initial, granted_seen: 0, spent: 0 };
    let granter = Granter { granted, held: 0, returned: 0 };
    (purse, granter)
}

/// The sender's end.
#[derive(Debug)]
pub struct Purse {
    granted: Arc<CachePadded<AtomicU64>>,
    initial: u64,
    /// A copy of the shared word, perhaps old.
    granted_seen: u64,
    spent: u64,
}

impl Purse {
    /// Spends `n` credits.
    ///
    /// # Errors
    /// [`SpendError`]; then nothing was spent.
    pub fn spend(&mut self, n: u64) -> Result<(), SpendError> {
        if self.balance_seen() < n || self.granted_seen & CLOSED != 0 {
            self.refresh();
        }
        if self.granted_seen & CLOSED != 0 {
            return Err(SpendError::Closed);
        }
        if self.balance_seen() < n && !mutant!("credit.overdraw") {
            return Err(SpendError::Short);
        }
        self.spent += n;
        Ok(())
    }

    /// What may be spent now. There may be more the moment after, never less.
    pub fn balance(&mut self) -> u64 {
        self.refresh();
        self.balance_seen()
    }

    /// Whether the receiver is gone.
    pub fn is_closed(&mut self) -> bool {
        self.refresh();
        self.granted_seen & CLOSED != 0
    }

    fn balance_seen(&self) -> u64 {
        (self.initial + (self.granted_seen & !CLOSED)).saturating_sub(self.spent)
    }

    fn refresh(&mut self) {
        // Acquire (C2): what the receiver did with the credits (freed the room)
        // is visible before they are spent again. Pairs with the Release (C1)
        // in `Granter::publish`.
        self.granted_seen = self.granted.load(ord!("credit.refresh", Acquire));
    }
}

/// The receiver's end. Dropped, it frees the sender.
#[derive(Debug)]
pub struct Granter {
    granted: Arc<CachePadded<AtomicU64>>,
    /// Credits that came with messages and were not given back yet.
    held: u64,
    /// Credits given back since birth: the shared word without its flag.
    returned: u64,
}

impl Granter {
    /// Notes that `n` credits came in with what was received.
    pub fn take_in(&mut self, n: u64) {
        self.held += n;
    }

    /// Gives `n` of the credits held back to the sender, each once.
    ///
    /// # Panics
    /// If fewer are held: they would be given back twice, a bug of the caller.
    #[track_caller]
    pub fn give_back(&mut self, n: u64) {
        assert!(n <= self.held, "a credit is given back once");
        self.held -= n;
        self.returned += n;
        if mutant!("credit.grant_twice") {
            self.returned += n;
        }
        self.publish(0);
    }

    /// Credits that are held now.
    pub fn held(&self) -> u64 {
        self.held
    }

    fn publish(&self, flag: u64) {
        // Release (C1): what freed the room stands before the credit. Pairs
        // with the Acquire (C2) in `Purse::refresh`.
        let order = ord!("credit.publish", Release);
        self.granted.store(self.returned | flag, order);
    }
}

impl Drop for Granter {
    fn drop(&mut self) {
        if mutant!("credit.die_silently") {
            return;
        }
        self.publish(CLOSED);
    }
}
