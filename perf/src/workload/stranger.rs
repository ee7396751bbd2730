//! A component that knows nothing of measurements. What it handled is proved by
//! the runtime's ledger: accepted, handled without a failure, nothing lost.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use raddle::actor::SendError;
use raddle::{ActorId, Handle, Payload, Spawn};

use crate::pump;
use crate::recorder::Measured;
use crate::setup::Stand;

use super::{Extras, Open, Round, Workload};

/// Messages handed over at once, and on their way at once.
const AT_ONCE: usize = 64;
const IN_FLIGHT_MAX: u64 = 2_048;
/// Of a message in an error.
const SHOWN_BYTES_MAX: usize = 40;

pub(super) struct Stranger {
    name: String,
    actor: ActorId,
    message: Vec<u8>,
}

impl Stranger {
    pub(super) fn new(stand: &Stand, extras: &Extras) -> anyhow::Result<Self> {
        let path = extras.component.as_ref().context("the workload `component` takes --component FILE")?;
        let blueprint = stand.load(path).with_context(|| format!("--component {}", path.display()))?;
        let blueprint = if stand.is_measured { Measured::wrap(blueprint) } else { blueprint };
        let name = blueprint.name().to_owned();
        let spawn = Spawn::new(blueprint).on(stand.shard(0)).configs(extras.configs.iter().cloned());
        let actor = stand.runtime.spawn(spawn).wait()?;
        let message = match (&extras.message, &extras.message_file) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(path)) => {
                std::fs::read(path).with_context(|| format!("--message-file {}", path.display()))?
            }
            (None, None) => vec![b'x'; stand.setup.payload],
        };
        try_once(stand, actor, &message)?;
        Ok(Self { name, actor, message })
    }
}

/// Asks it with its message, so that one which it makes nothing of is an error that
/// says why, and not a million failures.
fn try_once(stand: &Stand, actor: ActorId, message: &[u8]) -> anyhow::Result<()> {
    match stand.runtime.request(actor, message).wait() {
        Ok(_) => Ok(()),
        Err(why) => Err(anyhow::anyhow!("{why}")).with_context(|| {
            let shown = String::from_utf8_lossy(&message[..message.len().min(SHOWN_BYTES_MAX)]);
            format!(
                "the component does not handle its message `{shown}` ({} bytes): say what to send with \
                 --message or --message-file, and what it needs with --config",
                message.len()
            )
        }),
    }
}

/// What the ledger says of messages: handled, of which with a failure, and lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accounts {
    handled: u64,
    failures: u64,
    failed: u64,
    dead: u64,
}

impl Accounts {
    pub(crate) fn of(handle: &Handle) -> Self {
        let reports = handle.reports();
        Self {
            handled: reports.iter().map(|report| report.ledger.handled).sum(),
            failures: reports.iter().map(|report| report.answered_with_failure).sum(),
            failed: reports.iter().map(|report| report.ledger.failed).sum(),
            dead: reports.iter().map(|report| report.ledger.dead()).sum(),
        }
    }

    /// All that was sent since then was handled, and none with a failure.
    pub(crate) fn must_have_grown(self, since: Self, messages: u64) -> anyhow::Result<()> {
        let expected = Self { handled: since.handled + messages, ..since };
        ensure!(
            self == expected,
            "{messages} messages were sent: the component handled {}, {} of them with a failure; it ended on \
             {}, and {} were not handled",
            self.handled - since.handled,
            self.failures - since.failures,
            self.failed - since.failed,
            self.dead - since.dead
        );
        Ok(())
    }
}

impl Workload for Stranger {
    fn title(&self) -> String {
        format!("{}, from outside", self.name)
    }

    fn round(&mut self, stand: &Stand, units: u64) -> anyhow::Result<Round> {
        let before = Accounts::of(&stand.runtime);
        let payload = Payload::copy_from(&self.message).into_shared();
        let start = Instant::now();
        let mut left = units;
        while left > 0 {
            while stand.runtime.unsettled() > IN_FLIGHT_MAX {
                ensure!(!crate::interrupt::is_raised(), crate::interrupt::Interrupted);
                std::hint::spin_loop();
            }
            let batch = std::iter::repeat_n(payload.clone(), AT_ONCE.min(left as usize));
            let (taken, refused) = stand.runtime.tell_all(self.actor, batch);
            left -= taken as u64;
            if let Some(refused) = refused {
                ensure!(matches!(refused.reason, SendError::MailboxFull(_)), "{refused}");
                std::thread::yield_now();
            }
        }
        pump::settle(&stand.runtime, Duration::from_micros(50))?;
        let elapsed = start.elapsed();
        Accounts::of(&stand.runtime).must_have_grown(before, units)?;
        Ok(Round { units, elapsed, recording: None })
    }

    fn open(&self) -> Option<Open<'_>> {
        Some(Open::Stranger(self.actor, &self.message))
    }

    fn end(self: Box<Self>, stand: &Stand) -> anyhow::Result<()> {
        pump::stop(&stand.runtime, &[self.actor])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_handled_without_a_failure_is_a_figure() {
        let before = Accounts { handled: 5, failures: 1, failed: 0, dead: 2 };
        let after = Accounts { handled: 15, ..before };
        assert!(after.must_have_grown(before, 10).is_ok());
        assert!(after.must_have_grown(before, 11).is_err());
        for one_less in [
            Accounts { failures: 2, ..after },
            Accounts { handled: 14, failed: 1, ..after },
            Accounts { handled: 14, dead: 3, ..after },
        ] {
            let error = one_less.must_have_grown(before, 10).unwrap_err().to_string();
            assert!(error.starts_with("10 messages were sent: the component handled "), "{error}");
        }
    }
}
