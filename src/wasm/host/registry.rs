//! `registry`: names.

use wasmtime::Result;
use wasmtime::component::{LinkerInstance, WasmStr};

use super::{Host, HostState};
use crate::actor::ActorId;

pub(super) fn link(registry: &mut LinkerInstance<'_, HostState>) -> Result<()> {
    registry.func_wrap("lookup", |host: Host, (name,): (WasmStr,)| {
        let name = name.to_str(&host)?;
        Ok((host.data().context.get().lookup(&name).map(ActorId::to_bits),))
    })
}
