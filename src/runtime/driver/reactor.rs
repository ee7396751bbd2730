//! Which reactor: what was asked for, what is possible, what it will be.

use std::fmt;
use std::str::FromStr;

use super::probe::{self, Refusal};

/// The reactor asked for (`reactor = auto | glommio | thread`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reactor {
    /// glommio where it can run, plain threads elsewhere.
    #[default]
    Auto,
    /// glommio, or an error.
    Glommio,
    /// Plain pinned threads.
    Thread,
}

impl fmt::Display for Reactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Auto => "auto",
            Self::Glommio => "glommio",
            Self::Thread => "thread",
        })
    }
}

/// A reactor's name was expected and something else was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown reactor {0:?}: expected `auto`, `glommio` or `thread`")]
pub struct UnknownReactor(
    /// What was found.
    pub String,
);

impl FromStr for Reactor {
    type Err = UnknownReactor;

    fn from_str(name: &str) -> Result<Self, UnknownReactor> {
        match name {
            "auto" => Ok(Self::Auto),
            "glommio" => Ok(Self::Glommio),
            "thread" => Ok(Self::Thread),
            _ => Err(UnknownReactor(name.into())),
        }
    }
}

/// The reactor that drives the shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReactorKind {
    /// A glommio executor on an io_uring.
    Glommio,
    /// A thread that parks.
    Thread,
}

impl fmt::Display for ReactorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Glommio => "glommio",
            Self::Thread => "thread",
        })
    }
}

/// A reactor and why it is this one. Displayed, it is the line to log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The reactor.
    pub kind: ReactorKind,
    /// Why it was chosen, as a clause.
    pub reason: String,
}

impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reactor {}: {}", self.kind, self.reason)
    }
}

/// The reactor asked for cannot run here.
#[derive(Debug, thiserror::Error)]
#[error("reactor `glommio` was asked for and cannot run: {0}; `auto` or `thread` would run")]
pub struct ReactorError(
    /// What is in its way.
    #[from]
    pub Refusal,
);

/// Chooses the reactor for that many shards, by trying.
///
/// # Errors
/// When glommio is asked for and cannot run. `Auto` and `Thread` never fail.
pub fn choose(asked: Reactor, shards: usize) -> Result<Chosen, ReactorError> {
    let (kind, reason) = match asked {
        Reactor::Thread => (ReactorKind::Thread, "asked for".into()),
        Reactor::Glommio => {
            let works = probe::glommio(shards)?;
            (ReactorKind::Glommio, format!("asked for; {works}"))
        }
        Reactor::Auto => match probe::glommio(shards) {
            Ok(works) => (ReactorKind::Glommio, works),
            Err(refusal) => (ReactorKind::Thread, refusal.to_string()),
        },
    };
    Ok(Chosen { kind, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reactor_is_named_as_it_is_shown() {
        for reactor in [Reactor::Auto, Reactor::Glommio, Reactor::Thread] {
            assert_eq!(reactor.to_string().parse(), Ok(reactor));
        }
        let unknown = "tokio".parse::<Reactor>().unwrap_err();
        assert_eq!(unknown.to_string(), "unknown reactor \"tokio\": expected `auto`, `glommio` or `thread`");
    }

    #[test]
    fn plain_threads_need_no_probe() {
        let chosen = choose(Reactor::Thread, 1).unwrap();
        assert_eq!(chosen.to_string(), "reactor thread: asked for");
    }
}
