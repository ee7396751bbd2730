//! The API: `child_adm`, `child_specs`, `sup_flags`, ….

use super::super::super::{AutoShutdown, ChildError, SpecError, Strategy, SupervisorSpec};
use super::super::stage::{NotStarted, Shown, Stage, StageExt, abnormal, worker};
use super::flags;
use crate::actor::ExitReason;
use crate::control::child_spec::{Restart, Shutdown};

pub(crate) fn child_adm(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::OneForOne, 2), vec![worker("child1")]).unwrap();
    let pid = stage.pid_of(sup, "child1");
    assert_eq!(stage.counts(sup), [1, 1, 0, 1]);
    assert_eq!(stage.start_child(sup, worker("child1")), Err(ChildError::AlreadyStarted(pid.at)));

    // Termination.
    assert_eq!(stage.terminate_child(sup, "hej"), Err(ChildError::NotFound));
    assert_eq!(stage.terminate_child(sup, "child1"), Ok(()));
    assert_eq!(stage.reason_of(pid), Some(ExitReason::Shutdown));
    assert_eq!(stage.children(sup), [("child1".into(), Shown::Undefined)]);
    assert_eq!(stage.counts(sup), [1, 0, 0, 1]);
    assert_eq!(stage.terminate_child(sup, "child1"), Ok(()), "as often as you like");
    assert_eq!(stage.start_child(sup, worker("child1")), Err(ChildError::AlreadyPresent));

    // Restart.
    let second = stage.restart_child(sup, "child1").unwrap().unwrap();
    assert_eq!(stage.children(sup), [("child1".into(), Shown::Pid(second))]);
    assert_eq!(stage.counts(sup), [1, 1, 0, 1]);
    assert_ne!(second, pid);
    assert_eq!(stage.restart_child(sup, "child1"), Err(ChildError::Running));
    assert_eq!(stage.restart_child(sup, "child2"), Err(ChildError::NotFound));

    // Deletion.
    assert_eq!(stage.delete_child(sup, "child1"), Err(ChildError::Running));
    assert_eq!(stage.delete_child(sup, "hej"), Err(ChildError::NotFound));
    assert_eq!(stage.terminate_child(sup, "child1"), Ok(()));
    assert_eq!(stage.delete_child(sup, "child1"), Ok(()));
    assert_eq!(stage.restart_child(sup, "child1"), Err(ChildError::NotFound));
    assert_eq!((stage.children(sup), stage.counts(sup)), (vec![], [0, 0, 0, 0]));

    // Start.
    let third = stage.child(sup, worker("child1"));
    assert_eq!(stage.children(sup), [("child1".into(), Shown::Pid(third))]);
    // By address only where there are no ids.
    assert_eq!(stage.terminate_at(sup, third), Err(ChildError::NotFound));
    assert_eq!(stage.counts(sup), [1, 1, 0, 1]);

    // No such supervisor.
    stage.stop(sup);
    assert_eq!(stage.terminate_child(sup, "child1"), Err(ChildError::NotAtWork));
    assert_eq!(stage.delete_child(sup, "child1"), Err(ChildError::NotAtWork));
    assert_eq!(stage.start_child(sup, worker("child1")), Err(ChildError::NotAtWork));
    assert_eq!(stage.which_children(sup), None);
    assert_eq!(stage.count_children(sup), None);
}

pub(crate) fn child_adm_simple(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::SimpleOneForOne, 2), vec![worker("child")]).unwrap();
    assert_eq!((stage.children(sup), stage.counts(sup)), (vec![], [1, 0, 0, 0]));
    let first = stage.dynamic_child(sup);
    assert_eq!(stage.counts(sup), [1, 1, 0, 1]);
    let second = stage.dynamic_child(sup);
    assert_eq!(stage.pids(sup), [first, second]);
    assert_eq!(stage.counts(sup), [1, 2, 0, 2]);

    assert_eq!(stage.terminate_child(sup, "child1"), Err(ChildError::SimpleOneForOne));
    assert_eq!(stage.terminate_at(sup, first), Ok(()));
    assert_eq!(stage.pids(sup), [second]);
    assert_eq!(stage.counts(sup), [1, 1, 0, 1]);
    assert!(!stage.lives(first));
    assert_eq!(stage.terminate_at(sup, first), Ok(()), "what is gone is as good as terminated");
    assert_eq!(stage.counts(sup), [1, 1, 0, 1]);
    let other = stage.start_link(flags(Strategy::OneForOne, 2), vec![worker("stranger")]).unwrap();
    let stranger = stage.pid_of(other, "stranger");
    assert_eq!(stage.terminate_at(sup, stranger), Err(ChildError::NotFound));
    assert!(stage.lives(stranger));

    assert_eq!(stage.restart_child(sup, "child1"), Err(ChildError::SimpleOneForOne));
    assert_eq!(stage.delete_child(sup, "child1"), Err(ChildError::SimpleOneForOne));
    assert_eq!(stage.start_child(sup, worker("x")), Err(ChildError::SimpleOneForOne));
}

