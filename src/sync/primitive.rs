//! The one place that knows whether the world is real or a model.
//!
//! ```text
//!                  cfg(not(loom))          cfg(loom)
//!   atomics        core::sync::atomic      loom::sync::atomic
//!   UnsafeCell     a transparent wrapper   loom's, which finds races
//!   Arc, thread    std                     loom's, which finds leaks
//!   model(f)       run f many times        run f once per interleaving
//! ```
//!
//! Everything in `sync` is built on these names alone, so that what loom checks
//! is the code that ships.

#[cfg(not(loom))]
pub use self::real::*;

#[cfg(loom)]
pub use self::modelled::*;

#[cfg(not(loom))]
mod real {
    pub use std::sync::Arc;
    pub use std::sync::atomic::{self, AtomicBool, AtomicU64, AtomicUsize, fence};
    pub use std::thread;

    /// A cell whose accesses loom can watch; here it is free.
    #[derive(Debug)]
    #[repr(transparent)]
    pub struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        /// Wraps a value.
        pub const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        /// Gives a pointer for reading.
        #[inline(always)]
        pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        /// Gives a pointer for writing.
        #[inline(always)]
        pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }

    /// Counts what must not leak; only loom counts for real.
    #[derive(Debug)]
    pub struct Track<T>(T);

    impl<T> Track<T> {
        /// Starts counting a value.
        pub fn new(value: T) -> Self {
            Self(value)
        }

        /// The value.
        pub fn get_ref(&self) -> &T {
            &self.0
        }

        /// The value, no longer counted.
        pub fn into_inner(self) -> T {
            self.0
        }
    }

    /// Lets another thread run: a waiter that cannot go on says so.
    pub fn yield_now() {
        thread::yield_now();
    }

    /// Whether a model takes the wrong turn of this name; never here.
    #[doc(hidden)]
    pub fn structural(_site: &'static str) -> bool {
        false
    }

    /// A model branches again from here; here it changes nothing.
    #[doc(hidden)]
    pub fn explore() {}

    /// A model does not branch from here to [`explore`]; here it changes nothing.
    #[doc(hidden)]
    pub fn stop_exploring() {}

    /// Runs a scenario often, on real threads: a stress test. Under `cfg(loom)`
    /// the same call tries every interleaving.
    ///
    /// `RADDLE_STRESS_RUNS` sets how often (default 200).
    pub fn model(name: &str, f: impl Fn() + Send + Sync + 'static) {
        let runs =
            std::env::var("RADDLE_STRESS_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(200_u64);
        for _ in 0..runs {
            f();
        }
        println!("{name}: {runs} stress runs on real threads");
    }
}

#[cfg(loom)]
mod modelled {
    pub use loom::alloc::Track;
    pub use loom::cell::UnsafeCell;
    pub use loom::sync::Arc;
    pub use loom::sync::atomic::{self, AtomicBool, AtomicU64, AtomicUsize, fence};
    pub use loom::thread::{self, yield_now};

    #[doc(hidden)]
    pub use crate::sync::mutation::driven::structural;
    #[doc(hidden)]
    pub use loom::{explore, stop_exploring};

    use std::sync::atomic::{AtomicU64 as RealU64, Ordering};
    use std::time::{Duration, Instant};

    fn setting(name: &str) -> Option<u64> {
        std::env::var(name).ok()?.parse().ok()
    }

    /// Runs a scenario once for every interleaving that loom tells apart.
    ///
    /// loom's own budgets (`LOOM_MAX_PERMUTATIONS`, `LOOM_MAX_DURATION`) end a
    /// model early and call that success, so they are switched off here. The
    /// budget of a model is `RADDLE_MODEL_SECONDS` (default 600); one that runs
    /// out of it has checked nothing, and panics.
    ///
    /// `LOOM_MAX_PREEMPTIONS` bounds the search; the line printed says so.
    ///
    /// # Panics
    /// If an interleaving breaks the scenario, or the budget runs out.
    pub fn model(name: &str, f: impl Fn() + Send + Sync + 'static) {
        static EXPLORED: RealU64 = RealU64::new(0);
        EXPLORED.store(0, Ordering::Relaxed);

        let mut builder = loom::model::Builder::new();
        builder.max_permutations = None;
        builder.max_duration = None;
        builder.max_branches = 10_000;
        let bound = builder.preemption_bound;

        let started = Instant::now();
        let budget = Duration::from_secs(setting("RADDLE_MODEL_SECONDS").unwrap_or(600));
        let label = name.to_owned();
        builder.check(move || {
            let explored = EXPLORED.fetch_add(1, Ordering::Relaxed);
            if explored % 256 == 0 && started.elapsed() > budget {
                panic!("{label}: out of budget after {explored} interleavings: nothing is proven");
            }
            f();
        });

        // loom returned and its budgets are off: the search is complete.
        let explored = EXPLORED.load(Ordering::Relaxed);
        let seconds = started.elapsed().as_secs_f64();
        let scope = match bound {
            Some(bound) => format!("at most {bound} preemptions"),
            None => "unbounded".to_owned(),
        };
        println!("{name}: {explored} interleavings ({scope}), completed in {seconds:.1} s");
    }
}

/// Keeps its content on cache lines of its own.
///
/// 128 bytes, since x86-64 fetches lines in pairs and some ARM cores have lines
/// of 128.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct CachePadded<T>(pub T);

impl<T> std::ops::Deref for CachePadded<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}
