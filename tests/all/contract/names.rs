//! `registry` and `names`: names that guests take while they run, and those that they
//! watch.

use raddle::wasm::{Limits, Patterns};

use super::*;

impl Stage {
    /// Lets a puppet ask for a name; what it hears of it.
    #[track_caller]
    fn registers(&self, puppet: ActorId, name: &str) -> String {
        let before = self.heard(puppet).len();
        assert_eq!(self.say(puppet, format!("register {name}")), "ok");
        self.hears(puppet, before + 1).pop().unwrap()
    }
}

#[test]
fn a_guest_takes_a_name_and_is_found_by_it_from_everywhere() {
    on_stage(|stage| {
        let (a, b) = stage.pair();
        // Whichever shard decides about it.
        for name in ["ledger", "ledger.1", "ledger.2", "ledger.3"] {
            assert_eq!(stage.registers(b, name), format!("registered {name}"));
            assert_eq!(stage.number(a, format!("lookup {name}")), at(b));
            assert_eq!(stage.runtime.lookup(name), Some(b));
            assert_eq!(stage.runtime.handle().lookup(name), Some(b));
        }
        // What is sent to the name arrives.
        let to = stage.number(a, "lookup ledger.2");
        assert_eq!(stage.say(a, format!("send {to} note by name")), "ok");
        assert_eq!(stage.hears(b, 5).pop().unwrap(), "note by name");
        // To ask twice is to ask once.
        assert_eq!(stage.say(b, "register ledger"), "ok");
        assert_eq!(stage.say(a, "lookup ledger"), at(b).to_string());
        assert_eq!(stage.heard(b).len(), 5);
        for bad in ["", "a..b", "$ledger", "ledger.*"] {
            let said = stage.say(b, format!("register {bad}"));
            assert!(said.starts_with("error: NameError::NameInvalid"), "{bad}: {said}");
        }
    });
}

#[test]
fn of_two_that_want_a_name_the_second_hears_who_has_it() {
    on_stage(|stage| {
        let (a, b) = stage.pair();
        assert_eq!(stage.registers(a, "ledger"), "registered ledger");
        assert_eq!(stage.registers(b, "ledger"), format!("taken ledger {}", at(a)));
        assert_eq!(stage.number(b, "lookup ledger"), at(a));
        assert_eq!(stage.say(b, "unregister ledger"), "false", "it is not its own");
        assert_eq!(stage.runtime.lookup("ledger"), Some(a));
        // Nor does anybody get it who is spawned, or whom the host gave one.
        let spawn = stage.runtime.spawn(Spawn::new(stage.puppets.clone()).name("ledger")).wait();
        assert!(spawn.unwrap_err().to_string().contains("the name `ledger` is taken"));
        let named = stage.named(stage.far(), "host.gave");
        assert_eq!(stage.registers(a, "host.gave"), format!("taken host.gave {}", at(named)));
        assert_eq!(stage.say(named, "unregister host.gave"), "false");
        assert_eq!(stage.runtime.lookup("host.gave"), Some(named));
    });
}

#[test]
fn a_name_that_is_given_up_is_somebody_elses() {
    on_stage(|stage| {
        let (a, b) = stage.pair();
        for name in ["ledger", "ledger.1", "ledger.2"] {
            assert_eq!(stage.registers(a, name), format!("registered {name}"));
            assert_eq!(stage.say(a, format!("unregister {name}")), "true");
            assert_eq!(stage.say(a, format!("unregister {name}")), "false");
            until(|| stage.runtime.lookup(name).is_none().then_some(()));
            assert_eq!(stage.registers(b, name), format!("registered {name}"));
            assert_eq!(stage.number(a, format!("lookup {name}")), at(b));
            assert_eq!(stage.runtime.lookup(name), Some(b));
        }
    });
}

#[test]
fn the_names_of_the_dead_are_free_before_anyone_hears_of_their_end() {
    on_stage(|stage| {
        let (a, b) = stage.pair();
        for name in ["ledger", "ledger.1", "ledger.2", "ledger.3"] {
            stage.registers(b, name);
        }
        let monitor = stage.number(a, format!("monitor {}", at(b)));
        // What comes behind it has arrived.
        stage.say(a, format!("send {} note monitored", at(b)));
        stage.hears(b, 5);
        assert!(ask(&stage.runtime, b, "trap").is_err());
        let heard = stage.hears(a, 1);
        assert!(heard[0].starts_with(&format!("down {monitor} {} failed", at(b))), "{heard:?}");
        for name in ["ledger", "ledger.1", "ledger.2", "ledger.3"] {
            assert_eq!(stage.say(a, format!("lookup {name}")), "none");
            assert_eq!(stage.runtime.lookup(name), None);
        }
        assert_eq!(stage.registers(a, "ledger.1"), "registered ledger.1");
    });
}

