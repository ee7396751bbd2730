//! An outside thread asks a guest and waits for the reply, again and again.

use std::time::{Duration, Instant};

use anyhow::ensure;
use raddle::{ActorId, Handle};

use crate::pump;
use crate::recording::{Path, Plan, Recording, Times, clock};
use crate::setup::Stand;
use crate::word::{self, Op, Proof};

use super::flow::guests;
use super::{Open, Round, Workload};

pub(super) struct Ask {
    guest: ActorId,
}

impl Ask {
    pub(super) fn new(stand: &Stand) -> anyhow::Result<Self> {
        Ok(Self { guest: guests(stand, [stand.shard(0)].into_iter())?[0] })
    }
}

impl Workload for Ask {
    fn title(&self) -> String {
        "ask from outside".to_owned()
    }

    fn unit(&self) -> &'static str {
        "reply"
    }

    fn round(&mut self, stand: &Stand, units: u64) -> anyhow::Result<Round> {
        let before = Proof::of(&stand.runtime, &[self.guest])?;
        let start = Instant::now();
        let plan = Plan {
            origin_ns: clock().now_ns(),
            duration: Duration::from_secs(60),
            sample_every: 1,
            unstamped_interval_ns: None,
        };
        let mut recording = Recording::new(plan);
        let mut payload = word::payload(Op::Ask, 0, stand.setup.payload);
        let mut last_ns = clock().now_ns();
        for value in 0..units {
            ask(&stand.runtime, self.guest, &mut payload, value)?;
            let now_ns = clock().now_ns();
            // There is but the whole to be seen from outside.
            let times = Times { intended_ns: last_ns, replied_ns: Some(now_ns), ..Times::default() };
            recording.record(Path::FromOutside, times);
            last_ns = now_ns;
            ensure!(value % 1_024 != 0 || !crate::interrupt::is_raised(), crate::interrupt::Interrupted);
        }
        let elapsed = start.elapsed();
        Proof::of(&stand.runtime, &[self.guest])?.since(before).must_be(Proof::of_values_from(0, units))?;
        Ok(Round { units, elapsed, recording: Some(recording) })
    }

    fn open(&self) -> Option<Open<'_>> {
        Some(Open::Asks(self.guest))
    }

    fn end(self: Box<Self>, stand: &Stand) -> anyhow::Result<()> {
        pump::stop(&stand.runtime, &[self.guest])
    }
}

/// Asks once; the reply must be the value and 1.
pub(super) fn ask(handle: &Handle, guest: ActorId, payload: &mut [u8], value: u64) -> anyhow::Result<()> {
    word::write(payload, Op::Ask, value);
    let reply = handle.request(guest, &*payload).wait()?;
    check(&reply, value)
}

pub(crate) fn check(reply: &[u8], value: u64) -> anyhow::Result<()> {
    let answer = word::read(reply);
    ensure!(answer == Some(value + 1), "asked with {value}, the guest replied {answer:?}");
    Ok(())
}
