//! What the machine does command by command, where nothing is carried out between.

use super::super::stop::STOPS_AT_ONCE_MAX;
use super::super::*;
use crate::actor::{Key, ShardId, TrapCause};
use crate::control::backoff::Backoff;
use crate::control::child_spec::{ChildAddress, ChildKind, Restart, Shutdown};

type Machine = Supervisor<&'static str>;

fn at(number: ChildNumber) -> ChildAddress {
    ChildAddress::Worker(Key::new(ShardId(0), number, 1))
}

fn trap() -> ExitReason {
    ExitReason::Trap { cause: TrapCause::Guest, message: "unreachable".into() }
}

fn child(id: &'static str) -> ChildSpec<&'static str> {
    ChildSpec::worker(id, id)
}

/// A supervisor whose children are up, each at its number.
fn booted(spec: SupervisorSpec, children: Vec<ChildSpec<&'static str>>) -> Machine {
    let count = children.len() as u32;
    let mut machine = Machine::new(spec, children, 7).unwrap();
    machine.boot();
    for number in 0..count {
        let commands = machine.take_commands();
        assert!(matches!(commands[..], [Command::Start { child, .. }] if child == number), "{commands:?}");
        machine.started(number, Ok(Some(at(number))), 0);
    }
    assert_eq!(machine.take_commands(), [Command::Booted]);
    machine
}

fn stop(child: ChildNumber, comes_back: bool) -> Command<&'static str> {
    Command::Stop { child, at: at(child), shutdown: Shutdown::default(), comes_back }
}

#[test]
fn giving_up_tells_what_the_messages_died_of() {
    let spec = SupervisorSpec::default().intensity(0, 1);
    let mut machine = booted(spec, vec![child("a"), child("b")]);
    machine.exited(1, trap(), 1);
    let dead = DeadReason::SupervisorStopped;
    assert_eq!(machine.take_commands(), [Command::Remove { at: at(1), dead }, stop(0, false)]);
    machine.exited(0, ExitReason::Shutdown, 2);
    assert_eq!(
        machine.take_commands(),
        [Command::Remove { at: at(0), dead }, Command::Exit(ExitReason::Shutdown)]
    );
}

#[test]
fn a_failed_restart_is_tried_again_behind_all_that_waits() {
    let mut machine = booted(SupervisorSpec::default().intensity(2, 1_000), vec![child("a")]);
    machine.exited(0, trap(), 1);
    assert_eq!(machine.take_commands(), [Command::Restart { child: 0, at: at(0) }]);
    machine.started(0, Err(trap()), 2);
    assert_eq!(machine.take_commands(), [Command::Wait { child: 0, wait: 1, after_ns: 0 }]);
    machine.ask(9, Question::DeleteChild("a".into()), 2);
    assert_eq!(machine.take_commands(), [Command::Answer(9, Err(ChildError::Restarting))]);
    machine.woke(0, 1, 3);
    assert_eq!(machine.take_commands(), [Command::Restart { child: 0, at: at(0) }]);
    machine.woke(0, 1, 3);
    assert_eq!(machine.take_commands(), [], "each wait is over once");
    machine.started(0, Err(trap()), 4);
    assert_eq!(machine.take_commands().last(), Some(&Command::Exit(ExitReason::Shutdown)));
    assert_eq!(machine.restarts(), 2);
}

#[test]
fn a_group_restart_defers_what_comes_between_and_forgets_nothing() {
    let spec = SupervisorSpec::new(Strategy::OneForAll).intensity(10, 1_000);
    let mut machine = booted(spec, vec![child("a"), child("b")]);
    machine.exited(0, trap(), 1);
    assert_eq!(machine.take_commands(), [stop(1, true)]);
    machine.ask(1, Question::StartChild(child("c")), 1);
    machine.exited(1, ExitReason::Shutdown, 1);
    assert_eq!(machine.take_commands(), [Command::Restart { child: 0, at: at(0) }]);
    machine.started(0, Ok(Some(at(0))), 2);
    assert_eq!(machine.take_commands(), [Command::Restart { child: 1, at: at(1) }]);
    // The first one ends while the second one starts.
    machine.exited(0, trap(), 3);
    assert_eq!(machine.take_commands(), []);
    machine.started(1, Ok(Some(at(1))), 4);
    let start = Command::Start { child: 2, kind: ChildKind::Worker, what: "c" };
    assert_eq!(machine.take_commands(), [start], "the question came first");
    machine.started(2, Ok(Some(at(2))), 5);
    assert_eq!(machine.take_commands(), [Command::Answer(1, Ok(Some(at(2)))), stop(2, true)]);
    machine.stop();
    machine.exited(2, ExitReason::Shutdown, 6);
    machine.exited(1, ExitReason::Shutdown, 6);
    assert_eq!(machine.take_commands().last(), Some(&Command::Exit(ExitReason::Shutdown)));
}

