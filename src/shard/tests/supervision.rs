use super::*;
use crate::actor::DeadReason;
use crate::control::backoff::Backoff;
use crate::control::child_spec::Restart;

/// Every test of this file runs with the child beside its supervisor, and on
/// another shard.
fn both(test: impl Fn(World, usize)) {
    test(World::new(2), 0);
    test(World::new(2), 1);
}

#[test]
fn a_restart_keeps_address_name_and_mail_but_not_the_message_it_failed_on() {
    both(|mut world, shard| {
        let supervisor = world.supervisor(0, 5);
        let child = world.child(supervisor, shard, ChildPolicy::default(), "a").unwrap();
        world.log();
        world.tell(child, "log before");
        world.tell(child, "trap");
        world.tell(child, "log after");
        world.settle();
        assert_eq!(world.log(), ["before", "start a 1", "after"]);
        assert_eq!(text(world.ask_now(child, "echo x")), "x");
        assert_eq!(world.try_spawn(0, Some("a")), Err(SpawnError::NameTaken { name: "a".into(), by: child }));
        let ledger = world.closed_ledger();
        assert_eq!((ledger.handled, ledger.failed, ledger.dead()), (3, 1, 0));
        let report = world.shards[shard].report();
        assert_eq!((report.restarts, report.abnormal_exits), (1, 1));
        assert_eq!(report.exits[0].name.as_deref(), Some("a"));
    });
}

#[test]
fn too_many_restarts_end_the_supervisor_its_children_and_their_names() {
    both(|mut world, shard| {
        let supervisor = world.supervisor(0, 2);
        let first = world.child(supervisor, 0, ChildPolicy::default(), "a").unwrap();
        let second = world.child(supervisor, shard, ChildPolicy::default(), "b").unwrap();
        for _ in 0..3 {
            world.tell(second, "trap");
        }
        world.tell(second, "log never");
        world.log();
        world.settle();
        assert_eq!(world.log(), ["start b 1", "start b 2", "stop a"]);
        assert_eq!(world.shards[0].report().supervisors_given_up, 1);
        for actor in [first, second] {
            assert_eq!(world.ask_now(actor, "echo x"), Err(RequestError::Dead(DeadReason::StaleGeneration)));
        }
        assert!(world.try_spawn(1, Some("b")).is_ok(), "the name is free");
        let ledger = world.closed_ledger();
        assert_eq!(ledger.dead_by_reason[DeadReason::SupervisorStopped as usize], 1);
        let again = world.child(supervisor, 0, ChildPolicy::default(), "c");
        assert_eq!(again, Err(SpawnError::NoSupervisor(supervisor)));
    });
}

#[test]
fn a_stopped_supervisor_stops_its_children_in_reverse() {
    both(|mut world, shard| {
        let supervisor = world.supervisor(0, 5);
        for (name, shard) in [("a", 0), ("b", shard), ("c", 0)] {
            world.child(supervisor, shard, ChildPolicy::default(), name).unwrap();
        }
        world.log();
        let (done, waiter) = reply_slot();
        world.control(0, Control::StopSupervisor { supervisor, done });
        world.settle();
        assert_eq!(world.log(), ["stop c", "stop b", "stop a"]);
        assert_eq!(waiter.wait().unwrap(), Ok(Some(ExitReason::Shutdown)));
        assert_eq!(world.shards[0].report().supervisors_given_up, 0);
    });
}

#[test]
fn a_restart_waits_out_its_backoff_and_a_stop_cuts_it_short() {
    both(|mut world, shard| {
        let backoff = Backoff::linear(50_000_000, 50_000_000);
        let policy = ChildPolicy { backoff, ..ChildPolicy::default() };
        let supervisor = world.supervisor(0, 5);
        let child = world.child(supervisor, shard, policy, "a").unwrap();
        world.tell(child, "trap");
        world.tell(child, "log kept");
        world.log();
        world.settle();
        world.advance_ms(40);
        assert_eq!(world.log(), [] as [&str; 0]);
        world.advance_ms(20);
        assert_eq!(world.log(), ["start a 1", "kept"]);
        world.tell(child, "trap");
        world.settle();
        let (done, waiter) = reply_slot();
        world.control(0, Control::StopSupervisor { supervisor, done });
        world.settle();
        assert!(waiter.is_ready(), "it does not wait for the backoff");
        world.advance_ms(100);
        assert_eq!(world.log(), [] as [&str; 0]);
        world.closed_ledger();
    });
}

