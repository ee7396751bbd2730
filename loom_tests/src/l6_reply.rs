//! L6: the reply slot: reply, deadline, callee death, caller death: one winner.

use std::pin::Pin;
use std::sync::Arc as StdArc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use raddle::sync::primitive::{Arc, thread, yield_now};
use raddle::sync::{Abandoned, Gauge, SharedCounter, reply_slot};

use crate::parker::Drops;

/// A reply, and a waiter that blocks.
pub fn reply() {
    let (resolver, waiter) = reply_slot();
    let drops = Drops::default();
    let value = drops.value(1);
    let resolving = thread::spawn(move || resolver.resolve(value).is_ok());
    assert_eq!(waiter.wait().map(|value| value.id), Ok(1));
    assert!(resolving.join().expect("the resolver ends well"), "refused, and taken");
    assert_eq!(drops.count(), 1);
}

/// The deadline is the waiter's own step, at any moment.
pub fn deadline() {
    let (resolver, waiter) = reply_slot();
    let drops = Drops::default();
    let value = drops.value(1);
    let resolving = thread::spawn(move || match resolver.resolve(value) {
        Ok(()) => true,
        Err(value) => {
            assert_eq!(value.id, 1);
            false
        }
    });
    yield_now();
    // The stress run waits a moment; a model has none.
    let outcome = waiter.wait_until(Instant::now());
    let replied = resolving.join().expect("the resolver ends well");
    match outcome {
        Ok(Ok(value)) => {
            assert!(replied, "a value that nobody gave");
            assert_eq!(value.id, 1);
        }
        // The resolver went without resolving only if it lost.
        Ok(Err(Abandoned)) => panic!("abandoned by a resolver that resolved"),
        Err(_) => assert!(!replied, "the reply won, and nobody has it"),
    }
    assert_eq!(drops.count(), 1);
}

/// The resolver dies; its owner's last words are visible.
pub fn callee_death() {
    let (resolver, waiter) = reply_slot::<u64>();
    let word = Arc::new(Gauge::new());
    let last = word.clone();
    let dying = thread::spawn(move || {
        last.set(1);
        drop(resolver);
    });
    assert_eq!(waiter.wait(), Err(Abandoned));
    assert_eq!(word.get(), 1, "died before it spoke");
    dying.join().expect("the resolver ends well");
}

/// The resolver dies at the deadline: the waiter has one of the two.
pub fn death_at_the_deadline() {
    let (resolver, mut waiter) = reply_slot::<u64>();
    let word = Arc::new(Gauge::new());
    let last = word.clone();
    let dying = thread::spawn(move || {
        last.set(1);
        drop(resolver);
    });
    let counting = StdArc::new(CountingWaker(SharedCounter::new()));
    let waker = Waker::from(counting.clone());
    let outcome = match Pin::new(&mut waiter).poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => waiter.close(),
    };
    if let Some(outcome) = outcome {
        assert_eq!(outcome, Err(Abandoned), "a value that nobody gave");
        assert_eq!(word.get(), 1, "died before it spoke");
    }
    dying.join().expect("the resolver ends well");
    assert!(counting.0.get() <= 1, "woken twice for one death");
}

/// The waiter goes at any moment.
pub fn caller_death() {
    let (resolver, waiter) = reply_slot();
    let drops = Drops::default();
    let value = drops.value(1);
    let resolving = thread::spawn(move || resolver.resolve(value).map_err(|value| value.id));
    let caller = thread::spawn(move || drop(waiter));
    let outcome = resolving.join().expect("the resolver ends well");
    assert!(matches!(outcome, Ok(()) | Err(1)));
    caller.join().expect("the caller ends well");
    assert_eq!(drops.count(), 1);
}

struct CountingWaker(SharedCounter);

impl Wake for CountingWaker {
    fn wake(self: StdArc<Self>) {
        self.0.add(1);
    }
}

/// Polled with one waker, then with another, while the reply comes.
pub fn task_moves() {
    let (resolver, mut waiter) = reply_slot();
    let drops = Drops::default();
    let value = drops.value(3);
    let resolving = thread::spawn(move || resolver.resolve(value).is_ok());
    let first = StdArc::new(CountingWaker(SharedCounter::new()));
    let waker = Waker::from(first.clone());
    for _ in 0..2 {
        let mut context = Context::from_waker(&waker);
        match Pin::new(&mut waiter).poll(&mut context) {
            Poll::Ready(outcome) => {
                assert_eq!(outcome.map(|value| value.id), Ok(3));
                assert!(resolving.join().expect("the resolver ends well"));
                drop(waiter);
                assert_eq!(drops.count(), 1);
                return;
            }
            Poll::Pending => {}
        }
    }
    assert_eq!(waiter.wait().map(|value| value.id), Ok(3));
    assert!(resolving.join().expect("the resolver ends well"));
    assert!(first.0.get() <= 1, "woken twice for one reply");
    assert_eq!(drops.count(), 1);
}

/// Polled, closed by its deadline, dropped: against one reply.
pub fn deadline_then_gone() {
    let (resolver, mut waiter) = reply_slot();
    let drops = Drops::default();
    let value = drops.value(1);
    let resolving = thread::spawn(move || resolver.resolve(value).is_ok());
    let counting = StdArc::new(CountingWaker(SharedCounter::new()));
    let waker = Waker::from(counting);
    let polled = Pin::new(&mut waiter).poll(&mut Context::from_waker(&waker));
    let replied = match polled {
        Poll::Ready(outcome) => outcome.is_ok(),
        Poll::Pending => waiter.close().is_some(),
    };
    let resolved = resolving.join().expect("the resolver ends well");
    assert_eq!(replied, resolved, "not one winner");
    assert_eq!(drops.count(), 1);
}
