//! A shard's worth of stand-ins.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::actor::{
    ActorId, Blueprint, Child, Context, CreateError, Effect, Incarnation, Key, Message, Nursery, Outcome,
    Payload, Recipe, RequestId, SendError, ShardId, View,
};
use crate::wasm::{
    CacheConfig, Component, ComponentBlueprint, Engine, EngineConfig, Limits, MemoryLayout, PoolPolicy,
};

pub use super::text::{Hooks, Text};

pub const SHARD: ShardId = ShardId(0);

/// The actor that is tested, one that it knows by name, and one that is full.
pub fn own_id() -> ActorId {
    Key::new(SHARD, 1, 1)
}

pub fn friend() -> ActorId {
    Key::new(SHARD, 2, 7)
}

pub fn full_actor() -> ActorId {
    Key::new(SHARD, 3, 1)
}

thread_local! {
    /// What was sent on this thread, and with it in this test.
    static SENT: RefCell<Vec<Message>> = RefCell::default();
}

/// Takes what was sent.
pub fn sent() -> Vec<Message> {
    SENT.take()
}

/// A shard with one name.
struct World;

impl View for World {
    fn send_bytes(&self, to: ActorId, from: Option<ActorId>, _: u64, bytes: &[u8]) -> Result<(), SendError> {
        match to {
            to if to == friend() => {
                let message = Message { from, ..Message::new(to, bytes) };
                SENT.with_borrow_mut(|sent| sent.push(message));
                Ok(())
            }
            to if to == full_actor() => Err(SendError::MailboxFull(to)),
            to => Err(SendError::NoSuchActor(to)),
        }
    }

    fn lookup(&self, name: &str) -> Option<ActorId> {
        (name == "friend").then(friend)
    }

    fn now_ns(&self) -> u64 {
        0
    }
}

pub fn context() -> Rc<Context> {
    let context = Context::new(SHARD, Box::new(World));
    context.enter(own_id(), 0);
    Rc::new(context)
}

/// A small engine whose epoch moves on by itself.
pub struct Ticking {
    pub engine: Engine,
    stop: Option<mpsc::Sender<()>>,
    ticker: Option<thread::JoinHandle<()>>,
}

impl Ticking {
    pub fn new() -> Self {
        Self::with(EngineConfig { instances_max: 8, ..EngineConfig::default() })
    }

    pub fn compact() -> Self {
        Self::with(EngineConfig { memory_layout: MemoryLayout::Compact, ..EngineConfig::default() })
    }

    pub fn with(config: EngineConfig) -> Self {
        let engine = Engine::new(&config).unwrap();
        let (stop, stopped) = mpsc::channel();
        let ticking = engine.clone();
        let ticker = thread::spawn(move || {
            while stopped.recv_timeout(config.epoch_period) == Err(mpsc::RecvTimeoutError::Timeout) {
                ticking.tick();
            }
        });
        Self { engine, stop: Some(stop), ticker: Some(ticker) }
    }

    pub fn load(&self, guest: &str) -> Component {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("guests/prebuilt/{guest}.wasm"));
        self.engine.load(&path, &CacheConfig::Disabled, &()).unwrap()
    }

    pub fn load_text(&self, text: &str) -> Component {
        let source = super::super::Source::Bytes("text", text.as_bytes());
        self.engine.load(source, &CacheConfig::Disabled, &()).unwrap()
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.stop.take();
        self.ticker.take().map(thread::JoinHandle::join);
    }
}

/// Short limits, so that tests are.
pub fn limits() -> Limits {
    Limits {
        memory_bytes_max: 4 << 20,
        message_time_max: Duration::from_millis(100),
        lifecycle_time_max: Duration::from_millis(50),
        ..Limits::default()
    }
}

pub fn nursery(component: Component, limits: Limits, policy: PoolPolicy) -> (Box<dyn Nursery>, Rc<Context>) {
    let context = context();
    let blueprint = ComponentBlueprint::new(component, limits, policy).unwrap();
    (blueprint.nursery(SHARD, context.clone()).unwrap(), context)
}

/// One actor, and the context that it acts in.
pub struct Subject {
    pub child: Box<dyn Child>,
    pub context: Rc<Context>,
    pub requests: Cell<u32>,
}

impl Subject {
    /// Made and started.
    pub fn started(component: Component) -> Self {
        let mut subject = Self::created(component, &[]).unwrap();
        subject.start().unwrap();
        subject
    }

    pub fn created(component: Component, config: &[(&str, &str)]) -> Result<Self, CreateError> {
        let (mut nursery, context) = nursery(component, limits(), PoolPolicy::default());
        Ok(Self { child: nursery.create(&recipe(config))?, context, requests: Cell::new(0) })
    }

    pub fn start(&mut self) -> Result<(), crate::actor::StartError> {
        let incarnation = Incarnation { id: own_id(), name: Some("subject".into()), restarts: 3 };
        self.child.start(&self.context, &incarnation)
    }

    pub fn tell(&mut self, payload: &[u8]) -> Outcome {
        let mut message = Message::new(own_id(), payload);
        message.from = Some(friend());
        self.child.handle(&self.context, &message)
    }

    pub fn ask(&mut self, payload: &[u8]) -> Outcome {
        self.requests.set(self.requests.get() + 1);
        let mut message = Message::new(own_id(), payload);
        message.from = Some(friend());
        message.request = Some(RequestId::new(SHARD, 0, self.requests.get()));
        self.child.handle(&self.context, &message)
    }

    /// The reply to a request that must have one.
    #[track_caller]
    pub fn reply(&mut self, payload: &[u8]) -> Payload {
        match self.ask(payload) {
            Outcome::Done(Some(reply)) => reply,
            other => panic!("expected a reply, got {other:?}"),
        }
    }

    #[track_caller]
    pub fn number(&mut self, payload: &[u8]) -> u64 {
        u64::from_le_bytes((*self.reply(payload)).try_into().unwrap())
    }

    pub fn effects(&self) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.context.take_effects(&mut effects);
        effects
    }
}

pub fn recipe(config: &[(&str, &str)]) -> Recipe {
    let pairs = config.iter().map(|(key, value)| (key.to_string(), value.to_string()));
    Recipe { config: pairs.collect::<BTreeMap<_, _>>() }
}

impl Ticking {
    /// How many component instances are alive, where a pool counts them.
    pub fn instances(&self) -> u64 {
        self.engine.shared.wasmtime.pooling_allocator_metrics().unwrap().component_instances()
    }
}

/// What is logged meanwhile, a line each: level, target, fields.
pub fn captured(during: impl FnOnce()) -> Vec<String> {
    use std::fmt::Write;
    use std::sync::{Arc, Mutex};
    use tracing::span;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    struct Fields<'a>(&'a mut String);

    impl tracing::field::Visit for Fields<'_> {
        fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
            let _ = write!(self.0, " {field}={value:?}");
        }
    }

    impl tracing::Subscriber for Lines {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
        fn enter(&self, _: &span::Id) {}
        fn exit(&self, _: &span::Id) {}

        fn event(&self, event: &tracing::Event<'_>) {
            let mut line = format!("{} {}", event.metadata().level(), event.metadata().target());
            event.record(&mut Fields(&mut line));
            self.0.lock().unwrap().push(line);
        }
    }

    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), during);
    let lines = lines.0.lock().unwrap();
    lines.clone()
}
