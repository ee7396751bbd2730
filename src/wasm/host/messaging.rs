//! `messaging`: messages to other actors.

use wasmtime::Result;
use wasmtime::component::{LinkerInstance, WasmList};

use super::super::abi::SendError;
use super::{Host, HostState};
use crate::actor::{ActorId, ExitReason};

type Sent = std::result::Result<(), SendError>;

pub(super) fn link(messaging: &mut LinkerInstance<'_, HostState>) -> Result<()> {
    messaging.func_wrap("send", |host: Host, (to, payload): (u64, WasmList<u8>)| {
        Ok((send(&host, to, &payload)?,))
    })?;
    messaging.func_wrap("own-id", |host: Host, (): ()| Ok((host.data().own_id()?.to_bits(),)))?;
    messaging.func_wrap("exit", |host: Host, (): ()| {
        host.data().own_id()?;
        host.data().context.get().exit(ExitReason::Normal);
        Ok(())
    })
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
