//! A world without shards: supervisors are machines, workers are entries in a
//! table, and time moves when it is told to, or when nothing else can happen.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::super::*;
use super::stage::{NotStarted, Script, Stage, Start, TestChild, Worker};
use crate::actor::{ActorId, Key, ShardId};
use crate::control::child_spec::{ChildAddress, Shutdown, SupervisorId};

type Owner = (SupervisorId, ChildNumber);

struct Cell {
    machine: Option<Supervisor<Script>>,
    owner: Option<Owner>,
    spec: SupervisorSpec,
    children: Vec<TestChild>,
    booted: bool,
}

struct Entry {
    id: String,
    owner: Owner,
    worker: Worker,
    incarnation: u32,
    alive: bool,
    reason: Option<ExitReason>,
}

enum Job {
    Started(Owner, Result<Option<ChildAddress>, ExitReason>),
    Exited(Owner, ExitReason),
    Woke(Owner, u64),
    /// A worker that was told to stop has taken its time.
    Stopped(ActorId, u32, ExitReason),
}

pub(super) struct Pure {
    now_ns: u64,
    keys: u32,
    supervisors: HashMap<SupervisorId, Cell>,
    workers: HashMap<ActorId, Entry>,
    names: HashMap<&'static str, ActorId>,
    exits: HashMap<SupervisorId, ExitReason>,
    jobs: VecDeque<Job>,
    timers: BTreeMap<(u64, u64), Job>,
    turns: u64,
    tickets: Ticket,
    answers: HashMap<Ticket, Answer>,
    trace: Vec<String>,
}

impl Pure {
    pub(super) fn new() -> Self {
        Self {
            now_ns: 1_000_000_000,
            keys: 0,
            supervisors: HashMap::new(),
            workers: HashMap::new(),
            names: HashMap::new(),
            exits: HashMap::new(),
            jobs: VecDeque::new(),
            timers: BTreeMap::new(),
            turns: 0,
            tickets: 0,
            answers: HashMap::new(),
            trace: Vec::new(),
        }
    }

    fn key(&mut self) -> Key {
        self.keys += 1;
        Key::new(ShardId(0), self.keys, 1)
    }

    fn later(&mut self, after_ns: u64, job: Job) {
        if after_ns == 0 {
            self.jobs.push_back(job);
        } else {
            self.turns += 1;
            self.timers.insert((self.now_ns + after_ns, self.turns), job);
        }
    }

    fn with(&mut self, supervisor: SupervisorId, act: impl FnOnce(&mut Supervisor<Script>, u64)) {
        let now_ns = self.now_ns;
        let Some(machine) = self.supervisors.get_mut(&supervisor).and_then(|cell| cell.machine.as_mut())
        else {
            return;
        };
        act(machine, now_ns);
        for command in machine.take_commands() {
            self.carry_out(supervisor, command);
        }
    }

    fn carry_out(&mut self, supervisor: SupervisorId, command: Command<Script>) {
        match command {
            Command::Start { child, what: Script::Worker(worker), .. } => {
                self.start_worker((supervisor, child), worker);
            }
            Command::Start { child, what: Script::Supervisor(spec, children), .. } => {
                let at = self.key();
                self.boot(at, Some((supervisor, child)), spec, children);
            }
            Command::Restart { child, at: ChildAddress::Worker(actor) } => {
                self.restart_worker((supervisor, child), actor);
            }
            Command::Restart { child, at: ChildAddress::Supervisor(at) } => {
                let cell = &self.supervisors[&at];
                assert!(cell.machine.is_none(), "it is down");
                let (spec, children) = (cell.spec, cell.children.clone());
                self.boot(at, Some((supervisor, child)), spec, children);
            }
            Command::Stop { at: ChildAddress::Worker(actor), shutdown, .. } => {
                self.stop_worker(actor, shutdown);
            }
            Command::Stop { at: ChildAddress::Supervisor(at), .. } => {
                self.with(at, |machine, _| machine.stop())
            }
            Command::Remove { at: ChildAddress::Worker(actor), .. } => {
                let entry = &self.workers[&actor];
                assert!(!entry.alive, "only what is down is removed");
                if let Some(name) = entry.worker.name {
                    assert_eq!(self.names.remove(name), Some(actor), "removed once");
                }
            }
            Command::Remove { at: ChildAddress::Supervisor(at), .. } => {
                let cell = self.supervisors.remove(&at).expect("removed once");
                assert!(cell.machine.is_none(), "only what is down is removed");
            }
            Command::Wait { child, wait, after_ns } => {
                self.later(after_ns, Job::Woke((supervisor, child), wait));
            }
            Command::Answer(ticket, answer) => {
                assert!(self.answers.insert(ticket, answer).is_none(), "answered once");
            }
            Command::Booted => {
                let cell = self.supervisors.get_mut(&supervisor).expect("it boots");
                cell.booted = true;
                if let Some(owner) = cell.owner {
                    self.jobs.push_back(Job::Started(owner, Ok(Some(ChildAddress::Supervisor(supervisor)))));
                }
            }
            Command::Exit(reason) => self.supervisor_exits(supervisor, reason),
        }
    }

