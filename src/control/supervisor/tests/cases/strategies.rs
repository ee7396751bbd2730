//! Groups `restart_one_for_one`, `_one_for_all`, `_simple_one_for_one` and
//! `_rest_for_one`.

use super::super::super::Strategy;
use super::super::stage::{Shown, Stage, StageExt, Start, Worker, abnormal, scripted, worker};
use super::flags;
use crate::control::child_spec::Shutdown;

/// Starts well once, and never again.
fn fails_later(id: &str) -> super::super::stage::TestChild {
    scripted(id, Worker::starting(&[Start::Good], Start::Fail))
}

pub(crate) fn one_for_one(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::OneForOne, 2), vec![]).unwrap();
    let first = stage.child(sup, worker("child1"));
    let second = stage.child(sup, worker("child2"));
    stage.ends(first, abnormal());
    assert_eq!(stage.pid_of(sup, "child2"), second);
    let again = stage.pid_of(sup, "child1");
    assert_eq!((again.at, again.incarnation), (first.at, 2));
    assert_eq!(stage.counts(sup), [2, 2, 0, 2]);
    // The restart intensity: the third is too many.
    stage.ends(second, abnormal());
    let last = stage.pid_of(sup, "child2");
    stage.ends(last, abnormal());
    assert!(!stage.is_up(sup));
    assert!(!stage.lives(again));
}

pub(crate) fn one_for_one_escalation(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::OneForOne, 4), vec![]).unwrap();
    let first = stage.child(sup, fails_later("child1"));
    let second = stage.child(sup, worker("child2"));
    stage.ends(first, abnormal());
    assert!(!stage.is_up(sup) && !stage.lives(second));
}

pub(crate) fn one_for_all(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::OneForAll, 2), vec![]).unwrap();
    let first = stage.child(sup, worker("child1"));
    let second = stage.child(sup, worker("child2"));
    let third = stage.child(sup, worker("child3"));
    stage.trace();
    stage.ends(second, abnormal());
    assert_eq!(stage.trace(), ["-child2", "-child3", "-child1", "+child1", "+child2", "+child3"]);
    for pid in [first, second, third] {
        assert!(!stage.lives(pid));
    }
    let pids = stage.pids(sup);
    assert_eq!(pids.iter().map(|pid| pid.at).collect::<Vec<_>>(), [first.at, second.at, third.at]);
    assert_eq!(stage.counts(sup), [3, 3, 0, 3]);
    stage.ends(pids[1], abnormal());
    let last = stage.pids(sup)[0];
    stage.ends(last, abnormal());
    assert!(!stage.is_up(sup));
}

pub(crate) fn one_for_all_escalation(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::OneForAll, 4), vec![]).unwrap();
    let first = stage.child(sup, worker("child1"));
    let second = stage.child(sup, fails_later("child2"));
    stage.ends(first, abnormal());
    assert!(!stage.is_up(sup) && !stage.lives(first) && !stage.lives(second));
    assert!(!stage.is_alive(first.at.actor().unwrap()), "it was up meanwhile, and is no longer");
}

pub(crate) fn one_for_all_other_child_fails_restart(stage: &mut impl Stage) {
    let fails_once = Worker::starting(&[Start::Good, Start::Fail], Start::Good);
    let children = vec![worker("child1"), scripted("child2", fails_once)];
    let sup = stage.start_link(flags(Strategy::OneForAll, 3), children).unwrap();
    let first = stage.pid_of(sup, "child1");
    stage.trace();
    stage.ends(first, abnormal());
    assert_eq!(stage.trace(), ["-child1", "-child2", "+child1", "-child1", "+child1", "+child2"]);
    assert_eq!(stage.counts(sup), [2, 2, 0, 2]);
}

pub(crate) fn simple_one_for_one(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::SimpleOneForOne, 2), vec![worker("child")]).unwrap();
    let first = stage.dynamic_child(sup);
    let second = stage.dynamic_child(sup);
    stage.ends(first, abnormal());
    let pids = stage.pids(sup);
    assert_eq!((pids.len(), pids[1]), (2, second));
    assert_eq!(stage.counts(sup), [1, 2, 0, 2]);
    stage.ends(second, abnormal());
    stage.ends(pids[0], abnormal());
    assert!(!stage.is_up(sup));
}

pub(crate) fn simple_one_for_one_shutdown(stage: &mut impl Stage) {
    let template = worker("child").shutdown(Shutdown::Timeout(2_000_000_000));
    let sup = stage.start_link(flags(Strategy::SimpleOneForOne, 2), vec![template]).unwrap();
    for stop_ms in [1_000, 1_000, 5_000] {
        stage.dynamic(sup, Worker { stop_ms, ..Worker::default() }).unwrap().unwrap();
    }
    let before_ms = stage.now_ms();
    stage.stop(sup);
    let took_ms = stage.now_ms() - before_ms;
    assert_eq!(took_ms, 2_000, "one timeout for all of them");
}

