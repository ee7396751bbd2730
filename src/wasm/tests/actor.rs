//! An actor from its start to its end.

use super::support::*;
use crate::actor::{
    Effect, ExitReason, Failure, Health, Outcome, Payload, StartError, StopReason, TrapCause,
};

fn op(number: u8, argument: impl AsRef<[u8]>) -> Vec<u8> {
    [&[number], argument.as_ref()].concat()
}

#[track_caller]
fn trap(outcome: Outcome) -> (TrapCause, String) {
    match outcome {
        Outcome::Exited(ExitReason::Trap { cause, message }) => {
            assert!(!message.contains('\n'), "{message}");
            (cause, message)
        }
        other => panic!("expected a trap, got {other:?}"),
    }
}

#[test]
fn an_echo_comes_back_in_both_layouts() {
    for ticking in [Ticking::new(), Ticking::compact()] {
        let mut echo = Subject::started(ticking.load("echo"));
        for len in [0, 1, 64, Payload::INLINE_MAX, Payload::INLINE_MAX + 1, 4096, 1 << 20] {
            let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            assert_eq!(*echo.reply(&bytes), bytes, "{len} bytes");
        }
    }
}

#[test]
fn a_plain_message_has_no_reply() {
    let ticking = Ticking::new();
    let mut echo = Subject::started(ticking.load("echo"));
    assert!(matches!(echo.tell(b"hello"), Outcome::Done(None)));
}

#[test]
fn an_empty_reply_is_told_from_none() {
    let ticking = Ticking::new();
    let mut counter = Subject::started(ticking.load("counter"));
    assert!(matches!(counter.ask(b"add 5"), Outcome::Done(None)));
    assert_eq!(*counter.reply(b"get"), *b"5");
    let mut echo = Subject::started(ticking.load("echo"));
    assert_eq!(*echo.reply(b""), *b"");
}

#[test]
fn state_is_kept_between_messages_and_not_shared() {
    let ticking = Ticking::new();
    let component = ticking.load("counter");
    let mut one = Subject::started(component.clone());
    let mut other = Subject::started(component);
    one.tell(b"add 2");
    one.tell(b"add 3");
    assert_eq!(*one.reply(b"get"), *b"5");
    assert_eq!(*other.reply(b"get"), *b"0");
}

#[test]
fn failures_keep_their_kind_and_the_actor_lives() {
    let ticking = Ticking::new();
    let mut trapper = Subject::started(ticking.load("trapper"));
    for (number, expected) in [
        (7, Failure::Rejected("because".into())),
        (16, Failure::Retry("because".into())),
        (17, Failure::Other("because".into())),
    ] {
        for outcome in [trapper.ask(&op(number, "because")), trapper.tell(&op(number, "because"))] {
            let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
            assert_eq!(failure, expected);
        }
    }
    assert_eq!(trapper.number(&op(13, [])), 6);
}

#[test]
fn it_knows_who_it_is_and_who_speaks() {
    let ticking = Ticking::new();
    let mut trapper = Subject::started(ticking.load("trapper"));
    assert_eq!(trapper.number(&op(12, [])), own_id().to_bits());
    assert_eq!(trapper.number(&op(18, [])), friend().to_bits());
    assert_eq!(trapper.number(&op(19, [])), 3, "restarts");
}

