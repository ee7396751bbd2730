//! Named sites: every ordering and fence of `sync`, so that a driver can break
//! them one at a time and see whether a model notices.
//!
//! ```text
//!   ord!("ring.tail.publish", Release)     an ordering
//!   fence!("doorbell.ring", SeqCst)        a fence
//!   mutant!("inject.ring_before_push")     a wrong turn that the code never takes
//!        │
//!        ├─ normal build: `Ordering::Release`, `fence(SeqCst)`, `false`
//!        └─ cfg(loom):    asks `selected()`, so that one build serves all mutants
//! ```
//!
//! `RADDLE_MUTANT` selects: `ring.tail.publish=Relaxed`, `doorbell.ring=AcqRel`,
//! `doorbell.ring=none`, `inject.ring_before_push=on`. With
//! `RADDLE_MUTANT_TRACE=1` each site says once that it was reached.
//!
//! `Relaxed` needs no site: there is nothing weaker.

#[cfg(not(loom))]
macro_rules! ord {
    ($site:literal, $order:ident) => {
        $crate::sync::primitive::atomic::Ordering::$order
    };
}

#[cfg(loom)]
macro_rules! ord {
    ($site:literal, $order:ident) => {
        $crate::sync::mutation::driven::order($site, $crate::sync::primitive::atomic::Ordering::$order)
    };
}

#[cfg(not(loom))]
macro_rules! fence {
    ($site:literal, $order:ident) => {
        $crate::sync::primitive::fence($crate::sync::primitive::atomic::Ordering::$order)
    };
}

#[cfg(loom)]
macro_rules! fence {
    ($site:literal, $order:ident) => {
        $crate::sync::mutation::driven::fence($site, $crate::sync::primitive::atomic::Ordering::$order)
    };
}

#[cfg(not(loom))]
macro_rules! mutant {
    ($site:literal) => {
        false
    };
}

#[cfg(loom)]
macro_rules! mutant {
    ($site:literal) => {
        $crate::sync::primitive::structural($site)
    };
}

pub(crate) use {fence, mutant, ord};

#[cfg(loom)]
pub(crate) mod driven {
    use std::collections::BTreeSet;
    use std::sync::atomic::Ordering;
    use std::sync::{Mutex, OnceLock};

    /// The mutation of this process: a site and what becomes of it.
    fn selected() -> Option<(&'static str, &'static str)> {
        static SELECTED: OnceLock<Option<(String, String)>> = OnceLock::new();
        SELECTED
            .get_or_init(|| {
                let text = std::env::var("RADDLE_MUTANT").ok()?;
                let (site, weakened) = text.split_once('=')?;
                Some((site.to_owned(), weakened.to_owned()))
            })
            .as_ref()
            .map(|(site, weakened)| (site.as_str(), weakened.as_str()))
    }

    fn trace(site: &'static str) {
        static TRACED: OnceLock<Option<Mutex<BTreeSet<&'static str>>>> = OnceLock::new();
        let traced = TRACED
            .get_or_init(|| std::env::var_os("RADDLE_MUTANT_TRACE").map(|_| Mutex::new(BTreeSet::new())));
        if let Some(traced) = traced
            && traced.lock().is_ok_and(|mut seen| seen.insert(site))
        {
            println!("reached {site}");
        }
    }

    /// The ordering of a site, or its weakened form.
    pub(crate) fn order(site: &'static str, order: Ordering) -> Ordering {
        trace(site);
        match selected() {
            Some((name, weakened)) if name == site => match weakened {
                "Relaxed" => Ordering::Relaxed,
                "Acquire" => Ordering::Acquire,
                "Release" => Ordering::Release,
                other => panic!("{site}: no ordering is called {other}"),
            },
            _ => order,
        }
    }

    /// The fence of a site, or its weakened form.
    pub(crate) fn fence(site: &'static str, order: Ordering) {
        trace(site);
        let order = match selected() {
            Some((name, weakened)) if name == site => match weakened {
                "none" => return,
                "AcqRel" => Ordering::AcqRel,
                other => panic!("{site}: no fence is called {other}"),
            },
            _ => order,
        };
        loom::sync::atomic::fence(order);
    }

    /// Whether to take the wrong turn of this name.
    pub fn structural(site: &'static str) -> bool {
        trace(site);
        selected().is_some_and(|(name, _)| name == site)
    }
}
