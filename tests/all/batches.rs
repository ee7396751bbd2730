//! Many messages in one call of a guest, through the whole runtime.

use std::sync::Arc;

use raddle::actor::{Actor, Child, Context, Message, Native, Outcome};
use raddle::{ActorId, Spawn};

use crate::support::*;

const TRAP: u64 = u64::MAX;
const EXIT: u64 = u64::MAX - 3;

/// Sends every number of what it gets to one actor, all at once.
struct Burst(Option<ActorId>);

impl Actor for Burst {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        for number in message.payload.chunks_exact(8) {
            match self.0 {
                None => self.0 = ActorId::from_bits(u64::from_le_bytes(number.try_into().expect("8 bytes"))),
                Some(to) => context.send_bytes(to, number).expect("room"),
            }
        }
        Outcome::Done(None)
    }
}

impl Child for Burst {}

/// Sends these numbers to an actor of its own shard, all at once.
fn send_all(runtime: &raddle::Handle, to: ActorId, numbers: impl IntoIterator<Item = u64>) {
    let burst = Arc::new(Native::new("burst", |_| Burst(None)));
    let burst = spawn(runtime, Spawn::new(burst).on(to.shard()));
    let numbers = std::iter::once(to.to_bits()).chain(numbers);
    runtime.tell(burst, numbers.flat_map(u64::to_le_bytes).collect::<Vec<_>>()).unwrap();
}

/// What a batcher has finished, and the sum of it.
fn counts(runtime: &raddle::Handle, batcher: ActorId) -> (u64, u64) {
    let reply = reply(runtime, batcher, "");
    let number =
        |range: std::ops::Range<usize>| u64::from_le_bytes(reply[range].try_into().expect("8 bytes"));
    (number(0..8), number(8..16))
}

#[test]
fn a_trap_in_a_batch_costs_one_message() {
    everywhere(|runtime| {
        let witness = spawn(runtime, Spawn::new(load(runtime, "batcher")).name("witness"));
        let supervised = Spawn::new(load(runtime, "batcher")).config("witness", "witness");
        let batcher = spawn(runtime, supervised.on(last_shard(runtime)).under(supervisor(runtime, 5)));
        let mut numbers: Vec<u64> = (1..=1000).collect();
        numbers.insert(700, TRAP);
        send_all(runtime, batcher, numbers);
        assert!(runtime.settle(PATIENCE));

        assert_eq!(counts(runtime, witness), (1000, 500_500), "all but the one that it trapped on");
        let after: u64 = (701..=1000).sum();
        assert_eq!(counts(runtime, batcher), (300, after), "the next incarnation has the rest");
    });
}

#[test]
fn what_is_behind_an_exit_in_a_batch_is_as_the_rest_of_the_mailbox() {
    let runtime = runtime(2);
    let numbers = || (1..=50).chain([EXIT]).chain(51..=90);
    // With a supervisor the next incarnation has it.
    let supervised = Spawn::new(load(&runtime, "batcher")).under(supervisor(&runtime, 5));
    let batcher = spawn(&runtime, supervised.on(raddle::ShardId(0)));
    send_all(&runtime, batcher, numbers());
    assert!(runtime.settle(PATIENCE));
    assert_eq!(counts(&runtime, batcher), (40, (51..=90).sum()));
    // Without one, nobody has.
    let batcher = spawn(&runtime, Spawn::new(load(&runtime, "batcher")).on(raddle::ShardId(1)));
    send_all(&runtime, batcher, numbers());
    assert!(runtime.settle(PATIENCE));
    assert!(ask(&runtime, batcher, "").is_err(), "it has ended");
    let report = shut_down(runtime);
    let ledger = closed(&report);
    assert_eq!((ledger.failed, report.restarts()), (0, 1));
    assert_eq!(ledger.dead_by_reason[raddle::actor::DeadReason::Drained as usize], 40, "{ledger:?}");
}
