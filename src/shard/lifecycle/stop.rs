//! The end of an actor on its shard: told to, or for good.

use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::actor::{ActorId, DeadReason, ExitReason, Moment, StopReason};
use crate::control::child_spec::Shutdown;
use crate::sync::{Resolver, Taken, mutant};

use super::{About, ActorSlot, Life};
use crate::shard::hooks::Leave;
use crate::shard::relate::Departed;
use crate::shard::signal::{Signal, Stop};
use crate::shard::turn::panic_text;
use crate::shard::{Shard, ShardReport, SpawnError, SupervisorId};

impl Shard {
    /// Stops an actor, as its supervisor wants.
    pub(in crate::shard) fn stop_until(&mut self, actor: ActorId, stop: Stop) {
        let shutdown = match stop.until_ns {
            u64::MAX => Shutdown::Infinity,
            until_ns => match until_ns.saturating_sub(self.clock.now_ns()) {
                0 => Shutdown::BrutalKill,
                left_ns => Shutdown::Timeout(left_ns),
            },
        };
        let reason = if stop.comes_back { StopReason::Restart } else { StopReason::Shutdown };
        self.stop_for(actor, shutdown, reason);
    }

    /// Stops an actor for good, as an outside thread wants.
    pub(in crate::shard) fn stop(&mut self, actor: ActorId, shutdown: Shutdown) {
        self.stop_for(actor, shutdown, StopReason::Shutdown);
    }

    /// The time to stop in, of which no more is left than the whole shard has.
    fn time_to_stop(&self, shutdown: Shutdown) -> Shutdown {
        if self.stop_by_ns == u64::MAX {
            return shutdown;
        }
        match (self.stop_by_ns.saturating_sub(self.clock.now_ns()), shutdown) {
            (0, _) | (_, Shutdown::BrutalKill) => Shutdown::BrutalKill,
            (left_ns, Shutdown::Timeout(ns)) => Shutdown::Timeout(ns.min(left_ns)),
            (left_ns, Shutdown::Infinity) => Shutdown::Timeout(left_ns),
        }
    }

    pub(super) fn stop_for(&mut self, actor: ActorId, shutdown: Shutdown, why: StopReason) {
        let shutdown = self.time_to_stop(shutdown);
        let Some(slot) = self.actors.get_mut(actor) else { return };
        match slot.about.life {
            Life::Naming => slot.about.stop_asked = true,
            Life::Down => {}
            Life::Starting { timer, .. } => {
                if let Some(timer) = timer {
                    self.timers.cancel(timer);
                }
                self.forget_hook(actor);
                let about = self.about(actor).expect("it is still there");
                match about.parent {
                    Some(child) if about.restarts > 0 => {
                        about.life = Life::Down;
                        let exited = Signal::ChildRestarted(child, Err(ExitReason::Shutdown));
                        self.signal(child.supervisor.shard(), exited);
                    }
                    _ => self.discard(actor, true, SpawnError::Stopped),
                }
            }
            Life::Up if slot.child.is_some() => {
                let is_gentle = shutdown != Shutdown::BrutalKill;
                if is_gentle && self.await_hook(actor, Moment::BeforeStop(why)) {
                    self.begin_leave(actor, Leave::Told(shutdown, why));
                } else {
                    self.stop_now(actor, shutdown, why);
                }
            }
            // It stops as soon as its hook lets it, unless there is no time for that.
            Life::Stopping if shutdown == Shutdown::BrutalKill => self.stop_now(actor, shutdown, why),
            Life::Up | Life::Stopping => {}
        }
    }

    /// An actor that is up stops when its hook is done.
    pub(in crate::shard) fn begin_leave(&mut self, actor: ActorId, leave: Leave) {
        self.local.post.borrow_mut().set_up(actor, false);
        if let Some(about) = self.about(actor) {
            about.life = Life::Stopping;
            about.leave = Some(leave);
        }
    }

    /// The hook is done that an actor has waited for, or its time is up.
    pub(in crate::shard) fn go_on_after_hook(&mut self, actor: ActorId) {
        let now_ns = self.now_ns;
        let Some(about) = self.about(actor) else { return };
        match (&mut about.life, about.leave.take()) {
            (Life::Starting { since_ns, .. }, _) => {
                *since_ns = now_ns;
                self.start(actor);
            }
            (Life::Stopping, Some(Leave::Told(shutdown, why))) => self.stop_now(actor, shutdown, why),
            (Life::Stopping, Some(Leave::Itself(reason))) => {
                let child = self.actors.get_mut(actor).and_then(|slot| slot.child.take());
                let Some(mut child) = child else { return };
                let reason = self.stop_itself(actor, &mut *child, reason);
                self.end(actor, child, reason);
            }
            _ => {}
        }
    }

