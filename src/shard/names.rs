//! Names, on one shard: carries out what the registry decides.

use std::sync::Arc;

use crate::actor::{ActorId, NameTaken, Notice, ShardId};
use crate::control::placement::home_of;
use crate::control::registry::{Claim, Command};
use crate::sync::mutant;

use super::Shard;
use super::signal::Signal;

impl Shard {
    /// An actor of this shard wants a name.
    pub(super) fn claim_name(&mut self, name: &Arc<str>, claim: Claim) {
        let home = home_of(name, self.shards);
        if home == self.id {
            // At once, as it is released at once: the one cannot overtake the other.
            self.on_claim(name.clone(), claim);
        } else {
            self.signal(home, Signal::Claim(name.clone(), claim));
        }
    }

    /// An actor of this shard is done with a name: found no longer here at once, and
    /// elsewhere when the home has said so.
    pub(super) fn release_name(&mut self, name: &Arc<str>, claim: Claim) {
        self.local.unbind(name, claim.actor);
        let home = home_of(name, self.shards);
        if home == self.id {
            self.on_release(name, claim);
        } else {
            self.signal(home, Signal::Release(name.clone(), claim));
        }
    }

    /// An incarnation has ended, and with it what it has taken itself.
    pub(super) fn release_held(&mut self, actor: ActorId) {
        if self.local.holdings.borrow().is_empty() {
            return;
        }
        let names = self.local.holdings.borrow_mut().let_all_go(actor);
        for (name, claim) in names {
            self.release_name(&name, claim);
        }
    }

    /// An actor that is gone for good has the name no longer that it was started with.
    pub(super) fn release_start(&mut self, name: &Arc<str>, actor: ActorId) {
        self.local.holdings.borrow_mut().leave_start(actor);
        self.release_name(name, Claim::at_start(actor));
    }

    fn on_claim(&mut self, name: Arc<str>, claim: Claim) {
        let mut commands = Vec::new();
        if mutant!("names.grant_before_bound") {
            commands.push(Command::Answer(name.clone(), claim, Ok(())));
        }
        self.home.claim(name, claim, &mut commands);
        self.carry_out_naming(commands);
    }

    fn on_bind(&mut self, home: ShardId, name: Arc<str>, claim: Claim) {
        self.local.bind(name.clone(), claim.actor);
        self.signal(home, Signal::Bound(name, claim));
    }

    fn on_bound(&mut self, name: Arc<str>, claim: Claim) {
        let mut commands = Vec::new();
        self.home.bound(name, claim, &mut commands);
        self.carry_out_naming(commands);
    }

    fn on_release(&mut self, name: &str, claim: Claim) {
        let mut commands = Vec::new();
        self.home.release(name, claim, &mut commands);
        self.carry_out_naming(commands);
    }

    fn on_unbind(&mut self, home: ShardId, name: &str, claim: Claim) {
        self.local.unbind(name, claim.actor);
        self.signal(home, Signal::Unbound(claim));
    }

    fn on_unbound(&mut self, claim: Claim) {
        let mut commands = Vec::new();
        self.home.unbound(claim, &mut commands);
        self.carry_out_naming(commands);
    }

    /// The name is this actor's, or it is not.
    fn on_granted(&mut self, name: Arc<str>, claim: Claim, outcome: Result<(), NameTaken>) {
        let actor = claim.actor;
        if claim.is_at_start() {
            return self.on_named(actor, outcome);
        }
        let is_wanted = match outcome {
            Ok(()) => self.local.holdings.borrow().is_wanted(&name, claim),
            Err(_) => self.local.holdings.borrow_mut().refused(&name, claim),
        };
        // What it has given up meanwhile is on its way back.
        if is_wanted {
            self.tell_notice(actor, Notice::Registered { name, outcome });
        }
    }

    fn carry_out_naming(&mut self, commands: Vec<Command>) {
        for command in commands {
            match command {
                Command::Bind(name, claim) => {
                    self.local.bind(name.clone(), claim.actor);
                    self.signal_others(|| Signal::Bind(name.clone(), claim));
                }
                Command::Answer(name, claim, answer) => {
                    if answer.is_ok() && !mutant!("names.answer_unpublished") {
                        // Outside threads find it before anyone is told of it.
                        let names = self.directory.get().update(name.clone(), claim.actor);
                        self.directory.publish(names);
                    }
                    self.signal(claim.actor.shard(), Signal::Granted(name, claim, answer));
                }
                Command::Unbind(name, claim) => {
                    self.local.unbind(&name, claim.actor);
                    if self.directory.get().contains_key(&name) {
                        let names = self.directory.get().without(&name);
                        self.directory.publish(names);
                    }
                    self.signal_others(|| Signal::Unbind(name.clone(), claim));
                }
                Command::Released(actor) => self.signal(actor.shard(), Signal::Released(actor)),
            }
        }
    }

    pub(super) fn signal_others(&mut self, signal: impl Fn() -> Signal) {
        for shard in (0..self.shards).map(|index| ShardId(index as u16)) {
            if shard != self.id {
                self.signal(shard, signal());
            }
        }
    }

    /// Sends a signal: to another shard through its ring, to itself at the end of
    /// this turn's queue.
    pub(super) fn signal(&mut self, to: ShardId, signal: Signal) {
        if to == self.id {
            self.signals.push_back((to, signal));
        } else {
            self.local.post.borrow_mut().outlets.send_signal(to, signal);
        }
    }

    /// Acts on the signals that have come. Was there any?
    pub(super) fn carry_signals(&mut self) -> bool {
        let mut any = false;
        while let Some((from, signal)) = self.signals.pop_front() {
            any = true;
            match signal {
                Signal::Claim(name, claim) => self.on_claim(name, claim),
                Signal::Bind(name, claim) => self.on_bind(from, name, claim),
                Signal::Bound(name, claim) => self.on_bound(name, claim),
                Signal::Granted(name, claim, answer) => self.on_granted(name, claim, answer),
                Signal::Release(name, claim) => self.on_release(&name, claim),
                Signal::Unbind(name, claim) => self.on_unbind(from, &name, claim),
                Signal::Unbound(claim) => self.on_unbound(claim),
                Signal::Interest(change) => self.on_interest(from, &change),
                Signal::Membership(change) => self.on_membership(&change),
                Signal::Pressure(pressure) => self.local.post.borrow_mut().on_pressure(pressure),
                Signal::Hear(number) => self.signal(from, Signal::Heard(number)),
                Signal::Heard(number) => self.on_heard(number),
                Signal::StartChild(newcomer) => self.spawn(newcomer),
                Signal::ChildStarted(child, outcome) => self.on_child_started(child, outcome),
                Signal::StartSupervisor(child, tree) => self.start_supervisor(tree, Some(child), None),
                Signal::ChildRestarted(child, outcome) => self.on_child_restarted(child, outcome),
                Signal::ChildExited(child, reason) => self.on_child_exited(child, reason),
                Signal::ChildHealth(child, health) => self.on_child_health(child, health),
                Signal::Restart(at) => self.restart(at),
                Signal::Stop(at, stop) => self.stop_child(at, stop),
                Signal::Remove(at, dead, above) => self.remove_child(at, dead, above),
                Signal::ChildGone(supervisor) => self.on_child_gone(supervisor),
                Signal::Released(actor) => self.on_released(actor),
                Signal::Relation(signal) => self.on_relation(*signal),
                Signal::AnswerIfGone(at, asker) => self.answer_if_gone(at, asker),
            }
        }
        any
    }
}
