//! `processes`: other actors' lives.

use wasmtime::component::LinkerInstance;
use wasmtime::{Error, Result};

use super::super::abi::{ExitReason, ProcessError, SpawnOptions};
use super::access::Right;
use super::{Host, HostError, HostState};
use crate::actor::{self, ActorId, NewActor, SendError};

type Done = std::result::Result<(), ProcessError>;
type Number = std::result::Result<u64, ProcessError>;

/// The most bytes of configuration that an actor gives to one that it spawns: they are
/// kept for as long as that one lives.
const CONFIG_BYTES_MAX: usize = 64 << 10;
/// The most bytes of a reason in words: it goes to everyone whom that concerns.
const REASON_BYTES_MAX: usize = 1024;

pub(super) fn link(processes: &mut LinkerInstance<'_, HostState>) -> Result<()> {
    processes.func_wrap("spawn", |mut host: Host, (options,): (SpawnOptions,)| {
        host.data().own_id()?;
        Ok((spawn(host.data_mut(), options),))
    })?;
    processes.func_wrap("link", |mut host: Host, (other,): (u64,)| {
        host.data().own_id()?;
        Ok((link_to(host.data_mut(), other),))
    })?;
    processes.func_wrap("unlink", |host: Host, (other,): (u64,)| {
        host.data().own_id()?;
        match ActorId::from_bits(other) {
            Some(other) => host.data().context.get().unlink(other).map_err(flooded),
            None => Ok(()),
        }
    })?;
    processes.func_wrap("monitor", |mut host: Host, (other,): (u64,)| {
        host.data().own_id()?;
        Ok((monitor(host.data_mut(), other),))
    })?;
    processes.func_wrap("demonitor", |host: Host, (monitor,): (u64,)| {
        host.data().own_id()?;
        Ok((host.data().context.get().demonitor(monitor).map_err(flooded)?,))
    })?;
    processes.func_wrap("trap-exits", |host: Host, (on,): (bool,)| {
        host.data().own_id()?;
        host.data().context.get().trap_exits(on);
        Ok(())
    })?;
    processes.func_wrap("exit-other", |mut host: Host, (other, reason): (u64, ExitReason)| {
        host.data().own_id()?;
        Ok((exit_other(host.data_mut(), other, reason),))
    })
}

/// What has no error to return ends the guest.
fn flooded(error: SendError) -> Error {
    Error::new(HostError(error.to_string()))
}

fn spawn(state: &mut HostState, options: SpawnOptions) -> Number {
    let SpawnOptions { component, name, config, linked } = options;
    let spawned = state.may_use("spawn", |state| &state.terms.grants.spawn, &component);
    let named = match &name {
        Some(name) => state.may_use("register", |state| &state.terms.grants.register, name),
        None => Ok(()),
    };
    spawned.and(named).map_err(ProcessError::AccessDenied)?;
    let config_bytes: usize = config.iter().map(|(key, value)| key.len() + value.len()).sum();
    if config_bytes > CONFIG_BYTES_MAX {
        let why = format!("a configuration of {config_bytes} bytes, and the most is {CONFIG_BYTES_MAX}");
        return Err(ProcessError::QuotaExceeded(why));
    }
    if linked {
        may_have_another(state)?;
    }
    let children_max = state.terms.limits.children_max;
    let config = config.into_iter().collect();
    let new = NewActor { component, name, config, linked, children_max };
    match state.context.get().spawn(new) {
        Ok(actor) => {
            state.raise(actor);
            Ok(actor.to_bits())
        }
        Err(actor::NotSpawned::Quota { what, most }) => {
            state.usage.denied += 1;
            Err(ProcessError::QuotaExceeded(format!("children_max: {most} {what}")))
        }
        Err(actor::NotSpawned::NoSuchComponent(name)) => Err(ProcessError::NoSuchComponent(name)),
        Err(other) => Err(ProcessError::Other(other.to_string())),
    }
}

fn link_to(state: &mut HostState, other: u64) -> Done {
    let Some(other) = ActorId::from_bits(other) else { return Err(nobody()) };
    state.may(Right::Link, other).map_err(ProcessError::AccessDenied)?;
    may_have_another(state)?;
    state.context.get().link(other).map_err(ProcessError::from)
}

fn monitor(state: &mut HostState, other: u64) -> Number {
    let Some(other) = ActorId::from_bits(other) else { return Err(nobody()) };
    if !state.knows(other) {
        // One of the rights that would do, for the error.
        state.may(Right::Send, other).map_err(ProcessError::AccessDenied)?;
    }
    may_have_another(state)?;
    state.context.get().monitor(other).map_err(ProcessError::from)
}

fn exit_other(state: &mut HostState, other: u64, reason: ExitReason) -> Done {
    let Some(other) = ActorId::from_bits(other) else { return Err(nobody()) };
    state.may(Right::Link, other).map_err(ProcessError::AccessDenied)?;
    let reason = match reason {
        ExitReason::Failed(why) => {
            ExitReason::Failed(why[..why.floor_char_boundary(REASON_BYTES_MAX)].to_owned())
        }
        other => other,
    };
    state.context.get().exit_other(other, reason.into()).map_err(ProcessError::from)
}

/// Is there room for one more link or monitor?
fn may_have_another(state: &mut HostState) -> Done {
    let most = state.terms.limits.relations_max;
    if state.context.get().relations() < most as usize {
        return Ok(());
    }
    state.usage.denied += 1;
    Err(ProcessError::QuotaExceeded(format!("relations_max: {most} links and monitors")))
}

fn nobody() -> ProcessError {
    ProcessError::Other("0 is nobody's address".into())
}
