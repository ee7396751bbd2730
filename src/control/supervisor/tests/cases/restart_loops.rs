//! `hanging_restart_loop*` and `count_restarting_children`: children whose
//! restarts fail for a while.
//!
//! OTP's children hang in their starts, and are let go one by one. Here they fail,
//! and a backoff keeps them in the loop until the clock is moved.

use super::super::super::{ChildError, Strategy};
use super::super::stage::{Shown, Stage, StageExt, Start, TestChild, Worker, abnormal, scripted, worker};
use super::flags;
use crate::actor::ExitReason;
use crate::control::backoff::Backoff;
use crate::control::child_spec::ChildAddress;

const WAIT_MS: u64 = 1_000;

fn waiting(id: &str, plan: &Worker) -> TestChild {
    scripted(id, plan.clone()).backoff(Backoff::linear(WAIT_MS * 1_000_000, WAIT_MS * 1_000_000))
}

pub(crate) fn hanging_restart_loop(stage: &mut impl Stage) {
    let plan = Worker::default();
    let sup = stage.start_link(flags(Strategy::OneForOne, 8), vec![]).unwrap();
    let pid = stage.child(sup, waiting("child1", &plan));
    let second = stage.child(sup, worker("child2"));
    plan.starts_only(Start::Fail);
    stage.ends(pid, abnormal());
    for _ in 0..3 {
        stage.advance_ms(WAIT_MS);
        // It answers, and says what it does.
        assert_eq!(
            stage.children(sup),
            [("child1".into(), Shown::Restarting), ("child2".into(), Shown::Pid(second))]
        );
        assert_eq!(stage.counts(sup), [2, 1, 0, 2]);
        assert_eq!(stage.restart_child(sup, "child1"), Err(ChildError::Restarting));
        assert_eq!(stage.delete_child(sup, "child1"), Err(ChildError::Restarting));
        assert_eq!(stage.start_child(sup, worker("child1")), Err(ChildError::AlreadyPresent));
    }
    // It does what is asked.
    assert_eq!(stage.terminate_child(sup, "child1"), Ok(()));
    assert_eq!(stage.children(sup)[0], ("child1".into(), Shown::Undefined));
    stage.advance_ms(10 * WAIT_MS);
    assert_eq!(stage.children(sup)[0], ("child1".into(), Shown::Undefined), "the loop is over");
    plan.starts_only(Start::Good);
    let again = stage.restart_child(sup, "child1").unwrap().unwrap();

    // It can be stopped in the middle of it.
    plan.starts_only(Start::Fail);
    stage.ends(again, abnormal());
    stage.advance_ms(WAIT_MS);
    assert_eq!(stage.stop(sup), Some(ExitReason::Shutdown));
    assert!(!stage.lives(second));
}

pub(crate) fn hanging_restart_loop_rest_for_one(stage: &mut impl Stage) {
    let plan = Worker::default();
    let children = vec![worker("child1"), waiting("child2", &plan), worker("child3")];
    let sup = stage.start_link(flags(Strategy::RestForOne, 8), children).unwrap();
    let pids = stage.pids(sup);
    plan.starts_only(Start::Fail);
    stage.ends(pids[1], abnormal());
    let shown = |second, third| {
        [("child1".into(), Shown::Pid(pids[0])), ("child2".into(), second), ("child3".into(), third)]
    };
    for _ in 0..3 {
        assert_eq!(stage.children(sup), shown(Shown::Restarting, Shown::Undefined));
        assert_eq!(stage.counts(sup), [3, 1, 0, 3]);
        assert_eq!(stage.restart_child(sup, "child2"), Err(ChildError::Restarting));
        assert_eq!(stage.delete_child(sup, "child2"), Err(ChildError::Restarting));
        stage.advance_ms(WAIT_MS);
    }
    assert_eq!(stage.terminate_child(sup, "child2"), Ok(()));
    assert_eq!(stage.children(sup), shown(Shown::Undefined, Shown::Undefined));
    assert_eq!(stage.counts(sup), [3, 1, 0, 3]);
    plan.starts_only(Start::Good);
    let second = stage.restart_child(sup, "child2").unwrap().unwrap();
    assert_eq!(stage.children(sup), shown(Shown::Pid(second), Shown::Undefined));
    let third = stage.restart_child(sup, "child3").unwrap().unwrap();
    assert_eq!(stage.children(sup), shown(Shown::Pid(second), Shown::Pid(third)));

    // Without interference it comes back, and the rest with it.
    plan.starts_only(Start::Fail);
    stage.ends(second, abnormal());
    stage.advance_ms(WAIT_MS);
    plan.starts_only(Start::Good);
    stage.advance_ms(WAIT_MS);
    assert_eq!(stage.counts(sup), [3, 3, 0, 3]);
    assert_eq!(stage.pid_of(sup, "child1"), pids[0]);
    assert_eq!(stage.pid_of(sup, "child3").at, third.at);
}

pub(crate) fn hanging_restart_loop_simple(stage: &mut impl Stage) {
    let template = waiting("child", &Worker::default());
    let sup = stage.start_link(flags(Strategy::SimpleOneForOne, 8), vec![template]).unwrap();
    let plan = Worker::default();
    let first = stage.dynamic(sup, plan.clone()).unwrap().unwrap();
    let second = stage.dynamic_child(sup);
    plan.starts_only(Start::Fail);
    stage.ends(first, abnormal());
    for _ in 0..3 {
        stage.advance_ms(WAIT_MS);
        assert_eq!(
            stage.children(sup),
            [("undefined".into(), Shown::Restarting), ("undefined".into(), Shown::Pid(second))]
        );
        assert_eq!(stage.counts(sup), [1, 1, 0, 2]);
    }
    assert_eq!(stage.terminate_at(sup, first), Ok(()));
    assert_eq!(stage.children(sup), [("undefined".into(), Shown::Pid(second))]);
    stage.advance_ms(10 * WAIT_MS);
    assert_eq!(stage.counts(sup), [1, 1, 0, 1]);
}

/// The counts are right whatever becomes of children that are restarting.
pub(crate) fn count_restarting_children(stage: &mut impl Stage) {
    let template = waiting("child", &Worker::default());
    let sup = stage.start_link(flags(Strategy::SimpleOneForOne, 100), vec![template]).unwrap();
    let plan = Worker::default();
    let pids: Vec<_> = (0..4).map(|_| stage.dynamic(sup, plan.clone()).unwrap().unwrap()).collect();
    assert_eq!(stage.counts(sup), [1, 4, 0, 4]);
    plan.starts_only(Start::Fail);
    for (number, pid) in pids.iter().enumerate() {
        stage.ends(*pid, abnormal());
        assert_eq!(stage.counts(sup), [1, 3 - number, 0, 4]);
    }
    stage.advance_ms(WAIT_MS);
    assert_eq!(stage.counts(sup), [1, 0, 0, 4]);
    stage.terminate_at(sup, pids[0]).unwrap();
    assert_eq!(stage.counts(sup), [1, 0, 0, 3]);
    plan.starts_only(Start::Good);
    stage.advance_ms(WAIT_MS);
    assert_eq!(stage.counts(sup), [1, 3, 0, 3]);
    let addresses: Vec<ChildAddress> = stage.pids(sup).iter().map(|pid| pid.at).collect();
    assert_eq!(addresses, pids[1..].iter().map(|pid| pid.at).collect::<Vec<_>>());
}
