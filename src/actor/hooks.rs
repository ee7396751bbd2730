//! What the host wants to be called for in the life of an actor.
//!
//! A hook is the host's code, and may take its time: it never runs on a shard, but on
//! a thread of its own. A start waits for `before_start`, and a stop for
//! `before_stop`, up to their limits; nobody waits for the others.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::{ActorId, ExitReason, Payload, StopReason};

/// A moment in the life of an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hook {
    /// An incarnation is to be made. Its start waits for the hook.
    BeforeStart,
    /// An incarnation is up.
    AfterStart,
    /// An incarnation is to stop, and handles no more messages. Its stop waits for
    /// the hook. Not called for one that ends in another way, or is killed at once.
    BeforeStop,
    /// An incarnation has ended, whatever way.
    AfterStop,
    /// A supervisor has said that another incarnation comes.
    Restart,
    /// An incarnation has ended abnormally, or could not start.
    Error,
    /// A message is to be handled.
    Message,
}

impl Hook {
    /// All of them, by number.
    pub const ALL: [Self; 7] = [
        Self::BeforeStart,
        Self::AfterStart,
        Self::BeforeStop,
        Self::AfterStop,
        Self::Restart,
        Self::Error,
        Self::Message,
    ];

    /// Does its actor wait for it?
    pub fn is_awaited(self) -> bool {
        matches!(self, Self::BeforeStart | Self::BeforeStop)
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BeforeStart => "before_start",
            Self::AfterStart => "after_start",
            Self::BeforeStop => "before_stop",
            Self::AfterStop => "after_stop",
            Self::Restart => "on_restart",
            Self::Error => "on_error",
            Self::Message => "on_message",
        })
    }
}

/// The actor that a hook is called for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookedActor {
    /// Its address.
    pub id: ActorId,
    /// Its name.
    pub name: Option<Arc<str>>,
    /// What it is made from.
    pub kind: Arc<str>,
    /// How many incarnations came before the one that this is about.
    pub restarts: u32,
}

/// What a hook hears besides the actor.
#[derive(Debug, Clone)]
pub enum Moment {
    /// Of `before_start`.
    BeforeStart,
    /// Of `after_start`.
    AfterStart,
    /// Of `before_stop`: why it is to stop.
    BeforeStop(StopReason),
    /// Of `after_stop`: why it has ended.
    AfterStop(ExitReason),
    /// Of `on_restart`: why the incarnation before has ended.
    Restart(ExitReason),
    /// Of `on_error`: what went wrong.
    Error(ExitReason),
    /// Of `on_message`: what it carries.
    Message(Payload),
}

impl Moment {
    /// The hook for it.
    pub fn hook(&self) -> Hook {
        match self {
            Self::BeforeStart => Hook::BeforeStart,
            Self::AfterStart => Hook::AfterStart,
            Self::BeforeStop(_) => Hook::BeforeStop,
            Self::AfterStop(_) => Hook::AfterStop,
            Self::Restart(_) => Hook::Restart,
            Self::Error(_) => Hook::Error,
            Self::Message(_) => Hook::Message,
        }
    }
}

type Function = Arc<dyn Fn(&HookedActor, &Moment) + Send + Sync>;

/// The functions of the host that are called in the lives of actors.
///
/// ```
/// use std::time::Duration;
/// use raddle::actor::{Hook, Hooks};
///
/// let hooks = Hooks::new()
///     .before_start(|actor| println!("{:?} comes up", actor.name))
///     .on_restart(|actor, reason| println!("{:?} again, after {reason}", actor.name))
///     .limit(Hook::BeforeStart, Duration::from_millis(50));
/// assert!(hooks.has(Hook::BeforeStart) && !hooks.has(Hook::Message));
/// ```
#[derive(Clone)]
pub struct Hooks {
    functions: [Option<Function>; Hook::ALL.len()],
    limits_ns: [u64; Hook::ALL.len()],
}

impl Default for Hooks {
    fn default() -> Self {
        let limit_ns = Self::LIMIT_DEFAULT.as_nanos() as u64;
        Self { functions: Default::default(), limits_ns: [limit_ns; Hook::ALL.len()] }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(Hook::ALL.into_iter().filter(|&hook| self.has(hook))).finish()
    }
}

impl Hooks {
    /// How long a hook may take, unless it is said.
    pub const LIMIT_DEFAULT: Duration = Duration::from_secs(1);

    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long this hook may take (default: 1 s), from when it was due if its actor
    /// waits for it, else from when it began. What is late is reported, and nobody
    /// waits for it any longer.
    pub fn limit(mut self, hook: Hook, limit: Duration) -> Self {
        self.limits_ns[hook as usize] = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        self
    }

    /// Called before each start, which waits for it.
    pub fn before_start(self, call: impl Fn(&HookedActor) + Send + Sync + 'static) -> Self {
        self.with(Hook::BeforeStart, move |actor, _| call(actor))
    }

    /// Called after each start.
    pub fn after_start(self, call: impl Fn(&HookedActor) + Send + Sync + 'static) -> Self {
        self.with(Hook::AfterStart, move |actor, _| call(actor))
    }

