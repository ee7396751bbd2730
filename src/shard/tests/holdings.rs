//! Names that actors take themselves. Where it matters, a test runs with both actors
//! on one shard, and with one of them elsewhere.

use std::collections::BTreeMap;

use super::*;
use crate::actor::{NameTaken, Notice, Recipe};
use crate::control::placement::home_of;

/// Takes names and gives them up, as its messages say, and writes down what it hears:
/// `take NAME`, `give NAME`, `cycle NAME N`, `lookup NAME`, `link ADDRESS NAME`,
/// `monitor ADDRESS NAME`, `trap`, `exit`. Of an end it writes down who has that name then. It takes the one that is its configuration when
/// it starts; and then refuses to, as often as it is told.
struct Holder {
    log: Log,
    takes: Option<String>,
    refuses: Arc<Mutex<u32>>,
    mourns: String,
    id: Option<ActorId>,
}

impl Holder {
    fn write(&self, text: String) {
        self.log.lock().unwrap().push(text);
    }

    fn take(context: &Context, name: &str) -> String {
        context.register(name).map_or_else(|error| format!("refused: {error}"), |()| "asked".into())
    }
}

impl Actor for Holder {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        let text = String::from_utf8_lossy(&message.payload).into_owned();
        let mut words = text.split(' ');
        let (verb, name) = (words.next().unwrap(), words.next().unwrap_or_default());
        let said = match verb {
            "take" => Self::take(context, name),
            "give" => {
                let had = context.unregister(name);
                if had {
                    self.write(format!("{} gave {name}", context.own_id()));
                }
                had.to_string()
            }
            "cycle" => {
                let times: u32 = words.next().unwrap().parse().unwrap();
                let taken = (0..times).take_while(|_| {
                    let took = context.register(name).is_ok();
                    took && context.unregister(name)
                });
                taken.count().to_string()
            }
            "lookup" => context.lookup(name).map_or("nobody".into(), |id| id.to_string()),
            "link" | "monitor" => {
                let other = name.parse().unwrap();
                self.mourns = words.next().unwrap().into();
                let tied =
                    if verb == "link" { context.link(other) } else { context.monitor(other).map(drop) };
                tied.map_or_else(|error| error.to_string(), |()| "ok".into())
            }
            "trap" => return Outcome::Exited(ExitReason::Error("told to".into())),
            "exit" => {
                context.exit(ExitReason::Normal);
                String::new()
            }
            _ => panic!("{text}"),
        };
        Outcome::Done(Some(said.into()))
    }

    fn notice(&mut self, context: &Context, notice: Notice) -> Outcome {
        let own = context.own_id();
        let heard = match notice {
            Notice::Registered { name, outcome: Ok(()) } => {
                assert_eq!(context.lookup(&name), Some(own));
                format!("{own} got {name}")
            }
            Notice::Registered { name, outcome: Err(NameTaken(by)) } => format!("{own} refused {name} {by}"),
            Notice::Exit { actor, .. } => format!("exit {actor}: {:?}", context.lookup(&self.mourns)),
            Notice::Down { actor, .. } => format!("down {actor}: {:?}", context.lookup(&self.mourns)),
            other => panic!("{other:?}"),
        };
        self.write(heard);
        Outcome::Done(None)
    }
}

impl Child for Holder {
    fn start(&mut self, context: &Context, incarnation: &Incarnation) -> Result<(), StartError> {
        self.id = Some(incarnation.id);
        context.trap_exits(true);
        if let Some(name) = &self.takes {
            assert_eq!(Self::take(context, name), "asked");
        }
        let mut refuses = self.refuses.lock().unwrap();
        if incarnation.restarts > 0 && *refuses > 0 {
            *refuses -= 1;
            return Err(StartError::Refused("told to".into()));
        }
        Ok(())
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.write(format!("{id} ended"));
        }
    }
}

