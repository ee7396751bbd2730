//! Links and monitors. Every test runs with all actors on one shard, and with those
//! called `b` on another one. What Pekko's `DeathWatchSpec` says of monitors is in
//! `pekko/death_watch.rs`.

use super::*;
use crate::actor::Notice;
use crate::control::child_spec::Restart;
use crate::control::placement::home_of;

/// Does to others what its messages say, and writes down what it hears:
/// `link|unlink|monitor ADDRESS`, `demonitor`, `trap on|off`, `exit ADDRESS REASON`,
/// `die REASON`.
struct Social {
    log: Log,
    name: String,
    monitor: u64,
}

fn reason(text: &str) -> ExitReason {
    match text {
        "normal" => ExitReason::Normal,
        "killed" => ExitReason::Killed,
        "shutdown" => ExitReason::Shutdown,
        other => ExitReason::Error(other.into()),
    }
}

impl Actor for Social {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        let text = String::from_utf8_lossy(&message.payload).into_owned();
        let mut words = text.split(' ');
        let verb = words.next().unwrap_or_default();
        let rest: Vec<_> = words.collect();
        let to = || rest[0].parse().unwrap();
        match verb {
            "link" => context.link(to()).unwrap(),
            "unlink" => context.unlink(to()).unwrap(),
            "monitor" => self.monitor = context.monitor(to()).unwrap(),
            "demonitor" => assert!(context.demonitor(self.monitor).is_ok()),
            "trap" => context.trap_exits(rest[0] == "on"),
            "exit" => context.exit_other(to(), reason(rest[1])).unwrap(),
            "die" => return Outcome::Exited(reason(rest[0])),
            _ => return Outcome::Done(Some("here".into())),
        }
        Outcome::Done(None)
    }

    fn notice(&mut self, context: &Context, notice: Notice) -> Outcome {
        let heard = match notice {
            Notice::Down { actor, reason, .. } => format!("down {actor} {}", reason.label()),
            Notice::Exit { actor, reason } => format!("exit {actor} {}", reason.label()),
            other => panic!("{other:?}"),
        };
        // Whatever it hears of an end, the name is free by then.
        if self.name != "gone" {
            assert_eq!(context.lookup("gone"), None);
        }
        self.log.lock().unwrap().push(format!("{} {heard}", self.name));
        Outcome::Done(None)
    }
}

impl Child for Social {
    fn start(&mut self, _: &Context, incarnation: &Incarnation) -> Result<(), StartError> {
        self.name = incarnation.name.as_deref().unwrap_or("nameless").to_owned();
        Ok(())
    }
}

pub(super) struct Party {
    pub(super) world: World,
    pub(super) other: usize,
}

pub(super) fn party(test: impl Fn(Party)) {
    for other in [0, 1] {
        test(Party { world: World::new(2), other });
    }
}

impl Party {
    pub(super) fn spec(&self, name: &str) -> SpawnSpec {
        let log = self.world.log.clone();
        let make = move |_: &_| Social { log: log.clone(), name: String::new(), monitor: 0 };
        let blueprint = Arc::new(Native::new("social", make));
        SpawnSpec { name: Some(name.into()), ..SpawnSpec::new(blueprint) }
    }

    pub(super) fn spawn(&mut self, shard: usize, name: &str) -> ActorId {
        let (done, waiter) = reply_slot();
        self.world.control(shard, Control::spawn(self.spec(name), done));
        self.world.settle();
        waiter.wait().unwrap().unwrap()
    }

    /// `a` on the first shard, and another one elsewhere, or not.
    pub(super) fn pair(&mut self) -> (ActorId, ActorId) {
        (self.spawn(0, "a"), self.spawn(self.other, "gone"))
    }

    pub(super) fn supervised(&mut self, name: &str, restart: Restart) -> ActorId {
        let supervisor = self.world.supervisor(0, 5);
        let (done, waiter) = reply_slot();
        let shard = ShardId(self.other as u16);
        let what = ChildSource::Actor { shard, spec: self.spec(name) };
        let question = Question::StartChild(ChildSpec::worker(name, what).restart(restart));
        let ask = SupervisorControl::Ask { supervisor, question, asker: Asker::Actor(done) };
        self.world.control(0, Control::supervisor(ask));
        self.world.settle();
        waiter.wait().unwrap().unwrap()
    }

