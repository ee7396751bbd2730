//! How a supervisor works, and which specs it refuses.

use std::collections::HashSet;
use std::sync::Arc;

use crate::control::child_spec::{ChildSpec, Restart};
use crate::control::intensity::Intensity;

/// Which children share the fate of one that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// None.
    #[default]
    OneForOne,
    /// All.
    OneForAll,
    /// Those that were started after it.
    RestForOne,
    /// None; and all of them are made at run time, from one template.
    SimpleOneForOne,
}

impl Strategy {
    /// Does one child's end concern others?
    pub(super) fn is_for_groups(self) -> bool {
        matches!(self, Self::OneForAll | Self::RestForOne)
    }
}

/// Does a supervisor stop by itself when significant children have ended?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AutoShutdown {
    /// No.
    #[default]
    Never,
    /// When one of them has.
    AnySignificant,
    /// When the last one that was up has.
    AllSignificant,
}

/// How a supervisor works. The defaults are OTP's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SupervisorSpec {
    /// Which children share the fate of one that ended.
    pub strategy: Strategy,
    /// The most restarts within the period, before it gives up.
    pub restarts_max: u32,
    /// The period, in ns.
    pub period_ns: u64,
    /// Does it stop when significant children have ended?
    pub auto_shutdown: AutoShutdown,
}

impl Default for SupervisorSpec {
    fn default() -> Self {
        Self {
            strategy: Strategy::OneForOne,
            restarts_max: Intensity::RESTARTS_MAX_DEFAULT,
            period_ns: Intensity::PERIOD_NS_DEFAULT,
            auto_shutdown: AutoShutdown::Never,
        }
    }
}

/// A supervisor cannot work like that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// The period of the restart intensity is 0.
    #[error("the period is 0")]
    NoPeriod,
    /// Two children have the same id.
    #[error("two children have the id `{0}`")]
    DuplicateId(Arc<str>),
    /// A permanent child never ends for good, so it cannot be significant.
    #[error("the child `{0}` is permanent, and so cannot be significant")]
    SignificantPermanent(Arc<str>),
    /// The supervisor never shuts down by itself.
    #[error("the child `{0}` is significant to a supervisor whose auto_shutdown is never")]
    SignificantNever(Arc<str>),
    /// simple_one_for_one has one template, no more, no less.
    #[error("simple_one_for_one takes exactly one template, not {0} children")]
    Templates(usize),
    /// Children with ids do not turn into children without, nor back.
    #[error("a supervisor cannot become simple_one_for_one, or cease to be it")]
    OtherKind,
    /// A backoff that makes no sense.
    #[error("the backoff of the child `{0}`: {1}")]
    Backoff(Arc<str>, &'static str),
}

impl SupervisorSpec {
    /// A supervisor of this strategy, with OTP's defaults.
    pub fn new(strategy: Strategy) -> Self {
        Self { strategy, ..Self::default() }
    }

    /// Gives up at more than so many restarts within so many ns.
    pub fn intensity(mut self, restarts_max: u32, period_ns: u64) -> Self {
        self.restarts_max = restarts_max;
        self.period_ns = period_ns;
        self
    }

    /// Whether it stops when significant children have ended.
    pub fn auto_shutdown(mut self, auto_shutdown: AutoShutdown) -> Self {
        self.auto_shutdown = auto_shutdown;
        self
    }

    /// Can it work with these children?
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check<W>(&self, children: &[ChildSpec<W>]) -> Result<(), SpecError> {
        if self.period_ns == 0 {
            return Err(SpecError::NoPeriod);
        }
        if self.strategy == Strategy::SimpleOneForOne && children.len() != 1 {
            return Err(SpecError::Templates(children.len()));
        }
        let mut ids = HashSet::new();
        for child in children {
            if !ids.insert(&child.id) {
                return Err(SpecError::DuplicateId(child.id.clone()));
            }
            self.check_child(child)?;
        }
        Ok(())
    }

    pub(super) fn check_child<W>(&self, child: &ChildSpec<W>) -> Result<(), SpecError> {
        let policy = &child.policy;
        if policy.significant && policy.restart == Restart::Permanent {
            return Err(SpecError::SignificantPermanent(child.id.clone()));
        }
        if policy.significant && self.auto_shutdown == AutoShutdown::Never {
            return Err(SpecError::SignificantNever(child.id.clone()));
        }
        match policy.backoff.problem() {
            Some(problem) => Err(SpecError::Backoff(child.id.clone(), problem)),
            None => Ok(()),
        }
    }
}
