//! Health checks, and the events that tell of them and of all else.

use super::*;
use crate::actor::Health;
use crate::control::supervisor::Ending;
use crate::sync::{Intake, SharedCounter};

/// What actors answer, one after the other; then they are well. An answer may take
/// a while.
type Answers = Arc<Mutex<VecDeque<(Health, u64)>>>;

struct Patient {
    answers: Answers,
    hand: Arc<quanta::Mock>,
}

impl Actor for Patient {
    fn handle(&mut self, _: &Context, message: &Message) -> Outcome {
        match &message.payload[..] {
            b"trap" => Outcome::Exited(ExitReason::Error("told to".into())),
            _ => Outcome::Done(Some("here".into())),
        }
    }
}

impl Child for Patient {
    fn health(&mut self, _: &Context) -> Health {
        let (health, takes_ms) = self.answers.lock().unwrap().pop_front().unwrap_or((Health::Healthy, 0));
        self.hand.increment(takes_ms * 1_000_000);
        if health == Health::Unhealthy("panic".into()) {
            panic!("told to");
        }
        health
    }
}

struct Ward {
    world: World,
    answers: Answers,
    actor: ActorId,
    supervisor: SupervisorId,
    events: Intake<Event>,
    lost: Arc<SharedCounter>,
}

impl Ward {
    /// One patient, who is asked each 10 ms, and may be unwell once.
    fn new(answers: &[(Health, u64)], events_max: usize) -> Self {
        let health =
            HealthConfig { interval_ns: 10_000_000, unhealthy_in_a_row_max: 2, answer_ns_max: 5_000_000 };
        let mut world = World::with_config(1, ShardConfig { health, ..ShardConfig::default() });
        let (injector, events) = injector(events_max, Arc::new(Doorbell::new(Box::new(NoWake))));
        let lost = Arc::<SharedCounter>::default();
        let (done, waiter) = reply_slot();
        let sink = EventSink { events: injector, lost: lost.clone() };
        world.control(0, Control::Observe { sink, done });
        world.settle();
        waiter.wait().unwrap();

        let answers: Answers = Arc::new(Mutex::new(answers.iter().cloned().collect()));
        let (for_actors, hand) = (answers.clone(), world.hand.clone());
        let make = move |_: &_| Patient { answers: for_actors.clone(), hand: hand.clone() };
        let spec = SpawnSpec { blueprint: Arc::new(Native::new("patient", make)), ..world.spec(Some("a")) };
        let supervisor = world.supervisor(0, 1);
        let (done, waiter) = reply_slot();
        let question =
            Question::StartChild(ChildSpec::worker("a", ChildSource::Actor { shard: ShardId(0), spec }));
        let ask = SupervisorControl::Ask { supervisor, question, asker: Asker::Actor(done) };
        world.control(0, Control::supervisor(ask));
        world.settle();
        let actor = waiter.wait().unwrap().unwrap();
        Self { world, answers, actor, supervisor, events, lost }
    }

    /// One sweep.
    fn asks(&mut self) -> Option<Health> {
        self.world.hand.increment(10_000_000 + 2 * TICK_NS);
        self.world.settle();
        let (done, waiter) = reply_slot();
        self.world.control(0, Control::Health { actor: self.actor, done });
        self.world.settle();
        waiter.wait().unwrap().unwrap()
    }

    fn events(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        self.events.drain(100, |event| events.push(event));
        events
    }

    fn restarts(&self) -> u64 {
        self.world.shards[0].report().restarts
    }
}

fn unhealthy(why: &str) -> Health {
    Health::Unhealthy(why.into())
}

