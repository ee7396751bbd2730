use super::*;
use crate::actor::{DeadReason, Failure};

/// Every test of this file runs with the other actor on the same shard, and on
/// another one.
fn both(test: impl Fn(World, usize)) {
    test(World::new(2), 0);
    test(World::new(2), 1);
}

#[test]
fn messages_between_a_pair_keep_their_order() {
    both(|mut world, other| {
        let (a, b) = (world.spawn(0), world.spawn(other));
        world.log();
        world.tell(a, &format!("burst {b} 3000"));
        world.settle();
        let expected: Vec<_> = (0..3000).map(|number| number.to_string()).collect();
        assert_eq!(world.log(), expected);
        assert_eq!(world.closed_ledger().handled, 3001);
    });
}

#[test]
fn a_full_mailbox_is_an_error_at_send_on_the_same_shard() {
    let bounds = Bounds { mailbox_messages_max: 10, ..Bounds::default() };
    let mut world = World::with_config(1, ShardConfig { bounds, ..ShardConfig::default() });
    let (a, b) = (world.spawn(0), world.spawn(0));
    let answer = text(world.ask_now(a, &format!("burst {b} 50")));
    assert_eq!(answer, format!("refused at 10: the mailbox of {b} is full"));
    let ledger = world.closed_ledger();
    assert_eq!((ledger.accepted, ledger.handled, ledger.refused), (11, 11, 1));
    // Room that was taken is given back.
    let again = text(world.ask_now(a, &format!("burst {b} 50")));
    assert!(again.starts_with("refused at 10:"), "{again}");
}

#[test]
fn a_full_way_to_another_shard_is_an_error_at_send_and_what_was_taken_arrives() {
    let bounds = Bounds { outbox_messages_max: 300, mailbox_messages_max: 1_000, ..Bounds::default() };
    let mut world = World::with_config(2, ShardConfig { bounds, ..ShardConfig::default() });
    let (a, b) = (world.spawn(0), world.spawn(1));
    world.log();
    let answer = text(world.ask_now(a, &format!("burst {b} 900")));
    assert!(answer.starts_with("refused at 300:"), "{answer}");
    assert_eq!(world.log().len(), 300, "more than the ring holds, and none is lost");
    world.closed_ledger();
}

#[test]
fn a_mailbox_that_overflows_from_afar_loses_with_a_count() {
    let bounds = Bounds { mailbox_messages_max: 10, ..Bounds::default() };
    let mut world = World::with_config(2, ShardConfig { bounds, ..ShardConfig::default() });
    let (a, b) = (world.spawn(0), world.spawn(1));
    world.tell(a, &format!("burst {b} 100"));
    world.settle();
    let ledger = world.closed_ledger();
    assert_eq!(ledger.accepted, 101);
    assert_eq!(ledger.dead_by_reason[DeadReason::MailboxFull as usize], 90);
    let letters = world.shards[1].report().dead_letters;
    assert_eq!(letters.last().map(|letter| (letter.from, letter.to)), Some((Some(a), Some(b))));
}

#[test]
fn addresses_that_are_nobodys_are_told_from_those_that_are_stale() {
    both(|mut world, other| {
        let (a, b) = (world.spawn(0), world.spawn(other));
        world.stop(b, Shutdown::default());
        let successor = world.spawn(other);
        assert_eq!(successor.slot(), b.slot());
        let never = ActorId::new(ShardId(other as u16), 999, 1);
        for to in [b, never] {
            world.tell(a, &format!("send {to} log lost"));
            world.tell(to, "log lost");
        }
        world.log();
        world.settle();
        assert_eq!(world.log(), [] as [&str; 0], "nobody gets what was another's");
        let ledger = world.closed_ledger();
        let from_afar = u64::from(other == 1);
        assert_eq!(ledger.dead_by_reason[DeadReason::StaleGeneration as usize], 1 + from_afar);
        assert_eq!(ledger.dead_by_reason[DeadReason::NoSuchActor as usize], 1 + from_afar);
        assert_eq!(ledger.refused, 2 - 2 * from_afar, "here, it is an error at send");
    });
}

#[test]
fn a_message_to_a_shard_that_is_not_there_is_refused() {
    let mut world = World::new(1);
    let a = world.spawn(0);
    let nowhere = ActorId::new(ShardId(9), 0, 1);
    assert_eq!(
        text(world.ask_now(a, &format!("send {nowhere} log x"))),
        format!("refused: no such actor: {nowhere}")
    );
}

#[test]
fn a_request_has_the_outcome_of_its_handler() {
    let mut world = World::new(1);
    let a = world.spawn(0);
    assert_eq!(text(world.ask_now(a, "echo hello")), "hello");
    assert_eq!(world.ask_now(a, "log x"), Ok(Payload::empty()));
    let rejected = Failure::Rejected("nonsense".into());
    assert_eq!(world.ask_now(a, "nonsense"), Err(RequestError::Failed(rejected)));
    assert!(matches!(world.ask_now(a, "trap"), Err(RequestError::CalleeExited(ExitReason::Trap { .. }))));
    let stale = world.ask_now(a, "echo hello");
    assert_eq!(stale, Err(RequestError::Dead(DeadReason::StaleGeneration)));
    let ledger = world.closed_ledger();
    assert_eq!((ledger.handled, ledger.failed, ledger.dead()), (3, 1, 1));
}

