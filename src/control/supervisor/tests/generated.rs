//! Generated histories, played to the machine and to the model of the statements.
//! A failure names its seed, and the history that led to it.

use std::collections::VecDeque;

use super::super::{AutoShutdown, ChildError, ChildStatus, Question, Strategy, SupervisorSpec, Who};
use super::model::{Model, ModelChild, ModelState, Refusal};
use super::pure::Pure;
use super::stage::{Script, Stage, Start, TestChild, Worker, abnormal, scripted};
use crate::actor::ExitReason;
use crate::control::backoff::Backoff;
use crate::control::child_spec::{ChildAddress, Restart, SupervisorId};

const HISTORIES: u64 = 4_000;
const STEPS: usize = 40;
const MS: u64 = 1_000_000;

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len() as u64) as usize]
    }
}

struct Play {
    dice: Dice,
    stage: Pure,
    model: Model,
    supervisor: SupervisorId,
    /// What the children of a simple_one_for_one supervisor are made like.
    template: Option<ModelChild>,
    /// Do all starts go well?
    kind: bool,
    history: Vec<String>,
}

fn start(dice: &mut Dice, kind: bool) -> Start {
    match dice.roll(10) {
        0..=9 if kind => Start::Good,
        0..=1 => Start::Fail,
        2 => Start::Ignore,
        _ => Start::Good,
    }
}

/// The same child for both sides.
fn child(
    dice: &mut Dice,
    spec: &SupervisorSpec,
    id: &str,
    kind: bool,
    first: bool,
) -> (TestChild, ModelChild) {
    let mut starts: VecDeque<Start> = (0..dice.roll(6)).map(|_| start(dice, kind)).collect();
    if first {
        starts.push_front(Start::Good);
    }
    let then = start(dice, kind);
    let restart =
        dice.pick(&[Restart::Permanent, Restart::Permanent, Restart::Transient, Restart::Temporary]);
    let significant =
        spec.auto_shutdown != AutoShutdown::Never && restart != Restart::Permanent && dice.roll(2) == 0;
    let mut backoff = dice.pick(&[
        Backoff::IMMEDIATE,
        Backoff::IMMEDIATE,
        Backoff::linear(3 * MS, 7 * MS),
        Backoff::exponential(2 * MS, 2.0, 10 * MS),
    ]);
    backoff.stable_after_ns = dice.pick(&[0, 5 * MS, 50 * MS]);
    backoff.restarts_in_a_row_max = dice.pick(&[2, 5, u32::MAX]);
    let script = Worker::starting(starts.make_contiguous(), then);
    let mut test = scripted(id, script).restart(restart).backoff(backoff);
    test.policy.significant = significant;
    let model = ModelChild {
        id: id.to_owned(),
        restart,
        significant,
        backoff,
        first: starts,
        then,
        state: ModelState::Undefined { comes_back: false },
        in_a_row: 0,
        up_since_ns: 0,
    };
    (test, model)
}

impl Play {
    fn new(seed: u64) -> Option<Self> {
        let mut dice = Dice(seed);
        let strategy = dice.pick(&[
            Strategy::OneForOne,
            Strategy::OneForAll,
            Strategy::RestForOne,
            Strategy::SimpleOneForOne,
        ]);
        let auto_shutdown =
            dice.pick(&[AutoShutdown::Never, AutoShutdown::AnySignificant, AutoShutdown::AllSignificant]);
        let spec = SupervisorSpec::new(strategy)
            .intensity(dice.pick(&[0, 1, 2, 4, 10, 100]), dice.pick(&[MS, 10 * MS, 1_000 * MS]))
            .auto_shutdown(auto_shutdown);
        let kind = dice.roll(3) == 0;
        let mut stage = Pure::new();
        let count = if strategy == Strategy::SimpleOneForOne { 1 } else { dice.roll(6) };
        let well = dice.roll(4) > 0;
        let (tests, models): (Vec<_>, Vec<_>) =
            (0..count).map(|id| child(&mut dice, &spec, &format!("c{id}"), kind, well)).unzip();
        let history = vec![format!("{spec:?} {models:?}")];
        let now_ns = stage.now_ms() * MS;
        let started = stage.start_link(spec, tests.clone());
        let simple = strategy == Strategy::SimpleOneForOne;
        let (mut model, up) = Model::start(spec, if simple { Vec::new() } else { models.clone() }, now_ns);
        assert_eq!(started.is_ok(), up, "seed {seed}: {history:?} {started:?}");
        let trace = stage.trace();
        assert_eq!(trace, model.trace, "seed {seed}: {history:?}");
        model.trace.clear();
        let supervisor = started.ok()?;
        let template = if simple { models.into_iter().next() } else { None };
        Some(Self { dice, stage, model, supervisor, template, kind, history })
    }

