//! The part of the loop that both drivers share: turn, look around, arm.

use std::hint::spin_loop;
use std::time::{Duration, Instant};

use super::{Drive, Next};

/// Looks at the rings between two looks at the clock, which costs 25 ns.
const LOOKS_PER_CLOCK: u32 = 8;

/// What an idle shard does before it sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdlePolicy {
    /// How long an idle shard keeps looking at its rings (`park_spin_us`).
    ///
    /// A message to a spinning shard takes well under 1 µs, one to a sleeping
    /// shard tens of µs; the price is a busy core meanwhile. Where shards
    /// share cores, spinning only takes time from whoever has work.
    pub spin: Duration,
}

impl IdlePolicy {
    /// The default of `park_spin_us`: about the price of one sleep and wake.
    pub const SPIN_DEFAULT: Duration = Duration::from_micros(50);

    /// Sleeps at once: for shards that share their core with others.
    pub const EAGER: Self = Self { spin: Duration::ZERO };
}

impl Default for IdlePolicy {
    fn default() -> Self {
        Self { spin: Self::SPIN_DEFAULT }
    }
}

/// What the driver does after a [`Pace::step`].
pub(super) enum Step {
    Again,
    /// The doorbell is armed: sleep until it rings or until the time given,
    /// then call [`Pace::woken`].
    Sleep(Option<Instant>),
    Stop,
}

/// A shard and the pace at which it is driven.
pub(super) struct Pace<D> {
    drive: D,
    idle: IdlePolicy,
}

impl<D: Drive> Pace<D> {
    pub(super) fn new(drive: D, idle: IdlePolicy) -> Self {
        Self { drive, idle }
    }

    /// One turn and, if that found nothing, looking around for a while.
    pub(super) fn step(&mut self) -> Step {
        match self.drive.turn() {
            Next::Again => Step::Again,
            Next::Idle { wake_at } => self.rest(wake_at),
            Next::Stop => Step::Stop,
        }
    }

    /// To be called after every [`Step::Sleep`], whatever ended it.
    pub(super) fn woken(&mut self) {
        self.drive.doorbell().disarm();
    }

    fn rest(&mut self, wake_at: Option<Instant>) -> Step {
        if self.finds_work_spinning(wake_at) {
            return Step::Again;
        }
        // Armed first, looked afterwards: whoever pushes after this look finds
        // the bell armed and rings it.
        self.drive.doorbell().arm();
        if self.drive.has_work() {
            self.drive.doorbell().disarm();
            return Step::Again;
        }
        Step::Sleep(wake_at)
    }

    fn finds_work_spinning(&mut self, wake_at: Option<Instant>) -> bool {
        if self.idle.spin.is_zero() {
            return wake_at.is_some_and(|at| at <= Instant::now());
        }
        // The first looks come before the clock: an answer is often followed by the next
        // question, and finds us here.
        let mut spin_until = None;
        loop {
            for _ in 0..LOOKS_PER_CLOCK {
                if self.drive.has_work() {
                    return true;
                }
                spin_loop();
            }
            let now = Instant::now();
            if wake_at.is_some_and(|at| at <= now) {
                return true;
            }
            if now >= *spin_until.get_or_insert(now + self.idle.spin) {
                return false;
            }
        }
    }
}
