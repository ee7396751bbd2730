//! Names, on one shard: carries out what the registry decides.

use std::sync::Arc;

use crate::actor::{ActorId, ShardId};
use crate::control::placement::home_of;
use crate::control::registry::Command;
use crate::sync::mutant;

use super::Shard;
use super::signal::Signal;

impl Shard {
    pub(super) fn claim_name(&mut self, name: &Arc<str>, actor: ActorId) {
        self.signal(home_of(name, self.shards), Signal::Claim(name.clone(), actor));
    }

    /// Before anyone is told of the actor's end: here at once, elsewhere when the home
    /// has said so.
    pub(super) fn release_name(&mut self, name: &Arc<str>, actor: ActorId) {
        self.local.unbind(name, actor);
        let home = home_of(name, self.shards);
        if home == self.id {
            self.on_release(name, actor);
        } else {
            self.signal(home, Signal::Release(name.clone(), actor));
        }
    }

    pub(super) fn on_claim(&mut self, name: Arc<str>, actor: ActorId) {
        let mut commands = Vec::new();
        if mutant!("names.grant_before_bound") {
            commands.push(Command::Answer(name.clone(), actor, Ok(())));
        }
        self.home.claim(name, actor, &mut commands);
        self.carry_out_naming(commands);
    }

    pub(super) fn on_bind(&mut self, home: ShardId, name: Arc<str>, actor: ActorId) {
        self.local.bind(name.clone(), actor);
        self.signal(home, Signal::Bound(name, actor));
    }

    pub(super) fn on_bound(&mut self, name: Arc<str>, actor: ActorId) {
        let mut commands = Vec::new();
        self.home.bound(name, actor, &mut commands);
        self.carry_out_naming(commands);
    }

    pub(super) fn on_release(&mut self, name: &str, actor: ActorId) {
        let mut commands = Vec::new();
        self.home.release(name, actor, &mut commands);
        self.carry_out_naming(commands);
    }

    pub(super) fn on_unbind(&mut self, home: ShardId, name: &str, actor: ActorId) {
        self.local.unbind(name, actor);
        self.signal(home, Signal::Unbound(actor));
    }

    pub(super) fn on_unbound(&mut self, actor: ActorId) {
        let mut commands = Vec::new();
        self.home.unbound(actor, &mut commands);
        self.carry_out_naming(commands);
    }

    fn carry_out_naming(&mut self, commands: Vec<Command>) {
        for command in commands {
            match command {
                Command::Bind(name, actor) => {
                    self.local.bind(name.clone(), actor);
                    self.signal_others(|| Signal::Bind(name.clone(), actor));
                }
                Command::Answer(name, actor, answer) => {
                    if answer.is_ok() && !mutant!("names.answer_unpublished") {
                        // Outside threads find it before anyone is told of it.
                        let names = self.directory.get().update(name, actor);
                        self.directory.publish(names);
                    }
                    self.signal(actor.shard(), Signal::Granted(actor, answer));
                }
                Command::Unbind(name, actor) => {
                    self.local.unbind(&name, actor);
                    if self.directory.get().contains_key(&name) {
                        let names = self.directory.get().without(&name);
                        self.directory.publish(names);
                    }
                    self.signal_others(|| Signal::Unbind(name.clone(), actor));
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
                Signal::Claim(name, actor) => self.on_claim(name, actor),
                Signal::Bind(name, actor) => self.on_bind(from, name, actor),
                Signal::Bound(name, actor) => self.on_bound(name, actor),
                Signal::Granted(actor, answer) => self.on_granted(actor, answer),
                Signal::Release(name, actor) => self.on_release(&name, actor),
                Signal::Unbind(name, actor) => self.on_unbind(from, &name, actor),
                Signal::Unbound(actor) => self.on_unbound(actor),
                Signal::Interest(change) => self.on_interest(from, &change),
                Signal::Membership(change) => self.on_membership(&change),
                Signal::Pressure(pressure) => self.local.post.borrow_mut().on_pressure(pressure),
                Signal::Hear(number) => self.signal(from, Signal::Heard(number)),
                Signal::Heard(number) => self.on_heard(number),
                Signal::StartChild(child, spec) => self.spawn(*spec, Some(child), None),
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
