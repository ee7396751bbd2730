//! Each primitive against a plain model of it, on one thread: generated
//! operations, batch sizes and index wraps, with destructors counted.
#![cfg(not(loom))]

use std::cell::Cell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake as TaskWake, Waker};

use proptest::collection::vec;
use proptest::prelude::*;
use raddle::sync::{
    Abandoned, Doorbell, PushError, SharedCounter, SpendError, Wake, credits, injector, published,
    reply_slot, ring_from,
};

/// A value whose life is counted.
#[derive(Debug)]
struct Alive {
    id: u64,
    count: Rc<Cell<usize>>,
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.count.set(self.count.get() - 1);
    }
}

#[derive(Default)]
struct Nursery {
    count: Rc<Cell<usize>>,
    next: u64,
}

impl Nursery {
    fn make(&mut self) -> Alive {
        self.count.set(self.count.get() + 1);
        self.next += 1;
        Alive { id: self.next, count: self.count.clone() }
    }

    fn alive(&self) -> usize {
        self.count.get()
    }
}

/// Items filled in where they lie come out as they were filled in, and a full ring
/// gives back what would have filled one.
#[test]
fn ring_items_can_be_filled_in_place() {
    let (mut producer, mut consumer) = ring_from::<Option<Alive>>(4, usize::MAX - 5);
    let mut nursery = Nursery::default();
    for round in 0..20 {
        for _ in 0..4 {
            let item = nursery.make();
            assert!(producer.stage_in_place(|slot| *slot = Some(item)).is_ok());
        }
        let fifth = nursery.make();
        let id = fifth.id;
        let refused = producer.stage_in_place(move |slot| *slot = Some(fifth)).map_err(|full| {
            let mut slot = None;
            (full.0)(&mut slot);
            slot.map(|item| item.id)
        });
        assert_eq!(refused, Err(Some(id)));
        assert_eq!(nursery.alive(), 4);
        assert_eq!(producer.publish(), 4);
        let mut seen = Vec::new();
        // One is taken out, three are dropped where they lie.
        consumer.drain_in_place(4, |item| {
            seen.push(item.as_ref().unwrap().id);
            if seen.len() == 1 {
                drop(item.take());
            }
        });
        assert_eq!(seen, (1..=4).map(|number| round * 5 + number).collect::<Vec<_>>());
        assert_eq!(nursery.alive(), 0);
    }
}

#[derive(Debug, Clone)]
enum RingOp {
    Push,
    Stage,
    Publish,
    Pop,
    Drain(usize),
    DrainInPlace(usize),
    DrainPanics(usize, bool),
    Peek,
    Look,
}

