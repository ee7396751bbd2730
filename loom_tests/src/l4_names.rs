//! L4 on real shards: the registry that ships, its replicas and its published
//! directory; and keys that never reach a successor.

use raddle::actor::ActorId;
use raddle::control::child_spec::Shutdown;
use raddle::control::placement::home_of;
use raddle::shard::Control;
use raddle::sync::primitive::thread;

use crate::world::{Asleep, Log, Patience, Turning, World, puppet, straight, texts, world};

const NAME: &str = "a";

fn find(world: &World, home: usize) -> Option<ActorId> {
    world.outside(home).directory.read(|names| names.get(NAME).copied())
}

/// The name's home and the actor are on one shard, who looks it up is on the
/// other. Whoever is told that the name is granted finds it there, and outside.
pub fn granted_is_found_everywhere() {
    let home = home_of(NAME, 2).index();
    let (mut sown, world) = world(2);
    let log = Log::default();
    let there = sown.remove(home);
    let mut here = Turning::new(sown.remove(0));
    let there = thread::spawn(move || there.drive());
    let looker = straight(|| here.wait(world.spawn(1 - home, puppet(&log, None)))).expect("it starts");

    let actor = here.wait(world.spawn(home, puppet(&log, Some(NAME)))).expect("the name is free");
    assert_eq!(find(&world, home), Some(actor), "granted, and not found outside");
    let found = here.wait(world.request(looker, &format!("lookup {NAME}"))).expect("an answer");
    assert_eq!(&found[..], actor.to_string().as_bytes(), "granted, and not found on the other shard");

    let ledger = straight(|| {
        let ledger = world.drain(&mut here);
        there.join().expect("the shard ends well");
        ledger
    });
    assert!(ledger.closes() && ledger.handled == 1, "{ledger:?}");
}

/// The name is at home on another shard than its actor. Whoever is told of the
/// actor's end finds the name free, outside too.
pub fn told_when_it_is_free_at_home() {
    let home = home_of(NAME, 2).index();
    let (mut sown, world) = world(2);
    let log = Log::default();
    let there = sown.remove(home);
    let mut here = Turning::new(sown.remove(0));
    let there = thread::spawn(move || there.drive());
    let spawned = straight(|| here.wait(world.spawn(1 - home, puppet(&log, Some(NAME)))));
    let actor = spawned.expect("the name is free");

    let stopped = world.ask(1 - home, |done| Control::Stop { actor, shutdown: Shutdown::Infinity, done });
    here.wait(stopped).expect("it was there");
    assert_eq!(find(&world, home), None, "told of its end, and still found");

    straight(|| {
        let ledger = world.drain(&mut here);
        there.join().expect("the shard ends well");
        assert!(ledger.closes(), "{ledger:?}");
    });
}

/// An actor is stopped and another takes its name and its slot, while a stranger
/// looks the name up and writes to whom it finds: nobody gets what was meant for
/// the other, and the name is free before anyone is told of the end.
pub fn never_the_successor() {
    let (mut sown, world) = world(1);
    let log = Log::default();
    let write_to = |found: Option<ActorId>| found.map_or(0, |found| world.tell(found, &found.to_string()));
    let shard = sown.remove(0);
    let shard = thread::spawn(move || shard.drive());
    let spawned = straight(|| Asleep.wait(world.spawn(0, puppet(&log, Some(NAME)))));
    let old = spawned.expect("the name is free");

    let stopped = world.ask(0, |done| Control::Stop { actor: old, shutdown: Shutdown::Infinity, done });
    let spawned = world.spawn(0, puppet(&log, Some(NAME)));
    let mut accepted = write_to(find(&world, 0));
    Asleep.wait(stopped).expect("it was there");
    assert_ne!(find(&world, 0), Some(old), "told of its end, and still found");
    accepted += write_to(Some(old));

    let ledger = straight(|| {
        let new = Asleep.wait(spawned).expect("the name is free again");
        assert_eq!((new.slot(), find(&world, 0)), (old.slot(), Some(new)));
        accepted += write_to(Some(new));
        let ledger = world.drain(&mut Asleep);
        shard.join().expect("the shard ends well");
        ledger
    });
    assert!(ledger.closes() && ledger.accepted == accepted, "{ledger:?}");
    for (actor, _, meant_for) in log.lock().expect("no panic while writing").iter() {
        assert_eq!(actor.to_string(), *meant_for, "the successor got a stale message");
    }
    assert_eq!(texts(&log).len() as u64, ledger.handled);
}
