//! Where OTP's cases are played: the machine alone, or shards.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crate::actor::{ActorId, ExitReason};
use crate::control::child_spec::{ChildAddress, ChildSpec, SupervisorId};
use crate::control::supervisor::{
    Answer, ChildError, ChildInfo, ChildStatus, Counts, Question, SpecError, SupervisorSpec, Who,
};

/// What a child's next start does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Start {
    #[default]
    Good,
    Ignore,
    Fail,
}

/// What a worker does. All clones share the plan of its starts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Worker {
    pub(crate) plan: Arc<Mutex<(VecDeque<Start>, Start)>>,
    /// How long it takes to stop.
    pub(crate) stop_ms: u64,
    /// What it is registered as.
    pub(crate) name: Option<&'static str>,
}

impl Worker {
    /// Its first starts go like that, all later ones like `then`.
    pub(crate) fn starting(first: &[Start], then: Start) -> Self {
        Self { plan: Arc::new(Mutex::new((first.iter().copied().collect(), then))), ..Self::default() }
    }

    /// From here on, all its starts go like that.
    pub(crate) fn starts_only(&self, then: Start) {
        *self.plan.lock().unwrap() = (VecDeque::new(), then);
    }

    pub(crate) fn next_start(&self) -> Start {
        let mut plan = self.plan.lock().unwrap();
        plan.0.pop_front().unwrap_or(plan.1)
    }
}

/// What a child is made from.
#[derive(Debug, Clone)]
pub(crate) enum Script {
    Worker(Worker),
    Supervisor(SupervisorSpec, Vec<ChildSpec<Script>>),
}

pub(crate) type TestChild = ChildSpec<Script>;

/// A worker that does nothing special.
pub(crate) fn worker(id: &str) -> TestChild {
    scripted(id, Worker::default())
}

pub(crate) fn scripted(id: &str, worker: Worker) -> TestChild {
    ChildSpec::worker(id, Script::Worker(worker))
}

pub(crate) fn supervisor(id: &str, spec: SupervisorSpec, children: Vec<TestChild>) -> TestChild {
    ChildSpec::supervisor(id, Script::Supervisor(spec, children))
}

/// A supervisor did not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotStarted {
    Spec(SpecError),
    Exited(ExitReason),
}

/// One incarnation of a worker: what a pid is to OTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pid {
    pub(crate) at: ChildAddress,
    pub(crate) incarnation: u32,
}

/// A world with supervisors and workers. Each call comes back when all is at rest.
pub(crate) trait Stage {
    fn start_link(
        &mut self,
        spec: SupervisorSpec,
        children: Vec<TestChild>,
    ) -> Result<SupervisorId, NotStarted>;
    fn ask(&mut self, supervisor: SupervisorId, question: Question<Script>) -> Answer;
    /// `None` if there is no such supervisor.
    fn which_children(&mut self, supervisor: SupervisorId) -> Option<Vec<ChildInfo>>;
    fn count_children(&mut self, supervisor: SupervisorId) -> Option<Counts>;
    /// The policy of a child; is it known what it is made from?
    fn child_spec(&mut self, supervisor: SupervisorId, id: &str) -> Option<ChildSpec<bool>>;
    fn change(
        &mut self,
        supervisor: SupervisorId,
        spec: SupervisorSpec,
        children: Vec<TestChild>,
    ) -> Result<(), SpecError>;
    /// Stops a supervisor. Why it ended, if it was there.
    fn stop(&mut self, supervisor: SupervisorId) -> Option<ExitReason>;
    /// A worker ends by itself, for this reason.
    fn exit(&mut self, worker: ActorId, reason: ExitReason);
    /// Workers end by themselves, all before anyone hears of it.
    fn exit_together(&mut self, workers: &[ActorId], reason: ExitReason);
    /// Starts a worker that no supervisor looks after.
    fn start_outside(&mut self, name: &'static str) -> ActorId;
    /// Who is registered under this name.
    fn whereis(&mut self, name: &str) -> Option<ActorId>;
    /// How many incarnations were started at this address.
    fn incarnation(&mut self, worker: ActorId) -> u32;
    fn is_alive(&mut self, worker: ActorId) -> bool;
    /// Why the last incarnation at this address ended.
    fn exit_reason(&mut self, worker: ActorId) -> Option<ExitReason>;
    fn now_ms(&mut self) -> u64;
    fn advance_ms(&mut self, ms: u64);
    /// What has started and stopped since the last call: `+child1`, `-child1`.
    fn trace(&mut self) -> Vec<String>;
}

/// What cases say all the time.
pub(crate) trait StageExt: Stage {
    fn start_child(&mut self, supervisor: SupervisorId, child: TestChild) -> Result<Option<Pid>, ChildError> {
        let answer = self.ask(supervisor, Question::StartChild(child))?;
        Ok(answer.map(|at| self.pid(at)))
    }