fn ring_op() -> impl Strategy<Value = RingOp> {
    prop_oneof![
        4 => Just(RingOp::Push),
        4 => Just(RingOp::Stage),
        2 => Just(RingOp::Publish),
        3 => Just(RingOp::Pop),
        2 => (0..12_usize).prop_map(RingOp::Drain),
        2 => (0..12_usize).prop_map(RingOp::DrainInPlace),
        2 => (1..4_usize, any::<bool>()).prop_map(|(at, in_place)| RingOp::DrainPanics(at, in_place)),
        1 => Just(RingOp::Peek),
        2 => Just(RingOp::Look),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ring_is_a_bounded_queue(
        slots in 1..9_usize,
        before_wrap in 0..20_usize,
        operations in vec(ring_op(), 0..80),
        producer_first in any::<bool>(),
    ) {
        let first = usize::MAX - before_wrap;
        let (mut producer, mut consumer) = ring_from::<Alive>(slots, first);
        let capacity = slots.next_power_of_two();
        prop_assert_eq!(producer.capacity(), capacity);
        let mut nursery = Nursery::default();
        let (mut shown, mut staged) = (VecDeque::new(), VecDeque::new());
        for operation in operations {
            match operation {
                RingOp::Push | RingOp::Stage => {
                    let item = nursery.make();
                    let id = item.id;
                    let fits = shown.len() + staged.len() < capacity;
                    let outcome = match operation {
                        RingOp::Push => producer.push(item),
                        _ => producer.stage(item),
                    };
                    match outcome {
                        Ok(()) => {
                            prop_assert!(fits);
                            staged.push_back(id);
                            if matches!(operation, RingOp::Push) {
                                shown.append(&mut staged);
                            }
                        }
                        Err(full) => {
                            prop_assert!(!fits);
                            prop_assert_eq!(full.0.id, id);
                        }
                    }
                }
                RingOp::Publish => {
                    prop_assert_eq!(producer.publish(), staged.len());
                    shown.append(&mut staged);
                }
                RingOp::Pop => prop_assert_eq!(consumer.pop().map(|item| item.id), shown.pop_front()),
                RingOp::Drain(max) | RingOp::DrainInPlace(max) => {
                    let mut seen = Vec::new();
                    let count = match operation {
                        RingOp::Drain(_) => consumer.drain(max, |item| seen.push(item.id)),
                        _ => consumer.drain_in_place(max, |item| seen.push(item.id)),
                    };
                    let expected: Vec<_> = shown.drain(..max.min(shown.len())).collect();
                    prop_assert_eq!(count, seen.len());
                    prop_assert_eq!(seen, expected);
                }
                RingOp::DrainPanics(at, in_place) => {
                    let mut seen = 0;
                    let mut look = || {
                        seen += 1;
                        if seen == at {
                            std::panic::resume_unwind(Box::new(()));
                        }
                    };
                    let drained = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        if in_place {
                            consumer.drain_in_place(usize::MAX, |_| look())
                        } else {
                            consumer.drain(usize::MAX, |_item| look())
                        }
                    }));
                    prop_assert_eq!(drained.is_err(), shown.len() >= at);
                    shown.drain(..at.min(shown.len()));
                }
                RingOp::Peek => {
                    prop_assert_eq!(consumer.peek().map(|item| item.id), shown.front().copied());
                }
                RingOp::Look => {
                    prop_assert_eq!(consumer.len(), shown.len());
                    prop_assert_eq!(consumer.is_empty(), shown.is_empty());
                    prop_assert_eq!(producer.len(), shown.len() + staged.len());
                    prop_assert_eq!(producer.free_slots(), capacity - shown.len() - staged.len());
                    prop_assert!(!consumer.is_closed() && !producer.is_closed());
                }
            }
            prop_assert_eq!(nursery.alive(), shown.len() + staged.len());
        }
        if producer_first {
            drop(producer);
            prop_assert_eq!(nursery.alive(), shown.len(), "staged items go with the producer");
            prop_assert_eq!(consumer.is_closed(), shown.is_empty());
            while let Some(item) = consumer.pop() {
                prop_assert_eq!(Some(item.id), shown.pop_front());
            }
            prop_assert!(consumer.is_closed());
        } else {
            drop(consumer);
            prop_assert!(producer.is_closed());
            prop_assert_eq!(nursery.alive(), staged.len(), "shown items go with the consumer");
            producer.publish();
            drop(producer);
        }
        prop_assert_eq!(nursery.alive(), 0);
    }

    #[test]
    fn injector_is_a_bounded_queue_with_a_door(
        capacity in 1..7_usize,
        operations in vec((0..5_u8, 0..9_usize), 0..60),
    ) {
        let wakes = Arc::new(Wakes::default());
        let doorbell = Arc::new(Doorbell::new(Box::new(Bell(wakes.clone()))));
        let (pusher, mut intake) = injector::<Alive>(capacity, doorbell.clone());
        let mut nursery = Nursery::default();
        let mut model = VecDeque::new();
        let (mut accepted, mut closed, mut armed, mut woken) = (0, false, false, 0);
        for (operation, n) in operations {
            match operation {
                0 => {
                    let item = nursery.make();
                    let id = item.id;
                    match pusher.push(item) {
                        Ok(()) => {
                            prop_assert!(!closed && model.len() < capacity);
                            model.push_back(id);
                            accepted += 1;
                            woken += u64::from(std::mem::take(&mut armed));
                        }
                        Err(PushError::Full(item)) => {
                            prop_assert!(!closed && model.len() == capacity);
                            prop_assert_eq!(item.id, id);
                        }
                        Err(PushError::Closed(item)) => {
                            prop_assert!(closed);
                            prop_assert_eq!(item.id, id);
                        }
                    }
                }
                1 => {
                    let items: Vec<_> = (0..n).map(|_| nursery.make()).collect();
                    let ids: Vec<_> = items.iter().map(|item| item.id).collect();
                    let mut items = items.into_iter();
                    let (count, refused) = pusher.push_all(&mut items);
                    let fits = if closed { 0 } else { n.min(capacity - model.len()) };
                    prop_assert_eq!(count, fits);
                    prop_assert_eq!(refused.map(|error| error.into_inner().id), ids.get(fits).copied());
                    prop_assert_eq!(items.len(), n.saturating_sub(fits + 1));
                    model.extend(&ids[..fits]);
                    accepted += fits as u64;
                    if fits > 0 {
                        woken += u64::from(std::mem::take(&mut armed));
                    }
                }
                2 => {
                    let mut seen = Vec::new();
                    intake.drain(n, |item| seen.push(item.id));
                    let expected: Vec<_> = model.drain(..n.min(model.len())).collect();
                    prop_assert_eq!(seen, expected);
                }
                3 => {
                    doorbell.arm();
                    armed = true;
                }
                _ if n == 0 => {
                    intake.close();
                    closed = true;
                    prop_assert!(intake.is_settled());
                }
                _ => prop_assert_eq!(intake.len(), model.len()),
            }
            prop_assert_eq!(nursery.alive(), model.len());
            prop_assert_eq!(pusher.accepted(), accepted);
            prop_assert_eq!(pusher.is_closed(), closed);
            prop_assert_eq!(wakes.0.get(), woken);
        }
        let rest = model.len();
        prop_assert_eq!(intake.close_and_drain(drop), rest);
        prop_assert_eq!(nursery.alive(), 0);
    }

    #[test]
    fn published_keeps_what_is_kept(operations in vec(0..6_u8, 0..120)) {
        let count = Arc::new(SharedCounter::new());
        let make = |id: u64| { count.add(1); Counted(id, count.clone()) };
        let (mut publisher, reader) = published(make(0));
        let mut newest = 0;
        let mut kept: VecDeque<Arc<Counted>> = VecDeque::new();
        for operation in operations {
            match operation {
                0 | 1 => {
                    newest += 1;
                    publisher.publish(make(newest));
                }
                2 => kept.push_back(reader.load()),
                3 => drop(kept.pop_front()),
                4 => prop_assert_eq!(reader.read(|value| value.0), newest),
                _ => {
                    // Published under a reader: it still sees the old one.
                    let seen = reader.clone().read(|value| {
                        newest += 1;
                        publisher.publish(make(newest));
                        value.0
                    });
                    prop_assert_eq!(seen + 1, newest);
                    prop_assert_eq!(publisher.reclaim(), 0);
                }
            }
            let mut ids: Vec<_> = kept.iter().map(|value| value.0).collect();
            ids.push(newest);
            ids.sort_unstable();
            ids.dedup();
            prop_assert_eq!(count.get(), ids.len() as u64);
            prop_assert_eq!(publisher.get().0, newest);
        }
        drop((publisher, kept));
        prop_assert_eq!(count.get(), 1);
        prop_assert_eq!(reader.read(|value| value.0), newest);
        drop(reader);
        prop_assert_eq!(count.get(), 0);
    }

    #[test]
    fn credits_are_conserved(initial in 0..20_u64, operations in vec((0..3_u8, 0..6_u64), 0..100)) {
        let (mut purse, mut granter) = credits(initial);
        let (mut free, mut under_way, mut held) = (initial, 0, 0);
        for (operation, n) in operations {
            match operation {
                0 => {
                    let outcome = purse.spend(n);
                    prop_assert_eq!(outcome, if n <= free { Ok(()) } else { Err(SpendError::Short) });
                    if outcome.is_ok() {
                        free -= n;
                        under_way += n;
                    }
                }
                1 => {
                    let n = n.min(under_way);
                    granter.take_in(n);
                    under_way -= n;
                    held += n;
                }
                _ => {
                    let n = n.min(held);
                    granter.give_back(n);
                    held -= n;
                    free += n;
                }
            }
            prop_assert_eq!(granter.held(), held);
            prop_assert_eq!(purse.balance(), free);
            prop_assert_eq!(free + under_way + held, initial);
        }
        drop(granter);
        prop_assert!(purse.is_closed());
        prop_assert_eq!(purse.spend(0), Err(SpendError::Closed));
    }

    #[test]
    fn reply_slot_has_one_outcome(operations in vec(0..5_u8, 0..24)) {
        let (resolver, waiter) = reply_slot::<Alive>();
        let (mut resolver, mut waiter) = (Some(resolver), Some(waiter));
        let mut nursery = Nursery::default();
        let mut winner = None;
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        let mut waiting = false;
        let mut expected_wakes = 0;
        for operation in operations {
            match operation {
                0 => {
                    let dies = resolver.take().is_some();
                    expected_wakes += u64::from(dies && std::mem::take(&mut waiting));
                }
                1 => {
                    let Some(resolver) = resolver.take() else { continue };
                    let value = nursery.make();
                    let id = value.id;
                    prop_assert_eq!(resolver.is_closed(), waiter.is_none());
                    match resolver.resolve(value) {
                        Ok(()) => {
                            prop_assert!(waiter.is_some());
                            winner = Some(id);
                            expected_wakes += u64::from(std::mem::take(&mut waiting));
                        }
                        Err(back) => {
                            prop_assert!(waiter.is_none());
                            prop_assert_eq!(back.id, id);
                        }
                    }
                }
                2 | 3 => {
                    let Some(future) = &mut waiter else { continue };
                    let waker = if operation == 2 { waker.clone() } else { Waker::from(wakes.clone()) };
                    let ready = future.is_ready();
                    match Pin::new(future).poll(&mut Context::from_waker(&waker)) {
                        Poll::Pending => {
                            prop_assert!(!ready && winner.is_none() && resolver.is_some());
                            waiting = true;
                        }
                        Poll::Ready(outcome) => {
                            prop_assert!(ready);
                            let outcome = outcome.map(|value| value.id);
                            prop_assert_eq!(outcome, winner.take().ok_or(Abandoned));
                            waiter = None;
                        }
                    }
                }
                _ => {
                    let Some(closing) = waiter.take() else { continue };
                    let outcome = closing.close().map(|outcome| outcome.map(|value| value.id));
                    let abandoned = resolver.is_none().then_some(Err(Abandoned));
                    prop_assert_eq!(outcome, winner.take().map(Ok).or(abandoned));
                    waiting = false;
                }
            }
            prop_assert_eq!(nursery.alive(), usize::from(winner.is_some()));
            prop_assert_eq!(wakes.0.get(), expected_wakes);
        }
        drop((resolver, waiter));
        prop_assert_eq!(nursery.alive(), 0);
    }

    #[test]
    fn a_doorbell_wakes_once_for_each_arming(operations in vec(0..4_u8, 0..60)) {
        let wakes = Arc::new(Wakes::default());
        let doorbell = Doorbell::new(Box::new(Bell(wakes.clone())));
        let (mut armed, mut expected) = (false, 0);
        for operation in operations {
            match operation {
                0 => { doorbell.arm(); armed = true; }
                1 => { doorbell.disarm(); armed = false; }
                2 => {
                    prop_assert_eq!(doorbell.ring(), armed);
                    expected += u64::from(std::mem::take(&mut armed));
                }
                _ => { doorbell.wake_always(); armed = false; expected += 1; }
            }
            prop_assert_eq!(doorbell.is_armed(), armed);
            prop_assert_eq!(wakes.0.get(), expected);
        }
    }
}

#[derive(Default)]
struct Wakes(SharedCounter);

impl TaskWake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.add(1);
    }
}

struct Bell(Arc<Wakes>);

impl Wake for Bell {
    fn wake(&self) {
        self.0.0.add(1);
    }
}

struct Counted(u64, Arc<SharedCounter>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.1.take_back(1);
    }
}
