//! `topics`: publish and subscribe.

use wasmtime::Result;
use wasmtime::component::{LinkerInstance, WasmList, WasmStr};

use super::super::abi::TopicError;
use super::{Host, HostState};

type Done = std::result::Result<(), TopicError>;

pub(super) fn link(topics: &mut LinkerInstance<'_, HostState>) -> Result<()> {
    topics.func_wrap("publish", |host: Host, (subject, payload): (WasmStr, WasmList<u8>)| {
        Ok((publish(&host, &subject, &payload)?,))
    })?;
    topics.func_wrap("subscribe", |host: Host, (filter,): (WasmStr,)| {
        host.data().own_id()?;
        let filter = filter.to_str(&host)?;
        let done: Done = host.data().context.get().subscribe(&filter).map_err(TopicError::from);
        Ok((done,))
    })?;
    topics.func_wrap("unsubscribe", |host: Host, (filter,): (WasmStr,)| {
        host.data().own_id()?;
        let filter = filter.to_str(&host)?;
        let done: Done = match host.data().context.get().unsubscribe(&filter) {
            Ok(true) => Ok(()),
            Ok(false) => Err(TopicError::Other("it has not subscribed to that".into())),
            Err(error) => Err(error.into()),
        };
        Ok((done,))
    })
}

fn publish(host: &Host<'_>, subject: &WasmStr, payload: &WasmList<u8>) -> Result<Done> {
    let state = host.data();
    state.own_id()?;
    let subject = subject.to_str(host)?;
    let bytes = payload.as_le_slice(host);
    if bytes.len() > state.message_bytes_max {
        return Ok(Err(TopicError::too_large(state.message_bytes_max)));
    }
    Ok(state.context.get().publish(&subject, bytes).map_err(TopicError::from))
}
