//! A flag that is raised once and never lowered.
//!
//! ```text
//!   write the reason          is_raised()? (F2)
//!   raise() (F1)  ──────────► then the reason is visible
//! ```

use super::mutation::ord;
use super::primitive::AtomicBool;

/// Raised once, by anyone; seen by everyone, with what came before it.
#[derive(Debug, Default)]
pub struct Flag(AtomicBool);

impl Flag {
    /// A flag that is down.
    pub fn new() -> Self {
        Self::default()
    }

    /// Raises it; a second time changes nothing.
    pub fn raise(&self) {
        // Release (F1): what the caller did before is visible to whoever sees
        // the flag. Pairs with the Acquire (F2) in `is_raised`.
        self.0.store(true, ord!("flag.raise", Release));
    }

    /// Whether it is up.
    #[inline]
    pub fn is_raised(&self) -> bool {
        // Acquire (F2): pairs with the Release (F1) in `raise`.
        self.0.load(ord!("flag.is_raised", Acquire))
    }
}
