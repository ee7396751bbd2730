//! Links and monitors, on one shard: carries out what actors ask of their
//! relations, and what the ends of others do to them.
//!
//! Who is told of the end of an actor for good is told after its name is free
//! everywhere: its home says when. An actor that a supervisor looks after has ended
//! when the supervisor has said what becomes of it.

use crate::actor::{ActorId, ExitReason, Notice, Relation, SendError};
use crate::control::relations::Effect;
use crate::sync::{Resolver, mutant};

use super::lifecycle::About;
use super::local::Local;
use super::signal::{RelationSignal, Signal};
use super::{Asker, Shard, SpawnError, SupervisorId};

/// The most signals that wait for room in the ring to one other shard before actors
/// may make no more of them. What follows from them is never refused.
const SIGNALS_WAITING_MAX: u32 = 8_192;

/// An actor that is gone for good, and whom that concerns.
pub(super) struct Departed {
    /// Why it ended.
    pub(super) reason: ExitReason,
    /// Outside threads that wait for its end, and what they are told.
    pub(super) stopped: Vec<Resolver<Result<Option<ExitReason>, SpawnError>>>,
    pub(super) told: Option<ExitReason>,
    /// Outside threads that asked its supervisor for its end when it was gone already.
    pub(super) askers: Vec<Asker>,
    /// The supervisor that wanted it gone.
    pub(super) above: Option<SupervisorId>,
    /// What it was to be, and why it never came up, if it did not.
    pub(super) unborn: Option<(Box<About>, SpawnError)>,
}

impl Local {
    /// What an actor of this shard asks of its relations: its own side. Who is to be
    /// told of it, if somebody is.
    pub(super) fn relate(&self, actor: ActorId, relation: &Relation) -> Result<Option<ActorId>, SendError> {
        let mut relations = self.relations.borrow_mut();
        let most = self.lives.borrow().quotas(actor).relations_max;
        let has_room = relations.of(actor) < most as usize;
        let over = || SendError::Quota { what: "relations_max", most };
        if let Relation::Link(other) | Relation::Monitor(other, _) | Relation::Exit(other, _) = relation
            && self.post.borrow().outlets.signals_waiting(other.shard()) >= SIGNALS_WAITING_MAX as usize
        {
            let (what, most) = ("signals on their way to a shard", SIGNALS_WAITING_MAX);
            return Err(SendError::Quota { what, most });
        }
        let other = match *relation {
            Relation::Link(other) if relations.is_linked(actor, other) => None,
            Relation::Link(_) | Relation::Monitor(..) if !has_room => return Err(over()),
            Relation::Link(other) => relations.link(actor, other).then_some(other),
            Relation::Unlink(other) => relations.unlink(actor, other).then_some(other),
            Relation::Monitor(other, monitor) => {
                relations.monitor(actor, monitor, other);
                Some(other)
            }
            Relation::Demonitor(monitor) => relations.demonitor(actor, monitor),
            Relation::TrapExits(on) => {
                relations.trap(actor, on);
                None
            }
            Relation::Exit(other, _) => Some(other),
        };
        Ok(other)
    }
}

impl Shard {
    /// Tells another actor what has become of its relation to one of this shard.
    pub(super) fn relate(&mut self, from: ActorId, to: ActorId, relation: Relation) {
        let signal = match relation {
            Relation::Link(_) => RelationSignal::Link { from, to },
            Relation::Unlink(_) => RelationSignal::Unlink { from, to },
            Relation::Monitor(_, monitor) => RelationSignal::Monitor { from, to, monitor },
            Relation::Demonitor(monitor) => RelationSignal::Demonitor { from, to, monitor },
            Relation::Exit(_, reason) => RelationSignal::Exit { from, to, reason, linked: false },
            Relation::TrapExits(_) => return,
        };
        self.signal_relation(to, signal);
    }

    /// Sends a signal to the shard of an actor; what is for an actor of no shard meets
    /// nobody.
    fn signal_relation(&mut self, to: ActorId, signal: RelationSignal) {
        let known = to.shard().index() < self.shards;
        let shard = if known { to.shard() } else { self.id };
        self.signal(shard, Signal::Relation(Box::new(signal)));
    }

    fn is_there(&self, actor: ActorId) -> bool {
        actor.shard() == self.id && self.actors.get(actor).is_some()
    }

    /// Is it there, or gone, and nobody has been told yet?
    fn is_to_be_told_of(&self, actor: ActorId) -> bool {
        self.is_there(actor) || self.departed.contains_key(&actor)
    }

