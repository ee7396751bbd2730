//! The two traits at which the planes meet, and the factory of what has both.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::{
    Account, ActorId, Batch, BatchOutcome, Context, ExitReason, Failure, Frame, Frames, Message, Notice,
    Outcome, Quotas, Resume, ShardId,
};

/// Handles messages. A panic in any of its methods counts as an exit.
pub trait Actor {
    /// Handles one message.
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome;

    /// Goes on with the message on which it was [`Outcome::Suspended`].
    fn resume(&mut self, context: &Context, resume: Resume) -> Outcome {
        let _ = (context, resume);
        Outcome::Failed(Failure::Other("it was never suspended".into()))
    }

    /// Hears what is no message: the outcome of a request, the end of another
    /// actor. Never called while it is suspended.
    fn notice(&mut self, context: &Context, notice: Notice) -> Outcome {
        let _ = (context, notice);
        Outcome::Done(None)
    }

    /// The most plain messages that it takes at once. With more than 1, they come
    /// to [`handle_batch`](Self::handle_batch).
    fn batch_messages_max(&self) -> usize {
        1
    }

    /// Handles many plain messages, in order, up to the one in which it asks to
    /// [exit](Context::exit), if it does.
    fn handle_batch(&mut self, context: &Context, batch: Batch<'_>) -> BatchOutcome {
        let mut outcome = BatchOutcome::default();
        for message in batch {
            match self.handle(context, message) {
                Outcome::Exited(reason) => {
                    outcome.exited = Some(reason);
                    break;
                }
                Outcome::Failed(_) => outcome.failures += 1,
                Outcome::Done(_) | Outcome::Suspended(_) => {}
            }
            outcome.handled += 1;
            if context.is_exiting() {
                break;
            }
        }
        outcome
    }

    /// Does it take the plain messages of a batch as one run of bytes, too? Then those
    /// that nobody measures come to [`handle_frames`](Self::handle_frames).
    fn takes_frames(&self) -> bool {
        false
    }

    /// As [`handle_batch`](Self::handle_batch), with what it [takes](Self::takes_frames).
    fn handle_frames(&mut self, context: &Context, frames: &Frames) -> BatchOutcome {
        let to = Some(context.own_id());
        let letter = |frame: Frame<'_>| {
            Box::new(Message { to, from: frame.from, payload: frame.payload.into(), ..Message::default() })
        };
        self.handle_batch(context, Batch::new(&frames.iter().map(letter).collect::<Vec<_>>()))
    }
}

/// Can be started, stopped, and asked how it is: what a supervisor needs.
/// None of its methods waits: a guest's time is bounded by its limits.
pub trait Child: Actor {
    /// Called once, before the first message.
    ///
    /// # Errors
    /// A failed start: this incarnation is dropped.
    fn start(&mut self, context: &Context, incarnation: &Incarnation) -> Result<(), StartError> {
        let _ = (context, incarnation);
        Ok(())
    }

    /// Called once, after the last message, unless it has exited already. It takes
    /// no longer than `within`, if that is set; an actor that would is ended, and
    /// the reason is [`ExitReason::Killed`]. What goes wrong in it changes nothing
    /// but the reason returned.
    fn stop(&mut self, context: &Context, reason: StopReason, within: Option<Duration>) -> ExitReason {
        let _ = (context, within);
        match reason {
            StopReason::Normal => ExitReason::Normal,
            StopReason::Shutdown | StopReason::Restart => ExitReason::Shutdown,
        }
    }

    /// What it has used so far, if somebody counts that.
    fn account(&self) -> Option<Account> {
        None
    }

    /// How are you?
    fn health(&mut self, context: &Context) -> Health {
        let _ = context;
        Health::Unknown
    }
}

/// What an actor is started as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incarnation {
    /// The address that it keeps over restarts.
    pub id: ActorId,
    /// The name that it is registered under.
    pub name: Option<Rc<str>>,
    /// How many incarnations came before this one.
    pub restarts: u32,
}

/// Why an actor is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// It asked for it, or the job is done.
    Normal,
    /// Its supervisor, or the runtime, is shutting down.
    Shutdown,
    /// It takes part in the restart of a sibling.
    Restart,
}

/// The start failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The actor said so.
    #[error("{0}")]
    Refused(String),
    /// It chose not to be there: that is no failure. Its supervisor keeps what it
    /// knows of it, and starts it again only if told to.
    #[error("it chose not to start")]
    Ignored,
    /// It ended while starting.
    #[error("ended in its start: {0}")]
    Exited(ExitReason),
}

/// How an actor is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It has no way to tell.
    Unknown,
    /// Well.
    Healthy,
    /// Works, but not as it should, and why.
    Degraded(String),
    /// Does not work, and why.
    Unhealthy(String),
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("unknown"),
            Self::Healthy => f.write_str("healthy"),
            Self::Degraded(why) => write!(f, "degraded: {why}"),
            Self::Unhealthy(why) => write!(f, "unhealthy: {why}"),
        }
    }
}

/// What one actor is made from, beyond its blueprint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recipe {
    /// Its configuration: what a guest reads through `config`.
    pub config: BTreeMap<String, String>,
}

/// Makes actors of one kind: a component, or a native type. Known to all shards;
/// each asks it once for a [`Nursery`] of its own.
pub trait Blueprint: Send + Sync {
    /// What it makes, for logs and reports.
    fn name(&self) -> &str;

    /// What each of them may have at most; none set is what the shard gives any actor.
    fn quotas(&self) -> Option<Quotas> {
        None
    }

    /// The part of it that lives on one shard. Called on that shard's thread.
    ///
    /// # Errors
    /// Why this shard cannot have one.
    fn nursery(&self, shard: ShardId, context: Rc<Context>) -> Result<Box<dyn Nursery>, CreateError>;
}

/// A shard's own supply of actors of one kind.
pub trait Nursery {
    /// Makes one, not yet started.
    ///
    /// # Errors
    /// [`CreateError::Exhausted`] means: later.
    fn create(&mut self, recipe: &Recipe) -> Result<Box<dyn Child>, CreateError>;

    /// Called in idle turns: does a little work ahead of need. Is there more?
    fn tend(&mut self) -> bool {
        false
    }

    /// Somebody else finds no room: lets one go that was made ahead of need. Did it?
    fn give_back(&mut self) -> bool {
        false
    }

    /// When it wants to be [tended](Self::tend) next, in ns on the runtime's clock,
    /// even if nothing happens until then.
    fn tend_at_ns(&self) -> Option<u64> {
        None
    }
}

/// An actor could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// No room now: a pool is used up. Try again, after a while.
    #[error("no room for another instance: {0}")]
    Exhausted(String),
    /// It cannot be made.
    #[error("{0}")]
    Failed(String),
}
