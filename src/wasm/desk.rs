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

/// One call of the guest. Each is a pointer at most, so that handing it over is cheap.
pub(super) enum Command {
    Start(Box<Incarnation>),
    Handle(Box<Message>),
    Notice(Box<Notice>),
    Check,
    Stop(Box<(StopReason, Option<Duration>)>),
}

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Progress {
    /// It is not over.
    #[default]
    Waits,
    /// Its message is handled, and there is nothing more to say.
    Handled,
    /// It is over, and what came of it lies on the desk.
    Done,
}

/// What came of a call.
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
    command: Cell<Option<Command>>,
    /// The usual outcome is told by this alone: a whole one is so large that to move it
    /// costs as much as to switch stacks.
    progress: Cell<Progress>,
    done: RefCell<Option<Done>>,
    /// For the copy of the next message.
    pub(super) hand: Cell<Option<Box<Message>>>,
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
    /// This call is to be made.
    #[inline]
    pub(super) fn begin(&self, command: Command, may_wait: bool) {
        self.may_wait.set(may_wait);
        self.progress.set(Progress::Waits);
        self.command.set(Some(command));
    }

    /// The next call to make.
    #[inline]
    pub(super) async fn next_command(&self) -> Command {
        std::future::poll_fn(|_| self.command.take().map_or(Poll::Pending, Poll::Ready)).await
    }

    /// How far the call is.
    #[inline]
    pub(super) fn progress(&self) -> Progress {
        self.progress.get()
    }

    /// The message is handled, and there is nothing more to say.
    #[inline]
    pub(super) fn handled(&self) {
        self.may_wait.set(false);
        self.progress.set(Progress::Handled);
    }

    /// The call is over.
    pub(super) fn done(&self, done: Done) {
        self.may_wait.set(false);
        *self.done.borrow_mut() = Some(done);
        self.progress.set(Progress::Done);
    }

    /// What came of the call that is over.
    pub(super) fn take_done(&self) -> Option<Done> {
        self.done.take()
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
