//! Ways to get items from one thread to another: ours and the rivals.
//!
//! Each is two closures' worth of work: send `count` items, receive `count`
//! items, spinning where there is no room or nothing to take. All of them hold
//! 256 items.

use std::hint::{black_box, spin_loop};
use std::sync::Arc;
use std::sync::mpsc;

use crossbeam_queue::ArrayQueue;
use raddle::sync::{Consumer, Producer, ring};

/// Slots of every queue: what the mesh uses.
pub const SLOTS: usize = 256;

/// An item of `N` words.
pub type Item<const N: usize> = [u64; N];

fn item<const N: usize>(index: u64) -> Item<N> {
    [index; N]
}

/// One way.
pub trait Queue: 'static {
    /// The sending end.
    type Sender: Send + 'static;
    /// The receiving end.
    type Receiver: Send + 'static;

    /// Both ends.
    fn make() -> (Self::Sender, Self::Receiver);
    /// Sends `count` items.
    fn send(sender: &mut Self::Sender, count: u64);
    /// Receives `count` items.
    fn receive(receiver: &mut Self::Receiver, count: u64);
}

/// Our ring, one item at a time.
pub struct RaddleSingle<const N: usize>;

impl<const N: usize> Queue for RaddleSingle<N> {
    type Sender = Producer<Item<N>>;
    type Receiver = Consumer<Item<N>>;

    fn make() -> (Self::Sender, Self::Receiver) {
        ring(SLOTS)
    }

    fn send(sender: &mut Self::Sender, count: u64) {
        for index in 0..count {
            let mut item = item(index);
            while let Err(full) = sender.push(item) {
                item = full.0;
                spin_loop();
            }
        }
    }

    fn receive(receiver: &mut Self::Receiver, count: u64) {
        for _ in 0..count {
            loop {
                if let Some(item) = receiver.pop() {
                    black_box(&item);
                    break;
                }
                spin_loop();
            }
        }
    }
}

/// Our ring, `B` items at a time: staged, published once, drained once.
pub struct RaddleBatch<const N: usize, const B: usize>;

impl<const N: usize, const B: usize> Queue for RaddleBatch<N, B> {
    type Sender = Producer<Item<N>>;
    type Receiver = Consumer<Item<N>>;

    fn make() -> (Self::Sender, Self::Receiver) {
        ring(SLOTS)
    }

    fn send(sender: &mut Self::Sender, count: u64) {
        let mut index = 0;
        while index < count {
            let end = count.min(index + B as u64);
            while index < end {
                match sender.stage(item(index)) {
                    Ok(()) => index += 1,
                    Err(_) => {
                        sender.publish();
                        spin_loop();
                    }
                }
            }
            sender.publish();
        }
    }

    fn receive(receiver: &mut Self::Receiver, count: u64) {
        let mut left = count;
        while left > 0 {
            let taken = receiver.drain(B, |item| {
                black_box(&item);
            });
            left -= taken as u64;
            if taken == 0 {
                spin_loop();
            }
        }
    }
}

/// rtrb, one item at a time.
pub struct RtrbSingle<const N: usize>;

impl<const N: usize> Queue for RtrbSingle<N> {
    type Sender = rtrb::Producer<Item<N>>;
    type Receiver = rtrb::Consumer<Item<N>>;

    fn make() -> (Self::Sender, Self::Receiver) {
        rtrb::RingBuffer::new(SLOTS)
    }

    fn send(sender: &mut Self::Sender, count: u64) {
        for index in 0..count {
            let mut item = item(index);
            while let Err(rtrb::PushError::Full(back)) = sender.push(item) {
                item = back;
                spin_loop();
            }
        }
    }

    fn receive(receiver: &mut Self::Receiver, count: u64) {
        for _ in 0..count {
            loop {
                if let Ok(item) = receiver.pop() {
                    black_box(&item);
                    break;
                }
                spin_loop();
            }
        }
    }
}

/// rtrb, chunks of up to `B` items.
pub struct RtrbChunks<const N: usize, const B: usize>;

impl<const N: usize, const B: usize> Queue for RtrbChunks<N, B> {
    type Sender = rtrb::Producer<Item<N>>;
    type Receiver = rtrb::Consumer<Item<N>>;

    fn make() -> (Self::Sender, Self::Receiver) {
        rtrb::RingBuffer::new(SLOTS)
    }

    fn send(sender: &mut Self::Sender, count: u64) {
        let mut index = 0;
        while index < count {
            let room = sender.slots().min(B).min((count - index) as usize);
            if room == 0 {
                spin_loop();
                continue;
            }
            if let Ok(chunk) = sender.write_chunk_uninit(room) {
                index += chunk.fill_from_iter((index..).map(item)) as u64;
            }
        }
    }

    fn receive(receiver: &mut Self::Receiver, count: u64) {
        let mut left = count;
        while left > 0 {
            let ready = receiver.slots().min(B);
            if ready == 0 {
                spin_loop();
                continue;
            }
            if let Ok(chunk) = receiver.read_chunk(ready) {
                for item in chunk {
                    black_box(&item);
                }
                left -= ready as u64;
            }
        }
    }
}

/// crossbeam's `ArrayQueue`.
pub struct Crossbeam<const N: usize>;

impl<const N: usize> Queue for Crossbeam<N> {
    type Sender = Arc<ArrayQueue<Item<N>>>;
    type Receiver = Arc<ArrayQueue<Item<N>>>;

    fn make() -> (Self::Sender, Self::Receiver) {
        let queue = Arc::new(ArrayQueue::new(SLOTS));
        (queue.clone(), queue)
    }

    fn send(sender: &mut Self::Sender, count: u64) {
        for index in 0..count {
            let mut item = item(index);
            while let Err(back) = sender.push(item) {
                item = back;
                spin_loop();
            }
        }
    }

    fn receive(receiver: &mut Self::Receiver, count: u64) {
        for _ in 0..count {
            loop {
                if let Some(item) = receiver.pop() {
                    black_box(&item);
                    break;
                }
                spin_loop();
            }
        }
    }
}

/// The standard library's bounded channel.
pub struct StdChannel<const N: usize>;

impl<const N: usize> Queue for StdChannel<N> {
    type Sender = mpsc::SyncSender<Item<N>>;
    type Receiver = mpsc::Receiver<Item<N>>;

    fn make() -> (Self::Sender, Self::Receiver) {
        mpsc::sync_channel(SLOTS)
    }

    fn send(sender: &mut Self::Sender, count: u64) {
        for index in 0..count {
            let mut item = item(index);
            while let Err(mpsc::TrySendError::Full(back)) = sender.try_send(item) {
                item = back;
                spin_loop();
            }
        }
    }

    fn receive(receiver: &mut Self::Receiver, count: u64) {
        for _ in 0..count {
            loop {
                if let Ok(item) = receiver.try_recv() {
                    black_box(&item);
                    break;
                }
                spin_loop();
            }
        }
    }
}
