//! Streams of messages from native actors to guests: tell, fan-in, fan-out, pairs.

use std::time::Instant;

use raddle::{ActorId, ShardId, Spawn};

use crate::pump::{self, Content, Pace, Pumps, Stream};
use crate::setup::Stand;
use crate::word::{self, Op, Proof};

use super::{Open, Round, Workload, titled};

/// Some streams, and the guests that they end in.
pub(super) struct Flow {
    title: String,
    /// From where to whom; with no messages yet.
    routes: Vec<Stream>,
    guests: Vec<ActorId>,
    pace: Pace,
    /// Each message leads to so many more of the same value.
    copies: u64,
}

/// Starts guests there.
pub(super) fn guests(stand: &Stand, on: impl Iterator<Item = ShardId>) -> anyhow::Result<Vec<ActorId>> {
    let pending: Vec<_> =
        on.map(|shard| stand.runtime.spawn(Spawn::new(stand.guest.clone()).on(shard))).collect();
    Ok(pending.into_iter().map(|pending| pending.wait()).collect::<Result<_, _>>()?)
}

/// Tells a guest whom it sends to.
pub(super) fn send_to(stand: &Stand, guest: ActorId, targets: &[ActorId]) -> anyhow::Result<()> {
    let mut payload = word::payload(Op::To, 0, word::WORD_BYTES);
    payload.extend(targets.iter().flat_map(|target| target.to_bits().to_le_bytes()));
    let answer = stand.runtime.request(guest, payload.as_slice()).wait()?;
    anyhow::ensure!(word::read(&answer) == Some(targets.len() as u64), "the guest knows not all its targets");
    Ok(())
}

fn route(on: ShardId, to: ActorId, op: Op) -> Stream {
    Stream { on, to: vec![to], op, first_value: 0, messages: 0 }
}

pub(super) fn tell(stand: &Stand, across: bool) -> anyhow::Result<Flow> {
    let guests = guests(stand, [stand.shard(usize::from(across))].into_iter())?;
    let routes = vec![route(ShardId(0), guests[0], Op::Add)];
    Ok(Flow { title: titled("tell", across), routes, guests, pace: Pace::InFlight, copies: 0 })
}

pub(super) fn fan_in(stand: &Stand, across: bool) -> anyhow::Result<Flow> {
    let count = stand.setup.actors;
    let guests = guests(stand, [stand.shard(usize::from(across))].into_iter())?;
    let routes = (0..count).map(|_| route(ShardId(0), guests[0], Op::Add)).collect();
    let title = titled(&format!("fan-in of {count}"), across);
    Ok(Flow { title, routes, guests, pace: Pace::InFlight, copies: 0 })
}

pub(super) fn fan_out(stand: &Stand, across: bool) -> anyhow::Result<Flow> {
    let count = stand.setup.actors;
    let leaves = guests(stand, (0..count).map(|_| stand.shard(usize::from(across))))?;
    let hub = guests(stand, [ShardId(0)].into_iter())?[0];
    send_to(stand, hub, &leaves)?;
    let title = titled(&format!("fan-out to {count}"), across);
    let guests = [&[hub], leaves.as_slice()].concat();
    let routes = vec![route(ShardId(0), hub, Op::Fan)];
    let copies = count as u64;
    Ok(Flow { title, routes, guests, pace: Pace::Copied(copies), copies })
}

/// Pairs on the first so many shards, each pair on one of them.
pub(super) fn pairs(stand: &Stand, shards: usize) -> anyhow::Result<Flow> {
    let count = stand.setup.pairs;
    let guests = guests(stand, (0..count).map(|pair| stand.shard(pair % shards)))?;
    let routes = guests.iter().map(|&guest| route(guest.shard(), guest, Op::Add)).collect();
    let title = format!("{count} pairs on {}", super::counted_shards(shards));
    Ok(Flow { title, routes, guests, pace: Pace::Turns, copies: 0 })
}

impl Flow {
    /// The streams of a round of so many messages, no two with the same value.
    fn streams(&self, messages: u64) -> Vec<Stream> {
        let each = messages.div_ceil(self.routes.len() as u64);
        let stream = |(index, route): (usize, &Stream)| Stream {
            first_value: index as u64 * each,
            messages: each,
            ..route.clone()
        };
        self.routes.iter().enumerate().map(stream).collect()
    }
}

impl Workload for Flow {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn round(&mut self, stand: &Stand, units: u64) -> anyhow::Result<Round> {
        let streams = self.streams((units / (self.copies + 1)).max(1));
        let sent: u64 = streams.iter().map(|stream| stream.messages).sum();
        let before = Proof::of(&stand.runtime, &self.guests)?;
        let content = Content::Words(stand.setup.payload);
        let pumps = Pumps::new(&stand.runtime, streams, &content, self.pace, stand.setup.batch)?;
        let start = Instant::now();
        pumps.run(&stand.runtime)?;
        let elapsed = start.elapsed();
        pumps.end(&stand.runtime)?;
        let once = Proof::of_values_from(0, sent);
        let expected = (0..self.copies).fold(once, |all, _| all.and(once));
        Proof::of(&stand.runtime, &self.guests)?.since(before).must_be(expected)?;
        Ok(Round { units: expected.count, elapsed, recording: None })
    }

    fn open(&self) -> Option<Open<'_>> {
        // One sender on each shard that has senders, to all whom they send to there.
        let mut streams: Vec<Stream> = Vec::new();
        for route in &self.routes {
            match streams.iter_mut().find(|stream| stream.on == route.on) {
                None => streams.push(route.clone()),
                Some(stream) if stream.to.contains(&route.to[0]) => {}
                Some(stream) => stream.to.push(route.to[0]),
            }
        }
        (self.copies == 0).then_some(Open::Streams(streams))
    }

    fn end(self: Box<Self>, stand: &Stand) -> anyhow::Result<()> {
        pump::stop(&stand.runtime, &self.guests)
    }
}
