//! What is to be sent later, once or again and again.

use crate::actor::{ActorId, DeadReason, Envelope, Payload, SendError, TimerId};

use super::lives::LifeId;
use super::local::Local;
use super::timer_wheel::TimerKey;
use super::{Alarm, Shard};

/// One of them.
pub(super) struct Later {
    /// Who set it; nobody, if it was set from outside.
    owner: Option<(ActorId, LifeId)>,
    to: ActorId,
    payload: Payload,
    due_at_ns: u64,
    /// 0 if it is to be sent once.
    period_ns: u64,
    alarm: TimerKey,
}

impl Local {
    /// Sends in `delay_ns`, and again every `period_ns` if that is not 0.
    pub(super) fn send_later(
        &self,
        owner: Option<ActorId>,
        delay_ns: u64,
        period_ns: u64,
        to: ActorId,
        payload: Payload,
    ) -> Result<TimerId, SendError> {
        self.post.borrow().may_carry(to, payload.len())?;
        let life = match owner {
            Some(owner) => Some((owner, self.lives.borrow_mut().begin_timer(owner)?)),
            None => None,
        };
        let due_at_ns = self.clock.now_ns().saturating_add(delay_ns);
        let payload = if period_ns == 0 { payload } else { payload.into_shared() };
        let mut laters = self.laters.borrow_mut();
        let Some(timer) = laters.next_key() else {
            if let Some((_, life)) = life {
                self.lives.borrow_mut().end_timer(life);
            }
            return Err(SendError::Closed);
        };
        let alarm = self.wheel.borrow_mut().insert(due_at_ns, Alarm::Send(timer));
        laters.insert(Later { owner: life, to, payload, due_at_ns, period_ns, alarm });
        Ok(timer)
    }

    /// Sends no more. Was something still to be sent? An actor stops its own, a host
    /// those of hosts.
    pub(super) fn cancel_timer(&self, owner: Option<ActorId>, timer: TimerId) -> bool {
        if timer.shard() != self.shard {
            return false;
        }
        let mut laters = self.laters.borrow_mut();
        let Some(later) = laters.get(timer) else { return false };
        let is_own = match later.owner {
            None => owner.is_none(),
            Some((own, life)) => owner == Some(own) && self.lives.borrow().is_present(life),
        };
        if is_own && let Some(later) = laters.remove(timer) {
            self.wheel.borrow_mut().cancel(later.alarm);
            if let Some((_, life)) = later.owner {
                self.lives.borrow_mut().end_timer(life);
            }
        }
        is_own
    }
}

impl Shard {
    /// What is due is sent, as a plain message.
    pub(super) fn send_now(&mut self, timer: TimerId) {
        let local = &*self.local;
        let mut laters = local.laters.borrow_mut();
        let Some(later) = laters.get_mut(timer) else { return };
        let owner = later.owner;
        let is_orphan = owner.is_some_and(|(_, life)| !local.lives.borrow().is_present(life));
        if is_orphan {
            laters.remove(timer);
            return;
        }
        let to = later.to;
        let envelope = Envelope {
            to,
            from: owner.map(|(owner, _)| owner),
            request: None,
            sent_at_ns: 0,
            expires_at_ns: 0,
        };
        // How many times on its schedule were missed; none if it is sent once.
        let missed = self.now_ns.saturating_sub(later.due_at_ns).checked_div(later.period_ns);
        let payload = if let Some(missed) = missed {
            // The next time that is still to come.
            later.due_at_ns = later.due_at_ns.saturating_add((missed + 1).saturating_mul(later.period_ns));
            later.alarm = local.wheel.borrow_mut().insert(later.due_at_ns, Alarm::Send(timer));
            later.payload.clone()
        } else {
            let later = laters.remove(timer).expect("it was just there");
            if let Some((_, life)) = owner {
                local.lives.borrow_mut().end_timer(life);
            }
            later.payload
        };
        drop(laters);
        let sent = local.post.borrow_mut().send_or_lose(envelope, payload);
        if sent == Err(DeadReason::NoSuchActor) {
            // Nobody will ever be there again.
            local.cancel_timer(owner.map(|(owner, _)| owner), timer);
        }
    }
}
