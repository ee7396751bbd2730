//! Lines in, messages out: reads the input and hands it to the actors, no faster
//! than they handle it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::actor::{ActorId, Payload, SendError};
use crate::manifest::Lines;
use crate::runtime::Runtime;
use crate::sync::Flag;

/// Lines read at a time.
const BATCH_LINES_MAX: usize = 256;
/// Batches that are read ahead.
const BATCHES_AHEAD: usize = 4;
const BUFFER_BYTES: usize = 1 << 20;
/// How often to look whether there is room for more.
const ROOM_POLL: Duration = Duration::from_micros(50);
/// How often to look for an interrupt while there is no input.
const INTERRUPT_POLL: Duration = Duration::from_millis(50);

/// What became of the input.
#[derive(Debug, Default)]
pub(super) struct Fed {
    pub(super) lines: u64,
    pub(super) too_long: u64,
    pub(super) interrupted: bool,
    pub(super) gave_up: bool,
    /// The input broke off.
    pub(super) error: Option<String>,
    /// When the first line was sent.
    pub(super) started: Option<Instant>,
}

/// Lines on their way from the reading thread.
pub(super) struct Input {
    batches: Receiver<io::Result<Batch>>,
    bytes: Option<u64>,
}

#[derive(Default)]
struct Batch {
    lines: Vec<Payload>,
    bytes: u64,
    too_long: u64,
}

/// Opens the input, and reads ahead on a thread of its own: a read from a terminal
/// or a pipe may block, and an interrupt must not wait for it.
pub(super) fn open(lines: &Lines, line_bytes_max: usize) -> io::Result<Input> {
    let (reader, bytes): (Box<dyn Read + Send>, _) = match lines {
        Lines::Stdin => (Box::new(io::stdin()), None),
        Lines::File(path) => {
            let file = File::open(path)?;
            let bytes = file.metadata().ok().filter(|meta| meta.is_file()).map(|meta| meta.len());
            (Box::new(file), bytes)
        }
    };
    let (sender, batches) = sync_channel(BATCHES_AHEAD);
    std::thread::Builder::new()
        .name("raddle-input".into())
        .spawn(move || read(BufReader::with_capacity(BUFFER_BYTES, reader), line_bytes_max, &sender))?;
    Ok(Input { batches, bytes })
}

fn read(mut reader: BufReader<impl Read>, line_bytes_max: usize, sender: &SyncSender<io::Result<Batch>>) {
    let mut line = Vec::new();
    let mut batch = Batch::default();
    loop {
        line.clear();
        // One more than fits, and the line's end.
        let limit = line_bytes_max as u64 + 3;
        match reader.by_ref().take(limit).read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(bytes) => batch.bytes += bytes as u64,
            Err(error) => {
                let _ = sender.send(Ok(std::mem::take(&mut batch)));
                let _ = sender.send(Err(error));
                return;
            }
        }
        let ended = line.pop_if(|byte| *byte == b'\n').is_some();
        line.pop_if(|byte| *byte == b'\r');
        if line.len() > line_bytes_max {
            batch.too_long += 1;
            if !ended {
                match skip_line(&mut reader) {
                    Ok(bytes) => batch.bytes += bytes,
                    Err(error) => {
                        let _ = sender.send(Err(error));
                        return;
                    }
                }
            }
        } else {
            batch.lines.push(Payload::copy_from(&line));
        }
        // Somebody who types wants to see what becomes of it.
        let full = batch.lines.len() >= BATCH_LINES_MAX || reader.buffer().is_empty();
        if full && sender.send(Ok(std::mem::take(&mut batch))).is_err() {
            return;
        }
    }
    let _ = sender.send(Ok(batch));
}

fn skip_line(reader: &mut impl BufRead) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(skipped);
        }
        let (bytes, ended) = match buffer.iter().position(|&byte| byte == b'\n') {
            Some(end) => (end + 1, true),
            None => (buffer.len(), false),
        };
        reader.consume(bytes);
        skipped += bytes as u64;
        if ended {
            return Ok(skipped);
        }
    }
}

