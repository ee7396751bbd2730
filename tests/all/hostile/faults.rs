//! Faults in native code, beside guests whose own faults are traps. wasmtime makes traps
//! of the very same signal: what is no guest's must come to whom it would have come to
//! without it, the kernel or a handler that the embedder had installed before.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use raddle::actor::{Actor, Child, Context, Filter, Message, Native, Outcome, Subject};
use raddle::control::broker::Bridge;
use raddle::wasm::{ExecutionClass, Profile, TrustLevel};
use raddle::{Payload, ShardId, Spawn};
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect};

use super::guest::Guest;
use super::*;

/// Where nothing is.
const NOWHERE: usize = 8;

/// Reads 8 bytes, wherever that is.
#[allow(unsafe_code)]
fn read(at: usize) -> u64 {
    let at = std::hint::black_box(at) as *const u64;
    // SAFETY: none; that is what is tested. It faults, and whoever handles that says how
    // it goes on.
    unsafe { at.read_volatile() }
}

/// Reads where its message says, on a shard's thread.
struct Reads;

impl Actor for Reads {
    fn handle(&mut self, _: &Context, message: &Message) -> Outcome {
        let at = usize::from_le_bytes(message.payload.as_slice().try_into().expect("8 bytes"));
        if at == PAGE.load(Ordering::Relaxed) {
            protect();
        }
        Outcome::Done(Some(read(at).to_string().into()))
    }
}

impl Child for Reads {}

fn reads(runtime: &Runtime, shard: ShardId) -> ActorId {
    spawn(runtime, Spawn::new(Arc::new(Native::new("reads", |_| Reads))).on(shard))
}

/// A guest whose own faults are traps: its memory is guarded.
fn out_of_bounds() -> Guest<'static> {
    Guest { handle: Some("(drop (i64.load (i32.const -9))) i32.const 0"), ..Guest::default() }
}

/// Runs a test in a process of its own, which it ends by a fault.
#[track_caller]
fn to_its_end(name: &str, test: impl FnOnce()) -> Output {
    const FAULTING: &str = "RADDLE_TEST_FAULT";
    if std::env::var_os(FAULTING).is_some() {
        test();
        panic!("it lived");
    }
    let this = std::env::current_exe().expect("this test");
    let mut command = Command::new(this);
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]).env(FAULTING, "1");
    let output = command.output().expect("this test can be run");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("about to fault"), "{said} {}", String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn a_fault_in_native_code_ends_the_process_by_its_signal() {
    let name = "hostile::faults::a_fault_in_native_code_ends_the_process_by_its_signal";
    let output = to_its_end(name, || {
        let runtime = runtime(1);
        let hostile = supervised(&runtime, kind(&runtime, &out_of_bounds()));
        for _ in 0..100 {
            exits(&runtime, hostile, "", "trap", "out of bounds");
        }
        // And it still is while others trap.
        let _more: Vec<_> = (0..100).map(|_| runtime.request(hostile, "")).collect();
        let reads = reads(&runtime, ShardId(0));
        println!("about to fault");
        let outcome = ask(&runtime, reads, &NOWHERE.to_le_bytes());
        panic!("it lived: {outcome:?}");
    });
    assert_eq!(output.status.signal(), Some(11), "SIGSEGV, and nothing else: {output:?}");
}

/// A page of the embedder's own, which its handler lets be read when somebody does.
static PAGE: AtomicUsize = AtomicUsize::new(0);
const PAGE_BYTES: usize = 4096;
/// How many of its faults the handler has seen.
static CAUGHT: AtomicU64 = AtomicU64::new(0);
/// What the process ends with if the handler does not know the fault.
const UNKNOWN_FAULT: i32 = 42;

#[allow(unsafe_code)]
extern "C" fn on_fault(_: libc::c_int, fault: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel says what it was …
    let fault = unsafe { &*fault };
    // SAFETY: … and of this signal also where.
    let at = unsafe { fault.si_addr() } as usize;
    let page = PAGE.load(Ordering::Relaxed);
    if at != page {
        // SAFETY: a handler may call it.
        unsafe { libc::_exit(UNKNOWN_FAULT) };
    }
    CAUGHT.fetch_add(1, Ordering::Relaxed);
    // SAFETY: a system call, on a page that is only ever read.
    unsafe { mprotect(page as *mut _, PAGE_BYTES, MprotectFlags::READ) }.expect("its own page");
}

