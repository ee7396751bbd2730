//! Both drivers against one small shard: what is pushed arrives, however
//! deeply it slept, and whatever goes wrong comes out at the caller.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use super::{
    Chosen, Doorbell, Drive, DriverError, DriverThread, IdlePolicy, Next, Reactor, ReactorKind, StartError,
    bell, choose, spawn,
};
use crate::runtime::topology::{CoreId, Seat, available};

/// Longer than anything takes: a test that waits for this has failed.
const FOREVER: Duration = Duration::from_secs(20);

/// What the tests tell their shard.
enum Order {
    /// Report when this arrived.
    Report,
    /// Sleep until then, if nothing else comes.
    SleepUntil(Instant),
    /// Be busy until then.
    WorkUntil(Instant),
    Panic(&'static str),
    Stop,
}

/// What it reports.
#[derive(Debug)]
struct Report {
    at: Instant,
    turns: u32,
}

struct Shard {
    orders: Receiver<Order>,
    /// Looked at already, not handled yet.
    peeked: Option<Order>,
    reports: Sender<Report>,
    doorbell: Arc<Doorbell>,
    wake_at: Option<Instant>,
    busy_until: Option<Instant>,
    /// A shard is full of `Rc`, and so is not `Send`.
    turns: Rc<Cell<u32>>,
}

impl Shard {
    fn report(&self) {
        let turns = self.turns.replace(0);
        let _ = self.reports.send(Report { at: Instant::now(), turns });
    }
}

impl Drive for Shard {
    fn turn(&mut self) -> Next {
        self.turns.set(self.turns.get() + 1);
        if self.wake_at.is_some_and(|at| at <= Instant::now()) {
            self.wake_at = None;
            self.report();
        }
        if self.busy_until.is_some_and(|until| until > Instant::now()) {
            return Next::Again;
        }
        match self.peeked.take().or_else(|| self.orders.try_recv().ok()) {
            None => {
                return Next::Idle { wake_at: self.wake_at };
            }
            Some(Order::Report) => self.report(),
            Some(Order::SleepUntil(at)) => self.wake_at = Some(at),
            Some(Order::WorkUntil(at)) => self.busy_until = Some(at),
            Some(Order::Panic(message)) => panic!("{message}"),
            Some(Order::Stop) => return Next::Stop,
        }
        Next::Again
    }

    fn has_work(&mut self) -> bool {
        if self.peeked.is_none() {
            self.peeked = self.orders.try_recv().ok();
        }
        self.peeked.is_some()
    }

    fn doorbell(&self) -> &Doorbell {
        &self.doorbell
    }
}

/// A shard on a driver, and the test's ends of its channels.
struct Driven {
    thread: DriverThread,
    orders: Sender<Order>,
    reports: Receiver<Report>,
    doorbell: Arc<Doorbell>,
}

impl Driven {
    fn start(kind: ReactorKind, idle: IdlePolicy) -> Self {
        Self::start_at(seat(), kind, idle)
    }

    fn start_at(seat: Seat, kind: ReactorKind, idle: IdlePolicy) -> Self {
        let (wake, sleeper) = bell(kind).unwrap();
        let doorbell = Arc::new(Doorbell::new(wake));
        let (orders, inbox) = mpsc::channel();
        let (outbox, reports) = mpsc::channel();
        let shared = doorbell.clone();
        let thread = spawn(seat, idle, sleeper, move || {
            Ok(Shard {
                orders: inbox,
                peeked: None,
                reports: outbox,
                doorbell: shared,
                wake_at: None,
                busy_until: None,
                turns: Rc::default(),
            })
        })
        .unwrap();
        Self { thread, orders, reports, doorbell }
    }

    fn order(&self, order: Order) {
        self.orders.send(order).unwrap();
        self.doorbell.ring();
    }

    fn report(&self) -> Report {
        self.reports.recv_timeout(FOREVER).expect("no report came")
    }

