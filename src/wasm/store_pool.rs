//! A shard's supply of instances of one component.
//!
//! ```text
//!            idle turns ──► one more, up to the target        dry: twice as many from
//!   nothing ─────────────────► ready, ready, …  ──── create ──►  then on, up to ready_max
//!                                   │
//!                                   └── nobody wanted one for a while: one less,
//!                                       down to ready_min
//! ```
//!
//! Of the engine's instances a part is never made ahead of need: that is the room for
//! whoever asks for another component, or on another shard.

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use wasmtime::component::{Instance, InstancePre};
use wasmtime::{PoolConcurrencyLimitError, Store};

use super::compact::NO_ROOM;
use super::component::{Component, ExecutionClass};
use super::deadline::{Call, Deadline};
use super::engine::{Engine, Room};
use super::exports::Exports;
use super::grants::{Grants, TrustLevel};
use super::host::{HostState, Terms};
use super::instance::{BatchHandler, ComponentActor, Functions, Live};
use super::limits::{Limits, LimitsError};
use super::remains::Remains;
use super::suspendable::SuspendableActor;
use super::trap;
use crate::actor::{Blueprint, Child, Context, CreateError, Nursery, Quotas, Recipe, ShardId};

/// How many ready instances a shard keeps of one component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolPolicy {
    /// Filled up to this many in idle turns (default is 1).
    pub ready_min: usize,
    /// When they run out, twice as many are kept from then on, up to this many
    /// (default is 64).
    pub ready_max: usize,
    /// How many are made in one idle turn (default is 1): each may take as long as a
    /// guest's instantiation.
    pub refill_per_turn: usize,
    /// After so long without a spawn, one less is kept, and so on (default is 1 s).
    pub decay_after: Duration,
}

impl Default for PoolPolicy {
    fn default() -> Self {
        Self { ready_min: 1, ready_max: 64, refill_per_turn: 1, decay_after: Duration::from_secs(1) }
    }
}

/// Makes actors of one component. The same for all shards; cheap to clone.
#[derive(Clone)]
pub struct ComponentBlueprint(Arc<Plan>);

struct Plan {
    engine: Engine,
    name: String,
    terms: Arc<Terms>,
    class: ExecutionClass,
    pre: InstancePre<HostState>,
    exports: Arc<Exports>,
    policy: PoolPolicy,
}

/// How actors of a component run, and what they may use and do.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    /// What each may use.
    pub limits: Limits,
    /// What each may do.
    pub grants: Grants,
    /// How many are kept ready.
    pub pool: PoolPolicy,
    /// How they run; none set is as the component needs it.
    pub class: Option<ExecutionClass>,
}

impl Profile {
    /// The limits and grants of a level of trust.
    pub fn of(trust: TrustLevel) -> Self {
        Self { limits: trust.limits(), grants: trust.grants(), ..Self::default() }
    }
}

impl ComponentBlueprint {
    /// Actors of this component, with these limits; what they may do is what
    /// [`TrustLevel::Standard`] grants.
    ///
    /// # Errors
    /// If no instance could ever live within the limits.
    pub fn new(component: Component, limits: Limits, pool: PoolPolicy) -> Result<Self, LimitsError> {
        Self::with(component, Profile { limits, pool, ..Profile::of(TrustLevel::Standard) })
    }

    /// Actors of this component, as the profile says.
    ///
    /// # Errors
    /// If no instance could ever live within the limits, or in this class, or a
    /// directory that is granted is not there.
    pub fn with(component: Component, profile: Profile) -> Result<Self, LimitsError> {
        let Profile { limits, grants, pool, class } = profile;
        component.check_limits(&limits)?;
        let class = class.unwrap_or(component.class());
        if component.class() == ExecutionClass::Suspendable && class == ExecutionClass::RunToCompletion {
            return Err(LimitsError::MustSuspend { component: component.name().to_owned() });
        }
        if let Some(directory) = grants.wasi.directories.values().find(|directory| !directory.path.is_dir()) {
            return Err(LimitsError::NoDirectory { path: directory.path.clone() });
        }
        let engine = component.engine().clone();
        let name = component.name().to_owned();
        Ok(Self(Arc::new(Plan {
            terms: Arc::new(Terms::new(engine.clone(), name.clone(), limits, grants)),
            name,
            class,
            pre: component.pre_as(class),
            exports: component.exports().clone(),
            engine,
            policy: pool,
        })))
    }
}

