//! `timers`: once, again and again, and not any longer.

use super::*;

impl Stage {
    /// What `a` has sent before is settled; and for ten periods nothing more comes to `b`.
    #[track_caller]
    fn ticks_no_more(&self, a: ActorId, b: ActorId) {
        assert!(self.runtime.settle(PATIENCE));
        let ticks = self.heard(b).len();
        self.number(a, format!("after 20 {} note end", at(b)));
        assert_eq!(self.hears(b, ticks + 1).last().unwrap(), "note end");
        assert_eq!(self.heard(b).len(), ticks + 1);
    }
}

#[test]
fn what_is_sent_later_comes_in_its_time_and_never_early() {
    on_stage(|stage| {
        let (a, b) = stage.pair();
        let before = stage.number(a, "now");
        stage.number(a, format!("after 40 {} note late", at(b)));
        stage.number(a, format!("after 1 {} note soon", at(b)));
        assert_eq!(stage.hears(b, 2), ["note soon", "note late"]);
        let after = stage.number(a, "now");
        assert!(after - before >= 40_000_000, "it took {} ns", after - before);
        assert_eq!(stage.say(b, "restarts"), "0");
    });
}

#[test]
fn what_is_sent_again_and_again_ends_when_it_is_cancelled() {
    on_stage(|stage| {
        let (a, b) = stage.pair();
        let timer = stage.number(a, format!("every 2 {} note tick", at(b)));
        assert!(stage.hears(b, 3).iter().all(|line| line == "note tick"));
        assert_eq!(stage.say(a, format!("cancel-timer {timer}")), "true");
        assert_eq!(stage.say(a, format!("cancel-timer {timer}")), "false");
        stage.ticks_no_more(a, b);
    });
}

#[test]
fn a_timer_that_is_cancelled_in_time_never_fires_and_a_fired_one_is_over() {
    on_stage(|stage| {
        let (a, b) = stage.pair();
        let never = stage.number(a, format!("after 600000 {} note never", at(b)));
        let fired = stage.number(a, format!("after 1 {} note fired", at(b)));
        assert_ne!(never, fired);
        stage.hears(b, 1);
        assert_eq!(stage.say(a, format!("cancel-timer {fired}")), "false");
        // Nobody cancels what is another's.
        assert_eq!(stage.say(b, format!("cancel-timer {never}")), "false");
        assert_eq!(stage.say(a, format!("cancel-timer {never}")), "true");
        assert_eq!(stage.heard(b), ["note fired"]);
    });
}

#[test]
fn timers_end_with_the_incarnation() {
    on_stage(|stage| {
        let a = stage.supervised(ShardId(0));
        let b = stage.puppet(stage.far());
        stage.number(a, format!("every 2 {} note tick", at(b)));
        stage.hears(b, 1);
        assert!(ask(&stage.runtime, a, "trap").is_err());
        assert_eq!(stage.say(a, "restarts"), "1");
        stage.ticks_no_more(a, b);
    });
}

#[test]
fn a_message_that_waits_too_long_for_a_guest_is_dropped_and_counted() {
    let stage = Stage::plain();
    let a = stage.puppet(ShardId(1));
    // Already too old when it is taken out.
    stage.runtime.tell_within(a, "note old", Duration::from_nanos(1)).unwrap();
    stage.runtime.tell_within(a, "note young", PATIENCE).unwrap();
    assert!(stage.runtime.settle(PATIENCE));
    assert_eq!(stage.heard(a), ["note young"]);
    let ledger = closed(&shut_down(stage.runtime));
    assert_eq!(ledger.dead(), 1, "{ledger:?}");
}
