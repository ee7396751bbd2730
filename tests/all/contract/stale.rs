//! What a guest had before it was restarted is worth nothing after it: neither to it
//! nor against others.

use super::*;

const LONG_MS: u64 = 600_000;

#[test]
fn what_is_kept_over_a_restart_is_refused_and_harms_nobody() {
    on_stage(|stage| {
        let a = stage.supervised(ShardId(0));
        let b = stage.puppet(stage.far());
        let host = stage.runtime.request_within(a, "defer", PATIENCE);
        let deferred = stage.number(a, "deferred");
        let request = stage.number(a, format!("request {} {LONG_MS} defer", at(b)));
        let timer = stage.number(a, format!("after {LONG_MS} {} note never", at(b)));
        let monitor = stage.number(a, format!("monitor {}", at(b)));
        assert_eq!(stage.say(a, "subscribe news"), "ok");
        assert_eq!(stage.say(a, "join crew"), "ok");
        assert!(ask(&stage.runtime, a, "trap").is_err());
        assert!(host.wait().is_err(), "it was answered when its callee ended");
        assert_eq!(stage.say(a, "restarts"), "1");

        // The same numbers, by the next incarnation, and by somebody else.
        for thief in [a, b] {
            for command in [
                format!("reply {deferred} stolen"),
                format!("fail {deferred} stolen"),
                format!("cancel-request {request}"),
                format!("cancel-timer {timer}"),
                format!("demonitor {monitor}"),
                "leave crew".into(),
            ] {
                assert_eq!(stage.say(thief, &*command), "false", "{command}");
            }
        }
        assert!(stage.say(a, "unsubscribe news").starts_with("error:"));

        // What the new incarnation has is untouched by the old numbers, and works.
        let again = stage.runtime.request_within(a, "defer", PATIENCE);
        let deferred_again = stage.number(a, "deferred");
        assert_ne!(deferred_again, deferred);
        let request_again = stage.number(a, format!("request {} {LONG_MS} id", at(b)));
        let timer_again = stage.number(a, format!("after {LONG_MS} {} note never", at(b)));
        let monitor_again = stage.number(a, format!("monitor {}", at(b)));
        assert!(request_again != request && timer_again != timer && monitor_again != monitor);
        for command in [
            format!("reply {deferred} stolen"),
            format!("cancel-timer {timer}"),
            format!("demonitor {monitor}"),
        ] {
            assert_eq!(stage.say(a, &*command), "false", "{command}");
        }
        assert_eq!(stage.hears(a, 1), [format!("reply {request_again} ok {}", at(b))]);
        assert_eq!(stage.say(a, format!("reply {deferred_again} mine")), "true");
        assert_eq!(again.wait().unwrap().as_slice(), b"mine");
        assert_eq!(stage.say(a, format!("cancel-timer {timer_again}")), "true");
        assert_eq!(stage.say(a, format!("demonitor {monitor_again}")), "true");
        assert_eq!(stage.heard(b), [""; 0]);
    });
}

#[test]
fn numbers_that_were_made_up_are_refused() {
    on_stage(|stage| {
        let (a, b) = stage.pair();
        let waiting = stage.runtime.request_within(b, "defer", PATIENCE);
        let deferred = stage.number(b, "deferred");
        for number in [0, 1, deferred, deferred + 1, u64::MAX, u64::MAX >> 12, at(b)] {
            for command in ["reply", "cancel-request", "cancel-timer", "demonitor"] {
                assert_eq!(stage.say(a, format!("{command} {number}")), "false", "{command} {number}");
            }
        }
        assert_eq!(stage.say(b, format!("reply {deferred} mine")), "true");
        assert_eq!(waiting.wait().unwrap().as_slice(), b"mine");
    });
}
