//! Messages at a set rate. Each is due at a time that is set beforehand, and its
//! latency counts from then: a sender that is kept waiting does not stop the clock.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use raddle::actor::{Actor, Child, Context, Message, Native, Outcome, Payload, RequestError, SendError};
use raddle::{ActorId, Handle, Pending, Spawn};

use crate::interrupt::{self, Interrupted};
use crate::pump::{self, STALL_MAX, Stream};
use crate::recorder::Recorders;
use crate::recording::{Path, Plan, Recording, Times, clock};
use crate::setup::Stand;
use crate::word::{self, Op, Proof, STAMPED_BYTES_MIN};
use crate::workload::Open;
use crate::workload::ask::check;
use crate::workload::stranger::Accounts;

/// From the set-up of a round to its first message.
const LEAD_NS: u64 = 20_000_000;
/// A sender that is behind by more has lost: the rate cannot be kept up.
const BEHIND_NS_MAX: u64 = 1_000_000_000;
/// How often to look whether the last messages are settled.
const TAIL_LOOK: Duration = Duration::from_micros(200);
/// Messages sent at once, if so many are due.
const BURST: u64 = 64;

/// How fast, for how long, and how finely recorded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) per_second: f64,
    pub(crate) duration: Duration,
    pub(crate) sample_every: u64,
}

impl Rate {
    fn messages(&self) -> u64 {
        (self.per_second * self.duration.as_secs_f64()).round().max(1.0) as u64
    }
}

/// What came of it.
pub(crate) struct OpenRound {
    pub(crate) recording: Recording,
    /// Messages handled, a second, from the first one due to the last one settled.
    pub(crate) achieved_per_second: f64,
    /// Did the senders keep up?
    pub(crate) kept_up: bool,
}

/// Feeds what is open at this rate, and proves it.
pub(crate) fn round(stand: &Stand, open: &Open<'_>, rate: Rate) -> anyhow::Result<OpenRound> {
    if !matches!(open, Open::Stranger(..)) {
        ensure!(
            stand.setup.payload >= STAMPED_BYTES_MIN,
            "--payload {}: a message whose latency is measured takes at least {STAMPED_BYTES_MIN} bytes",
            stand.setup.payload
        );
    }
    match open {
        Open::Streams(streams) => streams_round(stand, streams, rate),
        Open::Asks(guest) => asks_round(stand, *guest, rate),
        Open::Stranger(actor, message) => stranger_round(stand, *actor, message, rate),
    }
}

fn plan(rate: Rate, unstamped_interval_ns: Option<f64>) -> Plan {
    let Rate { duration, sample_every, .. } = rate;
    Plan { origin_ns: clock().now_ns() + LEAD_NS, duration, sample_every, unstamped_interval_ns }
}

/// Of what was due when it was interrupted, how much must have been sent for the rate
/// to have been kept up.
const KEPT_UP_SHARE_MIN: f64 = 0.99;

/// What a round came to. One that was interrupted is what there is.
fn finish(recording: Recording, plan: Plan, sent: u64, rate: Rate, end_ns: u64) -> anyhow::Result<OpenRound> {
    ensure!(sent > 0, Interrupted);
    let seconds = end_ns.saturating_sub(plan.origin_ns) as f64 / 1e9;
    let achieved_per_second = sent as f64 / seconds.max(1e-9);
    let due = match interrupt::is_raised() {
        true => (rate.per_second * seconds * KEPT_UP_SHARE_MIN).min(rate.messages() as f64),
        false => rate.messages() as f64,
    };
    Ok(OpenRound { recording, achieved_per_second, kept_up: sent as f64 >= due })
}

/// Sends its messages when they are due, and looks at the clock all the time: it
/// keeps its shard awake.
struct Metronome {
    stream: Stream,
    payload: Vec<u8>,
    first_due_ns: u64,
    interval_ns: f64,
    /// Of so many messages one bears stamps, and is recorded.
    sample_every: u64,
    sent: u64,
    done: mpsc::Sender<u64>,
}

impl Metronome {
    fn due_ns(&self) -> u64 {
        self.first_due_ns + (self.sent as f64 * self.interval_ns) as u64
    }

