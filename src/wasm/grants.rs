//! What actors of a component may do to others, and to what is outside.
//!
//! Nothing, unless it is granted. An address is worth nothing by itself: an actor may
//! send to those that it has looked up itself, under a name that it may send to. So an
//! address that was forged, or came in somebody's payload, is denied.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::actor::{Filter, TopicError};

/// What actors of a component may do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Names and groups that they may send to.
    pub send: Patterns,
    /// Names that they may ask.
    pub ask: Patterns,
    /// Names that they may link to, and send exit signals.
    pub link: Patterns,
    /// Names that they may take, or give to what they spawn, and groups that they may join.
    pub register: Patterns,
    /// Subjects that they may publish to.
    pub publish: Patterns,
    /// Filters that they may subscribe to.
    pub subscribe: Patterns,
    /// Components that they may spawn. To what they have spawned they may send, ask and
    /// link without more.
    pub spawn: Patterns,
    /// What they see of the system.
    pub wasi: WasiGrants,
}

/// What actors see of the system. Never the network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WasiGrants {
    /// Environment variables: these, and none of the process's own.
    pub environment: BTreeMap<String, String>,
    /// May they read the clocks?
    pub clocks: bool,
    /// May they have random numbers?
    pub random: bool,
    /// Do lines on standard output and error go to the log? Else nowhere.
    pub stdio: bool,
    /// Directories, by what the guest calls them.
    pub directories: BTreeMap<String, Directory>,
}

/// A directory that a guest may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Which one.
    pub path: PathBuf,
    /// May it be written?
    pub writable: bool,
}

/// Names, by pattern: as filters of topics (`*` is a token, a last `>` is the rest).
/// `>` alone is everybody, also those without a name; `@sender` is whoever sent the
/// message that is being handled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patterns {
    filters: Vec<Filter>,
    everybody: bool,
    senders: bool,
}

/// Stands for whoever sent the message that is being handled.
const SENDER: &str = "@sender";
const EVERYBODY: &str = ">";

impl Patterns {
    /// Everybody.
    pub fn everybody() -> Self {
        Self { everybody: true, ..Self::default() }
    }

    /// These.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, TopicError> {
        let mut patterns = Self::default();
        for text in texts {
            match text {
                EVERYBODY => patterns.everybody = true,
                SENDER => patterns.senders = true,
                text => patterns.filters.push(Filter::parse(text)?),
            }
        }
        Ok(patterns)
    }

    /// These as well.
    pub fn and(&mut self, more: Self) {
        self.filters.extend(more.filters);
        self.everybody |= more.everybody;
        self.senders |= more.senders;
    }

    /// Is everybody among them?
    pub fn is_everybody(&self) -> bool {
        self.everybody
    }

    pub(super) fn has_senders(&self) -> bool {
        self.senders
    }

    /// Is this name among them?
    pub fn allow(&self, name: &str) -> bool {
        self.everybody || self.filters.iter().any(|filter| covers(filter, name))
    }
}

/// Does the filter match this name, or, if it is a filter itself, all that it does?
fn covers(filter: &Filter, name: &str) -> bool {
    let mut tokens = name.split('.');
    for wanted in filter.tokens() {
        match (wanted, tokens.next()) {
            (_, None) => return false,
            (">", Some(_)) => return true,
            ("*", Some(token)) if token != ">" => {}
            (wanted, Some(token)) if wanted == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}

/// A named bundle of limits and grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TrustLevel {
    /// Nothing but what is granted beside it, and small limits.
    Untrusted,
    /// Messages to everybody and everything; clocks, random numbers, lines to the log;
    /// the default limits. What an embedder gets who says nothing.
    #[default]
    Standard,
    /// Also to spawn any component; and large limits.
    Trusted,
}

impl TrustLevel {
    /// What it grants.
    pub fn grants(self) -> Grants {
        let all = Patterns::everybody;
        match self {
            Self::Untrusted => Grants::default(),
            Self::Standard | Self::Trusted => Grants {
                send: all(),
                ask: all(),
                link: all(),
                register: all(),
                publish: all(),
                subscribe: all(),
                spawn: if self == Self::Trusted { all() } else { Patterns::default() },
                wasi: WasiGrants { clocks: true, random: true, stdio: true, ..WasiGrants::default() },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_allowed_by_pattern() {
        let patterns = Patterns::parse(["orders", "worker.*", "log.>"]).unwrap();
        for (name, allowed) in [
            ("orders", true),
            ("orders.x", false),
            ("worker.7", true),
            ("worker", false),
            ("worker.7.x", false),
            ("log.a.b", true),
            ("log", false),
            ("", false),
            ("worker.>", false),
            ("log.*.x", true),
        ] {
            assert_eq!(patterns.allow(name), allowed, "{name}");
        }
        assert!(!Patterns::default().allow("orders"));
        assert!(Patterns::everybody().allow("any name at all"));
        assert!(Patterns::parse(["a..b"]).is_err());
    }
}
