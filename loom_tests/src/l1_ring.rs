//! L1: the ring between two threads, capacity 2, indices about to wrap.

use raddle::sync::primitive::{Arc, thread, yield_now};
use raddle::sync::{Consumer, Gauge, Producer, ring_from};

use crate::parker::{Counted, Drops};

const FIRST: usize = usize::MAX - 1;

fn push_all(producer: &mut Producer<Counted>, drops: &Drops, ids: std::ops::Range<u64>) {
    for id in ids {
        let mut item = drops.value(id);
        while let Err(full) = producer.push(item) {
            item = full.0;
            yield_now();
        }
    }
}

fn pop_one(consumer: &mut Consumer<Counted>) -> Counted {
    loop {
        if let Some(item) = consumer.pop() {
            return item;
        }
        yield_now();
    }
}

/// Four single items through two slots.
pub fn fifo() {
    let (mut producer, mut consumer) = ring_from(2, FIRST);
    let drops = Drops::default();
    let pushed = drops.clone();
    let pusher = thread::spawn(move || push_all(&mut producer, &pushed, 0..4));
    for id in 0..4 {
        assert_eq!(pop_one(&mut consumer).id, id);
    }
    pusher.join().expect("the pusher ends well");
    assert!(consumer.pop().is_none());
    assert_eq!(drops.count(), 4);
}

/// Two batches of two; staged items are nobody's business.
pub fn batches() {
    let (mut producer, mut consumer) = ring_from(2, FIRST);
    let pusher = thread::spawn(move || {
        for batch in 0..2_u64 {
            while producer.free_slots() < 2 {
                yield_now();
            }
            producer.stage(batch * 2).expect("room for two");
            producer.stage(batch * 2 + 1).expect("room for two");
            assert_eq!(producer.publish(), 2);
            assert_eq!(producer.publish(), 0);
        }
    });
    let mut seen = Vec::new();
    while seen.len() < 4 {
        let before = seen.len();
        let taken = consumer.drain(4, |item| seen.push(item));
        assert_eq!(seen.len() - before, taken);
        // Published together, seen together: a batch comes whole.
        assert!(taken % 2 == 0, "half a batch");
        if taken == 0 {
            yield_now();
        }
    }
    assert_eq!(seen, [0, 1, 2, 3]);
    pusher.join().expect("the pusher ends well");
}

/// Three pushes that do not insist, against one pop.
pub fn bounded() {
    let (mut producer, mut consumer) = ring_from(2, FIRST);
    let drops = Drops::default();
    let pushed = drops.clone();
    let pusher = thread::spawn(move || {
        let mut accepted = 0_u64;
        for id in 0..3 {
            match producer.push(pushed.value(id)) {
                Ok(()) => accepted += 1,
                Err(full) => assert_eq!(full.0.id, id),
            }
        }
        assert!(producer.len() <= producer.capacity());
        (producer, accepted)
    });
    let popped = u64::from(consumer.pop().is_some());
    let (mut producer, accepted) = pusher.join().expect("the pusher ends well");
    assert!(accepted >= 2, "full with room left");
    assert!(accepted <= 2 + popped, "more inside than fits");
    assert_eq!(consumer.len() as u64, accepted - popped);
    assert_eq!(producer.free_slots() as u64, 2 - (accepted - popped));
    drop((producer, consumer));
    assert_eq!(drops.count(), 3);
}

/// Items read through `peek` and `drain` while their slots are wanted again.
pub fn reuse() {
    let (mut producer, mut consumer) = ring_from(1, FIRST);
    let drops = Drops::default();
    let pushed = drops.clone();
    let pusher = thread::spawn(move || push_all(&mut producer, &pushed, 0..3));
    for id in 0..3 {
        while consumer.peek().is_none() {
            yield_now();
        }
        assert_eq!(consumer.peek().map(|item| item.id), Some(id));
        assert_eq!(consumer.drain(1, |item| assert_eq!(item.id, id)), 1);
    }
    pusher.join().expect("the pusher ends well");
    assert_eq!(drops.count(), 3);
}

/// Two items and the end.
pub fn closed_after_the_last() {
    let (mut producer, mut consumer) = ring_from(2, FIRST);
    let pusher = thread::spawn(move || {
        producer.push(0).expect("room");
        producer.push(1).expect("room");
    });
    let mut seen = 0;
    while !consumer.is_closed() {
        match consumer.pop() {
            Some(id) => {
                assert_eq!(id, seen);
                seen += 1;
            }
            None => yield_now(),
        }
    }
    assert_eq!(seen, 2, "closed before the last item");
    assert_eq!(consumer.pop(), None);
    pusher.join().expect("the pusher ends well");
}

/// The consumer takes one and goes; the producer notices, or not.
pub fn consumer_leaves() {
    let (mut producer, mut consumer) = ring_from(2, FIRST);
    let drops = Drops::default();
    let reason = Arc::new(Gauge::new());
    let written = reason.clone();
    let popper = thread::spawn(move || {
        drop(consumer.pop());
        written.set(7);
    });
    let mut refused = 0;
    for id in 0..3 {
        if producer.push(drops.value(id)).is_err() {
            refused += 1;
        }
        if producer.is_closed() {
            assert_eq!(reason.get(), 7, "closed without its reason");
        }
    }
    popper.join().expect("the popper ends well");
    assert!(producer.is_closed());
    assert!(refused <= 1);
    drop(producer);
    assert_eq!(drops.count(), 3);
}

/// The producer publishes one, stages another and goes.
pub fn producer_leaves() {
    let (mut producer, mut consumer) = ring_from(2, FIRST);
    let drops = Drops::default();
    let pushed = drops.clone();
    let pusher = thread::spawn(move || {
        producer.push(pushed.value(0)).map_err(|_| ()).expect("room");
        producer.stage(pushed.value(1)).map_err(|_| ()).expect("room");
    });
    if let Some(item) = consumer.pop() {
        assert_eq!(item.id, 0);
        assert!(consumer.pop().is_none(), "staged items are not shown");
    }
    drop(consumer);
    pusher.join().expect("the pusher ends well");
    assert_eq!(drops.count(), 2);
}
