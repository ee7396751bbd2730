//! L2: threads that are no shard, at the injector's door.

use std::sync::Arc as StdArc;

use raddle::sync::primitive::{thread, yield_now};
use raddle::sync::{Doorbell, Injector, Intake, PushError, injector, ring};

use crate::parker::Parker;

fn door<T>(capacity: usize) -> (Injector<T>, Intake<T>) {
    injector(capacity, StdArc::new(Doorbell::new(Box::new(Parker::new()))))
}

/// Two pushers, two items each.
pub fn each_pusher_in_order() {
    let (injector, mut intake) = door(4);
    let pushers: Vec<_> = (0..2_u64)
        .map(|pusher| {
            let injector = injector.clone();
            thread::spawn(move || {
                for item in 0..2_u64 {
                    injector.push((pusher, item)).expect("room for all");
                }
            })
        })
        .collect();
    let mut next = [0_u64; 2];
    let mut drain = || {
        intake.drain(4, |(pusher, item)| {
            assert_eq!(item, next[pusher as usize], "out of order or doubled");
            next[pusher as usize] += 1;
        })
    };
    // Once in between, once at the end: a loop would try forever in a model.
    let mut total = drain();
    for pusher in pushers {
        pusher.join().expect("the pusher ends well");
    }
    total += drain();
    assert_eq!(total, 4);
    assert_eq!(next, [2, 2]);
    assert_eq!(injector.accepted(), 4);
    assert!(intake.is_empty());
}

/// One pushes twice, one pushes a batch of two, the shard closes.
pub fn close_race() {
    let (injector, mut intake) = door(4);
    let single = injector.clone();
    let one = thread::spawn(move || {
        let mut accepted = Vec::new();
        for item in [0, 1] {
            match single.push(item) {
                Ok(()) => accepted.push(item),
                Err(PushError::Closed(back)) => assert_eq!(back, item),
                Err(PushError::Full(_)) => panic!("there is room"),
            }
        }
        accepted
    });
    let batch = injector.clone();
    let other = thread::spawn(move || {
        let mut items = [10, 11].into_iter();
        let (count, refused) = batch.push_all(&mut items);
        let given_back = usize::from(refused.is_some()) + items.len();
        assert_eq!(count + given_back, 2, "lost at the door");
        count
    });
    let mut drained = Vec::new();
    intake.close_and_drain(|item| drained.push(item));
    let accepted = one.join().expect("the pusher ends well");
    let batch = other.join().expect("the pusher ends well");
    let ones: Vec<_> = drained.iter().copied().filter(|item| *item < 10).collect();
    assert_eq!(ones, accepted, "accepted is not what was drained");
    assert_eq!(drained.len() - ones.len(), batch, "a batch was cut");
    assert!(intake.is_empty(), "an item came after the close");
    assert!(injector.is_closed());
}

/// The shard closes step by step, and reads the count.
pub fn settle_counts() {
    let (injector, mut intake) = door(2);
    let single = injector.clone();
    let pusher = thread::spawn(move || single.push(1).is_ok());
    intake.begin_close();
    while !intake.is_settled() {
        yield_now();
    }
    let accepted = intake.accepted();
    let drained = intake.drain(usize::MAX, |_| ()) as u64;
    assert_eq!(accepted, drained, "settled, and the count is not exact");
    let pushed = pusher.join().expect("the pusher ends well");
    assert_eq!(u64::from(pushed), drained);
    assert_eq!(injector.accepted(), drained);
}

/// Wherever the pusher stands, the ring's item is there.
pub fn stalled_pusher() {
    let (injector, mut intake) = door(2);
    let (mut producer, mut consumer) = ring(2);
    producer.push(5).expect("room");
    let pusher = thread::spawn(move || injector.push(1).expect("room"));
    let early = intake.drain(2, |item| assert_eq!(item, 1));
    assert_eq!(consumer.pop(), Some(5), "held up by a stranger");
    pusher.join().expect("the pusher ends well");
    assert_eq!(early + intake.drain(2, |item| assert_eq!(item, 1)), 1);
}

/// Two pushers, room for one.
pub fn full() {
    let (injector, mut intake) = door(1);
    let other = injector.clone();
    let pusher = thread::spawn(move || match other.push(1) {
        Ok(()) => 1,
        Err(error) => {
            assert_eq!(error, PushError::Full(1));
            0
        }
    });
    let here = u64::from(injector.push(2).is_ok());
    let there: u64 = pusher.join().expect("the pusher ends well");
    assert_eq!(here + there, 1, "one of two fits");
    assert_eq!(intake.drain(2, |_| ()) as u64, 1);
    assert_eq!(injector.accepted(), 1);
}

/// A slot is pushed into again while it is drained.
pub fn reuse() {
    let (injector, mut intake) = door(1);
    injector.push(1_u64).expect("room");
    let pusher = thread::spawn(move || injector.push(2).is_ok());
    let mut seen = Vec::new();
    intake.drain(1, |item| seen.push(item));
    let is_pushed = pusher.join().expect("the pusher ends well");
    intake.drain(1, |item| seen.push(item));
    assert_eq!(seen, if is_pushed { vec![1, 2] } else { vec![1] });
}
