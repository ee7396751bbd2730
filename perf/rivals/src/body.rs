//! What handles the messages of one actor.

use std::future::Future;

use crate::packet::{PASS, Packet, Proof};

/// What follows from a message.
pub(crate) enum After {
    Nothing,
    /// This goes to the next actor.
    Send(Packet),
    /// A token has come to its end.
    Finished,
}

/// Handles messages, and can prove it.
pub(crate) trait Body: Send + 'static {
    fn handle(&mut self, payload: &[u8]) -> impl Future<Output = anyhow::Result<After>> + Send;

    /// Handles what is asked, and replies.
    fn ask(&mut self, payload: &[u8]) -> impl Future<Output = anyhow::Result<u64>> + Send;

    fn proof(&mut self) -> impl Future<Output = anyhow::Result<Proof>> + Send;

    /// There is somebody to pass tokens to.
    fn link(&mut self) -> impl Future<Output = anyhow::Result<()>> + Send {
        async { Ok(()) }
    }
}

/// Rust, with no sandbox.
#[derive(Default)]
pub(crate) struct Native(Proof);

impl Native {
    pub(crate) fn take(&mut self, payload: &[u8]) -> After {
        let (op, value) = Packet::word(payload);
        self.0.add(value);
        match (op, value) {
            (PASS, 0) => After::Finished,
            (PASS, value) => {
                let mut packet = Packet::copy_from(payload);
                packet.set(PASS, value - 1);
                After::Send(packet)
            }
            _ => After::Nothing,
        }
    }

    /// Adds the value; the reply.
    pub(crate) fn reply(&mut self, payload: &[u8]) -> u64 {
        let (_, value) = Packet::word(payload);
        self.0.add(value);
        value + 1
    }

    pub(crate) fn counted(&self) -> Proof {
        self.0
    }
}

impl Body for Native {
    async fn handle(&mut self, payload: &[u8]) -> anyhow::Result<After> {
        Ok(self.take(payload))
    }

    async fn ask(&mut self, payload: &[u8]) -> anyhow::Result<u64> {
        Ok(self.reply(payload))
    }

    async fn proof(&mut self) -> anyhow::Result<Proof> {
        Ok(self.0)
    }
}
