//! Cases of OTP's `gen_server_SUITE`, under their own names: calls, casts, starts and
//! stops. Every case runs on one shard, and with the server on another one.
//!
//! A call is a request, a cast is a message, a remote node is another shard. What is
//! not here is in docs/otp-and-pekko-cases.md, with the reason.

use super::relations::party;
use super::talker::{both, talkers};
use super::*;
use crate::actor::DeadReason;
use crate::metrics::RequestEnd;

fn named(world: &mut World, shard: usize, name: &str) -> ActorId {
    world.try_spawn(shard, Some(name)).unwrap()
}

/// An outside thread waits for the end of the case, not for the clock.
fn ends_so(world: &World, end: RequestEnd, count: u64) {
    assert_eq!(world.closed_requests().ended(end), count);
}

/// Chooses not to be there.
struct Ignores;

impl Actor for Ignores {
    fn handle(&mut self, _: &Context, _: &Message) -> Outcome {
        unreachable!("it never comes up")
    }
}

impl Child for Ignores {
    fn start(&mut self, _: &Context, _: &Incarnation) -> Result<(), StartError> {
        Err(StartError::Ignored)
    }
}

#[test]
fn start() {
    both(|mut world, other| {
        let anonymous = world.spawn(other);
        assert_eq!(text(world.ask_now(anonymous, "echo started")), "started");
        world.told(anonymous, "exit");
        let noproc = Err(RequestError::Dead(DeadReason::StaleGeneration));
        assert_eq!(world.ask_now(anonymous, "echo started"), noproc);

        let (done, waiter) = reply_slot();
        let ignores = SpawnSpec::new(Arc::new(Native::new("ignores", |_| Ignores)));
        world.control(other, Control::spawn(ignores, done));
        world.settle();
        assert_eq!(waiter.wait().unwrap(), Err(SpawnError::Ignored));

        let first = named(&mut world, other, "my_test_name");
        assert_eq!(world.told(first, "name my_test_name log by-name"), ["by-name"]);
        let taken = SpawnError::NameTaken { name: "my_test_name".into(), by: first };
        assert_eq!(world.try_spawn(0, Some("my_test_name")), Err(taken));
        world.told(first, "exit");
        let second = named(&mut world, 0, "my_test_name");
        assert_ne!(first, second);
        assert_eq!(world.ask_now(first, "echo started"), noproc);
        world.closed_ledger();
    });
    // A server that says no.
    let mut world = World::with_failing_starts(2, ShardConfig::default(), &[true]);
    let error = world.try_spawn(1, Some("my_test_name")).unwrap_err();
    assert!(matches!(error, SpawnError::StartFailed { .. }), "{error}");
    named(&mut world, 0, "my_test_name");
}

#[test]
fn stop1() {
    both(|mut world, other| {
        let server = world.spawn(other);
        assert_eq!(world.stop(server, Shutdown::Infinity), Some(ExitReason::Shutdown));
        assert_eq!(world.stop(server, Shutdown::Infinity), None, "noproc");
        assert_eq!(world.shards[other].report().actors, 0);
    });
}

/// With another reason.
#[test]
fn stop2() {
    party(|mut it| {
        let (a, server) = it.pair();
        it.tell(a, &format!("monitor {server}"));
        it.tell(a, &format!("exit {server} other_reason"));
        it.heard(&[format!("a down {server} error")]);
        assert!(!it.is_there(server));
    });
}

/// By its name.
#[test]
fn stop4() {
    both(|mut world, other| {
        let whereis = |world: &World| {
            let home = crate::control::placement::home_of("to_stop", 2);
            world.outside[home.index()].directory.read(|names| names.get("to_stop").copied())
        };
        let server = named(&mut world, other, "to_stop");
        assert_eq!(whereis(&world), Some(server));
        world.stop(server, Shutdown::default());
        assert_eq!(whereis(&world), None);
        let prober = world.spawn(0);
        let noproc = text(world.ask_now(prober, "name to_stop log x"));
        assert!(noproc.starts_with("refused: "), "{noproc}");
    });
}