#[test]
fn the_restarted_take_their_names_anew() {
    on_stage(|stage| {
        let a = stage.puppet(ShardId(0));
        let supervisor = supervisor(&stage.runtime, 100);
        let what = Spawn::new(stage.puppets.clone()).on(stage.far()).under(supervisor);
        let b = spawn(&stage.runtime, what.config("init", "register ledger"));
        assert_eq!(stage.hears(b, 1), ["registered ledger"]);
        stage.registers(b, "once");
        for restarts in ["1", "2"] {
            assert!(ask(&stage.runtime, b, "trap").is_err());
            assert_eq!(stage.say(b, "restarts"), restarts);
            assert_eq!(stage.hears(b, 1), ["registered ledger"]);
            assert_eq!(stage.number(a, "lookup ledger"), at(b));
            assert_eq!(stage.say(a, "lookup once"), "none");
        }
        assert_eq!(stage.registers(a, "once"), "registered once");
    });
}

#[test]
fn a_guest_that_watches_a_name_hears_who_has_it_and_each_change() {
    on_stage(|stage| {
        let (a, b) = stage.pair();
        assert_eq!(stage.say(a, "watch ledger"), "ok");
        assert_eq!(stage.hears(a, 1), ["holder ledger none"]);
        stage.registers(b, "ledger");
        assert_eq!(stage.hears(a, 2)[1], format!("holder ledger {}", at(b)));
        stage.say(b, "unregister ledger");
        assert_eq!(stage.hears(a, 3)[2], "holder ledger none");
        let c = stage.named(stage.far(), "ledger");
        assert_eq!(stage.hears(a, 4)[3], format!("holder ledger {}", at(c)));
        assert_eq!(stage.say(a, "unwatch ledger"), "true");
        assert_eq!(stage.say(a, "unwatch ledger"), "false");
        assert!(ask(&stage.runtime, c, "trap").is_err());
        stage.is_gone(c);
        assert_eq!(stage.heard(a).len(), 4);
    });
}

/// A stage with a puppet that may do only so much.
fn confined(register: &[&str], limits: Limits) -> (Stage, ActorId) {
    let stage = Stage::plain();
    let mut profile = Profile { limits, ..Profile::of(TrustLevel::Untrusted) };
    profile.grants.register = Patterns::parse(register.iter().copied()).unwrap();
    profile.grants.send = Patterns::parse(["ledger"]).unwrap();
    let a = spawn(&stage.runtime, Spawn::new(puppets(&stage.runtime, profile)).on(ShardId(1)));
    (stage, a)
}

fn denied(stage: &Stage, actor: ActorId) -> u64 {
    let reports = stage.runtime.reports();
    let mut accounts = reports.iter().flat_map(|report| &report.accounts);
    accounts.find(|account| account.actor == actor).expect("it is there").account.denied
}

#[test]
fn a_name_that_is_not_granted_is_denied_and_counted_and_said_what_to_grant() {
    let (stage, a) = confined(&["orders.*"], Limits::default());
    let before = denied(&stage, a);
    let said = stage.say(a, "register ledger");
    assert!(said.starts_with("error: NameError::AccessDenied"), "{said}");
    assert!(said.contains("it may not register `ledger`"), "{said}");
    assert!(said.contains("`register = [\\\"ledger\\\"]` in [component.puppet.grants]"), "{said}");
    assert_eq!(denied(&stage, a), before + 1);
    assert_eq!(stage.runtime.lookup("ledger"), None);
    assert_eq!(stage.registers(a, "orders.7"), "registered orders.7");
    assert_eq!(stage.runtime.lookup("orders.7"), Some(a));
    // Who has a watched name may be sent to, if the name may.
    let b = stage.puppet(ShardId(0));
    let said = stage.say(a, format!("send {} note early", at(b)));
    assert!(said.contains("AccessDenied"), "{said}");
    assert_eq!(stage.say(a, "watch ledger"), "ok");
    stage.registers(b, "ledger");
    assert_eq!(stage.hears(a, 3)[2], format!("holder ledger {}", at(b)));
    assert_eq!(stage.say(a, format!("send {} note now", at(b))), "ok");
    assert_eq!(stage.hears(b, 2)[1], "note now");
    closed(&shut_down(stage.runtime));
}

#[test]
fn names_and_watches_are_limited_and_the_limit_is_said() {
    let limits = Limits { names_max: 2, watches_max: 1, ..Limits::default() };
    let (stage, a) = confined(&[">"], limits);
    let before = denied(&stage, a);
    for name in ["a", "b"] {
        assert_eq!(stage.registers(a, name), format!("registered {name}"));
    }
    let over = |said: String, limit: &str| {
        assert!(said.contains("QuotaExceeded") && said.contains(limit), "{said}");
    };
    over(stage.say(a, "register c"), "over names_max (2)");
    assert_eq!(stage.runtime.lookup("c"), None);
    assert_eq!(stage.say(a, "watch a"), "ok");
    over(stage.say(a, "watch b"), "over watches_max (1)");
    assert_eq!(denied(&stage, a), before + 2);
    // Room that is given back is there again, once the name is free everywhere.
    assert_eq!(stage.say(a, "unregister a"), "true");
    until(|| (stage.say(a, "register c") == "ok").then_some(()));
    until(|| (stage.runtime.lookup("c") == Some(a)).then_some(()));
    closed(&shut_down(stage.runtime));
}
