//! `requests`: requests whose outcome comes to `reply-handler`.

use std::time::Duration;

use wasmtime::Result;
use wasmtime::component::{LinkerInstance, WasmList};

use super::super::abi::{Failure, Reply, SendError};
use super::access::Right;
use super::messaging::receiver;
use super::{Host, HostState};
use crate::actor::{self, RequestId};

type Requested = std::result::Result<u64, SendError>;

pub(super) fn link(requests: &mut LinkerInstance<'_, HostState>) -> Result<()> {
    requests.func_wrap(
        "request",
        |mut host: Host, (to, payload, timeout_ns): (u64, WasmList<u8>, u64)| {
            Ok((request(&mut host, to, &payload, Duration::from_nanos(timeout_ns))?,))
        },
    )?;
    requests.func_wrap("cancel", |mut host: Host, (request,): (u64,)| {
        host.data().own_id()?;
        let request = RequestId::from_bits(request);
        let cancelled = request.is_some_and(|request| host.data().context.get().cancel(request));
        let state = host.data_mut();
        state.requests_open = state.requests_open.saturating_sub(u32::from(cancelled));
        Ok((cancelled,))
    })?;
    requests.func_wrap("defer", |host: Host, (): ()| {
        host.data().own_id()?;
        // None is no error in the contract: it may be no request at all.
        Ok((host.data().context.get().defer().map(RequestId::to_bits),))
    })?;
    type Outcome = std::result::Result<Reply, Failure>;
    requests.func_wrap("reply", |host: Host, (request, outcome): (u64, Outcome)| {
        host.data().own_id()?;
        let bytes_max = host.data().terms.limits.message_bytes_max;
        let outcome = match outcome {
            Ok(reply) if reply.0.len() > bytes_max => Err(Failure::Other(format!(
                "the reply is {} bytes, over message_bytes_max ({bytes_max})",
                reply.0.len()
            ))),
            other => other,
        };
        let Some(request) = RequestId::from_bits(request) else { return Ok((false,)) };
        let outcome = outcome.map(|reply| reply.0).map_err(Into::into);
        Ok((host.data().context.get().reply(request, outcome),))
    })
}

fn request(host: &mut Host<'_>, to: u64, payload: &WasmList<u8>, within: Duration) -> Result<Requested> {
    let state = host.data_mut();
    let most = state.terms.limits.requests_max;
    if state.requests_open >= most {
        state.usage.denied += 1;
        return Ok(Err(actor::SendError::Quota { what: "requests_max", most }.into()));
    }
    let to = match receiver(host, Right::Ask, to, payload)? {
        Ok(to) => to,
        Err(error) => return Ok(Err(error)),
    };
    let bytes = payload.as_le_slice(&*host);
    let requested = host.data().context.get().request(to, bytes, within);
    let requested = super::counted(host, requested);
    host.data_mut().requests_open += u32::from(requested.is_ok());
    Ok(requested.map(RequestId::to_bits).map_err(SendError::from))
}
