//! Hooks: when they are due, who waits for them, and what becomes of those that
//! hang, panic, or find no room.

use super::*;
use crate::actor::{Hook, HookFault, Hooks};

const LIMIT_MS: u64 = 100;

/// Takes calls, and makes them when told to.
#[derive(Default)]
struct ByHand {
    calls: Mutex<VecDeque<HookCall>>,
    calls_max: usize,
}

impl HookRunner for ByHand {
    fn submit(&self, call: HookCall) -> bool {
        let mut calls = self.calls.lock().unwrap();
        let has_room = calls.len() < self.calls_max;
        if has_room {
            calls.push_back(call);
        }
        has_room
    }
}

struct Stage {
    world: World,
    runner: Arc<ByHand>,
}

impl Stage {
    /// Shards whose actors have all hooks, which write down that they were called.
    fn new(shards: usize, calls_max: usize, fails: &[bool]) -> Self {
        let runner = Arc::new(ByHand { calls: Mutex::default(), calls_max });
        let log: Arc<std::sync::OnceLock<Log>> = Arc::default();
        let note = |hook: Hook| {
            let log = log.clone();
            move |text: String| log.get().unwrap().lock().unwrap().push(format!("{hook} {text}"))
        };
        let [before_start, after_start, before_stop, after_stop, restart, error, message] =
            Hook::ALL.map(note);
        let mut hooks = Hooks::new()
            .before_start(move |actor| before_start(actor.restarts.to_string()))
            .after_start(move |actor| after_start(actor.restarts.to_string()))
            .before_stop(move |_, why| before_stop(format!("{why:?}")))
            .after_stop(move |_, why| after_stop(why.label().into()))
            .on_restart(move |actor, why| restart(format!("{} {}", actor.restarts, why.label())))
            .on_error(move |_, why| error(why.label().into()))
            .on_message(move |_, payload| message(String::from_utf8_lossy(payload).into()));
        for hook in Hook::ALL {
            hooks = hooks.limit(hook, Duration::from_millis(LIMIT_MS));
        }
        let hooks = Arc::new(hooks);
        let world = World::grow(shards, ShardConfig::default(), fails, |seed| {
            seed.with_hooks(runner.clone(), Some(hooks.clone()))
        });
        log.set(world.log.clone()).unwrap();
        Self { world, runner }
    }

    /// Makes the calls that wait; a panic is told as the runner of a runtime would.
    fn call_all(&mut self) {
        loop {
            self.world.settle();
            let Some(call) = self.runner.calls.lock().unwrap().pop_front() else { return };
            let HookCall { hooks, actor, moment, ticket, .. } = call;
            let fault = hooks.call(&actor, &moment).err().map(HookFault::Panicked);
            let hooked = Control::Hooked { actor: actor.id, hook: moment.hook(), ticket, fault };
            self.world.control(actor.id.shard().index(), hooked);
        }
    }

    /// Which calls wait.
    fn waiting(&self) -> Vec<Hook> {
        self.runner.calls.lock().unwrap().iter().map(|call| call.moment.hook()).collect()
    }

    /// Begins to make a child.
    fn begin_child(&mut self, shard: usize) -> Waiter<Result<ActorId, SpawnError>> {
        let supervisor = self.world.supervisor(0, 5);
        let (done, waiter) = reply_slot();
        let what = ChildSource::Actor { shard: ShardId(shard as u16), spec: self.world.spec(Some("a")) };
        let question = Question::StartChild(ChildSpec::worker("a", what));
        let ask = SupervisorControl::Ask { supervisor, question, asker: Asker::Actor(done) };
        self.world.control(0, Control::supervisor(ask));
        self.world.settle();
        waiter
    }

    fn child(&mut self, shard: usize) -> ActorId {
        let waiter = self.begin_child(shard);
        self.call_all();
        waiter.wait().unwrap().unwrap()
    }

    fn begin_stop(
        &mut self,
        actor: ActorId,
        shutdown: Shutdown,
    ) -> Waiter<Result<Option<ExitReason>, SpawnError>> {
        let (done, waiter) = reply_slot();
        self.world.control(actor.shard().index(), Control::Stop { actor, shutdown, done });
        self.world.settle();
        waiter
    }

    fn counts(&self) -> HookCounts {
        self.world
            .shards
            .iter()
            .map(|shard| shard.report().hooks)
            .fold(HookCounts::default(), |all, one| all + one)
    }
}

