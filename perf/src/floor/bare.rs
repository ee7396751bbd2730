//! The floor: the same guest, called by wasmtime alone.

use std::cell::RefCell;
use std::pin::pin;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use raddle::Payload;
use raddle::sync::{Consumer, Producer, ring};
use raddle::wasm::{Failure, SendError};
use wasmtime::component::{Component, Linker, TypedFunc, WasmList};
use wasmtime::{Config, Engine, Store, StoreContextMut};

use crate::word::{self, Proof};

pub(super) type Handle = TypedFunc<(u64, &'static [u8]), (Result<Option<Vec<u8>>, Failure>,)>;

/// Messages that a guest sends before they are taken out again.
pub(crate) const SENT_MAX: usize = 256;

/// Where a guest's messages go: into a ring, and nowhere else.
pub(super) struct Sink {
    sent: RefCell<Producer<Payload>>,
    taken: Consumer<Payload>,
}

impl Sink {
    fn new() -> Self {
        let (sent, taken) = ring(SENT_MAX);
        Self { sent: RefCell::new(sent), taken }
    }

    /// Takes out what was sent: how many, and the sum of their values.
    fn take(&mut self) -> Proof {
        self.sent.get_mut().publish();
        let mut proof = Proof::default();
        self.taken.drain_in_place(SENT_MAX, |payload| {
            let value = word::read(payload).unwrap_or(u64::MAX) >> 8;
            proof = proof.and(Proof { count: 1, sum: value });
        });
        proof
    }
}

/// A guest in a store of its own, with the settings that Raddle uses: no
/// concurrency support, epochs on.
pub(crate) struct Bare {
    store: Store<Option<Sink>>,
    handle: Handle,
    /// If the guest takes batches.
    handle_batch: Option<TypedFunc<(&'static [u8],), (u32,)>>,
}

impl Bare {
    pub(crate) fn new(guest: &[u8]) -> anyhow::Result<Self> {
        let mut config = Config::new();
        config.concurrency_support(false).epoch_interruption(true).memory_reservation(4 << 30);
        let engine = Engine::new(&config).map_err(plain)?;
        let component = Component::new(&engine, guest).map_err(plain)?;
        let linker = linker(&engine, &component)?;
        let mut store = Store::new(&engine, Some(Sink::new()));
        store.set_epoch_deadline(EPOCHS_MAX);
        let instance = linker.instantiate(&mut store, &component).map_err(plain)?;
        let mut find = |interface: &str, function: &str| {
            let interface = format!("raddle:actor/{interface}@0.1.0");
            let interface = instance.get_export_index(&mut store, None, &interface)?;
            instance.get_export_index(&mut store, Some(&interface), function)
        };
        let handle = find("handler", "handle").context("the guest exports no handler")?;
        let handle_batch = find("batch-handler", "handle-batch");
        let handle = instance.get_typed_func(&mut store, handle).map_err(plain)?;
        let handle_batch = handle_batch.map(|export| instance.get_typed_func(&mut store, export));
        let handle_batch = handle_batch.transpose().map_err(plain)?;
        Ok(Self { store, handle, handle_batch })
    }

    pub(crate) fn takes_batches(&self) -> bool {
        self.handle_batch.is_some()
    }

    /// Calls `handle`, as if for a request. What it replied.
    pub(crate) fn ask(&mut self, payload: &'static [u8]) -> anyhow::Result<Vec<u8>> {
        let (answer,) = self.handle.call(&mut self.store, (0, payload)).map_err(plain)?;
        let reply = answer.map_err(|failure| anyhow::anyhow!("the guest refused: {failure:?}"))?;
        Ok(reply.unwrap_or_default())
    }

    /// ns per call of `handle` with this payload. What it did is to be proved by
    /// whoever knows the guest.
    pub(crate) fn ns_per_call(&mut self, payload: &'static [u8], calls: u64) -> anyhow::Result<f64> {
        Ok(self.time_of(payload, calls)?.as_nanos() as f64 / calls as f64)
    }

    /// The same with `call_async`: each on a stack of its own.
    pub(crate) fn ns_per_call_async(&mut self, payload: &'static [u8], calls: u64) -> anyhow::Result<f64> {
        let start = Instant::now();
        for _ in 0..calls {
            self.store.set_epoch_deadline(EPOCHS_MAX);
            let mut call = pin!(self.handle.call_async(&mut self.store, (0, payload)));
            let Poll::Ready(answer) = call.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())) else {
                anyhow::bail!("the guest waits, and there is nothing to wait for");
            };
            let answer = answer.map_err(plain)?;
            ensure!(answer.0.is_ok(), "the guest refused: {answer:?}");
        }
        Ok(start.elapsed().as_nanos() as f64 / calls as f64)
    }

    /// How long so many calls of `handle` with this payload take.
    fn time_of(&mut self, payload: &'static [u8], calls: u64) -> anyhow::Result<Duration> {
        let start = Instant::now();
        for _ in 0..calls {
            // As Raddle does before each entry.
            self.store.set_epoch_deadline(EPOCHS_MAX);
            let answer = self.handle.call(&mut self.store, (0, payload)).map_err(plain)?;
            ensure!(answer.0.is_ok(), "the guest refused: {answer:?}");
        }
        Ok(start.elapsed())
    }

    /// ns per call of `handle` with this payload, in each of which the guest sends so
    /// many messages; and what it sent. Taking them out is not in the figure.
    pub(crate) fn ns_per_sending_call(
        &mut self,
        payload: &'static [u8],
        sends: usize,
        calls: u64,
    ) -> anyhow::Result<(f64, Proof)> {
        let at_once = (SENT_MAX / sends.max(1)).max(1) as u64;
        let (mut elapsed, mut sent) = (Duration::ZERO, Proof::default());
        let mut left = calls;
        while left > 0 {
            let some = at_once.min(left);
            elapsed += self.time_of(payload, some)?;
            sent = sent.and(self.store.data_mut().as_mut().map_or_else(Proof::default, Sink::take));
            left -= some;
        }
        Ok((elapsed.as_nanos() as f64 / calls as f64, sent))
    }

    /// ns per message of `handle-batch` with these frames, which hold so many.
    pub(crate) fn ns_per_framed(
        &mut self,
        frames: &'static [u8],
        in_frames: u64,
        calls: u64,
    ) -> anyhow::Result<f64> {
        let handle_batch = self.handle_batch.context("the guest takes no batches")?;
        let start = Instant::now();
        for _ in 0..calls {
            self.store.set_epoch_deadline(EPOCHS_MAX);
            let (failures,) = handle_batch.call(&mut self.store, (frames,)).map_err(plain)?;
            ensure!(failures == 0, "the guest refused {failures} of a batch");
        }
        Ok(start.elapsed().as_nanos() as f64 / (calls * in_frames) as f64)
    }
}

