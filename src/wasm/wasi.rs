//! WASI 0.2, with everything denied.
//!
//! An ordinary `wasm32-wasip2` component imports WASI even where it uses none of
//! it, so it is there: clocks can be read and random numbers had; arguments,
//! environment and directories are empty; the network is denied; standard input
//! is closed, and standard output and error lead nowhere.
//!
//! `wasmtime-wasi` waits by blocking the thread on a tokio runtime of its own.
//! A shard must not wait, so an actor that would is ended instead.

use wasmtime::Result;
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::sync::io::poll::{self, HostPollable as _};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::host::{HostError, HostState};

/// Interfaces of WASI 0.2 that are linked, without their version.
pub(super) const INTERFACES: [&str; 27] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];

/// The most random bytes that one call gets.
const RANDOM_BYTES_MAX: u64 = 1 << 20;

/// What one store has of WASI.
pub(super) struct WasiState {
    context: WasiCtx,
    table: ResourceTable,
}

impl WasiState {
    fn denied(resources_max: usize) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(resources_max);
        // The defaults of the builder deny all but clocks and random numbers.
        let context = WasiCtx::builder().max_random_size(RANDOM_BYTES_MAX).build();
        Self { context, table }
    }
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let resources_max = self.wasi_resources_max;
        let wasi = self.wasi.get_or_insert_with(|| Box::new(WasiState::denied(resources_max)));
        WasiCtxView { ctx: &mut wasi.context, table: &mut wasi.table }
    }
}

/// Adds WASI to the contract's imports.
pub(super) fn link(linker: &mut Linker<HostState>) -> Result<()> {
    wasmtime_wasi::p2::add_to_linker_sync(linker)?;
    linker.allow_shadowing(true);
    poll::add_to_linker::<HostState, NoWaiting>(linker, |state| NoWaitingIn(state.ctx().table))?;
    linker.allow_shadowing(false);
    Ok(())
}

/// For the thread that loads a component, before a shard runs it: starts the
/// threads of tokio that `wasmtime-wasi` wants, which would otherwise inherit the
/// pinning of the shard that happens to be first.
pub(super) fn prepare_process() {
    wasmtime_wasi::runtime::with_ambient_tokio_runtime(|| ());
}

/// `wasi:io/poll` for actors that run to completion.
struct NoWaiting;

struct NoWaitingIn<'a>(&'a mut ResourceTable);

impl HasData for NoWaiting {
    type Data<'a> = NoWaitingIn<'a>;
}

impl NoWaitingIn<'_> {
    fn refuse<T>() -> Result<T> {
        Err(wasmtime::Error::new(HostError(
            "the guest would wait (a sleep, or `wasi:io/poll`), and an actor must not: its shard would".into(),
        )))
    }

    fn is_ready(&mut self, pollable: u32) -> Result<bool> {
        // A sleep of no time is ready when it is asked a second time.
        Ok(self.0.ready(Resource::new_borrow(pollable))? || self.0.ready(Resource::new_borrow(pollable))?)
    }
}

impl poll::Host for NoWaitingIn<'_> {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> Result<Vec<u32>> {
        let mut ready = Vec::new();
        for (index, pollable) in (0..).zip(&pollables) {
            if self.is_ready(pollable.rep())? {
                ready.push(index);
            }
        }
        if ready.is_empty() { Self::refuse() } else { Ok(ready) }
    }
}

impl poll::HostPollable for NoWaitingIn<'_> {
    fn ready(&mut self, pollable: Resource<DynPollable>) -> Result<bool> {
        self.0.ready(pollable)
    }

    fn block(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        if self.is_ready(pollable.rep())? { Ok(()) } else { Self::refuse() }
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> Result<()> {
        self.0.drop(pollable)
    }
}
