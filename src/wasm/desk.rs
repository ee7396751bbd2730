//! Where a suspendable actor and the future that holds its instance meet.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::thread_bound::ThreadBound;
use crate::actor::{
    Account, Awaited, ExitReason, Health, Incarnation, Message, Notice, Outcome, Payload, RequestError,
    StartError, StopReason,
};

/// One call of the guest.
pub(super) enum Command {
    Start(Incarnation),
    Handle(Box<Message>),
    Notice(Notice),
    Check,
    Stop(StopReason, Option<Duration>),
}

/// What came of it.
pub(super) enum Done {
    Started(Result<(), StartError>),
    Handled(Outcome),
    Checked(Health),
    Stopped,
    /// The call ended the actor.
    Exited(ExitReason),
}

type Reply = Result<Payload, RequestError>;

/// Passes commands in and outcomes out. Both sides are on one thread, and take turns.
#[derive(Default)]
pub(super) struct Desk {
    pub(super) command: RefCell<Option<Command>>,
    pub(super) done: RefCell<Option<Done>>,
    /// What the guest waits for, if it waits for more than its turn.
    pub(super) asked: Cell<Option<Awaited>>,
    /// The outcome of its request.
    pub(super) reply: RefCell<Option<Reply>>,
    /// What it has used, up to its last call.
    pub(super) account: Cell<Account>,
    /// Is it in a call in which it may wait for others?
    pub(super) may_wait: Cell<bool>,
}

impl Desk {
    /// The next call to make.
    pub(super) fn next_command(self: Rc<Self>) -> impl Future<Output = Command> {
        std::future::poll_fn(move |_| match self.command.take() {
            Some(command) => Poll::Ready(command),
            None => Poll::Pending,
        })
    }
}

/// The outcome of the request that the guest waits for.
pub(super) struct ReplyHere(pub(super) ThreadBound<Rc<Desk>>);

impl Future for ReplyHere {
    type Output = Reply;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Reply> {
        match self.0.get().reply.take() {
            Some(reply) => Poll::Ready(reply),
            None => Poll::Pending,
        }
    }
}

/// Lets the neighbours have a turn.
pub(super) async fn give_way() {
    let mut has_waited = false;
    std::future::poll_fn(|_| match std::mem::replace(&mut has_waited, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}
