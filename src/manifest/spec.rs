//! What a manifest says, as plain data. The defaults are here.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

pub use crate::control::child_spec::Restart;
pub use crate::control::supervisor::{AutoShutdown, Strategy};

pub use super::limits::LimitsSpec;
use super::{MailboxSpec, Span};

/// How long an actor may take to stop, unless it is said: OTP's.
pub(super) const SHUTDOWN_MS: u32 = 5000;
/// How many lines may be on their way, unless it is said.
pub(super) const IN_FLIGHT_MAX: u32 = 1024;

/// How the runtime is set up: `[runtime]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeSpec {
    /// How many shards; none set is one for each physical core.
    pub shards: Option<u16>,
    /// What drives the shards.
    pub reactor: Reactor,
    /// How many messages one mailbox holds.
    pub mailbox_messages_max: u32,
    /// How many bytes of payload one mailbox holds.
    pub mailbox_bytes_max: u64,
    /// How many bytes one message may carry.
    pub message_bytes_max: u32,
    /// How long an idle shard looks for work before it sleeps.
    pub park_spin_us: u32,
    /// How the memories of guests lie in the address space.
    pub memory_layout: MemoryLayout,
}

impl Default for RuntimeSpec {
    fn default() -> Self {
        Self {
            shards: None,
            reactor: Reactor::Auto,
            mailbox_messages_max: 4096,
            mailbox_bytes_max: 16 << 20,
            message_bytes_max: 1 << 20,
            park_spin_us: 50,
            memory_layout: MemoryLayout::Guarded,
        }
    }
}

/// What drives the shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reactor {
    /// Glommio where io_uring is to be had, else plain threads.
    #[default]
    Auto,
    /// Glommio's reactor, or an error.
    Glommio,
    /// Plain pinned threads.
    Thread,
}

/// How the memories of guests lie in the address space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MemoryLayout {
    /// 4 GiB reserved for each, so that no access needs a check: the fastest, up
    /// to some ten thousand actors.
    #[default]
    Guarded,
    /// Small reservations and checked accesses: for more actors than that.
    Compact,
}

/// When actors are asked how they are: `[health]`. Without it, nobody is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthSpec {
    /// From one question to the next.
    pub interval_ms: u32,
    /// How often in a row an actor may be unhealthy before it has ended.
    pub unhealthy_in_a_row_max: u32,
    /// How long an answer may take; a later one counts as unhealthy.
    pub answer_ms_max: u32,
}

impl Default for HealthSpec {
    fn default() -> Self {
        Self { interval_ms: 1000, unhealthy_in_a_row_max: 3, answer_ms_max: 100 }
    }
}

/// A component that actors are made from: `[component.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentSpec {
    /// What actors call it.
    pub name: String,
    /// The file, relative to where the process runs.
    pub path: PathBuf,
    /// Where the manifest gives the path.
    pub path_span: Span,
    /// How far its actors are trusted: a bundle of limits and grants.
    pub trust: Trust,
    /// How its actors run; none set is as the component needs it.
    pub class: Option<ExecutionClass>,
    /// What each actor made from it may use.
    pub limits: LimitsSpec,
    /// What each may do beyond what the trust grants.
    pub grants: GrantsSpec,
    /// What the mailbox of each holds.
    pub mailbox: MailboxSpec,
}

/// How the actors of a component run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionClass {
    /// Each message from its start to its end, on the shard's own stack.
    RunToCompletion,
    /// On a stack of its own, giving way to its neighbours at every tick.
    Suspendable,
}

/// How far the actors of a component are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trust {
    /// They may do what is granted, and nothing else.
    #[default]
    Untrusted,
    /// They may send to everybody, publish and subscribe everything, read clocks.
    Standard,
    /// They may also spawn any component.
    Trusted,
}

