//! `registry`: names.

use wasmtime::Result;
use wasmtime::component::{LinkerInstance, WasmStr};

use super::{Host, HostState};
use crate::actor::ActorId;

pub(super) fn link(registry: &mut LinkerInstance<'_, HostState>) -> Result<()> {
    registry.func_wrap("lookup", |mut host: Host, (name,): (WasmStr,)| {
        host.data().usage.count_host_call();
        let name = super::name(&host, &name)?;
        let found = host.data().context.get().lookup(&name);
        if let Some(id) = found {
            host.data_mut().meet(&name, id);
        }
        Ok((found.map(ActorId::to_bits),))
    })
}