/// Imports that do nothing, but for `send`, which writes the bytes into a ring.
pub(super) fn linker(engine: &Engine, component: &Component) -> anyhow::Result<Linker<Option<Sink>>> {
    let mut linker = Linker::new(engine);
    linker.define_unknown_imports_as_traps(component).map_err(plain)?;
    linker.allow_shadowing(true);
    // Named by guests that take batches.
    let mut progress = linker.instance("raddle:actor/progress@0.1.0").map_err(plain)?;
    progress.func_wrap("register", |_, (_,): (Vec<u8>,)| Ok(())).map_err(plain)?;
    // Nothing is put there: so it takes every message as any other guest does.
    let mut inbox = linker.instance("raddle:actor/inbox@0.1.0").map_err(plain)?;
    inbox.func_wrap("register", |_, (_,): (Vec<u8>,)| Ok(())).map_err(plain)?;
    let mut messaging = linker.instance("raddle:actor/messaging@0.1.0").map_err(plain)?;
    let send = |store: StoreContextMut<'_, Option<Sink>>, (_, payload): (u64, WasmList<u8>)| {
        let bytes = payload.as_le_slice(&store);
        let sink = store.data().as_ref().ok_or_else(|| wasmtime::Error::msg("there is nobody to send to"))?;
        match sink.sent.borrow_mut().stage_in_place(|slot: &mut Payload| slot.assign(bytes)) {
            Ok(()) => Ok((Ok::<(), SendError>(()),)),
            Err(_full) => Err(wasmtime::Error::msg("more was sent than the ring takes")),
        }
    };
    messaging.func_wrap("send", send).map_err(plain)?;
    Ok(linker)
}

/// Further away than any measurement.
pub(super) const EPOCHS_MAX: u64 = 1 << 40;

/// wasmtime's error, as everybody else's.
pub(super) fn plain(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:?}")
}

/// What a counter answers to `get`.
pub(crate) fn parse_count(reply: &[u8]) -> anyhow::Result<u64> {
    let text = std::str::from_utf8(reply).context("the count is no text")?;
    text.parse().with_context(|| format!("`{text}` is no count"))
}

/// So many messages with this payload, as `wit/batch.wit` lays them out.
pub(crate) fn frames(payload: &[u8], count: usize) -> Vec<u8> {
    let mut frames = Vec::new();
    for _ in 0..count {
        frames.extend(0_u64.to_le_bytes());
        frames.extend((payload.len() as u64).to_le_bytes());
        frames.extend(payload);
        frames.resize(frames.len().next_multiple_of(8), 0);
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_padded_to_words() {
        assert_eq!(frames(&[7; 9], 2).len(), 2 * (16 + 16));
        assert_eq!(frames(&[7; 8], 3)[24..32], [0; 8]);
    }
}
