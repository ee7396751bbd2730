//! VOCABULARY: the words that every layer above the floor shares.
//!
//! An actor is reached by its [`ActorId`], is handed [`Message`]s one at a time,
//! and answers through its [`Outcome`] and through the [`Effect`]s that it records
//! in its [`Context`]. It never calls the shard that runs it: effects are applied,
//! in order, after it returns. So the planes that run actors ([`shard`]) and those
//! that implement them ([`wasm`]) never import each other; they meet at the two
//! traits [`Actor`] and [`Child`], and at the factory of both, [`Blueprint`].
//!
//! [`shard`]: crate::shard
//! [`wasm`]: crate::wasm

mod child;
mod context;
mod effect;
mod exit;
mod id;
mod message;
mod native;
mod payload;

pub use child::{
    Actor, Blueprint, Child, CreateError, Health, Incarnation, Nursery, Outcome, Recipe, StartError,
    StopReason,
};
pub use context::{Context, View};
pub use effect::Effect;
pub use exit::{ExitReason, TrapCause};
pub use id::{ActorId, Key, ParseKeyError, RequestId, ShardId};
pub use message::{DeadReason, Failure, Message, RequestError, SendError};
pub use native::Native;
pub use payload::Payload;
