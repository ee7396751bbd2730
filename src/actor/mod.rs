//! VOCABULARY: the words that every layer above the floor shares.
//!
//! An actor is reached by its [`ActorId`], is handed [`Message`]s one at a time,
//! and answers through its [`Outcome`]. What it wants of the world it says to its
//! [`Context`]: what it sends goes straight to where messages wait, everything else
//! is recorded as [`Effect`]s and done, in order, after it returned. It never
//! calls the shard that runs it. So the planes that run actors ([`shard`]) and those
//! that implement them ([`wasm`]) never import each other; they meet at the two
//! traits [`Actor`] and [`Child`], and at the factory of both, [`Blueprint`].
//!
//! [`shard`]: crate::shard
//! [`wasm`]: crate::wasm

mod account;
mod attached;
mod child;
mod context;
mod effect;
mod exit;
mod frames;
mod hooks;
mod id;
mod message;
mod naming;
mod native;
mod outcome;
mod payload;
mod quotas;
mod relation;
mod spawning;
mod target;
mod topic;
mod view;

pub use account::Account;
pub use attached::{ASK_CHAIN_MAX, Attached, Chain, Pick};
pub use child::{
    Actor, Blueprint, Child, CreateError, Health, Incarnation, Nursery, Recipe, StartError, StopReason,
};
pub use context::Context;
pub use effect::Effect;
pub use exit::{ExitReason, TrapCause};
#[cfg(feature = "wasm")]
pub(crate) use frames::write_frame;
pub use frames::{Frame, Frames};
pub use hooks::{Hook, HookFault, HookedActor, Hooks, Moment};
pub use id::{ActorId, Key, ParseKeyError, RequestId, ShardId, TimerId};
pub use message::{DeadReason, Envelope, Failure, Message, NotAllSent, RequestError, SendError};
pub use naming::NameTaken;
pub use native::Native;
pub use outcome::{Awaited, Batch, BatchOutcome, Notice, Outcome, Resume};
pub use payload::Payload;
pub(crate) use payload::copy_few;
pub use quotas::Quotas;
pub use relation::Relation;
pub use spawning::{NewActor, NotSpawned};
pub use target::Target;
pub use topic::{Filter, Subject, TOPIC_BYTES_MAX, TOPIC_TOKENS_MAX, TopicError, TopicProblem};
pub use view::{Origin, View};
