//! DATA PLANE: one shard, as a synchronous [`Shard::turn`].
//!
//! A turn takes in what has come (signals, replies, messages, commands from
//! outside), moves the timers on, lets ready actors handle messages, each within
//! its budget, does what they recorded, and shows what goes out. Each step is
//! bounded. What drives it, and how it sleeps, is someone else's business.
//!
//! ```text
//!        injector ─┐                                      ┌─► ring to shard 1
//!  rings from      ├─► mailboxes ─► run queue ─► actor ───┤
//!  other shards ───┘       ▲                              │
//!                          └──────────────────────────────┘
//! ```
//!
//! **Invariant:** a shard shares nothing but rings, doorbells, injectors, reply
//! slots, published snapshots and its counters, all of them from [`crate::sync`].
//! A message between two actors of one shard touches no shared atomic but the
//! counters, which only this shard writes.

mod accounts;
mod arrivals;
mod batch;
mod deliver;
mod edge;
mod events;
mod health;
mod holdings;
mod hooks;
mod later;
mod lifecycle;
mod lives;
mod local;
mod mailbox;
mod mesh;
mod names;
mod notices;
mod nurseries;
mod offspring;
mod overflow;
mod post;
mod pressure;
mod relate;
mod requests;
mod signal;
mod spawn;
mod supervise;
mod table;
mod timer_wheel;
mod topics;
mod tree;
mod turn;
mod watch;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use crate::actor::{
    ActorId, Context, DeadReason, Effect, Frames, Hooks, Key, Message, RequestId, ShardId, TimerId,
};
use crate::control::broker::{Bridge, InProcess};
use crate::control::budget::Budget;
use crate::control::registry::Home;
use crate::metrics::{Clock, Latency, ShardCounters};
use crate::sync::{Doorbell, Injector, Intake, Publisher, Reader, Rooms, injector, published};

use events::EventSubjects;
use health::Checks;
use hooks::HookDesk;
use lifecycle::ActorSlot;
use lives::LifeId;
use local::{Local, ShardView};
use mesh::{Inlets, Outlets, mesh};
use notices::Suspension;
use nurseries::Nurseries;
use post::Post;
use relate::Departed;
use signal::{ChildRef, Signal};
use supervise::SupervisorCell;
use table::Table;
use topics::Hearings;

pub use crate::actor::Quotas;
pub use arrivals::ArrivalProbe;
pub use events::{EVENTS, Event, EventSink};
pub use health::{HealthConfig, HealthCounts, Unwell};
pub use hooks::{HookCall, HookCounts, HookRunner};
pub use lifecycle::Newcomer;
pub use mailbox::{MailboxSpec, Overflow};
pub use post::Bounds;
pub use spawn::{ActorAccount, DeadLetter, ExitRecord, ShardReport, SpawnError, SpawnSpec, SupervisorId};
pub use spawn::{Answer, Command, Control};
pub use timer_wheel::{TICK_NS, TimerKey, TimerWheel};
pub use topics::DEAD_LETTERS;
pub use tree::{Asker, ChildSource, Extra, SupervisorControl, SupervisorView, Tree};

/// The names that outside threads can look up, by home shard.
pub type Directory = imbl::HashMap<Arc<str>, ActorId>;

