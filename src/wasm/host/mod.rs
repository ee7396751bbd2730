//! The contract's imports: what a guest can ask of its host. A file per interface.
//!
//! A host function records an effect in the shard's context, or reads; it never
//! calls the shard. Arguments are read where they lie, in the guest's memory.

mod access;
mod ask;
mod config;
mod groups;
mod inbox;
mod log;
mod messaging;
mod processes;
mod progress;
mod registry;
mod requests;
mod timers;
mod topics;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use wasmtime::component::{Linker, WasmList, WasmStr};
use wasmtime::{ResourceLimiter, Result, StoreContextMut, UpdateDeadline};

use access::Acquaintances;

use super::abi::Region;
use super::deadline::{Deadline, TimeLimits};
use super::desk::Desk;
use super::engine::Engine;
use super::grants::Grants;
use super::limits::{Limiter, Limits};
use super::thread_bound::ThreadBound;
use super::usage::{Rate, Usage, Window};
use super::wasi::WasiState;
use crate::actor::{Account, ActorId, Context, ExitReason, SendError};

/// Interfaces of the contract that a guest may import, without their version.
pub(super) const INTERFACES: [&str; 13] = [
    "raddle:actor/types",
    "raddle:actor/messaging",
    "raddle:actor/requests",
    "raddle:actor/ask",
    "raddle:actor/topics",
    "raddle:actor/groups",
    "raddle:actor/timers",
    "raddle:actor/processes",
    "raddle:actor/registry",
    "raddle:actor/log",
    "raddle:actor/config",
    "raddle:actor/progress",
    "raddle:actor/inbox",
];

/// What makes a component suspendable.
pub(super) const ASK: &str = "raddle:actor/ask@0.1.0";

/// A host function that cannot do what it was asked. It ends the actor.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct HostError(pub String);

/// What all actors of a blueprint have in common.
pub(super) struct Terms {
    pub(super) engine: Engine,
    pub(super) component: String,
    pub(super) limits: Limits,
    pub(super) grants: Grants,
    /// Does it matter who sent a message?
    minds_senders: bool,
    pub(super) window: Window,
    pub(super) times: TimeLimits,
}

impl Terms {
    pub(super) fn new(engine: Engine, component: String, limits: Limits, grants: Grants) -> Self {
        let minds_senders = grants.send.has_senders() || grants.ask.has_senders();
        let tick = engine.config().epoch_period;
        let (window, times) = (Window::new(&limits, tick), TimeLimits::new(&limits, tick));
        Self { engine, component, limits, grants, minds_senders, window, times }
    }
}

