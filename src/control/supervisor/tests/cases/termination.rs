//! Groups `normal_termination`, `shutdown_termination`, `abnormal_termination`.

use super::super::super::Strategy;
use super::super::stage::{
    NotStarted, Shown, Stage, StageExt, Start, Worker, abnormal, scripted, supervisor, worker,
};
use super::flags;
use crate::actor::ExitReason;
use crate::control::child_spec::Restart;

/// What becomes of a child of this kind that ends for this reason; twice, as the
/// cases about `shutdown` do.
fn ends_twice(stage: &mut impl Stage, restart: Restart, reason: &ExitReason, comes_back: bool) {
    let sup = stage.start_link(flags(Strategy::OneForOne, 2), vec![]).unwrap();
    let mut pid = stage.child(sup, worker("child1").restart(restart));
    for _ in 0..2 {
        stage.ends(pid, reason.clone());
        assert!(!stage.lives(pid));
        if comes_back {
            let again = stage.pid_of(sup, "child1");
            assert_eq!(again.at, pid.at, "its address is kept");
            assert_eq!(again.incarnation, pid.incarnation + 1);
            assert_eq!(stage.counts(sup), [1, 1, 0, 1]);
            pid = again;
        } else if restart == Restart::Temporary {
            assert_eq!((stage.children(sup), stage.counts(sup)), (vec![], [0, 0, 0, 0]));
            pid = stage.child(sup, worker("child1").restart(restart));
        } else {
            assert_eq!(stage.children(sup), [("child1".into(), Shown::Undefined)]);
            assert_eq!(stage.counts(sup), [1, 0, 0, 1]);
            pid = stage.restart_child(sup, "child1").unwrap().unwrap();
        }
    }
}

pub(crate) fn permanent_normal(stage: &mut impl Stage) {
    ends_twice(stage, Restart::Permanent, &ExitReason::Normal, true);
}

pub(crate) fn transient_normal(stage: &mut impl Stage) {
    ends_twice(stage, Restart::Transient, &ExitReason::Normal, false);
}

pub(crate) fn temporary_normal(stage: &mut impl Stage) {
    ends_twice(stage, Restart::Temporary, &ExitReason::Normal, false);
}

pub(crate) fn permanent_shutdown(stage: &mut impl Stage) {
    ends_twice(stage, Restart::Permanent, &ExitReason::Shutdown, true);
}

pub(crate) fn transient_shutdown(stage: &mut impl Stage) {
    ends_twice(stage, Restart::Transient, &ExitReason::Shutdown, false);
}

pub(crate) fn temporary_shutdown(stage: &mut impl Stage) {
    ends_twice(stage, Restart::Temporary, &ExitReason::Shutdown, false);
}

pub(crate) fn permanent_abnormal(stage: &mut impl Stage) {
    ends_twice(stage, Restart::Permanent, &abnormal(), true);
}

pub(crate) fn transient_abnormal(stage: &mut impl Stage) {
    ends_twice(stage, Restart::Transient, &abnormal(), true);
}

pub(crate) fn temporary_abnormal(stage: &mut impl Stage) {
    ends_twice(stage, Restart::Temporary, &abnormal(), false);
}

/// A tree in which one child cannot start comes down again, in reverse, and says
/// which child it was.
pub(crate) fn faulty_application_shutdown(stage: &mut impl Stage) {
    let faulty = scripted("app_faulty", Worker::starting(&[], Start::Fail));
    let inner = vec![worker("b"), worker("c"), faulty, worker("never")];
    let tree = vec![worker("a"), supervisor("inner", flags(Strategy::OneForOne, 1), inner), worker("never")];
    let failed = stage.start_link(flags(Strategy::OneForOne, 1), tree);
    let Err(NotStarted::Exited(ExitReason::StartFailed(why))) = failed else { panic!("{failed:?}") };
    assert!(why.contains("inner") && why.contains("app_faulty"), "{why}");
    assert_eq!(stage.trace(), ["+a", "+b", "+c", "-c", "-b", "-a"]);
}
