//! L5: two shards drain at each other, strangers knocking.
//!
//! The rule under test: *send nothing more, close what leads out, and leave only
//! when what leads in is closed*. A ring is closed after its last item, so
//! whoever leaves has seen everything; and each side closes its own ring without
//! waiting for the other, so both leave.

use std::sync::Arc as StdArc;

use raddle::sync::primitive::{Arc, structural, thread};
use raddle::sync::{Consumer, Counter, Doorbell, Flag, Intake, Producer, injector, ring};

use crate::parker::Parker;

struct Shard {
    inbound: Consumer<u64>,
    outbound: Option<Producer<u64>>,
    doorbell: StdArc<Doorbell>,
    parker: Parker,
    peer: StdArc<Doorbell>,
    flag: Arc<Flag>,
}

impl Shard {
    /// Sends one message, if the drain allows, and works until it may leave;
    /// tells how many it sent and how many it handled.
    fn run(mut self) -> (u64, u64) {
        let (mut sent, mut handled) = (0, 0);
        if !self.flag.is_raised()
            && let Some(outbound) = &mut self.outbound
        {
            outbound.push(7).expect("room");
            sent += 1;
            self.peer.ring();
        }
        loop {
            handled += self.inbound.drain(4, |_| ()) as u64;
            if self.flag.is_raised() && self.outbound.take().is_some() {
                // The peer may sleep, and must see that the ring is closed.
                self.peer.ring();
            }
            if self.outbound.is_none() && self.may_leave() {
                return (sent, handled);
            }
            self.doorbell.arm();
            if self.must_wait() {
                self.parker.sleep();
            }
            self.doorbell.disarm();
        }
    }

    fn may_leave(&self) -> bool {
        if structural("drain.leave_when_empty") {
            self.inbound.is_empty()
        } else {
            self.inbound.is_closed()
        }
    }

    fn must_wait(&self) -> bool {
        let draining = self.outbound.is_none();
        self.inbound.is_empty()
            && !(draining && self.may_leave())
            && (draining || !self.flag.is_raised())
    }
}

fn bell() -> (StdArc<Doorbell>, Parker) {
    let parker = Parker::new();
    let doorbell = StdArc::new(Doorbell::new(Box::new(parker.clone())));
    (doorbell, parker)
}

fn pair(flag: &Arc<Flag>) -> (Shard, Shard) {
    let (bell_a, parker_a) = bell();
    let (bell_b, parker_b) = bell();
    let (to_b, from_a) = ring(2);
    let (to_a, from_b) = ring(2);
    let a = Shard {
        inbound: from_b,
        outbound: Some(to_b),
        doorbell: bell_a.clone(),
        parker: parker_a,
        peer: bell_b.clone(),
        flag: flag.clone(),
    };
    let b = Shard {
        inbound: from_a,
        outbound: Some(to_a),
        doorbell: bell_b,
        parker: parker_b,
        peer: bell_a,
        flag: flag.clone(),
    };
    (a, b)
}

fn assert_closed_ledger((sent_a, handled_a): (u64, u64), (sent_b, handled_b): (u64, u64)) {
    assert_eq!(sent_a, handled_b, "lost between the shards");
    assert_eq!(sent_b, handled_a, "lost between the shards");
}

/// One message each way; one of the two raises the flag, before or after its own.
pub fn two_shards() {
    let flag = Arc::new(Flag::new());
    let (a, b) = pair(&flag);
    let a = thread::spawn(move || a.run());
    flag.raise();
    b.peer.wake_always();
    let ledger_b = b.run();
    assert_closed_ledger(a.join().expect("a shard ends well"), ledger_b);
}

/// One message each way, and a third thread raises the flag at any moment.
pub fn flag_at_any_moment() {
    let flag = Arc::new(Flag::new());
    let (a, b) = pair(&flag);
    let bells = [a.peer.clone(), b.peer.clone()];
    let a = thread::spawn(move || a.run());
    let b = thread::spawn(move || b.run());
    flag.raise();
    for bell in bells {
        bell.wake_always();
    }
    assert_closed_ledger(
        a.join().expect("a shard ends well"),
        b.join().expect("a shard ends well"),
    );
}

/// One shard accepts and sends, another settles; somebody reads both counters,
/// the later one first.
pub fn counters() {
    let accepted = Arc::new(Counter::new());
    let settled = Arc::new(Counter::new());
    let (mut producer, mut consumer) = ring(2);
    let counting = accepted.clone();
    let sender = thread::spawn(move || {
        for item in 0..2 {
            counting.increment();
            producer.push(item).expect("room");
        }
    });
    let settling = settled.clone();
    let receiver = thread::spawn(move || {
        let taken = consumer.drain(2, |_| settling.increment());
        (consumer, taken)
    });
    // Spawned last, so that the first run has it read last: what comes earlier
    // loom then finds by itself, and old values it offers anyway.
    let (later, earlier) = (settled.clone(), accepted.clone());
    let reader = thread::spawn(move || {
        let seen_settled = later.get();
        let seen_accepted = earlier.get();
        assert!(seen_settled <= seen_accepted, "settled before it was accepted");
    });
    sender.join().expect("the sender ends well");
    let (mut consumer, taken) = receiver.join().expect("the receiver ends well");
    reader.join().expect("the reader ends well");
    assert_eq!(settled.get(), taken as u64);
    assert_eq!(taken + consumer.drain(2, |_| ()), 2);
    assert_eq!(accepted.get(), 2);
}

/// A shard that drains while a stranger pushes; it sleeps on its doorbell
/// meanwhile, and the flag wakes it.
pub fn strangers() {
    let (doorbell, parker) = bell();
    let (injector, intake) = injector(4, doorbell.clone());
    let flag = Arc::new(Flag::new());
    let raised = flag.clone();
    let door = injector.clone();
    let stranger = thread::spawn(move || u64::from(door.push(1).is_ok()));
    let raiser = thread::spawn(move || {
        raised.raise();
        doorbell.wake_always();
    });
    let bell = injector.doorbell().clone();
    let handled = drain_on(&flag, intake, &bell, &parker);
    let accepted = stranger.join().expect("the stranger ends well");
    raiser.join().expect("the raiser ends well");
    assert_eq!(accepted, handled, "accepted is not what was handled");
    assert_eq!(injector.accepted(), handled);
}

fn drain_on(flag: &Flag, mut intake: Intake<u64>, doorbell: &Doorbell, parker: &Parker) -> u64 {
    let mut handled = 0;
    loop {
        handled += intake.drain(4, |_| ()) as u64;
        if flag.is_raised() {
            if structural("drain.close_after_last_look") {
                intake.begin_close();
                return handled;
            }
            return handled + intake.close_and_drain(|_| ()) as u64;
        }
        doorbell.arm();
        if !intake.has_next() && !flag.is_raised() {
            parker.sleep();
        }
        doorbell.disarm();
    }
}
