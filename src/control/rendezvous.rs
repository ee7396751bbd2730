//! Who has a key: the member with the highest hash of both (rendezvous hashing).
//!
//! Every shard computes the same, from nothing but the members. When a member
//! comes or goes, only its own keys move, and they spread over all others. It
//! looks at each member once, some ns each; a ring would look at fewer, and spread
//! worse.

use crate::actor::ActorId;

/// The hash of a key: the same on every shard and in every run.
pub fn key_hash(key: &[u8]) -> u64 {
    let hash = key.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    stir(hash)
}

/// The member that has a key of this hash. `None` if there is no member.
pub fn owner(key_hash: u64, members: &[ActorId]) -> Option<ActorId> {
    members.iter().copied().max_by_key(|member| (stir(key_hash ^ stir(member.to_bits())), *member))
}

/// Spreads the bits, as MurmurHash3 does at its end.
pub(super) fn stir(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::ShardId;

    fn members(count: u32) -> Vec<ActorId> {
        (0..count).map(|slot| ActorId::new(ShardId((slot % 3) as u16), slot, 1)).collect()
    }

    fn owners(members: &[ActorId]) -> Vec<ActorId> {
        (0..10_000_u32).map(|key| owner(key_hash(&key.to_le_bytes()), members).unwrap()).collect()
    }

    #[test]
    fn keys_are_spread_evenly_and_the_order_of_members_does_not_matter() {
        let mut some = members(10);
        let before = owners(&some);
        for member in &some {
            let keys = before.iter().filter(|owner| *owner == member).count();
            assert!((850..1150).contains(&keys), "{keys}");
        }
        some.reverse();
        assert_eq!(owners(&some), before);
        assert_eq!(owner(1, &[]), None);
    }

    #[test]
    fn only_the_keys_of_one_that_leaves_move() {
        let mut some = members(10);
        let before = owners(&some);
        let gone = some.remove(4);
        let mut heirs = std::collections::BTreeSet::new();
        for (before, after) in before.into_iter().zip(owners(&some)) {
            if before == gone {
                heirs.insert(after);
            } else {
                assert_eq!(before, after);
            }
        }
        assert_eq!(heirs.len(), 9, "they spread over all that are left");
    }
}
