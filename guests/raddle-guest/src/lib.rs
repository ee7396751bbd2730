//! Write component actors for Raddle in Rust.
//!
//! An actor is a type with a [`Default`] and a handler. The runtime gives every
//! actor an instance of the component, and with it a memory, of its own; so the
//! type is simply the actor's state:
//!
//! ```
//! use raddle_guest::{Actor, ActorId, Answer};
//!
//! /// Answers with what it was sent.
//! #[derive(Default)]
//! struct Echo;
//!
//! impl Actor for Echo {
//!     fn handle(&mut self, _sender: ActorId, payload: Vec<u8>) -> Answer {
//!         Ok(Some(payload))
//!     }
//! }
//!
//! raddle_guest::actor!(Echo);
//! ```
//!
//! The crate type is `cdylib`, the target `wasm32-unknown-unknown` (then
//! componentised, as `cargo xtask guests` does it) or `wasm32-wasip2` (which is
//! a component already).
//!
//! [`Lifecycle`], [`Health`], [`Replies`], [`Subscriber`], [`Signals`] and [`Names`] are
//! optional. An actor that implements them names them, and only then exports them:
//! `actor!(Counter: lifecycle, health)`. One that has many small messages names `batch`:
//! see [`Actor::handle_in_place`].
//!
//! What an actor may do besides is in modules, by interface: [`requests`], [`topics`],
//! [`groups`], [`timers`], [`processes`], [`names`].
//!
//! A panic is a trap: it ends this incarnation of the actor, and its supervisor
//! decides what happens next. An `Err(Failure)` ends nothing.

mod arena;
mod batch;
mod bindings;
mod exports;
pub mod groups;
mod handler;
mod inbox;
pub mod names;
pub mod processes;
pub mod requests;
pub mod timers;
pub mod topics;

pub use arena::Arena;
pub use batch::{Frame, Frames};
pub use bindings::exports::health::Status;
pub use bindings::exports::lifecycle::{Start, StopReason};
pub use bindings::imports::raddle::actor::log::Level;
pub use bindings::imports::raddle::actor::types::{
    ActorId, ExitReason, Failure, MonitorId, RequestError, RequestId, SendError,
};

use bindings::imports::raddle::actor as host;

/// The sender of a message that came from outside the runtime.
pub const NOBODY: ActorId = 0;

/// What a handler answers: for a request the bytes are the reply, and `None` is
/// an empty one; for a plain message they are dropped.
pub type Answer = Result<Option<Vec<u8>>, Failure>;

/// Handles messages, one at a time.
pub trait Actor: Default {
    /// Handle one message.
    fn handle(&mut self, sender: ActorId, payload: Vec<u8>) -> Answer;

    /// Handle one message where it lies. It must do what [`handle`](Self::handle) does.
    ///
    /// Called instead of that in an actor that names `batch`. Such an actor is entered once
    /// for many messages, which costs little more than entering it for one; and for
    /// a message that comes alone nothing is allocated. After a trap the message that it
    /// was at is known, and the ones behind it go to the next incarnation. What it answers
    /// to a message that is no request is dropped, as ever.
    #[inline]
    fn handle_in_place(&mut self, sender: ActorId, payload: &[u8]) -> Answer {
        self.handle(sender, payload.to_vec())
    }
}

/// Is told when the actor starts and stops.
pub trait Lifecycle: Actor {
    /// Called once, before the first message. An error is a failed start; an actor that
    /// does not want to be there at all calls [`ignore_start`].
    fn init(&mut self, start: Start) -> Result<(), String> {
        let _ = start;
        Ok(())
    }

    /// Called once, after the last message, unless the actor trapped or was
    /// killed.
    fn stop(&mut self, reason: StopReason) {
        let _ = reason;
    }
}

/// Is asked how the actor is.
pub trait Health: Actor {
    /// How are you?
    fn check(&mut self) -> Status;
}

/// Hears the outcomes of its [`requests`].
pub trait Replies: Actor {
    /// A request has its outcome.
    fn handle_reply(&mut self, request: RequestId, outcome: Result<Vec<u8>, RequestError>);
}

