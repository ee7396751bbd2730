//! The contract's imports: what a guest can ask of its host. A file per interface.
//!
//! A host function records an effect in the shard's context, or reads; it never
//! calls the shard. Arguments are read where they lie, in the guest's memory.

mod ask;
mod config;
mod groups;
mod log;
mod messaging;
mod progress;
mod registry;
mod requests;
mod timers;
mod topics;

use std::collections::BTreeMap;
use std::rc::Rc;

use wasmtime::component::{Linker, WasmList};
use wasmtime::{Result, StoreContextMut};

use super::deadline::Deadline;
use super::desk::Desk;
use super::limits::{Limiter, Limits};
use super::thread_bound::ThreadBound;
use super::wasi::WasiState;
use crate::actor::{ActorId, Context};

/// Interfaces of the contract that a guest may import, without their version.
pub(super) const INTERFACES: [&str; 11] = [
    "raddle:actor/types",
    "raddle:actor/messaging",
    "raddle:actor/requests",
    "raddle:actor/ask",
    "raddle:actor/topics",
    "raddle:actor/groups",
    "raddle:actor/timers",
    "raddle:actor/registry",
    "raddle:actor/log",
    "raddle:actor/config",
    "raddle:actor/progress",
];

/// What makes a component suspendable.
pub(super) const ASK: &str = "raddle:actor/ask@0.1.0";

/// A host function that cannot do what it was asked. It ends the actor.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct HostError(pub String);

/// What belongs to one store.
pub(super) struct HostState {
    pub(super) context: ThreadBound<Rc<Context>>,
    /// Who it is, once it is started.
    pub(super) identity: Option<Identity>,
    pub(super) config: BTreeMap<String, String>,
    pub(super) limiter: Limiter,
    pub(super) deadline: Deadline,
    /// Of a suspendable actor.
    desk: Option<ThreadBound<Rc<Desk>>>,
    pub(super) message_bytes_max: usize,
    pub(super) wasi_resources_max: usize,
    /// Where the guest counts what it has finished of a batch.
    pub(super) progress: Option<WasmList<u8>>,
    /// Made when it is first used.
    pub(super) wasi: Option<Box<WasiState>>,
}

/// Who an actor is.
pub(super) struct Identity {
    pub(super) id: ActorId,
    name: ThreadBound<Option<Rc<str>>>,
}

impl Identity {
    pub(super) fn new(id: ActorId, name: Option<Rc<str>>) -> Self {
        Self { id, name: ThreadBound::new(name) }
    }

    /// What it is registered as.
    pub(super) fn name(&self) -> Option<&str> {
        self.name.get().as_deref()
    }
}

impl HostState {
    pub(super) fn new(context: Rc<Context>, limits: &Limits, deadline: Deadline) -> Self {
        let desk = deadline.gives_way().then(|| ThreadBound::new(Rc::default()));
        Self {
            desk,
            context: ThreadBound::new(context),
            identity: None,
            config: BTreeMap::new(),
            limiter: Limiter::new(limits),
            deadline,
            message_bytes_max: limits.message_bytes_max,
            wasi_resources_max: limits.wasi_resources_max,
            progress: None,
            wasi: None,
        }
    }

    /// Where it meets its future.
    ///
    /// # Panics
    /// If it is not suspendable: a bug.
    pub(super) fn desk(&self) -> Rc<Desk> {
        self.desk.as_ref().expect("only suspendable actors have one").get().clone()
    }

    /// Its address.
    ///
    /// # Errors
    /// Before it is started, when its code runs ahead of need in the pool.
    fn own_id(&self) -> Result<ActorId> {
        match &self.identity {
            Some(identity) => Ok(identity.id),
            None => Err(wasmtime::Error::new(HostError(
                "the guest called its host while it was being instantiated: it is nobody before `init`"
                    .into(),
            ))),
        }
    }
}

type Host<'a> = StoreContextMut<'a, HostState>;

/// Adds the contract's imports.
pub(super) fn link(linker: &mut Linker<HostState>) -> Result<()> {
    messaging::link(&mut linker.instance("raddle:actor/messaging@0.1.0")?)?;
    requests::link(&mut linker.instance("raddle:actor/requests@0.1.0")?)?;
    topics::link(&mut linker.instance("raddle:actor/topics@0.1.0")?)?;
    groups::link(&mut linker.instance("raddle:actor/groups@0.1.0")?)?;
    timers::link(&mut linker.instance("raddle:actor/timers@0.1.0")?)?;
    registry::link(&mut linker.instance("raddle:actor/registry@0.1.0")?)?;
    log::link(&mut linker.instance("raddle:actor/log@0.1.0")?)?;
    config::link(&mut linker.instance("raddle:actor/config@0.1.0")?)?;
    progress::link(&mut linker.instance("raddle:actor/progress@0.1.0")?)
}

/// Adds what only suspendable actors may import.
pub(super) fn link_ask(linker: &mut Linker<HostState>) -> Result<()> {
    ask::link(&mut linker.instance(ASK)?)
}

pub(super) use progress::finished_of_batch;
