//! EDGE: the manifest, a TOML file that says what to run.
//!
//! [`Manifest::load`] reads one and checks all of it: unknown keys, types, ranges,
//! references, duplicate names, missing files. It stops at nothing, so that every
//! problem is shown at once, each with its file, line, column, what was expected
//! and, where there is a likely one, what was meant. What comes out is [plain
//! data](RuntimeSpec) with places in the text, for problems that show only later:
//! see [`Manifest::problem`].
//!
//! `docs/guide-manifest.md` has every key, with type, unit, range and default.

mod error;
mod limits;
mod mailbox;
mod plan;
mod read;
mod section;
mod spec;
mod supervisors;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use error::{ManifestError, Problem, Source, Span};
pub use mailbox::{MailboxSpec, Overflow};
pub use plan::Instance;
#[cfg(feature = "cli")]
pub(crate) use section::closest;
pub use spec::{
    ActorSpec, AutoShutdown, BackoffSpec, ComponentSpec, ExecutionClass, GrantsSpec, HealthSpec, InputSpec,
    Instances, LimitsSpec, Lines, MemoryLayout, NamedSupervisorSpec, Placement, Reactor, ReportSpec, Restart,
    RuntimeSpec, Strategy, SupervisorSpec, Trust,
};

/// What to run.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The file that it was read from.
    pub path: PathBuf,
    /// How the runtime is set up.
    pub runtime: RuntimeSpec,
    /// When actors are asked how they are; none set asks nobody.
    pub health: Option<HealthSpec>,
    /// What actors are made from, by name.
    pub components: Vec<ComponentSpec>,
    /// Who looks after them all.
    pub supervisor: SupervisorSpec,
    /// The supervisors below that one, by name.
    pub supervisors: Vec<NamedSupervisorSpec>,
    /// The actors, in the order to start them.
    pub actors: Vec<ActorSpec>,
    /// Where the work comes from.
    pub input: Option<InputSpec>,
    /// What is asked at the end.
    pub report: Option<ReportSpec>,
    source: Source,
}

/// What the command line says over the manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--shards`
    pub shards: Option<u16>,
    /// `--reactor`
    pub reactor: Option<Reactor>,
    /// `--input`
    pub input: Option<Lines>,
}

impl Manifest {
    /// Reads and checks a manifest. Paths in it are relative to its folder; the
    /// files that they name must be there, and are not opened.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(path: &Path, overrides: &Overrides) -> Result<Self, ManifestError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ManifestError::Unreadable { path: path.to_owned(), source })?;
        Self::from_text(path, &text, overrides)
    }

    /// Checks the text of a manifest, as if it had been read from `path`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn from_text(path: &Path, text: &str, overrides: &Overrides) -> Result<Self, ManifestError> {
        read::read(path, text, overrides)
    }

    /// How the mailbox of an actor is to be.
    pub fn mailbox_of(&self, actor: &ActorSpec) -> MailboxSpec {
        self.component(&actor.component).map(|component| component.mailbox).unwrap_or_default()
    }

    /// The most messages in the mailbox of each instance of an actor: of those that
    /// may be lost there, as many as in any.
    pub fn mailbox_messages_max(&self, actor: &str) -> u32 {
        let mailbox = self.actor(actor).map(|actor| self.mailbox_of(actor)).unwrap_or_default();
        let own = mailbox.messages_max.filter(|_| mailbox.holds_senders_back());
        own.unwrap_or(self.runtime.mailbox_messages_max)
    }

    /// The component of that name. Every actor's is there.
    pub fn component(&self, name: &str) -> Option<&ComponentSpec> {
        self.components.iter().find(|component| component.name == name)
    }

    /// The actor of that name. Those of `input` and `report` are there.
    pub fn actor(&self, name: &str) -> Option<&ActorSpec> {
        self.actors.iter().find(|actor| actor.name == name)
    }

    /// The supervisors below the topmost that are above an actor, the nearest first.
    pub fn supervisors_of<'m>(&'m self, actor: &'m ActorSpec) -> Vec<&'m str> {
        supervisors::line(&self.supervisors, actor)
    }

    /// A problem that showed after reading, such as a component that does not
    /// load: shown with the line that it comes from.
    pub fn problem(&self, span: Span, message: impl Into<String>, label: impl Into<String>) -> Problem {
        Problem::new(&self.source, span, message, label)
    }
}
