//! What is recorded of latencies: histograms, by path and stage, and by time.
//!
//! ```text
//!   intended ────────► sent ───────► arrived ───────► start ───────► end ────────► replied
//!            enqueued       crossed           waited          handled      replied
//!            └────────────────────────────── all ───────────────────────────────┘
//! ```
//!
//! *Intended* is when the message was due, whatever kept its sender: so a sender
//! that waits for a slow receiver hides nothing. On the same shard nothing is
//! crossed: what is sent waits. Where nobody saw it arrive, the way and the wait are
//! one stage.

use std::sync::OnceLock;
use std::time::Duration;

use hdrhistogram::Histogram;
use raddle::metrics::Clock;

/// The longest latency that is told apart: what is longer counts as this.
const LATENCY_NS_MAX: u64 = 60_000_000_000;
/// Latency over time is told in this many steps at most.
const STEPS_MAX: usize = 200;
/// The most of a core that recording may take, if nobody says how finely to record.
const RECORDING_SHARE_MAX: f64 = 0.02;

/// The clock of all stamps.
pub(crate) fn clock() -> &'static Clock {
    static CLOCK: OnceLock<Clock> = OnceLock::new();
    CLOCK.get_or_init(Clock::start)
}

/// An empty histogram of ns.
pub(crate) fn histogram(digits: u8) -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_NS_MAX, digits).expect("the bounds are constants")
}

/// From where to where a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Path {
    SameShard,
    AcrossShards,
    FromOutside,
}

impl Path {
    pub(crate) const ALL: [Self; 3] = [Self::SameShard, Self::AcrossShards, Self::FromOutside];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SameShard => "same shard",
            Self::AcrossShards => "across shards",
            Self::FromOutside => "from outside",
        }
    }
}

/// The stages of one path.
#[derive(Debug, Clone)]
pub(crate) struct Stages {
    pub(crate) enqueued: Histogram<u64>,
    pub(crate) crossed: Histogram<u64>,
    pub(crate) crossed_and_waited: Histogram<u64>,
    pub(crate) waited: Histogram<u64>,
    pub(crate) handled: Histogram<u64>,
    pub(crate) replied: Histogram<u64>,
    pub(crate) all: Histogram<u64>,
}

impl Stages {
    pub(crate) fn new() -> Self {
        let new = || histogram(3);
        Self {
            enqueued: new(),
            crossed: new(),
            crossed_and_waited: new(),
            waited: new(),
            handled: new(),
            replied: new(),
            all: new(),
        }
    }

    pub(crate) fn named(&self) -> [(&'static str, &Histogram<u64>); 7] {
        [
            ("all", &self.all),
            ("enqueued", &self.enqueued),
            ("crossed", &self.crossed),
            ("crossed and waited", &self.crossed_and_waited),
            ("waited", &self.waited),
            ("handled", &self.handled),
            ("replied", &self.replied),
        ]
    }

    fn merge(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.enqueued, &other.enqueued),
            (&mut self.crossed, &other.crossed),
            (&mut self.crossed_and_waited, &other.crossed_and_waited),
            (&mut self.waited, &other.waited),
            (&mut self.handled, &other.handled),
            (&mut self.replied, &other.replied),
            (&mut self.all, &other.all),
        ] {
            mine.add(theirs).expect("all have the same bounds");
        }
    }
}

/// When and how finely to record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// The start of the first step, on the harness's clock.
    pub(crate) origin_ns: u64,
    /// How long it all takes.
    pub(crate) duration: Duration,
    /// Of so many messages one is recorded.
    pub(crate) sample_every: u64,
    /// If messages bear no stamps: they come from one sender to one actor, the
    /// first is due at the origin, and each next one so much later, in ns.
    pub(crate) unstamped_interval_ns: Option<f64>,
}

impl Plan {
    pub(crate) fn step_ns(&self) -> u64 {
        (self.duration.as_nanos() as u64 / STEPS_MAX as u64).max(100_000_000)
    }
}

