//! A thread that does something small at a steady beat: one for the process,
//! for wasmtime's epochs.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The usual period: short enough to end a guest that loops, long enough to
/// cost nothing.
pub const PERIOD_DEFAULT: Duration = Duration::from_millis(1);

/// Ticks until dropped.
#[derive(Debug)]
pub struct Ticker {
    /// Dropped to wake and end the thread; nothing is ever sent.
    stop: Option<Sender<()>>,
    handle: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Starts to call `tick` every `period`, on a thread of its own.
    ///
    /// A tick that comes late does not make the next ones come sooner: beats
    /// missed are skipped, so `tick` counts beats, not time.
    ///
    /// # Errors
    /// When the thread cannot be started.
    ///
    /// # Panics
    /// If `period` is zero.
    pub fn start(period: Duration, mut tick: impl FnMut() + Send + 'static) -> io::Result<Self> {
        assert!(!period.is_zero(), "a ticker needs a period");
        let (stop, stopped) = mpsc::channel::<()>();
        let handle = thread::Builder::new().name("raddle-ticker".into()).spawn(move || {
            let mut beat = Instant::now() + period;
            loop {
                let wait = beat.saturating_duration_since(Instant::now());
                match stopped.recv_timeout(wait) {
                    Err(RecvTimeoutError::Timeout) => tick(),
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                }
                beat = (beat + period).max(Instant::now());
            }
        })?;
        Ok(Self { stop: Some(stop), handle: Some(handle) })
    }
}

impl Drop for Ticker {
    /// Ends the thread at once, not at the next beat, and waits for it.
    fn drop(&mut self) {
        drop(self.stop.take());
        // A panic in `tick` was reported when it happened.
        if let Some(Err(_panic)) = self.handle.take().map(JoinHandle::join) {
            tracing::error!("the ticker had stopped: its tick panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ticks_until_dropped_and_no_more() {
        let (beats, seen) = mpsc::channel();
        let ticker = Ticker::start(Duration::from_millis(1), move || {
            let _ = beats.send(());
        })
        .unwrap();
        for _ in 0..5 {
            seen.recv_timeout(Duration::from_secs(10)).unwrap();
        }
        drop(ticker);
        // The closure is gone with its thread, hence the sender.
        while seen.try_recv().is_ok() {}
        assert_eq!(seen.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    }

    #[test]
    fn dropping_does_not_wait_for_the_next_beat() {
        let ticker = Ticker::start(Duration::from_secs(3600), || ()).unwrap();
        let start = Instant::now();
        drop(ticker);
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}