    fn stop(self) {
        self.order(Order::Stop);
        self.thread.join().unwrap();
    }
}

fn seat() -> Seat {
    available().unwrap().plan(Some(1)).unwrap().seats[0]
}

/// The reactors that run here. Where glommio does not, that must be an error.
fn kinds() -> Vec<ReactorKind> {
    let mut kinds = vec![ReactorKind::Thread];
    match choose(Reactor::Glommio, 1) {
        Ok(Chosen { kind, .. }) => kinds.push(kind),
        Err(error) => {
            eprintln!("not tested on glommio here: {error}");
            assert_eq!(choose(Reactor::Auto, 1).unwrap().kind, ReactorKind::Thread);
        }
    }
    kinds
}

#[test]
fn a_push_wakes_the_shard_however_deeply_it_sleeps() {
    for kind in kinds() {
        for idle in [IdlePolicy::EAGER, IdlePolicy::default()] {
            let shard = Driven::start(kind, idle);
            for push in 0..150_u64 {
                // Before, around and after the moment it falls asleep.
                thread::sleep(Duration::from_micros(push * 13 % 1000));
                let pushed = Instant::now();
                shard.order(Order::Report);
                let delay = shard.report().at - pushed;
                assert!(delay < Duration::from_millis(100), "{kind}, {idle:?}: push {push} took {delay:?}");
            }
            shard.stop();
        }
    }
}

#[test]
fn pushes_that_race_with_falling_asleep_are_not_lost() {
    for kind in kinds() {
        let shard = Driven::start(kind, IdlePolicy::EAGER);
        for push in 0..20_000 {
            shard.order(Order::Report);
            if push % 3 != 0 {
                shard.report();
            }
        }
        for _ in 0..20_000_u32.div_ceil(3) {
            shard.report();
        }
        shard.stop();
    }
}

#[test]
fn a_timer_ends_the_sleep_not_early_and_not_by_polling() {
    for kind in kinds() {
        let shard = Driven::start(kind, IdlePolicy::default());
        for sleep_us in [0, 30, 200, 1_500, 20_000] {
            let due = Instant::now() + Duration::from_micros(sleep_us);
            shard.order(Order::SleepUntil(due));
            let woken = shard.report();
            assert!(woken.at >= due, "{kind}: early");
            let late = woken.at - due;
            assert!(late < Duration::from_millis(500), "{kind}: {late:?} late");
            assert!(woken.turns < 20, "{kind}: {} turns", woken.turns);
        }
        shard.stop();
    }
}

#[test]
fn a_push_cuts_a_timed_sleep_short() {
    for kind in kinds() {
        let shard = Driven::start(kind, IdlePolicy::EAGER);
        let due = Instant::now() + FOREVER * 10;
        for _ in 0..50 {
            shard.order(Order::SleepUntil(due));
            thread::sleep(Duration::from_micros(500));
            shard.order(Order::Report);
            shard.report();
        }
        shard.stop();
    }
}

#[test]
fn a_saturated_shard_goes_on() {
    for kind in kinds() {
        let shard = Driven::start(kind, IdlePolicy::default());
        shard.order(Order::WorkUntil(Instant::now() + Duration::from_millis(60)));
        shard.order(Order::Report);
        assert!(shard.report().turns > 100, "{kind}");
        shard.stop();
    }
}

#[test]
fn it_stops_while_asleep() {
    for kind in kinds() {
        let shard = Driven::start(kind, IdlePolicy::EAGER);
        thread::sleep(Duration::from_millis(5));
        assert!(!shard.thread.is_finished());
        shard.stop();
    }
}

#[test]
fn a_wake_before_the_thread_runs_is_not_lost() {
    for kind in kinds() {
        let (wake, sleeper) = bell(kind).unwrap();
        wake.wake();
        let (report, woken) = mpsc::channel();
        let doorbell = Doorbell::new(wake);
        let thread =
            spawn(seat(), IdlePolicy::EAGER, sleeper, move || Ok(SleepsOnce { doorbell, slept: false }))
                .unwrap();
        thread::spawn(move || report.send(thread.join()));
        woken.recv_timeout(FOREVER).unwrap().unwrap();
    }
}

/// Sleeps without ever having work, and stops when it wakes.
struct SleepsOnce {
    doorbell: Doorbell,
    slept: bool,
}

impl Drive for SleepsOnce {
    fn turn(&mut self) -> Next {
        if std::mem::replace(&mut self.slept, true) {
            return Next::Stop;
        }
        Next::Idle { wake_at: None }
    }