impl Blueprint for ComponentBlueprint {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn quotas(&self) -> Option<Quotas> {
        Some(self.0.terms.limits.quotas())
    }

    fn nursery(&self, _: ShardId, context: Rc<Context>) -> Result<Box<dyn Nursery>, CreateError> {
        Engine::prepare_thread();
        Ok(Box::new(InstancePool::new(self.0.clone(), context)))
    }
}

/// An instance that nobody is yet, boxed ahead of need: taking one allocates nothing.
enum Ready {
    RunToCompletion(Box<ComponentActor>),
    /// Its box is made with the future that it goes into.
    Suspendable(Box<Live>),
}

impl Ready {
    fn into_child(self, recipe: &Recipe) -> Box<dyn Child> {
        match self {
            Self::RunToCompletion(mut actor) => {
                if !recipe.config.is_empty() {
                    actor.configure(&recipe.config);
                }
                actor
            }
            Self::Suspendable(mut live) => {
                live.configure(&recipe.config);
                Box::new(SuspendableActor::new(*live))
            }
        }
    }
}

/// Ready instances, and how to make more.
struct InstancePool {
    plan: Arc<Plan>,
    context: Rc<Context>,
    ready: Vec<Ready>,
    /// Those that have trapped.
    remains: Remains,
    /// How many to keep ready.
    ready_target: usize,
    /// Was one taken since the pool was last looked after?
    is_wanted: bool,
    /// When one less is kept, unless one is wanted before.
    decay_at_ns: Option<u64>,
    /// The last attempt to make one ahead of need failed, so the next one waits
    /// until somebody asks: a guest that loops in its instantiation would cost
    /// every idle turn its time limit.
    is_failing: bool,
}

impl InstancePool {
    fn new(plan: Arc<Plan>, context: Rc<Context>) -> Self {
        let ready_target = plan.policy.ready_min;
        Self {
            plan,
            context,
            ready: Vec::with_capacity(ready_target),
            remains: Remains::default(),
            ready_target,
            is_wanted: false,
            decay_at_ns: None,
            is_failing: false,
        }
    }

    fn instantiate(&mut self, room: Option<Room>) -> Result<Ready, CreateError> {
        let made = match room {
            Some(room) => self.plan.instantiate(&self.context, room),
            None => Err(self.plan.engine.no_room()),
        };
        self.is_failing = made.is_err();
        let live = made?;
        Ok(match self.plan.class {
            ExecutionClass::RunToCompletion => {
                Ready::RunToCompletion(Box::new(ComponentActor::new(live, self.remains.clone())))
            }
            ExecutionClass::Suspendable => Ready::Suspendable(Box::new(live)),
        })
    }

    /// One less is kept, if it is time.
    fn decay(&mut self) {
        if self.ready_target <= self.plan.policy.ready_min && self.ready.len() <= self.ready_target {
            self.decay_at_ns = None;
            return;
        }
        let now_ns = self.context.now_ns();
        let after_ns = u64::try_from(self.plan.policy.decay_after.as_nanos()).unwrap_or(u64::MAX);
        match self.decay_at_ns {
            Some(at_ns) if !self.is_wanted && now_ns < at_ns => return,
            Some(_) if !self.is_wanted => {
                self.ready_target = self.ready_target.saturating_sub(1).max(self.plan.policy.ready_min);
                self.ready.truncate(self.ready_target);
            }
            _ => self.is_wanted = false,
        }
        self.decay_at_ns = Some(now_ns.saturating_add(after_ns));
    }
}

impl Nursery for InstancePool {
    #[inline]
    fn create(&mut self, recipe: &Recipe) -> Result<Box<dyn Child>, CreateError> {
        self.is_wanted = true;
        let ready = match self.ready.pop() {
            Some(ready) => ready,
            None => {
                let policy = &self.plan.policy;
                self.ready_target = (self.ready_target * 2).min(policy.ready_max).max(policy.ready_min);
                let room = match self.plan.engine.take_room(0) {
                    None if self.remains.clear_one() => self.plan.engine.take_room(0),
                    room => room,
                };
                self.instantiate(room)?
            }
        };
        Ok(ready.into_child(recipe))
    }