fn holders(shards: usize, config: ShardConfig) -> (World, Arc<Mutex<u32>>) {
    let mut world = World::with_config(shards, config);
    let (log, refuses) = (world.log.clone(), Arc::<Mutex<u32>>::default());
    let given = refuses.clone();
    world.blueprint = Arc::new(Native::new("holder", move |recipe: &Recipe| Holder {
        log: log.clone(),
        takes: recipe.config.get("take").cloned(),
        refuses: given.clone(),
        mourns: String::new(),
        id: None,
    }));
    (world, refuses)
}

/// One actor on the first shard, and one there or elsewhere.
fn both(test: impl Fn(World, ActorId, ActorId)) {
    for other in [0, 1, 2] {
        let quotas = Quotas { names_max: 3, ..Quotas::default() };
        let (mut world, _) = holders(3, ShardConfig { quotas, ..ShardConfig::default() });
        let (a, b) = (world.spawn(0), world.spawn(other));
        test(world, a, b);
    }
}

impl World {
    fn say(&mut self, actor: ActorId, what: &str) -> String {
        text(self.ask_now(actor, what))
    }

    /// Who has it, for each shard and for outside threads, who must agree.
    #[track_caller]
    fn holder(&self, name: &str) -> Option<ActorId> {
        let inside = self.shards.iter().map(|shard| shard.local.names.borrow().lookup(name));
        let home = home_of(name, self.shards.len()).index();
        let outside = self.outside[home].directory.read(|names| names.get(name).copied());
        assert!(
            inside.clone().all(|holder| holder == outside),
            "{name}: {outside:?}, {:?}",
            inside.collect::<Vec<_>>()
        );
        outside
    }

    /// A child of a new supervisor on its shard that takes a name in its start.
    fn child_that_takes(&mut self, shard: usize, name: &str) -> ActorId {
        let supervisor = self.supervisor(shard, 100);
        let (done, waiter) = reply_slot();
        let recipe = Arc::new(Recipe { config: [("take".to_owned(), name.to_owned())].into() });
        let what = ChildSource::Actor {
            shard: ShardId(shard as u16),
            spec: SpawnSpec { recipe, ..self.spec(None) },
        };
        let (kind, policy) = (ChildKind::Worker, ChildPolicy::default());
        let question = Question::StartChild(ChildSpec { id: "child".into(), kind, policy, what });
        let ask = SupervisorControl::Ask { supervisor, question, asker: Asker::Actor(done) };
        self.control(shard, Control::supervisor(ask));
        self.settle();
        waiter.wait().unwrap().unwrap()
    }

    #[track_caller]
    fn nothing_is_left_of_names(&self) {
        for shard in &self.shards {
            assert!(shard.local.holdings.borrow().is_empty());
            assert!(shard.local.names.borrow().is_empty());
            assert!(shard.home.is_empty());
        }
        assert!(self.outside.iter().all(|outside| outside.directory.read(|names| names.is_empty())));
    }
}

#[test]
fn who_takes_a_name_is_found_by_it_everywhere_and_nobody_else_gets_it() {
    both(|mut world, a, b| {
        assert_eq!(world.say(a, "take a"), "asked");
        assert_eq!(world.say(a, "take a"), "asked");
        assert_eq!(world.log(), [format!("{a} got a")], "to ask twice is to ask once");
        assert_eq!(world.holder("a"), Some(a));
        assert_eq!(world.say(b, "lookup a"), a.to_string());
        assert_eq!(world.say(b, "take a"), "asked");
        assert_eq!(world.log(), [format!("{b} refused a {a}")]);
        assert_eq!(world.try_spawn(1, Some("a")), Err(SpawnError::NameTaken { name: "a".into(), by: a }));
        // Nothing of the refusals is left.
        world.log();
        assert_eq!(world.say(b, "give a"), "false");
        assert_eq!(world.holder("a"), Some(a));
        assert_eq!(world.say(a, "give a"), "true");
        assert_eq!(world.say(a, "give a"), "false");
        assert_eq!(world.holder("a"), None);
        assert_eq!(world.say(b, "take a"), "asked");
        assert_eq!(world.log(), [format!("{a} gave a"), format!("{b} got a")]);
        for bad in ["", "a..b", "$a", "a.*"] {
            assert!(world.say(a, &format!("take {bad}")).starts_with("refused: "), "{bad}");
        }
        world.say(b, "exit");
        world.nothing_is_left_of_names();
        world.closed_ledger();
    });
}

