//! A shard's supply of instances of one component.

use std::rc::Rc;
use std::sync::Arc;

use wasmtime::component::InstancePre;
use wasmtime::{PoolConcurrencyLimitError, Store};

use super::compact::NO_ROOM;
use super::component::{Component, Exports};
use super::deadline::{Call, Deadline};
use super::engine::Engine;
use super::host::HostState;
use super::instance::{BatchHandler, ComponentActor, Functions, Lifecycle, Live};
use super::limits::{Limits, LimitsError};
use super::trap;
use crate::actor::{Blueprint, Child, Context, CreateError, Nursery, Recipe, ShardId};

/// How many ready instances a shard keeps of one component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolPolicy {
    /// Filled up to this many in idle turns (default is 1).
    pub ready_min: usize,
    /// When they run out, twice as many are kept from then on, up to this many
    /// (default is 64).
    pub ready_max: usize,
}

impl Default for PoolPolicy {
    fn default() -> Self {
        Self { ready_min: 1, ready_max: 64 }
    }
}

/// Makes actors of one component. The same for all shards; cheap to clone.
#[derive(Clone)]
pub struct ComponentBlueprint(Arc<Plan>);

struct Plan {
    engine: Engine,
    name: String,
    pre: InstancePre<HostState>,
    exports: Exports,
    limits: Limits,
    policy: PoolPolicy,
    deadline: Deadline,
}

impl ComponentBlueprint {
    /// Actors of this component, with these limits.
    ///
    /// # Errors
    /// If no instance could ever live within the limits.
    pub fn new(component: Component, limits: Limits, policy: PoolPolicy) -> Result<Self, LimitsError> {
        component.check_limits(&limits)?;
        let engine = component.engine().clone();
        Ok(Self(Arc::new(Plan {
            deadline: Deadline::new(&limits, engine.config().epoch_period),
            name: component.name().to_owned(),
            pre: component.pre().clone(),
            exports: component.exports().clone(),
            engine,
            limits,
            policy,
        })))
    }
}

impl Blueprint for ComponentBlueprint {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn nursery(&self, _: ShardId, context: Rc<Context>) -> Result<Box<dyn Nursery>, CreateError> {
        Engine::prepare_thread();
        Ok(Box::new(InstancePool::new(self.0.clone(), context)))
    }
}

/// Ready instances, and how to make more.
struct InstancePool {
    plan: Arc<Plan>,
    context: Rc<Context>,
    #[expect(clippy::vec_box, reason = "boxed ahead of need: taking one allocates nothing")]
    ready: Vec<Box<ComponentActor>>,
    /// How many to keep ready.
    ready_target: usize,
    /// The last attempt to make one ahead of need failed, so the next one waits
    /// until somebody asks: a guest that loops in its instantiation would cost
    /// every idle turn its time limit.
    is_failing: bool,
}

impl InstancePool {
    fn new(plan: Arc<Plan>, context: Rc<Context>) -> Self {
        let ready_target = plan.policy.ready_min;
        Self { plan, context, ready: Vec::new(), ready_target, is_failing: false }
    }

    fn instantiate(&mut self) -> Result<Box<ComponentActor>, CreateError> {
        let made = self.plan.instantiate(&self.context);
        self.is_failing = made.is_err();
        Ok(Box::new(ComponentActor::new(made?)))
    }
}

impl Nursery for InstancePool {
    fn create(&mut self, recipe: &Recipe) -> Result<Box<dyn Child>, CreateError> {
        let mut actor = match self.ready.pop() {
            Some(actor) => actor,
            None => {
                self.ready_target =
                    (self.ready_target * 2).min(self.plan.policy.ready_max).max(self.plan.policy.ready_min);
                self.instantiate()?
            }
        };
        if !recipe.config.is_empty() {
            actor.configure(&recipe.config);
        }
        Ok(actor)
    }

    fn tend(&mut self) -> bool {
        if self.is_failing || self.ready.len() >= self.ready_target {
            return false;
        }
        if let Ok(actor) = self.instantiate() {
            self.ready.push(actor);
        }
        !self.is_failing && self.ready.len() < self.ready_target
    }
}

impl Plan {
    fn instantiate(&self, context: &Rc<Context>) -> Result<Live, CreateError> {
        let mut store = limited_store(&self.engine, &self.limits, self.deadline.clone(), context);
        match self.link(&mut store) {
            Ok(functions) => Ok(Live { store, functions }),
            Err(error) if is_exhausted(&error) => Err(CreateError::Exhausted(error.root_cause().to_string())),
            Err(error) => Err(CreateError::Failed(format!(
                "`{}` could not be instantiated: {}",
                self.name,
                trap::exit_reason(&error, &store.data().limiter)
            ))),
        }
    }

    fn link(&self, store: &mut Store<HostState>) -> wasmtime::Result<Functions> {
        let instance = self.pre.instantiate(&mut *store)?;
        let exports = &self.exports;
        Ok(Functions {
            handle_reply: instance.get_typed_func(&mut *store, exports.handle)?,
            handle_ignored: instance.get_typed_func(&mut *store, exports.handle)?,
            batch: match exports.handle_batch.filter(|_| self.limits.batch_messages_max > 1) {
                Some(handle) => Some(BatchHandler {
                    handle: instance.get_typed_func(&mut *store, handle)?,
                    messages_max: self.limits.batch_messages_max,
                }),
                None => None,
            },
            lifecycle: match &exports.lifecycle {
                Some((init, stop)) => Some(Lifecycle {
                    init: instance.get_typed_func(&mut *store, init)?,
                    stop: instance.get_typed_func(&mut *store, stop)?,
                }),
                None => None,
            },
            check: match &exports.check {
                Some(check) => Some(instance.get_typed_func(&mut *store, check)?),
                None => None,
            },
        })
    }
}

/// A store in which every limit is set, and the clock of an instantiation runs.
pub(super) fn limited_store(
    engine: &Engine,
    limits: &Limits,
    mut deadline: Deadline,
    context: &Rc<Context>,
) -> Store<HostState> {
    let ticks = deadline.start(Call::Lifecycle);
    let state = HostState::new(context.clone(), limits, deadline);
    let mut store = Store::new(&engine.shared.wasmtime, state);
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(limits.hostcall_bytes_max);
    store.epoch_deadline_callback(|mut store| Ok(store.data_mut().deadline.passed()));
    store.set_epoch_deadline(ticks);
    store
}

/// Is it for want of room, which may come, and not for a fault?
fn is_exhausted(error: &wasmtime::Error) -> bool {
    error.is::<PoolConcurrencyLimitError>() || error.root_cause().to_string().starts_with(NO_ROOM)
}
