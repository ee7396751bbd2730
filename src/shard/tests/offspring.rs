//! Actors that spawn actors. Guests do it in tests/all/contract.

use super::*;
use crate::actor::{Awaited, NewActor, NotSpawned, Notice, Recipe, Resume, SendError};

/// `spawn CONFIG` spawns one that does in its start what CONFIG says: `linked`, `named
/// NAME`, `endless` (spawns another one, and goes); `flood ADDRESS` sends signals without
/// end; `pause` gives way and exits; anything else is written down. One that was
/// spawned has an heir when it stops.
struct Parent {
    log: Log,
    does: String,
}

fn new(does: &str) -> NewActor {
    let mut words = does.split(' ');
    let config = [("does".to_owned(), does.to_owned())].into();
    let linked = words.next() == Some("linked");
    let name = words.next().map(str::to_owned);
    NewActor { config, linked, name, ..NewActor::of("parent") }
}

impl Actor for Parent {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        let text = String::from_utf8_lossy(&message.payload).into_owned();
        let (verb, rest) = text.split_once(' ').unwrap_or((&text, ""));
        let done = match verb {
            "spawn" => context.spawn(new(rest)).map(|id| id.to_string()).map_err(|error| error.to_string()),
            "spawn-and-trap" => {
                context.spawn(new(rest)).unwrap();
                panic!("with a child on its way");
            }
            "flood" => loop {
                if let Err(error) = context.exit_other(rest.parse().unwrap(), ExitReason::Normal) {
                    break Err(error.to_string());
                }
            },
            "pause" => {
                context.exit(ExitReason::Error("after the pause".into()));
                return Outcome::Suspended(Awaited::Turn);
            }
            _ => {
                self.log.lock().unwrap().push(text.clone());
                Ok(text)
            }
        };
        Outcome::Done(Some(done.unwrap_or_else(|error| error).into()))
    }

    fn resume(&mut self, _: &Context, _: Resume) -> Outcome {
        self.log.lock().unwrap().push("resumed".into());
        Outcome::Done(None)
    }

    fn notice(&mut self, _: &Context, notice: Notice) -> Outcome {
        self.log.lock().unwrap().push(format!("{notice:?}"));
        Outcome::Done(None)
    }
}

impl Child for Parent {
    fn start(&mut self, context: &Context, _: &Incarnation) -> Result<(), StartError> {
        if self.does == "endless" {
            context.spawn(new("endless")).map_err(|error| StartError::Refused(error.to_string()))?;
            context.exit(ExitReason::Normal);
        } else {
            self.log.lock().unwrap().push(format!("up {}", self.does));
        }
        Ok(())
    }

    fn stop(&mut self, context: &Context, why: StopReason, _: Option<Duration>) -> ExitReason {
        if !self.does.is_empty()
            && let Err(error) = context.spawn(new("heir"))
        {
            self.log.lock().unwrap().push(error.to_string());
        }
        if why == StopReason::Normal { ExitReason::Normal } else { ExitReason::Shutdown }
    }
}

fn world(shards: usize, quotas: Quotas) -> (World, ActorId) {
    let mut world = World::with_config(shards, ShardConfig { quotas, ..ShardConfig::default() });
    let log = world.log.clone();
    let make = move |recipe: &Recipe| Parent {
        log: log.clone(),
        does: recipe.config.get("does").cloned().unwrap_or_default(),
    };
    world.blueprint = Arc::new(Native::new("parent", make));
    for shard in 0..shards {
        let provide = Control::Provide { name: "parent".into(), blueprint: world.blueprint.clone() };
        world.control(shard, provide);
    }
    let parent = world.spawn(0);
    world.log();
    (world, parent)
}

impl World {
    /// Nothing is kept of those that are gone.
    #[track_caller]
    fn forgot_them(&self) {
        for shard in &self.shards {
            assert!(shard.local.relations.borrow().is_empty());
            assert!(shard.local.lineage.borrow().is_empty());
            assert!(shard.to_begin.is_empty());
        }
    }
}

#[test]
fn a_child_is_there_when_its_parent_returns_and_up_soon_after() {
    let (mut world, parent) = world(2, Quotas::default());
    let child: ActorId = text(world.ask_now(parent, "spawn alone early")).parse().unwrap();
    assert_eq!(child.shard(), ShardId(0));
    world.tell(child, "hello");
    world.settle();
    assert_eq!(world.log(), ["up alone early", "hello"]);
    assert_eq!(world.shards[1].local.names.borrow().lookup("early"), Some(child));
    assert_eq!(world.shards[0].report().actors, 2);
    for actor in [parent, child] {
        world.stop(actor, Shutdown::BrutalKill);
    }
    world.forgot_them();
    world.closed_ledger();
}

