//! From the trap of a guest to its replacement serving.

use std::sync::Arc;
use std::time::Duration;

use raddle::actor::Blueprint;
use raddle::control::child_spec::ChildSpec;
use raddle::control::supervisor::{Strategy, SupervisorSpec};
use raddle::runtime::driver::Reactor;
use raddle::shard::{ShardConfig, SpawnSpec, Tree};
use raddle::wasm::{CacheConfig, Component, ComponentBlueprint, Engine, EngineConfig, Profile, TrustLevel};
use raddle::{ActorId, Runtime, ShardId, Spawn, Supervise};

use super::pooled::{Bare, Instance};
use super::{World, actor, guest, ns_of, percentile};

const DEATHS: usize = 3_000;
/// Op 1 panics; op 19 says how many incarnations came before.
const TRAP: &[u8] = b"\x01x";
const SERVE: &[u8] = b"\x13";

/// One traps and is dropped; a ready one is taken, and serves.
fn bare_death(bare: &Bare, live: &mut Instance) -> f64 {
    let ready = bare.instantiate();
    let (ns, ()) = ns_of(|| {
        assert!(live.call(TRAP).is_err_and(|error| error.is::<wasmtime::Trap>()));
        *live = ready;
        live.init().unwrap().unwrap();
        assert!(live.call(SERVE).is_ok());
    });
    *live = bare.instantiate();
    ns
}

fn blueprint(component: &Component) -> Arc<dyn Blueprint> {
    let profile = Profile::of(TrustLevel::Trusted);
    Arc::new(ComponentBlueprint::with(component.clone(), profile).unwrap())
}

fn supervision() -> SupervisorSpec {
    SupervisorSpec::new(Strategy::OneForOne).intensity(u32::MAX, 1_000_000_000)
}

fn config() -> ShardConfig {
    ShardConfig { restarts_per_second_max: u32::MAX, ..ShardConfig::default() }
}

/// Shards turned by hand: what it takes of the CPU.
struct ByHand {
    world: World,
    child: ActorId,
    deaths: u64,
}

impl ByHand {
    fn new(component: &Component, shards: usize) -> Self {
        let mut world = World::new(shards, config());
        let mut spec = SpawnSpec::new(blueprint(component));
        spec.name = Some("mortal".into());
        let children = vec![ChildSpec::worker("mortal", actor(shards - 1, spec))];
        world.supervise(Tree { spec: supervision(), children });
        let child =
            world.outside.iter().find_map(|outside| outside.directory.read(|all| all.get("mortal").copied()));
        Self { world, child: child.expect("it is there"), deaths: 0 }
    }

    fn death(&mut self) -> f64 {
        // A ready instance waits for it, as after any quiet moment.
        self.world.rest();
        self.world.tell(self.child, TRAP);
        let served = self.world.ask(self.child, SERVE);
        let (ns, (reply, _)) = ns_of(|| self.world.answer(served));
        self.deaths += 1;
        assert_eq!(&reply.unwrap()[..], &self.deaths.to_le_bytes());
        ns
    }
}

/// Shards that are threads, and never sleep: what an outside thread waits for.
struct OnThreads {
    runtime: Runtime,
    child: ActorId,
    deaths: u64,
}

impl OnThreads {
    fn new(place: usize) -> Self {
        let runtime = Runtime::builder()
            .shards(2)
            .reactor(Reactor::Thread)
            .park_spin(Duration::from_secs(1))
            .config(config())
            .engine(EngineConfig { instances_max: 64, ..EngineConfig::default() })
            .cache(CacheConfig::Disabled)
            .build()
            .unwrap();
        let component = runtime.engine().load(&guest("trapper"), &CacheConfig::Disabled, &()).unwrap();
        let child = Spawn::new(blueprint(&component)).name("mortal").on(ShardId(place as u16));
        runtime.supervise(Supervise::from(supervision()).child(child)).wait().unwrap();
        let child = runtime.lookup("mortal").unwrap();
        Self { runtime, child, deaths: 0 }
    }

    fn death(&mut self) -> f64 {
        std::thread::sleep(Duration::from_micros(200));
        let (ns, reply) = ns_of(|| {
            self.runtime.tell(self.child, TRAP).unwrap();
            self.runtime.request(self.child, SERVE).wait()
        });
        self.deaths += 1;
        assert_eq!(&reply.unwrap()[..], &self.deaths.to_le_bytes());
        ns
    }
}

fn print(name: &str, figures: &mut [f64], floor: Option<(f64, f64)>) -> (f64, f64) {
    let (p50, p99) = (percentile(figures, 0.5), percentile(figures, 0.99));
    let ratio =
        floor.map_or(String::new(), |(f50, f99)| format!("  {:.2} and {:.2} x floor", p50 / f50, p99 / f99));
    println!("{name:<58} p50 {:6.1} µs, p99 {:6.1} µs{ratio}", p50 / 1e3, p99 / 1e3);
    (p50, p99)
}

pub fn run() {
    let engine = Engine::new(&EngineConfig { instances_max: 64, ..EngineConfig::default() }).unwrap();
    let component = engine.load(&guest("trapper"), &CacheConfig::Disabled, &()).unwrap();
    let bare = Bare::new(&guest("trapper"), 64);
    let mut live = bare.instantiate();
    let (mut same, mut across) = (ByHand::new(&component, 1), ByHand::new(&component, 2));
    let (mut floor, mut beside, mut apart) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..DEATHS {
        floor.push(bare_death(&bare, &mut live));
        beside.push(same.death());
        apart.push(across.death());
    }
    println!("from a trap to its replacement serving, {DEATHS} times each, in turn");
    let floor = print("floor: trap, drop, take a ready one, init, serve", &mut floor, None);
    print("same shard, by hand", &mut beside, Some(floor));
    print("supervisor on another shard, by hand", &mut apart, Some(floor));
    drop((same, across));
    for (place, name) in
        [(0, "same shard, on threads, from outside"), (1, "another shard, on threads, from outside")]
    {
        let mut threads = OnThreads::new(place);
        let mut figures: Vec<_> = (0..DEATHS).map(|_| threads.death()).collect();
        print(name, &mut figures, Some(floor));
        drop(threads.runtime.shutdown(Duration::from_secs(5)));
    }
}