    fn step(&mut self) {
        let simple = self.model.spec.strategy == Strategy::SimpleOneForOne;
        match self.dice.roll(20) {
            0..=7 => self.exits(),
            8..=10 => self.advances(),
            11..=13 if simple => self.starts_from_template(),
            11..=12 if !simple => self.starts_child(),
            14..=15 => self.terminates(),
            16..=17 if !simple => self.restarts_child(),
            18..=19 if !simple => self.deletes(),
            _ => self.advances(),
        }
    }

    fn exits(&mut self) {
        let infos = self.stage.which_children(self.supervisor).unwrap_or_default();
        let up: Vec<(usize, ChildAddress)> = infos
            .iter()
            .enumerate()
            .filter_map(|(at, info)| match info.status {
                ChildStatus::Running(address) => Some((at, address)),
                _ => None,
            })
            .collect();
        if up.is_empty() {
            return self.advances();
        }
        let mut chosen = vec![self.dice.pick(&up)];
        if self.kind && self.dice.roll(3) == 0 {
            chosen = up.into_iter().filter(|_| self.dice.roll(2) == 0).collect();
        }
        let abnormally = self.dice.roll(3) > 0;
        let ats: Vec<_> = chosen.iter().map(|(at, _)| *at).collect();
        self.history.push(format!("exit {ats:?} {abnormally}"));
        let reason = if abnormally { abnormal() } else { ExitReason::Normal };
        let actors: Vec<_> = chosen.iter().filter_map(|(_, address)| address.actor()).collect();
        self.stage.exit_together(&actors, reason);
        self.model.exit(&ats, abnormally);
    }

    fn advances(&mut self) {
        let ms = self.dice.pick(&[1, 2, 3, 7, 60]);
        self.history.push(format!("advance {ms}"));
        self.stage.advance_ms(ms);
        let now_ns = self.model.now_ns + ms * MS;
        self.model.advance_to(now_ns);
    }

    fn id(&mut self) -> String {
        format!("c{}", self.dice.roll(8))
    }

    fn starts_child(&mut self) {
        let id = self.id();
        let (test, model) = child(&mut self.dice, &self.model.spec, &id, self.kind, false);
        self.history.push(format!("start {model:?}"));
        let got = self.stage.ask(self.supervisor, Question::StartChild(test)).map(|at| at.is_some());
        let expected = self.model.start_child(model);
        self.compare(got, expected);
    }

    fn starts_from_template(&mut self) {
        let (test, own) = child(&mut self.dice, &self.model.spec, "undefined", self.kind, false);
        let template = self.template.clone().expect("it is simple");
        let ModelChild { first, then, .. } = own;
        let model = ModelChild { id: "undefined".into(), first, then, ..template };
        self.history.push(format!("start {model:?}"));
        let question = Question::StartFromTemplate(test.what);
        let got = self.stage.ask(self.supervisor, question).map(|at| at.is_some());
        let expected = self.model.start_child(model);
        self.compare(got, expected);
    }

