//! OTP's cases over real shards: all on one shard, and with each supervisor and its
//! children on different shards. The workers are native actors; or they are components,
//! with the same cases, in [`components`].

use std::collections::{HashMap, HashSet};

use super::*;

use crate::actor::{Blueprint, Resume};
use crate::control::placement::home_of;
use crate::control::supervisor::tests::cases::otp_cases;
use crate::control::supervisor::tests::stage::{NotStarted, Script, Stage, Start, TestChild, Worker as Plan};
use crate::control::supervisor::{Answer, ChildError, ChildInfo, Counts, Question, SpecError};
use crate::sync::{Intake, SharedCounter, injector};

#[cfg(feature = "wasm")]
mod components;
mod natives;

use natives::Natives;

mod one_shard {
    super::otp_cases!(super::Shards::new(1, super::Natives));
}

mod across_shards {
    super::otp_cases!(super::Shards::new(3, super::Natives));
}

/// Who plays the workers.
trait Cast {
    /// What makes the workers of this part.
    fn blueprint(&self, part: Part) -> Arc<dyn Blueprint>;

    /// What a worker is sent that is to end by itself, for this reason.
    fn cue(&self, worker: ActorId, reason: &ExitReason) -> String;

    /// Sees for itself that a worker is up, in this incarnation, or is not.
    fn check(&mut self, world: &mut World, worker: ActorId, up: Option<u32>) {
        let _ = (world, worker, up);
    }
}

/// What a worker has to do, and where it writes down what it did.
#[derive(Clone)]
struct Part {
    id: String,
    plan: Plan,
    seen: Arc<Mutex<Seen>>,
    hand: Arc<quanta::Mock>,
}

/// What all workers of a stage write down.
#[derive(Default)]
struct Seen {
    incarnations: HashMap<ActorId, u32>,
    alive: HashSet<ActorId>,
    trace: Vec<String>,
}

/// A worker whose start and end are written down.
struct Watched {
    part: Part,
    own: Option<ActorId>,
    /// Until it is dropped.
    child: Option<Box<dyn Child>>,
}

impl Watched {
    fn new(part: Part, child: Box<dyn Child>) -> Self {
        Self { part, own: None, child: Some(child) }
    }

    fn child(&mut self) -> &mut dyn Child {
        &mut **self.child.as_mut().expect("it is not dropped")
    }
}

impl Actor for Watched {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        self.child().handle(context, message)
    }

    fn resume(&mut self, context: &Context, resume: Resume) -> Outcome {
        self.child().resume(context, resume)
    }
}

impl Child for Watched {
    fn start(&mut self, context: &Context, incarnation: &Incarnation) -> Result<(), StartError> {
        self.child().start(context, incarnation)?;
        self.own = Some(incarnation.id);
        let mut seen = self.part.seen.lock().unwrap();
        *seen.incarnations.entry(incarnation.id).or_default() += 1;
        assert!(seen.alive.insert(incarnation.id), "one incarnation at a time");
        seen.trace.push(format!("+{}", self.part.id));
        Ok(())
    }

    fn stop(&mut self, context: &Context, reason: StopReason, within: Option<Duration>) -> ExitReason {
        self.child().stop(context, reason, within)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        drop(self.child.take());
        let Some(own) = self.own.filter(|_| !std::thread::panicking()) else { return };
        let mut seen = self.part.seen.lock().unwrap();
        assert!(seen.alive.remove(&own), "it ends once");
        seen.trace.push(format!("-{}", self.part.id));
    }
}

/// How many events may happen before a world has come to rest.
const EVENTS_MAX: usize = 1 << 13;

struct Shards<C: Cast> {
    world: World,
    cast: C,
    seen: Arc<Mutex<Seen>>,
    events: Intake<Event>,
    events_lost: Arc<SharedCounter>,
    /// Why the last incarnation at each address ended, as the events say.
    reasons: HashMap<ActorId, ExitReason>,
}

impl<C: Cast> Shards<C> {
    fn new(shards: usize, cast: C) -> Self {
        let mut world = World::new(shards);
        let (events, intake) = injector(EVENTS_MAX, Arc::new(Doorbell::new(Box::new(NoWake))));
        let lost = Arc::<SharedCounter>::default();
        for shard in 0..shards {
            let sink = EventSink { events: events.clone(), lost: lost.clone() };
            world.control(shard, Control::Observe { sink, done: reply_slot().0 });
        }
        world.settle();
        let (seen, reasons) = (Arc::default(), HashMap::new());
        Self { world, cast, seen, events: intake, events_lost: lost, reasons }
    }