#[test]
fn a_sender_outside_the_runtime_is_nobody() {
    let ticking = Ticking::new();
    let mut trapper = Subject::started(ticking.load("trapper"));
    let mut message = crate::actor::Message::new(own_id(), op(18, []));
    message.request = Some(crate::actor::RequestId::new(SHARD, 0, 1));
    let outcome = trapper.child.handle(&trapper.context, &message);
    let Outcome::Done(Some(reply)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(*reply, [0; 8]);
}

#[test]
fn what_it_sends_is_sent() {
    let ticking = Ticking::new();
    let mut trapper = Subject::started(ticking.load("trapper"));
    let argument = [friend().to_bits().to_le_bytes().as_slice(), b"hello"].concat();
    assert!(matches!(trapper.tell(&op(5, argument)), Outcome::Done(None)));
    let messages = sent();
    let [message] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!(message.to, Some(friend()));
    assert_eq!(message.from, Some(own_id()));
    assert_eq!(*message.payload, *b"hello");
}

#[test]
fn a_refused_send_is_an_error() {
    let ticking = Ticking::new();
    let mut trapper = Subject::started(ticking.load("trapper"));
    let mut why = |to: u64, len: usize| {
        let argument = [to.to_le_bytes().as_slice(), &vec![7; len]].concat();
        match trapper.tell(&op(5, argument)) {
            Outcome::Failed(Failure::Other(why)) => why,
            other => panic!("{other:?}"),
        }
    };
    let stranger = crate::actor::Key::new(SHARD, 9, 9).to_bits();
    let (nobody, unknown) = (why(0, 1), why(stranger, 1));
    let full = why(full_actor().to_bits(), 1);
    let large = why(friend().to_bits(), (1 << 20) + 1);
    assert_eq!(nobody, unknown);
    assert_ne!(full, unknown);
    assert!(large.contains("1048576"), "{large}");
    assert!(sent().is_empty());
}

#[test]
fn names_are_looked_up() {
    let ticking = Ticking::new();
    let mut trapper = Subject::started(ticking.load("trapper"));
    assert_eq!(trapper.number(&op(6, "friend")), friend().to_bits());
    assert!(matches!(trapper.ask(&op(6, "stranger")), Outcome::Done(None)));
}

#[test]
fn its_configuration_is_read() {
    let ticking = Ticking::new();
    let mut trapper = Subject::created(ticking.load("trapper"), &[("b", "2"), ("a", "1")]).unwrap();
    trapper.start().unwrap();
    assert_eq!(*trapper.reply(&op(9, "b")), *b"2");
    assert!(matches!(trapper.ask(&op(9, "c")), Outcome::Done(None)));
    assert_eq!(*trapper.reply(&op(20, [])), *b"a=1\nb=2\n");
}

#[test]
fn exit_is_an_effect_after_the_message() {
    let ticking = Ticking::new();
    let mut trapper = Subject::started(ticking.load("trapper"));
    assert!(matches!(trapper.tell(&op(10, [])), Outcome::Done(None)));
    assert!(matches!(trapper.effects()[..], [Effect::Exit(ExitReason::Normal)]));
}

#[test]
fn it_may_choose_not_to_start_but_not_later() {
    let ticking = Ticking::new();
    let component = ticking.load("puppet");
    let started = |config| {
        let mut puppet = Subject::created(component.clone(), config).unwrap();
        (puppet.start(), puppet)
    };
    assert_eq!(started(&[("init", "ignore-start")]).0, Err(StartError::Ignored));
    let (refused, _) = started(&[("init", "ignore-start;reject after all")]);
    assert!(matches!(&refused, Err(StartError::Refused(why)) if why.contains("after all")), "{refused:?}");
    let (up, mut puppet) = started(&[]);
    assert_eq!(up, Ok(()));
    let (cause, message) = trap(puppet.tell(b"ignore-start"));
    assert_eq!(cause, TrapCause::Host);
    assert!(message.contains("`ignore-start` is for `init`"), "{message}");
}

#[test]
fn a_trap_ends_it_for_good() {
    let ticking = Ticking::with(crate::wasm::EngineConfig { instances_max: 1, ..Default::default() });
    let component = ticking.load("trapper");
    let mut trapper = Subject::started(component.clone());
    let (cause, message) = trap(trapper.tell(&op(1, "no")));
    assert_eq!(cause, TrapCause::Guest);
    assert!(message.contains("unreachable"), "{message}");
    assert_eq!(trap(trapper.tell(&op(0, "again"))), (cause, message.clone()));
    assert_eq!(trapper.child.stop(&trapper.context, StopReason::Normal, None).label(), "trap");
    assert!(matches!(trapper.child.health(&trapper.context), Health::Unhealthy(_)));
    assert!(matches!(trapper.start(), Err(StartError::Exited(_))));
    // The store is gone though the actor is not: its place in the pool is free.
    let others: Vec<_> = (0..1).map(|_| Subject::started(component.clone())).collect();
    assert_eq!(others.len(), 1);
}

#[test]
fn a_loop_ends_at_its_deadline() {
    let ticking = Ticking::new();
    let mut trapper = Subject::started(ticking.load("trapper"));
    let started = std::time::Instant::now();
    let (cause, message) = trap(trapper.tell(&op(2, [])));
    let took = started.elapsed();
    assert_eq!(cause, TrapCause::Deadline, "{message}");
    assert!(took >= limits().message_time_max, "{took:?}");
    assert!(took < limits().message_time_max * 20, "{took:?}");
}

#[test]
fn many_short_messages_never_add_up_to_a_deadline() {
    let ticking = Ticking::new();
    let mut echo = Subject::started(ticking.load("echo"));
    let until = std::time::Instant::now() + limits().message_time_max * 3;
    while std::time::Instant::now() < until {
        let outcome = echo.tell(b"x");
        assert!(matches!(outcome, Outcome::Done(None)), "{outcome:?}");
    }
}

#[test]
fn ticks_in_which_it_did_not_run_do_not_count() {
    // Ticks a hundred times too fast: as if the thread ran a hundredth of the time.
    let ticking = Ticking::new();
    let busy = "(local $i i32)
        (loop (br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 40000000))))
        i32.const 0";
    let mut subject = Subject::started(ticking.load_text(&Text { handle: busy, ..Text::default() }.build()));
    let engine = ticking.engine.clone();
    let done = std::sync::Arc::new(());
    let running = std::sync::Arc::downgrade(&done);
    let hurry = std::thread::spawn(move || {
        while running.strong_count() > 0 {
            engine.tick();
            std::thread::sleep(std::time::Duration::from_micros(10));
        }
    });
    let started = std::time::Instant::now();
    let outcome = subject.tell(b"");
    assert!(matches!(outcome, Outcome::Done(None)), "{outcome:?} after {:?}", started.elapsed());
    drop(done);
    hurry.join().unwrap();
}

