//! `inbox`: where in its memory the guest takes messages.

use wasmtime::Result;
use wasmtime::component::LinkerInstance;

use super::{Host, HostState, Region};

pub(super) fn link(inbox: &mut LinkerInstance<'_, HostState>) -> Result<()> {
    inbox.func_wrap("register", |mut host: Host, (buffer,): (Region,)| {
        host.data().usage.count_host_call();
        host.data_mut().inbox = buffer;
        Ok(())
    })
}