    fn send_what_is_due(&mut self, context: &Context, now_ns: u64) {
        for _ in 0..BURST {
            let due_ns = self.due_ns();
            if self.sent == self.stream.messages || due_ns > now_ns {
                return;
            }
            word::write(&mut self.payload, Op::Add, self.stream.first_value + self.sent);
            if self.sent.is_multiple_of(self.sample_every) {
                word::stamp(&mut self.payload, due_ns, clock().now_ns());
            } else {
                word::unstamp(&mut self.payload);
            }
            let to = self.stream.to[self.sent as usize % self.stream.to.len()];
            if context.send_bytes(to, &self.payload).is_err() {
                return;
            }
            self.sent += 1;
        }
    }
}

impl Actor for Metronome {
    fn handle(&mut self, context: &Context, _: &Message) -> Outcome {
        let now_ns = clock().now_ns();
        self.send_what_is_due(context, now_ns);
        let has_lost = now_ns.saturating_sub(self.due_ns()) > BEHIND_NS_MAX;
        let is_done = self.sent == self.stream.messages || has_lost || interrupt::is_raised();
        if is_done || context.send(context.own_id(), Payload::empty()).is_err() {
            // The measurement may have been given up.
            let _ = self.done.send(self.sent);
        }
        Outcome::Done(None)
    }
}

impl Child for Metronome {}

fn streams_round(stand: &Stand, streams: &[Stream], rate: Rate) -> anyhow::Result<OpenRound> {
    let runtime = &stand.runtime;
    let guests: Vec<ActorId> = streams.iter().flat_map(|stream| stream.to.iter().copied()).collect();
    let before = Proof::of(runtime, &guests)?;
    let senders = streams.len() as u64;
    let plan = plan(rate, None);
    let recorders = Recorders::start(runtime, plan)?;
    let interval_ns = 1e9 * senders as f64 / rate.per_second;
    let mut metronomes = Vec::new();
    for (index, stream) in streams.iter().enumerate() {
        let messages = rate.messages() / senders + u64::from((index as u64) < rate.messages() % senders);
        let first_value = index as u64 * rate.messages();
        let stream = Stream { messages, first_value, ..stream.clone() };
        let first_due_ns = plan.origin_ns + (index as f64 * interval_ns / senders as f64) as u64;
        let (on, bytes) = (stream.on, stand.setup.payload);
        let (sender, done) = mpsc::channel();
        let make = move |_: &_| Metronome {
            stream: stream.clone(),
            payload: word::payload(Op::Add, 0, bytes),
            first_due_ns,
            interval_ns,
            sample_every: rate.sample_every,
            sent: 0,
            done: sender.clone(),
        };
        let metronome = Spawn::new(Arc::new(Native::new("metronome", make))).on(on);
        metronomes.push((runtime.spawn(metronome).wait()?, first_value, done));
    }
    for &(metronome, ..) in &metronomes {
        pump::tell(runtime, metronome, &[])?;
    }
    let mut expected = Proof::default();
    for (_, first_value, done) in &metronomes {
        // It ends by itself, at the latest when it is behind by too much.
        let sent = done.recv_timeout(rate.duration + STALL_MAX).context("a generator does not end")?;
        expected = expected.and(Proof::of_values_from(*first_value, sent));
    }
    pump::settle_tail(runtime, TAIL_LOOK)?;
    let end_ns = clock().now_ns();
    pump::stop(runtime, &metronomes.iter().map(|&(metronome, ..)| metronome).collect::<Vec<_>>())?;
    Proof::of(runtime, &guests)?.since(before).must_be(expected)?;
    finish(recorders.finish(runtime)?, plan, expected.count, rate, end_ns)
}

/// Waits, awake, until this time.
fn wait_until(due_ns: u64) -> u64 {
    loop {
        let now_ns = clock().now_ns();
        if now_ns >= due_ns {
            return now_ns;
        }
        std::hint::spin_loop();
    }
}

/// A request under way: its value, when it was due, and when it was sent.
type Asked = (u64, u64, u64, Pending<Payload, RequestError>);

