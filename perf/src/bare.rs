//! The floor: the same guest, called by wasmtime alone.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, ensure};
use raddle::wasm::Failure;
use wasmtime::component::{Component, Linker, TypedFunc};
use wasmtime::{Config, Engine, Store};

type Reply = (Result<Option<Vec<u8>>, Failure>,);

/// A guest in a store of its own, with the settings that Raddle uses: no
/// concurrency support, epochs on.
pub(crate) struct Bare {
    store: Store<()>,
    handle: TypedFunc<(u64, &'static [u8]), Reply>,
}

impl Bare {
    pub(crate) fn new(guest: &Path) -> anyhow::Result<Self> {
        let mut config = Config::new();
        config.concurrency_support(false).epoch_interruption(true).memory_reservation(4 << 30);
        let engine = Engine::new(&config).map_err(plain)?;
        let component = Component::from_file(&engine, guest).map_err(plain)?;
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&component).map_err(plain)?;
        let mut store = Store::new(&engine, ());
        store.set_epoch_deadline(1 << 40);
        let instance = linker.instantiate(&mut store, &component).map_err(plain)?;
        let interface = instance
            .get_export_index(&mut store, None, "raddle:actor/handler@0.1.0")
            .context("the guest exports no handler")?;
        let handle = instance
            .get_export_index(&mut store, Some(&interface), "handle")
            .context("the handler has no `handle`")?;
        let handle = instance.get_typed_func(&mut store, handle).map_err(plain)?;
        Ok(Self { store, handle })
    }

    /// ns per call of `handle` with this payload. The guest's count must have
    /// risen by as many as there were calls.
    pub(crate) fn ns_per_call(&mut self, payload: &'static [u8], calls: u64) -> anyhow::Result<f64> {
        let before = self.count()?;
        let start = Instant::now();
        for _ in 0..calls {
            // As Raddle does before each entry.
            self.store.set_epoch_deadline(1 << 40);
            let answer = self.handle.call(&mut self.store, (0, payload)).map_err(plain)?;
            ensure!(answer.0.is_ok(), "the guest refused: {answer:?}");
        }
        let elapsed = start.elapsed();
        let counted = self.count()? - before;
        ensure!(counted == calls, "{calls} calls, and the guest counted {counted}");
        Ok(elapsed.as_nanos() as f64 / calls as f64)
    }

    fn count(&mut self) -> anyhow::Result<u64> {
        let (answer,) = self.handle.call(&mut self.store, (0, b"get")).map_err(plain)?;
        parse_count(&answer.ok().flatten().unwrap_or_default())
    }
}

/// wasmtime's error, as everybody else's.
fn plain(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:?}")
}

/// What a counter answers to `get`.
pub(crate) fn parse_count(reply: &[u8]) -> anyhow::Result<u64> {
    let text = std::str::from_utf8(reply).context("the count is no text")?;
    text.parse().with_context(|| format!("`{text}` is no count"))
}
