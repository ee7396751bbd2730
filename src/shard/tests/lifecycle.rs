use super::*;
use crate::actor::DeadReason;

#[test]
fn an_actor_that_exits_is_stopped_and_gone() {
    let mut world = World::new(1);
    let a = world.spawn(0);
    world.tell(a, "exit");
    world.tell(a, "log never");
    world.settle();
    assert_eq!(world.log(), ["start nameless 0", "stop nameless"]);
    assert_eq!(world.shards[0].report().actors, 0);
    let ledger = world.closed_ledger();
    assert_eq!(ledger.handled, 1);
    assert_eq!(ledger.dead_by_reason[DeadReason::Drained as usize], 1);
}

#[test]
fn what_an_actor_sent_before_it_trapped_is_sent() {
    // As a guest would: it sends in the same handler in which it panics.
    struct SendsAndPanics(ActorId);
    impl Actor for SendsAndPanics {
        fn handle(&mut self, context: &Context, _: &Message) -> Outcome {
            context.send(self.0, "log farewell").unwrap();
            panic!("and now");
        }
    }
    impl Child for SendsAndPanics {}

    let mut world = World::new(1);
    let heir = world.spawn(0);
    let (done, waiter) = reply_slot();
    let spec = SpawnSpec {
        blueprint: Arc::new(Native::new("sends and panics", move |_| SendsAndPanics(heir))),
        ..world.spec(None)
    };
    world.control(0, Control::spawn(spec, done));
    world.settle();
    let actor = waiter.wait().unwrap().unwrap();
    world.log();
    world.tell(actor, "go");
    world.settle();
    assert_eq!(world.log(), ["farewell"]);
    let ledger = world.closed_ledger();
    assert_eq!((ledger.handled, ledger.failed), (1, 1));
}

#[test]
fn a_failed_start_is_an_error_and_leaves_nothing_behind() {
    let mut world = World::with_failing_starts(1, ShardConfig::default(), &[true]);
    let error = world.try_spawn(0, Some("a")).unwrap_err();
    assert_eq!(error, SpawnError::StartFailed { kind: "puppet".into(), message: "told to".into() });
    assert_eq!(world.shards[0].report().actors, 0);
    let again = world.try_spawn(0, Some("a")).expect("the name is free");
    assert_eq!(text(world.ask_now(again, "echo x")), "x");
}

#[test]
fn stopping_asks_and_killing_does_not() {
    let mut world = World::new(1);
    let (a, b) = (world.spawn(0), world.spawn(0));
    world.log();
    assert_eq!(world.stop(a, Shutdown::default()), Some(ExitReason::Shutdown));
    assert_eq!(world.log(), ["stop nameless"]);
    assert_eq!(world.stop(b, Shutdown::BrutalKill), Some(ExitReason::Killed));
    assert_eq!(world.log(), [] as [&str; 0]);
    assert_eq!(world.stop(b, Shutdown::BrutalKill), None, "it is gone");
}

#[test]
fn a_start_without_room_is_tried_again_until_there_is_some() {
    use crate::actor::{Blueprint, CreateError, Nursery, Recipe};

    struct Tight;
    struct TightNursery(u32);
    impl Blueprint for Tight {
        fn name(&self) -> &str {
            "tight"
        }
        fn nursery(&self, _: ShardId, _: Rc<Context>) -> Result<Box<dyn Nursery>, CreateError> {
            Ok(Box::new(TightNursery(3)))
        }
    }
    impl Nursery for TightNursery {
        fn create(&mut self, _: &Recipe) -> Result<Box<dyn Child>, CreateError> {
            match self.0 {
                0 => Ok(Box::new(Puppet {
                    log: Log::default(),
                    start_fails: Rc::default(),
                    name: String::new(),
                })),
                _ => {
                    self.0 -= 1;
                    Err(CreateError::Exhausted("full".into()))
                }
            }
        }
    }

    let mut world = World::new(1);
    let (done, waiter) = reply_slot();
    let spec = SpawnSpec { blueprint: Arc::new(Tight), ..world.spec(None) };
    world.control(0, Control::spawn(spec, done));
    world.settle();
    assert!(!waiter.is_ready());
    for _ in 0..10 {
        world.advance_ms(5);
    }
    let actor = waiter.wait().unwrap().unwrap();
    assert_eq!(text(world.ask_now(actor, "echo x")), "x");
}

#[test]
fn halting_ends_everything_and_answers_everyone() {
    let mut world = World::new(1);
    let a = world.spawn(0);
    let pending = world.ask(a, "echo x");
    let late = world.ask(a, "echo y");
    let (done, report) = reply_slot();
    world.control(0, Control::Halt(done));
    while world.shards[0].turn() != Turned::Halted {}
    assert!(report.wait().unwrap().ledger.closes());
    assert!(pending.wait().is_ok());
    assert!(late.wait().is_ok());
    assert!(world.outside[0].injector.push(Command::Tell(Message::new(a, "x"))).is_err(), "closed");
    world.closed_ledger();
}
