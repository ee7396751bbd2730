//! Pekko's `SupervisorHierarchySpec`, "survive being stressed": a tree over several
//! shards, failures at random, and in the end everybody answers and everything ends.

use super::*;
use crate::control::child_spec::Restart;
use crate::control::supervisor::Strategy;

const SHARDS: usize = 3;
const ACTORS: usize = 1_000;
const FAILURES: usize = 20_000;

/// xorshift64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

/// A tree with that many actors below it, three supervisors deep.
fn grow(world: &World, dice: &mut Dice, names: &mut Vec<String>, actors: usize, depth: usize) -> Tree {
    let strategies = [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne];
    let spec = SupervisorSpec::new(strategies[dice.roll(3)]).intensity(u32::MAX, 1_000_000_000);
    let mut children = Vec::new();
    let branches = if depth == 0 { 0 } else { 6 };
    for branch in 0..branches {
        let shard = ShardId(dice.roll(SHARDS) as u16);
        let tree = Arc::new(grow(world, dice, names, actors / branches, depth - 1));
        let source = ChildSource::Supervisor { shard, tree };
        children.push(ChildSpec::supervisor(format!("branch {branch}"), source));
    }
    let leaves = actors - branches * (actors / branches.max(1));
    for _ in 0..if depth == 0 { actors } else { leaves } {
        let name = format!("actor {}", names.len());
        let shard = ShardId(dice.roll(SHARDS) as u16);
        let source = ChildSource::Actor { shard, spec: world.spec(Some(&name)) };
        let restart = [Restart::Permanent, Restart::Transient][dice.roll(2)];
        children.push(ChildSpec::worker(name.as_str(), source).restart(restart));
        names.push(name);
    }
    Tree { spec, children }
}

#[test]
fn survive_being_stressed() {
    let config = ShardConfig { restarts_per_second_max: u32::MAX, ..ShardConfig::default() };
    let mut world = World::with_config(SHARDS, config);
    let mut dice = Dice(0x1234_5678_9abc_def1);
    let mut names = Vec::new();
    let tree = Arc::new(grow(&world, &mut dice, &mut names, ACTORS, 3));
    assert_eq!(names.len(), ACTORS);
    let (done, waiter) = reply_slot();
    world.control(0, Control::supervisor(SupervisorControl::Start { tree, done }));
    world.settle();
    let supervisor = waiter.wait().unwrap().unwrap();
    let whois = |world: &World, name: &str| {
        let home = crate::control::placement::home_of(name, SHARDS);
        world.outside[home.index()].directory.read(|names| names.get(name).copied())
    };
    let mut failures = 0;
    while failures < FAILURES {
        // Several at once, so that they meet in all stages of each other's restarts.
        for _ in 0..=dice.roll(20) {
            // Those whose supervisor is being restarted have no address.
            if let Some(actor) = whois(&world, &names[dice.roll(ACTORS)]) {
                world.tell(actor, "trap");
                failures += 1;
            }
        }
        for _ in 0..dice.roll(4) {
            for shard in &mut world.shards {
                shard.turn();
            }
        }
    }
    world.settle();
    for name in &names {
        let actor = whois(&world, name).expect("it is up again");
        assert_eq!(text(world.ask_now(actor, "echo ping")), "ping");
    }
    let (done, waiter) = reply_slot();
    world.control(0, Control::StopSupervisor { supervisor, done });
    world.settle();
    assert_eq!(waiter.wait().unwrap(), Ok(Some(ExitReason::Shutdown)));
    assert!(!names.iter().any(|name| whois(&world, name).is_some()), "all names are free");
    for shard in &world.shards {
        let report = shard.report();
        assert_eq!(report.actors, 0);
        assert!(shard.supervisors.len() == 0 && shard.departed.is_empty());
    }
    let ledger = world.closed_ledger();
    // Some failures were still to come when their actor went down with its supervisor.
    assert_eq!((ledger.failed + ledger.dead()) as usize, failures, "{ledger:?}");
    assert!(ledger.failed as usize > FAILURES / 2, "{ledger:?}");
    assert_eq!(ledger.handled as usize, ACTORS, "{ledger:?}");
}
