//! What an actor sees of its shard.

use std::cell::{Cell, RefCell};

use super::{ActorId, Effect, Envelope, ExitReason, Payload, SendError, ShardId};

/// What actors may ask of their shard while they run. None of it runs another
/// actor.
pub trait View {
    /// Puts a plain message with these bytes where it waits for its receiver, or
    /// for its way to another shard.
    ///
    /// The parts of its envelope come one by one, since that is in registers: the
    /// detour of a struct through memory costs a stall in each message.
    ///
    /// # Errors
    /// Why it was not accepted.
    fn send_bytes(
        &self,
        to: ActorId,
        from: Option<ActorId>,
        sent_at_ns: u64,
        bytes: &[u8],
    ) -> Result<(), SendError>;

    /// Any message, with a payload that is there already.
    ///
    /// # Errors
    /// Why it was not accepted.
    fn send(&self, envelope: Envelope, payload: Payload) -> Result<(), SendError> {
        self.send_bytes(envelope.to, envelope.from, envelope.sent_at_ns, &payload)
    }

    /// Who is registered under this name.
    fn lookup(&self, name: &str) -> Option<ActorId>;

    /// The time in ns on the runtime's clock.
    fn now_ns(&self) -> u64;
}

/// What the actors of one shard share: who is running, what it has done so far,
/// and a view of the shard. One actor of a shard runs at a time.
pub struct Context {
    shard: ShardId,
    running: Cell<Option<ActorId>>,
    sent_at_ns: Cell<u64>,
    /// Has the running actor sent anything?
    led_on: Cell<bool>,
    has_effects: Cell<bool>,
    numbers: Cell<u64>,
    effects: RefCell<Vec<Effect>>,
    view: Box<dyn View>,
}

impl Context {
    /// The context of a shard.
    pub fn new(shard: ShardId, view: Box<dyn View>) -> Self {
        Self {
            shard,
            running: Cell::new(None),
            sent_at_ns: Cell::new(0),
            led_on: Cell::new(false),
            has_effects: Cell::new(false),
            numbers: Cell::new(0),
            effects: RefCell::default(),
            view,
        }
    }

    /// The shard.
    pub fn shard(&self) -> ShardId {
        self.shard
    }

    /// The address of the actor that is running.
    ///
    /// # Panics
    /// If none is: a bug of the caller.
    #[track_caller]
    pub fn own_id(&self) -> ActorId {
        self.running.get().expect("no actor is running")
    }

    /// Sends a message. Nobody handles it before the actor returns.
    ///
    /// # Errors
    /// Why it was not accepted.
    pub fn send(&self, to: ActorId, payload: impl Into<Payload>) -> Result<(), SendError> {
        let payload = payload.into();
        if payload.is_on_heap() {
            self.view.send(self.envelope(to), payload)?;
            self.led_on.set(true);
            Ok(())
        } else {
            self.send_bytes(to, &payload)
        }
    }

    /// As [`send`](Self::send), with bytes that are copied once, to where the
    /// message waits.
    ///
    /// # Errors
    /// Why it was not accepted.
    #[inline]
    pub fn send_bytes(&self, to: ActorId, bytes: &[u8]) -> Result<(), SendError> {
        // A message sent because of a measured one is measured on from there.
        self.view.send_bytes(to, self.running.get(), self.sent_at_ns.get(), bytes)?;
        self.led_on.set(true);
        Ok(())
    }

    fn envelope(&self, to: ActorId) -> Envelope {
        Envelope {
            to,
            from: self.running.get(),
            request: None,
            sent_at_ns: self.sent_at_ns.get(),
            expires_at_ns: 0,
        }
    }

    /// Stops the actor after this message.
    pub fn exit(&self, reason: ExitReason) {
        self.record(Effect::Exit(reason));
    }

    /// Who is registered under this name.
    pub fn lookup(&self, name: &str) -> Option<ActorId> {
        self.view.lookup(name)
    }

    /// The time in ns on the runtime's clock.
    pub fn now_ns(&self) -> u64 {
        self.view.now_ns()
    }

    pub(super) fn record(&self, effect: Effect) {
        self.effects.borrow_mut().push(effect);
        self.has_effects.set(true);
    }

    /// A number that nothing else on this shard has.
    pub(super) fn next_number(&self) -> u64 {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }

    /// For the shard: this actor runs from here on, because of a message that was
    /// sent at that time (0 if nobody measures it).
    #[inline(always)]
    pub fn enter(&self, actor: ActorId, sent_at_ns: u64) {
        self.running.set(Some(actor));
        self.sent_at_ns.set(sent_at_ns);
        self.led_on.set(false);
    }

    /// For the shard: no actor runs from here on.
    #[inline(always)]
    pub fn leave(&self) {
        self.running.set(None);
        self.sent_at_ns.set(0);
    }

    /// For the shard: has the actor that entered last sent anything?
    pub fn has_led_on(&self) -> bool {
        self.led_on.get()
    }

    /// For the shard: has anything been recorded?
    #[inline(always)]
    pub fn has_effects(&self) -> bool {
        self.has_effects.get()
    }

    /// For the shard: swaps what was recorded for an empty list.
    pub fn take_effects(&self, into: &mut Vec<Effect>) {
        debug_assert!(into.is_empty());
        std::mem::swap(&mut *self.effects.borrow_mut(), into);
        self.has_effects.set(false);
    }
}
