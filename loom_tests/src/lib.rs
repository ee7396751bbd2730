//! Models of everything lock-free, one file each.
//!
//! ```text
//!   cargo xtask loom            every interleaving, under loom
//!   cargo test -p raddle-loom   the same scenarios as stress tests
//!   cargo xtask mutants         which model notices which broken ordering
//! ```
//!
//! A scenario is small on purpose: two or three threads, two to five items. It
//! uses the production code through its public door, nothing else.

mod parker;
mod world;

/// One scenario.
#[derive(Debug, Clone, Copy)]
pub struct Model {
    /// `file::scenario`.
    pub name: &'static str,
    /// What it promises.
    pub promise: &'static str,
    /// How often a run may switch away from a thread that could go on; 0: no
    /// bound, where that ends in minutes.
    pub preemptions: u32,
    /// Checks it, or panics.
    pub run: fn(),
}

macro_rules! models {
    ($($file:ident { $($scenario:ident[$preemptions:literal]: $promise:literal,)* })*) => {
        $(pub mod $file;)*

        /// All scenarios, in the order of the verification plan.
        pub const MODELS: &[Model] = &[$($(Model {
            name: concat!(stringify!($file), "::", stringify!($scenario)),
            promise: $promise,
            preemptions: $preemptions,
            run: || raddle::sync::primitive::model(
                concat!(stringify!($file), "::", stringify!($scenario)),
                $file::$scenario,
            ),
        },)*)*];

        #[cfg(test)]
        mod tests {
            $(mod $file {
                $(#[test]
                fn $scenario() {
                    let name = concat!(stringify!($file), "::", stringify!($scenario));
                    let model = crate::MODELS.iter().find(|model| model.name == name);
                    (model.expect("every scenario is listed").run)();
                })*
            })*
        }
    };
}

models! {
    l1_ring {
        fifo[3]: "single items, across the wrap of the indices: in order, none lost or doubled",
        batches[0]: "staged items stay unseen until published, then come in one batch",
        bounded[0]: "full means full: never more inside than the capacity",
        reuse[0]: "a slot is written again only after it was read",
        closed_after_the_last[0]: "closed is seen only after the last item",
        consumer_leaves[0]: "what the consumer leaves behind is dropped once",
        producer_leaves[0]: "what the producer leaves behind is dropped once",
    }
    l2_injector {
        each_pusher_in_order[3]: "per pusher in order, each item exactly once",
        close_race[3]: "closed while pushing: every item is inside or given back",
        settle_counts[0]: "once settled, the count of accepted items is exact",
        stalled_pusher[0]: "a pusher in the middle of a push holds up no ring",
        full[0]: "a full injector gives the item back",
        reuse[0]: "a slot is written again only after it was read",
    }
    l3_sleep {
        two_rings[3]: "no shard sleeps on a non-empty ring; at most one wake per arming",
        ring_and_injector[3]: "the same with a stranger at the injector's door",
        stop[0]: "a stop always ends the sleep",
        raced_wakes[0]: "two rings against one arming wake once, and nothing is lost",
    }
    l4_published {
        whole_values[3]: "a reader sees a whole value, never an older one than before",
        freed_after_the_last_reader[3]: "an old value is freed, and only after its last reader",
    }
    l4_names {
        granted_is_found_everywhere[1]: "real shards: a name that is granted is found by everyone",
        told_when_it_is_free_at_home[1]: "real shards: an end is told when the name's home has let it go",
        never_the_successor[1]: "real shards: a stale key never reaches the successor in its slot",
    }
    l5_drain {
        two_shards[3]: "two shards that drain at each other end, and their ledger closes",
        flag_at_any_moment[2]: "the same when a third thread asks for the drain",
        counters[3]: "what is seen settled is seen accepted",
        strangers[3]: "a push against the drain is drained or given back",
    }
    l5_shards {
        drained_under_a_stranger[1]: "a real shard is drained while a stranger pushes: its ledger closes",
        trapped_with_one_behind[1]: "a real actor traps with a message behind it: one failed, one dead",
    }
    l6_reply {
        reply[0]: "a reply wakes the waiter, and its value is dropped once",
        deadline[0]: "deadline against reply: one wins, the value is dropped once",
        callee_death[0]: "the resolver's death wakes the waiter",
        death_at_the_deadline[0]: "death against deadline: one wins",
        caller_death[0]: "a waiter that is gone gives the value back, or drops it",
        task_moves[0]: "polled by one task, then by another: the right one wakes",
        deadline_then_gone[0]: "closing, then dropping, leaves a late value to its resolver",
    }
    l7_restart {
        one_incarnation[1]: "real shards: a message is handled by one incarnation, around its restart",
        across_shards[1]: "real shards: the same with the supervisor on another shard",
        stop_overtakes[1]: "real shards: a stop gets through to an actor that always has mail",
    }
    l8_credits {
        sum[3]: "never more in flight than granted; each credit comes back once",
        receiver_death[0]: "the receiver's death frees the sender",
        room_is_free[0]: "what freed the room is seen before the room is used again",
    }
}
