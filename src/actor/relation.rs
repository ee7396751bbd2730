//! Links and monitors, as an actor asks for them.

use super::{ActorId, Context, Effect, ExitReason, SendError};

/// The most of them in one call of an actor: they wait until it returns.
const EFFECTS_MAX: usize = 4_096;

/// What an actor asks of its relations to others. Its own side knows at once; the others
/// are told, in order, when it has returned.
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
    ///
    /// # Errors
    /// [`SendError::Quota`], as for all of these.
    pub fn link(&self, other: ActorId) -> Result<(), SendError> {
        self.relate(Relation::Link(other)).map(|_is_new| ())
    }

    /// Takes a link back. What the other's end would still have caused does not come.
    ///
    /// # Errors
    /// [`SendError::Quota`].
    pub fn unlink(&self, other: ActorId) -> Result<(), SendError> {
        self.relate(Relation::Unlink(other)).map(|_told| ())
    }

    /// Lets this actor be told once, by [`Down`](super::Notice::Down), when that one is
    /// gone for good; at once, with [`ExitReason::NoSuchActor`], if it is not there. A
    /// restart is no end. Each monitor is one of its own: so many monitors, so many
    /// notices.
    ///
    /// # Errors
    /// [`SendError::Quota`].
    pub fn monitor(&self, other: ActorId) -> Result<u64, SendError> {
        let monitor = self.next_number();
        self.relate(Relation::Monitor(other, monitor))?;
        Ok(monitor)
    }

    /// Takes a monitor back: it does not fire any more. False if it has fired, or was
    /// never this incarnation's.
    ///
    /// # Errors
    /// [`SendError::Quota`].
    pub fn demonitor(&self, monitor: u64) -> Result<bool, SendError> {
        self.relate(Relation::Demonitor(monitor))
    }

    /// From here on, lets this incarnation be told of the ends of linked actors, and
    /// of exit signals, instead of ending; or no longer.
    pub fn trap_exits(&self, on: bool) {
        // There is no limit to it, and nobody to be told.
        let _ = self.relate(Relation::TrapExits(on));
    }

    /// Sends an exit signal: that actor ends for this reason, or is told if it traps
    /// exits. [`ExitReason::Killed`] cannot be trapped; [`ExitReason::Normal`] ends
    /// nobody.
    ///
    /// # Errors
    /// [`SendError::Quota`].
    pub fn exit_other(&self, other: ActorId, reason: ExitReason) -> Result<(), SendError> {
        self.relate(Relation::Exit(other, reason)).map(|_told| ())
    }

    /// How many links and monitors this actor has.
    pub fn relations(&self) -> usize {
        self.view.relations(self.own_id())
    }

    fn relate(&self, relation: Relation) -> Result<bool, SendError> {
        if self.effects.borrow().len() >= EFFECTS_MAX {
            let most = EFFECTS_MAX as u32;
            return Err(SendError::Quota { what: "changes of relations in one call", most });
        }
        let from = self.own_id();
        let to = self.view.relate(from, &relation)?;
        if let Some(to) = to {
            self.record(Effect::Relate { from, to, relation });
        }
        Ok(to.is_some())
    }
}
