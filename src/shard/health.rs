//! How actors are: asked on an interval, one in a turn, so that a sweep does not keep
//! others waiting.
//!
//! A sweep takes at most half a percent of its shard's time, however many there are to
//! ask: so of a hundred messages less than one meets it. It takes as long as it takes;
//! the next one begins when it is over.
//!
//! One that says so often in a row that it is unhealthy has ended, and its supervisor
//! decides. One that is degraded is only reported.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::actor::{ActorId, ExitReason, Health};
use crate::sync::Resolver;

use super::events::Event;
use super::signal::Signal;
use super::turn::{Ran, panic_text};
use super::{Shard, Timer};

/// How many actors are asked between two rests: a shard that sleeps is not woken for
/// each.
const BURST_CHECKS_MAX: u32 = 8;
/// How much longer the rest is than what the checks before it took.
const REST_FACTOR: u64 = 200;

/// When actors are asked how they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthConfig {
    /// From one question to the next, in ns; 0 asks nobody.
    pub interval_ns: u64,
    /// How often in a row an actor may be unhealthy before it has ended.
    pub unhealthy_in_a_row_max: u32,
    /// How long an answer may take, in ns; a later one counts as unhealthy. Guests
    /// are ended at their own limit.
    pub answer_ns_max: u64,
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self { interval_ns: 0, unhealthy_in_a_row_max: 3, answer_ns_max: 100_000_000 }
    }
}

/// How many actors said how they are, when they were asked last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HealthCounts {
    /// Have no way to tell, or were not asked yet.
    pub unknown: u64,
    /// Are well.
    pub healthy: u64,
    /// Work, but not as they should.
    pub degraded: u64,
    /// Do not work.
    pub unhealthy: u64,
}

impl HealthCounts {
    fn count(&mut self, health: &Health) {
        match health {
            Health::Unknown => self.unknown += 1,
            Health::Healthy => self.healthy += 1,
            Health::Degraded(_) => self.degraded += 1,
            Health::Unhealthy(_) => self.unhealthy += 1,
        }
    }
}

/// An actor that is not well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwell {
    /// The actor.
    pub actor: ActorId,
    /// Its name.
    pub name: Option<Arc<str>>,
    /// How it is, and why.
    pub health: Health,
}

/// How many actors that are not well a report tells of.
const UNWELL_KEPT: usize = 64;

/// What is known of an actor's health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) health: Health,
    unhealthy_in_a_row: u32,
}

impl Default for Known {
    fn default() -> Self {
        Self { health: Health::Unknown, unhealthy_in_a_row: 0 }
    }
}

impl Known {
    /// It has answered. How it was before, if it is otherwise now.
    fn hear(&mut self, health: Health) -> Option<Health> {
        match health {
            Health::Unhealthy(_) => self.unhealthy_in_a_row += 1,
            _ => self.unhealthy_in_a_row = 0,
        }
        (self.health != health).then(|| std::mem::replace(&mut self.health, health))
    }
}

/// Those who are still to be asked, and when.
#[derive(Debug, Default)]
pub(super) struct Checks {
    to_check: VecDeque<ActorId>,
    /// Who wants to know when all were asked; they are asked without a rest then.
    awaited: Vec<Resolver<()>>,
    /// Since the last rest.
    burst: u32,
    burst_took_ns: u64,
    rest_until_ns: u64,
}

impl Checks {
    /// Is somebody to be asked, or told, now?
    pub(super) fn are_due(&self, now_ns: u64) -> bool {
        !self.awaited.is_empty() || (!self.to_check.is_empty() && now_ns >= self.rest_until_ns)
    }

    /// When the next one is to be asked.
    pub(super) fn due_ns(&self) -> Option<u64> {
        (!self.to_check.is_empty()).then_some(self.rest_until_ns)
    }

    /// One was asked. The rest is no longer than this.
    fn took(&mut self, took_ns: u64, now_ns: u64, rest_ns_max: u64) {
        self.burst += 1;
        self.burst_took_ns += took_ns;
        if self.burst >= BURST_CHECKS_MAX || self.to_check.is_empty() {
            let rest_ns = self.burst_took_ns.saturating_mul(REST_FACTOR).min(rest_ns_max);
            self.rest_until_ns = now_ns.saturating_add(rest_ns);
            (self.burst, self.burst_took_ns) = (0, 0);
        }
    }
}

impl Shard {
    /// Sets the first sweep off.
    pub(super) fn begin_health_checks(&mut self) {
        let interval_ns = self.config.health.interval_ns;
        if interval_ns > 0 {
            self.timers.insert(self.now_ns + interval_ns, Timer::HealthSweep);
        }
    }

