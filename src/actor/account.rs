//! What an actor has used so far.

/// What one incarnation has used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// CPU time, in ns: sampled at the ticks of the runtime, so it is near the truth
    /// for those who use much.
    pub cpu_ns: u64,
    /// Memory that it holds, in bytes.
    pub memory_bytes: u64,
    /// Times that it was called with a message.
    pub messages: u64,
    /// Calls of functions of the host.
    pub host_calls: u64,
    /// Calls that were denied, for want of a grant or over a quota.
    pub denied: u64,
}
