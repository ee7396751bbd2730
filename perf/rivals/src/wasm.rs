//! Bodies in a sandbox: a wasmtime store for each actor.

use std::sync::Arc;

use anyhow::Context;
use wasmtime::component::{Component, InstancePre, Linker, TypedFunc, WasmList};
use wasmtime::{
    Caller, Config, Enabled, Engine, InstanceAllocationStrategy, Memory, Module, PoolingAllocationConfig,
    Store, StoreContextMut,
};

use crate::body::{After, Body};
use crate::packet::{PASS, Packet, Proof};
use crate::tasks::Made;

/// What a guest sent while it handled a message: at most one, here.
type Sent = Option<Packet>;

/// wasmtime's error, as everybody else's.
fn plain(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:?}")
}

/// The contract's types, as wasmtime's own derives would have them.
#[allow(unsafe_code)] // what wasmtime's derives write
#[allow(dead_code)] // shown by Debug alone, or never made
mod abi {
    use wasmtime::component::{ComponentType, Lift, Lower};

    #[derive(ComponentType, Lift, Debug)]
    #[component(variant)]
    pub(super) enum Failure {
        #[component(name = "rejected")]
        Rejected(String),
        #[component(name = "retry")]
        Retry(String),
        #[component(name = "other")]
        Other(String),
    }

    #[derive(ComponentType, Lower)]
    #[component(variant)]
    pub(super) enum SendError {
        #[component(name = "no-such-actor")]
        NoSuchActor,
        #[component(name = "full")]
        Full,
        #[component(name = "message-too-large")]
        MessageTooLarge(u32),
        #[component(name = "access-denied")]
        AccessDenied(String),
        #[component(name = "quota-exceeded")]
        QuotaExceeded(String),
        #[component(name = "other")]
        Other(String),
    }
}

type Handle = TypedFunc<(u64, &'static [u8]), (Result<Option<Vec<u8>>, abi::Failure>,)>;

/// The guest and its one import.
fn link(engine: &Engine, guest: &[u8]) -> anyhow::Result<InstancePre<Sent>> {
    let component = Component::new(engine, guest).map_err(plain)?;
    let mut linker = Linker::<Sent>::new(engine);
    let mut messaging = linker.instance("raddle:actor/messaging@0.1.0").map_err(plain)?;
    let send = |mut store: StoreContextMut<'_, Sent>, (_, payload): (u64, WasmList<u8>)| {
        let packet = Packet::copy_from(payload.as_le_slice(&store));
        *store.data_mut() = Some(packet);
        Ok((Ok::<(), abi::SendError>(()),))
    };
    messaging.func_wrap("send", send).map_err(plain)?;
    let mut progress = linker.instance("raddle:actor/progress@0.1.0").map_err(plain)?;
    progress.func_wrap("register", |_, (_,): (Vec<u8>,)| Ok(())).map_err(plain)?;
    let mut inbox = linker.instance("raddle:actor/inbox@0.1.0").map_err(plain)?;
    inbox.func_wrap("register", |_, (_,): (Vec<u8>,)| Ok(())).map_err(plain)?;
    linker.instantiate_pre(&component).map_err(plain)
}

fn find_handle(store: &mut Store<Sent>, instance: &wasmtime::component::Instance) -> anyhow::Result<Handle> {
    let interface = instance
        .get_export_index(&mut *store, None, "raddle:actor/handler@0.1.0")
        .context("the guest exports no handler")?;
    let handle = instance
        .get_export_index(&mut *store, Some(&interface), "handle")
        .context("the handler has no `handle`")?;
    instance.get_typed_func(store, handle).map_err(plain)
}

/// What follows from a message that the guest has handled.
fn after(payload: &[u8], sent: Sent) -> After {
    match (Packet::word(payload).0, sent) {
        (PASS, None) => After::Finished,
        (_, Some(packet)) => After::Send(packet),
        (_, None) => After::Nothing,
    }
}

/// What a guest replies that was asked.
fn reply_of(reply: Option<Vec<u8>>) -> anyhow::Result<u64> {
    let reply = reply.context("no reply")?;
    Ok(u64::from_le_bytes(*reply.first_chunk().context("no word in the reply")?))
}

fn proof_of(reply: Option<Vec<u8>>) -> anyhow::Result<Proof> {
    let reply = reply.context("no reply")?;
    let word = |at: usize| reply.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    Ok(Proof { count: word(0).context("no count")?, sum: word(8).context("no sum")? })
}