pub(crate) fn simple_one_for_one_extra(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::SimpleOneForOne, 2), vec![worker("child")]).unwrap();
    // What is said at the start of one child holds for its restarts too.
    let own = Worker::starting(&[Start::Good, Start::Good], Start::Fail);
    let first = stage.dynamic(sup, own).unwrap().unwrap();
    let second = stage.dynamic_child(sup);
    stage.ends(first, abnormal());
    let again = stage.pids(sup)[0];
    assert_eq!((again.at, again.incarnation), (first.at, 2));
    assert_eq!(stage.pids(sup)[1], second);
    assert_eq!(stage.counts(sup), [1, 2, 0, 2]);
    stage.ends(again, abnormal());
    assert!(!stage.is_up(sup), "its third start fails, and that counts");
}

pub(crate) fn simple_one_for_one_escalation(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::SimpleOneForOne, 4), vec![worker("child")]).unwrap();
    let failing = Worker::starting(&[Start::Good], Start::Fail);
    let first = stage.dynamic(sup, failing).unwrap().unwrap();
    let second = stage.dynamic_child(sup);
    stage.ends(first, abnormal());
    assert!(!stage.is_up(sup) && !stage.lives(second));
}

/// A child that ends in the middle of another's restarts leaves the table whole.
pub(crate) fn simple_one_for_one_corruption(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::SimpleOneForOne, 10), vec![worker("child")]).unwrap();
    let fails_twice = Worker::starting(&[Start::Good, Start::Fail, Start::Fail], Start::Good);
    let first = stage.dynamic(sup, fails_twice).unwrap().unwrap();
    let second = stage.dynamic_child(sup);
    let third = stage.dynamic_child(sup);
    let dead = [first, second].map(|pid| pid.at.actor().unwrap());
    stage.exit_together(&dead, abnormal());
    let pids = stage.pids(sup);
    assert_eq!(pids.iter().map(|pid| pid.incarnation).collect::<Vec<_>>(), [2, 2, 1]);
    assert_eq!(pids[2], third);
    for pid in pids {
        stage.terminate_at(sup, pid).unwrap();
    }
    assert_eq!(stage.counts(sup), [1, 0, 0, 0]);
}

pub(crate) fn simple_one_for_one_restart_ignore(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::SimpleOneForOne, 2), vec![worker("child")]).unwrap();
    let gone = Worker::starting(&[Start::Good], Start::Ignore);
    let first = stage.dynamic(sup, gone).unwrap().unwrap();
    let second = stage.dynamic_child(sup);
    stage.ends(first, abnormal());
    assert_eq!(stage.children(sup), [("undefined".into(), Shown::Pid(second))]);
    assert_eq!(stage.counts(sup), [1, 1, 0, 1]);
}

pub(crate) fn rest_for_one(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::RestForOne, 2), vec![]).unwrap();
    let first = stage.child(sup, worker("child1"));
    let second = stage.child(sup, worker("child2"));
    let third = stage.child(sup, worker("child3"));
    let fourth = stage.child(sup, worker("child4"));
    assert_eq!(stage.counts(sup), [4, 4, 0, 4]);
    stage.trace();
    stage.ends(second, abnormal());
    assert_eq!(stage.trace(), ["-child2", "-child4", "-child3", "+child2", "+child3", "+child4"]);
    assert_eq!(stage.pid_of(sup, "child1"), first);
    for pid in [second, third, fourth] {
        assert!(!stage.lives(pid));
    }
    assert_eq!(stage.counts(sup), [4, 4, 0, 4]);
    let third = stage.pid_of(sup, "child3");
    stage.ends(third, abnormal());
    let second = stage.pid_of(sup, "child2");
    assert_eq!(second.incarnation, 2, "the second time it was not concerned");
    stage.ends(second, abnormal());
    assert!(!stage.is_up(sup) && !stage.lives(first));
}

pub(crate) fn rest_for_one_escalation(stage: &mut impl Stage) {
    let sup = stage.start_link(flags(Strategy::RestForOne, 4), vec![]).unwrap();
    let first = stage.child(sup, worker("child1"));
    let second = stage.child(sup, fails_later("child2"));
    stage.ends(first, abnormal());
    assert!(!stage.is_up(sup) && !stage.lives(second));
    assert!(!stage.is_alive(first.at.actor().unwrap()));
}

pub(crate) fn rest_for_one_other_child_fails_restart(stage: &mut impl Stage) {
    let fails_once = Worker::starting(&[Start::Good, Start::Fail], Start::Good);
    let children = vec![worker("child1"), scripted("child2", fails_once)];
    let sup = stage.start_link(flags(Strategy::RestForOne, 3), children).unwrap();
    let first = stage.pid_of(sup, "child1");
    stage.trace();
    stage.ends(first, abnormal());
    assert_eq!(stage.trace(), ["-child1", "-child2", "+child1", "+child2"], "child1 stays up");
    assert_eq!(stage.counts(sup), [2, 2, 0, 2]);
}
