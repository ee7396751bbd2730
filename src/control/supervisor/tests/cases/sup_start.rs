//! Groups `sup_start` and `sup_start_map`.

use super::super::super::{ChildError, SpecError, Strategy, SupervisorSpec};
use super::super::stage::{NotStarted, Shown, Stage, StageExt, Start, Worker, scripted, supervisor, worker};
use super::flags;
use crate::actor::ExitReason;
use crate::control::backoff::Backoff;
use crate::control::child_spec::{ChildKind, Restart, Shutdown};

fn ignoring(id: &str) -> super::super::stage::TestChild {
    scripted(id, Worker::starting(&[], Start::Ignore))
}

pub(crate) fn sup_start_normal(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::OneForOne, 2), vec![]).unwrap();
    assert_eq!(stage.stop(sup), Some(ExitReason::Shutdown));
    assert!(!stage.is_up(sup));
    assert_eq!(stage.stop(sup), None);
}

pub(crate) fn sup_start_ignore_child(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::OneForOne, 2), vec![]).unwrap();
    assert_eq!(stage.start_child(sup, ignoring("child1")), Ok(None));
    let child2 = stage.child(sup, worker("child2"));
    let expected = [("child1".into(), Shown::Undefined), ("child2".into(), Shown::Pid(child2))];
    assert_eq!(stage.children(sup), expected);
    assert_eq!(stage.counts(sup), [2, 1, 0, 2]);
}

pub(crate) fn sup_start_ignore_temporary_child(stage: &mut impl Stage) {
    let children =
        vec![ignoring("child1").restart(Restart::Temporary), worker("child2").restart(Restart::Temporary)];
    let sup = stage.start_link(flags(Strategy::OneForOne, 2), children).unwrap();
    let child2 = stage.pid_of(sup, "child2");
    assert_eq!(stage.children(sup), [("child2".into(), Shown::Pid(child2))]);
    assert_eq!(stage.counts(sup), [1, 1, 0, 1]);
}

pub(crate) fn sup_start_ignore_temporary_child_start_child(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::OneForOne, 2), vec![]).unwrap();
    assert_eq!(stage.start_child(sup, ignoring("child1").restart(Restart::Temporary)), Ok(None));
    let child2 = stage.child(sup, worker("child2").restart(Restart::Temporary));
    assert_eq!(stage.children(sup), [("child2".into(), Shown::Pid(child2))]);
    assert_eq!(stage.counts(sup), [1, 1, 0, 1]);
}

fn ignore_from_template(stage: &mut impl Stage, restart: Restart) {
    let template = worker("child1").restart(restart);
    let sup = stage.start_link(flags(Strategy::SimpleOneForOne, 2), vec![template]).unwrap();
    assert_eq!(stage.dynamic(sup, Worker::starting(&[], Start::Ignore)), Ok(None));
    let child2 = stage.dynamic_child(sup);
    assert_eq!(stage.children(sup), [("undefined".into(), Shown::Pid(child2))]);
    assert_eq!(stage.counts(sup), [1, 1, 0, 1]);
    // Regression test of OTP's: it can be stopped.
    assert_eq!(stage.stop(sup), Some(ExitReason::Shutdown));
    assert!(!stage.lives(child2));
}

pub(crate) fn sup_start_ignore_temporary_child_start_child_simple(stage: &mut impl Stage) {
    ignore_from_template(stage, Restart::Temporary);
}

pub(crate) fn sup_start_ignore_permanent_child_start_child_simple(stage: &mut impl Stage) {
    ignore_from_template(stage, Restart::Permanent);
}

/// What `init` returns is no description of a supervisor.
pub(crate) fn sup_start_error_return(stage: &mut impl Stage) {
    let spec = flags(Strategy::OneForOne, 2).intensity(1, 0);
    assert_eq!(stage.start_link(spec, vec![worker("a")]), Err(NotStarted::Spec(SpecError::NoPeriod)));
    assert_eq!(stage.trace(), [] as [&str; 0]);
}

/// A supervisor that fails while it starts is a failed start to whoever starts it.
pub(crate) fn sup_start_fail(stage: &mut impl Stage) {
    let bad = supervisor("bad", flags(Strategy::SimpleOneForOne, 1), vec![]);
    let failed = stage.start_link(flags(Strategy::OneForOne, 2), vec![worker("a"), bad.clone()]);
    let Err(NotStarted::Exited(ExitReason::StartFailed(why))) = failed else { panic!("{failed:?}") };
    assert!(why.contains("bad") && why.contains("exactly one template"), "{why}");
    assert_eq!(stage.trace(), ["+a", "-a"]);
    let sup = stage.start_link(flags(Strategy::OneForOne, 2), vec![]).unwrap();
    assert!(matches!(stage.start_child(sup, bad), Err(ChildError::StartFailed(_))));
    assert_eq!(stage.counts(sup), [0, 0, 0, 0]);
}