#[test]
fn failed_restarts_are_tried_again_and_counted() {
    // The first start goes well, two restarts fail, the next one works.
    let fails = [false, true, true];
    let mut world = World::with_failing_starts(1, ShardConfig::default(), &fails);
    let supervisor = world.supervisor(0, 3);
    let child = world.child(supervisor, 0, ChildPolicy::default(), "a").unwrap();
    world.tell(child, "trap");
    world.tell(child, "log kept");
    world.log();
    world.settle();
    assert_eq!(world.log(), ["start a 3", "kept"]);
    world.tell(child, "trap");
    world.settle();
    assert_eq!(world.shards[0].report().supervisors_given_up, 1, "that was the fourth");
}

#[test]
fn transient_and_temporary_children_go_as_their_kind_says() {
    both(|mut world, shard| {
        let supervisor = world.supervisor(0, 5);
        for (name, restart, end, comes_back) in [
            ("a", Restart::Transient, "exit", false),
            ("b", Restart::Transient, "trap", true),
            ("c", Restart::Temporary, "trap", false),
            ("d", Restart::Permanent, "exit", true),
        ] {
            let policy = ChildPolicy { restart, ..ChildPolicy::default() };
            let child = world.child(supervisor, shard, policy, name).unwrap();
            world.tell(child, end);
            world.settle();
            assert_eq!(world.ask_now(child, "echo x").is_ok(), comes_back, "{name}");
        }
        world.closed_ledger();
    });
}

/// Takes half a second to stop, if it is given the time.
struct Slow(Log, Arc<quanta::Mock>);

impl Actor for Slow {
    fn handle(&mut self, _: &Context, _: &Message) -> Outcome {
        Outcome::Done(None)
    }
}

impl Child for Slow {
    fn stop(&mut self, _: &Context, _: StopReason, within: Option<Duration>) -> ExitReason {
        let takes = Duration::from_millis(500);
        let late = within.is_some_and(|within| within < takes);
        self.1.increment(within.unwrap_or(takes).min(takes));
        self.0.lock().unwrap().push(if late { "late" } else { "stopped" }.into());
        if late { ExitReason::Killed } else { ExitReason::Shutdown }
    }
}

/// A supervisor below another one, with another one below it, and two slow actors under
/// each of both.
fn stops_within(shutdown: Shutdown, expected: &[&str]) {
    both(|mut world, shard| {
        let (log, hand) = (world.log.clone(), world.hand.clone());
        let slow = Arc::new(Native::new("slow", move |_| Slow(log.clone(), hand.clone())));
        let slow = |id: &str, shard: usize| {
            let spec = SpawnSpec::new(slow.clone());
            ChildSpec::worker(id, ChildSource::Actor { shard: ShardId(shard as u16), spec })
                .shutdown(Shutdown::Infinity)
        };
        let tree = |children| Arc::new(Tree { spec: SupervisorSpec::default(), children });
        let at = |shard: usize, tree| ChildSource::Supervisor { shard: ShardId(shard as u16), tree };
        let below = tree(vec![slow("c", 0), slow("d", shard)]);
        let below = ChildSpec::supervisor("below", at(0, below));
        let middle = tree(vec![slow("a", shard), slow("b", 0), below]);
        let middle = ChildSpec::supervisor("middle", at(shard, middle)).shutdown(shutdown);
        let (done, waiter) = reply_slot();
        let top = tree(vec![middle]);
        world.control(0, Control::supervisor(SupervisorControl::Start { tree: top, done }));
        world.settle();
        let top = waiter.wait().unwrap().unwrap();
        let (done, waiter) = reply_slot();
        world.control(0, Control::StopSupervisor { supervisor: top, done });
        world.settle();
        assert_eq!(waiter.wait().unwrap(), Ok(Some(ExitReason::Shutdown)));
        assert_eq!(world.log(), expected, "{shutdown:?}");
        let killed: u64 = world.shards.iter().map(|shard| shard.report().abnormal_exits).sum();
        assert_eq!(killed as usize, 4 - expected.iter().filter(|what| **what == "stopped").count());
        assert!(world.shards.iter().all(|shard| shard.actors.len() == 0 && shard.supervisors.len() == 0));
    });
}

#[test]
fn a_supervisor_below_another_has_the_time_that_its_spec_says() {
    stops_within(Shutdown::Infinity, &["stopped"; 4]);
    stops_within(Shutdown::Timeout(60_000_000_000), &["stopped"; 4]);
    // Two have time enough, the third one some, and the last one none.
    stops_within(Shutdown::Timeout(1_200_000_000), &["stopped", "stopped", "late"]);
    stops_within(Shutdown::BrutalKill, &[]);
}

