//! Guests that fail: in a message, in their start, by never ending; and what
//! their supervisors do about it.

use raddle::actor::{ExitReason, RequestError, TrapCause};
use raddle::control::child_spec::Restart;
use raddle::shard::SpawnError;
use raddle::{ActorId, Handle, Report, Runtime, Spawn};

use crate::support::*;

/// A supervised trapper called `trapper`.
fn supervised(runtime: &Runtime, restarts_max: u32) -> ActorId {
    let supervisor = supervisor(runtime, restarts_max);
    spawn(runtime, Spawn::new(load(runtime, "trapper")).name("trapper").under(supervisor))
}

/// Why the callee of a request ended.
#[track_caller]
fn exit_of(runtime: &Handle, to: ActorId, payload: Vec<u8>) -> ExitReason {
    match ask(runtime, to, payload) {
        Err(RequestError::CalleeExited(reason)) => reason,
        other => panic!("expected an exit, got {other:?}"),
    }
}

fn trap_cause(reason: &ExitReason) -> Option<TrapCause> {
    match reason {
        ExitReason::Trap { cause, .. } => Some(*cause),
        _ => None,
    }
}

fn exits(report: &Report, label: &str) -> u64 {
    report.shards.iter().filter_map(|shard| shard.exits_by_label.get(label)).sum()
}

#[test]
fn a_trap_fails_one_message_and_the_actor_comes_back() {
    for reactor in reactors() {
        let runtime = builder(2).reactor(reactor).build().unwrap();
        let trapper = supervised(&runtime, 1);
        assert_eq!(number(&runtime, trapper, Op::Restarts.alone()), 0);
        // Behind the one that fails, in the same mailbox: none of them is lost.
        let after: Vec<_> = [Op::Panic.with("told to"), Op::Restarts.alone(), Op::HandledBefore.alone()]
            .map(|message| runtime.request_within(trapper, message, PATIENCE))
            .into_iter()
            .map(|pending| pending.wait())
            .collect();
        assert!(matches!(after[0], Err(RequestError::CalleeExited(_))), "{:?}", after[0]);
        assert_eq!(after[1].as_deref(), Ok(&1u64.to_le_bytes()[..]), "one incarnation came before");
        assert_eq!(after[2].as_deref(), Ok(&1u64.to_le_bytes()[..]), "with a memory of its own");
        assert_eq!(runtime.lookup("trapper"), Some(trapper), "same name, same address");

        let report = shut_down(runtime);
        let ledger = closed(&report);
        assert_eq!((ledger.accepted, ledger.handled, ledger.failed, report.restarts()), (4, 3, 1, 1));
        assert_eq!(exits(&report, "trap"), 1, "{report:?}");
    }
}

#[test]
fn each_kind_of_end_has_its_name() {
    let runtime = runtime(1);
    let trapper = supervised(&runtime, 10);
    let panic = exit_of(&runtime, trapper, Op::Panic.with("told to"));
    assert_eq!(trap_cause(&panic), Some(TrapCause::Guest), "{panic}");
    let looped = exit_of(&runtime, trapper, Op::Loop.alone());
    assert_eq!(trap_cause(&looped), Some(TrapCause::Deadline), "{looped}");
    let recursed = exit_of(&runtime, trapper, Op::Recurse.alone());
    assert_eq!(trap_cause(&recursed), Some(TrapCause::StackOverflow), "{recursed}");
    // Refused memory ends nobody who can do without.
    assert_eq!(number(&runtime, trapper, Op::GrowMemory.alone()), (64 << 20) / (64 << 10));

    let report = shut_down(runtime);
    assert_eq!(report.restarts(), 3);
    for label in ["trap", "deadline", "stack-overflow"] {
        assert_eq!(exits(&report, label), 1, "{label}: {:?}", report.shards[0].exits_by_label);
    }
}