fn asks_round(stand: &Stand, guest: ActorId, rate: Rate) -> anyhow::Result<OpenRound> {
    let before = Proof::of(&stand.runtime, &[guest])?;
    let plan = plan(rate, None);
    // Shards record nothing of what is asked, but when it came.
    let recorders = Recorders::start(&stand.runtime, plan)?;
    let (asked, waiting) = mpsc::channel::<Asked>();
    let waiter = std::thread::spawn(move || wait_for_replies(&waiting, plan));
    let sent = ask_when_due(&stand.runtime, guest, stand.setup.payload, plan, rate, &asked);
    drop(asked);
    let (recording, refused) =
        waiter.join().map_err(|_| anyhow::anyhow!("the waiting thread panicked"))??;
    let end_ns = clock().now_ns();
    let taken = Proof::of_values_from(0, sent).since(refused);
    Proof::of(&stand.runtime, &[guest])?.since(before).must_be(taken)?;
    recorders.finish(&stand.runtime)?;
    finish(recording, plan, taken.count, rate, end_ns)
}

fn ask_when_due(
    handle: &Handle,
    guest: ActorId,
    bytes: usize,
    plan: Plan,
    rate: Rate,
    asked: &mpsc::Sender<Asked>,
) -> u64 {
    let mut payload = word::payload(Op::Ask, 0, bytes);
    for value in 0..rate.messages() {
        let due_ns = plan.origin_ns + (value as f64 * 1e9 / rate.per_second) as u64;
        let now_ns = wait_until(due_ns);
        if now_ns - due_ns > BEHIND_NS_MAX || interrupt::is_raised() {
            return value;
        }
        word::write(&mut payload, Op::Ask, value);
        word::stamp(&mut payload, due_ns, now_ns);
        let reply = handle.request(guest, payload.as_slice());
        if asked.send((value, due_ns, now_ns, reply)).is_err() {
            // Whoever waits has met an error, and says so.
            return value + 1;
        }
    }
    rate.messages()
}

/// What is recorded of the replies; and what was refused, for the guest's mailbox was
/// full: the rate is not kept up then.
fn wait_for_replies(asked: &mpsc::Receiver<Asked>, plan: Plan) -> anyhow::Result<(Recording, Proof)> {
    let mut recording = Recording::new(plan);
    let mut refused = Proof::default();
    for (value, intended_ns, sent_ns, reply) in asked {
        let reply = match reply.wait() {
            Err(RequestError::NotSent(SendError::MailboxFull(_))) => {
                refused = refused.and(Proof { count: 1, sum: value });
                continue;
            }
            reply => reply?,
        };
        let replied_ns = Some(clock().now_ns());
        check(&reply, value)?;
        // Behind the guest's own reply: see `recorder`.
        let time = |at| reply.get(at..).and_then(word::read).context("the reply bears no times");
        let (sent_ns, start_ns, end_ns) = (Some(sent_ns), Some(time(8)?), Some(time(16)?));
        let arrived_ns = Some(time(24)?).filter(|&at_ns| at_ns != 0);
        if recording.takes_next() {
            let times = Times { intended_ns, sent_ns, arrived_ns, start_ns, end_ns, replied_ns };
            recording.record(Path::FromOutside, times);
        }
    }
    Ok((recording, refused))
}

fn stranger_round(stand: &Stand, actor: ActorId, message: &[u8], rate: Rate) -> anyhow::Result<OpenRound> {
    let before = Accounts::of(&stand.runtime);
    let interval_ns = 1e9 / rate.per_second;
    let plan = plan(rate, Some(interval_ns));
    let recorders = Recorders::start(&stand.runtime, plan)?;
    let payload = Payload::copy_from(message).into_shared();
    let mut sent = 0;
    while sent < rate.messages() {
        let due_ns = plan.origin_ns + (sent as f64 * interval_ns) as u64;
        let now_ns = wait_until(due_ns);
        if now_ns - due_ns > BEHIND_NS_MAX || interrupt::is_raised() {
            break;
        }
        match stand.runtime.tell(actor, payload.clone()) {
            Ok(()) => sent += 1,
            Err(refused) => ensure!(matches!(refused.reason, SendError::MailboxFull(_)), "{refused}"),
        }
    }
    pump::settle_tail(&stand.runtime, TAIL_LOOK)?;
    let end_ns = clock().now_ns();
    Accounts::of(&stand.runtime).must_have_grown(before, sent)?;
    // The keepers are told, too, and are no part of the accounts.
    finish(recorders.finish(&stand.runtime)?, plan, sent, rate, end_ns)
}
