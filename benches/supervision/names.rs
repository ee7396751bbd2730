//! Names: looked up by an actor, by a guest, and from outside; registered and released.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use raddle::actor::{Actor, ActorId, Blueprint, Child, Context, Message, Native, Outcome};
use raddle::control::child_spec::Shutdown;
use raddle::shard::{Control, ShardConfig, SpawnSpec};
use raddle::sync::reply_slot;
use raddle::wasm::{CacheConfig, ComponentBlueprint, Engine, EngineConfig, Profile, TrustLevel};

use super::{ROUNDS, World, guest, ns_of, print};

const NAMES: usize = 10_000;
const LOOKUPS: usize = 100_000;
const TIMES: usize = 500;

/// Looks names up, or sends back what it gets.
struct Looker {
    names: Arc<Vec<String>>,
}

impl Actor for Looker {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        match message.payload.first() {
            Some(b'l') => {
                let found = |number: usize| context.lookup(&self.names[number * 7_919 % NAMES]).is_some();
                let found = (0..LOOKUPS).filter(|&number| found(number)).count();
                Outcome::Done(Some(found.to_string().into()))
            }
            // To another one and back: the reply is the round trip.
            Some(b't') => {
                let to = String::from_utf8_lossy(&message.payload[1..]).parse().expect("an address");
                match context.ask(to, "b", std::time::Duration::from_secs(60)) {
                    Ok(request) => Outcome::Suspended(raddle::actor::Awaited::Reply(request)),
                    Err(error) => panic!("{error}"),
                }
            }
            _ => Outcome::Done(Some("back".into())),
        }
    }

    fn resume(&mut self, _: &Context, _: raddle::actor::Resume) -> Outcome {
        Outcome::Done(Some("there and back".into()))
    }
}

impl Child for Looker {}

fn lookups(world: &mut World, looker: ActorId, names: &Arc<Vec<String>>) {
    let map: HashMap<Arc<str>, ActorId> = names.iter().map(|name| (name.as_str().into(), looker)).collect();
    let [mut floor, mut inside, mut outside] = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        let (ns, found) = ns_of(|| {
            let found = |number: usize| black_box(&map).get(names[number * 7_919 % NAMES].as_str()).is_some();
            (0..LOOKUPS).filter(|&number| found(number)).count()
        });
        assert_eq!(found, LOOKUPS);
        floor.push(ns / LOOKUPS as f64);
        let answer = world.ask(looker, "l");
        let (ns, answer) = ns_of(|| world.answer(answer).0);
        assert_eq!(&answer.unwrap()[..], LOOKUPS.to_string().as_bytes());
        inside.push(ns / LOOKUPS as f64);
        let (ns, found) = ns_of(|| {
            let found = |number: usize| {
                let name = names[number * 7_919 % NAMES].as_str();
                let home = raddle::control::placement::home_of(name, world.outside.len());
                world.outside[home.index()].directory.read(|all| all.get(name).copied()).is_some()
            };
            (0..LOOKUPS).filter(|&number| found(number)).count()
        });
        assert_eq!(found, LOOKUPS);
        outside.push(ns / LOOKUPS as f64);
    }
    let floor = print("floor: a HashMap of 10,000 names", "ns", &mut floor, None);
    print("lookup, by a native actor", "ns", &mut inside, Some(floor));
    print("lookup, from outside", "ns", &mut outside, Some(floor));
}