    /// Stops an actor that is up.
    fn stop_now(&mut self, actor: ActorId, shutdown: Shutdown, why: StopReason) {
        let child = self.actors.get_mut(actor).and_then(|slot| slot.child.take());
        let Some(mut child) = child else { return };
        self.local.post.borrow_mut().set_up(actor, false);
        let within = match shutdown {
            Shutdown::BrutalKill => return self.end(actor, child, ExitReason::Killed),
            Shutdown::Timeout(ns) => Some(Duration::from_nanos(ns)),
            Shutdown::Infinity => None,
        };
        let context = &*self.context;
        context.enter(actor, 0);
        let stop = AssertUnwindSafe(|| child.stop(context, why, within));
        let reason = catch_unwind(stop).unwrap_or_else(|panic| ExitReason::Panic(panic_text(&*panic)));
        context.leave();
        self.apply_effects();
        self.end(actor, child, reason);
    }

    pub(in crate::shard) fn stop_from_outside(
        &mut self,
        actor: ActorId,
        shutdown: Shutdown,
        done: Resolver<Result<Option<ExitReason>, SpawnError>>,
    ) {
        if let Some(departed) = self.departed.get_mut(&actor) {
            // It is gone, and nobody is told so before its name is free.
            departed.stopped.push(done);
            return;
        }
        match self.about(actor) {
            None => {
                let _ = done.resolve(Ok(None));
            }
            Some(about) => {
                about.stopped.push(done);
                self.stop(actor, shutdown);
            }
        }
    }

    /// The supervisor says that this actor does not come back.
    pub(in crate::shard) fn remove(&mut self, actor: ActorId, dead: DeadReason, above: SupervisorId) {
        if self.actors.get(actor).is_some() {
            self.depart(actor, dead, None, Some(above));
        } else {
            self.signal(above.shard(), Signal::ChildGone(above));
        }
    }

    /// An actor that was up is gone for good: first its name, then its mail, then
    /// its address; then, when its name is free everywhere, whoever waits for it is
    /// told.
    pub(super) fn depart(
        &mut self,
        actor: ActorId,
        dead: DeadReason,
        told: Option<ExitReason>,
        above: Option<SupervisorId>,
    ) {
        let Some(name) = self.about(actor).map(|about| about.spec.name.clone()) else { return };
        if let Some(name) = &name {
            self.release_start(name, actor);
        }
        if let Some(slot) = self.vacate(actor, dead) {
            let About { stopped, ended, .. } = *slot.about;
            let reason = ended.or_else(|| told.clone()).unwrap_or(ExitReason::Killed);
            let askers = Vec::new();
            self.announce_end(actor, Departed { reason, stopped, told, askers, above, unborn: None });
        }
    }

    pub(super) fn vacate(&mut self, actor: ActorId, dead: DeadReason) -> Option<ActorSlot> {
        self.forget(actor);
        if !mutant!("stop.forget_mail") {
            self.bury_mailbox(actor, dead);
        }
        self.local.post.borrow_mut().close(actor);
        let slot = self.actors.remove(actor);
        if !self.dead_by_actor.is_empty() {
            self.dead_by_actor.remove(&actor);
        }
        self.local.lineage.borrow_mut().gone(actor);
        self.counters.actors.set(self.actors.len() as u64);
        slot
    }

    /// Stops every supervisor, and every actor that has none, all by that time.
    pub(in crate::shard) fn stop_all(&mut self, until_ns: u64) {
        self.stop_by_ns = until_ns;
        self.local.offspring.borrow_mut().close();
        for supervisor in self.roots() {
            self.begin_stop_of_supervisor(supervisor);
        }
        for actor in self.actors.keys() {
            if self.about(actor).is_some_and(|about| about.parent.is_none()) {
                self.stop(actor, Shutdown::default());
            }
        }
    }

    /// Ends every actor that is left, and starts no more.
    pub(in crate::shard) fn close(&mut self) {
        self.closed = true;
        for supervisor in self.supervisors.keys() {
            self.supervisors.remove(supervisor);
        }
        for actor in self.actors.keys() {
            self.depart(actor, DeadReason::Drained, Some(ExitReason::Killed), None);
        }
    }

    /// Ends the shard: what outside threads have sent until now is settled, what
    /// they send from here on is refused, and whoever waits gets an answer.
    pub(in crate::shard) fn halt(&mut self, done: Resolver<ShardReport>) {
        self.close();
        let mut left = Vec::new();
        self.intake.close_and_drain(|command| left.push(command));
        for command in left {
            self.obey(Taken::put(command, &mut MaybeUninit::uninit()));
        }
        self.bury_lost();
        self.abandon_requests();
        self.nurseries.clear();
        self.halted = true;
        let _ = done.resolve(self.report());
    }
}
