//! L3: a shard that sleeps, and those who wake it. A missed wake-up is a
//! deadlock, which loom reports.

use std::sync::Arc as StdArc;

use raddle::sync::primitive::{Arc, thread};
use raddle::sync::{Consumer, Doorbell, Flag, Intake, injector, ring};

use crate::parker::Parker;

/// The shard's side of the handshake, with rings, perhaps an intake, and a stop.
struct Sleeper {
    rings: Vec<Consumer<u64>>,
    intake: Option<Intake<u64>>,
    doorbell: StdArc<Doorbell>,
    parker: Parker,
    armings: u64,
}

impl Sleeper {
    fn new(doorbell: &StdArc<Doorbell>, parker: &Parker) -> Self {
        Self {
            rings: Vec::new(),
            intake: None,
            doorbell: doorbell.clone(),
            parker: parker.clone(),
            armings: 0,
        }
    }

    fn work(&mut self) -> u64 {
        let mut sum = 0;
        for ring in &mut self.rings {
            ring.drain(4, |item| sum += item);
        }
        if let Some(intake) = &mut self.intake {
            intake.drain(4, |item| sum += item);
        }
        sum
    }

    fn is_idle(&self) -> bool {
        self.rings.iter().all(Consumer::is_empty)
            && !self.intake.as_ref().is_some_and(Intake::has_next)
    }

    /// Works until the items seen sum up to `total`, or `stop` is raised.
    fn run(&mut self, total: u64, stop: Option<&Flag>) -> u64 {
        let mut sum = 0;
        loop {
            sum += self.work();
            let stopped = || stop.is_some_and(Flag::is_raised);
            if sum == total || stopped() {
                return sum;
            }
            self.doorbell.arm();
            self.armings += 1;
            if self.is_idle() && !stopped() {
                self.parker.sleep();
            }
            self.doorbell.disarm();
        }
    }
}

fn bell() -> (StdArc<Doorbell>, Parker) {
    let parker = Parker::new();
    let doorbell = StdArc::new(Doorbell::new(Box::new(parker.clone())));
    (doorbell, parker)
}

/// Two shards push one item each through their rings.
pub fn two_rings() {
    let (doorbell, parker) = bell();
    let mut sleeper = Sleeper::new(&doorbell, &parker);
    let mut pushers = Vec::new();
    for item in [1, 2] {
        let (mut producer, consumer) = ring(2);
        sleeper.rings.push(consumer);
        let doorbell = doorbell.clone();
        pushers.push(thread::spawn(move || {
            producer.push(item).expect("room");
            doorbell.ring();
        }));
    }
    assert_eq!(sleeper.run(3, None), 3);
    for pusher in pushers {
        pusher.join().expect("the pusher ends well");
    }
    assert!(parker.wakes() <= sleeper.armings, "two wakes for one arming");
}

/// A shard and a stranger.
pub fn ring_and_injector() {
    let (doorbell, parker) = bell();
    let mut sleeper = Sleeper::new(&doorbell, &parker);
    let (mut producer, consumer) = ring(2);
    sleeper.rings.push(consumer);
    let (injector, intake) = injector(2, doorbell.clone());
    sleeper.intake = Some(intake);
    let bell = doorbell.clone();
    let shard = thread::spawn(move || {
        producer.push(1).expect("room");
        bell.ring();
    });
    let stranger = thread::spawn(move || injector.push(2).expect("room"));
    assert_eq!(sleeper.run(3, None), 3);
    shard.join().expect("the pusher ends well");
    stranger.join().expect("the pusher ends well");
    assert!(parker.wakes() <= sleeper.armings, "two wakes for one arming");
}

/// Nothing to do, and a stop.
pub fn stop() {
    let (doorbell, parker) = bell();
    let mut sleeper = Sleeper::new(&doorbell, &parker);
    let (mut producer, consumer) = ring(2);
    sleeper.rings.push(consumer);
    let flag = Arc::new(Flag::new());
    let stopping = flag.clone();
    let stopper = thread::spawn(move || {
        producer.push(1).expect("room");
        stopping.raise();
        doorbell.wake_always();
    });
    let seen = sleeper.run(u64::MAX, Some(&flag));
    // Raised after the push: who sees the flag sees the item.
    assert_eq!(seen + sleeper.work(), 1, "the flag came without its item");
    stopper.join().expect("the stopper ends well");
}

/// Two rings of one bell race for one arming, made before either.
pub fn raced_wakes() {
    let (doorbell, parker) = bell();
    doorbell.arm();
    let other = doorbell.clone();
    let ringer = thread::spawn(move || other.ring());
    let here = doorbell.ring();
    let there = ringer.join().expect("the ringer ends well");
    assert_eq!(u64::from(here) + u64::from(there), 1, "one arming, one wake");
    assert_eq!(parker.wakes(), 1);
    assert!(!doorbell.is_armed());
    parker.sleep();
}
