//! Names that are registered, looked up and given back at random, on two shards that
//! are ever so much ahead of each other: a short form of `cargo xtask soak registry`.
//! An oracle knows who was told what, and judges every lookup by it.

use std::collections::HashMap;

use super::storm::Dice;
use super::*;

const SHARDS: usize = 2;
const NAMES: usize = 8;

/// An operation by its number.
type Step = u64;

/// What the oracle knows of an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    name: usize,
    /// When somebody was told that it is there.
    told: Step,
    /// When its end was begun: from there on nobody need find it, …
    leaves: Option<Step>,
    /// … and when somebody was told of it: from there on nobody may.
    left: Option<Step>,
}

/// Waits for an end.
type Stopped = Waiter<Result<Option<ExitReason>, SpawnError>>;

/// Somebody on a shard was asked who has a name.
struct Asked {
    name: usize,
    since: Step,
    answer: Waiter<Result<Payload, RequestError>>,
}

struct Churn {
    world: World,
    dice: Dice,
    step: Step,
    names: [String; NAMES],
    /// One on each shard, who looks names up.
    probers: Vec<ActorId>,
    starting: Vec<(usize, Waiter<Result<ActorId, SpawnError>>)>,
    stopping: Vec<(ActorId, Stopped)>,
    /// Those that were told to end by themselves.
    ending: Vec<ActorId>,
    asked: Vec<Asked>,
    known: HashMap<ActorId, Known>,
    /// Who was found before anybody was told of it.
    foretold: HashMap<ActorId, usize>,
    tally: Tally,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Tally {
    registered: u64,
    refused: u64,
    ended: u64,
    hits: u64,
    misses: u64,
}

impl Churn {
    fn new(seed: u64) -> Self {
        let mut world = World::new(SHARDS);
        let probers = (0..SHARDS).map(|shard| world.spawn(shard)).collect();
        Self {
            world,
            dice: Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            step: 0,
            names: std::array::from_fn(|index| format!("name-{index}")),
            probers,
            starting: Vec::new(),
            stopping: Vec::new(),
            ending: Vec::new(),
            asked: Vec::new(),
            known: HashMap::new(),
            foretold: HashMap::new(),
            tally: Tally::default(),
        }
    }

    /// Who has a name for sure, from this step until now: somebody was told that it is
    /// there, and nobody has told it to end.
    fn holder_since(&self, name: usize, since: Step) -> Option<ActorId> {
        let has_it = |known: &Known| known.name == name && known.told < since && known.leaves.is_none();
        let mut holders = self.known.iter().filter(|(_, known)| has_it(known));
        let holder = holders.next().map(|(actor, _)| *actor);
        assert_eq!(holders.next(), None, "{} has two holders", self.names[name]);
        holder
    }

    /// Somebody looked a name up, not before this step, and found this.
    fn judge(&mut self, name: usize, since: Step, found: Option<ActorId>, how: &str) {
        let what = &self.names[name];
        if let Some(holder) = self.holder_since(name, since) {
            assert_eq!(found, Some(holder), "step {}: {what}, {how}", self.step);
        }
        let Some(found) = found else {
            self.tally.misses += 1;
            return;
        };
        self.tally.hits += 1;
        match self.known.get(&found) {
            Some(known) => {
                assert_eq!(known.name, name, "step {}: {what} is {found}, {how}", self.step);
                let stale = known.left.is_some_and(|left| left < since);
                assert!(!stale, "step {}: {what} is still {found}, {how}: {known:?}", self.step);
            }
            None => {
                let before = *self.foretold.entry(found).or_insert(name);
                assert_eq!(before, name, "{found} has two names");
            }
        }
    }

    fn operate(&mut self) {
        self.step += 1;
        let name = self.dice.below(NAMES as u64) as usize;
        let shard = self.dice.below(SHARDS as u64) as usize;
        match self.dice.below(16) {
            0..3 => {
                let (done, waiter) = reply_slot();
                let spec = self.world.spec(Some(&self.names[name]));
                self.world.control(shard, Control::spawn(spec, done));
                self.starting.push((name, waiter));
            }
            3 => self.kill(name),
            4 => self.reap(),
            5..9 => {
                let since = self.step;
                let found = from_outside(&self.world, &self.names[name]);
                self.judge(name, since, found, "from outside");
            }
            9..12 => {
                let answer = self.world.ask(self.probers[shard], &format!("lookup {}", self.names[name]));
                self.asked.push(Asked { name, since: self.step, answer });
            }
            // The shards go on, one more than the other.
            _ => {
                for _ in 0..1 + self.dice.below(4) {
                    self.world.shards[shard].turn();
                    self.hear();
                }
            }
        }
    }

