//! Shards stepped by hand, with native actors and a clock that stands still
//! unless told to move.

mod arrivals;
mod batches;
mod churn;
mod gen_server;
mod health;
mod holdings;
mod hooks;
mod lifecycle;
mod messages;
mod names;
mod offspring;
mod otp;
mod overload;
mod pekko;
mod relations;
mod requests;
mod storm;
mod stress;
mod supervision;
mod talker;
mod timers;
mod topics;
mod watch;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::actor::{
    Actor, ActorId, Child, Context, ExitReason, Incarnation, Message, Native, Outcome, Payload, RequestError,
    ShardId, StartError, StopReason, TrapCause,
};
use crate::control::child_spec::{ChildKind, ChildPolicy, ChildSpec, Shutdown};
use crate::control::supervisor::{Question, SupervisorSpec};
use crate::metrics::{Clock, Ledger};
use crate::sync::{Doorbell, Waiter, Wake, reply_slot};

use super::*;

struct NoWake;

impl Wake for NoWake {
    fn wake(&self) {}
}

/// What all actors of a test write down, in order.
type Log = Arc<Mutex<Vec<String>>>;

/// Does what its messages say:
///
/// - `log TEXT`: writes it down
/// - `send SHARD.SLOT.GENERATION TEXT`: sends it there
/// - `burst ADDRESS N`: sends N numbered `log`s there
/// - `trap`, `panic`, `exit`
/// - `echo TEXT`: replies with it
/// - `lookup NAME`: replies with the address
/// - anything else is rejected
struct Puppet {
    log: Log,
    start_fails: Rc<RefCell<VecDeque<bool>>>,
    name: String,
}

impl Puppet {
    fn write(&self, text: impl Into<String>) {
        self.log.lock().unwrap().push(text.into());
    }
}

impl Actor for Puppet {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        let text = String::from_utf8_lossy(&message.payload).into_owned();
        let (verb, rest) = text.split_once(' ').unwrap_or((&text, ""));
        let reply = |text: String| Outcome::Done(Some(text.into()));
        match verb {
            "log" => self.write(rest),
            "send" => {
                let (to, what) = rest.split_once(' ').unwrap();
                if let Err(error) = context.send(to.parse().unwrap(), what) {
                    return reply(format!("refused: {error}"));
                }
            }
            "burst" => {
                let (to, count) = rest.split_once(' ').unwrap();
                for number in 0..count.parse::<u32>().unwrap() {
                    if let Err(error) = context.send(to.parse().unwrap(), format!("log {number}")) {
                        return reply(format!("refused at {number}: {error}"));
                    }
                }
            }
            "trap" => {
                return Outcome::Exited(ExitReason::Trap {
                    cause: TrapCause::Guest,
                    message: "told to".into(),
                });
            }
            "panic" => panic!("told to"),
            "exit" => context.exit(ExitReason::Normal),
            "echo" => return reply(rest.to_owned()),
            "lookup" => return reply(context.lookup(rest).map_or("nobody".into(), |id| id.to_string())),
            _ => return Outcome::Failed(crate::actor::Failure::Rejected(text)),
        }
        Outcome::Done(None)
    }
}

impl Child for Puppet {
    fn start(&mut self, _: &Context, incarnation: &Incarnation) -> Result<(), StartError> {
        self.name = incarnation.name.as_deref().unwrap_or("nameless").to_owned();
        if self.start_fails.borrow_mut().pop_front() == Some(true) {
            return Err(StartError::Refused("told to".into()));
        }
        self.write(format!("start {} {}", self.name, incarnation.restarts));
        Ok(())
    }

    fn stop(&mut self, _: &Context, reason: StopReason, _: Option<Duration>) -> ExitReason {
        self.write(format!("stop {}", self.name));
        match reason {
            StopReason::Normal => ExitReason::Normal,
            _ => ExitReason::Shutdown,
        }
    }
}

/// Some shards on one thread.
struct World {
    shards: Vec<Shard>,
    doorbells: Vec<Arc<Doorbell>>,
    outside: Vec<Outside>,
    hand: Arc<quanta::Mock>,
    clock: Clock,
    log: Log,
    blueprint: Arc<dyn crate::actor::Blueprint>,
}

impl World {
    fn new(shards: usize) -> Self {
        Self::with_config(shards, ShardConfig::default())
    }

    fn with_config(shards: usize, config: ShardConfig) -> Self {
        Self::with_failing_starts(shards, config, &[])
    }

    /// The first starts on each shard fail or not, in this order.
    fn with_failing_starts(shards: usize, config: ShardConfig, fails: &[bool]) -> Self {
        Self::grow(shards, config, fails, |seed| seed)
    }

    fn grow(shards: usize, config: ShardConfig, fails: &[bool], tend: impl Fn(Seed) -> Seed) -> Self {
        // Whatever a test is about, no message goes unseen.
        let config = ShardConfig { checks_ledger: true, ..config };
        let (clock, hand) = Clock::manual();
        let doorbells: Vec<_> = (0..shards).map(|_| Arc::new(Doorbell::new(Box::new(NoWake)))).collect();
        let (seeds, outside): (Vec<_>, Vec<_>) = seeds(config, &clock, &doorbells).into_iter().unzip();
        let log = Log::default();
        let fails: Arc<Mutex<VecDeque<bool>>> = Arc::new(Mutex::new(fails.iter().copied().collect()));
        let for_actors = log.clone();
        let blueprint = Native::new("puppet", move |_| Puppet {
            log: for_actors.clone(),
            start_fails: Rc::new(RefCell::new(fails.lock().unwrap().pop_front().into_iter().collect())),
            name: String::new(),
        });
        Self {
            shards: seeds.into_iter().map(|seed| Shard::new(tend(seed))).collect(),
            doorbells,
            outside,
            hand,
            clock,
            log,
            blueprint: Arc::new(blueprint),
        }
    }