    fn give_back(&mut self) -> bool {
        self.remains.clear_one() || self.ready.pop().is_some()
    }

    fn tend(&mut self) -> bool {
        if self.remains.clear_one() {
            return true;
        }
        self.decay();
        let engine = &self.plan.engine;
        let has_stacks = |left| match self.plan.class {
            ExecutionClass::RunToCompletion => true,
            ExecutionClass::Suspendable => engine.has_stacks_beyond(left),
        };
        if engine.is_short_of_room() || !has_stacks(engine.stacks_headroom() / 2) {
            // Whoever wants room may be on another shard. One each turn, until half of
            // the headroom is there again.
            return self.give_back();
        }
        if self.is_failing || !has_stacks(engine.stacks_headroom()) {
            return false;
        }
        for _ in 0..self.plan.policy.refill_per_turn.max(1) {
            if self.ready.len() >= self.ready_target {
                return false;
            }
            let Some(room) = self.plan.engine.take_room(self.plan.engine.headroom()) else { return false };
            match self.instantiate(Some(room)) {
                Ok(ready) => self.ready.push(ready),
                Err(_) => return false,
            }
        }
        self.ready.len() < self.ready_target
    }

    fn tend_at_ns(&self) -> Option<u64> {
        self.decay_at_ns
    }
}

impl Plan {
    fn instantiate(&self, context: &Rc<Context>, room: Room) -> Result<Live, CreateError> {
        let mut store = limited_store(&self.terms, self.class, context);
        match self.link(&mut store) {
            Ok((instance, functions)) => {
                Ok(Live { store, functions, instance, exports: self.exports.clone(), _room: room })
            }
            Err(error) if is_exhausted(&error) => Err(CreateError::Exhausted(error.root_cause().to_string())),
            Err(error) => Err(CreateError::Failed(format!(
                "`{}` could not be instantiated: {}",
                self.name,
                trap::exit_reason(&error, store.data())
            ))),
        }
    }

    fn link(&self, store: &mut Store<HostState>) -> wasmtime::Result<(Instance, Functions)> {
        let instance = match self.class {
            ExecutionClass::RunToCompletion => self.pre.instantiate(&mut *store)?,
            ExecutionClass::Suspendable => instantiate_on_a_stack(&self.pre, store)?,
        };
        let messages_max = self.terms.limits.batch_messages_max;
        let batch = match self.exports.handle_batch.filter(|_| messages_max > 1) {
            Some(handle) => Some(BatchHandler { handle: handle.of(instance, store)?, messages_max }),
            None => None,
        };
        let functions = Functions {
            handle_reply: self.exports.handle.of(instance, store)?,
            handle_ignored: self.exports.handle_ignored.of(instance, store)?,
            batch,
        };
        Ok((instance, functions))
    }
}

/// A start function gives way as any other code of a suspendable guest, but its shard
/// waits for it: until its deadline.
fn instantiate_on_a_stack(
    pre: &InstancePre<HostState>,
    store: &mut Store<HostState>,
) -> wasmtime::Result<Instance> {
    let mut instantiating = pin!(pre.instantiate_async(store));
    let mut context = TaskContext::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(made) = instantiating.as_mut().poll(&mut context) {
            return made;
        }
    }
}

/// A store in which every limit is set, and the clock of an instantiation runs.
pub(super) fn limited_store(
    terms: &Arc<Terms>,
    class: ExecutionClass,
    context: &Rc<Context>,
) -> Store<HostState> {
    let mut deadline = Deadline::new(class == ExecutionClass::Suspendable);
    let ticks = deadline.start(Call::Lifecycle);
    let state = HostState::new(context.clone(), terms.clone(), deadline);
    let mut store = Store::new(&terms.engine.shared.wasmtime, state);
    store.limiter(|state| state);
    store.set_hostcall_fuel(terms.limits.hostcall_bytes_max);
    store.epoch_deadline_callback(|mut store| Ok(store.data_mut().deadline_passed()));
    store.set_epoch_deadline(ticks);
    store
}

/// Is it for want of room, which may come, and not for a fault?
fn is_exhausted(error: &wasmtime::Error) -> bool {
    error.is::<PoolConcurrencyLimitError>() || error.root_cause().to_string().starts_with(NO_ROOM)
}
