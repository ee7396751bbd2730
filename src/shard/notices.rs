//! What actors hear besides messages, and those that wait in the middle of one.
//!
//! A notice overtakes all messages. To an actor that is suspended it waits, but for
//! the outcome that the actor is suspended for: that lets it go on.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::actor::{
    ActorId, Awaited, Child, ExitReason, Message, Notice, Outcome, RequestError, RequestId, Resume,
};

use super::Shard;
use super::hooks::Leave;
use super::lives::LifeId;
use super::mailbox::Hold;
use super::turn::{Ran, panic_text};

/// An actor in the middle of a message, or of a notice.
pub(super) struct Suspension {
    awaited: Awaited,
    message: Option<Box<Message>>,
    /// The request that is being handled, unless its reply was taken over.
    request: Option<RequestId>,
    /// Has it asked to stop?
    exit: Option<ExitReason>,
    /// What came meanwhile.
    held: Vec<(LifeId, Notice)>,
}

impl Shard {
    /// Lets actors hear what there is for them, and those go on that waited for their
    /// turn. How many were called?
    pub(super) fn run_notices(&mut self, most: usize) -> usize {
        let mut called = 0;
        while called < most {
            let next = self.local.notices.borrow_mut().pop_front();
            let Some((actor, life, notice)) = next else { break };
            called += 1;
            self.notify(actor, life, notice);
        }
        called
    }

    pub(super) fn has_notices(&self) -> bool {
        !self.local.notices.borrow().is_empty() || !self.turns_awaited.is_empty()
    }

    /// Lets those go on that have used up their slice in the turn before.
    pub(super) fn resume_turns(&mut self) -> usize {
        let waiting = self.turns_awaited.len();
        for _ in 0..waiting {
            let Some((actor, life)) = self.turns_awaited.pop_front() else { break };
            if self.local.lives.borrow().is_present(life) {
                self.resume(actor, Resume::Turn);
            }
        }
        waiting
    }

    fn notify(&mut self, actor: ActorId, life: LifeId, notice: Notice) {
        if !self.local.lives.borrow().is_present(life) {
            // It has ended since.
            return;
        }
        if let Some(suspension) = self.suspension(actor) {
            match notice {
                Notice::Reply { request, outcome } if suspension.awaited == Awaited::Reply(request) => {
                    self.resume(actor, Resume::Reply(outcome));
                }
                notice => suspension.held.push((life, notice)),
            }
            return;
        }
        self.run_with(actor, None, |child, context| child.notice(context, notice));
    }

    /// An actor waits in the middle of something.
    pub(super) fn suspend(
        &mut self,
        actor: ActorId,
        awaited: Awaited,
        message: Option<Box<Message>>,
        request: Option<RequestId>,
        exit: Option<ExitReason>,
    ) {
        let life = self.local.lives.borrow_mut().of(actor);
        match awaited {
            Awaited::Turn => self.turns_awaited.push_back((actor, life)),
            Awaited::Reply(awaited) => {
                let is_announced = |notice: &(ActorId, LifeId, Notice)| matches!(&notice.2, Notice::Reply { request, .. } if *request == awaited);
                let local = &*self.local;
                if !local.requests.borrow().is_pending(awaited)
                    && !local.notices.borrow().iter().any(is_announced)
                {
                    // It never comes: there is no such request.
                    let outcome = Err(RequestError::Closed);
                    let notice = Notice::Reply { request: awaited, outcome };
                    local.notices.borrow_mut().push_back((actor, life, notice));
                }
            }
        }
        self.suspended_messages += usize::from(message.is_some());
        let slot = actor.slot() as usize;
        if self.suspensions.len() <= slot {
            self.suspensions.resize_with(slot + 1, || None);
        }
        self.suspensions[slot] =
            Some(Box::new(Suspension { awaited, message, request, exit, held: Vec::new() }));
        self.local.post.borrow_mut().hold(actor, Hold::Suspended);
    }

