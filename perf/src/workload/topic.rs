//! A native actor publishes, and many guests have subscribed.

use std::time::Instant;

use anyhow::ensure;
use raddle::{ActorId, ShardId};

use crate::pump::{self, Content, Pace, Pumps, Stream};
use crate::setup::Stand;
use crate::word::{Op, Proof};

use super::flow::guests;
use super::{Round, Workload, titled};

pub(super) struct Publish {
    title: String,
    guests: Vec<ActorId>,
}

impl Publish {
    pub(super) fn new(stand: &Stand, across: bool) -> anyhow::Result<Self> {
        let count = stand.setup.actors;
        let guests = guests(stand, (0..count).map(|_| stand.shard(usize::from(across))))?;
        // Each place has its own, so that one does not get what is for the other.
        subscribe(stand, &guests, subject(across))?;
        Ok(Self { title: titled(&format!("publish to {count}"), across), guests })
    }

    fn subject(&self) -> &'static str {
        subject(self.title.ends_with("across shards"))
    }
}

fn subject(across: bool) -> &'static str {
    if across { "perf.published.across" } else { "perf.published.same" }
}

/// Subscribes them all. When this returns, every shard knows.
pub(super) fn subscribe(stand: &Stand, guests: &[ActorId], subject: &str) -> anyhow::Result<()> {
    for &guest in guests {
        ensure!(stand.runtime.subscribe(guest, subject).wait()?, "a guest is gone before it has begun");
    }
    Ok(())
}

impl Workload for Publish {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn unit(&self) -> &'static str {
        "copy"
    }

    fn round(&mut self, stand: &Stand, units: u64) -> anyhow::Result<Round> {
        let copies = self.guests.len() as u64;
        let messages = (units / copies).max(1);
        let before = Proof::of(&stand.runtime, &self.guests)?;
        let stream = Stream { on: ShardId(0), to: Vec::new(), op: Op::Add, first_value: 0, messages };
        let content = Content::Published(self.subject(), stand.setup.payload);
        let pumps = Pumps::new(&stand.runtime, vec![stream], &content, Pace::Copied(copies), 1)?;
        let start = Instant::now();
        pumps.run(&stand.runtime)?;
        let elapsed = start.elapsed();
        pumps.end(&stand.runtime)?;
        let once = Proof::of_values_from(0, messages);
        let expected = (1..copies).fold(once, |all, _| all.and(once));
        Proof::of(&stand.runtime, &self.guests)?.since(before).must_be(expected)?;
        Ok(Round { units: expected.count, elapsed, recording: None })
    }

    fn end(self: Box<Self>, stand: &Stand) -> anyhow::Result<()> {
        pump::stop(&stand.runtime, &self.guests)
    }
}
