//! `topics`: publish and subscribe.

use wasmtime::Result;
use wasmtime::component::{LinkerInstance, WasmList, WasmStr};

use super::super::abi::TopicError;
use super::{Host, HostState};

type Done = std::result::Result<(), TopicError>;

pub(super) fn link(topics: &mut LinkerInstance<'_, HostState>) -> Result<()> {
    topics.func_wrap("publish", |mut host: Host, (subject, payload): (WasmStr, WasmList<u8>)| {
        Ok((publish(&mut host, &subject, &payload)?,))
    })?;
    topics.func_wrap("subscribe", |mut host: Host, (filter,): (WasmStr,)| {
        host.data().own_id()?;
        let filter = super::name(&host, &filter)?;
        let allowed = host.data_mut().may_use("subscribe", |state| &state.terms.grants.subscribe, &filter);
        if let Err(why) = allowed {
            return Ok((Done::Err(TopicError::AccessDenied(why)),));
        }
        let done = host.data().context.get().subscribe(&filter);
        let done: Done = super::counted(&mut host, done).map_err(TopicError::from);
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

fn publish(host: &mut Host<'_>, subject: &WasmStr, payload: &WasmList<u8>) -> Result<Done> {
    host.data().own_id()?;
    let subject = super::name(host, subject)?;
    let allowed = host.data_mut().may_use("publish", |state| &state.terms.grants.publish, &subject);
    if let Err(why) = allowed {
        return Ok(Err(TopicError::AccessDenied(why)));
    }
    let state = host.data();
    let bytes = payload.as_le_slice(&*host);
    let bytes_max = state.terms.limits.message_bytes_max;
    if bytes.len() > bytes_max {
        return Ok(Err(TopicError::too_large(bytes_max)));
    }
    Ok(state.context.get().publish(&subject, bytes).map_err(TopicError::from))
}
