//! What a shard makes actors with: a nursery for each kind.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use crate::actor::{Blueprint, Child, Context, CreateError, Nursery, Quotas, ShardId};

use super::SpawnSpec;
use super::turn::panic_text;

/// What a shard makes actors of one kind with.
struct Kind {
    blueprint: Arc<dyn Blueprint>,
    /// What each of them may have of what costs memory.
    quotas: Quotas,
    /// Made with the first of them.
    nursery: Option<Box<dyn Nursery>>,
}

/// The nurseries of a shard. There are few kinds, and the next actor is mostly of the
/// same kind as the last one: so a list, and where the last one was.
pub(super) struct Nurseries {
    kinds: Vec<Kind>,
    latest: usize,
    /// What the shard gives any actor.
    quotas: Quotas,
}

impl Nurseries {
    pub(super) fn new(quotas: Quotas) -> Self {
        Self { kinds: Vec::new(), latest: 0, quotas }
    }

    fn kind(&mut self, blueprint: &Arc<dyn Blueprint>) -> &mut Kind {
        let is_it = |kind: &Kind| std::ptr::addr_eq(Arc::as_ptr(&kind.blueprint), Arc::as_ptr(blueprint));
        if !self.kinds.get(self.latest).is_some_and(is_it) {
            self.latest = self.kinds.iter().position(is_it).unwrap_or_else(|| {
                let most = self.quotas;
                let quotas = blueprint.quotas().map_or(most, |quotas| quotas.at_most(most));
                self.kinds.push(Kind { blueprint: blueprint.clone(), quotas, nursery: None });
                self.kinds.len() - 1
            });
        }
        &mut self.kinds[self.latest]
    }

    /// What an actor may have of what costs memory.
    pub(super) fn quotas(&mut self, spec: &SpawnSpec) -> Quotas {
        self.kind(&spec.blueprint).quotas
    }

    /// Makes one actor, not yet started.
    pub(super) fn create(
        &mut self,
        spec: &SpawnSpec,
        shard: ShardId,
        context: &Rc<Context>,
    ) -> Result<Box<dyn Child>, CreateError> {
        let kind = self.kind(&spec.blueprint);
        if kind.nursery.is_none() {
            kind.nursery = Some(spec.blueprint.nursery(shard, context.clone())?);
        }
        match self.create_of_latest(spec) {
            Err(CreateError::Exhausted(_)) if self.make_room() => self.create_of_latest(spec),
            made => made,
        }
    }

    fn create_of_latest(&mut self, spec: &SpawnSpec) -> Result<Box<dyn Child>, CreateError> {
        let kind = &mut self.kinds[self.latest];
        let nursery = kind.nursery.as_mut().expect("it was made before");
        catch_unwind(AssertUnwindSafe(|| nursery.create(&spec.recipe)))
            .unwrap_or_else(|panic| Err(CreateError::Failed(panic_text(&*panic))))
    }

    /// Another kind lets one go that it has ready. Did any?
    #[cold]
    fn make_room(&mut self) -> bool {
        let latest = self.latest;
        let others = self.kinds.iter_mut().enumerate().filter(|(index, _)| *index != latest);
        others.filter_map(|(_, kind)| kind.nursery.as_mut()).any(|nursery| nursery.give_back())
    }

    /// Does a little work ahead of need. Is there more? A kind that nobody has any
    /// more, neither an actor nor whoever could spawn one, goes with all that is ready.
    pub(super) fn tend(&mut self) -> bool {
        self.kinds.retain(|kind| Arc::strong_count(&kind.blueprint) > 1);
        self.kinds.iter_mut().filter_map(|kind| kind.nursery.as_mut()).any(|nursery| nursery.tend())
    }

    /// When one of them wants to be tended next.
    pub(super) fn tend_at_ns(&self) -> Option<u64> {
        self.kinds.iter().filter_map(|kind| kind.nursery.as_ref()?.tend_at_ns()).min()
    }

    /// Lets go of all that is ready.
    pub(super) fn clear(&mut self) {
        self.kinds.clear();
    }
}
