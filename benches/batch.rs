//! What a message costs that comes in a batch, beside the bare call of the same guest
//! with the same frames; and what a grant costs where a guest sends:
//! `cargo bench --no-default-features --features wasm --bench batch`.
#![allow(missing_docs)]

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;

use raddle::actor::{
    ActorId, Batch, Blueprint, Child, Context, Incarnation, Key, Message, Recipe, SendError, ShardId, View,
};
use raddle::wasm::{
    CacheConfig, ComponentBlueprint, Engine, EngineConfig, Grants, Patterns, Profile, TrustLevel,
};
use wasmtime::component::{Linker, TypedFunc};
use wasmtime::{Config, Store};

const ROUNDS: usize = 300;
const CALLS: usize = 1_000;
const MESSAGES: usize = 32;

/// Everybody is there, and takes everything.
struct Everybody;

impl View for Everybody {
    fn send_bytes(&self, _: ActorId, _: Option<ActorId>, _: u64, _: &[u8]) -> Result<(), SendError> {
        Ok(())
    }

    fn lookup(&self, _: &str) -> Option<ActorId> {
        Some(Key::new(ShardId(0), 2, 1))
    }

    fn now_ns(&self) -> u64 {
        1
    }
}

type HandleBatch = TypedFunc<(&'static [u8],), (u32,)>;

fn bare(path: &Path) -> (Store<()>, HandleBatch) {
    let mut config = Config::new();
    config.concurrency_support(false).epoch_interruption(true).memory_reservation(4 << 30);
    let engine = wasmtime::Engine::new(&config).unwrap();
    let component = wasmtime::component::Component::from_file(&engine, path).unwrap();
    let mut linker = Linker::new(&engine);
    linker
        .root()
        .instance("raddle:actor/progress@0.1.0")
        .unwrap()
        .func_wrap("register", |_, _: (Vec<u8>,)| Ok(()))
        .unwrap();
    linker
        .root()
        .instance("raddle:actor/config@0.1.0")
        .unwrap()
        .func_wrap("get", |_, _: (String,)| Ok((None::<String>,)))
        .unwrap();
    linker.define_unknown_imports_as_traps(&component).unwrap();
    let mut store = Store::new(&engine, ());
    store.set_epoch_deadline(1 << 40);
    let instance = linker.instantiate(&mut store, &component).unwrap();
    let handler = component.get_export_index(None, "raddle:actor/batch-handler@0.1.0").unwrap();
    let handle = component.get_export_index(Some(&handler), "handle-batch").unwrap();
    let handle = instance.get_typed_func(&mut store, handle).unwrap();
    (store, handle)
}

/// A batcher with these grants; with a witness it sends every message on.
fn actor(engine: &Engine, path: &Path, grants: Grants, witness: bool) -> (Box<dyn Child>, Rc<Context>) {
    let component = engine.load(path, &CacheConfig::Disabled, &()).unwrap();
    let profile = Profile { grants, ..Profile::of(TrustLevel::Standard) };
    let blueprint = ComponentBlueprint::with(component, profile).unwrap();
    let id = Key::new(ShardId(0), 1, 1);
    let context = Rc::new(Context::new(ShardId(0), Box::new(Everybody)));
    context.enter(id, 0);
    let mut nursery = blueprint.nursery(ShardId(0), context.clone()).unwrap();
    let config =
        if witness { [("witness".to_owned(), "witness".to_owned())].into() } else { Default::default() };
    let mut child = nursery.create(&Recipe { config }).unwrap();
    child.start(&context, &Incarnation { id, name: None, restarts: 0 }).unwrap();
    (child, context)
}

fn main() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("guests/prebuilt/batcher.wasm");
    let engine = Engine::new(&EngineConfig { instances_max: 16, ..EngineConfig::default() }).unwrap();
    let message = || Box::new(Message::new(Key::new(ShardId(0), 1, 1), &1u64.to_le_bytes()));
    let messages: Vec<_> = (0..MESSAGES).map(|_| message()).collect();
    let frame = |_| [0u64.to_le_bytes(), 8u64.to_le_bytes(), 1u64.to_le_bytes()].concat();
    let frames: &'static [u8] = (0..MESSAGES).flat_map(frame).collect::<Vec<u8>>().leak();

    let (mut store, handle) = bare(&path);
    let everybody = || TrustLevel::Standard.grants();
    let named = || Grants { send: Patterns::parse(["witness"]).unwrap(), ..Grants::default() };
    let mut actors = [
        actor(&engine, &path, everybody(), false),
        actor(&engine, &path, everybody(), true),
        actor(&engine, &path, named(), true),
    ];
    let mut figures = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        let started = Instant::now();
        for _ in 0..CALLS {
            store.set_epoch_deadline(1 << 40);
            assert_eq!(handle.call(&mut store, (frames,)).unwrap(), (0,));
        }
        figures[0].push(started.elapsed().as_nanos() as f64 / (CALLS * MESSAGES) as f64);
        for ((child, context), figures) in actors.iter_mut().zip(&mut figures[1..]) {
            let started = Instant::now();
            for _ in 0..CALLS {
                let outcome = child.handle_batch(context, Batch::new(&messages));
                assert_eq!((outcome.handled, outcome.failures), (MESSAGES, 0));
            }
            figures.push(started.elapsed().as_nanos() as f64 / (CALLS * MESSAGES) as f64);
        }
    }
    println!("ns a message of 8 bytes, {MESSAGES} at a time: medians of {ROUNDS} rounds");
    let names = [
        "bare, flat frames",
        "batch",
        "batch, each sent on, to everybody",
        "batch, each sent on, to one that is granted",
    ];
    let mut floor = 0.0;
    for (name, figures) in names.into_iter().zip(&mut figures) {
        figures.sort_by(f64::total_cmp);
        let [median, p10, p90] = [ROUNDS / 2, ROUNDS / 10, ROUNDS * 9 / 10].map(|index| figures[index]);
        if floor == 0.0 {
            floor = median;
        }
        println!("{name:<45} {median:6.1} ({p10:6.1} – {p90:6.1})  {:.2} x bare", median / floor);
    }
}
