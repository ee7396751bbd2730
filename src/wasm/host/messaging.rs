//! `messaging`: messages to other actors.

use wasmtime::component::{LinkerInstance, WasmList};
use wasmtime::{Error, Result};

use super::super::abi::SendError;
use super::access::Right;
use super::progress::finished_so_far;
use super::{Host, HostError, HostState};
use crate::actor::{ActorId, ExitReason};

type Sent = std::result::Result<(), SendError>;

pub(super) fn link(messaging: &mut LinkerInstance<'_, HostState>) -> Result<()> {
    messaging.func_wrap("send", |mut host: Host, (to, payload): (u64, WasmList<u8>)| {
        Ok((send(&mut host, to, &payload)?,))
    })?;
    messaging.func_wrap("own-id", |host: Host, (): ()| Ok((host.data().own_id()?.to_bits(),)))?;
    messaging.func_wrap("exit", |mut host: Host, (): ()| {
        host.data().own_id()?;
        if !host.data().context.get().is_exiting() {
            host.data_mut().exited_at = finished_so_far(&host);
            host.data().context.get().exit(ExitReason::Normal);
        }
        Ok(())
    })?;
    messaging.func_wrap("ignore-start", |mut host: Host, (): ()| {
        host.data().usage.count_host_call();
        match &mut host.data_mut().ignores_start {
            Some(ignores) => *ignores = true,
            None => {
                return Err(Error::new(HostError(
                    "`ignore-start` is for `init`, and this is not in it".into(),
                )));
            }
        }
        Ok(())
    })
}

fn send(host: &mut Host<'_>, to: u64, payload: &WasmList<u8>) -> Result<Sent> {
    let to = match receiver(host, Right::Send, to, payload)? {
        Ok(to) => to,
        Err(error) => return Ok(Err(error)),
    };
    let bytes = payload.as_le_slice(&*host);
    Ok(host.data().context.get().send_bytes(to, bytes).map_err(SendError::from))
}

/// Who that is, if it may have these bytes.
#[inline]
pub(super) fn receiver(
    host: &mut Host<'_>,
    right: Right,
    to: u64,
    payload: &WasmList<u8>,
) -> Result<std::result::Result<ActorId, SendError>> {
    let state = host.data_mut();
    state.own_id()?;
    let Some(to) = ActorId::from_bits(to) else { return Ok(Err(SendError::NoSuchActor)) };
    if let Err(why) = state.may(right, to) {
        return Ok(Err(SendError::AccessDenied(why)));
    }
    let bytes_max = state.terms.limits.message_bytes_max;
    if payload.as_le_slice(&*host).len() > bytes_max {
        return Ok(Err(SendError::too_large(bytes_max)));
    }
    Ok(Ok(to))
}