/// The op `get` of the guest.
const GET: [u8; 8] = [1, 0, 0, 0, 0, 0, 0, 0];
/// The op `to`, and the address 1.
const TO: [u8; 16] = [2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0];

/// Plain calls, concurrency support off, instances from a pool.
pub(crate) struct Components(InstancePre<Sent>);

impl Components {
    pub(crate) fn new(guest: &[u8], actors_max: usize) -> anyhow::Result<Self> {
        Ok(Self(link(&pooled_engine(actors_max)?, guest)?))
    }

    pub(crate) fn make(&self) -> anyhow::Result<ComponentBody> {
        let mut store = Store::new(self.0.engine(), None);
        let instance = self.0.instantiate(&mut store).map_err(plain)?;
        let handle = find_handle(&mut store, &instance)?;
        Ok(ComponentBody { store, handle })
    }
}

/// How much of a dropped instance's memory stays for the next one.
const KEEP_RESIDENT_BYTES: usize = 1 << 20;

fn pooled_engine(actors_max: usize) -> anyhow::Result<Engine> {
    let actors = u32::try_from(actors_max)? + 128;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(actors)
        .total_core_instances(actors * 6)
        .total_memories(actors)
        .total_tables(actors * 3);
    // What makes lives cheap, and nothing else of it: see docs/performance.md.
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.pagemap_scan(Enabled::Yes)
            .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
            .table_keep_resident(KEEP_RESIDENT_BYTES);
    }
    let mut config = Config::new();
    config.concurrency_support(false).allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config).map_err(plain)
}

pub(crate) struct ComponentBody {
    store: Store<Sent>,
    handle: Handle,
}

impl ComponentBody {
    fn call(&mut self, payload: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
        let (answer,) = self.handle.call(&mut self.store, (0, payload)).map_err(plain)?;
        answer.map_err(|failure| anyhow::anyhow!("the guest refused: {failure:?}"))
    }
}

impl Body for ComponentBody {
    async fn handle(&mut self, payload: &[u8]) -> anyhow::Result<After> {
        self.call(payload)?;
        Ok(after(payload, self.store.data_mut().take()))
    }

    async fn ask(&mut self, payload: &[u8]) -> anyhow::Result<u64> {
        reply_of(self.call(payload)?)
    }

    async fn proof(&mut self) -> anyhow::Result<Proof> {
        proof_of(self.call(&GET)?)
    }

    async fn link(&mut self) -> anyhow::Result<()> {
        self.call(&TO).map(drop)
    }
}

/// As one would write it first: the defaults, and `call_async`.
pub(crate) struct AsyncComponents(Arc<InstancePre<Sent>>);

impl AsyncComponents {
    pub(crate) fn new(guest: &[u8]) -> anyhow::Result<Self> {
        let engine = Engine::new(&Config::new()).map_err(plain)?;
        Ok(Self(Arc::new(link(&engine, guest)?)))
    }

    pub(crate) fn make(&self) -> AsyncStart {
        AsyncStart(self.0.clone())
    }
}

/// An instance to be.
pub(crate) struct AsyncStart(Arc<InstancePre<Sent>>);

impl Made for AsyncStart {
    type Body = AsyncComponentBody;

    async fn made(self) -> anyhow::Result<AsyncComponentBody> {
        let mut store = Store::new(self.0.engine(), None);
        let instance = self.0.instantiate_async(&mut store).await.map_err(plain)?;
        let handle = find_handle(&mut store, &instance)?;
        Ok(AsyncComponentBody { store, handle })
    }
}

pub(crate) struct AsyncComponentBody {
    store: Store<Sent>,
    handle: Handle,
}

impl AsyncComponentBody {
    async fn call(&mut self, payload: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
        let (answer,) = self.handle.call_async(&mut self.store, (0, payload)).await.map_err(plain)?;
        answer.map_err(|failure| anyhow::anyhow!("the guest refused: {failure:?}"))
    }
}

impl Body for AsyncComponentBody {
    async fn handle(&mut self, payload: &[u8]) -> anyhow::Result<After> {
        self.call(payload).await?;
        Ok(after(payload, self.store.data_mut().take()))
    }

    async fn ask(&mut self, payload: &[u8]) -> anyhow::Result<u64> {
        reply_of(self.call(payload).await?)
    }

    async fn proof(&mut self) -> anyhow::Result<Proof> {
        proof_of(self.call(&GET).await?)
    }

    async fn link(&mut self) -> anyhow::Result<()> {
        self.call(&TO).await.map(drop)
    }
}

