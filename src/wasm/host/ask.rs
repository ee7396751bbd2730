//! `ask`: requests that wait for their outcome. For suspendable actors.

use std::time::Duration;

use wasmtime::component::{LinkerInstance, WasmList};
use wasmtime::{AsContextMut, Result};

use super::super::abi::{RequestError, RequestOutcome, SendError, request_outcome};
use super::super::deadline::FIRST_SLICE_TICKS;
use super::super::desk::ReplyHere;
use super::super::thread_bound::ThreadBound;
use super::access::Right;
use super::messaging::receiver;
use super::{Host, HostState};
use crate::actor::Awaited;

pub(super) fn link(ask: &mut LinkerInstance<'_, HostState>) -> Result<()> {
    ask.func_wrap_async("ask", |mut host: Host, (to, payload, timeout_ns): (u64, WasmList<u8>, u64)| {
        Box::new(async move {
            let reply = match begin(&mut host, to, &payload, Duration::from_nanos(timeout_ns))? {
                Ok(reply) => reply,
                Err(error) => return Ok((Err(error),)),
            };
            let outcome: RequestOutcome = request_outcome(reply.await);
            // The ticks that went by meanwhile were not the guest's.
            host.as_context_mut().set_epoch_deadline(FIRST_SLICE_TICKS);
            Ok((outcome,))
        })
    })
}

/// Sends the request; what is returned is its outcome, later.
fn begin(
    host: &mut Host<'_>,
    to: u64,
    payload: &WasmList<u8>,
    within: Duration,
) -> Result<std::result::Result<ReplyHere, RequestError>> {
    let desk = host.data().desk();
    if !desk.may_wait.get() {
        let why = "nobody can be asked in `init`, `stop` and `check`".into();
        return Ok(Err(RequestError::NotSent(SendError::Other(why))));
    }
    let to = match receiver(host, Right::Ask, to, payload)? {
        Ok(to) => to,
        Err(error) => return Ok(Err(RequestError::NotSent(error))),
    };
    let bytes = payload.as_le_slice(&*host);
    match host.data().context.get().ask(to, bytes, within) {
        Ok(request) => {
            desk.asked.set(Some(Awaited::Reply(request)));
            Ok(Ok(ReplyHere(ThreadBound::new(desk))))
        }
        Err(error) => Ok(Err(error.into())),
    }
}
