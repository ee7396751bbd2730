//! Guests that pass a message on: ring and ping-pong. Nothing but guests and the
//! runtime is in these figures.

use std::time::{Duration, Instant};

use raddle::ActorId;

use crate::pump;
use crate::recorder::Recorders;
use crate::recording::{Plan, clock};
use crate::setup::Stand;
use crate::word::{self, Op, Proof};

use super::flow::{guests, send_to};
use super::{Round, Workload, titled};

/// Latency over time is told up to here, in a round.
const ROUND_MAX: Duration = Duration::from_secs(60);
/// How often to look whether the tokens have come to their end.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Nothing bears stamps: tokens alone are recorded.
fn plan() -> Plan {
    Plan { origin_ns: clock().now_ns(), duration: ROUND_MAX, sample_every: 1, unstamped_interval_ns: None }
}

pub(super) struct Pass {
    title: String,
    unit: &'static str,
    hops_per_unit: u64,
    guests: Vec<ActorId>,
    tokens: u64,
}

impl Pass {
    /// On one shard, or each hop from one shard to the next.
    pub(super) fn ring(stand: &Stand, across: bool, tokens: u64) -> anyhow::Result<Self> {
        let count = stand.setup.actors;
        let title = titled(&format!("ring of {count}"), across);
        let title = if tokens > 1 { format!("{title}, {tokens} tokens") } else { title };
        Self::new(stand, count, across, tokens, title, ("hop", 1))
    }

    pub(super) fn ping_pong(stand: &Stand, across: bool) -> anyhow::Result<Self> {
        Self::new(stand, 2, across, 1, titled("ping-pong", across), ("round trip", 2))
    }

    fn new(
        stand: &Stand,
        count: usize,
        across: bool,
        tokens: u64,
        title: String,
        (unit, hops_per_unit): (&'static str, u64),
    ) -> anyhow::Result<Self> {
        let guests = guests(stand, (0..count).map(|index| stand.shard(if across { index } else { 0 })))?;
        for (index, &guest) in guests.iter().enumerate() {
            send_to(stand, guest, &[guests[(index + 1) % count]])?;
        }
        Ok(Self { title, unit, hops_per_unit, guests, tokens })
    }
}

impl Workload for Pass {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn unit(&self) -> &'static str {
        self.unit
    }

    fn round(&mut self, stand: &Stand, units: u64) -> anyhow::Result<Round> {
        let hops = (units * self.hops_per_unit).div_ceil(self.tokens).max(1);
        let before = Proof::of(&stand.runtime, &self.guests)?;
        // A token's value is how many hops it has left.
        let token = word::payload(Op::Pass, hops - 1, stand.setup.payload);
        // Each round trip is told, where that is asked for and there is but one token.
        let recorders = match stand.is_measured && self.guests.len() == 2 && self.tokens == 1 {
            true => Some(Recorders::start(&stand.runtime, plan())?),
            false => None,
        };
        let start = Instant::now();
        for token_index in 0..self.tokens as usize {
            let first = token_index * self.guests.len() / self.tokens as usize;
            pump::tell(&stand.runtime, self.guests[first % self.guests.len()], &token)?;
        }
        pump::settle(&stand.runtime, LOOK_EVERY)?;
        let elapsed = start.elapsed();
        let once = Proof::of_values_from(0, hops);
        let expected = (1..self.tokens).fold(once, |all, _| all.and(once));
        Proof::of(&stand.runtime, &self.guests)?.since(before).must_be(expected)?;
        let recording = recorders.map(|recorders| recorders.finish(&stand.runtime)).transpose()?;
        Ok(Round { units: (hops * self.tokens / self.hops_per_unit).max(1), elapsed, recording })
    }

    fn end(self: Box<Self>, stand: &Stand) -> anyhow::Result<()> {
        pump::stop(&stand.runtime, &self.guests)
    }
}
