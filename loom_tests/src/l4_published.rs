//! L4: the published snapshot: whole, newest, freed in time; and keys in it that
//! never reach a successor.

use raddle::actor::{Key, ShardId};
use raddle::sync::primitive::{structural, thread};
use raddle::sync::{Gauge, published};
use std::sync::Arc as StdArc;

use crate::parker::Drops;

/// Two readers against two publications; every reader goes forward only.
pub fn whole_values() {
    let (mut publisher, reader) = published((0_u64, 0_u64));
    let other = reader.clone();
    let look = |reader: raddle::sync::Reader<(u64, u64)>| {
        let mut newest = 0;
        for _ in 0..2 {
            let (a, b) = reader.read(|value| *value);
            assert_eq!(a, b, "a torn value");
            assert!(a >= newest, "an older value after a newer one");
            newest = a;
        }
    };
    let first = thread::spawn(move || look(reader));
    let second = thread::spawn(move || {
        let (a, b) = *other.load();
        assert_eq!(a, b, "a torn value");
    });
    publisher.publish((1, 1));
    publisher.publish((2, 2));
    first.join().expect("the reader ends well");
    second.join().expect("the reader ends well");
    assert_eq!(publisher.get(), &(2, 2));
    assert_eq!(publisher.reclaim(), 0, "a value is kept for nobody");
}

/// A value that is being read is not dropped; one that nobody reads is.
pub fn freed_after_the_last_reader() {
    let drops = Drops::default();
    let (mut publisher, reader) = published(drops.value(0));
    let kept = reader.clone();
    let watching = drops.clone();
    let looking = thread::spawn(move || {
        let id = reader.read(|value| {
            let dropped = watching.count();
            assert!(dropped <= value.id, "dropped under its reader");
            value.id
        });
        let load = reader.load();
        assert!(load.id >= id);
    });
    let keeping = thread::spawn(move || kept.load());
    publisher.publish(drops.value(1));
    publisher.publish(drops.value(2));
    looking.join().expect("the reader ends well");
    let kept = keeping.join().expect("the reader ends well");
    publisher.reclaim();
    let expected = if kept.id == 2 { 2 } else { 1 };
    assert_eq!(drops.count(), expected, "all old values but the kept one");
    drop((kept, publisher));
    assert_eq!(drops.count(), 3);
}

/// A slot changes hands while somebody looks it up by the old key.
pub fn generations() {
    struct Tenant {
        key: Key,
        name: &'static str,
        settled: StdArc<Gauge>,
    }
    let settled = StdArc::new(Gauge::new());
    let old_key = Key::new(ShardId(0), 0, 1);
    let generation = if structural("registry.keep_generation") {
        1
    } else {
        2
    };
    let new_key = Key::new(ShardId(0), 0, generation);
    let (mut publisher, reader) = published(Tenant {
        key: old_key,
        name: "old",
        settled: settled.clone(),
    });
    let lookup = thread::spawn(move || {
        for _ in 0..2 {
            reader.read(|tenant| {
                if tenant.key == old_key {
                    assert_eq!(tenant.name, "old", "the successor got a stale message");
                } else {
                    assert_eq!(tenant.settled.get(), 1, "published before it was ready");
                }
            });
        }
    });
    settled.set(1);
    publisher.publish(Tenant {
        key: new_key,
        name: "new",
        settled,
    });
    lookup.join().expect("the reader ends well");
}
