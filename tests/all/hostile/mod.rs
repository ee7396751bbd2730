//! Hostile guests beside an innocent one, on one shard of a whole runtime. What all
//! rows share is asserted by [`Row::run`]: the innocent is answered all the while,
//! memory comes back to where it was, no file and no thread is left open, and the
//! ledger closes.
//!
//! | file       | what the guests do                                                 |
//! |------------|--------------------------------------------------------------------|
//! | `loops`    | never return, from wherever they are called                        |
//! | `traps`    | trap wherever they are called, or run out of stack                 |
//! | `memory`   | want more of it than there is, or what was another's               |
//! | `border`   | break the rules of the border: pointers, text, handles, sizes      |
//! | `floods`   | do something that is allowed, without end                          |
//! | `requests` | do not answer, or answer twice, late, in a circle, or die of it    |
//! | `host`     | meet a host that fails itself: panics, full pools, drains          |
//! | `faults`   | trap on the signal that native code beside them faults with        |

mod border;
mod faults;
mod floods;
mod guest;
mod host;
mod loops;
mod memory;
mod requests;
#[path = "../../../src/wasm/tests/text.rs"]
#[allow(dead_code)]
mod text;
mod traps;

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use raddle::actor::{Blueprint, ExitReason, RequestError};
use raddle::runtime::Events;
use raddle::shard::Event;
use raddle::wasm::{ComponentBlueprint, EngineConfig, Limits, Profile, Source, TrustLevel};
use raddle::{ActorId, Builder, Handle, Runtime, Spawn};

use crate::support::*;
use guest::Guest;

/// The longest that the innocent may wait while its neighbour does its worst: many
/// times a message's time, for a machine that has much else to do; and less than anybody
/// who is not ended would take, which is for ever.
const HEARTBEAT_GAP_MAX: Duration = Duration::from_secs(20);

/// What comes and goes with the allocator, in KiB.
const MEMORY_SLACK_KIB: u64 = 4096;

/// What the engine keeps of a slot's memory from its first use on, in KiB.
const SLOT_KEEPS_KIB: u64 = 1024;

/// Few, so that each slot of the pool has been used before memory is looked at: a slot
/// keeps some of its pages.
const INSTANCES: u32 = 16;

/// Resident memory in KiB, open files, threads of this process.
fn process() -> (u64, usize, usize) {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
    let resident = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
    let count = |folder: &str| std::fs::read_dir(folder).expect("proc").count();
    (resident, count("/proc/self/fd"), count("/proc/self/task"))
}

/// Asks an innocent counter again and again, on a thread of its own.
struct Innocent {
    actor: ActorId,
    asking: JoinHandle<(u64, Duration)>,
    stop: Sender<()>,
}

impl Innocent {
    fn new(runtime: &Runtime) -> Self {
        let actor = actor(runtime, "counter");
        let (handle, (stop, stopped)) = (runtime.handle(), channel());
        let asking = std::thread::spawn(move || {
            let (mut asked, mut gap_max) = (0, Duration::ZERO);
            while stopped
                .recv_timeout(Duration::from_micros(500))
                .is_err_and(|error| error == std::sync::mpsc::RecvTimeoutError::Timeout)
            {
                let since = Instant::now();
                reply(&handle, actor, "add");
                gap_max = gap_max.max(since.elapsed());
                asked += 1;
            }
            (asked, gap_max)
        });
        Self { actor, asking, stop }
    }

    /// It was answered every time, and counted right.
    fn end(self, runtime: &Handle) {
        drop(self.stop);
        let (asked, gap_max) = self.asking.join().expect("the innocent was answered");
        assert!(asked > 0 && gap_max < HEARTBEAT_GAP_MAX, "the innocent waited for {gap_max:?}");
        assert_eq!(text(runtime, self.actor, "get"), asked.to_string());
    }
}

/// One kind of attack, on one shard, in a process of its own.
struct Row {
    /// The test's own name, within this module.
    name: &'static str,
    repeats: u32,
    /// What is made once and kept is there after so many.
    warm: u32,
    /// What slots may keep that are first used after that.
    slots_keep_kib: u64,
    builder: Builder,
}

impl Row {
    fn new(name: &'static str, repeats: u32) -> Self {
        let engine = EngineConfig { instances_max: INSTANCES, ..EngineConfig::default() };
        let (warm, builder) = (repeats.div_ceil(4), builder(1).engine(engine));
        Self { name, repeats, warm, slots_keep_kib: 0, builder }
    }