    /// Turns every shard until none has anything to do.
    fn settle(&mut self) {
        for _ in 0..100_000 {
            let mut busy = false;
            for shard in &mut self.shards {
                busy |= shard.turn() == Turned::Busy;
            }
            if !busy {
                return;
            }
        }
        panic!("the shards never come to rest");
    }

    fn advance_ms(&mut self, ms: u64) {
        self.hand.increment(ms * 1_000_000);
        self.settle();
    }

    fn control(&self, shard: usize, control: Control) {
        assert!(self.outside[shard].injector.push(Command::Control(control)).is_ok());
    }

    fn spec(&self, name: Option<&str>) -> SpawnSpec {
        SpawnSpec { name: name.map(Arc::from), ..SpawnSpec::new(self.blueprint.clone()) }
    }

    fn try_spawn(&mut self, shard: usize, name: Option<&str>) -> Result<ActorId, SpawnError> {
        let (done, waiter) = reply_slot();
        self.control(shard, Control::spawn(self.spec(name), done));
        self.settle();
        waiter.wait().unwrap()
    }

    fn spawn(&mut self, shard: usize) -> ActorId {
        self.try_spawn(shard, None).unwrap()
    }

    fn supervisor(&mut self, shard: usize, restarts_max: u32) -> SupervisorId {
        let (done, waiter) = reply_slot();
        let spec = SupervisorSpec { restarts_max, ..SupervisorSpec::default() };
        let tree = Arc::new(Tree { spec, children: Vec::new() });
        self.control(shard, Control::supervisor(SupervisorControl::Start { tree, done }));
        self.settle();
        waiter.wait().unwrap().unwrap()
    }

    fn child(
        &mut self,
        supervisor: SupervisorId,
        shard: usize,
        policy: ChildPolicy,
        name: &str,
    ) -> Result<ActorId, SpawnError> {
        let (done, waiter) = reply_slot();
        let what = ChildSource::Actor { shard: ShardId(shard as u16), spec: self.spec(Some(name)) };
        let question =
            Question::StartChild(ChildSpec { id: name.into(), kind: ChildKind::Worker, policy, what });
        let ask = SupervisorControl::Ask { supervisor, question, asker: Asker::Actor(done) };
        self.control(supervisor.shard().index(), Control::supervisor(ask));
        self.settle();
        waiter.wait().unwrap()
    }

    fn stop(&mut self, actor: ActorId, shutdown: Shutdown) -> Option<ExitReason> {
        let (done, waiter) = reply_slot();
        self.control(actor.shard().index(), Control::Stop { actor, shutdown, done });
        self.settle();
        waiter.wait().unwrap().unwrap()
    }

    /// From outside, without a turn.
    fn tell(&self, to: ActorId, text: &str) {
        self.post(Message { sent_at_ns: self.clock.now_ns(), ..Message::new(to, text) });
    }

    /// The same, and nobody measures it.
    fn tell_unmeasured(&self, to: ActorId, text: &str) {
        self.post(Message::new(to, text));
    }

    fn post(&self, message: Message) {
        let outside = &self.outside[message.to.expect("for somebody").shard().index()];
        outside.counters.injected.add(1);
        assert!(outside.injector.push(Command::Tell(message)).is_ok());
    }

    /// From outside, without a turn, with a deadline in 1 s.
    fn ask(&self, to: ActorId, text: &str) -> Waiter<Result<Payload, RequestError>> {
        let (resolver, waiter) = reply_slot();
        let outside = &self.outside[to.shard().index()];
        outside.counters.injected.add(1);
        let expires_at_ns = self.clock.now_ns() + 1_000_000_000;
        let message = Message { expires_at_ns, ..Message::new(to, text) };
        assert!(outside.injector.push(Command::Request(message, resolver)).is_ok());
        waiter
    }

    fn ask_now(&mut self, to: ActorId, text: &str) -> Result<Payload, RequestError> {
        let waiter = self.ask(to, text);
        self.settle();
        assert!(waiter.is_ready(), "no outcome for {text:?}");
        waiter.wait().unwrap()
    }

    fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    fn ledger(&self) -> Ledger {
        let ledger = self.shards.iter().map(|shard| shard.report().ledger).sum();
        let Ledger { resident, .. } = ledger;
        let waiting: usize = self.outside.iter().map(|outside| outside.injector.len()).sum();
        Ledger { resident: resident + waiting as u64, ..ledger }
    }

    /// The ledger, which must close with nothing left over.
    #[track_caller]
    fn closed_ledger(&self) -> Ledger {
        let ledger = self.ledger();
        assert!(ledger.closes(), "{ledger:?}");
        assert_eq!(ledger.resident, 0, "{ledger:?}");
        ledger
    }
}

fn text(outcome: Result<Payload, RequestError>) -> String {
    String::from_utf8(outcome.expect("a reply").to_vec()).unwrap()
}