pub(crate) fn sup_start_child_returns_error(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::OneForOne, 2), vec![]).unwrap();
    let failing = scripted("child1", Worker::starting(&[Start::Fail], Start::Good));
    assert!(matches!(stage.start_child(sup, failing.clone()), Err(ChildError::StartFailed(_))));
    assert_eq!((stage.children(sup), stage.counts(sup)), (vec![], [0, 0, 0, 0]));
    stage.child(sup, failing);
}

pub(crate) fn sup_start_restart_child_returns_error(stage: &mut impl Stage) {
    let plan = Worker::default();
    let sup = stage.start_link(flags(Strategy::OneForOne, 2), vec![]).unwrap();
    let pid = stage.child(sup, scripted("child1", plan.clone()));
    stage.terminate_child(sup, "child1").unwrap();
    assert!(!stage.lives(pid));
    plan.starts_only(Start::Fail);
    assert!(matches!(stage.restart_child(sup, "child1"), Err(ChildError::StartFailed(_))));
    assert_eq!(stage.children(sup), [("child1".into(), Shown::Undefined)]);
    assert_eq!(stage.counts(sup), [1, 0, 0, 1]);
    plan.starts_only(Start::Good);
    assert!(matches!(stage.restart_child(sup, "child1"), Ok(Some(_))));
}

pub(crate) fn sup_start_child_returns_error_simple(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::SimpleOneForOne, 2), vec![worker("child")]).unwrap();
    let failing = Worker::starting(&[], Start::Fail);
    assert!(matches!(stage.dynamic(sup, failing), Err(ChildError::StartFailed(_))));
    assert_eq!((stage.children(sup), stage.counts(sup)), (vec![], [1, 0, 0, 0]));
}

pub(crate) fn sup_start_map(stage: &mut impl Stage) {
    let children = vec![
        worker("child1"),
        worker("child2").shutdown(Shutdown::BrutalKill),
        supervisor("child3", SupervisorSpec::default(), vec![]),
    ];
    let sup = stage.start_link(SupervisorSpec::default(), children).unwrap();
    let spec = SupervisorSpec::default();
    assert_eq!((spec.strategy, spec.restarts_max, spec.period_ns), (Strategy::OneForOne, 1, 5_000_000_000));
    for (id, kind, shutdown) in [
        ("child1", ChildKind::Worker, Shutdown::Timeout(5_000_000_000)),
        ("child2", ChildKind::Worker, Shutdown::BrutalKill),
        ("child3", ChildKind::Supervisor, Shutdown::Infinity),
    ] {
        let spec = stage.child_spec(sup, id).unwrap();
        assert_eq!((&*spec.id, spec.kind, spec.policy.shutdown), (id, kind, shutdown));
        assert_eq!(spec.policy.restart, Restart::Permanent);
        assert_eq!(spec.policy.backoff, Backoff::IMMEDIATE);
        assert!(!spec.policy.significant);
    }
    assert_eq!(stage.child_spec(sup, "child4"), None);
    assert_eq!(stage.stop(sup), Some(ExitReason::Shutdown));
}

pub(crate) fn sup_start_map_simple(stage: &mut impl Stage) {
    let sup =
        stage.start_link(SupervisorSpec::new(Strategy::SimpleOneForOne), vec![worker("child")]).unwrap();
    let pid = stage.dynamic_child(sup);
    assert_eq!(stage.children(sup), [("undefined".into(), Shown::Pid(pid))]);
    // The defaults are at work: the second restart within 5 s is too many.
    stage.ends(pid, ExitReason::Normal);
    let again = stage.pids(sup)[0];
    assert_eq!((again.at, again.incarnation), (pid.at, 2));
    stage.ends(again, ExitReason::Normal);
    assert!(!stage.is_up(sup));
}

pub(crate) fn sup_start_map_faulty_specs(stage: &mut impl Stage) {
    let factor = Backoff::exponential(1, 0.5, 1);
    let jitter = Backoff { jitter: 2.0, ..Backoff::linear(1, 1) };
    let nan = Backoff { jitter: f64::NAN, ..Backoff::linear(1, 1) };
    for backoff in [factor, jitter, nan, Backoff::linear(2, 1)] {
        let child = worker("child1").backoff(backoff);
        let refused = stage.start_link(SupervisorSpec::default(), vec![child]).unwrap_err();
        assert!(matches!(refused, NotStarted::Spec(SpecError::Backoff(id, _)) if &*id == "child1"));
    }
    let twice = vec![worker("child1"), worker("child2"), worker("child1")];
    let refused = stage.start_link(SupervisorSpec::default(), twice);
    assert_eq!(refused, Err(NotStarted::Spec(SpecError::DuplicateId("child1".into()))));
}
