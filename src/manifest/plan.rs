//! Which actors there will be, under which names, on which shards.

use crate::actor::ShardId;

use super::Manifest;
use super::error::{ManifestError, Problem, Span};
use super::spec::{ActorSpec, Instances, Placement};

/// One actor to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance<'m> {
    /// What it is made from.
    pub spec: &'m ActorSpec,
    /// What it is registered as.
    pub name: String,
    /// Where it lives.
    pub shard: ShardId,
}

impl ActorSpec {
    /// How many of it there are on so many shards.
    pub fn count(&self, shards: u16) -> usize {
        match self.instances {
            Instances::Single => 1,
            Instances::Count(count) => count as usize,
            Instances::PerShard => usize::from(shards),
        }
    }

    /// The name of one of its instances.
    pub fn name_of(&self, index: usize) -> String {
        match self.instances {
            Instances::Single => self.name.clone(),
            Instances::Count(_) | Instances::PerShard => format!("{}.{index}", self.name),
        }
    }
}

impl Manifest {
    /// Every actor to be started on so many shards, in the order to start them:
    /// that of the manifest. What is spread goes to the next shard in turn, counted
    /// over the whole manifest, so that single actors do not pile up on shard 0.
    ///
    /// # Errors
    /// If an actor is placed on a shard that there is not.
    pub fn plan(&self, shards: u16) -> Result<Vec<Instance<'_>>, ManifestError> {
        let actors = self.actors.iter().map(|actor| (actor.placement, actor.placement_span));
        let supervisors = self.supervisors.iter().map(|above| (above.placement, above.placement_span));
        let misplaced: Vec<Problem> = actors
            .chain(supervisors)
            .filter_map(|(placement, span)| self.misplaced(placement, span, shards))
            .collect();
        if !misplaced.is_empty() {
            return Err(ManifestError::Invalid { path: self.path.clone(), problems: misplaced });
        }
        let mut instances = Vec::new();
        let mut turn = 0;
        for spec in &self.actors {
            for index in 0..spec.count(shards) {
                let shard = match (spec.instances, spec.placement) {
                    (Instances::PerShard, _) => index as u16,
                    (_, Placement::Shard(shard)) => shard,
                    (_, Placement::Spread) => {
                        turn += 1;
                        ((turn - 1) % usize::from(shards.max(1))) as u16
                    }
                };
                instances.push(Instance { spec, name: spec.name_of(index), shard: ShardId(shard) });
            }
        }
        Ok(instances)
    }

    fn misplaced(&self, placement: Placement, span: Span, shards: u16) -> Option<Problem> {
        match placement {
            Placement::Shard(shard) if shard >= shards => {
                Some(misplaced(|message, label| self.problem(span, message, label), shard, shards))
            }
            _ => None,
        }
    }
}

/// The problem of an actor on a shard that there is not.
pub(super) fn misplaced(problem: impl FnOnce(String, String) -> Problem, shard: u16, shards: u16) -> Problem {
    let expected = match shards {
        0 | 1 => "expected \"spread\" or \"shard:0\": there is one shard".to_owned(),
        _ => format!("expected \"shard:0\" to \"shard:{}\": there are {shards} shards", shards - 1),
    };
    problem(format!("there is no shard {shard}"), expected)
        .with_help("set `shards` in [runtime], or --shards, or let it be \"spread\"")
}