/// What belongs to one store. What every call touches lies together, since most of what a
/// seldom called guest costs is to fetch it: from the end of `usage` to the begin of `deadline`.
#[repr(C)]
pub(super) struct HostState {
    pub(super) usage: Usage,
    /// Who it is, once it is started.
    pub(super) identity: Option<Identity>,
    pub(super) terms: Arc<Terms>,
    /// While it starts: has it chosen not to be there?
    pub(super) ignores_start: Option<bool>,
    /// Its requests that wait for their outcome in `reply-handler`.
    pub(super) requests_open: u32,
    /// Where in the guest's memory messages may be put.
    pub(super) inbox: Region,
    /// Who sent what is being handled, where that says whom it may send to.
    senders: Vec<u64>,
    pub(super) deadline: Deadline,
    pub(super) context: ThreadBound<Rc<Context>>,
    pub(super) limiter: Limiter,
    /// Made when it first finds somebody.
    acquaintances: Option<Box<Acquaintances>>,
    pub(super) config: BTreeMap<String, String>,
    /// Of a suspendable actor.
    desk: Option<ThreadBound<Rc<Desk>>>,
    log_rate: Rate,
    /// How many messages of a batch it had finished when it asked to stop.
    pub(super) exited_at: Option<usize>,
    /// Where the guest counts what it has finished of a batch.
    pub(super) progress: Option<Box<WasmList<u8>>>,
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
    pub(super) fn new(context: Rc<Context>, terms: Arc<Terms>, deadline: Deadline) -> Self {
        let desk = deadline.gives_way().then(|| ThreadBound::new(Rc::default()));
        Self {
            desk,
            context: ThreadBound::new(context),
            identity: None,
            config: BTreeMap::new(),
            limiter: Limiter::default(),
            deadline,
            usage: Usage::default(),
            acquaintances: None,
            senders: Vec::new(),
            requests_open: 0,
            log_rate: Rate::new(terms.limits.log_lines_per_s_max),
            terms,
            ignores_start: None,
            exited_at: None,
            progress: None,
            inbox: Region::default(),
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

    /// What it has used so far.
    #[inline]
    pub(super) fn account(&self) -> Account {
        let account = self.usage.account(self.limiter.memory_bytes());
        Account { denied: account.denied + self.wasi.as_ref().map_or(0, |wasi| wasi.denied()), ..account }
    }

    /// Why it may not be called any more, if it may not.
    #[inline]
    pub(super) fn over(&self) -> Option<ExitReason> {
        self.usage.over(&self.terms.window)
    }

    /// The deadline of the call has passed: has its time?
    pub(super) fn deadline_passed(&mut self) -> UpdateDeadline {
        self.deadline.passed(&self.terms.times)
    }

    /// It handles a message of this one.
    #[inline]
    pub(super) fn hear(&mut self, from: Option<ActorId>) {
        if self.terms.minds_senders {
            self.senders.extend(from.map(ActorId::to_bits));
        }
    }

    /// It handles messages of all of these.
    #[inline]
    pub(super) fn hear_all(&mut self, frames: &super::abi::Frames<'_>) {
        if self.terms.minds_senders {
            frames.each_sender(|sender| self.senders.push(sender.to_bits()));
        }
    }

    /// What it had heard is over.
    #[inline]
    pub(super) fn forget_senders(&mut self) {
        self.senders.clear();
    }

    /// Its address, for a function of the host that it calls.
    ///
    /// # Errors
    /// Before it is started, when its code runs ahead of need in the pool.
    fn own_id(&self) -> Result<ActorId> {
        self.usage.count_host_call();
        match &self.identity {
            Some(identity) => Ok(identity.id),
            None => Err(wasmtime::Error::new(HostError(
                "the guest called its host while it was being instantiated: it is nobody before `init`"
                    .into(),
            ))),
        }
    }
}

impl ResourceLimiter for HostState {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        Ok(self.limiter.memory_growing(&self.terms.limits, current, desired, maximum))
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> Result<()> {
        self.limiter.memory_grow_failed();
        Ok(())
    }

    fn table_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        Ok(self.limiter.table_growing(&self.terms.limits, desired, maximum))
    }

    fn instances(&self) -> usize {
        self.terms.limits.core_instances_max
    }

    fn tables(&self) -> usize {
        self.terms.limits.tables_max
    }

    fn memories(&self) -> usize {
        self.terms.limits.memories_max
    }
}

type Host<'a> = StoreContextMut<'a, HostState>;

/// Counts what was refused for being over a limit.
fn counted<T>(
    host: &mut Host<'_>,
    outcome: std::result::Result<T, SendError>,
) -> std::result::Result<T, SendError> {
    host.data_mut().usage.denied += u64::from(matches!(outcome, Err(SendError::Quota { .. })));
    outcome
}

/// More than any name, subject or filter has.
const NAME_BYTES_MAX: usize = 4096;

/// A name, of which no more is copied than a name may have.
fn name(host: &Host<'_>, text: &WasmStr) -> Result<String> {
    let text = text.to_str(host)?;
    Ok(text[..text.floor_char_boundary(NAME_BYTES_MAX)].to_owned())
}

/// Adds the contract's imports.
pub(super) fn link(linker: &mut Linker<HostState>) -> Result<()> {
    messaging::link(&mut linker.instance("raddle:actor/messaging@0.1.0")?)?;
    requests::link(&mut linker.instance("raddle:actor/requests@0.1.0")?)?;
    topics::link(&mut linker.instance("raddle:actor/topics@0.1.0")?)?;
    groups::link(&mut linker.instance("raddle:actor/groups@0.1.0")?)?;
    timers::link(&mut linker.instance("raddle:actor/timers@0.1.0")?)?;
    processes::link(&mut linker.instance("raddle:actor/processes@0.1.0")?)?;
    registry::link(&mut linker.instance("raddle:actor/registry@0.1.0")?)?;
    log::link(&mut linker.instance("raddle:actor/log@0.1.0")?)?;
    config::link(&mut linker.instance("raddle:actor/config@0.1.0")?)?;
    progress::link(&mut linker.instance("raddle:actor/progress@0.1.0")?)?;
    inbox::link(&mut linker.instance("raddle:actor/inbox@0.1.0")?)
}

/// Adds what only suspendable actors may import.
pub(super) fn link_ask(linker: &mut Linker<HostState>) -> Result<()> {
    ask::link(&mut linker.instance(ASK)?)
}

pub(super) use progress::finished_of_batch;