    fn settle(&mut self) {
        self.world.settle();
        let reasons = &mut self.reasons;
        self.events.drain(EVENTS_MAX, |event| match event {
            Event::Started { actor, .. } => drop(reasons.remove(&actor)),
            Event::Exited { actor, reason, .. } => drop(reasons.insert(actor, reason)),
            _ => {}
        });
    }

    fn actor(&self, id: &str, plan: &Plan) -> SpawnSpec {
        let (seen, hand) = (self.seen.clone(), self.world.hand.clone());
        let part = Part { id: id.to_owned(), plan: plan.clone(), seen, hand };
        SpawnSpec { name: plan.name.map(Arc::from), ..SpawnSpec::new(self.cast.blueprint(part)) }
    }

    /// The number of the incarnation that is up.
    fn up(&self, worker: ActorId) -> Option<u32> {
        let seen = self.seen.lock().unwrap();
        seen.alive.contains(&worker).then(|| seen.incarnations[&worker])
    }

    /// Sees for itself that everybody is up who is said to be.
    fn check_all(&mut self) {
        let all: Vec<_> = self.seen.lock().unwrap().alive.iter().copied().collect();
        for worker in all {
            let up = self.up(worker);
            self.cast.check(&mut self.world, worker, up);
        }
    }

    /// Children live on the shard after that of their supervisor.
    fn source(&self, id: &str, script: &Script, above: usize) -> ChildSource {
        let shard = (above + 1) % self.world.shards.len();
        let at = ShardId(shard as u16);
        match script {
            Script::Worker(plan) => ChildSource::Actor { shard: at, spec: self.actor(id, plan) },
            Script::Supervisor(spec, children) => {
                ChildSource::Supervisor { shard: at, tree: self.tree(*spec, children, shard) }
            }
        }
    }

    fn tree(&self, spec: SupervisorSpec, children: &[TestChild], shard: usize) -> Arc<Tree> {
        let children = children.iter().map(|child| self.child(child, shard)).collect();
        Arc::new(Tree { spec, children })
    }

    fn child(&self, child: &TestChild, shard: usize) -> ChildSpec<ChildSource> {
        let ChildSpec { id, kind, policy, what } = child.clone();
        let what = self.source(&id, &what, shard);
        ChildSpec { id, kind, policy, what }
    }

    fn view(&mut self, supervisor: SupervisorId) -> Option<SupervisorView> {
        let (done, waiter) = reply_slot();
        let view = SupervisorControl::View { supervisor, done };
        self.world.control(supervisor.shard().index(), Control::supervisor(view));
        self.settle();
        waiter.wait().unwrap().unwrap()
    }
}

impl<C: Cast> Stage for Shards<C> {
    fn start_link(
        &mut self,
        spec: SupervisorSpec,
        children: Vec<TestChild>,
    ) -> Result<SupervisorId, NotStarted> {
        let (done, waiter) = reply_slot();
        let tree = self.tree(spec, &children, 0);
        self.world.control(0, Control::supervisor(SupervisorControl::Start { tree, done }));
        self.settle();
        waiter.wait().unwrap().map_err(|error| match error {
            SpawnError::Spec(error) => NotStarted::Spec(error),
            SpawnError::StartFailed { message, .. } => NotStarted::Exited(ExitReason::StartFailed(message)),
            other => panic!("{other}"),
        })
    }

    fn ask(&mut self, supervisor: SupervisorId, question: Question<Script>) -> Answer {
        let shard = supervisor.shard().index();
        let question = match question {
            Question::StartChild(child) => Question::StartChild(self.child(&child, shard)),
            Question::StartFromTemplate(script) => {
                Question::StartFromTemplate(self.source("undefined", &script, shard))
            }
            Question::TerminateChild(who) => Question::TerminateChild(who),
            Question::RestartChild(id) => Question::RestartChild(id),
            Question::DeleteChild(id) => Question::DeleteChild(id),
        };
        let (done, waiter) = reply_slot();
        let ask = SupervisorControl::Ask { supervisor, question, asker: Asker::Child(done) };
        self.world.control(shard, Control::supervisor(ask));
        self.settle();
        assert!(waiter.is_ready(), "it hangs");
        waiter.wait().unwrap().map_err(|error| match error {
            SpawnError::Supervision(error) => error,
            SpawnError::Spec(error) => ChildError::Spec(error),
            SpawnError::NoSupervisor(_) => ChildError::NotAtWork,
            error => ChildError::StartFailed(ExitReason::StartFailed(error.to_string())),
        })
    }

