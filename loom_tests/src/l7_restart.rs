//! L7: an actor restarts while messages are under way to it.
//!
//! One shard owns the actor; its messages come through a ring, its signals
//! through another. Whatever the moment of the restart, each message meets one
//! incarnation, or is dead; and its credit comes home once.

use std::sync::Arc as StdArc;

use raddle::sync::primitive::{structural, thread, yield_now};
use raddle::sync::{Consumer, Doorbell, Granter, SpendError, credits, ring};

use crate::parker::Parker;

#[derive(Default)]
struct Ledger {
    handled: Vec<(u64, u32)>,
    dead: Vec<u64>,
}

struct Actor {
    messages: Consumer<u64>,
    signals: Consumer<()>,
    granter: Granter,
    incarnation: u32,
    ledger: Ledger,
}

impl Actor {
    /// The message that the incarnation traps on is dead; the rest survives.
    fn handle(&mut self, id: u64, traps_on: u64) {
        self.granter.take_in(1);
        if id == traps_on {
            self.ledger.dead.push(id);
            self.incarnation += 1;
            if structural("restart.redeliver") {
                self.ledger.handled.push((id, self.incarnation));
            }
        } else {
            self.ledger.handled.push((id, self.incarnation));
        }
        self.granter.give_back(1);
    }
}

/// Three messages, two credits, a trap on the second, a restart signal any time.
pub fn one_incarnation() {
    let (mut producer, messages) = ring(2);
    let (mut signaller, signals) = ring(1);
    let (mut purse, granter) = credits(2);
    let sender = thread::spawn(move || {
        for id in 0..3 {
            while purse.spend(1) == Err(SpendError::Short) {
                yield_now();
            }
            producer.push(id).expect("a credit is room");
        }
        (purse, producer)
    });
    let supervisor = thread::spawn(move || signaller.push(()).expect("room"));
    let mut actor = Actor {
        messages,
        signals,
        granter,
        incarnation: 0,
        ledger: Ledger::default(),
    };
    let mut seen = 0;
    while seen < 3 {
        if actor.signals.pop().is_some() {
            actor.incarnation += 1;
        }
        match actor.messages.pop() {
            Some(id) => {
                actor.handle(id, 1);
                seen += 1;
            }
            None => yield_now(),
        }
    }
    supervisor.join().expect("the supervisor ends well");
    let (mut purse, _producer) = sender.join().expect("the sender ends well");
    assert_eq!(purse.balance(), 2, "each credit comes home once");
    assert_eq!(actor.granter.held(), 0);
    let handled: Vec<_> = actor.ledger.handled.iter().map(|(id, _)| *id).collect();
    assert_eq!(handled, [0, 2], "one incarnation for each");
    assert_eq!(actor.ledger.dead, [1]);
    let by: Vec<_> = actor.ledger.handled.iter().map(|(_, by)| *by).collect();
    assert!(by.is_sorted(), "an older incarnation handled a newer message");
}

/// The mailbox is full and nobody handles: a stop comes through all the same,
/// and what is inside is dead, once.
pub fn stop_overtakes() {
    let parker = Parker::new();
    let doorbell = StdArc::new(Doorbell::new(Box::new(parker.clone())));
    let (mut producer, mut messages) = ring(1);
    let (mut signaller, mut signals) = ring(1);
    producer.push(0).expect("room");
    let bell = doorbell.clone();
    let supervisor = thread::spawn(move || {
        signaller.push(()).expect("the system lane has room");
        bell.ring();
    });
    let sender = thread::spawn(move || {
        let refused = producer.push(1).is_err();
        u64::from(!refused) + 1
    });
    // The shard: the actor is busy, so only the system lane is looked at.
    while signals.pop().is_none() {
        doorbell.arm();
        if signals.is_empty() {
            parker.sleep();
        }
        doorbell.disarm();
    }
    let accepted = sender.join().expect("the sender ends well");
    let mut dead = 0;
    messages.drain(4, |_| dead += 1);
    assert_eq!(dead, accepted, "accepted, and neither handled nor dead");
    assert!(messages.is_closed());
    supervisor.join().expect("the supervisor ends well");
}