    fn has_work(&mut self) -> bool {
        false
    }

    fn doorbell(&self) -> &Doorbell {
        &self.doorbell
    }
}

#[test]
fn a_panic_comes_out_at_join() {
    for kind in kinds() {
        let shard = Driven::start(kind, IdlePolicy::EAGER);
        thread::sleep(Duration::from_millis(2));
        shard.order(Order::Panic("a turn went wrong (this is a test)"));
        // The shard is dropped, so its peers notice.
        assert!(shard.reports.recv_timeout(FOREVER).is_err());
        let error = shard.thread.join().unwrap_err();
        assert_eq!(error.to_string(), "shard 0 panicked: a turn went wrong (this is a test)");
    }
}

#[test]
fn a_shard_that_cannot_be_made_is_an_error_of_spawn() {
    for kind in kinds() {
        let make = || Err::<Shard, StartError>("no memory left".into());
        let (_wake, sleeper) = bell(kind).unwrap();
        let error = spawn(seat(), IdlePolicy::EAGER, sleeper, make).unwrap_err();
        assert!(matches!(error, DriverError::Start { shard: 0, .. }), "{error:?}");

        let make = || -> Result<Shard, StartError> { panic!("no luck (this is a test)") };
        let (_wake, sleeper) = bell(kind).unwrap();
        let error = spawn(seat(), IdlePolicy::EAGER, sleeper, make).unwrap_err();
        assert_eq!(error.to_string(), "shard 0 panicked: no luck (this is a test)");
    }
}

#[test]
fn a_cpu_that_is_not_there_is_an_error_of_spawn() {
    for kind in kinds() {
        let make = || -> Result<Shard, StartError> { unreachable!() };
        let (_wake, sleeper) = bell(kind).unwrap();
        let nowhere = Seat { shard: 3, core: Some(CoreId { id: 1023 }) };
        let error = spawn(nowhere, IdlePolicy::EAGER, sleeper, make).unwrap_err();
        let pin = matches!(error, DriverError::Pin { shard: 3, cpu: 1023 });
        assert!(pin, "{error:?}");
    }
}

#[test]
fn where_io_uring_is_forbidden_plain_threads_take_over() {
    // On a thread of its own, since a filter stays until the thread ends; the
    // threads that it starts inherit it.
    let forbidden = thread::spawn(|| {
        forbid_io_uring();
        let chosen = choose(Reactor::Auto, 1).unwrap();
        let refused = choose(Reactor::Glommio, 1).unwrap_err();
        let shard = Driven::start(chosen.kind, IdlePolicy::EAGER);
        thread::sleep(Duration::from_millis(2));
        shard.order(Order::Report);
        shard.report();
        shard.stop();
        (chosen, refused.to_string())
    });
    let (chosen, refused) = forbidden.join().unwrap();
    assert_eq!(chosen.kind, ReactorKind::Thread);
    let reason = if cfg!(feature = "glommio") {
        "a seccomp filter forbids it"
    } else {
        "without the cargo feature `glommio`"
    };
    assert!(chosen.reason.contains(reason), "{chosen}");
    assert!(refused.contains(reason), "{refused}");
    assert!(refused.starts_with("reactor `glommio` was asked for"));
}

fn forbid_io_uring() {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

    /// The same number on every architecture.
    const SYS_IO_URING_SETUP: i64 = 425;
    const EPERM: u32 = 1;

    let filter = SeccompFilter::new(
        BTreeMap::from([(SYS_IO_URING_SETUP, vec![])]),
        SeccompAction::Allow,
        SeccompAction::Errno(EPERM),
        std::env::consts::ARCH.try_into().unwrap(),
    )
    .unwrap();
    apply_filter(&BpfProgram::try_from(filter).unwrap()).unwrap();
}