    /// Another sweep; those that the last one has not come to are asked first.
    pub(super) fn sweep_health(&mut self) {
        if self.checks.to_check.is_empty() {
            self.checks.to_check.extend(self.actors.keys());
        }
        self.begin_health_checks();
    }

    /// From outside: asks everybody now, beside the sweeps, and says so when all were
    /// asked.
    pub(super) fn check_health_now(&mut self, done: Resolver<()>) {
        self.checks.to_check.clear();
        self.checks.to_check.extend(self.actors.keys());
        self.checks.awaited.push(done);
    }

    /// How the actors of this shard are, and who is not well.
    pub(super) fn health_report(&self) -> (HealthCounts, Vec<Unwell>) {
        let (mut counts, mut unwell) = (HealthCounts::default(), Vec::new());
        for actor in self.actors.keys() {
            let Some(slot) = self.actors.get(actor) else { continue };
            let health = slot.health();
            counts.count(health);
            if matches!(health, Health::Degraded(_) | Health::Unhealthy(_)) && unwell.len() < UNWELL_KEPT {
                unwell.push(Unwell { actor, name: slot.name().cloned(), health: health.clone() });
            }
        }
        (counts, unwell)
    }

    /// Asks the next one, if it is time. Was there one?
    pub(super) fn check_health(&mut self) -> bool {
        if !self.checks.are_due(self.now_ns) {
            return false;
        }
        let Some(actor) = self.checks.to_check.pop_front() else {
            for asked in self.checks.awaited.drain(..) {
                // Whoever gave up waiting does not need it.
                let _ = asked.resolve(());
            }
            return false;
        };
        let began_ns = self.clock.now_ns();
        self.check_actor(actor);
        let now_ns = self.clock.now_ns();
        self.checks.took(now_ns.saturating_sub(began_ns), now_ns, self.config.health.interval_ns);
        true
    }

    fn check_actor(&mut self, actor: ActorId) {
        if self.is_suspended(actor) {
            // It is in the middle of a message: the next sweep finds it again.
            return;
        }
        let child = self.actors.get_mut(actor).and_then(|slot| slot.child.take());
        let Some(mut child) = child else { return };
        let context = &*self.context;
        let asked_ns = self.clock.now_ns();
        context.enter(actor, 0);
        let answer = catch_unwind(AssertUnwindSafe(|| child.health(context)));
        context.leave();
        let took_ns = self.clock.now_ns().saturating_sub(asked_ns);
        let late = took_ns > self.config.health.answer_ns_max;
        let asked_to_exit = self.apply_effects();
        let mut exited = None;
        let health = match answer {
            Err(panic) => {
                exited = Some(ExitReason::Panic(panic_text(&*panic)));
                Health::Unhealthy("it panicked".into())
            }
            Ok(_) if late => Health::Unhealthy(format!("its answer took {} ms", took_ns / 1_000_000)),
            Ok(health) => health,
        };
        let Some(known) = self.health_of_mut(actor) else { return };
        let before = known.hear(health.clone());
        let too_often = known.unhealthy_in_a_row;
        if let Some(from) = before {
            let name = self.name_of(actor);
            if !matches!(health, Health::Healthy | Health::Unknown) {
                tracing::warn!(%actor, name = name.as_deref(), ?health, "an actor is not well");
            }
            if let Some(child) = self.parent_of(actor) {
                self.signal(child.supervisor.shard(), Signal::ChildHealth(child, health.clone()));
            }
            self.emit(&Event::HealthChanged { actor, name, from, to: health.clone() });
        }
        if let Health::Unhealthy(why) = health
            && too_often >= self.config.health.unhealthy_in_a_row_max
        {
            exited = exited.or(Some(ExitReason::Unhealthy(why)));
        }
        let ran = match (exited, asked_to_exit) {
            (Some(reason), _) => Ran::Exited(reason),
            (None, Some(reason)) => self.leave(actor, &mut *child, reason),
            (None, None) => Ran::On,
        };
        self.put_back(actor, child, ran);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_in_a_row_count() {
        let mut known = Known::default();
        let unhealthy = || Health::Unhealthy("no".into());
        assert_eq!(known.hear(unhealthy()), Some(Health::Unknown));
        assert_eq!(known.hear(unhealthy()), None);
        assert_eq!(known.unhealthy_in_a_row, 2);
        assert_eq!(known.hear(Health::Degraded("slow".into())), Some(unhealthy()));
        assert_eq!(known.unhealthy_in_a_row, 0);
    }
}
