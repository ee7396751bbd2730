//! Workers that are components: the puppet (guests/tests/puppet), started, ended and
//! stopped as OTP's cases want, on one shard and with each supervisor and its children
//! on two. What is said of a worker is not taken on trust: see [`Puppets::check`].

use std::sync::LazyLock;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

use super::*;
use crate::actor::{CreateError, Nursery, Quotas, Recipe};
use crate::wasm::{
    CacheConfig, Component, ComponentBlueprint, Engine, EngineConfig, ExecutionClass, Limits, MemoryLayout,
    PoolPolicy, Profile, Source, TrustLevel,
};

mod one_shard {
    crate::control::supervisor::tests::cases::otp_cases!(super::stage(1, &super::PUPPET));
}

mod across_shards {
    crate::control::supervisor::tests::cases::otp_cases!(super::stage(2, &super::PUPPET));
}

/// The same with guests that have stacks of their own.
mod suspendable {
    crate::control::supervisor::tests::cases::otp_cases!(super::stage(2, &super::SUSPENDABLE_PUPPET));
}

fn stage(shards: usize, puppet: &'static ComponentBlueprint) -> Shards<Puppets> {
    Shards::new(shards, Puppets { puppet, told: HashMap::new() })
}

/// Who stops in time does so by the clock of its world, which stands still unless told to
/// move. Who does not is ended by the time of its thread, which is so many times as fast.
const HURRY: u32 = 20;
/// Who is then still not ended, so late, may stop after all: there was no limit to it.
const LET_GO_AFTER: Duration = Duration::from_secs(10);

/// Compiled once, for all cases.
static COMPONENT: LazyLock<Component> = LazyLock::new(|| {
    let config = EngineConfig {
        memory_layout: MemoryLayout::Compact,
        instances_max: 10_000,
        ..EngineConfig::default()
    };
    let engine = Engine::new(&config).expect("an engine");
    let wasm = include_bytes!("../../../../guests/prebuilt/puppet.wasm");
    let component = engine.load(Source::Bytes("puppet", wasm), &CacheConfig::Disabled, &());
    // For as long as there are tests.
    thread::spawn(move || {
        loop {
            thread::sleep(config.epoch_period);
            engine.tick();
        }
    });
    component.expect("the puppet")
});

static PUPPET: LazyLock<ComponentBlueprint> = LazyLock::new(|| puppet(ExecutionClass::RunToCompletion));
static SUSPENDABLE_PUPPET: LazyLock<ComponentBlueprint> =
    LazyLock::new(|| puppet(ExecutionClass::Suspendable));

fn puppet(class: ExecutionClass) -> ComponentBlueprint {
    // What bounds a stop is its supervisor.
    let limits = Limits { lifecycle_time_max: 6 * LET_GO_AFTER, ..Limits::default() };
    // Each worker has a nursery of its own, which need not have another one ready.
    let pool = PoolPolicy { ready_min: 0, ready_max: 0, ..PoolPolicy::default() };
    let profile = Profile { limits, pool, class: Some(class), ..Profile::of(TrustLevel::Standard) };
    ComponentBlueprint::with(COMPONENT.clone(), profile).expect("limits that it can live in")
}

struct Puppets {
    puppet: &'static ComponentBlueprint,
    /// What each worker was told so far, in the incarnation that is up.
    told: HashMap<ActorId, (u32, Vec<String>)>,
}

impl Cast for Puppets {
    fn blueprint(&self, part: Part) -> Arc<dyn Blueprint> {
        Arc::new(Dressed { part, puppet: self.puppet })
    }

    fn cue(&self, worker: ActorId, reason: &ExitReason) -> String {
        match reason {
            ExitReason::Normal => "exit".into(),
            ExitReason::Error(_) => "trap".into(),
            // Signals that it sends to itself.
            reason => format!("exit-other {} {}", worker.to_bits(), reason.label()),
        }
    }

    /// Whoever is up keeps in its memory what it is told, answers with all that it was
    /// told in this incarnation, and knows nothing of those before. Whoever is not
    /// answers nothing.
    fn check(&mut self, world: &mut World, worker: ActorId, up: Option<u32>) {
        let Some(incarnation) = up else {
            let answer = world.ask(worker, "heard");
            world.settle();
            assert!(!answer.is_ready() || answer.wait().unwrap().is_err(), "{worker} is not up, and answers");
            return;
        };
        let (known, told) = self.told.entry(worker).or_default();
        if *known != incarnation {
            (*known, *told) = (incarnation, Vec::new());
        }
        told.push(format!("note {incarnation}.{}", told.len()));
        world.tell(worker, told.last().expect("it was pushed"));
        assert_eq!(
            text(world.ask_now(worker, "heard")),
            told.join("\n"),
            "{worker}, incarnation {incarnation}"
        );
    }
}

