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
//! [`Lifecycle`], [`Health`] and [`Batch`] are optional. An actor that implements
//! them names them, and only then exports them: `actor!(Counter: lifecycle, health)`.
//!
//! A panic is a trap: it ends this incarnation of the actor, and its supervisor
//! decides what happens next. An `Err(Failure)` ends nothing.

mod arena;
mod batch;
mod bindings;

pub use arena::Arena;
pub use batch::{Batch, Frame, Frames};
pub use bindings::exports::health::Status;
pub use bindings::exports::lifecycle::{Start, StopReason};
pub use bindings::imports::raddle::actor::log::Level;
pub use bindings::imports::raddle::actor::types::{ActorId, Failure, RequestError, SendError};

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
}

/// Is told when the actor starts and stops.
pub trait Lifecycle: Actor {
    /// Called once, before the first message. An error is a failed start.
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

/// Send a message. It leaves when this call of the guest returns.
///
/// # Errors
/// See [`SendError`]. With `?` it becomes the [`Failure`] that fits: one worth a
/// retry if the receiver was only busy.
pub fn send(to: ActorId, payload: &[u8]) -> Result<(), SendError> {
    host::messaging::send(to, payload)
}

/// Ask an actor and wait for its reply, at most this long.
///
/// An actor that uses it is *suspendable*: while it waits, its shard runs its
/// neighbours, and it takes no other message itself.
///
/// # Errors
/// Why there is no reply.
pub fn ask(to: ActorId, payload: &[u8], timeout: std::time::Duration) -> Result<Vec<u8>, RequestError> {
    let timeout_ns = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
    bindings::suspends::raddle::actor::ask::ask(to, payload, timeout_ns)
}

/// The address of this actor.
pub fn own_id() -> ActorId {
    host::messaging::own_id()
}

/// Stop after this message, with the reason `normal`.
pub fn exit() {
    host::messaging::exit();
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

/// Makes a type the actor of this component, and exports what it implements:
/// `actor!(Echo)`, or `actor!(Counter: lifecycle, health)`.
#[macro_export]
macro_rules! actor {
    ($actor:ty $(: $($optional:ident),+)?) => {
        const _: () = {
            ::std::thread_local! {
                static ACTOR: ::core::cell::RefCell<$actor> =
                    ::core::cell::RefCell::new(<$actor as ::core::default::Default>::default());
            }
            $crate::__export!(handler, $actor, ACTOR);
            $($($crate::__export!($optional, $actor, ACTOR);)+)?
        };
    };
}

/// One export of [`actor!`]. Names such as `raddle:actor/handler@0.1.0#handle`
/// only link on wasm; elsewhere, in unit tests, the types are checked and no more.
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    (handler, $actor:ty, $instance:ident) => {
        struct Handler;
        impl $crate::__bindings::handler::Guest for Handler {
            fn handle(sender: $crate::ActorId, payload: ::std::vec::Vec<u8>) -> $crate::Answer {
                $instance.with_borrow_mut(|actor| {
                    <$actor as $crate::Actor>::handle(actor, sender, payload)
                })
            }
        }
        #[cfg(target_family = "wasm")]
        $crate::__bindings::handler::export!(Handler with_types_in $crate::__bindings::handler);
        const _: fn() = $crate::__bindings::handler::assert_guest::<Handler>;
    };
    (lifecycle, $actor:ty, $instance:ident) => {
        struct Lifecycle;
        impl $crate::__bindings::lifecycle::Guest for Lifecycle {
            fn init(start: $crate::Start) -> ::core::result::Result<(), ::std::string::String> {
                $instance.with_borrow_mut(|actor| <$actor as $crate::Lifecycle>::init(actor, start))
            }
            fn stop(reason: $crate::StopReason) {
                $instance.with_borrow_mut(|actor| <$actor as $crate::Lifecycle>::stop(actor, reason))
            }
        }
        #[cfg(target_family = "wasm")]
        $crate::__bindings::lifecycle::export!(Lifecycle with_types_in $crate::__bindings::lifecycle);
        const _: fn() = $crate::__bindings::lifecycle::assert_guest::<Lifecycle>;
    };
    (health, $actor:ty, $instance:ident) => {
        struct Health;
        impl $crate::__bindings::health::Guest for Health {
            fn check() -> $crate::Status {
                $instance.with_borrow_mut(|actor| <$actor as $crate::Health>::check(actor))
            }
        }
        #[cfg(target_family = "wasm")]
        $crate::__bindings::health::export!(Health with_types_in $crate::__bindings::health);
        const _: fn() = $crate::__bindings::health::assert_guest::<Health>;
    };
    (batch, $actor:ty, $instance:ident) => {
        struct BatchHandler;
        impl $crate::__bindings::batch_handler::Guest for BatchHandler {
            fn handle_batch(frames: ::std::vec::Vec<u8>) -> u32 {
                $instance.with_borrow_mut(|actor| $crate::__handle_batch(actor, &frames))
            }
        }
        #[cfg(target_family = "wasm")]
        $crate::__bindings::batch_handler::export!(BatchHandler with_types_in $crate::__bindings::batch_handler);
        const _: fn() = $crate::__bindings::batch_handler::assert_guest::<BatchHandler>;
    };
    ($unknown:ident, $actor:ty, $instance:ident) => {
        ::core::compile_error!(::core::concat!(
            "`", ::core::stringify!($unknown), "`: an actor exports `batch`, `lifecycle` and `health`"
        ));
    };
}

#[doc(hidden)]
pub use batch::handle_batch as __handle_batch;
#[doc(hidden)]
pub use bindings::exports as __bindings;
