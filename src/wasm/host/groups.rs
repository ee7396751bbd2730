//! `groups`: actors under one name.

use wasmtime::Result;
use wasmtime::component::{LinkerInstance, WasmList, WasmStr};

use super::super::abi::SendError;
use super::{Host, HostState};
use crate::actor::{ActorId, Context};

pub(super) fn link(groups: &mut LinkerInstance<'_, HostState>) -> Result<()> {
    groups.func_wrap("join", |host: Host, (group,): (WasmStr,)| {
        host.data().own_id()?;
        let group = group.to_str(&host)?;
        Ok((host.data().context.get().join(&group).map_err(|error| error.to_string()),))
    })?;
    groups.func_wrap("leave", |host: Host, (group,): (WasmStr,)| {
        host.data().own_id()?;
        let group = group.to_str(&host)?;
        Ok((host.data().context.get().leave_group(&group),))
    })?;
    groups.func_wrap("members", |host: Host, (group,): (WasmStr,)| {
        let group = group.to_str(&host)?;
        let members = host.data().context.get().members(&group);
        Ok((members.into_iter().map(ActorId::to_bits).collect::<Vec<u64>>(),))
    })?;
    groups.func_wrap("send-to-one", |host: Host, (group, payload): (WasmStr, WasmList<u8>)| {
        Ok((send(&host, &group, &payload, |context, group, bytes| context.send_to_one(group, bytes))?,))
    })?;
    groups.func_wrap("send-to-all", |host: Host, (group, payload): (WasmStr, WasmList<u8>)| {
        Ok((send(&host, &group, &payload, |context, group, bytes| context.send_to_all(group, bytes))?,))
    })?;
    groups.func_wrap(
        "send-by-key",
        |host: Host, (group, key, payload): (WasmStr, WasmList<u8>, WasmList<u8>)| {
            let key = key.as_le_slice(&host);
            Ok((send(&host, &group, &payload, |context, group, bytes| {
                context.send_by_key(group, key, bytes)
            })?,))
        },
    )
}

fn send<T>(
    host: &Host<'_>,
    group: &WasmStr,
    payload: &WasmList<u8>,
    send: impl FnOnce(&Context, &str, &[u8]) -> Result<T, crate::actor::SendError>,
) -> Result<std::result::Result<T, SendError>> {
    let state = host.data();
    state.own_id()?;
    let group = group.to_str(host)?;
    let bytes = payload.as_le_slice(host);
    if bytes.len() > state.message_bytes_max {
        return Ok(Err(SendError::too_large(state.message_bytes_max)));
    }
    Ok(send(state.context.get(), &group, bytes).map_err(SendError::from))
}