    fn which_children(&mut self, supervisor: SupervisorId) -> Option<Vec<ChildInfo>> {
        self.view(supervisor).map(|view| view.children)
    }

    fn count_children(&mut self, supervisor: SupervisorId) -> Option<Counts> {
        self.view(supervisor).map(|view| view.counts)
    }

    fn child_spec(&mut self, supervisor: SupervisorId, id: &str) -> Option<ChildSpec<bool>> {
        let machine = self.world.shards[supervisor.shard().index()].machine_of(supervisor)?;
        let ChildSpec { id, kind, policy, what } = machine.child_spec(id)?;
        Some(ChildSpec { id, kind, policy, what: what.is_some() })
    }

    fn change(
        &mut self,
        supervisor: SupervisorId,
        spec: SupervisorSpec,
        children: Vec<TestChild>,
    ) -> Result<(), SpecError> {
        let (done, waiter) = reply_slot();
        let shard = supervisor.shard().index();
        let tree = self.tree(spec, &children, shard);
        let change = SupervisorControl::Change { supervisor, tree, done };
        self.world.control(shard, Control::supervisor(change));
        self.settle();
        waiter.wait().unwrap().map_err(|error| match error {
            SpawnError::Spec(error) => error,
            other => panic!("{other}"),
        })
    }

    fn stop(&mut self, supervisor: SupervisorId) -> Option<ExitReason> {
        self.check_all();
        let (done, waiter) = reply_slot();
        self.world.control(supervisor.shard().index(), Control::StopSupervisor { supervisor, done });
        self.settle();
        assert!(waiter.is_ready(), "it hangs");
        waiter.wait().unwrap().unwrap()
    }

    fn exit(&mut self, worker: ActorId, reason: ExitReason) {
        self.exit_together(&[worker], reason);
    }

    fn exit_together(&mut self, workers: &[ActorId], reason: ExitReason) {
        for &worker in workers {
            self.world.tell(worker, &self.cast.cue(worker, &reason));
        }
        self.settle();
    }

    fn start_outside(&mut self, name: &'static str) -> ActorId {
        let (done, waiter) = reply_slot();
        let spec = self.actor(name, &Plan { name: Some(name), ..Plan::default() });
        self.world.control(0, Control::spawn(spec, done));
        self.settle();
        waiter.wait().unwrap().unwrap()
    }

    fn whereis(&mut self, name: &str) -> Option<ActorId> {
        let home = home_of(name, self.world.shards.len());
        self.world.outside[home.index()].directory.read(|names| names.get(name).copied())
    }

    fn incarnation(&mut self, worker: ActorId) -> u32 {
        if let Some(number) = self.up(worker) {
            self.cast.check(&mut self.world, worker, Some(number));
        }
        self.seen.lock().unwrap().incarnations.get(&worker).copied().unwrap_or_default()
    }

    fn is_alive(&mut self, worker: ActorId) -> bool {
        let up = self.up(worker);
        self.cast.check(&mut self.world, worker, up);
        up.is_some()
    }

    fn exit_reason(&mut self, worker: ActorId) -> Option<ExitReason> {
        self.reasons.get(&worker).cloned()
    }

    fn now_ms(&mut self) -> u64 {
        self.world.clock.now_ns() / 1_000_000
    }

    fn advance_ms(&mut self, ms: u64) {
        // Timers fire at the end of the tick in which they are due.
        self.world.hand.increment(ms * 1_000_000 + 2 * TICK_NS);
        self.settle();
    }

    fn trace(&mut self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap().trace)
    }
}

impl<C: Cast> Drop for Shards<C> {
    /// Whatever a case did: who is left is there, and each message is accounted for.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.world.settle();
            self.check_all();
            self.world.closed_ledger();
            assert_eq!(self.events_lost.get(), 0);
        }
    }
}