/// How much a shard does at a time, and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardConfig {
    /// The bounds of mailboxes and messages.
    pub bounds: Bounds,
    /// What one actor may have of what else costs memory; its kind may have less.
    pub quotas: Quotas,
    /// The most commands from outside threads that wait.
    pub injector_commands_max: usize,
    /// The most messages that one actor handles before the next one's turn; none of them
    /// came while it did.
    pub slice_messages_max: usize,
    /// The most messages handled in one turn.
    pub turn_messages_max: usize,
    /// The longest that a turn handles messages, in ns; the message that is being
    /// handled then is handled to its end.
    pub turn_ns_max: u64,
    /// The longest that a start waits for room in a pool, in ns.
    pub start_wait_ns_max: u64,
    /// The most restarts of actors in a second: what is over waits, so that a crash
    /// loop leaves time for others.
    pub restarts_per_second_max: u32,
    /// The most restarts of actors at once, after a quiet while.
    pub restarts_at_once_max: u32,
    /// When actors are asked how they are.
    pub health: HealthConfig,
    /// Are messages from outside measured, and those that they lead to? It costs
    /// two looks at the clock and an entry in a histogram for each of them, some
    /// tens of ns.
    pub measures_latency: bool,
    /// Is the ledger of every shard checked after every turn? It costs some 100 ns a
    /// turn, and a message that is not accounted for ends the shard.
    pub checks_ledger: bool,
    /// Who is shown what comes from other shards and from outside, if somebody measures
    /// how long that takes. Nobody costs nothing.
    pub on_arrival: Option<ArrivalProbe>,
}

impl Default for ShardConfig {
    fn default() -> Self {
        Self {
            bounds: Bounds::default(),
            quotas: Quotas::default(),
            injector_commands_max: 8_192,
            slice_messages_max: 64,
            turn_messages_max: 1_024,
            turn_ns_max: 500_000,
            start_wait_ns_max: 10_000_000_000,
            restarts_per_second_max: 10_000,
            restarts_at_once_max: 2_000,
            health: HealthConfig::default(),
            measures_latency: true,
            checks_ledger: false,
            on_arrival: None,
        }
    }
}

/// What a turn found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    /// There was something to do, and there may be more.
    Busy,
    /// There was nothing to do, and there is not before this time (in ns on the
    /// runtime's clock), unless the doorbell rings.
    Idle {
        /// When the first timer is due.
        wake_at_ns: Option<u64>,
    },
    /// The shard was told to end, and has.
    Halted,
}

/// The ends of one shard that outside threads hold.
pub struct Outside {
    /// The way in.
    pub injector: Injector<Command>,
    /// What it counts.
    pub counters: Arc<ShardCounters>,
    /// The names whose home it is.
    pub directory: Reader<Directory>,
    /// Whose mailboxes are full, by slot.
    pub rooms: Arc<Rooms>,
}

/// A shard before it is on its thread.
pub struct Seed {
    id: ShardId,
    shards: usize,
    config: ShardConfig,
    clock: Clock,
    outlets: Outlets,
    inlets: Inlets,
    intake: Intake<Command>,
    doorbell: Arc<Doorbell>,
    counters: Arc<ShardCounters>,
    directory: Publisher<Directory>,
    rooms: Arc<Rooms>,
    bridge: Arc<dyn Bridge>,
    hook_runner: Option<Arc<dyn HookRunner>>,
    hooks: Option<Arc<Hooks>>,
}

impl Seed {
    /// The same, with this bridge for what is published.
    pub fn with_bridge(self, bridge: Arc<dyn Bridge>) -> Self {
        Self { bridge, ..self }
    }

    /// The same, with this to call hooks, and these hooks for actors that have none of
    /// their own.
    pub fn with_hooks(self, runner: Arc<dyn HookRunner>, hooks: Option<Arc<Hooks>>) -> Self {
        Self { hook_runner: Some(runner), hooks, ..self }
    }

