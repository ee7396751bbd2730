//! How much an actor may have of what costs its shard memory.

/// How much an actor may have of what costs its shard memory. A shard has its own;
/// a kind of actor may be given less ([`Blueprint::quotas`](super::Blueprint::quotas)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Requests that wait for their outcome.
    pub requests_max: u32,
    /// Requests whose reply it has taken over.
    pub deferred_max: u32,
    /// Timers that are pending.
    pub timers_max: u32,
    /// Filters that it has subscribed to.
    pub subscriptions_max: u32,
    /// Groups that it is in.
    pub groups_max: u32,
    /// Links to others, and monitors of others.
    pub relations_max: u32,
    /// Actors alive that it has spawned, and those that they have, and so on.
    pub children_max: u32,
    /// Names that it watches.
    pub watches_max: u32,
    /// Names that it has taken itself, beside the one that it was started with.
    pub names_max: u32,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            requests_max: 65_536,
            deferred_max: 65_536,
            timers_max: 1_048_576,
            subscriptions_max: 1_024,
            groups_max: 256,
            relations_max: 65_536,
            children_max: 65_536,
            watches_max: 1_024,
            names_max: 1_024,
        }
    }
}

impl Quotas {
    /// Of each the lesser.
    #[must_use]
    pub fn at_most(self, most: Self) -> Self {
        Self {
            requests_max: self.requests_max.min(most.requests_max),
            deferred_max: self.deferred_max.min(most.deferred_max),
            timers_max: self.timers_max.min(most.timers_max),
            subscriptions_max: self.subscriptions_max.min(most.subscriptions_max),
            groups_max: self.groups_max.min(most.groups_max),
            relations_max: self.relations_max.min(most.relations_max),
            children_max: self.children_max.min(most.children_max),
            watches_max: self.watches_max.min(most.watches_max),
            names_max: self.names_max.min(most.names_max),
        }
    }
}