#[test]
fn an_exit_waits_until_what_was_asked_of_a_group_is_done() {
    let spec = SupervisorSpec::new(Strategy::OneForAll).intensity(10, 1_000);
    let mut machine = booted(spec, vec![child("a"), child("b")]);
    machine.ask(1, Question::StartChild(child("c")), 0);
    machine.take_commands();
    machine.exited(0, trap(), 1);
    machine.ask(2, Question::TerminateChild(Who::Id("b".into())), 1);
    assert_eq!(machine.take_commands(), [], "the new child is on its way up");
    machine.started(2, Ok(Some(at(2))), 2);
    assert_eq!(machine.take_commands(), [Command::Answer(1, Ok(Some(at(2)))), stop(2, true)]);
    machine.exited(2, ExitReason::Shutdown, 3);
    machine.exited(1, ExitReason::Shutdown, 3);
    for number in 0..3 {
        machine.started(number, Ok(Some(at(number))), 4);
    }
    assert_eq!(machine.take_commands().last(), Some(&stop(1, false)), "then the next question");
}

#[test]
fn children_of_one_for_one_come_and_go_at_the_same_time() {
    let mut machine = booted(SupervisorSpec::default().intensity(10, 1_000), vec![child("a")]);
    machine.ask(1, Question::StartChild(child("b")), 0);
    machine.ask(2, Question::TerminateChild(Who::Id("a".into())), 0);
    machine.ask(3, Question::StartChild(child("c")), 0);
    machine.ask(4, Question::TerminateChild(Who::Id("c".into())), 0);
    assert_eq!(machine.take_commands().len(), 3);
    machine.started(2, Ok(Some(at(2))), 1);
    assert_eq!(machine.take_commands(), [Command::Answer(3, Ok(Some(at(2)))), stop(2, false)]);
    machine.exited(0, ExitReason::Shutdown, 1);
    let dead = DeadReason::Drained;
    assert_eq!(machine.take_commands(), [Command::Remove { at: at(0), dead }, Command::Answer(2, Ok(None))]);
    machine.started(1, Ok(Some(at(1))), 2);
    machine.exited(2, ExitReason::Killed, 2);
    assert_eq!(machine.count_children(), Counts { specs: 3, active: 1, supervisors: 0, workers: 3 });
}

#[test]
fn a_stop_waits_for_a_child_that_is_still_starting() {
    let mut machine = booted(SupervisorSpec::default(), vec![child("a")]);
    machine.ask(1, Question::StartChild(child("b")), 0);
    machine.take_commands();
    machine.stop();
    assert_eq!(machine.take_commands(), [], "the last child is on its way up");
    machine.started(1, Ok(Some(at(1))), 1);
    assert_eq!(machine.take_commands(), [Command::Answer(1, Ok(Some(at(1)))), stop(1, false)]);
    machine.exited(1, ExitReason::Killed, 2);
    machine.exited(0, ExitReason::Shutdown, 3);
    assert_eq!(machine.take_commands().last(), Some(&Command::Exit(ExitReason::Shutdown)));
    machine.ask(2, Question::StartChild(child("c")), 4);
    assert_eq!(machine.take_commands(), [Command::Answer(2, Err(ChildError::NotAtWork))]);
}

#[test]
fn dynamic_children_stop_all_at_once_and_others_one_by_one() {
    let spec = SupervisorSpec::new(Strategy::SimpleOneForOne);
    let mut machine = Machine::new(spec, vec![child("template")], 7).unwrap();
    machine.boot();
    machine.take_commands();
    for number in 0..100 {
        machine.ask(u64::from(number), Question::StartFromTemplate("x"), 0);
        machine.started(number, Ok(Some(at(number))), 0);
    }
    machine.take_commands();
    machine.stop();
    let stops = machine.take_commands();
    assert_eq!(stops, (0..100).map(|number| stop(number, false)).collect::<Vec<_>>());
    for number in (0..100).rev() {
        machine.exited(number, ExitReason::Shutdown, 1);
        let expected = if number == 0 { 2 } else { 1 };
        assert_eq!(machine.take_commands().len(), expected);
    }
}

#[test]
fn many_dynamic_children_are_told_to_stop_some_at_a_time() {
    let most = STOPS_AT_ONCE_MAX as u32;
    let spec = SupervisorSpec::new(Strategy::SimpleOneForOne);
    let mut machine = Machine::new(spec, vec![child("template")], 7).unwrap();
    machine.boot();
    for number in 0..=2 * most {
        machine.ask(u64::from(number), Question::StartFromTemplate("x"), 0);
        machine.started(number, Ok(Some(at(number))), 0);
    }
    machine.take_commands();
    let go_on = |child, wait| Command::Wait { child, wait, after_ns: 0 };
    let told = |numbers: std::ops::Range<u32>| numbers.map(|number| stop(number, false));
    let removed = |number| Command::Remove { at: at(number), dead: DeadReason::Drained };
    machine.stop();
    let first: Vec<_> = told(0..most).chain([go_on(most, 1)]).collect();
    assert_eq!(machine.take_commands(), first);
    machine.woke(most, 7, 1);
    assert_eq!(machine.take_commands(), [], "another wait");
    machine.exited(most, trap(), 1);
    assert_eq!(machine.take_commands(), [removed(most)], "before it was told");
    machine.woke(most, 1, 1);
    let second: Vec<_> = told(most + 1..2 * most + 1).chain([go_on(2 * most + 1, 2)]).collect();
    assert_eq!(machine.take_commands(), second);
    machine.woke(2 * most + 1, 2, 1);
    machine.woke(2 * most + 1, 2, 1);
    assert_eq!(machine.take_commands(), [], "all were told, and none is gone");
    for number in (0..=2 * most).filter(|&number| number != most) {
        machine.exited(number, ExitReason::Shutdown, 1);
    }
    let gone = machine.take_commands();
    assert_eq!((gone.len() as u32, gone.last()), (2 * most + 1, Some(&Command::Exit(ExitReason::Shutdown))));
}

