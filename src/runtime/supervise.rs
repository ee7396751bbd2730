//! What an embedder says of a supervisor to be, and asks of one that is up.

use std::sync::Arc;
use std::time::Duration;

use crate::actor::ShardId;
use crate::control::child_spec::{ChildAddress, ChildPolicy, ChildSpec, Restart, Shutdown};
use crate::control::placement::Placement;
use crate::control::supervisor::{AutoShutdown, ChildInfo, Counts, Question, Strategy, SupervisorSpec, Who};
use crate::shard::{
    Asker, ChildSource, Control, Extra, SpawnError, SupervisorControl, SupervisorId, SupervisorView, Tree,
};
use crate::sync::reply_slot;

use super::handle::Handle;
use super::pending::Pending;
use super::spawn::Spawn;

/// A supervisor to be: how it works, and the children that it begins with, which
/// may be supervisors themselves.
///
/// ```no_run
/// # use std::time::Duration;
/// # use raddle::actor::Blueprint;
/// # fn example(db: std::sync::Arc<dyn Blueprint>, web: std::sync::Arc<dyn Blueprint>, runtime: raddle::Runtime) -> Result<(), Box<dyn std::error::Error>> {
/// use raddle::control::supervisor::Strategy;
/// use raddle::{Spawn, Supervise};
///
/// let tree = Supervise::new(Strategy::RestForOne)
///     .intensity(3, Duration::from_secs(5))
///     .child(Spawn::new(db).name("db"))
///     .child(Supervise::new(Strategy::OneForOne).id("web").child(Spawn::new(web).name("web")));
/// let supervisor = runtime.supervise(tree).wait()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Supervise {
    spec: SupervisorSpec,
    children: Vec<SpawnChild>,
    placement: Option<ShardId>,
    id: Option<Arc<str>>,
    policy: Option<ChildPolicy>,
}

/// A child to be: an actor, or a supervisor.
#[derive(Clone)]
pub enum SpawnChild {
    /// An actor.
    Actor(Box<Spawn>),
    /// A supervisor.
    Supervisor(Supervise),
}

impl From<Spawn> for SpawnChild {
    fn from(spawn: Spawn) -> Self {
        Self::Actor(Box::new(spawn))
    }
}

impl From<Supervise> for SpawnChild {
    fn from(supervise: Supervise) -> Self {
        Self::Supervisor(supervise)
    }
}

impl From<SupervisorSpec> for Supervise {
    fn from(spec: SupervisorSpec) -> Self {
        Self { spec, ..Self::default() }
    }
}

impl Supervise {
    /// A supervisor of this strategy, without children.
    pub fn new(strategy: Strategy) -> Self {
        SupervisorSpec::new(strategy).into()
    }

    /// Gives up at more than so many restarts within the period (default: 1 in 5 s).
    pub fn intensity(mut self, restarts_max: u32, period: Duration) -> Self {
        let period_ns = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
        self.spec = self.spec.intensity(restarts_max, period_ns);
        self
    }

    /// Whether it stops when significant children have ended (default: never).
    pub fn auto_shutdown(mut self, auto_shutdown: AutoShutdown) -> Self {
        self.spec = self.spec.auto_shutdown(auto_shutdown);
        self
    }

    /// Adds a child to those that it begins with, after the others. The one child
    /// of a `simple_one_for_one` supervisor is its template, and is not started.
    pub fn child(mut self, child: impl Into<SpawnChild>) -> Self {
        self.children.push(child.into());
        self
    }

    /// Puts it on this shard (default: shard 0 for the topmost, the one that is next
    /// in turn for others).
    pub fn on(mut self, shard: ShardId) -> Self {
        self.placement = Some(shard);
        self
    }

    /// What the supervisor above calls it.
    pub fn id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// When the supervisor above starts it again (default: always).
    pub fn restart(mut self, restart: Restart) -> Self {
        self.policy.get_or_insert_with(ChildPolicy::of_supervisor).restart = restart;
        self
    }

    /// How the supervisor above stops it (default: as long as it takes). When its time
    /// is up, what it still looks after is killed.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.policy.get_or_insert_with(ChildPolicy::of_supervisor).shutdown = shutdown;
        self
    }

    /// Lets its end count for the automatic shutdown of the supervisor above.
    pub fn significant(mut self) -> Self {
        self.policy.get_or_insert_with(ChildPolicy::of_supervisor).significant = true;
        self
    }

    fn tree(self, handle: &Handle) -> Result<Tree, SpawnError> {
        let numbered = self.children.into_iter().enumerate();
        let children = numbered.map(|(number, child)| child.spec(handle, &format!("#{number}")));
        Ok(Tree { spec: self.spec, children: children.collect::<Result<_, _>>()? })
    }
}

