//! Requests to other actors, without waiting, and replies that are given later.
//!
//! A boss that passes on what it is asked, and the reply when it comes:
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::time::Duration;
//!
//! use raddle_guest::{Actor, ActorId, Answer, ExitReason, Failure, Level, Lifecycle, NOBODY};
//! use raddle_guest::{Replies, RequestError, RequestId, Signals, Start, log, requests};
//! use raddle_guest::processes::{Spawn, trap_exits};
//!
//! #[derive(Default)]
//! struct Boss {
//!     workers: [ActorId; 2],
//!     askers: BTreeMap<RequestId, Option<RequestId>>,
//! }
//!
//! impl Lifecycle for Boss {
//!     fn init(&mut self, _: Start) -> Result<(), String> {
//!         trap_exits(true);
//!         self.workers = [start()?, start()?];
//!         Ok(())
//!     }
//! }
//!
//! impl Signals for Boss {
//!     fn handle_exit(&mut self, ended: ActorId, reason: ExitReason) {
//!         log(Level::Warn, "boss", &format!("{ended} ended: {reason:?}"));
//!         for worker in self.workers.iter_mut().filter(|worker| **worker == ended) {
//!             *worker = start().unwrap_or(NOBODY);
//!         }
//!     }
//! }
//!
//! impl Actor for Boss {
//!     fn handle(&mut self, _: ActorId, payload: Vec<u8>) -> Answer {
//!         let asker = requests::defer();
//!         let asked = requests::request(self.workers[0], &payload, Duration::from_secs(1))?;
//!         self.askers.insert(asked, asker);
//!         self.workers.rotate_left(1);
//!         Ok(None)
//!     }
//! }
//!
//! impl Replies for Boss {
//!     fn handle_reply(&mut self, request: RequestId, outcome: Result<Vec<u8>, RequestError>) {
//!         if let Some(asker) = self.askers.remove(&request).flatten() {
//!             requests::reply(asker, outcome.as_deref().map_err(|error| Failure::Other(error.to_string())));
//!         }
//!     }
//! }
//!
//! fn start() -> Result<ActorId, String> {
//!     Spawn::of("worker").linked().start().map_err(|error| error.to_string())
//! }
//!
//! raddle_guest::actor!(Boss: lifecycle, replies, signals);
//! ```
//!
//! The outcome of a request comes to [`Replies`](crate::Replies), exactly once. To wait
//! for it instead: [`ask`](crate::ask).

use std::time::Duration;

use crate::bindings::imports::raddle::actor::requests as host;
use crate::{ActorId, Failure, RequestId, SendError, nanoseconds};

/// Ask an actor, without waiting. The outcome comes to
/// [`Replies::handle_reply`](crate::Replies::handle_reply), at the latest when the time
/// is over.
///
/// # Errors
/// Why it was not taken: then no outcome comes.
pub fn request(to: ActorId, payload: &[u8], timeout: Duration) -> Result<RequestId, SendError> {
    host::request(to, payload, nanoseconds(timeout))
}

/// Want no outcome any longer. True if there was none yet; then none comes.
pub fn cancel(request: RequestId) -> bool {
    host::cancel(request)
}

/// Take over the reply to the request that is being handled: what the handler answers is
/// dropped, and [`reply`] answers, now or later. `None` if it is no request, or was taken
/// over already.
pub fn defer() -> Option<RequestId> {
    host::defer()
}

/// Answer a request that was taken over. False if it has been answered already.
pub fn reply(request: RequestId, outcome: Result<&[u8], Failure>) -> bool {
    match outcome {
        Ok(reply) => host::reply(request, Ok(reply)),
        Err(failure) => host::reply(request, Err(&failure)),
    }
}
