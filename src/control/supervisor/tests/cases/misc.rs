//! Group `misc`.

use super::super::super::{ChildError, ChildStatus, Strategy};
use super::super::stage::{
    Shown, Stage, StageExt, Start, TestChild, Worker, abnormal, scripted, supervisor, worker,
};
use super::flags;
use crate::actor::ExitReason;
use crate::control::child_spec::{ChildKind, Restart, SupervisorId};

/// The supervisors among the children.
fn supervisors(stage: &mut impl Stage, sup: SupervisorId) -> Vec<SupervisorId> {
    let children = stage.which_children(sup).unwrap();
    let running = |status| match status {
        ChildStatus::Running(at) => at.supervisor(),
        _ => None,
    };
    children.into_iter().filter_map(|info| running(info.status)).collect()
}

/// A child that does not take part in its own stop cannot hang its supervisor.
pub(crate) fn child_unlink(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::OneForOne, 2), vec![]).unwrap();
    let naughty = Worker { stop_ms: 1_000_000_000, ..Worker::default() };
    let pid = stage.child(sup, scripted("naughty_child", naughty));
    assert_eq!(stage.terminate_child(sup, "naughty_child"), Ok(()));
    assert_eq!(stage.reason_of(pid), Some(ExitReason::Killed));
    assert_eq!(stage.counts(sup), [1, 0, 0, 1]);
}

pub(crate) fn tree(stage: &mut impl Stage) {
    let top = stage.start_link(flags(Strategy::OneForAll, 4), vec![]).unwrap();
    let own = vec![worker("child1"), worker("child2")];
    stage.start_child(top, supervisor("supchild1", flags(Strategy::OneForOne, 4), own)).unwrap();
    stage.start_child(top, supervisor("supchild2", flags(Strategy::OneForOne, 4), vec![])).unwrap();
    assert_eq!(stage.counts(top), [2, 2, 2, 0]);
    let subs = supervisors(stage, top);
    let (sub1, sub2) = (subs[0], subs[1]);
    let workers = stage.pids(sub1);
    assert_eq!(stage.counts(sub1), [2, 2, 0, 2]);
    assert_eq!(stage.counts(sub2), [0, 0, 0, 0]);

    let third = stage.child(sub2, scripted("child3", Worker::starting(&[Start::Good], Start::Fail)));
    let fourth = stage.child(sub2, worker("child4"));
    assert_eq!(stage.counts(sub2), [2, 2, 0, 2]);

    // Only the one that ends is restarted.
    stage.ends(fourth, abnormal());
    assert_eq!(stage.pids(sub1), workers);
    assert_eq!(stage.pid_of(sub2, "child3"), third);
    assert_eq!(stage.pid_of(sub2, "child4").incarnation, 2);

    // The second supervisor gives up: the tree is restarted, but not the children
    // that were added to it.
    stage.ends(third, abnormal());
    assert_eq!(stage.counts(top), [2, 2, 2, 0]);
    assert_eq!(supervisors(stage, top), [sub1, sub2], "addresses are kept");
    let restarted = stage.pids(sub1);
    assert_eq!(restarted.len(), 2);
    for pid in workers {
        assert!(!stage.lives(pid));
    }
    assert_eq!((stage.children(sub2), stage.counts(sub2)), (vec![], [0, 0, 0, 0]));
    stage.stop(top);
    assert!(!stage.is_up(sub1) && !stage.is_up(sub2) && !stage.lives(restarted[0]));
}

pub(crate) fn count_children(stage: &mut impl Stage) {
    let template = worker("child").restart(Restart::Temporary);
    let sup = stage.start_link(flags(Strategy::SimpleOneForOne, 2), vec![template]).unwrap();
    for _ in 0..1_000 {
        stage.dynamic_child(sup);
    }
    assert_eq!(stage.pids(sup).len(), 1_000);
    assert_eq!(stage.counts(sup), [1, 1_000, 0, 1_000]);
    for _ in 0..1_000 {
        stage.dynamic_child(sup);
    }
    let pids = stage.pids(sup);
    assert_eq!(pids.len(), 2_000);
    assert_eq!(stage.counts(sup), [1, 2_000, 0, 2_000]);
    let actors: Vec<_> = pids.iter().map(|pid| pid.at.actor().unwrap()).collect();
    stage.exit_together(&actors, ExitReason::Killed);
    assert_eq!(stage.counts(sup), [1, 0, 0, 0]);
}