#[test]
fn a_request_that_is_not_handled_in_time_times_out_once() {
    let mut world = World::new(1);
    let a = world.spawn(0);
    let late = world.ask(a, "log late");
    world.hand.increment(2_000_000_000);
    world.settle();
    let outcome = late.wait().unwrap();
    assert!(
        matches!(outcome, Err(RequestError::Timeout | RequestError::Dead(DeadReason::Expired))),
        "{outcome:?}"
    );
    assert!(!world.log().contains(&"late".to_owned()));
    world.closed_ledger();
}

#[test]
fn requests_left_in_the_mailbox_of_the_dead_are_answered() {
    let mut world = World::new(1);
    let a = world.spawn(0);
    let first = world.ask(a, "panic");
    let second = world.ask(a, "echo x");
    world.settle();
    assert_eq!(first.wait().unwrap(), Err(RequestError::CalleeExited(ExitReason::Panic("told to".into()))));
    assert_eq!(second.wait().unwrap(), Err(RequestError::Dead(DeadReason::Drained)));
    world.closed_ledger();
}

#[test]
fn whom_an_actor_wakes_first_has_the_turn_after_it() {
    let mut world = World::new(1);
    let [a, b, c, d, e] = [(); 5].map(|()| world.spawn(0));
    world.log();
    world.tell(a, &format!("send {b} log b"));
    world.tell(a, &format!("send {e} log e"));
    world.tell(c, "log c");
    world.tell(d, "log d");
    world.settle();
    assert_eq!(world.log(), ["b", "c", "d", "e"], "what is in the caches, and then the queue");
}

#[test]
fn the_turn_is_not_passed_on_past_those_who_wait() {
    let mut world = World::new(1);
    let [a, b, c, d] = [(); 4].map(|()| world.spawn(0));
    world.log();
    // To and fro, as long as anybody asks for it.
    world.tell(a, &format!("send {b} send {a} send {b} send {a} log a"));
    world.tell(c, "log c");
    world.tell(d, "log d");
    world.settle();
    assert_eq!(world.log(), ["c", "d", "a"]);
}

#[test]
fn a_turn_is_bounded_and_neighbours_take_turns() {
    let config = ShardConfig { slice_messages_max: 4, turn_messages_max: 8, ..ShardConfig::default() };
    let mut world = World::with_config(1, config);
    let (a, b) = (world.spawn(0), world.spawn(0));
    world.log();
    for number in 0..12 {
        world.tell(a, &format!("log a{number}"));
    }
    world.tell(b, "log b");
    world.shards[0].turn();
    let log = world.log();
    assert!(log.len() <= 9, "{log:?}");
    assert_eq!(log[4], "b", "after a slice of its neighbour: {log:?}");
}

#[test]
fn latency_is_from_the_first_sending_to_the_last_handling() {
    both(|mut world, other| {
        let (a, b) = (world.spawn(0), world.spawn(other));
        world.tell(a, &format!("send {b} log x"));
        world.hand.increment(5_000);
        world.settle();
        let mut latency = Latency::new();
        for shard in &world.shards {
            latency.merge(&shard.report().latency);
        }
        let summary = latency.summary();
        assert_eq!(summary.count, 1, "what led on to another message is not an end");
        assert!((4_900..5_100).contains(&summary.max_ns), "{summary:?}");
    });
}

/// Sends on whatever it gets, and writes down whether the other shard was woken by then.
struct Chatter(ActorId, Arc<Doorbell>, Log);

impl Actor for Chatter {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        context.send(self.0, message.payload.clone()).unwrap();
        self.2.lock().unwrap().push(self.1.is_armed().to_string());
        Outcome::Done(None)
    }
}

impl Child for Chatter {}

#[test]
fn a_long_turn_does_not_keep_back_what_is_for_another_shard() {
    let mut world = World::new(2);
    let far = world.spawn(1);
    let (bell, log) = (world.doorbells[1].clone(), world.log.clone());
    let make = move |_: &_| Chatter(far, bell.clone(), log.clone());
    world.blueprint = Arc::new(Native::new("chatter", make));
    let chatter = world.spawn(0);
    world.log();
    for _ in 0..200 {
        world.tell(chatter, "log x");
    }
    world.doorbells[1].arm();
    let _ = world.shards[0].turn();
    let asleep = world.log();
    assert_eq!(asleep.len(), 200, "it was one turn");
    let woken_after = asleep.iter().position(|armed| armed == "false").expect("it was woken meanwhile");
    assert!((1..=128).contains(&woken_after), "{woken_after}");
    assert!(asleep[woken_after..].iter().all(|armed| armed == "false"));
    world.settle();
    assert_eq!(world.log(), vec!["x"; 200]);
    world.closed_ledger();
}