#[test]
fn each_hook_has_its_moment_over_a_whole_life() {
    for shard in [0, 1] {
        let mut stage = Stage::new(2, 100, &[]);
        let actor = stage.child(shard);
        stage.call_all();
        assert_eq!(stage.world.log(), ["before_start 0", "start a 0", "after_start 0"]);
        stage.world.tell(actor, "trap");
        stage.call_all();
        let expected = [
            "on_message trap",
            "after_stop trap",
            "on_error trap",
            "on_restart 1 trap",
            "before_start 1",
            "start a 1",
            "after_start 1",
        ];
        assert_eq!(stage.world.log(), expected);
        stage.world.tell(actor, "exit");
        stage.call_all();
        let expected = [
            "on_message exit",
            "before_stop Normal",
            "stop a",
            "after_stop normal",
            "on_restart 2 normal",
            "before_start 2",
            "start a 2",
            "after_start 2",
        ];
        assert_eq!(stage.world.log(), expected);
        stage.world.control(0, Control::StopAll { until_ns: u64::MAX });
        stage.call_all();
        assert_eq!(stage.world.log(), ["before_stop Shutdown", "stop a", "after_stop shutdown"]);
        let counts = stage.counts();
        assert_eq!((counts.calls, counts.panicked + counts.late + counts.skipped), (16, 0));
        stage.world.closed_ledger();
    }
}

#[test]
fn a_start_waits_for_its_hook_and_not_beyond_the_limit() {
    let mut stage = Stage::new(1, 100, &[]);
    let other = {
        let waiter = stage.begin_child(0);
        assert!(!waiter.is_ready(), "the hook was not called yet");
        assert_eq!((stage.world.log(), stage.waiting()), (vec![], vec![Hook::BeforeStart]));
        stage.world.advance_ms(LIMIT_MS - 10);
        assert!(!waiter.is_ready());
        // The hook hangs: nobody calls it. The actor comes up all the same.
        stage.world.advance_ms(20);
        assert_eq!(stage.world.log(), ["start a 0"]);
        waiter.wait().unwrap().unwrap()
    };
    assert_eq!(text(stage.world.ask_now(other, "echo x")), "x");
    // The answer comes late, and changes nothing.
    stage.call_all();
    assert_eq!(text(stage.world.ask_now(other, "echo x")), "x");
    assert_eq!(stage.world.shards[0].report().starts, 1);
}

#[test]
fn a_stop_waits_for_its_hook_without_a_message_and_not_beyond_the_limit() {
    let mut stage = Stage::new(1, 100, &[]);
    let actor = stage.world.spec(None);
    let (done, waiter) = reply_slot();
    stage.world.control(0, Control::spawn(actor, done));
    stage.call_all();
    let actor = waiter.wait().unwrap().unwrap();
    stage.world.log();
    let waiter = stage.begin_stop(actor, Shutdown::default());
    stage.world.tell(actor, "log too late");
    stage.world.settle();
    assert!(!waiter.is_ready() && stage.world.log().is_empty());
    // Another one of the same shard is not held up.
    let mut spec = stage.world.spec(None);
    spec.hooks = Some(Arc::new(Hooks::new()));
    let (done, neighbour) = reply_slot();
    stage.world.control(0, Control::spawn(spec, done));
    stage.world.settle();
    let neighbour = neighbour.wait().unwrap().unwrap();
    assert_eq!(text(stage.world.ask_now(neighbour, "echo x")), "x");
    stage.world.advance_ms(LIMIT_MS + 10);
    assert_eq!(waiter.wait().unwrap(), Ok(Some(ExitReason::Shutdown)));
    assert_eq!(stage.world.log(), ["start nameless 0", "stop nameless"], "and no message");
    assert_eq!(stage.world.closed_ledger().dead(), 1);
}

#[test]
fn a_kill_does_not_wait_for_a_hook_that_hangs() {
    let mut stage = Stage::new(1, 100, &[]);
    let actor = stage.child(0);
    stage.call_all();
    stage.world.log();
    drop(stage.begin_stop(actor, Shutdown::Infinity));
    assert_eq!(stage.waiting(), [Hook::BeforeStop]);
    drop(stage.begin_stop(actor, Shutdown::Timeout(1)));
    assert_eq!(stage.waiting(), [Hook::BeforeStop], "it is stopping already");
    drop(stage.begin_stop(actor, Shutdown::BrutalKill));
    assert_eq!(stage.world.shards[0].report().exits[0].reason, ExitReason::Killed);
    stage.call_all();
    assert_eq!(stage.world.shards[0].report().starts, 2, "its supervisor has started it again");
    let (started, stopped) = (String::from("start a 1"), String::from("stop a"));
    let log = stage.world.log();
    assert!(log.contains(&started) && !log.contains(&stopped), "{log:?}");
    assert_eq!(text(stage.world.ask_now(actor, "echo x")), "x");
}