/// What was recorded.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    pub(crate) plan: Plan,
    paths: [Stages; Path::ALL.len()],
    /// All paths together, step by step: what came to its end in each.
    pub(crate) steps: Vec<Histogram<u64>>,
    seen: u64,
}

impl Recording {
    pub(crate) fn new(plan: Plan) -> Self {
        let steps = (plan.duration.as_nanos() as u64 / plan.step_ns()) as usize + 2;
        Self {
            plan,
            paths: std::array::from_fn(|_| Stages::new()),
            steps: (0..steps).map(|_| histogram(2)).collect(),
            seen: 0,
        }
    }

    /// The paths that messages took.
    pub(crate) fn paths(&self) -> impl Iterator<Item = (Path, &Stages)> {
        Path::ALL.into_iter().zip(&self.paths).filter(|(_, stages)| !stages.all.is_empty())
    }

    pub(crate) fn step_ns(&self) -> u64 {
        self.plan.step_ns()
    }

    /// All paths together.
    pub(crate) fn all(&self) -> Histogram<u64> {
        let mut all = histogram(3);
        for stages in &self.paths {
            all.add(&stages.all).expect("all have the same bounds");
        }
        all
    }

    /// Another message comes. Is it one that is recorded?
    #[inline]
    pub(crate) fn takes_next(&mut self) -> bool {
        self.seen += 1;
        self.plan.sample_every == 1 || self.seen.is_multiple_of(self.plan.sample_every)
    }

    /// When the message was due that came last, if it bears no stamp.
    pub(crate) fn last_due_ns(&self, interval_ns: f64) -> u64 {
        self.plan.origin_ns + (self.seen.saturating_sub(1) as f64 * interval_ns) as u64
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.paths.iter_mut().zip(&other.paths) {
            mine.merge(theirs);
        }
        if self.steps.len() < other.steps.len() {
            self.steps.resize_with(other.steps.len(), || histogram(2));
        }
        for (mine, theirs) in self.steps.iter_mut().zip(&other.steps) {
            mine.add(theirs).expect("all have the same bounds");
        }
        self.seen += other.seen;
    }

    /// One message, from when it was due to its end.
    #[inline]
    pub(crate) fn record(&mut self, path: Path, times: Times) {
        let stages = &mut self.paths[path as usize];
        let Times { intended_ns, sent_ns, arrived_ns, start_ns, end_ns, replied_ns } = times;
        // A stage is told where both of its ends are.
        let told = |stage: &mut Histogram<u64>, from_ns: Option<u64>, to_ns: Option<u64>| {
            if let (Some(from_ns), Some(to_ns)) = (from_ns, to_ns) {
                record(stage, to_ns.saturating_sub(from_ns));
            }
        };
        told(&mut stages.enqueued, Some(intended_ns), sent_ns);
        match (path, arrived_ns) {
            (Path::SameShard, _) => told(&mut stages.waited, sent_ns, start_ns),
            (_, None) => told(&mut stages.crossed_and_waited, sent_ns, start_ns),
            (_, arrived_ns) => {
                told(&mut stages.crossed, sent_ns, arrived_ns);
                told(&mut stages.waited, arrived_ns, start_ns);
            }
        }
        told(&mut stages.handled, start_ns, end_ns);
        told(&mut stages.replied, end_ns, replied_ns);
        let last_ns = replied_ns.or(end_ns).or(start_ns).or(sent_ns).unwrap_or(intended_ns);
        let all_ns = last_ns.saturating_sub(intended_ns);
        record(&mut stages.all, all_ns);
        let step = last_ns.saturating_sub(self.plan.origin_ns) / self.plan.step_ns();
        let last_step = self.steps.len() - 1;
        record(&mut self.steps[(step as usize).min(last_step)], all_ns);
    }
}

/// The times of one message: when it was due, and what else is known.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Times {
    pub(crate) intended_ns: u64,
    pub(crate) sent_ns: Option<u64>,
    /// When it was in its receiver's mailbox, on another shard.
    pub(crate) arrived_ns: Option<u64>,
    pub(crate) start_ns: Option<u64>,
    pub(crate) end_ns: Option<u64>,
    pub(crate) replied_ns: Option<u64>,
}

