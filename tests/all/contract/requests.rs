//! `requests` and `reply-handler`: each request has one outcome, and the guest that
//! made it hears it.

use raddle::actor::{ExitReason, RequestError};
use raddle::control::child_spec::Shutdown;

use super::*;

/// Longer than any test takes.
const LONG_MS: u64 = 600_000;

#[test]
fn the_outcome_of_a_request_comes_with_its_number() {
    on_stage(|stage| {
        let (a, b) = stage.pair();
        let first = stage.number(a, format!("request {} {LONG_MS} id", at(b)));
        let second = stage.number(a, format!("request {} {LONG_MS} reject no, thank you", at(b)));
        let third = stage.number(a, format!("request {} {LONG_MS} note kept", at(b)));
        assert!(first != second && second != third && first != third);
        let replies = [
            format!("reply {first} ok {}", at(b)),
            format!("reply {second} rejected no, thank you"),
            format!("reply {third} ok "),
        ];
        assert_eq!(stage.hears(a, 3), replies, "in the order of the requests");
        assert_eq!(stage.heard(b), ["note kept"]);
        assert_eq!(stage.say(a, format!("cancel-request {first}")), "false", "it has its outcome");
    });
}

#[test]
fn a_reply_that_is_given_later_answers_the_request_that_it_is_for() {
    on_stage(|stage| {
        let (a, b) = stage.pair();
        let mut deferred = Vec::new();
        let mut asked = Vec::new();
        for _ in 0..3 {
            asked.push(stage.number(a, format!("request {} {LONG_MS} defer", at(b))));
            deferred.push(stage.defers(b, &deferred));
        }
        assert_eq!(stage.heard(a), [""; 0], "what the handler returned was dropped");
        assert_eq!(stage.say(b, format!("reply {} the second", deferred[1])), "true");
        assert_eq!(stage.say(b, format!("reply {} the second again", deferred[1])), "false");
        assert_eq!(stage.say(b, format!("fail {} the third", deferred[2])), "true");
        assert_eq!(stage.say(a, format!("cancel-request {}", asked[0])), "true");
        assert_eq!(stage.say(a, format!("cancel-request {}", asked[0])), "false");
        // It cannot know that nobody wants it any longer; nobody hears of it.
        assert_eq!(stage.say(b, format!("reply {} the first", deferred[0])), "true");
        let sent = stage.number(a, format!("request {} {LONG_MS} id", at(b)));
        let expected = [
            format!("reply {} ok the second", asked[1]),
            format!("reply {} failed the third", asked[2]),
            format!("reply {sent} ok {}", at(b)),
        ];
        assert_eq!(stage.hears(a, 3), expected);
        // A plain message has nobody to answer.
        stage.tell(b, "defer");
        assert_eq!(stage.say(b, "deferred"), "none");
        // A host's request can be answered later, too.
        let asked = stage.runtime.request_within(b, "defer", PATIENCE);
        let deferred = stage.say(b, "deferred");
        assert_eq!(stage.say(b, format!("reply {deferred} at last")), "true");
        assert_eq!(asked.wait().unwrap().as_slice(), b"at last");
    });
}

#[test]
fn a_reply_that_comes_too_late_reaches_nobody() {
    on_stage(|stage| {
        let (a, b) = stage.pair();
        let asked = stage.number(a, format!("request {} 20 defer", at(b)));
        assert_eq!(stage.hears(a, 1), [format!("reply {asked} timeout")]);
        let deferred = stage.say(b, "deferred");
        assert_eq!(stage.say(b, format!("reply {deferred} late")), "true");
        let next = stage.number(a, format!("request {} {LONG_MS} id", at(b)));
        let expected = [format!("reply {asked} timeout"), format!("reply {next} ok {}", at(b))];
        assert_eq!(stage.hears(a, 2), expected);
    });
}

#[test]
fn the_end_of_the_callee_is_the_outcome() {
    on_stage(|stage| {
        let (a, b) = stage.pair();
        let deferred = stage.number(a, format!("request {} {LONG_MS} defer", at(b)));
        let traps = stage.number(a, format!("request {} {LONG_MS} trap", at(b)));
        let mut heard = stage.hears(a, 2);
        heard.sort();
        let mut expected = [deferred, traps].map(|number| format!("reply {number} callee-exited trap"));
        expected.sort();
        for (heard, expected) in heard.iter().zip(&expected) {
            assert!(heard.starts_with(expected), "{heard}");
        }
        // It is known here that it is gone, or its shard says so.
        let told = stage.say(a, format!("request {} {LONG_MS} id", at(b)));
        match told.parse::<u64>() {
            Ok(number) => assert_eq!(stage.hears(a, 3)[2], format!("reply {number} dead stale-generation")),
            Err(_) => assert_eq!(told, "error: SendError::NoSuchActor"),
        }
    });
}

#[test]
fn the_caller_that_is_gone_hears_nothing_and_neither_does_its_successor() {
    on_stage(|stage| {
        let a = stage.supervised(ShardId(0));
        let b = stage.puppet(stage.far());
        let asked = stage.number(a, format!("request {} {LONG_MS} defer", at(b)));
        let deferred = stage.defers(b, &[]);
        assert!(ask(&stage.runtime, a, "trap").is_err());
        assert_eq!(stage.say(a, "restarts"), "1");
        assert_eq!(stage.say(b, format!("reply {deferred} too late")), "true");
        let again = stage.number(a, format!("request {} {LONG_MS} id", at(b)));
        assert_ne!(asked, again);
        assert_eq!(stage.hears(a, 1), [format!("reply {again} ok {}", at(b))]);
    });
}

#[test]
fn a_circle_of_requests_that_do_not_wait_goes_round() {
    on_stage(|stage| {
        let (a, b) = stage.pair();
        // a asks b, which asks a, which answers: nobody waits in the middle of anything.
        let asked = stage.number(a, format!("request {} {LONG_MS} request {} {LONG_MS} id", at(b), at(a)));
        let heard = stage.hears(a, 1);
        let inner = heard[0].strip_prefix(&format!("reply {asked} ok ")).unwrap().to_owned();
        assert_eq!(stage.hears(b, 1), [format!("reply {inner} ok {}", at(a))]);
    });
}

#[test]
fn those_that_wait_for_each_other_are_refused() {
    everywhere(|runtime| {
        let (a, b) = (actor(runtime, "asker"), actor_on(runtime, "asker", last_shard(runtime)));
        let within = (PATIENCE.as_nanos() as u64).to_le_bytes();
        let op = |to: ActorId, rest: &[u8]| [&[0], &to.to_bits().to_le_bytes()[..], &within, rest].concat();
        let round = op(b, &op(a, &op(b, b"never")));
        let Err(RequestError::Failed(why)) = ask(runtime, a, round) else { panic!("it went round") };
        assert!(why.to_string().contains("Cycle"), "{why}");
    });
}

#[test]
fn a_host_hears_how_the_guest_ended() {
    let stage = Stage::plain();
    let b = stage.puppet(ShardId(1));
    let waiting = stage.runtime.request_within(b, "defer", PATIENCE);
    assert_ne!(stage.say(b, "deferred"), "none", "it has it");
    stage.runtime.stop(b, Shutdown::BrutalKill).wait_for(PATIENCE).unwrap();
    assert_eq!(waiting.wait(), Err(RequestError::CalleeExited(ExitReason::Killed)));
    closed(&shut_down(stage.runtime));
}