pub(crate) fn count_children_supervisor(stage: &mut impl Stage) {
    let sub = |id: &str| supervisor(id, flags(Strategy::OneForOne, 2), vec![]);
    let children = vec![sub("s1"), worker("w1"), sub("s2"), worker("w2"), worker("w3")];
    let sup = stage.start_link(flags(Strategy::OneForOne, 2), children).unwrap();
    assert_eq!(stage.counts(sup), [5, 5, 2, 3]);
    stage.terminate_child(sup, "s1").unwrap();
    stage.terminate_child(sup, "w1").unwrap();
    assert_eq!(stage.counts(sup), [5, 3, 2, 3]);
    stage.delete_child(sup, "s1").unwrap();
    assert_eq!(stage.counts(sup), [4, 3, 1, 3]);
}

pub(crate) fn do_not_save_start_parameters_for_temporary_children(stage: &mut impl Stage) {
    for strategy in [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne] {
        let sup = stage.start_link(flags(strategy, 2), vec![]).unwrap();
        for (id, restart, kept) in [
            ("a", Restart::Permanent, true),
            ("b", Restart::Transient, true),
            ("c", Restart::Temporary, false),
        ] {
            stage.child(sup, worker(id).restart(restart));
            assert_eq!(stage.child_spec(sup, id).unwrap().what, kept, "{id}");
        }
    }
}

pub(crate) fn do_not_save_child_specs_for_temporary_children(stage: &mut impl Stage) {
    for strategy in [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne] {
        for reason in [Some(ExitReason::Killed), Some(ExitReason::Normal), Some(abnormal()), None] {
            let sup = stage.start_link(flags(strategy, 10), vec![]).unwrap();
            for restart in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
                let child = worker("child").restart(restart);
                let pid = stage.child(sup, child.clone());
                match &reason {
                    Some(reason) => stage.ends(pid, reason.clone()),
                    None => stage.terminate_child(sup, "child").unwrap(),
                }
                let known = reason.as_ref().is_some_and(|reason| restart.applies_to(reason));
                let again = stage.start_child(sup, child);
                match (restart, known) {
                    (Restart::Temporary, _) => assert!(matches!(again, Ok(Some(_)))),
                    (_, true) => assert_eq!(again, Err(ChildError::AlreadyStarted(pid.at))),
                    (_, false) => {
                        assert_eq!(again, Err(ChildError::AlreadyPresent));
                        assert!(matches!(stage.restart_child(sup, "child"), Ok(Some(_))));
                    }
                }
                stage.terminate_child(sup, "child").unwrap();
                let _ = stage.delete_child(sup, "child");
                assert_eq!(stage.counts(sup), [0, 0, 0, 0]);
            }
        }
    }
}

/// OTP's case is timed. Here it is about the outcome; what it costs is measured
/// where nothing else runs.
pub(crate) fn simple_one_for_one_scale_many_temporary_children(stage: &mut impl Stage) {
    let template = worker("child").restart(Restart::Temporary);
    let sup = stage.start_link(flags(Strategy::SimpleOneForOne, 2), vec![template]).unwrap();
    for count in [100, 1_000] {
        let pids: Vec<_> = (0..count).map(|_| stage.dynamic_child(sup)).collect();
        assert_eq!(stage.counts(sup), [1, count, 0, count]);
        for pid in &pids {
            stage.terminate_at(sup, *pid).unwrap();
        }
        assert_eq!(stage.counts(sup), [1, 0, 0, 0]);
        assert!(!pids.into_iter().any(|pid| stage.lives(pid)));
    }
}

/// A temporary child that goes down with a sibling does not come back.
pub(crate) fn temporary_bystander(stage: &mut impl Stage) {
    for strategy in [Strategy::OneForAll, Strategy::RestForOne] {
        let sup = stage.start_link(flags(strategy, 2), vec![]).unwrap();
        let first = stage.child(sup, worker("child1"));
        let second = stage.child(sup, worker("child2").restart(Restart::Temporary));
        stage.ends(first, ExitReason::Normal);
        assert!(stage.is_up(sup) && !stage.lives(second));
        let again = stage.pid_of(sup, "child1");
        assert_eq!(stage.children(sup), [("child1".into(), Shown::Pid(again))]);
    }
}

fn named(id: &str, name: &'static str) -> TestChild {
    scripted(id, Worker { name: Some(name), ..Worker::default() })
}