    fn start_worker(&mut self, owner: Owner, worker: Worker) {
        let outcome = match worker.next_start() {
            Start::Ignore => Ok(None),
            Start::Fail => Err(ExitReason::StartFailed("told to".into())),
            Start::Good if worker.name.is_some_and(|name| self.names.contains_key(name)) => {
                Err(ExitReason::StartFailed("the name is taken".into()))
            }
            Start::Good => {
                let actor = self.key();
                self.names.extend(worker.name.map(|name| (name, actor)));
                let machine = self.supervisors[&owner.0].machine.as_ref().expect("it asks for it");
                let id = machine.id_of(owner.1).map_or("undefined".into(), |id| id.to_string());
                self.trace.push(format!("+{id}"));
                let entry = Entry { id, owner, worker, incarnation: 1, alive: true, reason: None };
                self.workers.insert(actor, entry);
                Ok(Some(ChildAddress::Worker(actor)))
            }
        };
        self.jobs.push_back(Job::Started(owner, outcome));
    }

    fn restart_worker(&mut self, owner: Owner, actor: ActorId) {
        let entry = self.workers.get_mut(&actor).expect("its address is kept");
        assert!(!entry.alive, "only what is down is restarted");
        let outcome = match entry.worker.next_start() {
            Start::Ignore => Ok(None),
            Start::Fail => Err(ExitReason::StartFailed("told to".into())),
            Start::Good => {
                entry.alive = true;
                entry.incarnation += 1;
                self.trace.push(format!("+{}", entry.id));
                Ok(Some(ChildAddress::Worker(actor)))
            }
        };
        self.jobs.push_back(Job::Started(owner, outcome));
    }

    fn stop_worker(&mut self, actor: ActorId, shutdown: Shutdown) {
        let entry = &self.workers[&actor];
        if !entry.alive {
            // Its exit, or the failure of its start, is on the way.
            return;
        }
        let takes_ns = entry.worker.stop_ms * 1_000_000;
        let incarnation = entry.incarnation;
        let (after_ns, reason) = match shutdown {
            Shutdown::BrutalKill => (0, ExitReason::Killed),
            Shutdown::Timeout(ns) if takes_ns > ns => (ns, ExitReason::Killed),
            Shutdown::Timeout(_) | Shutdown::Infinity => (takes_ns, ExitReason::Shutdown),
        };
        if after_ns == 0 {
            self.end(actor, reason);
        } else {
            self.later(after_ns, Job::Stopped(actor, incarnation, reason));
        }
    }

    fn end(&mut self, actor: ActorId, reason: ExitReason) {
        let entry = self.workers.get_mut(&actor).expect("it is known");
        assert!(std::mem::replace(&mut entry.alive, false), "it ends once");
        entry.reason = Some(reason.clone());
        self.trace.push(format!("-{}", entry.id));
        let owner = entry.owner;
        self.jobs.push_back(Job::Exited(owner, reason));
    }

    fn boot(
        &mut self,
        at: SupervisorId,
        owner: Option<Owner>,
        spec: SupervisorSpec,
        children: Vec<TestChild>,
    ) {
        match Supervisor::new(spec, children.clone(), 7) {
            Ok(machine) => {
                let cell = Cell { machine: Some(machine), owner, spec, children, booted: false };
                self.supervisors.insert(at, cell);
                self.with(at, |machine, _| machine.boot());
            }
            Err(error) => {
                let owner = owner.expect("those that nobody owns are checked before");
                self.jobs.push_back(Job::Started(owner, Err(ExitReason::StartFailed(error.to_string()))));
            }
        }
    }

    fn supervisor_exits(&mut self, supervisor: SupervisorId, reason: ExitReason) {
        let cell = self.supervisors.get_mut(&supervisor).expect("it exits once");
        cell.machine = None;
        let booted = std::mem::replace(&mut cell.booted, false);
        self.exits.insert(supervisor, reason.clone());
        match cell.owner {
            None => drop(self.supervisors.remove(&supervisor)),
            Some(owner) if booted => self.jobs.push_back(Job::Exited(owner, reason)),
            Some(owner) => self.jobs.push_back(Job::Started(owner, Err(reason))),
        }
    }

    fn do_job(&mut self, job: Job) {
        match job {
            Job::Started((supervisor, child), outcome) => {
                self.with(supervisor, |machine, now_ns| machine.started(child, outcome, now_ns));
            }
            Job::Exited((supervisor, child), reason) => {
                self.with(supervisor, |machine, now_ns| machine.exited(child, reason, now_ns));
            }
            Job::Woke((supervisor, child), wait) => {
                self.with(supervisor, |machine, now_ns| machine.woke(child, wait, now_ns));
            }
            Job::Stopped(actor, incarnation, reason) => {
                let entry = &self.workers[&actor];
                if entry.alive && entry.incarnation == incarnation {
                    self.end(actor, reason);
                }
            }
        }
    }