#[test]
fn what_was_killed_with_its_supervisor_comes_back_with_it() {
    both(|mut world, shard| {
        let child = ChildSource::Actor { shard: ShardId(shard as u16), spec: world.spec(Some("a")) };
        let below = Tree { spec: SupervisorSpec::default(), children: vec![ChildSpec::worker("a", child)] };
        let below = ChildSource::Supervisor { shard: ShardId(shard as u16), tree: Arc::new(below) };
        let top = Tree {
            spec: SupervisorSpec::default(),
            children: vec![ChildSpec::supervisor("below", below).shutdown(Shutdown::BrutalKill)],
        };
        let (done, waiter) = reply_slot();
        world.control(0, Control::supervisor(SupervisorControl::Start { tree: Arc::new(top), done }));
        world.settle();
        let top = waiter.wait().unwrap().unwrap();
        for question in [
            Question::TerminateChild(crate::control::supervisor::Who::Id("below".into())),
            Question::RestartChild("below".into()),
        ] {
            let (done, waiter) = reply_slot();
            let ask = SupervisorControl::Ask { supervisor: top, question, asker: Asker::Child(done) };
            world.control(0, Control::supervisor(ask));
            world.settle();
            assert!(waiter.wait().unwrap().is_ok());
        }
        assert_eq!(world.log(), ["start a 0", "start a 0"], "it was not asked to stop");
        // The deadline of the first stop is not that of the next one.
        world.control(0, Control::StopSupervisor { supervisor: top, done: reply_slot().0 });
        world.settle();
        world.closed_ledger();
    });
}

/// A supervisor on the first shard, with so many children from its template, each of which
/// has a second to stop.
fn crowd(world: &mut World, shard: usize, children: usize) -> SupervisorId {
    use crate::control::supervisor::Strategy;
    let what = ChildSource::Actor { shard: ShardId(shard as u16), spec: world.spec(None) };
    let template = ChildSpec::worker("template", what.clone()).shutdown(Shutdown::Timeout(1_000_000_000));
    let spec = SupervisorSpec::new(Strategy::SimpleOneForOne);
    let (done, waiter) = reply_slot();
    let tree = Arc::new(Tree { spec, children: vec![template] });
    world.control(0, Control::supervisor(SupervisorControl::Start { tree, done }));
    world.settle();
    let supervisor = waiter.wait().unwrap().unwrap();
    for _ in 0..children {
        let (done, waiter) = reply_slot();
        let (question, asker) = (Question::StartFromTemplate(what.clone()), Asker::Actor(done));
        world.control(0, Control::supervisor(SupervisorControl::Ask { supervisor, question, asker }));
        world.settle();
        waiter.wait().unwrap().unwrap();
    }
    world.log();
    supervisor
}

#[test]
fn the_stop_of_many_dynamic_children_lets_their_neighbours_work() {
    both(|mut world, shard| {
        let neighbour = world.spawn(shard);
        let supervisor = crowd(&mut world, shard, 1_000);
        let (done, stopped) = reply_slot();
        world.control(0, Control::StopSupervisor { supervisor, done });
        world.shards[0].turn();
        world.shards[1].turn();
        let echo = world.ask(neighbour, "echo x");
        world.shards[shard].turn();
        assert_eq!(text(echo.wait().unwrap()), "x");
        let asked = world.log().len();
        assert!((1..1_000).contains(&asked), "{asked}: some, and not all");
        world.settle();
        assert_eq!(stopped.wait().unwrap(), Ok(Some(ExitReason::Shutdown)));
        assert_eq!(world.shards[shard].report().actors, 1);
        assert_eq!(asked + world.log().len(), 1_000, "each was asked to stop");
        world.closed_ledger();
    });
}

#[test]
fn dynamic_children_have_one_time_to_stop_whenever_they_are_told() {
    both(|mut world, shard| {
        let supervisor = crowd(&mut world, shard, 1_000);
        let (done, stopped) = reply_slot();
        world.control(0, Control::StopSupervisor { supervisor, done });
        world.shards[0].turn();
        world.shards[1].turn();
        world.hand.increment(2_000_000_000);
        world.settle();
        assert_eq!(stopped.wait().unwrap(), Ok(Some(ExitReason::Shutdown)));
        assert_eq!(world.shards[shard].report().actors, 0);
        let asked = world.log().len();
        assert!((1..1_000).contains(&asked), "{asked} were asked, the others killed");
    });
}
