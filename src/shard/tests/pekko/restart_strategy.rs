//! `RestartStrategySpec`

use super::*;

fn employee(restarts_max: u32, within_ms: u64, test: impl Fn(World, ActorId)) {
    both(|mut world, other| {
        let children = vec![worker(&world, other, "employee")];
        supervise(&mut world, spec(Strategy::OneForOne, restarts_max, within_ms), children);
        let employee = whereis(&world, "employee").unwrap();
        world.log();
        test(world, employee);
    });
}

fn tell_all(world: &mut World, to: ActorId, what: &[&str]) -> Vec<String> {
    for what in what {
        world.tell(to, what);
    }
    world.settle();
    world.log()
}

#[test]
fn ensure_that_employee_stays_dead_after_max_restarts_within_time_range() {
    employee(2, 1_000, |mut world, employee| {
        let first = tell_all(&mut world, employee, &["log ping", "trap", "log ping"]);
        assert_eq!(first, ["ping", "start employee 1", "ping"]);
        assert_eq!(tell_all(&mut world, employee, &["trap", "log ping"]), ["start employee 2", "ping"]);
        assert_eq!(tell_all(&mut world, employee, &["trap", "log ping"]), [] as [&str; 0]);
        assert_eq!(whereis(&world, "employee"), None);
    });
}

/// Without a limit there is one here too, but none that is ever met.
#[test]
fn ensure_that_employee_is_immortal_without_max_restarts_and_time_range() {
    employee(u32::MAX, 1, |mut world, employee| {
        let log = tell_all(&mut world, employee, &["trap"; 100]);
        assert_eq!(log.len(), 100);
        ping(&mut world, "employee");
        assert_eq!(world.closed_ledger().failed, 100);
    });
}

#[test]
fn ensure_that_employee_restarts_after_number_of_crashes_not_within_time_range() {
    employee(2, 500, |mut world, employee| {
        for number in 1..=2 {
            let log = tell_all(&mut world, employee, &["log ping", "trap"]);
            assert_eq!(log, ["ping".to_owned(), format!("start employee {number}")]);
        }
        world.advance_ms(700);
        let log = tell_all(&mut world, employee, &["trap", "log ping"]);
        assert_eq!(log, ["start employee 3", "ping"]);
        ping(&mut world, "employee");
    });
}

/// Pekko's limit without a time is a window here that is never left.
#[test]
fn ensure_that_employee_is_not_restarted_after_max_retries() {
    employee(2, 86_400_000, |mut world, employee| {
        tell_all(&mut world, employee, &["log ping", "trap", "log ping", "trap", "log ping"]);
        world.advance_ms(700);
        assert_eq!(tell_all(&mut world, employee, &["trap"]), [] as [&str; 0]);
        assert_eq!(whereis(&world, "employee"), None);
    });
}

/// A time without a limit is a limit of one in Pekko.
#[test]
fn ensure_that_employee_is_not_restarted_within_time_range() {
    employee(1, 1_000, |mut world, employee| {
        let log = tell_all(&mut world, employee, &["log ping", "trap", "log ping"]);
        assert_eq!(log, ["ping", "start employee 1", "ping"]);
        assert_eq!(tell_all(&mut world, employee, &["trap", "log ping", "trap"]), [] as [&str; 0]);
        assert_eq!(whereis(&world, "employee"), None);
    });
}