/// What `sum` does, as a core module: no component model, and no allocation.
const CORE: &str = r#"(module
    (import "host" "send" (func $send (param i32 i32)))
    (memory (export "memory") 18)
    (global $count (export "count") (mut i64) (i64.const 0))
    (global $sum (export "sum") (mut i64) (i64.const 0))
    (func (export "reply") (param $at i32) (result i64)
        (i64.add (i64.shr_u (i64.load (local.get $at)) (i64.const 8)) (i64.const 1)))
    (func (export "handle") (param $at i32) (param $size i32)
        (local $word i64)
        (local.set $word (i64.load (local.get $at)))
        (global.set $count (i64.add (global.get $count) (i64.const 1)))
        (global.set $sum (i64.add (global.get $sum) (i64.shr_u (local.get $word) (i64.const 8))))
        (if (i64.eq (i64.and (local.get $word) (i64.const 255)) (i64.const 3))
            (then (if (i64.ne (i64.shr_u (local.get $word) (i64.const 8)) (i64.const 0))
                (then
                    (i64.store (local.get $at) (i64.sub (local.get $word) (i64.const 256)))
                    (call $send (local.get $at) (local.get $size))))))))"#;

/// Where messages are copied to. The memory behind it holds 1 MiB.
const MESSAGE_AT: usize = 4_096;

pub(crate) struct CoreModules(wasmtime::InstancePre<Sent>);

impl CoreModules {
    pub(crate) fn new(actors_max: usize) -> anyhow::Result<Self> {
        let engine = pooled_engine(actors_max)?;
        let module = Module::new(&engine, CORE).map_err(plain)?;
        let mut linker = wasmtime::Linker::<Sent>::new(&engine);
        let send = |mut caller: Caller<'_, Sent>, at: u32, size: u32| -> wasmtime::Result<()> {
            let memory = caller.get_export("memory").and_then(wasmtime::Extern::into_memory);
            let memory = memory.ok_or_else(|| wasmtime::Error::msg("no memory"))?;
            let bytes = memory.data(&caller).get(at as usize..(at + size) as usize);
            let packet = Packet::copy_from(bytes.unwrap_or_default());
            *caller.data_mut() = Some(packet);
            Ok(())
        };
        linker.func_wrap("host", "send", send).map_err(plain)?;
        Ok(Self(linker.instantiate_pre(&module).map_err(plain)?))
    }

    pub(crate) fn make(&self) -> anyhow::Result<CoreBody> {
        let mut store = Store::new(self.0.module().engine(), None);
        let instance = self.0.instantiate(&mut store).map_err(plain)?;
        let handle = instance.get_typed_func(&mut store, "handle").map_err(plain)?;
        let reply = instance.get_typed_func(&mut store, "reply").map_err(plain)?;
        let memory = instance.get_memory(&mut store, "memory").context("no memory")?;
        let count = instance.get_global(&mut store, "count").context("no count")?;
        let sum = instance.get_global(&mut store, "sum").context("no sum")?;
        Ok(CoreBody { store, handle, reply, memory, count, sum })
    }
}

pub(crate) struct CoreBody {
    store: Store<Sent>,
    handle: wasmtime::TypedFunc<(u32, u32), ()>,
    reply: wasmtime::TypedFunc<u32, u64>,
    memory: Memory,
    count: wasmtime::Global,
    sum: wasmtime::Global,
}

impl CoreBody {
    fn call(&mut self, payload: &[u8]) -> anyhow::Result<()> {
        let end = MESSAGE_AT + payload.len();
        let room = self.memory.data_mut(&mut self.store).get_mut(MESSAGE_AT..end);
        room.context("the payload is larger than the memory")?.copy_from_slice(payload);
        let size = u32::try_from(payload.len())?;
        self.handle.call(&mut self.store, (MESSAGE_AT as u32, size)).map_err(plain)
    }
}

impl Body for CoreBody {
    async fn handle(&mut self, payload: &[u8]) -> anyhow::Result<After> {
        self.call(payload)?;
        Ok(after(payload, self.store.data_mut().take()))
    }

    async fn ask(&mut self, payload: &[u8]) -> anyhow::Result<u64> {
        self.call(payload)?;
        self.reply.call(&mut self.store, MESSAGE_AT as u32).map_err(plain)
    }

    async fn proof(&mut self) -> anyhow::Result<Proof> {
        let mut read = |global: wasmtime::Global| global.get(&mut self.store).i64();
        let count = read(self.count).context("the count is no i64")? as u64;
        Ok(Proof { count, sum: read(self.sum).context("the sum is no i64")? as u64 })
    }
}