#[inline]
fn record(histogram: &mut Histogram<u64>, ns: u64) {
    histogram.saturating_record(ns.max(1));
}

/// What recording costs, in ns: one look at the clock, and one entry of all that is
/// recorded of a message.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub(crate) struct RecordingCost {
    pub(crate) clock_ns: f64,
    pub(crate) entry_ns: f64,
    /// One sample: one value in one histogram.
    pub(crate) sample_ns: f64,
}

impl RecordingCost {
    /// What a message costs that is recorded where it is handled, in ns.
    pub(crate) fn message_ns(&self) -> f64 {
        2.0 * self.clock_ns + self.entry_ns
    }

    /// Of how many messages to record one, at so many a second, so that recording
    /// takes no more of a core than it may. An odd number: bursts and batches are
    /// not, so that not always the same place in them is recorded.
    pub(crate) fn sample_every(&self, per_second: f64) -> u64 {
        let of_a_core = per_second * self.message_ns() / 1e9;
        (of_a_core / RECORDING_SHARE_MAX).ceil().max(1.0) as u64 | 1
    }

    /// What it costs here. Measured once.
    pub(crate) fn here() -> Self {
        static COST: OnceLock<RecordingCost> = OnceLock::new();
        *COST.get_or_init(Self::measure)
    }

