//! How the command ends.

use std::process::ExitCode;

use crate::manifest::ManifestError;

/// The exit codes. They are part of the interface: see `raddle --help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It did what it was asked. Lines that failed are in the report.
    Done = 0,
    /// The job could not be done to its end, or not be started.
    Failed = 1,
    /// The command line or the manifest is wrong, or what is to be called.
    Usage = 2,
    /// A component cannot be used.
    Component = 3,
    /// Ctrl-C or a termination signal: drained, and reported.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A command that ended badly: what to show, and the exit code that goes with it.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What to show.
    pub report: miette::Report,
}

impl Failure {
    /// The job could not be done.
    pub fn failed(report: impl Into<miette::Report>) -> Self {
        Self { exit: Exit::Failed, report: report.into() }
    }

    /// A component cannot be used.
    pub fn component(report: impl Into<miette::Report>) -> Self {
        Self { exit: Exit::Component, report: report.into() }
    }
}

impl From<ManifestError> for Failure {
    fn from(error: ManifestError) -> Self {
        Self { exit: Exit::Usage, report: error.into() }
    }
}