#[test]
fn endless_recursion_ends_in_a_stack_overflow() {
    let ticking = Ticking::new();
    let mut trapper = Subject::started(ticking.load("trapper"));
    assert_eq!(trap(trapper.tell(&op(4, []))).0, TrapCause::StackOverflow);
}

#[test]
fn memory_grows_to_its_limit_and_no_further() {
    for ticking in [Ticking::new(), Ticking::compact()] {
        let mut trapper = Subject::started(ticking.load("trapper"));
        let pages_max = limits().memory_bytes_max as u64 / 65_536;
        assert_eq!(trapper.number(&op(3, [])), pages_max);
        assert_eq!(*trapper.reply(&op(0, "lives")), *b"lives");
        // Now it cannot have what it needs, and the trap says why.
        let (cause, message) = trap(trapper.tell(&op(0, vec![0; 1 << 20])));
        assert_eq!(cause, TrapCause::Limit, "{message}");
        assert!(message.contains(&limits().memory_bytes_max.to_string()), "{message}");
    }
}

#[test]
fn a_refused_start_and_one_that_traps() {
    let ticking = Ticking::new();
    let component = ticking.load("trapper");
    let mut refused = Subject::created(component.clone(), &[("fail_init", "error")]).unwrap();
    assert_eq!(refused.start(), Err(StartError::Refused("fail_init = error".into())));
    let mut trapped = Subject::created(component, &[("fail_init", "trap")]).unwrap();
    let error = trapped.start().unwrap_err();
    assert!(
        matches!(&error, StartError::Exited(ExitReason::Trap { cause: TrapCause::Guest, .. })),
        "{error}"
    );
}

#[test]
fn every_health_there_is() {
    let ticking = Ticking::new();
    let component = ticking.load("trapper");
    let health = |configured: &str| {
        let mut subject = Subject::created(component.clone(), &[("health", configured)]).unwrap();
        subject.start().unwrap();
        (subject.child.health(&subject.context), subject)
    };
    assert_eq!(health("healthy").0, Health::Healthy);
    assert_eq!(health("degraded").0, Health::Degraded("as configured".into()));
    assert_eq!(health("unhealthy").0, Health::Unhealthy("as configured".into()));
    let (status, mut subject) = health("trap");
    assert!(matches!(&status, Health::Unhealthy(why) if why.contains("unreachable")), "{status:?}");
    assert!(matches!(subject.tell(&op(0, [])), Outcome::Exited(_)));
    let mut echo = Subject::started(ticking.load("echo"));
    assert_eq!(echo.child.health(&echo.context), Health::Unknown);
}

#[test]
fn a_stop_gives_its_reason_and_ends_it() {
    let ticking = Ticking::new();
    let component = ticking.load("trapper");
    for (reason, expected) in [
        (StopReason::Normal, ExitReason::Normal),
        (StopReason::Shutdown, ExitReason::Shutdown),
        (StopReason::Restart, ExitReason::Shutdown),
    ] {
        let mut subject = Subject::started(component.clone());
        assert_eq!(subject.child.stop(&subject.context, reason, None), expected);
        assert!(matches!(subject.tell(&op(0, [])), Outcome::Exited(_)));
    }
    let mut subject = Subject::started(component);
    subject.tell(&op(11, []));
    assert_eq!(subject.child.stop(&subject.context, StopReason::Normal, None).label(), "trap");
}

#[test]
fn a_log_line_goes_to_tracing_with_the_actor() {
    let ticking = Ticking::new();
    let mut trapper = Subject::started(ticking.load("trapper"));
    let lines = captured(|| {
        trapper.tell(&op(8, "hello from the guest"));
    });
    let line = lines.iter().find(|line| line.contains("hello from the guest")).expect("no line");
    for part in ["INFO", "raddle::guest", &own_id().to_string(), "subject", "test"] {
        assert!(line.contains(part), "{part} not in {line}");
    }
}
