//! Links and monitors, as an actor asks for them.

use super::{ActorId, Context, Effect, ExitReason};

/// What an actor asks of its relations to others. Applied in order with its other
/// effects, when it has returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relation {
    /// From here on, the abnormal end of one is the end of the other.
    Link(ActorId),
    /// No longer: what the other's end would still have caused does not come.
    Unlink(ActorId),
    /// To be told once when that one is gone.
    Monitor(ActorId, u64),
    /// No longer.
    Demonitor(u64),
    /// To be told of the ends of linked actors, instead of ending with them.
    TrapExits(bool),
    /// To end that one, or to tell it so if it traps exits. It cannot trap
    /// [`ExitReason::Killed`].
    Exit(ActorId, ExitReason),
}

impl Context {
    /// Links this actor and that one: the abnormal end of an incarnation of one is
    /// the end of the other, or an [`Exit`](super::Notice::Exit) if that one traps
    /// exits. At most one link joins a pair. A link to an actor that is not there
    /// ends at once, with [`ExitReason::NoSuchActor`]. A new incarnation has no links.
    pub fn link(&self, other: ActorId) {
        self.relate(Relation::Link(other));
    }

    /// Takes a link back. What the other's end would still have caused does not come.
    pub fn unlink(&self, other: ActorId) {
        self.relate(Relation::Unlink(other));
    }

    /// Lets this actor be told once, by [`Down`](super::Notice::Down), when that one is
    /// gone for good; at once, with [`ExitReason::NoSuchActor`], if it is not there. A
    /// restart is no end. Each monitor is one of its own: so many monitors, so many
    /// notices.
    pub fn monitor(&self, other: ActorId) -> u64 {
        let monitor = self.next_number();
        self.relate(Relation::Monitor(other, monitor));
        monitor
    }

    /// Takes a monitor back: it does not fire any more.
    pub fn demonitor(&self, monitor: u64) {
        self.relate(Relation::Demonitor(monitor));
    }

    /// From here on, lets this incarnation be told of the ends of linked actors, and
    /// of exit signals, instead of ending; or no longer.
    pub fn trap_exits(&self, on: bool) {
        self.relate(Relation::TrapExits(on));
    }

    /// Sends an exit signal: that actor ends for this reason, or is told if it traps
    /// exits. [`ExitReason::Killed`] cannot be trapped; [`ExitReason::Normal`] ends
    /// nobody.
    pub fn exit_other(&self, other: ActorId, reason: ExitReason) {
        self.relate(Relation::Exit(other, reason));
    }

    fn relate(&self, relation: Relation) {
        self.record(Effect::Relate(self.own_id(), relation));
    }
}
