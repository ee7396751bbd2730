//! The binary as a child process, with a manifest of its own where it needs one.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{PATIENCE, guest, repository};

pub const EXAMPLE: &str = "examples/access_log/raddle.toml";

/// `raddle` with these arguments, in the repository's folder. Its cache is under
/// `target`, if not told otherwise.
pub fn raddle<A: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_raddle"));
    command.args(arguments);
    in_the_repository(&mut command);
    command
}

/// Where a command runs, and what it finds there.
pub fn in_the_repository(command: &mut Command) {
    command.current_dir(repository("")).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command.env("NO_COLOR", "1").env_remove("RUST_LOG").env_remove("RUST_BACKTRACE");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
}

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// It must have ended so.
    #[track_caller]
    pub fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        // Guests panic too, and that is their business.
        let panicked = |line: &str| line.starts_with("thread '") && line.contains("panicked at");
        assert!(!self.err.lines().any(panicked), "{}", self.err);
        self
    }

    /// What it printed, which must be JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// What it said on standard error, in one line and without drawings.
    pub fn said(&self) -> String {
        let words = self.err.split_whitespace();
        let words = words.map(|word| word.trim_matches(['│', '╰', '╭', '╯', '─', '▶', '·', '×', '┬', '├']));
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }

    #[track_caller]
    pub fn says(&self, what: &str) {
        assert!(self.said().contains(what), "{what:?} is not in:\n{}", self.err);
    }
}

/// Runs it to its end.
#[track_caller]
pub fn run(mut command: Command) -> Ran {
    finish(command.spawn().expect("it can be run"))
}

/// Runs it to its end, with this on its standard input.
#[track_caller]
pub fn run_with(mut command: Command, input: &[u8]) -> Ran {
    let mut child = command.stdin(Stdio::piped()).spawn().expect("it can be run");
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // It may end before it has read all of it.
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let ran = finish(child);
    writer.join().unwrap();
    ran
}

/// Waits for the end, but not forever.
#[track_caller]
pub fn finish(child: Child) -> Ran {
    let pid = Pid::from_child(&child);
    let (done, ended) = channel();
    let waiter = thread::spawn(move || done.send(child.wait_with_output()));
    let Ok(output) = ended.recv_timeout(PATIENCE) else {
        // It is not waited for yet, so the number is still its own.
        let _ = kill_process(pid, Signal::KILL);
        let _ = waiter.join();
        panic!("still running after {PATIENCE:?}: {:?}", ended.recv());
    };
    let output = output.expect("its output");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A folder that goes away with the test.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::Builder::new().prefix("raddle-test-").tempdir().expect("a folder"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, content).expect("a file");
        path
    }

    /// A manifest like the example's, with these sections and keys besides:
    /// `sections` at its start, `config` under the parser's `[actor.config]`.
    pub fn access_log(&self, sections: &str, config: &str) -> PathBuf {
        let sample = repository("examples/access_log/sample.log");
        let [parser, aggregator, reporter] = ["parser", "aggregator", "reporter"].map(guest);
        let text = format!(
            r#"
{sections}
[component.parser]
path = {parser:?}
grants = {{ send = ["aggregator.*"] }}
[component.aggregator]
path = {aggregator:?}
[component.reporter]
path = {reporter:?}
[[actor]]
name = "reporter"
component = "reporter"
[[actor]]
name = "aggregator"
component = "aggregator"
instances = "per-shard"
[[actor]]
name = "parser"
component = "parser"
instances = "per-shard"
[actor.config]
{config}
[input]
lines = {sample:?}
to = "parser"
[report]
ask = "aggregator"
with = "totals"
via = "reporter"
then = "report"
"#
        );
        self.write("raddle.toml", text)
    }
}

/// The figures of a report's ledger: accepted, handled, failed, dead. It must
/// close, and nothing may be left over.
#[track_caller]
pub fn ledger(report: &Value) -> [u64; 4] {
    let [accepted, handled, failed, dead, resident] =
        ["accepted", "handled", "failed", "dead", "resident"].map(|key| count(&report["ledger"][key]));
    assert_eq!(accepted, handled + failed + dead + resident, "{report:#}");
    assert_eq!(resident, 0, "{report:#}");
    [accepted, handled, failed, dead]
}

#[track_caller]
pub fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no count"))
}

/// To finish a command in the expression that begins it.
pub trait Tap: Sized {
    fn tap<T>(mut self, change: impl FnOnce(&mut Self) -> &mut T) -> Self
    where
        T: ?Sized,
    {
        change(&mut self);
        self
    }
}

impl Tap for Command {}