#[test]
fn who_is_unhealthy_too_often_is_restarted_and_who_is_degraded_is_not() {
    let degraded = Health::Degraded("slow".into());
    let answers =
        [degraded.clone(), unhealthy("1"), Health::Healthy, unhealthy("2"), unhealthy("3")].map(|it| (it, 0));
    let mut ward = Ward::new(&answers, 100);
    assert_eq!(ward.asks(), Some(degraded.clone()));
    assert_eq!(ward.asks(), Some(unhealthy("1")));
    assert_eq!(ward.asks(), Some(Health::Healthy));
    assert_eq!(ward.asks(), Some(unhealthy("2")));
    assert_eq!(ward.restarts(), 0, "once in a row is not too often");
    assert_eq!(ward.asks(), Some(Health::Unknown), "a new incarnation was not asked yet");
    assert_eq!(ward.restarts(), 1);
    assert!(ward.world.ask_now(ward.actor, "x").is_ok());
    assert_eq!(ward.asks(), Some(Health::Healthy));
    assert_eq!(ward.world.shards[0].report().exits[0].reason, ExitReason::Unhealthy("3".into()));

    let (actor, name) = (ward.actor, Some(Arc::from("a")));
    let changed = |from, to| Event::HealthChanged { actor, name: name.clone(), from, to };
    let started = |restarts| Event::Started { actor, name: name.clone(), restarts };
    let reason = ExitReason::Unhealthy("3".into());
    let expected = [
        Event::SupervisorStarted { supervisor: ward.supervisor, restarts: 0 },
        started(0),
        changed(Health::Unknown, degraded.clone()),
        changed(degraded, unhealthy("1")),
        changed(unhealthy("1"), Health::Healthy),
        changed(Health::Healthy, unhealthy("2")),
        changed(unhealthy("2"), unhealthy("3")),
        Event::Exited { actor, name: name.clone(), reason },
        started(1),
        changed(Health::Unknown, Health::Healthy),
    ];
    assert_eq!(ward.events(), expected);
    ward.world.closed_ledger();
}

#[test]
fn a_sweep_rests_far_longer_than_it_asks_unless_somebody_waits_for_it() {
    const SECOND_NS: u64 = 1_000_000_000;
    let health = HealthConfig { interval_ns: 10 * SECOND_NS, ..HealthConfig::default() };
    let mut world = World::with_config(1, ShardConfig { health, ..ShardConfig::default() });
    // Each takes a millisecond to answer.
    let answers: Answers = Arc::new(Mutex::new(vec![(Health::Healthy, 1); 1_000].into()));
    let (for_actors, hand) = (answers.clone(), world.hand.clone());
    let make = move |_: &_| Patient { answers: for_actors.clone(), hand: hand.clone() };
    world.blueprint = Arc::new(Native::new("patient", make));
    for _ in 0..20 {
        world.spawn(0);
    }
    let asked = |answers: &Answers| 1_000 - answers.lock().unwrap().len();
    let mut after = Vec::new();
    for ms in [10_100, 1_500, 200, 1_700, 1_700] {
        world.advance_ms(ms);
        after.push(asked(&answers));
    }
    assert_eq!(after, [8, 8, 16, 20, 20], "8 take 8 ms, and then there are 1.6 s for others");
    let (done, waiter) = reply_slot();
    world.control(0, Control::CheckHealth(done));
    world.settle();
    waiter.wait().unwrap();
    assert_eq!(asked(&answers), 40);
}

#[test]
fn a_supervisor_is_as_its_children_are_up_the_whole_tree() {
    // Above on one shard, below on another, and the patient on the first again.
    let answers: Answers = Arc::default();
    let health = HealthConfig { interval_ns: 10_000_000, ..HealthConfig::default() };
    let mut world = World::with_config(2, ShardConfig { health, ..ShardConfig::default() });
    let (for_actors, hand) = (answers.clone(), world.hand.clone());
    let make = move |_: &_| Patient { answers: for_actors.clone(), hand: hand.clone() };
    let spec = SpawnSpec { blueprint: Arc::new(Native::new("patient", make)), ..world.spec(Some("a")) };
    let patient = ChildSpec::worker("patient", ChildSource::Actor { shard: ShardId(0), spec });
    let spec = SupervisorSpec::default();
    let below = Arc::new(Tree { spec, children: vec![patient] });
    let below = ChildSource::Supervisor { shard: ShardId(1), tree: below };
    let above = Arc::new(Tree { spec, children: vec![ChildSpec::supervisor("below", below)] });
    let (done, waiter) = reply_slot();
    world.control(0, Control::supervisor(SupervisorControl::Start { tree: above, done }));
    world.settle();
    let supervisor = waiter.wait().unwrap().unwrap();
    let mut asks = |health: Health| {
        answers.lock().unwrap().push_back((health, 0));
        world.hand.increment(10_000_000 + 2 * TICK_NS);
        world.settle();
        let (done, waiter) = reply_slot();
        world.control(0, Control::supervisor(SupervisorControl::View { supervisor, done }));
        world.settle();
        waiter.wait().unwrap().unwrap().unwrap().health
    };
    assert_eq!(asks(Health::Healthy), Health::Healthy);
    let slow = Health::Degraded("below: patient: slow".into());
    assert_eq!(asks(Health::Degraded("slow".into())), slow);
    assert_eq!(asks(Health::Unknown), Health::Unknown);
    assert_eq!(asks(unhealthy("broken")), unhealthy("below: patient: broken"));
    asks(unhealthy("broken"));
    assert_eq!(asks(unhealthy("broken")), Health::Unknown, "it has ended, and another is there");
}