/// OTP's starts may return a term besides the pid; ours return the address.
pub(crate) fn extra_return(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::OneForOne, 2), vec![worker("child1")]).unwrap();
    let pid = stage.pid_of(sup, "child1");
    for error in [
        stage.terminate_child(sup, "hej"),
        stage.delete_child(sup, "hej"),
        stage.restart_child(sup, "hej").map(drop),
    ] {
        assert_eq!(error, Err(ChildError::NotFound));
    }
    assert_eq!(stage.delete_child(sup, "child1"), Err(ChildError::Running));
    assert_eq!(stage.restart_child(sup, "child1"), Err(ChildError::Running));
    assert_eq!(stage.pid_of(sup, "child1"), pid);
    stage.terminate_child(sup, "child1").unwrap();
    let second = stage.restart_child(sup, "child1").unwrap().expect("its address is returned");
    assert_eq!(stage.pid_of(sup, "child1"), second);
    stage.terminate_child(sup, "child1").unwrap();
    stage.terminate_child(sup, "child1").unwrap();
    stage.delete_child(sup, "child1").unwrap();
    assert_eq!(stage.restart_child(sup, "child1"), Err(ChildError::NotFound));
    assert_eq!(stage.counts(sup), [0, 0, 0, 0]);
    let third = stage.child(sup, worker("child1"));
    assert_eq!(stage.pid_of(sup, "child1"), third);
}

pub(crate) fn child_specs(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::OneForOne, 2), vec![]).unwrap();
    let permanent = worker("child").significant();
    assert_eq!(
        stage.start_child(sup, permanent.clone()),
        Err(ChildError::Spec(SpecError::SignificantPermanent("child".into())))
    );
    let transient = worker("child").restart(Restart::Transient).significant();
    assert_eq!(
        stage.start_child(sup, transient.clone()),
        Err(ChildError::Spec(SpecError::SignificantNever("child".into())))
    );
    assert_eq!(stage.counts(sup), [0, 0, 0, 0]);
    let any = SupervisorSpec::default().auto_shutdown(AutoShutdown::AnySignificant);
    assert_eq!(any.check(&[transient]), Ok(()));
    assert_eq!(
        any.check(&[permanent]),
        Err(SpecError::SignificantPermanent("child".into())),
        "whatever the supervisor does"
    );
    let twice = [worker("child"), worker("child").shutdown(Shutdown::Infinity)];
    assert_eq!(any.check(&twice), Err(SpecError::DuplicateId("child".into())));

    let simple = flags(Strategy::SimpleOneForOne, 2);
    assert_eq!(stage.start_link(simple, vec![]), Err(NotStarted::Spec(SpecError::Templates(0))));
    let two = vec![worker("a"), worker("b")];
    assert_eq!(stage.start_link(simple, two), Err(NotStarted::Spec(SpecError::Templates(2))));
}

pub(crate) fn child_specs_map(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::OneForOne, 2), vec![]).unwrap();
    for (id, shutdown, restart) in [
        ("a", Shutdown::Infinity, Restart::Permanent),
        ("b", Shutdown::Timeout(0), Restart::Transient),
        ("c", Shutdown::BrutalKill, Restart::Permanent),
    ] {
        stage.child(sup, worker(id).shutdown(shutdown).restart(restart));
        let spec = stage.child_spec(sup, id).unwrap();
        assert_eq!((spec.policy.shutdown, spec.policy.restart), (shutdown, restart));
        assert!(spec.what, "it is known how to start it again");
    }
    stage.stop(sup);
}

pub(crate) fn sup_flags(stage: &mut impl Stage) {
    for strategy in [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne] {
        let spec = SupervisorSpec::new(strategy);
        assert_eq!(
            stage.start_link(spec.intensity(2, 0), vec![]),
            Err(NotStarted::Spec(SpecError::NoPeriod))
        );
        // No restarts at all is fine: the first failure stops it.
        let sup = stage.start_link(spec.intensity(0, 1), vec![worker("child1")]).unwrap();
        let pid = stage.pid_of(sup, "child1");
        stage.ends(pid, abnormal());
        assert!(!stage.is_up(sup));
        assert_eq!(stage.incarnation(pid.at.actor().unwrap()), 1);
    }
}

pub(crate) fn multiple_restarts(stage: &mut impl Stage) {
    let spec = SupervisorSpec::new(Strategy::OneForOne).intensity(1, 1_000_000_000);
    let sup = stage.start_link(spec, vec![]).unwrap();
    let child = worker("child1").shutdown(Shutdown::BrutalKill);
    let mut pid = stage.child(sup, child);
    for _ in 0..4 {
        stage.ends(pid, abnormal());
        pid = stage.pid_of(sup, "child1");
        stage.advance_ms(2_100);
    }
    assert_eq!(pid.incarnation, 5);
    stage.terminate_child(sup, "child1").unwrap();
    stage.delete_child(sup, "child1").unwrap();
}
