//! Who looks at what comes in: for measurements that tell how long a message crossed
//! from how long it waited. Without a probe nothing is done for any message: it is
//! asked for once a turn.

use crate::actor::Message;

use super::{Command, Shard};

/// Is shown every message that has come from another shard or from outside, before it
/// is in a mailbox. It is called on the shard's thread, and may write into the payload.
#[derive(Debug, Clone, Copy)]
pub struct ArrivalProbe(pub fn(&mut Message));

// By address: two that do the same may count as two.
impl PartialEq for ArrivalProbe {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::fn_addr_eq(self.0, other.0)
    }
}

impl Eq for ArrivalProbe {}

impl Shard {
    /// Takes in what other shards have sent. How many messages were there?
    pub(super) fn take_in_messages(&mut self) -> usize {
        // The rings are taken out for the while, so that what comes in can be
        // delivered as it is drained.
        let mut inlets = std::mem::take(&mut self.inlets);
        let taken = match self.config.on_arrival {
            None => inlets.drain_messages(|message| self.deliver_arrival(message)),
            Some(ArrivalProbe(show)) => inlets.drain_messages(|message| {
                show(message);
                self.deliver_arrival(message);
            }),
        };
        self.inlets = inlets;
        taken
    }

    /// Shows what has come from outside.
    #[inline]
    pub(super) fn show_command(&self, command: &mut Command) {
        let Some(ArrivalProbe(show)) = self.config.on_arrival else { return };
        match command {
            Command::Tell(message) | Command::Request(message, _) => show(message),
            Command::AwaitRoom(..) | Command::Control(_) => {}
        }
    }
}
