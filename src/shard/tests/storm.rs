//! Everything at once, at random: whatever happens, every message is accounted for
//! after every turn, every request has one outcome, and nobody is left waiting.

use super::talker::talkers;
use super::*;
use crate::metrics::RequestEnd;

/// Numbers that look random, and are the same for the same seed, which is not 0.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    pub(super) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

fn something(dice: &mut Dice, everybody: &[ActorId]) -> String {
    let who = dice.one_of(everybody);
    let topic = dice.one_of(&["a", "b", "a.b", "a.c", "$raddle.dead.>"]);
    let filter = dice.one_of(&["a", "a.*", "a.>", "b", ">", "$raddle.dead.*"]);
    let number = dice.below(100);
    match dice.below(26) {
        0..3 => format!("request {who} {} echo {number}", 1 + dice.below(20)),
        3 => format!("request {who} {} defer", 1 + dice.below(20)),
        4 => format!("request {who} 5 fail x"),
        5 => format!("request {who} 5 trap"),
        6 => format!("ask {who} echo {number}"),
        7 => format!("ask {who} ask {} echo x", dice.one_of(everybody)),
        8 => format!("ask {who} defer"),
        9 => "cancel".into(),
        10 | 11 => "answer x".into(),
        12 => "pause".into(),
        13 => format!("publish {topic} {number}").replace("$raddle.dead.>", "a.b.c"),
        14 => format!("subscribe {filter}"),
        15 => format!("unsubscribe {filter}"),
        16 => format!("join {}", topic.replace("$raddle.dead.>", "g")),
        17 => format!("leave {}", topic.replace("$raddle.dead.>", "g")),
        18 => format!("one {} log x", topic.replace("$raddle.dead.>", "g")),
        19 => format!("all {} log x", topic.replace("$raddle.dead.>", "g")),
        20 => format!("after {} {who} log x", dice.below(30)),
        21 => format!("every {} {who} log x", 5 + dice.below(30)),
        22 => "no-timer".into(),
        23 => format!("within {} {who} log x", dice.below(3)),
        24 => format!("burst {who} {number}"),
        _ => "trap".into(),
    }
}

fn storm(seed: u64) -> (crate::metrics::Requests, Ledger) {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let bounds = Bounds { mailbox_messages_max: 50, outbox_messages_max: 300, ..Bounds::default() };
    let quotas = Quotas { requests_max: 20, deferred_max: 5, timers_max: 10, ..Quotas::default() };
    let config = ShardConfig { bounds, quotas, turn_messages_max: 64, ..ShardConfig::default() };
    let mut world = talkers(3, config);
    let supervisor = world.supervisor(0, 1_000_000);
    let mut everybody = Vec::new();
    for index in 0..9 {
        let overflow = [Overflow::Reject, Overflow::Backpressure, Overflow::DropOldest, Overflow::DropNewest];
        let mailbox = MailboxSpec { overflow: overflow[index % 4], ..Default::default() };
        everybody.push(if index < 6 {
            world.spawn_with(index % 3, mailbox)
        } else {
            world.child(supervisor, index % 3, ChildPolicy::default(), &format!("child {index}")).unwrap()
        });
    }
    for _ in 0..600 {
        match dice.below(40) {
            0 => {
                let index = dice.below(6) as usize;
                world.stop(everybody[index], dice.one_of(&[Shutdown::BrutalKill, Shutdown::default()]));
                everybody[index] = world.spawn(index % 3);
            }
            1 => world.advance_ms(1 + dice.below(40)),
            2..10 => {
                for _ in 0..dice.below(4) {
                    let shard = dice.below(3) as usize;
                    world.shards[shard].turn();
                }
            }
            _ => {
                let to = dice.one_of(&everybody);
                let what = something(&mut dice, &everybody);
                if dice.below(3) == 0 {
                    drop(world.ask(to, &what));
                } else {
                    world.tell(to, &what);
                }
            }
        }
    }
    world.settle();
    // All deadlines pass. Periodic timers go on as long as their owners do.
    world.advance_ms(5_000);
    for &actor in &everybody[..6] {
        world.stop(actor, Shutdown::BrutalKill);
    }
    for shard in 0..3 {
        world.control(shard, Control::StopAll { until_ns: u64::MAX });
    }
    world.settle();
    // What they had set for later finds them gone.
    world.advance_ms(5_000);
    assert!(world.shards.iter().all(|shard| shard.actors.len() == 0), "seed {seed}: actors are left");
    assert!(world.shards.iter().all(|shard| shard.suspended_messages == 0), "seed {seed}");
    assert!(world.shards.iter().all(|shard| shard.local.laters.borrow().len() == 0), "seed {seed}");
    (world.closed_requests(), world.closed_ledger())
}

#[test]
fn nothing_is_lost_in_a_storm() {
    let (mut replied, mut dead) = (0, 0);
    for seed in 1..=40 {
        let (requests, ledger) = storm(seed);
        replied += requests.ended(RequestEnd::Replied);
        dead += ledger.dead();
    }
    assert!(replied > 1_000 && dead > 1_000, "or it was no storm: {replied} replied, {dead} dead");
}

#[test]
fn the_same_seed_gives_the_same_storm() {
    assert_eq!(storm(7), storm(7));
}