impl SpawnChild {
    fn spec(self, handle: &Handle, default_id: &str) -> Result<ChildSpec<ChildSource>, SpawnError> {
        match self {
            Self::Actor(spawn) => {
                let shard = handle.place(spawn.placement)?;
                let policy = spawn.policy;
                let id = spawn.child_id().unwrap_or_else(|| default_id.into());
                let what = ChildSource::Actor { shard, spec: spawn.into_spec(handle) };
                Ok(ChildSpec { policy, ..ChildSpec::worker(id, what) })
            }
            Self::Supervisor(supervise) => {
                let shard = handle.place(supervise.placement.map_or(Placement::Spread, Placement::Shard))?;
                let policy = supervise.policy.unwrap_or_else(ChildPolicy::of_supervisor);
                let id = supervise.id.clone().unwrap_or_else(|| default_id.into());
                let what = ChildSource::Supervisor { shard, tree: Arc::new(supervise.tree(handle)?) };
                Ok(ChildSpec { policy, ..ChildSpec::supervisor(id, what) })
            }
        }
    }
}

impl Handle {
    /// Starts a supervisor, and the children that it begins with, one after the
    /// other. The answer comes when they are up.
    ///
    /// # Errors
    /// The answer is an error if specs do not go together, if a child could not be
    /// started (those before it are stopped again), or if the runtime is shutting
    /// down.
    pub fn supervise(&self, supervise: impl Into<Supervise>) -> Pending<SupervisorId, SpawnError> {
        let supervise = supervise.into();
        let shard = supervise.placement.unwrap_or_default();
        let placed = Placement::Shard(shard).shard(0, self.shards()).map_err(SpawnError::NoSuchShard);
        let tree = match placed.and_then(|_| supervise.tree(self)) {
            Ok(tree) => Arc::new(tree),
            Err(error) => return Pending::ready(Err(error)),
        };
        let (done, waiter) = reply_slot();
        if self.control(shard, Control::supervisor(SupervisorControl::Start { tree, done })) {
            Pending::new(waiter)
        } else {
            Pending::ready(Err(SpawnError::Closed))
        }
    }

    /// Adds a child to a supervisor and starts it: an actor, or a supervisor. The
    /// answer is its address; nothing if it chose not to be there.
    ///
    /// # Errors
    /// The answer is an error if a child of that id is known, if it could not be
    /// started (then nothing is kept of it), or if there is no such supervisor.
    pub fn start_child(
        &self,
        supervisor: SupervisorId,
        child: impl Into<SpawnChild>,
    ) -> Pending<Option<ChildAddress>, SpawnError> {
        match child.into().spec(self, &self.unique_id()) {
            Ok(spec) => self.ask_supervisor(supervisor, Question::StartChild(spec)),
            Err(error) => Pending::ready(Err(error)),
        }
    }

    /// Starts a child as the template of a `simple_one_for_one` supervisor says.
    ///
    /// # Errors
    /// As [`start_child`](Self::start_child).
    pub fn start_from_template(
        &self,
        supervisor: SupervisorId,
        extra: Extra,
    ) -> Pending<Option<ChildAddress>, SpawnError> {
        let (done, waiter) = reply_slot();
        let (extra, asker) = (Box::new(extra), Asker::Child(done));
        let start = SupervisorControl::StartFromTemplate { supervisor, extra, asker };
        self.to_supervisor(supervisor, waiter, start)
    }

    /// Stops a child, by its id. What its supervisor knows of it is kept, unless it
    /// is temporary. It may be stopped already.
    ///
    /// # Errors
    /// The answer is an error if there is no such child, or no such supervisor.
    pub fn terminate_child(
        &self,
        supervisor: SupervisorId,
        id: &str,
    ) -> Pending<Option<ChildAddress>, SpawnError> {
        self.ask_supervisor(supervisor, Question::TerminateChild(Who::Id(id.into())))
    }

    /// Stops a child that was made from a template, by its address.
    ///
    /// # Errors
    /// As [`terminate_child`](Self::terminate_child).
    pub fn terminate_child_at(
        &self,
        supervisor: SupervisorId,
        address: ChildAddress,
    ) -> Pending<Option<ChildAddress>, SpawnError> {
        self.ask_supervisor(supervisor, Question::TerminateChild(Who::Address(address)))
    }

