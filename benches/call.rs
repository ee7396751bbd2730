//! What a message to a component actor costs, beside the bare wasmtime call of
//! the same guest: `cargo bench --no-default-features --features wasm --bench call`.
//!
//! Rounds of all variants take turns, so that a machine that slows down slows all
//! of them; what counts is the ratio of the medians.
#![allow(unsafe_code, missing_docs)] // wasmtime's derives

use std::hint::black_box;
use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use raddle::actor::{
    ActorId, Blueprint, Child, Context, Incarnation, Key, Message, Outcome, Recipe, RequestId, SendError,
    ShardId, View,
};
use raddle::wasm::{
    CacheConfig, ComponentBlueprint, Engine, EngineConfig, Failure, Limits, MemoryLayout, PoolPolicy,
};
use wasmtime::component::{Linker, TypedFunc};
use wasmtime::{Config, Store};

const ROUNDS: usize = 400;
const CALLS: u32 = 2_000;

struct Nobody;

impl View for Nobody {
    fn send_bytes(&self, to: ActorId, _: Option<ActorId>, _: u64, _: &[u8]) -> Result<(), SendError> {
        Err(SendError::NoSuchActor(to))
    }

    fn lookup(&self, _: &str) -> Option<ActorId> {
        None
    }

    fn now_ns(&self) -> u64 {
        0
    }
}

type Handle = TypedFunc<(u64, &'static [u8]), (Result<Option<Vec<u8>>, Failure>,)>;

/// The same guest in a store of its own, called as wasmtime's guide has it.
fn bare(path: &Path, memory_layout: MemoryLayout, has_epochs: bool) -> (Store<()>, Handle) {
    let mut config = Config::new();
    config.concurrency_support(false).epoch_interruption(has_epochs);
    if memory_layout == MemoryLayout::Compact {
        config.memory_reservation(0).memory_guard_size(0).memory_init_cow(false);
    }
    let engine = wasmtime::Engine::new(&config).unwrap();
    let component = wasmtime::component::Component::from_file(&engine, path).unwrap();
    let mut store = Store::new(&engine, ());
    store.set_epoch_deadline(1 << 40);
    let instance = Linker::new(&engine).instantiate(&mut store, &component).unwrap();
    let handler = component.get_export_index(None, "raddle:actor/handler@0.1.0").unwrap();
    let handle = component.get_export_index(Some(&handler), "handle").unwrap();
    let handle = instance.get_typed_func(&mut store, handle).unwrap();
    (store, handle)
}

fn actor(path: &Path, memory_layout: MemoryLayout) -> (Box<dyn Child>, Rc<Context>, Engine) {
    let config = EngineConfig { memory_layout, instances_max: 10, ..EngineConfig::default() };
    let engine = Engine::new(&config).unwrap();
    let component = engine.load(path, &CacheConfig::Disabled, &()).unwrap();
    let blueprint = ComponentBlueprint::new(component, Limits::default(), PoolPolicy::default()).unwrap();
    let id = Key::new(ShardId(0), 1, 1);
    let context = Rc::new(Context::new(ShardId(0), Box::new(Nobody)));
    context.enter(id, 0);
    let mut nursery = blueprint.nursery(ShardId(0), context.clone()).unwrap();
    let mut child = nursery.create(&Recipe::default()).unwrap();
    child.start(&context, &Incarnation { id, name: None, restarts: 0 }).unwrap();
    (child, context, engine)
}

fn main() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/prebuilt/echo.wasm");
    let id = Key::new(ShardId(0), 1, 1);
    println!("ns a call of `echo`: median (p10 – p90) of {ROUNDS} rounds of {CALLS}, and the ratio to bare");
    for memory_layout in [MemoryLayout::Guarded, MemoryLayout::Compact] {
        for bytes in [0, 64, 4096] {
            let payload: &'static [u8] = vec![7; bytes].leak();
            let (mut store, handle) = bare(&path, memory_layout, true);
            let (mut store_no_epochs, handle_no_epochs) = bare(&path, memory_layout, false);
            let (mut child, context, _engine) = actor(&path, memory_layout);
            let tell = Message::new(id, payload);
            let request = Message { request: Some(RequestId::new(ShardId(0), 0, 1)), ..tell.clone() };
            let mut call_bare = || drop(black_box(handle.call(&mut store, (0, payload)).unwrap()));
            let mut call_no_epochs =
                || drop(black_box(handle_no_epochs.call(&mut store_no_epochs, (0, payload)).unwrap()));
            let child = std::cell::RefCell::new(&mut child);
            let handle = |message: &Message| match child.borrow_mut().handle(&context, black_box(message)) {
                Outcome::Done(reply) => drop(black_box(reply)),
                other => panic!("{other:?}"),
            };
            let mut variants: [(&str, &mut dyn FnMut()); 4] = [
                ("bare", &mut call_bare),
                ("bare, no epochs", &mut call_no_epochs),
                ("tell", &mut || handle(&tell)),
                ("request", &mut || handle(&request)),
            ];
            let mut figures = variants.each_ref().map(|_| Vec::with_capacity(ROUNDS));
            for _ in 0..ROUNDS {
                for ((_, call), figures) in variants.iter_mut().zip(&mut figures) {
                    let started = Instant::now();
                    for _ in 0..CALLS {
                        call();
                    }
                    figures.push(started.elapsed().as_nanos() as f64 / f64::from(CALLS));
                }
            }
            let figures = figures.map(|mut figures| {
                figures.sort_by(f64::total_cmp);
                [ROUNDS / 2, ROUNDS / 10, ROUNDS * 9 / 10].map(|index| figures[index])
            });
            for ((name, _), [median, p10, p90]) in variants.iter().zip(figures) {
                let ratio = median / figures[0][0];
                println!(
                    "{memory_layout:?} {bytes:>5} B  {name:<16} {median:7.1} ({p10:6.1} – {p90:6.1})  {ratio:.2}"
                );
            }
        }
    }
}
