//! Ways to sleep until another thread says so: raw ones, and our doorbell over
//! them.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use core_affinity::CoreId;
use raddle::runtime::driver::{Drive, IdlePolicy, Next, ReactorKind, bell, spawn};
use raddle::runtime::topology::Seat;
use raddle::sync::{Consumer, Doorbell, Flag, Producer, Wake, ring};
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;

use crate::pin;

/// A bed: one thread sleeps in it, others wake that thread. A wake that comes
/// first is remembered.
pub trait Bed: Clone + Send + 'static {
    /// A bed for the calling thread.
    fn make() -> Self;
    /// Sleeps, on the thread that is to sleep here.
    fn sleep(&self);
    /// Ends the sleep.
    fn wake(&self);
}

/// A blocking eventfd.
#[derive(Clone)]
pub struct Eventfd(Arc<OwnedFd>);

impl Bed for Eventfd {
    fn make() -> Self {
        Self(Arc::new(eventfd(0, EventfdFlags::CLOEXEC).expect("a descriptor")))
    }

    fn sleep(&self) {
        rustix::io::read(&self.0, &mut [0_u8; 8]).expect("reading an eventfd");
    }

    fn wake(&self) {
        rustix::io::write(&self.0, &1_u64.to_ne_bytes()).expect("writing an eventfd");
    }
}

/// The futex that the standard library parks threads on.
#[derive(Clone)]
pub struct Futex(Arc<std::sync::OnceLock<thread::Thread>>);

impl Bed for Futex {
    fn make() -> Self {
        Self(Arc::default())
    }

    fn sleep(&self) {
        self.0.get_or_init(thread::current);
        thread::park();
    }

    fn wake(&self) {
        self.0.wait().unpark();
    }
}

struct WakeBed<B>(B);

impl<B: Bed + Sync> Wake for WakeBed<B> {
    fn wake(&self) {
        self.0.wake();
    }
}

/// There and back, `count` times, each side asleep when it is woken.
pub fn raw<B: Bed>(count: u64, cores: (Option<CoreId>, Option<CoreId>)) -> Duration {
    let (here, there) = (B::make(), B::make());
    let (echo_here, echo_there) = (here.clone(), there.clone());
    let echo = thread::spawn(move || {
        pin(cores.1);
        for _ in 0..count {
            echo_there.sleep();
            echo_here.wake();
        }
    });
    pin(cores.0);
    let started = Instant::now();
    for _ in 0..count {
        there.wake();
        here.sleep();
    }
    let took = started.elapsed();
    echo.join().expect("the echo ends well");
    took
}

/// One side of a round trip through rings and doorbells.
struct Side<B> {
    bed: B,
    inbound: Consumer<u64>,
    outbound: Producer<u64>,
    bell: Arc<Doorbell>,
    peer: Arc<Doorbell>,
}

impl<B: Bed> Side<B> {
    fn send(&mut self, item: u64) {
        self.outbound.push(item).expect("one item is under way");
        self.peer.ring();
    }

    fn receive(&mut self) -> u64 {
        loop {
            if let Some(item) = self.inbound.pop() {
                return item;
            }
            self.bell.arm();
            if self.inbound.is_empty() {
                self.bed.sleep();
            }
            self.bell.disarm();
        }
    }
}

/// The same as [`raw`], with a message each way and the whole handshake.
pub fn through_doorbell<B: Bed + Sync>(count: u64, cores: (Option<CoreId>, Option<CoreId>)) -> Duration {
    let beds = (B::make(), B::make());
    let bell = |bed: &B| Arc::new(Doorbell::new(Box::new(WakeBed(bed.clone()))));
    let bells = (bell(&beds.0), bell(&beds.1));
    let (to_there, from_here) = ring(4);
    let (to_here, from_there) = ring(4);
    let mut here = Side {
        bed: beds.0,
        inbound: from_there,
        outbound: to_there,
        bell: bells.0.clone(),
        peer: bells.1.clone(),
    };
    let mut there = Side { bed: beds.1, inbound: from_here, outbound: to_here, bell: bells.1, peer: bells.0 };
    let echo = thread::spawn(move || {
        pin(cores.1);
        for _ in 0..count {
            let item = there.receive();
            there.send(item);
        }
    });
    pin(cores.0);
    let started = Instant::now();
    for item in 0..count {
        here.send(item);
        assert_eq!(here.receive(), item);
    }
    let took = started.elapsed();
    echo.join().expect("the echo ends well");
    took
}

/// A shard that sends back what it gets.
struct Echo {
    inbound: Consumer<u64>,
    outbound: Producer<u64>,
    doorbell: Arc<Doorbell>,
    peer: Arc<Doorbell>,
    /// How many it still starts by itself, and how many it still waits for.
    starts: bool,
    left: u64,
    done: Arc<Flag>,
}

impl Drive for Echo {
    fn turn(&mut self) -> Next {
        if std::mem::take(&mut self.starts) {
            self.outbound.push(0).expect("one item is under way");
            self.peer.ring();
        }
        while let Some(item) = self.inbound.pop() {
            self.left -= 1;
            if self.left > 0 || !self.done.is_raised() {
                self.outbound.push(item).expect("one item is under way");
                self.peer.ring();
            }
            if self.left == 0 {
                self.done.raise();
                return Next::Stop;
            }
        }
        Next::Idle { wake_at: None }
    }

    fn has_work(&mut self) -> bool {
        !self.inbound.is_empty()
    }

    fn doorbell(&self) -> &Doorbell {
        &self.doorbell
    }
}

/// The same through the drivers that ship, with spinning off.
pub fn through_driver(kind: ReactorKind, count: u64, cores: (Option<CoreId>, Option<CoreId>)) -> Duration {
    let (wake_here, sleeper_here) = bell(kind).expect("a doorbell");
    let (wake_there, sleeper_there) = bell(kind).expect("a doorbell");
    let bells = [Arc::new(Doorbell::new(wake_here)), Arc::new(Doorbell::new(wake_there))];
    let (to_there, from_here) = ring(4);
    let (to_here, from_there) = ring(4);
    let done = Arc::new(Flag::new());
    let make = |inbound, outbound, shard: usize| {
        let (doorbell, peer, done) = (bells[shard].clone(), bells[1 - shard].clone(), done.clone());
        move || Ok(Echo { inbound, outbound, doorbell, peer, starts: shard == 0, left: count, done })
    };
    let seat = |shard, core| Seat { shard, core };
    let there = make(from_here, to_here, 1);
    let there = spawn(seat(1, cores.1), IdlePolicy::EAGER, sleeper_there, there).expect("a shard");
    let started = Instant::now();
    let here = make(from_there, to_there, 0);
    let here = spawn(seat(0, cores.0), IdlePolicy::EAGER, sleeper_here, here).expect("a shard");
    there.join().expect("the echo ends well");
    let took = started.elapsed();
    here.join().expect("the shard ends well");
    took
}
