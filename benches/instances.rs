//! Very many live `counter`s, each counted through its guest:
//! `cargo bench --no-default-features --features wasm --bench instances -- [LAYOUT] [COUNT] [GUEST]`.
//! Reports what one costs: time to make, to call, to drop; memory; mappings.
#![allow(missing_docs)]

use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use raddle::actor::{
    ActorId, Blueprint, Context, CreateError, Incarnation, Key, Message, Outcome, Recipe, RequestId,
    SendError, ShardId, View,
};
use raddle::wasm::{CacheConfig, ComponentBlueprint, Engine, EngineConfig, Limits, MemoryLayout, PoolPolicy};

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

/// Resident and page-table bytes of this process, and how many mappings it has.
fn memory() -> (u64, u64, usize) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let kib = |key: &str| -> u64 {
        let line = status.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let mappings = std::fs::read_to_string("/proc/self/maps").unwrap().lines().count();
    (kib("VmRSS:") << 10, kib("VmPTE:") << 10, mappings)
}

/// Resident bytes of the slabs that compact memories are in: mappings for which huge
/// pages are refused.
fn slabs() -> u64 {
    let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let (mut resident, mut sum) = (0, 0);
    for line in smaps.lines() {
        if let Some(kib) = line.strip_prefix("Rss:") {
            resident = kib.trim().trim_end_matches(" kB").parse().unwrap();
        } else if line.starts_with("VmFlags:") && line.contains(" nh") {
            sum += resident;
        }
    }
    sum << 10
}

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let memory_layout = match arguments.first().map(String::as_str) {
        Some("guarded") => MemoryLayout::Guarded,
        _ => MemoryLayout::Compact,
    };
    let count: u32 = arguments.get(1).map_or(10_000, |count| count.parse().expect("COUNT is a number"));
    let guest = arguments.get(2).map_or("counter", String::as_str);

    let config = EngineConfig { memory_layout, instances_max: count.max(10), ..EngineConfig::default() };
    let engine = Engine::new(&config).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("guests/prebuilt/{guest}.wasm"));
    let component = engine.load(&path, &CacheConfig::Disabled, &()).unwrap();
    let policy = PoolPolicy { ready_min: 0, ready_max: 0, ..PoolPolicy::default() };
    let blueprint = ComponentBlueprint::new(component, Limits::default(), policy).unwrap();
    let context = Rc::new(Context::new(ShardId(0), Box::new(Nobody)));
    context.enter(Key::new(ShardId(0), 0, 1), 0);
    let mut nursery = blueprint.nursery(ShardId(0), context.clone()).unwrap();

    let before = memory();
    let mut actors = Vec::with_capacity(count as usize);
    let started = Instant::now();
    for slot in 0..count {
        match nursery.create(&Recipe::default()) {
            Ok(mut actor) => {
                let id = Key::new(ShardId(0), slot, 1);
                actor.start(&context, &Incarnation { id, name: None, restarts: 0 }).unwrap();
                actors.push(actor);
            }
            Err(CreateError::Exhausted(why) | CreateError::Failed(why)) => {
                println!("stopped at {slot}: {why}");
                break;
            }
        }
    }
    let alive = actors.len().max(1) as f64;
    let each = |started: Instant| started.elapsed().as_nanos() as f64 / alive / 1000.0;
    println!("{memory_layout:?}, {} of {guest}", actors.len());
    println!("made and started   {:.2} µs each", each(started));

    let made = memory();
    let ask = |actor: &mut Box<dyn raddle::actor::Child>, payload: &[u8]| {
        let mut message = Message::new(Key::new(ShardId(0), 0, 1), payload);
        message.request = Some(RequestId::new(ShardId(0), 0, 1));
        match actor.handle(&context, &message) {
            Outcome::Done(reply) => reply,
            other => panic!("{other:?}"),
        }
    };
    let started = Instant::now();
    for actor in &mut actors {
        ask(actor, b"add 7");
    }
    println!("first message      {:.2} µs each", each(started));
    let started = Instant::now();
    for actor in &mut actors {
        assert_eq!(*ask(actor, b"get").unwrap(), *b"7");
    }
    println!("second message     {:.2} µs each", each(started));
    let used = memory();
    let per = |from: u64, to: u64| to.saturating_sub(from) as f64 / alive / 1024.0;
    println!(
        "resident           {:.2} KiB each when made, {:.2} KiB when used",
        per(before.0, made.0),
        per(before.0, used.0)
    );
    if memory_layout == MemoryLayout::Compact {
        println!("of that the guest's {:.2} KiB each", per(0, slabs()));
    }
    println!("page tables        {:.2} KiB each", per(before.1, used.1));
    println!("mappings           {} before, {} now", before.2, used.2);

    let started = Instant::now();
    drop(actors);
    println!("dropped            {:.2} µs each", each(started));
    let left = memory();
    println!(
        "resident then      {:.1} MiB more than before, {} mappings",
        left.0.saturating_sub(before.0) as f64 / 1048576.0,
        left.2
    );

    let rounds = 20_000;
    let started = Instant::now();
    for _ in 0..rounds {
        let mut actor = nursery.create(&Recipe::default()).unwrap();
        let id = Key::new(ShardId(0), 0, 1);
        actor.start(&context, &Incarnation { id, name: None, restarts: 0 }).unwrap();
    }
    println!(
        "make, start, drop  {:.2} µs, one at a time",
        started.elapsed().as_nanos() as f64 / f64::from(rounds) / 1000.0
    );
}
