//! Group `significant`: automatic shutdown.

use super::super::super::{AutoShutdown, ChildError, SpecError, Strategy, SupervisorSpec};
use super::super::stage::{Stage, StageExt, TestChild, abnormal, supervisor, worker};
use super::flags;
use crate::actor::ExitReason;
use crate::control::child_spec::Restart;

const ANY: AutoShutdown = AutoShutdown::AnySignificant;
const ALL: AutoShutdown = AutoShutdown::AllSignificant;

fn auto(auto_shutdown: AutoShutdown) -> SupervisorSpec {
    flags(Strategy::OneForOne, 10).auto_shutdown(auto_shutdown)
}

fn child(id: &str, restart: Restart) -> TestChild {
    worker(id).restart(restart)
}

fn significant(id: &str, restart: Restart) -> TestChild {
    child(id, restart).significant()
}

fn nonsignificant(stage: &mut impl Stage, restart: Restart) {
    for auto_shutdown in [ANY, ALL] {
        for reason in [ExitReason::Normal, ExitReason::Shutdown, abnormal()] {
            let sup = stage.start_link(auto(auto_shutdown), vec![child("child1", restart)]).unwrap();
            let pid = stage.pid_of(sup, "child1");
            stage.ends(pid, reason);
            assert!(stage.is_up(sup));
        }
    }
}

pub(crate) fn nonsignificant_temporary(stage: &mut impl Stage) {
    nonsignificant(stage, Restart::Temporary);
}

pub(crate) fn nonsignificant_transient(stage: &mut impl Stage) {
    nonsignificant(stage, Restart::Transient);
}

pub(crate) fn significant_temporary(stage: &mut impl Stage) {
    let never = stage.start_link(auto(AutoShutdown::Never), vec![]).unwrap();
    assert_eq!(
        stage.start_child(never, significant("a", Restart::Temporary)),
        Err(ChildError::Spec(SpecError::SignificantNever("a".into())))
    );
    for reason in [ExitReason::Normal, ExitReason::Shutdown, abnormal()] {
        let children = || ["a", "b"].map(|id| significant(id, Restart::Temporary)).to_vec();
        // Any: the first one.
        let sup = stage.start_link(auto(ANY), children()).unwrap();
        let pids = stage.pids(sup);
        stage.ends(pids[0], reason.clone());
        assert!(!stage.is_up(sup) && !stage.lives(pids[1]));
        // All: the last one.
        let sup = stage.start_link(auto(ALL), children()).unwrap();
        let pids = stage.pids(sup);
        stage.ends(pids[1], reason.clone());
        assert!(stage.is_up(sup) && stage.lives(pids[0]));
        stage.ends(pids[0], reason.clone());
        assert!(!stage.is_up(sup));
    }
    // Terminated through the API: no.
    let sup = stage.start_link(auto(ANY), vec![significant("a", Restart::Temporary)]).unwrap();
    stage.terminate_child(sup, "a").unwrap();
    assert!(stage.is_up(sup));
}

pub(crate) fn significant_transient(stage: &mut impl Stage) {
    let children = || ["a", "b"].map(|id| significant(id, Restart::Transient)).to_vec();
    for reason in [ExitReason::Normal, ExitReason::Shutdown] {
        let sup = stage.start_link(auto(ANY), children()).unwrap();
        let pids = stage.pids(sup);
        // An abnormal exit is restarted, and does not count.
        stage.ends(pids[0], abnormal());
        assert_eq!(stage.counts(sup), [2, 2, 0, 2]);
        let again = stage.pid_of(sup, "a");
        stage.ends(again, reason.clone());
        assert!(!stage.is_up(sup) && !stage.lives(pids[1]));

        let sup = stage.start_link(auto(ALL), children()).unwrap();
        let pids = stage.pids(sup);
        stage.ends(pids[0], reason.clone());
        assert!(stage.is_up(sup));
        // One that was terminated through the API is not active either.
        stage.terminate_child(sup, "b").unwrap();
        assert!(stage.is_up(sup));
        let first = stage.restart_child(sup, "a").unwrap().unwrap();
        stage.ends(first, reason);
        assert!(!stage.is_up(sup));
    }
}

pub(crate) fn significant_simple(stage: &mut impl Stage) {
    for (auto_shutdown, restart) in [
        (ANY, Restart::Temporary),
        (ANY, Restart::Transient),
        (ALL, Restart::Temporary),
        (ALL, Restart::Transient),
    ] {
        let spec = flags(Strategy::SimpleOneForOne, 5).auto_shutdown(auto_shutdown);
        let sup = stage.start_link(spec, vec![significant("child", restart)]).unwrap();
        let pids = [stage.dynamic_child(sup), stage.dynamic_child(sup), stage.dynamic_child(sup)];
        stage.terminate_at(sup, pids[2]).unwrap();
        assert!(stage.is_up(sup));
        stage.ends(pids[0], ExitReason::Normal);
        assert_eq!(stage.is_up(sup), auto_shutdown == ALL);
        if auto_shutdown == ALL {
            stage.ends(pids[1], ExitReason::Normal);
            assert!(!stage.is_up(sup));
        }
        assert!(!stage.lives(pids[1]));
    }
}