    fn terminates(&mut self) {
        let (who, at) = if self.model.spec.strategy == Strategy::SimpleOneForOne {
            let infos = self.stage.which_children(self.supervisor).unwrap_or_default();
            if infos.is_empty() {
                return;
            }
            let at = self.dice.roll(infos.len() as u64) as usize;
            let address = match infos[at].status {
                ChildStatus::Running(address) | ChildStatus::Restarting(Some(address)) => address,
                other => panic!("{other:?} at rest"),
            };
            (Who::Address(address), Some(at))
        } else {
            let id = self.id();
            (Who::Id(id.as_str().into()), self.model.find(&id))
        };
        self.history.push(format!("terminate {who:?}"));
        let got = self.stage.ask(self.supervisor, Question::TerminateChild(who)).map(|_| true);
        let expected = self.model.terminate_child(at).map(|()| true);
        self.compare(got, expected);
    }

    fn restarts_child(&mut self) {
        let id = self.id();
        self.history.push(format!("restart {id}"));
        let question = Question::RestartChild(id.as_str().into());
        let got = self.stage.ask(self.supervisor, question).map(|at| at.is_some());
        let at = self.model.find(&id);
        let expected = self.model.restart_child(at);
        self.compare(got, expected);
    }

    fn deletes(&mut self) {
        let id = self.id();
        self.history.push(format!("delete {id}"));
        let got = self.stage.ask(self.supervisor, Question::<Script>::DeleteChild(id.as_str().into()));
        let at = self.model.find(&id);
        let expected = self.model.delete_child(at).map(|()| true);
        self.compare(got.map(|_| true), expected);
    }

    fn compare(&self, got: Result<bool, ChildError>, expected: Result<bool, Refusal>) {
        let got = got.map_err(|error| match error {
            ChildError::AlreadyStarted(_) => Refusal::AlreadyStarted,
            ChildError::AlreadyPresent => Refusal::AlreadyPresent,
            ChildError::Running => Refusal::Running,
            ChildError::Restarting => Refusal::Restarting,
            ChildError::NotFound => Refusal::NotFound,
            ChildError::StartFailed(_) => Refusal::StartFailed,
            other => panic!("{other} after {:#?}", self.history),
        });
        assert_eq!(got, expected, "after {:#?}", self.history);
    }

    /// At rest, both must have done and show the same.
    fn check(&mut self, seed: u64) {
        let trace = self.stage.trace();
        assert_eq!(trace, self.model.trace, "seed {seed}: {:#?}", self.history);
        self.model.trace.clear();
        let shown = self.stage.which_children(self.supervisor);
        assert_eq!(shown.is_some(), self.model.up, "seed {seed}: {:#?}", self.history);
        let name = |status| match status {
            ChildStatus::Running(_) => "up",
            ChildStatus::Restarting(_) => "restarting",
            ChildStatus::Absent => "undefined",
            ChildStatus::Starting | ChildStatus::Stopping(_) => "moving",
        };
        let shown: Vec<_> = shown
            .unwrap_or_default()
            .into_iter()
            .map(|info| (info.id.map_or("undefined".into(), |id| id.to_string()), name(info.status)))
            .collect();
        let expected: Vec<_> = self
            .model
            .children
            .iter()
            .map(|child| {
                let state = match child.state {
                    ModelState::Up => "up",
                    ModelState::Waiting(..) => "restarting",
                    ModelState::Undefined { .. } => "undefined",
                    ModelState::Corpse => "corpse",
                };
                (child.id.clone(), state)
            })
            .collect();
        assert_eq!(shown, expected, "seed {seed}: {:#?}", self.history);
    }
}

#[test]
fn the_machine_does_what_the_statements_say() {
    let (mut steps, mut gave_up) = (0, 0);
    for seed in 0..HISTORIES {
        let Some(mut play) = Play::new(seed) else { continue };
        play.check(seed);
        for _ in 0..STEPS {
            if !play.model.up {
                gave_up += 1;
                break;
            }
            play.step();
            play.check(seed);
            steps += 1;
        }
        if play.model.up {
            assert_eq!(play.stage.stop(play.supervisor), Some(ExitReason::Shutdown));
            play.model.stop();
            play.check(seed);
        }
    }
    // Most histories must go on for a while, and some must end in giving up.
    assert!(steps > HISTORIES * 10 && gave_up > HISTORIES / 20, "{steps} steps, {gave_up} gave up");
}
