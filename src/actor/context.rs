//! What an actor sees of its shard.

use std::cell::{Cell, RefCell};

use super::{ActorId, Effect, ExitReason, Message, Payload, SendError, ShardId};

/// The questions that an actor may ask its shard while it runs. None of them
/// changes anything but the room that an admitted message takes.
pub trait View {
    /// Makes room for a message of `bytes` bytes.
    ///
    /// # Errors
    /// Why there is none. Then the message was not accepted.
    fn admit(&self, to: ActorId, bytes: usize) -> Result<(), SendError>;

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
            effects: RefCell::new(Vec::with_capacity(64)),
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

    /// Sends a message: it leaves when the actor returns.
    ///
    /// # Errors
    /// Why it was not accepted.
    pub fn send(&self, to: ActorId, payload: impl Into<Payload>) -> Result<(), SendError> {
        let payload = payload.into();
        self.admit(to, payload.len())?;
        self.send_admitted(to, payload);
        Ok(())
    }

    /// The first half of [`send`](Self::send): makes room. To be followed by
    /// [`send_admitted`](Self::send_admitted), before anything else.
    ///
    /// # Errors
    /// Why there is none.
    pub fn admit(&self, to: ActorId, bytes: usize) -> Result<(), SendError> {
        self.view.admit(to, bytes)
    }

    /// The second half of [`send`](Self::send).
    pub fn send_admitted(&self, to: ActorId, payload: Payload) {
        self.effects.borrow_mut().push(Effect::Send(Message {
            to: Some(to),
            from: self.running.get(),
            request: None,
            // A message sent because of a measured one is measured on from there.
            sent_at_ns: self.sent_at_ns.get(),
            expires_at_ns: 0,
            payload,
        }));
    }

    /// Stops the actor after this message.
    pub fn exit(&self, reason: ExitReason) {
        self.effects.borrow_mut().push(Effect::Exit(reason));
    }

    /// Who is registered under this name.
    pub fn lookup(&self, name: &str) -> Option<ActorId> {
        self.view.lookup(name)
    }

    /// The time in ns on the runtime's clock.
    pub fn now_ns(&self) -> u64 {
        self.view.now_ns()
    }

    /// For the shard: this actor runs from here on, because of a message that was
    /// sent at that time (0 if nobody measures it).
    pub fn enter(&self, actor: ActorId, sent_at_ns: u64) {
        self.running.set(Some(actor));
        self.sent_at_ns.set(sent_at_ns);
    }

    /// For the shard: no actor runs from here on.
    pub fn leave(&self) {
        self.running.set(None);
        self.sent_at_ns.set(0);
    }

    /// For the shard: has anything been recorded?
    pub fn has_effects(&self) -> bool {
        !self.effects.borrow().is_empty()
    }

    /// For the shard: swaps what was recorded for an empty list.
    pub fn take_effects(&self, into: &mut Vec<Effect>) {
        debug_assert!(into.is_empty());
        std::mem::swap(&mut *self.effects.borrow_mut(), into);
    }
}