    /// Called before an incarnation stops that was told to, or asked to: the stop
    /// waits for it.
    pub fn before_stop(self, call: impl Fn(&HookedActor, StopReason) + Send + Sync + 'static) -> Self {
        self.with(Hook::BeforeStop, move |actor, moment| {
            if let Moment::BeforeStop(reason) = moment {
                call(actor, *reason);
            }
        })
    }

    /// Called after an incarnation has ended, with the reason.
    pub fn after_stop(self, call: impl Fn(&HookedActor, &ExitReason) + Send + Sync + 'static) -> Self {
        self.with_reason(Hook::AfterStop, call)
    }

    /// Called when another incarnation comes, with the reason why the one before has
    /// ended.
    pub fn on_restart(self, call: impl Fn(&HookedActor, &ExitReason) + Send + Sync + 'static) -> Self {
        self.with_reason(Hook::Restart, call)
    }

    /// Called when an incarnation has ended abnormally, or could not start.
    pub fn on_error(self, call: impl Fn(&HookedActor, &ExitReason) + Send + Sync + 'static) -> Self {
        self.with_reason(Hook::Error, call)
    }

    /// Called for each message that is to be handled, with what it carries. The
    /// message does not wait for it.
    pub fn on_message(self, call: impl Fn(&HookedActor, &Payload) + Send + Sync + 'static) -> Self {
        self.with(Hook::Message, move |actor, moment| {
            if let Moment::Message(payload) = moment {
                call(actor, payload);
            }
        })
    }

    fn with_reason(
        self,
        hook: Hook,
        call: impl Fn(&HookedActor, &ExitReason) + Send + Sync + 'static,
    ) -> Self {
        self.with(hook, move |actor, moment| {
            if let Moment::AfterStop(reason) | Moment::Restart(reason) | Moment::Error(reason) = moment {
                call(actor, reason);
            }
        })
    }

    fn with(mut self, hook: Hook, call: impl Fn(&HookedActor, &Moment) + Send + Sync + 'static) -> Self {
        self.functions[hook as usize] = Some(Arc::new(call));
        self
    }

    /// Is there one for this?
    pub fn has(&self, hook: Hook) -> bool {
        self.functions[hook as usize].is_some()
    }

    /// How long it may take, in ns.
    pub fn limit_ns(&self, hook: Hook) -> u64 {
        self.limits_ns[hook as usize]
    }

    /// Calls the one for this moment, if there is one.
    ///
    /// # Errors
    /// What it says when it panics.
    pub fn call(&self, actor: &HookedActor, moment: &Moment) -> Result<(), String> {
        let Some(function) = &self.functions[moment.hook() as usize] else { return Ok(()) };
        catch_unwind(AssertUnwindSafe(|| function(actor, moment))).map_err(|panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            text.unwrap_or_else(|| "a panic without a message".to_owned())
        })
    }
}

/// What was wrong with a call of a hook. Its actor does not mind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookFault {
    /// It panicked, with this message.
    Panicked(String),
    /// It was not done within its limit.
    Late,
    /// It was not called: too many calls were waiting.
    Skipped,
}

impl fmt::Display for HookFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(message) => write!(f, "panicked: {message}"),
            Self::Late => f.write_str("was not done within its limit"),
            Self::Skipped => f.write_str("was not called: too many calls wait"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::actor::ShardId;

    #[test]
    fn each_moment_has_its_hook_and_a_panic_is_an_error() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let note = |what: &'static str| {
            let seen = seen.clone();
            move |text: String| seen.lock().unwrap().push(format!("{what} {text}"))
        };
        let [a, b, c, d, e, f] = ["start", "up", "stop", "end", "again", "text"].map(note);
        let hooks = Hooks::new()
            .before_start(move |actor| a(actor.restarts.to_string()))
            .after_start(move |_| b(String::new()))
            .before_stop(move |_, why| c(format!("{why:?}")))
            .after_stop(move |_, why| d(why.to_string()))
            .on_restart(move |_, why| e(why.to_string()))
            .on_error(|_, why| panic!("no {why}"))
            .on_message(move |_, payload| f(String::from_utf8_lossy(payload).into_owned()));
        let id = ActorId::new(ShardId(0), 0, 1);
        let actor = HookedActor { id, name: None, kind: "x".into(), restarts: 7 };
        for moment in [
            Moment::BeforeStart,
            Moment::AfterStart,
            Moment::BeforeStop(StopReason::Shutdown),
            Moment::AfterStop(ExitReason::Normal),
            Moment::Restart(ExitReason::Killed),
            Moment::Message("hello".into()),
        ] {
            assert_eq!(hooks.call(&actor, &moment), Ok(()));
        }
        assert_eq!(hooks.call(&actor, &Moment::Error(ExitReason::Killed)), Err("no killed".into()));
        let seen = seen.lock().unwrap();
        assert_eq!(*seen, ["start 7", "up ", "stop Shutdown", "end normal", "again killed", "text hello"]);
    }
}