    pub(super) fn tell(&mut self, to: ActorId, text: &str) {
        self.world.tell(to, text);
        self.world.settle();
    }

    pub(super) fn is_there(&mut self, actor: ActorId) -> bool {
        self.world.ask_now(actor, "hello").is_ok()
    }

    #[track_caller]
    pub(super) fn heard(&mut self, expected: &[String]) {
        assert_eq!(self.world.log(), expected);
        self.world.closed_ledger();
    }

    /// Nothing is kept of those that are gone.
    pub(super) fn nothing_is_left(&self) {
        for shard in &self.world.shards {
            assert!(shard.local.relations.borrow().is_empty() && shard.departed.is_empty());
        }
    }
}

#[test]
fn the_name_is_free_when_the_end_is_told_and_another_can_have_it() {
    party(|mut it| {
        let (a, b) = it.pair();
        let c = it.spawn(1, "c");
        for watcher in [a, c] {
            it.tell(watcher, &format!("monitor {b}"));
            it.tell(watcher, "trap on");
            it.tell(watcher, &format!("link {b}"));
        }
        // The notices themselves look the name up.
        it.tell(b, "die boom");
        assert_eq!(it.world.log().len(), 4);
        let heir = it.spawn(it.other, "gone");
        it.tell(heir, "die boom");
        it.heard(&[]);
    });
}

#[test]
fn an_abnormal_end_ends_those_that_are_linked_and_a_normal_one_does_not() {
    party(|mut it| {
        for (text, survives) in [("boom", false), ("killed", false), ("shutdown", false), ("normal", true)] {
            let (a, b) = it.pair();
            // Linked from one side, and again from the other: that is one link.
            it.tell(a, &format!("link {b}"));
            it.tell(b, &format!("link {a}"));
            it.tell(b, &format!("die {text}"));
            assert_eq!(it.is_there(a), survives, "{text}");
            it.tell(a, "die normal");
        }
        it.heard(&[]);
        it.nothing_is_left();
    });
}

#[test]
fn who_traps_exits_is_told_of_all_of_them() {
    party(|mut it| {
        for text in ["boom", "killed", "normal"] {
            let (a, b) = it.pair();
            it.tell(a, "trap on");
            it.tell(a, &format!("link {b}"));
            it.tell(b, &format!("die {text}"));
            let label = if text == "boom" { "error" } else { text };
            it.heard(&[format!("a exit {b} {label}")]);
            assert!(it.is_there(a));
            it.tell(a, "trap off");
            it.tell(a, "die normal");
        }
        it.nothing_is_left();
    });
}

#[test]
fn a_link_to_nobody_ends_with_that() {
    party(|mut it| {
        let (a, b) = it.pair();
        it.tell(b, "die normal");
        it.tell(a, "trap on");
        it.tell(a, &format!("link {b}"));
        it.heard(&[format!("a exit {b} no-such-actor")]);
        it.tell(a, "trap off");
        it.tell(a, &format!("link {b}"));
        assert!(!it.is_there(a));
    });
}

#[test]
fn after_an_unlink_a_late_exit_is_dropped() {
    party(|mut it| {
        let (a, b) = it.pair();
        it.tell(a, &format!("link {b}"));
        it.world.tell(a, &format!("unlink {b}"));
        it.world.tell(b, "die boom");
        it.world.settle();
        assert!(it.is_there(a));
        it.nothing_is_left();
    });
}

#[test]
fn an_exit_signal_can_be_trapped_but_a_kill_cannot() {
    party(|mut it| {
        let (a, b) = it.pair();
        it.tell(b, "trap on");
        it.tell(a, &format!("exit {b} boom"));
        it.tell(a, &format!("exit {b} normal"));
        it.heard(&[format!("gone exit {a} error"), format!("gone exit {a} normal")]);
        assert!(it.is_there(b));
        it.tell(a, "trap on");
        it.tell(a, &format!("link {b}"));
        it.tell(a, &format!("exit {b} killed"));
        it.heard(&[format!("a exit {b} killed")]);
        assert!(!it.is_there(b));
        let b = it.spawn(it.other, "b");
        it.tell(a, &format!("exit {b} normal"));
        assert!(it.is_there(b), "a normal exit signal ends nobody");
        it.tell(a, &format!("exit {b} boom"));
        assert!(!it.is_there(b));
    });
}