/// Hands the lines to these actors in turn, with no more than `in_flight_max` of
/// them on their way, until the input ends, or there is an interrupt, or there is
/// nobody left to take them.
pub(super) fn feed(
    runtime: &Runtime,
    input: &Input,
    to: impl Fn() -> Vec<ActorId>,
    in_flight_max: u64,
    interrupt: &Flag,
    quiet: bool,
) -> Fed {
    let mut fed = Fed::default();
    let progress = bar(input.bytes, quiet);
    loop {
        if interrupt.is_raised() {
            fed.interrupted = true;
            break;
        }
        let batch = match input.batches.recv_timeout(INTERRUPT_POLL) {
            Ok(Ok(batch)) => batch,
            Ok(Err(error)) => {
                fed.error = Some(error.to_string());
                break;
            }
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        fed.too_long += batch.too_long;
        fed.started.get_or_insert_with(Instant::now);
        let to = to_somebody(runtime, &to, interrupt);
        if to.is_empty() {
            fed.interrupted = interrupt.is_raised();
            fed.gave_up = runtime.supervisors_given_up() > 0;
            if !fed.interrupted && !fed.gave_up {
                fed.error = Some("nobody is left to take the lines".into());
            }
            break;
        }
        let share = batch.lines.len().div_ceil(to.len()).max(1);
        let mut lines = batch.lines.into_iter();
        // The actor that got the first share last time gets the last one now, so
        // that single lines go round too.
        let first = fed.lines as usize % to.len();
        for turn in 0..to.len() {
            let actor = to[(first + turn) % to.len()];
            fed.lines += send(runtime, actor, lines.by_ref().take(share), in_flight_max, interrupt);
        }
        if runtime.supervisors_given_up() > 0 {
            fed.gave_up = true;
            break;
        }
        progress.inc(batch.bytes);
    }
    progress.finish_and_clear();
    fed
}

/// Who takes lines now. Those that are being restarted with their supervisor are
/// waited for; nobody takes them if no actor is left at all.
fn to_somebody(runtime: &Runtime, to: impl Fn() -> Vec<ActorId>, interrupt: &Flag) -> Vec<ActorId> {
    loop {
        let found = to();
        let over = interrupt.is_raised() || runtime.supervisors_given_up() > 0 || runtime.actors() == 0;
        if !found.is_empty() || over {
            return found;
        }
        std::thread::sleep(ROOM_POLL);
    }
}

/// Hands lines to one actor, and waits for room where there is none. How many
/// were taken: all of them, but for an interrupt.
fn send(
    runtime: &Runtime,
    to: ActorId,
    lines: impl Iterator<Item = Payload>,
    in_flight_max: u64,
    interrupt: &Flag,
) -> u64 {
    let mut lines = lines.peekable();
    let mut back: Option<Payload> = None;
    let mut sent = 0;
    while back.is_some() || lines.peek().is_some() {
        while runtime.unsettled() >= in_flight_max {
            // Each that is settled makes room, and each is settled in the end; but
            // not if its shard is stuck, and then a person may want to stop it.
            if interrupt.is_raised() {
                return sent;
            }
            std::thread::sleep(ROOM_POLL);
        }
        let (accepted, refused) = runtime.tell_all(to, back.take().into_iter().chain(lines.by_ref()));
        sent += accepted as u64;
        match refused {
            Some(refused) if matches!(refused.reason, SendError::MailboxFull(_)) => {
                back = Some(refused.payload);
                std::thread::sleep(ROOM_POLL);
            }
            Some(refused) => {
                tracing::warn!("a line was not taken: {refused}");
            }
            None => {}
        }
    }
    sent
}

fn bar(bytes: Option<u64>, quiet: bool) -> ProgressBar {
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(5) };
    let bar = ProgressBar::with_draw_target(bytes, target);
    let template = match bytes {
        Some(_) => "{spinner} [{bar:30}] {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left",
        None => "{spinner} {bytes} read  {bytes_per_sec}  {elapsed}",
    };
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(text: &[u8], line_bytes_max: usize) -> (Vec<Vec<u8>>, u64, u64) {
        let (sender, receiver) = sync_channel(10_000);
        read(BufReader::with_capacity(16, text), line_bytes_max, &sender);
        drop(sender);
        let (mut lines, mut too_long, mut bytes) = (Vec::new(), 0, 0);
        for batch in receiver {
            let batch = batch.unwrap();
            lines.extend(batch.lines.iter().map(|line| line.to_vec()));
            too_long += batch.too_long;
            bytes += batch.bytes;
        }
        (lines, too_long, bytes)
    }

    #[test]
    fn lines_come_without_their_ends_and_the_last_one_needs_none() {
        let text = b"one\ntwo\r\n\nfour";
        let expected: Vec<Vec<u8>> = ["one", "two", "", "four"].map(|line| line.as_bytes().to_vec()).into();
        assert_eq!(batches(text, 100), (expected, 0, text.len() as u64));
        assert_eq!(batches(b"", 100).0.len(), 0);
    }

    #[test]
    fn lines_that_are_too_long_are_skipped_counted_and_never_held() {
        let mut text = vec![b'x'; 1_000];
        text.extend(b"\nfits\n");
        text.extend([b'y'; 11]);
        text.extend(b"\n0123456789\r\n");
        text.extend([b'z'; 500]);
        let (lines, too_long, bytes) = batches(&text, 10);
        assert_eq!(lines, [b"fits".to_vec(), b"0123456789".to_vec()]);
        assert_eq!((too_long, bytes), (3, text.len() as u64));
    }
}