/// Makes puppets for one part.
struct Dressed {
    part: Part,
    puppet: &'static ComponentBlueprint,
}

impl Blueprint for Dressed {
    fn name(&self) -> &str {
        self.puppet.name()
    }

    fn quotas(&self) -> Option<Quotas> {
        self.puppet.quotas()
    }

    fn nursery(&self, shard: ShardId, context: Rc<Context>) -> Result<Box<dyn Nursery>, CreateError> {
        Ok(Box::new(Dresser { part: self.part.clone(), nursery: self.puppet.nursery(shard, context)? }))
    }
}

struct Dresser {
    part: Part,
    nursery: Box<dyn Nursery>,
}

impl Nursery for Dresser {
    /// Each incarnation is configured as the plan says when its turn has come.
    fn create(&mut self, recipe: &Recipe) -> Result<Box<dyn Child>, CreateError> {
        let mut recipe = recipe.clone();
        let mut set = |key: &str, value: String| drop(recipe.config.insert(key.to_owned(), value));
        match self.part.plan.next_start() {
            Start::Good => {}
            Start::Ignore => set("init", "ignore-start".into()),
            Start::Fail => set("refuse", "yes".into()),
        }
        let stop_ms = self.part.plan.stop_ms;
        if stop_ms > 0 {
            set("stop-ms", stop_ms.to_string());
        }
        let puppet = self.nursery.create(&recipe)?;
        let puppet = if stop_ms > 0 { self.slow(puppet) } else { puppet };
        Ok(Box::new(Watched::new(self.part.clone(), puppet)))
    }
}

impl Dresser {
    fn slow(&self, child: Box<dyn Child>) -> Box<dyn Child> {
        let takes = Duration::from_millis(self.part.plan.stop_ms);
        Box::new(Slow { child, takes, hand: self.part.hand.clone() })
    }
}

/// A puppet whose stop takes its time, on a clock that stands still unless told to move.
struct Slow {
    child: Box<dyn Child>,
    takes: Duration,
    hand: Arc<quanta::Mock>,
}

impl Actor for Slow {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        self.child.handle(context, message)
    }

    fn resume(&mut self, context: &Context, resume: Resume) -> Outcome {
        self.child.resume(context, resume)
    }
}

impl Child for Slow {
    fn start(&mut self, context: &Context, incarnation: &Incarnation) -> Result<(), StartError> {
        self.child.start(context, incarnation)
    }

    /// The clock goes on when the guest says that it stops, up to where it is done or
    /// has to be: it sees that itself.
    fn stop(&mut self, context: &Context, reason: StopReason, within: Option<Duration>) -> ExitReason {
        let passes = within.map_or(self.takes, |within| within.min(self.takes));
        let stopping = Stopping { hand: self.hand.clone(), passes: Arc::new(Mutex::new(Some(passes))) };
        let left = stopping.passes.clone();
        let within = within.map(|within| within / HURRY);
        let ended = thread::scope(|scope| {
            let (ended, end) = mpsc::channel::<()>();
            let (hand, takes) = (&self.hand, self.takes);
            scope.spawn(move || {
                if end.recv_timeout(LET_GO_AFTER) == Err(RecvTimeoutError::Timeout) {
                    hand.increment(takes);
                }
            });
            let stop = || self.child.stop(context, reason, within);
            let reason = tracing::subscriber::with_default(stopping, stop);
            drop(ended);
            reason
        });
        assert_eq!(*left.lock().unwrap(), None, "the guest was not asked to stop");
        ended
    }
}

/// Moves a clock on once a guest says something in the log.
struct Stopping {
    hand: Arc<quanta::Mock>,
    passes: Arc<Mutex<Option<Duration>>>,
}

impl tracing::Subscriber for Stopping {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "raddle::guest"
    }

    fn event(&self, _: &tracing::Event<'_>) {
        if let Some(passes) = self.passes.lock().unwrap().take() {
            self.hand.increment(passes);
        }
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}
