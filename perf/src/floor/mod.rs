//! The floors: what it takes without Raddle. Each is measured in the same run, on the
//! same guest and with the same payload as what stands on it.

pub(crate) mod bare;
mod lives;
pub(crate) mod ring;

use std::time::Duration;

use anyhow::Context;

use crate::figure::Figure;
use crate::noise::Gaps;
use crate::setup::{Class, Setup};
use crate::word::{self, Op, Proof};
use crate::workload::Kind;

use bare::{Bare, frames};
use lives::Lives;

/// wasmtime alone calls the guest with a message, as Raddle would.
pub(crate) const CALL: &str = "bare wasmtime call";
/// The same on a stack of its own, as a guest that may be suspended is called.
pub(crate) const CALL_ASYNC: &str = "bare wasmtime call_async";
/// The same for a batch.
pub(crate) const FRAMED: &str = "bare flat-frame call, 32 at once";
/// A call in which the guest sends once, into a ring: what a hop takes.
pub(crate) const SENDING: &str = "bare call that sends once";
/// Sending alone: what each of many sends adds to a call.
pub(crate) const SEND: &str = "bare host send, one of 100 in a call";
/// A store, an instance, a call, and the end of both.
pub(crate) const LIFE: &str = "bare life: store, instance, call, drop";
/// The same on all cores, at once.
pub(crate) const LIVES: &str = "bare lives, on all cores at once";
/// One way through the ring.
pub(crate) const RING: &str = "bare ring, two cores";
/// There and back.
pub(crate) const ROUND_TRIP: &str = "bare ring, there and back";

/// Messages to a frame.
const FRAMES: usize = 32;
/// Messages that a guest sends in one call, to tell what one of them costs.
const FANNED: usize = 100;
/// The value of messages that are passed on: it has some hops left.
const PASSED: u64 = 1_000;

/// What is measured, in this order: later ones may be told by earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Call,
    CallAsync,
    Framed,
    Sending,
    Send,
    Life,
    Lives,
    Ring,
    RoundTrip,
}

impl Item {
    const ALL: [Self; 9] = [
        Self::Call,
        Self::CallAsync,
        Self::Framed,
        Self::Sending,
        Self::Send,
        Self::Life,
        Self::Lives,
        Self::Ring,
        Self::RoundTrip,
    ];

    fn title_and_unit(self) -> (&'static str, &'static str) {
        match self {
            Self::Call => (CALL, "message"),
            Self::CallAsync => (CALL_ASYNC, "message"),
            Self::Framed => (FRAMED, "message"),
            Self::Sending => (SENDING, "message"),
            Self::Send => (SEND, "message"),
            Self::Life => (LIFE, "life"),
            Self::Lives => (LIVES, "life"),
            Self::Ring => (RING, "message"),
            Self::RoundTrip => (ROUND_TRIP, "round trip"),
        }
    }

    /// Does one of these workloads stand on it, with guests of this class?
    fn is_for(self, kinds: &[Kind], class: Option<Class>) -> bool {
        let has_two_cpus = std::thread::available_parallelism().is_ok_and(|cpus| cpus.get() > 1);
        let any = |these: &[Kind]| kinds.iter().any(|kind| these.contains(kind));
        match self {
            Self::Call | Self::Framed => true,
            Self::CallAsync => class == Some(Class::Suspendable),
            Self::Sending | Self::Send => any(&[Kind::Ring, Kind::PingPong, Kind::FanOut]),
            Self::Life | Self::Lives => any(&[Kind::SpawnStop, Kind::RestartStorm]),
            // Two threads that look at the same ring, each on a CPU of its own.
            Self::Ring | Self::RoundTrip => has_two_cpus && any(&[Kind::Ask, Kind::Mixed]),
        }
    }

    /// Of so many messages, how often it is done in a round.
    fn times(self, messages: u64) -> u64 {
        let share = match self {
            Self::Call | Self::CallAsync | Self::Framed | Self::Sending | Self::Ring => 1,
            Self::Send => FANNED as u64,
            Self::RoundTrip => 10,
            Self::Life | Self::Lives => 100,
        };
        (messages / share).max(1)
    }
}

/// What is measured, and how.
pub(crate) struct Floor {
    bare: Bare,
    lives: Lives,
    payloads: Payloads,
    items: Vec<Item>,
    gaps: Gaps,
    pub(crate) figures: Vec<Figure>,
}

/// Once for the whole run.
struct Payloads {
    bytes: usize,
    add: &'static [u8],
    pass: &'static [u8],
    fan: &'static [u8],
    frames: &'static [u8],
}

