//! `groups`: actors under one name.

use wasmtime::Result;
use wasmtime::component::{LinkerInstance, WasmList, WasmStr};

use super::super::abi::SendError;
use super::{Host, HostState};
use crate::actor::{ActorId, Context};

pub(super) fn link(groups: &mut LinkerInstance<'_, HostState>) -> Result<()> {
    groups.func_wrap("join", |mut host: Host, (group,): (WasmStr,)| {
        host.data().own_id()?;
        let group = super::name(&host, &group)?;
        let allowed = host.data_mut().may_use("register", |state| &state.terms.grants.register, &group);
        if let Err(why) = allowed {
            return Ok((Err(why),));
        }
        let joined = host.data().context.get().join(&group);
        Ok((super::counted(&mut host, joined).map_err(|error| error.to_string()),))
    })?;
    groups.func_wrap("leave", |host: Host, (group,): (WasmStr,)| {
        host.data().own_id()?;
        let group = group.to_str(&host)?;
        Ok((host.data().context.get().leave_group(&group),))
    })?;
    groups.func_wrap("members", |mut host: Host, (group,): (WasmStr,)| {
        host.data().usage.count_host_call();
        let group = super::name(&host, &group)?;
        let members = host.data().context.get().members(&group);
        for member in &members {
            host.data_mut().meet(&group, *member);
        }
        Ok((members.into_iter().map(ActorId::to_bits).collect::<Vec<u64>>(),))
    })?;
    groups.func_wrap("send-to-one", |mut host: Host, (group, payload): (WasmStr, WasmList<u8>)| {
        Ok((send(&mut host, &group, &payload, |context, group, bytes| context.send_to_one(group, bytes))?,))
    })?;
    groups.func_wrap("send-to-all", |mut host: Host, (group, payload): (WasmStr, WasmList<u8>)| {
        Ok((send(&mut host, &group, &payload, |context, group, bytes| context.send_to_all(group, bytes))?,))
    })?;
    groups.func_wrap(
        "send-by-key",
        |mut host: Host, (group, key, payload): (WasmStr, WasmList<u8>, WasmList<u8>)| {
            let key = key.as_le_slice(&host).to_vec();
            Ok((send(&mut host, &group, &payload, |context, group, bytes| {
                context.send_by_key(group, &key, bytes)
            })?,))
        },
    )
}

fn send<T>(
    host: &mut Host<'_>,
    group: &WasmStr,
    payload: &WasmList<u8>,
    send: impl FnOnce(&Context, &str, &[u8]) -> Result<T, crate::actor::SendError>,
) -> Result<std::result::Result<T, SendError>> {
    host.data().own_id()?;
    let group = super::name(host, group)?;
    if let Err(why) = host.data_mut().may_use("send", |state| &state.terms.grants.send, &group) {
        return Ok(Err(SendError::AccessDenied(why)));
    }
    let state = host.data();
    let bytes = payload.as_le_slice(&*host);
    let bytes_max = state.terms.limits.message_bytes_max;
    if bytes.len() > bytes_max {
        return Ok(Err(SendError::too_large(bytes_max)));
    }
    Ok(send(state.context.get(), &group, bytes).map_err(SendError::from))
}