    fn measure() -> Self {
        const TIMES: u64 = 200_000;
        let plan = Plan {
            origin_ns: 0,
            duration: Duration::from_secs(1),
            sample_every: 1,
            unstamped_interval_ns: None,
        };
        let per_time = |mut step: Box<dyn FnMut(u64)>| {
            let best_of = (0..5).map(|_| {
                let start = clock().now_ns();
                (0..TIMES).for_each(&mut step);
                (clock().now_ns() - start) as f64 / TIMES as f64
            });
            best_of.fold(f64::INFINITY, f64::min)
        };
        let clock_ns = per_time(Box::new(|_| {
            std::hint::black_box(clock().now_ns());
        }));
        let mut recording = Recording::new(plan);
        let entry_ns = per_time(Box::new(move |time| {
            recording.takes_next();
            // Values as they come: near each other, and not the same.
            let intended_ns = 1_000 + time * 100;
            let (sent_ns, start_ns) = (intended_ns + 10, intended_ns + 300 + time % 977);
            let (sent_ns, start_ns, end_ns) =
                (Some(sent_ns), Some(start_ns), Some(start_ns + 80 + time % 13));
            let arrived_ns = Some(intended_ns + 200 + time % 83);
            let times = Times { intended_ns, sent_ns, arrived_ns, start_ns, end_ns, replied_ns: None };
            // The path that has the most stages.
            recording.record(Path::AcrossShards, std::hint::black_box(times));
        }));
        let mut one = histogram(3);
        let sample_ns =
            per_time(Box::new(move |time| record(&mut one, std::hint::black_box(300 + time % 977))));
        Self { clock_ns, entry_ns, sample_ns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(sample_every: u64) -> Plan {
        Plan { origin_ns: 1_000, duration: Duration::from_secs(1), sample_every, unstamped_interval_ns: None }
    }

    const TIMES: Times = Times {
        intended_ns: 1_000,
        sent_ns: Some(1_100),
        arrived_ns: Some(1_320),
        start_ns: Some(1_400),
        end_ns: Some(1_450),
        replied_ns: None,
    };

    #[test]
    fn the_stages_add_up_to_the_whole() {
        let mut recording = Recording::new(plan(1));
        recording.record(Path::AcrossShards, TIMES);
        let (path, stages) = recording.paths().next().expect("one path");
        assert_eq!(path, Path::AcrossShards);
        assert_eq!(recording.paths().count(), 1);
        let ns = |histogram: &Histogram<u64>| histogram.max();
        assert_eq!((ns(&stages.enqueued), ns(&stages.crossed), ns(&stages.waited)), (100, 220, 80));
        assert_eq!((ns(&stages.handled), ns(&stages.all)), (50, 450));
        assert!(stages.replied.is_empty() && stages.crossed_and_waited.is_empty());
        assert_eq!(recording.steps[0].len(), 1);
    }

    #[test]
    fn what_nobody_saw_arrive_crossed_and_waited() {
        let mut recording = Recording::new(plan(1));
        recording.record(Path::AcrossShards, Times { arrived_ns: None, ..TIMES });
        let (_, stages) = recording.paths().next().expect("one path");
        assert!(stages.crossed.is_empty() && stages.waited.is_empty());
        assert_eq!((stages.crossed_and_waited.max(), stages.all.max()), (300, 450));
    }

    #[test]
    fn on_the_same_shard_nothing_is_crossed() {
        let mut recording = Recording::new(plan(1));
        recording.record(Path::SameShard, TIMES);
        let (_, stages) = recording.paths().next().expect("one path");
        assert!(stages.crossed.is_empty() && stages.crossed_and_waited.is_empty());
        assert_eq!((stages.waited.max(), stages.all.max()), (300, 450));
    }

    #[test]
    fn recording_takes_no_more_of_a_core_than_it_may() {
        let cost = RecordingCost { clock_ns: 10.0, entry_ns: 30.0, sample_ns: 5.0 };
        assert_eq!(cost.sample_every(1_000.0), 1);
        // 100 ns of each µs would be 5 times as much as it may be.
        for per_second in [450_000.0, 2_000_000.0, 9_000_000.0] {
            let every = cost.sample_every(per_second);
            assert!(per_second / every as f64 * cost.message_ns() / 1e9 <= RECORDING_SHARE_MAX, "{every}");
            assert!(every % 2 == 1 && every < per_second as u64 / 100_000, "{every}");
        }
    }

    #[test]
    fn a_late_sender_hides_nothing() {
        let mut recording = Recording::new(plan(1));
        let late = |ns: u64| Some(900_000 + ns);
        let late = Times { sent_ns: late(1), start_ns: late(2), end_ns: late(3), ..TIMES };
        recording.record(Path::SameShard, late);
        assert!(recording.all().max() >= 899_000);
    }

    #[test]
    fn a_stage_whose_start_is_unknown_is_not_told() {
        let mut recording = Recording::new(plan(1));
        recording.record(Path::FromOutside, Times { sent_ns: None, arrived_ns: None, ..TIMES });
        let (_, stages) = recording.paths().next().expect("one path");
        assert!(stages.enqueued.is_empty() && stages.waited.is_empty() && stages.crossed.is_empty());
        assert_eq!((stages.handled.max(), stages.all.max()), (50, 450));
        recording.record(
            Path::SameShard,
            Times { intended_ns: 1_000, replied_ns: Some(3_000), ..Times::default() },
        );
        let (_, stages) = recording.paths().next().expect("that path");
        assert!(stages.replied.is_empty() && stages.handled.is_empty());
        assert_eq!(stages.all.len(), 1);
    }

    #[test]
    fn messages_without_stamps_are_due_by_their_number() {
        let mut recording = Recording::new(plan(1));
        let due: Vec<u64> = (0..3)
            .map(|_| {
                assert!(recording.takes_next());
                recording.last_due_ns(500.0)
            })
            .collect();
        assert_eq!(due, [1_000, 1_500, 2_000]);
    }

    #[test]
    fn what_shards_recorded_is_merged_and_late_ends_fall_into_the_last_step() {
        let mut one = Recording::new(plan(1));
        let mut other = Recording::new(plan(1));
        one.record(Path::SameShard, TIMES);
        other.record(Path::FromOutside, Times { end_ns: Some(90_000_000_000), ..TIMES });
        one.merge(&other);
        assert_eq!(one.all().len(), 2);
        assert_eq!(one.steps.last().map(|step| step.len()), Some(1));
    }

    #[test]
    fn one_of_so_many_is_recorded() {
        let mut recording = Recording::new(plan(4));
        assert_eq!((0..40).filter(|_| recording.takes_next()).count(), 10);
    }
}