/// As an embedder does that has a use for faults: a collector, a debugger, a crash report.
#[allow(unsafe_code)]
fn install() {
    let (flags, nothing) = (SaFlags::SA_SIGINFO | SaFlags::SA_ONSTACK, SigSet::empty());
    let action = SigAction::new(SigHandler::SigAction(on_fault), flags, nothing);
    // SAFETY: what the handler does, a handler may do.
    unsafe { sigaction(Signal::SIGSEGV, &action) }.expect("a handler");
    // SAFETY: a new page, wherever there is room.
    let page =
        unsafe { mmap_anonymous(std::ptr::null_mut(), PAGE_BYTES, ProtFlags::empty(), MapFlags::PRIVATE) };
    PAGE.store(page.expect("a page") as usize, Ordering::Relaxed);
}

/// From here on, the page is a fault again.
#[allow(unsafe_code)]
fn protect() {
    let page = PAGE.load(Ordering::Relaxed) as *mut _;
    // SAFETY: nobody has a reference into it.
    unsafe { mprotect(page, PAGE_BYTES, MprotectFlags::empty()) }.expect("its own page");
}

/// Reads the page while a guest publishes: with the guest's frames below it on the stack.
struct ReadsWithin;

impl Bridge for ReadsWithin {
    fn interest(&self, _: ShardId, _: &Filter, _: bool) {}

    fn published(&self, _: &Subject, _: &Payload) {
        protect();
        assert_eq!(read(PAGE.load(Ordering::Relaxed)), 0);
    }
}

const PUBLISHES: &str = "(i32.store (i32.const 64) (i32.const 0x6d6f6f62))
    (call $publish (i32.const 64) (i32.const 4) (i32.const 64) (i32.const 3) (i32.const 128))
    (call $number (i64.const 5))";

#[test]
fn the_embedders_handler_gets_the_faults_that_are_no_guests() {
    const ROUNDS: u64 = 300;
    let name = "hostile::faults::the_embedders_handler_gets_the_faults_that_are_no_guests";
    let output = to_its_end(name, || {
        install();
        let runtime = builder(2).bridge(Arc::new(ReadsWithin)).build().expect("a runtime");
        let hostile = supervised(&runtime, kind(&runtime, &out_of_bounds()));
        for _ in 0..100 {
            exits(&runtime, hostile, "", "trap", "out of bounds");
        }
        assert_eq!(CAUGHT.load(Ordering::Relaxed), 0, "a guest's faults are traps, and nobody else's");
        // The embedder's own are its own, on a shard where nobody else runs, on that
        // where guests trap all the while, and within a guest's call of its host.
        let page = PAGE.load(Ordering::Relaxed);
        for shard in [hostile.shard(), ShardId(1 - hostile.shard().0)] {
            let reads = reads(&runtime, shard);
            for _ in 0..ROUNDS {
                let trapping = runtime.request(hostile, "");
                assert_eq!(text(&runtime, reads, &page.to_le_bytes()), "0");
                assert!(matches!(trapping.wait(), Err(RequestError::CalleeExited(_))));
            }
        }
        assert_eq!(CAUGHT.load(Ordering::Relaxed), 2 * ROUNDS);
        for class in [ExecutionClass::RunToCompletion, ExecutionClass::Suspendable] {
            let guest = Guest { handle: Some(PUBLISHES), ..Guest::default() };
            let profile = Profile { class: Some(class), ..Profile::of(TrustLevel::Standard) };
            let publishes = spawn(&runtime, Spawn::new(kind_with(&runtime, &guest, profile)));
            for _ in 0..ROUNDS {
                assert_eq!(number(&runtime, publishes, ""), 5);
            }
        }
        assert_eq!(CAUGHT.load(Ordering::Relaxed), 4 * ROUNDS);
        exits(&runtime, hostile, "", "trap", "out of bounds");
        println!("about to fault");
        let outcome = ask(&runtime, reads(&runtime, ShardId(0)), &NOWHERE.to_le_bytes());
        panic!("it lived: {outcome:?}");
    });
    assert_eq!(output.status.code(), Some(UNKNOWN_FAULT), "{output:?}");
}
