//! The grammar of topics: that of NATS subjects.
//!
//! ```text
//!   subject   weather.north.rain         what is published to
//!   filter    weather.*.rain             `*`: any one token
//!             weather.>                  `>`: one token or more, at the end
//! ```
//!
//! Tokens are parted by dots; none is empty, and none holds white space or control
//! characters. A wildcard is a token of its own. Two things differ from NATS, so
//! that nothing surprises: `*` and `>` inside of a longer token are errors and not
//! letters, and subjects that begin with `$` are the runtime's own. Only the
//! runtime publishes them, and a filter that begins with a wildcard does not match
//! them (as in MQTT): who wants them says so.

use std::fmt;
use std::sync::Arc;

/// The most bytes in a subject or filter.
pub const TOPIC_BYTES_MAX: usize = 255;
/// The most tokens in a subject or filter: a match walks at most this deep.
pub const TOPIC_TOKENS_MAX: usize = 16;

/// A name that is published to. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject(Arc<str>);

impl Subject {
    /// The subject of this text.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        check(text, false)?;
        if text.starts_with('$') {
            return Err(TopicError::at(text, 0, TopicProblem::Reserved));
        }
        Ok(Self(text.into()))
    }

    /// For the runtime: a subject of its own, which begins with `$`.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn reserved(text: &str) -> Result<Self, TopicError> {
        check(text, false)?;
        Ok(Self(text.into()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its tokens, from the left.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }
}

/// A pattern of subjects. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Filter(Arc<str>);

