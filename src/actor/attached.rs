//! What comes with some messages, and costs the others a pointer.

use std::sync::Arc;

use super::{ActorId, Subject};

/// The most actors that may wait for each other in a row.
pub const ASK_CHAIN_MAX: u32 = 256;

/// What a message has besides its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attached {
    /// It was published to this subject.
    Topic(Subject),
    /// It is for members of this group, and in nobody's mailbox yet.
    Group(Subject, Pick),
    /// Somebody waits for its reply, and does nothing else meanwhile.
    Asks(Chain),
}

/// Which members of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// One, in turn.
    One,
    /// Every one.
    All,
    /// The one that this key belongs to.
    Key(Box<[u8]>),
}

/// The actors that wait for a reply, each for the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    asker: ActorId,
    /// What the asker was handling, if somebody waits for that.
    before: Option<Arc<Attached>>,
    length: u32,
}

impl Chain {
    /// An actor asks, while it handles a message that came with `before`.
    pub fn new(asker: ActorId, before: Option<Arc<Attached>>) -> Self {
        let before = before.filter(|attached| attached.chain().is_some());
        let length = 1 + before.as_deref().and_then(Attached::chain).map_or(0, |chain| chain.length);
        Self { asker, before, length }
    }

    /// Is this actor one of those that wait?
    pub fn holds(&self, actor: ActorId) -> bool {
        let mut chain = Some(self);
        while let Some(link) = chain {
            if link.asker == actor {
                return true;
            }
            chain = link.before.as_deref().and_then(Attached::chain);
        }
        false
    }

    /// How many wait.
    pub fn length(&self) -> u32 {
        self.length
    }
}

impl Attached {
    /// Who waits for the reply to the message, if somebody does nothing else.
    pub fn chain(&self) -> Option<&Chain> {
        match self {
            Self::Asks(chain) => Some(chain),
            Self::Topic(_) | Self::Group(..) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::ShardId;

    #[test]
    fn a_chain_holds_everyone_who_waits() {
        let actor = |slot| ActorId::new(ShardId(0), slot, 1);
        let mut before = Some(Arc::new(Attached::Topic(Subject::parse("a").unwrap())));
        for slot in 0..3 {
            let chain = Chain::new(actor(slot), before);
            assert_eq!(chain.length(), slot + 1);
            before = Some(Arc::new(Attached::Asks(chain)));
        }
        let chain = before.as_deref().and_then(Attached::chain).unwrap();
        assert!((0..3).all(|slot| chain.holds(actor(slot))));
        assert!(!chain.holds(actor(3)));
    }
}
