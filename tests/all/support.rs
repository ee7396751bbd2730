//! What all tests share: guests, runtimes, and a way to be alone in a process.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use raddle::actor::{Blueprint, RequestError};
use raddle::control::supervisor::SupervisorSpec;
use raddle::metrics::Ledger;
use raddle::runtime::driver::{self, Reactor};
use raddle::shard::SupervisorId;
use raddle::wasm::{CacheConfig, EngineConfig};
use raddle::{ActorId, Builder, Handle, Payload, Report, Runtime, ShardId, Spawn};

/// Long enough for a machine that has much else to do; a test that works never
/// waits for it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A guest, as it is committed.
pub fn guest(name: &str) -> PathBuf {
    repository("guests/prebuilt").join(name).with_extension("wasm")
}

/// Where tests keep compiled guests: under `target`, and each is compiled once.
pub fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled")
}

/// A runtime that is small and keeps to `target`. Plain threads, if not told otherwise.
pub fn builder(shards: usize) -> Builder {
    Runtime::builder()
        .shards(shards)
        .reactor(Reactor::Thread)
        .engine(EngineConfig { instances_max: 64, ..EngineConfig::default() })
        .cache(CacheConfig::Folder(cache()))
}

/// Such a runtime, running.
pub fn runtime(shards: usize) -> Runtime {
    builder(shards).build().expect("a runtime")
}

/// The reactors that can run here.
pub fn reactors() -> Vec<Reactor> {
    let glommio = driver::choose(Reactor::Glommio, 2);
    if let Err(error) = &glommio {
        eprintln!("not tested with glommio: {error}");
    }
    [Some(Reactor::Thread), glommio.ok().map(|_| Reactor::Glommio)].into_iter().flatten().collect()
}

/// Runs a test on one shard and on two, with every reactor that can run here.
pub fn everywhere(test: impl Fn(&Runtime)) {
    for reactor in reactors() {
        for shards in [1, 2] {
            eprintln!("{shards} shards on {reactor}");
            let runtime = builder(shards).reactor(reactor).build().expect("a runtime");
            test(&runtime);
            closed(&shut_down(runtime));
        }
    }
}

/// The last shard, so another one than the first where there are two.
pub fn last_shard(runtime: &Handle) -> ShardId {
    ShardId(runtime.shards() as u16 - 1)
}

/// What makes actors of a guest.
pub fn load(runtime: &Runtime, name: &str) -> Arc<dyn Blueprint> {
    runtime.load(&guest(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// An actor of a guest, on the first shard.
pub fn actor(runtime: &Runtime, name: &str) -> ActorId {
    actor_on(runtime, name, ShardId(0))
}

/// An actor of a guest.
pub fn actor_on(runtime: &Runtime, name: &str, shard: ShardId) -> ActorId {
    spawn(runtime, Spawn::new(load(runtime, name)).on(shard))
}

/// Starts what must start.
#[track_caller]
pub fn spawn(runtime: &Handle, spawn: Spawn) -> ActorId {
    runtime.spawn(spawn).wait_for(PATIENCE).expect("a started actor")
}

/// A supervisor that allows so many restarts.
pub fn supervisor(runtime: &Handle, restarts_max: u32) -> SupervisorId {
    let spec = SupervisorSpec { restarts_max, ..SupervisorSpec::default() };
    runtime.supervise(spec).wait_for(PATIENCE).expect("a supervisor")
}

/// The outcome of a request, in the end.
pub fn ask(runtime: &Handle, to: ActorId, payload: impl Into<Payload>) -> Result<Payload, RequestError> {
    runtime.request_within(to, payload, PATIENCE).wait()
}

/// The reply to a request that must have one.
#[track_caller]
pub fn reply(runtime: &Handle, to: ActorId, payload: impl Into<Payload>) -> Payload {
    ask(runtime, to, payload).expect("a reply")
}

/// A reply in text.
#[track_caller]
pub fn text(runtime: &Handle, to: ActorId, payload: impl Into<Payload>) -> String {
    String::from_utf8(reply(runtime, to, payload).to_vec()).expect("text")
}

/// A reply of the trapper that is a number.
#[track_caller]
pub fn number(runtime: &Handle, to: ActorId, payload: impl Into<Payload>) -> u64 {
    u64::from_le_bytes(reply(runtime, to, payload)[..].try_into().expect("8 bytes"))
}

/// What the trapper does, by its number (see guests/tests/trapper).
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub enum Op {
    Echo = 0,
    Panic = 1,
    Loop = 2,
    GrowMemory = 3,
    Recurse = 4,
    Send = 5,
    Lookup = 6,
    Reject = 7,
    Config = 9,
    Exit = 10,
    TrapInStop = 11,
    OwnId = 12,
    HandledBefore = 13,
    Sender = 18,
    Restarts = 19,
    AllConfig = 20,
}

impl Op {
    /// The message that makes it do so.
    pub fn with(self, argument: impl AsRef<[u8]>) -> Vec<u8> {
        [&[self as u8], argument.as_ref()].concat()
    }

    /// The message that makes it do so.
    pub fn alone(self) -> Vec<u8> {
        self.with("")
    }

    /// The message that makes it send these bytes there.
    pub fn send(to: ActorId, bytes: &str) -> Vec<u8> {
        Op::Send.with([&to.to_bits().to_le_bytes(), bytes.as_bytes()].concat())
    }
}

/// Waits until there is something.
#[track_caller]
pub fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "it never comes");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Ends a runtime that must end in time.
#[track_caller]
pub fn shut_down(runtime: Runtime) -> Report {
    let report = runtime.shutdown(PATIENCE);
    assert_eq!(report.failures, Vec::<String>::new());
    assert!(report.drained, "{report:?}");
    report
}

/// The ledger of a report, which must close with nothing left over.
#[track_caller]
pub fn closed(report: &Report) -> Ledger {
    for shard in &report.shards {
        assert_eq!(shard.ledger.resident, 0, "{shard:?}");
    }
    let ledger = report.ledger();
    assert!(ledger.closes(), "{ledger:?}");
    ledger
}

/// Runs a test in a process of its own, where it can count what is there. `name`
/// is the test's own: `module::function`.
#[track_caller]
pub fn alone(name: &str, test: impl FnOnce()) {
    const ALONE: &str = "RADDLE_TEST_ALONE";
    if std::env::var_os(ALONE).is_some_and(|set| set == name) {
        return test();
    }
    let this = std::env::current_exe().expect("this test");
    let output = Command::new(this)
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(ALONE, name)
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .output()
        .expect("this test can be run");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "no test is called {name}: {said}");
}