    /// Is it in the middle of a message?
    pub(super) fn is_suspended(&self, actor: ActorId) -> bool {
        self.suspensions.get(actor.slot() as usize).is_some_and(Option::is_some)
    }

    fn suspension(&mut self, actor: ActorId) -> Option<&mut Suspension> {
        self.suspensions.get_mut(actor.slot() as usize)?.as_deref_mut()
    }

    fn take_suspension(&mut self, actor: ActorId) -> Option<Box<Suspension>> {
        let suspension = self.suspensions.get_mut(actor.slot() as usize)?.take()?;
        self.suspended_messages -= usize::from(suspension.message.is_some());
        self.local.post.borrow_mut().release(actor, Hold::Suspended);
        Some(suspension)
    }

    fn resume(&mut self, actor: ActorId, resume: Resume) {
        let Some(suspension) = self.take_suspension(actor) else { return };
        let Suspension { message, request, held, exit, .. } = *suspension;
        if let Some(reason) = exit {
            self.context.exit(reason);
        }
        self.run_with(actor, Some((message, request)), |child, context| child.resume(context, resume));
        // In front of what has come since.
        match self.suspension(actor) {
            Some(again) => again.held.splice(0..0, held).for_each(drop),
            None => {
                let mut notices = self.local.notices.borrow_mut();
                for (life, notice) in held.into_iter().rev() {
                    notices.push_front((actor, life, notice));
                }
            }
        }
    }

    /// Calls an actor beside its mailbox, in the middle of a message or not.
    fn run_with(
        &mut self,
        actor: ActorId,
        within: Option<(Option<Box<Message>>, Option<RequestId>)>,
        call: impl FnOnce(&mut dyn Child, &crate::actor::Context) -> Outcome,
    ) {
        let (mut message, request) = within.unwrap_or_default();
        let child = self.actors.get_mut(actor).and_then(|slot| slot.child.take());
        let Some(mut child) = child else { return };
        let context = &*self.context;
        match &message {
            Some(message) => context.enter_with(actor, message, request),
            None => context.enter(actor, 0),
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| call(&mut *child, context)))
            .unwrap_or_else(|panic| Outcome::Exited(ExitReason::Panic(panic_text(&*panic))));
        let request = context.leave_with();
        let mut handled = 0;
        let ran = self.settle(actor, &mut *child, message.as_mut(), request, outcome, &mut handled);
        self.count_handled(&mut handled);
        self.put_back(actor, child, ran);
    }

    /// An incarnation has ended, and with it all that was its own.
    pub(super) fn incarnation_ended(&mut self, actor: ActorId, reason: &ExitReason) {
        self.local.lives.borrow_mut().end(actor);
        self.local.fail_owed(actor, reason);
        if let Some(suspension) = self.take_suspension(actor) {
            self.count_accepted();
            self.counters.failed.add(u64::from(suspension.message.is_some()));
            if let Some(request) = suspension.request {
                self.answer(request, Err(RequestError::CalleeExited(reason.clone())));
            }
        }
        self.local.forget_watches(actor);
        self.release_held(actor);
        self.leave_topics(actor, false);
    }

    /// An actor is gone for good, and with it all that its address had.
    pub(super) fn forget(&mut self, actor: ActorId) {
        self.incarnation_ended(actor, &ExitReason::Killed);
        self.leave_topics(actor, true);
    }

    /// What became of a call, for who called it.
    pub(super) fn put_back(&mut self, actor: ActorId, child: Box<dyn Child>, ran: Ran) {
        match ran {
            Ran::On | Ran::Suspended => {
                let slot = self.actors.get_mut(actor).expect("nobody removes an actor that runs");
                slot.child = Some(child);
                self.local.post.borrow_mut().make_ready(actor);
            }
            Ran::Leaving(reason) => {
                let slot = self.actors.get_mut(actor).expect("nobody removes an actor that runs");
                slot.child = Some(child);
                self.begin_leave(actor, Leave::Itself(reason));
            }
            Ran::Exited(reason) => {
                self.local.post.borrow_mut().set_up(actor, false);
                self.end(actor, child, reason);
            }
        }
    }
}