/// A significant child that goes down with a sibling does not count.
pub(crate) fn significant_bystander(stage: &mut impl Stage) {
    for strategy in [Strategy::OneForAll, Strategy::RestForOne] {
        for auto_shutdown in [ANY, ALL] {
            for restart in [Restart::Temporary, Restart::Transient] {
                let children = vec![worker("a"), significant("b", restart)];
                let spec = flags(strategy, 5).auto_shutdown(auto_shutdown);
                let sup = stage.start_link(spec, children).unwrap();
                let pids = stage.pids(sup);
                stage.ends(pids[0], abnormal());
                assert!(stage.is_up(sup) && !stage.lives(pids[1]));
                let expected = if restart == Restart::Temporary { 1 } else { 2 };
                assert_eq!(stage.counts(sup), [expected, expected, 0, expected]);
            }
        }
    }
}

/// One automatic shutdown leads to the next one up the tree.
pub(crate) fn significant_escalation(stage: &mut impl Stage) {
    let inner = supervisor("inner", auto(ANY), vec![significant("b", Restart::Transient), worker("c")])
        .restart(Restart::Transient)
        .significant();
    let sup = stage.start_link(auto(ANY), vec![worker("a"), inner]).unwrap();
    let a = stage.pid_of(sup, "a");
    let children = stage.which_children(sup).unwrap();
    let super::super::super::ChildStatus::Running(at) = children[1].status else { panic!("{children:?}") };
    let inner = at.supervisor().unwrap();
    let pids = stage.pids(inner);
    stage.trace();
    stage.ends(pids[0], ExitReason::Normal);
    assert!(!stage.is_up(inner) && !stage.is_up(sup));
    assert!(!stage.lives(a) && !stage.lives(pids[1]));
    assert_eq!(stage.trace(), ["-b", "-c", "-a"]);
}

/// Changes from one kind of automatic shutdown to another, with two significant
/// children (unless `never` forbids it). Is it up after one has ended?
fn upgrade(stage: &mut impl Stage, from: AutoShutdown, to: AutoShutdown, up_after_one: bool) {
    let mark = |auto_shutdown, id| {
        let child = child(id, Restart::Transient);
        if auto_shutdown == AutoShutdown::Never { child } else { child.significant() }
    };
    let children = |auto_shutdown| vec![mark(auto_shutdown, "a"), mark(auto_shutdown, "b")];
    let sup = stage.start_link(auto(from), children(from)).unwrap();
    let pids = stage.pids(sup);
    if to == AutoShutdown::Never {
        let refused = stage.change(sup, auto(to), children(from));
        assert_eq!(refused, Err(SpecError::SignificantNever("a".into())));
    }
    stage.change(sup, auto(to), children(to)).unwrap();
    assert_eq!(stage.pids(sup), pids, "nobody is restarted for it");
    stage.ends(pids[0], ExitReason::Normal);
    assert_eq!(stage.is_up(sup), up_after_one);
    if up_after_one {
        stage.ends(pids[1], ExitReason::Normal);
        assert_eq!(stage.is_up(sup), to == AutoShutdown::Never);
    }
}

pub(crate) fn significant_upgrade_never_any(stage: &mut impl Stage) {
    upgrade(stage, AutoShutdown::Never, ANY, false);
}

pub(crate) fn significant_upgrade_any_never(stage: &mut impl Stage) {
    upgrade(stage, ANY, AutoShutdown::Never, true);
}

pub(crate) fn significant_upgrade_never_all(stage: &mut impl Stage) {
    upgrade(stage, AutoShutdown::Never, ALL, true);
}

pub(crate) fn significant_upgrade_all_never(stage: &mut impl Stage) {
    upgrade(stage, ALL, AutoShutdown::Never, true);
}

pub(crate) fn significant_upgrade_any_all(stage: &mut impl Stage) {
    upgrade(stage, ANY, ALL, true);
}

pub(crate) fn significant_upgrade_all_any(stage: &mut impl Stage) {
    upgrade(stage, ALL, ANY, false);
}

pub(crate) fn significant_upgrade_child(stage: &mut impl Stage) {
    let plain = || vec![child("a", Restart::Transient)];
    let marked = || vec![significant("a", Restart::Transient)];
    for (before, after, up) in [(plain(), marked(), false), (marked(), plain(), true)] {
        let sup = stage.start_link(auto(ANY), before).unwrap();
        stage.change(sup, auto(ANY), after).unwrap();
        let pid = stage.pid_of(sup, "a");
        stage.ends(pid, ExitReason::Normal);
        assert_eq!(stage.is_up(sup), up);
    }
}