    /// The clock that it will go by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}

/// The shards of one runtime, one for each doorbell, joined by their rings.
pub fn seeds(config: ShardConfig, clock: &Clock, doorbells: &[Arc<Doorbell>]) -> Vec<(Seed, Outside)> {
    let shards = doorbells.len();
    let grow = |(index, ((outlets, inlets), doorbell)): (usize, ((Outlets, Inlets), &Arc<Doorbell>))| {
        let (injector, intake) = injector(config.injector_commands_max, doorbell.clone());
        let (publisher, reader) = published(Directory::default());
        let counters = Arc::<ShardCounters>::default();
        let rooms = Arc::new(Rooms::new(Key::SLOTS_MAX));
        let seed = Seed {
            id: ShardId(index as u16),
            shards,
            config,
            clock: clock.clone(),
            outlets,
            inlets,
            intake,
            doorbell: doorbell.clone(),
            counters: counters.clone(),
            directory: publisher,
            rooms: rooms.clone(),
            bridge: Arc::new(InProcess),
            hook_runner: None,
            hooks: None,
        };
        (seed, Outside { injector, counters, directory: reader, rooms })
    };
    mesh(doorbells).into_iter().zip(doorbells).enumerate().map(grow).collect()
}

/// What a timer is for.
#[derive(Debug, Clone, Copy)]
enum Timer {
    /// Another attempt of a start or restart.
    Start(ActorId),
    /// A wait of a child is over.
    Wake(ChildRef, u64),
    /// Actors are to be asked how they are.
    HealthSweep,
    /// An actor has waited long enough for the hook of this ticket.
    Hook(ActorId, u64),
}

/// What a timer of messages is for.
#[derive(Debug, Clone, Copy)]
enum Alarm {
    /// A request has had its time.
    Deadline(RequestId),
    /// Something is to be sent.
    Send(TimerId),
}

/// One shard.
pub struct Shard {
    id: ShardId,
    shards: usize,
    config: ShardConfig,
    clock: Clock,
    now_ns: u64,

    inlets: Inlets,
    intake: Intake<Command>,
    doorbell: Arc<Doorbell>,
    /// Signals to itself, and those that came in.
    signals: VecDeque<(ShardId, Signal)>,

    context: Rc<Context>,
    local: Rc<Local>,
    effects: Vec<Effect>,

    actors: Table<ActorSlot>,
    /// What is being handled lies here: one message, or a batch. Never empty.
    #[expect(clippy::vec_box, reason = "messages stay where they are; their pointers are swapped")]
    hands: Vec<Box<Message>>,
    /// A run of them, for whoever takes frames.
    run_in_hand: Option<Frames>,
    nurseries: Nurseries,

    timers: TimerWheel<Timer>,
    due: Vec<Timer>,
    alarms: Vec<Alarm>,

    /// Actors in the middle of a message, by slot.
    suspensions: Vec<Option<Box<Suspension>>>,
    suspended_messages: usize,
    /// Those of them that wait for nothing but their turn.
    turns_awaited: VecDeque<(ActorId, LifeId)>,

    home: Home,
    directory: Publisher<Directory>,
    supervisors: Table<SupervisorCell>,
    /// Empty, but what a supervisor wants done has room in it.
    supervisor_commands: Vec<crate::control::supervisor::Command<ChildSource>>,
    /// Restarts that have failed, to be tried again in the next turn.
    retries: VecDeque<(ChildRef, u64)>,
    budget: Budget,
    event_sinks: Vec<EventSink>,
    event_subjects: EventSubjects,
    hook_desk: HookDesk,
    /// Hooks that actors have waited for.
    hook_tickets: u64,
    checks: Checks,
    /// Actors that were spawned by others, and are to be started.
    to_begin: VecDeque<ActorId>,
    /// Actors that are gone, until their names are free.
    departed: HashMap<ActorId, Departed>,

