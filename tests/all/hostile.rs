//! Hostile guests beside an innocent one, on one shard of a whole runtime. What all
//! rows share is asserted by [`beside_an_innocent`].

use std::time::{Duration, Instant};

use raddle::actor::{ExitReason, RequestError};
use raddle::control::child_spec::Shutdown;
use raddle::{ActorId, Runtime, Spawn};

use crate::support::*;

/// The longest that the innocent may wait while its neighbour does its worst: many
/// times a message's time, for a machine that has much else to do.
const HEARTBEAT_GAP_MAX: Duration = Duration::from_secs(5);

/// Resident memory in KiB, open files, threads of this process.
fn process() -> (u64, usize, usize) {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
    let resident = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
    let count = |folder: &str| std::fs::read_dir(folder).expect("proc").count();
    (resident, count("/proc/self/fd"), count("/proc/self/task"))
}

/// Lets a supervised trapper do its worst, again and again: an innocent counter on
/// the same shard is answered all the while, memory comes back to where it was, no
/// file and no thread is left open, and the ledger closes.
fn beside_an_innocent(repeats: u32, mut attack: impl FnMut(&Runtime, ActorId)) {
    let runtime = runtime(1);
    let supervised = Spawn::new(load(&runtime, "trapper")).under(supervisor(&runtime, u32::MAX));
    let hostile = spawn(&runtime, supervised);
    let innocent = actor(&runtime, "counter");
    let mut gap_max = Duration::ZERO;
    let mut round = |count: u32| {
        attack(&runtime, hostile);
        let asked = Instant::now();
        reply(&runtime, innocent, "add");
        gap_max = gap_max.max(asked.elapsed());
        count + 1
    };
    // What is made once and kept is there after some of them.
    let warm = repeats.div_ceil(4);
    for count in 0..warm {
        round(count);
    }
    let (resident_before, files, threads) = process();
    let done = (0..repeats).fold(0, |count, _| round(count));
    let (resident, files_now, threads_now) = process();
    assert_eq!((files_now, threads_now), (files, threads), "files and threads");
    let most = resident_before + resident_before / 100 + 4096;
    assert!(resident <= most, "{resident_before} KiB before {repeats} attacks, {resident} after");
    assert!(gap_max < HEARTBEAT_GAP_MAX, "the innocent waited for {gap_max:?}");
    assert_eq!(text(&runtime, innocent, "get"), (done + warm).to_string());
    closed(&shut_down(runtime));
}

fn exits(runtime: &Runtime, hostile: ActorId, message: Vec<u8>, label: &str) {
    match ask(runtime, hostile, message) {
        Err(RequestError::CalleeExited(reason)) => assert_eq!(reason.label(), label, "{reason}"),
        other => panic!("expected an exit, got {other:?}"),
    }
}

#[test]
fn traps() {
    alone("hostile::traps", || {
        beside_an_innocent(2_000, |runtime, hostile| exits(runtime, hostile, Op::Panic.with("!"), "trap"));
    });
}

#[test]
fn loops() {
    alone("hostile::loops", || {
        beside_an_innocent(8, |runtime, hostile| exits(runtime, hostile, Op::Loop.alone(), "deadline"));
    });
}

#[test]
fn recursion_without_end() {
    alone("hostile::recursion_without_end", || {
        beside_an_innocent(400, |runtime, hostile| {
            exits(runtime, hostile, Op::Recurse.alone(), "stack-overflow");
        });
    });
}

#[test]
fn a_memory_bomb() {
    alone("hostile::a_memory_bomb", || {
        beside_an_innocent(50, |runtime, hostile| {
            let pages = number(runtime, hostile, Op::GrowMemory.alone());
            assert_eq!(pages, (64 << 20) / (64 << 10), "no more than its limit");
            exits(runtime, hostile, Op::Panic.with("and gone"), "limit");
        });
    });
}

#[test]
fn forged_and_stale_addresses() {
    alone("hostile::forged_and_stale_addresses", || {
        let mut forged = 1_u64;
        beside_an_innocent(2_000, |runtime, hostile| {
            forged = forged.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let message = [&[Op::Send as u8], &forged.to_le_bytes()[..], b"guess"].concat();
            match ask(runtime, hostile, message) {
                Err(RequestError::Failed(_)) => {}
                other => panic!("a guessed address was good for something: {other:?}"),
            }
        });
    });
}

#[test]
fn a_stop_hook_that_traps() {
    alone("hostile::a_stop_hook_that_traps", || {
        // Loaded once: a component keeps a file open, its initial memory.
        let mut trapper = None;
        beside_an_innocent(200, |runtime, _| {
            let trapper = trapper.get_or_insert_with(|| load(runtime, "trapper"));
            let doomed = spawn(runtime, Spawn::new(trapper.clone()));
            reply(runtime, doomed, Op::TrapInStop.alone());
            let reason = runtime.stop(doomed, Shutdown::default()).wait_for(PATIENCE).expect("an answer");
            assert_eq!(reason.expect("it was there").label(), "trap");
        });
    });
}

#[test]
fn the_end_of_one_with_many_callers() {
    alone("hostile::the_end_of_one_with_many_callers", || {
        // Loaded once: a component keeps a file open, its initial memory.
        let mut trapper = None;
        beside_an_innocent(20, |runtime, _| {
            let trapper = trapper.get_or_insert_with(|| load(runtime, "trapper"));
            let doomed = spawn(runtime, Spawn::new(trapper.clone()));
            let mut callers = vec![runtime.request_within(doomed, Op::Loop.alone(), PATIENCE)];
            callers.extend((0..300).map(|_| runtime.request_within(doomed, Op::Echo.with("?"), PATIENCE)));
            let outcomes: Vec<_> = callers.into_iter().map(|caller| caller.wait()).collect();
            assert!(matches!(&outcomes[0], Err(RequestError::CalleeExited(ExitReason::Trap { .. }))));
            assert!(outcomes[1..].iter().all(|outcome| matches!(outcome, Err(RequestError::Dead(_)))));
        });
    });
}

#[test]
fn a_flood_of_log_lines() {
    alone("hostile::a_flood_of_log_lines", || {
        beside_an_innocent(20, |runtime, hostile| {
            for _ in 0..200 {
                runtime.tell(hostile, [&[8], &b"noise"[..]].concat()).expect("room");
            }
            assert!(runtime.settle(PATIENCE));
        });
    });
}