    /// Whoever has this name ends, in one of the ways to end.
    fn kill(&mut self, name: usize) {
        let Some(holder) = self.holder_since(name, self.step) else { return };
        self.known.get_mut(&holder).expect("it is known").leaves = Some(self.step);
        match self.dice.below(4) {
            0 => self.stop(holder, Shutdown::BrutalKill),
            1 => self.stop(holder, Shutdown::default()),
            how => {
                self.world.tell(holder, if how == 2 { "exit" } else { "trap" });
                self.ending.push(holder);
            }
        }
    }

    /// Asks after somebody who was to end by itself: the answer is that it has.
    fn reap(&mut self) {
        if !self.ending.is_empty() {
            let index = self.dice.below(self.ending.len() as u64) as usize;
            let actor = self.ending.swap_remove(index);
            self.stop(actor, Shutdown::BrutalKill);
        }
    }

    fn stop(&mut self, actor: ActorId, shutdown: Shutdown) {
        let (done, waiter) = reply_slot();
        self.world.control(actor.shard().index(), Control::Stop { actor, shutdown, done });
        self.stopping.push((actor, waiter));
    }

    /// Takes down what those who wait were told meanwhile.
    fn hear(&mut self) {
        let step = self.step;
        for (name, waiter) in self.starting.extract_if(.., |(_, waiter)| waiter.is_ready()) {
            match waiter.wait().unwrap() {
                Ok(actor) => {
                    let known = Known { name, told: step, leaves: None, left: None };
                    assert!(self.known.insert(actor, known).is_none(), "{actor} twice");
                    assert_eq!(self.foretold.remove(&actor).unwrap_or(name), name);
                    self.tally.registered += 1;
                }
                Err(SpawnError::NameTaken { .. }) => self.tally.refused += 1,
                Err(error) => panic!("{error}"),
            }
        }
        for (actor, waiter) in self.stopping.extract_if(.., |(_, waiter)| waiter.is_ready()) {
            waiter.wait().unwrap().unwrap();
            self.known.get_mut(&actor).expect("it is known").left = Some(step);
            self.tally.ended += 1;
        }
        let answered: Vec<_> = self.asked.extract_if(.., |asked| asked.answer.is_ready()).collect();
        for Asked { name, since, answer } in answered {
            let found = text(answer.wait().unwrap());
            let found = (found != "nobody").then(|| found.parse().unwrap());
            self.judge(name, since, found, "by an actor");
        }
    }

    /// All comes to rest, and who is left ends.
    fn end(mut self) -> Tally {
        self.world.settle();
        self.hear();
        for name in 0..NAMES {
            self.step += 1;
            self.kill(name);
        }
        self.world.settle();
        while !self.ending.is_empty() {
            self.reap();
        }
        self.world.settle();
        self.hear();
        assert!(self.starting.is_empty() && self.stopping.is_empty() && self.asked.is_empty());
        assert!(self.foretold.is_empty(), "found, and never there: {:?}", self.foretold);
        for name in self.names.clone() {
            assert_eq!(from_outside(&self.world, &name), None);
            for prober in self.probers.clone() {
                assert_eq!(text(self.world.ask_now(prober, &format!("lookup {name}"))), "nobody");
            }
        }
        self.world.closed_ledger();
        self.tally
    }
}

/// Whom outside threads find.
fn from_outside(world: &World, name: &str) -> Option<ActorId> {
    let look = |outside: &Outside| outside.directory.read(|names| names.get(name).copied());
    world.outside.iter().find_map(look)
}

fn churn(seed: u64, operations: u64) -> Tally {
    let mut churn = Churn::new(seed);
    for _ in 0..operations {
        churn.operate();
    }
    churn.end()
}

#[test]
fn names_come_and_go_and_no_lookup_is_stale() {
    let mut all = Tally::default();
    for seed in 1..=20 {
        let tally = churn(seed, 2_000);
        all.registered += tally.registered;
        all.refused += tally.refused;
        all.ended += tally.ended;
        all.hits += tally.hits;
        all.misses += tally.misses;
    }
    assert_eq!(all.registered, all.ended);
    let few = all.registered.min(all.refused).min(all.hits).min(all.misses) < 1_000;
    assert!(!few, "or it was no churn: {all:?}");
}

#[test]
fn the_same_seed_gives_the_same_churn() {
    assert_eq!(churn(7, 500), churn(7, 500));
}
