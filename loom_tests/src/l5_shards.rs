//! L5 on real shards: the production turn, mesh and drain.

use raddle::sync::primitive::thread;

use crate::world::{Asleep, Log, first, puppet, world};

/// A stranger tells an actor something while the shard is drained.
pub fn drained_under_a_stranger() {
    let (mut sown, world) = world(1);
    drop(world.spawn(0, puppet(&Log::default(), None)));
    let shard = sown.pop().expect("one shard");
    let shard = thread::spawn(move || shard.drive());
    let accepted = world.tell(first(0), "hello");
    let ledger = world.drain(&mut Asleep);
    shard.join().expect("the shard ends well");
    assert!(ledger.closes(), "{ledger:?}");
    assert_eq!((ledger.resident, ledger.accepted), (0, accepted), "{ledger:?}");
}

/// The actor traps on the first of two messages: that one failed, the other is
/// dead, and neither is handled twice.
pub fn trapped_with_one_behind() {
    let (mut sown, world) = world(1);
    drop(world.spawn(0, puppet(&Log::default(), None)));
    let accepted = world.tell(first(0), "trap") + world.tell(first(0), "hello");
    let shard = sown.pop().expect("one shard");
    let shard = thread::spawn(move || shard.drive());
    let ledger = world.drain(&mut Asleep);
    shard.join().expect("the shard ends well");
    assert!(ledger.closes(), "{ledger:?}");
    assert_eq!((ledger.resident, ledger.accepted), (0, accepted), "{ledger:?}");
    // Closed before it came to that, both are dead.
    assert!(ledger.handled == 0 && ledger.failed <= 1, "{ledger:?}");
}