impl Payloads {
    fn new(bytes: usize) -> Self {
        let payload = |op, value| &*Vec::leak(word::payload(op, value, bytes));
        let add = payload(Op::Add, 1);
        let frames = Vec::leak(frames(add, FRAMES));
        Self { bytes, add, pass: payload(Op::Pass, PASSED), fan: payload(Op::Fan, 1), frames }
    }
}

impl Floor {
    /// The floors that these workloads stand on.
    pub(crate) fn new(setup: &Setup, kinds: &[Kind]) -> anyhow::Result<Self> {
        let guest = setup.read_guest()?;
        let mut bare = Bare::new(&guest)?;
        let takes_batches = bare.takes_batches();
        let items = Item::ALL.into_iter().filter(|item| item.is_for(kinds, setup.class));
        let items: Vec<Item> = items.filter(|&item| takes_batches || item != Item::Framed).collect();
        if items.contains(&Item::Sending) {
            let mut targets = word::payload(Op::To, 0, word::WORD_BYTES);
            targets.extend((1..=FANNED as u64).flat_map(u64::to_le_bytes));
            let known = bare.ask(Vec::leak(targets))?;
            anyhow::ensure!(word::read(&known) == Some(FANNED as u64), "the guest knows not all its targets");
        }
        let figure = |item: &Item| {
            let (title, unit) = item.title_and_unit();
            Figure::new(title.to_owned(), unit)
        };
        let figures = items.iter().map(figure).collect();
        let (lives, payloads) = (Lives::new(&guest)?, Payloads::new(setup.payload));
        Ok(Self { bare, lives, payloads, items, gaps: Gaps::new(), figures })
    }

    fn proof(&mut self) -> anyhow::Result<Proof> {
        // `get`: the op alone.
        const GET: [u8; 8] = [Op::Get as u8, 0, 0, 0, 0, 0, 0, 0];
        Proof::parse(&self.bare.ask(&GET)?).context("the guest's count is not two words")
    }

    /// One round, after a look at the noise on these cores.
    pub(crate) fn round(
        &mut self,
        messages: u64,
        counts: bool,
        cpus: &[Option<usize>],
        noise: Duration,
    ) -> anyhow::Result<()> {
        self.gaps.watch(cpus, noise);
        let mut call_ns = 0.0;
        for index in 0..self.items.len() {
            let item = self.items[index];
            let times = item.times(messages);
            let ns = self.measure(item, times, call_ns, cpus)?;
            if item == Item::Call {
                call_ns = ns;
            }
            if counts {
                let figure = &mut self.figures[index];
                figure.ns_per_unit.push(ns);
                figure.units_per_round = times;
            }
        }
        for figure in &mut self.figures {
            figure.noise = self.gaps.summary();
        }
        Ok(())
    }

    fn measure(
        &mut self,
        item: Item,
        times: u64,
        call_ns: f64,
        cpus: &[Option<usize>],
    ) -> anyhow::Result<f64> {
        let Payloads { bytes, add, pass, fan, frames } = self.payloads;
        match item {
            Item::Call => self.proved(times, times, |bare| bare.ns_per_call(add, times)),
            Item::CallAsync => self.proved(times, times, |bare| bare.ns_per_call_async(add, times)),
            Item::Framed => {
                let calls = times.div_ceil(FRAMES as u64);
                let messages = calls * FRAMES as u64;
                self.proved(messages, messages, |bare| bare.ns_per_framed(frames, FRAMES as u64, calls))
            }
            Item::Sending => self.proved(times, times * PASSED, |bare| {
                let (ns, sent) = bare.ns_per_sending_call(pass, 1, times)?;
                sent.must_be(Proof { count: times, sum: times * (PASSED - 1) })?;
                Ok(ns)
            }),
            Item::Send => {
                let fanned = self.proved(times, times, |bare| {
                    let (ns, sent) = bare.ns_per_sending_call(fan, FANNED, times)?;
                    let all = times * FANNED as u64;
                    sent.must_be(Proof { count: all, sum: all })?;
                    Ok(ns)
                })?;
                Ok((fanned - call_ns).max(0.0) / FANNED as f64)
            }
            Item::Life => self.lives.ns_per_life(&cpus[..1], bytes, times),
            Item::Lives => self.lives.ns_per_life(cpus, bytes, times),
            Item::Ring => ring::ns_per_message(cpus, times),
            Item::RoundTrip => ring::ns_per_round_trip(cpus, times),
        }
    }

    /// What the guest counts meanwhile must be this.
    fn proved(
        &mut self,
        count: u64,
        sum: u64,
        measure: impl FnOnce(&mut Bare) -> anyhow::Result<f64>,
    ) -> anyhow::Result<f64> {
        let before = self.proof()?;
        let ns = measure(&mut self.bare)?;
        self.proof()?.since(before).must_be(Proof { count, sum })?;
        Ok(ns)
    }
}
