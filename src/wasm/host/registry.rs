//! `registry`: names.

use wasmtime::Result;
use wasmtime::component::{LinkerInstance, WasmStr};

use super::super::abi::NameError;
use super::{Host, HostState};
use crate::actor::ActorId;

type Done = std::result::Result<(), NameError>;

pub(super) fn link(registry: &mut LinkerInstance<'_, HostState>) -> Result<()> {
    registry.func_wrap("lookup", |mut host: Host, (name,): (WasmStr,)| {
        host.data().usage.count_host_call();
        let name = super::name(&host, &name)?;
        let found = host.data().context.get().lookup(&name);
        if let Some(id) = found {
            host.data_mut().meet(&name, id);
        }
        Ok((found.map(ActorId::to_bits),))
    })?;
    registry.func_wrap("register", |mut host: Host, (name,): (WasmStr,)| {
        host.data().own_id()?;
        let name = super::name(&host, &name)?;
        let allowed = host.data_mut().may_use("register", |state| &state.terms.grants.register, &name);
        if let Err(why) = allowed {
            return Ok((Done::Err(NameError::AccessDenied(why)),));
        }
        let asked = host.data().context.get().register(&name);
        let asked: Done = super::counted(&mut host, asked).map_err(NameError::from);
        Ok((asked,))
    })?;
    registry.func_wrap("unregister", |host: Host, (name,): (WasmStr,)| {
        host.data().own_id()?;
        let name = super::name(&host, &name)?;
        Ok((host.data().context.get().unregister(&name),))
    })?;
    registry.func_wrap("watch", |mut host: Host, (name,): (WasmStr,)| {
        host.data().own_id()?;
        let name = super::name(&host, &name)?;
        let watched = host.data().context.get().watch_name(&name);
        let watched: Done = super::counted(&mut host, watched).map_err(NameError::from);
        Ok((watched,))
    })?;
    registry.func_wrap("unwatch", |host: Host, (name,): (WasmStr,)| {
        host.data().own_id()?;
        let name = super::name(&host, &name)?;
        Ok((host.data().context.get().unwatch_name(&name),))
    })
}