#[test]
fn the_name_that_it_was_started_with_is_not_its_own_to_give_up() {
    let (mut world, _) = holders(2, ShardConfig::default());
    for shard in [0, 1] {
        let a = world.try_spawn(shard, Some("a")).unwrap();
        assert_eq!(world.say(a, "give a"), "false");
        world.say(a, "take a");
        assert_eq!(world.log(), [format!("{a} refused a {a}")]);
        world.say(a, "take b");
        assert_eq!(world.say(a, "give b"), "true");
        assert_eq!(world.holder("a"), Some(a));
        world.say(a, "exit");
        world.log();
        world.nothing_is_left_of_names();
    }
}

#[test]
fn of_a_name_that_is_given_up_before_it_is_granted_nothing_comes() {
    both(|mut world, a, b| {
        world.tell(a, "take a");
        world.tell(a, "give a");
        world.settle();
        assert_eq!(world.log(), [format!("{a} gave a")]);
        assert_eq!(world.holder("a"), None);
        // Again and again, and once for good.
        for verb in ["take", "give", "take", "give", "take"] {
            world.tell(a, &format!("{verb} a"));
        }
        world.settle();
        let gave = format!("{a} gave a");
        assert_eq!(world.log(), [&*gave, &*gave, &*format!("{a} got a")]);
        assert_eq!(world.holder("a"), Some(a));
        // Of one that is refused, too.
        world.tell(b, "take a");
        world.tell(b, "give a");
        world.tell(a, "give a");
        world.settle();
        world.say(b, "take a");
        assert_eq!(world.log().last().unwrap(), &format!("{b} got a"));
    });
}

#[test]
fn names_are_bounded_with_those_that_are_not_free_yet() {
    both(|mut world, a, b| {
        for name in ["a", "b", "c"] {
            assert_eq!(world.say(a, &format!("take {name}")), "asked");
        }
        assert_eq!(world.say(a, "take d"), "refused: over names_max (3)");
        assert_eq!(world.say(a, "give b"), "true");
        assert_eq!(world.say(a, "take d"), "asked");
        // Who is refused by somebody else has room again.
        for _ in 0..10 {
            assert_eq!(world.say(b, "take a"), "asked");
        }
        // In one call, however often it tries.
        assert_eq!(world.say(b, "cycle x 1000"), "3");
        assert_eq!(world.say(b, "cycle x 1000"), "3", "they are free again");
        assert_eq!(world.holder("x"), None);
        world.say(a, "exit");
        world.say(b, "exit");
        world.nothing_is_left_of_names();
    });
}

#[test]
fn what_an_incarnation_has_taken_ends_with_it_and_the_next_one_takes_it_anew() {
    for shard in [0, 1] {
        let (mut world, refuses) = holders(2, ShardConfig::default());
        let child = world.child_that_takes(shard, "a");
        assert_eq!(world.log(), [format!("{child} got a")]);
        world.say(child, "take b");
        let other = world.spawn(0);
        world.say(other, "take b");
        world.log();
        // Its start fails twice, after it has asked for the name.
        *refuses.lock().unwrap() = 2;
        assert!(world.ask_now(child, "trap").is_err());
        let ended = format!("{child} ended");
        assert_eq!(world.log(), [&*ended, &*ended, &*ended, &*format!("{child} got a")]);
        assert_eq!(world.holder("a"), Some(child), "it is the same address");
        assert_eq!(world.holder("b"), None);
        world.say(other, "take b");
        assert_eq!(world.log(), [format!("{other} got b")]);
        for shard in 0..world.shards.len() {
            world.control(shard, Control::StopAll { until_ns: u64::MAX });
        }
        world.settle();
        world.nothing_is_left_of_names();
        world.closed_ledger();
    }
}

