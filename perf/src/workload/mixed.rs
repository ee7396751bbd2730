//! Tells, asks and publications among each other: an outside thread, and guests on
//! all shards.

use std::collections::VecDeque;
use std::time::Instant;

use anyhow::ensure;
use raddle::actor::SendError;
use raddle::{ActorId, Pending};

use crate::pump;
use crate::setup::Stand;
use crate::word::{self, Op, Proof};

use super::ask::check;
use super::flow::guests;
use super::topic::subscribe;
use super::{Round, Workload};

/// Of 100 messages, so many are asks, and so many are published; the rest are tells.
const ASKS_PERCENT: u64 = 15;
const PUBLISHED_PERCENT: u64 = 5;
const SUBJECT: &str = "perf.mixed";
/// So many of the guests have subscribed.
const SUBSCRIBERS_MAX: usize = 4;
/// Replies waited for at once.
const AT_ONCE: usize = 64;

pub(super) struct Mixed {
    guests: Vec<ActorId>,
    subscribers: u64,
}

/// Publishes, and tries again while the way in is full.
fn publish(stand: &Stand, bytes: &[u8]) -> anyhow::Result<()> {
    while let Err(refused) = stand.runtime.publish(SUBJECT, bytes) {
        ensure!(matches!(refused.reason, SendError::MailboxFull(_)), "{refused}");
        std::thread::yield_now();
    }
    Ok(())
}

impl Mixed {
    pub(super) fn new(stand: &Stand) -> anyhow::Result<Self> {
        let guests = guests(stand, (0..stand.setup.actors).map(|index| stand.shard(index)))?;
        let subscribers = guests.len().min(SUBSCRIBERS_MAX);
        subscribe(stand, &guests[..subscribers], SUBJECT)?;
        Ok(Self { guests, subscribers: subscribers as u64 })
    }
}

impl Workload for Mixed {
    fn title(&self) -> String {
        let tells = 100 - ASKS_PERCENT - PUBLISHED_PERCENT;
        let guests = self.guests.len();
        format!("mixed, {tells} % tell, {ASKS_PERCENT} % ask, {PUBLISHED_PERCENT} % publish, {guests} guests")
    }

    fn round(&mut self, stand: &Stand, units: u64) -> anyhow::Result<Round> {
        let before = Proof::of(&stand.runtime, &self.guests)?;
        let mut payload = word::payload(Op::Add, 0, stand.setup.payload);
        let mut asked: VecDeque<(u64, Pending<_, _>)> = VecDeque::with_capacity(AT_ONCE);
        let mut expected = Proof::default();
        let start = Instant::now();
        for value in 0..units {
            let guest = self.guests[value as usize % self.guests.len()];
            expected = expected.and(Proof { count: 1, sum: value });
            // 37 is prime to 100: the kinds are spread among each other.
            let kind = value * 37 % 100;
            if kind < ASKS_PERCENT {
                word::write(&mut payload, Op::Ask, value);
                asked.push_back((value, stand.runtime.request(guest, payload.as_slice())));
            } else if kind < ASKS_PERCENT + PUBLISHED_PERCENT {
                word::write(&mut payload, Op::Add, value);
                publish(stand, &payload)?;
                let more = self.subscribers - 1;
                expected = expected.and(Proof { count: more, sum: more * value });
            } else {
                word::write(&mut payload, Op::Add, value);
                pump::tell(&stand.runtime, guest, &payload)?;
            }
            if asked.len() == AT_ONCE
                && let Some((value, reply)) = asked.pop_front()
            {
                check(&reply.wait()?, value)?;
                ensure!(!crate::interrupt::is_raised(), crate::interrupt::Interrupted);
            }
        }
        for (value, reply) in asked {
            check(&reply.wait()?, value)?;
        }
        pump::settle(&stand.runtime, std::time::Duration::from_micros(50))?;
        let elapsed = start.elapsed();
        Proof::of(&stand.runtime, &self.guests)?.since(before).must_be(expected)?;
        Ok(Round { units, elapsed, recording: None })
    }

    fn end(self: Box<Self>, stand: &Stand) -> anyhow::Result<()> {
        pump::stop(&stand.runtime, &self.guests)
    }
}
