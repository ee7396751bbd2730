//! Whether an actor may do what it wants to do.

use std::collections::{HashMap, VecDeque};

use super::HostState;
use crate::actor::ActorId;
use crate::wasm::grants::Patterns;

/// What needs a grant to be done to an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::wasm) enum Right {
    Send,
    Ask,
    /// Links, and exit signals: both can end it.
    Link,
}

impl Right {
    const fn bit(self) -> u8 {
        1 << self as u8
    }

    const ALL: u8 = Self::Send.bit() | Self::Ask.bit() | Self::Link.bit();

    const fn word(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Ask => "ask",
            Self::Link => "link",
        }
    }
}

/// The addresses that an actor has come by lawfully.
#[derive(Default)]
pub(in crate::wasm) struct Acquaintances {
    rights: HashMap<ActorId, u8>,
    /// The one that was allowed last: most actors send to few others.
    latest: Option<(ActorId, u8)>,
    /// Those found last that nothing may be done to, for an error that says the name.
    strangers: VecDeque<(ActorId, Box<str>)>,
}

const STRANGERS_KEPT: usize = 8;

impl HostState {
    fn patterns(&self, right: Right) -> &Patterns {
        match right {
            Right::Send => &self.terms.grants.send,
            Right::Ask => &self.terms.grants.ask,
            Right::Link => &self.terms.grants.link,
        }
    }

    /// May it do that to this actor?
    ///
    /// # Errors
    /// What would have to be granted.
    #[inline]
    pub(super) fn may(&mut self, right: Right, to: ActorId) -> Result<(), String> {
        let patterns = self.patterns(right);
        if patterns.is_everybody() || (patterns.has_senders() && self.senders.contains(&to.to_bits())) {
            return Ok(());
        }
        match self.acquaintances.as_ref().and_then(|known| known.latest) {
            Some((latest, rights)) if latest == to && rights & right.bit() != 0 => Ok(()),
            _ => self.may_by_name(right, to),
        }
    }

    fn may_by_name(&mut self, right: Right, to: ActorId) -> Result<(), String> {
        if self.identity.as_ref().is_some_and(|own| own.id == to) {
            return Ok(());
        }
        if let Some(known) = &mut self.acquaintances
            && let Some(rights) = known.rights.get(&to)
            && rights & right.bit() != 0
        {
            known.latest = Some((to, *rights));
            return Ok(());
        }
        let mut strangers = self.acquaintances.iter().flat_map(|known| &known.strangers);
        let name = strangers.find(|(id, _)| *id == to);
        if let Some((_, name)) = name
            && self.patterns(right).allow(name)
        {
            let most = self.terms.limits.addresses_max;
            let why = format!("it may {} to `{name}`, but is over addresses_max ({most})", right.word());
            self.usage.denied += 1;
            return Err(why);
        }
        let (whom, pattern) = match name {
            Some((_, name)) => (format!("`{name}`"), format!("\"{name}\"")),
            None => ("an address that it has not looked up".to_owned(), "NAME".to_owned()),
        };
        Err(self.deny(right.word(), &format!("to {whom}"), &pattern))
    }

    /// It has found somebody under this name.
    pub(in crate::wasm) fn meet(&mut self, name: &str, id: ActorId) {
        let grants = &self.terms.grants;
        if grants.send.is_everybody() && grants.ask.is_everybody() && grants.link.is_everybody() {
            return;
        }
        let bit = |right: Right, patterns: &Patterns| if patterns.allow(name) { right.bit() } else { 0 };
        let rights =
            bit(Right::Send, &grants.send) | bit(Right::Ask, &grants.ask) | bit(Right::Link, &grants.link);
        let acquaintances = self.acquaintances.get_or_insert_default();
        if rights != 0 && acquaintances.rights.len() < self.terms.limits.addresses_max {
            *acquaintances.rights.entry(id).or_default() |= rights;
        } else if !acquaintances.strangers.iter().any(|(known, _)| *known == id) {
            acquaintances.strangers.truncate(STRANGERS_KEPT - 1);
            acquaintances.strangers.push_front((id, name.into()));
        }
    }

    /// It has spawned this one, and may do all to it.
    pub(super) fn raise(&mut self, child: ActorId) {
        let acquaintances = self.acquaintances.get_or_insert_default();
        if acquaintances.rights.len() < self.terms.limits.addresses_max {
            acquaintances.rights.insert(child, Right::ALL);
        }
    }

    /// May it do anything to this actor?
    pub(super) fn knows(&self, other: ActorId) -> bool {
        let grants = &self.terms.grants;
        let is_one_of = |patterns: &Patterns| {
            patterns.is_everybody() || (patterns.has_senders() && self.senders.contains(&other.to_bits()))
        };
        [&grants.send, &grants.ask, &grants.link].into_iter().any(is_one_of)
            || self.acquaintances.as_ref().is_some_and(|known| known.rights.contains_key(&other))
            || self.identity.as_ref().is_some_and(|own| own.id == other)
    }

    /// May it do something with this name, group, subject or filter?
    ///
    /// # Errors
    /// What would have to be granted.
    pub(super) fn may_use(
        &mut self,
        what: &str,
        of: impl Fn(&Self) -> &Patterns,
        name: &str,
    ) -> Result<(), String> {
        if of(self).allow(name) {
            return Ok(());
        }
        Err(self.deny(what, &format!("`{name}`"), &format!("\"{name}\"")))
    }

    #[cold]
    pub(super) fn deny(&mut self, what: &str, whom: &str, pattern: &str) -> String {
        self.usage.denied += 1;
        let component = &self.terms.component;
        format!(
            "it may not {what} {whom}: grant it with `{what} = [{pattern}]` in [component.{component}.grants]"
        )
    }
}