/// What actors of a component may do: `[component.NAME.grants]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrantsSpec {
    /// Names and groups that they may send to.
    pub send: Vec<String>,
    /// Names that they may ask.
    pub ask: Vec<String>,
    /// Names that they may link to, and send exit signals.
    pub link: Vec<String>,
    /// Names that it may take, or give to what it spawns, and groups that it may join.
    pub register: Vec<String>,
    /// Subjects that they may publish to.
    pub publish: Vec<String>,
    /// Filters that they may subscribe to.
    pub subscribe: Vec<String>,
    /// Components that they may spawn.
    pub spawn: Vec<String>,
    /// May they read the clocks?
    pub clocks: bool,
    /// May they have random numbers?
    pub random: bool,
    /// Do lines on standard output and error go to the log?
    pub stdio: bool,
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// Directories that they may read, by what the guest calls them.
    pub read: BTreeMap<String, PathBuf>,
    /// Directories that they may also write.
    pub write: BTreeMap<String, PathBuf>,
}

/// How a supervisor works: `[supervisor]`, which looks after everything, and
/// `[supervisors.NAME]`. The defaults are OTP's.
#[derive(Debug, Clone, PartialEq)]
pub struct SupervisorSpec {
    /// Who is restarted when one ends.
    pub strategy: Strategy,
    /// How many restarts within the period it does before it gives up.
    pub restarts_max: u32,
    /// The period.
    pub period_ms: u32,
    /// Does it stop when significant children have ended?
    pub auto_shutdown: AutoShutdown,
    /// How it waits before a restart; none set is not at all.
    pub backoff: Option<BackoffSpec>,
}

impl Default for SupervisorSpec {
    fn default() -> Self {
        Self {
            strategy: Strategy::OneForOne,
            restarts_max: 1,
            period_ms: 5000,
            auto_shutdown: AutoShutdown::Never,
            backoff: None,
        }
    }
}

/// A supervisor below the topmost: `[supervisors.NAME]`.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedSupervisorSpec {
    /// What actors, and supervisors below it, call it.
    pub name: String,
    /// How it works.
    pub spec: SupervisorSpec,
    /// The supervisor above it; none set is the topmost.
    pub under: Option<String>,
    /// Where it lives.
    pub placement: Placement,
    /// When the supervisor above restarts it.
    pub restart: Restart,
    /// How long it may take to stop, with all that it looks after; none set is as long
    /// as it takes, 0 kills at once.
    pub shutdown_ms: Option<u32>,
    /// Does its end count for the automatic shutdown of the supervisor above?
    pub significant: bool,
    /// Where the manifest gives the name.
    pub name_span: Span,
    /// Where it gives the placement.
    pub placement_span: Span,
}

/// How long a supervisor waits before a restart: `[supervisor.backoff]`.
/// The n-th in a row waits `base · factor^(n-1)`, at most `max`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BackoffSpec {
    /// The first wait.
    pub base_ms: u32,
    /// What each further wait is multiplied with.
    pub factor: f64,
    /// The longest wait.
    pub max_ms: u32,
    /// Which part of a wait is random, from 0 to 1: a wait is shortened by up to that.
    pub jitter: f64,
    /// After so long without a restart the waits begin anew.
    pub stable_after_ms: u32,
}

impl Default for BackoffSpec {
    fn default() -> Self {
        Self { base_ms: 10, factor: 2.0, max_ms: 1000, jitter: 0.2, stable_after_ms: 10_000 }
    }
}

/// An actor, or several of a kind: `[[actor]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActorSpec {
    /// What it is registered as; instances are registered as NAME.0, NAME.1, ….
    pub name: String,
    /// The name of the component that it is made from.
    pub component: String,
    /// How many there are.
    pub instances: Instances,
    /// Where they live.
    pub placement: Placement,
    /// The supervisor that looks after them; none set is the topmost.
    pub supervisor: Option<String>,
    /// When they are restarted.
    pub restart: Restart,
    /// Do their ends count for the automatic shutdown of their supervisor?
    pub significant: bool,
    /// How long they may take to stop; 0 kills at once.
    pub shutdown_ms: u32,
    /// Their configuration.
    pub config: BTreeMap<String, String>,
    /// Where the manifest gives the name.
    pub name_span: Span,
    /// Where it names the component.
    pub component_span: Span,
    /// Where it gives the placement.
    pub placement_span: Span,
}

