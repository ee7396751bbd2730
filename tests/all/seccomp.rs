//! Where io_uring is forbidden, as most containers do.

use std::process::Command;
use std::thread;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

use crate::access_log::Counts;
use crate::command::*;
use crate::support::*;

/// The same on every architecture that has it.
const IO_URING_SETUP: i64 = 425;
const EPERM: u32 = 1;

/// Runs a command under a filter that refuses `io_uring_setup`. A filter is for a
/// thread and what it starts, and for good: so this thread is a new one.
fn run_without_io_uring(command: Command) -> Ran {
    let confined = move || {
        let rules = [(IO_URING_SETUP, Vec::new())].into_iter().collect();
        let architecture = std::env::consts::ARCH.try_into().unwrap();
        let refuse = SeccompAction::Errno(EPERM);
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture).unwrap();
        apply_filter(&BpfProgram::try_from(filter).unwrap()).unwrap();
        run(command)
    };
    thread::spawn(confined).join().unwrap()
}

#[test]
fn auto_falls_back_to_threads_and_says_why() {
    let command = || raddle(["run", EXAMPLE, "--output", "json", "--shards", "2"]);
    let ran = run_without_io_uring(command()).with_code(0);
    if cfg!(feature = "glommio") {
        ran.says("reactor thread: io_uring_setup failed: Operation not permitted");
        ran.says("a seccomp filter forbids it");
    }
    let report = ran.json();
    assert_eq!(report["reactor"], "thread");
    let sample = std::fs::read_to_string(repository("examples/access_log/sample.log")).unwrap();
    Counts::of(sample.lines()).assert_in(&report);
    ledger(&report);

    // The filter made the difference, and nothing but the reactor.
    let free = run(command()).with_code(0).json();
    if reactors().len() == 2 {
        assert_eq!(free["reactor"], "glommio");
    }
    for same in ["lines", "malformed", "status", "bytes", "top_paths", "ledger"] {
        assert_eq!(free[same], report[same], "{same}");
    }
}

#[test]
fn glommio_that_was_asked_for_is_an_error_there() {
    let command = raddle(["run", EXAMPLE, "--reactor", "glommio"]);
    let ran = run_without_io_uring(command).with_code(1);
    assert_eq!(ran.out, "");
    ran.says("`glommio` was asked for and cannot run");
    ran.says("`auto` or `thread` would run");
}

#[test]
fn threads_that_were_asked_for_need_no_io_uring() {
    let command = raddle(["run", EXAMPLE, "--reactor", "thread", "--output", "json"]);
    assert_eq!(run_without_io_uring(command).with_code(0).json()["reactor"], "thread");
}
