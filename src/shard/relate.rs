//! Links and monitors, on one shard: carries out what actors ask of their
//! relations, and what the ends of others do to them.
//!
//! Who is told of the end of an actor for good is told after its name is free
//! everywhere: its home says when. An actor that a supervisor looks after has ended
//! when the supervisor has said what becomes of it.

use std::sync::Arc;

use crate::actor::{ActorId, ExitReason, Notice, Relation};
use crate::control::relations::Effect;
use crate::sync::{Resolver, mutant};

use super::signal::{RelationSignal, Signal};
use super::{Shard, SpawnError, SupervisorId};

/// An actor that is gone for good, and whom that concerns.
pub(super) struct Departed {
    /// Its name, which is being given back.
    pub(super) name: Option<Arc<str>>,
    /// Why it ended.
    pub(super) reason: ExitReason,
    /// Outside threads that wait for its end, and what they are told.
    pub(super) stopped: Vec<Resolver<Result<Option<ExitReason>, SpawnError>>>,
    pub(super) told: Option<ExitReason>,
    /// The supervisor that wanted it gone.
    pub(super) above: Option<SupervisorId>,
}

impl Shard {
    /// What an actor of this shard asks of its relations.
    pub(super) fn relate(&mut self, actor: ActorId, relation: Relation) {
        if self.actors.get(actor).is_none() {
            return;
        }
        let (to, signal) = match relation {
            Relation::Link(other) => {
                if !self.relations.link(actor, other) {
                    return;
                }
                (other, RelationSignal::Link { from: actor, to: other })
            }
            Relation::Unlink(other) => {
                self.relations.unlink(actor, other);
                (other, RelationSignal::Unlink { from: actor, to: other })
            }
            Relation::Monitor(other, monitor) => {
                self.relations.monitor(actor, monitor, other);
                (other, RelationSignal::Monitor { from: actor, to: other, monitor })
            }
            Relation::Demonitor(monitor) => match self.relations.demonitor(actor, monitor) {
                Some(other) => (other, RelationSignal::Demonitor { from: actor, to: other, monitor }),
                None => return,
            },
            Relation::TrapExits(on) => return self.relations.trap(actor, on),
            Relation::Exit(other, reason) => {
                (other, RelationSignal::Exit { from: actor, to: other, reason, linked: false })
            }
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

    pub(super) fn on_relation(&mut self, signal: RelationSignal) {
        match signal {
            RelationSignal::Link { from, to } if self.is_there(to) => {
                self.relations.link(to, from);
            }
            RelationSignal::Link { from, to } => {
                let reason = ExitReason::NoSuchActor;
                self.signal_relation(from, RelationSignal::Exit { from: to, to: from, reason, linked: true });
            }
            RelationSignal::Unlink { from, to } => self.relations.unlink(to, from),
            RelationSignal::Monitor { from, to, monitor } if self.is_there(to) => {
                self.relations.watch(to, from, monitor);
            }
            RelationSignal::Monitor { from, to, monitor } => {
                let (reason, name) = (ExitReason::NoSuchActor, None);
                self.signal_relation(
                    from,
                    RelationSignal::Down { to: from, monitor, actor: to, reason, name },
                );
            }
            RelationSignal::Demonitor { from, to, monitor } => self.relations.unwatch(to, from, monitor),
            RelationSignal::Exit { from, to, reason, linked } => {
                self.on_exit_signal(from, to, reason, linked)
            }
            RelationSignal::Down { to, monitor, actor, reason, name } => {
                if let Some(name) = name {
                    // Its home has let it go; that may not have come here yet.
                    self.local.names.borrow_mut().unbind(&name, actor);
                }
                if self.relations.demonitor(to, monitor).is_some() {
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
            self.relations.linked_exit(to, from, &reason)
        } else {
            self.relations.exit_signal(to, &reason)
        };
        match effect {
            Effect::None => {}
            Effect::Tell => self.tell_notice(to, Notice::Exit { actor: from, reason }),
            Effect::End => {
                let child = self.actors.get_mut(to).and_then(|slot| slot.child.take());
                if let Some(child) = child {
                    self.local.post.borrow_mut().set_up(to, false);
                    self.end(to, child, reason);
                }
            }
        }
    }

    /// Lets an actor hear what is no message, before its next one. One that is not
    /// up does not hear it: what it was about was the business of an incarnation
    /// that is gone.
    fn tell_notice(&mut self, actor: ActorId, notice: Notice) {
        if self.actors.get_mut(actor).is_some_and(|slot| slot.child.is_some()) {
            let life = self.local.lives.borrow_mut().of(actor);
            self.local.notices.borrow_mut().push_back((actor, life, notice));
        }
    }

    /// An incarnation has ended, for this reason: its links are spent, and what it
    /// monitored is not monitored any more.
    pub(super) fn spend_links(&mut self, actor: ActorId, reason: &ExitReason) {
        let left = self.relations.incarnation_ended(actor);
        for other in left.links {
            let exit = RelationSignal::Exit { from: actor, to: other, reason: reason.clone(), linked: true };
            self.signal_relation(other, exit);
        }
        for (other, monitor) in left.monitors {
            self.signal_relation(other, RelationSignal::Demonitor { from: actor, to: other, monitor });
        }
    }

    /// An actor is gone for good. If it had a name, nobody is told before the name is
    /// free.
    pub(super) fn announce_end(&mut self, actor: ActorId, departed: Departed) {
        if departed.name.is_some() && !mutant!("names.tell_before_free") {
            self.departed.insert(actor, departed);
        } else {
            self.tell_of_end(actor, departed);
        }
    }

    /// The home of its name says that the name is free.
    pub(super) fn on_released(&mut self, actor: ActorId) {
        if let Some(departed) = self.departed.remove(&actor) {
            self.tell_of_end(actor, departed);
        }
    }

    fn tell_of_end(&mut self, actor: ActorId, departed: Departed) {
        let Departed { name, reason, stopped, told, above } = departed;
        self.spend_links(actor, &reason);
        for (to, monitor) in self.relations.gone(actor) {
            let (reason, name) = (reason.clone(), name.clone());
            self.signal_relation(to, RelationSignal::Down { to, monitor, actor, reason, name });
        }
        for stopped in stopped {
            // Whoever does not wait any longer does not need it.
            let _ = stopped.resolve(Ok(told.clone()));
        }
        if let Some(supervisor) = above {
            self.signal(supervisor.shard(), Signal::ChildGone(supervisor));
        }
    }
}
