//! How the queues are measured, the same for all.

use std::hint::spin_loop;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use core_affinity::CoreId;
use raddle::sync::{CachePadded, Counter, Gauge};

use crate::pin;
use crate::queues::Queue;

/// From the first send to the last receive, the sender on one core and the
/// receiver on the other.
pub fn across<Q: Queue>(count: u64, cores: (Option<CoreId>, Option<CoreId>)) -> Duration {
    let (mut sender, mut receiver) = Q::make();
    let barrier = Arc::new(Barrier::new(2));
    let ready = barrier.clone();
    let receiving = thread::spawn(move || {
        pin(cores.1);
        // Once through all slots, so that both sides are warm.
        Q::receive(&mut receiver, 1024);
        ready.wait();
        Q::receive(&mut receiver, count);
        Instant::now()
    });
    let sending = thread::spawn(move || {
        pin(cores.0);
        Q::send(&mut sender, 1024);
        barrier.wait();
        let started = Instant::now();
        Q::send(&mut sender, count);
        started
    });
    let started = sending.join().expect("the sender ends well");
    let ended = receiving.join().expect("the receiver ends well");
    ended.saturating_duration_since(started)
}

/// Both ends on this thread: `batch` items in, `batch` items out.
pub fn same_core<Q: Queue>(count: u64, batch: u64) -> Duration {
    let (mut sender, mut receiver) = Q::make();
    let started = Instant::now();
    for _ in 0..count / batch {
        Q::send(&mut sender, batch);
        Q::receive(&mut receiver, batch);
    }
    started.elapsed()
}

/// There and back through two queues, `count` times, one item under way.
pub fn round_trip<Q: Queue>(count: u64, cores: (Option<CoreId>, Option<CoreId>)) -> Duration {
    let (mut there, mut from_here) = Q::make();
    let (mut back, mut from_there) = Q::make();
    let echo = thread::spawn(move || {
        pin(cores.1);
        for _ in 0..count + 100 {
            Q::receive(&mut from_here, 1);
            Q::send(&mut back, 1);
        }
    });
    pin(cores.0);
    let mut started = Instant::now();
    for index in 0..count + 100 {
        if index == 100 {
            started = Instant::now();
        }
        Q::send(&mut there, 1);
        Q::receive(&mut from_there, 1);
    }
    let took = started.elapsed();
    echo.join().expect("the echo ends well");
    took
}

/// One way of a bare round trip: what is written, and how the other side sees it.
trait Line: Default + Send + Sync + 'static {
    fn write(&self, turn: u64);
    fn await_turn(&self, turn: u64);
}

/// One cache line: the word is the message.
#[derive(Default)]
struct Word(CachePadded<Gauge>);

impl Line for Word {
    fn write(&self, turn: u64) {
        self.0.set(turn);
    }

    fn await_turn(&self, turn: u64) {
        while self.0.get() != turn {
            spin_loop();
        }
    }
}

/// 64 bytes, and a flag that says that they are there: two cache lines, which is
/// the least if any 64 bytes may be sent.
#[derive(Default)]
struct Flagged {
    flag: CachePadded<Counter>,
    payload: CachePadded<[Gauge; 8]>,
}

impl Line for Flagged {
    fn write(&self, turn: u64) {
        for word in &self.payload.0 {
            word.set(turn);
        }
        self.flag.increment();
    }

    fn await_turn(&self, turn: u64) {
        while self.flag.get() != turn {
            spin_loop();
        }
        for word in &self.payload.0 {
            assert_eq!(word.get(), turn);
        }
    }
}

/// The floor of a round trip: two cache lines, one written by each side, with
/// nothing around them.
pub fn ping_pong(count: u64, cores: (Option<CoreId>, Option<CoreId>)) -> Duration {
    bare::<Word>(count, cores)
}

/// The floor of a round trip of 64 bytes: the same with a line of payload behind
/// each flag.
pub fn ping_pong_64(count: u64, cores: (Option<CoreId>, Option<CoreId>)) -> Duration {
    bare::<Flagged>(count, cores)
}

fn bare<L: Line>(count: u64, cores: (Option<CoreId>, Option<CoreId>)) -> Duration {
    let lines = Arc::new((L::default(), L::default()));
    let echo_lines = lines.clone();
    let echo = thread::spawn(move || {
        pin(cores.1);
        for turn in 1..=count + 100 {
            echo_lines.0.await_turn(turn);
            echo_lines.1.write(turn);
        }
    });
    pin(cores.0);
    let mut started = Instant::now();
    for turn in 1..=count + 100 {
        if turn == 101 {
            started = Instant::now();
        }
        lines.0.write(turn);
        lines.1.await_turn(turn);
    }
    let took = started.elapsed();
    echo.join().expect("the echo ends well");
    took
}
