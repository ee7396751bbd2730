//! Which shard a thing lives on.

use crate::actor::ShardId;

/// Where to put an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Placement {
    /// The shards in turn.
    #[default]
    Spread,
    /// This shard.
    Shard(ShardId),
}

impl Placement {
    /// The shard for the `index`-th actor that is placed so.
    ///
    /// # Errors
    /// The shard asked for, if there is no such one.
    pub fn shard(self, index: usize, shards: usize) -> Result<ShardId, ShardId> {
        match self {
            Self::Spread => Ok(ShardId((index % shards) as u16)),
            Self::Shard(shard) if shard.index() < shards => Ok(shard),
            Self::Shard(missing) => Err(missing),
        }
    }
}

/// The shard that decides who owns a name: by the hash of the name.
pub fn home_of(name: &str, shards: usize) -> ShardId {
    ShardId((super::rendezvous::key_hash(name.as_bytes()) % shards as u64) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreading_takes_the_shards_in_turn() {
        let shards: Vec<_> = (0..5).map(|i| Placement::Spread.shard(i, 2).unwrap().0).collect();
        assert_eq!(shards, [0, 1, 0, 1, 0]);
        assert_eq!(Placement::Shard(ShardId(2)).shard(0, 2), Err(ShardId(2)));
        assert_eq!(Placement::Shard(ShardId(1)).shard(0, 2), Ok(ShardId(1)));
    }

    #[test]
    fn homes_are_spread_evenly() {
        let mut count = [0_u32; 4];
        for i in 0..4_000 {
            count[home_of(&format!("aggregator.{i}"), 4).index()] += 1;
        }
        assert!(count.iter().all(|&n| (800..1200).contains(&n)), "{count:?}");
    }
}
