//! `timers`: messages that are sent later.

use std::time::Duration;

use wasmtime::Result;
use wasmtime::component::{LinkerInstance, WasmList};

use super::super::abi::SendError;
use super::{Host, HostState};
use crate::actor::{ActorId, TimerId};

type Set = std::result::Result<u64, SendError>;

pub(super) fn link(timers: &mut LinkerInstance<'_, HostState>) -> Result<()> {
    timers.func_wrap("send-after", |host: Host, (delay_ns, to, payload): (u64, u64, WasmList<u8>)| {
        Ok((send_later(&host, Duration::from_nanos(delay_ns), false, to, &payload)?,))
    })?;
    timers.func_wrap("send-every", |host: Host, (period_ns, to, payload): (u64, u64, WasmList<u8>)| {
        Ok((send_later(&host, Duration::from_nanos(period_ns), true, to, &payload)?,))
    })?;
    timers.func_wrap("cancel", |host: Host, (timer,): (u64,)| {
        host.data().own_id()?;
        let timer = TimerId::from_bits(timer);
        Ok((timer.is_some_and(|timer| host.data().context.get().cancel_timer(timer)),))
    })?;
    timers.func_wrap("now-ns", |host: Host, (): ()| Ok((host.data().context.get().now_ns(),)))
}

fn send_later(host: &Host<'_>, wait: Duration, again: bool, to: u64, payload: &WasmList<u8>) -> Result<Set> {
    let state = host.data();
    state.own_id()?;
    let Some(to) = ActorId::from_bits(to) else { return Ok(Err(SendError::NoSuchActor)) };
    let bytes = payload.as_le_slice(host);
    if bytes.len() > state.message_bytes_max {
        return Ok(Err(SendError::too_large(state.message_bytes_max)));
    }
    let context = state.context.get();
    let set = if again { context.send_every(wait, to, bytes) } else { context.send_after(wait, to, bytes) };
    Ok(set.map(TimerId::to_bits).map_err(SendError::from))
}
