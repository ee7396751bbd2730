//! A `Handle` in async tasks: the reply is a future, for tokio as for any other.

use std::time::{Duration, Instant};

use raddle::actor::{ExitReason, RequestError};
use raddle::control::backoff::Backoff;
use raddle::{Handle, Runtime, Spawn};
use tokio::runtime::{Builder, Runtime as Tokio};
use tokio::time::timeout;

use crate::support::*;

fn tokio() -> Tokio {
    Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap()
}

#[test]
fn many_tasks_await_their_replies() {
    const TASKS: usize = 500;
    everywhere(|runtime| {
        let echo = actor_on(runtime, "echo", last_shard(runtime));
        let counter = actor(runtime, "counter");
        let client = |number: usize, handle: Handle| async move {
            handle.tell(counter, "add").unwrap();
            let question = number.to_string();
            let reply = handle.request_within(echo, question.as_str(), PATIENCE).await.unwrap();
            assert_eq!(&*reply, question.as_bytes());
        };
        tokio().block_on(async {
            let tasks: Vec<_> = (0..TASKS).map(|n| tokio::spawn(client(n, runtime.handle()))).collect();
            for task in tasks {
                timeout(PATIENCE, task).await.unwrap().unwrap();
            }
        });
        assert!(runtime.settle(PATIENCE));
        assert_eq!(text(runtime, counter, "get"), TASKS.to_string());
    });
}

#[test]
fn a_reply_wakes_a_task_that_sleeps() {
    // Nothing else runs: if nobody woke the task, it would sleep until its timeout.
    let runtime = runtime(1);
    let echo = actor(&runtime, "echo");
    let tokio = Builder::new_current_thread().enable_time().build().unwrap();
    tokio.block_on(async {
        for round in 0..200 {
            let reply = timeout(PATIENCE, runtime.request_within(echo, "hello", PATIENCE)).await;
            assert_eq!(&*reply.expect("in time").unwrap(), b"hello", "round {round}");
        }
    });
}

#[test]
fn starting_and_stopping_are_futures_too() {
    let runtime = runtime(2);
    let counter = load(&runtime, "counter");
    let handle = runtime.handle();
    tokio().block_on(async {
        let actor = handle.spawn(Spawn::new(counter).name("counter")).await.unwrap();
        assert_eq!(handle.lookup("counter"), Some(actor));
        let reason = handle.stop(actor, Default::default()).await.unwrap();
        assert_eq!(reason, Some(ExitReason::Shutdown));
        let after = handle.request(actor, "get").await.unwrap_err();
        assert!(matches!(after, RequestError::Dead(_)), "{after}");
    });
}

/// A counter that waits an hour to be started again: its mailbox takes messages,
/// and nobody handles them.
fn down(runtime: &Runtime) -> raddle::ActorId {
    const HOUR_NS: u64 = 3_600_000_000_000;
    let backoff = Backoff::linear(HOUR_NS, HOUR_NS);
    let trapper = Spawn::new(load(runtime, "trapper")).backoff(backoff).under(supervisor(runtime, 5));
    let trapper = spawn(runtime, trapper);
    assert!(matches!(ask(runtime, trapper, Op::Panic.alone()), Err(RequestError::CalleeExited(_))));
    trapper
}

#[test]
fn a_deadline_passes_without_a_timer_of_tokios() {
    for reactor in reactors() {
        let runtime = builder(1).reactor(reactor).build().unwrap();
        let down = down(&runtime);
        // No timers are enabled in this one.
        let tokio = Builder::new_current_thread().build().unwrap();
        let within = Duration::from_millis(30);
        let asked = Instant::now();
        let late = tokio.block_on(runtime.request_within(down, Op::Echo.alone(), within));
        assert_eq!(late, Err(RequestError::Timeout));
        assert!(asked.elapsed() >= within, "not before its time: {:?}", asked.elapsed());
    }
}

#[test]
fn dropping_the_future_gives_up_on_the_answer_only() {
    let runtime = runtime(2);
    let counter = actor(&runtime, "counter");
    let down = down(&runtime);
    tokio().block_on(async {
        for _ in 0..100 {
            drop(runtime.request(counter, "add"));
        }
        // As `select!` and timeouts do, in the middle of waiting.
        let cancelled = timeout(Duration::from_millis(5), runtime.request(down, Op::Echo.alone())).await;
        assert!(cancelled.is_err());
        // The task is aborted while it waits.
        let handle = runtime.handle();
        let task = tokio::spawn(async move { handle.request(down, Op::Echo.alone()).await });
        tokio::task::yield_now().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    });
    assert_eq!(text(&runtime, counter, "get"), "100", "each was handled all the same");
    let report = runtime.shutdown(Duration::from_millis(100));
    let ledger = closed(&report);
    assert_eq!((ledger.handled, ledger.failed), (101, 1));
}

#[test]
fn an_end_of_the_runtime_wakes_whoever_waits() {
    let runtime = runtime(1);
    let down = down(&runtime);
    let handle = runtime.handle();
    let tokio = tokio();
    let waiting = tokio.spawn(async move { handle.request_within(down, Op::Echo.alone(), PATIENCE).await });
    while runtime.unsettled() == 0 {
        std::thread::yield_now();
    }
    drop(runtime);
    let outcome = tokio.block_on(async { timeout(PATIENCE, waiting).await }).expect("woken").unwrap();
    assert!(matches!(outcome, Err(RequestError::Dead(_) | RequestError::Closed)), "{outcome:?}");
}
