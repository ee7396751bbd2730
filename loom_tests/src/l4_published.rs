//! L4: the published snapshot that names are read from: whole, newest, freed in
//! time.

use raddle::sync::primitive::thread;
use raddle::sync::published;

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
