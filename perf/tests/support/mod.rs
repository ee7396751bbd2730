//! Runs the program, at the root of the repository.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// What came of a run.
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// What it printed, if it succeeded.
    #[track_caller]
    pub fn succeeds(&self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.stdout.clone()
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.succeeds()).unwrap()
    }

    /// It failed, said this, and did not panic.
    #[track_caller]
    pub fn fails_with(&self, said: &str) {
        assert_ne!(self.code, Some(0), "{}", self.stdout);
        assert!(self.stderr.contains(said), "expected `{said}`:\n{}", self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        assert!(!self.stderr.contains("backtrace"), "{}", self.stderr);
    }
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_raddle-perf"));
    // Whoever has this set is not to be told more than others.
    command.args(args).current_dir(folder).env("RUST_BACKTRACE", "1");
    command
}

pub fn raddle_perf(args: &[&str]) -> Ran {
    raddle_perf_in(&root(), args)
}

pub fn raddle_perf_in(folder: &Path, args: &[&str]) -> Ran {
    Ran::of(command(folder, args).output().unwrap())
}

/// A run under way.
pub struct Running(Child);

pub fn start(args: &[&str]) -> Running {
    Running(command(&root(), args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

impl Running {
    pub fn interrupt(&self) {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    }

    pub fn end(self) -> Ran {
        Ran::of(self.0.wait_with_output().unwrap())
    }
}