    /// It uses much of its memory. On a busy machine some slots of the pool are first used
    /// late; what an attack leaks is to be many times what they all keep.
    fn fills_slots(self) -> Self {
        Self { slots_keep_kib: u64::from(INSTANCES) * SLOT_KEEPS_KIB, ..self }
    }

    /// So many before memory is looked at.
    fn warm(self, warm: u32) -> Self {
        Self { warm, ..self }
    }

    fn with(self, change: impl FnOnce(Builder) -> Builder) -> Self {
        Self { builder: change(self.builder), ..self }
    }

    /// Prepares once, attacks again and again, and asserts what all rows share.
    fn run<T>(self, prepare: impl FnOnce(&Runtime) -> T, mut attack: impl FnMut(&Runtime, &mut T)) {
        let Self { name, repeats, warm, slots_keep_kib, builder } = self;
        alone(&format!("hostile::{name}"), || {
            let runtime = builder.build().expect("a runtime");
            let innocent = Innocent::new(&runtime);
            let mut prepared = prepare(&runtime);
            for _ in 0..warm {
                attack(&runtime, &mut prepared);
            }
            let (resident_before, files, threads) = process();
            for _ in 0..repeats {
                attack(&runtime, &mut prepared);
            }
            let (resident, files_now, threads_now) = process();
            assert_eq!((files_now, threads_now), (files, threads), "files and threads");
            let most = resident_before + resident_before / 100 + MEMORY_SLACK_KIB + slots_keep_kib;
            assert!(resident <= most, "{resident_before} KiB before {repeats} attacks, {resident} after");
            innocent.end(&runtime);
            drop(prepared);
            closed(&shut_down(runtime));
        });
    }
}

/// Limits that a test does not wait long for.
fn short() -> Limits {
    Limits {
        message_time_max: Duration::from_millis(10),
        lifecycle_time_max: Duration::from_millis(10),
        memory_bytes_max: 8 << 20,
        ..Limits::default()
    }
}

/// What makes actors of this guest, with short limits and everything granted.
fn kind(runtime: &Runtime, guest: &Guest<'_>) -> Arc<dyn Blueprint> {
    kind_with(runtime, guest, Profile { limits: short(), ..Profile::of(TrustLevel::Standard) })
}

fn kind_with(runtime: &Runtime, guest: &Guest<'_>, profile: Profile) -> Arc<dyn Blueprint> {
    let text = guest.text();
    let source = Source::Bytes("hostile", text.as_bytes());
    let component = runtime.engine().load(source, &raddle::wasm::CacheConfig::Disabled, &());
    let component = component.unwrap_or_else(|error| panic!("{error}"));
    Arc::new(ComponentBlueprint::with(component, profile).expect("sound limits"))
}

/// One of it, restarted however often it ends.
fn supervised(runtime: &Runtime, kind: Arc<dyn Blueprint>) -> ActorId {
    spawn(runtime, Spawn::new(kind).under(supervisor(runtime, u32::MAX)))
}

/// It ends on this request, for that reason, which says so.
#[track_caller]
fn exits(runtime: &Handle, hostile: ActorId, message: impl AsRef<[u8]>, label: &str, says: &str) {
    match ask(runtime, hostile, message.as_ref()) {
        Err(RequestError::CalleeExited(reason)) => ended(&reason, label, says),
        other => panic!("expected an exit, got {other:?}"),
    }
}

#[track_caller]
fn ended(reason: &ExitReason, label: &str, says: &str) {
    assert_eq!(reason.label(), label, "{reason}");
    assert!(reason.to_string().contains(says), "{reason}");
}

/// A trapper that is restarted however often it ends.
fn trapper(runtime: &Runtime) -> ActorId {
    supervised(runtime, load(runtime, "trapper"))
}

/// Why this one ends next.
#[track_caller]
fn next_exit(events: &mut Events, hostile: ActorId) -> ExitReason {
    exit_within(events, hostile, PATIENCE).expect("it ends")
}

fn exit_within(events: &mut Events, hostile: ActorId, within: Duration) -> Option<ExitReason> {
    let deadline = Instant::now() + within;
    loop {
        match events.next_within(deadline.saturating_duration_since(Instant::now()))? {
            Event::Exited { actor, reason, .. } if actor == hostile => return Some(reason),
            _ => {}
        }
    }
}

/// Tells it so much that some of it comes at once.
#[track_caller]
fn exit_on_a_batch(runtime: &Handle, events: &mut Events, hostile: ActorId) -> ExitReason {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        runtime.tell_all(hostile, (0..32).map(|_| "12345678".into()));
        if let Some(reason) = exit_within(events, hostile, Duration::from_millis(100)) {
            return reason;
        }
    }
    panic!("it never had a batch");
}