#[test]
fn when_everyone_is_stopped_nobody_has_heirs() {
    let (mut world, parent) = world(1, Quotas::default());
    let child: ActorId = text(world.ask_now(parent, "spawn first")).parse().unwrap();
    world.stop(child, Shutdown::default());
    assert_eq!(
        (world.log(), world.shards[0].report().actors),
        (vec!["up first".into(), "up heir".into()], 2)
    );
    world.control(0, Control::StopAll { until_ns: u64::MAX });
    world.settle();
    assert_eq!(world.log(), [NotSpawned::Closed.to_string()]);
    assert_eq!(world.shards[0].report().actors, 0);
    world.forgot_them();
}

#[test]
fn a_linked_child_that_is_not_up_yet_ends_with_its_parent() {
    // Its name takes a round through the other shard.
    let (mut world, parent) = world(2, Quotas::default());
    world.tell(parent, "spawn-and-trap linked late");
    world.settle();
    assert_eq!(world.shards[0].report().actors, 0);
    assert_eq!(world.shards[1].local.names.borrow().lookup("late"), None);
    let other = world.spawn(0);
    assert_eq!(text(world.ask_now(other, "still here")), "still here");
    world.stop(other, Shutdown::BrutalKill);
    world.forgot_them();
    world.closed_ledger();
}

#[test]
fn those_that_spawn_without_end_take_turns_like_everyone() {
    let (mut world, parent) = world(1, Quotas::default());
    world.tell(parent, "spawn endless");
    for _ in 0..100 {
        assert_eq!(world.shards[0].turn(), Turned::Busy);
    }
    let waiter = world.ask(parent, "here");
    for _ in 0..3 {
        world.shards[0].turn();
    }
    assert_eq!(text(waiter.wait().unwrap()), "here");
    // The one that is there, and the next one, at most.
    assert!(world.shards[0].report().actors <= 3);
    assert!(world.shards[0].local.lineage.borrow().len() <= 3);
    world.control(0, Control::Close(reply_slot().0));
    world.settle();
    assert_eq!(world.shards[0].report().actors, 0);
    world.forgot_them();
}

#[test]
fn a_parent_has_only_so_many_and_a_call_only_so_many_effects() {
    let (mut world, parent) = world(1, Quotas { children_max: 2, ..Quotas::default() });
    let first: ActorId = text(world.ask_now(parent, "spawn a")).parse().unwrap();
    text(world.ask_now(parent, "spawn b")).parse::<ActorId>().unwrap();
    let refused = NotSpawned::Quota { what: "descendants alive", most: 2 };
    assert_eq!(text(world.ask_now(parent, "spawn c")), refused.to_string());
    world.stop(first, Shutdown::BrutalKill);
    text(world.ask_now(parent, "spawn c")).parse::<ActorId>().unwrap();
    let flooded = SendError::Quota { what: "changes of relations in one call", most: 4_096 };
    for _ in 0..2 {
        assert_eq!(text(world.ask_now(parent, &format!("flood {parent}"))), flooded.to_string());
    }
}

#[test]
fn a_shard_that_is_slow_is_not_flooded_with_signals() {
    let (mut world, parent) = world(2, Quotas::default());
    let slow = world.spawn(1);
    // The other shard takes no turn meanwhile.
    let asked: Vec<_> = (0..5).map(|_| world.ask(parent, &format!("flood {slow}"))).collect();
    for _ in 0..5 {
        world.shards[0].turn();
    }
    let said: Vec<_> = asked.into_iter().map(|waiter| text(waiter.wait().unwrap())).collect();
    let flooded = SendError::Quota { what: "signals on their way to a shard", most: 8_192 };
    assert_eq!(said[4], flooded.to_string(), "{said:?}");
    assert!(world.shards[0].local.post.borrow().outlets.signals_waiting(ShardId(1)) <= 3 * 4_096);
    world.settle();
    assert_eq!(text(world.ask_now(slow, "well")), "well");
}

#[test]
fn an_exit_that_was_asked_for_before_a_pause_is_not_forgotten() {
    let (mut world, parent) = world(1, Quotas::default());
    world.tell(parent, "pause");
    world.settle();
    assert_eq!(world.log(), ["resumed"]);
    let report = world.shards[0].report();
    assert_eq!((report.actors, report.exits.len()), (0, 1));
    assert_eq!(report.exits[0].reason, ExitReason::Error("after the pause".into()));
    world.closed_ledger();
}
