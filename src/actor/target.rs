//! All ways to say who a message is for.

use super::ActorId;

/// Who a message is for.
///
/// # Examples
/// ```
/// use raddle::actor::Target;
///
/// let to = Target::Key { group: "carts", key: b"customer-17" };
/// assert_ne!(to, Target::Name("carts"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// The actor of this address.
    Id(ActorId),
    /// The actor that is registered under this name.
    Name(&'a str),
    /// One member of this group, in turn; one without room is passed over.
    One(&'a str),
    /// Every member of this group.
    All(&'a str),
    /// The member of this group that a key belongs to: the same one for the same
    /// key, for as long as it is a member.
    Key {
        /// The group.
        group: &'a str,
        /// The key.
        key: &'a [u8],
    },
    /// Everyone who has subscribed to a filter that matches this subject.
    Topic(&'a str),
}

impl From<ActorId> for Target<'_> {
    fn from(actor: ActorId) -> Self {
        Self::Id(actor)
    }
}