/// Gets what is published to [`topics`] that it has subscribed to. An actor that does
/// not export it gets that as plain messages, and is not told the subject.
pub trait Subscriber: Actor {
    /// Handle one publication.
    ///
    /// # Errors
    /// As [`Actor::handle`].
    fn handle_publication(&mut self, subject: &str, sender: ActorId, payload: Vec<u8>)
    -> Result<(), Failure>;
}

/// Hears of the ends of other actors: see [`processes`].
pub trait Signals: Actor {
    /// An actor that it monitored has ended.
    fn handle_down(&mut self, monitor: MonitorId, actor: ActorId, reason: ExitReason) {
        let _ = (monitor, actor, reason);
    }

    /// An actor that it is linked to has ended, or has sent an exit signal, and it
    /// traps exits.
    fn handle_exit(&mut self, actor: ActorId, reason: ExitReason) {
        let _ = (actor, reason);
    }
}

/// Hears of [`names`] that it has asked for, and of those that it watches.
pub trait Names: Actor {
    /// This actor has the name that it had asked for; or who has it.
    fn handle_registered(&mut self, name: &str, outcome: Result<(), ActorId>) {
        let _ = (name, outcome);
    }

    /// Who has a watched name now.
    fn handle_holder(&mut self, name: &str, holder: Option<ActorId>) {
        let _ = (name, holder);
    }
}

/// Send a message. It leaves when this call of the guest returns.
///
/// # Errors
/// See [`SendError`]. With `?` it becomes the [`Failure`] that fits: one worth a
/// retry if the receiver was only busy.
pub fn send(to: ActorId, payload: &[u8]) -> Result<(), SendError> {
    host::messaging::send(to, payload)
}

/// Ask an actor and wait for its reply, at most this long. Without waiting:
/// [`requests::request`].
///
/// An actor that uses it is *suspendable*: while it waits, its shard runs its
/// neighbours, and it takes no other message itself.
///
/// # Errors
/// Why there is no reply.
pub fn ask(to: ActorId, payload: &[u8], timeout: std::time::Duration) -> Result<Vec<u8>, RequestError> {
    bindings::suspends::raddle::actor::ask::ask(to, payload, nanoseconds(timeout))
}

/// The address of this actor.
pub fn own_id() -> ActorId {
    host::messaging::own_id()
}

/// Stop after this message, with the reason `normal`. What is behind it in a batch is
/// not handled.
pub fn exit() {
    host::messaging::exit();
    batch::leave();
}

/// Within [`Lifecycle::init`]: choose not to be there. When `init` has returned `Ok`, the
/// actor is gone, and that is no failure: its supervisor does not start it again unless
/// told to. Anywhere else it traps.
pub fn ignore_start() {
    host::messaging::ignore_start();
}

/// Who is registered under this name. Cache it: an address stays good for as
/// long as the actor lives, restarts included.
pub fn lookup(name: &str) -> Option<ActorId> {
    host::registry::lookup(name)
}

/// The value of a key of this actor's configuration, if it is set.
pub fn config(key: &str) -> Option<String> {
    host::config::get(key)
}

/// This actor's configuration, every key and its value.
pub fn config_all() -> Vec<(String, String)> {
    host::config::get_all()
}

/// One log line; `context` says which part of the guest speaks.
pub fn log(level: Level, context: &str, message: &str) {
    host::log::log(level, context, message);
}

/// Log the message of a panic before it traps. Without this a panic says
/// nothing. Call it once, in `Default::default` or `init`; it costs some 10 KB.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        log(Level::Critical, "panic", &panic.to_string());
    }));
}

fn nanoseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl From<SendError> for Failure {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Full => Failure::Retry("the receiver's mailbox is full".into()),
            SendError::QuotaExceeded(quota) => Failure::Retry(format!("quota exceeded: {quota}")),
            SendError::NoSuchActor => Failure::Other("the receiver is gone".into()),
            SendError::MessageTooLarge(limit) => Failure::Other(format!("message larger than {limit} bytes")),
            SendError::AccessDenied(why) => Failure::Other(format!("access denied: {why}")),
            SendError::Other(why) => Failure::Other(why),
        }
    }
}

#[doc(hidden)]
pub use batch::handle_frames as __handle_frames;
#[doc(hidden)]
pub use handler::{Flat as __Flat, assert_actor as __assert_actor, enter as __enter, handle as __handle};
#[doc(hidden)]
pub use bindings::exports as __bindings;