    fn settle(&mut self) {
        for _ in 0..1_000_000 {
            let Some(job) = self.jobs.pop_front() else { return };
            self.do_job(job);
        }
        panic!("it never comes to rest");
    }

    /// Moves time on until this has come true.
    fn until<T>(&mut self, mut look: impl FnMut(&mut Self) -> Option<T>) -> T {
        loop {
            self.settle();
            if let Some(seen) = look(self) {
                return seen;
            }
            let ((at_ns, _), job) = self.timers.pop_first().expect("it hangs: nothing is left to happen");
            self.now_ns = at_ns;
            self.do_job(job);
        }
    }
}

impl Stage for Pure {
    fn start_link(
        &mut self,
        spec: SupervisorSpec,
        children: Vec<TestChild>,
    ) -> Result<SupervisorId, NotStarted> {
        spec.check(&children).map_err(NotStarted::Spec)?;
        let at = self.key();
        self.boot(at, None, spec, children);
        self.until(|world| match world.supervisors.get(&at) {
            None => Some(Err(NotStarted::Exited(world.exits[&at].clone()))),
            Some(cell) => cell.booted.then_some(Ok(at)),
        })
    }

    fn ask(&mut self, supervisor: SupervisorId, question: Question<Script>) -> Answer {
        self.tickets += 1;
        let ticket = self.tickets;
        if self.supervisors.get(&supervisor).is_none_or(|cell| cell.machine.is_none()) {
            return Err(ChildError::NotAtWork);
        }
        let address = match &question {
            Question::TerminateChild(Who::Address(at)) => at.actor(),
            _ => None,
        };
        self.with(supervisor, |machine, now_ns| machine.ask(ticket, question, now_ns));
        let answer = self.until(|world| world.answers.remove(&ticket));
        match address.and_then(|actor| self.workers.get(&actor)) {
            // What is gone is as good as terminated.
            Some(entry) if answer == Err(ChildError::NotFound) && !entry.alive => Ok(None),
            _ => answer,
        }
    }

    fn which_children(&mut self, supervisor: SupervisorId) -> Option<Vec<ChildInfo>> {
        Some(self.supervisors.get(&supervisor)?.machine.as_ref()?.which_children().collect())
    }

    fn count_children(&mut self, supervisor: SupervisorId) -> Option<Counts> {
        Some(self.supervisors.get(&supervisor)?.machine.as_ref()?.count_children())
    }

    fn child_spec(&mut self, supervisor: SupervisorId, id: &str) -> Option<ChildSpec<bool>> {
        let machine = self.supervisors.get(&supervisor)?.machine.as_ref()?;
        let ChildSpec { id, kind, policy, what } = machine.child_spec(id)?;
        Some(ChildSpec { id, kind, policy, what: what.is_some() })
    }

    fn change(
        &mut self,
        supervisor: SupervisorId,
        spec: SupervisorSpec,
        children: Vec<TestChild>,
    ) -> Result<(), SpecError> {
        let machine = self.supervisors.get_mut(&supervisor).and_then(|cell| cell.machine.as_mut());
        machine.expect("it is up").change(spec, children)
    }

    fn stop(&mut self, supervisor: SupervisorId) -> Option<ExitReason> {
        self.supervisors.get(&supervisor)?;
        self.with(supervisor, |machine, _| machine.stop());
        self.until(|world| (!world.supervisors.contains_key(&supervisor)).then_some(()));
        self.exits.get(&supervisor).cloned()
    }

    fn exit(&mut self, worker: ActorId, reason: ExitReason) {
        self.exit_together(&[worker], reason);
    }

    fn exit_together(&mut self, workers: &[ActorId], reason: ExitReason) {
        for &worker in workers {
            self.end(worker, reason.clone());
        }
        self.settle();
    }

    fn start_outside(&mut self, name: &'static str) -> ActorId {
        let actor = self.key();
        self.names.insert(name, actor);
        actor
    }

    fn whereis(&mut self, name: &str) -> Option<ActorId> {
        self.names.get(name).copied()
    }

    fn incarnation(&mut self, worker: ActorId) -> u32 {
        self.workers.get(&worker).map_or(0, |entry| entry.incarnation)
    }

    fn is_alive(&mut self, worker: ActorId) -> bool {
        self.workers.get(&worker).is_some_and(|entry| entry.alive)
    }

    fn exit_reason(&mut self, worker: ActorId) -> Option<ExitReason> {
        self.workers.get(&worker)?.reason.clone()
    }

    fn now_ms(&mut self) -> u64 {
        self.now_ns / 1_000_000
    }

    fn advance_ms(&mut self, ms: u64) {
        let until_ns = self.now_ns + ms * 1_000_000;
        self.settle();
        while let Some(timer) = self.timers.first_entry()
            && timer.key().0 <= until_ns
        {
            let ((at_ns, _), job) = timer.remove_entry();
            self.now_ns = at_ns;
            self.do_job(job);
            self.settle();
        }
        self.now_ns = until_ns;
    }

    fn trace(&mut self) -> Vec<String> {
        std::mem::take(&mut self.trace)
    }
}