/// How many of an actor there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Instances {
    /// One, registered under the plain name.
    #[default]
    Single,
    /// So many, registered as NAME.0 and so on, even if it is one.
    Count(u32),
    /// One on each shard, registered as NAME.0 and so on: the number is the shard.
    PerShard,
}

/// Which shards actors live on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Placement {
    /// Each on the next shard in turn.
    #[default]
    Spread,
    /// All on this one.
    Shard(u16),
}

/// Where the work comes from: `[input]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputSpec {
    /// Each line is one message.
    pub lines: Lines,
    /// The actor whose instances get the lines, in turn.
    pub to: String,
    /// How many lines may be on their way, not yet fully handled.
    pub in_flight_max: u32,
    /// Where the manifest names the input.
    pub lines_span: Span,
}

/// What lines are read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lines {
    /// Standard input, written as `-`.
    Stdin,
    /// A file, relative to where the process runs.
    File(PathBuf),
}

impl Lines {
    /// `-` is standard input, anything else a path.
    pub fn from_argument(text: &str) -> Self {
        if text == "-" { Self::Stdin } else { Self::File(text.into()) }
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// What is asked when the input has ended: `[report]`. Each instance of `ask` is
/// asked `with`; each answer is told to `via`; then `via` is asked `then`, and
/// answers one JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportSpec {
    /// The actor whose instances are asked.
    pub ask: String,
    /// What they are asked.
    pub with: String,
    /// The actor that puts the answers together.
    pub via: String,
    /// What that one is asked.
    pub then: String,
}

/// The words of the manifest for the cases of an enum, in the order to list them.
pub(crate) trait Words: Copy + 'static {
    const WORDS: &'static [(&'static str, Self)];
}

impl Words for Reactor {
    const WORDS: &'static [(&'static str, Self)] =
        &[("auto", Self::Auto), ("glommio", Self::Glommio), ("thread", Self::Thread)];
}

impl Words for MemoryLayout {
    const WORDS: &'static [(&'static str, Self)] = &[("guarded", Self::Guarded), ("compact", Self::Compact)];
}

impl Words for ExecutionClass {
    const WORDS: &'static [(&'static str, Self)] =
        &[("run-to-completion", Self::RunToCompletion), ("suspendable", Self::Suspendable)];
}

impl Words for Trust {
    const WORDS: &'static [(&'static str, Self)] =
        &[("untrusted", Self::Untrusted), ("standard", Self::Standard), ("trusted", Self::Trusted)];
}

impl Words for Strategy {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("one_for_one", Self::OneForOne),
        ("one_for_all", Self::OneForAll),
        ("rest_for_one", Self::RestForOne),
        ("simple_one_for_one", Self::SimpleOneForOne),
    ];
}

impl Words for AutoShutdown {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("never", Self::Never),
        ("any_significant", Self::AnySignificant),
        ("all_significant", Self::AllSignificant),
    ];
}

impl Words for Restart {
    const WORDS: &'static [(&'static str, Self)] =
        &[("permanent", Self::Permanent), ("transient", Self::Transient), ("temporary", Self::Temporary)];
}

impl FromStr for Reactor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let word = Self::WORDS.iter().find(|(word, _)| *word == text);
        word.map(|(_, reactor)| *reactor).ok_or_else(|| "expected auto, glommio or thread".to_owned())
    }
}

impl fmt::Display for Reactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::WORDS.iter().find(|(_, reactor)| reactor == self);
        f.write_str(word.map_or("", |(word, _)| word))
    }
}
