//! `DeathWatchSpec`

use super::super::relations::party;
use super::*;

#[test]
fn notify_with_one_terminated_message_when_an_actor_is_stopped() {
    party(|mut it| {
        let (a, b) = it.pair();
        it.tell(a, &format!("monitor {b}"));
        assert!(it.is_there(a));
        it.world.stop(b, Shutdown::default());
        it.heard(&[format!("a down {b} shutdown")]);
        it.tell(a, "hello");
        it.heard(&[]);
        it.nothing_is_left();
    });
}

#[test]
fn notify_with_all_monitors_with_one_terminated_message_when_an_actor_is_stopped() {
    party(|mut it| {
        let (a, b) = it.pair();
        let c = it.spawn(1, "c");
        for watcher in [a, a, c] {
            it.tell(watcher, &format!("monitor {b}"));
        }
        it.tell(b, "die boom");
        let down = |name: &str| format!("{name} down {b} error");
        let mut log = it.world.log();
        log.sort();
        assert_eq!(log, [down("a"), down("a"), down("c")]);
        it.tell(a, "hello");
        it.heard(&[]);
        it.nothing_is_left();
    });
}

#[test]
fn notify_with_one_terminated_message_when_an_actor_is_already_dead() {
    party(|mut it| {
        let (a, b) = it.pair();
        it.tell(b, "die normal");
        it.tell(a, &format!("monitor {b}"));
        it.heard(&[format!("a down {b} no-such-actor")]);
        it.nothing_is_left();
    });
}

#[test]
fn notify_with_current_monitors_with_one_terminated_message_when_an_actor_is_stopped() {
    party(|mut it| {
        let (a, b) = it.pair();
        let c = it.spawn(0, "c");
        for watcher in [a, c] {
            it.tell(watcher, &format!("monitor {b}"));
        }
        it.tell(a, "demonitor");
        it.tell(b, "die boom");
        it.heard(&[format!("c down {b} error")]);
        it.nothing_is_left();
    });
}

#[test]
fn discard_terminated_when_unwatched_between_sysmsg_and_processing() {
    party(|mut it| {
        let (a, b) = it.pair();
        it.tell(a, &format!("monitor {b}"));
        // Both at once: whatever comes first, the news finds no monitor.
        it.world.tell(a, "demonitor");
        it.world.tell(b, "die boom");
        it.world.settle();
        it.heard(&[]);
        it.nothing_is_left();
    });
}

#[test]
fn notify_with_a_terminated_message_once_when_an_actor_is_stopped_but_not_when_restarted() {
    party(|mut it| {
        let a = it.spawn(0, "a");
        let b = it.supervised("b", Restart::Transient);
        it.tell(a, &format!("monitor {b}"));
        it.tell(b, "die boom");
        it.heard(&[]);
        assert!(it.is_there(b), "it is up again");
        it.tell(b, "die normal");
        it.heard(&[format!("a down {b} normal")]);
        assert!(!it.is_there(b));
        it.nothing_is_left();
    });
}

/// A death pact is a link here: who is linked to one that fails and does not trap
/// exits ends with it, and who watches hears of both.
#[test]
fn fail_a_monitor_which_does_not_handle_terminated() {
    party(|mut it| {
        let (watcher, failed) = it.pair();
        let brother = it.spawn(it.other, "brother");
        it.tell(brother, &format!("link {failed}"));
        for watched in [failed, brother] {
            it.tell(watcher, &format!("monitor {watched}"));
        }
        it.tell(failed, "die boom");
        let mut log = it.world.log();
        log.sort();
        let mut expected = [failed, brother].map(|ended| format!("a down {ended} error"));
        expected.sort();
        assert_eq!(log, expected);
        assert!(it.is_there(watcher) && !it.is_there(brother));
        it.nothing_is_left();
    });
}

#[test]
fn be_able_to_watch_a_child_with_the_same_name_after_the_old_died() {
    party(|mut it| {
        let a = it.spawn(0, "a");
        for _ in 0..2 {
            let kid = it.spawn(it.other, "gone");
            it.tell(a, &format!("monitor {kid}"));
            it.tell(kid, "die normal");
            it.heard(&[format!("a down {kid} normal")]);
        }
        it.nothing_is_left();
    });
}

/// News of an end that nobody watches is no news.
#[test]
fn only_notify_when_watching() {
    party(|mut it| {
        let (a, b) = it.pair();
        let signal = super::super::super::signal::RelationSignal::Down {
            to: a,
            monitor: 1,
            actor: b,
            reason: ExitReason::Killed,
        };
        it.world.shards[0].on_relation(signal);
        it.world.settle();
        it.heard(&[]);
        assert!(it.is_there(b));
    });
}

/// A monitor has a number, by which its news is told from others'.
#[test]
fn watch_with_custom_message() {
    party(|mut it| {
        let (a, b) = it.pair();
        let c = it.spawn(0, "c");
        it.tell(a, &format!("monitor {b}"));
        it.tell(a, &format!("monitor {c}"));
        // The last one is taken back by its number, the first one stays.
        it.tell(a, "demonitor");
        it.tell(c, "die normal");
        it.heard(&[]);
        it.tell(b, "die normal");
        it.heard(&[format!("a down {b} normal")]);
        it.nothing_is_left();
    });
}