#[test]
fn what_ends_an_actor_while_its_hook_is_awaited_ends_it_once() {
    let mut stage = Stage::new(1, 100, &[]);
    let actor = stage.child(0);
    stage.call_all();
    drop(stage.begin_stop(actor, Shutdown::default()));
    // Its supervisor stops too, and the time of the hook passes.
    stage.world.control(0, Control::StopAll { until_ns: u64::MAX });
    stage.world.advance_ms(LIMIT_MS + 10);
    stage.call_all();
    let report = stage.world.shards[0].report();
    assert_eq!((report.actors, report.abnormal_exits), (0, 0));
    assert_eq!(stage.world.log().iter().filter(|line| *line == "stop a").count(), 1);
}

#[test]
fn a_hook_that_panics_is_counted_and_told_and_hurts_nobody() {
    let mut stage = Stage::new(1, 100, &[]);
    let (events, mut heard) = injector(100, Arc::new(Doorbell::new(Box::new(NoWake))));
    let (done, _) = reply_slot();
    let sink = EventSink { events, lost: Arc::default() };
    stage.world.control(0, Control::Observe { sink, done });
    let hooks = Hooks::new()
        .before_start(|_| panic!("no start"))
        .before_stop(|_, _| panic!("no stop"))
        .on_message(|_, _| panic!("no message"));
    let spec = SpawnSpec { hooks: Some(Arc::new(hooks)), ..stage.world.spec(Some("b")) };
    let (done, waiter) = reply_slot();
    stage.world.control(0, Control::spawn(spec, done));
    stage.call_all();
    let actor = waiter.wait().unwrap().unwrap();
    assert_eq!(text(stage.world.ask_now(actor, "echo x")), "x");
    let stopped = stage.begin_stop(actor, Shutdown::default());
    stage.call_all();
    assert_eq!(stopped.wait().unwrap(), Ok(Some(ExitReason::Shutdown)));
    let counts = stage.counts();
    assert_eq!(counts, HookCounts { calls: 3, panicked: 3, ..HookCounts::default() });
    let mut faults = Vec::new();
    heard.drain(100, |event| {
        if let Event::HookFailed { hook, fault, .. } = event {
            faults.push((hook, fault.to_string()));
        }
    });
    let fault = |hook, what: &str| (hook, format!("panicked: {what}"));
    let expected = [
        fault(Hook::BeforeStart, "no start"),
        fault(Hook::Message, "no message"),
        fault(Hook::BeforeStop, "no stop"),
    ];
    assert_eq!(faults, expected);
}

#[test]
fn calls_without_room_are_skipped_and_nobody_waits_for_them() {
    let mut stage = Stage::new(1, 0, &[]);
    let waiter = stage.begin_child(0);
    let actor = waiter.wait().unwrap().unwrap();
    assert_eq!(text(stage.world.ask_now(actor, "echo x")), "x");
    stage.world.control(0, Control::StopAll { until_ns: u64::MAX });
    stage.world.settle();
    assert_eq!(stage.world.log(), ["start a 0", "stop a"]);
    // Before and after the start, the message, before and after the stop.
    assert_eq!(stage.counts(), HookCounts { skipped: 5, ..HookCounts::default() });
}

#[test]
fn a_start_that_fails_is_an_error_and_each_further_try_a_restart() {
    let mut stage = Stage::new(1, 100, &[false, true]);
    let actor = stage.child(0);
    stage.call_all();
    stage.world.log();
    stage.world.tell(actor, "trap");
    stage.call_all();
    let expected = [
        "on_message trap",
        "after_stop trap",
        "on_error trap",
        "on_restart 1 trap",
        "before_start 1",
        "on_error start-failed",
        "on_restart 2 start-failed",
        "before_start 2",
        "start a 2",
        "after_start 2",
    ];
    assert_eq!(stage.world.log(), expected);
}