    pub(super) fn on_relation(&mut self, signal: RelationSignal) {
        match signal {
            RelationSignal::Link { from, to } if self.is_to_be_told_of(to) => {
                self.local.relations.borrow_mut().link(to, from);
            }
            RelationSignal::Link { from, to } => {
                let reason = ExitReason::NoSuchActor;
                self.signal_relation(from, RelationSignal::Exit { from: to, to: from, reason, linked: true });
            }
            RelationSignal::Unlink { from, to } => {
                self.local.relations.borrow_mut().unlink(to, from);
            }
            RelationSignal::Monitor { from, to, monitor } if self.is_to_be_told_of(to) => {
                self.local.relations.borrow_mut().watch(to, from, monitor);
            }
            RelationSignal::Monitor { from, to, monitor } => {
                let reason = ExitReason::NoSuchActor;
                self.signal_relation(from, RelationSignal::Down { to: from, monitor, actor: to, reason });
            }
            RelationSignal::Demonitor { from, to, monitor } => {
                self.local.relations.borrow_mut().unwatch(to, from, monitor)
            }
            RelationSignal::Exit { from, to, reason, linked } => {
                self.on_exit_signal(from, to, reason, linked)
            }
            RelationSignal::Down { to, monitor, actor, reason } => {
                if self.local.relations.borrow_mut().demonitor(to, monitor).is_some() {
                    self.tell_notice(to, Notice::Down { monitor, actor, reason });
                }
            }
        }
    }

    fn on_exit_signal(&mut self, from: ActorId, to: ActorId, reason: ExitReason, linked: bool) {
        if !self.is_there(to) {
            return;
        }
        let effect = if linked {
            self.local.relations.borrow_mut().linked_exit(to, from, &reason)
        } else {
            self.local.relations.borrow_mut().exit_signal(to, &reason)
        };
        match effect {
            Effect::None => {}
            Effect::Tell => self.tell_notice(to, Notice::Exit { actor: from, reason }),
            Effect::End => {
                let child = self.actors.get_mut(to).and_then(|slot| slot.child.take());
                match child {
                    Some(child) => {
                        self.local.post.borrow_mut().set_up(to, false);
                        self.end(to, child, reason);
                    }
                    None => self.end_unborn(to, reason),
                }
            }
        }
    }

    /// Lets an actor hear what is no message, before its next one. One that is not
    /// up does not hear it: what it was about was the business of an incarnation
    /// that is gone.
    pub(super) fn tell_notice(&mut self, actor: ActorId, notice: Notice) {
        if self.actors.get_mut(actor).is_some_and(|slot| slot.child.is_some()) {
            let life = self.local.lives.borrow_mut().of(actor);
            self.local.notices.borrow_mut().push_back((actor, life, notice));
        }
    }

    /// An incarnation has ended, for this reason: its links are spent, and what it
    /// monitored is not monitored any more.
    pub(super) fn spend_links(&mut self, actor: ActorId, reason: &ExitReason) {
        let left = self.local.relations.borrow_mut().incarnation_ended(actor);
        for other in left.links {
            let exit = RelationSignal::Exit { from: actor, to: other, reason: reason.clone(), linked: true };
            self.signal_relation(other, exit);
        }
        for (other, monitor) in left.monitors {
            self.signal_relation(other, RelationSignal::Demonitor { from: actor, to: other, monitor });
        }
    }

    /// An actor is gone for good. If it had names, nobody is told before they are free.
    pub(super) fn announce_end(&mut self, actor: ActorId, departed: Departed) {
        let has_names = self.local.holdings.borrow().is_leaving(actor);
        if has_names && !mutant!("names.tell_before_free") {
            self.departed.insert(actor, departed);
        } else {
            self.tell_of_end(actor, departed);
        }
    }

    /// The home of a name that an actor had says that it is free.
    pub(super) fn on_released(&mut self, actor: ActorId) {
        if !self.local.holdings.borrow_mut().left(actor) {
            return;
        }
        match self.departed.remove(&actor) {
            Some(departed) => self.tell_of_end(actor, departed),
            None => self.restart_without_names(actor),
        }
    }

    fn tell_of_end(&mut self, actor: ActorId, departed: Departed) {
        let Departed { reason, stopped, told, askers, above, unborn, .. } = departed;
        self.spend_links(actor, &reason);
        let watchers = self.local.relations.borrow_mut().gone(actor);
        for (to, monitor) in watchers {
            let reason = reason.clone();
            self.signal_relation(to, RelationSignal::Down { to, monitor, actor, reason });
        }
        if let Some((about, error)) = unborn {
            self.report_start(*about, Err(error));
        }
        for stopped in stopped {
            // Whoever does not wait any longer does not need it.
            let _ = stopped.resolve(Ok(told.clone()));
        }
        for asker in askers {
            asker.tell(Ok(None));
        }
        if let Some(supervisor) = above {
            self.signal(supervisor.shard(), Signal::ChildGone(supervisor));
        }
    }
}
