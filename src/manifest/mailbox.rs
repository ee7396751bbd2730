//! What the mailboxes of actors hold: `[component.NAME.mailbox]`.

use super::read::HOUR_MS;
use super::section::Section;
use super::spec::Words;
pub use crate::control::overflow::Overflow;

/// How the mailbox of each actor of a component is to be. What is not set is as
/// `[runtime]` has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MailboxSpec {
    /// How many messages it holds.
    pub messages_max: Option<u32>,
    /// How many bytes of payload it holds.
    pub bytes_max: Option<u32>,
    /// What becomes of messages for which it has no room.
    pub overflow: Overflow,
    /// How long a message may wait in it; none set is for ever.
    pub time_to_live_ms: Option<u32>,
}

impl Words for Overflow {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("reject", Self::Reject),
        ("backpressure", Self::Backpressure),
        ("drop_oldest", Self::DropOldest),
        ("drop_newest", Self::DropNewest),
    ];
}

impl MailboxSpec {
    pub(super) fn read(section: Section<'_>) -> Self {
        let spec = Self {
            messages_max: section.integer("messages_max", 1..=1 << 24).map(|at| at.value),
            bytes_max: section.integer("bytes_max", 1024..=u32::MAX).map(|at| at.value),
            overflow: section.word("overflow").unwrap_or_default(),
            time_to_live_ms: section.integer("time_to_live_ms", 1..=HOUR_MS).map(|at| at.value),
        };
        section.finish();
        spec
    }

    /// Does a sender have to hold back, so that nothing is lost?
    pub fn holds_senders_back(&self) -> bool {
        matches!(self.overflow, Overflow::Reject | Overflow::Backpressure)
    }
}