#[test]
fn waits_grow_while_failures_follow_each_other_and_begin_anew_after_a_stable_while() {
    let backoff = Backoff { stable_after_ns: 1_000, ..Backoff::exponential(100, 2.0, 10_000) };
    let spec = SupervisorSpec::default().intensity(100, 1_000_000);
    let mut machine = booted(spec, vec![child("a").backoff(backoff)]);
    let wait_out = |machine: &mut Machine, now_ns| {
        machine.exited(0, trap(), now_ns);
        let commands = machine.take_commands();
        let [Command::Wait { wait, after_ns, .. }] = commands[..] else { panic!("{commands:?}") };
        machine.woke(0, wait, now_ns + after_ns);
        machine.started(0, Ok(Some(at(0))), now_ns + after_ns);
        machine.take_commands();
        after_ns
    };
    let waits = [10_000, 10_200, 10_500, 50_000, 50_200].map(|now_ns| wait_out(&mut machine, now_ns));
    assert_eq!(waits, [100, 200, 400, 100, 200]);
    assert!(machine.reset_backoff("a") && !machine.reset_backoff("b"));
    assert_eq!(wait_out(&mut machine, 50_500), 100, "as it was told");
}

#[test]
fn more_restarts_in_a_row_than_a_child_may_have_are_too_many() {
    let backoff = Backoff { restarts_in_a_row_max: 2, stable_after_ns: 1_000, ..Backoff::linear(10, 10) };
    let spec = SupervisorSpec::default().intensity(100, 1_000_000);
    let mut machine = booted(spec, vec![child("a").backoff(backoff)]);
    machine.exited(0, trap(), 100);
    machine.woke(0, 1, 110);
    machine.started(0, Err(trap()), 110);
    machine.woke(0, 2, 120);
    machine.started(0, Err(trap()), 120);
    assert_eq!(machine.take_commands().last(), Some(&Command::Exit(ExitReason::Shutdown)));
}

#[test]
fn a_group_waits_between_its_stops_and_its_starts() {
    let backoff = Backoff::linear(100, 100);
    let spec = SupervisorSpec::new(Strategy::OneForAll).intensity(10, 1_000);
    let mut machine = booted(spec, vec![child("a"), child("b").backoff(backoff)]);
    machine.exited(1, trap(), 1);
    machine.exited(0, ExitReason::Shutdown, 2);
    assert_eq!(
        machine.take_commands(),
        [stop(0, true), Command::Wait { child: 1, wait: 1, after_ns: 100 }],
        "nobody runs without it"
    );
    machine.woke(1, 1, 102);
    machine.started(0, Ok(Some(at(0))), 102);
    machine.started(1, Ok(Some(at(1))), 102);
    let restart = |child| Command::Restart { child, at: at(child) };
    assert_eq!(machine.take_commands(), [restart(0), restart(1)]);
}

#[test]
fn siblings_of_a_restart_that_is_called_off_are_let_go() {
    let backoff = Backoff::linear(100, 100);
    let spec = SupervisorSpec::new(Strategy::RestForOne).intensity(10, 1_000);
    let mut machine = booted(spec, vec![child("a").backoff(backoff), child("b"), child("c")]);
    machine.exited(0, trap(), 1);
    machine.exited(2, ExitReason::Shutdown, 1);
    machine.exited(1, ExitReason::Shutdown, 1);
    machine.take_commands();
    machine.ask(1, Question::TerminateChild(Who::Id("a".into())), 2);
    let removed = |child| Command::Remove { at: at(child), dead: DeadReason::Drained };
    assert_eq!(
        machine.take_commands(),
        [removed(0), removed(1), removed(2), Command::Answer(1, Ok(None))],
        "nothing brings them back, so nothing keeps their names"
    );
}

#[test]
fn a_transient_child_that_only_shut_down_stays_away() {
    let mut machine = booted(SupervisorSpec::default(), vec![child("a").restart(Restart::Transient)]);
    machine.exited(0, ExitReason::Shutdown, 1);
    assert_eq!(machine.take_commands(), [Command::Remove { at: at(0), dead: DeadReason::Drained }]);
    let children: Vec<_> = machine.which_children().collect();
    assert_eq!(children[0].status, ChildStatus::Absent);
}