#[test]
fn nobody_is_told_of_an_end_or_a_restart_before_the_names_are_found_nowhere() {
    for (tie, told) in [("monitor", "down"), ("link", "exit")] {
        let (mut world, _) = holders(3, ShardConfig::default());
        let mut names = ["a", "b", "c", "d", "e", "f"].into_iter();
        let name = names.find(|name| home_of(name, 3) == ShardId(0)).unwrap();
        let witness = world.spawn(2);
        let holder = if tie == "link" { world.child_that_takes(1, name) } else { world.spawn(1) };
        world.say(holder, &format!("take {name}"));
        assert_eq!(world.log(), [format!("{holder} got {name}")]);
        world.say(witness, &format!("{tie} {holder} {name}"));
        // The home of the name is slow: it has not heard that it is free.
        world.tell(holder, "trap");
        for _ in 0..20 {
            world.shards[1].turn();
            world.shards[2].turn();
        }
        assert_eq!(world.shards[2].local.names.borrow().lookup(name), Some(holder));
        assert_eq!(world.log(), [format!("{holder} ended")], "it would still be found");
        world.settle();
        let told = format!("{told} {holder}: None");
        match tie {
            "link" => assert_eq!(world.log(), [told, format!("{holder} got {name}")]),
            _ => assert_eq!(world.log(), [told]),
        }
    }
}

/// After every turn of a single shard: whoever was told that a name is its own is found
/// by it on every shard, until it gives it up or ends; so no two have it.
#[test]
fn whatever_happens_a_name_that_was_granted_is_found_everywhere() {
    for seed in 1..=60_u64 {
        let mut dice = super::storm::Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let quotas = Quotas { names_max: 4, ..Quotas::default() };
        let (mut world, _) = holders(3, ShardConfig { quotas, ..ShardConfig::default() });
        let everybody: Vec<_> = (0..9).map(|index| world.child_that_takes(index % 3, "e")).collect();
        world.log();
        let mut held: BTreeMap<String, ActorId> = BTreeMap::new();
        let mut granted = 0;
        for _ in 0..600 {
            let name = dice.one_of(&["a", "b", "c", "d"]);
            let what = match dice.below(12) {
                0..6 => format!("take {name}"),
                6..11 => format!("give {name}"),
                _ => "trap".into(),
            };
            world.tell(dice.one_of(&everybody), &what);
            for _ in 0..dice.below(3) {
                world.shards[dice.below(3) as usize].turn();
                granted += check_held(&world, &mut held);
            }
        }
        world.settle();
        granted += check_held(&world, &mut held);
        assert!(granted > 20, "seed {seed}: {granted}");
        for name in ["a", "b", "c", "d"] {
            assert_eq!(world.holder(name), held.get(name).copied(), "seed {seed}");
        }
        for shard in 0..world.shards.len() {
            world.control(shard, Control::StopAll { until_ns: u64::MAX });
        }
        world.settle();
        world.nothing_is_left_of_names();
        world.closed_ledger();
    }
}

fn check_held(world: &World, held: &mut BTreeMap<String, ActorId>) -> usize {
    let mut granted = 0;
    for line in world.log() {
        let words: Vec<_> = line.split(' ').collect();
        let actor: ActorId = words[0].parse().unwrap();
        match words[1..] {
            ["got", "e"] => {}
            ["got", name] => {
                granted += 1;
                let before = held.insert(name.to_owned(), actor);
                assert_eq!(before, None, "{name} is {actor}'s, too");
            }
            ["gave", name] if held.get(name) == Some(&actor) => drop(held.remove(name)),
            ["ended"] => held.retain(|_, holder| *holder != actor),
            _ => {}
        }
    }
    for (name, actor) in &*held {
        for shard in &world.shards {
            assert_eq!(shard.local.names.borrow().lookup(name), Some(*actor), "{name} on {}", shard.id);
        }
    }
    granted
}