impl Filter {
    /// The filter of this text.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        check(text, true)?;
        Ok(Self(text.into()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its tokens, from the left.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }

    /// Does it match this subject? Each token by itself: the plain meaning, which
    /// tables of many filters are tested against.
    pub fn matches(&self, subject: &Subject) -> bool {
        let mut tokens = subject.tokens();
        if subject.0.starts_with('$') && self.0.starts_with(['*', '>']) {
            return false;
        }
        for wanted in self.tokens() {
            match (wanted, tokens.next()) {
                (_, None) => return false,
                (">", Some(_)) => return true,
                ("*", Some(_)) => {}
                (wanted, Some(token)) if wanted == token => {}
                _ => return false,
            }
        }
        tokens.next().is_none()
    }
}

macro_rules! shows_as_text {
    ($($topic:ty)*) => {$(
        impl fmt::Display for $topic {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $topic {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    )*};
}

shows_as_text!(Subject Filter);

/// The text is no topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no topic: {problem}, at byte {at_byte}")]
pub struct TopicError {
    /// The text; its beginning, if it is long.
    pub text: Box<str>,
    /// Where the problem begins, in bytes from the start of the text.
    pub at_byte: u32,
    /// What it is.
    pub problem: TopicProblem,
}

impl TopicError {
    #[cold]
    fn at(text: &str, at_byte: usize, problem: TopicProblem) -> Self {
        let end = text.char_indices().map(|(at, _)| at).take_while(|&at| at <= TOPIC_BYTES_MAX).last();
        let shown = if text.len() > TOPIC_BYTES_MAX { &text[..end.unwrap_or(0)] } else { text };
        Self { text: shown.escape_debug().collect(), at_byte: at_byte as u32, problem }
    }
}

/// What can be wrong with a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TopicProblem {
    /// There is nothing.
    #[error("it is empty")]
    Empty,
    /// It is too long.
    #[error("it is longer than {TOPIC_BYTES_MAX} bytes")]
    TooLong,
    /// It is too deep.
    #[error("it has more than {TOPIC_TOKENS_MAX} tokens")]
    TooDeep,
    /// Two dots in a row, or one at an end.
    #[error("a token is empty")]
    EmptyToken,
    /// White space or a control character.
    #[error("white space and control characters are not allowed")]
    BadCharacter,
    /// A wildcard in a subject.
    #[error("a wildcard is for filters, not for what is published to")]
    Wildcard,
    /// A wildcard that is part of a longer token.
    #[error("a wildcard is a token of its own")]
    PartOfToken,
    /// A `>` with more tokens after it.
    #[error("`>` is the last token or none")]
    TailNotLast,
    /// It begins with `$`.
    #[error("what begins with `$` is the runtime's own")]
    Reserved,
}

fn check(text: &str, is_filter: bool) -> Result<(), TopicError> {
    let error = |at_byte, problem| Err(TopicError::at(text, at_byte, problem));
    if text.is_empty() {
        return error(0, TopicProblem::Empty);
    }
    if text.len() > TOPIC_BYTES_MAX {
        return error(TOPIC_BYTES_MAX, TopicProblem::TooLong);
    }
    let mut start = 0;
    for (index, token) in text.split('.').enumerate() {
        let end = start + token.len();
        if index == TOPIC_TOKENS_MAX {
            return error(start, TopicProblem::TooDeep);
        }
        if token.is_empty() {
            return error(start, TopicProblem::EmptyToken);
        }
        if let Some(at) = token.find(|c: char| c.is_whitespace() || c.is_control()) {
            return error(start + at, TopicProblem::BadCharacter);
        }
        if let Some(at) = token.find(['*', '>']) {
            if token.len() > 1 {
                return error(start + at, TopicProblem::PartOfToken);
            }
            if !is_filter {
                return error(start, TopicProblem::Wildcard);
            }
            if token == ">" && end != text.len() {
                return error(start, TopicProblem::TailNotLast);
            }
        }
        start = end + 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_and_where() {
        let deep = ["a"; TOPIC_TOKENS_MAX + 1].join(".");
        let long = "é".repeat(TOPIC_BYTES_MAX);
        for (text, at_byte, problem) in [
            ("", 0, TopicProblem::Empty),
            (".a", 0, TopicProblem::EmptyToken),
            ("a.", 2, TopicProblem::EmptyToken),
            ("a..b", 2, TopicProblem::EmptyToken),
            ("a.b c", 3, TopicProblem::BadCharacter),
            ("a.b\u{0}", 3, TopicProblem::BadCharacter),
            ("é.\u{2003}", 3, TopicProblem::BadCharacter),
            ("a.b*", 3, TopicProblem::PartOfToken),
            ("a.>b", 2, TopicProblem::PartOfToken),
            (&deep, 2 * TOPIC_TOKENS_MAX as u32, TopicProblem::TooDeep),
            (&long, TOPIC_BYTES_MAX as u32, TopicProblem::TooLong),
        ] {
            for error in [Subject::parse(text).unwrap_err(), Filter::parse(text).unwrap_err()] {
                assert_eq!((error.at_byte, error.problem), (at_byte, problem), "{text:?}");
            }
        }
        let error = |text| Subject::parse(text).unwrap_err();
        assert_eq!((error("a.*.b").at_byte, error("a.*.b").problem), (2, TopicProblem::Wildcard));
        assert_eq!(error("$raddle.dead").problem, TopicProblem::Reserved);
        assert_eq!(error("a..b").to_string(), "`a..b` is no topic: a token is empty, at byte 2");
        let error = Filter::parse("a.>.b").unwrap_err();
        assert_eq!((error.at_byte, error.problem), (2, TopicProblem::TailNotLast));
    }

    #[test]
    fn what_is_right_is_taken() {
        for text in ["a", "a.b", "weather.north-1.°C", "a.$b", &["a"; TOPIC_TOKENS_MAX].join(".")] {
            assert_eq!(Subject::parse(text).unwrap().as_str(), text);
            assert!(Filter::parse(text).unwrap().matches(&Subject::parse(text).unwrap()));
        }
        for text in ["*", ">", "a.*.c", "a.>", "*.*", "$raddle.>"] {
            assert_eq!(Filter::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_filter_matches_as_in_nats() {
        let matches =
            |filter, subject| Filter::parse(filter).unwrap().matches(&Subject::reserved(subject).unwrap());
        for (filter, subject) in [
            ("a.b", "a.b"),
            ("a.*", "a.b"),
            ("*.b", "a.b"),
            ("a.>", "a.b"),
            ("a.>", "a.b.c"),
            (">", "a"),
            (">", "a.b.c"),
            ("a.*.c", "a.b.c"),
            ("*.*.>", "a.b.c"),
            ("$sys.>", "$sys.a"),
        ] {
            assert!(matches(filter, subject), "{filter} {subject}");
        }
        for (filter, subject) in [
            ("a.b", "a"),
            ("a", "a.b"),
            ("a.*", "a"),
            ("a.*", "a.b.c"),
            ("a.>", "a"),
            ("*.*", "a"),
            ("a.*.c", "a.b.d"),
            ("A", "a"),
            (">", "$sys.a"),
            ("*.a", "$sys.a"),
        ] {
            assert!(!matches(filter, subject), "{filter} {subject}");
        }
    }
}
