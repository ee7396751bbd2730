//! Supervision trees, as outside threads describe them and ask of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::actor::{ActorId, Health, ShardId};
use crate::control::child_spec::{ChildAddress, ChildSpec, SupervisorId};
use crate::control::supervisor::{ChildError, ChildInfo, Counts, Question, SupervisorSpec};
use crate::sync::Resolver;

use super::spawn::{SpawnError, SpawnSpec};

/// What a child is made from, and where it is to live.
#[derive(Debug, Clone)]
pub enum ChildSource {
    /// An actor.
    Actor {
        /// Where.
        shard: ShardId,
        /// From what.
        spec: SpawnSpec,
    },
    /// A supervisor with children of its own.
    Supervisor {
        /// Where.
        shard: ShardId,
        /// How it works, and what it begins with, each time that it is started.
        tree: Arc<Tree>,
    },
}

/// A supervisor to be, and the children that it begins with.
#[derive(Debug, Clone)]
pub struct Tree {
    /// How it works.
    pub spec: SupervisorSpec,
    /// Its children, in the order of their start; its template, if it is
    /// `simple_one_for_one`.
    pub children: Vec<ChildSpec<ChildSource>>,
}

/// In what a child differs from the template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extra {
    /// Where it is to live, if not where the template says.
    pub shard: Option<ShardId>,
    /// The name to register it under.
    pub name: Option<Arc<str>>,
    /// Keys of its configuration, over those of the template.
    pub config: BTreeMap<String, String>,
}

impl ChildSource {
    /// The same, but for this.
    pub(super) fn with(&self, extra: Extra) -> Self {
        match self {
            Self::Actor { shard, spec } => {
                let mut spec = spec.clone();
                spec.name = extra.name;
                if !extra.config.is_empty() {
                    let mut recipe = (*spec.recipe).clone();
                    recipe.config.extend(extra.config);
                    spec.recipe = Arc::new(recipe);
                }
                Self::Actor { shard: extra.shard.unwrap_or(*shard), spec }
            }
            Self::Supervisor { shard, tree } => {
                Self::Supervisor { shard: extra.shard.unwrap_or(*shard), tree: tree.clone() }
            }
        }
    }
}

/// What a supervisor says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupervisorView {
    /// How it works.
    pub spec: SupervisorSpec,
    /// Its children, in the order of their start.
    pub children: Vec<ChildInfo>,
    /// How many there are.
    pub counts: Counts,
    /// Restarts that it has ordered.
    pub restarts: u64,
    /// How it is: as the worst of its children, and theirs.
    pub health: Health,
}

/// Who waits for what a supervisor answers.
#[derive(Debug)]
pub enum Asker {
    /// Whoever wants an actor.
    Actor(Resolver<Result<ActorId, SpawnError>>),
    /// Whoever wants anything else.
    Child(Resolver<Result<Option<ChildAddress>, SpawnError>>),
}

impl Asker {
    /// Tells it; if it does not wait any longer, that does no harm.
    pub(super) fn tell(self, answer: Result<Option<ChildAddress>, SpawnError>) {
        match self {
            Self::Actor(done) => {
                let actor = answer.and_then(|at| at.and_then(ChildAddress::actor).ok_or(SpawnError::Ignored));
                let _ = done.resolve(actor);
            }
            Self::Child(done) => {
                let _ = done.resolve(answer);
            }
        }
    }
}

/// What outside threads ask of a supervisor.
#[derive(Debug)]
pub enum SupervisorControl {
    /// Start one on this shard, which no other looks after. The answer comes when
    /// all its children are up.
    Start {
        /// Which.
        tree: Arc<Tree>,
        /// Its address.
        done: Resolver<Result<SupervisorId, SpawnError>>,
    },
    /// Do this.
    Ask {
        /// Which.
        supervisor: SupervisorId,
        /// What.
        question: Question<ChildSource>,
        /// What came of it.
        asker: Asker,
    },
    /// Start a child as the template says.
    StartFromTemplate {
        /// Which.
        supervisor: SupervisorId,
        /// But for this.
        extra: Box<Extra>,
        /// What came of it.
        asker: Asker,
    },
    /// Work like that from here on.
    Change {
        /// Which.
        supervisor: SupervisorId,
        /// How.
        tree: Arc<Tree>,
        /// Why not, if not.
        done: Resolver<Result<(), SpawnError>>,
    },
    /// Say how it is: nothing, if it is not there.
    View {
        /// Which.
        supervisor: SupervisorId,
        /// The answer.
        done: Resolver<Result<Option<SupervisorView>, SpawnError>>,
    },
}

impl From<ChildError> for SpawnError {
    fn from(error: ChildError) -> Self {
        match error {
            ChildError::Spec(error) => Self::Spec(error),
            error => Self::Supervision(error),
        }
    }
}
