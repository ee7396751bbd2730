//! `processes` and `signals`: links, monitors, and exit signals between guests.

use raddle::actor::ExitReason;
use raddle::control::child_spec::{Restart, Shutdown};

use super::*;

impl Stage {
    /// Lets a puppet end for this reason, as whoever is linked to it hears of it.
    fn end(&self, puppet: ActorId, how: &str) {
        match how {
            "normal" => drop(ask(&self.runtime, puppet, "exit")),
            "trap" => drop(ask(&self.runtime, puppet, "trap")),
            "killed" => drop(self.runtime.stop(puppet, Shutdown::BrutalKill).wait_for(PATIENCE)),
            other => panic!("{other}"),
        }
        self.is_gone(puppet);
    }

    /// Waits until a puppet has heard so much news.
    #[track_caller]
    fn gets_news(&self, puppet: ActorId, lines: usize) -> Vec<String> {
        until(|| Some(news(self.heard(puppet))).filter(|news| news.len() >= lines))
    }

    /// Whatever two puppets have said to each other's shards until now has arrived.
    fn in_touch(&self, a: ActorId, b: ActorId) {
        for (from, to) in [(a, b), (b, a)] {
            let before = self.heard(to).len();
            self.say(from, format!("send {} note touch", at(to)));
            self.hears(to, before + 1);
        }
    }
}

/// What of it is no small talk.
fn news(heard: Vec<String>) -> Vec<String> {
    heard.into_iter().filter(|line| line != "note touch").collect()
}

#[test]
fn an_abnormal_end_is_the_end_of_whoever_is_linked_and_a_normal_one_is_not() {
    on_stage(|stage| {
        for (how, takes_along) in [("normal", false), ("trap", true), ("killed", true)] {
            let (a, b) = stage.pair();
            assert_eq!(stage.say(a, format!("link {}", at(b))), "ok");
            stage.in_touch(a, b);
            stage.end(b, how);
            if takes_along {
                stage.is_gone(a);
            } else {
                let other = stage.puppet(stage.far());
                stage.in_touch(a, other);
                assert_eq!(stage.say(a, "restarts"), "0", "{how}");
            }
        }
        // A link has two ends, and no direction.
        let (a, b) = stage.pair();
        assert_eq!(stage.say(a, format!("link {}", at(b))), "ok");
        stage.in_touch(a, b);
        stage.end(a, "trap");
        stage.is_gone(b);
    });
}

#[test]
fn a_guest_that_traps_exits_is_told_of_every_end() {
    on_stage(|stage| {
        let a = stage.puppet(ShardId(0));
        stage.say(a, "trap-exits on");
        let mut expected = Vec::new();
        for (how, why) in [("normal", "normal"), ("trap", "failed trap"), ("killed", "killed")] {
            let b = stage.puppet(stage.far());
            // A pair has one link, however often it is made.
            for _ in 0..2 {
                assert_eq!(stage.say(a, format!("link {}", at(b))), "ok");
            }
            stage.in_touch(a, b);
            stage.end(b, how);
            expected.push(format!("exit {} {why}", at(b)));
            let heard = stage.gets_news(a, expected.len());
            for (heard, expected) in heard.iter().zip(&expected) {
                assert!(heard.starts_with(expected), "{heard}: {expected}");
            }
        }
        // Without it, the next one takes it along.
        stage.say(a, "trap-exits off");
        let b = stage.puppet(stage.far());
        stage.say(a, format!("link {}", at(b)));
        stage.in_touch(a, b);
        stage.end(b, "trap");
        stage.is_gone(a);
    });
}