#[test]
fn an_answer_that_comes_late_or_not_at_all_is_no_good_one() {
    let mut ward = Ward::new(&[(Health::Healthy, 6), (Health::Healthy, 5)], 100);
    assert_eq!(ward.asks(), Some(unhealthy("its answer took 6 ms")));
    assert_eq!(ward.asks(), Some(Health::Healthy), "just in time");
    ward.answers.lock().unwrap().push_back((unhealthy("panic"), 0));
    ward.asks();
    assert_eq!(ward.restarts(), 1, "a panic ends it at once");
    assert!(ward.world.ask_now(ward.actor, "x").is_ok());
}

#[test]
fn giving_up_is_told_before_the_children_go_and_a_slow_reader_loses_only_its_own() {
    let mut ward = Ward::new(&[], 4);
    ward.events();
    ward.world.tell(ward.actor, "trap");
    ward.world.tell(ward.actor, "trap");
    ward.world.settle();
    let actor = ward.actor;
    let (above, supervisor, ending) = (None, ward.supervisor, Ending::TooManyRestarts);
    let seen = ward.events();
    assert!(matches!(seen[0], Event::Exited { actor: who, .. } if who == actor), "{seen:?}");
    assert!(matches!(seen[1], Event::Started { restarts: 1, .. }), "{seen:?}");
    assert!(matches!(seen[2], Event::Exited { .. }), "{seen:?}");
    assert_eq!(seen[3], Event::SupervisorEnds { supervisor, ending, above });
    assert_eq!(ward.lost.get(), 0);
    // Nobody reads: what does not fit is lost, and nothing waits for it.
    for _ in 0..6 {
        ward.world.spawn(0);
    }
    assert_eq!((ward.events().len(), ward.lost.get()), (4, 2));
}

#[test]
fn a_host_may_ask_everybody_at_any_time_and_the_report_says_how_all_are() {
    let mut ward = Ward::new(&[(Health::Degraded("slow".into()), 0)], 100);
    for _ in 0..20 {
        // Puppets have no way to tell.
        ward.world.spawn(0);
    }
    let (done, waiter) = reply_slot();
    ward.world.control(0, Control::CheckHealth(done));
    ward.world.settle();
    waiter.wait().unwrap();
    let report = ward.world.shards[0].report();
    assert_eq!(report.health, HealthCounts { unknown: 20, degraded: 1, ..HealthCounts::default() });
    let health = Health::Degraded("slow".into());
    assert_eq!(report.unwell, [Unwell { actor: ward.actor, name: Some("a".into()), health }]);
    // Nobody is left to ask: it is answered all the same.
    ward.world.control(0, Control::StopAll { until_ns: u64::MAX });
    ward.world.settle();
    for actor in ward.world.shards[0].actors.keys() {
        ward.world.stop(actor, Shutdown::BrutalKill);
    }
    let (done, waiter) = reply_slot();
    ward.world.control(0, Control::CheckHealth(done));
    ward.world.settle();
    waiter.wait().unwrap();
    assert_eq!(ward.world.shards[0].report().health, HealthCounts::default());
}