#[test]
fn crash() {
    both(|mut world, other| {
        for (how, label) in [("trap", "trap"), ("exit", "normal")] {
            let (client, server) = (world.spawn(0), world.spawn(other));
            world.tell(client, &format!("request {server} 500 defer"));
            world.settle();
            world.tell(server, how);
            world.settle();
            let log = world.log();
            assert_eq!(log.len(), 1, "the caller hears at once");
            assert!(log[0].starts_with("error: ") && log[0].contains(label), "{log:?}");
            assert_eq!(text(world.ask_now(client, "echo alive")), "alive");
        }
        ends_so(&world, RequestEnd::CalleeDead, 2);
    });
}

#[test]
fn call() {
    both(|mut world, other| {
        let (client, server) = (world.spawn(0), named(&mut world, other, "my_test_name"));
        assert_eq!(world.told(client, &format!("ask {server} echo started")), ["got started"]);
        // A delayed answer, in time.
        world.tell(client, &format!("ask {server} defer"));
        world.advance_ms(30);
        assert_eq!(world.told(server, "answer delayed"), ["got delayed"]);
        // And one too late: the caller goes on, and never hears of it.
        world.tell(client, &format!("request {server} 10 defer"));
        world.settle();
        world.advance_ms(11);
        assert_eq!(world.log(), ["error: no reply by the deadline"]);
        assert_eq!(world.told(server, "answer late"), [] as [&str; 0]);
        assert_eq!(text(world.ask_now(client, "echo alive")), "alive");
        ends_so(&world, RequestEnd::TimedOut, 1);
        world.closed_ledger();
    });
}

#[test]
fn cast() {
    both(|mut world, other| {
        let (client, server) = (world.spawn(0), named(&mut world, other, "my_test_name"));
        assert_eq!(world.told(client, "name my_test_name log by-name"), ["by-name"]);
        assert_eq!(world.told(client, &format!("send {server} log by-address")), ["by-address"]);
        // To one that is dead: nothing happens to the sender, and it is counted.
        world.told(server, "exit");
        assert_eq!(world.told(client, &format!("send {server} log x")), [] as [&str; 0]);
        assert_eq!(text(world.ask_now(client, "echo alive")), "alive");
        let ledger = world.ledger();
        assert!(ledger.closes());
        // Beside each other the sender hears it at once; across shards it is dead there.
        let (refused, dead) = if other == 0 { (1, 0) } else { (0, 1) };
        assert_eq!((ledger.refused, ledger.dead()), (refused, dead));
    });
}

/// To where nobody can be: it comes back at once, with an error.
#[test]
fn cast_fast() {
    both(|mut world, _| {
        let client = world.spawn(0);
        let nowhere = ActorId::new(ShardId(77), 0, 1);
        let answer = text(world.ask_now(client, &format!("send {nowhere} log x")));
        assert!(answer.starts_with("refused: "), "{answer}");
    });
}

/// What is no call and no cast is a message as well.
#[test]
fn info() {
    both(|mut world, other| {
        let (client, server) = (world.spawn(0), world.spawn(other));
        world.tell(client, &format!("after 5 {server} log timeout"));
        world.settle();
        world.advance_ms(10);
        assert_eq!(world.log(), ["timeout"]);
    });
}

#[test]
fn abcast() {
    both(|mut world, other| {
        let client = world.spawn(0);
        let servers = [world.spawn(0), world.spawn(other), world.spawn(other)];
        for server in servers {
            world.told(server, "join my_test_name");
        }
        assert_eq!(text(world.ask_now(client, "all my_test_name log x")), "3");
        assert_eq!(world.log(), ["x", "x", "x"]);
        world.closed_ledger();
    });
}

#[test]
fn multicall() {
    both(|mut world, other| {
        let client = world.spawn(0);
        let servers = [world.spawn(0), world.spawn(other), world.spawn(other)];
        for (number, server) in servers.into_iter().enumerate() {
            world.tell(client, &format!("request {server} 100 echo {number}"));
        }
        world.settle();
        let mut log = world.log();
        log.sort();
        assert_eq!(log, ["got 0", "got 1", "got 2"]);
        ends_so(&world, RequestEnd::Replied, 3);
    });
}

