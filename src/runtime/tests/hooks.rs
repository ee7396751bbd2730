//! Hooks that hang, panic and are too many, on real threads.

use std::sync::Mutex;

use super::*;
use crate::actor::{ExitReason, Hook, HookFault, Hooks};
use crate::control::child_spec::Shutdown;
use crate::shard::Event;

/// A door that is shut until it is opened: who comes through it hangs.
#[derive(Clone, Default)]
struct Door(Arc<(Mutex<bool>, std::sync::Condvar)>);

impl Door {
    fn pass(&self) {
        let (open, opened) = &*self.0;
        let mut is_open = open.lock().unwrap();
        while !*is_open {
            is_open = opened.wait(is_open).unwrap();
        }
    }

    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }
}

fn runtime(hooks: Option<Hooks>) -> Runtime {
    let config = ShardConfig { checks_ledger: true, ..ShardConfig::default() };
    let builder = Runtime::builder().shards(2).reactor(Reactor::Thread).config(config);
    match hooks {
        Some(hooks) => builder.hooks(hooks).build().unwrap(),
        None => builder.build().unwrap(),
    }
}

fn relay() -> (Spawn, Receiver<String>) {
    let (sender, heard) = mpsc::channel();
    (Spawn::new(Arc::new(Native::new("relay", move |_| Relay(sender.clone())))).on(ShardId(1)), heard)
}

const SHORT: Duration = Duration::from_millis(30);

#[test]
fn hooks_that_hang_hold_up_neither_their_actor_nor_its_shard() {
    let door = Door::default();
    let [at_start, at_stop, at_message] = [(); 3].map(|()| door.clone());
    let hooks = Hooks::new()
        .before_start(move |_| at_start.pass())
        .before_stop(move |_, _| at_stop.pass())
        .on_message(move |_, _| at_message.pass())
        .limit(Hook::BeforeStart, SHORT)
        .limit(Hook::BeforeStop, SHORT)
        .limit(Hook::Message, SHORT);
    let runtime = runtime(None);
    let mut events = runtime.events(100);
    let (plain, _heard) = relay();
    let neighbour = runtime.spawn(plain).wait().unwrap();
    let (spawn, heard) = relay();
    let starting = runtime.spawn(spawn.hooks(hooks).name("hooked"));
    // While the hook hangs, the shard goes on.
    assert_eq!(runtime.request(neighbour, "here").wait().unwrap(), "here".into());
    let actor = starting.wait_for(PATIENCE).unwrap();
    assert_eq!(runtime.request(actor, "hello").wait().unwrap(), "hello".into());
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap(), "hello");
    let stopped = runtime.stop(actor, Shutdown::default()).wait_for(PATIENCE).unwrap();
    assert_eq!(stopped, Some(ExitReason::Shutdown));
    let mut late = Vec::new();
    while late.len() < 3 {
        match events.next_within(PATIENCE) {
            Some(Event::HookFailed { hook, fault: HookFault::Late, .. }) => late.push(hook),
            Some(_) => {}
            None => panic!("only {late:?} were told to be late"),
        }
    }
    // Each by its own worker: they may be told in another order.
    late.sort();
    assert_eq!(late, [Hook::BeforeStart, Hook::BeforeStop, Hook::Message]);
    door.open();
    let report = runtime.shutdown(PATIENCE);
    let hooks = report.hooks();
    assert_eq!((hooks.calls, hooks.late, hooks.panicked, hooks.skipped), (3, 3, 0, 0));
    assert!(report.drained && report.ledger().closes());
}

#[test]
fn hooks_that_panic_are_counted_and_those_after_them_are_called() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (after_start, after_stop) = (seen.clone(), seen.clone());
    let hooks = Hooks::new()
        .before_start(|_| panic!("before the start"))
        .after_start(move |actor| after_start.lock().unwrap().push(format!("up {}", actor.kind)))
        .before_stop(|_, _| panic!("before the stop"))
        .on_message(|_, _| panic!("at a message"))
        .after_stop(move |_, why| after_stop.lock().unwrap().push(format!("ended: {why}")));
    // For all actors of the runtime.
    let runtime = runtime(Some(hooks));
    let (spawn, _heard) = relay();
    let actor = runtime.spawn(spawn).wait().unwrap();
    for number in 0..100 {
        let text = number.to_string();
        assert_eq!(runtime.request(actor, text.as_str()).wait().unwrap(), text.as_str().into());
    }
    let report = runtime.shutdown(PATIENCE);
    let hooks = report.hooks();
    assert_eq!((hooks.calls, hooks.panicked, hooks.late, hooks.skipped), (104, 102, 0, 0));
    assert_eq!(*seen.lock().unwrap(), ["up relay", "ended: shutdown"]);
    assert_eq!(report.ledger().handled, 100);
}

#[test]
fn with_too_many_hooks_that_hang_no_more_are_called_until_one_returns() {
    let door = Door::default();
    let at_start = door.clone();
    let hooks = Hooks::new().before_start(move |_| at_start.pass()).limit(Hook::BeforeStart, SHORT);
    let runtime = runtime(Some(hooks));
    let start = |count: usize| {
        for _ in 0..count {
            let (spawn, _heard) = relay();
            let actor = runtime.spawn(spawn).wait_for(PATIENCE).unwrap();
            let count = runtime.reports().iter().map(|shard| shard.hooks.calls).sum::<u64>();
            assert!(count <= 8, "a call was taken that nobody can make");
            assert!(runtime.stop(actor, Shutdown::BrutalKill).wait().is_ok());
        }
    };
    start(8);
    let late = || runtime.reports().iter().map(|shard| shard.hooks.late).sum::<u64>();
    let since = Instant::now();
    while late() < 8 {
        assert!(since.elapsed() < PATIENCE, "{} of 8 are late", late());
        thread::sleep(Duration::from_millis(1));
    }
    // Nobody waits for what cannot be called.
    start(20);
    let skipped: u64 = runtime.reports().iter().map(|shard| shard.hooks.skipped).sum();
    assert_eq!(skipped, 20);
    door.open();
    // Those that hung have returned, and one of them takes calls again.
    let since = Instant::now();
    let before: u64 = runtime.reports().iter().map(|shard| shard.hooks.calls).sum();
    assert_eq!(before, 8);
    loop {
        let (spawn, _heard) = relay();
        runtime.spawn(spawn).wait_for(PATIENCE).unwrap();
        if runtime.reports().iter().map(|shard| shard.hooks.calls).sum::<u64>() > before {
            break;
        }
        assert!(since.elapsed() < PATIENCE, "no hook is called any more");
    }
    let report = runtime.shutdown(PATIENCE);
    assert_eq!(report.hooks().late, 8);
}
