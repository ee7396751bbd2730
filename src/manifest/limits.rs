//! What actors of a component may use: `[component.NAME.limits]`.

use super::read::{DAY_MS, HOUR_MS, Reader};
use super::section::{At, Section, grouped};

/// A page of guest memory: with less, no guest starts.
const PAGE_BYTES: u64 = 64 << 10;
/// All that a 32-bit guest can address.
const GUEST_MEMORY_BYTES_MAX: u64 = 4 << 30;

/// What one actor may use: `[component.NAME.limits]`. None set is as the trust has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LimitsSpec {
    /// How large its memories may grow, together.
    pub memory_bytes_max: Option<u64>,
    /// How many memories it may have.
    pub memories_max: Option<u32>,
    /// How many tables.
    pub tables_max: Option<u32>,
    /// How many elements each of them may have.
    pub table_elements_max: Option<u32>,
    /// How many core instances it may consist of.
    pub core_instances_max: Option<u32>,
    /// How long it may work on one message.
    pub cpu_ms_max: Option<u32>,
    /// Which part of the window it may work on all messages.
    pub cpu_percent_max: Option<u32>,
    /// The window.
    pub cpu_window_ms: Option<u32>,
    /// How long its instantiation, its `init` and its `stop` may take, each.
    pub lifecycle_ms_max: Option<u32>,
    /// How many messages it gets at once, if it takes batches.
    pub batch_messages_max: Option<u32>,
    /// How many bytes a message may have that it sends or replies.
    pub message_bytes_max: Option<u32>,
    /// How many bytes one call across its border may copy out of it.
    pub hostcall_bytes_max: Option<u32>,
    /// How many log lines it may write in a second.
    pub log_lines_per_s_max: Option<u32>,
    /// How many bytes of each are kept.
    pub log_line_bytes_max: Option<u32>,
    /// How many of its requests may wait for their outcome.
    pub requests_max: Option<u32>,
    /// How many requests it may have taken over, to answer them later.
    pub deferred_max: Option<u32>,
    /// How many of its timers may be pending.
    pub timers_max: Option<u32>,
    /// How many filters it may have subscribed to.
    pub subscriptions_max: Option<u32>,
    /// How many groups it may be in.
    pub groups_max: Option<u32>,
    /// How many names it may have taken itself.
    pub names_max: Option<u32>,
    /// How many names it may watch.
    pub watches_max: Option<u32>,
    /// How many links and monitors it may have.
    pub relations_max: Option<u32>,
    /// How many actors may be alive that it has spawned, with theirs.
    pub children_max: Option<u32>,
    /// How many other actors' addresses it may hold.
    pub addresses_max: Option<u32>,
    /// How many WASI resources it may hold.
    pub wasi_resources_max: Option<u32>,
}

impl<'d> Reader<'d> {
    pub(super) fn limits(&self, section: Section<'d>, runtime_message_bytes_max: u32) -> LimitsSpec {
        let count = |key, range| section.integer(key, range).map(|at: At<u32>| at.value);
        let message_bytes = section.integer("message_bytes_max", 1..=1 << 30);
        let hostcall_bytes = section.integer("hostcall_bytes_max", 1024..=1 << 31);
        let spec = LimitsSpec {
            memory_bytes_max: section
                .integer("memory_bytes_max", PAGE_BYTES..=GUEST_MEMORY_BYTES_MAX)
                .map(|at| at.value),
            memories_max: count("memories_max", 1..=100),
            tables_max: count("tables_max", 0..=100),
            table_elements_max: count("table_elements_max", 0..=10_000_000),
            core_instances_max: count("core_instances_max", 1..=1_000),
            cpu_ms_max: count("cpu_ms_max", 1..=HOUR_MS),
            cpu_percent_max: count("cpu_percent_max", 1..=100),
            cpu_window_ms: count("cpu_window_ms", 10..=DAY_MS),
            lifecycle_ms_max: count("lifecycle_ms_max", 1..=HOUR_MS),
            batch_messages_max: count("batch_messages_max", 1..=4096),
            message_bytes_max: message_bytes.map(|at| at.value),
            hostcall_bytes_max: hostcall_bytes.map(|at| at.value),
            log_lines_per_s_max: count("log_lines_per_s_max", 0..=1_000_000),
            log_line_bytes_max: count("log_line_bytes_max", 1..=1 << 20),
            requests_max: count("requests_max", 0..=65_536),
            deferred_max: count("deferred_max", 0..=65_536),
            timers_max: count("timers_max", 0..=1 << 20),
            subscriptions_max: count("subscriptions_max", 0..=65_536),
            groups_max: count("groups_max", 0..=65_536),
            names_max: count("names_max", 0..=65_536),
            watches_max: count("watches_max", 0..=65_536),
            relations_max: count("relations_max", 0..=65_536),
            children_max: count("children_max", 0..=65_536),
            addresses_max: count("addresses_max", 0..=1 << 24),
            wasi_resources_max: count("wasi_resources_max", 0..=1_000_000),
        };
        self.check_message_bytes(message_bytes, hostcall_bytes, runtime_message_bytes_max);
        section.finish();
        spec
    }

    /// A message must fit into a call, and into the runtime.
    fn check_message_bytes(&self, message: Option<At<u32>>, hostcall: Option<At<u32>>, runtime_max: u32) {
        if let Some(At { value, span }) = message
            && value > runtime_max
        {
            let label = format!(
                "expected at most the message_bytes_max of [runtime], {}",
                grouped(runtime_max.into())
            );
            self.problems.note(span, "no message as large as this is taken", label);
        }
        if let Some(At { value, span }) = hostcall {
            let needed = message.map_or(runtime_max, |at| at.value);
            if value < needed {
                let label = format!(
                    "expected at least the message_bytes_max of its actors, {}",
                    grouped(needed.into())
                );
                self.problems.note(span, "the largest message could not leave the guest", label);
            }
        }
    }
}
