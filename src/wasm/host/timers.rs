//! `timers`: messages that are sent later.

use std::time::Duration;

use wasmtime::Result;
use wasmtime::component::{LinkerInstance, WasmList};

use super::super::abi::SendError;
use super::access::Right;
use super::messaging::receiver;
use super::{Host, HostState};
use crate::actor::TimerId;

type Set = std::result::Result<u64, SendError>;

pub(super) fn link(timers: &mut LinkerInstance<'_, HostState>) -> Result<()> {
    timers.func_wrap("send-after", |mut host: Host, (delay_ns, to, payload): (u64, u64, WasmList<u8>)| {
        Ok((send_later(&mut host, Duration::from_nanos(delay_ns), false, to, &payload)?,))
    })?;
    timers.func_wrap(
        "send-every",
        |mut host: Host, (period_ns, to, payload): (u64, u64, WasmList<u8>)| {
            Ok((send_later(&mut host, Duration::from_nanos(period_ns), true, to, &payload)?,))
        },
    )?;
    timers.func_wrap("cancel", |host: Host, (timer,): (u64,)| {
        host.data().own_id()?;
        let timer = TimerId::from_bits(timer);
        Ok((timer.is_some_and(|timer| host.data().context.get().cancel_timer(timer)),))
    })?;
    timers.func_wrap("now-ns", |host: Host, (): ()| {
        host.data().usage.count_host_call();
        Ok((host.data().context.get().now_ns(),))
    })
}

fn send_later(
    host: &mut Host<'_>,
    wait: Duration,
    again: bool,
    to: u64,
    payload: &WasmList<u8>,
) -> Result<Set> {
    let to = match receiver(host, Right::Send, to, payload)? {
        Ok(to) => to,
        Err(error) => return Ok(Err(error)),
    };
    let bytes = payload.as_le_slice(&*host);
    let context = host.data().context.get();
    let set = if again { context.send_every(wait, to, bytes) } else { context.send_after(wait, to, bytes) };
    let set = super::counted(host, set);
    Ok(set.map(TimerId::to_bits).map_err(SendError::from))
}
