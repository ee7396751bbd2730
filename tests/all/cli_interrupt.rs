//! Signals: what was read is handled and reported.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::command::*;
use crate::support::*;

fn signal(child: &Child, signal: Signal) {
    // It is not waited for yet, so the number is its own.
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[track_caller]
fn interrupted(ran: Ran) -> Value {
    let report = ran.with_code(130).json();
    assert_eq!(report["interrupted"], true);
    ledger(&report);
    report
}

#[test]
fn half_way_through_an_endless_input_it_reports_what_was_done() {
    // More than may be on its way: the pipe, and what is read ahead.
    const BYTES_BEFORE: usize = 4 << 20;
    let lines = std::fs::read(repository("examples/access_log/sample.log")).unwrap();
    let mut command = raddle(["run", EXAMPLE, "--input", "-", "--output", "json", "--shards", "2"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for _ in 0..BYTES_BEFORE / lines.len() {
        stdin.write_all(&lines).unwrap();
    }
    signal(&child, Signal::INT);
    // It goes on and on, until nobody reads any longer.
    let writer = thread::spawn(move || while stdin.write_all(&lines).is_ok() {});
    let report = interrupted(finish(child));
    writer.join().unwrap();
    let read = count(&report["lines_read"]);
    assert!(read > 10_000, "{read}");
    assert_eq!(count(&report["lines"]), read, "every line that was read is in the report");
    assert_eq!(report["problems"], serde_json::json!([]));
}

#[test]
fn an_input_that_says_nothing_does_not_hold_it_up() {
    for kind in [Signal::INT, Signal::TERM] {
        let mut command = raddle(["run", EXAMPLE, "--input", "-", "--output", "json"]);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let silent = child.stdin.take();
        until_it_runs(&mut child);
        signal(&child, kind);
        let report = interrupted(finish(child));
        assert_eq!(report["lines_read"], 0);
        drop(silent);
    }
}

#[test]
fn without_an_input_it_runs_until_it_is_told_to_stop() {
    let folder = Folder::new();
    let manifest = format!(
        "[component.counter]\npath = {:?}\n[[actor]]\nname = \"counter\"\ncomponent = \"counter\"\ninstances = 7\n",
        guest("counter")
    );
    let manifest = folder.write("raddle.toml", manifest);
    let mut child = raddle(["run", "-o", "json"]).tap(|it| it.arg(manifest)).spawn().unwrap();
    until_it_runs(&mut child);
    signal(&child, Signal::INT);
    let report = interrupted(finish(child));
    assert_eq!(report["ledger"]["accepted"], 0);
}

/// It says which reactor drives it before it starts its actors; that it listens
/// for signals comes before.
fn until_it_runs(child: &mut Child) {
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("reactor ") {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "it ended");
    }
    // Somebody must go on reading.
    thread::spawn(move || stderr.read_to_string(&mut String::new()));
}