    counters: Arc<ShardCounters>,
    latency: Latency,
    dead_letters: VecDeque<DeadLetter>,
    /// Of actors that are still there.
    dead_by_actor: HashMap<ActorId, [u64; DeadReason::COUNT]>,
    /// Messages from outside, from other shards and to them: for the ledger.
    taken_in: u64,
    came_in: u64,
    went_out: u64,
    /// Who waits until all other shards have heard what was said so far.
    hearings: Hearings,
    exits: VecDeque<ExitRecord>,
    exits_by_label: BTreeMap<&'static str, u64>,
    /// When everybody is to have stopped; never, as long as nobody said so.
    stop_by_ns: u64,
    closed: bool,
    halted: bool,
}

impl Shard {
    /// The shard that grows from this seed, on the thread that it will stay on.
    pub fn new(seed: Seed) -> Self {
        let Seed {
            id,
            shards,
            config,
            clock,
            outlets,
            inlets,
            intake,
            doorbell,
            counters,
            directory,
            rooms,
            bridge,
            hook_runner,
            hooks,
        } = seed;
        let post = Post::new(id, shards, config.bounds, outlets, rooms);
        let actors = Table::new(id);
        let keys = actors.keys_left();
        let local = Rc::new(Local::new(post, clock.clone(), counters.clone(), keys));
        local.topics.borrow_mut().bridge = bridge;
        let context = Rc::new(Context::new(id, Box::new(ShardView(local.clone()))));
        let now_ns = clock.now_ns();
        let mut shard = Self {
            id,
            shards,
            config,
            now_ns,
            inlets,
            intake,
            doorbell,
            signals: VecDeque::new(),
            context,
            local,
            effects: Vec::new(),
            actors,
            hands: vec![Box::default()],
            run_in_hand: None,
            nurseries: Nurseries::new(config.quotas),
            timers: TimerWheel::new(now_ns),
            due: Vec::new(),
            alarms: Vec::new(),
            suspensions: Vec::new(),
            suspended_messages: 0,
            turns_awaited: VecDeque::new(),
            home: Home::new(shards),
            directory,
            supervisors: Table::new(id),
            supervisor_commands: Vec::new(),
            retries: VecDeque::new(),
            event_sinks: Vec::new(),
            event_subjects: EventSubjects::default(),
            hook_desk: HookDesk::new(hook_runner, hooks),
            hook_tickets: 0,
            checks: Checks::default(),
            to_begin: VecDeque::new(),
            departed: HashMap::new(),
            budget: Budget::new(config.restarts_per_second_max, config.restarts_at_once_max),
            counters,
            latency: Latency::new(),
            dead_letters: VecDeque::new(),
            dead_by_actor: HashMap::new(),
            taken_in: 0,
            came_in: 0,
            went_out: 0,
            hearings: Hearings::default(),
            exits: VecDeque::new(),
            exits_by_label: BTreeMap::new(),
            stop_by_ns: u64::MAX,
            closed: false,
            halted: false,
            clock,
        };
        shard.begin_health_checks();
        shard
    }

    /// What rings when something comes in.
    pub fn doorbell(&self) -> &Arc<Doorbell> {
        &self.doorbell
    }

    /// What this shard has done so far.
    fn report(&self) -> ShardReport {
        let (health, unwell) = self.health_report();
        let resident = self.local.post.borrow().resident() + self.inlets.resident() + self.suspended_messages;
        ShardReport {
            shard: self.id,
            ledger: self.counters.ledger(resident as u64),
            latency: self.latency.clone(),
            actors: self.actors.len() as u64,
            starts: self.counters.starts.get(),
            restarts: self.counters.restarts.get(),
            abnormal_exits: self.counters.abnormal_exits.get(),
            answered_with_failure: self.counters.answered_with_failure.get(),
            turns: self.counters.turns.get(),
            requests: self.counters.requests(self.local.requests.borrow().len() as u64),
            published: self.counters.published.get(),
            unheard: self.counters.unheard.get(),
            pauses: self.counters.pauses.get(),
            dead_letters: self.dead_letters.iter().cloned().collect(),
            dead_by_actor: self.dead_by_actor.iter().map(|(&actor, &dead)| (actor, dead)).collect(),
            exits: self.exits.iter().cloned().collect(),
            exits_by_label: self.exits_by_label.clone(),
            supervisors_given_up: self.counters.supervisors_given_up.get(),
            health,
            unwell,
            hooks: self.hook_desk.counts(),
            accounts: self.accounts(),
        }
    }
}

#[cfg(test)]
mod tests;