#[test]
fn a_loop_ends_at_its_deadline_and_the_neighbours_go_on() {
    everywhere(|runtime| {
        let looping = supervised(runtime, 1);
        let neighbour = actor_on(runtime, "counter", looping.shard());
        let elsewhere = actor_on(runtime, "counter", last_shard(runtime));
        let outcome = runtime.request_within(looping, Op::Loop.alone(), PATIENCE);
        for counter in [neighbour, elsewhere] {
            runtime.tell(counter, "add").unwrap();
            assert_eq!(text(runtime, counter, "get"), "1");
        }
        let outcome = outcome.wait().unwrap_err();
        let RequestError::CalleeExited(reason) = outcome else { panic!("{outcome}") };
        assert_eq!(trap_cause(&reason), Some(TrapCause::Deadline));
        assert_eq!(number(runtime, looping, Op::Restarts.alone()), 1);
    });
}

#[test]
fn a_start_that_fails_is_an_error_with_its_reason() {
    let runtime = runtime(2);
    let failing = |how: &str| Spawn::new(load(&runtime, "trapper")).name("failing").config("fail_init", how);
    for (how, reason) in [("error", "fail_init = error"), ("trap", "unreachable")] {
        let error = runtime.spawn(failing(how)).wait_for(PATIENCE).unwrap_err();
        assert!(matches!(error, SpawnError::StartFailed { .. }), "{error}");
        assert!(error.to_string().contains("`trapper`"), "it says which: {error}");
        assert!(error.to_string().contains(reason), "{how}: {error}");
        let under = failing(how).under(supervisor(&runtime, 5));
        let error = runtime.spawn(under).wait_for(PATIENCE).unwrap_err();
        assert!(matches!(error, SpawnError::StartFailed { .. }), "supervised: {error}");
    }
    assert_eq!((runtime.lookup("failing"), runtime.actors()), (None, 0), "nothing is left of it");
    // The name is free for one that starts.
    let up = spawn(&runtime, Spawn::new(load(&runtime, "trapper")).name("failing"));
    let error = runtime.spawn(Spawn::new(load(&runtime, "echo")).name("failing")).wait_for(PATIENCE);
    assert_eq!(error, Err(SpawnError::NameTaken { name: "failing".into(), by: up }));
}

#[test]
fn one_that_exits_is_gone_with_its_name() {
    let runtime = runtime(2);
    let temporary = Spawn::new(load(&runtime, "trapper")).name("short").restart(Restart::Transient);
    let short = spawn(&runtime, temporary.under(supervisor(&runtime, 1)));
    reply(&runtime, short, Op::Exit.alone());
    let after = ask(&runtime, short, Op::Echo.with("still there?"));
    assert!(matches!(after, Err(RequestError::Dead(_))), "{after:?}");
    assert_eq!((runtime.lookup("short"), runtime.actors()), (None, 0));
    let report = shut_down(runtime);
    assert_eq!(report.restarts(), 0, "it ended normally, and is transient");
    assert_eq!(closed(&report).dead(), 1);
}

#[test]
fn a_supervisor_gives_up_on_one_that_fails_too_often() {
    let runtime = runtime(2);
    let supervisor = supervisor(&runtime, 2);
    let start = |name: &str, shard| {
        let spec = Spawn::new(load(&runtime, "trapper")).name(name).on(shard);
        spawn(&runtime, spec.under(supervisor))
    };
    let sibling = start("sibling", last_shard(&runtime));
    let failing = start("failing", raddle::ShardId(0));
    for _ in 0..3 {
        exit_of(&runtime, failing, Op::Panic.with("again"));
    }
    // Its other children end with it; that crosses shards.
    let mut asked = 0;
    while ask(&runtime, sibling, Op::Echo.alone()).is_ok() {
        asked += 1;
        assert!(asked < 1_000_000, "the sibling lives on");
    }
    assert_eq!(runtime.supervisors_given_up(), 1);
    let report = shut_down(runtime);
    assert_eq!((report.restarts(), report.supervisors_given_up()), (2, 1));
    assert_eq!(closed(&report).failed, 3);
}

#[test]
fn a_trap_in_the_stop_hook_stops_it_all_the_same() {
    let runtime = runtime(1);
    let trapper = actor(&runtime, "trapper");
    reply(&runtime, trapper, Op::TrapInStop.alone());
    let reason = runtime.stop(trapper, Default::default()).wait_for(PATIENCE).unwrap();
    assert!(reason.is_some_and(|reason| reason.is_abnormal()));
    assert_eq!(runtime.actors(), 0);
}