/// Names are bound again after each kind of restart, and free after the end.
pub(crate) fn simple_global_supervisor(stage: &mut impl Stage) {
    let inner = supervisor("inner", flags(Strategy::OneForOne, 2), vec![named("worker", "global")]);
    let sup = stage.start_link(flags(Strategy::OneForOne, 2), vec![inner]).unwrap();
    let sub = supervisors(stage, sup)[0];
    // Killed, then ended: the worker comes back under its name.
    for reason in [ExitReason::Killed, ExitReason::Normal] {
        let pid = stage.pid_of(sub, "worker");
        assert_eq!(stage.whereis("global"), pid.at.actor());
        stage.ends(pid, reason);
        assert_eq!(stage.whereis("global"), pid.at.actor());
    }
    // Its supervisor gives up, and comes back: so does the name.
    let pid = stage.pid_of(sub, "worker");
    stage.ends(pid, abnormal());
    let pid = stage.pid_of(sub, "worker");
    assert!(stage.whereis("global").is_some());
    assert_eq!(stage.whereis("global"), pid.at.actor());
    // Terminated and started again through the API.
    stage.terminate_child(sub, "worker").unwrap();
    assert_eq!(stage.whereis("global"), None);
    let pid = stage.restart_child(sub, "worker").unwrap().unwrap();
    assert_eq!(stage.whereis("global"), pid.at.actor());
    stage.stop(sup);
    assert_eq!(stage.whereis("global"), None);
}

pub(crate) fn order_of_children(stage: &mut impl Stage) {
    let ids = ["a", "b", "c", "d", "e"];
    for strategy in [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne] {
        let sup = stage.start_link(flags(strategy, 2), ids.map(worker).to_vec()).unwrap();
        stage.child(sup, worker("f"));
        assert_eq!(stage.trace(), ["+a", "+b", "+c", "+d", "+e", "+f"]);
        stage.terminate_child(sup, "c").unwrap();
        stage.restart_child(sup, "c").unwrap();
        assert_eq!(stage.trace(), ["-c", "+c"]);
        let order: Vec<_> = stage.children(sup).into_iter().map(|(id, _)| id).collect();
        assert_eq!(order, ["a", "b", "c", "d", "e", "f"], "it keeps its place");
        stage.stop(sup);
        assert_eq!(stage.trace(), ["-f", "-e", "-d", "-c", "-b", "-a"]);
    }
}

pub(crate) fn scale_start_stop_many_children(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::OneForOne, 2), vec![]).unwrap();
    for count in [100, 1_000] {
        for number in 0..count {
            stage.child(sup, worker(&number.to_string()));
        }
        assert_eq!(stage.counts(sup), [count, count, 0, count]);
        for number in 0..count {
            stage.terminate_child(sup, &number.to_string()).unwrap();
            stage.delete_child(sup, &number.to_string()).unwrap();
        }
        assert_eq!(stage.counts(sup), [0, 0, 0, 0]);
    }
}

pub(crate) fn already_started_outside_supervisor(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::OneForOne, 2), vec![]).unwrap();
    let outsider = stage.start_outside("taken");
    let refused = stage.start_child(sup, named("child1", "taken"));
    assert!(matches!(refused, Err(ChildError::StartFailed(_))), "{refused:?}");
    assert_eq!((stage.children(sup), stage.counts(sup)), (vec![], [0, 0, 0, 0]));
    assert_eq!(stage.whereis("taken"), Some(outsider));
}

pub(crate) fn which_children(stage: &mut impl Stage) {
    let inner = supervisor("inner", flags(Strategy::OneForOne, 2), vec![]);
    let sup = stage.start_link(flags(Strategy::OneForOne, 2), vec![worker("a"), inner]).unwrap();
    let infos = stage.which_children(sup).unwrap();
    let seen: Vec<_> = infos.iter().map(|info| (info.id.as_deref().unwrap(), info.kind)).collect();
    assert_eq!(seen, [("a", ChildKind::Worker), ("inner", ChildKind::Supervisor)]);
    let inner = supervisors(stage, sup)[0];
    assert_eq!(stage.which_children(inner), Some(vec![]));
    stage.terminate_child(sup, "inner").unwrap();
    assert!(!stage.is_up(inner));
    assert_eq!(stage.children(sup)[1], ("inner".into(), Shown::Undefined));
}

pub(crate) fn which_children_simple_one_for_one(stage: &mut impl Stage) {
    let template = worker("child").restart(Restart::Temporary);
    let sup = stage.start_link(flags(Strategy::SimpleOneForOne, 2), vec![template]).unwrap();
    let pids: Vec<_> = (0..5).map(|_| stage.dynamic_child(sup)).collect();
    let infos = stage.which_children(sup).unwrap();
    assert!(infos.iter().all(|info| info.id.is_none() && info.kind == ChildKind::Worker));
    assert_eq!(stage.pids(sup), pids);
    stage.ends(pids[2], ExitReason::Normal);
    assert_eq!(stage.pids(sup), [pids[0], pids[1], pids[3], pids[4]]);
}
