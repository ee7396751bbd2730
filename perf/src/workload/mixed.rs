//! Tells and asks among each other: an outside thread, and guests on all shards.

use std::collections::VecDeque;
use std::time::Instant;

use raddle::{ActorId, Pending};

use crate::pump;
use crate::setup::Stand;
use crate::word::{self, Op, Proof};

use super::ask::check;
use super::flow::guests;
use super::{Round, Workload};

/// Of 100 messages, so many are asks; the rest are tells.
const ASKS_PERCENT: u64 = 15;
/// Replies waited for at once.
const AT_ONCE: usize = 64;

pub(super) struct Mixed {
    guests: Vec<ActorId>,
}

impl Mixed {
    pub(super) fn new(stand: &Stand) -> anyhow::Result<Self> {
        let guests = guests(stand, (0..stand.setup.actors).map(|index| stand.shard(index)))?;
        Ok(Self { guests })
    }
}

impl Workload for Mixed {
    fn title(&self) -> String {
        let tells = 100 - ASKS_PERCENT;
        format!("mixed, {tells} % tell, {ASKS_PERCENT} % ask, {} guests", self.guests.len())
    }

    fn round(&mut self, stand: &Stand, units: u64) -> anyhow::Result<Round> {
        let before = Proof::of(&stand.runtime, &self.guests)?;
        let mut payload = word::payload(Op::Add, 0, stand.setup.payload);
        let mut asked: VecDeque<(u64, Pending<_, _>)> = VecDeque::with_capacity(AT_ONCE);
        let start = Instant::now();
        for value in 0..units {
            let guest = self.guests[value as usize % self.guests.len()];
            // 37 is prime to 100: the asks are spread among the tells.
            if value * 37 % 100 < ASKS_PERCENT {
                word::write(&mut payload, Op::Ask, value);
                asked.push_back((value, stand.runtime.request(guest, payload.as_slice())));
            } else {
                word::write(&mut payload, Op::Add, value);
                pump::tell(&stand.runtime, guest, &payload)?;
            }
            if asked.len() == AT_ONCE
                && let Some((value, reply)) = asked.pop_front()
            {
                check(&reply.wait()?, value)?;
                anyhow::ensure!(!crate::interrupt::is_raised(), crate::interrupt::Interrupted);
            }
        }
        for (value, reply) in asked {
            check(&reply.wait()?, value)?;
        }
        pump::settle(&stand.runtime, std::time::Duration::from_micros(50))?;
        let elapsed = start.elapsed();
        let expected = Proof::of_values_from(0, units);
        Proof::of(&stand.runtime, &self.guests)?.since(before).must_be(expected)?;
        Ok(Round { units, elapsed, recording: None })
    }

    fn end(self: Box<Self>, stand: &Stand) -> anyhow::Result<()> {
        pump::stop(&stand.runtime, &self.guests)
    }
}
