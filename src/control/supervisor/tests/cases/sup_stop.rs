//! Group `sup_stop`.

use super::super::super::Strategy;
use super::super::stage::{Stage, StageExt, TestChild, Worker, scripted, worker};
use super::flags;
use crate::actor::ExitReason;
use crate::control::child_spec::{Restart, Shutdown};

const SECOND: Shutdown = Shutdown::Timeout(1_000_000_000);

fn slow(id: &str, stop_ms: u64) -> TestChild {
    scripted(id, Worker { stop_ms, ..Worker::default() })
}

pub(crate) fn sup_stop_infinity(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::OneForOne, 2), vec![]).unwrap();
    let first = stage.child(sup, slow("child1", 20_000).shutdown(Shutdown::Infinity));
    let second = stage.child(sup, worker("child2").shutdown(Shutdown::Infinity));
    let before_ms = stage.now_ms();
    assert_eq!(stage.stop(sup), Some(ExitReason::Shutdown));
    assert!(stage.now_ms() >= before_ms + 20_000);
    for pid in [first, second] {
        assert_eq!(stage.reason_of(pid), Some(ExitReason::Shutdown));
    }
}

pub(crate) fn sup_stop_timeout(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::OneForOne, 2), vec![]).unwrap();
    let first = stage.child(sup, worker("child1").shutdown(SECOND));
    let second = stage.child(sup, slow("child2", 200_000).shutdown(SECOND));
    let before_ms = stage.now_ms();
    assert_eq!(stage.stop(sup), Some(ExitReason::Shutdown));
    assert_eq!(stage.now_ms(), before_ms + 1_000);
    assert_eq!(stage.reason_of(first), Some(ExitReason::Shutdown));
    assert_eq!(stage.reason_of(second), Some(ExitReason::Killed));
    assert_eq!(stage.trace(), ["+child1", "+child2", "-child2", "-child1"]);
}

pub(crate) fn sup_stop_timeout_dynamic(stage: &mut impl Stage) {
    let template = worker("child").restart(Restart::Temporary).shutdown(SECOND);
    let sup = stage.start_link(flags(Strategy::SimpleOneForOne, 2), vec![template]).unwrap();
    let quick = stage.dynamic_child(sup);
    let slow = Worker { stop_ms: 200_000, ..Worker::default() };
    let late = stage.dynamic(sup, slow).unwrap().unwrap();
    assert_eq!(stage.stop(sup), Some(ExitReason::Shutdown));
    assert_eq!(stage.reason_of(quick), Some(ExitReason::Shutdown));
    assert_eq!(stage.reason_of(late), Some(ExitReason::Killed));
}

pub(crate) fn sup_stop_brutal_kill(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::OneForOne, 2), vec![]).unwrap();
    let first = stage.child(sup, worker("child1").shutdown(SECOND));
    let second = stage.child(sup, slow("child2", 200_000).shutdown(Shutdown::BrutalKill));
    let before_ms = stage.now_ms();
    assert_eq!(stage.stop(sup), Some(ExitReason::Shutdown));
    assert_eq!(stage.now_ms(), before_ms, "nobody is waited for");
    assert_eq!(stage.reason_of(first), Some(ExitReason::Shutdown));
    assert_eq!(stage.reason_of(second), Some(ExitReason::Killed));
}

pub(crate) fn sup_stop_brutal_kill_dynamic(stage: &mut impl Stage) {
    let template = worker("child").shutdown(Shutdown::BrutalKill);
    let sup = stage.start_link(flags(Strategy::SimpleOneForOne, 2), vec![template]).unwrap();
    let pids = [stage.dynamic_child(sup), stage.dynamic_child(sup)];
    assert_eq!(stage.stop(sup), Some(ExitReason::Shutdown));
    for pid in pids {
        assert_eq!(stage.reason_of(pid), Some(ExitReason::Killed));
    }
}

/// Children end by themselves while they are being stopped.
pub(crate) fn sup_stop_race(stage: &mut impl Stage) {
    for strategy in [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne] {
        let children = vec![worker("child1"), slow("child2", 500), worker("child3")];
        let sup = stage.start_link(flags(strategy, 2), children).unwrap();
        let pids = stage.pids(sup);
        // Two exits are on their way when the stop comes.
        let dead = [pids[0].at.actor().unwrap(), pids[2].at.actor().unwrap()];
        stage.exit_together(&dead, ExitReason::Normal);
        assert_eq!(stage.stop(sup), Some(ExitReason::Shutdown));
        for pid in pids {
            assert!(!stage.is_alive(pid.at.actor().unwrap()));
        }
    }
}

pub(crate) fn sup_stop_non_shutdown_exit_dynamic(stage: &mut impl Stage) {
    let template = worker("child").restart(Restart::Transient).shutdown(SECOND);
    let sup = stage.start_link(flags(Strategy::SimpleOneForOne, 2), vec![template]).unwrap();
    let pids = [stage.dynamic_child(sup), stage.dynamic_child(sup), stage.dynamic_child(sup)];
    stage.ends(pids[1], ExitReason::Normal);
    assert_eq!(stage.counts(sup), [1, 2, 0, 2]);
    assert_eq!(stage.stop(sup), Some(ExitReason::Shutdown));
    for pid in pids {
        assert!(!stage.lives(pid));
    }
}
