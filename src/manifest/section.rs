//! Reads the tables of a manifest key by key. What is wrong is noted, with its
//! place, and reading goes on: the user sees every problem at once.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Problem, Source, Span};
use super::spec::Words;

/// The problems found so far.
pub(super) struct Problems {
    source: Source,
    list: RefCell<Vec<Problem>>,
}

impl Problems {
    pub(super) fn new(source: Source) -> Self {
        Self { source, list: RefCell::new(Vec::new()) }
    }

    /// Notes one; see [`Problem::new`].
    pub(super) fn note(&self, span: Span, message: impl Into<String>, label: impl Into<String>) {
        self.push(self.problem(span, message, label));
    }

    /// Makes one, to be completed and [pushed](Self::push).
    pub(super) fn problem(
        &self,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Problem {
        Problem::new(&self.source, span, message, label)
    }

    pub(super) fn push(&self, problem: Problem) {
        self.list.borrow_mut().push(problem);
    }

    /// All of them, in the order of the text.
    pub(super) fn into_sorted(self) -> Vec<Problem> {
        let mut list = self.list.into_inner();
        list.sort_by_key(|problem| problem.span().start);
        list
    }
}

/// One table of a manifest.
pub(super) struct Section<'d> {
    /// As the user writes it: `[runtime]`, `[[actor]]`, or "the manifest".
    title: String,
    /// Where it begins: its header.
    span: Span,
    table: &'d DeTable<'d>,
    /// The keys that were read, and so exist.
    known: RefCell<Vec<&'static str>>,
    problems: &'d Problems,
}

/// A value and where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

impl<'d> Section<'d> {
    pub(super) fn new(
        title: impl Into<String>,
        span: Span,
        table: &'d DeTable<'d>,
        problems: &'d Problems,
    ) -> Self {
        Self { title: title.into(), span, table, known: RefCell::default(), problems }
    }

    pub(super) fn span(&self) -> Span {
        self.span
    }

    /// Notes every key that nobody read. To be called last.
    pub(super) fn finish(self) {
        let known = self.known.borrow();
        for key in self.table.keys() {
            if known.contains(&key.get_ref().as_ref()) {
                continue;
            }
            let wrong = key.get_ref();
            let label = match closest(wrong, known.iter().copied()) {
                Some(right) => format!("did you mean `{right}`?"),
                None => "not a key here".to_owned(),
            };
            let problem = self.problems.problem(
                key.span().into(),
                format!("unknown key `{wrong}` in {}", self.title),
                label,
            );
            let help = format!("the keys of {} are {}", self.title, list(known.iter(), "and"));
            self.problems.push(problem.with_help(help));
        }
    }

