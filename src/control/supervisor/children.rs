//! The children of a supervisor: by number, in the order of their start, and by
//! what they are known as.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::actor::ExitReason;
use crate::control::child_spec::{ChildAddress, ChildKind, ChildPolicy, ChildSpec};

use super::command::{ChildNumber, Ticket};

/// Why a child is being started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The supervisor begins with it.
    Boot,
    /// Somebody wants it; if `new`, the supervisor did not know it before.
    Asked { ticket: Ticket, new: bool },
    /// It, or a sibling, had ended.
    Restart,
}

/// What a child does.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum State {
    /// It is on its way up, to an address that is not known yet.
    Starting { cause: Cause, to_stop: Vec<Ticket> },
    /// It is up.
    Running(ChildAddress),
    /// It is on its way up again, at its address.
    Restarting { at: ChildAddress, cause: Cause },
    /// It is to be started again when this wait is over.
    Waiting { at: Option<ChildAddress>, wait: u64 },
    /// It is on its way down.
    Stopping { at: ChildAddress, tickets: Vec<Ticket>, comes_back: bool },
    /// It ended while the supervisor was in the middle of something.
    Ended { at: ChildAddress, reason: ExitReason },
    /// It is down, and keeps its address, for it is to come back with its siblings.
    Down(ChildAddress),
    /// There is only its spec.
    Absent,
}

impl State {
    fn is_transition(&self) -> bool {
        matches!(self, Self::Starting { .. } | Self::Restarting { .. } | Self::Stopping { .. })
    }

    pub(super) fn address(&self) -> Option<ChildAddress> {
        match *self {
            Self::Running(at)
            | Self::Restarting { at, .. }
            | Self::Stopping { at, .. }
            | Self::Ended { at, .. }
            | Self::Down(at) => Some(at),
            Self::Waiting { at, .. } => at,
            Self::Starting { .. } | Self::Absent => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Child<W> {
    /// `None` if it was made from the template.
    pub(super) id: Option<Arc<str>>,
    pub(super) kind: ChildKind,
    pub(super) policy: ChildPolicy,
    /// Kept only if it can be needed again.
    pub(super) what: Option<Box<W>>,
    pub(super) state: State,
    /// Restarts in a row, without a stable while between them.
    pub(super) attempts: u32,
    pub(super) up_since_ns: u64,
}

#[derive(Debug)]
pub(super) struct Children<W> {
    /// Where each is in `places`: mostly in the order of their start, so that whoever goes
    /// through them waits little for memory, and a removal moves none.
    by_number: BTreeMap<ChildNumber, u32>,
    places: Vec<Option<Child<W>>>,
    free_places: Vec<u32>,
    by_id: HashMap<Arc<str>, ChildNumber>,
    /// Only those that have no id.
    by_address: HashMap<ChildAddress, ChildNumber, RandomState>,
    next: ChildNumber,
    in_transition: usize,
}

impl<W> Children<W> {
    pub(super) fn new() -> Self {
        Self {
            by_number: BTreeMap::new(),
            places: Vec::new(),
            free_places: Vec::new(),
            by_id: HashMap::new(),
            by_address: HashMap::default(),
            next: 0,
            in_transition: 0,
        }
    }

    /// Adds a child after all others.
    pub(super) fn add(&mut self, spec: ChildSpec<W>, dynamic: bool, state: State) -> ChildNumber {
        let number = self.next;
        self.next += 1;
        let ChildSpec { id, kind, policy, what } = spec;
        let id = (!dynamic).then_some(id);
        if let Some(id) = &id {
            self.by_id.insert(id.clone(), number);
        }
        self.in_transition += usize::from(state.is_transition());
        let child =
            Child { id, kind, policy, what: Some(Box::new(what)), state, attempts: 0, up_since_ns: 0 };
        let place = self.free_places.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() as u32 - 1
        });
        self.places[place as usize] = Some(child);
        self.by_number.insert(number, place);
        number
    }

    pub(super) fn get(&self, number: ChildNumber) -> Option<&Child<W>> {
        let place = *self.by_number.get(&number)?;
        self.places[place as usize].as_ref()
    }

    pub(super) fn get_mut(&mut self, number: ChildNumber) -> Option<&mut Child<W>> {
        let place = *self.by_number.get(&number)?;
        self.places[place as usize].as_mut()
    }

    pub(super) fn by_id(&self, id: &str) -> Option<ChildNumber> {
        self.by_id.get(id).copied()
    }

    pub(super) fn by_address(&self, at: ChildAddress) -> Option<ChildNumber> {
        self.by_address.get(&at).copied()
    }

    /// What it did until now.
    pub(super) fn set(&mut self, number: ChildNumber, state: State) -> Option<State> {
        let place = *self.by_number.get(&number)?;
        let child = self.places[place as usize].as_mut()?;
        if child.id.is_none()
            && let (None, Some(at)) = (child.state.address(), state.address())
        {
            self.by_address.insert(at, number);
        }
        self.in_transition += usize::from(state.is_transition());
        let before = std::mem::replace(&mut child.state, state);
        self.in_transition -= usize::from(before.is_transition());
        Some(before)
    }

    pub(super) fn remove(&mut self, number: ChildNumber) {
        let Some(place) = self.by_number.remove(&number) else { return };
        self.free_places.push(place);
        let Some(child) = self.places[place as usize].take() else { return };
        self.in_transition -= usize::from(child.state.is_transition());
        match (child.id, child.state.address()) {
            (Some(id), _) => drop(self.by_id.remove(&id)),
            (None, Some(at)) => drop(self.by_address.remove(&at)),
            (None, None) => {}
        }
    }

    /// How many are on their way up or down?
    pub(super) fn in_transition(&self) -> usize {
        self.in_transition
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (ChildNumber, &Child<W>)> {
        self.by_number
            .iter()
            .filter_map(|(&number, &place)| Some((number, self.places[place as usize].as_ref()?)))
    }

    pub(super) fn numbers(&self) -> Vec<ChildNumber> {
        self.by_number.keys().copied().collect()
    }

    /// The first children from `from` on, so many of them at the most.
    pub(super) fn some_from(&self, from: ChildNumber, most: usize) -> Vec<ChildNumber> {
        self.by_number.range(from..).map(|(&number, _)| number).take(most).collect()
    }

    /// The last child.
    pub(super) fn last(&self) -> Option<ChildNumber> {
        self.by_number.last_key_value().map(|(&number, _)| number)
    }

    /// The last child from `from` on and before `before`.
    pub(super) fn last_between(&self, from: ChildNumber, before: Bound<ChildNumber>) -> Option<ChildNumber> {
        if matches!(before, Bound::Excluded(before) if before <= from) {
            return None;
        }
        self.by_number.range((Bound::Included(from), before)).next_back().map(|(&number, _)| number)
    }

    /// The first child from `from` on.
    pub(super) fn first_from(&self, from: ChildNumber) -> Option<ChildNumber> {
        self.by_number.range(from..).next().map(|(&number, _)| number)
    }
}
