//! Actors that trap and are restarted.

use std::time::{Duration, Instant};

use anyhow::ensure;
use raddle::control::child_spec::Shutdown;
use raddle::control::supervisor::SupervisorSpec;
use raddle::shard::SupervisorId;
use raddle::{ActorId, Handle, Spawn};

use crate::pump;
use crate::setup::Stand;
use crate::word::{self, Op};

use super::ask::ask;
use super::{Round, Workload};

pub(super) struct RestartStorm {
    supervisor: SupervisorId,
    guests: Vec<ActorId>,
}

impl RestartStorm {
    pub(super) fn new(stand: &Stand) -> anyhow::Result<Self> {
        let spec = SupervisorSpec { restarts_max: u32::MAX, ..SupervisorSpec::default() };
        let supervisor = stand.runtime.supervise(spec).wait()?;
        let start = |index| {
            let spawn = Spawn::new(stand.guest.clone())
                .on(stand.shard(index))
                .shutdown(Shutdown::BrutalKill)
                .under(supervisor);
            stand.runtime.spawn(spawn)
        };
        let pending: Vec<_> = (0..stand.setup.actors).map(start).collect();
        let guests = pending.into_iter().map(|one| one.wait()).collect::<Result<_, _>>()?;
        Ok(Self { supervisor, guests })
    }
}

/// Incarnations that took the place of an earlier one, and messages that an actor
/// ended on.
fn restarts_and_failed(handle: &Handle) -> (u64, u64) {
    let reports = handle.reports();
    let restarts = reports.iter().map(|report| report.restarts).sum();
    (restarts, reports.iter().map(|report| report.ledger.failed).sum())
}

impl Workload for RestartStorm {
    fn title(&self) -> String {
        format!("restart storm among {}", self.guests.len())
    }

    fn unit(&self) -> &'static str {
        "restart"
    }

    fn round(&mut self, stand: &Stand, units: u64) -> anyhow::Result<Round> {
        let (restarts, failed) = restarts_and_failed(&stand.runtime);
        let trap = word::payload(Op::Trap, 0, stand.setup.payload);
        let start = Instant::now();
        for index in 0..units as usize {
            pump::tell(&stand.runtime, self.guests[index % self.guests.len()], &trap)?;
        }
        pump::settle(&stand.runtime, Duration::from_micros(200))?;
        // Each is up again: the reply is its new incarnation's.
        let mut payload = word::payload(Op::Ask, 0, stand.setup.payload);
        for (value, &guest) in self.guests.iter().enumerate() {
            ask(&stand.runtime, guest, &mut payload, value as u64)?;
        }
        let elapsed = start.elapsed();
        let now = restarts_and_failed(&stand.runtime);
        let counted = (now.0 - restarts, now.1 - failed);
        ensure!(
            counted == (units, units),
            "{units} traps were sent: {} restarts, and {} messages ended an actor",
            counted.0,
            counted.1
        );
        Ok(Round { units, elapsed, recording: None })
    }

    fn end(self: Box<Self>, stand: &Stand) -> anyhow::Result<()> {
        stand.runtime.stop_supervisor(self.supervisor).wait()?;
        Ok(())
    }
}
