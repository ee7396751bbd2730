//! The contract's imports: what a guest can ask of its host.
//!
//! A host function records an effect in the shard's context, or reads; it never
//! calls the shard. Arguments are read where they lie, in the guest's memory.

use std::collections::BTreeMap;
use std::rc::Rc;

use wasmtime::component::{Linker, WasmList, WasmStr};
use wasmtime::{Result, StoreContextMut};

use super::abi::{Level, SendError};
use super::deadline::Deadline;
use super::limits::{Limiter, Limits};
use super::thread_bound::ThreadBound;
use super::wasi::WasiState;
use crate::actor::{ActorId, Context, ExitReason};

/// Interfaces of the contract that a guest may import, without their version.
pub(super) const INTERFACES: [&str; 5] = [
    "raddle:actor/types",
    "raddle:actor/messaging",
    "raddle:actor/registry",
    "raddle:actor/log",
    "raddle:actor/config",
];

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
    pub(super) message_bytes_max: usize,
    pub(super) wasi_resources_max: usize,
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
        Self {
            context: ThreadBound::new(context),
            identity: None,
            config: BTreeMap::new(),
            limiter: Limiter::new(limits),
            deadline,
            message_bytes_max: limits.message_bytes_max,
            wasi_resources_max: limits.wasi_resources_max,
            wasi: None,
        }
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
type Sent = std::result::Result<(), SendError>;

/// Adds the contract's imports.
pub(super) fn link(linker: &mut Linker<HostState>) -> Result<()> {
    let mut messaging = linker.instance("raddle:actor/messaging@0.1.0")?;
    messaging.func_wrap("send", |host: Host, (to, payload): (u64, WasmList<u8>)| {
        Ok((send(&host, to, &payload)?,))
    })?;
    messaging.func_wrap("own-id", |host: Host, (): ()| Ok((host.data().own_id()?.to_bits(),)))?;
    messaging.func_wrap("exit", |host: Host, (): ()| {
        host.data().own_id()?;
        host.data().context.get().exit(ExitReason::Normal);
        Ok(())
    })?;

    let mut registry = linker.instance("raddle:actor/registry@0.1.0")?;
    registry.func_wrap("lookup", |host: Host, (name,): (WasmStr,)| {
        let name = name.to_str(&host)?;
        Ok((host.data().context.get().lookup(&name).map(ActorId::to_bits),))
    })?;

    let mut log = linker.instance("raddle:actor/log@0.1.0")?;
    log.func_wrap("log", |host: Host, (level, context, message): (Level, WasmStr, WasmStr)| {
        self::log(&host, level, &context, &message)
    })?;

    let mut config = linker.instance("raddle:actor/config@0.1.0")?;
    config.func_wrap("get", |host: Host, (key,): (WasmStr,)| {
        let key = key.to_str(&host)?;
        Ok((host.data().config.get(&*key).cloned(),))
    })?;
    config.func_wrap("get-all", |host: Host, (): ()| {
        let pairs = host.data().config.iter().map(|(key, value)| (key.clone(), value.clone()));
        Ok((pairs.collect::<Vec<(String, String)>>(),))
    })?;
    Ok(())
}

fn send(host: &Host<'_>, to: u64, payload: &WasmList<u8>) -> Result<Sent> {
    let state = host.data();
    state.own_id()?;
    let Some(to) = ActorId::from_bits(to) else { return Ok(Err(SendError::NoSuchActor)) };
    let bytes = payload.as_le_slice(host);
    if bytes.len() > state.message_bytes_max {
        return Ok(Err(SendError::too_large(state.message_bytes_max)));
    }
    Ok(state.context.get().send_bytes(to, bytes).map_err(SendError::from))
}

fn log(host: &Host<'_>, level: Level, context: &WasmStr, message: &WasmStr) -> Result<()> {
    macro_rules! event {
        ($level:ident) => {
            if tracing::enabled!(target: "raddle::guest", tracing::Level::$level) {
                let (context, message) = (context.to_str(host)?, message.to_str(host)?);
                let identity = host.data().identity.as_ref();
                let id = identity.map(|identity| tracing::field::display(identity.id));
                let name = identity.and_then(Identity::name);
                tracing::event!(
                    target: "raddle::guest",
                    tracing::Level::$level,
                    actor = id,
                    name,
                    context = (!context.is_empty()).then_some(&*context),
                    "{message}"
                );
            }
        };
    }
    match level {
        Level::Trace => event!(TRACE),
        Level::Debug => event!(DEBUG),
        Level::Info => event!(INFO),
        Level::Warn => event!(WARN),
        Level::Error | Level::Critical => event!(ERROR),
    }
    Ok(())
}