/// What a message costs that makes a guest look a name up, over one that does not.
fn guest_lookups(world: &mut World, names: &Arc<Vec<String>>) {
    let engine = Engine::new(&EngineConfig { instances_max: 16, ..EngineConfig::default() }).unwrap();
    let component = engine.load(&guest("trapper"), &CacheConfig::Disabled, &()).unwrap();
    let profile = Profile::of(TrustLevel::Trusted);
    let blueprint: Arc<dyn Blueprint> = Arc::new(ComponentBlueprint::with(component, profile).unwrap());
    let (actor, _) = world.spawn(0, SpawnSpec::new(blueprint));
    // The ops of the guest: 0 echoes, 6 looks up; both reply with 8 bytes.
    let mut cost = |op: u8, argument: &str, length: usize| {
        let payload: Vec<u8> = std::iter::once(op).chain(argument.bytes()).collect();
        let (ns, ()) = ns_of(|| {
            for _ in 0..LOOKUPS / 50 {
                let answer = world.ask(actor, &payload[..]);
                assert_eq!(world.answer(answer).0.unwrap().len(), length);
            }
        });
        ns / (LOOKUPS / 50) as f64
    };
    let (mut echo, mut lookup, mut over) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        echo.push(cost(0, &names[0], names[0].len()));
        lookup.push(cost(6, &names[0], 8));
        over.push(lookup.last().unwrap() - echo.last().unwrap());
    }
    let floor = print("floor: a request to a guest that echoes", "ns", &mut echo, None);
    print("a request to a guest that looks a name up", "ns", &mut lookup, Some(floor));
    print("  so a lookup, by a guest, is", "ns", &mut over, None);
}

/// On the last shard; the home of the name is the first one.
fn registered(world: &mut World, looker: ActorId, make: &Arc<dyn Blueprint>) {
    let last = world.shards.len() - 1;
    let names: Vec<_> = (0..)
        .map(|number| format!("of-shard-0-{number}"))
        .filter(|name| raddle::control::placement::home_of(name, last + 1).index() == 0)
        .take(TIMES)
        .collect();
    let trip = format!("t{looker}");
    let (partner, _) = world.spawn(last, SpawnSpec::new(make.clone()));
    let mut figures = [const { Vec::new() }; 5];
    let mut turns = [0; 5];
    let mut note = |index: usize, ns: f64, took: usize| {
        figures[index].push(ns);
        turns[index] = took;
    };
    for name in &names {
        let answer = world.ask(partner, trip.as_str());
        let (ns, (reply, took)) = ns_of(|| world.answer(answer));
        assert_eq!(&reply.unwrap()[..], b"there and back");
        note(0, ns, took);
        for (index, name) in [(1, None), (3, Some(name.as_str().into()))] {
            let spec = SpawnSpec { name, ..SpawnSpec::new(make.clone()) };
            let (ns, (actor, took)) = ns_of(|| world.spawn(last, spec));
            note(index, ns, took);
            let (done, waiter) = reply_slot();
            let (ns, (_, took)) = ns_of(|| {
                world.control(last, Control::Stop { actor, shutdown: Shutdown::default(), done });
                world.answer(waiter)
            });
            note(index + 1, ns, took);
            world.rest();
        }
    }
    let [trip, spawn, stop, named, named_stop] = &mut figures;
    let floor = print("floor: a request across shards, there and back", "ns", trip, None);
    let rounds = |index: usize| format!("{} turns of both", turns[index]);
    print(&format!("spawn, nameless, {}", rounds(1)), "ns", spawn, Some(floor));
    print(&format!("spawn and register, {}", rounds(3)), "ns", named, Some(floor));
    print(&format!("stop, nameless, {}", rounds(2)), "ns", stop, Some(floor));
    print(&format!("stop and release, {}", rounds(4)), "ns", named_stop, Some(floor));
    println!("  a round trip takes {}", rounds(0));
}

pub fn run() {
    let names: Arc<Vec<_>> = Arc::new((0..NAMES).map(|number| format!("worker-{number}")).collect());
    let for_actors = names.clone();
    let make: Arc<dyn Blueprint> =
        Arc::new(Native::new("looker", move |_| Looker { names: for_actors.clone() }));
    let mut world = World::new(2, ShardConfig { turn_ns_max: 5_000_000_000, ..ShardConfig::default() });
    for (number, name) in names.iter().enumerate() {
        let spec = SpawnSpec { name: Some(name.as_str().into()), ..SpawnSpec::new(make.clone()) };
        world.spawn(number % 2, spec);
    }
    let (looker, _) = world.spawn(0, SpawnSpec::new(make.clone()));
    lookups(&mut world, looker, &names);
    registered(&mut world, looker, &make);
    guest_lookups(&mut world, &names);
}
