//! `config`: this actor's configuration.

use wasmtime::Result;
use wasmtime::component::{LinkerInstance, WasmStr};

use super::{Host, HostState};

pub(super) fn link(config: &mut LinkerInstance<'_, HostState>) -> Result<()> {
    config.func_wrap("get", |host: Host, (key,): (WasmStr,)| {
        host.data().usage.count_host_call();
        let key = key.to_str(&host)?;
        Ok((host.data().config.get(&*key).cloned(),))
    })?;
    config.func_wrap("get-all", |host: Host, (): ()| {
        host.data().usage.count_host_call();
        let pairs = host.data().config.iter().map(|(key, value)| (key.clone(), value.clone()));
        Ok((pairs.collect::<Vec<(String, String)>>(),))
    })
}
