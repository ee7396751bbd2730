//! Actors that take many plain messages at once.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::actor::{ActorId, Batch, BatchOutcome, Child, Context, ExitReason, Frames, Message};

use super::Shard;
use super::post::Post;
use super::turn::{Ran, panic_text};

/// What an actor is given at once.
enum Many<'a> {
    Letters(&'a mut [Box<Message>]),
    Run(&'a mut Frames),
}

impl Many<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Letters(letters) => letters.len(),
            Self::Run(frames) => frames.len(),
        }
    }

    /// When the first of them was sent, if somebody measures it.
    fn sent_at_ns(&self) -> u64 {
        match self {
            Self::Letters(letters) => letters[0].sent_at_ns,
            Self::Run(_) => 0,
        }
    }

    fn give_to(&self, child: &mut dyn Child, context: &Context) -> BatchOutcome {
        match self {
            Self::Letters(letters) => child.handle_batch(context, Batch::new(letters)),
            Self::Run(frames) => child.handle_frames(context, frames),
        }
    }

    /// All but the first so many wait again.
    fn put_back(&mut self, settled: usize, actor: ActorId, post: &mut Post) {
        match self {
            Self::Letters(letters) => post.put_back(actor, &mut letters[settled..]),
            Self::Run(frames) => {
                frames.skip(settled);
                post.put_back_run(actor, frames);
            }
        }
    }
}

impl Shard {
    /// Lets an actor handle messages, as many at once as there are hands.
    pub(super) fn run_in_batches(
        &mut self,
        actor: ActorId,
        child: &mut dyn Child,
        slice: usize,
        hands: &mut [Box<Message>],
    ) -> (usize, Ran) {
        let mut taken = 0;
        let mut handled = 0;
        let mut ran = Ran::On;
        // Taken out for the while, as the hands are.
        let mut run = self.run_in_hand.take().unwrap_or_default();
        while taken < slice && matches!(ran, Ran::On) {
            if self.local.post.borrow_mut().take_run(actor, &mut run) {
                taken += run.len();
                ran = self.handle_many(actor, child, Many::Run(&mut run), &mut handled);
                run.clear();
                continue;
            }
            let plain = self.local.post.borrow_mut().pop_plain(actor, hands);
            if plain > 1 {
                ran = self.handle_many(actor, child, Many::Letters(&mut hands[..plain]), &mut handled);
                taken += plain;
            } else if plain == 1 || self.pop_ready(actor, &mut hands[0]) {
                self.handle(actor, child, &mut hands[0], &mut handled, &mut ran);
                taken += 1;
            } else {
                break;
            }
            for hand in &mut hands[..plain.max(1)] {
                hand.release_heap();
            }
        }
        self.run_in_hand = Some(run);
        self.count_handled(&mut handled);
        (taken, ran)
    }

    /// Lets an actor handle many plain messages in one call.
    fn handle_many(
        &mut self,
        actor: ActorId,
        child: &mut dyn Child,
        mut many: Many<'_>,
        handled: &mut u64,
    ) -> Ran {
        let context = &*self.context;
        context.enter(actor, many.sent_at_ns());
        let caught = catch_unwind(AssertUnwindSafe(|| many.give_to(child, context)));
        context.leave();
        let mut outcome = caught.unwrap_or_else(|panic| BatchOutcome {
            exited: Some(ExitReason::Panic(panic_text(&*panic))),
            ..BatchOutcome::default()
        });
        let led_on = context.has_led_on();
        let asked_to_exit = self.apply_effects();
        // An actor that says it has ended has ended on something.
        let most = many.len() - usize::from(outcome.exited.is_some());
        outcome.handled = outcome.handled.min(most);
        *handled += outcome.handled as u64;
        self.counters.answered_with_failure.add(outcome.failures as u64);
        if !led_on {
            self.measure_all(&many, outcome.handled);
        }
        if let Some(reason) = outcome.exited {
            self.count_handled(handled);
            self.counters.failed.add(1);
            many.put_back(outcome.handled + 1, actor, &mut self.local.post.borrow_mut());
            return Ran::Exited(reason);
        }
        let Some(reason) = asked_to_exit else {
            debug_assert_eq!(outcome.handled, many.len());
            return Ran::On;
        };
        many.put_back(outcome.handled, actor, &mut self.local.post.borrow_mut());
        self.count_handled(handled);
        self.leave(actor, child, reason)
    }

    /// Records how long the first so many took, if anybody measures them.
    fn measure_all(&mut self, many: &Many<'_>, handled: usize) {
        let Many::Letters(letters) = many else { return };
        if letters[0].sent_at_ns == 0 {
            return;
        }
        let now_ns = self.clock.now_ns();
        for letter in &letters[..handled] {
            self.latency.record_ns(now_ns.saturating_sub(letter.sent_at_ns));
        }
    }
}
