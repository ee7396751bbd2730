//! Other actors' lives: start them, and hear of their ends.
//!
//! A link joins two actors: if one ends abnormally, so does the other, or it is told, if
//! it [traps exits](trap_exits). A monitor only tells, and only one side. What is told
//! comes to [`Signals`](crate::Signals).

use crate::bindings::imports::raddle::actor::processes as host;
use crate::{ActorId, ExitReason, Failure, MonitorId};

pub use host::{ProcessError, SpawnOptions};

/// An actor to be.
///
/// ```no_run
/// # fn example() -> Result<(), raddle_guest::Failure> {
/// use raddle_guest::processes::Spawn;
///
/// let worker = Spawn::of("worker").config("step", "5").linked().start()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Spawn(SpawnOptions);

impl Spawn {
    /// Of this component, as the manifest or the host names it.
    pub fn of(component: &str) -> Self {
        let component = component.to_owned();
        Self(SpawnOptions { component, name: None, config: Vec::new(), linked: false })
    }

    /// Registers it under this name.
    pub fn name(mut self, name: &str) -> Self {
        self.0.name = Some(name.to_owned());
        self
    }

    /// Sets a key of its configuration.
    pub fn config(mut self, key: &str, value: &str) -> Self {
        self.0.config.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Links it to this actor.
    pub fn linked(mut self) -> Self {
        self.0.linked = true;
        self
    }

    /// Starts it, on this shard. It can be sent to at once. If its start fails, its links
    /// and monitors are told.
    ///
    /// # Errors
    /// See [`ProcessError`].
    pub fn start(&self) -> Result<ActorId, ProcessError> {
        host::spawn(&self.0)
    }
}

/// From here on, the abnormal end of one is the end of the other.
///
/// # Errors
/// See [`ProcessError`].
pub fn link(actor: ActorId) -> Result<(), ProcessError> {
    host::link(actor)
}

/// Take a link back. What the other's end would still have caused does not come.
pub fn unlink(actor: ActorId) {
    host::unlink(actor);
}

/// Be told once when that actor ends for good.
///
/// # Errors
/// See [`ProcessError`].
pub fn monitor(actor: ActorId) -> Result<MonitorId, ProcessError> {
    host::monitor(actor)
}

/// Take a monitor back; false if it has fired.
pub fn demonitor(monitor: MonitorId) -> bool {
    host::demonitor(monitor)
}

/// Be told of the ends of linked actors, and of exit signals, instead of ending.
pub fn trap_exits(on: bool) {
    host::trap_exits(on);
}

/// Send an exit signal. [`ExitReason::Killed`] cannot be trapped.
///
/// # Errors
/// See [`ProcessError`].
pub fn exit_other(actor: ActorId, reason: &ExitReason) -> Result<(), ProcessError> {
    host::exit_other(actor, reason)
}

impl From<ProcessError> for Failure {
    fn from(error: ProcessError) -> Self {
        match error {
            ProcessError::NoSuchComponent(name) => Failure::Other(format!("no component `{name}`")),
            ProcessError::AccessDenied(why) => Failure::Other(format!("access denied: {why}")),
            ProcessError::QuotaExceeded(quota) => Failure::Retry(format!("quota exceeded: {quota}")),
            ProcessError::Other(why) => Failure::Other(why),
        }
    }
}
