//! Names that are watched. Every test runs with the holder on the watcher's shard, and
//! on another one.

use super::*;
use crate::actor::{Notice, SendError};

/// Watches what it is told to, and writes down whose it is.
struct Watcher(Log);

impl Actor for Watcher {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        let text = String::from_utf8_lossy(&message.payload).into_owned();
        let answer = match text.split_once(' ').unwrap() {
            ("watch", name) => match context.watch_name(name) {
                Ok(()) => "watching".to_owned(),
                Err(error @ SendError::Quota { .. }) => format!("refused: {error}"),
                Err(error) => panic!("{error}"),
            },
            ("unwatch", name) => context.unwatch_name(name).to_string(),
            ("end", _) => return Outcome::Exited(ExitReason::Killed),
            other => panic!("{other:?}"),
        };
        Outcome::Done(Some(answer.into()))
    }

    fn notice(&mut self, context: &Context, notice: Notice) -> Outcome {
        let Notice::Name { name, holder } = notice else { panic!("{notice:?}") };
        // Who hears of a holder finds it.
        if let Some(holder) = holder {
            assert_eq!(context.lookup(&name), Some(holder));
        }
        let holder = holder.map_or("nobody".into(), |holder| holder.to_string());
        self.0.lock().unwrap().push(format!("{name}: {holder}"));
        Outcome::Done(None)
    }
}

impl Child for Watcher {}

fn both(test: impl Fn(World, ActorId, usize)) {
    for other in [0, 1] {
        let quotas = Quotas { watches_max: 2, ..Quotas::default() };
        let mut world = World::with_config(2, ShardConfig { quotas, ..ShardConfig::default() });
        let log = world.log.clone();
        let watcher = Arc::new(Native::new("watcher", move |_| Watcher(log.clone())));
        let supervisor = world.supervisor(0, 10);
        let puppet = std::mem::replace(&mut world.blueprint, watcher);
        let watcher = world.child(supervisor, 0, ChildPolicy::default(), "watcher").unwrap();
        world.blueprint = puppet;
        test(world, watcher, other);
    }
}

#[test]
fn a_watcher_hears_who_has_a_name_and_each_change() {
    both(|mut world, watcher, other| {
        assert_eq!(text(world.ask_now(watcher, "watch a")), "watching");
        assert_eq!(world.log(), ["a: nobody"]);
        let first = world.try_spawn(other, Some("a")).unwrap();
        world.log.lock().unwrap().retain(|line| !line.starts_with("start"));
        assert_eq!(world.log(), [format!("a: {first}")]);
        // To watch twice is to watch once; and other names are none of its business.
        world.ask_now(watcher, "watch a").unwrap();
        world.try_spawn(other, Some("b")).unwrap();
        world.log();
        world.stop(first, Shutdown::default());
        assert_eq!(world.log(), ["stop a", "a: nobody"]);
        let second = world.try_spawn(0, Some("a")).unwrap();
        assert!(world.log().contains(&format!("a: {second}")));
        assert_eq!(text(world.ask_now(watcher, "unwatch a")), "true");
        assert_eq!(text(world.ask_now(watcher, "unwatch a")), "false");
        world.stop(second, Shutdown::BrutalKill);
        assert_eq!(world.log(), [] as [&str; 0]);
        world.closed_ledger();
    });
}

#[test]
fn a_restart_of_the_holder_is_no_change_and_one_of_the_watcher_ends_the_watch() {
    both(|mut world, watcher, other| {
        let supervisor = world.supervisor(0, 10);
        let held = world.child(supervisor, other, ChildPolicy::default(), "a").unwrap();
        world.ask_now(watcher, "watch a").unwrap();
        assert_eq!(world.log().last().unwrap(), &format!("a: {held}"), "at first, who has it");
        world.tell(held, "trap");
        world.settle();
        assert_eq!(world.log(), ["start a 1"]);
        world.tell(watcher, "end it");
        world.settle();
        world.control(0, Control::StopAll { until_ns: u64::MAX });
        world.settle();
        assert_eq!(world.log(), ["stop a"]);
        assert!(world.shards.iter().all(|shard| shard.local.watches.borrow().is_empty()));
        world.closed_ledger();
    });
}

#[test]
fn watches_are_bounded() {
    both(|mut world, watcher, _| {
        for (name, answer) in [("a", "watching"), ("b", "watching"), ("c", "refused: over watches_max (2)")] {
            assert_eq!(text(world.ask_now(watcher, &format!("watch {name}"))), answer);
        }
        world.ask_now(watcher, "unwatch b").unwrap();
        assert_eq!(text(world.ask_now(watcher, "watch c")), "watching");
    });
}