/// Those that are gone are named, and the others answer.
#[test]
fn multicall_down() {
    both(|mut world, other| {
        let client = world.spawn(0);
        let servers = [world.spawn(0), world.spawn(other), world.spawn(other)];
        world.tell(client, &format!("request {} 100 defer", servers[1]));
        world.settle();
        world.tell(servers[1], "exit");
        for server in [servers[0], servers[2]] {
            world.tell(client, &format!("request {server} 100 echo x"));
        }
        world.settle();
        let mut log = world.log();
        log.sort();
        assert_eq!(log.len(), 3, "at once, without a deadline: {log:?}");
        assert!(log[0].starts_with("error: ") && log[1..] == ["got x", "got x"], "{log:?}");
        ends_so(&world, RequestEnd::CalleeDead, 1);
    });
}

/// A call to one that has died: by its address.
fn call_to_dead(how: &str) {
    both(|mut world, other| {
        let (client, server) = (world.spawn(0), named(&mut world, other, "hubba"));
        assert_eq!(world.told(client, &format!("ask {server} echo started")), ["got started"]);
        world.told(server, how);
        world.tell(client, &format!("ask {server} echo started"));
        world.settle();
        // Either it is refused, or it ends at once; nobody waits for a deadline.
        assert!(world.closed_requests().pending == 0);
        assert_eq!(text(world.ask_now(client, "echo alive")), "alive");
    });
}

#[test]
fn call_remote1() {
    call_to_dead("trap");
}

#[test]
fn call_remote2() {
    call_to_dead("exit");
}

/// It is killed while the call is on its way.
#[test]
fn call_remote3() {
    both(|mut world, other| {
        let (client, server) = (world.spawn(0), named(&mut world, other, "hubba"));
        world.tell(client, &format!("request {server} 500 defer"));
        world.settle();
        let (done, _waiter) = reply_slot();
        world.control(other, Control::Stop { actor: server, shutdown: Shutdown::BrutalKill, done });
        world.settle();
        let log = world.log();
        assert!(log.len() == 1 && log[0].contains("killed"), "{log:?}");
    });
}

/// There never was one: by name, by address, and by an address of another shard.
fn call_to_nobody(call: impl Fn(usize) -> String) {
    both(|mut world, other| {
        let client = world.spawn(0);
        let answer = text(world.ask_now(client, &call(other)));
        let heard = world.log();
        assert!(answer.contains("refused") || answer.contains("error") || heard[0].contains("error"));
        assert_eq!(world.closed_requests().pending, 0);
    });
}

#[test]
fn call_remote_n1() {
    call_to_nobody(|_| "name hubba echo x".into());
}

#[test]
fn call_remote_n2() {
    call_to_nobody(|other| format!("ask {} echo x", ActorId::new(ShardId(other as u16), 4_000, 1)));
}

#[test]
fn call_remote_n3() {
    call_to_nobody(|_| format!("ask {} echo x", ActorId::new(ShardId(9), 0, 1)));
}

/// What a call takes does not depend on how much mail the caller has: the answer
/// overtakes it.
#[test]
fn call_with_huge_message_queue() {
    for other in [0, 1] {
        let turns = |mail: usize| {
            let bounds = Bounds { mailbox_messages_max: 200_000, ..Bounds::default() };
            let mut world = talkers(2, ShardConfig { bounds, ..ShardConfig::default() });
            let (client, server) = (world.spawn(0), world.spawn(other));
            world.told(client, &format!("ask {server} defer"));
            // It waits for the answer; its mail piles up meanwhile.
            for _ in 0..mail {
                world.shards[0].deliver_arrival(&mut Message::new(client, "log mail"));
                world.shards[0].counters.accepted.add(1);
            }
            world.tell(server, "answer now");
            let mut turns = 0;
            while !world.log.lock().unwrap().contains(&"got now".to_owned()) {
                turns += 1;
                assert!(turns < 100);
                world.shards.iter_mut().for_each(|shard| _ = shard.turn());
            }
            assert_eq!(world.log()[0], "got now", "before any of the mail");
            world.settle();
            world.closed_ledger();
            turns
        };
        assert_eq!(turns(0), turns(100_000));
    }
}