#[test]
fn links_belong_to_an_incarnation() {
    party(|mut it| {
        let a = it.spawn(0, "a");
        let b = it.supervised("b", Restart::Permanent);
        it.tell(a, "trap on");
        it.tell(a, &format!("link {b}"));
        it.tell(b, "die boom");
        it.heard(&[format!("a exit {b} error")]);
        it.tell(b, "die boom");
        it.heard(&[]);
        // The other way round: the supervisor brings it back.
        it.tell(a, "trap off");
        it.tell(a, &format!("link {b}"));
        it.tell(a, "die boom");
        assert!(it.is_there(b));
        let report = it.world.shards[it.other].report();
        assert_eq!(report.restarts, 3);
    });
}

/// A party of three shards, and one of them that is slow: not that on which `gone` and
/// `a` are, which is the home of its name.
fn party_with_a_slow_one(test: impl Fn(Party, usize)) {
    let home = home_of("gone", 3).index();
    for slow in (0..3).filter(|&shard| shard != home) {
        test(Party { world: World::new(3), other: home }, slow);
    }
}

impl Party {
    fn turn_all_but(&mut self, slow: usize) {
        for _ in 0..20 {
            for (_, shard) in self.world.shards.iter_mut().enumerate().filter(|(shard, _)| *shard != slow) {
                shard.turn();
            }
        }
        let slow = &self.world.shards[slow];
        assert!(slow.local.names.borrow().lookup("gone").is_some(), "it has not heard that the name is free");
    }
}

#[test]
fn who_asks_after_one_that_is_gone_is_told_when_its_name_is_free() {
    party_with_a_slow_one(|mut it, slow| {
        let (a, b) = (it.spawn(it.other, "a"), it.spawn(it.other, "gone"));
        it.tell(a, "trap on");
        it.world.tell(b, "die boom");
        it.turn_all_but(slow);
        assert!(it.world.shards[b.shard().index()].actors.get(b).is_none(), "it is gone");
        let (done, waiter) = reply_slot();
        it.world.control(it.other, Control::Stop { actor: b, shutdown: Shutdown::default(), done });
        it.world.tell(a, &format!("monitor {b}"));
        it.world.tell(a, &format!("link {b}"));
        it.turn_all_but(slow);
        assert!(!waiter.is_ready(), "an actor of the slow shard would still find it");
        assert_eq!(it.world.log(), [""; 0]);
        it.world.settle();
        assert_eq!(waiter.wait().unwrap(), Ok(Some(ExitReason::Error("boom".into()))));
        it.heard(&[format!("a exit {b} error"), format!("a down {b} error")]);
        it.world.stop(a, Shutdown::default());
        it.nothing_is_left();
    });
}

#[test]
fn who_has_one_terminated_that_is_gone_is_told_when_its_name_is_free() {
    use crate::control::supervisor::{Strategy, Who};
    party_with_a_slow_one(|mut it, slow| {
        let shard = ShardId(it.other as u16);
        let what = ChildSource::Actor { shard, spec: it.spec("gone") };
        let children = vec![ChildSpec::worker("template", what.clone())];
        let tree = Arc::new(Tree { spec: SupervisorSpec::new(Strategy::SimpleOneForOne), children });
        let (done, waiter) = reply_slot();
        it.world.control(it.other, Control::supervisor(SupervisorControl::Start { tree, done }));
        it.world.settle();
        let supervisor = waiter.wait().unwrap().unwrap();
        let ask = |world: &World, question| {
            let (done, waiter) = reply_slot();
            let ask = SupervisorControl::Ask { supervisor, question, asker: Asker::Child(done) };
            world.control(supervisor.shard().index(), Control::supervisor(ask));
            waiter
        };
        let started = ask(&it.world, Question::StartFromTemplate(what));
        it.world.settle();
        let gone = started.wait().unwrap().unwrap().expect("it is there");
        let terminate = || Question::TerminateChild(Who::Address(gone));
        let first = ask(&it.world, terminate());
        it.turn_all_but(slow);
        let second = ask(&it.world, terminate());
        it.turn_all_but(slow);
        assert!(!first.is_ready() && !second.is_ready(), "an actor of the slow shard would still find it");
        it.world.settle();
        assert_eq!((first.wait().unwrap(), second.wait().unwrap()), (Ok(None), Ok(None)));
        it.nothing_is_left();
    });
}
