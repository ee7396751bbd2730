//! Ctrl-C: the measurement ends early, and what there is is reported.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::Context;

/// Relaxed, everywhere: nothing else is read because of it.
static RAISED: AtomicBool = AtomicBool::new(false);

/// How often to look while waiting.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Ctrl-C came.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// The first Ctrl-C asks for an end, the second one ends.
pub(crate) fn listen() -> anyhow::Result<()> {
    let handler = || {
        if RAISED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("interrupted: what is measured by now is reported; again to end at once");
    };
    ctrlc::set_handler(handler).context("cannot listen for Ctrl-C")
}

pub(crate) fn is_raised() -> bool {
    RAISED.load(Ordering::Relaxed)
}

/// Waits for one value, but not for longer than this, nor after Ctrl-C.
pub(crate) fn wait<T>(receiver: &Receiver<T>, at_most: Duration) -> anyhow::Result<T> {
    let deadline = Instant::now() + at_most;
    loop {
        match receiver.recv_timeout(LOOK_EVERY) {
            Ok(value) => return Ok(value),
            Err(RecvTimeoutError::Disconnected) => anyhow::bail!("it ended"),
            Err(RecvTimeoutError::Timeout) => {
                anyhow::ensure!(!is_raised(), Interrupted);
                anyhow::ensure!(Instant::now() < deadline, "it takes longer than {} s", at_most.as_secs());
            }
        }
    }
}

/// Is this error only that Ctrl-C came?
pub(crate) fn is_interrupted(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.is::<Interrupted>())
}