#[test]
fn a_link_that_is_taken_back_and_one_to_the_dead() {
    on_stage(|stage| {
        let (a, b) = stage.pair();
        stage.say(a, format!("link {}", at(b)));
        stage.in_touch(a, b);
        // Either side may.
        assert_eq!(stage.say(b, format!("unlink {}", at(a))), "ok");
        stage.in_touch(a, b);
        stage.end(b, "trap");
        stage.in_touch(a, stage.puppet(stage.far()));
        assert_eq!(stage.say(a, "restarts"), "0");
        // A link to one that is gone.
        let trapping = stage.puppet(ShardId(0));
        stage.say(trapping, "trap-exits on");
        assert_eq!(stage.say(trapping, format!("link {}", at(b))), "ok");
        assert_eq!(stage.hears(trapping, 1), [format!("exit {} no-such-actor", at(b))]);
        assert_eq!(stage.say(a, format!("link {}", at(b))), "ok");
        stage.is_gone(a);
        assert!(stage.say(trapping, "link 0").contains("nobody"));
    });
}

#[test]
fn exit_signals_can_be_trapped_but_for_kill() {
    on_stage(|stage| {
        let (a, b) = stage.pair();
        stage.say(b, "trap-exits on");
        for reason in ["normal", "shutdown", "out of order", "no-such-actor"] {
            assert_eq!(stage.say(a, format!("exit-other {} {reason}", at(b))), "ok");
        }
        let told = |why: &str| format!("exit {} {why}", at(a));
        let expected = [told("normal"), told("shutdown"), told("failed out of order"), told("no-such-actor")];
        assert_eq!(stage.hears(b, 4), expected);
        stage.say(b, "trap-exits off");
        assert_eq!(stage.say(a, format!("exit-other {} normal", at(b))), "ok");
        stage.in_touch(a, b);
        assert_eq!(stage.say(b, "restarts"), "0", "normal ends nobody");
        let monitor = stage.number(a, format!("monitor {}", at(b)));
        stage.in_touch(a, b);
        stage.say(b, "trap-exits on");
        assert_eq!(stage.say(a, format!("exit-other {} killed", at(b))), "ok");
        stage.is_gone(b);
        let down = format!("down {monitor} {} killed", at(b));
        assert_eq!(stage.gets_news(a, 1), [down]);
        // And one that does not trap ends for the reason that it is given.
        let c = stage.puppet(stage.far());
        stage.say(a, format!("exit-other {} worn out", at(c)));
        stage.is_gone(c);
        let exits: Vec<_> = stage.runtime.reports().into_iter().flat_map(|report| report.exits).collect();
        assert!(
            exits.iter().any(|exit| exit.actor == c && exit.reason == ExitReason::Error("worn out".into()))
        );
    });
}

#[test]
fn each_monitor_fires_once_and_only_for_good() {
    on_stage(|stage| {
        let a = stage.puppet(ShardId(0));
        let supervisor = supervisor(&stage.runtime, 100);
        let spawned = Spawn::new(stage.puppets.clone()).on(stage.far()).under(supervisor);
        let b = spawn(&stage.runtime, spawned.restart(Restart::Transient));
        let monitors: Vec<u64> = (0..3).map(|_| stage.number(a, format!("monitor {}", at(b)))).collect();
        stage.in_touch(a, b);
        // A restart is no end.
        assert!(ask(&stage.runtime, b, "trap").is_err());
        assert_eq!(stage.say(b, "restarts"), "1");
        assert_eq!(stage.say(a, format!("demonitor {}", monitors[1])), "true");
        assert_eq!(stage.say(a, format!("demonitor {}", monitors[1])), "false");
        stage.in_touch(a, b);
        assert_eq!(news(stage.heard(a)), [""; 0]);
        stage.end(b, "normal");
        let expected = [0, 2].map(|index| format!("down {} {} normal", monitors[index], at(b)));
        assert_eq!(stage.gets_news(a, 2), expected);
        assert_eq!(stage.say(a, format!("demonitor {}", monitors[0])), "false", "it has fired");
        // Of one that is gone already.
        let late = stage.number(a, format!("monitor {}", at(b)));
        assert_eq!(stage.gets_news(a, 3)[2], format!("down {late} {} no-such-actor", at(b)));
    });
}