    /// An integer in a range.
    pub(super) fn integer<T>(&self, key: &'static str, range: RangeInclusive<T>) -> Option<At<T>>
    where
        T: TryFrom<i128> + Into<i128> + Copy,
    {
        let at = self.get(key)?;
        let (min, max): (i128, i128) = ((*range.start()).into(), (*range.end()).into());
        let expected = || format!("expected an integer from {} to {}", grouped(min), grouped(max));
        let DeValue::Integer(integer) = at.value else {
            return self.mistyped(key, &at, &expected());
        };
        let value = i128::from_str_radix(integer.as_str(), integer.radix()).ok();
        match value.filter(|value| (min..=max).contains(value)).and_then(|value| T::try_from(value).ok()) {
            Some(value) => Some(At { value, span: at.span }),
            None => self.wrong(at.span, format!("`{key}` is out of range"), expected()),
        }
    }

    /// A number in a range; an integer will do.
    pub(super) fn number(&self, key: &'static str, range: RangeInclusive<f64>) -> Option<At<f64>> {
        let at = self.get(key)?;
        let expected = || format!("expected a number from {} to {}", range.start(), range.end());
        let value = match at.value {
            DeValue::Float(float) => float.as_str().parse().ok(),
            DeValue::Integer(integer) => {
                i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(|value| value as f64)
            }
            _ => return self.mistyped(key, &at, &expected()),
        };
        match value.filter(|value| range.contains(value)) {
            Some(value) => Some(At { value, span: at.span }),
            None => self.wrong(at.span, format!("`{key}` is out of range"), expected()),
        }
    }

    /// A string that is not empty. `expected` says what it stands for.
    pub(super) fn string(&self, key: &'static str, expected: &str) -> Option<At<&'d str>> {
        let at = self.get(key)?;
        let DeValue::String(value) = at.value else {
            return self.mistyped(key, &at, &format!("expected {expected}"));
        };
        if value.trim().is_empty() {
            return self.wrong(at.span, format!("`{key}` is empty"), format!("expected {expected}"));
        }
        Some(At { value, span: at.span })
    }

    /// A string that must be there.
    pub(super) fn required_string(&self, key: &'static str, expected: &str) -> Option<At<&'d str>> {
        if self.table.contains_key(key) {
            return self.string(key, expected);
        }
        self.mark_known(key);
        self.wrong(
            self.span,
            format!("{} has no `{key}`", self.title),
            format!("expected `{key}`: {expected}"),
        )
    }

    /// True or false.
    pub(super) fn flag(&self, key: &'static str) -> Option<At<bool>> {
        let at = self.get(key)?;
        match at.value {
            DeValue::Boolean(value) => Some(At { value: *value, span: at.span }),
            _ => self.mistyped(key, &at, "expected true or false"),
        }
    }

    /// An array of strings. `expected` says what they stand for.
    pub(super) fn strings(&self, key: &'static str, expected: &str) -> Vec<At<&'d str>> {
        let Some(at) = self.get(key) else { return Vec::new() };
        let expected = format!("expected an array of {expected}");
        let DeValue::Array(values) = at.value else {
            self.mistyped::<()>(key, &at, &expected);
            return Vec::new();
        };
        let text = |value: &'d Spanned<DeValue<'d>>| match value.get_ref() {
            DeValue::String(text) => Some(At { value: &**text, span: value.span().into() }),
            _ => {
                self.wrong(value.span().into(), format!("`{key}` has a value that is no string"), &*expected)
            }
        };
        values.iter().filter_map(text).collect()
    }

    /// One of the words of an enum.
    pub(super) fn word<T: Words>(&self, key: &'static str) -> Option<T> {
        let at = self.get(key)?;
        let words = || T::WORDS.iter().map(|(word, _)| *word);
        let expected = format!("expected {}", list(words().map(|word| format!("\"{word}\"")), "or"));
        let DeValue::String(text) = at.value else {
            return self.mistyped(key, &at, &expected);
        };
        if let Some((_, value)) = T::WORDS.iter().find(|(word, _)| word == text) {
            return Some(*value);
        }
        let problem = self.problems.problem(at.span, format!("`{key}` cannot be \"{text}\""), expected);
        self.problems.push(match closest(text, words()) {
            Some(right) => problem.with_help(format!("did you mean \"{right}\"?")),
            None => problem,
        });
        None
    }

    /// A table in this one.
    pub(super) fn section(&self, key: &'static str, title: &str) -> Option<Section<'d>> {
        let at = self.get(key)?;
        match at.value {
            DeValue::Table(table) => Some(Section::new(title, at.span, table, self.problems)),
            _ => self.mistyped(key, &at, &format!("expected a table, written {title}")),
        }
    }

    /// A table of tables: for each, its name, where the name is, and its contents.
    pub(super) fn named_sections(&self, key: &'static str) -> Vec<(At<&'d str>, Section<'d>)> {
        let Some(at) = self.get(key) else { return Vec::new() };
        let DeValue::Table(tables) = at.value else {
            self.mistyped::<()>(key, &at, &format!("expected tables, written [{key}.NAME]"));
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (name, value) in tables {
            let span = name.span().into();
            let name = At { value: name.get_ref().as_ref(), span };
            let title = format!("[{key}.{}]", name.value);
            match value.get_ref() {
                DeValue::Table(table) => {
                    sections.push((name, Section::new(title, value.span().into(), table, self.problems)));
                }
                other => self.problems.note(
                    value.span().into(),
                    format!("`{}` in [{key}] is {}", name.value, type_of(other)),
                    format!("expected a table, written [{key}.NAME]"),
                ),
            }
        }
        sections
    }

    /// An array of tables, in the order of the text.
    pub(super) fn sections(&self, key: &'static str) -> Vec<Section<'d>> {
        let Some(at) = self.get(key) else { return Vec::new() };
        let expected = format!("expected [[{key}]], in double brackets, once for each");
        let DeValue::Array(array) = at.value else {
            self.mistyped::<()>(key, &at, &expected);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for value in array.iter() {
            match value.get_ref() {
                DeValue::Table(table) => {
                    let title = format!("[[{key}]]");
                    sections.push(Section::new(title, value.span().into(), table, self.problems));
                }
                other => {
                    let message = format!("`{key}` holds {}", type_of(other));
                    self.problems.note(value.span().into(), message, expected.as_str());
                }
            }
        }
        sections
    }

    /// All keys, with values that are text, or have an obvious form as text.
    pub(super) fn texts(self) -> Vec<(String, String)> {
        let mut texts = Vec::new();
        for (key, value) in self.table {
            let text = match value.get_ref() {
                DeValue::String(text) => text.to_string(),
                DeValue::Boolean(value) => value.to_string(),
                DeValue::Float(float) => float.as_str().to_owned(),
                DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().to_owned(),
                other => {
                    let message = format!("`{}` in {} is {}", key.get_ref(), self.title, type_of(other));
                    let label = "expected a string, a decimal number, or true or false";
                    self.problems.push(
                        self.problems
                            .problem(value.span().into(), message, label)
                            .with_help("guests get every value as text: put it in quotes"),
                    );
                    continue;
                }
            };
            texts.push((key.get_ref().to_string(), text));
        }
        texts
    }

    /// A string or an integer, for keys that take either.
    pub(super) fn get(&self, key: &'static str) -> Option<At<&'d DeValue<'d>>> {
        self.mark_known(key);
        let value: &'d Spanned<DeValue<'d>> = self.table.get(key)?;
        Some(At { value: value.get_ref(), span: value.span().into() })
    }

    /// Notes a value of the wrong type.
    pub(super) fn mistyped<T>(&self, key: &str, at: &At<&DeValue<'_>>, expected: &str) -> Option<T> {
        let what = format!("`{key}` in {} is {}", self.title, type_of(at.value));
        // "the manifest" is no section of it.
        let what = what.replace(" in the manifest", "");
        self.wrong(at.span, what, expected)
    }

    /// Notes a problem where a value should be.
    pub(super) fn wrong<T>(
        &self,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Option<T> {
        self.problems.note(span, message, label);
        None
    }

    fn mark_known(&self, key: &'static str) {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
    }
}

/// The candidate that a mistyped word was most likely meant to be: `shard` for
/// `shards`, and `max_restarts` for `restarts_max`.
pub(crate) fn closest<'c>(wrong: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let wrong = wrong.to_lowercase().replace('-', "_");
    let likeness = |candidate: &str| {
        let as_written = strsim::jaro_winkler(&wrong, candidate);
        as_written.max(strsim::jaro_winkler(&sorted_words(&wrong), &sorted_words(candidate)))
    };
    candidates
        .map(|candidate| (likeness(candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

fn sorted_words(key: &str) -> String {
    let mut words: Vec<&str> = key.split('_').collect();
    words.sort_unstable();
    words.join("_")
}

/// "a, b and c"
pub(super) fn list(items: impl Iterator<Item = impl Display>, last: &str) -> String {
    let mut items: Vec<String> = items.map(|item| item.to_string()).collect();
    match items.pop() {
        None => "none".to_owned(),
        Some(only) if items.is_empty() => only,
        Some(end) => format!("{} {last} {end}", items.join(", ")),
    }
}

/// A number as TOML takes it, with its thousands apart.
pub(super) fn grouped(number: i128) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}

fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
