//! OTP's cases over real shards, with native actors: all on one shard, and with
//! each supervisor and its children on different shards.

use std::collections::{HashMap, HashSet};

use super::*;

use crate::control::placement::home_of;
use crate::control::supervisor::tests::cases::otp_cases;
use crate::control::supervisor::tests::stage::{NotStarted, Script, Stage, Start, TestChild, Worker as Plan};
use crate::control::supervisor::{Answer, ChildError, ChildInfo, Counts, Question, SpecError};

mod one_shard {
    super::otp_cases!(super::Shards::new(1));
}

mod across_shards {
    super::otp_cases!(super::Shards::new(3));
}

/// What all actors of a stage write down.
#[derive(Default)]
struct Seen {
    incarnations: HashMap<ActorId, u32>,
    alive: HashSet<ActorId>,
    reasons: HashMap<ActorId, ExitReason>,
    trace: Vec<String>,
}

/// Starts and stops as its plan says; ends as its messages say.
struct Scripted {
    id: String,
    plan: Plan,
    seen: Arc<Mutex<Seen>>,
    hand: Arc<quanta::Mock>,
    own: Option<ActorId>,
}

impl Scripted {
    fn ends(&self, reason: ExitReason) -> ExitReason {
        if let Some(own) = self.own {
            self.seen.lock().unwrap().reasons.insert(own, reason.clone());
        }
        reason
    }
}

impl Actor for Scripted {
    fn handle(&mut self, _: &Context, message: &Message) -> Outcome {
        Outcome::Exited(self.ends(match &message.payload[..] {
            b"normal" => ExitReason::Normal,
            b"shutdown" => ExitReason::Shutdown,
            b"killed" => ExitReason::Killed,
            other => ExitReason::Error(String::from_utf8_lossy(other).into()),
        }))
    }
}

impl Child for Scripted {
    fn start(&mut self, _: &Context, incarnation: &Incarnation) -> Result<(), StartError> {
        match self.plan.next_start() {
            Start::Fail => return Err(StartError::Refused("told to".into())),
            Start::Ignore => return Err(StartError::Ignored),
            Start::Good => {}
        }
        self.own = Some(incarnation.id);
        let mut seen = self.seen.lock().unwrap();
        *seen.incarnations.entry(incarnation.id).or_default() += 1;
        seen.reasons.remove(&incarnation.id);
        assert!(seen.alive.insert(incarnation.id), "one incarnation at a time");
        seen.trace.push(format!("+{}", self.id));
        Ok(())
    }

    fn stop(&mut self, _: &Context, _: StopReason, within: Option<Duration>) -> ExitReason {
        let takes = Duration::from_millis(self.plan.stop_ms);
        let late = within.is_some_and(|within| within < takes);
        self.hand.increment(if late { within.unwrap_or_default() } else { takes });
        self.ends(if late { ExitReason::Killed } else { ExitReason::Shutdown })
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        let Some(own) = self.own else { return };
        let mut seen = self.seen.lock().unwrap();
        assert!(seen.alive.remove(&own), "it ends once");
        seen.reasons.entry(own).or_insert(ExitReason::Killed);
        let ended = format!("-{}", self.id);
        seen.trace.push(ended);
    }
}

struct Shards {
    world: World,
    seen: Arc<Mutex<Seen>>,
}

impl Shards {
    fn new(shards: usize) -> Self {
        Self { world: World::new(shards), seen: Arc::default() }
    }

    fn actor(&self, id: &str, plan: &Plan) -> SpawnSpec {
        let (id, plan, name) = (id.to_owned(), plan.clone(), plan.name.map(Arc::from));
        let (seen, hand) = (self.seen.clone(), self.world.hand.clone());
        let make = move |_: &_| {
            let (id, plan) = (id.clone(), plan.clone());
            Scripted { id, plan, seen: seen.clone(), hand: hand.clone(), own: None }
        };
        SpawnSpec { name, ..SpawnSpec::new(Arc::new(Native::new("scripted", make))) }
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
        self.world.control(supervisor.shard().index(), Control::Supervisor(view));
        self.world.settle();
        waiter.wait().unwrap().unwrap()
    }
}

impl Stage for Shards {
    fn start_link(
        &mut self,
        spec: SupervisorSpec,
        children: Vec<TestChild>,
    ) -> Result<SupervisorId, NotStarted> {
        let (done, waiter) = reply_slot();
        let tree = self.tree(spec, &children, 0);
        self.world.control(0, Control::Supervisor(SupervisorControl::Start { tree, done }));
        self.world.settle();
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
        self.world.control(shard, Control::Supervisor(ask));
        self.world.settle();
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
        self.world.control(shard, Control::Supervisor(change));
        self.world.settle();
        waiter.wait().unwrap().map_err(|error| match error {
            SpawnError::Spec(error) => error,
            other => panic!("{other}"),
        })
    }

    fn stop(&mut self, supervisor: SupervisorId) -> Option<ExitReason> {
        let (done, waiter) = reply_slot();
        self.world.control(supervisor.shard().index(), Control::StopSupervisor { supervisor, done });
        self.world.settle();
        assert!(waiter.is_ready(), "it hangs");
        waiter.wait().unwrap().unwrap()
    }

    fn exit(&mut self, worker: ActorId, reason: ExitReason) {
        self.exit_together(&[worker], reason);
    }

    fn exit_together(&mut self, workers: &[ActorId], reason: ExitReason) {
        let text = match reason {
            ExitReason::Error(text) => text,
            reason => reason.label().to_owned(),
        };
        for &worker in workers {
            self.world.tell(worker, &text);
        }
        self.world.settle();
    }

    fn start_outside(&mut self, name: &'static str) -> ActorId {
        let (done, waiter) = reply_slot();
        let spec = self.actor(name, &Plan { name: Some(name), ..Plan::default() });
        self.world.control(0, Control::Spawn { spec, done });
        self.world.settle();
        waiter.wait().unwrap().unwrap()
    }

    fn whereis(&mut self, name: &str) -> Option<ActorId> {
        let home = home_of(name, self.world.shards.len());
        self.world.outside[home.index()].directory.read(|names| names.get(name).copied())
    }

    fn incarnation(&mut self, worker: ActorId) -> u32 {
        self.seen.lock().unwrap().incarnations.get(&worker).copied().unwrap_or_default()
    }

    fn is_alive(&mut self, worker: ActorId) -> bool {
        self.seen.lock().unwrap().alive.contains(&worker)
    }

    fn exit_reason(&mut self, worker: ActorId) -> Option<ExitReason> {
        self.seen.lock().unwrap().reasons.get(&worker).cloned()
    }

    fn now_ms(&mut self) -> u64 {
        self.world.clock.now_ns() / 1_000_000
    }

    fn advance_ms(&mut self, ms: u64) {
        // Timers fire at the end of the tick in which they are due.
        self.world.hand.increment(ms * 1_000_000 + 2 * TICK_NS);
        self.world.settle();
    }

    fn trace(&mut self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap().trace)
    }
}

impl Drop for Shards {
    /// Whatever a case did: each message is accounted for.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.world.settle();
            self.world.closed_ledger();
        }
    }
}