    /// Starts a child, which must come up.
    #[track_caller]
    fn child(&mut self, supervisor: SupervisorId, child: TestChild) -> Pid {
        self.start_child(supervisor, child).expect("it starts").expect("it is there")
    }

    /// Starts a child from the template.
    fn dynamic(&mut self, supervisor: SupervisorId, worker: Worker) -> Result<Option<Pid>, ChildError> {
        let answer = self.ask(supervisor, Question::StartFromTemplate(Script::Worker(worker)))?;
        Ok(answer.map(|at| self.pid(at)))
    }

    /// Starts a child from the template, which must come up.
    #[track_caller]
    fn dynamic_child(&mut self, supervisor: SupervisorId) -> Pid {
        self.dynamic(supervisor, Worker::default()).expect("it starts").expect("it is there")
    }

    fn pid(&mut self, at: ChildAddress) -> Pid {
        let incarnation = at.actor().map_or(0, |actor| self.incarnation(actor));
        Pid { at, incarnation }
    }

    fn terminate_child(&mut self, supervisor: SupervisorId, id: &str) -> Result<(), ChildError> {
        self.ask(supervisor, Question::TerminateChild(Who::Id(id.into()))).map(drop)
    }

    fn terminate_at(&mut self, supervisor: SupervisorId, pid: Pid) -> Result<(), ChildError> {
        self.ask(supervisor, Question::TerminateChild(Who::Address(pid.at))).map(drop)
    }

    fn restart_child(&mut self, supervisor: SupervisorId, id: &str) -> Result<Option<Pid>, ChildError> {
        let answer = self.ask(supervisor, Question::RestartChild(id.into()))?;
        Ok(answer.map(|at| self.pid(at)))
    }

    fn delete_child(&mut self, supervisor: SupervisorId, id: &str) -> Result<(), ChildError> {
        self.ask(supervisor, Question::DeleteChild(id.into())).map(drop)
    }

    /// `[specs, active, supervisors, workers]`, as OTP's suite writes it.
    #[track_caller]
    fn counts(&mut self, supervisor: SupervisorId) -> [usize; 4] {
        let counts = self.count_children(supervisor).expect("the supervisor is there");
        [counts.specs, counts.active, counts.supervisors, counts.workers]
    }

    /// The children that have ids: what each is called, and what it does.
    #[track_caller]
    fn children(&mut self, supervisor: SupervisorId) -> Vec<(String, Shown)> {
        let children = self.which_children(supervisor).expect("the supervisor is there");
        let shown = |info: ChildInfo| {
            let id = info.id.as_deref().unwrap_or("undefined").to_owned();
            let shown = match info.status {
                ChildStatus::Running(at) => Shown::Pid(self.pid(at)),
                ChildStatus::Restarting(_) => Shown::Restarting,
                ChildStatus::Absent => Shown::Undefined,
                other => Shown::Moving(other),
            };
            (id, shown)
        };
        children.into_iter().map(shown).collect()
    }

    /// The child of this id, which must be up.
    #[track_caller]
    fn pid_of(&mut self, supervisor: SupervisorId, id: &str) -> Pid {
        let children = self.children(supervisor);
        match children.iter().find(|(known, _)| known == id) {
            Some((_, Shown::Pid(pid))) => *pid,
            _ => panic!("{id} is not up: {children:?}"),
        }
    }

    /// The children that are up.
    #[track_caller]
    fn pids(&mut self, supervisor: SupervisorId) -> Vec<Pid> {
        let children = self.children(supervisor);
        let pid = |(_, shown)| match shown {
            Shown::Pid(pid) => Some(pid),
            _ => None,
        };
        children.into_iter().filter_map(pid).collect()
    }

    /// This incarnation ends by itself.
    #[track_caller]
    fn ends(&mut self, pid: Pid, reason: ExitReason) {
        assert!(self.lives(pid), "{pid:?} is not up");
        let Some(actor) = pid.at.actor() else { panic!("{pid:?} is no actor") };
        self.exit(actor, reason);
    }

    fn lives(&mut self, pid: Pid) -> bool {
        let actor = pid.at.actor().expect("an actor");
        self.is_alive(actor) && self.incarnation(actor) == pid.incarnation
    }

    fn is_up(&mut self, supervisor: SupervisorId) -> bool {
        self.which_children(supervisor).is_some()
    }

    fn reason_of(&mut self, pid: Pid) -> Option<ExitReason> {
        pid.at.actor().and_then(|actor| self.exit_reason(actor))
    }
}

impl<S: Stage + ?Sized> StageExt for S {}

/// What `which_children` shows of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Pid(Pid),
    Restarting,
    Undefined,
    Moving(ChildStatus),
}

pub(crate) fn abnormal() -> ExitReason {
    ExitReason::Error("abnormal".into())
}
