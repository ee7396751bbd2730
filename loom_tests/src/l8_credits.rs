//! L8: credits between a sender and a receiver.

use raddle::sync::primitive::{Arc, thread, yield_now};
use raddle::sync::{Gauge, SpendError, credits, ring};

/// Four messages through two credits and two slots: a credit is a slot.
pub fn sum() {
    let (mut purse, mut granter) = credits(2);
    let (mut producer, mut consumer) = ring(2);
    let sender = thread::spawn(move || {
        for id in 0..4 {
            loop {
                match purse.spend(1) {
                    Ok(()) => break,
                    Err(SpendError::Short) => yield_now(),
                    Err(SpendError::Closed) => panic!("the receiver lives"),
                }
            }
            producer.push(id).expect("more in flight than granted");
        }
        purse
    });
    for id in 0..4 {
        let got = loop {
            match consumer.pop() {
                Some(got) => break got,
                None => yield_now(),
            }
        };
        assert_eq!(got, id);
        granter.take_in(1);
        granter.give_back(1);
    }
    let mut purse = sender.join().expect("the sender ends well");
    assert_eq!(purse.balance(), 2, "the sum is not constant");
    assert_eq!(granter.held(), 0);
}

/// The receiver takes one message, keeps its credit, and dies.
pub fn receiver_death() {
    let (mut purse, mut granter) = credits(1);
    let word = Arc::new(Gauge::new());
    let last = word.clone();
    let receiver = thread::spawn(move || {
        granter.take_in(1);
        last.set(1);
        drop(granter);
    });
    let mut spent = 0;
    loop {
        match purse.spend(1) {
            Ok(()) => spent += 1,
            Err(SpendError::Short) => yield_now(),
            Err(SpendError::Closed) => break,
        }
    }
    assert!(spent <= 1, "spent what nobody granted");
    assert!(purse.is_closed());
    assert_eq!(word.get(), 1, "dead before its last act");
    receiver.join().expect("the receiver ends well");
}

/// The room is marked free, then the credit comes back.
pub fn room_is_free() {
    let (mut purse, mut granter) = credits(1);
    purse.spend(1).expect("the first credit");
    let room = Arc::new(Gauge::new());
    let freed = room.clone();
    let receiver = thread::spawn(move || {
        granter.take_in(1);
        freed.set(1);
        granter.give_back(1);
        granter
    });
    if purse.spend(1).is_ok() {
        assert_eq!(room.get(), 1, "a credit came before its room");
    }
    let granter = receiver.join().expect("the receiver ends well");
    assert_eq!(granter.held(), 0);
    drop(granter);
    assert!(purse.is_closed());
}