    /// Starts a child again that is not up. The answer is its new address.
    ///
    /// # Errors
    /// The answer is an error if it is up, or being restarted, or not known, or if it
    /// could not be started.
    pub fn restart_child(
        &self,
        supervisor: SupervisorId,
        id: &str,
    ) -> Pending<Option<ChildAddress>, SpawnError> {
        self.ask_supervisor(supervisor, Question::RestartChild(id.into()))
    }

    /// Forgets a child that is not up.
    ///
    /// # Errors
    /// The answer is an error if it is up, or being restarted, or not known.
    pub fn delete_child(
        &self,
        supervisor: SupervisorId,
        id: &str,
    ) -> Pending<Option<ChildAddress>, SpawnError> {
        self.ask_supervisor(supervisor, Question::DeleteChild(id.into()))
    }

    /// How a supervisor works, and what its children do; nothing if it is not up.
    ///
    /// # Errors
    /// The answer is an error if the runtime ended first.
    pub fn supervisor(&self, supervisor: SupervisorId) -> Pending<Option<SupervisorView>, SpawnError> {
        let (done, waiter) = reply_slot();
        if supervisor.shard().index() >= self.shards() {
            return Pending::ready(Ok(None));
        }
        let view = Control::supervisor(SupervisorControl::View { supervisor, done });
        if self.control(supervisor.shard(), view) {
            Pending::new(waiter)
        } else {
            Pending::ready(Err(SpawnError::Closed))
        }
    }

    /// The children of a supervisor, in the order of their start.
    ///
    /// # Errors
    /// If there is no such supervisor, or it does not answer in this time.
    pub fn which_children(
        &self,
        supervisor: SupervisorId,
        within: Duration,
    ) -> Result<Vec<ChildInfo>, SpawnError> {
        let view = self.supervisor(supervisor).wait_for(within)?;
        view.map(|view| view.children).ok_or(SpawnError::NoSupervisor(supervisor))
    }

    /// How many children a supervisor has.
    ///
    /// # Errors
    /// As [`which_children`](Self::which_children).
    pub fn count_children(&self, supervisor: SupervisorId, within: Duration) -> Result<Counts, SpawnError> {
        let view = self.supervisor(supervisor).wait_for(within)?;
        view.map(|view| view.counts).ok_or(SpawnError::NoSupervisor(supervisor))
    }

    /// Lets a supervisor work like that from here on. Nobody is restarted for it:
    /// children that it knows are treated as their new spec says, those that it does
    /// not know are for [`restart_child`](Self::restart_child), and those that are
    /// not mentioned stay as they are.
    ///
    /// # Errors
    /// The answer is an error if specs do not go together; then nothing has changed.
    pub fn change_supervisor(
        &self,
        supervisor: SupervisorId,
        supervise: impl Into<Supervise>,
    ) -> Pending<(), SpawnError> {
        let (done, waiter) = reply_slot();
        match supervise.into().tree(self) {
            Ok(tree) => {
                let change = SupervisorControl::Change { supervisor, tree: Arc::new(tree), done };
                self.to_supervisor(supervisor, waiter, change)
            }
            Err(error) => Pending::ready(Err(error)),
        }
    }

    fn ask_supervisor(
        &self,
        supervisor: SupervisorId,
        question: Question<ChildSource>,
    ) -> Pending<Option<ChildAddress>, SpawnError> {
        let (done, waiter) = reply_slot();
        let ask = SupervisorControl::Ask { supervisor, question, asker: Asker::Child(done) };
        self.to_supervisor(supervisor, waiter, ask)
    }

    /// Starts an actor under a supervisor, for whoever wants the actor.
    pub(super) fn spawn_under(
        &self,
        supervisor: SupervisorId,
        spawn: Spawn,
    ) -> Pending<crate::ActorId, SpawnError> {
        let (done, waiter) = reply_slot();
        match SpawnChild::from(spawn).spec(self, &self.unique_id()) {
            Ok(spec) => {
                let question = Question::StartChild(spec);
                let ask = SupervisorControl::Ask { supervisor, question, asker: Asker::Actor(done) };
                self.to_supervisor(supervisor, waiter, ask)
            }
            Err(error) => Pending::ready(Err(error)),
        }
    }

    fn to_supervisor<T>(
        &self,
        supervisor: SupervisorId,
        waiter: crate::sync::Waiter<Result<T, SpawnError>>,
        control: SupervisorControl,
    ) -> Pending<T, SpawnError> {
        if supervisor.shard().index() >= self.shards() {
            return Pending::ready(Err(SpawnError::NoSupervisor(supervisor)));
        }
        if self.is_closed() || !self.control(supervisor.shard(), Control::supervisor(control)) {
            return Pending::ready(Err(SpawnError::Closed));
        }
        Pending::new(waiter)
    }
}
