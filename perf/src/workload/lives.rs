//! Actors that come and go: started and stopped, or trapped and restarted.

use std::time::{Duration, Instant};

use anyhow::ensure;
use raddle::control::child_spec::Shutdown;
use raddle::control::supervisor::SupervisorSpec;
use raddle::shard::SupervisorId;
use raddle::{ActorId, Handle, Spawn};

use crate::pump;
use crate::setup::Stand;
use crate::word::{self, Op};

use super::ask::{ask, check};
use super::{Round, Workload};

/// Lives under way at once.
const AT_ONCE: u64 = 64;

pub(super) struct SpawnStop {
    title: String,
    shards: usize,
}

impl SpawnStop {
    /// On the first so many shards, in turn.
    pub(super) fn new(shards: usize) -> Self {
        Self { title: format!("spawn, first message, stop, on {}", super::counted_shards(shards)), shards }
    }
}

impl Workload for SpawnStop {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn unit(&self) -> &'static str {
        "life"
    }

    fn round(&mut self, stand: &Stand, units: u64) -> anyhow::Result<Round> {
        let mut payload = word::payload(Op::Ask, 0, stand.setup.payload);
        let start = Instant::now();
        let mut value = 0;
        while value < units {
            ensure!(!crate::interrupt::is_raised(), crate::interrupt::Interrupted);
            let values = value..units.min(value + AT_ONCE);
            let starting: Vec<_> = values
                .clone()
                .map(|value| {
                    let spawn = Spawn::new(stand.guest.clone()).on(stand.shard(value as usize % self.shards));
                    stand.runtime.spawn(spawn)
                })
                .collect();
            let actors = starting.into_iter().map(|one| one.wait()).collect::<Result<Vec<_>, _>>()?;
            let asked: Vec<_> = values
                .clone()
                .zip(&actors)
                .map(|(value, &actor)| {
                    word::write(&mut payload, Op::Ask, value);
                    (value, stand.runtime.request(actor, payload.as_slice()))
                })
                .collect();
            for (value, reply) in asked {
                check(&reply.wait()?, value)?;
            }
            pump::stop(&stand.runtime, &actors)?;
            value = values.end;
        }
        Ok(Round { units, elapsed: start.elapsed(), recording: None })
    }

    fn end(self: Box<Self>, _: &Stand) -> anyhow::Result<()> {
        Ok(())
    }
}

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
