//! What is wrong with a manifest, and where.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

/// A place in the text of a manifest, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Where it starts.
    pub start: usize,
    /// Where it ends: the byte after the last.
    pub end: usize,
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self { start: range.start, end: range.end }
    }
}

/// The text of a manifest, under the name that the user knows it by.
#[derive(Debug, Clone)]
pub struct Source(NamedSource<Arc<str>>);

impl Source {
    pub(super) fn new(path: &Path, text: &str) -> Self {
        Self(NamedSource::new(path.display().to_string(), Arc::from(text)))
    }

    /// Line and column of a byte, both from 1; the column counts characters.
    pub fn line_and_column(&self, byte: usize) -> (usize, usize) {
        let text = self.0.inner();
        let mut end = byte.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &text[..end];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// One thing that is wrong with a manifest, or with what one of its lines stands
/// for. Shown by miette: message, file, line, column, the line itself, and help.
#[derive(Debug)]
pub struct Problem {
    message: String,
    source: Source,
    span: Span,
    label: String,
    also: Option<(Span, String)>,
    help: Option<String>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Problem {
    /// The message says what is wrong, and the label under the line what was expected.
    pub fn new(source: &Source, span: Span, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: source.clone(),
            span,
            label: label.into(),
            also: None,
            help: None,
            cause: None,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// A second place that has to do with it.
    #[must_use]
    pub fn with_also(mut self, span: Span, label: impl Into<String>) -> Self {
        self.also = Some((span, label.into()));
        self
    }

    /// The error behind it.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Where it is.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Line and column of it, both from 1.
    pub fn line_and_column(&self) -> (usize, usize) {
        self.source.line_and_column(self.span.start)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source.0)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = |span: Span, text: &str| (Some(text.to_owned()), span.start, span.end - span.start);
        let (text, start, len) = label(self.span, &self.label);
        // The primary label is the place that the heading names.
        let primary = LabeledSpan::new_primary_with_span(text, (start, len));
        let also = self.also.as_ref().map(|(span, text)| {
            let (text, start, len) = label(*span, text);
            LabeledSpan::new(text, start, len)
        });
        Some(Box::new(std::iter::once(primary).chain(also)))
    }
}

/// A manifest cannot be used.
#[derive(Debug)]
pub enum ManifestError {
    /// It cannot be read at all.
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What it says cannot be used. In the order of its lines; never empty.
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Everything that is wrong with it.
        problems: Vec<Problem>,
    },
    /// What was asked for beside the manifest does not go with it.
    Override {
        /// What was asked for, as the user wrote it.
        what: String,
        /// Why that cannot be.
        message: String,
        /// What to do about it.
        help: String,
    },
}

impl ManifestError {
    /// What is wrong, line by line.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Invalid { problems, .. } => problems,
            Self::Unreadable { .. } | Self::Override { .. } => &[],
        }
    }

    /// The problem, if there is exactly one: then it speaks for the whole.
    fn only(&self) -> Option<&Problem> {
        match self.problems() {
            [problem] => Some(problem),
            _ => None,
        }
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, .. } => write!(f, "cannot read the manifest {}", path.display()),
            Self::Invalid { path, problems } => match self.only() {
                Some(problem) => problem.fmt(f),
                None => write!(f, "{} problems in {}", problems.len(), path.display()),
            },
            Self::Override { what, message, .. } => write!(f, "{what}: {message}"),
        }
    }
}

impl std::error::Error for ManifestError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } => Some(source),
            Self::Invalid { .. } => self.only().and_then(std::error::Error::source),
            Self::Override { .. } => None,
        }
    }
}

impl Diagnostic for ManifestError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        match self {
            Self::Unreadable { path, source } => {
                let help = match source.kind() {
                    io::ErrorKind::NotFound => {
                        "give the path of a manifest, such as examples/access_log/raddle.toml"
                    }
                    io::ErrorKind::IsADirectory => {
                        return Some(Box::new(format!(
                            "give the file, not its folder: perhaps {}",
                            path.join("raddle.toml").display()
                        )));
                    }
                    io::ErrorKind::InvalidData => "a manifest is text in UTF-8; was this file meant?",
                    _ => return None,
                };
                Some(Box::new(help))
            }
            Self::Invalid { .. } => self.only().and_then(Diagnostic::help),
            Self::Override { help, .. } => Some(Box::new(help)),
        }
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.only().and_then(Diagnostic::source_code)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.only().and_then(Diagnostic::labels)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        match self.problems() {
            [] | [_] => None,
            problems => Some(Box::new(problems.iter().map(|problem| problem as &dyn Diagnostic))),
        }
    }
}
