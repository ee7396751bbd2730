//! `lifecycle` and `health`, and `registry`: how a guest is started and stopped, what it
//! says of itself, and under which name it is found.

use raddle::Supervise;
use raddle::actor::{ExitReason, Health, RequestError};
use raddle::control::child_spec::Shutdown;
use raddle::control::supervisor::{Strategy, SupervisorSpec};
use raddle::shard::{HealthConfig, ShardConfig, SpawnError};

use super::*;

#[test]
fn a_guest_is_told_why_it_stops() {
    on_stage(|stage| {
        let witness = stage.named(ShardId(0), "witness");
        let spawned = |name: &str| {
            Spawn::new(stage.puppets.clone()).on(stage.far()).name(name).config("witness", "witness")
        };
        let done = spawn(&stage.runtime, spawned("done"));
        assert_eq!(stage.say(done, "exit"), "ok", "it replies, and ends");
        stage.is_gone(done);
        let told = spawn(&stage.runtime, spawned("told"));
        let stopped = stage.runtime.stop(told, Shutdown::default()).wait_for(PATIENCE).unwrap();
        assert_eq!(stopped, Some(ExitReason::Shutdown));
        // Those that trap, and those that are killed, are not asked any more.
        let trapped = spawn(&stage.runtime, spawned("trapped"));
        assert!(ask(&stage.runtime, trapped, "trap").is_err());
        let killed = spawn(&stage.runtime, spawned("killed"));
        stage.runtime.stop(killed, Shutdown::BrutalKill).wait_for(PATIENCE).unwrap();
        // One that takes part in the restart of its sibling.
        let spec =
            SupervisorSpec { strategy: Strategy::OneForAll, restarts_max: 5, ..SupervisorSpec::default() };
        let supervisor = stage.runtime.supervise(spec).wait_for(PATIENCE).unwrap();
        let sibling = spawn(&stage.runtime, spawned("sibling").under(supervisor));
        let culprit =
            spawn(&stage.runtime, Spawn::new(stage.puppets.clone()).on(ShardId(0)).under(supervisor).id("c"));
        assert!(ask(&stage.runtime, culprit, "trap").is_err());
        let mut heard = stage.hears(witness, 3);
        heard.sort();
        let stopped = |name, why| format!("note {name} stopped {why}");
        let expected =
            [stopped("done", "normal"), stopped("sibling", "restart"), stopped("told", "shutdown")];
        assert_eq!(heard, expected);
        assert_eq!(stage.say(sibling, "restarts"), "1");
    });
}

#[test]
fn a_guest_may_refuse_to_start() {
    on_stage(|stage| {
        let refuses = Spawn::new(stage.puppets.clone()).on(stage.far()).name("never").config("refuse", "yes");
        match stage.runtime.spawn(refuses).wait_for(PATIENCE) {
            Err(SpawnError::StartFailed { message, .. }) => {
                assert!(message.contains("told to refuse"), "{message}")
            }
            other => panic!("{other:?}"),
        }
        let a = stage.puppet(ShardId(0));
        // The home of the name has let it go; the other shard hears of it.
        until(|| (stage.say(a, "lookup never") == "none").then_some(()));
    });
}

#[test]
fn a_guest_may_choose_not_to_start() {
    on_stage(|stage| {
        let ignores = |name: &str| {
            Spawn::new(stage.puppets.clone()).on(stage.far()).name(name).config("init", "ignore-start")
        };
        assert_eq!(stage.runtime.spawn(ignores("shy")).wait_for(PATIENCE), Err(SpawnError::Ignored));
        // A supervisor goes on without it, keeps what it knows, and starts it if told to.
        let supervisor = Supervise::new(Strategy::OneForOne)
            .child(ignores("shy"))
            .child(Spawn::new(stage.puppets.clone()).on(stage.far()).name("bold"));
        let supervisor = stage.runtime.supervise(supervisor).wait_for(PATIENCE).unwrap();
        let counts = || stage.runtime.count_children(supervisor, PATIENCE).unwrap();
        assert_eq!((counts().specs, counts().active), (2, 1));
        let again = stage.runtime.restart_child(supervisor, "shy").wait_for(PATIENCE);
        assert_eq!(again, Ok(None), "it is asked, and chooses the same");
        let bold = stage.runtime.lookup("bold").expect("it is there");
        assert_eq!(stage.say(bold, "restarts"), "0");
        until(|| (stage.say(bold, "lookup shy") == "none").then_some(()));
        // It is for the start only.
        let (up, failed) = (stage.puppet(stage.far()), |error: RequestError| error.to_string());
        let error = ask(&stage.runtime, up, "ignore-start").map_err(failed).unwrap_err();
        assert!(error.contains("`ignore-start` is for `init`"), "{error}");
        stage.runtime.stop_supervisor(supervisor).wait_for(PATIENCE).unwrap();
    });
}

#[test]
fn a_name_is_found_by_guests_everywhere_until_its_actor_is_gone() {
    on_stage(|stage| {
        let a = stage.puppet(ShardId(0));
        assert_eq!(stage.say(a, "lookup b"), "none");
        let b = stage.named(stage.far(), "b");
        assert_eq!(stage.number(a, "lookup b"), at(b));
        stage.runtime.stop(b, Shutdown::default()).wait_for(PATIENCE).unwrap();
        // The home of the name has let it go; the other shard hears of it.
        until(|| (stage.say(a, "lookup b") == "none").then_some(()));
        let again = stage.named(ShardId(0), "b");
        assert_ne!(again, b);
        assert_eq!(stage.number(a, "lookup b"), at(again));
    });
}

/// Asked every millisecond.
fn often(unhealthy_in_a_row_max: u32) -> impl Fn(Builder) -> Builder {
    let health = HealthConfig { interval_ns: 1_000_000, unhealthy_in_a_row_max, ..HealthConfig::default() };
    move |builder| builder.config(ShardConfig { health, ..ShardConfig::default() })
}

impl Stage {
    #[track_caller]
    fn is(&self, puppet: ActorId, expected: &Health) {
        until(|| self.runtime.health(puppet).wait_for(PATIENCE).unwrap().filter(|health| health == expected));
    }
}

#[test]
fn a_guest_is_asked_how_it_is_and_believed() {
    on_stage_with(often(3), |stage| {
        let a = stage.supervised(stage.far());
        stage.is(a, &Health::Healthy);
        stage.say(a, "degraded slow today");
        stage.is(a, &Health::Degraded("slow today".into()));
        assert_eq!(stage.say(a, "restarts"), "0", "that is only reported");
        stage.say(a, "unhealthy no hope");
        // Its successor is well.
        until(|| (stage.say(a, "restarts") != "0").then_some(()));
        stage.is(a, &Health::Healthy);
        let exits: Vec<_> = stage.runtime.reports().into_iter().flat_map(|report| report.exits).collect();
        assert_eq!(exits.len(), 1, "{exits:?}");
        assert_eq!(exits[0].reason, ExitReason::Unhealthy("no hope".into()));
    });
}
