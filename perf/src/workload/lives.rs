//! Actors that come and go: started and stopped, or trapped and restarted.

use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::ensure;
use raddle::actor::ExitReason;
use raddle::control::child_spec::Shutdown;
use raddle::control::supervisor::SupervisorSpec;
use raddle::runtime::PendingReply;
use raddle::shard::{SpawnError, SupervisorId};
use raddle::{ActorId, Handle, Pending, Spawn};

use crate::pump;
use crate::setup::Stand;
use crate::word::{self, Op};

use super::ask::{ask, check};
use super::{Round, Workload};

/// Lives that start, are asked and stop together; of three such batches each is at
/// another of these.
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
        let start = Instant::now();
        let mut batches = (0..units).step_by(AT_ONCE as usize).map(|first| first..units.min(first + AT_ONCE));
        let mut lives =
            Lives { stand, shards: self.shards, payload: word::payload(Op::Ask, 0, stand.setup.payload) };
        let (mut starting, mut asked, mut stopping) = (None, None, None);
        loop {
            ensure!(!crate::interrupt::is_raised(), crate::interrupt::Interrupted);
            // Some are always under way, so that no shard waits for this thread.
            let next = batches.next().map(|values| lives.start(values));
            stopping.take().map_or(Ok(()), stopped)?;
            stopping = asked.take().map(|asked| lives.stop(asked)).transpose()?;
            asked = starting.take().map(|starting| lives.ask(starting)).transpose()?;
            starting = next;
            if starting.is_none() && asked.is_none() && stopping.is_none() {
                return Ok(Round { units, elapsed: start.elapsed(), recording: None });
            }
        }
    }

    fn end(self: Box<Self>, _: &Stand) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Some that are to start, with their values.
type Starting = (Range<u64>, Vec<Pending<ActorId, SpawnError>>);
/// Some that were asked.
type Asked = Vec<(u64, ActorId, PendingReply)>;
/// Some that are to stop.
type Stopping = Vec<Pending<Option<ExitReason>, SpawnError>>;

/// What goes on while lives come and go.
struct Lives<'a> {
    stand: &'a Stand,
    shards: usize,
    payload: Vec<u8>,
}

impl Lives<'_> {
    fn start(&self, values: Range<u64>) -> Starting {
        let start = |value: u64| {
            let spawn = Spawn::new(self.stand.guest.clone());
            self.stand.runtime.spawn(spawn.on(self.stand.shard(value as usize % self.shards)))
        };
        (values.clone(), values.map(start).collect())
    }

    fn ask(&mut self, (values, starting): Starting) -> anyhow::Result<Asked> {
        let mut asked = Vec::with_capacity(starting.len());
        for (value, actor) in values.zip(starting) {
            let actor = actor.wait()?;
            word::write(&mut self.payload, Op::Ask, value);
            asked.push((value, actor, self.stand.runtime.request(actor, self.payload.as_slice())));
        }
        Ok(asked)
    }

    fn stop(&self, asked: Asked) -> anyhow::Result<Stopping> {
        let mut stopping = Vec::with_capacity(asked.len());
        for (value, actor, reply) in asked {
            check(&reply.wait()?, value)?;
            stopping.push(self.stand.runtime.stop(actor, Shutdown::BrutalKill));
        }
        Ok(stopping)
    }
}

fn stopped(stopping: Stopping) -> anyhow::Result<()> {
    for one in stopping {
        ensure!(one.wait()?.is_some(), "it was gone before it was stopped");
    }
    Ok(())
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
