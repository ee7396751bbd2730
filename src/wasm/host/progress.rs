//! `progress`: how far a batch has come.

use wasmtime::component::{LinkerInstance, WasmList};
use wasmtime::{Error, Result, Store};

use super::{Host, HostError, HostState};

/// A u32, little-endian.
const CELL_BYTES: usize = 4;

pub(super) fn link(progress: &mut LinkerInstance<'_, HostState>) -> Result<()> {
    progress.func_wrap("register", |mut host: Host, (cell,): (WasmList<u8>,)| {
        host.data().usage.count_host_call();
        let bytes = cell.as_le_slice(&host).len();
        if bytes != CELL_BYTES {
            return Err(Error::new(HostError(format!(
                "`progress.register` takes a cell of {CELL_BYTES} bytes, and got {bytes}"
            ))));
        }
        host.data_mut().progress = Some(Box::new(cell));
        Ok(())
    })
}

/// How many messages of the batch that it is at the guest has finished, if it counts.
pub(super) fn finished_so_far(host: &Host<'_>) -> Option<usize> {
    count(host.data().progress.as_ref()?.as_le_slice(host))
}

/// How many messages of the batch that it was at the guest has finished. It only
/// reads memory, so the store may have trapped.
pub(in crate::wasm) fn finished_of_batch(store: &Store<HostState>) -> usize {
    let cell = store.data().progress.as_ref();
    cell.and_then(|cell| count(cell.as_le_slice(store))).unwrap_or_default()
}

fn count(cell: &[u8]) -> Option<usize> {
    cell.try_into().ok().map(|cell| u32::from_le_bytes(cell) as usize)
}
