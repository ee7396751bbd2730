//! Publish and subscribe. Subjects have the grammar of NATS: tokens between dots. In a
//! filter `*` is any one token, and a last `>` is one or more.

use crate::Failure;
use crate::bindings::imports::raddle::actor::topics as host;

pub use host::TopicError;

/// Send to everyone who has subscribed to a filter that matches.
///
/// # Errors
/// See [`TopicError`]. Nobody there is no error.
pub fn publish(subject: &str, payload: &[u8]) -> Result<(), TopicError> {
    host::publish(subject, payload)
}

/// From here on, get what is published to subjects that match: in
/// [`Subscriber`](crate::Subscriber), or else as plain messages. It ends with this
/// incarnation, so `init` is the place for it.
///
/// # Errors
/// See [`TopicError`].
pub fn subscribe(filter: &str) -> Result<(), TopicError> {
    host::subscribe(filter)
}

/// Take one subscription back.
///
/// # Errors
/// If there was none.
pub fn unsubscribe(filter: &str) -> Result<(), TopicError> {
    host::unsubscribe(filter)
}

impl From<TopicError> for Failure {
    fn from(error: TopicError) -> Self {
        match error {
            TopicError::SubjectInvalid(why) => Failure::Rejected(why),
            TopicError::AccessDenied(why) => Failure::Other(format!("access denied: {why}")),
            TopicError::MessageTooLarge(limit) => {
                Failure::Other(format!("message larger than {limit} bytes"))
            }
            TopicError::QuotaExceeded(quota) => Failure::Retry(format!("quota exceeded: {quota}")),
            TopicError::Other(why) => Failure::Other(why),
        }
    }
}
