//! Starting a shard's thread, and waiting for its end.

use std::any::Any;
use std::error::Error;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use super::pace::Pace;
use super::{Drive, IdlePolicy, ReactorKind, glommio, thread as plain};
use crate::runtime::topology::Seat;
use crate::sync::Wake;

/// Why a shard could not be made on its thread.
pub type StartError = Box<dyn Error + Send + Sync>;

/// What goes wrong with a shard's thread.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// There is no doorbell to sleep by.
    #[error("cannot make a doorbell for the reactor `{kind}`")]
    Bell {
        /// The reactor it was for.
        kind: ReactorKind,
        /// What the system says.
        source: io::Error,
    },
    /// The thread could not be started.
    #[error("cannot start the thread of shard {shard}")]
    Thread {
        /// The shard it was for.
        shard: usize,
        /// What the system says.
        source: io::Error,
    },
    /// The thread may not run on the CPU planned for it.
    #[error("cannot pin shard {shard} to CPU {cpu}: this process may not, or no longer, use it")]
    Pin {
        /// The shard.
        shard: usize,
        /// The CPU, as Linux numbers them.
        cpu: usize,
    },
    /// The reactor did not start on the shard's thread, or gave up.
    #[error("the reactor of shard {shard} failed")]
    Reactor {
        /// The shard.
        shard: usize,
        /// What the reactor says.
        source: io::Error,
    },
    /// The shard could not be made.
    #[error("shard {shard} could not be made")]
    Start {
        /// The shard.
        shard: usize,
        /// What its maker says.
        source: StartError,
    },
    /// Making or driving the shard panicked.
    #[error("shard {shard} panicked: {message}")]
    Panicked {
        /// The shard.
        shard: usize,
        /// What it panicked with.
        message: String,
    },
}

/// The sleeping half of a doorbell: goes to the shard's thread.
#[derive(Debug)]
pub struct Sleeper(Sleeping);

#[derive(Debug)]
enum Sleeping {
    Thread(plain::Sleeper),
    Glommio(glommio::Sleeper),
}

/// Makes the two halves of a doorbell: the waking one for the
/// [`Doorbell`](crate::sync::Doorbell) that peers share, and the
/// sleeping one for [`spawn`]. Both exist before the thread does.
///
/// # Errors
/// [`DriverError::Bell`], when the process has no descriptor left.
pub fn bell(kind: ReactorKind) -> Result<(Box<dyn Wake>, Sleeper), DriverError> {
    match kind {
        ReactorKind::Thread => {
            let (bell, sleeper) = plain::bell();
            Ok((Box::new(bell), Sleeper(Sleeping::Thread(sleeper))))
        }
        ReactorKind::Glommio => {
            let (bell, sleeper) = glommio::bell().map_err(|source| DriverError::Bell { kind, source })?;
            Ok((Box::new(bell), Sleeper(Sleeping::Glommio(sleeper))))
        }
    }
}

/// Starts a shard's thread, pins it, makes the shard there with `make`, and
/// drives it until it stops. Returns once the shard is made.
///
/// # Errors
/// Whatever keeps the shard from starting: nothing is left running then.
pub fn spawn<D: Drive>(
    seat: Seat,
    idle: IdlePolicy,
    sleeper: Sleeper,
    make: impl FnOnce() -> Result<D, StartError> + Send + 'static,
) -> Result<DriverThread, DriverError> {
    let shard = seat.shard;
    let (report, started) = mpsc::sync_channel(1);
    let handle = thread::Builder::new()
        .name(seat.thread_name())
        .spawn(move || {
            let start = || start(&seat, sleeper, make);
            match catch(shard, start) {
                Ok((engine, drive)) => {
                    let _ = report.send(Ok(()));
                    catch(shard, || engine.run(shard, Pace::new(drive, idle)))
                }
                Err(error) => {
                    let _ = report.send(Err(error));
                    Ok(())
                }
            }
        })
        .map_err(|source| DriverError::Thread { shard, source })?;
    let driver = DriverThread { shard, handle };
    match started.recv() {
        Ok(Ok(())) => Ok(driver),
        Ok(Err(error)) => {
            driver.join()?;
            Err(error)
        }
        Err(_gone) => Err(driver.join().err().unwrap_or_else(|| lost(shard))),
    }
}

/// A shard's thread. Dropped, it goes on by itself; join it.
#[derive(Debug)]
#[must_use = "join it, or a panic of the shard goes unseen"]
pub struct DriverThread {
    shard: usize,
    handle: JoinHandle<Result<(), DriverError>>,
}

impl DriverThread {
    /// The shard it drives.
    pub fn shard(&self) -> usize {
        self.shard
    }

    /// Has it ended, well or not? Joining will not block then.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// Waits until the shard stopped.
    ///
    /// # Errors
    /// [`DriverError::Panicked`] with the message if a turn panicked,
    /// [`DriverError::Reactor`] if the reactor could not go on.
    pub fn join(self) -> Result<(), DriverError> {
        let shard = self.shard;
        self.handle.join().unwrap_or_else(|payload| Err(panicked(shard, payload)))
    }
}

enum Engine {
    Thread(plain::Engine),
    Glommio(glommio::Engine),
}

impl Engine {
    fn run<D: Drive>(self, shard: usize, pace: Pace<D>) -> Result<(), DriverError> {
        match self {
            Self::Thread(engine) => {
                engine.run(pace);
                Ok(())
            }
            Self::Glommio(engine) => {
                engine.run(pace).map_err(|source| DriverError::Reactor { shard, source })
            }
        }
    }
}

/// Pins first, so that what comes after is allocated near its core.
fn start<D>(
    seat: &Seat,
    sleeper: Sleeper,
    make: impl FnOnce() -> Result<D, StartError>,
) -> Result<(Engine, D), DriverError> {
    let shard = seat.shard;
    if let Some(core) = seat.core
        && !core_affinity::set_for_current(core)
    {
        return Err(DriverError::Pin { shard, cpu: core.id });
    }
    let engine = match sleeper.0 {
        Sleeping::Thread(sleeper) => Engine::Thread(sleeper.settle()),
        Sleeping::Glommio(sleeper) => {
            Engine::Glommio(sleeper.settle().map_err(|source| DriverError::Reactor { shard, source })?)
        }
    };
    let drive = make().map_err(|source| DriverError::Start { shard, source })?;
    Ok((engine, drive))
}

/// Turns a panic into an error. What was being worked on is dropped with it,
/// so nobody sees it half-changed.
fn catch<T>(shard: usize, work: impl FnOnce() -> Result<T, DriverError>) -> Result<T, DriverError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(panicked(shard, payload)))
}

fn panicked(shard: usize, payload: Box<dyn Any + Send>) -> DriverError {
    let message = match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => match payload.downcast::<&'static str>() {
            Ok(message) => (*message).into(),
            Err(_) => "with a payload that is no text".into(),
        },
    };
    DriverError::Panicked { shard, message }
}

fn lost(shard: usize) -> DriverError {
    let source = io::Error::other("it ended before it started");
    DriverError::Thread { shard, source }
}
